"""Collecting from a POP3 maildrop (RFC 1939). Everything stays where it lies: no command of ours deletes.

One connection for one act, and a short one: as long as it lasts, no other program can come into the maildrop (RFC 1939
4). First the listing (`popcursor` says what is new in it), then the headers of what is new (TOP), then, of what the
sieve takes, the whole (RETR).

The first time only the newest `FIRST` messages are looked at, and of these only what came in the last `LOOK_BACK`, by
the stamp of the server that took it in (the first Received field), else by its Date. What is older comes by import.

Nothing half is taken. The final dot is demanded, and as many octets as the server states. Some servers state an
estimate (docs/peers.md): so what came short is taken all the same where its own last boundary stands at its end, or
where at a third round just the same octets have come.
"""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import TypeVar

from dearly.carriers.base import (
    MOST_HEAD,
    MOST_PARCEL,
    Check,
    Collected,
    Credentials,
    Head,
    Judged,
    Sieve,
    Verdict,
    for_each,
)
from dearly.carriers.mail import popcursor, popwhole, tls
from dearly.carriers.mail.popcursor import Cursor, Entry, Owed
from dearly.carriers.mail.popline import Broken, NoLine, PopLine, Refused
from dearly.letter.account import MailAccount, Security, Server, SignIn
from dearly.letter.address import Address
from dearly.letter.clock import Clock
from dearly.letter.envelope import Heading, Parcel, SealedLetter, Source, Way
from dearly.letter.errors import CarrierTrouble, Usage
from dearly.letter.failpoint import reach
from dearly.letter.journey import Evidence, NothingProven
from dearly.letter.words import _, ngettext

LOOK_BACK = timedelta(days=30)
HEADS = 500
"""Headers that are looked at in one round trip of collecting."""
_TOGETHER = 8_000_000
"""Octets of messages fetched in one collecting; one message may be larger."""
_NO_UIDL = 500
"""Messages, the newest, that are told apart by their headers where the server gives no unique ids."""
_MOST_SECONDS = 1_800.0
"""How long one act may last, whatever the server does."""

T = TypeVar("T")


@dataclass(slots=True)
class _Look:
    """What was seen of the fresh messages: heads by uid, and what had to be fetched whole to see them."""

    heads: dict[str, Head] = field(default_factory=dict)
    whole: dict[str, bytes] = field(default_factory=dict)
    later: set[str] = field(default_factory=set)
    """Not looked at yet: the next batch begins with them."""
    failed: set[str] = field(default_factory=set)
    """The server gave nothing of them: looked at again at the next round."""
    large: list[str] = field(default_factory=list)
    """Too much to be fetched for a look."""


