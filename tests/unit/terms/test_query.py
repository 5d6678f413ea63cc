"""What may be typed, and what it comes to."""

from __future__ import annotations

from datetime import date

import pytest

from dearly.terms.entry import Has
from dearly.terms.expression import Sight, expression
from dearly.terms.marks import address_mark
from dearly.terms.query import LONGEST, MOST, Dated, Marked, Named, Within, Words, parse

NOBODY = Sight({})


def one(text: str) -> object:
    ((item,),) = parse(text).clauses
    return item.what


@pytest.mark.parametrize(
    ("text", "means"),
    [
        ("Garden", Words(("garden",), typed="Garden")),
        ('"Old tree"', Words(("old", "tree"), phrase=True, typed="Old tree")),
        ("“Old tree”", Words(("old", "tree"), phrase=True, typed="Old tree")),
        ("gard*", Words(("gard",), begins=True, typed="gard")),
        ("l'été", Words(("l", "ete"), phrase=True, typed="l'été")),
        ("from:ada", Named("from", "ada")),
        ('TO:"Bert B"', Named("to", "Bert B")),
        ("has:photo", Marked(Has.PICTURE)),
        ("is:postcard", Marked(Has.POSTCARD)),
        ("in:sent", Within("outbox")),
        ("subject:tea", Words(("tea",), phrase=True, column="subject", typed="tea")),
        ("file:map.pdf", Words(("map", "pdf"), phrase=True, column="files", typed="map.pdf")),
    ],
)
def test_one_thing(text: str, means: object) -> None:
    assert one(text) == means
    assert parse(text).notes == ()


@pytest.mark.parametrize(
    ("text", "first", "end"),
    [
        ("year:2012", date(2012, 1, 1), date(2013, 1, 1)),
        ("year:2012-2014", date(2012, 1, 1), date(2015, 1, 1)),
        ("year:2014..2012", date(2012, 1, 1), date(2015, 1, 1)),
        ("year:2012-05", date(2012, 5, 1), date(2012, 6, 1)),
        ("year:2012-12", date(2012, 12, 1), date(2013, 1, 1)),
        ("year:2012-02-29", date(2012, 2, 29), date(2012, 3, 1)),
        ("before:2012-05-13", None, date(2012, 5, 13)),
        ("after:2012", date(2013, 1, 1), None),
        ("-before:2012", date(2012, 1, 1), None),
        ("after:2011 before:2013 year:2012-03", date(2012, 3, 1), date(2012, 4, 1)),
    ],
)
def test_days(text: str, first: date | None, end: date | None) -> None:
    asked = parse(text)
    assert (asked.first, asked.end, asked.clauses) == (first, end, ())


def test_all_of_them_one_of_them_none_of_them() -> None:
    assert expression(parse("tea OR milk cake -rain NOT snow"), NOBODY) == (
        '(("tea" OR "milk") AND "cake") NOT ("rain" OR "snow")'
    )
    assert expression(parse("-rain"), NOBODY) == '("§a") NOT ("rain")'
    assert expression(parse("tea OR -milk"), NOBODY) == '("tea" OR ("§a" NOT "milk"))'
    assert expression(parse("year:2012 OR year:2013-02"), NOBODY) == '("§y2012" OR "§m201302")'


def test_forms_and_pairs_and_people() -> None:
    assert expression(parse("gardens"), Sight({}, ("en",))) == '("gardens" OR "garden" OR "¬garden")'
    assert expression(parse('"gardens"'), Sight({}, ("en",))) == '"gardens"'
    assert expression(parse("東京タ"), NOBODY) == '"東京 京タ"'
    assert expression(parse("京"), NOBODY) == '"京" *'
    assert expression(parse("京tower"), NOBODY) == '"京 tower"'
    assert expression(parse("from:me to:me"), NOBODY) == '"§dout" AND "§din"'
    ada = Named("from", "ada")
    assert address_mark("f", "ada@letters.test") in expression(parse("from:ada"), Sight({ada: ["ada@letters.test"]}))


@pytest.mark.parametrize(
    ("text", "noted"),
    [('say "no end', 1), ("year:soon", 1), ("has:wings", 1), ("year:2012-13", 1), ("from:", 0), ("at 12:30", 0)],
)
def test_what_is_not_understood_is_looked_for_and_said(text: str, noted: int) -> None:
    asked = parse(text)
    assert len(asked.notes) == noted
    assert asked.words


def test_days_beside_or_are_left_away_and_that_is_said() -> None:
    asked = parse("tea OR year:2012-05-13")
    assert len(asked.notes) == 1
    assert not any(isinstance(item.what, Dated) for clause in asked.clauses for item in clause)


def test_a_query_without_end_is_cut() -> None:
    assert len(parse("a" * 5000).notes) == 1
    assert sum(map(len, parse("ab " * 300).clauses)) == MOST
    assert len(parse("a b " * LONGEST).clauses) == MOST


def test_only_drafts_or_no_drafts() -> None:
    assert parse("in:draft tea").drafts is True
    assert parse("-in:draft tea").drafts is False
    assert parse("tea").drafts is None
    assert parse("").empty
    assert parse('" "').empty
