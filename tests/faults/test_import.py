"""F43: an import that is killed goes on where it was, takes nothing twice and loses nothing; the archive is left
as it was.

And letters that are odd in every way a mailbox collects in a lifetime: none lost, none doubled, all byte for byte.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from dearly.desk import importing
from dearly.desk.importing import Choices
from dearly.desk.open import letterbox
from dearly.drawer import chain, objects
from dearly.drawer.connection import Db
from tests.support.archives import letter, maildir, mbox
from tests.support.desks import a_town
from tests.support.drawers import run
from tests.support.killer import kill_at
from tests.support.odd_letters import odd_letters
from tests.support.times import CountedChance

LETTERS = 130
"""More than one stack."""


async def set_up(place: Path) -> None:
    """Ada's desk."""
    async with a_town(place) as town:
        await (await town.person("Ada")).gets_mail()


async def take_in(place: str, archive: str) -> None:
    """In the child: take it all in."""
    async with a_town(Path(place)) as town:
        ada = await town.person("Ada")
        ada.desk.chance = CountedChance(f"process {os.getpid()}")
        await importing.run(ada.desk, importing.open_archive(Path(archive)), Choices(), lambda *_: None)


async def what_is_here(place: Path) -> dict[str, Any]:
    """Of Ada's drawer."""

    def look(db: Db) -> dict[str, Any]:
        return {
            "originals": sorted(bytes(one) for (one,) in db.all("SELECT raw_sha256 FROM arrivals")),
            "letters": [row[0] for row in db.all("SELECT letter_id FROM letters ORDER BY letter_id")],
            "indexed": db.value("SELECT count(*) FROM search"),
            "dangling": db.all("PRAGMA foreign_key_check"),
            "chain": chain.verify(db),
        }

    async with a_town(place) as town:
        ada = await town.person("Ada")
        assert await letterbox(ada.desk) == []
        return await ada.desk.drawer.read(look)


def _killed_and_resumed(place: Path, step: str, nth: int) -> None:
    sources = [letter(n) for n in range(LETTERS)]
    archive = mbox(place / "letters.mbox", sources)
    bytes_before = archive.read_bytes()
    run(set_up(place))
    ended = kill_at(step, __name__, "take_in", place, archive, nth=nth)
    assert ended.killed
    before = run(what_is_here(place))
    if step == "import.before-commit":
        assert len(before["letters"]) < LETTERS
    run(take_in(str(place), str(archive)))
    after = run(what_is_here(place))
    assert after["letters"] == sorted(f"letter-{n}@letters.test" for n in range(LETTERS))
    assert after["originals"] == sorted(hashlib.sha256(data).digest() for data in sources)
    assert (after["indexed"], after["dangling"], after["chain"]) == (LETTERS, [], None)
    assert archive.read_bytes() == bytes_before


def test_killed_between_two_batches(tmp_path: Path) -> None:
    _killed_and_resumed(tmp_path, "import.before-commit", 2)


@pytest.mark.long
@pytest.mark.parametrize("step", ["import.before-commit", "import.after-commit"])
@pytest.mark.parametrize("nth", [1, 2])
def test_killed_at_each_batch(tmp_path: Path, step: str, nth: int) -> None:
    _killed_and_resumed(tmp_path, step, nth)


def test_odd_letters_are_all_kept_and_none_twice(tmp_path: Path) -> None:
    odd = [one for one in odd_letters() if one.data]  # a file without a single octet is passed over, and counted
    source = maildir(tmp_path / "Maildir", [one.data for one in odd])

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            everything = Choices(take=frozenset(importing.REASONS))
            archive = importing.open_archive(source)
            done = await importing.run(ada.desk, archive, everything, lambda *_: None)
            different = {hashlib.sha256(one.data).digest() for one in odd}
            assert done.found == len(odd) == done.taken + done.already_here + done.failed
            kept = await ada.desk.drawer.read(
                lambda db: [bytes(objects.get(db, one)) for (one,) in db.all("SELECT object_id FROM arrivals")]
            )
            assert {hashlib.sha256(one).digest() for one in kept} == different
            assert len(kept) == len(different)
            reasons = await ada.desk.drawer.read(
                lambda db: [row[0] for row in db.all("SELECT reason FROM arrivals WHERE letter IS NULL")]
            )
            assert len(reasons) == done.failed and all(reasons)
            again = await importing.run(ada.desk, archive, everything, lambda *_: None)
            assert (again.taken, again.failed, again.already_here) == (0, 0, len(odd))
            assert await ada.desk.drawer.read(chain.verify) is None

    run(play)
