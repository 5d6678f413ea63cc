"""The letterbox: envelopes to be opened, strangers at the door, and what could not be opened. Opening is an act."""

from __future__ import annotations

from dataclasses import dataclass, replace

from starlette.responses import Response

from dearly.desk import hand, letterbox, strangers
from dearly.desk import open as opening
from dearly.desk.letterbox import Lying
from dearly.letter.errors import DearlyError, Refused, Usage
from dearly.letter.scripts import in_doubt
from dearly.letter.words import _
from dearly.web import arrived, saving, shown, tickets, when
from dearly.web.arrived import Stamped
from dearly.web.forms import whole
from dearly.web.shown import SealShown
from dearly.web.visit import Pages, Visit

routes = Pages()

LARGEST_FILE = 80 << 20
"""Octets of a sealed file that is taken in by hand."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """An envelope as it is drawn. `name`: whom it is from, as far as one may say; `claimed`: the name that its outside
    gives, where that is not a name of the address book."""

    number: int
    name: str
    claimed: str
    address: str
    way: str
    way_key: str
    seal: SealShown
    marks: tuple[Stamped, ...]
    came: str
    reason: str
    more: int = 0
    """How many others from the same stranger stand at the door with it."""
    to: str = ""
    """The address of ours that it came to; "" where nobody's account brought it."""
    namesake: bool = False
    """Somebody in the address book has the name that its outside gives."""
    alike: str = ""
    """Whom in the address book its sender can be taken for, in a sentence (A21)."""
    plainly: str = ""
    """The address in ASCII, where it or the name that is given is in letters that could imitate others (A21)."""
    away: str = ""
    """The account where the letter itself lies; "" where it is here. Then what its header claims, and where it is:"""
    subject: str = ""
    written: str = ""
    too_large: bool = False
    state: str = ""


def _drawn(one: Lying, visit: Visit) -> Envelope:
    view = one.envelope
    now = visit.desk.clock.local()
    known = view.person or ""
    return Envelope(
        number=view.number,
        name=known or one.claimed or view.from_,
        claimed="" if known.casefold() == one.claimed.casefold() else one.claimed,
        address=view.from_,
        way=shown.way(view.way),
        way_key=view.way.value,
        seal=shown.seal_words(view),
        marks=tuple(arrived.stamped(mark, visit) for mark in one.postmarks),
        came=when.at(view.arrived, now, visit.dates),
        reason=one.reason,
        to=one.ours,
        namesake=one.namesake,
        alike=one.alike.told if one.alike is not None else "",
        plainly=in_doubt(one.claimed or known, view.from_),
        away=one.away,
        subject=one.subject,
        written="" if one.written is None else visit.dates.day(one.written),
        too_large=one.too_large,
        state=one.state,
    )


def _by_stranger(envelopes: list[Envelope]) -> list[Envelope]:
    """One envelope for each stranger, the last arrived first: what is answered to one is answered to all of theirs."""
    found: dict[str, Envelope] = {}
    for one in envelopes:
        key = one.address.casefold() or f"#{one.number}"
        shown = found.get(key)
        if shown is None:
            found[key] = one
        else:  # rather one that can be let in
            found[key] = replace(one if shown.too_large else shown, more=shown.more + 1)
    return list(found.values())


@routes.get("/letterbox")
async def box(visit: Visit) -> Response:
    """The letterbox. `refused`: number of what was just turned away, to be taken back at once."""
    return await _show(visit)


async def _show(visit: Visit, said: DearlyError | None = None) -> Response:
    desk = visit.desk
    found = await letterbox.look(desk)
    now = desk.clock.local()
    return visit.show(
        "letterbox.html",
        status=200 if said is None else 409,
        said=said,
        found=found,
        waiting=[_drawn(one, visit) for one in found.waiting],
        at_door=_by_stranger([_drawn(one, visit) for one in found.at_door]),
        coming=[_drawn(one, visit) for one in found.coming],
        kept=[(_drawn(one, visit), tickets.ticket(visit, "original", one.envelope.number)) for one in found.kept],
        lately=[(one, arrived.part_of(one.date, visit)) for one in found.lately],
        later=[(one, arrived.part_of(one.date, visit)) for one in found.later],
        refused=await _just_refused(visit),
        today=visit.dates.weekday(now),
        round=when.at(found.round, now, visit.dates) if found.round else "",
    )


async def _just_refused(visit: Visit) -> Envelope | None:
    number = whole(visit.request.query_params.get("refused", ""))
    if number is None:
        return None
    away = await letterbox.turned_away(visit.desk)
    return next((_drawn(one, visit) for one in away if one.envelope.number == number), None)


@routes.post("/letterbox/{number:int}/open")
async def open_it(visit: Visit, number: int) -> Response:
    """Open an envelope; try a parcel once more that could not be opened. What stands at the door is let in first."""
    one, _state = await letterbox.lying(visit.desk, number)
    if one.envelope.at_door:
        raise Refused(
            "at_door",
            _("This letter stands at the door."),
            _("Let it in, refuse it, or leave it there."),
        )
    opened = await opening.open_letter(visit.desk, number)
    return visit.go(f"/letter/{opened.letter.number}")


@routes.post("/letterbox/{number:int}/let-in")
async def let_in(visit: Visit, number: int) -> Response:
    """Let a stranger in. What lies at an account of ours is fetched now, where it can be; the page says where not."""
    await strangers.let_in(visit.desk, number)
    return visit.go("/letterbox")


@routes.post("/letterbox/{number:int}/refuse")
async def refuse(visit: Visit, number: int) -> Response:
    """Turn a stranger away."""
    await strangers.refuse(visit.desk, number)
    return visit.go(f"/letterbox?refused={number}")


@routes.post("/letterbox/{number:int}/leave")
async def leave(visit: Visit, number: int) -> Response:
    """Leave a stranger at the door, or let one stand there again who was refused."""
    await strangers.leave(visit.desk, number)
    return visit.go("/letterbox#at-door")


@routes.get("/letterbox/refused")
async def refused(visit: Visit) -> Response:
    """What was turned away."""
    away = await letterbox.turned_away(visit.desk)
    return visit.show("refused.html", away=[_drawn(one, visit) for one in away])


@routes.post("/letterbox/take-in", body=LARGEST_FILE)
async def take_in(visit: Visit) -> Response:
    """Take in a sealed file that somebody handed over. It never lies on the disk but in the drawer."""
    upload = (await visit.form()).file("letter")
    try:
        if upload is None:
            raise Usage("no_file", _("No file was chosen."), _("Choose the file that you were given."))
        taken = await hand.hand_in(visit.desk, upload.data)
    except DearlyError as error:
        return await _show(visit, error)
    return visit.go(f"/letter/{taken.number}" if taken.opened else f"/letterbox#n{taken.number}")


@routes.get("/letterbox/{number:int}/original/{ticket}")
async def original(visit: Visit, number: int, ticket: str) -> Response:
    """What came, byte for byte, as a file."""
    tickets.check(visit, ticket, "original", number)
    return saving.to_be_saved(await letterbox.original(visit.desk, number), f"letter-{number}.eml")
