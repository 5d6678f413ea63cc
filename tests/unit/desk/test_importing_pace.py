"""How much an import files at once, so that whoever saves a draft meanwhile does not wait for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from dearly.desk import importing, importing_filing
from dearly.desk.importing import Choices
from dearly.drawer import importing_log, settings, store
from tests.support.archives import letter, maildir
from tests.support.desks import a_town
from tests.support.drawers import run


class _Stopped(Exception):
    """As if somebody pulled the plug."""


def test_a_stack_is_filed_in_pieces_and_goes_on_between_two_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the machine is slow, one letter at a time; others write between them, and the log is folded there."""
    monkeypatch.setattr(importing_filing, "_LEAST", 1)
    monkeypatch.setattr(importing_filing, "_HOLD", 0.0)
    monkeypatch.setattr(store, "_MUCH_LOG_PAGES", 1)
    folded: list[int] = []
    fold = store.Store.fold_when_long

    def folding(self: store.Store) -> None:
        folded.append(self._log_pages)
        fold(self)

    monkeypatch.setattr(store.Store, "fold_when_long", folding)

    async def play() -> None:
        source = maildir(tmp_path / "Maildir", [letter(n) for n in range(1, 6)])
        archive = importing.open_archive(source)
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            seen: list[int] = []

            def progress(_what: str, done: int, _total: int) -> None:
                seen.append(done)
                if len(seen) == 3:
                    raise _Stopped

            with pytest.raises(_Stopped):
                await importing.run(ada.desk, archive, Choices(), progress)
            before = await ada.desk.drawer.read(lambda db: importing_log.find(db, archive.source))
            assert before is not None and before.tally.taken == 3
            await ada.desk.drawer.write(lambda db: settings.put(db, "another", "writes"))
            folded.clear()
            done = await importing.run(ada.desk, importing.open_archive(source), Choices(), lambda *_: None)
            assert (done.found, done.taken, done.already_here) == (5, 5, 0)
            assert [pages > 0 for pages in folded][:2] == [True, True]

    run(play)