class Maildrop:
    """`Fetches` for the POP3 side of an account."""

    way = Way.MAIL

    def __init__(self, account: MailAccount, credentials: Credentials, sieve: Sieve, clock: Clock) -> None:
        if account.incoming is None:
            raise ValueError("an account without an incoming server")
        self._server: Server = account.incoming
        self._account, self._credentials, self._sieve, self._clock = account, credentials, sieve, clock
        self._context: ssl.SSLContext | None = None
        self.place = str(account.address)

    def __repr__(self) -> str:
        return f"Maildrop({self._server.host!r}, {self.place!r})"

    async def collect(self, cursor: str) -> Collected:
        known = Cursor.read(cursor)
        async with self._line() as line:
            entries = await self._within(line, _entries)
            plan = popcursor.plan(known, entries)
            present = {entry.uid: entry for entry in entries}
            owed = {one.uid: one for one in known.owed if one.uid in present}
            room = popcursor.MOST_OWED - len(owed)
            batch = plan.fresh[: HEADS if room > 0 else 0]
            look = await self._within(line, lambda line: self._look(line, batch, room))
            verdicts = await self._judged(look, self._since(known) if plan.first else None)
            owed |= {uid: Owed(uid, unseen=True) for uid in look.large}
            unseen = len(plan.fresh) > len(batch) or bool(look.later)
            # What is owed is asked for again once nothing new is left, or has room; it holds nothing else up.
            again = [present[one.uid] for one in known.owed if one.uid in owed and (room <= 0 or not unseen)]
            taken = [entry for entry in batch if verdicts.get(entry.uid) is Verdict.TAKE]
            # What there is no room for, should it not come whole, is left for another batch, and so never forgotten.
            fits = max(0, room - len(look.large))
            now, later = _portion([*taken[:fits], *again], look.whole)
            later += taken[fits:]
            wanted = [entry for entry in now if entry.uid not in look.whole]
            got = look.whole | await self._within(line, lambda line: _retrieved(line, wanted))
            reach("pop3.retrieved")
        came: dict[str, bytes] = {}
        unread = _Look()
        for entry in now:
            before = owed.pop(entry.uid, Owed(entry.uid))
            data, became = popwhole.weighed(entry, got.get(entry.uid), before)
            if data is None:
                owed[entry.uid] = became
                continue
            came[entry.uid] = data
            if before.unseen:
                unread.heads[entry.uid] = self._head(entry, data)
        verdicts |= await self._judged(unread, None)
        # What was not fetched yet is fresh again at the next batch; what is owed was seen.
        undone = look.later | look.failed | ({entry.uid for entry in later} - set(owed))
        done = plan.seen | {entry.mark for entry in batch if entry.uid not in undone}
        going_on = unseen or any(entry.uid not in owed for entry in later)
        full = len(owed) >= popcursor.MOST_OWED
        kept = Cursor(
            begun=True,
            first=plan.first and going_on,
            older=plan.older,
            seen=tuple(entry.mark for entry in plan.window if entry.mark in done),
            owed=tuple(owed.values()),
            looked=known.looked if going_on or owed else self._clock.now().date(),
        )
        doors = tuple(said for said in verdicts.values() if isinstance(said, Heading))
        # What is owed and not unseen was taken by the sieve before.
        letters = [uid for uid in came if verdicts.get(uid, Verdict.TAKE) is Verdict.TAKE]
        parcels = [Parcel(came[uid], self._source(uid)) for uid in letters]
        large = bool(unread.heads) and any(one.unseen for one in owed.values())  # they come one by one
        more = large or (going_on and not (full and room <= 0))
        left = len(owed) + len(look.failed)
        return Collected(tuple(parcels), kept.text(), more, left, full, doors)

    async def acknowledge(self, sources: Sequence[Source]) -> None:
        """Nothing: POP3 has no mark but the one that deletes (RFC 1939 5)."""

    async def fetch(self, sources: Sequence[Source]) -> tuple[Parcel, ...]:
        asked = {source.uid for source in sources if source.way is self.way and source.place == self.place}
        if not asked:
            return ()
        async with self._line() as line:
            there = [entry for entry in await self._within(line, _entries) if entry.uid in asked]
            got = await self._within(line, lambda line: _retrieved(line, there))
        return tuple(
            Parcel(got[entry.uid], self._source(entry.uid))
            for entry in there
            if entry.uid in got and popwhole.whole(got[entry.uid], entry.size)
        )

    async def look_for(self, letter: SealedLetter) -> Mapping[Address, Evidence]:
        """A maildrop proves nothing by itself: our own copy is recognised when it is collected."""
        return for_each(letter, NothingProven())

    async def check(self) -> list[Check]:
        """What works and what does not, as far as one gets."""
        host = self._server.host
        try:
            async with self._line() as line:
                reached = Check("incoming.sign_in", True, _("{host} (POP3) lets us in.").format(host=host))
                try:
                    entries = await self._within(line, _entries)
                except CarrierTrouble as trouble:
                    return [reached, Check("incoming.letterbox", False, trouble.told)]
                words = ngettext(
                    "One message lies in the mailbox, and stays there.",
                    "{n} messages lie in the mailbox, and stay there.",
                    len(entries),
                ).format(n=len(entries))
                return [reached, Check("incoming.letterbox", True, words)]
        except CarrierTrouble as trouble:
            what = "incoming.sign_in" if trouble.code.startswith("sign_in") else "incoming.reached"
            return [Check(what, False, trouble.told)]

    async def close(self) -> None:
        """Nothing is kept open between two acts."""

    # -- the line

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[PopLine]:
        """A line, signed in. Raises `CarrierTrouble`."""
        try:
            async with asyncio.timeout(_MOST_SECONDS):
                line = await self._signed_in()
                try:
                    yield line
                    await asyncio.to_thread(line.end)
                finally:
                    line.abort()
        except TimeoutError:
            raise self._trouble(_("{host} did not answer in time.").format(host=self._server.host)) from None

    async def _signed_in(self) -> PopLine:
        secret = await self._credentials.password()
        stale = ""
        while True:
            line = PopLine(self._server, self._trust())
            try:
                await self._within(line, PopLine.open)
                await asyncio.to_thread(line.sign_in, self._server.user, secret, self._account.sign_in)
                return line
            except Refused as refused:
                line.abort()
                if refused.passing:
                    raise self._refused(refused) from None
                await self._credentials.refused()
                # A token that was renewed is worth one more attempt; a password that was refused is not.
                if stale or self._account.sign_in is not SignIn.OAUTH:
                    raise self._turned_away(refused) from None
                stale, secret = secret, await self._credentials.password()
                if secret == stale:
                    raise self._turned_away(refused) from None
            except ValueError:
                line.abort()
                raise Usage(
                    "bad_password",
                    _("The name or password for {host} holds a character that cannot stand there.").format(
                        host=self._server.host
                    ),
                    _("Copy it once more, in one line."),
                ) from None
            except Broken:
                line.abort()
                raise self._cut() from None
            except BaseException:
                line.abort()
                raise

    def _trust(self) -> ssl.SSLContext | None:
        if self._context is None and self._server.security is not Security.PLAIN:
            self._context = tls.context(self._account.ca)
        return self._context

    async def _within(self, line: PopLine, act: Callable[[PopLine], T]) -> T:
        """`act` in a thread, its troubles as a person is told of them."""
        try:
            return await asyncio.to_thread(act, line)
        except Broken:
            raise self._cut() from None
        except Refused as refused:
            raise self._refused(refused) from None
        except NoLine:
            raise CarrierTrouble(
                "mail_unreachable",
                _("There is no connection to {host}.").format(host=self._server.host),
                _("Nothing is lost; it is tried again at the next round."),
                retry=True,
            ) from None
        except asyncio.CancelledError:
            line.abort()  # so that the thread is let go of too
            raise

    # -- looking and judging

    def _look(self, line: PopLine, entries: Sequence[Entry], room: int) -> _Look:
        """The headers of these messages. Without TOP they are fetched whole, where they are not too large."""
        look = _Look()
        if entries and _gives_heads(line, entries[0]):
            heads = line.texts([f"TOP {entry.number} 0" for entry in entries], MOST_PARCEL, MOST_HEAD)
            for entry, head in zip(entries, heads, strict=True):
                if head is None:
                    look.failed.add(entry.uid)
                else:
                    look.heads[entry.uid] = self._head(entry, head)
            return look
        small = [entry for entry in entries if entry.size <= _TOGETHER]
        large = [entry.uid for entry in entries if entry.size > _TOGETHER]
        look.large = large[:room]
        now, later = _portion(small, {})
        look.whole = _retrieved(line, now)
        look.heads = {entry.uid: self._head(entry, look.whole[entry.uid]) for entry in now if entry.uid in look.whole}
        look.failed = {entry.uid for entry in now} - set(look.whole)
        look.later = {entry.uid for entry in later} | set(large[room:])
        return look

    def _head(self, entry: Entry, data: bytes) -> Head:
        return Head(self._source(entry.uid), entry.size, popwhole.header(data))

    def _since(self, known: Cursor) -> datetime:
        """From when on a look from the beginning counts: what came since the last whole one was never looked at; and
        what is owed may have come before that."""
        back = self._clock.now() - LOOK_BACK
        if known.looked is None:
            return back
        before = LOOK_BACK if known.owed else timedelta(days=1)
        return min(back, datetime.combine(known.looked, time(), UTC) - before)

    async def _judged(self, look: _Look, since: datetime | None) -> dict[str, Judged]:
        heads = [head for head in look.heads.values() if since is None or not popwhole.came_before(head.data, since)]
        verdicts = await self._sieve(heads) if heads else ()
        return {head.source.uid: verdict for head, verdict in zip(heads, verdicts, strict=True)}

    def _source(self, uid: str) -> Source:
        return Source(self.way, self.place, "", uid)

    # -- what a person is told

    def _trouble(self, why: str) -> CarrierTrouble:
        return CarrierTrouble(
            "mail_answer", why, _("Nothing is lost; it is tried again at the next round."), retry=True
        )

    def _cut(self) -> CarrierTrouble:
        return self._trouble(
            _("The connection to {host} broke before its answer was complete.").format(host=self._server.host)
        )

    def _refused(self, refused: Refused) -> CarrierTrouble:
        if refused.code == "IN-USE":
            why = _("Another program is reading the mailbox at {host} just now.").format(host=self._server.host)
        else:
            why = _("{host} says: {words}").format(host=self._server.host, words=refused.words or "-ERR")
        return self._trouble(why)

    def _turned_away(self, refused: Refused) -> CarrierTrouble:
        return CarrierTrouble(
            "sign_in_refused",
            _("{host} did not take the name and password. It says: {words}").format(
                host=self._server.host, words=refused.words or "-ERR"
            ),
            _("Give the password once more (dearly account add). Many providers want one made for a single program."),
        )


