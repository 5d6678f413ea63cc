"""Archives of letters: which one it is, by names and first octets alone, and its reader.

This is the door of the room for whoever imports; the values are in `found`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from dearly.exchange import bundle, folder, kinds, mbox
from dearly.exchange.folder import Parts
from dearly.exchange.found import (
    Archive,
    Found,
    Hints,
    Item,
    Page,
    PassedOver,
    Precision,
    Role,
    Said,
    Unchanged,
    Unpack,
    When,
    Written,
)
from dearly.exchange.kinds import HEAD, Kind
from dearly.exchange.mbox import Dialect, Quoting
from dearly.exchange.places import Place, Rules
from dearly.letter.address import clean
from dearly.letter.errors import Usage
from dearly.letter.words import _

__all__ = [
    "FORMATS",
    "Archive",
    "Found",
    "Hints",
    "Item",
    "Page",
    "PassedOver",
    "Place",
    "Precision",
    "Role",
    "Said",
    "Unchanged",
    "Unpack",
    "When",
    "Written",
    "not_an_archive",
    "recognise",
]

FORMATS = ("auto", "maildir", "mbox", "mboxrd", "mboxo", "eml", "thunderbird", "takeout", "text", "scan", "scans")
"""What a person may say that an archive is. "mbox" finds out by itself how lines were quoted; "scan" takes a folder of
scans as the pages of one letter, "scans" as a letter each, but for pages whose names count up."""

MOST_LOOKED_AT = 20_000
"""Files that are looked at until one is known."""

_ONLY = {
    "maildir": frozenset({Kind.LETTER}),
    "mbox": frozenset({Kind.MBOX}),
    "mboxrd": frozenset({Kind.MBOX}),
    "mboxo": frozenset({Kind.MBOX}),
    "eml": frozenset({Kind.LETTER, Kind.EMLX}),
    "thunderbird": frozenset({Kind.MBOX, Kind.LETTER}),
    "takeout": frozenset({Kind.MBOX}),
    "text": frozenset({Kind.TEXT}),
    "scan": frozenset({Kind.SCAN}),
    "scans": frozenset({Kind.SCAN}),
}
_FORCED = {"mbox": Kind.MBOX, "mboxrd": Kind.MBOX, "mboxo": Kind.MBOX, "eml": Kind.LETTER, "text": Kind.TEXT}
_DIALECTS = {"mboxrd": mbox.MBOXRD, "mboxo": Dialect(Quoting.FROM)}
_NAMES = {Kind.MBOX: "mbox", Kind.LETTER: "eml", Kind.EMLX: "eml", Kind.TEXT: "text", Kind.SCAN: "scans"}
_MAIL_FOLDERS = (b"Mail", b"ImapMail")
_BACKUP = b"dearly-backup"
_NO_CONTENTS = ("/",)
"""An ending that no file inside has: the names are enough."""


def recognise(path: Path, wanted: str = "auto", *, unpack: Unpack) -> Archive:
    """The archive at `path`, of the format `wanted` (`FORMATS`). Looks at names and first octets only; a folder is
    looked through until something in it is known. `unpack`: `opener.unpacking.unpack`.

    Another Dearly drawer or a backup of one ("drawer") and a bundle ("bundle", which `bundle_reading` reads) are
    recognised; but their letters do not come as `items`, which raises `Usage` (is_a_drawer, is_a_bundle) and says what
    to do. Raises `NotFound` (no_archive), `Usage` (not_an_archive: what it is, why not, and what to do; bad_format)."""
    if wanted not in FORMATS:
        raise Usage(
            "bad_format",
            _("There is no format “{name}” for archives.").format(name=clean(wanted)),
            _("It is one of these: {names}.").format(names=", ".join(FORMATS)),
        )
    try:
        return _recognised(path.resolve(strict=True), wanted, unpack)
    except (OSError, RuntimeError, ValueError):  # RuntimeError: links in a circle; ValueError: a NUL in the name
        raise folder.gone(path) from None


def _recognised(path: Path, wanted: str, unpack: Unpack) -> Archive:
    single = not path.is_dir()
    source = hashlib.sha256(wanted.encode() + b"\0" + os.fsencode(path)).digest()
    ours = _ours(path)
    if ours is not None and (wanted == "auto" or ours[0] == "drawer"):
        kind, at = ours
        return Ours(kind, at, source)
    form = wanted
    if wanted == "auto":
        form = _of_file(path, unpack) if single else _of_folder(path)
    elif single and wanted in ("maildir", "thunderbird"):
        raise not_an_archive(path, _("It is a file, and this format is a folder."))
    return Place(form, path, source, _rules(form, path, chosen=wanted != "auto", single=single), unpack, single=single)


class Ours:
    """What Dearly itself keeps or has written out, which is not read letter by letter. `path`: of the drawer's folder,
    the backup, or the bundle."""

    def __init__(self, form: str, path: Path, source: bytes) -> None:
        self.format, self.path, self.source = form, path, source
        self.place = clean(str(path))

    def items(self, cursor: str = "") -> Iterator[Found]:  # noqa: ARG002 - as every archive has it
        """Never gives any. Raises `Usage` (is_a_drawer, is_a_bundle)."""
        if self.format == "bundle":
            raise Usage("is_a_bundle", _("“{name}” is a bundle, which is taken as a whole.").format(name=self.place))
        raise Usage(
            "is_a_drawer",
            _("“{name}” is a drawer of Dearly, or a backup of one. Its letters are locked in it.").format(
                name=self.place
            ),
            _("Open it with its own passphrase, export a bundle from it, and import that."),
        )

    def size(self) -> int | None:
        """Octets of a bundle or backup."""
        with suppress(OSError):
            return self.path.stat().st_size if self.path.is_file() else None
        return None


def _ours(path: Path) -> tuple[str, Path] | None:
    """What of Dearly's own it is, and where exactly."""
    if path.is_dir():
        if (path / "drawer.db").is_file() and (path / "keys").is_file():
            return "drawer", path
        return ("bundle", path / bundle.NAME) if (path / bundle.NAME).is_file() else None
    head = _head(path)
    if head.startswith(bundle.HEAD.encode() + b"\0"):
        return "bundle", path
    if head.startswith(b"manifest.json\0") and _BACKUP in head:
        return "drawer", path
    if path.name in ("drawer.db", "keys", "keys.2") and (path.parent / "drawer.db").is_file():
        return "drawer", path.parent
    return None


