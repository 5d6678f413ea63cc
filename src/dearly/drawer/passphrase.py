"""A passphrase as it is compared: RFC 8265 4.2 (OpaqueString), so that the same words typed elsewhere are the same."""

from __future__ import annotations

import os
import stat
import unicodedata
from pathlib import Path

from dearly.letter.errors import NotFound, Refused, Usage
from dearly.letter.words import _

_MOST = 4096
"""Bytes; longer is a file named by mistake, not a passphrase."""


def prepare(passphrase: str) -> bytes:
    """The octets that the key is derived from. Raises `Usage` (bad_passphrase).

    Spaces of every script become U+0020 and the rest is NFC (RFC 8265 4.2.2); control characters and unassigned code
    points are refused (RFC 8264 4.3), the latter because a later Unicode may normalise them in another way."""
    spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in passphrase)
    if not spaced:
        raise _bad(_("an empty one protects nothing"))
    if any(unicodedata.category(c) in ("Cc", "Cs", "Cn", "Zl", "Zp") for c in spaced):
        raise _bad(_("it holds a line break or a character that cannot be typed again reliably"))
    octets = unicodedata.normalize("NFC", spaced).encode()
    if len(octets) > _MOST:
        raise _bad(_("it is longer than {most} bytes").format(most=_MOST))
    return octets


def from_file(path: Path) -> str:
    """The passphrase that stands in a file: its content without one line end.

    Raises `NotFound`, `Usage` (bad_passphrase), or `Refused` (file_readable_by_others): a file that others may read
    keeps no secret."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        raise NotFound(
            "no_passphrase_file",
            _("The file “{path}” with the passphrase cannot be read.").format(path=path),
            _("Check its name and that it is yours."),
        ) from None
    with os.fdopen(descriptor, "rb") as file:
        about = os.fstat(file.fileno())
        # A pipe or a terminal (/dev/stdin) is nobody else's to read.
        if stat.S_ISREG(about.st_mode) and about.st_mode & 0o077:
            raise Refused(
                "file_readable_by_others",
                _("Others on this machine may read the file “{path}” with the passphrase.").format(path=path),
                _("Make it yours alone: chmod 600."),
            )
        data = file.read(_MOST + 3)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise _bad(_("the file is not text in UTF-8")) from None
    for end in ("\r\n", "\n", "\r"):
        if text.endswith(end):
            text = text[: -len(end)]
            break
    prepare(text)
    return text


def _bad(why: str) -> Usage:
    return Usage(
        "bad_passphrase",
        _("This cannot be a passphrase: {why}.").format(why=why),
        _("Choose a few words that you will remember: what is forgotten is gone."),
    )
