"""Filed letters: what is one letter and what are two (decision 9), and correspondences that read like a book."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest

from dearly.drawer import arrivals, chain, damage, drafts, filing, letters, outbox
from dearly.drawer.connection import Db
from dearly.drawer.letters import Filed
from dearly.drawer.numbers import new_number
from dearly.letter.address import Correspondent
from dearly.letter.content import Draft, Enclosure, Letter, LetterId
from dearly.letter.envelope import Way
from dearly.letter.errors import Damaged, NotFound
from dearly.letter.sealing import Seal
from tests.support.contents import (
    ADA,
    BERT,
    CLARA,
    DAY,
    PLACE,
    arrived,
    chance,
    finished,
    form,
    known,
    leg,
    outside,
    page,
    parcel,
    posted,
    received,
    took_in,
)
from tests.support.times import NOON

PICTURE = Enclosure("garden.jpg", "image/jpeg", b"\xff\xd8 not really", "garden")


def _came(db: Db, seed: str) -> int:
    number = took_in(db, parcel(seed))
    assert number is not None
    arrivals.put_in_letterbox(db, number, outside(seed=seed), NOON)
    return number


def test_a_received_letter_comes_back_whole(db: Db) -> None:
    bert = known(db, BERT)
    number = _came(db, "1")
    written = datetime(2026, 2, 27, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    it = received("1", person=bert.id, date=written, letter_no=7, enclosures=(PICTURE,), in_reply_to="q@letters.test")
    assert letters.file_received(db, number, it, NOON) == Filed(number, first=True, twin=False)
    there = letters.letter(db, number)
    assert (there.number, there.direction, there.letter_no, there.subject, there.text) == (
        number,
        "in",
        7,
        "Home",
        it.text,
    )
    assert there.date == written
    assert there.date.utcoffset() == timedelta(hours=-5)
    assert (there.sender, there.to, there.letter_id) == (BERT, (ADA,), it.letter_id)
    assert there.parties[0].person == bert.id
    assert (there.seal, there.quantum_safe, there.signer) == (Seal.SIGNED_PINNED, True, "cc" * 20)
    assert there.postmarks == (letters.Postmark(Way.OFFICE, PLACE, NOON),)
    assert letters.enclosure(db, number, 0) == PICTURE
    assert letters.html(db, number) is None
    assert arrivals.arrival(db, number).state is arrivals.ArrivalState.OPENED
    assert chain.known(db, chain.Kind.FILED, filing.content_digest(db, number))
    with pytest.raises(NotFound):
        letters.enclosure(db, number, 1)
    with pytest.raises(NotFound) as caught:
        letters.content(db, number)
    assert caught.value.code == "no_letter"


def test_ours_comes_back_as_it_was_finished(db: Db) -> None:
    draft = Draft((BERT, CLARA), "Rain", "Dear both", (PICTURE,), LetterId("q@b"), (LetterId("p@b"), LetterId("q@b")))
    there = drafts.new(db, draft, now=NOON, chance=chance)
    letter = finished(draft)
    outbox.post(db, there.number, letter, [leg(BERT), leg(CLARA)], [form("1", BERT, CLARA)], based_on=1, now=NOON)
    assert letters.content(db, there.number) == letter
    filed = letters.letter(db, there.number)
    assert (filed.direction, filed.seal, filed.postmarks, filed.uid) == ("out", None, (), there.uid)


def test_the_same_letter_by_two_ways_is_one_letter(db: Db) -> None:
    """F37: other bytes outside, the same signed bytes inside."""
    first = _came(db, "by office")
    by_hand = took_in(db, parcel("by hand", way=Way.HAND, place="a stick"))
    assert by_hand is not None
    arrivals.put_in_letterbox(db, by_hand, outside(seed="by hand"), NOON)
    one = letters.file_received(db, first, received("1"), NOON)
    two = letters.file_received(db, by_hand, received("1"), NOON)
    assert (one, two) == (Filed(first, True, False), Filed(first, False, False))
    assert [(m.way, m.place) for m in letters.letter(db, first).postmarks] == [
        (Way.OFFICE, PLACE),
        (Way.HAND, "a stick"),
    ]
    assert letters.letter(db, by_hand).number == first
    assert db.value("SELECT count(*) FROM letters") == 1


def test_opening_twice_files_once(db: Db) -> None:
    number = _came(db, "1")
    links = [letters.file_received(db, number, received("1"), NOON) and chain.head(db).count for _ in range(3)]
    assert links[0] == links[2]
    assert db.value("SELECT count(*) FROM letters") == 1


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        (Seal.SIGNER_UNKNOWN, Seal.SIGNED_FIRST_SEEN, Seal.SIGNED_FIRST_SEEN),
        (Seal.HEADERS_DIFFER, Seal.SIGNED_VERIFIED, Seal.SIGNED_VERIFIED),
        (Seal.SIGNED_PINNED, Seal.HEADERS_DIFFER, Seal.SIGNED_PINNED),
        (Seal.SIGNER_UNKNOWN, Seal.HEADERS_DIFFER, Seal.SIGNER_UNKNOWN),
        (Seal.SIGNED_PINNED, Seal.SIGNER_REVOKED, Seal.SIGNED_PINNED),
        (Seal.SIGNED_FIRST_SEEN, Seal.SIGNED_VERIFIED, Seal.SIGNED_FIRST_SEEN),
    ],
)
def test_the_better_of_two_seals_is_kept(db: Db, first: Seal, second: Seal, kept: Seal) -> None:
    """Nobody can spoil or hide a good letter by sending its sealed part again in another cover first."""
    one, two = _came(db, "1"), _came(db, "2")
    letters.file_received(db, one, received("1", seal=first), NOON)
    letters.file_received(db, two, received("1", seal=second), NOON)
    assert letters.letter(db, one).seal is kept


def test_a_proof_puts_it_into_the_correspondence(db: Db) -> None:
    bert = known(db, BERT)
    one, two = _came(db, "1"), _came(db, "2")
    letters.file_received(db, one, received("1", seal=Seal.SIGNER_UNKNOWN), NOON)
    assert letters.correspondence(db, bert.id) == []
    letters.file_received(db, two, received("1", person=bert.id), NOON)
    assert [line.number for line in letters.correspondence(db, bert.id)] == [one]


def test_the_same_id_with_other_bytes_is_another_letter(db: Db) -> None:
    """F38, A36: whoever sends first with somebody's id suppresses nothing."""
    false = letters.file_received(db, _came(db, "1"), received("1", letter_id="id@letters.test"), NOON)
    true = letters.file_received(db, _came(db, "2"), received("2", letter_id="id@letters.test"), NOON)
    assert (false.first, true.first, true.twin) == (True, True, True)
    assert letters.letter(db, false.number).twin
    assert letters.letter(db, true.number).twin
    assert letters.with_id(db, LetterId("id@letters.test")) == [false.number, true.number]


