"""F44 to the letter: what a bundle holds is the same after it was imported into a new drawer and exported again; and
whose word counts there."""

from __future__ import annotations

import json
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from dearly.desk import erasing, exporting, importing, people, write
from dearly.desk.open import letterbox
from dearly.drawer import accounts, chain, exporting_originals, keyring, knocks
from dearly.drawer import people as book
from dearly.drawer.connection import Db
from dearly.drawer.keyring import BindingState
from dearly.drawer.rows import stamp
from dearly.letter.content import Enclosure
from dearly.letter.errors import Damaged, Locked
from tests.support import whole_drawers
from tests.support.archives import ADA, BERT, letter, maildir
from tests.support.desks import Person, Town, a_town
from tests.support.drawers import run
from tests.support.times import NOON

WORD = "fake words for keys"

Rows = dict[str, set[tuple[tuple[str, Any], ...]]]

_LOCAL = {"number", "made", "drawer", "files"}
"""What is a drawer's own: numbers, and when the bundle was written."""


def _content(folder: Path) -> dict[str, Any]:
    """Everything in a bundle but what is a drawer's own; its blobs by name."""
    found: dict[str, Any] = {"blobs": set()}
    with tarfile.open(folder / "letters.dearly.tar") as tar:
        for member in tar:
            name = member.name
            file = tar.extractfile(member)
            assert file is not None
            if name.startswith("blobs/"):
                found["blobs"].add(name)
            elif name.endswith((".json", ".jsonl")):
                found[name] = [_foreign(json.loads(line)) for line in file.read().splitlines()]
    return found