# -- on the line, in its thread


def _entries(line: PopLine) -> list[Entry]:
    """The listing, oldest first."""
    sizes = line.listing("LIST")
    try:
        try:
            return popcursor.listed(sizes, line.listing("UIDL"))
        except Refused:
            return _told_apart_by_header(line, sizes)
    except ValueError:
        raise Broken("no listing") from None


def _told_apart_by_header(line: PopLine, sizes: Sequence[str]) -> list[Entry]:
    """Where the server gives no unique ids: by what their headers are. Raises `Refused` where it gives none either."""
    numbers = popcursor.listed(sizes, [size.split()[0] + " -" for size in sizes])[-_NO_UIDL:]
    names = []
    heads = list(line.texts([f"TOP {entry.number} 0" for entry in numbers], MOST_PARCEL, MOST_HEAD))
    for entry, head in zip(numbers, heads, strict=True):
        if head is None:
            raise Refused(b"-ERR no unique ids, and no headers")
        names.append(f"{entry.number} top:{hashlib.sha256(head).hexdigest()}")
    return popcursor.listed(sizes, names)


def _gives_heads(line: PopLine, entry: Entry) -> bool:
    """Whether the server has TOP, which is optional (RFC 1939 7). Where it does not say what it can, it is asked."""
    if line.can:
        return "TOP" in line.can
    return next(iter(line.texts([f"TOP {entry.number} 0"], MOST_PARCEL, MOST_HEAD))) is not None


def _retrieved(line: PopLine, entries: Sequence[Entry]) -> dict[str, bytes]:
    """Of these messages, those that the server gives."""
    wanted = [entry for entry in entries if entry.size <= MOST_PARCEL]
    texts = line.texts([f"RETR {entry.number}" for entry in wanted], MOST_PARCEL + 1_000_000)
    return {entry.uid: text for entry, text in zip(wanted, texts, strict=True) if text is not None}


# -- pure


def _portion(entries: Sequence[Entry], at_hand: Mapping[str, bytes]) -> tuple[list[Entry], list[Entry]]:
    """What is fetched now, and what is left for the next batch."""
    weight = 0
    for n, entry in enumerate(entries):
        weight += 0 if entry.uid in at_hand or entry.size > MOST_PARCEL else entry.size
        if n and weight > _TOGETHER:
            return list(entries[:n]), list(entries[n:])
    return list(entries), []