def test_letters_without_an_id(db: Db) -> None:
    """F39: their own id comes from what they say: the same in other line ends is one, else not."""
    one = letters.file_received(db, _came(db, "1"), received("1", letter_id=None), NOON).number
    again = letters.file_received(db, _came(db, "2"), received("1", letter_id=None), NOON)
    two = letters.file_received(db, _came(db, "3"), received("3", letter_id=None), NOON).number
    other = letters.file_received(
        db, _came(db, "4"), replace(received("1", letter_id=None), subject="Other"), NOON
    ).number
    assert (again.number, again.first) == (one, False)
    assert len({one, two, other}) == 3
    assert len({letters.letter(db, n).letter_id for n in (one, two, other)}) == 3
    assert all(str(letters.letter(db, n).letter_id).endswith("@no-id.invalid") for n in (one, two, other))


def test_our_own_copy_is_our_letter(db: Db) -> None:
    there = page(db)
    letter = finished(there.draft)
    outbox.post(db, there.number, letter, [leg()], [form("own", BERT)], based_on=1, now=NOON)
    inner = form("own", BERT).inner_sha256
    assert inner is not None
    assert letters.same(db, letter.letter_id, inner) == there.number
    assert letters.same(db, letter.letter_id, bytes(32)) is None


def test_a_correspondence_reads_by_date_and_in_pages(db: Db) -> None:
    bert = known(db, BERT)
    dates = [3, -40, 0, 0, 12, -40_000]
    numbers = [arrived(db, str(n), person=bert.id, date=NOON + d * DAY).number for n, d in enumerate(dates)]
    book = [numbers[n] for n in (5, 1, 2, 3, 0, 4)]
    assert [line.number for line in letters.correspondence(db, bert.id)] == book
    assert [line.number for line in letters.correspondence(db, bert.id, newest_first=True)] == book[::-1]
    for newest_first, expected in ((False, book), (True, book[::-1])):
        read: list[int] = []
        while lines := letters.correspondence(
            db, bert.id, newest_first=newest_first, limit=2, after=read[-1] if read else None
        ):
            read += [line.number for line in lines]
        assert read == expected
    assert letters.correspondence_count(db, bert.id) == 6
    (line, *_) = letters.correspondence(db, bert.id)
    assert (line.persons, line.direction, line.beginning) == ((BERT.name,), "in", "Dear Ada, come home.")


