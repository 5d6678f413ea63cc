"""Signing in with OAuth 2: with a provider that checks everything, and with everybody in between (A43)."""

from __future__ import annotations

import asyncio
import gettext
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dearly.carriers.mail import loopback, oauth
from dearly.carriers.mail.oauth import KNOWN, Tokens, authorize, known, refresh
from dearly.letter import words
from dearly.letter.account import OAuthClient
from dearly.letter.errors import CarrierTrouble, DearlyError, Usage
from dearly.letter.suggestion import https
from tests.support.fake_provider import FakeProvider, told, visited
from tests.support.often import examples
from tests.support.scripted_http import World
from tests.support.scripted_jmap import Answer

Then = Callable[[str], Awaitable[object]]


def sign_in(provider: FakeProvider, then: Then | None = None, patience: float = 20.0, user: str = "") -> Tokens:
    async def whole() -> Tokens:
        async with provider.world() as world:
            browser = provider.browser(world, then)
            return await authorize(provider.client, browser, user=user, patience=patience, transport=world.transport())

    return asyncio.run(whole())


def trouble(act: Callable[[], object]) -> DearlyError:
    with pytest.raises(DearlyError) as raised:
        act()
    return raised.value


@pytest.mark.parametrize("secret", ["", "fake-client-secret"])
def test_in_and_again(secret: str) -> None:
    provider = FakeProvider(secret=secret)

    async def whole() -> None:
        async with provider.world() as world:
            first = await authorize(provider.client, provider.browser(world), transport=world.transport())
            assert (first.access, first.lasts, first.refresh) == ("fake-access-2", 3600, "fake-refresh-2")
            second = await refresh(provider.client, first.refresh, transport=world.transport())
            assert (second.access, second.refresh) == ("fake-access-3", "fake-refresh-3")
            with pytest.raises(CarrierTrouble) as again:
                await refresh(provider.client, first.refresh, transport=world.transport())
            assert again.value.code == "sign_in_again"
            assert "taken back" in again.value.message

    asyncio.run(whole())
    assert [form["grant_type"] for form in provider.seen] == ["authorization_code", "refresh_token", "refresh_token"]
    assert len(provider.seen[0]["code_verifier"]) >= 43


def test_a_provider_that_keeps_its_refresh_token() -> None:
    provider = FakeProvider(rotates=False)

    async def whole() -> None:
        async with provider.world() as world:
            first = await authorize(provider.client, provider.browser(world), transport=world.transport())
            second = await refresh(provider.client, first.refresh, transport=world.transport())
            assert second.refresh == first.refresh

    asyncio.run(whole())


def test_the_provider_is_told_who_signs_in_and_every_time_is_another() -> None:
    provider = FakeProvider()
    sign_in(provider, user="ada@letters.test")
    sign_in(provider)
    one, two = provider.asked
    assert one["login_hint"] == "ada@letters.test"
    assert "login_hint" not in two
    for name in ("state", "code_challenge"):
        assert one[name] != two[name]
    assert provider.seen[0]["code_verifier"] != provider.seen[1]["code_verifier"]
    assert provider.seen[0]["code_verifier"] not in one.values()


