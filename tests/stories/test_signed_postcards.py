"""Letters that were never sealed and carry a signature, at a whole desk: a second fact beside «not sealed», told in
words, and never a seal (A06, A07, A10)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dearly.desk import exporting, importing
from dearly.drawer import objects
from dearly.drawer.connection import Db
from dearly.letter.address import Address
from dearly.letter.sealing import Seal, Signed
from dearly.seal import packets
from dearly.seal.armor import armor
from dearly.seal.keys import OwnKey
from dearly.seal.packets import Tag
from dearly.seal.signature import BINARY, sign
from tests.support import parcels
from tests.support.archives import maildir
from tests.support.desks import Person, a_town
from tests.support.drawers import run
from tests.support.forging import own_key

PART = b"Content-Type: text/plain; charset=utf-8\r\n\r\nDear Bert,\r\nthe harvest is in.\r\n"


def postcard(sender: Address, to: Address, by: OwnKey, when: int, letter_id: str, part: bytes = PART) -> bytes:
    """RFC 3156 5, from `sender`, signed with the key `by`."""
    body = sign(by.primary, BINARY, [part], when)
    signature = armor(packets.write(Tag.SIGNATURE, body), "SIGNATURE")
    return (
        f"From: {sender}\r\nTo: {to}\r\nDate: Mon, 02 Mar 2026 09:00:00 +0000\r\nMessage-ID: <{letter_id}@x.test>\r\n"
        'Subject: News\r\nMIME-Version: 1.0\r\nContent-Type: multipart/signed; protocol="application/pgp-signature";'
        ' boundary="SS"\r\n\r\n--SS\r\n'
    ).encode() + (
        part
        + b"\r\n--SS\r\nContent-Type: application/pgp-signature; name=signature.asc\r\n\r\n"
        + signature
        + b"\r\n--SS--\r\n"
    )


@asynccontextmanager
async def three(place: Path) -> AsyncIterator[tuple[Person, dict[str, OwnKey], dict[str, Address]]]:
    async with a_town(place) as town:
        people = await town.settle("Ada", "Bert", "Clara")
        yield (
            people[1],
            {one.name: await own_key(one) for one in people},
            {one.name: await one.address() for one in people},
        )


def test_what_is_said_of_a_signature_around_a_postcard(tmp_path: Path) -> None:
    async def play() -> None:
        async with three(tmp_path) as (bert, key, at):
            when = int(bert.desk.clock.now().timestamp()) + 60
            stranger = OwnKey.generate([at["Ada"]], bert.desk.clock.now())
            cases = [
                (postcard(at["Ada"], at["Bert"], key["Ada"], when, "1"), Signed.HOLDS, "a signature that holds"),
                # A good signature by Clara does not speak for Ada, nor does one by a key that says it is Ada's.
                (postcard(at["Ada"], at["Bert"], key["Clara"], when, "2"), Signed.UNKNOWN, "cannot be checked"),
                (postcard(at["Ada"], at["Bert"], stranger, when, "3"), Signed.UNKNOWN, "cannot be checked"),
                (
                    postcard(at["Ada"], at["Bert"], key["Ada"], when, "4").replace(b"is in", b"is lost"),
                    Signed.BAD,
                    "does not hold",
                ),
                (
                    parcels.multi(
                        b"multipart/mixed",
                        postcard(at["Ada"], at["Bert"], key["Ada"], when, "5"),
                        parcels.part(b"text/plain", b"You are dismissed."),
                    ),
                    Signed.IN_PART,
                    "proves nothing",
                ),
            ]
            for raw, wanted, words in cases:
                bert.town.post.lay(at["Bert"], raw)
                (number,) = (await bert.round()).arrived
                letter = await bert.open(number)
                assert letter.seal is Seal.NEVER_SEALED, words
                assert letter.signature is wanted, words
                assert words in " ".join(letter.notes)
                assert (letter.signer is not None) == (wanted is Signed.HOLDS)
                assert not any(one.media_type == "application/pgp-signature" for one in letter.enclosures) or (
                    wanted is not Signed.HOLDS
                )
                # It is told the same when it is read again.
                assert (await bert.show(number)).signature is wanted
            plain = b"From: ada@letters.test\r\nTo: bert@letters.test\r\nSubject: x\r\n\r\nDear Bert\r\n"
            bert.town.post.lay(at["Bert"], plain)
            (number,) = (await bert.round()).arrived
            letter = await bert.open(number)
            assert (letter.signature, letter.notes) == (Signed.NONE, ())

    run(play())


def test_in_an_archive_a_signature_speaks_for_the_text_that_it_is_around_and_for_no_other(tmp_path: Path) -> None:
    """A bundle says of a letter what it says, and what original it is of: both are somebody's word."""

    async def play() -> None:
        async with three(tmp_path) as (bert, key, at):
            when = int(bert.desk.clock.now().timestamp()) + 60
            cards = [postcard(at["Ada"], at["Bert"], key["Ada"], when, str(n)) for n in range(3)]
            old = maildir(tmp_path / "Maildir", cards)
            await importing.run(bert.desk, importing.open_archive(old), importing.Choices(), lambda *_: None)

            def forge(db: Db) -> list[int]:
                number = "SELECT number FROM letters WHERE letter_id = ?"
                numbers = [int(db.value(number, (f"{n}@x.test",))) for n in range(3)]
                said = objects.pack_text("Dear Bert,\nthe house is yours.\n")
                db.run("UPDATE letters SET body = ? WHERE number = ?", (said, numbers[1]))
                key = at["Clara"].key
                db.run("UPDATE parties SET address_key = ? WHERE letter = ? AND role = 'from'", (key, numbers[2]))
                db.run("UPDATE parties SET address = ? WHERE letter = ? AND role = 'from'", (key, numbers[2]))
                return numbers

            numbers = await bert.desk.drawer.write(forge)
            found = [(await bert.show(number)).signature for number in numbers]
            assert found == [Signed.HOLDS, Signed.UNKNOWN, Signed.UNKNOWN]

            await exporting.export(bert.desk, tmp_path / "out", exporting.wish("bundle"), lambda *_: None)
            new = await bert.town.person("New")
            await importing.run_ours(new.desk, importing.open_archive(tmp_path / "out"), None, lambda *_: None)
            kept = await new.desk.drawer.read(lambda db: db.all("SELECT DISTINCT signature FROM letters"))
            assert kept == [(Signed.UNKNOWN.value,)], "nobody looked at it here"

    run(play())


