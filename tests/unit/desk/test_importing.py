"""Taking in an archive: the plan, the run, and what neither of them touches."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from dearly.desk import erasing, importing
from dearly.desk import search as searching
from dearly.desk.importing import Choices, Done, Plan
from dearly.desk.open import correspondence, letterbox
from dearly.drawer import arrivals, chain, importing_log, letters, people
from dearly.exchange import found
from dearly.letter.errors import Usage
from tests.support.archives import ADA, BERT, CLARA, letter, maildir, mbox
from tests.support.desks import Person, a_town
from tests.support.drawers import run


def _quiet(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


@asynccontextmanager
async def _ada(place: Path) -> AsyncIterator[Person]:
    async with a_town(place) as town:
        ada = await town.person("Ada")
        await ada.gets_mail()
        yield ada


async def _plan(ada: Person, path: Path, **choices: Any) -> Plan:
    return await importing.plan(ada.desk, importing.open_archive(path), Choices(**choices), _quiet)


async def _take(ada: Person, path: Path, **choices: Any) -> Done:
    return await importing.run(ada.desk, importing.open_archive(path), Choices(**choices), _quiet)


def test_both_directions_become_a_correspondence(tmp_path: Path) -> None:
    async def play() -> None:
        came = [letter(n) for n in (1, 3)]
        went = [letter(n, sender=ADA, to=BERT, answers="letter-1@letters.test") for n in (2,)]
        source = maildir(tmp_path / "Maildir", came)
        maildir(source, went, sub=".Sent")
        before = {file: file.read_bytes() for file in source.rglob("*") if file.is_file()}
        async with _ada(tmp_path) as ada:
            plan = await _plan(ada, source)
            assert (plan.found, plan.letters, plan.sent, plan.years) == (3, 3, 1, {2009: 3})
            assert [(one.name, one.address, one.letters) for one in plan.people] == [("Bert", "bert@letters.test", 3)]
            done = await _take(ada, source)
            assert (done.found, done.taken, done.already_here, done.not_letters, done.failed) == (3, 3, 0, 0, 0)
            told = await correspondence(ada.desk, "Bert")
            assert [(one.subject, one.direction) for one in told] == [
                ("Letter 1", "in"),
                ("Letter 2", "out"),
                ("Letter 3", "in"),
            ]
            assert told[0].text.startswith("Dear friend") and "all is well" in told[0].text
            assert await letterbox(ada.desk) == []
            assert await ada.desk.drawer.read(chain.verify) is None
            for data in (*came, *went):
                kept = await ada.desk.drawer.read(lambda db, d=data: arrivals.of_bytes(db, d))  # type: ignore[misc]  # bound now
                assert await ada.desk.drawer.read(lambda db, n=kept.number: arrivals.raw(db, n)) == data  # type: ignore[misc]  # bound now
                digest = await ada.desk.drawer.read(lambda db, n=kept.letter: letters.content_digest(db, n))  # type: ignore[misc]  # bound now
                assert await ada.desk.drawer.read(lambda db, d=digest: chain.known(db, chain.Kind.FILED, d))  # type: ignore[misc]  # bound now
        assert {file: file.read_bytes() for file in source.rglob("*") if file.is_file()} == before

    run(play)


def test_twice_is_once_and_other_copies_are_noted(tmp_path: Path) -> None:
    async def play() -> None:
        same, other_bytes = letter(1), letter(1, more="X-Server: another\n")
        twin = letter(1, text="Something else under the same id.\n")
        no_id, no_id_either = letter(5, message_id=None), letter(6, message_id=None)
        box = mbox(tmp_path / "letters.mbox", [same, same, other_bytes, twin, no_id, no_id_either])
        async with _ada(tmp_path) as ada:
            done = await _take(ada, box)
            assert (done.found, done.taken, done.already_here) == (6, 4, 2)
            again = await _take(ada, box)
            assert (again.found, again.taken, again.already_here) == (6, 0, 6)
            plan = await _plan(ada, box)
            assert (plan.letters, plan.already_here) == (0, 6)
            found = await correspondence(ada.desk, "Bert")
            assert [one.subject for one in found] == ["Letter 1", "Letter 1", "Letter 5", "Letter 6"]
            marked = [
                await ada.desk.drawer.read(lambda db, n=one.number: letters.letter(db, n))  # type: ignore[misc]  # bound now
                for one in found
            ]
            assert [one.twin for one in marked] == [True, True, False, False]
            assert marked[2].letter_id.endswith("@no-id.invalid") and marked[2].letter_id != marked[3].letter_id

    run(play)


def test_what_was_erased_does_not_come_back_in_another_form(tmp_path: Path) -> None:
    """The same letter of a Maildir (LF), of a server (CRLF), and with another header is one, and erased as one."""

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            assert (await _take(ada, maildir(tmp_path / "lf", [letter(1)]))).taken == 1
            assert (await _take(ada, maildir(tmp_path / "crlf", [letter(1, end="\r\n")]))).already_here == 1
            (found,) = await correspondence(ada.desk, "Bert")
            await erasing.erase(ada.desk, found.number)
            other = letter(1, end="\r\n", more="X-Server: another\n")
            done = await _take(ada, maildir(tmp_path / "more", [letter(1), other, letter(2)]))
            assert (done.taken, done.already_here, done.erased) == (1, 0, 2)
            (left,) = await correspondence(ada.desk, "Bert")
            assert left.subject == "Letter 2"

    run(play)


def test_what_is_no_letter_is_left_out_and_said(tmp_path: Path) -> None:
    async def play() -> None:
        source = maildir(
            tmp_path / "Maildir",
            [
                letter(1),
                letter(2, sender="News <news@shop.test>", more="List-Unsubscribe: <https://shop.test/x>\n"),
                letter(3, sender="MAILER-DAEMON@letters.test"),
                letter(4, more="Content-Type: text/calendar\n", text="BEGIN:VCALENDAR\nEND:VCALENDAR\n"),
                letter(5, text="\n"),
            ],
        )
        maildir(source, [letter(6)], sub=".Drafts")
        maildir(source, [letter(7)], sub=".Trash")
        async with _ada(tmp_path) as ada:
            plan = await _plan(ada, source)
            assert plan.left_out == {"newsletter": 1, "report": 1, "draft": 1, "trash": 1}
            assert plan.letters == 3  # that one is empty, and one an invitation, shows when they are read
            done = await _take(ada, source)
            assert done.taken == 1
            assert done.left_out == {"newsletter": 1, "report": 1, "calendar": 1, "empty": 1, "draft": 1, "trash": 1}
            assert done.not_letters == 6
            wished = await _take(ada, source, take=frozenset({"newsletter", "trash", "empty"}))
            assert (wished.taken, wished.already_here, wished.not_letters) == (3, 1, 3)

    run(play)


def test_what_cannot_be_taken_is_named_and_keeps_nothing_else_from_being_taken(tmp_path: Path) -> None:
    """A note without a date among ten thousand letters, a letter that is too large, and a page that was never sent."""

    async def play() -> None:
        source = maildir(tmp_path / "Maildir", [letter(1), letter(2)])
        (source / "anotes.txt").write_text("Milk, bread\n")
        (source / "draft-3.md").write_text('---\ndraft: "page"\nto: ["Bert"]\ndate: 2009\n---\n\nDear Bert\n')
        with (source / "cur" / "9.M1P1.host:2,S").open("wb") as large:
            large.truncate(found.LARGEST_LETTER + 1)
        async with _ada(tmp_path) as ada:
            done = await _take(ada, source)
            assert (done.taken, done.failed, done.missed) == (2, 2, 2)
            assert done.left_out == {"draft": 1}
            assert {one.what for one in done.skipped} == {"anotes.txt", "cur/9.M1P1.host:2,S"}
            note = next(one for one in done.skipped if one.what == "anotes.txt")
            assert "--from" in note.why
            assert (await _plan(ada, source)).left_out == {"draft": 1}
            with pytest.raises(Usage) as asked:
                await _take(ada, source / "anotes.txt")
            assert asked.value.code == "whose_letter"
            with pytest.raises(Usage) as asked:
                await _take(ada, source / "anotes.txt", about=importing.About(to="Dora"))
            assert asked.value.code == "when_written"
            assert not any(one.name == "Dora" for one in await ada.desk.drawer.read(people.list_all))

    run(play)


def test_old_letters_in_print_are_filed_by_their_heads(tmp_path: Path) -> None:
    """Our own name says which are from us; the plan says how many leave it open whose they are."""

    async def play() -> None:
        folder = tmp_path / "old"
        folder.mkdir()
        (folder / "1.txt").write_text("From: Ada\nTo: Dora\nDate: 1961-05-02\n\nDear Dora,\n\nall is well.\n")
        (folder / "2.txt").write_text("From: Dora\nTo: Ada\nPlace: Lindau\nDate: 1961-06\n\nDear Ada,\n\nhere too.\n")
        async with _ada(tmp_path) as ada:
            plan = await _plan(ada, folder)
            assert (plan.letters, plan.unsaid) == (2, 0)
            assert (await _take(ada, folder)).taken == 2
            sides = await ada.desk.drawer.read(
                lambda db: db.all("SELECT direction, date(date, 'unixepoch') FROM letters ORDER BY number")
            )
            assert sides == [("out", "1961-05-02"), ("in", "1961-06-01")]
            assert [one.number for one in (await searching.search(ada.desk, "lindau")).letters] == [2]
            (folder / "3.txt").write_text("Dear Ada,\n\nno head.\n")
            assert (await _plan(ada, folder)).unsaid == 1
            assert (await _plan(ada, folder, about=importing.About(sender="Dora", date="1962"))).unsaid == 0

    run(play)


def test_addresses_that_were_ours_are_proposed_and_then_known(tmp_path: Path) -> None:
    async def play() -> None:
        old = "Ada <ada@old.test>"
        source = maildir(tmp_path / "Maildir", [letter(n, to=old) for n in range(1, 5)])
        maildir(source, [letter(9, sender=old, to=CLARA)], sub=".Sent")
        async with _ada(tmp_path) as ada:
            plan = await _plan(ada, source)
            assert plan.perhaps_mine == ("ada@old.test",)
            assert (plan.others, plan.sent) == (4, 1)
            plan = await _plan(ada, source, mine=("ada@old.test",))
            assert (plan.others, plan.perhaps_mine) == (0, ())
            assert {one.name for one in plan.people} == {"Bert", "Clara"}
            await _take(ada, source, mine=("ada@old.test",))
            book = await ada.desk.drawer.read(people.list_all)
            assert {one.name for one in book} == {"Bert", "Clara"}

    run(play)


def test_family_letters_between_others_can_be_left_out(tmp_path: Path) -> None:
    async def play() -> None:
        box = mbox(tmp_path / "family.mbox", [letter(1, to=CLARA), letter(2)])
        async with _ada(tmp_path) as ada:
            plan = await _plan(ada, box)
            assert (plan.letters, plan.others) == (2, 1)
            done = await _take(ada, box, only_ours=True)
            assert (done.taken, done.left_out) == (1, {"others": 1})

    run(play)


def test_an_enclosure_is_not_kept_twice_and_outlives_its_original(tmp_path: Path) -> None:
    async def play() -> None:
        import base64

        from dearly.drawer import objects

        data = hashlib.sha256(b"x").digest() * 400
        run_of_base64 = base64.encodebytes(data).decode()
        more = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n'
        body = (
            "--b\nContent-Type: text/plain\n\nSee the picture.\n--b\nContent-Type: image/jpeg\n"
            'Content-Disposition: attachment; filename="garden.jpg"\nContent-Transfer-Encoding: base64\n\n'
            f"{run_of_base64}--b--\n"
        )
        box = mbox(tmp_path / "one.mbox", [letter(1, more=more, text=body)])
        async with _ada(tmp_path) as ada:
            await _take(ada, box)
            (found,) = await correspondence(ada.desk, "Bert")
            assert [(one.name, one.size) for one in found.enclosures] == [("garden.jpg", len(data))]
            whole = await ada.desk.drawer.read(lambda db: letters.enclosure(db, found.number, 0))
            assert whole.data == data
            packing = await ada.desk.drawer.read(
                lambda db: db.all("SELECT packing, length(body) FROM objects ORDER BY length(body)")
            )
            assert packing[0] == ("within", 16)

            def without_its_original(db: Any) -> bytes:
                outer = db.value("SELECT object_id FROM arrivals")
                inner = db.value("SELECT object_id FROM enclosures")
                db.run("UPDATE arrivals SET object_id = ?", (inner,))
                assert objects.release(db, outer)
                return objects.get(db, inner)

            assert await ada.desk.drawer.write(without_its_original) == data

    run(play)


def test_the_run_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    async def play() -> None:
        box = mbox(tmp_path / "letters.mbox", [letter(n) for n in range(1, 8)])
        async with _ada(tmp_path) as ada:
            archive = importing.open_archive(box)
            items = list(archive.items())
            cursor = items[2].cursor

            def three_were_counted(db: Any) -> None:
                log = importing_log.begin(
                    db, archive.source, archive.place, archive.format, Choices().mark, ada.desk.clock.now()
                )
                importing_log.advance(db, log, cursor, importing_log.Tally(3, 3, 0, 0, 0))

            await ada.desk.drawer.write(three_were_counted)
            assert (await _plan(ada, box)).going_on
            done = await _take(ada, box)
            assert (done.found, done.taken) == (7, 7)
            assert len(await correspondence(ada.desk, "Bert")) == 4

    run(play)
