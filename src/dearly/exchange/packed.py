"""Letters in packed files: an mbox.gz, a Takeout, any zip or tar of what would be read from a folder.

Nothing is unpacked onto the disk. Only a child that can do nothing else looks into the file (`found.Unpack`); what it
gives is read here as it comes. To go on in the middle, what is before is unpacked once more and passed by.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

from dearly.exchange import letters_in, mbox
from dearly.exchange.found import LARGEST_LETTER, Found, Member, PassedOver, Unpack
from dearly.exchange.kinds import HEAD, Kind, is_housekeeping, kind_of, packing, what_instead
from dearly.exchange.letters_in import Where
from dearly.exchange.mbox import Reads
from dearly.exchange.roles import without_ending
from dearly.letter.address import clean
from dearly.letter.words import _

_CURSOR = re.compile(r"(\d{1,9})(?::(\d{1,18}))?\Z")
_BUNDLED = (".gz", ".bz2", ".xz")


@dataclass(frozen=True, slots=True)
class Packed:
    """One packed file. `packing` as in `found.Unpack`. `only`: what is read from it, None for everything; `takeout`:
    whether all but its mbox files is passed by in silence."""

    path: Path
    packing: str
    unpack: Unpack
    only: frozenset[Kind] | None = None
    takeout: bool = False

    def items(self, cursor: str = "") -> Iterator[Found]:
        """As `Archive.items`: its cursor is the number of a file inside, and with it a place there."""
        found = _CURSOR.match(cursor)
        number, offset = (int(found[1]), int(found[2] or 0)) if found else (0, 0)
        if found and found[2] is None:
            number += 1
        try:
            yield from self._from(number, offset)
        except mbox.Changed:  # another file lies there now
            yield from self._from(0, 0)

    def _from(self, start: int, offset: int) -> Iterator[Found]:
        wanted = (".mbox",) if self.takeout else ()
        with self.unpack(self.path, self.packing, wanted, start) as members:
            for number, member in enumerate(members):
                if number >= start:
                    tar = yield from self._member(number, member, offset if number == start else 0)
                    if tar:
                        break
            else:
                return
        yield from Packed(self.path, "tgz", self.unpack, self.only, self.takeout)._from(start, offset)

    def _member(self, number: int, member: Member, start: int) -> Generator[Found, None, bool]:
        """What is in one file inside. Returns whether the packed file is a tar after all."""
        name = member.name or clean(self._inner_name())
        parts = [part for part in name.split("/") if part not in ("", ".", "..")] or ["?"]
        where = Where(
            parts,
            without_ending(self.path.name),
            lambda at: str(number) if at is None else f"{number}:{at}",
            lambda _at: member.packed,
        )
        if self.takeout and not (name.lower().endswith(".mbox") or member.trouble):
            return False
        head = _exactly(member, HEAD)
        if self.packing == "gz" and packing("", head) == "tar":
            return True
        if not head and member.trouble == "unsupported":
            why = _("It is packed in a way that is not read here, or locked by a password. Unpack it first.")
            yield where.over("unsupported", why)
            return False
        if head:
            yield from self._read(where, _Again(head, member), head, start)
        elif not member.trouble and not is_housekeeping(parts[-1]):
            yield where.over("empty", _("There is nothing in it."))
        if member.trouble:
            yield self._broken_off(where, member)
        return False

    def _read(self, where: Where, stream: Reads, head: bytes, start: int) -> Iterator[Found]:
        kind = kind_of(where.parts, head)
        if self.only == frozenset({Kind.MBOX}) and self.packing == "gz":
            kind = Kind.MBOX
        if kind is None or kind is Kind.PACKED or (self.only is not None and kind not in self.only):
            if not is_housekeeping(where.parts[-1]):
                yield where.over(*_not_taken(kind, head))
        elif kind is Kind.MBOX:
            dialect = mbox.MBOXRD if where.parts[-1].lower().endswith(".mboxrd") else None
            yield from letters_in.in_mbox(stream, start, dialect, where)
        elif kind is Kind.LETTER:
            yield from letters_in.in_file(stream, where)
        elif kind is Kind.EMLX:
            yield from letters_in.in_emlx(stream, where)
        elif kind is Kind.TEXT:
            if not is_housekeeping(where.parts[-1]):
                yield from letters_in.in_text(stream, where, lambda _path: None)
        else:
            data = _exactly(stream, LARGEST_LETTER + 1)
            if len(data) > LARGEST_LETTER:
                yield where.over("too_large", letters_in.too_large())
            else:
                yield letters_in.scanned([(where.parts[-1], data)], where)

    def _broken_off(self, where: Where, member: Member) -> PassedOver:
        shown = where.shown if member.name else clean(self.path.name)
        why = _("It is damaged or cut short: what was in it up to there was read, the rest cannot be.")
        return PassedOver("damaged", why, shown, where.cursor(None), where.passed(None))

    def _inner_name(self) -> str:
        name = self.path.name
        return next((name[: -len(end)] for end in _BUNDLED if name.lower().endswith(end)), name) or "?"


def _not_taken(kind: Kind | None, head: bytes) -> tuple[str, str]:
    if kind is Kind.PACKED:
        return "unsupported", _("It is packed once more. Unpack it first, and import what is in it.")
    return what_instead(head) or ("not_a_letter", not_a_letter())


def not_a_letter() -> str:
    """Why a file is passed over that nobody takes for a letter."""
    return _("It is no letter, by its name and its beginning.")


class _Again:
    """A stream of which the beginning was looked at already."""

    def __init__(self, head: bytes, rest: Reads) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int, /) -> bytes:
        if not self._head:
            return self._rest.read(size)
        data, self._head = self._head[:size], self._head[size:]
        return data


def _exactly(stream: Reads, size: int) -> bytes:
    """So many octets, or all that there are."""
    parts: list[bytes] = []
    while size and (data := stream.read(min(size, 1 << 20))):
        parts.append(data)
        size -= len(data)
    return b"".join(parts)