def _foreign(value: Any) -> Any:
    if isinstance(value, list):
        return [_foreign(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {name: _foreign(one) for name, one in value.items() if name not in _LOCAL}
    if kept.get("state") in ("opened", "same", "imported"):  # taken out of its envelope, here or there
        kept["state"] = "opened"
    if "not_before" in kept:  # a journey: what had not left is held in the new drawer, since now
        if kept["state"] in ("waiting", "dated", "trying", "uncertain"):
            kept |= {"state": "held", "reason": "restored"}
        if kept.get("reason") == "restored":
            del kept["since"]
    if "brought" in kept:  # an attempt: one that had not ended is over
        kept.setdefault("ended", NOON.isoformat())
        kept["brought"] = [{"outcome": "unknown", **one} for one in kept["brought"]]
    return kept


async def _export(person: Person, folder: Path, under: str | None = None) -> dict[str, Any]:
    await exporting.export(person.desk, folder, exporting.wish("bundle", secret_under=under), lambda *_: None)
    return _content(folder)


async def _a_life(town: Town, place: Path) -> Person:
    """Ada's: letters both ways, sealed and from an archive; drafts; people of all kinds; what was decided."""
    ada, bert = await town.settle("Ada", "Bert")
    await ada.post(await ada.write("Bert", "Dear Bert", "First", Enclosure("a.txt", "text/plain", b"enclosed " * 50)))
    await ada.round()
    await bert.round()
    (came,) = await bert.letterbox()
    await bert.open(came.number)
    await bert.post(await bert.answer(came.number, "Dear Ada"))
    await bert.post(await bert.write("Ada", "Not opened for a while"))
    await bert.round()
    await ada.round()
    await ada.open(min(one.number for one in await ada.letterbox()))
    old = maildir(place / "Maildir", [letter(1), letter(2, sender=ADA, to=BERT)])
    await importing.run(ada.desk, importing.open_archive(old), importing.Choices(), lambda *_: None)
    page = await write.write(ada.desk, ["Bert"], "A draft", "Later", [Enclosure("b.txt", "text/plain", b"in a draft")])
    now = town.clock.now()

    def decide(db: Db) -> None:
        bert_ = book.find(db, "Bert")
        clara = book.add(
            db,
            "Clara Moor",
            [
                book.NewAddress("clara@letters.test", since=now - timedelta(days=900), until=now - timedelta(days=9)),
                book.NewAddress("clara@elsewhere.test", label="new", since=now - timedelta(days=9)),
                book.NewAddress("Harbour 4\n5003 Bergen", book.AddressKind.POSTAL, country="NO"),
            ],
            now=now,
            chance=ada.desk.chance,
        )
        book.edit(db, clara.id, birthday="--05-04", note="likes figs", now=now)
        circle = book.add(db, "The walkers", kind=book.PersonKind.CIRCLE, now=now, chance=ada.desk.chance)
        book.join(db, circle.id, clara.id, now)
        book.join(db, circle.id, bert_.id, now)
        bound = keyring.bindings(db, bert_.id)[0]
        keyring.decide(db, bert_.id, bound.fingerprint, BindingState.VERIFIED, now, where="at the harbour")
        db.run("UPDATE letters SET reply = 'later', reply_on = '2027-01-01' WHERE subject = 'Letter 1'")

    await ada.desk.drawer.write(decide)
    await write.put_away(ada.desk, page.number, date(2027, 2, 1))
    return ada


async def _with_everything(ada: Person) -> None:
    """Something in every table and state; and one letter erased."""

    def work(db: Db) -> int:
        posted = db.value("SELECT number FROM letters WHERE subject = 'First'")
        theirs = db.value("SELECT number FROM letters WHERE seal LIKE 'signed%'")
        whole_drawers.in_every_state(db, ada.desk, posted, theirs)
        return int(db.value("SELECT number FROM letters WHERE subject = 'Letter 2'"))

    await erasing.erase(ada.desk, await ada.desk.drawer.write(work))


def _as_it_comes(rows: Rows, now: int) -> Rows:
    """Rows as docs/bundle.md says that they come into another drawer of ours: nothing starts again, what was opened is
    in no letterbox, addresses and keys are former ones."""

    def come(table: str, row: tuple[tuple[str, Any], ...]) -> tuple[tuple[str, Any], ...]:
        one = dict(row)
        if table == "journeys" and one["state"] in ("waiting", "dated", "trying", "uncertain"):
            one |= {"state": "held", "reason": "restored", "since": now}
        if table == "attempts":
            one["ended"] = one["ended"] or now
        if table == "attempt_journeys":
            one["outcome"] = one["outcome"] or "unknown"
        if table == "arrivals" and one["letter"] is not None and one["state"] in ("opened", "same"):
            one["state"] = "imported"
        if table == "own_addresses":
            one["until"] = one["until"] or now
        if table == "own_keys":
            one["retired"] = one["retired"] or now
        return tuple(one.items())

    return {table: {come(table, row) for row in of} for table, of in rows.items()}


@asynccontextmanager
async def _two(place: Path) -> AsyncIterator[tuple[Person, Person, Town]]:
    async with a_town(place) as town:
        ada = await _a_life(town, place)
        new = await town.person("New")
        await new.gets_mail("new@letters.test")
        yield ada, new, town


@pytest.mark.parametrize("by", ["bundle", "drawer"])
def test_nothing_is_lost_on_the_way_into_a_new_drawer(tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with _two(tmp_path) as (ada, new, _town):
            monkeypatch.setattr(exporting_originals, "PIECE", 3)
            await _with_everything(ada)
            kept = _as_it_comes(await ada.desk.drawer.read(whole_drawers.rows), stamp(new.desk.clock.now()))
            before = await _export(ada, tmp_path / "one", WORD)
            await ada.desk.close()
            archive = importing.open_archive(tmp_path / "one" if by == "bundle" else ada.folder)
            word = WORD if by == "bundle" else "fake passphrase for tests"
            assert archive.format == by
            with pytest.raises(Locked):
                await importing.run_ours(new.desk, archive, "other fake words", lambda *_: None, ours=True)
            assert await new.desk.drawer.read(lambda db: db.value("SELECT count(*) FROM persons")) == 0
            plan = await importing.plan(new.desk, archive, importing.Choices(), lambda *_: None, passphrase=word)
            assert (plan.letters, plan.format) == (3 + 4 + 3, by)  # letters, parcels, further copies
            done = await importing.run_ours(new.desk, archive, word, lambda *_: None, ours=True)
            assert (done.taken, done.failed, done.already_here) == (3, 4, 3)
            found = await new.desk.drawer.read(whole_drawers.rows)
            for table, of in kept.items():
                assert of - found[table] == set(), table
            own = {"own_addresses", "own_keys", "settings", "arrivals", "numbers", "objects"}
            assert {table for table, of in kept.items() if found[table] - of} <= own
            after = await _export(new, tmp_path / "two", WORD)
            assert sorted(before) == sorted(after)
            for name in before:
                if name not in ("owner.json", "blobs"):
                    assert before[name] == after[name], name
            (was,), (is_) = before["owner.json"], after["owner.json"][0]
            assert {key["fingerprint"] for key in was["keys"]} < {key["fingerprint"] for key in is_["keys"]}
            gone = [one for one in is_["addresses"] if one["text"] in {old["text"] for old in was["addresses"]}]
            assert [one["uid"] for one in gone] == [one["uid"] for one in was["addresses"]]
            assert all(one["until"] for one in gone)
            assert await new.desk.drawer.read(chain.verify) is None
            # The letter that was never opened lies in the letterbox, and the old key opens it.
            (waiting,) = await letterbox(new.desk)
            assert (await new.open(waiting.number)).text.strip() == "Not opened for a while"

    run(play)


def test_again_takes_nothing_twice(tmp_path: Path) -> None:
    async def play() -> None:
        async with _two(tmp_path) as (ada, new, _town):
            await _export(ada, tmp_path / "one")
            archive = importing.open_archive(tmp_path / "one")
            await importing.run_ours(new.desk, archive, None, lambda *_: None, ours=True)
            before = await _export(new, tmp_path / "two")
            again = await importing.run_ours(new.desk, archive, None, lambda *_: None, ours=True)
            assert (again.taken, again.failed, again.already_here) == (0, 0, again.found)
            assert await _export(new, tmp_path / "three") == before

    run(play)


def test_of_anybody_elses_bundle_nothing_counts_as_proven(tmp_path: Path) -> None:
    """The bundle names Ada's key and says what she decided; without her secret key or our word that is talk."""

    async def play() -> None:
        async with _two(tmp_path) as (ada, new, _town):
            await _with_everything(ada)
            there = {one.name: one.uid for one in await ada.desk.drawer.read(book.list_all)}

            def known(db: Db) -> None:
                """Bert and the circle are in the new book, under uids that the makers of bundles may have read."""
                for name, kind in (("Bert", book.PersonKind.PERSON), ("The walkers", book.PersonKind.CIRCLE)):
                    one = book.add(db, name, kind=kind, now=NOON, chance=new.desk.chance)
                    db.run("UPDATE persons SET uid = ? WHERE id = ?", (bytes.fromhex(there[name]), one.id))

            await new.desk.drawer.write(known)
            await _export(ada, tmp_path / "one")
            await importing.run_ours(new.desk, importing.open_archive(tmp_path / "one"), None, lambda *_: None)
            assert not await new.desk.drawer.read(
                lambda db: (book.find(db, "Bert").addresses, book.find(db, "The walkers").members) != ((), ())
            )

            def look(db: Db) -> tuple[set[str], set[str], int]:
                states = {state for (state,) in db.all("SELECT state FROM bindings")}
                seals = {seal for (seal,) in db.all("SELECT seal FROM letters WHERE seal IS NOT NULL")}
                return states, seals, len(keyring.own_keys(db))

            assert await new.desk.drawer.read(look) == ({"first_seen"}, {"signed_first_seen", "never_sealed"}, 1)
            assert await letterbox(new.desk) == []

            def would_act(db: Db) -> list[tuple[Any, ...]]:
                """What somebody else's drawer could make this one do, or leave undone."""
                return db.all(
                    "SELECT state FROM journeys WHERE state NOT IN ('on_its_way', 'held_for_them', 'given_up')"
                    " UNION SELECT kind FROM chain WHERE kind = 'erased' UNION SELECT value FROM settings"
                    " WHERE name = 'theme' UNION SELECT answer FROM strangers WHERE answer IS NOT NULL"
                    " UNION SELECT letter FROM offered_keys UNION SELECT letter FROM pieces"
                    " UNION SELECT one FROM kept_apart"
                )

            assert await new.desk.drawer.read(would_act) == []
            # An address of theirs is none of ours: what comes from it, or goes to it, would be taken for our own.
            ours = await new.desk.drawer.read(lambda db: accounts.own_addresses(db, left=True))
            assert [str(one) for one in ours] == ["new@letters.test"]
            # And what they wrote is none of ours: it came from them. So nobody is somebody to whom we have written.
            written = "SELECT l.subject, l.direction, f.address FROM letters l JOIN parties f ON f.letter = l.number"
            wrote = await new.desk.drawer.read(lambda db: db.all(f"{written} WHERE f.role = 'from' ORDER BY 1"))
            assert [(subject, direction) for subject, direction, _from in wrote] == [
                ("First", "in"), ("First", "in"), ("Letter 1", "in"),
            ]  # fmt: skip
            for _subject, _direction, one in wrote:
                assert await new.desk.drawer.read(lambda db, one=one: knocks.heard_of(db, one)), one  # type: ignore[misc]  # bound now
            again = importing.open_archive(tmp_path / "one")
            done = await importing.run_ours(new.desk, again, None, lambda *_: None)
            assert (done.taken, done.already_here + done.failed) == (0, done.found), "and taken once"
            # Told later that it was ours, what was ours in it is.
            done = await importing.run_ours(new.desk, again, None, lambda *_: None, ours=True)
            assert (done.taken, done.refiled) == (0, 1)
            wrote = await new.desk.drawer.read(lambda db: db.all(f"{written} WHERE f.role = 'from' ORDER BY 1, 2"))
            assert [direction for _subject, direction, _from in wrote] == ["in", "out", "in"]
            assert await new.desk.drawer.read(lambda db: knocks.heard_of(db, "clara@letters.test"))
            assert (await people.show_person(new.desk, "Bert")).name == "Bert"

    run(play)


def test_what_was_decided_here_stays_decided(tmp_path: Path) -> None:
    """Another bundle, of one's own even, does not take the place of a key that is in use here."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await _a_life(town, tmp_path)
            await _export(ada, tmp_path / "one")

            def set_aside(db: Db) -> list[tuple[str, str]]:
                bert = book.find(db, "Bert")
                bound = keyring.bindings(db, bert.id)[0]
                keyring.decide(db, bert.id, bound.fingerprint, BindingState.LEFT, town.clock.now())
                return [(one.fingerprint, one.state.value) for one in keyring.bindings(db, bert.id)]

            decided = await ada.desk.drawer.write(set_aside)
            archive = importing.open_archive(tmp_path / "one")
            await importing.run_ours(ada.desk, archive, None, lambda *_: None, ours=True)

            def look(db: Db) -> list[tuple[str, str]]:
                bert = book.find(db, "Bert")
                return [(one.fingerprint, one.state.value) for one in keyring.bindings(db, bert.id)]

            assert await ada.desk.drawer.read(look) == decided

    run(play)


def test_a_bundle_that_is_cut_short_is_not_done(tmp_path: Path) -> None:
    """A copy that was broken off between two files in it: nothing else would tell that letters are missing."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            old = maildir(tmp_path / "Maildir", [letter(n) for n in (1, 2)])
            await importing.run(ada.desk, importing.open_archive(old), importing.Choices(), lambda *_: None)
            await _export(ada, tmp_path / "out")
            file = tmp_path / "out" / "letters.dearly.tar"
            whole = file.read_bytes()
            file.write_bytes(whole[: whole.index(b"letters/000001.jsonl")])
            new = await town.person("New")
            with pytest.raises(Damaged) as cut:
                await importing.run_ours(new.desk, importing.open_archive(file), None, lambda *_: None)
            assert cut.value.code == "bundle_cut"
            file.write_bytes(whole)
            done = await importing.run_ours(new.desk, importing.open_archive(file), None, lambda *_: None)
            assert done.taken == 2
            # Of one in which an octet has changed, what is torn is named, and the rest is read.
            file.write_bytes(whole.replace(b"text of letter 1", b"text of letter 9", 1))
            done = await importing.run_ours(new.desk, importing.open_archive(file), None, lambda *_: None)
            assert (done.already_here, done.failed, done.missed) == (1, 1, 1)
            assert [one.what for one in done.skipped] == ["letters/000001.jsonl:1"]

    run(play)


def test_a_bundle_of_the_same_drawer_doubles_nothing_and_brings_no_erased_letter_back(tmp_path: Path) -> None:
    """After a restored backup, say."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await _a_life(town, tmp_path)
            await _export(ada, tmp_path / "out")

            async def letters() -> list[tuple[Any, ...]]:
                return await ada.desk.drawer.read(lambda db: db.all("SELECT number, twin FROM letters ORDER BY number"))

            before = await letters()
            archive = importing.open_archive(tmp_path / "out")
            assert (await importing.run_ours(ada.desk, archive, None, lambda *_: None)).taken == 0
            assert await letters() == before
            travelled = [number for number, _twin in before if not await _under_way(ada, number)]
            for number in travelled:
                await erasing.erase(ada.desk, number)
            left = await letters()
            assert (await importing.run_ours(ada.desk, archive, None, lambda *_: None)).taken == 0
            assert await letters() == left
            assert len(left) == len(before) - len(travelled)
            assert await ada.desk.drawer.read(chain.verify) is None

    run(play)


async def _under_way(person: Person, number: int) -> bool:
    states = await person.desk.drawer.read(
        lambda db: [state for (state,) in db.all("SELECT state FROM journeys WHERE letter = ?", (number,))]
    )
    return any(state in ("waiting", "dated", "held", "trying", "uncertain") for state in states)


def test_of_every_column_it_is_said_whether_a_bundle_has_it() -> None:
    """docs/bundle.md names each column of docs/schema.sql once."""
    assert set(whole_drawers.columns()) == set(whole_drawers.said())
    for table, columns in whole_drawers.columns().items():
        about = whole_drawers.said()[table]
        if not about.all_of_one_kind:
            named = [*about.carried, *about.anew, *about.behind]
            assert sorted(named) == sorted(columns), table


def test_an_erased_letter_without_an_original_does_not_come_back(tmp_path: Path) -> None:
    """One that nothing but its words is kept of, such as a letter on paper; and one in other bytes than those here."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            wired = tmp_path / "wired.eml"
            wired.write_bytes(letter(2).replace(b"\n", b"\r\n"))
            for source in (maildir(tmp_path / "Mail", [letter(1), letter(2)]), wired):
                await importing.run(ada.desk, importing.open_archive(source), importing.Choices(), lambda *_: None)

            def forget(db: Db) -> int:
                """Of the first letter all originals, and of the second one of two."""
                first, second = (n for (n,) in db.all("SELECT number FROM letters ORDER BY subject"))
                wired = db.value("SELECT max(number) FROM arrivals WHERE letter = ?", (second,))
                for number in (first, wired):
                    db.run("DELETE FROM postmarks WHERE arrival = ?", (number,))
                    db.run("DELETE FROM arrivals WHERE number = ?", (number,))
                return int(db.value("SELECT count(*) FROM arrivals"))

            await _export(ada, tmp_path / "out")
            assert await ada.desk.drawer.write(forget) == 1
            await _export(ada, tmp_path / "bare")
            for (number,) in await ada.desk.drawer.read(lambda db: db.all("SELECT number FROM letters")):
                await erasing.erase(ada.desk, number)
            for folder in ("bare", "out"):
                archive = importing.open_archive(tmp_path / folder)
                done = await importing.run_ours(ada.desk, archive, None, lambda *_: None)
                assert (done.found, done.taken, done.erased) == (2, 0, 2), folder
            assert await ada.desk.drawer.read(lambda db: db.value("SELECT count(*) FROM letters")) == 0

    run(play)


def test_what_is_damaged_in_another_drawer_keeps_nothing_else_back(tmp_path: Path) -> None:
    """F19: an old drawer on an old disk. The octets of one letter and of one draft cannot be read any more."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, new = await town.person("Ada"), await town.person("New")
            await ada.gets_mail()
            old = maildir(tmp_path / "Maildir", [letter(n) for n in range(5)])
            await importing.run(ada.desk, importing.open_archive(old), importing.Choices(), lambda *_: None)
            for n in range(3):
                enclosed = [Enclosure("b.txt", "text/plain", b"octets %d" % n)]
                await write.write(ada.desk, ["Bert"], "Text", f"Draft {n}", enclosed)

            def damage(db: Db) -> None:
                parcel = "SELECT object_id FROM arrivals JOIN letters l ON l.number = letter WHERE subject = 'Letter 2'"
                enclosed = (
                    "SELECT object_id FROM draft_enclosures JOIN drafts ON number = draft WHERE subject = 'Draft 1'"
                )
                for of in (parcel, enclosed):
                    db.run(f"UPDATE objects SET body = x'00' WHERE id = ({of})")

            await ada.desk.drawer.write(damage)
            await ada.desk.close()
            word = "fake passphrase for tests"
            done = await importing.run_ours(new.desk, importing.open_archive(ada.folder), word, lambda *_: None)
            assert (done.taken, done.failed, done.missed) == (4, 2, 2)
            assert sorted(one.what.partition(" ")[0] for one in done.skipped) == ["drafts", "letters"]

            def look(db: Db) -> list[str]:
                of = "SELECT subject FROM letters UNION ALL SELECT subject FROM drafts ORDER BY 1"
                return [subject for (subject,) in db.all(of)]

            assert await new.desk.drawer.read(look) == [
                "Draft 0", "Draft 2", "Letter 0", "Letter 1", "Letter 3", "Letter 4",
            ]  # fmt: skip

    run(play)