def test_a_letter_to_two_is_in_two_correspondences(db: Db) -> None:
    bert, clara = known(db, BERT), known(db, CLARA)
    number = posted(db, BERT, CLARA)
    for person in (bert, clara):
        (line,) = letters.correspondence(db, person.id)
        assert (line.number, line.persons) == (number, (BERT.name, CLARA.name))
    # A letter from Bert that Clara got as well is Bert's.
    copy = received("1", person=bert.id)
    letters.file_received(
        db, _came(db, "1"), filing.Received(**{f: getattr(copy, f) for f in copy.__slots__} | {"cc": (CLARA,)}), NOON
    )
    assert letters.correspondence_count(db, clara.id) == 1
    assert letters.correspondence_count(db, bert.id) == 2


def test_numbers_of_both_sides(db: Db) -> None:
    bert = known(db, BERT)
    for n, seal in (
        (2, Seal.SIGNED_PINNED),
        (1, Seal.NEVER_SEALED),
        (9, Seal.SIGNED_BY_OTHER),
        (-1, Seal.SIGNED_PINNED),
        (1 << 80, Seal.SIGNED_PINNED),
    ):
        arrived(db, f"{n} {seal}", person=bert.id, letter_no=n, seal=seal)
    assert letters.their_numbers(db, bert.id) == [1, 2]
    assert letters.our_numbers(db, bert.id) == []
    first = posted(db)
    assert letters.our_numbers(db, bert.id) == [1]
    outbox.take_back(db, first, NOON)
    assert letters.our_numbers(db, bert.id) == []


def test_threading(db: Db) -> None:
    first = arrived(db, "1").number
    first_id = letters.letter(db, first).letter_id
    assert letters.threading(db, first) == (first_id, (first_id,))
    second = arrived(db, "2", in_reply_to=first_id).number
    second_id = letters.letter(db, second).letter_id
    assert letters.threading(db, second) == (second_id, (first_id, second_id))
    assert (letters.letter(db, first).answered_by, letters.letter(db, second).answers) == ((second,), (first,))
    db.many(
        "INSERT INTO letter_references (letter, position, letter_id) VALUES (?, ?, ?)",
        [(second, n, f"{n}@letters.test") for n in range(80)],
    )
    in_reply_to, references = letters.threading(db, second)
    assert (len(references), references[0], references[-1]) == (50, "0@letters.test", in_reply_to)


def test_a_sender_nobody_can_read(db: Db) -> None:
    number = arrived(db, "1", who=None).number
    assert letters.letter(db, number).sender is None


def test_foreign_text_of_any_kind(db: Db) -> None:
    """Lone surrogates, NUL, direction marks: kept as far as anything can carry them, and never a crash."""
    odd = Correspondent("B\udcff\0\u202ert", BERT.address)
    number = arrived(db, "1", who=odd, text="text \udcff \0 \u202e").number
    there = letters.letter(db, number)
    assert there.text == "text ? \0 \u202e"
    assert there.sender == Correspondent("B?\0\u202ert", BERT.address)


