"""What is remembered of the mailboxes between two rounds (carriers/mail/cursor.py)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dearly.carriers.mail import plan
from dearly.carriers.mail.cursor import MOST_OWED, Box, Cursor, Owed

UIDS = st.integers(1, 2**32 - 1)
DAYS = st.none() | st.dates()
OWED = st.builds(Owed, UIDS, st.integers(0, 10**9), st.text("0123456789abcdef", max_size=16), DAYS)
BOXES = st.builds(
    Box,
    validity=st.none() | UIDS,
    last=UIDS,
    since=DAYS,
    seen=DAYS,
    exists=st.integers(-1, 10**6),
    more_than_told=st.booleans(),
    named=st.lists(st.tuples(UIDS, st.integers(1, 10**9)), max_size=5).map(tuple),
    owed=st.lists(OWED, max_size=5).map(tuple),
    marks=st.lists(st.tuples(UIDS, st.text("0123456789abcdef", max_size=16)), max_size=4).map(tuple),
)


@settings(max_examples=40)
@given(st.dictionaries(st.text(max_size=20), BOXES, max_size=2), st.integers(0, 1))
def test_it_is_read_as_it_was_written(boxes: dict[str, Box], turn: int) -> None:
    cursor = Cursor(boxes, turn)
    assert Cursor.read(cursor.text()) == cursor


def test_the_fullest_is_small_enough_to_be_kept() -> None:
    """carriers/base.py allows 64 KiB."""
    high = 2**32 - 1
    full = Box(
        validity=high,
        last=high,
        since=date(2026, 1, 1),
        named=tuple((high - n, 160_000_000) for n in range(plan.CHUNK)),
        marks=tuple((high - n, "f" * 16) for n in range(plan.MARKS)),
    ).owing([Owed(high - n, 10**9, "f" * 16, date(2026, 1, 1)) for n in range(MOST_OWED)])
    assert full.room == 0
    assert len(Cursor({"INBOX": full, "ü" * 200: full}).text().encode()) < 65_536


@pytest.mark.parametrize(
    "kept",
    [
        *("", "0", "[", "{}", "null", "\x00", "[" * 100_000, '{"imap":2,"turn":0,"boxes":{}}'),
        '{"imap":1,"turn":0,"boxes":{"INBOX":{}}}',
        '{"imap":1,"turn":0,"boxes":{"INBOX":null}}',
        '{"imap":1,"turn":"x","boxes":{}}',
        '["1","account","state",null,[],[]]',
    ],
)
def test_what_is_of_another_making_begins_anew(kept: str) -> None:
    assert Cursor.read(kept) == Cursor({})


def test_what_is_owed_is_remembered_once_in_the_order_in_which_it_is_tried() -> None:
    box = Box().owing([Owed(uid) for uid in range(1, 11)])
    assert box.room == MOST_OWED - 10
    again = box.owing([Owed(10, 5, "ab")])
    assert (again.room, again.owed[-1].digest) == (box.room, "ab")
    turned = Box(owed=(Owed(9), Owed(3))).owing([Owed(4)])
    assert [one.uid for one in turned.owed] == [9, 3, 4]
