"""What one file of an archive is, by its name and its first octets alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum

from dearly.exchange import fromline
from dearly.letter.words import _

HEAD = 4_096
"""First octets by which a file is known."""

OPENED_COPY = "Letter-Opened-Copy"
"""Field by which an opened copy says that it is one (`export_opened`)."""


class Kind(Enum):
    """What is read from it."""

    MBOX = "mbox"
    LETTER = "letter"
    """One letter, as it stands."""
    EMLX = "emlx"
    """One letter of Apple Mail: a line with its length before it, a property list behind it."""
    TEXT = "text"
    SCAN = "scan"
    PACKED = "packed"


_OURS_OR_THEIRS = re.compile(
    r"\..*|dovecot.*|courier.*|maildirfolder|maildirsize|subscriptions|thumbs\.db|desktop\.ini|readme(\..*)?|sha256sums"
    r"|.*\.(msf|lock|idx|index|toc|tmp|dat|wdseml|plist)|nstmp(-\d+)?|mbox\.(index|stats)|table_of_contents",
    re.IGNORECASE | re.DOTALL,
)
"""Files that programs, Dearly among them, keep beside letters; nobody misses them in a list of what was not taken."""

_FIELD = re.compile(rb"[!-9;-~]{1,100}[ \t]{0,10}:")
_MAIL = re.compile(
    rb"^(?:Received|Return-Path|Message-ID|MIME-Version|Delivered-To|X-Mozilla-Status|DKIM-Signature):",
    re.IGNORECASE | re.MULTILINE,
)
"""Fields that nobody writes by hand at the head of a text."""

_SCANS = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
)
_HEIF = re.compile(rb"....ftyp(?:heic|heix|hevc|heim|heis|mif1|msf1)", re.DOTALL)
_WEBP = re.compile(rb"RIFF....WEBP", re.DOTALL)


def is_housekeeping(name: str) -> bool:
    """Whether a file is one that programs keep beside letters."""
    return _OURS_OR_THEIRS.fullmatch(name) is not None


def is_maildir_entry(parts: Sequence[str]) -> bool:
    """Whether a file lies where only letters lie, and is not one of the hidden ones there (maildir(5))."""
    return len(parts) > 1 and parts[-2] in ("cur", "new") and not parts[-1].startswith(".")


def scan_type(head: bytes) -> str | None:
    """The media type of a scan, None for anything else."""
    for magic, media_type in _SCANS:
        if head.startswith(magic):
            return media_type
    if _HEIF.match(head):
        return "image/heic"
    return "image/webp" if _WEBP.match(head) else None


def packing(name: str, head: bytes) -> str | None:
    """How a file is packed: "gz", "tgz", "tar", "zip"; None when it is not."""
    if head.startswith(b"\x1f\x8b"):
        return "tgz" if name.lower().endswith((".tgz", ".tar.gz")) else "gz"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return "zip"
    return "tar" if head[257:262] == b"ustar" else None


def kind_of(parts: Sequence[str], head: bytes) -> Kind | None:
    """What the file at `parts` is, whose first octets are `head`; None where nothing is known that it could be."""
    name = parts[-1].lower()
    if is_maildir_entry(parts):
        return Kind.LETTER
    if name.endswith(".emlx"):
        return Kind.EMLX
    if packing(name, head) is not None:
        return Kind.PACKED
    if scan_type(head) is not None:
        return Kind.SCAN
    if name.endswith((".eml", ".mail", ".mime")):
        return Kind.LETTER
    if looks_like_mbox(name, head):
        return Kind.MBOX
    written = name.endswith((".md", ".markdown", ".txt", ".text"))
    if _FIELD.match(head) and (_MAIL.search(head) or name.isdecimal()):
        return Kind.LETTER
    text = b"\0" not in head or head.startswith((b"\xff\xfe", b"\xfe\xff"))  # UTF-16 has them between its letters
    return Kind.TEXT if written and text else None


def looks_like_mbox(name: str, head: bytes) -> bool:
    """Whether it begins as an mbox file, or is called one and does not begin as anything else."""
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
    if start.startswith(b"From "):
        line, _end, after = start.partition(b"\n")
        return name.endswith((".mbox", ".mboxrd")) or fromline.separates(line, after, blank_before=True)
    return name.endswith((".mbox", ".mboxrd", ".mboxo", ".mboxcl", ".mboxcl2")) and b"\0" not in head


def what_instead(head: bytes) -> tuple[str, str] | None:
    """Code and sentence for what programs of letters write and what cannot be read here."""
    if head.startswith(b"!BDN"):
        return "unsupported", _("It is a data file of Outlook. Export it as mbox or .eml with a program that reads it.")
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        return "unsupported", _("It is a letter or document of Microsoft’s own form. Save it as .eml or PDF first.")
    if head.startswith((b"\xcf\xad\x12\xfe", b"*mbx*\r\n")):
        return "unsupported", _("It is the folder of a mail program that only this program reads. Export it as mbox.")
    if head.startswith((b"BZh", b"\xfd7zXZ\0", b"7z\xbc\xaf", b"Rar!", b"\x28\xb5\x2f\xfd")):
        return "unsupported", _("It is packed in a way that is not read here. Unpack it first.")
    return None
