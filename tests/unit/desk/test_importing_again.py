"""The same folder taken in once more: what has not changed is not opened, and nothing is missed or said wrongly."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dearly.desk import erasing, importing
from dearly.desk.importing import Choices, Done
from dearly.desk.open import correspondence
from dearly.exchange import folder
from tests.support.archives import letter, maildir
from tests.support.desks import Person, a_town
from tests.support.drawers import run


@asynccontextmanager
async def _ada(place: Path) -> AsyncIterator[Person]:
    async with a_town(place) as town:
        ada = await town.person("Ada")
        await ada.gets_mail()
        yield ada


class _Opened(list[str]):
    """Names of the files that are opened, from now on."""

    def __init__(self, watch: pytest.MonkeyPatch) -> None:
        super().__init__()
        real = folder.opened

        def opened(path: Path) -> Any:
            self.append(path.name)
            return real(path)

        watch.setattr(folder, "opened", opened)


async def _take(ada: Person, path: Path, opened: _Opened, **choices: Any) -> Done:
    archive = importing.open_archive(path, "maildir")
    opened.clear()
    return await importing.run(ada.desk, archive, Choices(**choices), lambda *_: None)


def _counts(done: Done) -> tuple[int, int, int, int, int]:
    return done.found, done.taken, done.already_here, done.not_letters, done.erased


def test_only_what_is_new_or_has_changed_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "_COARSE_NS", 0)
    bulk = letter(4, sender="News <news@shop.test>", more="List-Unsubscribe: <https://shop.test/x>\n")

    async def play() -> None:
        source = maildir(tmp_path / "Maildir", [letter(1), letter(2), letter(3), bulk])
        one, two, three, four = sorted((source / "cur").iterdir())
        opened = _Opened(monkeypatch)
        async with _ada(tmp_path) as ada:
            assert _counts(await _take(ada, source, opened)) == (4, 3, 0, 1, 0)
            assert sorted(opened) == [one.name, two.name, three.name, four.name]
            done = await _take(ada, source, opened)
            assert (_counts(done), done.left_out, opened) == ((4, 0, 3, 1, 0), {"newsletter": 1}, [])
            plan = await importing.plan(ada.desk, importing.open_archive(source, "maildir"), Choices(), lambda *_: None)
            assert (plan.found, plan.letters, plan.already_here, plan.left_out) == (4, 0, 3, {"newsletter": 1})
            assert opened == []

            # Other octets under the same name, as many and with the same time; a time that was touched; a new name.
            times = one.stat().st_mtime_ns
            one.write_bytes(letter(9))
            os.utime(one, ns=(times, times))
            two.touch()
            moved = three.rename(three.with_name(f"{three.name}:2,S"))
            new = source / "new" / "another"
            new.write_bytes(letter(5))
            assert _counts(await _take(ada, source, opened)) == (5, 2, 2, 1, 0)
            assert opened == [new.name, *sorted((one.name, two.name, moved.name))]

            # What was left out is taken when it is wished, and what was erased is told as that.
            assert _counts(await _take(ada, source, opened, take=frozenset({"newsletter"}))) == (5, 1, 4, 0, 0)
            assert opened == [four.name]
            erased = next(each for each in await correspondence(ada.desk, "Bert") if each.subject == "Letter 2")
            await erasing.erase(ada.desk, erased.number)
            assert _counts(await _take(ada, source, opened)) == (5, 0, 4, 1, 1)
            assert opened == [two.name]

    run(play)


def test_what_was_written_a_moment_ago_is_not_relied_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever writes once more within the same tick of the file system's clock would not be seen."""

    async def play() -> None:
        source = maildir(tmp_path / "Maildir", [letter(1)])
        opened = _Opened(monkeypatch)
        async with _ada(tmp_path) as ada:
            assert (await _take(ada, source, opened)).taken == 1
            assert (await _take(ada, source, opened)).already_here == 1
            assert len(opened) == 1

    run(play)
