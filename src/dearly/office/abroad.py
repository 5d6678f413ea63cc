"""Letters to the world: through another's mail server, the *smarthost*, where the operator names one (docs/office.md).

What is to go there is queued in the store together with its submission, and handed on one recipient at a time. Each act
here is one transaction; `relaying` does what is between them. The order of the notes is what keeps a letter from being
lost or doubled, whichever process dies where:

1. `claim`: one node takes it for a while. If that node dies, it is another's when the while is over.
2. `about_to`: the moment before the final dot of SMTP, after which the smarthost may have taken it (RFC 5321 4.1.1.4).
   It is refused to a node whose while was over. From here on nobody ever hands it on again by itself.
3. `settle`: what the smarthost said. What nobody could note any more is unknown (`Abroad.UNCERTAIN`), is said to be so,
   and its sender decides.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from dearly.letter.address import Address
from dearly.letter.journey import PAUSES, Accepted, Outcome, TryLater, Turned, Unknown
from dearly.letter.words import _
from dearly.office.context import Context
from dearly.office.limits import Limits
from dearly.office.refusals import SetError
from dearly.office.smarthost import PACE, Pace
from dearly.office.store import Abroad, Account, Blob, Delivery, Outgoing, Shelf, Step, Submission

_CODE = re.compile(r"[245]\d\d ")
_COUNTED = timedelta(hours=1)


def queue(c: Context, submission: str, blob: Blob, written: str, recipient: Address) -> Delivery:
    """Queue a parcel for somebody in the world, or say why not. `written`: the address as the envelope has it."""
    # Only whole domain names (RFC 5321 2.3.5): what the smarthost would complete is its operator's own.
    _host, dot, last = recipient.domain.rpartition(".")
    if c.world is None or not dot or last == "invalid":
        no = _("This office delivers only to its own people, not to {domain}.").format(domain=recipient.domain)
        return Delivery(written, accepted=False, reply=f"550 5.1.2 {no}")
    if c.shelf.outgoing_since(c.account, c.now - _COUNTED) >= c.limits.world_an_hour:
        no = _("No more than {n} letters an hour leave this office for one account.").format(n=c.limits.world_an_hour)
        return Delivery(written, accepted=False, reply=f"452 4.5.3 {no}")
    waiting = Outgoing(c.new("W"), submission, written, blob.uid, blob.size, c.now, c.now)
    if not c.shelf.add_outgoing(c.account, waiting):
        return Delivery(written, accepted=False, reply="452 4.2.2 " + _("Too much lies in the office for you already."))
    reply = "250 2.1.5 " + _("It waits in the office until {host} takes it.").format(host=c.world.host)
    return Delivery(written, accepted=True, reply=reply, abroad=Abroad.QUEUED)


def pending(submission: Submission) -> bool:
    """Whether it may still be canceled (RFC 8621 7): nothing of it is anywhere but in the queue."""
    return all(d.abroad is Abroad.QUEUED for d in submission.deliveries)


def cancel(c: Context, submission: Submission) -> None:
    """Take a whole submission out of the queue. Raises `SetError` (cannotUnsend) where a part of it has left, or is
    just leaving."""
    waiting = c.shelf.outgoing_of(c.account, submission.uid)
    if not pending(submission) or any(one.step in (Step.CLAIMED, Step.HANDING) for one in waiting):
        raise SetError("cannotUnsend", _("It has left the office, or is just leaving."))
    for one in waiting:
        if one.step is Step.WAITING:
            c.shelf.change_outgoing(c.account, _done(one))
    reply = "550 5.7.1 " + _("Its sender took it back.")
    gone = [Delivery(d.recipient, accepted=False, reply=reply, abroad=Abroad.CANCELED) for d in submission.deliveries]
    canceled = c.handed[submission.key] = replace(submission, deliveries=tuple(gone))
    c.shelf.put_submission(c.account, canceled)


def claim(
    shelf: Shelf, holder: str, now: datetime, most: int, limits: Limits, pace: Pace = PACE
) -> Sequence[tuple[Account, Outgoing]]:
    """At most `most` that are now `holder`'s to hand on, until `pace.claimed` has passed. Those whose outcome was
    waited for in vain are uncertain from now on; and those that come back by nothing else, because no node that takes
    them ever comes as far as an outcome, come back when they were tried long enough."""
    mine: list[tuple[Account, Outgoing]] = []
    for account, one in shelf.due_outgoing(now, most):
        if one.step is Step.HANDING:
            why = _("The office stopped before the answer of the mail server was here.")
            _tell(shelf, account, one, Abroad.UNCERTAIN, f"450 4.4.2 {why}")
            shelf.change_outgoing(account, _done(one))
            continue
        if one.step is Step.CLAIMED and now - one.since > limits.trying:
            _tell(shelf, account, one, Abroad.RETURNED, "550 5.4.7 " + _("The office could not hand it on."))
            shelf.change_outgoing(account, _done(one))
            continue
        claimed = replace(one, step=Step.CLAIMED, holder=holder, due=now + pace.claimed, tries=one.tries + 1)
        shelf.change_outgoing(account, claimed)
        mine.append((account, claimed))
    return mine


def about_to(shelf: Shelf, account: Account, claimed: Outgoing, now: datetime, pace: Pace = PACE) -> bool:
    """Note that the final dot may be said from now on. False: it is no longer the one who claimed it who may."""
    one = _mine(shelf, account, claimed)
    if one is None or one.step is not Step.CLAIMED:
        return False
    shelf.change_outgoing(account, replace(one, step=Step.HANDING, due=now + pace.handing))
    return True


def settle(
    shelf: Shelf, account: Account, claimed: Outgoing, outcome: Outcome, host: str, now: datetime, limits: Limits
) -> Abroad | None:
    """Note what the smarthost said; how far the letter is now, None where that is no longer for this node to say."""
    one = _mine(shelf, account, claimed)
    if one is None:
        return None
    if one.step is Step.DONE and not isinstance(outcome, Accepted | Turned):
        return None  # it was given up as unknown meanwhile, and stays so; only proof changes that
    match outcome:
        case Accepted():
            state, reply = Abroad.TAKEN, "250 2.0.0 " + _("{host} took it.").format(host=host)
        case Turned(why):
            state, reply = Abroad.RETURNED, _reply("550 5.0.0", why)
        case Unknown(why):
            state, reply = Abroad.UNCERTAIN, _reply("450 4.4.2", why, keep="4")
        case TryLater(why):
            state, reply = Abroad.QUEUED, _reply("451 4.4.1", why)
    if state is Abroad.QUEUED and now - one.since > limits.trying:
        late = _("{host} did not take it in {n} days. The last answer: {words}")
        state, reply = Abroad.RETURNED, "550 5.4.7 " + late.format(host=host, n=limits.trying.days, words=reply)
    _tell(shelf, account, one, state, reply)
    if state is Abroad.QUEUED:
        pause = PAUSES[min(one.tries, len(PAUSES)) - 1]
        shelf.change_outgoing(account, replace(one, step=Step.WAITING, due=now + pause))
    elif one.step is not Step.DONE:
        shelf.change_outgoing(account, _done(one))
    return state


def _mine(shelf: Shelf, account: Account, claimed: Outgoing) -> Outgoing | None:
    """As it is now, if nobody has claimed it since. Whoever writes for an account waits for the others who do."""
    there = shelf.account(account.address.key)
    if there is None or there.number != account.number or there.uid != account.uid:
        return None
    one = shelf.outgoing(there, claimed.uid)
    return one if one is not None and one.holder == claimed.holder else None


def _done(one: Outgoing) -> Outgoing:
    """It lies on, without its bytes, as long as it counts."""
    return replace(one, step=Step.DONE, due=one.since + _COUNTED, blob="", size=0)


def _tell(shelf: Shelf, account: Account, one: Outgoing, state: Abroad, reply: str) -> None:
    """The new state, in the submission that its sender may ask for."""
    submission = shelf.submissions(account, [one.submission]).get(one.submission)
    if submission is not None:
        new = tuple(
            replace(d, accepted=state is not Abroad.RETURNED, reply=reply, abroad=state)
            if d.recipient == one.recipient
            else d
            for d in submission.deliveries
        )
        if new != submission.deliveries:
            shelf.put_submission(account, replace(submission, deliveries=new))


def _reply(code: str, words: str, keep: str = "45") -> str:
    """A reply as RFC 8621 7 wants it, of the smarthost's own one or of our words."""
    own = _CODE.match(words) is not None and words[0] in keep
    return words if own else f"{code} {words}"
