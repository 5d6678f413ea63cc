"""Our own addresses, and the accounts at carriers by which they are served. Secrets lie inside the drawer, here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dearly.drawer.connection import Db
from dearly.letter.address import Address
from dearly.letter.clock import Chance
from dearly.letter.envelope import Way


@dataclass(frozen=True, slots=True)
class Account:
    """A place at a carrier. `place`: how a person and `Source.place` name it; never a secret. `details`: what the
    carrier needs beside it (url, host, port, ca_file, user). `secret`: token or password."""

    id: int
    uid: str
    way: Way
    place: str
    address: Address
    details: Mapping[str, str]
    secret: str = field(repr=False)
    made: datetime


def add_own_address(db: Db, address: Address, *, now: datetime, chance: Chance) -> None:
    """This address is ours; one that was left is ours again. Harmless when it is already."""
    raise NotImplementedError


def end_own_address(db: Db, address: Address, now: datetime) -> None:
    """This address is no longer ours. Raises `NotFound` (unknown_address), `Refused` (address_in_use) while an
    account serves it."""
    raise NotImplementedError


def own_addresses(db: Db, *, left: bool = False) -> list[Address]:
    """Our addresses, the first one first; with `left` also those that are no longer ours, last."""
    raise NotImplementedError


def add(
    db: Db,
    way: Way,
    place: str,
    address: Address,
    details: Mapping[str, str],
    secret: str,
    *,
    now: datetime,
    chance: Chance,
) -> Account:
    """Keep an account; its address becomes ours. The same way and place again replaces details and secret."""
    raise NotImplementedError


def list_all(db: Db) -> list[Account]:
    """The accounts in use, oldest first."""
    raise NotImplementedError


def account(db: Db, way: Way, place: str) -> Account | None:
    """The account in use at this place."""
    raise NotImplementedError


def end(db: Db, way: Way, place: str, now: datetime) -> None:
    """Give the account up: its secret is erased, its name and times stay. Raises `NotFound` (unknown_account)."""
    raise NotImplementedError
