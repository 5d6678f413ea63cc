"""Words found however they are written, and shown as they are written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dearly.desk.looking import AROUND, excerpt, fold, words_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("PEAR", "pear"),
        ("Élodie", "elodie"),
        ("E\u0301lodie", "ELODIE"),
        ("Straße", "STRASSE"),
        ("Łódź", "łódz"),
        ("naïve cœur", "naive coeur"),
        ("it’s", "it's"),
        ("ﬁne", "fine"),
        ("Ｗｉｄｅ", "wide"),
        ("Ἀθῆναι", "αθηναι"),
        ("ЁЛКА", "елка"),
        ("שָׁלוֹם", "שלום"),
        ("مُحَمَّد", "محمد"),
        ("Ærø", "ærø"),
    ],
)
def test_spellings_of_one_word(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_different_words_stay_different() -> None:
    assert len({fold(word) for word in ("pear", "peer", "öre", "are", "日本", "日木", "שלום")}) == 7


@given(st.text())
def test_it_does_not_matter_how_letters_are_put_together(text: str) -> None:
    composed, apart = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert fold(composed) == fold(apart) or any(fold(c) != fold(unicodedata.normalize("NFD", c)) for c in composed)


def test_the_quick_way_for_latin_letters_comes_to_the_same() -> None:
    """A letter of another script in the text makes it go the long way."""
    for code in range(256):
        assert fold(chr(code)) == fold(chr(code) + "ж")[:-1], hex(code)
    letters = "".join(map(chr, range(0xC0, 0x180)))
    assert fold(letters) == fold(unicodedata.normalize("NFD", letters))


@given(st.text(alphabet="abc é\u0301ß…שָ\n", max_size=400), st.text(alphabet="abcés שָ", max_size=6))
def test_an_excerpt_is_a_piece_of_the_text_and_its_marks_are_the_words(text: str, query: str) -> None:
    words = words_of(query)
    shown = excerpt(text, words)
    flat = " ".join(text.split())
    assert shown.text.removeprefix("… ").removesuffix(" …").strip() in flat
    for piece, marked in shown.pieces:
        if marked:
            assert any(word in fold(piece) for word in words)
    if any(word in fold(flat) for word in words):
        assert any(marked for _piece, marked in shown.pieces) or "…" in text or "ß" in text


def test_an_excerpt_is_short_and_ends_between_words() -> None:
    text = "one two three " * 200 + "the Pear tree and the pear " + "four five six " * 200
    shown = excerpt(text, words_of("pear"))
    assert [piece for piece, marked in shown.pieces if marked] == ["Pear", "pear"]
    assert len(shown.text) < 3 * AROUND
    assert shown.text.startswith("… ")
    assert shown.text.endswith(" …")
    assert set(shown.text.split()) <= set(text.split()) | {"…"}
    assert excerpt("short", ()).text == "short"