def test_html_is_kept_beside_the_text(db: Db) -> None:
    it = received("1")
    fields = {f: getattr(it, f) for f in it.__slots__} | {"html": "<p>Dear Ada</p>\udc80"}
    number = letters.file_received(db, _came(db, "1"), filing.Received(**fields), NOON).number
    assert letters.letter(db, number).has_html
    assert letters.html(db, number) == "<p>Dear Ada</p>?"


def test_many_letters_of_one_day(db: Db) -> None:
    """They lie as they were written, not as they came; those of one second as they came, however many."""
    bert = known(db, BERT)
    numbers = [arrived(db, str(n), person=bert.id, date=NOON - timedelta(minutes=n)).number for n in range(30)]
    same = [arrived(db, f"s{n}", person=bert.id, date=NOON + timedelta(minutes=1)).number for n in range(30)]
    keys = [k for (k,) in db.all("SELECT sort_key FROM letters ORDER BY number")]
    assert len(set(keys)) == 60
    assert {k >> 20 for k in keys} == {int(NOON.timestamp()) // 86400}
    assert [line.number for line in letters.correspondence(db, bert.id)] == [*reversed(numbers), *same]


def test_a_day_that_is_full_keeps_its_letters(db: Db) -> None:
    """More than a second has places for, at the very end of a day: none is lost, none belongs to the next."""
    bert = known(db, BERT)
    midnight = NOON.replace(hour=23, minute=59, second=59)
    first = arrived(db, "0", person=bert.id, date=midnight).number
    db.run("UPDATE letters SET sort_key = (sort_key | ?)", ((1 << 20) - 1,))
    later = [arrived(db, str(n), person=bert.id, date=midnight).number for n in range(1, 20)]
    keys = dict(db.all("SELECT number, sort_key FROM letters"))
    assert len(set(keys.values())) == len({first, *later}) == 20
    assert {k >> 20 for k in keys.values()} == {int(NOON.timestamp()) // 86400}


@pytest.mark.parametrize("number", [0, -1, 99])
def test_no_such_letter(db: Db, number: int) -> None:
    for read in (letters.letter, letters.threading):
        with pytest.raises(NotFound) as caught:
            read(db, number)
        assert caught.value.code == "no_letter"
    with pytest.raises(NotFound):
        letters.file_received(db, number, received(), NOON)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE letters SET subject = 'Gone' WHERE number = :n",
        "UPDATE letters SET date = date + 1 WHERE number = :n",
        "UPDATE letters SET body = x'00' WHERE number = :n",
        "UPDATE letters SET content_sha256 = zeroblob(32) WHERE number = :n",
        "UPDATE parties SET address = 'mallory@letters.test' WHERE letter = :n AND role = 'from'",
        "DELETE FROM enclosures WHERE letter = :n",
        "UPDATE enclosures SET name = 'other.jpg' WHERE letter = :n",
        "UPDATE objects SET body = x'00' WHERE id = (SELECT object_id FROM enclosures WHERE letter = :n)",
        "UPDATE objects SET body = x'00' WHERE id = (SELECT object_id FROM arrivals WHERE number = :n)",
        "DELETE FROM chain WHERE kind = 'filed'",
    ],
)
def test_damage_is_named_and_confined(db: Db, change: str) -> None:
    """F19, F21: what is not as it was filed is named; every other letter is whole."""
    number = arrived(db, "1", enclosures=(PICTURE,)).number
    other = posted(db)
    assert damage.damaged(db) == []
    db.run(change, {"n": number})
    assert damage.damaged(db) == [number]
    assert letters.letter(db, other).text


def test_damaged_text_is_said(db: Db) -> None:
    number = arrived(db, "1").number
    db.run("UPDATE letters SET body = x'00' WHERE number = ?", (number,))
    with pytest.raises(Damaged):
        letters.letter(db, number)


def test_a_letter_filed_without_a_draft(db: Db) -> None:
    """An imported letter of ours: the same filing, under a number of its own."""
    bert = known(db, BERT)
    number = new_number(db, "import", NOON, chance)
    letter = Letter(LetterId("old@letters.test"), ADA, (BERT,), NOON - 900 * DAY, "Old", "Dear Bert")
    letters.file_sent(db, number, letter, persons=[bert.id], postcard=True, now=NOON)
    assert letters.content(db, number) == letter
    assert letters.letter(db, number).postcard
