"""The Date of foreign letters: RFC 5322 3.3, its obsolete forms (4.3), and what else programs have written."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

_MONTHS = {"jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6}
_MONTHS |= {"jul": 7, "aug": 8, "sep": 9, "oct": 10, "nov": 11, "dec": 12}
_ZONES = {"ut": 0, "gmt": 0, "utc": 0, "z": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6}
_ZONES |= {"pst": -8, "pdt": -7, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "jst": 9}

_TIME = r"(?P<hour>\d{1,2})[:.](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:\.\d{1,9})?)?"
_ZONE = r"(?:\s*(?P<zone>[+-]\d{4}|[+-]\d\d:\d\d|[A-Za-z]{1,5}))?"
_FORMS = tuple(
    re.compile(form, re.ASCII)
    for form in (
        rf"(?:[A-Za-z]{{2,9}},?\s*)?(?P<day>\d{{1,2}})[\s-](?P<month>[A-Za-z]{{3,9}})[\s-](?P<year>\d{{2,4}})\s+{_TIME}{_ZONE}",
        rf"(?:[A-Za-z]{{3,9}}\s+)(?P<month>[A-Za-z]{{3}})\s+(?P<day>\d{{1,2}})\s+{_TIME}\s+(?:(?P<zone>[A-Za-z]{{1,5}})\s+)?(?P<year>\d{{4}})",
        rf"(?P<year>\d{{4}})-(?P<month>\d\d)-(?P<day>\d\d)[T\s]{_TIME}{_ZONE}",
    )
)

_COMMENT = re.compile(r"\([^()]*\)")


def read_date(text: str) -> datetime | None:
    """The moment, aware, with the offset as written (+0000 where none or an unknown one is); None when it is no date.

    RFC 5322 4.3: two-digit years below 50 are 20xx, else 19xx, and an unknown zone is +0000."""
    if len(text) > 200:
        return None
    if "(" in text:
        text = _COMMENT.sub(" ", text)
    text = " ".join(text.split())
    for form in _FORMS:
        found = form.match(text)
        if found is None:
            continue
        month = found["month"]
        number = int(month) if month.isdigit() else _MONTHS.get(month[:3].lower())
        if number is None:
            return None
        year = int(found["year"])
        if len(found["year"]) < 4:
            year += 1900 if year >= 50 or len(found["year"]) == 3 else 2000
        try:
            # A leap second is the second before it (RFC 5322 3.3 allows :60).
            second = min(int(found["second"] or 0), 59)
            moment = datetime(
                year, number, int(found["day"]), int(found["hour"]), int(found["minute"]), second, tzinfo=UTC
            )
            aware = moment.replace(tzinfo=_zone(found["zone"] or ""))
            # Every later step works in UTC; a moment that has none there is no moment.
            aware.astimezone(UTC)
        except (ValueError, OverflowError):
            return None
        return aware
    return None


@lru_cache(256)
def _zone(text: str) -> timezone:
    if text[:1] in "+-" and text:
        digits = text[1:].replace(":", "")
        offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        return timezone(-offset if text[0] == "-" else offset)
    return timezone(timedelta(hours=_ZONES.get(text.lower(), 0)))
