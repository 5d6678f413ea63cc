"""Encoded words (RFC 2047) and parameters (RFC 2045 5.1, RFC 2231) of foreign fields. Never raises."""

from __future__ import annotations

import binascii
import re
from itertools import islice
from urllib.parse import unquote_to_bytes

from dearly.mime import charset
from dearly.mime.limits import MOST_ENCODED_WORDS
from dearly.mime.transfer import decode as without_transfer_encoding

# The language tag of RFC 2231 5 is passed over; raw blanks inside a word are common and harmless.
_WORD = re.compile(r"=\?([A-Za-z0-9_.:()+-]{1,40})(?:\*[^?]{0,40})?\?([bBqQ])\?([^?]*)\?=")
_PARAMETER = re.compile(r';[ \t]*([^\s=;"]{1,100})[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^;]*)', re.DOTALL)
_SECTION = re.compile(r"([^*]+)(?:\*(\d{1,4}))?(\*)?\Z")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def raw_text(value: bytes) -> str:
    """A field's octets as text before any decoding: ASCII, UTF-8 (RFC 6532), or what old programs wrote."""
    return value.decode("ascii") if value.isascii() else charset.decode(value, None)


def decoded(text: str) -> str:
    """`text` with its encoded words decoded.

    Neighbouring words of one charset are joined as octets first, because senders cut characters in two. At most
    `MOST_ENCODED_WORDS` are decoded; the rest stays as it was written."""
    if "=?" not in text:
        return text
    out: list[str] = []
    run, run_charset, at = b"", "", 0
    for count, found in enumerate(islice(_WORD.finditer(text), MOST_ENCODED_WORDS)):
        between = text[at : found.start()]
        name, data = found[1].lower(), _octets(found[2], found[3])
        if count and (not between or between.isspace()) and name == run_charset:
            run += data
        else:
            out.append(charset.decode(run, run_charset))
            # RFC 2047 6.2: white space between two encoded words is not shown.
            out.append("" if count and between.isspace() else between)
            run, run_charset = data, name
        at = found.end()
    return "".join((*out, charset.decode(run, run_charset), text[at:]))


def _octets(how: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if how in "bB":
        return without_transfer_encoding(data, "base64")
    return binascii.a2b_qp(data, header=True)


def parameters(text: str) -> tuple[str, dict[str, str]]:
    """A Content field's value in lower case, and its parameters: names in lower case, values joined and decoded."""
    value, semicolon, rest = text.partition(";")
    if not semicolon:
        return value.strip().lower(), {}
    plain: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for found in _PARAMETER.finditer(semicolon + rest):
        name, written = found[1].lower(), found[2].strip()
        if len(written) >= 2 and written[0] == written[-1] == '"':
            written = _ESCAPE.sub(r"\1", written[1:-1])
        section = _SECTION.match(name)
        if section is None:
            continue
        if section[2] is None and section[3] is None:
            plain.setdefault(name, decoded(written))
        else:
            pieces.setdefault(section[1], {}).setdefault(int(section[2] or 0), (written, bool(section[3])))
    for name, numbered in pieces.items():
        plain[name] = _joined(numbered)
    return value.strip().lower(), plain


def _joined(numbered: dict[int, tuple[str, bool]]) -> str:
    """RFC 2231 3 and 4.1: numbered pieces in order, up to the first gap; the charset stands in the first."""
    declared, out, number = "", b"", 0
    while number in numbered:
        written, extended = numbered[number]
        if extended and number == 0 and written.count("'") >= 2:
            declared, _language, written = written.split("'", 2)
        out += unquote_to_bytes(written) if extended else written.encode("utf-8", "replace")
        number += 1
    return charset.decode(out, declared or None)
