"""The one family of errors that reaches a person: what happened, why, what next.

Every room raises these and nothing else across its border; the faces turn them into words in one place each.
The exit codes are a contract with scripts (docs/commands.md) and never change their meaning.
"""

from __future__ import annotations

from enum import Enum, IntEnum
from typing import ClassVar

from dearly.letter.words import ended


class Exit(IntEnum):
    """The exit code of a command, by kind of trouble."""

    DONE = 0
    OUR_FAULT = 1
    USAGE = 2
    LOCKED = 3
    NOT_FOUND = 4
    CANNOT_SEAL = 5
    CARRIER = 6
    DAMAGED = 7
    IN_USE = 8
    NO_SPACE = 9
    NEWER = 10
    REFUSED = 11


class Fault(Enum):
    """Whose doing it was: it decides the tone of the sentence, never the exit code."""

    OURS = "ours"
    THEIRS = "theirs"
    WORLD = "world"


class DearlyError(Exception):
    """A trouble that a person is told of.

    `code`: a stable word for scripts, such as "wrong_passphrase". `message`: one sentence, what happened and why.
    `hint`: one sentence, what to do next ("" where there is nothing to do). `retry`: whether the same act may succeed
    later without any change by the person.
    """

    exit: ClassVar[Exit] = Exit.OUR_FAULT
    fault: ClassVar[Fault] = Fault.OURS

    def __init__(self, code: str, message: str, hint: str = "", *, retry: bool = False) -> None:
        super().__init__(message)
        self.code, self.message, self.hint, self.retry = code, message, hint, retry

    @property
    def told(self) -> str:
        """What happened, why, and what next, in one line: for a list of troubles."""
        return f"{ended(self.message)} {self.hint}".strip()


class Usage(DearlyError):
    """Asked in a way that cannot be meant: a bad address, an empty letter, an unreadable file."""

    exit, fault = Exit.USAGE, Fault.THEIRS


class Locked(DearlyError):
    """The drawer is locked, or the passphrase is wrong."""

    exit, fault = Exit.LOCKED, Fault.THEIRS


class NotFound(DearlyError):
    """No such person, letter, drawer or file."""

    exit, fault = Exit.NOT_FOUND, Fault.THEIRS


class CannotSealOrOpen(DearlyError):
    """No key fits, or a certificate may not be used."""

    exit, fault = Exit.CANNOT_SEAL, Fault.WORLD


class CarrierTrouble(DearlyError):
    """The network, or the other side of a carrier, did not do its part."""

    exit, fault = Exit.CARRIER, Fault.WORLD


class Damaged(DearlyError):
    """Bytes are not as they were written."""

    exit, fault = Exit.DAMAGED, Fault.WORLD


class InUse(DearlyError):
    """Another process holds the drawer or the store."""

    exit, fault = Exit.IN_USE, Fault.THEIRS


class NoSpace(DearlyError):
    """The disk is full or may not be written."""

    exit, fault = Exit.NO_SPACE, Fault.WORLD


class MadeByNewer(DearlyError):
    """Written by a newer version of Dearly, whose meaning this one cannot know."""

    exit, fault = Exit.NEWER, Fault.WORLD


class Refused(DearlyError):
    """Against a limit or a rule: too large, not sealed, already collected."""

    exit, fault = Exit.REFUSED, Fault.THEIRS
