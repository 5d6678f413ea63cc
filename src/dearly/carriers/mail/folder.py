"""A folder of our own at the server, where the person wants one: what was taken in is moved there.

Moved it is by MOVE (RFC 6851). Where the server knows no MOVE, it is copied, the copy is looked at, and only then the
original is deleted, and only where just this one can be (UID EXPUNGE, RFC 4315): a plain EXPUNGE would carry out what
other programs have only marked (F32). Where that cannot be, the original stays where it lies. Nothing is copied twice.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dearly.carriers.mail.imapvalues import INBOX, Declined, Standing

if TYPE_CHECKING:
    from dearly.carriers.mail.imapline import Line

_TOGETHER = 100
_MESSAGE_ID = re.compile(rb"(?im)^message-id:[ \t]*(?:\r?\n[ \t]+)?(<[\x21-\x7e]{1,900}>)[ \t]*\r?$")


class OwnFolder:
    """`name`: as the person gave it, with "/" between a folder and one inside it. At the server it may be called
    otherwise: servers part names with other signs, and some keep all folders below INBOX."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._found: str | None = None
        self._called: list[str] = [name]
        self._brought: dict[int, set[int]] = {}

    @property
    def wanted(self) -> bool:
        """Whether the person wants one; INBOX itself is none."""
        return bool(self._name) and self._name.upper() != INBOX

    def find(self, line: Line) -> str | None:
        """Its name at the server, None where it is not there (yet)."""
        if self._found is None:
            folders = line.folders()
            there = {name for _flags, _delimiter, name in folders}
            self._called = _names(self._name, next((d for _f, d, _n in folders if d), "/"), line.prefix())
            self._found = next((name for name in self._called if name in there), None)
        return self._found

    def brought(self, standing: Standing) -> set[int]:
        """UIDs there that are there because we brought them."""
        return self._brought.get(standing.validity, set()) if standing.name == self._found else set()

    def take(self, line: Line, uids: Sequence[int], validity: int) -> None:
        """Move these messages of INBOX there; what is gone is left out. Raises `Declined` if the server will not."""
        try:
            target = self.find(line) or self._make(line)
            for start in range(0, len(uids), _TOGETHER):
                part = list(uids[start : start + _TOGETHER])
                if line.examine(INBOX, write=True).validity != validity:
                    return
                if line.can("MOVE"):
                    self._remember(line, line.move(part, target))
                else:
                    self._copy(line, part, target)
        except Declined:
            self._found = None  # somebody may have taken the folder away
            raise
        finally:
            line.at = None  # nobody goes on in a mailbox that was opened for writing

    def _make(self, line: Line) -> str:
        for last, name in enumerate(self._called, start=1 - len(self._called)):
            try:
                line.create(name)
            except Declined:
                if last == 0:
                    raise
            else:
                self._found = name
                return name
        raise Declined("")

    def _copy(self, line: Line, uids: list[int], target: str) -> None:
        heads = {uid: (size, _message_id(head)) for uid, (size, head) in line.heads(uids).items()}
        wanted = {uid: (size, name) for uid, (size, name) in heads.items() if name}
        lying = self._lying(line, wanted, target)
        line.examine(INBOX, write=True)
        if missing := [uid for uid in wanted if uid not in lying]:
            copied = line.copy(missing, target)
            lying |= self._lying(line, {uid: wanted[uid] for uid in missing}, target)
            self._remember(line, copied)
            line.examine(INBOX, write=True)
        if lying and line.can("UIDPLUS"):
            line.take_out(sorted(lying))

    def _lying(self, line: Line, wanted: dict[int, tuple[int, str]], target: str) -> set[int]:
        """Which of these lie there, by Message-ID and size."""
        line.examine(target)
        lying = set()
        for uid, (size, message_id) in wanted.items():
            alike = line.search("HEADER", "Message-ID", message_id)[:50]
            if size in line.sizes(alike).values():
                lying.add(uid)
        return lying

    def _remember(self, line: Line, copied: dict[int, int]) -> None:
        if copied:
            self._brought.setdefault(line.copied_into, set()).update(copied.values())


def _message_id(head: bytes) -> str:
    found = _MESSAGE_ID.search(head)
    return found[1].decode("ascii") if found and b'"' not in found[1] and b"\\" not in found[1] else ""


def _names(name: str, delimiter: str, prefix: str) -> list[str]:
    """What it may be called at a server, the likelier first."""
    name = name.replace("/", delimiter)
    return [name] if name.startswith(prefix) else [prefix + name, name]
