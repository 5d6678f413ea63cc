"""Days and hours in the words of the person's language (Babel, which knows CLDR's patterns)."""

from __future__ import annotations

from datetime import date, datetime, tzinfo

from babel import Locale
from babel.dates import format_date, format_skeleton, format_time

_WEEKDAY = {"en": "EEEE, d MMMM", "de": "EEEE, d. MMMM"}
"""Where CLDR's own pattern for a weekday with its date shortens the weekday."""


class Dates:
    """Says dates in one language and one time zone. Naive values are taken as they are."""

    def __init__(self, locale: Locale, zone: tzinfo | None) -> None:
        self._locale, self._zone = locale, zone

    def _here(self, when: datetime | date) -> datetime | date:
        return when.astimezone(self._zone) if isinstance(when, datetime) and when.tzinfo is not None else when

    def day(self, when: datetime | date) -> str:
        """22 November 2026."""
        if self._locale.language == "en":
            return format_date(self._here(when), "d MMMM y", locale=self._locale)
        return format_date(self._here(when), "long", locale=self._locale)

    def weekday(self, when: datetime | date) -> str:
        """Sunday, 22 November."""
        if self._locale.language in _WEEKDAY:
            return format_date(self._here(when), _WEEKDAY[self._locale.language], locale=self._locale)
        here = self._here(when)
        return format_skeleton("EEEEdMMMM", here, locale=self._locale)

    def weekday_name(self, when: datetime | date) -> str:
        """Sunday."""
        return format_date(self._here(when), "EEEE", locale=self._locale)

    def day_of_year(self, when: datetime | date) -> str:
        """22 November."""
        if self._locale.language == "en":
            return format_date(self._here(when), "d MMMM", locale=self._locale)
        here = self._here(when)
        return format_skeleton("MMMMd", here, locale=self._locale)

    def month_name(self, when: datetime | date) -> str:
        """November."""
        return format_date(self._here(when), "LLLL", locale=self._locale)

    def month(self, when: datetime | date) -> str:
        """November 2026."""
        return format_date(self._here(when), "LLLL y", locale=self._locale)

    def month_short(self, when: datetime | date) -> str:
        """Nov, under a line."""
        return format_date(self._here(when), "LLL", locale=self._locale)

    def short(self, when: datetime | date) -> str:
        """22 Nov 2026, for lists."""
        return format_date(self._here(when), "medium", locale=self._locale)

    def clock(self, when: datetime) -> str:
        """16.42 in English and German, by the language elsewhere: hours and minutes."""
        here = self._here(when)
        assert isinstance(here, datetime)
        pattern = "H.mm" if self._locale.language in ("en", "de") else "short"
        return format_time(here.timetz(), pattern, locale=self._locale)
