"""Files that a browser hands over, as an archive: read like files in one folder, though they have no place on a disk.

They lie sealed beside the drawer (`drawer.spool`), because the plan and the run both read them, and only for as long
as the plan or the run is there to be come back to. The same files handed over once more are known again by their
octets: where a run was stopped, or killed, it goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dearly.desk.desk import Desk
from dearly.drawer.spool import Spool
from dearly.exchange import bundle, kinds, letters_in, mbox, scans, written
from dearly.exchange.archive import not_an_archive
from dearly.exchange.found import LARGEST_LETTER, Found, Member
from dearly.exchange.kinds import HEAD, Kind
from dearly.exchange.letters_in import Where
from dearly.exchange.packed import Packed, not_a_letter
from dearly.letter.address import clean
from dearly.letter.errors import Usage
from dearly.letter.words import _, ngettext
from dearly.opener.unpacking import unpack_held

if TYPE_CHECKING:
    from typing import BinaryIO

MOST_FILES = 2_000
"""Files that can be handed over at once; a folder of more is taken in by its path, or packed."""

_TOGETHER = 1 << 20
_FORMATS = {Kind.MBOX: "mbox", Kind.LETTER: "eml", Kind.EMLX: "eml", Kind.TEXT: "text", Kind.SCAN: "scans"}


@dataclass(frozen=True, slots=True)
class File:
    """One file. `name`: as the browser calls it, fit to be shown; `head`: its first octets."""

    name: str
    spool: Spool = field(repr=False)
    head: bytes = field(repr=False)
    sha256: bytes = field(repr=False)


class Handing:
    """Files while they come: `take` for each, then `archive`; or `drop`, and nothing is left of them."""

    def __init__(self, desk: Desk) -> None:
        self._folder = desk.drawer.folder
        self._files: list[File] = []

    async def take(self, name: str, octets: AsyncIterator[bytes]) -> None:
        """One more file, to its end. Raises `Usage` (too_many_files), `NoSpace`, and what `octets` raises."""
        if len(self._files) >= MOST_FILES:
            raise Usage(
                "too_many_files",
                _("These are more than the {most} files that can be handed over at once.").format(most=MOST_FILES),
                _("Give the path of their folder instead, or pack them into one file."),
            )
        spool, digest, head = Spool(self._folder), hashlib.sha256(), b""
        waiting = bytearray()

        def put() -> None:
            digest.update(waiting)
            spool.write(bytes(waiting))
            waiting.clear()

        try:
            async for some in octets:
                head += some[: HEAD - len(head)]
                waiting += some
                if len(waiting) >= _TOGETHER:
                    await asyncio.to_thread(put)
            await asyncio.to_thread(put)
            await asyncio.to_thread(spool.end)
        except BaseException:
            spool.close()
            raise
        if spool.size or name:
            self._files.append(File(_shown(name), spool, head, digest.digest()))
        else:
            spool.close()

    def drop(self) -> None:
        """Give everything back that came until now."""
        for one in self._files:
            one.spool.close()

    def archive(self) -> Handed:
        """What came. Raises `Usage` (nothing_handed_over, not_an_archive, is_a_backup)."""
        if not self._files:
            raise Usage("nothing_handed_over", _("No file was chosen."), _("Choose one or several first."))
        return Handed(self._files)


class Handed:
    """As `exchange.archive.Archive`. Its cursor is the number of a file, and with it a place there."""

    def __init__(self, files: Sequence[File], *, together: bool = False) -> None:
        """`together`: all scans are the pages of one letter."""
        self._files = _told_apart(files)
        self._names = {one.name: one for one in self._files}
        first = min(PurePosixPath(one.name).name for one in self._files)
        more = ngettext("{name} and one more file", "{name} and {n} more files", len(files) - 1)
        self.place = more.format(name=first, n=len(files) - 1) if len(files) > 1 else first
        seen = sorted(one.name.encode() + b"\0" + one.sha256 for one in self._files)
        self.source = hashlib.sha256(b"handed\0" + b"\0".join(seen)).digest()
        self.format = self._known()
        self._enclosed = frozenset(name for one in self._files if _kind(one) is Kind.TEXT for name in _encloses(one))
        pages = [one.name for one in self._files if _kind(one) is Kind.SCAN and not self._belongs(one)]
        groups = [scans.in_order(pages)[: scans.MOST_PAGES]] if together and pages else scans.letters(pages)
        self._pages = {min(group): group for group in groups}

    def as_one_letter(self) -> Handed:
        """The same, with all scans as the pages of one letter."""
        return Handed(self._files, together=True)

    def let_go(self) -> None:
        """It is taken in, or put aside: the room is given back."""
        for one in self._files:
            one.spool.close()
        self._files, self._names = [], {}

    def size(self) -> int:
        """Octets of all of them."""
        return sum(one.spool.size for one in self._files)

    @property
    def sizes(self) -> list[tuple[str, int]]:
        """Name and octets of each."""
        return [(one.name, one.spool.size) for one in self._files]

    def bundle(self) -> tuple[BinaryIO, Path]:
        """The bundle that it is (`format`), open, and its name."""
        (only,) = self._files
        return only.spool.opened(), Path(only.name)

    def items(self, cursor: str = "") -> Iterator[Found]:
        """As `Archive.items`. Raises `Refused` (unpacks_too_large), `Damaged`."""
        number, _mark, inner = cursor.partition("?")
        begin, passed = int(number) if number.isdecimal() else 0, 0
        for n, one in enumerate(self._files):
            if n >= begin:
                yield from self._file(n, one, inner if n == begin else "", passed)
            passed += one.spool.size

    def _file(self, number: int, one: File, inner: str, before: int) -> Iterator[Found]:
        where = Where(
            [one.name],
            "",
            lambda at: str(number + 1) if at is None else f"{number}?{at}",
            lambda at: before + (one.spool.size if at is None else at),
        )
        match _kind(one):
            case Kind.MBOX:
                start = int(inner) if inner.isascii() and inner.isdecimal() and len(inner) <= 18 else 0
                dialect = mbox.MBOXRD if one.name.lower().endswith(".mboxrd") else None
                yield from letters_in.in_mbox(one.spool.opened(), start, dialect, where)
            case Kind.LETTER:
                yield from letters_in.in_file(one.spool.opened(), where)
            case Kind.EMLX:
                yield from letters_in.in_emlx(one.spool.opened(), where)
            case Kind.PACKED:
                packed = self._packed(one)
                for found in packed.items(inner):
                    at = before + min(found.passed, one.spool.size)
                    yield replace(found, cursor=f"{number}?{found.cursor}", passed=at)
            case Kind.TEXT if not self._belongs(one):
                yield from letters_in.in_text(one.spool.opened(), where, self._beside)
            case Kind.SCAN if not self._belongs(one):
                yield from self._scanned(one, where)
            case None if not self._belongs(one):
                yield where.over(*(kinds.what_instead(one.head) or ("not_a_letter", not_a_letter())))

    def _packed(self, one: File) -> Packed:
        how, unpack = kinds.packing(one.name, one.head) or "gz", partial(_unpack, one.spool)
        path, takeout = Path(one.name), False
        if how != "gz":
            with unpack(path, how, ("/",)) as members:  # no name ends so: the names are enough
                takeout = next((member.name for member in members), "").lower().startswith("takeout/")
        return Packed(path, how, unpack, frozenset({Kind.MBOX}) if takeout else None, takeout)

    def _scanned(self, first: File, where: Where) -> Iterator[Found]:
        """The letter whose first page this is; nothing for its other pages."""
        pages = [self._names[name] for name in self._pages.get(first.name, [])]
        if sum(page.spool.size for page in pages) > LARGEST_LETTER:
            yield where.over("too_large", letters_in.too_large())
        elif pages:
            yield letters_in.scanned([(page.name, page.spool.opened().read()) for page in pages], where)

    def _belongs(self, one: File) -> bool:
        """Whether a text names it as enclosed."""
        return one.name in self._enclosed

    def _beside(self, named: str) -> bytes | None:
        one = self._names.get(PurePosixPath(named).name)
        return one.spool.opened().read() if one is not None and one.spool.size <= LARGEST_LETTER else None

    def _known(self) -> str:
        """The format, by names and first octets. Raises `Usage` (not_an_archive, is_a_backup)."""
        found = {_kind(one) for one in self._files if not kinds.is_housekeeping(one.name)} - {None}
        only = self._files[0] if len(self._files) == 1 else None
        if only is not None and only.head.startswith(bundle.HEAD.encode() + b"\0"):
            return "bundle"
        if only is not None and only.head.startswith(b"manifest.json\0") and b"dearly-backup" in only.head:
            raise is_a_backup(only.name)
        if not found:
            instead = kinds.what_instead(only.head) if only is not None else None
            raise not_an_archive(Path(self.place), instead[1] if instead else not_a_letter())
        formats = {_FORMATS.get(kind, "packed") for kind in found if kind is not None}
        return formats.pop() if len(formats) == 1 else "folder"


def is_a_backup(place: str) -> Usage:
    """A backup is a locked drawer, which has to be made one again first."""
    return Usage(
        "is_a_backup",
        _("“{name}” is a backup of a drawer.").format(name=place),
        _("Make a drawer of it with “dearly restore”, and import that."),
    )


def _told_apart(files: Sequence[File]) -> list[File]:
    """In order of their names. Several of one name lay in several folders, of which the browser says nothing: from the
    second on they get one."""
    seen: Counter[str] = Counter()
    found: list[File] = []
    for one in sorted(files, key=lambda one: (one.name, one.sha256)):
        seen[one.name] += 1
        nth = seen[one.name]
        found.append(one if nth == 1 else replace(one, name=f"{nth}/{one.name}"))
    return sorted(found, key=lambda one: one.name)


def _kind(one: File) -> Kind | None:
    return kinds.kind_of([one.name], one.head)


def _encloses(one: File) -> Sequence[str]:
    head = one.spool.opened().read(written.LONGEST_HEAD)
    return [PurePosixPath(path).name for path in written.enclosures(head)]


def _unpack(
    spool: Spool, _path: Path, packing: str, wanted: Sequence[str] = (), start: int = 0
) -> AbstractContextManager[Iterator[Member]]:
    """As `exchange.found.Unpack`, of one file whatever its path."""
    return unpack_held(spool.opened(), spool.size, packing, wanted, start)


def _shown(name: str) -> str:
    """The last part of a name, as some browsers say where a file lay."""
    return clean(name.replace("\\", "/").rpartition("/")[2])[:200] or _("a file without a name")
