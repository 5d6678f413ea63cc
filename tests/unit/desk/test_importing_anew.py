"""An import that was stopped and goes on with other choices: what the old ones left out is looked at again, what they
took stays and is not taken twice, and letters that turn out to be our own are filed as sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from dearly.desk import importing, importing_words
from dearly.desk.importing import Choices
from dearly.desk.open import correspondence
from dearly.desk.search import search
from dearly.drawer import chain, letters, people
from dearly.drawer.connection import Db
from tests.support.archives import ADA, BERT, letter, maildir
from tests.support.desks import Person, a_town
from tests.support.drawers import run

OLD = "Ada Then <ada@then.test>"
NEWS = "List-Id: <news.elsewhere.test>\nPrecedence: bulk"
LETTERS = [
    letter(1),
    letter(2, sender=OLD, to="Dora <dora@letters.test>"),
    letter(3, sender=OLD, to=BERT),
    letter(4, sender="News <news@elsewhere.test>", more=NEWS),
    letter(5, sender=ADA, to=BERT),
]


class Stopped(Exception):
    """The power went."""


async def _stopped(ada: Person, archive: importing.Archive, choices: Choices) -> None:
    def stop(*_: Any) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        await importing.run(ada.desk, archive, choices, stop)


async def _here(ada: Person) -> Sequence[tuple[Any, ...]]:
    def look(db: Db) -> Sequence[tuple[Any, ...]]:
        assert letters.damaged(db) == []
        assert chain.verify(db) is None
        assert db.value("SELECT count(*) FROM letters WHERE indexer_version = 0 OR twin = 1") == 0
        return db.all("SELECT subject, direction, postcard, seal FROM letters ORDER BY date")

    return await ada.desk.drawer.read(look)


def test_other_choices_begin_anew_and_lose_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        archive = importing.open_archive(maildir(tmp_path / "Mail", LETTERS))
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            await _stopped(ada, archive, Choices())
            assert [row[:2] for row in await _here(ada)] == [
                ("Letter 1", "in"),
                ("Letter 2", "in"),
                ("Letter 3", "in"),
                ("Letter 5", "out"),
            ]
            same = await importing.plan(ada.desk, archive, Choices(), lambda *_: None)
            assert (same.going_on, same.anew, same.refiled) == (True, False, 0)

            other = Choices(mine=("Ada@Then.test",), take=frozenset({"newsletter"}))
            plan = await importing.plan(ada.desk, archive, other, lambda *_: None)
            assert (plan.going_on, plan.anew, plan.refiled, plan.letters) == (False, True, 2, 1)
            said = " ".join(importing_words.planned(plan))
            assert "other choices" in said and "2 letters that lie here as received" in said
            await _stopped(ada, archive, other)  # killed again: what is done is done once
            done = await importing.run(ada.desk, archive, other, lambda *_: None)
            assert (done.found, done.failed) == (5, 0)
            assert await _here(ada) == [
                ("Letter 1", "in", 0, "never_sealed"),
                ("Letter 2", "out", 1, None),
                ("Letter 3", "out", 1, None),
                ("Letter 4", "in", 0, "never_sealed"),
                ("Letter 5", "out", 1, None),
            ]
            assert [one.subject for one in await correspondence(ada.desk, "Dora")] == ["Letter 2"]
            assert len(await correspondence(ada.desk, "Bert")) == 3
            assert {one.subject for one in (await search(ada.desk, "to:bert")).letters} == {"Letter 3", "Letter 5"}
            everybody = await ada.desk.drawer.read(people.list_all)
            assert {one.name for one in everybody} == {"Bert", "Dora", "News"}
            again = await importing.run(ada.desk, archive, other, lambda *_: None)
            assert (again.taken, again.refiled, len(await _here(ada))) == (0, 0, 5)

    run(play)


def test_what_counts_as_sent_for_its_sender_alone_is_said(tmp_path: Path) -> None:
    async def play() -> None:
        source = maildir(tmp_path / "Mail", LETTERS)
        maildir(source, [letter(6, sender=ADA, to=BERT)], sub=".Sent")
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            archive = importing.open_archive(source)
            plan = await importing.plan(ada.desk, archive, Choices(mine=("ada@then.test",)), lambda *_: None)
            assert plan.sent == 4
            assert [(one.address, one.letters) for one in plan.by_sender] == [
                ("ada@then.test", 2),
                ("ada@letters.test", 1),
            ]
            said = (
                "3 count as sent only because they name you as their sender: ada@then.test (2), ada@letters.test (1)."
            )
            assert said in importing_words.planned(plan)

    run(play)
