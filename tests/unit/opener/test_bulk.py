"""Many originals in one question: as one by one, and one that breaks the child costs only itself."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from tests.support.archives import ADA, BERT, letter
from tests.support.odd_letters import odd_letters
from tests.support.times import NOON

from dearly.letter.address import Address
from dearly.mime import read
from dearly.opener import pool, stacks
from dearly.opener.bulk import Kind, Read, Stack
from dearly.opener.process import Lost
from dearly.opener.protocol import How
from dearly.opener.protocol_letters import READ, Open
from dearly.opener.reading import open_parcel

OURS = (Address.parse("ada@letters.test"),)


def _stack(*letters: bytes, leave: tuple[Kind, ...] = ()) -> Stack:
    return Stack(letters, (None,) * len(letters), OURS, leave)


def test_read_together_as_one_by_one() -> None:
    """Every odd letter comes to what opening it alone comes to."""
    odd = [one for one in odd_letters() if one.data]
    found = stacks.read(_stack(*(one.data for one in odd)))
    for one, together in zip(odd, found, strict=True):
        alone = open_parcel(Open(one.data, NOON, (), OURS, 1 << 26), lambda _question, _value: ())
        if together.kind is Kind.SEALED:
            assert alone.letter is None, one.name
            continue
        if together.kind is Kind.UNREADABLE:
            assert alone.trouble is not None and together.trouble == alone.trouble, one.name
            continue
        assert alone.letter is not None, one.name
        assert together.inner_sha256 == alone.inner_sha256, one.name
        assert (together.text, together.html) == (alone.letter.text, alone.letter.html), one.name
        assert together.heading == alone.letter.heading, one.name
        pieces = [
            (
                piece.name,
                piece.media_type,
                base64.b64decode(one.data[piece.start : piece.end]) if piece.end else piece.data,
            )
            for piece in together.pieces
        ]
        assert pieces == [(each.name, each.media_type, each.data) for each in alone.letter.enclosures], one.name


def test_what_a_letter_is() -> None:
    came, went, other = letter(1), letter(2, sender=ADA, to=BERT), letter(3, to="Clara <clara@letters.test>")
    news = letter(4, more="List-Id: <news.shop.test>\n")
    found = stacks.read(_stack(came, went, other, news, leave=(Kind.NEWSLETTER,)))
    assert [(one.kind, one.sent, one.ours) for one in found] == [
        (Kind.LETTER, False, True),
        (Kind.LETTER, True, True),
        (Kind.LETTER, False, False),
        (Kind.NEWSLETTER, False, True),
    ]
    assert found[0].entry is not None and "letter" in found[0].entry.body.split()
    assert (found[3].text, found[3].entry) == ("", None)
    (wished,) = stacks.read(_stack(news))
    assert wished.kind is Kind.LETTER and wished.text


class _Broken(pool.Opener):
    """An opener whose child dies of one letter."""

    asked: list[int]

    async def _call(self, operation: Any, value: Any, answers: Any = None) -> Any:
        assert operation is READ
        self.asked = [*getattr(self, "asked", []), len(value.letters)]
        if any(b"deadly" in one for one in value.letters):
            raise Lost(How.CRASHED, took=True)
        return stacks.read(value)


def _run(play: Callable[[], Awaitable[tuple[Read, ...]]]) -> tuple[Read, ...]:
    return asyncio.run(play())  # type: ignore[arg-type]  # a coroutine


def test_a_letter_that_breaks_the_child_costs_only_itself() -> None:
    opener = _Broken()
    found = _run(lambda: opener.read_many(_stack(letter(1), letter(2, text="deadly\n"), letter(3))))
    assert [one.kind for one in found] == [Kind.LETTER, Kind.UNREADABLE, Kind.LETTER]
    assert found[1].trouble is not None and found[1].trouble.code == "opener_crashed"
    assert opener.asked == [3, 1, 1, 1]


def test_a_child_that_was_ended_says_nothing_against_a_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    async def ended(*_: Any) -> Any:
        raise Lost(How.ENDED, took=True)

    opener = pool.Opener()
    monkeypatch.setattr(opener, "_call", ended)
    with pytest.raises(Exception, match="ended before it was done"):
        _run(lambda: opener.read_many(_stack(letter(1))))


def test_a_fault_of_ours_costs_one_letter(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(raw: bytes) -> Any:
        if b"deadly" in raw:
            raise RecursionError
        return read.outline(raw)

    monkeypatch.setattr(stacks, "outline", fails)
    found = stacks.read(_stack(letter(1), letter(2, text="deadly\n")))
    assert [one.kind for one in found] == [Kind.LETTER, Kind.UNREADABLE]