def test_tokens_are_in_no_text(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    caplog.set_level(logging.DEBUG)
    provider = FakeProvider(secret="fake-client-secret")
    urls: list[str] = []

    async def watched(url: str) -> None:
        urls.append(url)
        urls.append(await visited(url))

    tokens = sign_in(provider, watched)
    verifier = provider.seen[0]["code_verifier"]
    out, err = capfd.readouterr()
    everything = [caplog.text, out, err, repr(tokens), *urls]
    for secret in (tokens.access, tokens.refresh, verifier, "fake-client-secret"):
        assert not [text for text in everything if secret in text]
    provider.answer = told({"error": "invalid_grant", "error_description": "no"}, 400)
    error = trouble(lambda: sign_in(provider))
    assert provider.seen[-1]["code"] not in error.told


def test_the_page_that_is_left_behind() -> None:
    pages: list[str] = []

    async def watched(url: str) -> None:
        pages.append(await visited(url))

    sign_in(FakeProvider(), watched)
    head, _empty, body = pages[0].partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 200 ")
    for field in ("default-src 'none'", "no-store", "no-referrer", "nosniff", "Connection: close"):
        assert field in head
    assert "You are signed in." in body
    assert "code" not in body
    assert "<script" not in body


def test_the_page_speaks_the_language_of_whoever_signs_in() -> None:
    class Shouting(gettext.NullTranslations):
        def gettext(self, message: str) -> str:
            return message.upper()

    pages: list[str] = []

    async def watched(url: str) -> None:
        pages.append(await visited(url))

    provider = FakeProvider()

    async def whole() -> None:
        async with provider.world() as world:
            browser = provider.browser(world, watched)
            words._here.set(Shouting())  # of this command alone: the browser's visit was begun without it
            await authorize(provider.client, browser, transport=world.transport())

    asyncio.run(whole())
    assert "YOU ARE SIGNED IN." in pages[0]


@settings(max_examples=examples(200))
@given(
    st.binary(max_size=200) | st.text(max_size=60).map(lambda text: f"GET {text} HTTP/1.1\r\nHost: h:1\r\n".encode())
)
def test_any_request_is_the_right_one_or_nothing(head: bytes) -> None:
    async def meant() -> object:
        port = loopback.Loopback("the state", "h")
        port._name = "h:1"
        return port._meant(head)

    assert asyncio.run(meant()) is None


def test_only_the_right_request_counts_and_only_once() -> None:
    """Tampered state, another name for 127.0.0.1, other paths and methods, doubled parameters: none of it ends the
    sign-in, nor does any of it sign anybody in."""
    answers: dict[str, str] = {}

    async def attacked(url: str) -> None:
        parts = urlsplit(url)
        here, query = parts.netloc, parts.query
        state = query.split("state=")[1]
        evil = query.replace("fake-code-1", "evil")

        async def tried(name: str, line: str, host: str = f"Host: {here}") -> None:
            answers[name] = await visited(url, f"{line}\r\n{host}\r\n\r\n")

        await tried("no state", "GET /?code=evil HTTP/1.1")
        await tried("another state", f"GET /?code=evil&state={state[:-1]} HTTP/1.1")
        await tried("state in other letters", f"GET /?code=evil&state={state.swapcase()} HTTP/1.1")
        await tried("no code", f"GET /?state={state} HTTP/1.1")
        await tried("code and error", f"GET /?{evil}&error=access_denied HTTP/1.1")
        await tried("two codes", f"GET /?code=evil&{query} HTTP/1.1")
        await tried("two states", f"GET /?{evil}&state={state} HTTP/1.1")
        await tried("rebound", f"GET /?{evil} HTTP/1.1", "Host: evil.test")
        await tried("rebound, with the port", f"GET /?{evil} HTTP/1.1", f"Host: evil.test:{parts.port}")
        await tried("localhost", f"GET /?{evil} HTTP/1.1", f"Host: localhost:{parts.port}")
        await tried("two hosts", f"GET /?{evil} HTTP/1.1", f"Host: {here}\r\nHost: evil.test")
        await tried("no host", f"GET /?{evil} HTTP/1.1", "X: y")
        await tried("posted", f"POST /?{evil} HTTP/1.1")
        await tried("another path", f"GET /favicon.ico?{evil} HTTP/1.1")
        await tried("a whole URL", f"GET http://evil.test/?{evil} HTTP/1.1")
        await tried("no HTTP", f"GET /?{evil}")
        await tried("many parameters", f"GET /?{evil}&{'&'.join(f'p{n}=1' for n in range(50))} HTTP/1.1")
        await tried("too long", f"GET /?{evil}&x={'x' * 20_000} HTTP/1.1")
        await tried("control characters", "\0\r\nGET / HTTP/1.1")
        twice = await asyncio.gather(visited(url), visited(url), visited(url.replace("fake-code-1", "evil")))
        answers["meant"], *_others = sorted(twice, key=lambda page: "signed in." not in page)
        assert sum("signed in." in page for page in twice) == 1
        await asyncio.sleep(0.05)
        answers["afterwards"] = await visited(url)

    provider = FakeProvider()
    tokens = sign_in(provider, attacked)
    assert tokens.access
    assert [form["code"] for form in provider.seen] == ["fake-code-1"], "one question, with the right code"
    assert "You are signed in." in answers.pop("meant")
    assert [name for name, page in answers.items() if "signed in." in page] == []
    assert answers["rebound"].startswith("HTTP/1.1 400 ")


def test_slow_and_many_clients_hold_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loopback, "SLOW", 0.3)

    async def crowded(url: str) -> None:
        parts = urlsplit(url)
        slow = [await asyncio.open_connection(parts.hostname, parts.port) for _n in range(40)]
        for _reader, writer in slow:
            writer.write(b"GET /?co")
        read = await asyncio.gather(*(reader.read() for reader, _writer in slow), return_exceptions=True)
        assert all(not got or isinstance(got, OSError) for got in read), "hung up on, all of them"
        for _reader, writer in slow:
            writer.transport.abort()
        assert "You are signed in." in await visited(url)

    assert sign_in(FakeProvider(), crowded).access


