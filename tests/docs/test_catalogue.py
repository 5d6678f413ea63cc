"""Every sentence of the program can be said in another language, and is said in German.

    DEARLY_UPDATE=1 pytest tests/docs/test_catalogue.py

finds the sentences in the source again, keeps the translations that there are, and compiles the catalogues. What is
new then stands in the .po with an empty msgstr: fill it, and run the same line once more.
"""

import gettext
import os
import string
from pathlib import Path

import pytest
from tests.support.catalogue import LOCALE, Catalogue, Sentence, compiled, in_template, read, render, sentences

LANGUAGES = sorted(folder.name for folder in LOCALE.iterdir() if folder.is_dir())
TEMPLATE = LOCALE / "dearly.pot"


def _files(language: str) -> tuple[Path, Path]:
    folder = LOCALE / language / "LC_MESSAGES"
    return folder / "dearly.po", folder / "dearly.mo"


@pytest.fixture(scope="module", autouse=True)
def update() -> None:
    if not os.environ.get("DEARLY_UPDATE"):
        return
    places = sentences()
    TEMPLATE.write_text(render(dict.fromkeys(places, ()), "", places), encoding="utf-8")
    for language in LANGUAGES:
        source, binary = _files(language)
        known = read(source.read_text(encoding="utf-8"))
        catalogue: Catalogue = {sentence: known.get(sentence, ()) for sentence in places}
        source.write_text(render(catalogue, language, places), encoding="utf-8")
        binary.write_bytes(compiled(catalogue, language))


def test_there_is_a_translation() -> None:
    assert "de" in LANGUAGES


def test_the_template_names_every_sentence() -> None:
    known = set(read(TEMPLATE.read_text(encoding="utf-8")))
    assert known == set(sentences()), "run it once with DEARLY_UPDATE=1"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language: str) -> None:
    source, binary = _files(language)
    catalogue = read(source.read_text(encoding="utf-8"))
    assert set(catalogue) == set(sentences()), "run it once with DEARLY_UPDATE=1"
    assert [sentence.one for sentence, texts in catalogue.items() if not texts] == []
    assert binary.read_bytes() == compiled(catalogue, language), "run it once with DEARLY_UPDATE=1"


def _fields(text: str) -> set[str]:
    return {f"{name}:{spec}" for _, name, spec, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_fill_the_same_gaps(language: str) -> None:
    catalogue = read(_files(language)[0].read_text(encoding="utf-8"))
    for sentence, texts in catalogue.items():
        for text in texts:
            assert _fields(text) <= _fields(sentence.one) | _fields(sentence.many), sentence.one
            if not sentence.many:
                assert _fields(text) == _fields(sentence.one), sentence.one
            assert text.endswith(" ") == sentence.one.endswith(" "), sentence.one
            assert text.endswith(".") == sentence.one.endswith("."), sentence.one


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_language_reads_the_catalogue(language: str) -> None:
    """Our compiler's file is what gettext of the standard library reads, plurals included."""
    found = gettext.translation("dearly", str(LOCALE), languages=[language])
    for sentence, texts in read(_files(language)[0].read_text(encoding="utf-8")).items():
        if sentence.many:
            assert [found.ngettext(sentence.one, sentence.many, n) for n in (1, 2, 0)] == [*texts, texts[1]]
        else:
            assert found.gettext(sentence.one) == texts[0]


def test_what_is_written_can_be_read_again() -> None:
    catalogue: Catalogue = {
        Sentence('a "quoted" \\ text\nin two lines\n\nand a third'): ("ein „Text“\n",),
        Sentence("{n} letter", "{n} letters"): ("{n} Brief", "{n} Briefe"),
        Sentence("not yet"): (),
    }
    assert read(render(catalogue, "de", {sentence: ["here.py"] for sentence in catalogue})) == catalogue


def test_sentences_are_found_in_templates() -> None:
    template = """{% extends "x.html" %}{% block a %}<p title="{{ _("One.") }}">{{ _("Two {n}.", n=_('Three')) }}
        {% if x %}{{ ngettext("{n} page", "{n} pages", n, n=n) }}{% endif %}{% set y = _("Four") %}{% endblock %}"""
    assert set(in_template(template)) == {
        Sentence("One."),
        Sentence("Two {n}."),
        Sentence("Three"),
        Sentence("{n} page", "{n} pages"),
        Sentence("Four"),
    }
    with pytest.raises(ValueError, match="as it is"):
        list(in_template("{{ _(words) }}"))
