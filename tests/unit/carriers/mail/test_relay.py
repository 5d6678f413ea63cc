"""Chatmail relays: signing up with real ones' answers and with nonsense (A44), and our letters in their filter."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from dearly.carriers.mail.relay import RelayAccount, sign_up
from dearly.letter.account import Protocol, Security, Server
from dearly.letter.address import Address
from dearly.letter.content import Enclosure, Letter, LetterId
from dearly.letter.errors import CarrierTrouble, Usage
from dearly.mime import pgpmime, write
from dearly.seal import openpgp
from tests.support.letters import BERT, BINARY, CLARA, PICTURE, a_letter
from tests.support.openpgp import NOW, address, old_style, person, plan_for
from tests.support.relay_rules import NOT_SEALED, refusal
from tests.support.scripted_http import AUTHORITY, Respond, leading, serving, telling, web
from tests.support.scripted_jmap import Answer, Request, Scripted, scripted

RELAY = "relay.test"
PASSWORD = """aB3$%^&*"'\\~9"""
GIVEN = json.dumps({"email": "x7k2m9qpa@relay.test", "password": PASSWORD}).encode()
ANSWERS = telling(GIVEN)


def ask(url: str, respond: Respond = ANSWERS) -> tuple[RelayAccount, list[tuple[str, str]]]:
    async def whole() -> tuple[RelayAccount, list[tuple[str, str]]]:
        async with web({RELAY: respond, "new.relay.test": respond, "elsewhere.test": respond}) as world:
            return await sign_up(url, transport=world.transport()), world.seen

    return asyncio.run(whole())


@pytest.mark.parametrize(
    "url",
    [
        "https://relay.test",
        "https://relay.test/",
        "https://relay.test/new",
        "relay.test",
        " Relay.Test. ",
        "dcaccount:https://relay.test/new",
        "DCACCOUNT:relay.test",
        "dcaccount://relay.test",
    ],
)
def test_an_account(url: str) -> None:
    account, seen = ask(url)
    assert account == RelayAccount(
        Address("x7k2m9qpa", "relay.test"),
        PASSWORD,
        Server(Protocol.IMAP, "relay.test", 993, Security.TLS, "x7k2m9qpa@relay.test"),
        Server(Protocol.SMTP, "relay.test", 465, Security.TLS, "x7k2m9qpa@relay.test"),
    )
    assert seen == [(RELAY, "/new")]
    assert PASSWORD not in repr(account)


def test_the_question_is_a_post_without_a_word_about_us() -> None:
    asked: list[Request] = []

    def respond(request: Request) -> Answer:
        asked.append(request)
        return Answer(200, GIVEN)

    ask("https://relay.test", respond)
    (request,) = asked
    assert (request.method, request.body) == ("POST", b"")
    assert set(request.headers) <= {
        "host", "accept", "accept-encoding", "connection", "user-agent", "content-length", "content-type"
    }  # fmt: skip


def test_signing_up_at_a_host_of_the_domain() -> None:
    account, _seen = ask("https://new.relay.test")
    assert account.incoming.host == "relay.test"


def test_a_relay_of_ones_own() -> None:
    """With its own authority, and without encryption on this machine."""

    async def whole() -> None:
        server = Scripted(telling(GIVEN))
        listening = await asyncio.start_server(server.serve, "localhost", 0, ssl=serving("localhost"))
        url = f"https://localhost:{listening.sockets[0].getsockname()[1]}"
        assert (await sign_up(url, AUTHORITY.pem)).address.domain == "relay.test"
        with pytest.raises(CarrierTrouble) as stranger:
            await sign_up(url)
        assert (stranger.value.code, stranger.value.retry) == ("relay_silent", False)
        with pytest.raises(Usage):
            await sign_up(url, "no certificate")
        server.close()
        listening.close()
        async with scripted(telling(GIVEN)) as plain:
            assert (await sign_up(plain.url)).address.domain == "relay.test"

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "bad_relay"),
        ("not a relay", "bad_relay"),
        ("dcaccount:", "bad_relay"),
        ("ftp://relay.test", "bad_relay"),
        ("https://ada:secret@relay.test", "bad_relay"),
        ("https://relay.test/other", "bad_relay"),
        ("https://relay.test/new?x=1", "bad_relay"),
        ("https://relay.test/new#x", "bad_relay"),
        ("https://relay.test:99999", "bad_relay"),
        ("https://192.0.2.1", "bad_relay"),
        ("https://[2001:db8::1]", "bad_relay"),
        ("https://i.delta.chat/#ABCDEF", "bad_relay"),
        ("dclogin:x@relay.test?p=y&v=1", "bad_relay"),
        ("http://relay.test", "insecure_relay"),
        ("dcaccount:http://relay.test/new", "insecure_relay"),
    ],
)
def test_what_is_no_relay(url: str, code: str) -> None:
    with pytest.raises(Usage) as refused:
        ask(url)
    assert refused.value.code == code
    assert "secret" not in refused.value.told


