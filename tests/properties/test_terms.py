"""Words and searches, over any text: each word of a letter finds it, and nothing that can be typed is an error."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import apsw
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dearly.terms.entry import entry
from dearly.terms.excerpt import Finder
from dearly.terms.expression import Sight, expression
from dearly.terms.folding import cut, flat, fold, runs, words
from dearly.terms.matching import matches
from dearly.terms.query import parse

WHEN = datetime(2012, 5, 13, tzinfo=UTC)
ANY = st.text(max_size=60)
SIGNS = "aäß Ωс東京ก字 éœЙ\u0301\u00ad'’\"-*:()^+.,\n_0½ﬁＡ🎉שָ"
ODD = st.text(alphabet=SIGNS, max_size=30)
TYPED = st.lists(
    st.sampled_from(
        [
            "OR",
            "NOT",
            "AND",
            "NEAR",
            "-",
            '"',
            "*",
            "from:",
            "to:me",
            "year:2012",
            "before:",
            "has:",
            "in:draft",
            "a",
            "東",
        ]
    )
    | ODD,
    max_size=12,
).map(" ".join)


@pytest.fixture(scope="module")
def index() -> Iterator[apsw.Connection]:
    connection = apsw.Connection(":memory:")
    connection.execute(
        "CREATE VIRTUAL TABLE search USING fts5(subject, people, body, files, stems, facets,"
        " content='', contentless_delete=1, tokenize='ascii')"
    )
    yield connection
    connection.close()


def put(index: apsw.Connection, text: str) -> None:
    made = entry("", text, people=[], direction="in", date=WHEN)
    index.execute("DELETE FROM search")
    index.execute(
        "INSERT INTO search (rowid, subject, people, body, files, stems, facets) VALUES (1, '', '', ?, '', ?, ?)",
        (made.body, made.stems, made.facets),
    )


def found(index: apsw.Connection, query: str, *languages: str) -> bool:
    match = expression(parse(query), Sight({}, languages))
    return bool(index.execute("SELECT rowid FROM search WHERE search MATCH ?", (match,)).fetchall())


@given(ANY | ODD)
def test_folding_is_done_once_and_for_all(text: str) -> None:
    assert words(" ".join(words(text))) == words(text) or any(len(word) < 2 for word in words(text))
    assert fold(fold(text)) == fold(text)
    assert len(flat(text)) == len(text)
    assert cut(text).split() == words(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(text=ANY | ODD, data=st.data())
def test_every_word_of_a_text_finds_it(index: apsw.Connection, text: str, data: st.DataObject) -> None:
    put(index, text)
    there = [word for word in runs(text) if word]
    if there:
        word = data.draw(st.sampled_from(there))
        assert found(index, f'"{word}"')
        assert found(index, f'"{text}"') or '"' in fold(text) or len(there) > 60
        assert matches(parse(f'"{word}"'), Sight({}), entry("", text, people=[], direction="in", date=WHEN))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(query=TYPED | ANY)
def test_nothing_that_can_be_typed_is_an_error(index: apsw.Connection, query: str) -> None:
    asked = parse(query)
    sight = Sight(dict.fromkeys(asked.named, ("ada@letters.test",)), ("en", "de"))
    index.execute("SELECT rowid FROM search WHERE search MATCH ?", (expression(asked, sight),)).fetchall()
    matches(asked, sight, entry("", query, people=[], direction="in", date=WHEN))
    text = "Dear Bert, " + query
    finder = Finder(asked.words, sight.languages)
    pieces = finder.excerpt(text).pieces
    assert all(piece for piece, _mark in pieces)
    for begin, end in finder.places(text):
        assert 0 <= begin < end <= len(text)
