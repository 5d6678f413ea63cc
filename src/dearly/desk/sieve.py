"""What of a mailbox is for this desk, by headers alone: letters, answers and reports; strangers at the door; and all
the rest, which is left where it lies and of which nothing is kept. A newsletter never appears.

The headers are foreign bytes and are read in the opener's child. Each batch costs one question to it and one to the
drawer. What no verdict can hold back by mistake: a sealed letter, an answer to a letter of ours that a person wrote,
and what somebody in the address book wrote.

Sealed mail and delivery reports are taken from anybody, and so anybody could fill the disk by them: each is taken only
up to the size that such mail has. Of a larger one the heading stands at the door, and the person decides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from dearly.carriers.base import MOST_PARCEL, Head, Judged, Sieve, Verdict
from dearly.desk.desk import Desk
from dearly.drawer import knocks
from dearly.drawer.knocks import Known
from dearly.letter.account import MailAccount
from dearly.letter.content import LetterId
from dearly.letter.envelope import LARGEST_PARCEL, Heading
from dearly.letter.errors import CarrierTrouble, DearlyError
from dearly.letter.words import _
from dearly.opener.heads import HeadFacts

MOST_REPORT = 2_000_000
"""Octets of a delivery report that names no letter of ours: it brings back a header (RFC 3464), or a short letter."""

_AROUND = 1_000_000
"""Octets by which a report may be larger than the letter of ours that it names, and brings back."""


def sieve_for(desk: Desk, account: MailAccount) -> Sieve:
    """The sieve for one account: what its carrier asks before it fetches anything.

    What cannot be read is left. Only where our own side cannot look (no process for reading could be started, the
    drawer was just closed) it raises `CarrierTrouble` (cannot_sift, to be tried again): a verdict that nobody gave
    would lose letters, for a mailbox is not gone through twice."""

    async def sieve(heads: Sequence[Head]) -> Sequence[Judged]:
        try:
            seen = await desk.opener.heads([head.data for head in heads])
            keys = {who.address.key for one in seen for who in (one.sender, *one.to) if who is not None}
            ids = [letter_id for one in seen for letter_id in _ids(one)]
            known = await desk.drawer.read(lambda db: knocks.known(db, keys, ids))
        except DearlyError as trouble:
            raise CarrierTrouble(
                "cannot_sift",
                _("What lies in the mailbox could not be looked at: {why}").format(why=trouble.message),
                _("Nothing is lost; the next round looks again."),
                retry=True,
            ) from None
        known = replace(known, own=known.own | {account.address.key})
        return [judge(head, one, known, strangers=account.strangers) for head, one in zip(heads, seen, strict=True)]

    return sieve


def judge(head: Head, facts: HeadFacts, known: Known, *, strangers: bool) -> Judged:
    """The rules, the first that fits. `strangers`: whether first letters of strangers may wait at the door."""
    if not facts.readable:
        return Verdict.LEAVE
    who = facts.sender
    key = who.address.key if who is not None else None
    if facts.report or facts.sealed:
        if head.size <= _most(facts, known, key):
            return Verdict.TAKE
        return _heading(head, facts, known) if facts.sealed or _to_us(facts, known) else Verdict.LEAVE
    # That something was read is nobody's letter, not even where a person in the book has it said (A29).
    if facts.bulk or facts.receipt:
        return Verdict.LEAVE
    if known.letters.keys() & {*facts.references, facts.in_reply_to}:
        return Verdict.TAKE
    if key in known.people:
        return Verdict.TAKE
    if key in known.own:
        return Verdict.TAKE if facts.letter_id in known.letters else Verdict.LEAVE
    # A header that was cut may have said further down that it is bulk.
    if strangers and facts.whole and _to_us(facts, known):
        return _heading(head, facts, known)
    return Verdict.LEAVE


def _most(facts: HeadFacts, known: Known, key: str | None) -> int:
    """Octets up to which sealed mail, or a report, is taken without asking."""
    named = [known.letters[one] for one in {*facts.references, facts.in_reply_to} & known.letters.keys() if one]
    if facts.report:
        return max([MOST_REPORT, *(posted + _AROUND for posted in named)])
    # What the carrier can fetch at all, where there is somebody to ask about it.
    return MOST_PARCEL if named or key in known.people else LARGEST_PARCEL


def _heading(head: Head, facts: HeadFacts, known: Known) -> Judged:
    """What stands at the door of it; nothing of whom one has refused, nor where it is not certain who knocks (A20)."""
    who = facts.sender
    if who is None or who.address.key in known.refused:
        return Verdict.LEAVE
    return Heading(head.source, head.size, who, facts.subject, facts.letter_id, facts.date)


def _to_us(facts: HeadFacts, known: Known) -> bool:
    return any(who.address.key in known.own for who in facts.to)


def _ids(facts: HeadFacts) -> list[LetterId]:
    """Every id that may be one of ours."""
    return [one for one in (*facts.references, facts.in_reply_to, facts.letter_id) if one is not None]