def given(**fields: object) -> Respond:
    return telling(json.dumps({"email": "x7k2m9qpa@relay.test", "password": "12345678", **fields}).encode())


NONSENSE: dict[str, tuple[Respond, str]] = {
    "a web page": (telling(b"<html>Welcome</html>"), "relay_nonsense"),
    "a list": (telling(b"[]"), "relay_nonsense"),
    "nothing": (telling(b""), "relay_nonsense"),
    "nested without end": (telling(b"[" * 60_000), "relay_nonsense"),
    "no address": (given(email=None), "relay_nonsense"),
    "a number": (given(email=7), "relay_nonsense"),
    "two addresses": (given(email="a@relay.test,b@relay.test"), "relay_nonsense"),
    "a line end": (given(email="a@relay.test\r\nRCPT TO:<b@c.test>"), "relay_nonsense"),
    "an address of somebody else's domain": (given(email="ada@elsewhere.test"), "relay_nonsense"),
    "an address under its domain": (given(email="ada@deep.relay.test"), "relay_nonsense"),
    "an address at a number": (given(email="ada@[192.0.2.1]"), "relay_nonsense"),
    "no password": (given(password=None), "relay_nonsense"),
    "an empty password": (given(password=""), "relay_nonsense"),
    "a password with a line end": (given(password="12345678\r\n"), "relay_nonsense"),
    "a password in another script": (given(password="пароль12"), "relay_nonsense"),
    "a long password": (given(password="x" * 201), "relay_nonsense"),
    "larger than it may be": (telling(GIVEN + b" " * 70_000), "relay_silent"),
    "cut": (lambda _: Answer(raw=b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + GIVEN), "relay_silent"),
    "gone": (lambda _: Answer(raw=b""), "relay_silent"),
    "closed to new people": (telling(b"", 403), "relay_refused"),
    "no such page": (telling(GIVEN, 404), "relay_refused"),
    "broken": (telling(b"", 500), "relay_refused"),
    "leads elsewhere": (leading("https://elsewhere.test/new"), "relay_refused"),
    "leads to a link for another program": (leading("dcaccount:https://relay.test/new"), "relay_silent"),
}


@pytest.mark.parametrize(("respond", "code"), NONSENSE.values(), ids=NONSENSE.keys())
def test_a_relay_that_answers_nonsense(respond: Respond, code: str) -> None:
    with pytest.raises(CarrierTrouble) as trouble:
        ask("https://relay.test", respond)
    assert trouble.value.code == code
    assert "12345678" not in trouble.value.told


def test_nobody_is_there() -> None:
    with pytest.raises(CarrierTrouble) as trouble:
        ask("https://nobody.test")
    assert (trouble.value.code, trouble.value.retry) == ("relay_silent", True)


# -- our letters, and the rules of relays


def our_letter(n: int) -> Letter:
    """The nth of letters that differ in length, so that their armor ends in every way."""
    letter = a_letter(
        f"Dear Bert,\n\nthis is number {n}. {'And so on. ' * (n % 7)}{'x' * n}\n",
        enclosures=() if n % 50 else (PICTURE, BINARY),
        letter_id=LetterId(f"{n}@letters.test"),
        date=NOW + timedelta(minutes=n),
    )
    assert letter.sender.address == address("ada")
    return letter


def sealed(n: int) -> bytes:
    letter = our_letter(n)
    part = write.render(letter, autocrypt=(letter.sender.address, person("ada").certificate))
    armored = openpgp.seal(part, person("ada"), plan_for(person("bert"))).armored
    return pgpmime.wrap(letter, armored, letter.sender.address)


