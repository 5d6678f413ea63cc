"""What a face needs to reach a desk: factories that `assemble` makes and `__main__` hands over.

A face never picks a carrier, an office or a clock, and never opens a file of the drawer itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from datetime import datetime

    from dearly.desk.desk import Desk
    from dearly.desk.offices import Offices
    from dearly.drawer.connection import Db as Db  # what `look` works with; the faces know it from here

T = TypeVar("T")


class Look(Protocol):
    """How a closed drawer is looked into."""

    def __call__(self, folder: Path, secret: Callable[[], str], work: Callable[[Db], T], /) -> tuple[T] | None: ...


class Progress(Protocol):
    """How long work tells how far it is. `done` and `total` count the same unit; total 0 means unknown."""

    def __call__(self, what: str, done: int, total: int) -> None: ...


@dataclass(frozen=True, slots=True)
class WayIn:
    """A way into the desk for a browser, good once. `file`: leads a browser there, and is gone after a minute; `code`:
    to be typed at `url` within `minutes`."""

    url: str
    code: str = field(repr=False)
    file: Path
    minutes: int


@dataclass(frozen=True, slots=True)
class App:
    """Everything a face may ask for.

    `open_desk(folder, passphrase)`: the desk on an existing drawer; raises `Locked` on a wrong passphrase, `NotFound`
    where there is no drawer, `InUse` where another process holds it. In the process that owns the drawer it yields the
    running desk. `passphrase` is asked for only when it is needed."""

    folder: Path
    look: Look
    """What is read in a closed drawer, without opening it: nothing is written, nothing else is started. None where that
    is not enough, and it takes a desk. `secret` is asked only when it is needed. Raises `InUse`, `Locked`, and what
    reading raises."""
    open_desk: Callable[[Path, Callable[[], str]], AbstractAsyncContextManager[Desk]]
    create_desk: Callable[[Path, Callable[[], str]], AbstractAsyncContextManager[Desk]]
    restore: Callable[[Path, Path, Callable[[], str], Progress], Awaitable[None]]
    """(backup file, folder to make, passphrase, progress)"""
    verify: Callable[[Path, Callable[[], str], Progress], Awaitable[None]]
    """(backup file, passphrase, progress): opens it fully; raises `Damaged` with what is wrong."""
    restore_with_kit: Callable[[Path, str, Callable[[], str]], Awaitable[None]]
    """(folder with drawer.db, text of the kit, new passphrase)"""
    renew: Callable[[Path, Callable[[], str]], Awaitable[None]]
    """(folder, passphrase): write the whole drawer anew with a fresh data key. The drawer must be locked."""
    mend: Callable[[Path, Callable[[], str]], Awaitable[list[str]]]
    """(folder, passphrase): write a damaged drawer anew with everything that can still be read; says what was done in
    sentences, none where nothing was damaged. The drawer must be locked."""
    lock: Callable[[], Awaitable[list[str]]]
    """Let the process that holds the drawer end, which needs no passphrase; says what leaves when. Does nothing in a
    process that holds none."""
    offices: Callable[[], Offices]
    now: Callable[[], datetime]
    """What time it is, for what is read without a desk."""
    run: Callable[[Coroutine[Any, Any, Any]], Any]
    """Run a coroutine to its end and give its result: on a loop of its own, or on that of the owner of the drawer."""
    keep_open: Callable[[Path, Callable[[], str]], Awaitable[None]]
    """`dearly unlock`: leave a process behind that holds the drawer open, makes rounds, and serves the socket."""
    visit: Callable[[Path], WayIn]
    """`dearly`: a way in for a browser, from the process of this drawer; one is started where there is none. Needs no
    passphrase: a locked desk shows its lock."""
