"""Whose certificate is it, and how sure are we? The states of a binding, and the only ways between them:

    first_seen -> pinned               by use
    first_seen, pinned -> verified     in person
    (unseen) -> changed                while the person has another certificate in use: shown, not used (A13)
    changed -> pinned, verified        the person at the desk decides for it; what was in use is left
    any -> left                        the person at the desk decides against it, or for another one

A binding ties a certificate to one address of one person, because other programs give each address its own key; but
what was ever in use for a *person* is looked at as a whole, so that no new address can bring in a key quietly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dearly.drawer.connection import Db
from dearly.drawer.rows import moment, stamp
from dearly.letter.address import Address
from dearly.letter.errors import NotFound
from dearly.letter.sealing import Binding
from dearly.letter.words import _


class BindingState(StrEnum):
    """How sure we are that a certificate is a person's."""

    FIRST_SEEN = "first_seen"
    PINNED = "pinned"
    VERIFIED = "verified"
    CHANGED = "changed"
    LEFT = "left"


_SURENESS = (
    BindingState.LEFT,
    BindingState.CHANGED,
    BindingState.FIRST_SEEN,
    BindingState.PINNED,
    BindingState.VERIFIED,
)

IN_USE = frozenset({BindingState.FIRST_SEEN, BindingState.PINNED, BindingState.VERIFIED})
"""States of a binding that letters are sealed by. At most one for each address of a person."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A certificate tied to one address of one person. `address`: its `Address.key`. `seen`: when first; `since`: in
    this state since (aware UTC). `place`: where it was checked in person, in the person's own words; may be empty."""

    person: int
    address: str
    fingerprint: str
    state: BindingState
    source: str
    seen: datetime
    since: datetime
    place: str = ""


def saw(db: Db, person: int, address: Address, fingerprint: str, source: str, now: datetime) -> Bound:
    """A certificate (already stored) was seen as this person's, at this address. The first for the person becomes
    `first_seen`, the one that they have in use at another address counts here too, any other becomes `changed`; one
    that was seen here before stays what it is."""
    all_of_them = bindings(db, person)
    for bound in all_of_them:
        if bound.address == address.key and bound.fingerprint == fingerprint:
            return bound
    here = any(bound.address == address.key and bound.state in IN_USE for bound in all_of_them)
    alive = [bound for bound in all_of_them if bound.state is not BindingState.LEFT]
    same = [bound.state for bound in alive if bound.fingerprint == fingerprint and bound.state in IN_USE]
    if not alive:
        state = BindingState.FIRST_SEEN
    elif same and not here:
        state = max(same, key=_SURENESS.index)
    else:
        state = BindingState.CHANGED
    return _bind(db, person, address.key, fingerprint, state, source, now)


def mark_used(db: Db, person: int, address: Address, now: datetime) -> None:
    """A letter went to, or came from, the certificate in use here: `first_seen` becomes `pinned`."""
    used = binding(db, person, address)
    if used is not None:
        db.run(
            "UPDATE bindings SET state = 'pinned', since = ?"
            " WHERE person_id = ? AND fingerprint = ? AND state = 'first_seen'",
            (stamp(now), person, used.fingerprint),
        )


def decide(
    db: Db,
    person: int,
    fingerprint: str,
    state: BindingState,
    now: datetime,
    address: Address | None = None,
    *,
    where: str = "",
) -> list[Bound]:
    """The word of the person at the desk. PINNED or VERIFIED takes this certificate into use, and what was in use
    instead is `left`; LEFT refuses or drops it. At one address, or everywhere. Everything bound then, as `bindings`.
    `where`: the place at which the two compared it, kept with VERIFIED.

    Raises `NotFound` (unknown_key) when the certificate was never seen as this person's."""
    assert state in {BindingState.PINNED, BindingState.VERIFIED, BindingState.LEFT}
    before = bindings(db, person)
    seen = [bound for bound in before if bound.fingerprint == fingerprint]
    if not seen:
        raise NotFound(
            "unknown_key",
            _("This key was never seen as a key of this person."),
            _("“dearly people show” lists the keys that were."),
        )
    if address is not None:
        places = {address.key}
    else:
        places = {bound.address for bound in seen}
        if state is not BindingState.LEFT:
            places |= {bound.address for bound in before if bound.state in IN_USE}
    for place in sorted(places):
        if state is not BindingState.LEFT:
            db.run(
                "UPDATE bindings SET state = 'left', since = ? WHERE person_id = ? AND address_key = ?"
                " AND fingerprint <> ? AND state IN ('first_seen', 'pinned', 'verified')",
                (stamp(now), person, place, fingerprint),
            )
        _bind(db, person, place, fingerprint, state, seen[0].source, now)
    if state is BindingState.VERIFIED:  # checked again: the last time is the one that counts
        db.run(
            "UPDATE bindings SET since = ?, place = ? WHERE person_id = ? AND fingerprint = ? AND state = 'verified'",
            (stamp(now), where, person, fingerprint),
        )
    return bindings(db, person)


