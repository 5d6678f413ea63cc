"""Excerpts: the words are marked where they really stand."""

from __future__ import annotations

import pytest

from dearly.terms.excerpt import Finder
from dearly.terms.likely import distance, nearest, slips
from dearly.terms.query import parse

LANGUAGES = ("en", "de", "fr")


def marked(query: str, text: str) -> list[str]:
    return [text[begin:end] for begin, end in Finder(parse(query).words, LANGUAGES).places(text)]


@pytest.mark.parametrize(
    ("query", "text", "found"),
    [
        ("gardens", "My garden, gardening, Gardens.", ["garden", "gardening", "Gardens"]),
        ("garden", "A gardener's guard", ["gardener"]),
        ("grosse", "Die Größe, groß, GROSSE", ["Größe", "groß", "GROSSE"]),
        ("strasse", "in der Straße", ["Straße"]),
        ("oeuvre", "Une Œuvre", ["Œuvre"]),
        ("ete", "c'e\u0301te\u0301 l'ÉTÉ", ["e\u0301te\u0301", "ÉTÉ"]),
        ('"old tree"', "an Old,\n tree; old trees", ["Old,\n tree"]),
        ("gard*", "gardening in regard", ["gardening"]),
        ("東京", "私は東京タワーに", ["東京"]),
        ("שלום", "אמר שָׁלוֹם לך", ["שָׁלוֹם"]),
        ("елка", "Ёлка", ["Ёлка"]),
        ("Häuser", "das alte Haus", ["Haus"]),
        ("cat", "concatenate", []),
        ("µm", "fünf µm, πέντε μm", ["µm", "μm"]),
        ("µm", "fünf µm", ["µm"]),
    ],
)
def test_marks(query: str, text: str, found: list[str]) -> None:
    assert marked(query, text) == found


def test_an_excerpt_is_some_of_the_text() -> None:
    text = "word " * 400 + "the walnut tree " + "word " * 400
    found = Finder(parse("walnut").words, LANGUAGES).excerpt(text)
    assert len(found.text) < 300
    assert ("walnut", True) in found.pieces
    assert found.pieces[0] == ("… ", False)
    assert found.text.endswith(" …")


def test_words_are_found_wherever_two_stretches_of_a_text_meet() -> None:
    word, phrase = Finder(parse("walnut").words, LANGUAGES), Finder(parse('"walnut tree"').words, LANGUAGES)
    for place in range(988, 1003):
        text = "ż" * place + " walnut  tree " + "ó" * 2000
        assert ("walnut", True) in word.excerpt(text).pieces
        assert ("walnut tree", True) in phrase.excerpt(text).pieces
        for glued in (text.replace(" walnut", "walnut"), text.replace("walnut ", "walnut" + "ó" * 200)):
            assert not any(found for _piece, found in word.excerpt(glued).pieces)


def test_where_nothing_is_marked_it_is_the_beginning() -> None:
    assert Finder(parse("walnut").words, ()).excerpt("Dear Bert,\nit rains.").pieces == (
        ("Dear Bert, it rains.", False),
    )


def test_a_letter_without_a_text_has_an_empty_excerpt() -> None:
    """As one that was found by its subject, with a picture in it and nothing else."""
    assert Finder(parse("walnut").words, ()).excerpt("").text == ""


def test_slips() -> None:
    assert "garden" in slips("gardne")
    assert "garden" in slips("garen")
    assert distance("gardne", "garden", 2) == 1
    assert distance("kitten", "sitting", 2) == 3
    assert nearest("gardne", [("garden", 5), ("gardens", 9), ("warden", 1), ("gardne", 1)], 2) == ["garden"]
