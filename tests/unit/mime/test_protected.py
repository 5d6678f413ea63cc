"""What stands outside agrees with what was signed, or the letter is marked (A05, A18, A19; RFC 9788)."""

from __future__ import annotations

import pytest

from dearly.letter.sealing import Headers
from dearly.mime.pgpmime import wrap
from dearly.mime.read import compare_headers, outline, readable
from dearly.mime.write import render
from tests.support.letters import ADA, BERT, CLARA, DORA, a_letter
from tests.support.parcels import armored, multi, part, sealed_bytes

ARMOR = armored(sealed_bytes())
LETTER = a_letter(to=(BERT, CLARA, DORA))
INNER = render(LETTER)
OUTER = wrap(LETTER, ARMOR, ADA.address)

IN = (
    b"From: Ada <ada@letters.test>\r\nTo: Bert <bert@letters.test>\r\nDate: Sun, 22 Nov 2026 19:04:05 +0100\r\n"
    b"Message-ID: <1@letters.test>\r\nSubject: true\r\nContent-Type: text/plain\r\n\r\nx"
)
OUT = (
    b"From: ada@letters.test\r\nTo: bert@letters.test\r\nDate: Sun, 22 Nov 2026 18:04:05 +0000\r\n"
    b"Message-ID: <1@letters.test>\r\nSubject: [...]\r\n\r\n"
)
# As Delta Chat 2.65 writes: a random date and nobody named outside, and a list of exactly that inside.
RECORDED = (
    b'HP-Outer: From: <ada@letters.test>\r\nHP-Outer: To: "hidden-recipients": ;\r\n'
    b"HP-Outer: Date: Fri, 20 Nov 2026 01:00:00 +0000\r\nHP-Outer: Message-ID: <random@localhost>\r\n"
    b"HP-Outer: Subject: [...]\r\n" + IN.replace(b"text/plain", b'text/plain; hp="cipher"')
)
RANDOM = (
    b'From: <ada@letters.test>\r\nTo: "hidden-recipients": ;\r\nDate: Fri, 20 Nov 2026 01:00:00 +0000\r\n'
    b"Message-ID: <random@localhost>\r\nSubject: [...]\r\n\r\n"
)


def compared(inner: bytes, outer: bytes) -> Headers:
    return compare_headers(outline(inner), outline(outer))


def test_our_own_letters_match() -> None:
    assert compared(INNER, OUTER) is Headers.MATCH


def test_the_list_inside_repeats_the_outside_exactly() -> None:
    inner, outer = outline(INNER), outline(OUTER)
    outside = [(name, value) for name, value in outer.headers if name not in ("mime-version", "content-type")]
    assert list(inner.hp_outer) == outside


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"From: ada@letters.test", b"From: mallory@letters.test"),
        (b"From: ada@letters.test", b"From: ada@letters.test, mallory@letters.test"),
        (b"From: ada@letters.test", b"From: ada@letters.test\r\nFrom: ada@letters.test"),
        (b"From: ada@letters.test\r\n", b""),
        (b"To: bert@letters.test", b"To: mallory@letters.test"),
        (b"Date: Sun, 22 Nov 2026", b"Date: Tue, 22 Dec 2026"),
        (b"Message-ID: <a", b"Message-ID: <b"),
    ],
)
def test_every_changed_field_is_seen(field: bytes, value: bytes) -> None:
    assert field in OUTER
    assert compared(INNER, OUTER.replace(field, value, 1)) is Headers.DIFFER


def test_neutral_changes_of_the_way_are_no_difference() -> None:
    changed = OUTER.replace(b"From: ada@letters.test", b'Received: from x\r\nFrom: "A. Lovelace" <ADA@Letters.Test>')
    changed = changed.replace(b"18:04:05 +0000", b"19:04:05 +0100").replace(b"Subject: [...]", b"Subject: [SPAM] ...")
    assert compared(INNER, changed) is Headers.MATCH


def test_other_programs() -> None:
    assert compared(IN, OUT) is Headers.MATCH
    assert compared(RECORDED, RANDOM) is Headers.MATCH
    assert compared(RECORDED, OUT) is Headers.DIFFER
    assert compared(IN, RANDOM) is Headers.DIFFER
    # Without a list: what was left out or made neutral outside is no difference.
    assert compared(IN, b"From: ada@letters.test\r\nTo: undisclosed-recipients:;\r\n\r\n") is Headers.MATCH
    assert compared(IN, OUT.replace(b"bert@", b"clara@")) is Headers.DIFFER
    assert compared(IN, OUT.replace(b"<1@", b"<2@")) is Headers.DIFFER
    # With a list that names only From, the rest of the outside was nobody's word.
    only_from = b"HP-Outer: From: ada@letters.test\r\n" + IN
    assert compared(only_from, OUT.replace(b"18:04", b"12:04").replace(b"bert@", b"x@")) is Headers.MATCH
    assert compared(only_from, OUT.replace(b"ada@", b"mallory@")) is Headers.DIFFER


def test_no_sender_inside() -> None:
    assert compared(b"Content-Type: text/plain\r\n\r\nx", OUT) is Headers.ABSENT
    assert compared(b"Subject: only this\r\n\r\nx", OUT) is Headers.ABSENT


def test_an_unclear_sender_inside_never_matches() -> None:
    assert compared(IN.replace(b"From: Ada <ada@letters.test>", b"From: a@b.test, c@d.test"), OUT) is Headers.DIFFER
    assert compared(b"From: ada@letters.test\r\n" + IN, OUT) is Headers.DIFFER


def test_misplaced_protected_headers_mean_nothing() -> None:
    """A19: only the root of the signed part speaks; header fields of a part further down are of no account."""
    inner = multi(b"multipart/mixed", part(b'text/plain; hp="cipher"', b"x", b"From: eve@evil.test", b"Subject: phony"))
    found = outline(inner)
    assert str(found.froms[0].address) == "ada@letters.test"
    assert (found.subject, found.hp) == ("x", None)


def test_legacy_display_is_left_out() -> None:
    """RFC 9788 2.1.2: the copy for old readers is not part of the letter."""
    plain = part(b'text/plain; hp-legacy-display="1"', b"Subject: true\r\nFrom: ada\r\n\r\nDear Bert,\r\n\r\nx")
    rich = part(
        b'text/html; hp-legacy-display="1"',
        b'<div class="header-protection-legacy-display"><pre>Subject: true</pre></div><p>Dear Bert,</p>',
    )
    for one, wanted in ((plain, "Dear Bert,\n\nx"), (rich, "Dear Bert,\n")):
        protected = multi(b'multipart/alternative; hp="cipher"', one)
        assert readable(protected, outline(protected)).text == wanted
        # Only where the whole is protected; else it would be a way to hide text.
        open_ = multi(b"multipart/alternative", one)
        assert "Subject: true" in readable(open_, outline(open_)).text
