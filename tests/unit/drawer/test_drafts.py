"""Drafts: nothing typed is overwritten unseen, every pause is kept, and an hour of typing weighs little."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dearly.drawer import drafts, versions
from dearly.drawer.connection import Db, unguarded
from dearly.drawer.drafts import Why
from dearly.letter.content import MOST_ENCLOSED, Draft, Enclosure, LetterId
from dearly.letter.errors import Damaged, NotFound, Refused, Usage
from tests.support.contents import BERT, CLARA, arrived, chance, connection_to, known, page, posted
from tests.support.times import NOON

PICTURE = Enclosure("garden.jpg", "image/jpeg", b"\xff\xd8 not really", "garden")


def _save(db: Db, number: int, text: str, seconds: float = 0) -> int:
    there = drafts.load(db, number)
    draft = Draft(there.draft.to, there.draft.subject, text)
    return drafts.save(db, number, draft, based_on=there.revision, now=NOON + timedelta(seconds=seconds))


def test_everything_comes_back(db: Db) -> None:
    bert = known(db, BERT)
    draft = Draft(
        (BERT, CLARA), "Rain\u00e9", "Dear both \u2603", (PICTURE,), LetterId("a@b"), (LetterId("x@y"), LetterId("a@b"))
    )
    answered = arrived(db).number
    there = drafts.new(db, draft, answers=answered, now=NOON, chance=chance)
    assert drafts.whole(db, there.number) == draft
    assert there.persons == (bert.id, None)
    assert (there.revision, there.state, there.words, there.answers) == (1, "page", 3, answered)
    assert [(e.name, e.size, e.cid) for e in there.enclosed] == [("garden.jpg", 13, "garden")]
    (line,) = drafts.list_all(db)
    assert (line.number, line.to, line.beginning) == (there.number, (BERT.name, CLARA.name), draft.text)


def test_a_second_window_overwrites_nothing(db: Db) -> None:
    number = page(db, "first").number
    assert drafts.save(db, number, Draft(text="from here"), based_on=1, now=NOON) == 2
    with pytest.raises(drafts.RevisionMismatch) as caught:
        drafts.save(db, number, Draft(text="from there"), based_on=1, now=NOON)
    assert (caught.value.code, caught.value.current) == ("changed_meanwhile", 2)
    assert drafts.load(db, number).draft.text == "from here"
    with pytest.raises(drafts.RevisionMismatch):
        drafts.restore(db, number, _cut(db, number), based_on=1, now=NOON)


def _cut(db: Db, number: int) -> int:
    version = drafts.cut_version(db, number, Why.READ_OVER, NOON)
    assert version is not None
    return version


def test_the_same_again_is_no_change(db: Db) -> None:
    there = page(db)
    assert drafts.save(db, there.number, there.draft, based_on=1, now=NOON) == 1
    assert drafts.save(db, there.number, Draft((CLARA,), "Rain", there.draft.text), based_on=1, now=NOON) == 2
    assert drafts.load(db, there.number).draft.to == (CLARA,)
    assert drafts.save(db, there.number, Draft(references=(LetterId("a@b"),)), based_on=2, now=NOON) == 3
    assert drafts.load(db, there.number).draft == Draft(references=(LetterId("a@b"),))


def test_numbers_are_never_used_again(db: Db) -> None:
    first, second = page(db).number, page(db).number
    drafts.drop(db, second)
    drafts.drop(db, first)
    assert page(db).number == second + 1
    for gone in (first, second, 999):
        with pytest.raises(NotFound) as caught:
            drafts.load(db, gone)
        assert caught.value.code == "no_draft"


def test_dropped_whole(db: Db) -> None:
    before = {name: db.value(f"SELECT count(*) FROM {name}") for name in ("drafts", "versions", "objects")}
    number = drafts.new(db, Draft((BERT,), "s", "text", (PICTURE,)), now=NOON, chance=chance).number
    _cut(db, number)
    _save(db, number, "more")
    _cut(db, number)
    drafts.drop(db, number)
    assert before == {name: db.value(f"SELECT count(*) FROM {name}") for name in before}


def test_put_away_and_taken_out(db: Db) -> None:
    number, other = page(db, "not yet").number, page(db).number
    away = drafts.put_away(db, number, date(2026, 9, 1), NOON)
    assert (away.state, away.look_again) == ("away", date(2026, 9, 1))
    assert [version.why for version in drafts.versions(db, number)] == [Why.PUT_AWAY]
    assert _save(db, number, "still away") == 2
    assert drafts.load(db, number).state == "away"
    assert [line.number for line in drafts.list_all(db)] == [other, number]
    assert [line.number for line in drafts.list_all(db, state="away")] == [number]
    assert drafts.put_away(db, number, None, NOON).look_again is None
    assert (drafts.take_out(db, number).state, drafts.list_all(db, state="away")) == ("page", [])


def test_a_posted_draft_is_a_letter(db: Db) -> None:
    number = posted(db)
    for act in (
        lambda: drafts.load(db, number),
        lambda: drafts.drop(db, number),
        lambda: drafts.save(db, number, Draft(text="x"), based_on=1, now=NOON),
        lambda: drafts.enclose(db, number, [PICTURE], NOON),
        lambda: drafts.put_away(db, number, None, NOON),
        lambda: drafts.take_out(db, number),
    ):
        with pytest.raises(NotFound) as caught:
            act()
        assert caught.value.code == "already_posted"
    assert drafts.list_all(db) == []
    assert [version.why for version in drafts.versions(db, number)] == [Why.POSTED]


def test_enclosures_go_in_and_out(db: Db) -> None:
    number = page(db).number
    second = Enclosure("list.txt", "text/plain", b"tea")
    drafts.enclose(db, number, [PICTURE], NOON)
    there = drafts.enclose(db, number, [second, PICTURE], NOON)
    assert [e.name for e in there.enclosed] == ["garden.jpg", "list.txt", "garden.jpg"]
    assert there.revision == 3
    assert drafts.whole(db, number).enclosures == (PICTURE, second, PICTURE)
    there = drafts.take_out_enclosure(db, number, 0, NOON)
    assert [(e.position, e.name) for e in there.enclosed] == [(0, "list.txt"), (1, "garden.jpg")]
    assert drafts.whole(db, number).enclosures == (second, PICTURE)
    for position in (2, -1):
        with pytest.raises(NotFound) as caught:
            drafts.take_out_enclosure(db, number, position, NOON)
        assert caught.value.code == "no_enclosure"


def test_not_enclosed(db: Db, monkeypatch: pytest.MonkeyPatch) -> None:
    number = page(db).number
    with pytest.raises(Usage) as bad:
        drafts.enclose(db, number, [Enclosure("a\r\nBcc: x", "text/plain", b"")], NOON)
    assert bad.value.code == "bad_text"
    monkeypatch.setattr(drafts, "MOST_ENCLOSED", 20)
    assert MOST_ENCLOSED > 20
    drafts.enclose(db, number, [PICTURE], NOON)
    for act in (
        lambda: drafts.enclose(db, number, [PICTURE], NOON),
        lambda: drafts.new(db, Draft(enclosures=(PICTURE, PICTURE)), now=NOON, chance=chance),
    ):
        with pytest.raises(Refused) as caught:
            act()
        assert caught.value.code == "too_large"
    assert len(drafts.load(db, number).enclosed) == 1


def test_a_pause_cuts_a_version_of_what_was_there(db: Db) -> None:
    number = page(db, "before").number
    _save(db, number, "before the pause", 59)
    assert drafts.versions(db, number) == []
    _save(db, number, "after the pause", 59 + 60)
    (version,) = drafts.versions(db, number)
    assert (version.why, version.words) == (Why.PAUSE, 3)
    assert drafts.version_text(db, number, version.version) == "before the pause"
    # A clock that was set back (F11) is no pause.
    _save(db, number, "after the clock", -86400)
    assert len(drafts.versions(db, number)) == 1


def test_many_words_cut_a_version(db: Db) -> None:
    number = page(db, "").number
    text = ""
    for n in range(60):
        text += "ten words more and again ten words more and again "
        _save(db, number, text, n)
    words = [v for v in drafts.versions(db, number) if v.why is Why.WORDS]
    assert [v.words for v in words] == [500]
    _save(db, number, "", 61)
    _save(db, number, "all of it gone, and begun anew", 62)
    assert [v.words for v in drafts.versions(db, number)] == [0, 600, 500]


def test_what_most_is_taken_out_of_is_kept_first(db: Db) -> None:
    number = page(db, "").number
    _save(db, number, "two words", 1)
    _save(db, number, "", 2)
    assert [v.words for v in drafts.versions(db, number)] == [2]
    letter = "a letter of twelve words, and one more, to be taken out"
    _save(db, number, letter, 3)
    _save(db, number, letter[:30], 4)  # more than half is left
    _save(db, number, "a letter", 5)  # of six words: too few to keep
    assert [v.words for v in drafts.versions(db, number)] == [2]
    _save(db, number, letter, 6)
    _save(db, number, "a letter", 7)
    assert drafts.version_text(db, number, drafts.versions(db, number)[0].version) == letter


def test_versions_are_restored_and_nothing_is_lost(db: Db) -> None:
    number = page(db, "one").number
    first = _cut(db, number)
    assert drafts.cut_version(db, number, Why.LEAVING, NOON) is None
    revision = _save(db, number, "two")
    back = drafts.restore(db, number, first, based_on=revision, now=NOON)
    assert (back.draft.text, back.revision, back.words) == ("one", revision + 1, 1)
    assert [drafts.version_text(db, number, v.version) for v in drafts.versions(db, number)] == ["two", "one"]
    for missing in (0, 3, -1):
        with pytest.raises(NotFound) as caught:
            drafts.version_text(db, number, missing)
        assert caught.value.code == "no_version"


def test_an_empty_page_has_no_version(db: Db) -> None:
    there = drafts.new(db, Draft(), now=NOON, chance=chance)
    assert drafts.cut_version(db, there.number, Why.LEAVING, NOON) is None


def test_a_long_line_of_versions(db: Db) -> None:
    """More than one run of versions packed against each other, and each is read by itself."""
    number = page(db, "").number
    texts = [f"{'once upon a time ' * 50} {n}" for n in range(75)]
    for text in texts:
        _save(db, number, text)
        _cut(db, number)
    assert [drafts.version_text(db, number, n + 1) for n in range(75)] == texts
    full = db.all("SELECT version FROM versions WHERE draft = ? AND base IS NULL", (number,))
    assert [n for (n,) in full] == [1, 33, 65]
    db.run("UPDATE versions SET body = x'28b52ffd00' WHERE draft = ? AND version = 40", (number,))
    assert drafts.version_text(db, number, 39) == texts[38]
    assert drafts.version_text(db, number, 65) == texts[64]
    with pytest.raises(Damaged):
        drafts.version_text(db, number, 41)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("", "", 0),
        ("a b", "a b", 0),
        ("a b", "a b c", 1),
        ("a b wor", "a b world", 0),
        ("a b c", "a c", 1),
        ("a cat b", "a dog b", 1),
        ("a b", "a one two three b", 3),
        ("x " * 1000, "", 1000),
    ],
)
def test_words_changed(before: str, after: str, words: int) -> None:
    assert versions.words_changed(before, after) == words


@given(st.text("ab \n\u00a0", max_size=12), st.text("ab \n\u00a0", max_size=12), st.text("ab \n", max_size=6))
def test_words_are_counted_where_two_texts_differ(beginning: str, end: str, new: str) -> None:
    for before, after in ((beginning + end, beginning + new + end), (beginning, end)):
        assert versions.words_now(before, versions.count_words(before), after) == versions.count_words(after)


def test_an_hour_of_typing_grows_the_file_little(tmp_path: Path) -> None:
    """Less than 2 MB in the real encrypted file, with a version at each of 45 pauses.

    A long letter of 12,000 words to begin with, edited here and there. The saves between two pauses overwrite each
    other, so 400 of them show what 1,800 weigh."""
    chance_of = random.Random(5)
    lexicon = ["".join(chance_of.choices("etaoinshrdlu", k=chance_of.randint(2, 9))) for _ in range(4000)]
    text = " ".join(chance_of.choices(lexicon, k=12_000))
    with connection_to(tmp_path) as connection:
        db = Db(connection)
        unguarded(connection, "PRAGMA journal_mode=WAL", "PRAGMA synchronous=OFF")
        number = page(db, text).number
        connection.wal_checkpoint(mode=3)
        file = tmp_path / "drawer.db"
        before, seconds = file.stat().st_size, 0
        for n in range(400):
            at = chance_of.randrange(len(text))
            text = text[:at] + " " + " ".join(chance_of.choices(lexicon, k=2)) + text[at + chance_of.randrange(6) :]
            seconds += 62 if n % 9 == 8 else 2
            connection.execute("BEGIN")
            _save(db, number, text, seconds)
            connection.execute("COMMIT")
        connection.wal_checkpoint(mode=3)
        grown = file.stat().st_size - before
        kept = drafts.versions(db, number)
        assert len(kept) >= 44
        assert drafts.version_text(db, number, kept[-1].version)
        assert drafts.load(db, number).draft.text == text
    print(f"grown by {grown / 1e3:.0f} kB, {len(kept)} versions")
    assert grown < 2_000_000, f"{grown / 1e6:.1f} MB"
