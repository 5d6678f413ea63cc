"""The line to a server: where it goes, whom it trusts, and what it makes of every kind of answer."""

from __future__ import annotations

import asyncio
import datetime
import logging
import ssl
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dearly.carriers.base import BEGINNING
from dearly.carriers.jmap import JmapCarrier, line
from dearly.carriers.jmap.line import Cut, Line, NotDone, checked
from dearly.letter.errors import CarrierTrouble, Usage
from dearly.letter.journey import NothingProven, TryLater
from tests.support.fake_letters import ADA, BERT, fake_letter
from tests.support.scripted_jmap import Answer, Provider, Request, Scripted, as_json, scripted

TOKEN = "fake-token"


def play(respond: Callable[[Request], Answer], scene: Callable[[Scripted], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        async with scripted(respond) as server:
            await scene(server)

    asyncio.run(whole())


@pytest.mark.parametrize(
    "url",
    [
        "https://office.letters.test",
        "https://office.letters.test/jmap/session",
        "https://office.letters.test:8443",
        "http://localhost:8080",
        "http://127.0.0.1:8080",
        "http://127.9.9.9",
        "http://[::1]:8080",
    ],
)
def test_where_a_letter_may_go(url: str) -> None:
    assert checked(url).hostname


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://office.letters.test", "insecure_office"),
        ("http://192.168.1.7:8080", "insecure_office"),
        ("http://localhost.letters.test", "insecure_office"),
        ("http://127.0.0.1.letters.test", "insecure_office"),
        ("ftp://office.letters.test", "bad_office_url"),
        ("office.letters.test", "bad_office_url"),
        ("", "bad_office_url"),
        ("https://", "bad_office_url"),
        ("https://ada:secret@office.letters.test", "bad_office_url"),
        ("https://office.letters.test/#x", "bad_office_url"),
        ("https://office.letters.test:port", "bad_office_url"),
        ("https://[::1", "bad_office_url"),
        ("https://office.letters.test/\r\nX: y", "bad_office_url"),
    ],
)
def test_where_no_letter_may_go(url: str, code: str) -> None:
    with pytest.raises(Usage) as trouble:
        JmapCarrier(url, TOKEN, ADA)
    assert trouble.value.code == code
    assert "secret" not in trouble.value.message


@pytest.mark.parametrize("token", ["two words", "line\r\nX-Evil: 1", "schlüssel", "x\x00"])
def test_a_token_that_is_none_is_refused_before_it_is_sent(token: str) -> None:
    with pytest.raises(Usage) as trouble:
        JmapCarrier("https://office.letters.test", token, ADA)
    assert trouble.value.code == "bad_token"
    assert token not in trouble.value.message


def test_httpx_is_not_imported_before_it_is_used() -> None:
    import subprocess
    import sys

    program = "import sys, dearly.carriers.jmap, dearly.carriers.hand; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_the_environment_sends_no_letter_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A proxy or a .netrc that some other program was given is not ours to use."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login someone password else\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    async def scene(server: Scripted) -> None:
        carrier = JmapCarrier(server.url, TOKEN, ADA)
        assert (await carrier.collect(BEGINNING)).parcels == ()
        assert {r.headers["authorization"] for r in server.seen} == {f"Bearer {TOKEN}"}
        await carrier.close()

    play(Provider().respond, scene)


def test_nobody_there_is_no_harm() -> None:
    async def scene() -> None:
        carrier = JmapCarrier("http://127.0.0.1:9", TOKEN, ADA)
        assert isinstance((await carrier.hand_over(fake_letter(1)))[BERT], TryLater)
        assert await carrier.look_for(fake_letter(1)) == {BERT: NothingProven()}
        with pytest.raises(CarrierTrouble) as trouble:
            await carrier.collect(BEGINNING)
        assert trouble.value.code == "office_unreachable"
        assert trouble.value.retry
        await carrier.close()

    asyncio.run(scene())


