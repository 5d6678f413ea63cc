"""What a seal is worth, where a letter is, and by which way it goes: one honest sentence or word for each value.

The values are rules of the `letter` room; here they only get their words. Tests hold that none is without.
"""

from __future__ import annotations

from dearly.cli.names import later
from dearly.letter.envelope import Way
from dearly.letter.journey import State, Why
from dearly.letter.sealing import Seal
from dearly.letter.words import _

_SEALS = {
    Seal.NEVER_SEALED: later("Not sealed, like a postcard: whoever carried it could read it, and could change it."),
    Seal.LOCKED: later("Sealed, but to no key that lies in this drawer. It is kept as it came."),
    Seal.BROKEN: later("The seal is broken: what is inside was damaged or changed on its way. It is kept as it came."),
    Seal.TOO_BIG: later("Sealed, but what is inside is larger than this desk opens. It is kept as it came."),
    Seal.UNSUPPORTED: later("Sealed in a way that this version of Dearly cannot open. It is kept as it came."),
    Seal.UNSIGNED: later("Sealed, but not signed: nothing shows who wrote it."),
    Seal.SIGNER_UNKNOWN: later(
        "Sealed, and signed with a key that this desk does not know: nothing shows who wrote it."
    ),
    Seal.SIGNATURE_BAD: later("Sealed, but the signature does not hold: it may not be from the person it names."),
    Seal.SIGNER_REVOKED: later("Sealed, but signed with a key that its owner has declared void."),
    Seal.SIGNER_EXPIRED: later("Sealed, but signed with a key whose time has run out."),
    Seal.SIGNED_BY_OTHER: later("Sealed and signed, but not with a key of the person it says it is from."),
    Seal.NOT_FOR_US: later("Sealed and signed, but written to somebody else: who wrote it did not address it to you."),
    Seal.HEADERS_DIFFER: later(
        "Sealed and signed, but the envelope says something else than the letter about who wrote it, to whom or when."
    ),
    Seal.SIGNED_CHANGED_KEY: later(
        "Sealed and signed, but with another key than this person's letters so far. Ask them, by another way, about it."
    ),
    Seal.SIGNED_FIRST_SEEN: later(
        "Sealed, and signed with the first key seen for this person. You have not checked it with them."
    ),
    Seal.SIGNED_PINNED: later(
        "Sealed, and signed with the key by which this person is known here. You have not checked it with them."
    ),
    Seal.SIGNED_VERIFIED: later("Sealed, and signed with the key that you have checked with this person."),
}

_STATES = {
    "draft": later("a draft"),
    "put_away": later("put away"),
    State.WAITING: later("waiting for collection"),
    State.DATED: later("dated, and kept until its day"),
    State.HELD: later("held here until you decide"),
    State.TRYING: later("trying again"),
    State.ON_ITS_WAY: later("on its way"),
    State.HELD_FOR_THEM: later("lies ready for them"),
    State.CAME_BACK: later("came back"),
    State.UNCERTAIN: later("uncertain"),
    State.GIVEN_UP: later("given up"),
    State.TAKEN_BACK: later("taken back"),
    "unopened": later("unopened"),
    "opened": later("opened"),
    "unreadable": later("cannot be read"),
    "imported": later("from an archive"),
}

_WHYS = {
    Why.KEY_CHANGED: later("their key has changed since it was sealed"),
    Why.KEY_UNUSABLE: later("their key may not be used any more"),
    Why.RESTORED: later("this drawer was restored or copied, and the letter may have left already"),
    Why.TOO_BIG: later("it is too big for this way"),
    Why.NO_WAY: later("no way leads to them"),
}

_WAYS = {
    Way.MAIL: later("by mail"),
    Way.OFFICE: later("by the office"),
    Way.HAND: later("by hand"),
    Way.FOLDER: later("by a shared folder"),
    Way.PAPER: later("on paper"),
}

_KEYS = {
    "first_seen": later("known from a first letter or card; not checked in person"),
    "pinned": later("known by use; not checked in person"),
    "verified": later("checked with them"),
    "changed": later("new, and not trusted until you decide"),
    "left": later("no longer used"),
}

_VERSIONS = {
    "pause": later("at a pause"),
    "put_away": later("when it was put away"),
    "read_over": later("when it was read over"),
    "leaving": later("when the page was left"),
    "restore": later("before an earlier state was taken back"),
    "words": later("after many words"),
    "posted": later("when it was posted"),
}


def of_seal(seal: Seal, quantum_safe: bool | None = None) -> str:
    """What the seal of a letter that came is worth."""
    sentence = _(_SEALS[seal])
    if quantum_safe and seal is not Seal.NEVER_SEALED:
        sentence += " " + _("The seal is made to hold against quantum computers, too.")
    return sentence


def of_state(state: str) -> str:
    """Where a letter is."""
    return _(_STATES[state]) if state in _STATES else state


def of_reason(state: str, reason: str) -> str:
    """Why it is there: in our words when held, in the carrier's otherwise."""
    if state == State.HELD and reason in _WHYS:
        return _(_WHYS[Why(reason)])
    return reason


def of_way(way: Way) -> str:
    """By which way."""
    return _(_WAYS[way])


def of_key(state: str) -> str:
    """How far a key is known."""
    return _(_KEYS[state]) if state in _KEYS else state


def of_version(why: str) -> str:
    """Why a version of a draft was kept."""
    return _(_VERSIONS[why]) if why in _VERSIONS else why
