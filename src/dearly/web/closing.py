"""The envelope in words, before it is closed: what the seal is worth for each reader, and what each choice means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dearly.desk.envelope import EnvelopeToClose, KeyOnEnvelope, ReaderToBe, WayOffer
from dearly.letter.envelope import Way
from dearly.letter.words import _
from dearly.web import shown, when
from dearly.web.dates import Dates
from dearly.web.shown import SealShown


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer to a question on the envelope: its value, what it is, what follows from it."""

    value: str
    what: str
    more: str
    chosen: bool = False
    stamp: str = ""


@dataclass(frozen=True, slots=True)
class Closing:
    """One reader on the envelope. `keys`: where a choice between keys is the writer's; `ways`: those that can be taken;
    `closed`: in sentences, those that cannot. `possible`: it can be sealed to them at all."""

    reader: ReaderToBe
    seal: SealShown
    keys: tuple[Choice, ...]
    ways: tuple[Choice, ...]
    closed: tuple[str, ...]
    possible: bool


def closing(reader: ReaderToBe, whose: str, now: datetime, dates: Dates, wanted: dict[str, str]) -> Closing:
    """What is said to one reader's name. `whose`: the writer's name, whose initial stands on the wafer; `wanted`: what
    was chosen so far, by the names of the fields."""
    seal, possible = _seal(reader, whose, now, dates)
    keys = _keys(reader, now, dates, wanted.get(f"key {reader.key}", "keep"))
    open_ways = [offer for offer in reader.ways if not offer.trouble]
    way = wanted.get(f"way {reader.key}", reader.way.value)
    return Closing(
        reader,
        seal,
        keys,
        tuple(_way(offer, reader, way) for offer in open_ways),
        tuple(offer.trouble for offer in reader.ways if offer.trouble),
        possible,
    )


def undecided(reader: ReaderToBe) -> bool:
    """Whether a key came for this reader that the writer has not decided about, and that could be sealed to."""
    return reader.newer is not None and (reader.in_use is not None or reader.trouble == "no_key")


def _way(offer: WayOffer, reader: ReaderToBe, wanted: str) -> Choice:
    stamp, chosen = shown.way(offer.way), offer.way.value == wanted
    match offer.way:
        case Way.OFFICE:
            return Choice(
                offer.way.value, _("By the office"), _("To {address}").format(address=reader.address), chosen, stamp
            )
        case Way.MAIL:
            return Choice(
                offer.way.value, _("By e-mail"), _("To {address}").format(address=reader.address), chosen, stamp
            )
        case Way.HAND:
            more = _("On a stick, or however you like. It waits here until you take it.")
            return Choice(offer.way.value, _("As a file to carry"), more, chosen, stamp)
        case _other:
            return Choice(offer.way.value, stamp, _("To {address}").format(address=reader.address), chosen, stamp)


def _seal(reader: ReaderToBe, whose: str, now: datetime, dates: Dates) -> tuple[SealShown, bool]:
    name, initial = reader.name, shown.initial(whose)
    if reader.newer is not None and undecided(reader):
        came = when.on(reader.newer.since.astimezone(now.tzinfo).date(), now.date(), dates)
        more = _(
            "It came {day}. That may be a new machine; it may be someone else writing in their name. Nobody can tell"
            " from here. Ask {name} by another way, and compare the words."
        )
        said = _("{name} has a new key, and it has not been checked.").format(name=name)
        return SealShown("new", said, more.format(day=came, name=name), initial), True
    if reader.trouble:
        return SealShown("open", *_cannot(reader), ""), False
    used = reader.in_use
    nobody_else = _("Nobody else can open it, not those who carry it, and not those who keep the mail.")
    if used is None or used.state == "first_seen":
        said = _("Sealed to a key seen for the first time, not yet checked.")
    elif used.state == "pinned":
        said = _("Sealed to a key seen before, not yet checked.")
    else:
        said = _("Sealed to {name}’s key, which you checked in person.").format(name=name)
        return SealShown("checked", said, nobody_else + " " + _compared(used, now, dates), initial), True
    more = (
        nobody_else + " " + _("Whether the key is {name}’s, its words will tell: compare them once.").format(name=name)
    )
    return SealShown("new", said, more, initial), True


def _compared(key: KeyOnEnvelope, now: datetime, dates: Dates) -> str:
    day = dates.day(key.since.astimezone(now.tzinfo))
    if key.place:
        return _("You compared the words of the key on {day}, in {place}.").format(day=day, place=key.place)
    return _("You compared the words of the key on {day}.").format(day=day)


def _cannot(reader: ReaderToBe) -> tuple[str, str]:
    name = reader.name
    match reader.trouble:
        case "no_key":
            said = _("No key of {name} is known, so nothing can be sealed to {name} yet.")
            more = _("Ask {name} for their card, and take it in under People. The letter waits here.")
        case "key_revoked":
            said = _("{name} has withdrawn the key that you know.")
            more = _("Ask {name}, by another way than by letter, for a new card. The letter waits here.")
        case "key_expired":
            said = _("The time of {name}’s key is over.")
            more = _("Ask {name} for their card again: it brings the key with its new date. The letter waits here.")
        case _other:
            said = _("Nothing can be sealed to {name}’s key now.")
            more = _("Ask {name} for their card again, or for a newer key. The letter waits here.")
    return said.format(name=name), more.format(name=name)


def _keys(reader: ReaderToBe, now: datetime, dates: Dates, wanted: str) -> tuple[Choice, ...]:
    """The careful answer stands last and is the one that is set."""
    if reader.newer is None or not undecided(reader):
        return ()
    first = when.on(reader.newer.since.astimezone(now.tzinfo).date(), now.date(), dates)
    found = [Choice("new", _("Seal it to the new key"), _("First seen {day}.").format(day=first))]
    if reader.in_use is not None:
        since = dates.day(reader.in_use.since.astimezone(now.tzinfo))
        if reader.in_use.state == "verified":
            what, known = _("Seal it to the key you checked"), _("In person, on {day}.").format(day=since)
        else:
            what, known = _("Seal it to the key you know"), _("In use since {day}.").format(day=since)
        more = known + " " + _("{name} may no longer be able to open this.").format(name=reader.name)
        found.append(Choice("old", what, more))
    found.append(
        Choice(
            "keep",
            _("Keep the letter here until you have asked {name}").format(name=reader.name),
            _("It lies on the desk, sealed to nobody."),
        )
    )
    there = {choice.value for choice in found}
    wanted = wanted if wanted in there else "keep"
    return tuple(Choice(one.value, one.what, one.more, one.value == wanted) for one in found)


def times(envelope: EnvelopeToClose, wanted: str, dates: Dates) -> tuple[Choice, ...]:
    """When it leaves. The date itself is a field beside the second answer."""
    if envelope.minutes:
        time = when.at(envelope.collection, envelope.now, dates)
        first = _("It leaves {time}. Until then you may take it back.").format(time=time)
    else:
        first = _("Your collections have no cooling time: it leaves at once.")
    return (
        Choice("next", _("With the next collection"), first, wanted == "next"),
        Choice("day", _("On a day you name"), _("Tomorrow, at Easter, in ten years."), wanted == "day"),
        Choice("once", _("At once"), _("Within a minute. What has left cannot be taken back."), wanted == "once"),
    )