def test_a_token_not_known_any_more_needs_a_person_and_is_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    """The secret is in no log, no repr, no error and no trace of one, at the loudest level there is."""
    caplog.set_level(logging.DEBUG)
    for library in ("httpx", "httpcore"):  # also where a carrier that was imported before has silenced them
        caplog.set_level(logging.DEBUG, logger=library)
    secret = "fake-token-that-must-not-be-seen"

    async def scene(server: Scripted) -> None:
        carrier = JmapCarrier(server.url, secret, ADA)
        shown = [repr(carrier), repr(vars(carrier))]
        for act in (carrier.hand_over(fake_letter(1)), carrier.collect(BEGINNING)):
            with pytest.raises(CarrierTrouble) as trouble:
                await act
            assert trouble.value.code == "office_token"
            assert not trouble.value.retry
            shown += [str(trouble.value), trouble.value.hint, "".join(traceback.format_exception(trouble.value))]
        assert await carrier.look_for(fake_letter(1)) == {BERT: NothingProven()}
        await carrier.close()
        assert server.seen[0].headers["authorization"] == f"Bearer {secret}"
        assert secret not in "".join(shown)

    play(Provider().respond, scene)
    assert "127.0.0.1" in caplog.text
    assert secret not in caplog.text


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(200, b'{"a": 1}'), dict),
        (Answer(200, b""), Cut),
        (Answer(200, b'{"a": 1'), Cut),
        (Answer(200, b"\xff\xfe"), Cut),
        (Answer(200, b"[" * 100_000), Cut),
        (Answer(200, b'{"a": 1}', {"Content-Encoding": "gzip"}), Cut),
        (Answer(204), Cut),
        (Answer(302, headers={"Location": "/elsewhere"}), NotDone),
        (Answer(400, b"no"), NotDone),
        (Answer(401), CarrierTrouble),
        (Answer(403), CarrierTrouble),
        (Answer(404), NotDone),
        (Answer(413), NotDone),
        (Answer(429), NotDone),
        (Answer(500), Cut),
        (Answer(502), Cut),
        (Answer(503), Cut),
        (Answer(raw=b""), Cut),
        (Answer(raw=b"HTTP/1.1 200 OK\r\n"), Cut),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}"), Cut),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), Cut),
        (Answer(raw=b"220 mail.letters.test ESMTP\r\n"), Cut),
        (Answer(raw=b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}"), dict),
    ],
)
def test_what_may_have_had_an_effect_is_told_apart_from_what_cannot(answer: Answer, kind: type) -> None:
    async def scene(server: Scripted) -> None:
        wire = Line(server.url, TOKEN)
        got: object
        try:
            got = await wire.post_json(server.url + "/api", {})
        except (Cut, NotDone, CarrierTrouble) as trouble:
            got = trouble
        assert type(got) is kind
        assert len(server.seen) == 1
        await wire.close()

    play(lambda _request: answer, scene)


def test_the_words_of_a_refusal_are_the_servers_cleaned_and_bounded() -> None:
    problem = {
        "type": "urn:ietf:params:jmap:error:limit",
        "limit": "maxSizeRequest",
        "detail": "too\r\nlarge\x1b" * 900,
    }

    async def scene(server: Scripted) -> None:
        wire = Line(server.url, TOKEN)
        with pytest.raises(NotDone) as trouble:
            await wire.post_json(server.url, {})
        assert trouble.value.final
        assert trouble.value.answered
        assert trouble.value.why.startswith("too large")
        assert len(trouble.value.why) <= 300
        assert trouble.value.why.isprintable()
        await wire.close()

    play(lambda _request: as_json(problem, 400), scene)


def test_an_answer_without_end_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line, "MOST_ANSWER", 1000)

    async def scene(server: Scripted) -> None:
        wire = Line(server.url, TOKEN)
        with pytest.raises(Cut):
            await wire.post_json(server.url, {})
        assert len(await wire.get_bytes(server.url, 5000)) <= 5000 + 65536
        await wire.close()

    play(lambda _request: Answer(200, b" " * 2_000_000), scene)


def test_a_redirect_within_the_server_is_followed_and_no_other() -> None:
    provider = Provider()

    async def scene(server: Scripted) -> None:
        def elsewhere(request: Request) -> Answer:
            return Answer(301, headers={"Location": f"{server.url}/.well-known/jmap"})

        async with scripted(elsewhere) as other:
            carrier = JmapCarrier(other.url, TOKEN, ADA)
            with pytest.raises(CarrierTrouble) as trouble:
                await carrier.collect(BEGINNING)
            assert trouble.value.code == "office_moved"
            assert server.seen == []
            await carrier.close()
        carrier = JmapCarrier(server.url + "/old", TOKEN, ADA)
        assert (await carrier.collect(BEGINNING)).parcels == ()
        await carrier.close()
        round_about = JmapCarrier(server.url + "/circle", TOKEN, ADA)
        with pytest.raises(CarrierTrouble):
            await round_about.collect(BEGINNING)
        await round_about.close()

    def respond(request: Request) -> Answer:
        if request.path == "/old":
            return Answer(302, headers={"Location": "/.well-known/jmap"})
        if request.path == "/circle":
            return Answer(302, headers={"Location": "/circle"})
        return provider.respond(request)

    play(respond, scene)


