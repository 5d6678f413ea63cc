"""Which store is meant: a folder for SQLite, or the address of a PostgreSQL database."""

from __future__ import annotations

from pathlib import Path

from dearly.letter.clock import Chance
from dearly.letter.errors import Usage
from dearly.letter.words import _
from dearly.office.limits import DEFAULT, Limits
from dearly.office.store import Store

Where = Path | str
"""A folder; or text that begins with one of `SCHEMES`."""

SCHEMES = ("postgresql://", "postgres://")


def create(where: Where, chance: Chance, *, domain: str | None = None, limits: Limits = DEFAULT) -> Store:
    """The store there, made if there is none. Raises `Usage` (no_psycopg), and as both stores' own `create`."""
    if isinstance(where, str):
        _check(where)
        from dearly.office.postgres.store import PostgresStore

        return PostgresStore.create(where, chance, domain=domain, limits=limits)
    from dearly.office.sqlite import SqliteStore

    return SqliteStore.create(where, chance, domain=domain, limits=limits)


def open_store(where: Where, *, limits: Limits = DEFAULT, receiving: bool = False) -> Store:
    """The store that is there. Raises as `create`, and `NotFound` (no_office), `Refused` (half_moved, moved)
    unless it is opened for moving (`receiving`)."""
    if isinstance(where, str):
        _check(where)
        from dearly.office.postgres.store import PostgresStore

        return PostgresStore.open(where, limits=limits, receiving=receiving)
    from dearly.office.sqlite import SqliteStore

    return SqliteStore.open(where, limits=limits, receiving=receiving)


def _check(where: str) -> None:
    if not where.startswith(SCHEMES):
        raise Usage("bad_store", _("This is not a folder, and not the address of a PostgreSQL database."))
    try:
        import psycopg
        import psycopg_pool  # noqa: F401  both belong to the extra
    except ImportError:
        raise Usage(
            "no_psycopg",
            _("An office in PostgreSQL needs two packages that are not installed."),
            _("Install them with: pip install 'dearly[postgres]'"),
        ) from None
    try:
        parts = psycopg.conninfo.conninfo_to_dict(where)
    except psycopg.ProgrammingError:
        raise Usage("bad_store", _("This is not the address of a PostgreSQL database.")) from None
    if parts.get("password"):
        raise Usage(
            "password_in_address",
            _("A password in this address could be read by everybody on this machine."),
            _("Keep it in ~/.pgpass, which PostgreSQL's own programs read too, or in PGPASSFILE."),
        )
