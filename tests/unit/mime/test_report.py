"""Reports as bytes: only what stands at the root counts, nothing raises, everything is bounded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dearly.mime import report
from dearly.mime.read import Unreadable, outline
from dearly.mime.reported import Action, Kind, Report
from tests.support import parcels
from tests.support.reports import a_report, about, in_one_text, loose


def read(raw: bytes) -> tuple[Report, ...]:
    return report.reports(raw, outline(raw))


def test_a_report_of_two_recipients() -> None:
    (found,) = read(a_report(about("failed"), about("delivered", "clara@letters.test"), envelope_id="ab" * 16))
    assert (found.kind, found.envelope_id, found.letter_id) == (Kind.DELIVERY, "ab" * 16, "letter-1@letters.test")
    assert [(str(one.recipients[0]), one.action) for one in found.told] == [
        ("bert@letters.test", Action.FAILED),
        ("clara@letters.test", Action.DELIVERED),
    ]


def test_groups_are_found_whatever_stands_between_them() -> None:
    for between in (b"\r\n", b"\r\n\r\n\r\n", b"\n\n"):
        status = between.join(
            [b"Reporting-MTA: dns; a.test\r\n", about("failed"), about("failed", "clara@letters.test")]
        )
        (found,) = read(a_report(status=status))
        assert len(found.told) == 2, between


def test_the_header_that_comes_back_may_have_any_of_its_names() -> None:
    for name in ("text/rfc822-headers", "message/rfc822-headers", "message/rfc822", "message/global-headers"):
        (found,) = read(a_report(about("failed"), returned=name))
        assert found.letter_id == "letter-1@letters.test", name
    (found,) = read(a_report(about("failed"), returned="text/plain"))
    assert found.letter_id is None


def test_what_lies_in_a_letter_is_no_report() -> None:
    raw = a_report(about("failed"))
    assert read(parcels.multi(b"multipart/mixed", parcels.part(b"text/plain", b"see:"), raw)) == ()
    assert read(parcels.multi(b"multipart/mixed", parcels.part(b"message/rfc822", raw))) == ()
    assert [one.told for one in read(raw.replace(b"multipart/report", b"multipart/mixed"))] == [()]


def test_a_bounce_in_one_text() -> None:
    (found,) = read(in_one_text())
    assert (found.kind, found.letter_id) == (Kind.LOOSE, "letter-1@letters.test")
    ((told),) = found.told
    assert ([str(one) for one in told.recipients], told.action) == (["bert@letters.test"], Action.FAILED)
    assert told.why == "No mailbox of this name. (#5.1.1)"
    assert read(in_one_text().replace(b"\r\n", b"\n")) == (found,)
    for other in (
        in_one_text(sender="clara@letters.test"),
        in_one_text(beginning="Hello. This is the mail program."),
        in_one_text(line="Here is the message."),
        in_one_text().replace(b"Message-ID", b"X-Other"),
        in_one_text().replace(b"Subject: f", b"Content-Type: text/html\r\nSubject: f"),
        in_one_text(beginning="Hi. This is the program.\r\n" + "a long line\r\n" * 8000),
    ):
        assert read(other) == ()
    many = "".join(f"<b{n}@letters.test>:\r\nno\r\n\r\n" for n in range(2000))
    (found,) = read(in_one_text(beginning="Hi. This is the program.\r\n\r\n" + many))
    assert len(found.told) == report.MOST_RECIPIENTS


def test_a_bounce_that_knows_no_report_needs_a_servers_address_and_the_letter() -> None:
    assert [one.kind for one in read(loose())] == [Kind.LOOSE]
    for sender in ("ada@letters.test", "mailer@letters.test", "bouncer@letters.test"):
        assert read(loose(sender=sender)) == (), sender
    assert read(loose().replace(b"message/rfc822", b"application/octet-stream")) == ()
    assert read(loose().replace(b"Message-ID", b"X-Other")) == ()


@pytest.mark.parametrize("field", [b"Diagnostic-Code", b"Final-Recipient", b"Action", b"Reporting-MTA", b"Remote-MTA"])
def test_long_fields_end_nothing_but_the_report(field: bytes) -> None:
    huge = b"Reporting-MTA: dns; a.test\r\n\r\n" + about("failed") + field + b": x; " + b"y" * 200_000 + b"\r\n"
    for one in read(a_report(status=huge)):
        assert all(len(told.why) <= report.LONGEST_SAID and len(told.by) <= 100 for told in one.told)


_PIECES = st.sampled_from(
    [
        b"Action: failed\r\n",
        b"Final-Recipient: rfc822;",
        b"bert@letters.test\r\n",
        b"\r\n",
        b" folded\r\n",
        b"Status: 5",
        b"Original-Envelope-Id: +4+ZZ\r\n",
        b"\0\xff",
        b"Diagnostic-Code: ;;;\r\n",
        b"--RR\r\n",
        b"Action:\r\n",
        b": \r\n",
    ]
)


@given(st.lists(_PIECES, max_size=30).map(b"".join), st.sampled_from(["delivery-status", "disposition-notification"]))
def test_any_status_is_read_or_is_none(status: bytes, kind: str) -> None:
    raw = a_report(status=status, kind=kind)
    for one in read(raw):
        assert len(one.told) <= report.MOST_RECIPIENTS


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    try:
        seen = outline(data)
    except Unreadable:
        return
    assert len(report.reports(data, seen)) <= 1
