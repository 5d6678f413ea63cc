"""A letter that another program sends as two mails, text and enclosure, is one letter here, whichever comes first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from dearly.desk import hand, ledger, setup
from dearly.desk import open as opening
from dearly.drawer import letters
from dearly.letter.address import Correspondent
from dearly.letter.content import Enclosure, Letter
from tests.support.desks import Person, a_town
from tests.support.drawers import run
from tests.support.forging import Forger, own_key, parcel
from tests.support.openpgp import NOW, address, person
from tests.support.times import FixedClock

ADA = Correspondent("Ada", address("ada"))
BERT = Forger("Bert", address("bert"), person("bert"))
MALLORY = Forger("Bert", address("bert"), person("mallory"))
PICTURE = Enclosure("harbour.jpg", "image/jpeg", bytes(range(256)) * 700)
TEXT, FILE = "text@letters.test", "file@letters.test"


@asynccontextmanager
async def _ada(place: Path) -> AsyncIterator[Person]:
    async with a_town(place) as town:
        assert isinstance(town.clock, FixedClock)
        town.clock.at = NOW
        ada = await town.person("Ada")
        await setup.begin(ada.desk, "Ada", ["ada@letters.test"])
        yield ada


async def _mail(ada: Person, letter: Letter, chat: str, by: Forger = BERT) -> bytes:
    mine = await own_key(ada)
    part = by.part(letter).replace(
        b"\r\nMIME-Version:", f"\r\nChat-Version: 1.0\r\n{chat}\r\nMIME-Version:".encode(), 1
    )
    return parcel(letter, by.sealed(part, mine, [mine], letter))


async def _text(ada: Person, by: Forger = BERT, letter_id: str = TEXT, announces: str = FILE) -> bytes:
    letter = by.letter(ada, ADA.address, "The harbour, dear Ada.", letter_id, "Of the harbour")
    said = (
        f'Chat-Post-Message-ID: <{announces}>\r\nChat-Post-Message-Metadata: {{"size":179200,"filename":"harbour.jpg"}}'
    )
    return await _mail(ada, replace(letter, date=NOW - timedelta(hours=1)), said, by)


async def _file(ada: Person, by: Forger = BERT, letter_id: str = FILE, to: tuple[Correspondent, ...] = (ADA,)) -> bytes:
    letter = replace(by.letter(ada, ADA.address, "", letter_id, "A letter"), to=to, enclosures=(PICTURE,))
    return await _mail(ada, letter, "Chat-Is-Post-Message: 1", by)


async def _whole(ada: Person, number: int) -> None:
    """Number `number` is the one letter, with everything."""
    (envelope,) = await ada.letterbox()
    assert (envelope.number, envelope.opened) == (number, True)
    (letter,) = await opening.correspondence(ada.desk, "Bert")
    assert (letter.number, letter.text, letter.subject) == (number, "The harbour, dear Ada.", "Of the harbour")
    assert letter.date == NOW - timedelta(hours=1)
    assert (letter.notes, letter.letter_id) == ((), TEXT)
    (enclosed,) = (await opening.show(ada.desk, number)).enclosures
    assert (enclosed.name, enclosed.data) == ("harbour.jpg", PICTURE.data)
    kept, digest = await ada.desk.drawer.read(
        lambda db: (
            db.value("SELECT content_sha256 FROM letters WHERE number = ?", (number,)),
            letters.content_digest(db, number),
        )
    )
    assert kept == digest


def test_the_text_first(tmp_path: Path) -> None:
    async def play() -> None:
        async with _ada(tmp_path) as ada:
            first = await ada.open((await hand.hand_in(ada.desk, await _text(ada))).number)
            assert first.enclosures == ()
            assert first.notes == ("An enclosure, “harbour.jpg”, is still on its way: it travels by itself.",)
            file = await _file(ada)
            envelope = await hand.hand_in(ada.desk, file)
            assert envelope.number == first.number, "it belongs to what was opened: nobody has to open it"
            await _whole(ada, first.number)
            # Each of the two once more, by other bytes around the same seal: still one letter, and one envelope.
            for again in (file, await _text(ada)):
                await hand.hand_in(ada.desk, b"X-By: another way\r\n" + again)
                for one in await ada.letterbox():
                    await ada.open(one.number)
            (letter,) = await opening.correspondence(ada.desk, "Bert")
            assert len(letter.enclosures) == 1

    run(play())


def test_both_wait_in_the_letterbox(tmp_path: Path) -> None:
    async def play() -> None:
        async with _ada(tmp_path) as ada:
            file = await hand.hand_in(ada.desk, await _file(ada))
            text = await hand.hand_in(ada.desk, await _text(ada))
            assert not file.opened
            assert not text.opened
            await ada.open(text.number)
            await _whole(ada, text.number)
            assert (await ada.open(file.number)).number == text.number

    run(play())


def test_the_enclosure_first(tmp_path: Path) -> None:
    """It was read, and answered, before its text came: the letter keeps its number."""

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            file = await ada.open((await hand.hand_in(ada.desk, await _file(ada))).number)
            assert [one.name for one in file.enclosures] == ["harbour.jpg"]
            assert file.notes == ("This enclosure came by itself. The text that belongs to it is still on its way.",)
            await ledger.decide(ada.desk, file.number, "later")
            text = await ada.open((await hand.hand_in(ada.desk, await _text(ada))).number)
            assert text.number == file.number
            await _whole(ada, file.number)
            again = await ada.open((await hand.hand_in(ada.desk, await _file(ada))).number)
            assert again.number == file.number, "the same once more, sealed anew"
            await _whole(ada, file.number)

    run(play())


def test_what_is_not_joined(tmp_path: Path) -> None:
    """Another signer, other readers, another id: ids alone join nothing (A36)."""

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            first = await ada.open((await hand.hand_in(ada.desk, await _text(ada))).number)
            clara = Correspondent("Clara", address("clara"))
            for raw in (
                await _file(ada, MALLORY),
                await _file(ada, to=(ADA, clara)),
                await _file(ada, letter_id="elsewhere@letters.test"),
            ):
                other = await ada.open((await hand.hand_in(ada.desk, raw)).number)
                assert other.number != first.number
            assert (await ada.show(first.number)).enclosures == ()
            assert len(await ada.letterbox()) == 4
            # And the right one still finds its place.
            await hand.hand_in(ada.desk, await _file(ada))
            assert len((await ada.show(first.number)).enclosures) == 1
            assert len(await ada.letterbox()) == 4

    run(play())
