"""Headers of messages that were not fetched, read in the child: facts, and never an error (A20, A27)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.drawers import run
from tests.support.letters import a_letter

from dearly.letter.address import Address, Correspondent
from dearly.letter.errors import DearlyError, Refused
from dearly.mime import pgpmime
from dearly.opener.heads import LONGEST_HEADER, MOST_TOGETHER, UNREADABLE, HeadFacts
from dearly.opener.pool import Opener
from dearly.opener.process import Lost
from dearly.opener.protocol import How
from dearly.opener.sifting import facts_of
from dearly.opener.values import Outside

ADA = Correspondent("Ada Quill", Address.parse("ada@letters.test"))
BERT = Correspondent("", Address.parse("bert@letters.test"))


def head(*fields: str, sender: str = "Ada Quill <ada@letters.test>") -> bytes:
    lines = [f"From: {sender}", "To: bert@letters.test", *fields]
    return "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"


def test_what_a_header_says() -> None:
    seen = facts_of(
        head(
            "Cc: Clara <clara@letters.test>",
            "Date: Sun, 22 Nov 2026 10:00:00 +0100",
            "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=",
            "Message-ID: <a@letters.test>",
            "In-Reply-To: <b@letters.test>",
            "References: <c@letters.test>\r\n <b@letters.test>",
        )
    )
    assert seen == HeadFacts(
        readable=True,
        whole=True,
        sender=ADA,
        to=(BERT,),
        cc=(Correspondent("Clara", Address.parse("clara@letters.test")),),
        date=datetime.fromisoformat("2026-11-22T10:00:00+01:00"),
        subject="Grüße",
        letter_id="a@letters.test",  # type: ignore[arg-type]  # a plain text is easier to read here
        in_reply_to="b@letters.test",  # type: ignore[arg-type]  # the same
        references=("c@letters.test", "b@letters.test"),  # type: ignore[arg-type]  # the same
    )
    assert seen.date is not None
    assert seen.date.astimezone(UTC).hour == 9


@pytest.mark.parametrize(
    ("field", "what"),
    [
        ('Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=x', "sealed"),
        ("Content-Type: Multipart/Encrypted;\r\n protocol=Application/PGP-Encrypted;\r\n boundary=x", "sealed"),
        ('Content-Type: multipart/report; report-type=delivery-status; boundary="x"', "report"),
        ("List-Id: <news.shop.test>", "bulk"),
        ("LIST-UNSUBSCRIBE: <https://shop.test/u>", "bulk"),
        ("List-Help: <mailto:help@shop.test>", "bulk"),
        ("Precedence: Bulk", "bulk"),
        ("Precedence: list (of the choir)", "bulk"),
        ("Precedence: junk", "bulk"),
        ("Auto-Submitted: auto-generated", "bulk"),
        ("Auto-Submitted: auto-replied (vacation); owner-email=x", "bulk"),
        ("Auto-Submitted: no\r\nAuto-Submitted: auto-notified", "bulk"),
        ("Feedback-ID: 1:2:3:shop", "bulk"),
        ("Auto-Submitted: No", ""),
        ("Auto-Submitted: no; because=i-say-so", ""),
        ("Precedence: first-class", ""),
        ("Listen: to me", ""),
        ("Subject: List-Id: precedence: bulk", ""),
        ("Content-Type: multipart/encrypted; boundary=x", ""),
        ('Content-Type: multipart/encrypted; protocol="application/x-other"; boundary=x', ""),
        ("Content-Type: multipart/report; report-type=disposition-notification; boundary=x", "receipt"),
        ('Content-Type: MULTIPART/Report; report-type="Disposition-Notification"; boundary=x', "receipt"),
        ("Content-Type: text/plain; protocol=application/pgp-encrypted", ""),
    ],
)
def test_what_kind_it_is(field: str, what: str) -> None:
    seen = facts_of(head(field))
    assert seen.readable
    assert [name for name in ("sealed", "report", "receipt", "bulk") if getattr(seen, name)] == ([what] if what else [])


@pytest.mark.parametrize(
    "bad",
    [
        b"From: a@letters.test\r\nX: \0\r\n\r\n",
        b"X: y\r\n" * 1_001 + b"\r\n",
        b"X: y\r\n" * 10_000 + b"\r\n",
        head("X: " + "y" * LONGEST_HEADER),
        b"From: " + b"a" * (1 << 20),
    ],
    ids=["NUL", "1,001 fields", "10,000 fields", "too long", "1 MB"],
)
def test_what_cannot_be_read_is_nothing(bad: bytes) -> None:
    """A27: never an error."""
    assert facts_of(bad) is UNREADABLE


@pytest.mark.parametrize(
    "sender",
    ["", "a@letters.test, b@letters.test", "<>", "ada", "a@letters.test\r\nFrom: b@letters.test", '"" <a@b@c.test>'],
)
def test_a_doubtful_sender_is_none(sender: str) -> None:
    """A20."""
    assert facts_of(head(sender=sender)).sender is None


def test_a_header_that_was_cut_is_not_whole() -> None:
    assert not facts_of(b"From: ada@letters.test\r\nTo: bert@le").whole


@given(st.binary(max_size=2_000))
def test_no_bytes_raise(data: bytes) -> None:
    assert isinstance(facts_of(data), HeadFacts)
    assert isinstance(facts_of(b"From: " + data + b"\r\nTo: " + data + b"\r\n\r\n"), HeadFacts)


def test_in_a_child_many_at_a_time() -> None:
    """The order is kept over batches, and hostile ones take no other with them."""
    bombs = [
        b"From: a@letters.test\r\nTo: " + b"(" * 60_000 + b"\r\n\r\n",
        b"References: " + b"<a@b> " * 10_000 + b"\r\n\r\n",
        b"Subject: " + b"=?utf-8?q?a?= " * 4_000 + b"\r\n\r\n",
        b"To: " + b"a@b.test," * 7_000 + b"\r\n\r\n",
        b"\0" * 70_000,
        b"x" * (1 << 20),
    ]

    async def play() -> None:
        async with Opener(size=1) as opener:
            asked = [head(f"Message-ID: <{n}@letters.test>") for n in range(MOST_TOGETHER + 20)]
            asked[7:7] = bombs
            seen = await opener.heads(asked)
            assert len(seen) == len(asked)
            good = seen[:7] + seen[7 + len(bombs) :]
            assert [one.letter_id for one in good] == [f"{n}@letters.test" for n in range(MOST_TOGETHER + 20)]
            assert seen[7 + len(bombs) - 2 : 7 + len(bombs)] == (UNREADABLE, UNREADABLE)
            assert await opener.heads([]) == ()

    run(play())


def test_one_that_breaks_the_child_takes_no_other_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def call(_self: Opener, _operation: object, headers: tuple[bytes, ...]) -> tuple[HeadFacts, ...]:
        if b"bomb" in headers:
            raise Lost(How.TIME, took=True)
        return tuple(HeadFacts(readable=True) for _ in headers)

    monkeypatch.setattr(Opener, "_call", call)

    async def play() -> None:
        seen = await Opener(size=1).heads([b"a", b"bomb", b"b"])
        assert [one.readable for one in seen] == [True, False, True]

    run(play())


def test_originals_that_break_the_child_take_no_other_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many outlines in one question: whatever becomes of it, each is told as if it had been asked about alone."""
    good, deep = head("Subject: " + "x" * 200), b"X: y\r\n" * 10_000 + b"\r\n"
    asked: list[object] = []
    real = Opener._call

    async def call(self: Opener, operation: Any, what: Any, *more: Any) -> Any:
        asked.append(what)
        if b"bomb" in (what if isinstance(what, tuple) else (what,)):
            raise Lost(How.TIME, took=True)
        return await real(self, operation, what, *more)

    monkeypatch.setattr(Opener, "_call", call)

    async def play() -> None:
        async with Opener(size=1) as opener:
            first, second = await opener.outlines([good, good])
            assert isinstance(first, Outside)
            assert (first, second) == (await opener.outline(good),) * 2
            assert [type(one) for one in await opener.outlines([good, deep])] == [Outside, Refused]
            asked.clear()
            seen = await opener.outlines([good, b"bomb", good])
            assert [isinstance(one, Outside) for one in seen] == [True, False, True]
            assert isinstance(seen[1], Refused)
            assert len(asked) == 4, "all at once, and then one by one"
            assert await opener.outlines([]) == ()

    run(play())


@pytest.mark.parametrize("how", [How.SILENT, How.ENDED])
def test_what_is_no_fault_of_the_headers_is_not_held_against_them(monkeypatch: pytest.MonkeyPatch, how: How) -> None:
    """A machine that slept, a child that was stopped: else letters would be left where they lie, for good."""

    async def call(_self: Opener, _operation: object, _headers: tuple[bytes, ...]) -> tuple[HeadFacts, ...]:
        raise Lost(how, took=True)

    monkeypatch.setattr(Opener, "_call", call)

    async def play() -> None:
        with pytest.raises(DearlyError) as lost:
            await Opener(size=1).heads([b"a", b"b"])
        assert lost.value.code == "opener_ended"

    run(play())


def test_sealed_letters_of_ours_are_known_by_their_header() -> None:
    """What `mime.pgpmime.wrap` writes is what the sieve takes for sealed."""
    raw = pgpmime.wrap(a_letter(), b"x", a_letter().sender.address)
    seen = facts_of(raw[: raw.index(b"\r\n\r\n") + 4])
    assert (seen.sealed, seen.bulk, seen.sender) == (True, False, Correspondent("", a_letter().sender.address))
