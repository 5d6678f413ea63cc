"""The same folder taken in once more: what has not changed is not opened, and nothing is missed or said wrongly."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dearly.desk import erasing, importing, importing_source
from dearly.desk.importing import Choices, Done
from dearly.desk.open import correspondence
from dearly.exchange import folder
from dearly.exchange import maildir as maildir_names
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
    archive = importing.open_archive(path)
    opened.clear()
    return await importing.run(ada.desk, archive, Choices(**choices), lambda *_: None)


def _counts(done: Done) -> tuple[int, int, int, int, int]:
    return done.found, done.taken, done.already_here, done.not_letters, done.erased


def test_only_what_is_new_or_has_changed_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of any program, where whatever lies there may be changed."""
    monkeypatch.setattr(folder, "_COARSE_NS", 0)
    bulk = letter(4, sender="News <news@shop.test>", more="List-Unsubscribe: <https://shop.test/x>\n")
    source = tmp_path / "letters"
    source.mkdir()
    one, two, three, four = (source / f"{n}.eml" for n in range(1, 5))
    for file, data in zip((one, two, three, four), (letter(1), letter(2), letter(3), bulk), strict=True):
        file.write_bytes(data)

    async def play() -> None:
        opened = _Opened(monkeypatch)
        async with _ada(tmp_path) as ada:
            assert _counts(await _take(ada, source, opened)) == (4, 3, 0, 1, 0)
            done = await _take(ada, source, opened)
            assert (_counts(done), done.left_out, opened) == ((4, 0, 3, 1, 0), {"newsletter": 1}, [])

            # Other octets under the same name, as many and with the same time; a time that was touched; a new name.
            times = one.stat().st_mtime_ns
            one.write_bytes(letter(9))
            os.utime(one, ns=(times, times))
            two.touch()
            moved = three.rename(source / "3 of Bert.eml")
            new = source / "5.eml"
            new.write_bytes(letter(5))
            assert _counts(await _take(ada, source, opened)) == (5, 2, 2, 1, 0)
            assert opened == sorted((one.name, two.name, moved.name, new.name))

            # What was left out is taken when it is wished, and what was erased is told as that.
            assert _counts(await _take(ada, source, opened, take=frozenset({"newsletter"}))) == (5, 1, 4, 0, 0)
            assert opened == [four.name]
            erased = next(each for each in await correspondence(ada.desk, "Bert") if each.subject == "Letter 2")
            await erasing.erase(ada.desk, erased.number)
            assert _counts(await _take(ada, source, opened)) == (5, 0, 4, 1, 1)
            assert opened == [two.name]

    run(play)