@pytest.mark.parametrize(
    "url", ["http://192.0.2.1/api", "ftp://127.0.0.1/x", "https://office.letters.test/api", "//:x"]
)
def test_a_session_that_sends_us_elsewhere_is_not_followed(url: str) -> None:
    """From plain http on this machine there is no way on; from https none to http."""

    async def scene(server: Scripted) -> None:
        carrier = JmapCarrier(server.url, TOKEN, ADA)
        with pytest.raises(CarrierTrouble) as trouble:
            await carrier.collect(BEGINNING)
        assert trouble.value.code == "office_moved"
        await carrier.close()

    play(Provider(session_more={"apiUrl": url}).respond, scene)
    wire = Line("https://office.letters.test", TOKEN)
    with pytest.raises(CarrierTrouble):
        wire.resolve(wire.start, "http://127.0.0.1/api")
    assert wire.resolve(wire.start, "https://api.letters.test/x") == "https://api.letters.test/x"


@pytest.mark.parametrize(
    "session",
    [
        {"primaryAccounts": 7},
        {"accounts": {"acc": 7}},
        {"accounts": []},
        {"apiUrl": ["/api"]},
        {"apiUrl": ""},
        [],
        "x",
        {},
    ],
)
def test_a_session_of_nonsense_is_no_office(session: object) -> None:
    async def scene(server: Scripted) -> None:
        carrier = JmapCarrier(server.url, TOKEN, ADA)
        with pytest.raises(CarrierTrouble) as trouble:
            await carrier.collect(BEGINNING)
        assert trouble.value.code == "office_answer"
        assert isinstance(await carrier.look_for(fake_letter(1)), dict)
        await carrier.close()

    if isinstance(session, dict) and session:
        play(Provider(session_more=session).respond, scene)
    else:
        play(lambda _request: as_json(session), scene)


# -- TLS


def _authority() -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Fake Authority of letters.test")])
    return key, _certificate(key, name, key, name, authority=True)


def _certificate(
    key: ec.EllipticCurvePrivateKey,
    name: x509.Name,
    signer: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    *,
    authority: bool = False,
    host: str = "localhost",
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    usage = x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=authority,
        crl_sign=authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .sign(signer, hashes.SHA256())
    )


def _serving(tmp: Path, host: str = "localhost") -> tuple[ssl.SSLContext, str]:
    """A server's TLS context, and the PEM of the authority that signed it."""
    root_key, root = _authority()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = _certificate(key, name, root_key, root.subject, host=host)
    pem = serialization.Encoding.PEM
    (tmp / "cert").write_bytes(certificate.public_bytes(pem))
    (tmp / "key").write_bytes(key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp / "cert", tmp / "key")
    return context, root.public_bytes(pem).decode()


@pytest.mark.parametrize(
    ("host", "given", "code"),
    [
        ("localhost", True, ""),
        ("localhost", False, "office_untrusted"),
        ("elsewhere.letters.test", True, "office_untrusted"),
    ],
)
def test_a_private_authority_is_trusted_when_given_and_only_for_its_names(
    tmp_path: Path, host: str, given: bool, code: str
) -> None:
    context, authority = _serving(tmp_path, host)
    provider = Provider()

    async def whole() -> None:
        server = Scripted(provider.respond)
        listening = await asyncio.start_server(server.serve, "localhost", 0, ssl=context)
        url = f"https://localhost:{listening.sockets[0].getsockname()[1]}"
        carrier = JmapCarrier(url, TOKEN, ADA, ca=authority if given else None)
        if code:
            for act in (carrier.collect(BEGINNING), carrier.hand_over(fake_letter(1))):
                with pytest.raises(CarrierTrouble) as trouble:
                    await act
                assert trouble.value.code == code
            assert server.seen == [], "nothing was said to a stranger"
        else:
            assert (await carrier.collect(BEGINNING)).parcels == ()
        await carrier.close()
        server.close()
        listening.close()
        await listening.wait_closed()

    asyncio.run(whole())


def test_an_authority_that_is_none_is_refused() -> None:
    for bad in ("", "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n", "schlüssel"):
        with pytest.raises(Usage) as trouble:
            JmapCarrier("https://office.letters.test", TOKEN, ADA, ca=bad)
        assert trouble.value.code == "bad_ca_file"
