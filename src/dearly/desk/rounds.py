"""Act 5 and 8: a round. The outbox is collected, what is uncertain is looked for, the letterbox is filled.

Nothing here repeats a handing over on a guess. An attempt is recorded, then made; its outcome is recorded; what stays
unknown is looked for, and only a proven «no» leads to another attempt (letter/journey.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from dearly.carriers.base import PostsInTurn, PostsMany, Relays, Report, Reports
from dearly.desk import account as mailing
from dearly.desk import fetch, post, settings, world
from dearly.desk.desk import Desk
from dearly.desk.values import RoundReport
from dearly.desk.ways import Joined, Office
from dearly.drawer import accounts, attempts, keyring, outbox
from dearly.drawer.connection import Db
from dearly.letter.address import Address
from dearly.letter.envelope import Way
from dearly.letter.errors import CannotSealOrOpen, CarrierTrouble, DearlyError, Refused
from dearly.letter.failpoint import reach
from dearly.letter.journey import Evidence, Found, NothingProven, Outcome, State, TryLater, Unknown
from dearly.letter.journey import Why as HeldWhy

ASK_AFTER = timedelta(days=30)
"""For how long a carrier that reports is asked what became of a letter."""

RECALL_FOR = timedelta(days=6)
"""For how long a letter that was given up is taken out of an office; longer than the office would try (5 days)."""

LOOK_SECONDS = 20.0
"""How often a waiting desk looks whether a letter is due: the machine may have slept, and a letter may be posted."""


async def make_round(desk: Desk) -> RoundReport:
    """Collect the outbox and look into the letterbox, now. Carriers that do not answer are said in `troubles`; the
    others are served all the same. Where the round is cancelled in the midst of handing over, what it had begun is
    unclear, and is recorded so at once."""
    async with desk.turn:
        try:
            return await _Round(desk).make()
        except asyncio.CancelledError:
            now = desk.clock.now()
            await desk.drawer.write(lambda db: attempts.settle_unfinished(db, now))
            raise


async def watch(desk: Desk, each: Callable[[RoundReport], None]) -> None:
    """Make a round now, and then again whenever a letter is due or a set hour has come, until cancelled."""
    while True:
        begun = desk.clock.local()
        try:
            report = await make_round(desk)
        except DearlyError as trouble:  # a full disk, say: the next round may find it mended
            report = RoundReport((), (), (), (trouble.told,), None)
        desk.notices += [trouble for trouble in report.troubles if trouble not in desk.notices]
        each(report)
        await asyncio.sleep(LOOK_SECONDS)  # always: what is due and cannot leave must not keep us running
        # The event is the clock's. The hours are read anew each time: they may have been set otherwise meanwhile.
        while not await _due(desk) and desk.clock.now() < await next_round(desk, begun):  # noqa: ASYNC110  (see above)
            await asyncio.sleep(LOOK_SECONDS)


async def _due(desk: Desk) -> bool:
    due = await desk.drawer.read(attempts.next_due)
    return due is not None and due <= desk.clock.now()


async def next_round(desk: Desk, after: datetime | None = None) -> datetime:
    """The next of the hours that the person has set for rounds, after now or after `after`, by the time of the place
    where the person is."""
    hours = await desk.drawer.read(settings.rounds)
    local = (after or desk.clock.now()).astimezone(desk.clock.local().tzinfo)
    days = (local.date() + timedelta(days=n) for n in (0, 1, 2))
    return next(moment for day in days for hour in hours if (moment := desk.clock.on(day, hour)) > local)


Account = tuple[Way, str]
"""An account of ours: the same address may be one at an office and one at a mail provider."""


class _Round:
    """One round: the carriers it reached, and what it has to tell."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.reached: dict[Account, Office] = {}
        self._uids: dict[Account, str] = {}
        """Uid of the account at each place."""
        self.handed: list[int] = []
        self.arrived: list[int] = []
        self.unclear: list[int] = []
        self.troubles: list[str] = []

    async def make(self) -> RoundReport:
        await self._reach_carriers()
        await self._seal_what_is_due()
        await self._look_for_the_uncertain()
        if await self._hand_over():
            # What became uncertain just now can often be cleared up at once, and then goes in the same round.
            await self._look_for_the_uncertain()
            await self._hand_over()
        await self._ask_after_the_accepted()
        await self._recall_the_given_up()
        for carrier in self.reached.values():
            await self._collect(carrier)
        sorted_ = await fetch.sort(self.desk)
        self.arrived += sorted_.new
        self.troubles += sorted_.troubles
        next_leaves = await self.desk.drawer.read(attempts.next_due)
        return RoundReport(
            tuple(dict.fromkeys(self.handed)),
            tuple(self.arrived),
            tuple(dict.fromkeys(self.unclear)),
            tuple(dict.fromkeys(self.troubles)),
            next_leaves,
        )

    async def _reach_carriers(self) -> None:
        for account in await self.desk.drawer.read(accounts.list_all):
            at = account.way, account.place
            try:
                if account.way is Way.OFFICE:
                    self.reached[at] = await self.desk.ways.office(joined(account))
                elif account.way is Way.MAIL:
                    self.reached[at] = await mailing.carrier(self.desk, account)
                self._uids[at] = account.uid
            except DearlyError as trouble:
                self._tell(account.place, trouble)

    def _tell(self, place: str, trouble: DearlyError) -> None:
        self.troubles.append(f"{place}: {trouble.told}")

    async def _seal_what_is_due(self) -> None:
        now = self.desk.clock.now()
        waiting = await self.desk.drawer.read(lambda db: outbox.needs_sealing(db, now))
        for number in dict.fromkeys(travel.number for travel in waiting):
            try:
                await post.seal_anew(self.desk, number)
            except CannotSealOrOpen as cannot:
                self.troubles.append(cannot.told)
                await self._hold(number, HeldWhy.KEY_UNUSABLE)
            except DearlyError as trouble:
                self.troubles.append(trouble.told)
        await self.desk.drawer.write(lambda db: attempts.ripen(db, now))

    async def _hold(self, number: int, why: HeldWhy) -> None:
        now = self.desk.clock.now()
        await self.desk.drawer.write(lambda db: outbox.hold(db, number, why, now))

    async def _look_for_the_uncertain(self) -> None:
        after = 0
        while batch := await self._uncertain_after(after):
            after = batch[-1].form
            for ready in batch:
                office = self.reached.get((ready.way, ready.place))
                evidence: Mapping[Address, Evidence] = (
                    await office.look_for(ready.sealed)
                    if office is not None
                    else dict.fromkeys(ready.sealed.envelope.recipients, NothingProven())
                )
                travels = await self._record(ready, evidence)
                if any(travel.journey.state is State.UNCERTAIN for travel in travels):
                    self.unclear.append(ready.number)

    async def _uncertain_after(self, form: int) -> list[outbox.Ready]:
        return await self.desk.drawer.read(lambda db: attempts.uncertain(db, after=form))

    async def _record(self, ready: outbox.Ready, evidence: Mapping[Address, Evidence]) -> list[outbox.Travel]:
        now = self.desk.clock.now()
        return await self.desk.drawer.write(lambda db: attempts.record_evidence(db, ready, evidence, now))

    async def _ask_after_the_accepted(self) -> None:
        """Let carriers that report say what became of what they accepted: ready for its reader, or given up."""
        since = self.desk.clock.now() - ASK_AFTER
        for at, office in self.reached.items():
            after = 0
            while isinstance(office, Reports) and (batch := await self._travelling(at, since, after)):
                after = batch[-1].form
                for ready in batch:
                    await self._report(ready, await office.ask_after(ready.sealed))

    async def _travelling(self, at: Account, since: datetime, after: int) -> list[outbox.Ready]:
        way, place = at
        return await self.desk.drawer.read(
            lambda db: attempts.travelling(db, way=way, place=place, since=since, after=after)
        )

    async def _recall_the_given_up(self) -> None:
        """What was given up here may still wait in an office that hands letters on: there it is taken out. What has
        left it has left, and is said to be on its way."""
        since = self.desk.clock.now() - RECALL_FOR
        for account in await self.desk.drawer.read(accounts.list_all):
            office = self.reached.get((account.way, account.place))
            if not isinstance(office, Relays) or world.hands_on([account]) is None:
                continue
            after = 0
            while batch := await self.desk.drawer.read(
                partial(attempts.given_up, place=account.place, since=since, after=after)
            ):
                after = batch[-1].form
                for ready in batch:
                    evidence = await office.recall(ready.sealed)
                    await self._record(ready, {r: e for r, e in evidence.items() if isinstance(e, Found)})

    async def _report(self, ready: outbox.Ready, said: Mapping[Address, Report]) -> None:
        now = self.desk.clock.now()
        known = {where: event for where, event in said.items() if event is not None}

        def work(db: Db) -> None:
            for where, event in known.items():
                attempts.report(db, ready.number, where, event, now)

        if known:
            await self.desk.drawer.write(work)

    async def _hand_over(self) -> bool:
        """Hand over everything that is due; whether anything became uncertain."""
        unclear = False
        done: set[int] = set()
        while True:
            due = await self.desk.drawer.read(partial(attempts.due, now=self.desk.clock.now()))
            todo = [ready for ready in due if ready.form not in done and (ready.way, ready.place) in self.reached]
            if not todo:
                return unclear
            done |= {ready.form for ready in todo}
            for at in dict.fromkeys((ready.way, ready.place) for ready in todo):
                mine = [ready for ready in todo if (ready.way, ready.place) == at and await self._may_leave(ready)]
                unclear |= await self._hand_over_to(self.reached[at], mine)

    async def _may_leave(self, ready: outbox.Ready) -> bool:
        """Look at the certificates once more before the first attempt (revoked, expired or changed since: held)."""
        if any(travel.journey.attempts for travel in ready.travels) or not ready.certificates:
            return True
        now = self.desk.clock.now()
        why = await self.desk.drawer.read(lambda db: unfit(db, ready, now))
        if why is not None:
            await self._hold(ready.number, why)
        return why is None

    async def _hand_over_to(self, office: Office, batch: Sequence[outbox.Ready]) -> bool:
        if isinstance(office, PostsInTurn):
            return await self._hand_over_in_turn(office, batch)
        now = self.desk.clock.now()
        begun: list[tuple[int, outbox.Ready]] = []
        for ready in batch:
            try:
                begun.append((await self._begin(ready, now), ready))
            except Refused:
                continue  # taken back a moment ago
        if not begun:
            return False
        reach("hand-over.attempt-recorded")
        answers = await self._attempt(office, [ready for _attempt, ready in begun])
        reach("hand-over.answered")
        unclear = False
        for (attempt, ready), answer in zip(begun, answers, strict=True):
            unclear |= await self._ended(ready, attempt, answer)
        reach("hand-over.recorded")
        return unclear

    async def _hand_over_in_turn(self, office: PostsInTurn, batch: Sequence[outbox.Ready]) -> bool:
        """The same where each attempt can be recorded just before it is made, and what it brought just after."""
        begun: dict[int, int] = {}
        ended: set[int] = set()
        unclear = False

        async def begins(n: int) -> bool:
            try:
                begun[n] = await self._begin(batch[n], self.desk.clock.now())
            except Refused:
                return False  # taken back a moment ago
            reach("hand-over.attempt-recorded")
            return True

        async def over(n: int, answer: Mapping[Address, Outcome]) -> None:
            nonlocal unclear
            reach("hand-over.answered")
            unclear |= await self._ended(batch[n], begun[n], answer)
            ended.add(n)
            reach("hand-over.recorded")

        letters = [ready.sealed for ready in batch]
        trouble: DearlyError | None = None
        answers: Sequence[Mapping[Address, Outcome]] = ()
        try:
            answers = await office.hand_over_in_turn(letters, begins, over)
        except DearlyError as told:
            trouble = told
            if isinstance(told, CarrierTrouble):
                self._tell(office.place, told)
        for n, letter in enumerate(letters):
            if n in ended:
                continue
            may_have_left = n in begun and not isinstance(trouble, CarrierTrouble)
            if n in begun or await begins(n):
                if trouble is None:
                    answer = answers[n]
                else:
                    why: Outcome = Unknown(trouble.message) if may_have_left else TryLater(trouble.message)
                    answer = dict.fromkeys(letter.envelope.recipients, why)
                await over(n, answer)
        return unclear

    async def _ended(self, ready: outbox.Ready, attempt: int, answer: Mapping[Address, Outcome]) -> bool:
        """Record what an attempt brought, and tell of it; whether anything became uncertain."""
        travels = await self._end(attempt, answer)
        if any(travel.journey.state is State.ON_ITS_WAY for travel in travels):
            self.handed.append(ready.number)
        self.troubles += [
            f"{ready.place}: {travel.journey.reason}"
            for travel in travels
            if travel.journey.state in (State.TRYING, State.CAME_BACK) and travel.journey.reason
        ]
        return any(travel.journey.state is State.UNCERTAIN for travel in travels)

    async def _begin(self, ready: outbox.Ready, now: datetime) -> int:
        return await self.desk.drawer.write(lambda db: attempts.begin_attempt(db, ready, now))

    async def _end(self, attempt: int, answer: Mapping[Address, Outcome]) -> list[outbox.Travel]:
        now = self.desk.clock.now()
        return await self.desk.drawer.write(lambda db: attempts.end_attempt(db, attempt, answer, now))

    async def _attempt(self, office: Office, batch: Sequence[outbox.Ready]) -> Sequence[Mapping[Address, Outcome]]:
        """Exactly one mapping for each letter, whatever happens: what a carrier's failure leaves open is `Unknown`."""
        letters = [ready.sealed for ready in batch]
        try:
            if isinstance(office, PostsMany):
                return await office.hand_over_many(letters)
            return [await office.hand_over(letter) for letter in letters]
        except CarrierTrouble as trouble:
            # It promises that certainly nothing was handed over.
            self._tell(office.place, trouble)
            same: Outcome = TryLater(trouble.message)
        except DearlyError as trouble:
            same = Unknown(trouble.message)
        return [dict.fromkeys(letter.envelope.recipients, same) for letter in letters]

    async def _collect(self, office: Office) -> None:
        try:
            taken = await fetch.collect(self.desk, office)
            if taken.left:
                self.troubles.append(f"{office.place}: {taken.left}")
            await fetch.bring_in(self.desk, office)
        except DearlyError as trouble:
            self._tell(office.place, trouble)
            return
        if account := self._uids.get((office.way, office.place)):
            now = self.desk.clock.now()
            await self.desk.drawer.write(lambda db: settings.note_spoken(db, account, now))
        kept = await self.desk.drawer.read(lambda db: accounts.account(db, office.way, office.place))
        if kept is not None:
            await world.note(self.desk, kept, office)


def unfit(db: Db, ready: outbox.Ready, now: datetime) -> HeldWhy | None:
    """Whether a sealed letter must not leave after all: a certificate that it was sealed to has expired or was revoked
    since, or is no longer the one in use for its reader."""
    own = keyring.own_key(db).fingerprint
    for fingerprint in ready.certificates:
        if fingerprint == own:
            continue
        certificate = keyring.certificate(db, fingerprint)
        if (
            certificate is None
            or certificate.revoked
            or (certificate.expires is not None and certificate.expires <= now)
        ):
            return HeldWhy.KEY_UNUSABLE
    for travel in ready.travels:
        if travel.person_id is None:
            continue
        bound = keyring.binding(db, travel.person_id, travel.journey.recipient)
        if bound is None or bound.fingerprint not in ready.certificates:
            return HeldWhy.KEY_CHANGED
    return None


def joined(account: accounts.Account) -> Joined:
    """What the drawer keeps of an account at an office, as its carrier wants it."""
    details = account.details
    return Joined(details["url"], account.address, account.secret, details.get("ca") or None)
