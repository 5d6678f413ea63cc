"""Exports at the desk: what is refused, what is said before, pieces, damage, and giving up half-way."""

from __future__ import annotations

import asyncio
import email
import email.policy
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from dearly.desk import exporting, importing
from dearly.desk.desk import Desk
from dearly.drawer import exporting as reading
from dearly.drawer import exporting_originals, letters, objects, people
from dearly.drawer.connection import Db
from dearly.drawer.numbers import new_number
from dearly.exchange.bundle_reading import Bundle, Torn
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Enclosure, Letter, LetterId
from dearly.letter.errors import DearlyError, NotFound, Refused, Usage
from tests.support.desks import MemoryWays, desk_of
from tests.support.drawers import make_drawer
from tests.support.memory_carrier import MemoryPost
from tests.support.times import NOON, CountedChance, FixedClock

ADA = Correspondent("Ada", Address("ada", "letters.test"))
BERT = Correspondent("Bert", Address("bert", "letters.test"))
MANY = reading.PIECE * 2 + 30


def quiet(_what: str, _done: int, _total: int) -> None:
    """Nobody looks."""


def put(db: Db, n: int, when: datetime, *enclosures: Enclosure) -> int:
    number = new_number(db, "draft", when, CountedChance(f"letter {n}"))
    letter = Letter(LetterId(f"l{n}@letters.test"), ADA, (BERT,), when, f"Letter {n}", f"Text {n}\n", enclosures)
    letters.file_sent(db, number, letter, persons=[people.show(db, 1).id], postcard=False, now=when)
    return number


@dataclass
class Place:
    """A desk, and a runner for it."""

    desk: Desk
    folder: Path
    runner: asyncio.Runner

    def export(self, name: str, target: str = "out", **how: Any) -> exporting.Exported:
        wish = exporting.wish(name, **how)
        return self.runner.run(exporting.export(self.desk, self.folder / target, wish, quiet))

    def write(self, work: Any) -> Any:
        return self.runner.run(self.desk.drawer.write(work))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    async def begin() -> Desk:
        drawer = await make_drawer(tmp_path / "drawer")
        await drawer.write(
            lambda db: people.add(
                db, "Bert", [people.NewAddress("bert@letters.test")], now=NOON, chance=CountedChance("bert")
            )
        )
        return desk_of(drawer, MemoryWays(MemoryPost()), FixedClock(), CountedChance("desk"), tmp_path / "state")

    with asyncio.Runner() as runner:
        desk = runner.run(begin())
        yield Place(desk, tmp_path, runner)
        runner.run(desk.close())


def test_what_is_there_is_never_written_into(place: Place) -> None:
    (place.folder / "full").mkdir()
    (place.folder / "full" / "mine.txt").write_text("mine")
    (place.folder / "file").write_text("mine")
    for target, code in (("full", "not_empty"), ("file", "name_taken"), ("drawer/out", "export_in_drawer")):
        with pytest.raises(Refused) as refused:
            place.export("cmif", target)
        assert refused.value.code == code
    with pytest.raises(NotFound):
        place.export("cmif", "nowhere/out")
    assert (place.folder / "full" / "mine.txt").read_text() == "mine"
    assert not list(place.folder.rglob("*.partial"))
    (place.folder / "empty").mkdir()
    assert place.export("cmif", "empty").files == 2


def test_a_folder_that_only_looks_unfinished_is_left_alone(place: Place) -> None:
    other = place.folder / "out.partial"
    other.mkdir()
    (other / "mine.txt").write_text("mine")
    with pytest.raises(Refused) as refused:
        place.export("cmif")
    assert refused.value.code == "name_taken"
    assert (other / "mine.txt").read_text() == "mine"


