"""The journey of one letter to one recipient: a pure table of states and what may happen in them.

Outcomes come from an attempt, evidence from looking afterwards, reports from the carrier later, acts from the person.
`advance` is the only way from one state to the next. Two rules carry the rest:

- An attempt is recorded before it is made. One that never got its outcome (the process died, the answer was cut) is
  *uncertain*, and an uncertain letter is never handed over again on a guess: only evidence that it was not accepted,
  or the person's own act, leads back to an attempt (RFC 5321 6.1; RFC 1047).
- Taking back is possible only while no attempt exists.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from dearly.letter.address import Address
from dearly.letter.errors import Refused
from dearly.letter.words import _


class State(StrEnum):
    """Where a letter is, as far as is proven. There is no state for «read», and never will be."""

    WAITING = "waiting"
    DATED = "dated"
    HELD = "held"
    TRYING = "trying"
    ON_ITS_WAY = "on_its_way"
    HELD_FOR_THEM = "held_for_them"
    CAME_BACK = "came_back"
    UNCERTAIN = "uncertain"
    GIVEN_UP = "given_up"
    TAKEN_BACK = "taken_back"


class Why(StrEnum):
    """Why a letter is held at the desk until the person decides."""

    KEY_CHANGED = "key_changed"
    KEY_UNUSABLE = "key_unusable"
    RESTORED = "restored"
    TOO_BIG = "too_big"
    NO_WAY = "no_way"


@dataclass(frozen=True, slots=True)
class Accepted:
    """The carrier took responsibility (RFC 5321 4.2.5)."""


@dataclass(frozen=True, slots=True)
class TryLater:
    """Not accepted, for a passing reason."""

    why: str


@dataclass(frozen=True, slots=True)
class Turned:
    """Not accepted, for good. `why` in the carrier's words, shown as such."""

    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No complete answer: it may or may not have been accepted."""

    why: str


Outcome = Accepted | TryLater | Turned | Unknown


@dataclass(frozen=True, slots=True)
class Found:
    """Looking afterwards proved that it had been accepted."""


@dataclass(frozen=True, slots=True)
class NotThere:
    """Looking afterwards proved that it had not been accepted."""


@dataclass(frozen=True, slots=True)
class NothingProven:
    """Looking afterwards proved nothing."""


Evidence = Found | NotThere | NothingProven


@dataclass(frozen=True, slots=True)
class Delivered:
    """The carrier reports that it lies ready for them (RFC 3464 2.3.3, or an office's own word)."""


@dataclass(frozen=True, slots=True)
class Bounced:
    """The carrier reports that it could not be delivered after all."""

    why: str


@dataclass(frozen=True, slots=True)
class Delayed:
    """The carrier reports that it has it, could not deliver it yet, and goes on trying (RFC 3464 2.3.3)."""

    why: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A rule of ours keeps it until the person decides."""

    why: Why


class Act(StrEnum):
    """What the person (or, for DUE, the calendar) may do."""

    DUE = "due"
    RELEASE = "release"
    POST_AGAIN = "post_again"
    GIVE_UP = "give_up"
    TAKE_BACK = "take_back"


Event = Outcome | Evidence | Delivered | Bounced | Delayed | Hold | Act


@dataclass(frozen=True, slots=True)
class Journey:
    """One letter to one recipient. Times are aware UTC.

    `not_before`: earliest time of the next attempt. `attempts`: how many were ever recorded. `reason`: a `Why` value
    when held, a carrier's words when trying, came back, uncertain, or late on its way, else ""."""

    recipient: Address
    state: State
    since: datetime
    not_before: datetime
    reason: str = ""
    attempts: int = 0


PAUSES = tuple(timedelta(minutes=m) for m in (1, 5, 15, 30, 60, 120, 240))
"""Pause after the n-th vain attempt; the last one repeats. Visible, and never given up by us (F10)."""

STILL_WAITING = timedelta(hours=4)
"""After so long without being taken it is said that a letter still waits (F10; RFC 5321 4.5.4.1)."""

ASK_AFTER = {State.UNCERTAIN: timedelta(hours=24), State.TRYING: timedelta(days=4)}
"""After so long in a state the person is asked what is to become of a letter (F05, F10). Nothing is given up by us."""


def asks(journey: Journey, now: datetime) -> bool:
    """Whether a letter has not got on for so long that the person is asked."""
    return journey.state in ASK_AFTER and now - journey.since >= ASK_AFTER[journey.state]


S = State
_TABLE: dict[State, dict[type | Act, State]] = {
    S.WAITING: {
        Accepted: S.ON_ITS_WAY,
        TryLater: S.TRYING,
        Turned: S.CAME_BACK,
        Unknown: S.UNCERTAIN,
        Hold: S.HELD,
        Act.TAKE_BACK: S.TAKEN_BACK,
    },
    S.DATED: {Act.DUE: S.WAITING, Hold: S.HELD, Act.TAKE_BACK: S.TAKEN_BACK},
    S.HELD: {
        Hold: S.HELD,
        Act.RELEASE: S.WAITING,
        Act.GIVE_UP: S.GIVEN_UP,
        Act.TAKE_BACK: S.TAKEN_BACK,
        Found: S.ON_ITS_WAY,
        Delivered: S.HELD_FOR_THEM,
        Bounced: S.CAME_BACK,
    },
    S.TRYING: {
        Accepted: S.ON_ITS_WAY,
        Found: S.ON_ITS_WAY,
        TryLater: S.TRYING,
        Turned: S.CAME_BACK,
        Unknown: S.UNCERTAIN,
        Hold: S.HELD,
        Act.POST_AGAIN: S.TRYING,
        Act.GIVE_UP: S.GIVEN_UP,
    },
    S.UNCERTAIN: {
        Found: S.ON_ITS_WAY,
        NotThere: S.TRYING,
        NothingProven: S.UNCERTAIN,
        Delivered: S.HELD_FOR_THEM,
        Bounced: S.CAME_BACK,
        Delayed: S.ON_ITS_WAY,
        Hold: S.HELD,
        Act.POST_AGAIN: S.TRYING,
        Act.GIVE_UP: S.GIVEN_UP,
    },
    S.ON_ITS_WAY: {
        Found: S.ON_ITS_WAY,
        Delivered: S.HELD_FOR_THEM,
        Bounced: S.CAME_BACK,
        Delayed: S.ON_ITS_WAY,
    },
    S.HELD_FOR_THEM: {Delivered: S.HELD_FOR_THEM, Bounced: S.CAME_BACK},
    S.CAME_BACK: {Delivered: S.HELD_FOR_THEM, Act.POST_AGAIN: S.TRYING, Act.GIVE_UP: S.GIVEN_UP},
    S.GIVEN_UP: {Found: S.ON_ITS_WAY, Delivered: S.HELD_FOR_THEM, Bounced: S.CAME_BACK},
    S.TAKEN_BACK: {},
}

LEAVES = frozenset({S.WAITING, S.TRYING})
"""States from which an attempt may be made, once `not_before` has come."""

ENDED = frozenset({S.HELD_FOR_THEM, S.CAME_BACK, S.GIVEN_UP, S.TAKEN_BACK})
"""States in which nothing more is expected."""


def advance(journey: Journey, event: Event, now: datetime) -> Journey:
    """The journey after `event`. Raises `Refused` (impossible_step) for what the table does not allow."""
    kind: type | Act = event if isinstance(event, Act) else type(event)
    state = _TABLE[journey.state].get(kind)
    if state is None or (event is Act.TAKE_BACK and journey.attempts):
        raise _impossible(journey, event)
    not_before, reason = journey.not_before, ""
    if isinstance(event, Hold):
        reason = event.why.value
    elif isinstance(event, TryLater | Turned | Unknown | Bounced | Delayed):
        reason = event.why
    elif isinstance(event, NothingProven) or (isinstance(event, Found) and state is journey.state):
        reason = journey.reason  # that it left is known already; that it is late stays said
    if isinstance(event, TryLater):
        not_before = now + PAUSES[min(journey.attempts, len(PAUSES)) - 1]
    elif event is Act.RELEASE:
        # A letter that was dated ahead and held in a restored drawer still keeps its day.
        not_before = max(now, journey.not_before)
    elif event is Act.POST_AGAIN or isinstance(event, NotThere):
        not_before = now
    since = journey.since if state is journey.state else now
    return replace(journey, state=state, since=since, not_before=not_before, reason=reason)


def begin(journey: Journey) -> Journey:
    """The journey with one more attempt recorded, before it is made. Raises `Refused` where none may be made."""
    if journey.state not in LEAVES:
        raise Refused("impossible_step", _("This letter is not waiting to leave."))
    return replace(journey, attempts=journey.attempts + 1)


def _impossible(journey: Journey, event: Event) -> Refused:
    if event is Act.TAKE_BACK:
        return Refused(
            "already_collected",
            _("This letter has already been collected and cannot be taken back."),
            _("What has left cannot be called back; you can write another letter."),
        )
    said, next_ = {
        S.WAITING: (_("it waits for the collection"), _("“dearly take-back” makes it a draft again.")),
        S.DATED: (_("it is kept here until its day"), _("“dearly take-back” makes it a draft again.")),
        S.HELD: (_("it is held here until you decide"), _("“dearly post” posts it again, “dearly drop” gives it up.")),
        S.TRYING: (_("it is being tried again"), _("“dearly post” tries at once, “dearly drop” gives it up.")),
        S.ON_ITS_WAY: (_("it is on its way already"), _("“dearly outbox” shows how it gets on.")),
        S.HELD_FOR_THEM: (_("it lies ready for them already"), _("You can write another letter.")),
        S.CAME_BACK: (
            _("it came back"),
            _("“dearly post” posts it again, “dearly hand out” carries it, “dearly drop” gives it up."),
        ),
        S.UNCERTAIN: (_("it may have left, or not"), _("“dearly post” posts it again, “dearly drop” gives it up.")),
        S.GIVEN_UP: (_("it was given up"), _("“dearly show” has its text, for another letter.")),
        S.TAKEN_BACK: (_("it was taken back"), _("“dearly drafts” has it as a draft.")),
    }[journey.state]
    return Refused("impossible_step", _("That cannot be done with this letter now: {state}.").format(state=said), next_)
