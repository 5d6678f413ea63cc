"""Letters in a folder, or in one file: what lies there is known file by file, so that folders of any program, and those
where several have worked, are read in one way.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from io import BufferedReader
from pathlib import Path
from urllib.parse import quote, unquote_to_bytes

from dearly.exchange import folder, letters_in, maildir, mbox
from dearly.exchange.beside import Beside
from dearly.exchange.folder import Entry, Parts, Run
from dearly.exchange.found import LARGEST_LETTER, Found, Unchanged, Unpack
from dearly.exchange.kinds import (
    HEAD,
    Kind,
    is_housekeeping,
    is_maildir_entry,
    kind_of,
    packing,
    scan_type,
    what_instead,
)
from dearly.exchange.letters_in import Where
from dearly.exchange.mbox import Dialect
from dearly.exchange.packed import Packed, not_a_letter
from dearly.exchange.roles import without_ending
from dearly.letter.address import clean
from dearly.letter.errors import NotFound, Refused
from dearly.letter.words import _

_MOST_UNCHANGED = 1000
"""Files that are told of at once, so that it shows how far one is."""

_A_LETTER = 30_000
"""Octets that a file which is one letter counts as, to show how far one is: asking for its size takes longer than
everything else that is done with one that has not changed."""

_LETTERS = (b".eml", b".emlx")


@dataclass(frozen=True, slots=True)
class Rules:
    """How a place is read. `only`: kinds that are taken, None for all; `forced`: what a single file is, whatever it
    looks like; `dialect`: of mbox files, None to find out. `prune`: folders that are left out. `quiet`: whether what is
    not taken is passed by in silence, as everything else in a mail program's profile. `together`: whether all scans of
    the folder are the pages of one letter."""

    only: frozenset[Kind] | None = None
    forced: Kind | None = None
    dialect: Dialect | None = None
    prune: Callable[[Parts], bool] = lambda _parts: False
    quiet: bool = False
    together: bool = False


class Place:
    """A folder, or (`single`) one file in it, as an `Archive`."""

    def __init__(self, form: str, path: Path, source: bytes, rules: Rules, unpack: Unpack, *, single: bool) -> None:
        self.format, self.source, self.path = form, source, path
        self.place = clean(str(path))
        self._root = path.parent if single else path
        self._name = os.fsencode(path.name) if single else b""
        self._rules, self._unpack = rules, unpack
        self.met: Container[bytes] = frozenset()
        """Marks of files that need not be opened: they come as `Unchanged`."""
        self._beside = Beside(self._root, together=rules.together)

    def size(self) -> int | None:
        """As `Archive.size`; a file that is one letter counts as much as any other one."""
        return sum(self._weights(found.folder, found.names) for found in self._found() if isinstance(found, Run))

    def items(self, cursor: str = "") -> Iterator[Found]:
        """As `Archive.items`: its cursor is a path inside, and with it a place in that file."""
        self._must_be_there()
        path, mark, inner = cursor.partition("?")
        last = tuple(unquote_to_bytes(path).split(b"/")) if path else ()
        passed = 0
        for found in self._found():
            if isinstance(found, Entry):
                if not last or folder.key(found.parts) > folder.key(last):
                    yield from self._trouble(found, passed)
                continue
            first = folder.first(found, last) if last else 0
            stopped_in = bool(last) and found.folder == last[:-1] and found.names[first : first + 1] == [last[-1]]
            if stopped_in and not mark:
                first, stopped_in = first + 1, False
            passed += self._weights(found.folder, found.names[:first])
            passed = yield from self._run(found, first, inner if stopped_in else "", passed)
        self._must_be_there()

    def _run(self, run: Run, first: int, inner: str, passed: int) -> Generator[Found, None, int]:
        """What is in these files, from the one with the number `first` on, and there from `inner` on. Returns what is
        passed with them."""
        known: list[bytes] = []
        before: Parts = ()
        for name, by_name in zip(run.names[first:], maildir.marks(run)[first:], strict=True):
            parts, mark, weight = (*run.folder, name), by_name, _A_LETTER
            if by_name not in self.met:
                about = folder.about(self._root, parts)
                mark = b"" if about is None else folder.mark(parts, about)
                weight = self._weight(parts, about)
            unchanged = mark in self.met
            if known and (not unchanged or len(known) >= _MOST_UNCHANGED):
                yield Unchanged(tuple(known), _cursor(before), passed)
                known.clear()
            if unchanged:
                known.append(mark)
            else:
                yield from self._file(parts, by_name, inner, passed, weight)
            before, inner = parts, ""
            passed += weight
        if known:
            yield Unchanged(tuple(known), _cursor(before), passed)
        return passed

    def _weights(self, inside: Parts, names: Sequence[bytes]) -> int:
        if maildir.in_maildir(inside):
            return len(names) * _A_LETTER
        return sum(self._weight((*inside, name), None) for name in names)

    def _weight(self, parts: Parts, about: os.stat_result | None) -> int:
        """What a file counts: octets, where it may hold many letters; else it need not be looked at for that. `about`:
        where it is known already."""
        if maildir.in_maildir(parts[:-1]) or parts[-1].endswith(_LETTERS):
            return _A_LETTER
        about = about or folder.about(self._root, parts)
        return 0 if about is None else about.st_size

    def _must_be_there(self) -> None:
        """A stick may be pulled out at any time: then what was not read is neither read nor missing. Raises `NotFound`
        (no_archive)."""
        if not folder.there(self.path):
            raise folder.gone(self.path)

    def _found(self) -> Iterator[Run | Entry]:
        if self._name:
            return iter([Run((), [self._name])])
        return folder.runs(self._root, lambda parts: self._rules.prune(parts) or self._unfinished(parts))

    def _unfinished(self, parts: Parts) -> bool:
        """Whether a folder is where a Maildir has its letters while they are written (maildir(5))."""
        return parts[-1] == b"tmp" and folder.path_of(self._root, (*parts[:-1], b"cur")).is_dir()

    def _where(self, parts: Parts, passed: int, weight: int) -> Where:
        path = _cursor(parts)
        return Where(
            folder.names(parts),
            without_ending(self._root.name) if not self._name else "",
            lambda at: path if at is None else f"{path}?{at}",
            lambda at: passed + (weight if at is None else min(at, weight)),
        )

    def _trouble(self, entry: Entry, passed: int) -> Iterator[Found]:
        if not self._rules.quiet:
            yield self._where(entry.parts, passed, 0).over(entry.trouble, _TROUBLES[entry.trouble]())

    def _file(self, parts: Parts, by_name: bytes, inner: str, passed: int, weight: int) -> Iterator[Found]:
        where = self._where(parts, passed, weight)
        try:
            yield from self._read(parts, by_name, where, inner)
        except (FileNotFoundError, NotFound):
            self._must_be_there()
            yield where.over("vanished", _("It is not there any more."))
        except OSError:
            self._must_be_there()
            yield where.over("unreadable", _("It may not be read, or the disk it is on is damaged."))

    def _read(self, parts: Parts, by_name: bytes, where: Where, inner: str) -> Iterator[Found]:
        name = where.parts[-1]
        with self._opened(parts) as file:
            head = file.read(HEAD)
            kind = self._rules.forced or kind_of(where.parts, head)
            file.seek(0)
            if kind is None or (self._rules.only is not None and kind not in {*self._rules.only, Kind.PACKED}):
                if not (self._rules.quiet or is_housekeeping(name) or self._beside.belongs(parts)):
                    yield where.over(*(what_instead(head) or ("not_a_letter", _instead(kind, head))))
            elif kind is Kind.MBOX:
                yield from self._in_mbox(parts, where, inner)
            elif kind is Kind.LETTER:
                about = os.fstat(file.fileno())
                relied = by_name and maildir.keeps(parts[-1], file.fileno(), about)
                mark = by_name if relied else folder.mark(parts, about)
                yield from letters_in.in_file(file, where, mark if folder.settled(about) else b"")
            elif kind is Kind.EMLX:
                yield from letters_in.in_emlx(file, where)
            elif kind is Kind.PACKED:
                yield from self._in_packed(parts, where, packing(name, head) or "gz", inner)
            elif kind is Kind.TEXT:
                if not (is_housekeeping(name) or self._beside.belongs(parts)):
                    yield from letters_in.in_text(file, where, lambda named: self._beside.enclosed(parts[:-1], named))
            elif not self._beside.belongs(parts):
                yield from self._scanned(parts, where)

    def _opened(self, parts: Parts) -> BufferedReader:
        try:
            return folder.opened(folder.path_of(self._root, parts))
        except FileNotFoundError:
            # A mail program may have marked the letter as read meanwhile: the same name, with other flags or in `cur`.
            if not is_maildir_entry(folder.names(parts)):
                raise
            base = os.fsdecode(parts[-1]).partition(":2,")[0]
            for path in folder.path_of(self._root, (*parts[:-2], b"cur")).iterdir():
                if path.name.partition(":2,")[0] == base:
                    return folder.opened(path)
            raise

    def _in_mbox(self, parts: Parts, where: Where, inner: str) -> Iterator[Found]:
        start = int(inner) if inner.isascii() and inner.isdecimal() and len(inner) <= 18 else 0
        sure = where.parts[-1].lower().endswith(".mboxrd")
        dialect = self._rules.dialect or (mbox.MBOXRD if sure else None)
        try:
            with self._opened(parts) as file:
                yield from letters_in.in_mbox(file, start, dialect, where)
        except mbox.Changed:  # its program has rewritten it since
            with self._opened(parts) as file:
                yield from letters_in.in_mbox(file, 0, dialect, where)

    def _in_packed(self, parts: Parts, where: Where, how: str, inner: str) -> Iterator[Found]:
        at = folder.path_of(self._root, parts)
        packed = Packed(at, how, self._unpack, self._rules.only, takeout=self.format == "takeout")
        before = where.passed(0)
        try:
            for found in packed.items(inner):
                cursor = f"{where.cursor(None)}?{found.cursor}"
                yield replace(found, cursor=cursor, passed=min(before + found.passed, where.passed(None)))
        except Refused as error:
            if self._name:
                raise
            yield where.over("too_large", error.told)  # one of many: the others are read all the same

    def _scanned(self, parts: Parts, where: Where) -> Iterator[Found]:
        """The letter whose first page a scan is; nothing for its other pages."""
        inside, name = parts[:-1], os.fsdecode(parts[-1])
        read: list[tuple[str, bytes]] = []
        left = LARGEST_LETTER
        for page in [name] if self._name else self._beside.pages(inside, name):
            with self._opened((*inside, os.fsencode(page))) as file:
                data = file.read(left + 1)
            if len(data) > left:
                yield where.over("too_large", letters_in.too_large())
                return
            left -= len(data)
            read.append((folder.names((os.fsencode(page),))[0], data))
        if read:
            yield letters_in.scanned(read, where)


def _cursor(parts: Parts) -> str:
    return quote(b"/".join(parts), safe="/")


def _instead(kind: Kind | None, head: bytes) -> str:
    if kind is None:
        return not_a_letter()
    if kind is Kind.SCAN:
        return _("It is a picture or a document ({type}); import scanned letters as such.").format(type=scan_type(head))
    return _("It is not of the kind that was asked for.")


_TROUBLES: dict[str, Callable[[], str]] = {
    "link": lambda: _("It is a link to another place, which is not followed. Import that place itself."),
    "not_a_letter": lambda: _("It is no file, but a device or a pipe."),
    "unreadable": lambda: _("This folder may not be looked into, or lies too deep."),
}
