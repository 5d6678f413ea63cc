"""Values on their way into rows and back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from dearly.drawer import rows

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(timezones=ZONES)


@given(MOMENTS)
def test_a_moment_loses_only_what_is_less_than_a_second(moment: datetime) -> None:
    """And one that no other offset could show (the years 1 and 9999) is brought to the edge of what can be."""
    back = rows.written_at(rows.stamp(moment), rows.offset(moment))
    assert back.utcoffset() == moment.utcoffset()
    assert moment.year in (1, 2, 9998, 9999) or timedelta() <= moment - back < timedelta(seconds=1)


def test_moments_before_1970_are_rounded_down_too() -> None:
    assert rows.stamp(datetime(1969, 12, 31, 23, 59, 59, 500_000, UTC)) == -1
    assert rows.moment(-1) == datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert rows.maybe(None) is None
    assert rows.maybe(0) == datetime(1970, 1, 1, tzinfo=UTC)
