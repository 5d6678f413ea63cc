"""What stands above the page and below it, in words: each reader with the way and the seal, and the earlier states."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta, tzinfo
from typing import Any

from dearly.desk.envelope import EnvelopeToClose, ReaderToBe
from dearly.desk.page import Earlier, PageView
from dearly.letter.words import _
from dearly.web import shown
from dearly.web.dates import Dates


@dataclass(frozen=True, slots=True)
class ReaderLine:
    """A reader of a page. `way` and `seal`: in words; "" where they are not known yet."""

    name: str
    address: str
    uid: str
    way: str = ""
    seal: str = ""

    def as_dict(self) -> dict[str, Any]:
        """As a script takes it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Mark:
    """An earlier state on the ribbon: when, and what was the occasion."""

    version: int
    when: str
    why: str


def named(view: PageView) -> list[ReaderLine]:
    """The readers by name alone."""
    return [ReaderLine(one.name or one.address, one.address, one.uid or "") for one in view.to]


def lines(view: PageView, closed: EnvelopeToClose) -> list[ReaderLine]:
    """The readers, each with the way and the seal."""
    found = {reader.address: reader for reader in closed.readers}
    return [
        ReaderLine(one.name, one.address, one.uid, _way(found[one.address]), _seal(found[one.address]))
        if one.address in found
        else one
        for one in named(view)
    ]


def _way(reader: ReaderToBe) -> str:
    usual = reader.ways[0]
    if usual.trouble:
        return _("{trouble} By hand it can go.").format(trouble=usual.trouble).rstrip(".")  # a full stop follows it
    words = shown.way(reader.way)
    return words[:1].upper() + words[1:]


def _seal(reader: ReaderToBe) -> str:
    if reader.newer is not None:
        return _("{name} has a new key, and it has not been checked.").format(name=reader.name)
    if reader.trouble or reader.in_use is None:
        return _("No key of {name} is known yet that it could be sealed to.").format(name=reader.name)
    if reader.in_use.state == "verified":
        return _("Sealed to {name}’s key, which you checked in person.").format(name=reader.name)
    return _("Sealed with a key seen before, not yet checked.")


def marks(view: PageView, dates: Dates, zone: tzinfo | None) -> list[Mark]:
    """The earlier states, the first one first."""
    return [Mark(one.version, _when(one, view, dates, zone), occasion(one.why)) for one in view.earlier]


def _when(one: Earlier, view: PageView, dates: Dates, zone: tzinfo | None) -> str:
    clock = dates.clock(one.at)
    day = one.at.astimezone(zone).date()
    if day == view.today:
        return _("Today, {time}").format(time=clock)
    if day == view.today - timedelta(days=1):
        return _("Yesterday, {time}").format(time=clock)
    return _("{day}, {time}").format(day=dates.short(one.at), time=clock)


def occasion(why: str) -> str:
    """On what occasion a state was kept."""
    return {
        "pause": _("after a pause"),
        "put_away": _("put away"),
        "read_over": _("read over"),
        "leaving": _("left lying"),
        "restore": _("before an older one"),
        "words": _("much was changed"),
        "posted": _("posted"),
        "beside": _("from another window"),
    }.get(why, "")
