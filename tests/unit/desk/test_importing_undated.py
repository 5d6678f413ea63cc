"""Letters that do not say when they were written: dated by their last server, else by the mailbox, else by the day on
which they were taken in; and it is said that the date is not the writer's."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from dearly.desk import importing
from dearly.desk.importing import Choices
from dearly.desk.open import correspondence
from tests.support.archives import letter, maildir, mbox
from tests.support.desks import a_town
from tests.support.drawers import run

RECEIVED = (
    "Received: from b.test by letters.test with ESMTP; Tue, 5 May 2009 08:00:00 +0200\n"
    "Received: from a.test by b.test; Mon, 4 May 1970 08:00:00 +0200"
)


def _undated(n: int, more: str = "") -> bytes:
    return letter(n, more=more).replace(b"\nDate:", b"\nX-Date:")


@pytest.mark.parametrize("kind", ["maildir", "mbox"])
def test_whose_date_it_is_is_said(tmp_path: Path, kind: str) -> None:
    letters = [_undated(1, RECEIVED), _undated(2), _undated(3, "Received: by letters.test; some day"), letter(4)]
    broken = _undated(5, RECEIVED).replace(b"X-Date:", b"Date: the day after\nX-Date:")
    source = (
        maildir(tmp_path / "Maildir", [*letters, broken])
        if kind == "maildir"
        else mbox(tmp_path / "letters.mbox", [*letters, broken])
    )

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            done = await importing.run(ada.desk, importing.open_archive(source), Choices(), lambda *_: None)
            assert done.taken == 5
            found = {one.subject: one for one in await correspondence(ada.desk, "Bert")}
            by_server, by_box = datetime(2009, 5, 5, 6, tzinfo=UTC), datetime(2009, 5, 4, 9, 30, tzinfo=UTC)
            for subject, day, word in (
                ("Letter 1", by_server, "last server"),
                ("Letter 2", by_box, "mail program"),
                ("Letter 3", by_box, "mail program"),
                ("Letter 4", found["Letter 4"].date, ""),
                ("Letter 5", by_server, "last server"),
            ):
                one = found[subject]
                assert abs((one.date - day).total_seconds()) < 10, subject
                notes = (await ada.show(one.number)).notes
                assert [word in note for note in notes] == ([True] if word else []), subject
            late = "SELECT count(*) FROM letters WHERE indexer_version = 0"
            assert await ada.desk.drawer.read(lambda db: db.value(late)) == 0

    run(play)


def test_where_nothing_says_it_it_is_today(tmp_path: Path) -> None:
    file = tmp_path / "one.eml"
    file.write_bytes(_undated(1))

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            await importing.run(ada.desk, importing.open_archive(file), Choices(), lambda *_: None)
            (one,) = await correspondence(ada.desk, "Bert")
            assert one.date == town.clock.now()
            assert "taken in" in (await ada.show(one.number)).notes[0]

    run(play)


def test_the_same_words_on_two_days_are_two_letters_and_another_copy_of_one_is_none(tmp_path: Path) -> None:
    """“Thank you!”, with neither a day nor an id of its own, is told apart by the server that took it first."""

    def thanks(day: int, *servers: str, end: str = "\n") -> bytes:
        received = [f"Received: by {one}; Mon, {day} May 2009 08:00:00 +0200" for one in (*servers, "a.test")]
        more = "\n".join(received)
        written = letter(1, more=more, message_id=None, text="Thank you!\n", end=end)
        return written.replace(b"\nDate:", b"\nX-Date:")

    source = mbox(tmp_path / "a.mbox", [thanks(4), thanks(11), thanks(4, "b.test"), thanks(11, end="\r\n")])

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            done = await importing.run(ada.desk, importing.open_archive(source), Choices(), lambda *_: None)
            assert (done.taken, done.already_here) == (2, 2)
            assert [one.date.day for one in await correspondence(ada.desk, "Bert")] == [4, 11]

    run(play)
