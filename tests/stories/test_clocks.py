"""F12: the writer's clock runs ahead. Nobody is called a forger, and the letter is not lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dearly.desk import letterbox
from dearly.desk import open as opening
from dearly.letter.errors import Refused
from tests.support.desks import a_town
from tests.support.drawers import run


def test_a_letter_from_a_clock_that_runs_ahead_waits_until_then(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            town.clock.at = datetime.now(UTC).replace(microsecond=0)  # signatures are judged by the machine's own clock
            ada, bert = await town.settle("Ada", "Bert")
            first = await ada.write("Bert", "Dear Bert, in time.")
            await ada.post(first)
            await ada.round()
            town.clock.pass_(minutes=40)
            second = await ada.write("Bert", "Dear Bert, too early.")
            await ada.post(second)
            await ada.round()
            town.clock.pass_(minutes=-40)
            await bert.round()
            early, late = sorted(one.number for one in await bert.letterbox())
            assert (await bert.open(early)).seal == "signed_first_seen"
            for _twice in range(2):
                with pytest.raises(opening.DatedAhead) as ahead:
                    await bert.open(late)
                assert isinstance(ahead.value, Refused)
                until = town.clock.local() + timedelta(minutes=40)
                assert f"on {until.day} {until:%B %Y} at {until.hour}.{until:%M}, which" in ahead.value.message
            (lying,) = (await letterbox.look(bert.desk)).waiting
            assert (lying.envelope.number, lying.envelope.opened) == (late, False)

    run(play())
