"""Erasing at the desk: copies that come later, by whatever way, are not kept."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dearly.desk import erasing, fetch, hand, importing, people, strangers
from dearly.desk.importing import Choices
from dearly.drawer import arrivals, objects
from dearly.drawer.connection import Db
from dearly.letter.envelope import Parcel, Source, Way
from dearly.letter.errors import Refused
from tests.support.archives import maildir
from tests.support.desks import Person, a_town
from tests.support.drawers import run


async def _kept(person: Person) -> int:
    """Letters, originals and sealed forms that are here."""
    return await person.desk.drawer.read(
        lambda db: int(db.value("SELECT (SELECT count(*) FROM letters) + (SELECT count(*) FROM objects)"))
    )


def test_our_own_copy_that_comes_after_the_letter_was_erased(tmp_path: Path) -> None:
    """By mail a copy goes to ourselves: whoever erases the letter before it comes does not find it in the letterbox."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.with_mail("Ada", "Bert")
            number = await ada.write("Bert", "a secret", "First")
            await ada.post(number)
            await ada.round()
            box = town.mail.box("ada@letters.test")
            await erasing.erase(ada.desk, number)
            assert await _kept(ada) == 0
            box.append(b"Received: from somewhere\r\n" + box[-1])
            await ada.round()
            assert (await _kept(ada), await ada.letterbox()) == (0, [])

    run(play)


async def _fetched(person: Person, uid: str, data: bytes) -> None:
    """A carrier gave this while the letter was still here, or for whatever reason."""
    parcel = Parcel(data, Source(Way.MAIL, "ada@letters.test", "1", uid))

    def keep(db: Db) -> None:
        arrivals.take_in(
            db, parcel, hashlib.sha256(data).digest(), now=person.desk.clock.now(), chance=person.desk.chance
        )

    await person.desk.drawer.write(keep)
    await fetch.sort(person.desk)


def test_our_own_postcard_that_comes_after_it_was_erased(tmp_path: Path) -> None:
    """Nothing is sealed in it: it is known by its id, our address and its text, and a twin of it is not it (F38)."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            (ada,) = await town.with_mail("Ada")
            await people.add(ada.desk, "Zoe", addresses=["zoe@elsewhere.test"])
            number = await ada.write("Zoe", "Anybody may read this.", "Postcard")
            await ada.post(number, unsealed=True)
            await ada.round()
            copy = bytes(
                await ada.desk.drawer.read(
                    lambda db: objects.get(
                        db, db.value("SELECT object_id FROM sealed_forms WHERE letter = ?", (number,))
                    )
                )
            )
            assert b"Anybody may read" in copy
            await erasing.erase(ada.desk, number)
            assert await _kept(ada) == 0
            await _fetched(ada, "1", b"Received: from somewhere\r\n" + copy)
            assert (await _kept(ada), await ada.letterbox(), await strangers.at_door(ada.desk)) == (0, [], [])
            archive = importing.open_archive(maildir(tmp_path / "Mail", [copy.replace(b"\r\n", b"\n")], sub=".Sent"))
            done = await importing.run(ada.desk, archive, Choices(), lambda *_: None)
            assert (done.taken, done.erased, await _kept(ada)) == (0, 1, 0)
            await _fetched(ada, "2", copy.replace(b"Anybody", b"Nobody"))
            assert len(await ada.letterbox()) == 1

    run(play)


def test_a_file_with_an_erased_letter_is_not_taken_in_again(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            file = tmp_path / "letter.dearly"
            await hand.hand_out(ada.desk, await ada.write("Bert", "a secret"), file)
            envelope = await hand.hand_in(bert.desk, file)
            await bert.open(envelope.number)
            await erasing.erase(bert.desk, envelope.number)
            with pytest.raises(Refused) as refused:
                await hand.hand_in(bert.desk, file)
            assert refused.value.code == "erased_here"
            assert await _kept(bert) == 0

    run(play)
