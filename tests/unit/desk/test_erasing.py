"""Erasing at the desk: copies that come later, by whatever way, are not kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from dearly.desk import erasing, hand
from dearly.letter.errors import Refused
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
