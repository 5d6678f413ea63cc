"""The outbox in SQL against `letter.journey`: whatever happens in whatever order, the rows are what the table says."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from dearly.drawer import chain, drafts, outbox
from dearly.drawer.connection import Db
from dearly.letter.address import Address, Correspondent
from dearly.letter.errors import Refused
from dearly.letter.journey import (
    ENDED,
    LEAVES,
    Accepted,
    Act,
    Bounced,
    Delivered,
    Event,
    Found,
    Hold,
    Journey,
    NothingProven,
    NotThere,
    State,
    TryLater,
    Turned,
    Unknown,
    advance,
    begin,
)
from dearly.letter.journey import Why as HeldWhy
from tests.support.contents import BERT, CLARA, DORA, finished, form, leg, memory, page
from tests.support.often import examples
from tests.support.times import NOON

PEOPLE = (BERT, CLARA, DORA)
OUTCOMES = st.sampled_from([Accepted(), TryLater("busy"), Turned("no such box"), Unknown("cut")])
EVIDENCE = st.sampled_from([Found(), NotThere(), NothingProven()])
REPORTS = st.sampled_from([Delivered(), Bounced("full")])
Key = tuple[int, Address]


class Outbox(RuleBasedStateMachine):
    """The model: a journey for each letter and recipient, moved by `advance` alone."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = NOON
        self.journeys: dict[Key, Journey] = {}
        self.sealed: set[int] = set()
        self.open: dict[int, list[Key]] = {}
        self.handed: dict[Key, int] = {}
        self.posted = 0
        self.links = 0
        self._memory = memory()
        self.db: Db = self._memory.__enter__()

    def teardown(self) -> None:
        self._memory.__exit__(None, None, None)

    @initialize()
    def begin_with_one(self) -> None:
        self.post([BERT], 0, False)

    @rule(to=st.lists(st.sampled_from(PEOPLE), min_size=1, unique=True), wait=st.integers(0, 20), dated=st.booleans())
    def post(self, to: list[Correspondent], wait: int, dated: bool) -> None:
        self.posted += 1
        there = page(self.db, f"letter {self.posted}", *to)
        at = self.now + timedelta(days=wait)
        state = State.DATED if dated else State.WAITING
        letter = finished(there.draft, f"{self.posted}@letters.test")
        legs = [leg(who, at=at, state=state) for who in to]
        forms = [] if dated else [form(str(self.posted), *to)]
        outbox.post(self.db, there.number, letter, legs, forms, based_on=1, now=self.now)
        self.links += 1
        if not dated:
            self.sealed.add(there.number)
        for who in to:
            self.journeys[there.number, who.address] = Journey(who.address, state, self.now, at)

    @rule(hours=st.sampled_from([0, 1, 30, 24 * 9]))
    def time_goes_on(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        ripe = {key for key, j in self.journeys.items() if j.state is State.DATED and j.not_before <= self.now}
        for key in ripe:
            self._happen(key, Act.DUE)
        assert set(outbox.ripen(self.db, self.now)) == {number for number, _who in ripe}

    @rule()
    def seal_what_leaves_soon(self) -> None:
        soon = self.now + outbox.SEAL_WITHIN
        wanted = {
            number
            for (number, _who), j in self.journeys.items()
            if number not in self.sealed and j.state in LEAVES | {State.DATED} and j.not_before <= soon
        }
        assert {travel.number for travel in outbox.needs_sealing(self.db, self.now)} == wanted
        for number in wanted:
            to = [Correspondent("", who) for n, who in self.journeys if n == number]
            outbox.add_forms(self.db, number, [form(f"later {number}", *to)], self.now)
            self.sealed.add(number)

    @rule()
    def begin_what_is_due(self) -> None:
        for ready in outbox.due(self.db, self.now, limit=100):
            keys = [(ready.number, who) for who in ready.sealed.envelope.recipients]
            for key in keys:
                self.journeys[key] = begin(self.journeys[key])
                self.handed[key] = self.handed.get(key, 0) + 1
            self.open[outbox.begin_attempt(self.db, ready, self.now)] = keys

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def an_answer_comes(self, data: st.DataObject) -> None:
        attempt = data.draw(st.sampled_from(sorted(self.open)))
        keys = self.open.pop(attempt)
        said = {who: data.draw(OUTCOMES) for _n, who in keys if data.draw(st.integers(0, 5))}
        outbox.end_attempt(self.db, attempt, said, self.now)
        for key in keys:
            outcome = said.get(key[1], Unknown("There was no answer for this recipient."))
            self._happen(key, outcome, Found() if isinstance(outcome, Accepted) else outcome)

    @rule()
    def the_machine_dies_and_starts_again(self) -> None:
        outbox.settle_unfinished(self.db, self.now)
        for keys in self.open.values():
            for key in keys:
                self._happen(key, Unknown("Dearly stopped before the answer was here."))
        self.open.clear()

    @rule(data=st.data())
    def look_for_the_uncertain(self, data: st.DataObject) -> None:
        found = outbox.uncertain(self.db, limit=100)
        uncertain = {key for key, j in self.journeys.items() if j.state is State.UNCERTAIN}
        assert {(ready.number, who) for ready in found for who in ready.sealed.envelope.recipients} == uncertain
        for ready in found:
            evidence = {who: data.draw(EVIDENCE) for who in ready.sealed.envelope.recipients}
            outbox.record_evidence(self.db, ready, evidence, self.now)
            for who, proof in evidence.items():
                self._happen((ready.number, who), proof)

    @precondition(lambda self: self.journeys)
    @rule(data=st.data(), event=REPORTS)
    def a_report_comes(self, data: st.DataObject, event: Delivered | Bounced) -> None:
        key = data.draw(st.sampled_from(sorted(self.journeys)))
        outbox.report(self.db, key[0], key[1], event, self.now)
        if self.journeys[key].attempts:  # of a letter that was never handed over nobody can report anything
            self._happen(key, event)

    @precondition(lambda self: self.journeys)
    @rule(data=st.data(), what=st.sampled_from([Act.RELEASE, Act.POST_AGAIN, Act.GIVE_UP]))
    def the_person_acts(self, data: st.DataObject, what: Act) -> None:
        key = data.draw(st.sampled_from(sorted(self.journeys)))
        before = self.journeys[key]
        self._happen(key, what)
        try:
            outbox.act(self.db, key[0], what, self.now, key[1])
        except Refused:
            assert self.journeys[key] is before

    @precondition(lambda self: self.journeys)
    @rule(data=st.data(), why=st.sampled_from(HeldWhy))
    def hold(self, data: st.DataObject, why: HeldWhy) -> None:
        number = data.draw(st.sampled_from(sorted(self.journeys)))[0]
        outbox.hold(self.db, number, why, self.now)
        for key in self._of(number):
            self._happen(key, Hold(why))

    @rule()
    def the_drawer_is_restored(self) -> None:
        outbox.hold_all_restored(self.db, self.now)
        for key, j in list(self.journeys.items()):
            if j.state in {State.WAITING, State.DATED, State.TRYING, State.UNCERTAIN}:
                self._happen(key, Hold(HeldWhy.RESTORED))
        assert outbox.due(self.db, self.now + timedelta(days=9999)) == []

    @precondition(lambda self: self.journeys)
    @rule(data=st.data())
    def take_back(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.journeys)))[0]
        keys = self._of(number)
        still_here = {State.WAITING, State.DATED, State.HELD, State.GIVEN_UP}
        may = all(not self.journeys[key].attempts and self.journeys[key].state in still_here for key in keys)
        if not may:
            with pytest.raises(Refused) as refused:
                outbox.take_back(self.db, number, self.now)
            assert refused.value.code == "already_collected"
            return
        back = outbox.take_back(self.db, number, self.now)
        assert back.draft.text.startswith("letter ")
        self.links += 1
        self.sealed.discard(number)
        for key in keys:
            assert key not in self.handed, "a letter was taken back after it had been handed over"
            del self.journeys[key]
        drafts.drop(self.db, number)

    @invariant()
    def the_rows_are_the_model(self) -> None:
        rows = {(t.number, t.journey.recipient): t.journey for t in outbox.listing(self.db, limit=1000)}
        assert rows == self.journeys

    @invariant()
    def due_is_what_may_leave(self) -> None:
        busy = {key for keys in self.open.values() for key in keys}
        leaving = {
            key
            for key, j in self.journeys.items()
            if j.state in LEAVES and j.not_before <= self.now and key not in busy and key[0] in self.sealed
        }
        due = outbox.due(self.db, self.now, limit=100)
        assert {(r.number, who) for r in due for who in r.sealed.envelope.recipients} == leaving
        waits = [j.not_before for j in self.journeys.values() if j.state in LEAVES | {State.DATED}]
        assert outbox.next_due(self.db) == min(waits, default=None)

    @invariant()
    def what_ended_leaves_no_more(self) -> None:
        for key, j in self.journeys.items():
            assert j.attempts == self.handed.get(key, 0)
            assert j.state not in ENDED or j.state not in LEAVES

    @invariant()
    def the_chain_holds(self) -> None:
        assert chain.head(self.db).count == self.links
        assert chain.verify(self.db) is None

    def _of(self, number: int) -> list[Key]:
        return [key for key in self.journeys if key[0] == number]

    def _happen(self, key: Key, *events: Event) -> None:
        """The first of the events that the table allows; none of them changes nothing."""
        for event in events:
            with contextlib.suppress(Refused):
                self.journeys[key] = advance(self.journeys[key], event, self.now)
                return


Outbox.TestCase.settings = settings(max_examples=examples(60), stateful_step_count=30, deadline=None)
TestOutbox = Outbox.TestCase
