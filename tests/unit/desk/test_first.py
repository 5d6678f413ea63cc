"""The first day: what a passphrase is worth, and what is still to be done."""

from __future__ import annotations

from pathlib import Path

import pytest

from dearly.desk import first
from dearly.desk.first import Strength
from dearly.drawer import settings
from dearly.letter.errors import Refused
from tests.support.desks import a_town
from tests.support.drawers import run


@pytest.mark.parametrize(
    ("passphrase", "worth"),
    [
        ("", Strength.EMPTY),
        ("   ", Strength.EMPTY),
        ("short words", Strength.SHORT),
        ("passwordpassword", Strength.WEAK),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", Strength.WEAK),
        ("123456789012345", Strength.WEAK),
        ("qwertzuiopasdfghjkl", Strength.WEAK),
        ("iloveyou iloveyou", Strength.WEAK),
        ("Leonie Marbach 1984", Strength.WEAK),
        ("correct horse battery staple", Strength.WEAK),
        ("summer 2026 summer 2026", Strength.WEAK),
        ("plum ladder tuesday engine", Strength.FAIR),
        ("plum ladder tuesday engine sardine", Strength.GOOD),
        ("x7$Kq2!vB9mWz", Strength.GOOD),
        ("mdB3zqPfV0hKcXw9", Strength.GOOD),
    ],
)
def test_what_a_passphrase_is_worth(passphrase: str, worth: Strength) -> None:
    assert first.strength(passphrase, "Leonie Marbach", "Bergen") is worth


def test_more_words_are_never_worth_less() -> None:
    words = ["plum", "ladder", "tuesday", "engine", "sardine", "quilt"]
    found = [first.strength(" ".join(words[:n])) for n in range(1, 7)]
    assert found == sorted(found)


def test_the_steps_are_done_one_by_one_and_the_kit_is_shown_once(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            desk = (await town.person("Ada")).desk
            assert await first.to_do(desk) == []  # a drawer of the command line has no first day
            with pytest.raises(Refused):
                await first.kit_sheet(desk)
            await first.begin(desk, " Bergen ")
            assert await desk.drawer.read(lambda db: settings.get(db, "place", "")) == "Bergen"
            assert await first.to_do(desk) == ["kit", "post"]
            sheet = await first.kit_sheet(desk)
            text = await first.kit_text(desk)
            assert all(check in text for _letters, check in sheet.lines)
            await first.done(desk, first.KIT)
            assert await first.to_do(desk) == ["post"]
            for show in (first.kit_sheet, first.kit_text):
                with pytest.raises(Refused):
                    await show(desk)
            await first.done(desk, first.KIT)
            await first.done(desk, first.POST)
            assert await first.to_do(desk) == []

    run(play())


def test_what_leaves_while_it_is_locked(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.settle("Ada", "Bert")
            assert await first.leaving(ada.desk) is None
            for _n in range(2):
                (row,) = await ada.post(await ada.write("Bert", "Dear Bert"), at_once=False)
            said = await first.leaving(ada.desk)
            assert said is not None
            assert said.count == 2
            assert said.first <= row.leaves

    run(play())
