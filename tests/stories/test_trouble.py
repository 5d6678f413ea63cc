"""One thing that goes wrong never keeps the others from going right."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import date, time, timedelta
from pathlib import Path

import pytest

from dearly.desk import hand, post, rounds
from dearly.desk import open as opening
from dearly.desk.values import RoundReport
from dearly.letter.errors import CarrierTrouble, Damaged, NoSpace, NotFound, Refused
from tests.support.desks import Person, Town, a_town
from tests.support.drawers import run


async def break_arrival(person: Person, number: int) -> None:
    """Let the stored bytes of one arrival be unreadable, as after bit rot."""
    await person.desk.drawer.write(
        lambda db: db.run(
            "UPDATE objects SET body = zeroblob(9) WHERE id = (SELECT object_id FROM arrivals WHERE number = ?)",
            (number,),
        )
    )


def test_a_damaged_arrival_keeps_no_other_out(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            for n in range(3):
                await ada.post(await ada.write("Bert", f"Letter {n}."))
            await ada.round()
            from dearly.desk import fetch

            office = await bert.desk.ways.office(rounds.joined((await accounts_of(bert))[0]))
            await fetch.collect(bert.desk, office)
            await break_arrival(bert, 1)
            report = await bert.round()
            assert len(report.arrived) == 3
            with pytest.raises(Damaged):
                await bert.open(1)
            assert (await bert.show(1)).state == "unreadable"
            assert {(await bert.open(n)).text for n in (2, 3)} == {"Letter 1.", "Letter 2."}

    run(play())


def test_what_does_not_come_whole_is_said_at_each_round_until_it_does(tmp_path: Path) -> None:
    """F30: a letter that stays behind at the carrier is nothing that one finds out by its missing."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            await ada.post(await ada.write("Bert", "Dear Bert."))
            await ada.round()
            ((uid, _data),) = town.post.boxes[(await bert.address()).key]
            town.post.torn[uid] = 100
            for _round in range(2):
                report = await bert.round()
                assert report.arrived == ()
                (told,) = report.troubles
                assert told.startswith(f"{await bert.address()}: One letter does not come whole")
            town.post.torn.clear()
            report = await bert.round()
            assert (len(report.arrived), report.troubles) == (1, ())

    run(play())


def test_a_damaged_letter_in_the_outbox_keeps_no_other_back(tmp_path: Path) -> None:
    """F19: after a batch is full of damaged ones nothing would leave, if they were read as one."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            first, second = await ada.write("Bert", "Rotten."), await ada.write("Bert", "Sound.")
            await ada.post(first)
            await ada.post(second)
            await ada.desk.drawer.write(
                lambda db: db.run(
                    "UPDATE objects SET body = zeroblob(9)"
                    " WHERE id = (SELECT object_id FROM sealed_forms WHERE letter = ?)",
                    (first,),
                )
            )
            assert (await ada.round()).handed_over == (second,)
            assert await ada.state(first) == "waiting"
            assert (await bert.round()).arrived == (1,)

    run(play())


async def accounts_of(person: Person) -> list:
    from dearly.drawer import accounts

    return await person.desk.drawer.read(accounts.list_all)


def test_a_trouble_that_passes_leaves_the_arrival_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            await ada.post(await ada.write("Bert", "Patience."))
            await ada.round()

            async def ended(_raw: bytes) -> None:
                raise NoSpace("opener_not_started", "No process could be started.", retry=True)

            with monkeypatch.context() as patch:
                patch.setattr(bert.desk.opener, "outline", ended)
                report = await bert.round()
            assert report.arrived == ()
            assert report.troubles == ("No process could be started.",)
            assert (await bert.round()).arrived == (1,)

    run(play())


def test_watching_goes_on_after_a_trouble_and_never_spins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.settle("Ada", "Bert")
            await ada.post(await ada.write("Bert", "Due now."))
            reports: list[RoundReport] = []
            slept: list[float] = []
            real = asyncio.sleep

            async def sleep(seconds: float) -> None:
                slept.append(seconds)
                await real(0)

            async def gone(_joined: object) -> None:
                raise CarrierTrouble("no_local_office", "The office does not answer.")

            monkeypatch.setattr(rounds.asyncio, "sleep", sleep)
            monkeypatch.setattr(ada.desk.ways, "office", gone, raising=False)
            watching = asyncio.create_task(rounds.watch(ada.desk, reports.append))
            while len(reports) < 3:
                await real(0.01)
            full = NoSpace("disk_full", "The disk is full.")
            monkeypatch.setattr(rounds, "make_round", lambda _desk: _raise(full))
            begun = len(reports)  # one round may still be under way as it was
            while len(reports) < begun + 3:
                await real(0.01)
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching
            assert len(slept) >= len(reports) - 1
            assert min(slept) >= rounds.LOOK_SECONDS
            assert reports[0].troubles[0].endswith("The office does not answer.")
            assert reports[-1].troubles == ("The disk is full.",)
            assert len(ada.desk.notices) == 2

    run(play())


async def _raise(error: Exception) -> None:
    raise error


def test_two_letters_posted_at_once_have_two_numbers(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.settle("Ada", "Bert")
            drafts = [await ada.write("Bert", f"Letter {n}.") for n in range(4)]
            await asyncio.gather(*(ada.post(number) for number in drafts))
            assert sorted([(await ada.show(number)).letter_no for number in drafts]) == [1, 2, 3, 4]

    run(play())


def test_a_letter_of_ones_own_is_not_for_the_letterbox(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.settle("Ada", "Bert")
            number = await ada.write("Bert", "For the stick.")
            await hand.hand_out(ada.desk, number, tmp_path / "letter.dearly")
            with pytest.raises(Refused) as caught:
                await hand.hand_in(ada.desk, tmp_path / "letter.dearly")
            assert caught.value.code == "own_letter"
            assert await ada.letterbox() == []
            arrival = await ada.desk.drawer.read(lambda db: db.value("SELECT max(number) FROM arrivals"))
            with pytest.raises(NotFound):
                await opening.open_letter(ada.desk, arrival)

    run(play())


class Berlin:
    """The hours of a place that puts its clocks forward in March and back in October."""

    def __init__(self, town: Town) -> None:
        from zoneinfo import ZoneInfo

        self._zone, self._clock = ZoneInfo("Europe/Berlin"), town.clock

    def now(self):
        return self._clock.now()

    def local(self):
        return self._clock.now().astimezone(self._zone)

    def on(self, day: date, hour: time):
        from datetime import datetime

        return datetime.combine(day, hour, self._zone)


def test_a_letter_for_summer_posted_in_winter_leaves_at_eight(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.settle("Ada", "Bert")
            ada.desk.clock = Berlin(town)
            number = await ada.write("Bert", "For midsummer.")
            (row,) = await post.post(ada.desk, number, on=date(2026, 7, 1))
            assert row.leaves is not None
            assert row.leaves.isoformat() == "2026-07-01T06:00:00+00:00"
            shown = await ada.show(number)
            assert shown.date.utcoffset() == timedelta(hours=2)
            assert shown.date.hour == 8

    run(play())
