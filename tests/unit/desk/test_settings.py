"""Choices: they last, they are held within what makes sense, and the rounds obey them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import time, timedelta
from pathlib import Path

import pytest

from dearly.desk import keep, rounds, settings
from dearly.drawer import restore
from dearly.letter.errors import Damaged, Locked, Refused, Usage
from tests.support.desks import Person, Town, a_town
from tests.support.drawers import PASSPHRASE


def play(place: Path, act: Callable[[Town, Person], Awaitable[None]]) -> None:
    async def run() -> None:
        async with a_town(place) as town:
            (ada,) = await town.settle("Ada")
            await act(town, ada)

    asyncio.run(run())


def test_choices_last(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person) -> None:
        fresh = await settings.chosen(ada.desk)
        assert (fresh.rounds, fresh.cooling_minutes, fresh.soft_lock_minutes) == (settings.ROUNDS, 60, 10)
        await settings.choose_look(ada.desk, theme="dark")
        await settings.choose_look(ada.desk, size="large", language="de")
        await settings.choose_rounds(ada.desk, [time(19), time(7, 30), time(19, 0, 12)])
        await settings.choose_cooling(ada.desk, 0)
        await settings.choose_soft_lock(ada.desk, 5)
        await settings.choose_place(ada.desk, "  Lübeck ")
        again = await ada.reopen()
        assert await settings.chosen(again.desk) == settings.Chosen(
            settings.Look("de", "dark", "large"), (time(7, 30), time(19)), 0, 5, "Lübeck"
        )

    play(tmp_path, act)


def test_what_cannot_be_meant_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person) -> None:
        before = await settings.chosen(ada.desk)
        for wrong in (
            settings.choose_look(ada.desk, theme="pink"),
            settings.choose_look(ada.desk, language="../../etc"),
            settings.choose_rounds(ada.desk, []),
            settings.choose_rounds(ada.desk, [time(hour) for hour in range(7)]),
            settings.choose_cooling(ada.desk, -1),
            settings.choose_soft_lock(ada.desk, 0),
            settings.choose_soft_lock(ada.desk, 721),
            settings.choose_place(ada.desk, "a\nb"),
            settings.choose_place(ada.desk, "a" * 101),
        ):
            with pytest.raises(Usage):
                await wrong
        assert await settings.chosen(ada.desk) == before

    play(tmp_path, act)


def test_the_next_round_is_at_the_chosen_hour_of_the_place(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person) -> None:
        here = town.clock.local()  # 14.00
        assert await rounds.next_round(ada.desk) == town.clock.on(here.date(), time(18))
        await settings.choose_rounds(ada.desk, [time(7, 30), time(13)])
        assert await rounds.next_round(ada.desk) == town.clock.on(here.date() + timedelta(days=1), time(7, 30))
        town.clock.at += timedelta(hours=18)
        assert (await rounds.next_round(ada.desk)).time() == time(13)

    play(tmp_path, act)


def test_a_waiting_desk_makes_its_round_at_an_hour_chosen_while_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "LOOK_SECONDS", 0.01)

    async def act(town: Town, ada: Person) -> None:
        made: list[object] = []
        watching = asyncio.create_task(rounds.watch(ada.desk, made.append))
        try:
            await _until(lambda: len(made) == 1)
            await settings.choose_rounds(ada.desk, [time(15), time(20)])
            town.clock.at += timedelta(minutes=50)
            await asyncio.sleep(0.1)
            assert len(made) == 1
            town.clock.at += timedelta(minutes=20)
            await _until(lambda: len(made) == 2)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    play(tmp_path, act)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


def test_a_way_knows_when_it_was_last_spoken_to(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person) -> None:
        (way,) = await settings.ways(ada.desk)
        assert (way.spoken, way.url, way.local) == (None, "https://town.test", False)
        await ada.round()
        (way,) = await settings.ways(ada.desk)
        assert way.spoken == town.clock.now()

    play(tmp_path, act)


def test_the_kit_wants_the_passphrase(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person) -> None:
        sheet = await keep.sheet(ada.desk, PASSPHRASE)
        assert len(sheet.lines) == 7
        assert "style=" not in sheet.picture
        with pytest.raises(Locked):
            await keep.sheet(ada.desk, "another one that is wrong")

    play(tmp_path, act)


def test_a_copy_goes_to_the_browser_whole_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person) -> None:
        await ada.write("ada@letters.test", "SECRET-MARKER lies in the drawer")
        ada.desk.outside.mkdir(exist_ok=True)
        (ada.desk.outside / ".backup-to-browser.part.copying-dead").write_bytes(b"from a process that was killed")
        before = {path.name for path in ada.desk.outside.iterdir()} - {".backup-to-browser.part.copying-dead"}
        copy = await keep.copy_out(ada.desk)
        content = b"".join(copy.pieces())
        assert (len(content), copy.file.closed) == (copy.size, True)
        assert b"SECRET-MARKER" not in content
        assert {path.name for path in ada.desk.outside.iterdir()} == before
        target = tmp_path / "copy.backup"
        target.write_bytes(content)
        proven = await restore.verify(target, PASSPHRASE)
        assert proven.manifest.drawer == ada.desk.drawer.uid
        assert await keep.last_copies(ada.desk) == (town.clock.now(), None)

    play(tmp_path, act)


def test_who_clicks_twice_has_two_copies(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            (ada,) = await town.settle("Ada")
            before = set(ada.desk.outside.glob("*"))
            copies = await asyncio.gather(*(keep.copy_out(ada.desk) for _click in range(3)))
            assert all(len(b"".join(copy.pieces())) == copy.size for copy in copies)
            assert set(ada.desk.outside.glob("*")) == before

    asyncio.run(play())


def test_a_copy_is_opened_to_make_sure(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person) -> None:
        content = b"".join((await keep.copy_out(ada.desk)).pieces())
        assert await keep.check_copy(ada.desk, content, PASSPHRASE) == town.clock.now().replace(microsecond=0)
        assert (await keep.last_copies(ada.desk))[1] == town.clock.now()
        with pytest.raises(Locked):
            await keep.check_copy(ada.desk, content, "another one that is wrong")
        with pytest.raises(Damaged):
            await keep.check_copy(ada.desk, content[: len(content) // 2], PASSPHRASE)
        with pytest.raises(Damaged):
            await keep.check_copy(ada.desk, b"not a backup", PASSPHRASE)
        bert = await town.person("Bert")
        other = b"".join((await keep.copy_out(bert.desk)).pieces())
        with pytest.raises(Refused) as wrong:
            await keep.check_copy(ada.desk, other, PASSPHRASE)
        assert wrong.value.code == "another_drawer"
        assert not [path.name for path in ada.desk.outside.iterdir() if "backup" in path.name]

    play(tmp_path, act)
