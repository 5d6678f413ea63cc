"""The table of journeys, walked at random: never doubled, never lost, never taken back too late."""

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dearly.letter.address import Address
from dearly.letter.errors import Refused
from dearly.letter.journey import (
    ENDED,
    LEAVES,
    PAUSES,
    Accepted,
    Act,
    Bounced,
    Delayed,
    Delivered,
    Found,
    Hold,
    Journey,
    NothingProven,
    NotThere,
    State,
    TryLater,
    Turned,
    Unknown,
    Why,
    advance,
    begin,
)
from tests.support.times import NOON

BERT = Address.parse("bert@letters.test")
WAITING = Journey(BERT, State.WAITING, NOON, NOON)
EVENTS = [
    Accepted(),
    TryLater("later"),
    Turned("no"),
    Unknown("cut"),
    Found(),
    NotThere(),
    NothingProven(),
    Delivered(),
    Bounced("no such box"),
    Delayed("their server does not answer"),
    *(Hold(w) for w in Why),
    *Act,
]


@given(st.lists(st.sampled_from([*EVENTS, "begin"]), max_size=40), st.sampled_from([State.WAITING, State.DATED]))
def test_any_walk(events: list[object], start: State) -> None:
    journey, now = Journey(BERT, start, NOON, NOON), NOON
    in_doubt = False  # an attempt whose outcome was unknown, with nothing proven since
    for event in events:
        now += timedelta(minutes=1)
        before = journey
        try:
            journey = begin(journey) if event == "begin" else advance(journey, event, now)
        except Refused:
            assert journey is before
            continue
        if event == "begin":
            assert before.state in LEAVES
            assert not in_doubt, "an uncertain letter was handed over again on a guess"
            assert journey.attempts == before.attempts + 1
            continue
        if event is Act.TAKE_BACK:
            assert before.attempts == 0
            assert journey.state is State.TAKEN_BACK
        if before.state is State.TAKEN_BACK:
            pytest.fail("something happened to a letter that was taken back")
        if isinstance(event, Unknown):
            in_doubt = True
        elif isinstance(event, NotThere | Found | Act | Delivered | Bounced | Delayed):
            in_doubt = False
        assert (journey.since == now) == (journey.state is not before.state)
        assert journey.recipient == BERT


def test_every_state_is_reached_and_every_pair_is_decided() -> None:
    reached = {State.WAITING, State.DATED}
    for state in State:
        for event in EVENTS:
            with contextlib.suppress(Refused):
                reached.add(advance(Journey(BERT, state, NOON, NOON), event, NOON).state)
    assert reached == set(State)


@pytest.mark.parametrize("attempts", [1, 5, 20])
def test_not_taken_back_after_an_attempt(attempts: int) -> None:
    with pytest.raises(Refused) as caught:
        advance(Journey(BERT, State.WAITING, NOON, NOON, attempts=attempts), Act.TAKE_BACK, NOON)
    assert caught.value.code == "already_collected"


def test_a_letter_that_is_late_stays_so_when_our_own_copy_comes_in() -> None:
    """The report of a delay may be here before our copy is."""
    late = advance(advance(begin(WAITING), Accepted(), NOON), Delayed("nobody answers"), NOON)
    assert (late.state, advance(late, Found(), NOON).reason) == (State.ON_ITS_WAY, "nobody answers")


def test_pauses_grow_and_are_capped() -> None:
    journey, waits = WAITING, []
    for _ in range(10):
        journey = advance(begin(journey), TryLater("busy"), NOON)
        waits.append(journey.not_before - NOON)
    assert waits == sorted(waits)
    assert waits[: len(PAUSES)] == list(PAUSES)
    assert waits[-1] == PAUSES[-1]
    assert journey.state is State.TRYING
    assert journey.reason == "busy"


def test_uncertain_stays_until_something_is_known() -> None:
    uncertain = advance(begin(WAITING), Unknown("the answer was cut"), NOON)
    later = NOON + timedelta(days=400)
    assert advance(uncertain, NothingProven(), later) == uncertain
    assert advance(uncertain, Found(), later).state is State.ON_ITS_WAY
    again = advance(uncertain, NotThere(), later)
    assert (again.state, again.not_before) == (State.TRYING, later)
    assert State.UNCERTAIN not in LEAVES | ENDED
