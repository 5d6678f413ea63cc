"""What of a mailbox is for this desk, by headers alone: letters, answers and reports; strangers at the door; and all
the rest, which is left where it lies and of which nothing is kept. A newsletter never appears.

The headers are foreign bytes and are read in the opener's child. Each batch costs one question to it and one to the
drawer. What no verdict can hold back by mistake: a sealed letter, an answer to a letter of ours that a person wrote,
and what somebody in the address book wrote.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from dearly.carriers.base import Head, Sieve, Verdict
from dearly.desk.desk import Desk
from dearly.drawer import knocks
from dearly.drawer.knocks import Known
from dearly.letter.account import MailAccount
from dearly.letter.content import LetterId
from dearly.letter.errors import CarrierTrouble, DearlyError
from dearly.letter.words import _
from dearly.opener.heads import HeadFacts


def sieve_for(desk: Desk, account: MailAccount) -> Sieve:
    """The sieve for one account: what its carrier asks before it fetches anything.

    What cannot be read is left. Only where our own side cannot look (no process for reading could be started, the
    drawer was just closed) it raises `CarrierTrouble` (cannot_sift, to be tried again): a verdict that nobody gave
    would lose letters, for a mailbox is not gone through twice."""

    async def sieve(heads: Sequence[Head]) -> Sequence[Verdict]:
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
        return [verdict(one, known, strangers=account.strangers) for one in seen]

    return sieve


def verdict(facts: HeadFacts, known: Known, *, strangers: bool) -> Verdict:
    """The rules, the first that fits. `strangers`: whether first letters of strangers may wait at the door."""
    if not facts.readable:
        return Verdict.LEAVE
    if facts.report or facts.sealed:
        return Verdict.TAKE
    # That something was read is nobody's letter, not even where a person in the book has it said (A29).
    if facts.bulk or facts.receipt:
        return Verdict.LEAVE
    if known.letters & {*facts.references, facts.in_reply_to}:
        return Verdict.TAKE
    key = facts.sender.address.key if facts.sender is not None else None
    if key in known.people:
        return Verdict.TAKE
    if key in known.own:
        return Verdict.TAKE if facts.letter_id in known.letters else Verdict.LEAVE
    # A header that was cut may have said further down that it is bulk.
    if strangers and key is not None and key not in known.refused and facts.whole and _to_us(facts, known):
        return Verdict.DOOR
    return Verdict.LEAVE


def _to_us(facts: HeadFacts, known: Known) -> bool:
    return any(who.address.key in known.own for who in facts.to)


def _ids(facts: HeadFacts) -> Iterator[LetterId]:
    """Every id that may be one of ours."""
    yield from facts.references
    for one in (facts.in_reply_to, facts.letter_id):
        if one is not None:
            yield one
