"""What a face may ask of an office of one's own, and what comes back: an operator's work, which needs no drawer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dearly.desk.app import Progress


@dataclass(frozen=True, slots=True)
class Invitation:
    """A way into an office, good once: `token`, and `url`, which carries it. `expires` in UTC."""

    name: str
    token: str
    url: str
    expires: datetime


@dataclass(frozen=True, slots=True)
class OfficeAccount:
    """One account of an office, as its operator sees it. `held`: parcels; `quota`: bytes, None for the usual ones."""

    name: str
    address: str
    created: datetime
    held: int
    bytes: int
    quota: int | None


@dataclass(frozen=True, slots=True)
class OfficeStats:
    """What lies in an office altogether. `invitations`: those that nobody has used yet; `outgoing`: letters that wait
    to be handed on to the world."""

    accounts: int
    parcels: int
    bytes: int
    invitations: int
    outgoing: int = 0


@dataclass(frozen=True, slots=True)
class OfficeMoved:
    """An office that was moved or copied. `seconds`: how long it took nothing in, or how long the copy took."""

    accounts: int
    parcels: int
    bytes: int
    seconds: float


@dataclass(frozen=True, slots=True)
class ToWorld:
    """The mail server that takes an office's letters to the world. `url`: smtps://, smtp+starttls:// or, on this
    machine, smtp://; `sender`: the address that every envelope is from; `user`: "" where nobody signs in; `password`:
    "" where the environment has it; `ca`: file of a private authority."""

    url: str
    sender: str
    user: str = ""
    password: str = field(default="", repr=False)
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """How an office is served. `listen`: HOST:PORT; `certificate`, `key`, `limits`: files; `url`: where it is reached,
    "" where that is where it listens; `world`: None where nothing leaves for the world."""

    listen: str
    certificate: Path | None = None
    key: Path | None = None
    url: str = ""
    limits: Path | None = None
    world: ToWorld | None = None


Store = Path | str
"""Where an office keeps what it carries: a folder, or the address of a PostgreSQL database."""


@dataclass(frozen=True, slots=True)
class Offices:
    """Running and looking after an office; all by its store, none needs a drawer."""

    serve: Callable[[Store, Serving, Callable[[str], None]], Awaitable[None]]
    """(store, how, ready(url)): serves until stopped by a signal."""
    invite: Callable[[Store, str], Invitation]
    accounts: Callable[[Store], list[OfficeAccount]]
    remove: Callable[[Store, str], None]
    renew_token: Callable[[Store, str], tuple[str, str]]
    """(store, name): the token, and the address that its owner joins with once more; "" where none is known."""
    quota: Callable[[Store, str, str | None], OfficeAccount]
    """(store, name, size such as "2 GB"; None: the usual one)"""
    stats: Callable[[Store], OfficeStats]
    move: Callable[[Store, Store, Progress], OfficeMoved]
    """(from, to, progress): afterwards the office is to be served from the other store."""
    backup: Callable[[Store, Path, Progress], OfficeMoved]
    """(store, new folder, progress): a store as it was at one moment; the office goes on meanwhile."""
