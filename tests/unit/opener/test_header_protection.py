"""Header fields under the seal as other programs put them there, and as forgers would (A19): RFC 9788, its drafts
(protected-headers="v1"), and the wrapping of whole messages."""

from __future__ import annotations

from tests.support import parcels
from tests.support.opening import around, here, outside
from tests.support.openpgp import person, seal_raw, signed

from dearly.letter.sealing import Headers
from dearly.opener.values import Heading, Opened

FIELDS = (
    b"From: Ada <ada@letters.test>\r\nTo: bert@letters.test\r\nSubject: The harvest\r\n"
    b"Date: Mon, 02 Mar 2026 09:00:00 +0000\r\nMessage-ID: <1@letters.test>\r\n"
)
BODY = b"Content-Type: text/plain; charset=utf-8\r\n\r\nDear Bert\r\n"


def opened(inner: bytes) -> Opened:
    """A sealed letter with this signed part."""
    date = FIELDS[FIELDS.index(b"Date:") : FIELDS.index(b"Message-ID")]
    head = outside()
    head = head.replace(head[head.index(b"Date:") : head.index(b"Message-ID")], date)
    packets = seal_raw(signed(inner, person("ada"), person("bert")), person("bert"))
    return here(around(packets, head), known=[person("ada").certificate])


def read(inner: bytes) -> tuple[str, str, Headers]:
    """(subject, text, what comparing came to)."""
    found = opened(inner)
    assert found.letter is not None
    return found.letter.heading.subject, found.letter.text.replace("\r", ""), found.evidence.headers


def test_as_thunderbird_and_enigmail_write_it() -> None:
    """The fields on the root of the signed part, marked by the draft's parameter; a copy for old readers in a part."""
    copy = parcels.part(b'text/rfc822-headers; protected-headers="v1"', b"Subject: The harvest\r\n")
    for copied in (copy, copy.replace(b"text/rfc822-headers", b"text/plain")):
        whole = parcels.multi(b'multipart/mixed; protected-headers="v1"', copied, BODY)
        whole = FIELDS + whole[whole.index(b"MIME-Version") :]
        assert read(whole) == ("The harvest", "Dear Bert\n", Headers.MATCH)
    single = FIELDS + BODY.replace(b"charset", b'protected-headers="v1"; charset')
    assert read(single) == ("The harvest", "Dear Bert\n", Headers.MATCH)


def test_as_mutt_writes_it() -> None:
    """Subject alone."""
    assert read(b"Subject: The harvest\r\n" + BODY.replace(b"charset", b'protected-headers="v1"; charset')) == (
        "The harvest",
        "Dear Bert\n",
        Headers.ABSENT,
    )


def test_a_copy_that_is_none_stays() -> None:
    """It may not be a way to leave out what another reader is shown."""
    for text in (b"You are dismissed.\r\n", b"Subject: x\r\n\r\nYou are dismissed.\r\n"):
        copy = parcels.part(b'text/plain; protected-headers="v1"', text)
        whole = parcels.multi(b'multipart/mixed; protected-headers="v1"', copy, BODY)
        assert "You are dismissed." in read(FIELDS + whole[whole.index(b"MIME-Version") :])[1]
    plain = (
        b'Content-Type: text/plain; hp="cipher"; hp-legacy-display="1"\r\n\r\nYou are dismissed.\r\n\r\nDear Bert\r\n'
    )
    assert "You are dismissed." in read(FIELDS + plain)[1]


def test_a_wrapped_message_is_unwrapped_once() -> None:
    for mark in (b'message/rfc822; forwarded="no"', b'message/rfc822; protected-headers="v1"'):
        wrapped = b"Content-Type: " + mark + b"\r\n\r\n" + FIELDS + BODY
        assert read(wrapped) == ("The harvest", "Dear Bert\n", Headers.MATCH)
        twice = opened(b"Content-Type: " + mark + b"\r\n\r\n" + wrapped)
        assert twice.letter is not None
        assert [one.name for one in twice.letter.enclosures] == ["letter.eml"]
        assert twice.letter.text == ""


