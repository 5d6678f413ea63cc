"""One letter in several shapes is one letter: what Dearly itself posted, met again in an archive; and the same mail as
Maildir, mbox and IMAP keep it."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dearly.desk import importing, people
from dearly.desk.open import correspondence, letterbox
from dearly.drawer import objects
from dearly.drawer.connection import Db
from tests.support.archives import letter, maildir, mbox
from tests.support.desks import Person, a_town
from tests.support.drawers import run


async def _take(person: Person, source: Path) -> importing.Done:
    archive = importing.open_archive(source)
    return await importing.run(person.desk, archive, importing.Choices(), lambda *_: None)


async def _count(person: Person, table: str) -> int:
    return int(await person.desk.drawer.read(lambda db: db.value(f"SELECT count(*) FROM {table}")))


def test_what_was_posted_from_here_is_no_second_letter(tmp_path: Path) -> None:
    """The sealed copy that a program filed in Sent, and the one that came back into the INBOX, byte for byte and with
    a server's line before it."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.with_mail("Ada", "Bert")
            number = await ada.write("Bert", "Dear Bert, of the harvest.", "Harvest")
            await ada.post(number)
            await ada.round()
            (posted,) = [
                bytes(data)
                for data in await ada.desk.drawer.read(
                    lambda db: [_object(db, one) for (one,) in db.all("SELECT object_id FROM sealed_forms")]
                )
            ]
            travelled = b"Received: from a.test by b.test; Mon, 2 Mar 2026 10:00:00 +0000\r\n" + posted
            before = await _count(ada, "letters")
            source = maildir(tmp_path / "Mail", [travelled.replace(b"\r\n", b"\n")])
            maildir(source, [posted.replace(b"\r\n", b"\n"), posted], sub=".Sent")
            done = await _take(ada, source)
            assert (done.found, done.taken, done.already_here, done.failed) == (3, 0, 3, 0)
            assert await _count(ada, "letters") == before
            rows = await ada.desk.drawer.read(lambda db: db.all("SELECT letter, count(*) FROM arrivals GROUP BY 1"))
            assert rows == [(number, 3)]
            assert len(await correspondence(ada.desk, "Bert")) == 1

    run(play)


def test_a_postcard_that_was_posted_from_here_is_no_second_letter(tmp_path: Path) -> None:
    """Nothing in it is signed: it is known by what it says, and one that says something else is a twin (F38)."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            (ada,) = await town.with_mail("Ada")
            await people.add(ada.desk, "Zoe", addresses=["zoe@elsewhere.test"])
            await ada.post(await ada.write("Zoe", "Anybody may *read* this.", "Postcard"), unsealed=True)
            posted = await ada.desk.drawer.read(lambda db: _object(db, db.value("SELECT object_id FROM sealed_forms")))
            kept = posted.replace(b"\r\n", b"\n")
            source = maildir(tmp_path / "Mail", [posted, kept, kept.replace(b"Anybody", b"Nobody")], sub=".Sent")
            done = await _take(ada, source)
            assert (done.taken, done.already_here) == (1, 2)
            twins = await ada.desk.drawer.read(lambda db: db.all("SELECT twin, count(*) FROM letters GROUP BY twin"))
            assert twins == [(1, 2)]

    run(play)


def test_a_letter_that_came_by_post_is_met_again_in_an_archive(tmp_path: Path) -> None:
    """The sealed copy in an archive joins the letter, whether it was opened here or is still an envelope."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.with_mail("Ada", "Bert")
            await bert.post(await bert.write("Ada", "Dear Ada", "One"))
            await bert.round()
            await ada.round()
            (came,) = await ada.letterbox()
            await ada.open(came.number)
            raw = await ada.desk.drawer.read(lambda db: _object(db, db.value("SELECT object_id FROM arrivals")))
            source = maildir(tmp_path / "Mail", [raw, raw.replace(b"\r\n", b"\n")])
            done = await _take(ada, source)
            assert (done.taken, done.already_here, done.failed) == (0, 2, 0)
            assert len(await correspondence(ada.desk, "Bert")) == 1
            assert len(await letterbox(ada.desk)) == 1

    run(play)


def test_one_mail_as_maildir_mbox_and_imap_keep_it(tmp_path: Path) -> None:
    """Decision 9: LF, LF with quoted From lines, CRLF: one letter, with every original that differs."""

    async def play() -> None:
        bare = letter(1, more="MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8")
        wired = bare.replace(b"\n", b"\r\n")
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            taken = [await _take(ada, maildir(tmp_path / "one", [bare]))]
            taken.append(await _take(ada, mbox(tmp_path / "two.mbox", [bare])))
            file = tmp_path / "three.eml"
            file.write_bytes(wired)
            taken.append(await _take(ada, file))
            assert [(one.taken, one.already_here) for one in taken] == [(1, 0), (0, 1), (0, 1)]
            kept = await ada.desk.drawer.read(
                lambda db: [bytes(one) for (one,) in db.all("SELECT raw_sha256 FROM arrivals")]
            )
            assert set(kept) == {hashlib.sha256(one).digest() for one in (bare, wired)}
            assert await _count(ada, "letters") == 1

    run(play)


def _object(db: Db, number: int) -> bytes:

    return objects.get(db, number)
