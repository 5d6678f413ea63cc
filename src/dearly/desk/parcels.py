"""Opening parcels and judging them: what the child finds is evidence, and here it meets the address book.

Of several parcels the next ones are being opened while one is settled. They are settled in order: what one brought, and
was taken, is known for those behind it, as if each had waited for its turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from dearly.desk import introductions
from dearly.desk.certificates import AtHand
from dearly.desk.desk import Desk
from dearly.desk.recognise import best, recognise
from dearly.drawer import accounts, keyring, people
from dearly.drawer.connection import Db
from dearly.letter.address import Address, Correspondent
from dearly.letter.errors import DearlyError
from dearly.letter.sealing import PROVEN, Binding, Seal, Shape, Signature, Signed, judge
from dearly.opener import values as opener

_BY_AN_OLD_COPY = frozenset({Signature.EXPIRED, Signature.BAD, Signature.UNKNOWN})
"""What a signature comes to that was made by a key which our copy of the certificate does not show as good."""

_KNOWN_FOR_THEM = frozenset({Binding.FIRST_SEEN, Binding.PINNED, Binding.VERIFIED})

TAKEN = PROVEN | {Seal.SIGNED_CHANGED_KEY}
"""Seals that show whose key a letter was signed with, so that it is kept as theirs."""

AT_ONCE, WEIGHT = 20, 8_000_000
"""How many letters are filed in one transaction, which should take no longer than 50 ms, and of what weight."""


@dataclass(frozen=True, slots=True)
class Ours:
    """What is ours, as parcels are judged by it. `fingerprint`: of the key in use; `keys`: of all."""

    fingerprint: str
    keys: frozenset[str]
    addresses: Sequence[Address]


@dataclass(frozen=True, slots=True)
class Unsealed:
    """A parcel opened, and not judged yet. `brought`: certificates that it offers, stored already."""

    opened: opener.Opened
    brought: list[introductions.Brought]


@dataclass(frozen=True, slots=True)
class Reading:
    """What opening came to, judged. `signer`: fingerprint of the certificate that speaks for the sender best. `signed`:
    of a letter that was never sealed, what its signature is worth for this sender."""

    opened: opener.Opened
    seal: Seal
    signer: str | None
    signed: Signed


def ours(db: Db) -> Ours:
    """Raises `NotFound` (no_own_key)."""
    keys = frozenset(key.fingerprint for key in keyring.own_keys(db))
    return Ours(keyring.own_key(db).fingerprint, keys, accounts.own_addresses(db, left=True))


async def read_parcel(desk: Desk, raw: bytes) -> Reading:
    """Open one parcel and judge it. Certificates that it brings, and that are taken, are kept; nothing else is changed.
    Raises `DearlyError` where no process could read it, for no fault of the parcel's."""
    (one,) = [one async for one in unseal(desk, [raw], await desk.drawer.read(ours))]
    if isinstance(one, DearlyError):
        raise one
    return await desk.drawer.read(lambda db: judged(db, one.opened))


async def batches(
    desk: Desk, raws: Mapping[int, bytes], mine: Ours
) -> AsyncGenerator[dict[int, Unsealed | DearlyError], None]:
    """`unseal`, by number, in batches that are fit to be filed in one transaction by what they weigh unfolded. `raws`:
    not more than `AT_ONCE`."""
    some: dict[int, Unsealed | DearlyError] = {}
    weight = 0
    async with aclosing(unseal(desk, list(raws.values()), mine)) as unsealing:
        numbers = iter(raws)
        async for one in unsealing:
            some[next(numbers)] = one
            letter = None if isinstance(one, DearlyError) else one.opened.letter
            if letter is not None:
                weight += len(letter.text) + sum(len(each.data) for each in letter.enclosures)
            if weight >= WEIGHT:
                yield some
                some, weight = {}, 0
    if some:
        yield some


