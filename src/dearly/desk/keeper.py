"""The process that keeps a desk, as the browser face sees it: whether there is a drawer, whether it is open, and locks.

`assemble` has the implementation. A face asks for the desk each time it needs it and keeps nothing: a lock may fall
between two requests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from dearly.desk.desk import Desk


class State(Enum):
    """What the process holds."""

    NONE = "none"
    """There is no drawer yet."""
    CLOSED = "closed"
    """Locked for good: the file is closed and the keys are forgotten."""
    SOFT = "soft"
    """The drawer is open, rounds go on, and every face must bring the passphrase again."""
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Leaving:
    """Letters that wait to leave: how many, and when the first does."""

    count: int
    first: datetime


class Keeper(Protocol):
    """What the browser face needs of the process that it runs in."""

    @property
    def folder(self) -> Path:
        """Where the drawer lies, or will lie."""

    @property
    def state(self) -> State:
        """What is held at this moment."""

    @property
    def opening(self) -> int:
        """Grows at every opening and at every lock: what was granted under another number is no longer good."""

    @property
    def desk(self) -> Desk:
        """The open desk. Raises `Locked` unless the state is OPEN."""

    def used(self) -> None:
        """Somebody does something at the desk: the time until the soft lock begins anew."""

    def wrote(self) -> None:
        """What is being written was kept just now. A drawer that is closed soon after waits a moment for more of it."""

    def last_words(self, opening: int) -> Desk | None:
        """The desk, for keeping the last words of a page that was seated in `opening`: while the drawer is still open
        and the lock that ended it fell a few seconds ago. None otherwise."""

    async def leaving(self) -> Leaving | None:
        """What leaves while the desk is softly locked; None where nothing does, or where no drawer is open."""

    def soft_lock(self) -> None:
        """Lock softly. Does nothing where nothing is open."""

    async def hard_lock(self) -> list[str]:
        """Close the drawer and forget the keys; sentences on what leaves when."""

    async def create(self, name: str, passphrase: str) -> None:
        """Make the drawer, and open it. Raises `Usage`, `Refused`, `NoSpace`."""

    async def unlock(self, passphrase: str) -> None:
        """Open the drawer, or the softly locked desk. Raises `Locked` (wrong_passphrase), `InUse`, `Damaged`."""

    async def restore(self, file: Path, passphrase: str) -> None:
        """Make the drawer from a backup, and open it. Raises `NotFound`, `Locked`, `Damaged`, `Refused`, `NoSpace`."""

    async def restore_with_kit(self, kit: str, passphrase: str) -> None:
        """Open the drawer with the recovery kit, and give it another passphrase. Raises `Usage`, `Locked`."""
