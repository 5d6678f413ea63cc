"""The opener's face to the desk: a few children, started when they are first needed, and what can be asked of them.

A parcel is given to one child once. If that child ends while it has the parcel, the parcel is not tried again: the
answer says what happened, and the next parcel gets a new child. Only a child that ended before it took the parcel is
replaced without a word.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from dearly.letter.address import Address
from dearly.letter.envelope import LARGEST_PARCEL
from dearly.letter.errors import DearlyError
from dearly.letter.sealing import Evidence, Integrity, Key, Shape
from dearly.letter.words import _
from dearly.opener.bulk import Read, Stack
from dearly.opener.bulk import unread as unread_of_many
from dearly.opener.darkroom import Darkroom
from dearly.opener.heads import LONGEST_HEADER, MOST_TOGETHER, UNREADABLE, HeadFacts
from dearly.opener.limits import REQUEST_SECONDS, Limits
from dearly.opener.outcomes import error_of, too_large, too_large_error, trouble_of, unread, withheld
from dearly.opener.process import Answers, Child, Lost
from dearly.opener.protocol import LARGEST_PKESK, MOST_PKESKS, How, In, Operation, Out
from dearly.opener.protocol_letters import (
    CERTIFICATE,
    CERTIFICATES,
    EXAMINE,
    FIND,
    HEADS,
    KEYS,
    MERGE,
    MINIMISE,
    MOST_ISSUERS,
    OPEN,
    OUTLINE,
    OUTLINES,
    PLAN,
    READ,
    Bytes,
    Merge,
    Minimise,
    Open,
    Plan,
    Wanted,
)
from dearly.opener.values import Opened, Outside, claimed_shape
from dearly.seal.values import CertificateFacts, SealPlan, SessionKey

if TYPE_CHECKING:
    from dearly.exchange.vcard import Card
    from dearly.letter.suggestion import Settings
    from dearly.opener.picture import Picture, Purpose
    from dearly.opener.showing import Foreign, Paper, Sheet

Keys = Callable[[list[bytes]], Awaitable[Sequence[SessionKey]]]
"""PKESK bodies to the session keys that ours give (`keyholder.Keyholder.session_keys`)."""

Find = Callable[[list[str]], Awaitable[Sequence[bytes]]]
"""Issuer ids (lower-case hex key ids and fingerprints) to the certificates at hand that own one of them."""

UNFOLD = 80 << 20
"""Octets that a letter may unfold to: more than `content.MOST_ENCLOSED` in base64, which are 68 MB."""

LARGEST_CERTIFICATE = 256 << 10
LARGEST_SETTINGS = 64 << 10
LARGEST_CARD = 320 << 10
"""64 KiB of card and 256 KiB of certificate (A15, A34)."""

_PAGE_FIRST = 0.3
"""Seconds that children which are only expected leave to what is being done now."""

_NO_HEADER = b"\0"
"""Stands for a header that is not worth a look: what is read of it is `UNREADABLE`."""

_MODULE = "dearly.opener.child"
_CODES = "dearly.opener.codechild"

_SHOWING = frozenset({"paper", "frame"})
"""What is asked of children of the kind that shows letters (`protocol_shown`): it needs other libraries than the kind
that opens them, and holds nothing that was sealed for longer than one page."""


class Opener:
    """A small pool of children. Use it as `async with Opener() as opener`, or call `start` and `close`.

    `size`: most children at a time. `languages`: of the sentences in errors, best first, as for `words.speak`."""

    def __init__(self, *, size: int = 2, languages: Sequence[str] = ()) -> None:
        self._free = asyncio.Semaphore(size)
        self._size = size
        self._idle: deque[Child] = deque()
        showing: tuple[asyncio.Semaphore, deque[Child]] = (asyncio.Semaphore(size), deque())
        self._kept = {"letters": (self._free, self._idle), "showing": showing}
        self._busy: set[Child] = set()
        self._languages = languages
        self._darkroom = Darkroom(languages)
        self._coming: asyncio.Task[None] | None = None
        self._arriving: dict[str, asyncio.Event] = {}
        self._asked: set[str] = set()
        self._closed = False

    async def start(self) -> None:
        """Start the first child now, so that the first letter need not wait for it (about 0.2 s)."""
        async with self._child("letters"):
            pass

    def expect(self) -> None:
        """Letters will soon be read: start a child of each kind, once and in the background, so that the first letter
        need not wait for them (about a second). Where one does not start, whoever needs it is told."""
        if self._coming is None and not self._closed:
            self._coming = asyncio.create_task(self._come(), name="opener")

    async def _come(self) -> None:
        await asyncio.sleep(_PAGE_FIRST)
        for kind, (free, idle) in reversed(self._kept.items()):  # showing takes longest
            if idle or kind in self._asked:
                continue
            arrived = self._arriving[kind] = asyncio.Event()
            try:
                with suppress(DearlyError):
                    async with free:
                        idle.append(await self._start(kind))
            finally:
                del self._arriving[kind]
                arrived.set()

    async def close(self) -> None:
        """End all children, and come back when they have ended. What is being asked ends with an error."""
        self._closed = True
        if self._coming is not None:
            self._coming.cancel()
            await asyncio.wait({self._coming})
        for child in self._busy:
            child.kill()
        await self._darkroom.close()
        for free, _idle in self._kept.values():
            for _turn in range(self._size):
                await free.acquire()
        await asyncio.gather(*(child.close() for _free, idle in self._kept.values() for child in idle))
        for free, idle in self._kept.values():
            idle.clear()
            for _turn in range(self._size):
                free.release()

    async def __aenter__(self) -> Opener:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(
        self,
        raw: bytes,
        keyholder: Keys,
        find: Find,
        *,
        now: datetime,
        our_fingerprints: Sequence[str] = (),
        our_addresses: Sequence[Address] = (),
        limit: int = UNFOLD,
    ) -> Opened:
        """Open one parcel, sealed or not. Whatever is wrong with the parcel is said in the result, never raised.

        `keyholder` and `find` are asked at most once each; what they raise is raised here. `now`: aware UTC. Raises
        `DearlyError` (opener_ended, opener_confused, opener_not_started) when the child failed for no fault of the
        parcel's that could be told; the parcel is then as unopened as before."""
        if len(raw) > LARGEST_PARCEL:
            return unread(raw, Evidence(claimed_shape(raw)), too_large())
        asked = gave = False

        async def keys(pkesks: Sequence[bytes]) -> Sequence[SessionKey]:
            nonlocal asked, gave
            asked = True
            if len(pkesks) > MOST_PKESKS or any(len(pkesk) > LARGEST_PKESK for pkesk in pkesks):
                return ()
            given = await keyholder(list(pkesks))
            gave = bool(given)
            return given

        async def certificates(issuers: Sequence[str]) -> Sequence[bytes]:
            return await find(list(issuers[:MOST_ISSUERS]))

        request = Open(raw, now, tuple(our_fingerprints), tuple(our_addresses), limit)
        try:
            opened = await self._call(OPEN, request, {KEYS: keys, FIND: certificates})
        except Lost as lost:
            if lost.how in (How.ENDED, How.CONFUSED):
                raise error_of(lost) from None
            shape = Shape.SEALED if asked else claimed_shape(raw)
            key = Key.FITTED if gave else Key.NONE
            return unread(raw, Evidence(shape, key, Integrity.TOO_BIG), trouble_of(lost.how))
        return withheld(opened)

    async def open_many(
        self,
        raws: Iterable[bytes],
        keyholder: Keys,
        find: Find,
        *,
        now: datetime,
        our_fingerprints: Sequence[str] = (),
        our_addresses: Sequence[Address] = (),
        limit: int = UNFOLD,
    ) -> AsyncGenerator[Opened | DearlyError, None]:
        """Open many parcels, in order, all children at work; a `DearlyError` stands where `open` would raise one."""
        waiting: deque[asyncio.Task[Opened]] = deque()
        rest = iter(raws)
        more: dict[str, Any] = {
            "now": now,
            "our_fingerprints": our_fingerprints,
            "our_addresses": our_addresses,
            "limit": limit,
        }
        try:
            while True:
                while len(waiting) <= self._size and (raw := next(rest, None)) is not None:
                    waiting.append(asyncio.ensure_future(self.open(raw, keyholder, find, **more)))
                if not waiting:
                    return
                try:
                    yield await waiting.popleft()
                except DearlyError as error:
                    yield error
        finally:
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    async def outline(self, raw: bytes) -> Outside:
        """What stands outside, without opening anything. Raises `Refused` when it is beyond a limit of reading."""
        if len(raw) > LARGEST_PARCEL:
            raise too_large_error()
        return await self._simply(OUTLINE, raw)

    async def outlines(self, raws: Sequence[bytes]) -> tuple[Outside | DearlyError, ...]:
        """`outline` of each, in order, by one question; a `DearlyError` stands where that would raise one. What breaks
        the child is found by asking about each alone."""
        found: tuple[Outside | None, ...] = ()
        if len(raws) > 1 and all(len(raw) <= LARGEST_PARCEL for raw in raws):
            with suppress(Lost, DearlyError):
                found = await self._call(OUTLINES, tuple(raws))
        if len(found) != len(raws):
            found = (None,) * len(raws)
        return tuple([seen or await self._outline_or_why(raw) for raw, seen in zip(raws, found, strict=True)])

    async def _outline_or_why(self, raw: bytes) -> Outside | DearlyError:
        try:
            return await self.outline(raw)
        except DearlyError as error:
            return error

    async def heads(self, headers: Sequence[bytes]) -> tuple[HeadFacts, ...]:
        """What headers of unfetched messages say, each by itself, in order; `UNREADABLE` for one that is too long or
        breaks the child. Raises `DearlyError` (opener_ended, opener_not_started) for no fault of theirs."""
        found: list[HeadFacts] = []
        for start in range(0, len(headers), MOST_TOGETHER):
            batch = headers[start : start + MOST_TOGETHER]
            found += await self._heads(tuple(one if len(one) <= LONGEST_HEADER else _NO_HEADER for one in batch))
        return tuple(found)

    async def _heads(self, headers: tuple[bytes, ...]) -> tuple[HeadFacts, ...]:
        """One batch; where it breaks the child, each header alone, so that one cannot take others with it."""
        try:
            found = await self._call(HEADS, headers)
            if len(found) == len(headers):
                return found
        except Lost as lost:
            if lost.how in (How.ENDED, How.SILENT):
                raise error_of(lost) from None
        if len(headers) == 1:
            return (UNREADABLE,)
        return tuple([one for header in headers for one in await self._heads((header,))])

    async def read_many(self, stack: Stack) -> tuple[Read, ...]:
        """Each original of the stack, read, in order. One that breaks the child, or is too large for it, is UNREADABLE,
        with the reason; the others are read then one by one. Raises `DearlyError` (opener_ended, opener_not_started)
        for no fault of theirs: nothing is known of the whole stack then."""
        if not stack.letters:
            return ()
        if len(stack.letters) == 1 and len(stack.letters[0]) > LARGEST_PARCEL:
            return (unread_of_many(too_large(), sent=bool(stack.sent[0])),)
        how = How.CONFUSED
        try:
            found = await self._call(READ, stack)
            if len(found) == len(stack.letters):
                return found
        except Lost as lost:
            if lost.how is How.ENDED:
                raise error_of(lost) from None
            how = lost.how
        except DearlyError as error:
            if error.code != "opener_failed":  # such as an answer that is too large to be given
                raise
        if len(stack.letters) == 1:
            return (unread_of_many(trouble_of(how), sent=bool(stack.sent[0])),)
        alone = (
            replace(stack, letters=(letter,), sent=(sent,))
            for letter, sent in zip(stack.letters, stack.sent, strict=True)
        )
        return tuple([one for each in alone for one in await self.read_many(each)])

    async def read_card(self, data: bytes, *, now: datetime) -> Card:
        """A visiting card, its certificates minimised and the unusable left out. Raises `Usage` (bad_card)."""
        if len(data) > LARGEST_CARD:
            raise too_large_error()
        from dearly.opener.protocol_apart import CARD

        child = await self._start("cards")
        try:
            return await child.call(CARD, Bytes(data, now), seconds=REQUEST_SECONDS)
        except Lost as lost:
            raise error_of(lost) from None
        finally:
            await child.close()

    async def read_settings(self, data: bytes) -> Settings:
        """A mail provider's settings as XML (`exchange.autoconfig`), read by a process that is thrown away after it.
        Raises `Usage` (bad_settings), `Refused` (too_large_to_open and the like)."""
        if len(data) > LARGEST_SETTINGS:
            raise too_large_error()
        from dearly.opener.protocol_apart import SETTINGS

        child = await self._start("settings")
        try:
            return await child.call(SETTINGS, data, seconds=REQUEST_SECONDS)
        except Lost as lost:
            raise error_of(lost) from None
        finally:
            await child.close()

    async def read_codes(self, data: bytes) -> tuple[str, ...]:
        """The texts of the QR codes in a picture (JPEG, PNG, WebP), read by a process of their own. Raises `Usage`
        (no_code), `Refused` (not_a_picture, picture_too_large, too_many_pixels, bad_picture)."""
        from dearly.opener.protocol_pictures import CODE

        try:
            child = await Child.start(_CODES, languages=self._languages)
        except (Lost, OSError):
            raise _not_started() from None
        try:
            return await child.call(CODE, data, seconds=REQUEST_SECONDS)
        except Lost as lost:
            raise error_of(lost) from None
        finally:
            await child.close()

    async def read_certificate(self, data: bytes, now: datetime) -> tuple[bytes, CertificateFacts]:
        """A foreign certificate (binary or armored), minimised, and its facts. Raises `CannotSealOrOpen`."""
        if len(data) > LARGEST_CERTIFICATE * 2:  # armored
            raise too_large_error()
        read = await self._simply(CERTIFICATE, Bytes(data, now))
        return read.certificate, read.facts

    async def certificates(self, data: bytes, now: datetime) -> list[tuple[bytes, CertificateFacts]]:
        """The certificates that lie in a file or in a text (`seal.several`), minimised, each once, with their facts.
        Raises `CannotSealOrOpen` for what is too large to be looked through."""
        if len(data) > LARGEST_CERTIFICATE * 2:
            raise too_large_error()
        return [(read.certificate, read.facts) for read in await self._simply(CERTIFICATES, Bytes(data, now))]

    async def examine(self, certificate: bytes, now: datetime) -> CertificateFacts:
        """`seal.trust.examine` in a child."""
        return await self._simply(EXAMINE, Bytes(certificate, now))

    async def minimise(self, certificate: bytes, keep: Address | None = None, *, only: bool = False) -> bytes:
        """`seal.trust.minimise` in a child."""
        return await self._simply(MINIMISE, Minimise(certificate, keep, only))

    async def merge(self, old: bytes, new: bytes) -> bytes:
        """`seal.trust.merge` in a child."""
        return await self._simply(MERGE, Merge(old, new))

    async def plan(self, wanted: Mapping[Address, bytes | None], now: datetime) -> SealPlan:
        """`seal.trust.plan` in a child: how to seal to all of `wanted`. Raises `CannotSealOrOpen` as it does."""
        people = tuple(Wanted(address, certificate) for address, certificate in wanted.items())
        return await self._simply(PLAN, Plan(people, now))

    async def paper(self, sheets: Sequence[Sheet]) -> tuple[Paper, ...]:
        """Texts as the desk shows them on paper, in order (`showing.Paper`); plainly, where one of them takes too long
        as CommonMark."""
        from dearly.opener.protocol_shown import PAPER
        from dearly.opener.showing import Sheets

        try:
            return await self._call(PAPER, Sheets(tuple(sheets)))
        except Lost as lost:
            if lost.how in (How.ENDED, How.CONFUSED):
                raise error_of(lost) from None
        plainly = tuple(replace(sheet, commonmark=False, html=None) for sheet in sheets)
        return await self._simply(PAPER, Sheets(plainly))

    async def frame(self, foreign: Foreign) -> str:
        """A foreign letter's HTML, sanitised, as a document for the locked frame."""
        from dearly.opener.protocol_shown import FRAME

        return await self._simply(FRAME, foreign)

    async def picture(self, data: bytes, *, most_side: int | None, purpose: Purpose) -> Picture:
        """A foreign picture made anew from its pixels: JPEG, PNG or WebP by content, upright, sRGB, one frame.

        `most_side`: what its longer side may have in pixels, None for all. Raises `Refused` (not_a_picture,
        picture_too_large, too_many_pixels, bad_picture; too_large_to_open and the like when it broke the child)."""
        return await self._darkroom.develop(data, most_side=most_side, purpose=purpose)

    async def limits(self) -> Limits:
        """What a child of this kind is proven unable to do here: a new one tries each, and is thrown away."""
        from dearly.opener import probe

        return await probe.prove(lambda: self._start("trying"))

    async def _simply(self, operation: Operation[In, Out], value: In) -> Out:
        try:
            return await self._call(operation, value)
        except Lost as lost:
            raise error_of(lost) from None

    async def _call(self, operation: Operation[In, Out], value: In, answers: Answers | None = None) -> Out:
        for last_try in (False, True):
            async with self._child("showing" if operation.name in _SHOWING else "letters") as child:
                try:
                    return await child.call(operation, value, answers, seconds=REQUEST_SECONDS)
                except Lost as lost:
                    if lost.took or last_try:
                        raise
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def _child(self, kind: str) -> AsyncIterator[Child]:
        """A child that nobody else uses; the one used last comes first, so that few are kept awake."""
        free, idle = self._kept[kind]
        self._asked.add(kind)
        if kind in self._arriving:
            await self._arriving[kind].wait()
        async with free:
            if self._closed:
                raise DearlyError("opener_closed", _("The desk is closing."))
            child = idle.pop() if idle else await self._start(kind)
            self._busy.add(child)
            try:
                yield child
            finally:
                self._busy.discard(child)
                if child.usable and not self._closed:
                    idle.append(child)
                else:
                    await child.close()

    async def _start(self, kind: str) -> Child:
        try:
            return await Child.start(_MODULE, kind, languages=self._languages)
        except (Lost, OSError):
            raise _not_started() from None


def _not_started() -> DearlyError:
    return DearlyError(
        "opener_not_started",
        _("The process that reads letters could not be started."),
        _("Look whether this machine has memory and processes to spare, then try again."),
        retry=True,
    )
