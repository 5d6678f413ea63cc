"""What two spellings of a text have in common, and how it is cut into words."""

from __future__ import annotations

import pytest

from dearly.terms import folding
from dearly.terms.folding import cut, flat, fold, plain_words, runs, words

ALPHABETS = ("cp1252", "cp1250", "cp1251", "cp1254", "cp1253", "cp1257")


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Größe STRAẞE", "grosse strasse"),
        ("Łódź Øre Đorđe", "lodz ore dorde"),
        ("Æther Œuvre Þór", "aether oeuvre thor"),
        ("İstanbul ışık", "istanbul isik"),
        ("naïve façade Ünïcødé", "naive facade unicode"),
        ("ＦＵＬＬ ｗｉｄｔｈ ﬁne", "full width fine"),
        ("Ⓐ ⅷ", "a viii"),
        ("Ἀθῆναι λόγος", "αθηναι λογοσ"),
        ("Ёлка Йод", "елка йод"),
        ("שָׁלוֹם", "שלום"),
        ("مُحَمَّد", "محمد"),
        ("soft\u00adhyphen", "softhyphen"),
        ("e\u0301te\u0301", "ete"),
    ],
)
def test_spellings_that_count_as_one(written: str, folded: str) -> None:
    assert fold(written) == folded
    assert words(written) == folded.split()


@pytest.mark.parametrize(
    ("text", "cut_into"),
    [
        ("It's here", ["it", "s", "here"]),
        ("l’été d'Ada", ["l", "ete", "d", "ada"]),
        ("e-mail: ada@letters.test", ["e", "mail", "ada", "letters", "test"]),
        ("snake_case 3½", ["snake", "case", "31", "2"]),
        ("“Quoted” — dash…", ["quoted", "dash"]),
        ("हिन्दी में लिखा।", ["हिन्दी", "में", "लिखा"]),
        ("한국어 편지", ["한국어", "편지"]),
        ("sun ☀ and 🎉 party é", ["sun", "and", "party", "e"]),
        ("", []),
        ("  \n ", []),
    ],
)
def test_words(text: str, cut_into: list[str]) -> None:
    assert words(text) == cut_into


def test_scripts_without_blanks_are_cut_into_pairs() -> None:
    assert words("東京へ行く。") == ["東京", "京へ", "へ行", "行く", "く"]
    assert words("東京tower") == ["東京", "京", "tower"]
    assert words("字") == ["字"]
    assert all(len(word) <= 2 for word in words("สวัสดีครับ"))
    assert runs("東京tower へ") == ["東京tower", "へ"]


@pytest.mark.parametrize("codec", ALPHABETS)
def test_the_tables_do_what_the_rule_does(codec: str) -> None:
    """Each sign of each alphabet alone, within a word, and at its end."""
    for code in range(256):
        char = bytes((code,)).decode(codec, "replace")
        for text in (char, f"a{char}b", f"A{char}", f"é{char}x"):
            assert cut(text).split() == folding._words(folding._fold(text)), (text, code)


def test_words_of_grammar_keep_their_accents() -> None:
    assert plain_words("L'Été à Zürich") == ["l", "été", "à", "zürich"]
    assert plain_words("Zażółć gęślą") == ["zażółć", "gęślą"]
    assert plain_words("東京 tower") == ["tower"]


@pytest.mark.parametrize("text", ["Größe", "Łódź – “x”", "東京、Tower", "Ёлка", "ＡＢＣ é", "ἀ 🎉", "plain"])
def test_a_place_in_the_flat_text_is_a_place_in_the_text(text: str) -> None:
    assert len(flat(text)) == len(text)
    for here, there in zip(text, flat(text), strict=True):
        assert fold(here) == fold(there)
