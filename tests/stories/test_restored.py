"""F49: a backup put back, or a folder copied, while letters wait in it. F11: a clock that jumps.

Ada's backup holds one letter of each kind that could still leave. By the time it is put back they have all arrived;
so nothing may leave by itself, each is asked about, and letting one go again never gives Bert a second letter.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from dearly.desk import hand, keep, post, waking, write
from dearly.desk import open as opening
from dearly.desk.values import OutboxRow
from dearly.drawer import restore
from dearly.letter.errors import Refused
from dearly.letter.sealing import Seal
from tests.support.desks import MemoryWays, Person, Town, a_town, desk_of
from tests.support.drawers import PASSPHRASE, open_drawer, run
from tests.support.memory_carrier import Luck, MemoryPost
from tests.support.times import CountedChance

KINDS = ("uncertain", "trying", "waiting", "dated soon", "dated far", "by hand")


@dataclass
class Fortune(MemoryPost):
    """A post whose luck is told beforehand, exchange by exchange."""

    coming: list[Luck] = field(default_factory=list)

    def take_luck(self) -> Luck:
        return self.coming.pop(0) if self.coming else Luck.GOOD


async def put_back(town: Town, name: str, folder: Path, home: Path) -> Person:
    """The drawer in `folder`, opened in another home: nothing is known there of what it was."""
    chance = CountedChance(str(folder))
    drawer = await open_drawer(folder, clock=town.clock, chance=chance, state=home)
    desk = desk_of(drawer, town.ways(), town.clock, chance, home)
    person = town.people[str(folder)] = Person(name, folder, desk, town)
    await waking.wake(desk)
    return person


@dataclass
class Scene:
    """Ada, with one letter of each of `KINDS` posted to Bert: by kind, its number."""

    town: Town
    post: Fortune
    ada: Person
    bert: Person
    numbers: dict[str, int]

    async def states(self, person: Person) -> dict[str, OutboxRow]:
        rows = {row.number: row for row in await post.outbox(person.desk)}
        return {kind: rows[number] for kind, number in self.numbers.items()}

    async def all_arrive(self) -> None:
        """Weeks go by for the original."""
        await hand.hand_out(self.ada.desk, self.numbers["by hand"], self.town.place / "for-bert")
        await hand.hand_in(self.bert.desk, self.town.place / "for-bert")
        self.town.clock.pass_(days=40)
        await self.ada.round()
        assert {row.state for row in (await self.states(self.ada)).values()} == {"on_its_way"}
        await self.read()
        assert len(await self.texts()) == len(KINDS)

    async def read(self) -> None:
        """Bert fetches and opens everything."""
        await self.bert.round()
        for envelope in await self.bert.letterbox():
            letter = await self.bert.open(envelope.number)
            assert letter.seal in {Seal.SIGNED_FIRST_SEEN, Seal.SIGNED_PINNED}

    async def texts(self) -> list[str]:
        return [letter.text for letter in await opening.correspondence(self.bert.desk, "Ada")]


@asynccontextmanager
async def a_scene(place: Path) -> AsyncIterator[Scene]:
    fortune = Fortune()
    async with a_town(place, lambda: MemoryWays(fortune)) as town:
        ada, bert = await town.settle("Ada", "Bert")
        numbers = {kind: await ada.write("Bert", f"Dear Bert, {kind}\n") for kind in KINDS}
        await ada.post(numbers["uncertain"])
        fortune.coming = [Luck.CUT_ANSWER, Luck.AWAY]  # the answer is lost, and looking afterwards proves nothing
        await ada.round()
        await ada.post(numbers["trying"])
        fortune.coming = [Luck.AWAY, Luck.AWAY, Luck.AWAY]
        await ada.round()
        fortune.coming = []
        await ada.post(numbers["waiting"], at_once=False)
        today = town.clock.local().date()
        await ada.post(numbers["dated soon"], at_once=False, on=today.replace(day=today.day + 3))
        await ada.post(numbers["dated far"], at_once=False, on=today.replace(day=today.day + 20))
        await ada.post(numbers["by hand"], by=hand.Way.HAND)
        scene = Scene(town, fortune, ada, bert, numbers)
        found = {kind: row.state for kind, row in (await scene.states(ada)).items()}
        assert found == {
            "uncertain": "uncertain",
            "trying": "trying",
            "waiting": "waiting",
            "dated soon": "waiting",
            "dated far": "dated",
            "by hand": "waiting",
        }
        yield scene


async def all_are_held(scene: Scene, copy: Person) -> None:
    for _round in range(2):
        assert {(row.state, row.reason, row.leaves) for row in (await scene.states(copy)).values()} == {
            ("held", "restored", None)
        }
        before = scene.post.count
        report = await copy.round()
        assert (report.handed_over, report.troubles, report.next_leaves) == ((), (), None)
        assert scene.post.count == before
        scene.town.clock.pass_(days=20)


async def each_is_let_go(scene: Scene, copy: Person) -> None:
    for kind, number in scene.numbers.items():
        (row,) = await copy.post(number)
        assert row.state == "waiting"
        if kind == "by hand":
            await hand.hand_out(copy.desk, number, scene.town.place / "for-bert-again")
            await hand.hand_in(scene.bert.desk, scene.town.place / "for-bert-again")
        else:
            assert (await copy.round()).handed_over == (number,)
        assert await copy.state(number) == "on_its_way"
        (again,) = await copy.post(number)
        assert again.state == "on_its_way"


def test_a_backup_put_back_in_an_empty_home(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            file = tmp_path / "ada.backup"
            await keep.backup(scene.ada.desk, file, lambda *_told: None)
            await scene.all_arrive()
            home = tmp_path / "new-home"
            await restore.restore(file, home / "ada", PASSPHRASE)
            copy = await put_back(scene.town, "Ada", home / "ada", home / "state")
            assert any("held" in notice for notice in copy.desk.notices)
            await all_are_held(scene, copy)
            taken = scene.post.count
            await each_is_let_go(scene, copy)
            # What had been sealed is known to the office by its key; what was sealed anew comes, and is one letter.
            assert scene.post.count == taken + 1
            letters = await scene.texts()
            await scene.read()
            assert await scene.texts() == letters
            # Asked about once: opened again, it stands where it stood.
            await copy.desk.close()
            copy = await put_back(scene.town, "Ada", home / "ada", home / "state")
            assert copy.desk.notices == []
            assert {row.state for row in (await scene.states(copy)).values()} == {"on_its_way"}

    run(play())


@pytest.mark.parametrize("left", ["locked", "open"])
def test_the_folder_copied_on_the_same_machine(tmp_path: Path, left: str) -> None:
    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            ada = scene.ada
            if left == "locked":
                await ada.desk.close()
            shutil.copytree(ada.folder, tmp_path / "copy")
            if left == "locked":
                ada = scene.ada = await scene.town.person("Ada", ada.folder)
            assert ada.desk.notices == []
            await scene.all_arrive()
            copy = await put_back(scene.town, "Ada", tmp_path / "copy", tmp_path / "state")
            await all_are_held(scene, copy)
            await each_is_let_go(scene, copy)
            letters = await scene.texts()
            await scene.read()
            assert await scene.texts() == letters
            # The copy has a life of its own; the original goes on as before, and is asked nothing.
            number = await copy.write("Bert", "Dear Bert, from the copy.\n")
            await copy.post(number)
            await copy.desk.close()
            waiting = await ada.write("Bert", "Dear Bert, from the original.\n")
            await ada.post(waiting)
            ada = await ada.reopen()
            assert ada.desk.notices == []
            assert (await ada.round()).handed_over == (waiting,)
            copy = await put_back(scene.town, "Ada", tmp_path / "copy", tmp_path / "state")
            assert copy.desk.notices == []
            assert (await copy.round()).handed_over == (number,)
            await scene.read()
            assert len(await scene.texts()) == len(KINDS) + 2

    run(play())


def test_what_is_held_can_be_given_up_or_taken_back(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            await keep.backup(scene.ada.desk, tmp_path / "b", lambda *_told: None)
            await restore.restore(tmp_path / "b", tmp_path / "home" / "ada", PASSPHRASE)
            copy = await put_back(scene.town, "Ada", tmp_path / "home" / "ada", tmp_path / "home" / "state")
            assert (await post.take_back(copy.desk, scene.numbers["waiting"])).state == "draft"
            with pytest.raises(Refused):
                await post.take_back(copy.desk, scene.numbers["uncertain"])
            await write.drop(copy.desk, scene.numbers["uncertain"])
            assert await copy.state(scene.numbers["uncertain"]) == "given_up"
            # A day that lies ahead is kept.
            (row,) = await copy.post(scene.numbers["dated far"])
            assert row.leaves is not None
            assert row.leaves > scene.town.clock.now()
            assert (await copy.round()).handed_over == ()

    run(play())


def test_the_clock_is_set_back_and_far_ahead(tmp_path: Path) -> None:
    """F11: what came later stands later, whatever the clock says; letters leave, and are read."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            start = town.clock.now()
            town.clock.pass_(days=2)
            numbers = []
            for days in (0, -1, 20 * 365, -20 * 365):
                town.clock.pass_(days=days)
                numbers.append(await ada.write("Bert", f"{len(numbers)}\n"))
                await ada.post(numbers[-1])
                assert (await ada.round()).handed_over == (numbers[-1],), days
                await bert.round()
            assert numbers == sorted(numbers)
            assert [row.number for row in await post.outbox(ada.desk)] == numbers[::-1]
            envelopes = await bert.letterbox()
            assert [one.number for one in envelopes] == sorted((one.number for one in envelopes), reverse=True)
            texts = [(await bert.open(one.number)).text for one in reversed(envelopes)]
            assert texts == ["0\n", "1\n", "2\n", "3\n"]
            # In the correspondence each stands at its own date, as archives do.
            dated = [letter.date for letter in await opening.correspondence(bert.desk, "Ada")]
            assert len(dated) == 4
            # A letter waits for its time, not for ever: set far back, it waits; the clock right again, it leaves.
            town.clock.at = start
            number = await ada.write("Bert", "4\n")
            await ada.post(number, at_once=False)
            town.clock.pass_(days=-1)
            assert (await ada.round()).handed_over == ()
            town.clock.pass_(days=1, hours=2)
            assert (await ada.round()).handed_over == (number,)

    run(play())


def test_the_clock_is_before_the_keys(tmp_path: Path) -> None:
    """F11: the keys at hand are of tomorrow, by this clock; letters are sealed to them and read all the same."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await ada.write("Bert", "Dear Bert\n")
            town.clock.pass_(days=-1)
            await ada.post(number)
            await ada.round()
            await bert.round()
            assert (await bert.open(1)).text == "Dear Bert\n"

    run(play())
