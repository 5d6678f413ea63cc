"""Connections to PostgreSQL, and what its errors mean for us."""

from __future__ import annotations

import json
import logging
from typing import Any

import psycopg
from psycopg import Connection, errors
from psycopg_pool import ConnectionPool

from dearly.letter.errors import CarrierTrouble, Damaged, DearlyError, NoSpace, Refused
from dearly.letter.words import _

log = logging.getLogger("dearly.office")

# Their warnings name hosts and users, and they come again and again while the database is away; we say it once each.
logging.getLogger("psycopg").setLevel(logging.CRITICAL)

PATIENCE = 5.0
"""Seconds to wait for a connection."""

_AGAIN = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
    errors.UniqueViolation,  # another node was first; the second look finds it
)


def _set_up(db: Connection[Any]) -> None:
    """A commit that is answered is on the disk, whatever the server's default is; and a node that stands still holds
    nobody up for long."""
    db.execute(
        "SELECT set_config('synchronous_commit', 'on', false)"
        " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
    )
    db.execute("SET lock_timeout = '10s'")
    db.execute("SET idle_in_transaction_session_timeout = '30s'")


def one_connection(url: str) -> Connection[Any]:
    """A connection by itself. Raises `CarrierTrouble` (store_away), `Refused` (not_durable)."""
    try:
        db = psycopg.connect(url, autocommit=True, connect_timeout=10)
        _set_up(db)
        (durable,) = db.execute("SELECT current_setting('fsync', true)").fetchone() or ("on",)
    except psycopg.Error as e:
        raise told(e) from None
    if durable == "off":
        db.close()
        raise Refused(
            "not_durable",
            _("This PostgreSQL does not wait for its disk (fsync is off), so letters could be lost."),
            _("Switch fsync on in its configuration."),
        )
    return db


def pool(url: str, most: int) -> ConnectionPool[Connection[Any]]:
    """As many connections as are needed, at most `most`."""
    return ConnectionPool(
        url,
        kwargs={"autocommit": True, "connect_timeout": 10},
        min_size=1,
        max_size=most,
        timeout=PATIENCE,
        configure=_set_up,
        reconnect_timeout=1e9,  # a database that is away comes back
        open=True,
        name="office",
    )


def lost(error: psycopg.Error) -> bool:
    """Whether the connection ended, rather than the statement."""
    state = error.sqlstate or ""
    return isinstance(error, psycopg.OperationalError) and (not state or state[:2] in ("08", "57"))


def again(error: psycopg.Error) -> bool:
    """Whether the same may succeed when it is done once more."""
    return isinstance(error, _AGAIN)


def trouble(error: psycopg.Error) -> DearlyError:
    """As one of ours, and a line in the log of what a running office met."""
    log.error(json.dumps({"event": "trouble", "kind": type(error).__name__, "where": "store"}))
    return told(error)


def told(error: psycopg.Error) -> DearlyError:
    """As one of ours. Nothing of its text is told: it may quote values."""
    if isinstance(error, errors.DiskFull | errors.OutOfMemory | errors.InsufficientResources):
        return NoSpace("no_space", _("The office's disk is full."), _("Nothing was taken in; make room."), retry=True)
    if isinstance(error, psycopg.OperationalError) or again(error):
        words = _("The office's database cannot be reached, or has too much to do.")
        return CarrierTrouble("store_away", words, _("Try again in a moment."), retry=True)
    if isinstance(error, errors.InsufficientPrivilege | errors.ReadOnlySqlTransaction):
        return NoSpace(
            "cannot_write", _("The office may not write into this database."), _("Look at its user's rights.")
        )
    return Damaged("store_failed", _("The office's store could not be written or read."), _("Look at its disk."))
