"""Finishing a draft."""

import pytest

from dearly.letter.address import Address, Correspondent
from dearly.letter.content import MOST_ENCLOSED, Draft, Enclosure, finish
from dearly.letter.errors import Refused, Usage
from tests.support.times import CountedChance, FixedClock

ADA = Correspondent("Ada", Address.parse("ada@letters.test"))
BERT = Correspondent("Bert", Address.parse("bert@post.test"))


def test_a_finished_letter_has_its_own_id_and_the_writers_hour() -> None:
    chance, clock = CountedChance(), FixedClock()
    one = finish(Draft(to=(BERT,), text="Dear Bert"), ADA, clock, chance)
    two = finish(Draft(to=(BERT,), text="Dear Bert"), ADA, clock, chance)
    assert one.letter_id != two.letter_id
    assert one.letter_id.endswith("@letters.test")
    assert len(one.letter_id.split("@")[0]) == 26
    assert one.date.isoformat() == "2026-03-01T14:00:00+02:00"


@pytest.mark.parametrize(
    ("draft", "code"),
    [
        (Draft(to=(BERT,)), "empty_letter"),
        (Draft(to=(BERT,), text=" \n\t"), "empty_letter"),
        (Draft(text="Dear nobody"), "no_recipient"),
        (Draft(to=(BERT,), text="x", subject="a\r\nBcc: eve@letters.test"), "bad_text"),
        (Draft(to=(BERT,), text="x", enclosures=(Enclosure("a\nb", "text/plain", b""),)), "bad_text"),
    ],
)
def test_what_is_no_letter(draft: Draft, code: str) -> None:
    with pytest.raises(Usage) as caught:
        finish(draft, ADA, FixedClock(), CountedChance())
    assert caught.value.code == code


def test_too_heavy() -> None:
    draft = Draft(to=(BERT,), text="x", enclosures=(Enclosure("a", "image/jpeg", bytes(MOST_ENCLOSED + 1)),))
    with pytest.raises(Refused) as caught:
        finish(draft, ADA, FixedClock(), CountedChance())
    assert caught.value.code == "too_large"


def test_an_enclosure_alone_is_a_letter() -> None:
    finish(Draft(to=(BERT,), enclosures=(Enclosure("a.jpg", "image/jpeg", b"x"),)), ADA, FixedClock(), CountedChance())
