"""A posted letter in words: where it is, what happens next, and what may be done. Never whether it was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from dearly.desk.home import PostedView, Reader
from dearly.letter.envelope import Way
from dearly.letter.journey import ASK_AFTER, STILL_WAITING, State, Why
from dearly.letter.words import _
from dearly.web import shown, when
from dearly.web.dates import Dates
from dearly.web.shown import SealShown


@dataclass(frozen=True, slots=True)
class Step:
    """One step of what happens next."""

    what: str
    more: str
    now: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """A posted letter as a page tells of it. `address`: name and address of each reader; `title` and `steps` for its
    own page; `line`: one sentence for the desk and for lists; `trouble`: it needs a decision, or may soon: `said` what
    happened and `why`."""

    to: str
    address: tuple[tuple[str, str], ...]
    title: str
    line: str
    steps: tuple[Step, ...]
    trouble: bool
    said: str
    why: str
    seal: SealShown
    again: str
    """What the button says that posts it again; "" where that is not offered."""


def names(view: PostedView) -> str:
    """To whom it goes."""
    return shown.listed([reader.name for reader in view.readers])


def told(view: PostedView, now: datetime, dates: Dates) -> Told:
    """Everything that is said of a posted letter."""
    to, first = names(view), view.first
    said, why, again = _trouble(view, first, now, dates)
    return Told(
        to=to,
        address=tuple((reader.name, reader.address) for reader in view.readers),
        title=_title(view),
        line=_line(view, first, now, dates),
        steps=_steps(view, first, to, now, dates),
        trouble=bool(said),
        said=said,
        why=why,
        seal=seal(view),
        again=again if "again" in view.may else "",
    )


def seal(view: PostedView) -> SealShown:
    """How the envelope of a letter of ours was closed."""
    initial = shown.initial(view.facts.sender_name)
    if view.facts.postcard:
        return SealShown("open", _("Not sealed. This is a postcard."), _("Whoever carries it can read it."), "")
    if all(reader.seal == "verified" for reader in view.readers):
        return SealShown("checked", _("Sealed to a key that you checked in person."), "", initial)
    return SealShown("new", _("Sealed to a key that is not checked yet."), "", initial)


def state(reader: Reader) -> str:
    """Where a letter is on its journey to one reader, in a few words."""
    match reader.state:
        case State.WAITING if reader.way is Way.HAND:
            return _("Ready to be carried")
        case State.WAITING:
            return _("Waiting for collection")
        case State.DATED:
            return _("Kept here until its day")
        case State.HELD:
            return _("Held here until you decide")
        case State.TRYING:
            return _("Not taken yet; it is tried again")
        case State.ON_ITS_WAY:
            return _("Handed over") if reader.way is Way.HAND else _("On its way")
        case State.HELD_FOR_THEM:
            return _("Held for them")
        case State.CAME_BACK:
            return _("It came back")
        case State.UNCERTAIN:
            return _("Nobody has said yet whether it was taken")
        case State.GIVEN_UP:
            return _("Given up by you")
        case State.TAKEN_BACK:
            return _("Taken back")


def _by_hand(view: PostedView) -> bool:
    return all(reader.way is Way.HAND for reader in view.readers)


def _title(view: PostedView) -> str:
    match view.state:
        case State.WAITING:
            return _("It is ready to be carried") if _by_hand(view) else _("It is in the postbox")
        case State.DATED:
            return _("It is put by until its day")
        case State.ON_ITS_WAY:
            return _("It is out of your hands") if _by_hand(view) else _("It is on its way")
        case State.HELD_FOR_THEM:
            return _("It is held for {name}").format(name=names(view))
        case State.HELD:
            return _("It is held here")
        case State.TRYING:
            return _("It has not left yet")
        case State.CAME_BACK:
            return _("It came back")
        case State.UNCERTAIN:
            return _("It may have left")
        case State.GIVEN_UP:
            return _("You gave it up")
        case State.TAKEN_BACK:
            return _("You took it back")


def _line(view: PostedView, first: Reader, now: datetime, dates: Dates) -> str:
    """One sentence for the desk."""
    back = "take_back" in view.may
    match view.state:
        case State.WAITING if first.way is Way.HAND:
            return _("It waits for you to carry it.")
        case State.WAITING if first.leaves is None or first.leaves <= now:
            return _("It leaves as soon as there is a way out, within a minute if there is a network.")
        case State.WAITING | State.DATED:
            time = when.at(first.leaves or view.facts.date, now, dates)
            if back:
                return _("It leaves {time}. Until then you may take it back.").format(time=time)
            return _("It leaves {time}.").format(time=time)
        case State.TRYING if first.leaves is not None:
            return _("It was not taken yet. The desk tries again {time}.").format(
                time=when.at(first.leaves, now, dates)
            )
    return state(first) + "."


def _steps(view: PostedView, first: Reader, to: str, now: datetime, dates: Dates) -> tuple[Step, ...]:
    if view.facts.postcard:
        opened = _("Whether it was read is {name}’s to say.").format(name=to)
    else:
        opened = _("Whether it was opened is {name}’s to say.").format(name=to)
    if len(view.readers) > 1:
        opened = _("Whether it was opened is theirs to say.")
    nothing = Step(
        _("Then nothing, for a while"),
        _("If it comes back, you will find it on the desk, with the reason.") + " " + opened,
    )
    carried = Step(
        _("Handed over"),
        _(
            "By you, however you like: on a stick, with another’s mail, by any other way. A file carried twice is one"
            " letter."
        ),
    )
    then = Step(_("Then nothing, for a while"), opened)
    match view.state:
        case State.WAITING if first.way is Way.HAND:
            ready = _("Until you say that you have handed it over, it is still yours.")
            return (Step(_("Ready to be carried"), ready, now=True), carried, then)
        case State.WAITING if first.leaves is None or first.leaves <= now:
            waits = _(
                "It leaves within a minute, or when this machine next finds a network. Until then it is still yours."
            )
            return (
                Step(_("Waiting for collection"), waits, now=True),
                Step(_("On its way"), _("A letter in the bag is neither lost nor sent twice.")),
                nothing,
            )
        case State.WAITING if first.leaves is not None:
            time = when.at(first.leaves, now, dates)
            return (
                Step(
                    _("Waiting for collection"),
                    _("It leaves {time}. Until then it is still yours.").format(time=time),
                    True,
                ),
                Step(
                    _("On its way"),
                    _(
                        "From then on, or when this machine next finds a network. A letter in the bag is neither lost"
                        " nor sent twice."
                    ),
                ),
                nothing,
            )
        case State.DATED:
            day = when.at(first.leaves or view.facts.date, now, dates)
            return (
                Step(
                    _("Kept here until its day"),
                    _("It leaves {time}. Until then it is still yours, and may be taken back.").format(time=day),
                    now=True,
                ),
                Step(_("Collected"), _("On its day, or when this machine next finds a network."))
                if view.facts.postcard
                else Step(_("Sealed and collected"), _("When the day is near, to the key that is then in use.")),
                nothing,
            )
        case State.ON_ITS_WAY if first.way is Way.HAND:
            return (
                Step(carried.what, _("You said so {time}.").format(time=when.at(first.since, now, dates)), True),
                then,
            )
        case State.ON_ITS_WAY:
            taken = _("It was collected {time}. It cannot be called back now.").format(
                time=when.at(first.since, now, dates)
            )
            if first.reason:  # a server that has it, and could not pass it on yet
                taken += " " + said_why(first) + " " + _("It is still being tried there.")
            return (Step(_("On its way"), taken, now=True), nothing)
        case State.HELD_FOR_THEM:
            time = when.at(first.since, now, dates)
            if first.way is Way.MAIL:
                lies = _("A mail server says that it was delivered, {time}.").format(time=time)
            else:
                lies = _("The office says that it lies ready, since {time}.").format(time=time)
            return (Step(_("Held for them"), lies, now=True), then)
        case State.GIVEN_UP:
            kept = _("The desk tries no further. The letter stays among your letters.")
            return (Step(_("Given up by you"), kept, now=True),)
    return ()


def _trouble(view: PostedView, first: Reader, now: datetime, dates: Dates) -> tuple[str, str, str]:
    """What happened, why, and what the button says that posts it again."""
    name = shown.listed([reader.name for reader in view.readers if reader.state is view.state])
    match view.state:
        case State.CAME_BACK:
            if view.facts.postcard:
                said, lies = _("Your postcard to {name} came back."), _("The card lies here as you wrote it.")
            else:
                said, lies = _("Your letter to {name} came back."), _("The letter lies here as you closed it.")
            return said.format(name=name), said_why(first) + " " + lies, _("Post it again")
        case State.UNCERTAIN:
            said = _("Nobody has said yet whether your letter to {name} was taken.").format(name=name)
            if now - first.since < ASK_AFTER[State.UNCERTAIN]:
                why = _(
                    "The line broke while it was being handed over. The desk is finding out, and will not post it a"
                    " second time."
                )
                return said, why, ""
            why = _(
                "The line broke while it was being handed over, and since then nobody could say what became of it. The"
                " desk goes on asking. You may post it again; it may then arrive twice."
            )
            return said, why, _("Post it again")
        case State.TRYING:
            since = now - first.since
            said = _("Your letter to {name} has not left yet.").format(name=name)
            if since >= STILL_WAITING:
                said = _("Your letter to {name} is still waiting, since {time}.").format(
                    name=name, time=when.at(first.since, now, dates)
                )
            why = said_why(first)
            if since >= ASK_AFTER[State.TRYING]:
                why += " " + _(
                    "Nobody has taken it for days. The desk goes on trying until you say otherwise: let it go on, try"
                    " it now, or give it up; the letter stays among your letters."
                )
            if first.leaves is not None and first.leaves > now:
                why += " " + _("The desk tries again {time}, by itself.").format(time=when.at(first.leaves, now, dates))
            return said, why.strip(), _("Try it now")
        case State.HELD:
            said = _("Your letter to {name} is held here.").format(name=name)
            return said, *_held(first)
    return "", "", ""


def said_why(reader: Reader) -> str:
    """What a carrier said, as a quotation."""
    reason = reader.reason.strip().rstrip(".")
    if not reason:
        return _("No reason was given.")
    return _("What was said: “{reason}.”").format(reason=reason)


def _held(first: Reader) -> tuple[str, str]:
    name = first.name
    match first.reason:
        case Why.KEY_CHANGED:
            why = _(
                "It was sealed to a key that is no longer the one in use for {name}. Compare the words with {name}, by"
                " another way; posted again, it is sealed to the key that is in use then."
            )
        case Why.KEY_UNUSABLE:
            why = _(
                "It cannot be sealed to {name} now: the key was withdrawn, or its time is over. Ask {name} for a new"
                " card, then post it again."
            )
        case Why.RESTORED:
            why = _(
                "This drawer was restored or copied, and the letter may have left before that. Ask {name}, or post it:"
                " it may then arrive twice."
            )
        case Why.TOO_BIG:
            why = _("It is too large for this way. Carry it as a file, or write another one that encloses less.")
        case Why.NO_WAY:
            why = _("No way leads to {name} now. Carry it as a file, or write to another address.")
        case _other:
            why = _("It waits for your word.")
    return why.format(name=name), _("Post it again")
