"""What the signed part of a letter says beside its text: keys of its other readers, and what belongs to it elsewhere.

Read only where a signature holds (A14): outside the seal, or without a signature, anybody could have written it. What
it is worth is the desk's to decide; here it is only taken apart, bounded, and cleaned.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from dearly.letter.address import Address, clean
from dearly.letter.content import LetterId
from dearly.mime import autocrypt
from dearly.mime.outline import Outline
from dearly.opener.values import Chat, Gossiped

MOST_GOSSIPED = 20
LONGEST_NAME = 200
_ID = re.compile(r"<([^<>\s]{1,900})>\Z")

Minimised = Callable[[bytes, Address], bytes | None]
"""Key data to a minimised certificate that speaks for the address, None where it is none that does."""


def gossiped(
    inner: Outline, ours: Sequence[Address], minimised: Minimised, fingerprint: Callable[[bytes], str]
) -> tuple[Gossiped, ...]:
    """The certificates that this letter gives for its other readers (Autocrypt 1.1, "Key Gossip").

    Only for addresses in its To and Cc; not for its sender, who has a field of their own, and not for us. An address
    that is given two different certificates is given none."""
    named = {who.address.key for who in (*inner.to, *inner.cc)}
    named -= {address.key for address in (*ours, *(who.address for who in inner.froms))}
    fields = [value for name, value in inner.headers if name == "autocrypt-gossip"][:MOST_GOSSIPED]
    found: dict[str, list[Gossiped]] = {}
    for field in map(autocrypt.parse, fields):
        if field is None or field.addr.key not in named:
            continue
        certificate = minimised(field.keydata, field.addr)
        print_ = fingerprint(certificate) if certificate else ""
        if certificate and print_:
            found.setdefault(field.addr.key, []).append(Gossiped(field.addr, certificate, print_))
    return tuple(ones[0] for ones in found.values() if len({one.fingerprint for one in ones}) == 1)


def chat(inner: Outline) -> Chat | None:
    """What Delta Chat says of a letter that it sends as two mails; None for a letter of any other program."""
    if not inner.first("chat-version"):
        return None
    announced = _ID.match(inner.first("chat-post-message-id").strip())
    name, size = _metadata(inner.first("chat-post-message-metadata")) if announced else ("", None)
    return Chat(
        announces=LetterId(announced[1]) if announced else None,
        name=name,
        size=size,
        behind=inner.first("chat-is-post-message").strip() == "1",
    )


def _metadata(text: str) -> tuple[str, int | None]:
    """(name, octets) from the announcement, which is JSON."""
    try:
        said = json.loads(text[:4096])
    except (ValueError, RecursionError):
        return "", None
    if not isinstance(said, dict):
        return "", None
    name, size = said.get("filename"), said.get("size")
    return (
        clean(name)[:LONGEST_NAME] if isinstance(name, str) else "",
        size if type(size) is int and 0 <= size < 1 << 40 else None,
    )
