"""Rows of the drawer as the values that the faces show."""

from __future__ import annotations

from dearly.desk.values import (
    EnclosureView,
    EnvelopeView,
    LetterView,
    OutboxRow,
    Postmark,
)
from dearly.drawer import arrivals, drafts, letters, outbox, people, pieces
from dearly.drawer.connection import Db
from dearly.letter.envelope import Way
from dearly.letter.errors import NotFound
from dearly.letter.journey import LEAVES, State
from dearly.letter.scripts import in_doubt
from dearly.letter.sealing import Seal, Signed
from dearly.letter.words import _
from dearly.mime import plain

_LEAST_ADVANCED = (
    State.HELD,
    State.UNCERTAIN,
    State.CAME_BACK,
    State.DATED,
    State.WAITING,
    State.TRYING,
    State.GIVEN_UP,
    State.ON_ITS_WAY,
    State.HELD_FOR_THEM,
    State.TAKEN_BACK,
)
"""Which journey's state is said first of a letter to several people: what needs the writer's eye comes first."""


def draft_view(page: drafts.OnPage) -> LetterView:
    """A draft."""
    return LetterView(
        number=page.number,
        direction="out",
        person=", ".join(who.name or str(who.address) for who in page.draft.to),
        from_="",
        to=tuple(str(who.address) for who in page.draft.to),
        date=page.changed,
        subject=page.draft.subject,
        state="put_away" if page.state == "away" else "draft",
        text=page.draft.text,
        enclosures=_listed(page.enclosed),
        put_away_until=page.look_again,
    )


def letter_view(db: Db, number: int) -> LetterView:
    """A filed letter, ours or theirs. Raises `NotFound` (no_letter)."""
    filed = letters.letter(db, number)
    ours = filed.direction == "out"
    travels = outbox.current(outbox.of_letter(db, filed.number))
    others = [party for party in filed.parties if (party.role == "from") != ours]
    return LetterView(
        number=filed.number,
        direction=filed.direction,
        person=", ".join(name_of(db, party) for party in others),
        from_=str(filed.sender.address) if filed.sender else "",
        to=tuple(str(who.address) for who in filed.to),
        date=filed.date,
        subject=plain.shown(filed.subject),
        state=least_advanced(travels) if ours else arrivals.ArrivalState.OPENED.value,
        text=filed.text if ours else plain.shown(filed.text),
        letter_no=filed.letter_no,
        letter_id=filed.letter_id,
        seal=filed.seal,
        quantum_safe=_quantum_safe(db, filed, travels),
        way=(travels[0].way if travels else filed.postmarks[0].way if filed.postmarks else None),
        postmarks=tuple(Postmark(mark.way, mark.at, mark.place) for mark in filed.postmarks),
        enclosures=_listed(filed.enclosed),
        signer=filed.signer,
        signature=filed.signature if filed.seal is Seal.NEVER_SEALED else None,
        notes=_notes(db, filed),
    )


def least_advanced(travels: list[outbox.Travel]) -> str:
    """The state that is said of a letter to several people; "imported" where it left from another desk."""
    states = {travel.journey.state for travel in travels}
    return next((state.value for state in _LEAST_ADVANCED if state in states), "imported")


def envelope_view(arrival: arrivals.Arrival) -> EnvelopeView:
    """An envelope in the letterbox."""
    return EnvelopeView(
        number=arrival.number,
        from_=str(arrival.sender.address) if arrival.sender else "",
        person=arrival.person,
        arrived=arrival.arrived,
        way=arrival.way,
        seal=arrival.seal,
        opened=arrival.state is arrivals.ArrivalState.OPENED,
        at_door=arrival.at_door,
    )


def unreadable_view(arrival: arrivals.Arrival) -> LetterView:
    """A parcel that could not be opened: kept as it came, with the reason, and no text."""
    return LetterView(
        number=arrival.number,
        direction="in",
        person=arrival.person or "",
        from_=str(arrival.sender.address) if arrival.sender else "",
        to=(),
        date=arrival.arrived,
        subject="",
        state=arrivals.ArrivalState.UNREADABLE.value,
        text="",
        letter_id=arrival.letter_id,
        seal=arrival.seal,
        way=arrival.way,
        postmarks=tuple(Postmark(mark.way, mark.at, mark.place) for mark in arrival.postmarks),
        notes=(arrival.reason,) if arrival.reason else (),
    )


def outbox_row(travel: outbox.Travel) -> OutboxRow:
    """One journey."""
    journey = travel.journey
    by_itself = journey.state in LEAVES or journey.state is State.DATED
    return OutboxRow(
        number=travel.number,
        person=travel.person,
        recipient=str(journey.recipient),
        state=journey.state.value,
        since=journey.since,
        leaves=journey.not_before if by_itself and travel.way is not Way.HAND else None,
        reason=journey.reason,
        way=travel.way,
    )


def _listed(enclosed: tuple[drafts.Enclosed, ...]) -> tuple[EnclosureView, ...]:
    return tuple(EnclosureView(one.name, one.media_type, one.size) for one in enclosed)


def _quantum_safe(db: Db, filed: letters.FiledLetter, travels: list[outbox.Travel]) -> bool | None:
    if filed.direction == "in":
        return filed.quantum_safe
    forms = {travel.form for travel in travels if travel.form is not None}
    return all(outbox.quantum_safe(db, form) for form in forms) if forms else None


def _beside(signed: Signed) -> str:
    """What a letter that was never sealed carries besides, in one sentence; "" for nothing."""
    match signed:
        case Signed.HOLDS:
            return _(
                "It carries a signature that holds: the text is as the person it names has signed it. To whom and when"
                " is not signed, so whoever passes it on may say that anew."
            )
        case Signed.BAD:
            return _(
                "It carries a signature that does not hold: the letter was changed after it was signed, or the key may"
                " not be used."
            )
        case Signed.UNKNOWN:
            return _("It carries a signature that cannot be checked here: no key known for this sender made it.")
        case Signed.IN_PART:
            return _(
                "Something in it is signed or sealed by itself. It is shown as it stands: what is not around the whole"
                " letter proves nothing."
            )
        case Signed.NONE:
            return ""


def _notes(db: Db, filed: letters.FiledLetter) -> tuple[str, ...]:
    notes = []
    sender = filed.sender if filed.direction == "in" else None
    if sender and (plainly := in_doubt(sender.name, str(sender.address))):
        notes.append(
            _(
                "The name or the address has letters that may only look familiar. Written out, the address is"
                " {address}."
            ).format(address=plainly)
        )
    if filed.seal is Seal.NEVER_SEALED and (beside := _beside(filed.signature)):
        notes.append(beside)
    notes += arrivals.said_of(db, filed.number)
    for piece in pieces.of_letter(db, filed.number) if filed.direction == "in" else []:
        if not piece.here and piece.name:
            name = plain.clean_filename(piece.name)
            notes.append(_("An enclosure, “{name}”, is still on its way: it travels by itself.").format(name=name))
        elif not piece.here:
            notes.append(_("An enclosure is still on its way: it travels by itself."))
        elif piece.letter_id == filed.letter_id:
            notes.append(_("This enclosure came by itself. The text that belongs to it is still on its way."))
    if filed.twin:
        notes.append(_("Another letter came that claims to be this very one, with other content. Both are kept."))
    return tuple(notes)


def name_of(db: Db, party: letters.Party) -> str:
    """Who somebody in a letter is: by the address book, else as the letter says."""
    if party.person is not None:
        try:
            return people.show(db, party.person).name
        except NotFound:
            pass
    return plain.shown(party.who.name) or str(party.who.address)
