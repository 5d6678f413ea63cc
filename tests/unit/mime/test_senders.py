"""Who a letter says it is from: one person, with certainty, or nobody (A20, A21)."""

from __future__ import annotations

import pytest

from dearly.mime.read import outline
from tests.support.parcels import HEAD, sent_by

CLEAR = {
    "bare": (b"j@letters.test", "", "j@letters.test"),
    "name": (b"Jane Doe <j@letters.test>", "Jane Doe", "j@letters.test"),
    "a comma in quotation marks": (b'"Doe, Jane" <j@letters.test>', "Doe, Jane", "j@letters.test"),
    "a comma in an encoded word": (b"=?utf-8?Q?M=C3=BCller=2C_Eva?= <e@letters.test>", "Müller, Eva", "e@letters.test"),
    "name as a remark": (b"j@letters.test (Jane Doe)", "Jane Doe", "j@letters.test"),
    "a dot in the name": (b"J. Doe <j@letters.test>", "J. Doe", "j@letters.test"),
    "an at sign in the name": (b"jane@home <j@letters.test>", "jane@home", "j@letters.test"),
    "other scripts": ("Jürgen <jürgen@exämple.test>".encode(), "Jürgen", "jürgen@xn--exmple-cua.test"),
    "a quotation mark that never closes": (b'"Jane <j@letters.test>', "Jane", "j@letters.test"),
    "a group of one": (b"team: j@letters.test;", "", "j@letters.test"),
    "escapes": (rb'"Jane \"J\" Doe" <j@letters.test>', 'Jane "J" Doe', "j@letters.test"),
    "an address as the name": (b'"bank@safe.test" <thief@evil.test>', "bank@safe.test", "thief@evil.test"),
    "the same, encoded": (b"=?utf-8?b?YmFua0BzYWZlLnRlc3Q=?= <thief@evil.test>", "bank@safe.test", "thief@evil.test"),
    "NUL in the name": (b"=?utf-8?q?bank=40safe=2Etest=00?= <thief@evil.test>", "bank@safe.test", "thief@evil.test"),
    "line ends in the name": (b"=?utf-8?q?bank=0D=0A=0D=0A?= <thief@evil.test>", "bank", "thief@evil.test"),
    "bidi controls in the name": (
        "\u202etset.efas@knab\u202c <thief@evil.test>".encode(),
        "tset.efas@knab",
        "thief@evil.test",
    ),
    "zero width in the name": ("B\u200ba\u2060nk <thief@evil.test>".encode(), "Bank", "thief@evil.test"),
    # Never decoded inside an address: the host that mail goes to is the one that is shown.
    "an encoded word as local part": (
        b"=?utf-8?b?YmFua0BzYWZlLnRlc3QA?=@evil.test",
        "",
        "=?utf-8?b?YmFua0BzYWZlLnRlc3QA?=@evil.test",
    ),
}

UNCLEAR = {
    "two": b"a@letters.test, b@letters.test",
    "a group of two": b"team: a@letters.test, b@letters.test;",
    "two pairs of angles": b"Jane <a@letters.test> <b@letters.test>",
    "something after the angles": b"<a@letters.test> b@letters.test",
    "an address and angles within": b"bank@safe.test <thief@evil.test",
    "no opening angle": b"Jane j@letters.test>",
    "no address": b"Jane Doe",
    "nothing": b"",
    "empty angles": b"Jane <>",
    "a stray closing remark": b"alice@letters.test)bob@evil.test <c@letters.test>",
    "a remark that never closes": b"j@letters.test (Jane",
    "a remark inside the address": b"<bank@safe.test(@evil.test)>",
    "a quoted local part": b'"bank@safe.test"@evil.test',
    "a quoted local part in angles": b'<"bank@safe.test"@evil.test>',
    "a route": b"<@one.test,@two.test:j@letters.test>",
    "a comma instead of a dot": b"bank@safe.test,evil.test <j@letters.test>",
    "NUL": b"j@letters.test\0.evil.test",
    "a bidi control in the address": "j\u202e@letters.test".encode(),
    "groups in groups": b"a:b:j@letters.test;;",
    "two at signs": b"bank@safe.test@evil.test",
    "an IP address": b"j@[192.0.2.1]",
    "a blank in the address": b"<j @letters.test>",
}


@pytest.mark.parametrize("case", CLEAR)
def test_one_sender(case: str) -> None:
    octets, name, address = CLEAR[case]
    (found,) = outline(sent_by(octets)).froms
    assert (found.name, str(found.address)) == (name, address)


@pytest.mark.parametrize("case", UNCLEAR)
def test_nobody_is_claimed(case: str) -> None:
    assert outline(sent_by(UNCLEAR[case])).froms == ()


def test_two_from_fields_claim_nobody() -> None:
    found = outline(sent_by(b"a@letters.test", b"a@letters.test"))
    assert (found.froms, found.from_fields) == ((), 2)


def test_no_from_field_is_told_apart() -> None:
    assert outline(b"To: a@letters.test\r\n\r\nx").from_fields == 0


def test_a_sender_field_or_reply_to_is_no_sender() -> None:
    assert outline(b"Sender: a@letters.test\r\nReply-To: b@letters.test\r\n\r\nx").froms == ()


def test_recipients_that_can_be_read_are_kept() -> None:
    found = outline(
        HEAD.replace(
            b"To: bert@letters.test", b"To: Bert <bert@letters.test>, nobody, undisclosed:;, \r\n clara@letters.test"
        )
        + b"Cc: dora@letters.test\r\n\r\nx"
    )
    assert [str(one) for one in found.to] == ["Bert <bert@letters.test>", "clara@letters.test"]
    assert [str(one) for one in found.cc] == ["dora@letters.test"]


def test_names_are_cut() -> None:
    (found,) = outline(sent_by(b"x" * 5000 + b" <j@letters.test>")).froms
    assert len(found.name) == 200