def test_a_message_that_somebody_passes_on_is_an_enclosure() -> None:
    found = opened(b"Content-Type: message/rfc822\r\n\r\n" + FIELDS.replace(b"ada@", b"eve@") + BODY)
    assert found.letter is not None
    assert [one.name for one in found.letter.enclosures] == ["letter.eml"]
    assert found.letter.heading.sender is not None
    assert str(found.letter.heading.sender.address) == "ada@letters.test"


def test_phony_fields_further_down_mean_nothing() -> None:
    phony = parcels.part(b'text/plain; protected-headers="v1"', b"Dear Bert", b"From: eve@evil.test", b"Subject: phony")
    whole = parcels.multi(b'multipart/mixed; hp="cipher"', phony)
    subject, _text, headers = read(FIELDS + whole[whole.index(b"MIME-Version") :])
    assert (subject, headers) == ("The harvest", Headers.MATCH)


def test_a_list_of_what_stood_outside_means_nothing_outside() -> None:
    """HP-Outer in the header outside is whoever's; the one inside counts."""
    inner = b"HP-Outer: Subject: [...]\r\nHP-Outer: From: ada@letters.test\r\n" + FIELDS + BODY
    packets = seal_raw(signed(inner, person("ada"), person("bert")), person("bert"))
    head = outside().replace(b"ada@", b"eve@") + b"HP-Outer: From: ada@letters.test\r\n"
    found = here(around(packets, head), known=[person("ada").certificate])
    assert found.evidence.headers is Headers.DIFFER


def test_a_postcard_protects_nothing() -> None:
    """Marks of protection on what was never sealed: no line is left out, and nothing inside speaks for the outside."""
    text = b"Subject: Come at once\r\nFrom: eve\r\n\r\nDear Bert\r\n"
    for root in (b'text/plain; hp="cipher"; hp-legacy-display="1"', b'text/plain; protected-headers="v1"'):
        found = here(outside() + b"Content-Type: " + root + b"\r\n\r\n" + text)
        assert found.letter is not None
        assert found.letter.text.startswith("Subject: Come at once")
    wrapped = here(
        outside() + b'Content-Type: message/rfc822; forwarded="no"\r\n\r\n' + FIELDS.replace(b"ada", b"eve") + BODY
    )
    assert wrapped.letter is not None
    assert str(wrapped.letter.heading.sender) == "ada@letters.test"
    assert [one.name for one in wrapped.letter.enclosures] == ["letter.eml"]


def test_what_a_thread_hangs_on_may_stand_outside_where_the_inside_is_silent() -> None:
    """Thunderbird and Enigmail protect some fields and leave others outside; RFC 9788 means what is inside."""
    who = b"From: Ada <ada@letters.test>\r\nTo: bert@letters.test\r\nSubject: The harvest\r\n"
    head = outside() + b"In-Reply-To: <0@letters.test>\r\nReferences: <00@letters.test> <0@letters.test>\r\n"

    def heading(inner: bytes) -> Heading:
        packets = seal_raw(signed(inner, person("ada"), person("bert")), person("bert"))
        found = here(around(packets, head), known=[person("ada").certificate])
        assert found.evidence.headers is Headers.MATCH
        assert found.letter is not None
        return found.letter.heading

    silent = heading(who + BODY)
    assert (silent.letter_id, silent.in_reply_to) == ("1@letters.test", "0@letters.test")
    assert silent.references == ("00@letters.test", "0@letters.test")
    assert silent.date is not None
    assert silent.subject == "The harvest"
    told = heading(b"References: <9@letters.test>\r\n" + who + BODY)
    assert (told.in_reply_to, told.references) == (None, ("9@letters.test",))
    protected = heading(who + BODY.replace(b"charset", b'hp="cipher"; charset'))
    assert (protected.in_reply_to, protected.references) == (None, ())
