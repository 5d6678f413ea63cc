"""What an answer of an SMTP server means (docs/faults.md F05, F08, F09)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dearly.carriers.mail.replies import (
    MOST_LINE,
    MOST_LINES,
    NoReply,
    Reading,
    Reply,
    Stage,
    abilities,
    concerns_account,
    outcome,
)
from dearly.letter.journey import Accepted, TryLater, Turned, Unknown


def read(octets: bytes) -> Reply | None:
    """The reply in whole lines, as a line would hand them over."""
    reading = Reading()
    found = None
    for line in octets.splitlines(keepends=True):
        assert found is None
        found = reading.take(line)
    return found


def of(text: str) -> Reply:
    reply = read(text.encode() + b"\r\n")
    assert reply is not None
    return reply


def test_a_reply_of_one_line_and_of_several() -> None:
    assert read(b"250 2.1.0 fine\r\n") == Reply(250, ("2.1.0 fine",), (2, 1, 0))
    assert read(b"250\r\n") == Reply(250, ("",))
    assert read(b"250-one\r\n250-\r\n250 two\r\n") == Reply(250, ("one", "", "two"))
    assert read(b"250-one\r\n") is None


@pytest.mark.parametrize(
    "octets",
    [
        b"25",
        b"250",
        b"250 ok",
        b"250 ok\r",
        b"250 ok\n",
        b"250ok\r\n",
        b"25 ok\r\n",
        b"2500 ok\r\n",
        b"150 ok\r\n",
        b"650 ok\r\n",
        b"\xc2\xb250 ok\r\n",
        b"250 a\0b\r\n",
        b"250-a\r\n251 b\r\n",
        b"250-a\r\n550 b\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"\r\n",
        b"250 " + b"x" * MOST_LINE + b"\r\n",
        b"250-x\r\n" * (MOST_LINES + 1),
    ],
)
def test_what_is_no_whole_reply_is_none(octets: bytes) -> None:
    """F05: neither a cut line nor one that is ended by LF alone."""
    with pytest.raises(NoReply):
        read(octets)


@given(st.binary(max_size=60))
def test_any_octets_are_a_reply_or_none(octets: bytes) -> None:
    try:
        reply = Reading().take(octets)
    except NoReply:
        return
    assert octets.endswith(b"\r\n")
    assert octets[:3].isdigit()
    assert reply is None or str(reply.code).encode() == octets[:3]


def test_only_a_250_at_the_end_is_acceptance() -> None:
    """F05: everything else that is not a plain no leaves it open."""
    assert outcome(of("250 2.0.0 queued"), Stage.END) == Accepted()
    for words in ("251 elsewhere", "252 perhaps", "220 hello", "354 go on", "235 hello"):
        assert isinstance(outcome(of(words), Stage.END), Unknown)
    assert outcome(of("451 4.3.0 later"), Stage.END) == TryLater("451 4.3.0 later")
    assert outcome(of("421 closing"), Stage.END) == TryLater("421 closing")
    assert outcome(of("554 5.7.1 no"), Stage.END) == Turned("554 5.7.1 no")


def test_before_the_end_nothing_is_accepted_and_nothing_unknown() -> None:
    """F08, F09."""
    for stage in (Stage.MAIL, Stage.RCPT, Stage.DATA):
        assert isinstance(outcome(of("450 4.2.1 later"), stage), TryLater)
        assert isinstance(outcome(of("550 5.1.1 nobody"), stage), Turned)
        assert isinstance(outcome(of("334 say more"), stage), TryLater)
    assert outcome(of("251 will forward"), Stage.RCPT) is None
    assert outcome(of("354 go on"), Stage.DATA) is None
    assert isinstance(outcome(of("250 ok"), Stage.DATA), TryLater)


def test_an_old_552_for_a_recipient_is_for_later() -> None:
    """RFC 5321 4.5.3.1.10."""
    assert isinstance(outcome(of("552 too many recipients"), Stage.RCPT), TryLater)
    assert isinstance(outcome(of("552 5.2.2 mailbox full"), Stage.RCPT), Turned)


def test_who_may_not_send_is_told_from_a_letter_that_is_too_large() -> None:
    assert concerns_account(of("553 5.7.1 sender rejected: not owned by user"))
    assert concerns_account(of("550 no"))
    assert concerns_account(of("530 5.7.0 sign in first"))
    assert not concerns_account(of("552 5.3.4 too large"))
    assert not concerns_account(of("552 too large"))
    assert not concerns_account(of("550 5.6.7 no such addresses"))
    assert not concerns_account(of("451 4.7.1 later"))
    assert not concerns_account(of("250 ok"))


def test_words_are_cleaned_and_bounded() -> None:
    """A23: they are shown as the server's."""
    reply = Reading().take(b"550 5.1.1 \x1b[31mred \xe2\x80\xaeleft \xff\r\n")
    assert reply is not None
    assert reply.words == "550 5.1.1 [31mred left \ufffd"
    assert len(of("550 " + "x" * 1_900).words) == 300


def test_abilities_are_read_leniently() -> None:
    able = abilities(of("250-host greets\r\n250-size 35882577\r\n250-AUTH=LOGIN\r\n250-AUTH PLAIN\r\n250 8BITMIME"))
    assert able.size == 35882577
    assert able.mechanisms == {"LOGIN", "PLAIN"}
    assert "8BITMIME" in able
    assert "DSN" not in able
    assert "HOST" not in able


@pytest.mark.parametrize("stated", ["SIZE", "SIZE 0", "SIZE x", "SIZE -5", "SIZE ٣", "SIZE " + "9" * 40])
def test_a_size_that_is_none(stated: str) -> None:
    assert abilities(of(f"250-host\r\n250 {stated}")).size is None
