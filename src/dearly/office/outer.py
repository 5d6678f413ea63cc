"""The outside of a parcel: its outer header, read without the `email` package, and whether it is sealed at all.

The office reads nothing else of a parcel, and it takes no parcel in that is not sealed: not a byte of one is ever
written to its disk.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

from dearly.letter.address import Address, clean
from dearly.letter.errors import Refused, Usage
from dearly.letter.words import _
from dearly.mime.bounded import sealed_shape
from dearly.office.limits import Limits

LONGEST_ADDRESS = 320
"""Characters: 64 before the @, and 255 behind it (RFC 5321 4.5.3.1). What is longer is not remembered either."""

Headers = Sequence[tuple[str, str]]
"""Names as written and raw values (RFC 8621 4.1.2.1: with the space after the colon), in order."""

# The fields that say whose a letter is (RFC 5322 3.6.2, 3.6.6), with their folded lines; the block begins with a line
# end.
_WHOSE = re.compile(rb"\r\n((?:resent-)?(?:from|sender))[ \t]*:((?:[^\r]|\r\n[ \t])*)", re.IGNORECASE)
# One mailbox as nobody reads two ways: atoms or quoted words before the angle brackets, no comment, group or route
# (RFC 5322 3.4). Programs disagree on what else is an address, and by that one could write in another's name.
_ONE = re.compile(r'(?:"(?:[^"\\]|\\.)*+"|[^"\\()<>\[\]:;@,]++)*+<([^<>]*)>\Z|([^"\\()<>\[\]:;, \t]+)\Z')
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:")


def sender_of(data: bytes, limits: Limits) -> str:
    """`Address.key` of the one outer From of a sealed parcel; "" where it has not exactly one, or where another
    field says that somebody else sent it.

    Raises `Refused`: too_large, bare_line_end (A22), not_sealed. Linear, and costs no more than the parcel's size."""
    if len(data) > limits.upload:
        raise too_large(limits)
    if not sealed_shape(data):
        raise _refusal(data)
    whose: list[tuple[bytes, bytes]] = _WHOSE.findall(b"\r\n" + head_of(data, limits))
    named = {_only_address(value) if len(value) <= 1_000 else "" for _name, value in whose}
    return named.pop() if len(named) == 1 and sum(name.lower() == b"from" for name, _value in whose) == 1 else ""


def _refusal(data: bytes) -> Refused:
    if not data.count(b"\n") == data.count(b"\r") == data.count(b"\r\n"):
        return Refused(
            "bare_line_end",
            _("This parcel has a line end that is not exactly CR LF."),
            _("Line ends have to be CR LF throughout (RFC 5322 2.3)."),
        )
    return Refused(
        "not_sealed",
        _("This is not a sealed letter, and the office keeps nothing else."),
        _("A sealed letter is one RFC 3156 encrypted message and nothing around it."),
    )


@lru_cache(maxsize=1024)
def _only_address(value: bytes) -> str:
    one = _ONE.match(unfolded(_text(value)))
    return key_of(one[1] or one[2] or "") if one else ""


@lru_cache(maxsize=4096)
def parsed(address: str) -> Address:
    """As `Address.parse`, remembered: a sender writes to the same few again and again. Raises as it does."""
    return Address.parse(address)


def key_of(address: str) -> str:
    """`Address.key` of these words, "" where they are no address."""
    return _key_of(address) if len(address) <= LONGEST_ADDRESS else ""


@lru_cache(maxsize=4096)
def _key_of(address: str) -> str:
    try:
        return Address.parse(address).key
    except Usage:
        return ""


def too_large(limits: Limits) -> Refused:
    """The refusal of a parcel above the limit."""
    most = limits.upload // 1_000_000
    return Refused("too_large", _("A parcel may weigh at most {most} MB here.").format(most=most))


def head_of(data: bytes, limits: Limits) -> bytes:
    """The header block, cut at the limit."""
    end = data.find(b"\r\n\r\n", 0, limits.header_block)
    return data[: end + 2] if end >= 0 else data[: limits.header_block]


def headers(data: bytes, limits: Limits) -> Headers:
    """The fields of the outer header, in order; what is no field is passed over."""
    found: list[tuple[str, list[str]]] = []
    for line in head_of(data, limits).split(b"\r\n"):
        if line[:1] in (b" ", b"\t") and found:
            found[-1][1].append(_text(line))
        elif match := _FIELD.match(line):
            found.append((_text(match[1]), [_text(line[match.end() :])]))
    return [(name, "\r\n".join(lines)) for name, lines in found]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace").replace("\0", "\ufffd")


def unfolded(value: str) -> str:
    """A raw value as text (RFC 8621 4.1.2.2, without decoding encoded words: the office has no use for names)."""
    return re.sub(r"\r\n(?=[ \t])", "", value).strip(" \t")


def addresses(value: str) -> list[tuple[str, str]]:
    """(name, address) of each mailbox in an address list; quoted names are kept whole, groups are not read."""
    found: list[tuple[str, str]] = []
    for piece in _at_commas(unfolded(value)):
        name, angle, rest = piece.rpartition("<")
        address = rest.partition(">")[0] if angle else piece
        if address.strip():
            found.append((clean(name.strip().strip('"')), clean(address)))
    return found


def _at_commas(value: str) -> list[str]:
    """`value` cut at the commas outside quotes. One pass, whatever the quotes do."""
    pieces: list[str] = []
    begun, quoted, escaped = 0, False, False
    for at, char in enumerate(value):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = quoted
        elif char == '"':
            quoted = not quoted
        elif char == "," and not quoted:
            pieces.append(value[begun:at])
            begun = at + 1
    return [*pieces, value[begun:]]


def message_ids(value: str) -> list[str]:
    """RFC 8621 4.1.2.5."""
    return [clean(m) for m in re.findall(r"<([^<>\s]{1,998})>", value)]


_DATE = re.compile(
    r"(?:\w{3},)?\s*(\d{1,2})\s+(\w{3})\s+(\d{4})\s+(\d\d):(\d\d)(?::(\d\d))?\s+(?:([+-])(\d\d)(\d\d)|[A-Z]+)"
)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]


def date(value: str) -> str | None:
    """The Date field as RFC 8621 4.1.2.6 wants it; None where it is not one (RFC 5322 3.3)."""
    match = _DATE.match(unfolded(value)[:100])
    try:
        if not match or not match.re:
            return None
        day, month, year, hour, minute, second, sign, zh, zm = match.groups()
        zone: timezone = UTC
        if sign:
            offset = timedelta(hours=int(zh), minutes=int(zm))
            zone = timezone(-offset if sign == "-" else offset)
        when = datetime(
            int(year), _MONTHS.index(month.title()) + 1, int(day), int(hour), int(minute), int(second or 0), tzinfo=zone
        )
    except ValueError:
        return None
    return when.isoformat().replace("+00:00", "Z")
