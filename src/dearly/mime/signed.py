"""Letters that are signed and not sealed: RFC 3156 5 and 6.1 (multipart/signed), and RFC 9580 7 (signed readable text).

Only one signature around the whole letter is looked at (A06, A10). Text before or after it, a second one, a header line
that does not belong there, or a signed part further down make it a letter in which something is signed; it is then
shown as it stands.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from dearly.mime import transfer
from dearly.mime.outline import Outline, Part, Slice

_BEGIN = b"-----BEGIN PGP SIGNED MESSAGE-----"
_SIGNATURE = b"-----BEGIN PGP SIGNATURE-----"
_END = b"-----END PGP SIGNATURE-----"
# RFC 9580 7: nothing but Hash fields, and then one empty line. What else stands there is not signed.
_HASH = re.compile(rb"Hash: [A-Za-z0-9, -]{1,100}\Z")
_MOST_HASHES = 10
_FRAME = re.compile(rb"^-----BEGIN PGP (?:SIGNED )?MESSAGE-----", re.MULTILINE)
_APART = frozenset(
    {"multipart/signed", "multipart/encrypted", "application/pgp-signature", "application/pgp-encrypted"}
)
_MOST_SCANNED = 4 << 20


@dataclass(frozen=True, slots=True)
class SignedText:
    """`data`: exactly the octets that the signature is over, CRLF. `signature`: as it came, armored. `text`: for
    readable text signed in place, `data` without what was put there for the signature's sake; None for a part."""

    data: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    text: bytes | None = field(repr=False, default=None)


def signed_whole(raw: bytes, outline: Outline) -> SignedText | None:
    """The one signature around all of this letter, if that is how it is built."""
    found = signed_part(outline)
    if found is not None:
        part, signature = found
        # RFC 3156 5: as it stands between the boundaries, header included, with canonical line ends. A letter that lay
        # in a file with the machine's own line ends is put right.
        data = re.sub(rb"\r?\n", b"\r\n", raw[part.start : part.end])
        return SignedText(data, transfer.decode(raw[signature.body : signature.end], signature.cte).strip())
    if outline.root.content_type == "text/plain" and not outline.root.container:
        return _in_place(transfer.decode(raw[outline.root.body : outline.root.end], outline.root.cte))
    return None


def signed_part(outline: Outline) -> tuple[Part, Part] | None:
    """(what is signed, its signature) of a root multipart/signed that is exactly those two."""
    root = outline.root
    children = [part for part in outline.parts if part.parent == 0]
    if root.content_type != "multipart/signed" or len(children) != 2:
        return None
    if root.parameters.get("protocol", "").lower() != "application/pgp-signature":
        return None
    if children[1].content_type != "application/pgp-signature" or children[1].container:
        return None
    return children[0], children[1]


def foreign_signature(outline: Outline) -> bool:
    """Whether the whole letter is signed in a way that this desk cannot check (S/MIME, RFC 8551)."""
    return outline.root.content_type == "multipart/signed" and signed_part(outline) is None


def signed_in_part(raw: bytes, outline: Outline) -> bool:
    """Whether something in the letter is signed or sealed by itself."""
    for part in outline.parts[1:]:
        if part.content_type in _APART:
            return True
    return any(_holds_armor(raw, part) for part in outline.parts if not part.container)


def _holds_armor(raw: bytes, part: Part) -> bool:
    if part.content_type not in ("text/plain", "application/octet-stream"):
        return False
    data = transfer.decode(Slice(part.body, min(part.end, part.body + _MOST_SCANNED)).of(raw), part.cte)
    return (
        b"-----BEGIN PGP " in data and _FRAME.search(data) is not None
    )  # the first is far quicker, and nearly always enough


def _in_place(body: bytes) -> SignedText | None:
    body = body.strip().replace(b"\r\n", b"\n")
    if not body.startswith(_BEGIN) or not body.endswith(_END) or body.count(b"\n-----") + 1 != 3:
        return None
    lines = body.split(b"\n")
    if lines[0].rstrip() != _BEGIN or lines[-1] != _END:
        return None
    begun = next((at for at, line in enumerate(lines[: _MOST_HASHES + 2]) if not line.strip()), 0)
    if not begun or not all(_HASH.match(line.rstrip()) for line in lines[1:begun]):
        return None
    ended = next((at for at, line in enumerate(lines) if line.rstrip() == _SIGNATURE), 0)
    if ended <= begun:
        return None
    # RFC 9580 7.1 and 7.2: dashes were put before lines that begin with one; blanks at an end are not signed, and so
    # not shown either; nor is the line end before the signature.
    text = [line.removeprefix(b"- ") for line in lines[begun + 1 : ended]]
    if any(line.startswith(b"-") and not line.startswith(b"- ") for line in lines[begun + 1 : ended]):
        return None
    bare = [line.rstrip(b" \t\r") for line in text]
    return SignedText(b"\r\n".join(bare), b"\n".join(lines[ended:]), b"\n".join(bare) + b"\n")
