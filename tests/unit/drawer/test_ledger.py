"""What the ledger reads from the drawer: both directions, paper and archives, in bounded time."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from dearly.drawer import ledger, letters
from dearly.drawer.connection import Db
from dearly.letter.errors import NotFound
from dearly.letter.ledger import Standing, account
from tests.support.books import Said, befriended, fill
from tests.support.contents import chance
from tests.support.times import NOON

DAY = timedelta(days=1)


def _stands(db: Db, person: int) -> Standing:
    found = account(ledger.turns(db, person))
    assert found is not None
    return found.standing


def test_both_directions_and_what_was_decided(db: Db) -> None:
    bert = befriended(db, "Bert", NOON, chance)
    (first,) = fill(db, [bert], [Said(NOON - 9 * DAY, ours=False, text="come home")], NOON - 9 * DAY, chance)
    assert _stands(db, bert.id) is Standing.YOURS
    ledger.decide(db, first, "later", date(2030, 5, 1))
    assert [(turn.reply, turn.on) for turn in ledger.turns(db, bert.id)] == [("later", date(2030, 5, 1))]
    ledger.decide(db, first, None)
    (ours,) = fill(db, [bert], [Said(NOON, ours=True, text="I am coming")], NOON, chance)
    assert _stands(db, bert.id) is Standing.THEIRS
    ledger.decide(db, ours, "rest")
    assert _stands(db, bert.id) is Standing.RESTS


def test_a_letter_of_ours_is_only_let_rest(db: Db) -> None:
    bert = befriended(db, "Bert", NOON, chance)
    (ours,) = fill(db, [bert], [Said(NOON, ours=True, text="hello")], NOON, chance)
    with pytest.raises(NotFound):
        ledger.decide(db, ours, "later")
    assert letters.letter(db, ours).reply is None
    with pytest.raises(NotFound):
        ledger.decide(db, 999, "rest")


def test_what_an_archive_brought_rests_until_somebody_says_otherwise(db: Db) -> None:
    bert, clara = befriended(db, "Bert", NOON, chance), befriended(db, "Clara", NOON, chance)
    old = [Said(NOON - 900 * DAY, ours=False, text="long ago")]
    numbers = fill(db, [bert], old, NOON, chance) + fill(db, [clara], old, NOON, chance)
    db.run("UPDATE numbers SET origin = 'import' WHERE number IN (?, ?)", numbers)
    assert list(ledger.correspondences(db, everything=False)) == []
    assert {kept.name for kept in ledger.correspondences(db, everything=True)} == {"Bert", "Clara"}
    ledger.decide(db, numbers[0], "later")
    assert [kept.name for kept in ledger.correspondences(db, everything=False)] == ["Bert"]
    assert _stands(db, bert.id) is Standing.LATER


def test_no_letter_of_an_archive_is_of_a_day_to_come(db: Db) -> None:
    """A forged or broken Date (F11): it would be the last one for seven thousand years."""
    bert = befriended(db, "Bert", NOON, chance)
    ahead = NOON.replace(year=9000)
    numbers = fill(db, [bert], [Said(ahead, ours=False, text="soon"), Said(ahead, ours=True, text="now")], NOON, chance)
    db.run("UPDATE numbers SET origin = 'import' WHERE number IN (?, ?)", numbers)
    db.run("UPDATE letters SET filed = ?", (int(NOON.timestamp()),))
    assert [turn.written for turn in ledger.turns(db, bert.id)] == [NOON, NOON]


def test_a_long_correspondence_is_not_read_to_its_beginning(db: Db) -> None:
    bert = befriended(db, "Bert", NOON, chance)
    said = [Said(NOON - n * DAY, ours=n % 2 == 0, text="hello") for n in range(60)]
    fill(db, [bert], said, NOON, chance)
    assert len(ledger.turns(db, bert.id)) == 24