@pytest.mark.parametrize(
    ("deny", "code", "words", "retry"),
    [
        ({"error": "access_denied"}, "sign_in_refused", "gave no permission", False),
        (
            {"error": "access_denied", "error_description": "You pressed\r\n No"},
            "sign_in_refused",
            "(You pressed No)",
            False,
        ),
        ({"error": "invalid_scope"}, "sign_in_failed", "invalid_scope", False),
        ({"error": "temporarily_unavailable"}, "sign_in_failed", "temporarily_unavailable", True),
        ({"error": "<script>"}, "sign_in_failed", "<script>", False),
    ],
)
def test_nobody_is_let_in(deny: dict[str, str], code: str, words: str, retry: bool) -> None:
    pages: list[str] = []

    async def watched(url: str) -> None:
        pages.append(await visited(url))

    provider = FakeProvider(deny=deny)
    error = trouble(lambda: sign_in(provider, watched))
    assert (error.code, error.retry) == (code, retry)
    assert words in error.message
    assert "You are not signed in." in pages[0]
    assert "script" not in pages[0], "nothing of the answer stands on our page"
    assert provider.seen == []


def test_nobody_comes_back() -> None:
    urls: list[str] = []

    async def away(url: str) -> None:
        urls.append(url)

    error = trouble(lambda: sign_in(FakeProvider(), away, patience=0.5))
    assert (error.code, error.retry) == ("sign_in_timed_out", True)
    assert asyncio.run(visited(urls[0])) == "", "the port is closed"


def test_a_browser_that_does_not_open() -> None:
    def none(_url: str) -> None:
        raise CarrierTrouble("no_browser", "There is no browser.")

    async def whole() -> None:
        await authorize(FakeProvider().client, none)

    assert trouble(lambda: asyncio.run(whole())).code == "no_browser"


ENDLESS = b'{"token_type":"Bearer","access_token":"a","expires_in":' + b"9" * 5000 + b"}"
GOOD = {"access_token": "a", "token_type": "Bearer", "expires_in": 60}
WRONG: dict[str, tuple[Answer, str, bool]] = {
    "nothing": (Answer(200), "sign_in_failed", False),
    "a page": (Answer(200, b"<html>"), "sign_in_failed", False),
    "a list": (told([GOOD]), "sign_in_failed", False),
    "nested without end": (Answer(200, b"[" * 60_000), "sign_in_failed", False),
    "no token": (told({**GOOD, "access_token": None}), "sign_in_failed", False),
    "an empty token": (told({**GOOD, "access_token": ""}), "sign_in_failed", False),
    "a token with a line end": (told({**GOOD, "access_token": "a\r\nb"}), "sign_in_failed", False),
    "a token that ends a SASL field": (told({**GOOD, "access_token": "a\x01b"}), "sign_in_failed", False),
    "a token with a space": (told({**GOOD, "access_token": "a b"}), "sign_in_failed", False),
    "a token in another script": (told({**GOOD, "access_token": "ä"}), "sign_in_failed", False),
    "an endless token": (told({**GOOD, "access_token": "a" * 20_000}), "sign_in_failed", False),
    "another kind of token": (told({**GOOD, "token_type": "mac"}), "sign_in_failed", False),
    "no kind": (told({"access_token": "a"}), "sign_in_failed", False),
    "a time before now": (told({**GOOD, "expires_in": -1}), "sign_in_failed", False),
    "no time": (told({**GOOD, "expires_in": "soon"}), "sign_in_failed", False),
    "a time of endless digits": (Answer(200, ENDLESS), "sign_in_failed", False),
    "a refresh token with a line end": (told({**GOOD, "refresh_token": "a\nb"}), "sign_in_failed", False),
    "larger than it may be": (told({**GOOD, "more": "x" * 70_000}), "sign_in_failed", True),
    "elsewhere": (Answer(307, b"", {"Location": "https://evil.test/token"}), "sign_in_failed", False),
    "broken": (Answer(503), "sign_in_failed", True),
    "busy": (Answer(429), "sign_in_failed", True),
    "unknown client": (told({"error": "invalid_client"}, 401), "sign_in_failed", False),
    "a code it does not take": (told({"error": "invalid_grant"}, 400), "sign_in_refused", False),
    "an error that is none": (told({"error": ["x"], "error_description": {}}, 400), "sign_in_failed", False),
    "cut": (Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), "sign_in_failed", True),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "code", "retry"), WRONG.values(), ids=WRONG.keys())
def test_tokens_that_are_none(answer: Answer, code: str, retry: bool) -> None:
    error = trouble(lambda: sign_in(FakeProvider(answer=answer)))
    assert (error.code, error.retry) == (code, retry)


