"""A carrier's words, and the values of the room."""

from __future__ import annotations

from pathlib import Path

import pytest

from dearly.carriers.base import Collects, Posts, PostsMany, Reports, for_each, said
from dearly.carriers.hand import HandIn, HandOut
from dearly.carriers.jmap import JmapCarrier
from dearly.letter.journey import Accepted
from tests.support.fake_letters import ADA, BERT, CLARA, fake_letter
from tests.support.memory_carrier import MemoryCarrier, MemoryPost


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("mailbox full", "mailbox full"),
        (" two\r\nlines\tand\x1b[31m red ", "two lines and[31m red"),
        ("left\u202eright\u200b", "leftright"),
        (None, ""),
        ({"a": 1}, ""),
        (7, ""),
    ],
)
def test_a_carriers_words_are_cleaned(words: object, shown: str) -> None:
    """A23: what a carrier says is cleaned and bounded before anyone sees it."""
    assert said(words) == shown


def test_a_carriers_words_are_bounded() -> None:
    assert len(said("x" * 10_000_000)) == 300
    assert said("x" * 300) == "x" * 300
    assert said("x" * 301).endswith("…")


def test_for_each_names_every_recipient() -> None:
    assert for_each(fake_letter(1, BERT, CLARA), Accepted()) == {BERT: Accepted(), CLARA: Accepted()}


def test_every_carrier_is_what_it_says() -> None:
    memory = MemoryCarrier(MemoryPost(), ADA)
    office = JmapCarrier("https://office.letters.test", "fake-token", ADA)
    assert isinstance(memory, PostsMany)
    assert isinstance(office, PostsMany)
    assert isinstance(office, Reports)
    assert not isinstance(HandOut(Path("letter.dearly")), PostsMany)
    posting: list[Posts] = [memory, office, HandOut(Path("letter.dearly"))]
    collecting: list[Collects] = [memory, office, HandIn(Path("letter.dearly"))]
    assert all(carrier.way and carrier.place for carrier in (*posting, *collecting))
