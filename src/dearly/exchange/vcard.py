"""Visiting cards: vCard 4.0 out (RFC 6350), 3.0 and 4.0 in; a name, addresses, a certificate, the office's URL.

A foreign card is first reduced to the few short lines that are asked for, so that the library behind it never sees a
picture, a nested component or a repetition rule (A34). Nothing that a card points to is ever fetched.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit

from dearly.letter.address import clean, header_safe
from dearly.letter.errors import Usage
from dearly.letter.words import _

MOST_BYTES = (64 + 256) * 1024
"""A card, and a certificate within it at its own limit (A15)."""

MOST_ADDRESSES = 20
MOST_CERTIFICATES = 5
MOST_LINES = 60
LONGEST_NAME = 200
LONGEST_LINE = 2_000
"""Characters of any line but KEY."""

_WANTED = frozenset({"VERSION", "FN", "N", "EMAIL", "KEY", "X-DEARLY-OFFICE"})
# RFC 6350 3.3 contentline; a line that is none is passed over, not the whole card.
_VALUE = r'(?:"[^"]{0,100}"|[^";:,]{0,100})'
_LINE = re.compile(
    rf"(?:[A-Za-z0-9-]{{1,40}}\.)?([A-Za-z0-9-]{{1,40}})(?:;[A-Za-z0-9-]{{1,40}}={_VALUE}(?:,{_VALUE}){{0,9}}){{0,9}}:"
)
_FOLD = re.compile(r"\r?\n[ \t]")
_KEY_URI = re.compile(r"data:application/(?:pgp-keys|octet-stream);base64\\?,", re.IGNORECASE)
_BARE_COMMA = re.compile(r"(?<!\\),")
_ARMOR = "-----BEGIN PGP PUBLIC KEY BLOCK-----"


@dataclass(frozen=True, slots=True)
class Card:
    """What a foreign card says; nothing of it is proven. `addresses` are unexamined text."""

    name: str
    addresses: tuple[str, ...]
    certificates: tuple[bytes, ...] = field(repr=False, default=())
    office_url: str | None = None


def write_card(name: str, addresses: Sequence[str], certificate: bytes | None, office_url: str | None) -> str:
    """A vCard 4.0 with CRLF line ends. `certificate`: OpenPGP bytes for KEY, as a data URI (RFC 6350 6.8.1).

    Raises `Usage` (bad_text) for control characters, which could become another line."""
    lines = ["BEGIN:VCARD", "VERSION:4.0", f"FN:{escaped(header_safe(name, _('name')))}"]
    lines += [f"EMAIL:{escaped(header_safe(address, _('address')))}" for address in addresses]
    if certificate is not None:
        lines.append(f"KEY:data:application/pgp-keys;base64,{base64.b64encode(certificate).decode()}")
    if office_url is not None:
        lines.append(f"X-DEARLY-OFFICE;VALUE=uri:{header_safe(office_url, _('address of the office'))}")
    lines.append("END:VCARD")
    return "".join(f"{folded(line)}\r\n" for line in lines)


def read_card(data: bytes) -> Card:
    """The first card in `data`. Raises `Usage` (bad_card) when there is none that can be read, or it is too large."""
    if len(data) > MOST_BYTES:
        raise _bad(_("it is larger than {n} KB").format(n=MOST_BYTES // 1024))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    reduced = list(_reduced(text))
    if not reduced:
        raise _bad(_("there is no whole vCard in it"))
    contents = _contents("\r\n".join(["BEGIN:VCARD", *reduced, "END:VCARD", ""]))
    names = [_text(one.value) for one in (*contents.get("fn", ()), *contents.get("n", ()))]
    addresses = [_text(one.value).removeprefix("mailto:") for one in contents.get("email", ())]
    certificates = [found for one in contents.get("key", ()) if (found := _certificate(one.value))]
    offices = [url for one in contents.get("x-dearly-office", ()) if (url := _office(_text(one.value)))]
    return Card(
        name=next(filter(None, names), "")[:LONGEST_NAME],
        addresses=tuple(dict.fromkeys(one for one in addresses if 0 < len(one) <= 320))[:MOST_ADDRESSES],
        certificates=tuple(certificates[:MOST_CERTIFICATES]),
        office_url=offices[0] if offices else None,
    )


class _Line(Protocol):
    """A property as vobject gives it."""

    @property
    def value(self) -> object: ...


def _reduced(text: str) -> Iterator[str]:
    """The wanted lines of the first card, unfolded (RFC 6350 3.2), without what is nested in it; none if it never
    ends."""
    depth = 0
    wanted: list[str] = []
    for line in _FOLD.sub("", text).splitlines():
        upper = line[:40].strip().upper()
        if depth == 0:
            depth = 1 if upper == "BEGIN:VCARD" else 0
        elif upper.startswith("BEGIN:"):
            depth += 1
        elif upper.startswith("END:"):
            depth -= 1
            if depth == 0:
                yield from wanted[:MOST_LINES]
                return
        elif depth == 1 and (found := _LINE.match(line)):
            name = found[1].upper()
            if name in _WANTED and (name == "KEY" or len(line) <= LONGEST_LINE):
                head, colon, value = line.partition(":")
                # RFC 6350 3.4: in these a bare comma is no list; vobject would end the value there.
                wanted.append(head + colon + (value if name == "N" else _BARE_COMMA.sub(r"\\,", value)))


def _contents(card: str) -> Mapping[str, Sequence[_Line]]:
    import vobject  # 90 ms that only cards need

    try:
        read: Mapping[str, Sequence[_Line]] = vobject.readOne(card).contents
    except Exception:  # noqa: BLE001 - whatever it raises: the library has no one class for "this is no card"
        raise _bad(_("its lines cannot be read")) from None
    return read


def _text(value: object) -> str:
    return clean(str(value)) if not isinstance(value, bytes) else ""


def _certificate(value: object) -> bytes | None:
    """The OpenPGP bytes of a KEY: a data URI, a 3.0 binary value, or armor. A link to a key is not followed."""
    if isinstance(value, bytes):
        return value or None
    text = str(value).strip()
    if text.startswith(_ARMOR):
        return text.encode("ascii", "replace")
    found = _KEY_URI.match(text)
    if not found:
        return None
    try:
        return base64.b64decode("".join(text[found.end() :].split()), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def _office(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    except ValueError:
        return None
    return url if is_plain and len(url) <= 500 and url.isascii() and " " not in url else None


def escaped(text: str) -> str:
    """RFC 6350 3.4."""
    return text.replace("\\", "\\\\").replace(",", "\\,").replace(";", "\\;")


def folded(line: str) -> str:
    """Lines of at most 75 octets, whole characters in each (RFC 6350 3.2)."""
    out, size = [], 0
    for char in line:
        octets = len(char.encode())
        if size + octets > 75:
            out.append("\r\n ")
            size = 1
        out.append(char)
        size += octets
    return "".join(out)


def _bad(why: str) -> Usage:
    return Usage(
        "bad_card",
        _("This is not a visiting card that can be read: {why}.").format(why=why),
        _("A card is a .vcf file, as Dearly and other programs write it."),
    )
