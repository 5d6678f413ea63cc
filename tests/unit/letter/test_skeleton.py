"""A21: what looks the same has the same skeleton, and names that people tell apart do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dearly.letter.address import Address
from dearly.letter.skeleton import of_address, skeleton

SAME = [
    ("Bert", "Ве\u0433t"),
    ("Bert", "\u0392\u0435rt"),
    ("BERT", "\u0412\u0415\u0420\u0422".replace("\u0420", "R")),
    ("Ida", "lda"),
    ("Ida", "1da"),
    ("Otto", "0tto"),
    ("Marion", "rnarion"),
    ("Wim", "vvirn"),
    ("Ada", "A\u200bda"),
    ("Ada Lovelace", " Ada  \u202eLovelace"),
    ("Ada", "Ａｄａ"),
    ("Sophia", "\u0405\u043e\u0440h\u0456a"),
]
APART = [("Bert", "Berta"), ("Ida", "ida"), ("Mia", "Nia"), ("Ada", "Ана"), ("Jörg", "Jorge"), ("Müller", "Moller")]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_what_can_be_taken_for_the_other(one: str, other: str) -> None:
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), APART)
def test_what_people_tell_apart(one: str, other: str) -> None:
    assert skeleton(one) != skeleton(other)


def test_addresses() -> None:
    known = of_address(Address.parse("bert@letters.test"))
    for other in ("b\u0435rt@letters.test", "bert@\u0456etters.test", "bert@1etters.test", "BERT@LETTERS.TEST"):
        same = of_address(Address.parse(other)) == known
        assert same is (other != "bert@\u0456etters.test"), other
    assert of_address(Address.parse("anna@modern.test")) == of_address(Address.parse("anna@modem.test"))


@given(st.text(max_size=60))
def test_it_is_stable_for_anything(text: str) -> None:
    assert skeleton(text) == skeleton(f" {text} ")
