"""Headers of unfetched messages, read in the child by the same reader as whole letters (`mime.read.outline`)."""

from __future__ import annotations

from collections.abc import Sequence

from dearly.letter.errors import DearlyError
from dearly.mime.outline import Outline
from dearly.mime.read import outline
from dearly.opener.heads import LONGEST_HEADER, MOST_NAMED, UNREADABLE, HeadFacts

_BULK = frozenset({"bulk", "list", "junk"})
"""Values of Precedence, which RFC 2076 3.9 knew and programs still write."""


def facts(headers: Sequence[bytes]) -> tuple[HeadFacts, ...]:
    """The facts of each, in order. Raises nothing but MemoryError."""
    return tuple(map(facts_of, headers))


def facts_of(header: bytes) -> HeadFacts:
    """The facts of one header section. Raises nothing but MemoryError."""
    if len(header) > LONGEST_HEADER or b"\0" in header:
        return UNREADABLE
    try:
        seen = outline(header)
    except DearlyError:
        return UNREADABLE
    return facts_in(seen, whole=header.endswith((b"\r\n\r\n", b"\n\n")))


def facts_in(seen: Outline, *, whole: bool = True) -> HeadFacts:
    """The facts of a header that was read already."""
    root = seen.root
    reports = root.parameters.get("report-type", "").lower() if root.content_type == "multipart/report" else ""
    return HeadFacts(
        readable=True,
        whole=whole,
        sender=seen.froms[0] if len(seen.froms) == 1 else None,
        to=seen.to[:MOST_NAMED],
        cc=seen.cc[:MOST_NAMED],
        date=seen.date,
        subject=seen.subject,
        letter_id=seen.message_id,
        in_reply_to=seen.in_reply_to,
        references=seen.references,
        sealed=root.content_type == "multipart/encrypted"
        and root.parameters.get("protocol", "").lower() == "application/pgp-encrypted",
        report=reports == "delivery-status",
        receipt=reports == "disposition-notification",
        bulk=_bulk(seen),
    )


def _bulk(seen: Outline) -> bool:
    """Whether any field says that a program sent it, or sent it to many. Every field of a name counts."""
    for name, value in seen.headers:
        if name.startswith("list-") or name == "feedback-id":
            return True
        if name == "precedence" and _word(value) in _BULK:
            return True
        # RFC 3834 5: anything but "no", parameters aside.
        if name == "auto-submitted" and _word(value) != "no":
            return True
    return False


def _word(value: str) -> str:
    return value.split(";")[0].split("(")[0].strip().lower()
