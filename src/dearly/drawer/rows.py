"""Between the values of the domain and what a row can hold: times, uids, addresses, persons' names.

Times are INTEGER unix seconds UTC, uids 16 bytes, addresses the addr-spec as text beside the key they are found by.
"""

from __future__ import annotations

import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone

from dearly.letter.address import Address

LAST = (1 << 63) - 1
"""Larger than any number: "before this one" for the first page of a list."""

PER_DAY = 1 << 20
"""Places in one day: letters and leaves are in the order of their places, each day beginning at a multiple of this."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = ((datetime(year, 1, 1, tzinfo=UTC) - _EPOCH) // timedelta(seconds=1) for year in (2, 9999))


def stamp(moment: datetime) -> int:
    """An aware datetime as unix seconds, rounded down. Works before 1970 too, for letters on paper.

    What lies outside the years 2 to 9998 (a foreign Date may say so) is brought to their edge, so that it can be
    shown with any offset."""
    return min(max((moment - _EPOCH) // timedelta(seconds=1), _EARLIEST), _LATEST)


def moment(seconds: int) -> datetime:
    """Unix seconds as an aware datetime in UTC."""
    return _EPOCH + timedelta(seconds=seconds)


def maybe(seconds: int | None) -> datetime | None:
    """As `moment`, for a column that may be NULL."""
    return None if seconds is None else moment(seconds)


def written_at(seconds: int, offset_minutes: int) -> datetime:
    """The moment with the offset of the place where it was written."""
    return moment(seconds).astimezone(timezone(timedelta(minutes=offset_minutes)))


def day_begins(day: date) -> int:
    """The first place in a day (UTC)."""
    return (day - _EPOCH.date()).days * PER_DAY


def offset(moment: datetime) -> int:
    """The offset of an aware datetime from UTC in whole minutes."""
    return (moment.utcoffset() or timedelta()) // timedelta(minutes=1)


def address(text: str) -> Address:
    """The address that was stored as text: it was parsed strictly when it came in, and is not parsed again."""
    local, _at, domain = text.rpartition("@")
    return Address(local, domain)


def name_key(name: str) -> str:
    """What two spellings of a name have in common: case, width and blanks do not count."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


def sound(text: str) -> str:
    """Foreign text without lone surrogates, which no encoding can carry."""
    return text.encode("utf-8", "replace").decode()