def test_a20_a21_who_it_says_it_is_from(tmp_path: Path) -> None:
    """The address is always there, in a form that cannot be imitated where name or address could be; a sender who is
    unclear is nobody."""

    async def play() -> None:
        async with three(tmp_path) as (bert, _key, at):
            cases = {
                '"Ada" <ada@letters.test>': ("ada@letters.test", ""),
                '"ada@town.office.invalid" <eve@evil.test>': ("eve@evil.test", ""),
                "\u0410da <eve@evil.test>": ("eve@evil.test", "eve@evil.test"),
                "Ada <\u0430da@letters.test>": ("\u0430da@letters.test", "\\u{430}da@letters.test"),
                "Ada <ada@p\u0430ypal.test>": ("ada@xn--pypal-4ve.test", "ada@xn--pypal-4ve.test"),
                "\u202etset.adA <eve@evil.test>": ("eve@evil.test", ""),
                "Ada <ada@letters.test>, Eve <eve@evil.test>": ("", ""),
            }
            for n, (field, (address, plainly)) in enumerate(cases.items()):
                head = f"From: {field}\r\nTo: {at['Bert']}\r\nMessage-ID: <h{n}@x.test>\r\nSubject: x\r\n"
                bert.town.post.lay(at["Bert"], head.encode() + f"\r\nDear Bert {n}\r\n".encode())
                (number,) = (await bert.round()).arrived
                letter = await bert.open(number)
                assert letter.from_ == address, field
                assert letter.seal is Seal.NEVER_SEALED
                assert "\u202e" not in repr(letter)
                told = " ".join(letter.notes)
                assert (f"the address is {plainly}." in told) == bool(plainly), field

    run(play())
