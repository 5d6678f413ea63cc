"""Place and day at the head of a letter."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

import pytest

from dearly.desk import dateline
from dearly.mime import markup

DAY = date(2026, 11, 22)


def test_in_the_writers_language() -> None:
    assert dateline.line("Bergen", DAY, "en") == "Bergen, 22 November 2026"
    assert dateline.line("Bergen", DAY, "de") == "Bergen, 22. November 2026"
    assert dateline.line("Bergen", DAY) == "Bergen, 22 November 2026"
    assert dateline.line("Bergen", DAY, "no such tag") == "Bergen, 22 November 2026"


def test_without_a_place_nothing_is_put_before_the_letter() -> None:
    assert dateline.headed("", DAY, "Dear Bert") == "Dear Bert"
    assert dateline.headed(" \n\t", DAY, "Dear Bert") == "Dear Bert"
    assert dateline.headed("Bergen", DAY, "Dear Bert", "en") == "Bergen, 22 November 2026\n\nDear Bert"


@pytest.mark.parametrize(
    "where",
    [
        "*Bergen*",
        "1. Bergen",
        "# Bergen",
        "- Bergen",
        "St. Gallen",
        "A_b_C",
        "<b>Bergen</b>",
        "&amp; more",
        "a & b",
        "`x`",
    ],
)
def test_a_place_is_never_markup(where: str) -> None:
    shown = markup.to_html(dateline.headed(where, DAY, "Dear Bert", "en"), ()).html or dateline.line(where, DAY, "en")
    text = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    assert f"{where}, 22 November 2026" in text


def test_a_place_is_one_short_line() -> None:
    assert dateline.place("  Ber\ngen\u202e \x00 ") == "Ber gen"
    assert len(dateline.place("x" * 500)) == dateline.LONGEST_PLACE


def test_a_moment_in_the_writers_language(monkeypatch: pytest.MonkeyPatch) -> None:
    at = datetime(2026, 11, 22, 16, 42, tzinfo=timezone(timedelta(hours=2)))
    assert dateline.moment(at) == "22 November 2026 at 16.42"
    monkeypatch.setattr("dearly.letter.words.language", lambda: "de")
    assert dateline.moment(at) == "22. November 2026 at 16.42"
    monkeypatch.setattr("dearly.letter.words.language", lambda: "fr")
    assert dateline.moment(at) == "22 novembre 2026 at 16:42"
