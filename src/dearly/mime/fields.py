"""Header fields of ours: encoding (RFC 2047, 2231, 6532) and folding (RFC 5322 2.2.3). Nothing foreign is written here
unless its grammar was checked, so that no text can become another field (A24)."""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

from dearly.letter.address import Correspondent, header_safe
from dearly.letter.content import LetterId
from dearly.letter.errors import Usage
from dearly.letter.words import _

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# One line of ordinary words: no blank at an end or doubled, no word so long that folding could not keep it.
_ORDINARY = re.compile(r"[!-~]{1,60}(?: [!-~]{1,60})*\Z")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,60}(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,60})*\Z")
_LETTER_ID = re.compile(r"[!-;=?-~]{1,900}\Z")
# RFC 2047 2 allows 75; 64 leaves room for the field's name on the first line.
_PAYLOAD = 64 - len("=?utf-8?q??=")
# RFC 2047 5 (3): all that may stand for itself in a phrase, and so anywhere.
_Q_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/")
# RFC 2231 7 attribute-char, less what needs no trouble.
_EXT_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$&+-.^_`{|}~")


def field(name: str, value: str) -> bytes:
    """One header field, folded at its blanks so that no line passes 78 octets where that can be (RFC 5322 2.1.1)."""
    lines, line = [], f"{name}:"
    for word in value.split(" "):
        if len(line.encode()) + 1 + len(word.encode()) > 78 and line.strip():
            lines.append(line)
            line = ""
        line += f" {word}"
    lines.append(line)
    return "\r\n".join(lines).encode() + b"\r\n"


def unstructured(text: str, what: str) -> str:
    """Free text for a field such as Subject. Raises `Usage` (bad_text), naming it `what`, for control characters."""
    header_safe(text, what)
    return text if not text or (_ORDINARY.match(text) and "=?" not in text) else encoded_words(text)


def mailbox(who: Correspondent) -> str:
    """RFC 5322 3.4 mailbox: display name and address."""
    address = str(who.address)
    if not who.name:
        return address
    name = header_safe(who.name, _("name"))
    if _ATOMS.match(name) and "=?" not in name:
        return f"{name} <{address}>"
    if _ORDINARY.match(name) and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}" <{address}>'
    return f"{encoded_words(name)} <{address}>"


def encoded_words(text: str) -> str:
    """`text` as RFC 2047 encoded words of at most 64 octets, whole characters in each, blanks between them."""
    # A lone surrogate cannot be text; header_safe has refused it before.
    q_total = sum(1 if byte in _Q_PLAIN or byte == 0x20 else 3 for byte in text.encode())
    as_q = q_total <= (len(text.encode()) + 2) // 3 * 4
    words, word, room = [], b"", 0
    for char in text:
        piece = char.encode()
        cost = sum(1 if byte in _Q_PLAIN or byte == 0x20 else 3 for byte in piece) if as_q else len(piece)
        if room + cost > (_PAYLOAD if as_q else _PAYLOAD // 4 * 3):
            words.append(_encoded_word(word, as_q))
            word, room = b"", 0
        word, room = word + piece, room + cost
    return " ".join([*words, _encoded_word(word, as_q)])


def _encoded_word(data: bytes, as_q: bool) -> str:
    if not as_q:
        return f"=?utf-8?b?{binascii.b2a_base64(data, newline=False).decode()}?="
    quoted = "".join("_" if b == 0x20 else chr(b) if b in _Q_PLAIN else f"={b:02X}" for b in data)
    return f"=?utf-8?q?{quoted}?="


def parameter(name: str, value: str) -> str:
    """`; name="value"` for a Content field, with blanks where it may be folded; RFC 2231 for what needs more."""
    if _ORDINARY.match(value) and len(value) <= 60 and not {'"', "\\"} & set(value) and "=?" not in value:
        return f'; {name}="{value}"'
    pieces, piece = [], ""
    # RFC 2231 3 and 4: numbered pieces, each percent-encoded, the charset in the first.
    for char in value:
        escaped = "".join(chr(b) if b in _EXT_PLAIN else f"%{b:02X}" for b in char.encode())
        if len(piece) + len(escaped) > 50:
            pieces.append(piece)
            piece = ""
        piece += escaped
    pieces.append(piece)
    if len(pieces) == 1:
        return f"; {name}*=utf-8''{pieces[0]}"
    return "".join(f"; {name}*{i}*={'' if i else chr(39).join(('utf-8', '', ''))}{p}" for i, p in enumerate(pieces))


def date(moment: datetime) -> str:
    """RFC 5322 3.3 date-time with the offset that `moment` carries, to the minute."""
    offset = moment.utcoffset() or timedelta()
    minutes = round(offset.total_seconds() / 60)
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    sign, size = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return (
        f"{_DAYS[local.weekday()]}, {local.day:02} {_MONTHS[local.month - 1]} {local.year:04} "
        f"{local:%H:%M:%S} {sign}{size // 60:02}{size % 60:02}"
    )


def utc_date(moment: datetime) -> str:
    """The same instant with the offset +0000, which tells nothing of where the writer is."""
    return date(moment.astimezone(UTC))


def letter_id(value: LetterId) -> str:
    """`<id>` for Message-ID. Raises `Usage` (bad_text) when it is not one."""
    if not _LETTER_ID.match(value):
        raise Usage("bad_text", _("The letter's own number cannot stand in a header."))
    return f"<{value}>"


def letter_ids(values: Iterable[LetterId]) -> str:
    """Ids of other letters for In-Reply-To and References: foreign ones that cannot stand there are left out, and
    of a long chain the first and the last fifty are kept (RFC 5322 3.6.4 asks for no more than order)."""
    good = [f"<{value}>" for value in values if _LETTER_ID.match(value)]
    return " ".join(good if len(good) <= 51 else [good[0], *good[-50:]])
