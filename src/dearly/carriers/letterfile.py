"""The file in which one sealed letter is carried by hand.

It is the sealed message itself with one header field before it:

    Dearly-File: v=1; length=<bytes that follow this line>; sha256=<64 hex digits of them> CRLF

So a file that was cut, or changed on the way, is recognised before a letter is made of it (F42); and since the line is
a header field like any other (RFC 5322 2.2), every mail program that reads `.eml` reads the file too. A plain `.eml`
without the line is taken in as it is. The suggested name is made of the letter's digest and says nothing of its
people.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

from dearly.carriers.base import said
from dearly.letter.envelope import SealedLetter
from dearly.letter.errors import Damaged, DearlyError, MadeByNewer, Refused, Usage
from dearly.letter.words import _

SUFFIX = ".dearly"

_NAME = b"Dearly-File:"
_LINE = re.compile(rb"Dearly-File: v=(\d{1,3}); length=(\d{1,12}); sha256=([0-9a-f]{64})\r\n")
LONGEST_LINE = 120
_FIELD = re.compile(rb"[!-9;-~]{1,100}:")  # RFC 5322 3.6.8: what a message begins with


def framed(data: bytes) -> bytes:
    """The file for a sealed message."""
    return b"%s v=1; length=%d; sha256=%s\r\n%s" % (_NAME, len(data), hashlib.sha256(data).hexdigest().encode(), data)


def unframed(file: bytes) -> bytes:
    """The message in a file, complete and unchanged.

    Raises `Damaged` (hand_incomplete, hand_damaged), `MadeByNewer` (hand_newer), or `Usage` (not_a_letter)."""
    if not file.startswith(_NAME):
        if _NAME.startswith(file[: len(_NAME)]):
            raise _incomplete(_("it ends in its first line"))
        if not _FIELD.match(file):
            raise Usage(
                "not_a_letter",
                _("This file is not a letter: it does not begin as a message does."),
                _("Take in a file ending in {suffix} or .eml.").format(suffix=SUFFIX),
            )
        return file
    line = _LINE.match(file)
    if line is None:
        if b"\n" not in file[:LONGEST_LINE] and len(file) < LONGEST_LINE:
            raise _incomplete(_("it ends in its first line"))
        raise _changed()
    if int(line[1]) != 1:
        raise MadeByNewer(
            "hand_newer",
            _("This file was written by a newer version of Dearly."),
            _("Install that version here, and take the file in again."),
        )
    data, length = file[line.end() :], int(line[2])
    if len(data) < length:
        raise _incomplete(_("{here} of {whole} bytes are there").format(here=len(data), whole=length))
    if len(data) > length or hashlib.sha256(data).hexdigest().encode() != line[3]:
        raise _changed()
    return data


def suggested_name(letter: SealedLetter) -> str:
    """A file name for this letter, the same each time: safe on every file system, and telling nothing."""
    return hashlib.sha256(letter.data).hexdigest()[:16] + SUFFIX


def read_bytes(path: Path, most: int) -> bytes:
    """The bytes of an ordinary file of at most `most` bytes.

    Raises OSError as the system says it, `Usage` (unreadable_file) and `Refused` (too_large)."""
    # Without O_NONBLOCK, opening a pipe that nobody writes to would wait for ever.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(fd, "rb") as file:
        about = os.fstat(fd)
        if not stat.S_ISREG(about.st_mode):
            raise unreadable(path, _("it is not an ordinary file"))
        if about.st_size > most:
            raise Refused(
                "too_large",
                _("The file is larger than any letter: {size} MB.").format(size=round(about.st_size / 1e6)),
                _("Take in one letter at a time."),
            )
        return file.read(most + 1)


def unreadable(path: Path, why: str) -> DearlyError:
    """The error for a file that is there but cannot be read as one."""
    return Usage(
        "unreadable_file",
        _("The file {path} cannot be taken in: {why}.").format(path=said(str(path)), why=why),
        _("Choose a file ending in {suffix} or .eml.").format(suffix=SUFFIX),
    )


def _incomplete(how: str) -> DearlyError:
    return Damaged(
        "hand_incomplete",
        _("This letter file is not complete: {how}.").format(how=how),
        _("Copy it again from where it came from; nothing was taken in."),
    )


def _changed() -> DearlyError:
    return Damaged(
        "hand_damaged",
        _("This letter file was changed on its way: it is not what was written."),
        _("Copy it again, as a file and not as text; nothing was taken in."),
    )
