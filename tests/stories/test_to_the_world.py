"""Letters from people of an office to e-mail addresses: by their own mail account, or by the office's mail server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from dearly.desk import post, setup, write
from dearly.desk.envelope import envelope
from dearly.letter.envelope import Way
from dearly.letter.errors import Refused
from tests.support import abroad
from tests.support.desks import MachineWays, MemoryWays, Person, Town, a_town, befriend
from tests.support.drawers import run
from tests.support.offices import Office, an_office
from tests.support.scripted_smtp import Say, ScriptedSmtp, Session, scripted_smtp

TEXT = "Dear Dora,\n\nthe *harvest* is in. — Ada\n"


def test_who_has_a_mail_account_too_writes_by_it(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            (ada,) = await town.settle("Ada")
            (dora,) = await town.with_mail("Dora")
            await ada.gets_mail()
            await befriend(ada, dora)
            await befriend(dora, ada)
            number = await ada.write("Dora", TEXT)
            (row,) = await ada.post(number)
            assert row.way is Way.MAIL
            await ada.round()
            assert await ada.state(number) == "on_its_way"
            await dora.round()
            assert [(await dora.open(e.number)).text for e in await dora.letterbox()] == [TEXT]

    run(play())


@asynccontextmanager
async def a_world(
    place: Path, answers: dict[str, bytes | Say]
) -> AsyncIterator[tuple[Town, Person, Office, ScriptedSmtp]]:
    """Ada with an office that has a smarthost, Dora with e-mail alone. `answers`: what the smarthost says by verb."""

    def answer(verb: str, _line: str, _session: Session) -> bytes | Say | None:
        return answers.get(verb)

    async with scripted_smtp(answer) as smtp:
        with an_office(place / "post", relay=abroad.smarthost(smtp.port), pace=abroad.PACE) as office:
            async with a_town(place, lambda: MachineWays(place / "none")) as town:
                ada = await town.person("Ada")
                town.ways = lambda: MemoryWays(town.post, town.mail)
                dora = await town.person("Dora")
                await dora.gets_mail()
                await setup.join_office(ada.desk, office.url, await asyncio.to_thread(office.invite, "ada"))
                await befriend(ada, dora)
                yield town, ada, office, smtp


async def handed_on(office: Office, ada: Person, number: int, *, but: str = "trying") -> str:
    """The state of a letter, as soon as the office knows more."""
    for look in range(100):
        ada.desk.clock.pass_(hours=5)  # type: ignore[attr-defined]  # a clock of the tests
        await ada.round()
        if (state := await ada.state(number)) != but:
            return state
        await asyncio.sleep(min(0.05 + look * 0.02, 1))  # the office may be slow, and its days are counted here
    raise AssertionError(but)


def test_by_the_offices_mail_server(tmp_path: Path) -> None:
    answers: dict[str, bytes | Say] = {"RCPT": b"450 4.2.0 later\r\n"}

    async def play() -> None:
        async with a_world(tmp_path, answers) as (_town, ada, office, smtp):
            number = await ada.write("Dora", TEXT)
            assert "by the mail server 127.0.0.1" in ada.desk.notices[0]
            assert "the mail server that the office uses" in (await write.read_over(ada.desk, number)).seal
            (reader,) = (await envelope(ada.desk, number)).readers
            assert reader.way is Way.OFFICE and "No answer comes back" in reader.about_way
            with pytest.raises(Refused, match="postcard"):
                await ada.post(number, unsealed=True)
            (row,) = await ada.post(number)
            assert row.way is Way.OFFICE
            await ada.round()
            assert await ada.state(number) == "trying"  # it waits in the office: nobody in the world has it
            (row,) = [row for row in await post.outbox(ada.desk) if row.number == number]
            assert "127.0.0.1" in row.reason or "450 4.2.0" in row.reason
            answers.clear()
            office.clock.ahead += timedelta(hours=1)
            assert await handed_on(office, ada, number) == "on_its_way"
            (kept,) = smtp.kept
            assert kept.recipients == ("dora@letters.test",)
            assert b"harvest" not in kept.data
            await ada.round()
            assert len(smtp.kept) == 1

    run(play())


def test_unknown_is_asked_and_posted_again_is_another_handing_over(tmp_path: Path) -> None:
    answers: dict[str, bytes | Say] = {".": Say(cut=True, keeps=True)}

    async def play() -> None:
        async with a_world(tmp_path, answers) as (_town, ada, office, smtp):
            number = await ada.write("Dora", TEXT)
            await ada.post(number)
            await ada.round()
            assert await handed_on(office, ada, number) == "uncertain"
            for _day in range(3):
                ada.desk.clock.pass_(hours=24)  # type: ignore[attr-defined]  # a clock of the tests
                await ada.round()
            assert (await ada.state(number), len(smtp.kept)) == ("uncertain", 1)
            answers.clear()
            await post.post(ada.desk, number)
            assert await handed_on(office, ada, number) == "on_its_way"
            first, second = smtp.kept
            assert first.data == second.data

    run(play())


@pytest.mark.long
def test_what_came_back_and_what_is_given_up(tmp_path: Path) -> None:
    answers: dict[str, bytes | Say] = {"RCPT": b"550 5.1.1 nobody\r\n"}

    async def play() -> None:
        async with a_world(tmp_path, answers) as (_town, ada, office, smtp):
            number = await ada.write("Dora", TEXT)
            await ada.post(number)
            await ada.round()
            assert await handed_on(office, ada, number) == "came_back"
            answers["RCPT"] = b"450 4.2.0 later\r\n"
            await post.post(ada.desk, number)
            await ada.round()
            assert await ada.state(number) == "trying"
            await post.give_up(ada.desk, number)
            for _look in range(3):
                await ada.round()
                await asyncio.sleep(0.1)
            assert await ada.state(number) == "given_up"
            answers.clear()
            office.clock.ahead += timedelta(hours=10)
            await asyncio.sleep(0.3)
            assert smtp.kept == []

    run(play())