def test_what_leaves_the_lock_is_said_before(place: Place) -> None:
    """With the numbers of this drawer: a letter without an original, one that came unsealed, an envelope, a person."""

    def fill(db: Db) -> None:
        put(db, 1, NOON)
        for n, state in ((2, "imported"), (3, "unopened")):
            number = new_number(db, "arrival", NOON, CountedChance(f"arrival {n}"))
            db.run(
                "INSERT INTO arrivals (number, raw_sha256, object_id, state, arrived, way, place, seal, seal_sha256)"
                " VALUES (?, ?, ?, ?, 0, 'mail', 'x', ?, ?)",
                (
                    number,
                    bytes([n]) * 32,
                    objects.put(db, b"%d" % n),
                    state,
                    *(("never_sealed", None) if n == 2 else (None, b"s" * 32)),
                ),
            )
        second = put(db, 2, NOON)
        db.run("UPDATE letters SET direction = 'in' WHERE number = ?", (second,))
        db.run("UPDATE arrivals SET letter = ? WHERE state = 'imported'", (second,))

    place.write(fill)
    found = place.runner.run(place.desk.drawer.read(exporting.survey))
    assert (found.letters, found.sealed, found.clear, found.without, found.envelopes) == (2, 0, 1, 1, 1)

    def said(name: str, target: str = "out", **how: Any) -> str:
        return " ".join(exporting.before(place.folder / target, exporting.wish(name, **how), found))

    assert "can read every letter" in said("html")
    assert "the texts of all 2 letters" in said("html")
    plain = said("maildir")
    assert "One envelope that was never opened, or cannot be, goes along" in plain
    assert "maildir: one letter travelled unsealed, and stands there in clear." in plain
    assert "maildir: one letter has no original" in plain
    assert "sealed, and stay" not in plain
    assert "can read every letter" in said("maildir", opened=True)
    assert "every letter" not in said("cmif")
    assert "of 2 letters" in said("cmif")
    assert "one entry of your address book" in said("vcard")
    assert said("keys") == ""
    assert "passphrase of their own" in said("keys", secret_under="words")
    (place.folder / "Dropbox").mkdir()
    assert "synchronised by Dropbox" in said("keys", "Dropbox/out")
    with pytest.raises(Usage) as wrong:
        exporting.wish("html", secret_under="words")
    assert wrong.value.code == "no_secret_keys_there"
    with pytest.raises(Usage):
        exporting.wish("docx")


def test_many_letters_leave_in_pieces_while_the_desk_writes_on(place: Place) -> None:
    place.write(lambda db: [put(db, n, NOON + timedelta(hours=n)) for n in range(MANY)])
    desk, told = place.desk, []
    begun: list[asyncio.Task[int]] = []

    def progress(what: str, done: int, total: int) -> None:
        told.append((done, total))
        if done and not begun:
            begun.append(asyncio.ensure_future(desk.drawer.write(lambda db: put(db, MANY, NOON - timedelta(days=1)))))

    async def play() -> exporting.Exported:
        done = await exporting.export(desk, place.folder / "out", exporting.wish("bundle"), progress)
        await begun[0]
        return done

    done = place.runner.run(play())
    assert done.letters == MANY
    assert [of for of, _total in told] == sorted(of for of, _total in told)
    assert told[-1] == (MANY, MANY)
    assert len(told) >= 3
    with Bundle.open(place.folder / "out" / "letters.dearly.tar") as bundle:
        dates = [one.date for _cursor, one in bundle.letters() if not isinstance(one, Torn)]
        assert len(dates) == MANY == bundle.counts.letters
        assert dates == sorted(dates)


def test_a_damaged_letter_keeps_no_other_back(place: Place) -> None:
    numbers = place.write(lambda db: [put(db, n, NOON, Enclosure("a", "x/y", b"%d" % n)) for n in range(7)])
    hurt = "UPDATE objects SET body = x'00' WHERE id = (SELECT object_id FROM enclosures WHERE letter = ?)"
    place.write(lambda db: db.run(hurt, (numbers[3],)))
    done = place.export("markdown")
    assert (done.letters, done.damaged) == (6, (numbers[3],))
    assert len(list((place.folder / "out").rglob("*.md"))) == 6


def test_large_letters_come_one_by_one(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "BUDGET", 1000)
    place.write(lambda db: [put(db, n, NOON, Enclosure("a", "x/y", b"%d" % n * 600)) for n in range(5)])
    loads = []
    load = reading.load

    def counted(db: Db, numbers: Any, want: Any) -> Any:
        found = load(db, numbers, want)
        loads.append(len(found))
        return found

    monkeypatch.setattr(reading, "load", counted)
    assert place.export("markdown").letters == 5
    assert loads == [2, 2, 1]