def test_a_maildir_is_known_by_its_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its letters are not asked for their size and times; and whatever may be another letter is opened."""
    monkeypatch.setattr(folder, "_COARSE_NS", 0)
    asked: list[str] = []
    real = folder.about

    def about(root: Path, parts: folder.Parts) -> os.stat_result | None:
        asked.append(os.fsdecode(parts[-1]))
        return real(root, parts)

    monkeypatch.setattr(folder, "about", about)

    async def play() -> None:
        source = maildir(tmp_path / "Maildir", [*map(letter, range(6)), letter(6)[:-20]])
        marked, moved, gone, draft, thrown, doubled, cut = sorted((source / "cur").iterdir())
        moved = moved.rename(source / "new" / moved.name.removesuffix(":2,S"))
        draft = draft.rename(draft.with_name(f"{draft.name.removesuffix('S')}D"))
        opened = _Opened(monkeypatch)
        async with _ada(tmp_path) as ada:
            done = await _take(ada, source, opened)
            assert (_counts(done), done.left_out) == ((7, 6, 0, 1, 0), {"draft": 1})
            assert len(opened) == 7
            asked.clear()
            plan = await importing.plan(ada.desk, importing.open_archive(source), Choices(), lambda *_: None)
            assert (plan.found, plan.letters, plan.already_here, plan.left_out) == (7, 0, 6, {"draft": 1})
            done = await _take(ada, source, opened)
            assert (_counts(done), done.left_out, opened) == ((7, 0, 6, 1, 0), {"draft": 1}, [])
            # Of one that may have been cut off nothing is promised by its name.
            assert asked == [cut.name] * 2

            marked.rename(marked.with_name(f"{marked.name.removesuffix('S')}FRS"))  # answered, and dear
            moved = moved.rename(source / "cur" / f"{moved.name}:2,S")  # seen by a mail program
            gone.unlink()
            draft = draft.rename(draft.with_name(f"{draft.name.removesuffix('D')}S"))  # finished after all
            thrown = thrown.rename(thrown.with_name(f"{thrown.name}T"))
            cut.write_bytes(letter(6))
            # Two under one name, in each of which there is another letter than the one that is known.
            beside = doubled.with_name(f"{doubled.name.removesuffix('S')}RS")
            beside.write_bytes(letter(7))
            again = source / "new" / doubled.name.removesuffix(":2,S")
            again.write_bytes(letter(8))
            done = await _take(ada, source, opened)
            # New: the draft, two under one name, and all of that which was cut off.
            assert (_counts(done), done.left_out) == ((8, 4, 4, 0, 0), {})
            assert opened == [
                again.name,
                *sorted(one.name for one in (moved, draft, thrown, doubled, beside, cut)),
            ]
            assert _counts(await _take(ada, source, opened)) == (8, 0, 8, 0, 0)
            assert opened == []

    run(play)


def test_a_program_that_does_not_name_its_letters_by_the_rule_may_change_them(tmp_path: Path) -> None:
    """Thunderbird writes into the letters of its own Maildir."""
    whole = tmp_path / "whole"
    whole.write_bytes(letter(1))
    with whole.open("rb") as file:
        for name, keeps in (
            (b"1700000000.M1P2.host", True),
            (b"1700000000_0.5.host,U=7:2,RS", True),
            (b"1700000000.eml", False),
            (b"1700000000.a.eml", False),
            (b"1", False),
            (b"1:2,a.b.c", False),
            (b"a.b.c", False),
            (b"2019.05.04 to Clara", False),
            (b"20190504.to.Clara", False),
        ):
            assert maildir_names.keeps(name, file.fileno(), os.fstat(file.fileno())) is keeps


def test_names_promise_nothing_but_where_letters_alone_lie_and_each_is_alone_with_its_name() -> None:
    named = [b"1.a.b:2,S"]
    assert maildir_names.marks(folder.Run((b"cur",), named, whole=True)) != [b""]
    for found in (
        folder.Run((), named, whole=True),
        folder.Run((b"tmp",), named, whole=True),
        folder.Run((b"cur", b"1.a.b"), named, whole=True),
        folder.Run((b"cur",), named),  # something else lies there
    ):
        assert maildir_names.marks(found) == [b""]
    both = [b"1.a.b", b"1.a.b:2,S", b"2.a.b:2,RS", b"2.a.b:2,S", b"3.a.b:2,S"]
    assert [bool(mark) for mark in maildir_names.marks(folder.Run((b"cur",), both, whole=True))] == [False] * 4 + [True]
    kept, marked, *others = (
        maildir_names.marks(folder.Run(inside, [name], whole=True))
        for inside, name in (
            ((b"cur",), b"1.a.b:2,S"),
            ((b"cur",), b"1.a.b:2,FRS"),
            ((b"cur",), b"1.a.b:2,ST"),
            ((b"cur",), b"1.a.b:2,DS"),
            ((b"new",), b"1.a.b"),
            ((b".Trash", b"cur"), b"1.a.b:2,S"),
        )
    )
    assert kept == marked
    assert len({*map(tuple, others), tuple(kept)}) == 5


def test_an_import_that_was_stopped_knows_what_it_had_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What had arrived at a place that was passed already is found by the next one."""
    monkeypatch.setattr(folder, "_COARSE_NS", 0)
    monkeypatch.setattr(importing_source, "MOST_STACKED", 2)

    class Stopped(Exception):
        pass

    async def play() -> None:
        source = maildir(tmp_path / "Maildir", map(letter, range(6)))
        opened = _Opened(monkeypatch)

        def stop(what: str, done: int, total: int) -> None:
            raise Stopped

        async with _ada(tmp_path) as ada:
            with pytest.raises(Stopped):
                await importing.run(ada.desk, importing.open_archive(source), Choices(), stop)
            early = source / "cur" / "1000000000.M1P1.host:2,S"
            early.write_bytes(letter(9))
            assert _counts(await _take(ada, source, opened)) == (6, 6, 0, 0, 0)
            assert len(opened) == 4
            assert _counts(await _take(ada, source, opened)) == (7, 1, 6, 0, 0)
            assert opened == [early.name]
            assert _counts(await _take(ada, source, opened)) == (7, 0, 7, 0, 0)
            assert opened == []

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