def binding(db: Db, person: int, address: Address | None = None) -> Bound | None:
    """What letters to this address are sealed by: the binding in use there; where none was ever left there, the one in
    use at the person's other addresses, if that is a single certificate. Without an address: the latter."""
    all_of_them = bindings(db, person)
    if address is not None:
        here = [bound for bound in all_of_them if bound.address == address.key]
        in_use = [bound for bound in here if bound.state in IN_USE]
        if in_use or any(bound.state is BindingState.LEFT for bound in here):
            return in_use[0] if in_use else None
    anywhere = [bound for bound in all_of_them if bound.state in IN_USE]
    return anywhere[0] if len({bound.fingerprint for bound in anywhere}) == 1 else None


def bindings(db: Db, person: int) -> list[Bound]:
    """Everything ever seen for this person: the surest first, then `changed`, then `left`."""
    found = [
        Bound(owner, address, fingerprint, BindingState(state), source, moment(seen), moment(since), place)
        for owner, address, fingerprint, state, source, seen, since, place in db.each(
            "SELECT person_id, address_key, fingerprint, state, source, seen, since, place FROM bindings"
            " WHERE person_id = ? ORDER BY id",
            (person,),
        )
    ]
    return sorted(found, key=lambda bound: -_SURENESS.index(bound.state))


def standing(db: Db, person: int | None, fingerprint: str) -> Binding | None:
    """What the address book says of a signer who is said to be `person`, for `letter.sealing.judge`.

    None: nothing is known of this certificate, and the person has none: it would be the first seen. OTHER: it is
    known as another person's only. CHANGED: the person has another one in use, or has left this one. Persons who share
    an address share what is bound to it."""
    states = [
        BindingState(state)
        for (state,) in db.each(
            "SELECT b.state FROM bindings b WHERE b.fingerprint = ?1 AND (b.person_id = ?2 OR b.address_key IN"
            " (SELECT a.address_key FROM person_addresses e JOIN addresses a ON a.id = e.address_id"
            " WHERE e.person_id = ?2 AND a.kind <> 'postal'))",
            (fingerprint, person),
        )
    ]
    if states:
        return {
            BindingState.VERIFIED: Binding.VERIFIED,
            BindingState.PINNED: Binding.PINNED,
            BindingState.FIRST_SEEN: Binding.FIRST_SEEN,
        }.get(max(states, key=_SURENESS.index), Binding.CHANGED)
    others = db.one(
        "SELECT 1 FROM bindings b JOIN persons p ON p.id = b.person_id WHERE b.fingerprint = ? AND p.hidden = 0"
        " AND b.state IN ('first_seen', 'pinned', 'verified')",
        (fingerprint,),
    )
    if others is not None:
        return Binding.OTHER
    has_one = person is not None and any(bound.state in IN_USE for bound in bindings(db, person))
    return Binding.CHANGED if has_one else None


def _bind(db: Db, person: int, place: str, fingerprint: str, state: BindingState, source: str, now: datetime) -> Bound:
    db.run(
        "INSERT INTO bindings (person_id, address_key, fingerprint, state, source, seen, since)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (person_id, address_key, fingerprint) DO UPDATE SET state = excluded.state,"
        " since = iif(state = excluded.state, since, excluded.since)",
        (person, place, fingerprint, state.value, source, stamp(now), stamp(now)),
    )
    return next(b for b in bindings(db, person) if (b.address, b.fingerprint) == (place, fingerprint))
