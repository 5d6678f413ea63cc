"""A rhythm is taken from letters really exchanged; it is a band, no number, and silent before the second exchange."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dearly.letter.rhythm import Band, Exchanged, Rhythm, rhythm

TODAY = date(2026, 6, 13)


def ours(*days_ago: int) -> list[Exchanged]:
    return [Exchanged(TODAY - timedelta(days=n), ours=True) for n in days_ago]


def theirs(*days_ago: int) -> list[Exchanged]:
    return [Exchanged(TODAY - timedelta(days=n), ours=False) for n in days_ago]


def test_without_letters_there_is_nothing_to_say() -> None:
    assert rhythm([], TODAY) == Rhythm(None, 0, None, early=False)


def test_one_exchange_has_no_rhythm() -> None:
    found = rhythm([*ours(40, 10), *theirs(25)], TODAY)
    assert (found.band, found.early, found.days) == (None, False, 10)
    assert found.last == Exchanged(TODAY - timedelta(days=10), ours=True)


def test_a_month_and_a_letter_that_would_be_early() -> None:
    found = rhythm([*ours(101, 72, 41, 11), *theirs(88, 57, 27)], TODAY)
    assert (found.band, found.days, found.early) == (Band.MONTH, 11, True)


def test_who_was_written_to_last_is_never_early() -> None:
    found = rhythm([*ours(101, 72, 41, 11), *theirs(88, 57, 3)], TODAY)
    assert (found.last, found.early) == (Exchanged(TODAY - timedelta(days=3), ours=False), False)


def test_an_afterthought_is_no_rhythm() -> None:
    found = rhythm([*ours(91, 90, 89, 60, 59, 30), *theirs(80, 50)], TODAY)
    assert found.band is Band.MONTH


def test_a_letter_dated_ahead_does_not_count() -> None:
    ahead = Exchanged(TODAY + timedelta(days=400), ours=True)
    assert rhythm([ahead, *ours(5)], TODAY) == rhythm(ours(5), TODAY)


@pytest.mark.parametrize(
    ("gap", "band"),
    [
        (3, Band.DAYS),
        (7, Band.WEEK),
        (20, Band.WEEKS),
        (31, Band.MONTH),
        (60, Band.MONTHS),
        (100, Band.SEASON),
        (182, Band.HALF_YEAR),
        (365, Band.YEAR),
        (900, Band.YEARS),
    ],
)
def test_every_band(gap: int, band: Band) -> None:
    assert rhythm([*ours(3 * gap, 2 * gap, gap), *theirs(3 * gap - 1, 2 * gap - 1)], TODAY).band is band


exchanges = st.lists(
    st.builds(lambda n, our: Exchanged(TODAY - timedelta(days=n), our), st.integers(-500, 5000), st.booleans()),
    max_size=40,
)


@given(exchanges, st.randoms(use_true_random=False))
def test_the_order_in_which_letters_are_told_does_not_matter(letters: list[Exchanged], chance: object) -> None:
    mixed = letters.copy()
    chance.shuffle(mixed)  # type: ignore[attr-defined]  # random.Random
    assert rhythm(mixed, TODAY) == rhythm(letters, TODAY)


@given(exchanges)
def test_it_is_silent_before_the_second_exchange(letters: list[Exchanged]) -> None:
    found = rhythm(letters, TODAY)
    sides = [sum(one.ours is side and one.day <= TODAY for one in letters) for side in (True, False)]
    if min(sides) < 2:
        assert found.band is None
    if found.early:
        assert found.band is not None
        assert found.last is not None
        assert found.last.ours
    assert found.days >= 0
