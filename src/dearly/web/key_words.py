"""Keys of others in the words of the desk: how far a key is known, and what that is worth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dearly.desk.person import KeyEntry, Whole
from dearly.desk.values import OfferedKey
from dearly.letter.words import _
from dearly.web.dates import Dates


@dataclass(frozen=True, slots=True)
class KeyShown:
    """A key as it is drawn and said. `state`: how the wafer is drawn."""

    state: Literal["checked", "new", "open"]
    sentence: str
    more: str


def of(person: Whole, key: KeyEntry | None, dates: Dates) -> KeyShown:
    """The key that letters to someone are sealed by, or what it means that there is none."""
    name = person.name
    if key is None:
        return KeyShown(
            "open",
            _("No key of {name} is known.").format(name=name),
            _(
                "Letters to {name} cannot be sealed yet. A card from {name} brings the key along; so does the first"
                " sealed letter."
            ).format(name=name),
        )
    if not key.usable:
        return KeyShown(
            "open",
            _("This key is not good any more."),
            _("{name} has withdrawn it, or its time is over. Ask {name} for a new card.").format(name=name),
        )
    match key.state:
        case "verified":
            day = dates.day(key.since)
            said = (
                _("Checked in person, in {place}, on {day}.").format(place=key.place, day=day)
                if key.place
                else _("Checked in person on {day}.").format(day=day)
            )
            return KeyShown("checked", said, _("You read these words to each other, and they were the same."))
        case "pinned":
            return KeyShown(
                "new",
                _("Seen before, not yet checked."),
                _(
                    "It has been the same since {day}. Read the words to each other once, and nobody can stand between"
                    " the two of you unseen."
                ).format(day=dates.day(key.seen)),
            )
        case "changed":
            return KeyShown(
                "new",
                _("{name} has a new key, and it has not been checked.").format(name=name),
                _(
                    "It was first seen on {day}. That may be a new machine; it may be someone else. Letters go on being"
                    " sealed to the old key until you decide."
                ).format(day=dates.day(key.seen)),
            )
        case "left":
            return KeyShown(
                "open",
                _("Set aside on {day}.").format(day=dates.day(key.since)),
                _("Nothing is sealed to it."),
            )
        case _:
            return KeyShown(
                "new",
                _("Seen for the first time, not yet checked."),
                source(key, dates)
                + " "
                + _("Read the words to each other once, and nobody can stand between the two of you unseen."),
            )


def source(key: KeyEntry, dates: Dates) -> str:
    """How a key came here."""
    day = dates.day(key.seen)
    match key.source:
        case "card":
            return _("It came with a card on {day}.").format(day=day)
        case "hand" | "file" | "enclosed":
            return _("You put it in on {day}.").format(day=day)
        case "gossip":
            return _("Somebody whom you have checked gave it in a letter on {day}.").format(day=day)
        case _:
            return _("It came with a letter on {day}.").format(day=day)


@dataclass(frozen=True, slots=True)
class OfferShown:
    """A key that a letter brings, in words. `may_take`: whose it is is said, and taking it would do something."""

    sentence: str
    more: str
    may_take: bool


def offered(one: OfferedKey) -> OfferShown:
    """What a letter brings for somebody, and what taking it would mean."""
    whose = one.person or ", ".join(one.addresses)
    if not whose:
        return OfferShown(
            _("A key is enclosed that names nobody."),
            _("Whose it is, only its owner can say. A card of theirs says both."),
            may_take=False,
        )
    match one.source:
        case "gossip":
            said = _("It gives the key of {name}, who has it too.").format(name=whose)
        case "autocrypt":
            said = _("It gives a key of {name}, and was not sealed: anybody could have written it.").format(name=whose)
        case _:
            said = _("It brings a key for {name}.").format(name=whose)
    if not one.usable:
        return OfferShown(said, _("This key is not good any more."), may_take=False)
    match one.state:
        case "unknown":
            return OfferShown(said, _("No other key of theirs is known."), may_take=bool(one.addresses))
        case "another":
            more = _("Another key is in use, and stays in use until you decide.")
            return OfferShown(said, more, may_take=bool(one.addresses))
        case "changed":
            return OfferShown(said, _("It waits for your decision, in the address book."), may_take=False)
        case "left":
            return OfferShown(said, _("You have set it aside."), may_take=False)
        case _:
            return OfferShown(said, _("It is the key that is in use."), may_take=False)


def in_groups(fingerprint: str) -> str:
    """A fingerprint as it is compared: capitals, four by four."""
    return " ".join(fingerprint.upper()[start : start + 4] for start in range(0, len(fingerprint), 4))