async def unseal(desk: Desk, raws: Sequence[bytes], mine: Ours) -> AsyncGenerator[Unsealed | DearlyError, None]:
    """Open parcels, in order; a `DearlyError` stands for one that no process could read, for no fault of its own.
    Certificates that they bring, and that are taken, are kept."""
    run = _Run(desk, mine, AtHand(desk))
    begun_at: list[int] = []

    def begun() -> Iterator[bytes]:
        for raw in raws:
            begun_at.append(run.at_hand.changes)
            yield raw

    await asyncio.gather(desk.opener.start(), desk.keyholder.ready())  # both children at once, where they do not run
    async with aclosing(run.open(begun())) as opening:
        at = 0
        async for opened in opening:
            yield opened if isinstance(opened, DearlyError) else await run.settled(raws[at], opened, begun_at[at])
            at += 1


@dataclass(frozen=True, slots=True)
class _Run:
    """Several parcels, one after the other, judged by the same things."""

    desk: Desk
    mine: Ours
    at_hand: AtHand

    def open(self, raws: Iterable[bytes]) -> AsyncGenerator[opener.Opened | DearlyError, None]:
        return self.desk.opener.open_many(
            raws,
            self.desk.keyholder.session_keys,
            self.at_hand.find,
            now=self.desk.clock.now(),
            our_fingerprints=[self.mine.fingerprint],
            our_addresses=self.mine.addresses,
        )

    async def settled(self, raw: bytes, opened: opener.Opened, begun_at: int) -> Unsealed | DearlyError:
        """What an opened parcel comes to, by all that those before it brought. `begun_at`: `AtHand.changes` of then."""
        try:
            # A newer copy of a key that we have may have come in this very letter: its signature is judged by that.
            renewed = await introductions.renewed(self.desk, opened, self.at_hand)
            missed = begun_at != self.at_hand.changes and not renewed
            if missed or (renewed and opened.evidence.signature in _BY_AN_OLD_COPY):
                (once_more,) = [one async for one in self.open([raw])]
                if isinstance(once_more, DearlyError):
                    return once_more
                opened = once_more
            return Unsealed(opened, await self._brought(opened))
        except DearlyError as error:
            return error

    async def _brought(self, opened: opener.Opened) -> list[introductions.Brought]:
        """Keep the certificates that it brings, as far as its seal lets them be taken. What it offers of others."""
        offered = opened.gossiped or (opened.introduced and opened.evidence.shape is Shape.PLAIN)
        if not (opened.found or offered):
            return []
        reading = await self.desk.drawer.read(lambda db: judged(db, opened))
        said = opened.introduced
        if reading.seal in TAKEN and said is not None and said.fingerprint == reading.signer:
            for certificate in opened.found:
                await self.at_hand.take_in(certificate, "signature")
        return await introductions.gather(opened, reading.seal, self.mine.keys, self.at_hand)


def judged(db: Db, opened: opener.Opened) -> Reading:
    """What a letter is worth for the sender whom it names, as the address book stands now."""
    sender = _sender(opened)
    person = people.person_of_address(db, sender.address, sender.name) if sender else None
    standing = {one: keyring.standing(db, person.id if person else None, one) for one in opened.signers}
    binding, signer = best(
        {
            one: recognise(standing[one], speaks_for_sender=_speaks(one, named, opened, sender))
            for one, named in zip(opened.signers, opened.named, strict=True)
        }
    )
    signed = opened.signed
    if signed is Signed.HOLDS and not (person and _KNOWN_FOR_THEM.intersection(filter(None, standing.values()))):
        signed = Signed.UNKNOWN  # by somebody else's key, or one that nobody knows for this person (A07)
    return Reading(opened, judge(replace(opened.evidence, binding=binding)), signer, signed)


def _sender(opened: opener.Opened) -> Correspondent | None:
    heading = opened.letter.heading if opened.letter else opened.outer
    return heading.sender if heading else None


def _speaks(signer: str, named: Iterable[Address], opened: opener.Opened, sender: Correspondent | None) -> bool:
    """Whether the certificate itself claims the sender's address: in a User ID, or by the Autocrypt field inside."""
    if sender is None:
        return False
    if any(address.same(sender.address) for address in named):
        return True
    said = opened.introduced
    return said is not None and said.inside and said.fingerprint == signer and said.address.same(sender.address)
