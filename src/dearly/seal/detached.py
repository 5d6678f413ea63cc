"""Signatures that stand beside their text: RFC 3156 5 (a part of its own) and RFC 9580 7 (around readable text).

They are judged like those inside a seal, by `judging.verify`; nothing was sealed, so nothing but the text is proven.
"""

from __future__ import annotations

from dearly.letter.sealing import Grammar, Integrity, Key
from dearly.seal import packets
from dearly.seal.armor import dearmor
from dearly.seal.opening import MOST_SIGNATURES, Unpacked
from dearly.seal.packets import Malformed, Tag
from dearly.seal.signature import TEXT, SignaturePacket


def detached(data: bytes, signature: bytes, *, text_only: bool = False) -> Unpacked:
    """`data` with the signatures in `signature` (armored or binary), for `verify`. Never raises: what is no signature,
    or has other packets beside it, gives no signatures.

    `data`: exactly the signed octets, CRLF. `text_only`: only signatures over a text count (RFC 9580 7.1: a cleartext
    signature is one), so that one made over a file cannot be shown around a text."""
    bodies: tuple[bytes, ...] = ()
    issuers: dict[str, None] = {}
    try:
        found = [p for p in packets.read(dearmor(signature)) if p.tag not in (Tag.MARKER, Tag.PADDING)]
        if found and len(found) <= MOST_SIGNATURES and all(p.tag == Tag.SIGNATURE for p in found):
            read = [(p.body, SignaturePacket.read(p.body)) for p in found]
            read = [(body, one) for body, one in read if one.kind == TEXT or not text_only]
            bodies = tuple(body for body, _one in read)
            issuers = dict.fromkeys(issuer for _body, one in read for issuer in one.issuers)
    except Malformed:
        pass
    return Unpacked(Key.NONE, Integrity.INTACT, Grammar.ONE_LETTER, data, bodies, tuple(issuers))
