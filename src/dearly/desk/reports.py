"""What a mail server reports later of a letter of ours: whom it is believed by, and what it changes.

A report is written by whoever sent it, so it is believed only where it names a letter of ours, by the id of our
envelope or by its Message-ID, *and* somebody to whom this letter went by mail. «Delivered» is asked for with our
envelope's id (RFC 3461 4.4), which the reader never sees, and believed with it alone; so is «late» where it would prove
that an uncertain letter was taken. What remains for a forger who knows a letter: to have it said that it came back, or
that it is late, in the forger's own words. Nothing is deleted by that, and posting it again is the person's act.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dearly.drawer import attempts, outbox, people
from dearly.drawer.connection import Db
from dearly.letter.envelope import Way
from dearly.letter.journey import Bounced, Delayed, Delivered, State
from dearly.letter.words import _
from dearly.mime.reported import Action, Kind, Report, Told
from dearly.opener.values import Outside


@dataclass(frozen=True, slots=True)
class Settled:
    """A report that is put aside. `letter`: number of the letter of ours that it is about; None for one about
    something else (what another program wrote from this address, or what somebody sent in our name)."""

    letter: int | None


def settle(db: Db, outside: Outside, now: datetime) -> Settled | None:
    """Let a report do what it may. None for what is to be sorted like any other letter: what is no report; a bounce
    about a letter of ours to somebody it did not go to, which the person should see; and what somebody in the address
    book wrote in this form."""
    for report in outside.reports:
        found = _named(db, report)
        if report.kind is Kind.READ:  # never shown, whatever it is about
            return Settled(found[0] if found else None)
        if found is None:
            sender = outside.heading.sender
            known = sender is not None and people.person_of_address(db, sender.address, sender.name) is not None
            return None if report.kind is Kind.LOOSE or known else Settled(None)
        number, by_envelope = found
        fallen = _apply(db, number, report, by_envelope=by_envelope, now=now)
        concerned = fallen or not any(told.action is Action.FAILED for told in report.told)
        return Settled(number) if concerned and not (report.kind is Kind.LOOSE and not fallen) else None
    return None


def _named(db: Db, report: Report) -> tuple[int, bool] | None:
    """(number of the letter of ours that it names, whether by our envelope's id). Two different ones are none."""
    by_key = outbox.by_key(db, report.envelope_id)
    by_id = outbox.by_letter_id(db, report.letter_id)
    if by_key is not None:
        return (by_key, True) if by_id in (None, by_key) else None
    return None if by_id is None else (by_id, False)


def _apply(db: Db, number: int, report: Report, *, by_envelope: bool, now: datetime) -> bool:
    """Whether anybody whom it names is one to whom the letter went by mail."""
    went: dict[str, set[State]] = {}
    for travel in outbox.travels(db, number):
        if travel.way is Way.MAIL and travel.journey.attempts:
            went.setdefault(travel.journey.recipient.key, set()).add(travel.journey.state)
    concerned = False
    for told in report.told:
        recipient = next((one for one in told.recipients if one.key in went), None)
        if recipient is None:
            continue
        concerned = True
        event = _event(report.kind, told, by_envelope=by_envelope)
        guess = isinstance(event, Delayed) and not by_envelope and State.UNCERTAIN in went[recipient.key]
        if event is not None and not guess:
            attempts.report(db, number, recipient, event, now, way=Way.MAIL)
    return concerned


def _event(kind: Kind, told: Told, *, by_envelope: bool) -> Bounced | Delayed | Delivered | None:
    match told.action:
        case Action.FAILED if kind is Kind.LOOSE:
            return Bounced(_("Delivery failed, as {server} says: {words}").format(server=told.by, words=told.why))
        case Action.FAILED:
            return Bounced(_as_said(told))
        case Action.DELAYED:
            return Delayed(_as_said(told))
        case Action.DELIVERED:
            return Delivered() if by_envelope else None
        case Action.RELAYED | Action.EXPANDED:
            return None


def _as_said(told: Told) -> str:
    """The server's words, and whose they are."""
    if not told.by:
        return told.why
    return _("{server} says: {words}").format(server=told.by, words=told.why or told.action.value)