def test_three_hundred_of_our_letters_pass() -> None:
    paddings = set()
    for n in range(300):
        letter = sealed(n)
        assert refusal(letter, "ada@letters.test") is None, n
        armor = letter[letter.index(b"-----BEGIN PGP") : letter.index(b"-----END PGP")]
        paddings.add(armor.count(b"=") - 1)
    assert paddings == {0, 1, 2}, "every way in which base64 ends"


def test_letters_of_other_kinds_pass_too() -> None:
    """To somebody who reads version 1 only, to several, with our key outside, and with two megabytes enclosed."""
    ada, bert, clara = person("ada"), person("bert"), person("clara")
    photograph = Enclosure("harbour.jpg", "image/jpeg", bytes(range(256)) * 8_000)
    key = (address("ada"), ada.certificate)
    for plan, letter, outside in (
        (plan_for(old_style(bert)), a_letter(), None),
        (plan_for(bert, clara), a_letter(to=(BERT, CLARA)), None),
        (plan_for(bert), a_letter(), key),
        (plan_for(bert), a_letter(enclosures=(photograph,)), None),
        (plan_for(old_style(bert)), a_letter(enclosures=(photograph,)), None),
    ):
        part = write.render(letter, autocrypt=key, outside=outside is not None, binary=plan.binary)
        armored = openpgp.seal(part, ada, plan).armored
        whole = pgpmime.wrap(letter, armored, letter.sender.address, outside)
        assert refusal(whole, "ada@letters.test") is None


LETTER = sealed(1)


def without_checksum(letter: bytes) -> bytes:
    lines = letter.split(b"\r\n")
    return b"\r\n".join(line for line in lines if not (line.startswith(b"=") and len(line) == 5))


REFUSED: dict[str, Callable[[], bytes]] = {
    "an armor header": lambda: LETTER.replace(b"MESSAGE-----\r\n", b"MESSAGE-----\r\nVersion: Dearly\r\n", 1),
    "LF": lambda: LETTER.replace(b"MESSAGE-----\r\n", b"MESSAGE-----\n", 1),
    "another version": lambda: LETTER.replace(b"Version: 1", b"Version: 2"),
    "another kind of second part": lambda: LETTER.replace(b"application/octet-stream", b"text/plain"),
    "a signed one": lambda: LETTER.replace(b"multipart/encrypted", b"multipart/signed"),
    "a third part": lambda: LETTER.replace(
        b"Content-Type: application/pgp-encrypted",
        b"Content-Type: text/plain\r\n\r\nHello\r\n--" + boundary() + b"\r\nContent-Type: application/pgp-encrypted",
        1,
    ),
    "cleartext": lambda: b"From: ada@letters.test\r\n\r\nHello\r\n",
    "an armor of text": lambda: armor_of(b"Hello, this is no letter at all."),
    "an unsealed packet": lambda: armor_of(b"\xcb\x05b\0\0\0\0"),
    "something after the sealed packet": lambda: armor_of(b"\xd2\x01\x01\xd2\x01\x01"),
    "only keys": lambda: armor_of(b"\xc1\x01\x03"),
    "cut": lambda: armor_of(b"\xc1\x01\x03\xd2\xff\0\0\0"),
}  # fmt: skip


def boundary() -> bytes:
    return LETTER.split(b'boundary="')[1].split(b'"')[0]


def armor_of(octets: bytes) -> bytes:
    body = base64.b64encode(octets) + b"\r\n=AAAA\r\n"
    start = LETTER.index(b"-----BEGIN PGP MESSAGE-----") + 29
    return LETTER[:start] + b"\r\n" + body + LETTER[LETTER.index(b"-----END PGP") :]


@pytest.mark.parametrize("letter", REFUSED.values(), ids=REFUSED.keys())
def test_the_rules_refuse(letter: Callable[[], bytes]) -> None:
    """That the rules as stated here are rules: each mail differs from a good one in one thing."""
    assert letter() != LETTER
    assert refusal(letter(), "ada@letters.test") == NOT_SEALED


def test_the_rules_want_the_signed_in_sender() -> None:
    assert refusal(LETTER, "Ada@Letters.test") is None
    assert (refusal(LETTER, "eve@letters.test") or "").startswith("500")


def test_without_checksums_most_letters_would_be_refused() -> None:
    """Why ours have them: the relay cuts at the last “=”, whatever it stands for."""
    refused = [n for n in range(60) if refusal(without_checksum(sealed(n)), "ada@letters.test") == NOT_SEALED]
    assert len(refused) > 20
