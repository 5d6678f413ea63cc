"""Who owes whom a letter, as a friend would reckon it; and whose numbers fail."""

from __future__ import annotations

from datetime import date, timedelta

from dearly.letter.ledger import Standing, Turn, account, missing, next_number
from tests.support.times import NOON

DAY = timedelta(days=1)


def turn(number: int, *, ours: bool, day: int, came: int | None = None, **more: object) -> Turn:
    """A letter that was written on a day, and had come on another one."""
    written = NOON + day * DAY
    return Turn(number, ours, written, written if came is None else NOON + came * DAY, **more)  # type: ignore[arg-type]  # passed through


def stands(*turns: Turn) -> tuple[Standing, int]:
    found = account(turns)
    assert found is not None
    return found.standing, found.since.number


def test_there_is_nothing_to_reckon_without_letters() -> None:
    assert account([]) is None


def test_who_wrote_last_waits_for_the_other() -> None:
    theirs, ours = turn(1, ours=False, day=0), turn(2, ours=True, day=9)
    assert stands(theirs) == (Standing.YOURS, 1)
    assert stands(theirs, ours) == (Standing.THEIRS, 2)
    assert stands(ours, theirs, turn(3, ours=False, day=20)) == (Standing.YOURS, 3)


def test_of_several_letters_the_oldest_that_waits_is_named() -> None:
    assert stands(turn(1, ours=True, day=0), turn(2, ours=False, day=5), turn(3, ours=False, day=7)) == (
        Standing.YOURS,
        2,
    )


def test_one_letter_answers_all_that_came_before_it() -> None:
    assert stands(turn(1, ours=False, day=0), turn(2, ours=False, day=1), turn(3, ours=True, day=2)) == (
        Standing.THEIRS,
        3,
    )


def test_a_letter_that_was_written_before_the_other_came_answers_nothing() -> None:
    crossing = [turn(1, ours=False, day=0, came=10), turn(2, ours=True, day=4)]
    found = account(crossing)
    assert found is not None
    assert (found.standing, found.since.number, found.crossed) == (Standing.YOURS, 1, True)
    named = account([turn(1, ours=False, day=0, came=10, answered=True), turn(2, ours=True, day=4)])
    assert named is not None
    assert (named.standing, named.crossed) == (Standing.THEIRS, False)


def test_what_was_decided_stands_above_the_counting() -> None:
    theirs, ours = turn(1, ours=False, day=0), turn(2, ours=True, day=3)
    for reply in ("not_needed", "rest"):
        assert stands(turn(1, ours=False, day=0, reply=reply))[0] is Standing.RESTS
    assert stands(theirs, turn(2, ours=True, day=3, reply="rest"))[0] is Standing.RESTS
    later = turn(1, ours=False, day=0, reply="later", on=date(2030, 5, 1))
    found = account([later, ours])
    assert found is not None
    assert (found.standing, found.on) == (Standing.LATER, date(2030, 5, 1))


def test_of_letters_put_off_the_nearest_day_comes_first() -> None:
    assert stands(
        turn(1, ours=False, day=0, reply="later"),
        turn(2, ours=False, day=1, reply="later", on=date(2031, 1, 1)),
        turn(3, ours=False, day=2, reply="later", on=date(2030, 1, 1)),
    ) == (Standing.LATER, 3)


def test_an_answered_letter_is_not_put_off_any_more() -> None:
    assert stands(turn(1, ours=False, day=0, reply="later", answered=True), turn(2, ours=True, day=1)) == (
        Standing.THEIRS,
        2,
    )


def test_what_came_from_an_archive_rests_by_itself() -> None:
    assert stands(turn(1, ours=False, day=-900, rests=True))[0] is Standing.RESTS
    assert stands(turn(1, ours=False, day=-900, rests=True), turn(2, ours=False, day=0)) == (Standing.YOURS, 2)


def test_numbers_go_on_from_the_highest_used() -> None:
    assert next_number([]) == 1
    assert next_number([1, 2, 5]) == 6


def test_a_number_that_fails_below_the_highest_shows() -> None:
    assert missing([]) == []
    assert missing([1, 2, 3]) == []
    assert missing([2, 5, 5]) == [1, 3, 4]


def test_a_number_out_of_all_reason_costs_nothing() -> None:
    assert missing([1, 2_000_000_000]) == list(range(1_999_999_950, 2_000_000_000))
