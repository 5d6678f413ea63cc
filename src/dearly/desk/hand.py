"""By hand: a sealed file out, to carry on a stick or by any other channel, and in on the other side, once."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path

from dearly.carriers import letterfile
from dearly.carriers.base import BEGINNING
from dearly.desk import fetch, post, rounds, saving, views
from dearly.desk.desk import Desk
from dearly.desk.routes import HAND
from dearly.desk.values import EnvelopeView, OutboxRow
from dearly.drawer import arrivals, attempts, erasing, outbox
from dearly.drawer.connection import Db
from dearly.letter.envelope import Way
from dearly.letter.errors import NoSpace, NotFound, Refused
from dearly.letter.failpoint import reach
from dearly.letter.journey import LEAVES, Accepted, Act, State, TryLater, Turned, Unknown
from dearly.letter.words import _


@dataclass(frozen=True, slots=True)
class HandFile:
    """A sealed letter as a file. `name` is made of its bytes and tells nothing of its people."""

    name: str
    data: bytes = field(repr=False)


async def hand_out(desk: Desk, number: int, target: Path) -> list[OutboxRow]:
    """Write a letter to a file, or into a folder under a name of its own. A draft is posted by hand first; one that
    did not get there by the way it had is carried instead (`carry`); a letter that was handed out before is written
    once more, the same bytes.

    Raises `NotFound`, `CannotSealOrOpen`, `Refused` (file_exists, not_by_hand, key_changed, not_written)."""
    await _posted(desk, number, saving.into(target))
    async with desk.turn:
        ready = await _by_hand(desk, number)
        if any(travel.journey.state in LEAVES for travel in ready.travels):
            await _first_time(desk, ready, target)
        else:
            await _write(desk, ready, target)  # another copy of what has left already
    return await desk.drawer.read(lambda db: [views.outbox_row(travel) for travel in outbox.travels(db, number)])


async def file(desk: Desk, number: int) -> HandFile:
    """The file of a letter that goes by hand, to be carried by whoever asked for it. Nothing changes by this: that it
    was carried is the person's to say (`handed_over`).

    Raises `NotFound` (no_letter), `Refused` (not_by_hand, held, key_changed)."""
    now = desk.clock.now()

    def read(db: Db) -> outbox.Ready | None:
        outbox.travels(db, number)
        ready = outbox.form_by_way(db, number, Way.HAND)
        if ready is not None and all(travel.journey.state is State.HELD for travel in ready.travels):
            raise Refused("held", _("This letter is held here until you decide."))
        first = ready is not None and not any(travel.journey.attempts for travel in ready.travels)
        if ready is not None and first and ready.certificates and rounds.unfit(db, ready, now) is not None:
            raise Refused(
                "key_changed",
                _("The key that this letter was sealed to is no longer the one in use."),
                _("Take it back and post it again; then it is sealed to the key in use now."),
            )
        return ready

    ready = await desk.drawer.read(read)
    if ready is None:
        raise _not_by_hand(number)
    return HandFile(letterfile.suggested_name(ready.sealed), letterfile.framed(ready.sealed.data))


async def carry(desk: Desk, number: int) -> list[OutboxRow]:
    """Carry a posted letter by hand to those to whom it did not get by the way it had: it came back, is held, or nobody
    takes it. That way is given up for them. The file is the very letter that was under way, so that whoever gets both
    has one; only where it may not leave as it is (a key was changed) or was not sealed yet is it sealed now.

    Raises `NotFound` (no_letter), `Refused` (impossible_step, key_changed), `CannotSealOrOpen`."""
    now = desk.clock.now()

    def read(db: Db) -> tuple[list[outbox.Travel], outbox.Form | None, bool]:
        over = outbox.stuck(outbox.travels(db, number))
        sealed = next((travel for travel in over if travel.form is not None), None)
        if sealed is None or sealed.form is None:
            return over, None, False
        ready = outbox.ready(db, sealed.form, over)
        return over, outbox.form_of(db, sealed), bool(ready.certificates) and rounds.unfit(db, ready, now) is not None

    # Not beside a round, which may be handing it over at this moment.
    async with desk.posting, desk.turn:
        over, form, unfit = await desk.drawer.read(read)
        if not over:
            raise Refused(
                "impossible_step",
                _("That cannot be done with this letter now."),
                _("The place of the letter says where it is, and what can be done."),
            )
        if unfit and any(travel.journey.state is State.UNCERTAIN for travel in over):
            raise Refused(
                "key_changed",
                _("The key that this letter was sealed to is no longer the one in use."),
                _("It may have left. Wait until that is known, or write another letter."),
            )
        if form is None or unfit:
            form = await post.sealed_by_hand(desk, number, over)
        else:
            to = tuple(travel.journey.recipient for travel in over)
            envelope = replace(form.sealed.envelope, recipients=to)
            again = replace(form.sealed, envelope=envelope, key=desk.chance.token(16).hex())
            form = replace(form, way=Way.HAND, place=HAND, sealed=again)
        made = form

        def work(db: Db) -> list[OutboxRow]:
            outbox.carry(db, number, made, now)
            return [views.outbox_row(travel) for travel in outbox.current(outbox.travels(db, number))]

        return await desk.drawer.write(work)


async def handed_over(desk: Desk, number: int) -> list[OutboxRow]:
    """The person says that they gave the letter's file into other hands. It cannot be taken back then. Said twice, it
    is said once. Raises `NotFound` (no_letter), `Refused` (not_by_hand)."""
    now = desk.clock.now()

    def work(db: Db) -> list[OutboxRow]:
        outbox.travels(db, number)
        ready = outbox.form_by_way(db, number, Way.HAND)
        if ready is None:
            raise _not_by_hand(number)
        if any(travel.journey.state in LEAVES for travel in ready.travels):
            attempt = attempts.begin_attempt(db, ready, now)
            attempts.end_attempt(db, attempt, dict.fromkeys(ready.sealed.envelope.recipients, Accepted()), now)
        return [views.outbox_row(travel) for travel in outbox.travels(db, number)]

    async with desk.turn:
        return await desk.drawer.write(work)


async def hand_in(desk: Desk, source: Path | bytes) -> EnvelopeView:
    """Take a letter in from a file, or from the bytes of one that was handed over otherwise. Taken in before, it is the
    envelope that is there already.

    Raises `NotFound` (no_such_file), `Damaged` (an incomplete file), `Usage`, `Refused` (own_letter, erased_here)."""
    carrier = desk.ways.hand_in(source)
    async with desk.turn:
        try:
            collected = await carrier.collect(BEGINNING)
            await fetch.take_in(desk, carrier, collected)
        finally:
            await carrier.close()
        await fetch.sort(desk)
    data = collected.parcels[0].data
    if await desk.drawer.read(lambda db: erasing.erased(db, hashlib.sha256(data).digest())):
        raise Refused(
            "erased_here",
            _("This letter was here once, and was erased."),
            _("An erased letter does not come back. The file itself is as it was."),
        )
    arrival = await desk.drawer.read(lambda db: arrivals.of_bytes(db, data))
    if arrival.state is arrivals.ArrivalState.OWN:
        raise Refused(
            "own_letter",
            _("This is a letter of your own (number {number}).").format(number=arrival.letter),
            _("Give the file to its reader."),
        )
    return views.envelope_view(arrival)


async def _posted(desk: Desk, number: int, target: Path) -> None:
    """See to it that the letter is posted by hand. What was interrupted while being written may be written again: it is
    the same letter, and whoever takes it in takes it in once. A draft stays one where it could not be written."""
    try:
        travels = await desk.drawer.read(lambda db: outbox.travels(db, number))
    except NotFound:
        travels = []
    if not travels:
        _must_be_free(target)
        await post.post(desk, number, at_once=True, by=Way.HAND)
        return
    by_hand = [travel.journey for travel in travels if travel.way is Way.HAND]
    stuck = {travel.journey.state for travel in outbox.stuck(travels)}
    # Where a file goes to somebody already, only what came back joins it: for others the desk may still find a way.
    if State.CAME_BACK in stuck or (stuck and not by_hand):
        _must_be_free(target)
        await carry(desk, number)
        return
    now = desk.clock.now()
    unclear = [journey.recipient for journey in by_hand if journey.state is State.UNCERTAIN]
    if unclear:
        await desk.drawer.write(lambda db: [outbox.act(db, number, Act.POST_AGAIN, now, one) for one in unclear])
    elif any(journey.state is State.HELD for journey in by_hand):
        await post.post(desk, number)


def _must_be_free(target: Path) -> None:
    """What lies there is something else: this letter has never been written."""
    if target.exists() and not target.is_dir():
        raise Refused("file_exists", _("“{name}” exists already.").format(name=target), _("Choose another name."))


async def _by_hand(desk: Desk, number: int) -> outbox.Ready:
    ready = await desk.drawer.read(lambda db: outbox.form_by_way(db, number, Way.HAND))
    if ready is None:
        raise _not_by_hand(number)
    return ready


def _not_by_hand(number: int) -> Refused:
    return Refused(
        "not_by_hand",
        _("Letter {number} goes by another way, or on a later day.").format(number=number),
        _("“dearly outbox” says how, and when it leaves."),
    )


async def _first_time(desk: Desk, ready: outbox.Ready, target: Path) -> None:
    now = desk.clock.now()
    attempt = await desk.drawer.write(lambda db: attempts.begin_attempt(db, ready, now))
    reach("hand-over.attempt-recorded")
    carrier = desk.ways.hand_out(target)
    try:
        outcomes = await carrier.hand_over(ready.sealed)
    finally:
        await carrier.close()
    reach("hand-over.answered")
    then = desk.clock.now()
    await desk.drawer.write(lambda db: attempts.end_attempt(db, attempt, outcomes, then))
    reach("hand-over.recorded")
    _tell(list(outcomes.values()))


async def _write(desk: Desk, ready: outbox.Ready, target: Path) -> None:
    carrier = desk.ways.hand_out(target)
    try:
        _tell(list((await carrier.hand_over(ready.sealed)).values()))
    finally:
        await carrier.close()


def _tell(outcomes: list[object]) -> None:
    """Raise what kept the file from being written, so that a person hears of it at once."""
    for outcome in outcomes:
        if isinstance(outcome, TryLater | Unknown):
            raise NoSpace("not_written", outcome.why, _("Try again, here or in another place."), retry=True)
        if isinstance(outcome, Turned):
            raise Refused("not_written", outcome.why, _("Name another file."))