@pytest.mark.parametrize(
    ("given", "lasts"),
    [
        ({"expires_in": 60}, 60),
        ({"expires_in": "3599"}, 3599),
        ({}, oauth.UNSAID),
        ({"expires_in": 10**12}, 366 * 86_400),
        ({"token_type": "bearer", "refresh_token": None, "expires_in": 0}, 0),
    ],
)
def test_how_long_tokens_last(given: dict[str, object], lasts: int) -> None:
    answer = told({"access_token": "a", "token_type": "Bearer", **given})
    assert sign_in(FakeProvider(answer=answer)) == Tokens("a", lasts, "")


@pytest.mark.parametrize(
    "client",
    [
        replace(FakeProvider().client, client_id=""),
        replace(FakeProvider().client, client_id="a\r\nb"),
        replace(FakeProvider().client, client_id="a b"),
        replace(FakeProvider().client, secret="ä"),
        replace(FakeProvider().client, scope="mail\n"),
        replace(FakeProvider().client, authorize_url="http://sign-in.letters.test/a"),
        replace(FakeProvider().client, token_url="http://sign-in.letters.test/t"),
        replace(FakeProvider().client, authorize_url="javascript:alert(1)"),
        replace(FakeProvider().client, authorize_url="file:///etc/hostname"),
        replace(FakeProvider().client, authorize_url="--help"),
        replace(FakeProvider().client, authorize_url="https://a.test/#x"),
        replace(FakeProvider().client, token_url=""),
    ],
)
def test_clients_that_cannot_be_meant(client: OAuthClient) -> None:
    opened: list[str] = []
    error = trouble(lambda: asyncio.run(authorize(client, opened.append)))
    assert isinstance(error, Usage)
    assert error.code == "bad_oauth_client"
    assert opened == [], "no browser is given such an address"
    assert trouble(lambda: asyncio.run(refresh(client, "r"))).code == "bad_oauth_client"


def test_no_refresh_token_means_signing_in_again() -> None:
    assert trouble(lambda: asyncio.run(refresh(FakeProvider().client, ""))).code == "sign_in_again"


def test_a_certificate_that_is_not_to_be_trusted() -> None:
    provider = FakeProvider()

    async def whole() -> None:
        async with provider.world() as world:
            other = World(ports={"other.letters.test": world.ports[provider.host]})
            client = replace(provider.client, token_url="https://other.letters.test/token")
            await authorize(client, provider.browser(world), transport=other.transport())

    error = trouble(lambda: asyncio.run(whole()))
    assert (error.code, error.retry) == ("sign_in_failed", False)
    assert provider.seen == [], "no code is shown to a stranger"


def test_the_known_ones() -> None:
    for hint in KNOWN.values():
        assert https(hint.authorize_url)
        assert https(hint.token_url)
        assert hint.scope.isascii()
    names = {host: hint.issuer for host in HOSTS if (hint := known(host))}
    assert names == {
        "imap.gmail.com": "accounts.google.com",
        "smtp.googlemail.com": "accounts.google.com",
        "outlook.office365.com": "login.microsoftonline.com",
        "smtp-mail.outlook.com": "login.microsoftonline.com",
        "imap.fastmail.com": "api.fastmail.com",
    }


HOSTS = (
    "imap.gmail.com", "smtp.googlemail.com", "outlook.office365.com", "smtp-mail.outlook.com", "imap.fastmail.com",
    "imap.letters.test", "notgmail.com", "gmail.com.evil.test",
)  # fmt: skip


def test_a_provider_that_wants_localhost_by_name() -> None:
    """Microsoft's, by its documents: any port for http://localhost. The listener is on 127.0.0.1 all the same."""
    client = replace(FakeProvider().client, authorize_url=KNOWN["Microsoft"].authorize_url)

    async def whole() -> str:
        async with loopback.waiting("s" * 43, "localhost") as port:
            name = urlsplit(port.url)
            assert name.hostname == "localhost"
            asked = asyncio.create_task(port.answer(5))
            page = await visited(
                f"http://127.0.0.1:{name.port}/",
                f"GET /?code=c&state={'s' * 43} HTTP/1.1\r\nHost: localhost:{name.port}\r\n\r\n",
            )
            assert (await asked)["code"] == "c"
            assert "signed in." not in await visited(
                f"http://127.0.0.1:{name.port}/",
                f"GET /?code=d&state={'s' * 43} HTTP/1.1\r\nHost: localhost:{name.port}\r\n\r\n",
            ), "once, also while the port is still open"
            return page

    assert "You are signed in." in asyncio.run(whole())
    opened: list[str] = []
    assert trouble(lambda: asyncio.run(authorize(client, opened.append, patience=0.1))).code == "sign_in_timed_out"
    assert "redirect_uri=http%3A%2F%2Flocalhost%3A" in opened[0]
