"""Our own addresses, and the accounts at carriers by which they are served. Secrets lie inside the drawer, here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from dearly.drawer.connection import Args, Db
from dearly.drawer.rows import LAST, moment, stamp
from dearly.drawer.rows import address as stored_address
from dearly.letter.address import Address
from dearly.letter.clock import Chance
from dearly.letter.envelope import Way
from dearly.letter.errors import NotFound, Refused
from dearly.letter.words import _


@dataclass(frozen=True, slots=True)
class Account:
    """A place at a carrier. `place`: how a person and `Source.place` name it; never a secret. `details`: what the
    carrier needs beside it (url, host, port, ca_file, user; of OAuth also what a provider calls the client's secret).
    `secret`: token or password."""

    id: int
    uid: str
    way: Way
    place: str
    address: Address
    details: Mapping[str, str] = field(repr=False)
    secret: str = field(repr=False)
    made: datetime


def add_own_address(db: Db, address: Address, *, now: datetime, chance: Chance) -> None:
    """This address is ours; one that was left is ours again. Harmless when it is already."""
    db.run(
        "INSERT INTO own_addresses (uid, text, address_key, since) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (address_key) DO UPDATE SET until = NULL",
        (chance.token(16), str(address), address.key, stamp(now)),
    )


def add_left_address(db: Db, address: Address, *, now: datetime, chance: Chance) -> None:
    """This address was ours once: old letters were written from it, and to it. One that is ours, or was, stays so."""
    db.run(
        "INSERT OR IGNORE INTO own_addresses (uid, text, address_key, since, until) VALUES (?, ?, ?, ?, ?)",
        (chance.token(16), str(address), address.key, stamp(now), stamp(now)),
    )


def end_own_address(db: Db, address: Address, now: datetime) -> None:
    """This address is no longer ours. Raises `NotFound` (unknown_address), `Refused` (address_in_use) while an
    account serves it."""
    row = db.one("SELECT id FROM own_addresses WHERE address_key = ? AND until IS NULL", (address.key,))
    if row is None:
        raise NotFound("unknown_address", _("{address} is not one of your addresses.").format(address=address))
    if db.one("SELECT 1 FROM accounts WHERE own_address = ? AND ended IS NULL", row) is not None:
        raise Refused(
            "address_in_use",
            _("An account still serves {address}.").format(address=address),
            _("Remove the account first."),
        )
    db.run("UPDATE own_addresses SET until = ? WHERE id = ?", (stamp(now), row[0]))


def own_addresses(db: Db, *, left: bool = False) -> list[Address]:
    """Our addresses, the first one first; with `left` also those that are no longer ours, last."""
    return [
        stored_address(text)
        for (text,) in db.each(
            "SELECT text FROM own_addresses WHERE until IS NULL OR ? ORDER BY until IS NOT NULL, id", (left,)
        )
    ]


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
    """Keep an account; its address becomes ours. The same way and place again replaces address, details and secret."""
    add_own_address(db, address, now=now, chance=chance)
    db.run(
        "INSERT INTO accounts (uid, way, place, own_address, details, secret, made)"
        " SELECT ?1, ?2, ?3, id, ?4, ?5, ?6 FROM own_addresses WHERE address_key = ?7"
        " ON CONFLICT (way, place) WHERE ended IS NULL DO UPDATE SET own_address = excluded.own_address,"
        " details = excluded.details, secret = excluded.secret",
        (
            chance.token(16),
            way.value,
            place,
            json.dumps(dict(details), ensure_ascii=False, sort_keys=True),
            secret,
            stamp(now),
            address.key,
        ),
    )
    kept = account(db, way, place)
    assert kept is not None
    return kept


def list_all(db: Db) -> list[Account]:
    """The accounts in use, oldest first."""
    return _accounts(db, "SELECT" + _COLUMNS + "WHERE a.ended IS NULL ORDER BY a.id", ())


def served_at(db: Db) -> dict[tuple[Way, str], Address]:
    """Which address of ours an account serves or served, by way and place; those given up are among them."""
    found = _accounts(db, "SELECT" + _COLUMNS + "ORDER BY a.ended IS NULL, a.id", ())
    return {(one.way, one.place): one.address for one in found}


def account(db: Db, way: Way, place: str) -> Account | None:
    """The account in use at this place."""
    found = _accounts(
        db, "SELECT" + _COLUMNS + "WHERE a.way = ? AND a.place = ? AND a.ended IS NULL", (way.value, place)
    )
    return found[0] if found else None


def keep_secret(db: Db, of: Account, secret: str) -> bool:
    """Keep a new secret of an account as it was read; False where it was changed or ended meanwhile."""
    return bool(
        db.run(
            "UPDATE accounts SET secret = ? WHERE id = ? AND secret = ? AND ended IS NULL", (secret, of.id, of.secret)
        )
    )


def keep_details(db: Db, of: Account, details: Mapping[str, str]) -> None:
    """Keep other details of an account that is in use."""
    kept = json.dumps(dict(details), ensure_ascii=False, sort_keys=True)
    db.run("UPDATE accounts SET details = ? WHERE id = ? AND ended IS NULL", (kept, of.id))


def leaving_by(db: Db, way: Way, place: str) -> list[int]:
    """Numbers of the letters that are to leave by this account."""
    return [
        n
        for (n,) in db.each(
            "SELECT DISTINCT letter FROM journeys INDEXED BY journeys_leaving"
            " WHERE state IN ('waiting', 'trying', 'dated') AND not_before > ? AND way = ? AND place = ?"
            " ORDER BY letter",
            (-LAST, way.value, place),
        )
    ]


def last_used(db: Db, way: Way, person: int) -> str | None:
    """The account by which the last letter with this person went or came this way; None where there was none."""
    sent = db.one(
        "SELECT since, place FROM journeys WHERE person_id = ? AND way = ? ORDER BY id DESC LIMIT 1",
        (person, way.value),
    )
    came = db.one(
        "SELECT arrived, place FROM arrivals WHERE person_id = ? AND way = ? ORDER BY number DESC LIMIT 1",
        (person, way.value),
    )
    found = [(row[0], row[1]) for row in (sent, came) if row is not None]
    return max(found)[1] if found else None


def came_by(db: Db, letter: int, way: Way) -> str | None:
    """The account by which a letter of theirs came this way; None where it did not."""
    row = db.one("SELECT place FROM arrivals WHERE letter = ? AND way = ? LIMIT 1", (letter, way.value))
    return row[0] if row is not None else None


def end(db: Db, way: Way, place: str, now: datetime) -> None:
    """Give the account up: its secret is erased, its name and times stay. Raises `NotFound` (unknown_account)."""
    changed = db.run(
        "UPDATE accounts SET ended = ?, secret = '' WHERE way = ? AND place = ? AND ended IS NULL",
        (stamp(now), way.value, place),
    )
    if not changed:
        raise NotFound("unknown_account", _("There is no account called “{place}”.").format(place=place))


_COLUMNS = """
  a.id, a.uid, a.way, a.place, o.text, a.details, a.secret, a.made
FROM accounts a JOIN own_addresses o ON o.id = a.own_address
"""


def _accounts(db: Db, sql: str, args: Args) -> list[Account]:
    return [
        Account(n, uid.hex(), Way(way), place, stored_address(text), json.loads(details), secret, moment(made))
        for n, uid, way, place, text, details, secret, made in db.each(sql, args)
    ]
