"""The whole set of odd letters, read in this process: nothing raises, and what can be told of them is told right."""

from __future__ import annotations

import pytest

from dearly.mime.read import Unreadable, outline, readable
from tests.support.odd_letters import Odd, odd_letters

SET = tuple(odd_letters())


def test_each_has_its_own_name() -> None:
    assert len({odd.name for odd in SET}) == len(SET) > 140


@pytest.mark.parametrize("odd", SET, ids=lambda odd: odd.name)
def test_an_odd_letter_is_read_or_kept_with_a_reason(odd: Odd) -> None:
    if (odd.says, odd.sender) == (None, None) and not _can_be_read(odd):
        return
    seen = outline(odd.data)
    body = readable(odd.data, seen, inside=False)
    assert (str(seen.froms[0].address) if seen.froms else None) == odd.sender
    if odd.says is not None:
        assert odd.says in body.text
    if odd.subject is not None:
        assert seen.subject == odd.subject


def _can_be_read(odd: Odd) -> bool:
    """Whether it is read at all; what is not has a reason, in words."""
    try:
        outline(odd.data)
    except Unreadable as refused:
        return not refused.message
    return True