def _of_file(path: Path, unpack: Unpack) -> str:
    head = _head(path)
    kind = kinds.kind_of([path.name], head)
    if kind is Kind.PACKED:
        return _of_packed(path, kinds.packing(path.name, head) or "gz", unpack)
    if kind is None:
        instead = kinds.what_instead(head)
        raise not_an_archive(path, instead[1] if instead else _("It is no letter, by its name and its beginning."))
    return "scan" if kind is Kind.SCAN else _NAMES[kind]


def _of_packed(path: Path, packing: str, unpack: Unpack) -> str:
    """By the name of the first file inside, or what a single one begins with."""
    with unpack(path, packing, () if packing == "gz" else _NO_CONTENTS) as members:
        first = next(members, None)
        if first is None:
            raise not_an_archive(path, _("There is nothing in it."))
        head = first.read(HEAD) if packing == "gz" else b""
        if first.trouble and not head:
            raise not_an_archive(path, _("It is packed, and damaged."))
        if packing != "gz":
            return "takeout" if first.name.lower().startswith("takeout/") else "packed"
    if kinds.packing("", head) == "tar":
        return _of_packed(path, "tgz", unpack)
    kind = kinds.kind_of([path.name[: -len(".gz")] if path.name.lower().endswith(".gz") else path.name], head)
    if kind is None or kind is Kind.PACKED:
        raise not_an_archive(path, _("It is packed, and what is in it is no letter by its beginning."))
    return _NAMES[kind]


def _of_folder(path: Path) -> str:
    if (path / "profiles.ini").is_file() or (path / "prefs.js").is_file():
        return "thunderbird"
    if any((path / os.fsdecode(name)).is_dir() for name in _MAIL_FOLDERS):
        return "thunderbird"
    takeout = path.name == "Takeout" or (path / "Takeout").is_dir()
    maildir = (path / "cur").is_dir() and (path / "new").is_dir()
    if maildir or takeout:
        return "takeout" if takeout else "maildir"
    empty, scanned = True, False
    for entry in islice(folder.walk(path), MOST_LOOKED_AT):
        empty = False
        kind = None if entry.trouble else _kind(path, entry.parts)
        if kind is Kind.SCAN:  # perhaps enclosed in a letter
            scanned = True
        elif kind is not None:
            parts = folder.names(entry.parts)
            return "maildir" if kinds.is_maildir_entry(parts) else _NAMES.get(kind, "folder")
    if scanned:
        return "scans"
    raise not_an_archive(path, _("There is nothing in it.") if empty else _("No file in it is a letter."))


def _kind(root: Path, parts: Parts) -> Kind | None:
    names = folder.names(parts)
    return None if kinds.is_housekeeping(names[-1]) else kinds.kind_of(names, _head(folder.path_of(root, parts)))


def _head(path: Path) -> bytes:
    with suppress(OSError), folder.opened(path) as file:
        return file.read(HEAD)
    return b""


def _rules(form: str, path: Path, *, chosen: bool, single: bool) -> Rules:
    only = _ONLY[form] if chosen or form in ("thunderbird", "takeout") else None
    forced = _FORCED.get(form) if chosen and single else None
    if forced is not None and kinds.packing(path.name, _head(path)) is not None:
        forced = None
    if forced is Kind.LETTER and path.suffix.lower() == ".emlx":
        forced = Kind.EMLX
    return Rules(
        only=only,
        forced=forced,
        dialect=_DIALECTS.get(form),
        prune=_outside_mail if form == "thunderbird" else _nothing,
        quiet=form in ("thunderbird", "takeout"),
        together=form == "scan",
    )


def _nothing(_parts: Parts) -> bool:
    return False


def _outside_mail(parts: Parts) -> bool:
    """Which folders of a Thunderbird profile, or of the folder that holds all of them, are not looked into."""
    if any(part in _MAIL_FOLDERS for part in parts):
        return parts[-1].endswith(b".mozmsgs")  # copies for the system's search
    return len(parts) > 3 or parts[-1] in (b"extensions", b"storage", b"cache2", b"Crash Reports", b"datareporting")


def not_an_archive(path: Path, why: str) -> Usage:
    """What is said where nothing at `path` can be taken in."""
    return Usage(
        "not_an_archive",
        _("There are no letters in “{name}” that can be read. {why}").format(name=clean(str(path)), why=why),
        _("What can be imported: {names}.").format(
            names="Maildir, mbox, .eml, .emlx, Thunderbird, Google Takeout, Markdown, text, PDF, JPEG, PNG"
        ),
    )
