"""What to look at in a mailbox, and when a message has come whole (carriers/mail/plan.py)."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dearly.carriers.base import MOST_PARCEL
from dearly.carriers.mail import plan
from dearly.carriers.mail.imapvalues import Standing
from tests.support.fake_letters import fake_letter
from tests.support.times import NOON

TODAY = NOON.date()
HEAD = b"From: ada@letters.test\r\nDate: Sun, 01 Mar 2026 09:00:00 +0000\r\nMessage-ID: <1@letters.test>\r\n\r\n"
MARK = plan.mark(HEAD)


def test_how_far_back() -> None:
    assert plan.since(NOON) == TODAY - timedelta(days=30)
    # What was begun on an earlier day goes on from there; a clock that ran ahead is taken back.
    assert plan.since(NOON, before=date(2026, 1, 1)) == date(2026, 1, 1)
    assert plan.since(NOON, before=date(2046, 1, 1)) == TODAY - timedelta(days=30)
    # Who was away for long misses nothing when the server numbers anew meanwhile.
    assert plan.since(NOON, seen=date(2025, 6, 1)) == date(2025, 5, 30)
    assert plan.since(NOON, seen=TODAY) == TODAY - timedelta(days=30)


@given(st.lists(st.integers(-5, 2**70)), st.integers(0, 2**32))
def test_uids_are_new_once_and_in_order(found: list[int], last: int) -> None:
    new = plan.above(found, last)
    assert new == sorted(set(new))
    assert set(new) == {uid for uid in found if last < uid < 2**32}


@pytest.mark.parametrize(
    ("standing", "marks", "found", "stand"),
    [
        (Standing("INBOX", 7, 10, 9), {9: MARK}, {9: MARK}, True),
        (Standing("INBOX", 8, 10, 9), {9: MARK}, {9: MARK}, False),  # F27
        (Standing("INBOX", 7, 10, 9), {9: MARK}, {9: "another"}, False),  # F29
        (Standing("INBOX", 7, 10, 9), {8: MARK, 9: MARK}, {8: MARK, 9: "another"}, False),
        (Standing("INBOX", 7, 3, 2), {9: MARK}, {}, False),  # F28
        (Standing("INBOX", 7, 10, 0), {9: MARK}, {}, True),  # somebody emptied it
        (Standing("INBOX", 7, 0, 5), {9: MARK}, {}, True),  # a server that does not say UIDNEXT
        (Standing("INBOX", 7, 2, 5), {9: MARK}, {9: MARK}, True),  # one that says it wrong
    ],
)
def test_whether_the_uids_mean_what_they_meant(
    standing: Standing, marks: dict[int, str], found: dict[int, str], stand: bool
) -> None:
    assert plan.stands(7, 9, standing, marks, found) is stand


def test_an_empty_mailbox_stands() -> None:
    assert plan.stands(7, 0, Standing("INBOX", 7, 1, 0), {}, {})


def test_a_message_is_known_again_by_what_does_not_change() -> None:
    other_fields = HEAD.replace(b"From:", b"Return-Path: <x@y.test>\r\nFrom:")
    assert plan.mark(other_fields) == MARK
    assert plan.mark(HEAD.replace(b"<1@", b"<2@")) != MARK
    assert plan.mark(HEAD.replace(b"09:00", b"10:00")) != MARK


@given(st.lists(st.integers(0, 20_000_000), max_size=300))
def test_what_is_fetched_together_is_bounded_and_never_nothing(sizes: list[int]) -> None:
    n = plan.batch(sizes)
    assert (n > 0) is bool(sizes)
    assert n <= plan.MOST_TOGETHER
    assert n <= 1 or sum(sizes[:n]) <= plan.TOGETHER
    # As many as may be.
    assert n in (len(sizes), plan.MOST_TOGETHER) or sum(sizes[: n + 1]) > plan.TOGETHER


def test_nothing_larger_than_a_parcel_may_be_is_let_in() -> None:
    assert plan.measure(100) >= 200
    assert plan.measure(10**12) <= MOST_PARCEL + 65_536


@pytest.mark.parametrize("missing", range(1, 60))
def test_a_sealed_letter_that_lacks_its_end_is_never_taken_for_whole(missing: int) -> None:
    data = fake_letter(1).data
    assert plan.exact(data, len(data))
    assert plan.plausible(data, len(data) + 500)
    cut = data[:-missing]
    assert not plan.exact(cut, len(data))
    assert not plan.plausible(cut, len(data))


def test_what_has_no_end_of_its_own_is_plausible_only_when_longer() -> None:
    text = b"From: ada@letters.test\r\n\r\nDear Bert.\r\n"
    assert plan.plausible(text, len(text) - 2)
    assert not plan.plausible(text, len(text) + 2)
    assert not plan.plausible(b"", 5)
    assert not plan.exact(None, 0)
    assert not plan.exact(b"", 0)


def test_a_boundary_in_a_text_closes_nothing() -> None:
    forged = (
        b"From: ada@letters.test\r\nContent-Type: text/plain; boundary=x\r\n\r\n"
        b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x--\r\n"
    )
    assert not plan.plausible(forged, len(forged) + 10)