def test_given_up_half_way_there_is_nothing(place: Place) -> None:
    place.write(lambda db: [put(db, n, NOON) for n in range(MANY)])

    async def play() -> None:
        task: asyncio.Task[Any]

        def stop(_what: str, _done: int, _total: int) -> None:
            task.cancel()

        wish = exporting.wish("markdown")
        task = asyncio.ensure_future(exporting.export(place.desk, place.folder / "out", wish, stop))
        with pytest.raises(asyncio.CancelledError):
            await task

    place.runner.run(play())
    assert sorted(p.name for p in place.folder.iterdir()) == ["drawer"]


def test_an_opened_copy_says_what_it_is(place: Place) -> None:
    place.write(lambda db: put(db, 1, NOON, Enclosure("a.txt", "text/plain", b"enclosed\n")))
    place.export("maildir", opened=True)
    (path,) = (place.folder / "out" / "sent" / "cur").iterdir()
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert message["Letter-Opened-Copy"] == "seal=ours; number=1; made-by=Dearly"
    assert (message["From"], message["To"]) == ("Ada <ada@letters.test>", "Bert <bert@letters.test>")
    body = message.get_body(("plain",))
    assert body is not None
    assert body.get_content() == "Text 1\r\n"
    assert [part.get_filename() for part in message.iter_attachments()] == ["a.txt"]


def test_a_full_disk_is_one_sentence(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write(lambda db: put(db, 1, NOON))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dearly.exchange.export_tree.Stream.write", full)
    with pytest.raises(DearlyError) as trouble:
        place.export("markdown")
    assert trouble.value.code == "disk_full"
    assert not list(place.folder.glob("out*"))


def test_texts_and_scans_are_no_messages(place: Place) -> None:
    """Their originals are a text file and a PDF: what stands in a Maildir or an mbox is a message all the same."""
    old = place.folder / "old"
    old.mkdir()
    (old / "1987-05-12.txt").write_text("Dear Ada: hello\n")
    (old / "1988-05-12.pdf").write_bytes(b"%PDF-1.7\n")
    choices = importing.Choices(about=importing.About(sender="Bert"))
    done = place.runner.run(importing.run(place.desk, importing.open_archive(old), choices, lambda *_: None))
    assert done.taken == 2
    place.export("maildir")
    files = [file.read_bytes() for file in (place.folder / "out").glob("*/cur/*")]
    found = [email.message_from_bytes(data, policy=email.policy.default) for data in files]
    assert sorted(str(one["Date"])[8:16] for one in found) == ["May 1987", "May 1988"]
    assert all(one["Letter-Opened-Copy"] for one in found)
    assert {part.get_content_type() for one in found for part in one.walk()} >= {"application/pdf", "text/plain"}
    place.export("mbox", "box")
    box = (place.folder / "box" / "received.mboxrd").read_bytes()
    assert box.count(b"\nLetter-Opened-Copy: ") == 2


def test_every_copy_of_a_letter_leaves(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often it came; those that do not stand with it come behind the letters."""
    monkeypatch.setattr(exporting_originals, "PIECE", 2)

    def fill(db: Db) -> None:
        letter = put(db, 1, NOON)
        db.run("UPDATE letters SET direction = 'in' WHERE number = ?", (letter,))
        for n in range(7):
            number = new_number(db, "arrival", NOON, CountedChance(f"arrival {n}"))
            db.run(
                "INSERT INTO arrivals (number, raw_sha256, object_id, state, arrived, way, place, letter)"
                " VALUES (?, ?, ?, 'opened', 0, 'mail', 'x', ?)",
                (number, bytes([n]) * 32, objects.put(db, b"X-Copy: %d\r\n\r\n" % n), letter),
            )

    place.write(fill)
    place.export("maildir", "one")
    found = sorted(one.read_bytes() for one in (place.folder / "one" / "received" / "cur").iterdir())
    assert found == [b"X-Copy: %d\r\n\r\n" % n for n in range(7)]
    place.export("maildir", "two", opened=True)
    assert len(list((place.folder / "two").rglob("cur/*"))) == 1
