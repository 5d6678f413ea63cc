"""Whether a line that begins with "From " stands between two letters of an mbox file, or belongs to a letter.

RFC 4155 has one form of it; programs write dozens, and some quote no such line within letters. So three things count
together: what the line looks like, whether an empty line is before it, and whether a letter begins after it.
"""

from __future__ import annotations

import re
from datetime import datetime

from dearly.mime.dates import read_date

LONGEST = 1_000
"""Octets of a line that is looked at; a longer one separates nothing."""

LOOK_AFTER = 400
"""Octets after the line that are looked at."""

_WEEKDAY = rb"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? {1,3})?"
_MONTH = rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}"
_TIME = rb"\d{1,2}[:.]\d\d(?:[:.]\d\d)?"
_ZONE = rb"(?: {1,3}(?:[+-]\d{4}|[A-Za-z]{1,6}|\([A-Za-z +-]{1,20}\))){0,2}"
_DATE = (
    # C's asctime, with a zone before or after the year
    rb"(?:" + _WEEKDAY + _MONTH + rb" {1,3}\d{1,2},? {1,3}" + _TIME + _ZONE + rb" {1,3}\d{2,4}" + _ZONE
    # as in the Date field
    + rb"|" + _WEEKDAY + rb"\d{1,2}[ -]" + _MONTH + rb"[ -]\d{2,4},? {1,3}" + _TIME + _ZONE
    # ISO 8601
    + rb"|\d{4}-\d\d-\d\d[T ]" + _TIME + rb"(?:\.\d{1,9})?Z?" + _ZONE + rb")"
)  # fmt: skip
_DATED = re.compile(rb"From {1,3}(?:\S{1,300} {1,3}){0,5}" + _DATE + rb"(?: {1,3}remote from \S{1,200})?[ \t\r]*\Z")
"""Who may be missing, "-" (Netscape and its heirs), an address, or written with blanks ("ada at letters.test")."""

_BARE = re.compile(rb"From(?: {1,3}\S{0,400})?[ \t\r]*\Z")
"""Without a date: "From ", "From -", "From ada@letters.test"."""

_FIELD = re.compile(rb"[!-9;-~]{1,100}[ \t]{0,10}:")  # RFC 5322 3.6.8, and the blanks of 4.5
_KNOWN_FIELD = re.compile(
    rb"(?:X-[!-9;-~]{1,80}|Return-Path|Received|Delivered-To|Envelope-To|DKIM-Signature|ARC-[A-Za-z-]{1,40}"
    rb"|Authentication-Results|Date|From|Sender|To|Cc|Subject|Message-ID|MIME-Version|Content-[A-Za-z-]{1,40}"
    rb"|Reply-To|In-Reply-To|References|Status|List-[A-Za-z-]{1,40}|User-Agent|Mailing-List|Path|Newsgroups):",
    re.IGNORECASE,
)


def dated(line: bytes) -> datetime | None:
    """The time on such a line: when the letter that follows it was put into the file."""
    words = line[:LONGEST].decode("ascii", "replace").split()
    found = (read_date(" ".join(words[at:])) for at in (2, 1, 3, 4, 5, 6))  # mostly behind one word
    return next((one for one in found if one is not None), None)


def separates(line: bytes, after: bytes, *, blank_before: bool) -> bool:
    """Whether `line`, from "From " up to its line end, stands before a letter.

    `after`: what follows its line end, at least `LOOK_AFTER` octets or all there is. `blank_before`: an empty line, or
    the beginning of the file, is before it."""
    if _DATED.match(line):
        begins = _FIELD.match(after) is not None or after.startswith((b"From ", b">From "))
        # A letter may be empty, or have no header; but then nothing but the empty line tells it from a quotation.
        return begins or (blank_before and (not after or after.startswith((b"\n", b"\r\n"))))
    return blank_before and _BARE.match(line) is not None and _KNOWN_FIELD.match(after) is not None
