"""In which language a letter is, and the stems of its words."""

from __future__ import annotations

import pytest

from dearly.terms.folding import plain_words
from dearly.terms.languages import guess, stems, stems_of

LETTERS = {
    "en": ("I was in the garden with you and the children", "gardens", "garden"),
    "de": ("Ich war mit dir in dem Garten und das ist auch schön", "Häuser", "Haus"),
    "fr": ("Je suis dans le jardin avec les enfants et nous pensons que", "jardins", "jardin"),
    "es": ("No me gusta el jardín pero los niños se lo pasan como en casa", "canciones", "canción"),
    "it": ("Non mi piace il giardino ma i bambini sono anche di casa", "giardini", "giardino"),
    "nl": ("Het is niet de tuin van mijn zus maar een ander die er ook zijn", "tuinen", "tuin"),
    "sv": ("Jag var inte i trädgården med barnen och det är mycket att göra", "flickorna", "flicka"),
    "fi": ("Minä olen täällä mutta se ei ole niin kuin hän oli", "talossa", "talon"),
    "pl": ("Nie wiem jak to jest, ale już się cieszę z tego co był dla mnie", "ogrody", "ogrodu"),
    "ru": ("Я не знаю как это было, но мы все в саду и он с ним", "новые", "новый"),
    "el": ("Δεν είναι στον κήπο με τα παιδιά και το σπίτι μας που", "κήποι", "κήπος"),
    "tr": ("Ben çok iyi ve bu bir ev değil ama daha sonra ne olan", "evler", "ev"),
}


@pytest.mark.parametrize("language", LETTERS)
def test_a_letter_tells_its_language_and_its_words_share_a_stem(language: str) -> None:
    text, one, other = LETTERS[language]
    assert guess(dict.fromkeys(plain_words(text)))[0] == language
    assert set(stems_of(one, [language])) & set(stems_of(other, [language]))


def test_of_little_text_nothing_is_guessed() -> None:
    assert guess(dict.fromkeys(plain_words("Tokyo 2012"))) == ()


def test_of_a_letter_in_two_languages_both_are() -> None:
    text = f"{LETTERS['en'][0]}. {LETTERS['de'][0]}."
    assert set(guess(dict.fromkeys(plain_words(text)))) == {"en", "de"}


def test_a_word_is_found_with_accents_or_without() -> None:
    (stem,) = stems(["chères"], "fr")
    assert stem in stems_of("chere", ["fr"])
    assert stem in stems_of("Chères", ["fr"])
