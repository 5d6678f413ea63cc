"""Making one of two entries of the address book, and taking one out."""

from __future__ import annotations

from datetime import datetime

from dearly.drawer.connection import Db
from dearly.drawer.persons import Person, show
from dearly.drawer.rows import stamp
from dearly.letter.errors import Refused
from dearly.letter.words import _

_NAMING = ("parties", "journeys", "arrivals", "draft_recipients")
"""Tables with a `person_id` that says who is meant."""

_STRONGER = """
SELECT id FROM bindings WHERE id IN (?, ?) ORDER BY CASE state
  WHEN 'verified' THEN 4 WHEN 'pinned' THEN 3 WHEN 'first_seen' THEN 2 WHEN 'changed' THEN 1 ELSE 0 END DESC LIMIT 1
"""


def merge(db: Db, keep: int, other: int, now: datetime) -> Person:
    """`other` was the same person as `keep` all along: addresses, keys, letters and memberships join, the name of
    `keep` stays. Keys that differ become `changed`, to be decided. The uid of `other` finds `keep` from then on.
    Raises `Refused` (same_person)."""
    kept, gone = show(db, keep), show(db, other)
    if kept.id == gone.id:
        raise Refused("same_person", _("These two are already one person: {name}.").format(name=kept.name))
    into = {"keep": kept.id, "gone": gone.id, "now": stamp(now)}
    _join_addresses(db, into)
    _join_keys(db, into)
    for table in _NAMING:
        db.run(f"UPDATE {table} SET person_id = :keep WHERE person_id = :gone", into)  # noqa: S608  a constant
    db.run(
        "INSERT OR IGNORE INTO correspondences (person_id, sort_key, letter)"
        " SELECT :keep, sort_key, letter FROM correspondences WHERE person_id = :gone",
        into,
    )
    db.run("DELETE FROM correspondences WHERE person_id = :gone", into)
    for mine, theirs in (("group_id", "member_id"), ("member_id", "group_id")):
        db.run(
            f"INSERT OR IGNORE INTO memberships ({mine}, {theirs}, since, until)"  # noqa: S608  constants
            f" SELECT :keep, {theirs}, since, until FROM memberships WHERE {mine} = :gone AND {theirs} <> :keep",
            into,
        )
    db.run("DELETE FROM memberships WHERE :gone IN (group_id, member_id)", into)
    db.run("UPDATE persons SET merged_into = :keep WHERE merged_into = :gone", into)
    db.run("UPDATE persons SET merged_into = :keep, hidden = 1, changed = :now WHERE id = :gone", into)
    return show(db, kept.id)


def remove(db: Db, person: int, now: datetime) -> bool:
    """Take someone out of the book. True: gone without trace. False: there are letters, so the person is only hidden,
    and their addresses are a stranger's from now on."""
    who = show(db, person)
    for table in _NAMING:
        if db.one(f"SELECT 1 FROM {table} WHERE person_id = ?", (who.id,)) is not None:  # noqa: S608  a constant
            db.run("UPDATE persons SET hidden = 1, changed = ? WHERE id = ?", (stamp(now), who.id))
            return False
    addresses = db.all("SELECT address_id FROM person_addresses WHERE person_id = ?", (who.id,))
    keys = db.all("SELECT DISTINCT fingerprint FROM bindings WHERE person_id = ?", (who.id,))
    db.run("DELETE FROM person_addresses WHERE person_id = ?", (who.id,))
    db.run("DELETE FROM bindings WHERE person_id = ?", (who.id,))
    db.run("DELETE FROM memberships WHERE ? IN (group_id, member_id)", (who.id,))
    db.run("DELETE FROM persons WHERE merged_into = ?", (who.id,))
    db.run("DELETE FROM persons WHERE id = ?", (who.id,))
    db.many(
        "DELETE FROM addresses WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM person_addresses WHERE address_id = ?1)",
        addresses,
    )
    for table in ("certificate_keys", "certificates"):
        db.many(
            f"DELETE FROM {table} WHERE fingerprint = ?1"  # noqa: S608  a constant
            " AND NOT EXISTS (SELECT 1 FROM bindings WHERE fingerprint = ?1)"
            " AND NOT EXISTS (SELECT 1 FROM offered_keys WHERE fingerprint = ?1)",
            keys,
        )
    return True


def _join_addresses(db: Db, into: dict[str, int]) -> None:
    db.run(
        "DELETE FROM person_addresses WHERE person_id = :gone AND address_id IN"
        " (SELECT address_id FROM person_addresses WHERE person_id = :keep AND until IS NULL)",
        into,
    )
    db.run(
        "UPDATE person_addresses SET person_id = :keep, position = position + 1 +"
        " coalesce((SELECT max(position) FROM person_addresses WHERE person_id = :keep), 0) WHERE person_id = :gone",
        into,
    )


def _join_keys(db: Db, into: dict[str, int]) -> None:
    # Trust is not added up: what `keep` has in use stays in use, another certificate of `gone` waits for a decision.
    db.run(
        "UPDATE bindings SET state = 'changed', since = :now WHERE person_id = :gone"
        " AND state IN ('first_seen', 'pinned', 'verified') AND EXISTS (SELECT 1 FROM bindings k"
        " WHERE k.person_id = :keep AND k.state IN ('first_seen', 'pinned', 'verified')"
        " AND k.fingerprint <> bindings.fingerprint)",
        into,
    )
    doubles = db.all(
        "SELECT k.id, g.id FROM bindings k JOIN bindings g ON g.person_id = :gone AND k.person_id = :keep"
        " AND g.address_key = k.address_key AND g.fingerprint = k.fingerprint",
        into,
    )
    for kept, gone in doubles:
        stronger = db.value(_STRONGER, (kept, gone))
        db.run("DELETE FROM bindings WHERE id IN (?, ?) AND id <> ?", (kept, gone, stronger))
    db.run("UPDATE bindings SET person_id = :keep WHERE person_id = :gone", into)
