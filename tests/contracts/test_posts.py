"""What every carrier promises that posts (carriers/base.py, Posts), said once and asked of each.

The sentence behind all of them: whatever befalls an attempt, looking and then trying again brings exactly one letter
(docs/faults.md F04-F06, F36, F48)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from dearly.carriers.base import PostsMany
from dearly.letter.address import Address
from dearly.letter.content import LetterId
from dearly.letter.envelope import SealedLetter
from dearly.letter.journey import Accepted, Found, NothingProven, Outcome, TryLater, Unknown
from tests.contracts.rigs import POSTING, PostingRig
from tests.support.fake_letters import BERT, CLARA, fake_letter

Play = Callable[[Callable[[PostingRig], Awaitable[None]]], None]


@pytest.fixture(params=sorted(POSTING))
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    """Runs a play on a fresh rig of each kind."""

    def run(scene: Callable[[PostingRig], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with POSTING[request.param](tmp_path) as rig:
                await scene(rig)
                await rig.posts.close()
                await rig.posts.close()

        asyncio.run(whole())

    return run


def test_what_is_accepted_lies_there_for_each_recipient_byte_for_byte(play: Play) -> None:
    async def scene(rig: PostingRig) -> None:
        letter = fake_letter(1, BERT, CLARA)
        assert await rig.posts.hand_over(letter) == {BERT: Accepted(), CLARA: Accepted()}
        assert await rig.box(BERT) == [letter.data]
        assert await rig.box(CLARA) == [letter.data]
        assert await rig.posts.look_for(letter) == {BERT: Found(), CLARA: Found()}

    play(scene)


def test_a_letter_that_never_left_is_not_there(play: Play) -> None:
    async def scene(rig: PostingRig) -> None:
        assert await rig.posts.look_for(fake_letter(1)) == {BERT: rig.absent}
        assert await rig.box(BERT) == []

    play(scene)


def test_handed_over_twice_it_is_one_letter_where_the_key_is_honoured(play: Play) -> None:
    """Elsewhere it is two, and looking must have proven something before anybody does that."""

    async def scene(rig: PostingRig) -> None:
        letter = fake_letter(2, BERT)
        assert await rig.posts.hand_over(letter) == {BERT: Accepted()}
        assert await rig.posts.hand_over(letter) == {BERT: Accepted()}
        assert await rig.box(BERT) == [letter.data] * (1 if rig.once else 2)

    play(scene)


def test_handed_over_twice_at_the_same_time(play: Play) -> None:
    async def scene(rig: PostingRig) -> None:
        letter = fake_letter(3, BERT)
        both = await asyncio.gather(rig.posts.hand_over(letter), rig.posts.hand_over(letter))
        assert {BERT: Accepted()} in both
        assert await rig.box(BERT) == [letter.data] * (1 if rig.once else 2)

    play(scene)


def test_a_lost_answer_is_unknown_and_looking_finds_it(play: Play) -> None:
    """Where each recipient is an exchange of their own, the others have certainly not got it, and get it now."""

    async def scene(rig: PostingRig) -> None:
        letter = fake_letter(4, BERT, CLARA)
        rig.lost_answer()
        outcomes = await rig.posts.hand_over(letter)
        assert set(outcomes) == {BERT, CLARA}
        assert {type(outcome) for outcome in outcomes.values()} <= {Unknown, TryLater}
        assert isinstance(outcomes[BERT], Unknown)
        await _hand_over_the_rest(rig, letter, outcomes)
        assert await rig.posts.look_for(letter) == {BERT: Found(), CLARA: Found()}
        if rig.once:
            assert await rig.posts.hand_over(letter) == {BERT: Accepted(), CLARA: Accepted()}
        assert await rig.box(BERT) == [letter.data]
        assert await rig.box(CLARA) == [letter.data]

    play(scene)


async def _hand_over_the_rest(rig: PostingRig, letter: SealedLetter, outcomes: Mapping[Address, Outcome]) -> None:
    """Hand `letter` over to those who have certainly not got it."""
    rest = tuple(recipient for recipient, outcome in outcomes.items() if isinstance(outcome, TryLater))
    if rest:
        again = replace(letter, envelope=replace(letter.envelope, recipients=rest))
        assert await rig.posts.hand_over(again) == dict.fromkeys(rest, Accepted())


def test_a_half_handing_over_brings_no_half_letter_and_one_in_the_end(play: Play) -> None:
    async def scene(rig: PostingRig) -> None:
        letter = fake_letter(5, BERT, size=20_000)
        rig.cut_asking()
        outcome = (await rig.posts.hand_over(letter))[BERT]
        assert isinstance(outcome, Unknown | TryLater)
        assert outcome.why
        assert await rig.box(BERT) == []
        assert await rig.posts.look_for(letter) == {BERT: rig.absent}
        assert await rig.posts.hand_over(letter) == {BERT: Accepted()}
        assert await rig.box(BERT) == [letter.data]

    play(scene)


def test_where_no_connection_comes_about_it_is_for_later_and_nothing_is_proven(play: Play) -> None:
    async def scene(rig: PostingRig) -> None:
        letter = fake_letter(6, BERT, CLARA)
        await rig.away()
        outcomes = await rig.posts.hand_over(letter)
        assert {type(outcome) for outcome in outcomes.values()} == {TryLater}
        assert await rig.posts.look_for(letter) == {BERT: NothingProven(), CLARA: NothingProven()}

    play(scene)


def test_another_letter_with_the_same_letter_id_is_not_taken_for_it(play: Play) -> None:
    """A LetterId is a claim (decisions of the drawer): two letters may bear the same (F38)."""

    async def scene(rig: PostingRig) -> None:
        first = fake_letter(7, BERT, letter_id=LetterId("same@letters.test"))
        second = fake_letter(8, BERT, letter_id=LetterId("same@letters.test"))
        assert await rig.posts.hand_over(first) == {BERT: Accepted()}
        assert await rig.posts.look_for(second) == {BERT: rig.absent}
        assert await rig.posts.hand_over(second) == {BERT: Accepted()}
        assert sorted(await rig.box(BERT)) == sorted([first.data, second.data])

    play(scene)


def test_looking_leaves_everything_as_it_is(play: Play) -> None:
    async def scene(rig: PostingRig) -> None:
        letter = fake_letter(9, BERT)
        await rig.posts.look_for(letter)
        assert await rig.posts.hand_over(letter) == {BERT: Accepted()}
        for _ in range(3):
            assert await rig.posts.look_for(letter) == {BERT: Found()}
        assert await rig.box(BERT) == [letter.data]

    play(scene)


def test_many_in_one_exchange_are_as_many_single_ones(play: Play) -> None:
    async def scene(rig: PostingRig) -> None:
        if not isinstance(rig.posts, PostsMany):
            return
        letters = [fake_letter(100 + n, BERT, CLARA) for n in range(30)]
        assert await rig.posts.hand_over(letters[3]) == {BERT: Accepted(), CLARA: Accepted()}
        rig.lost_answer()
        lost = await rig.posts.hand_over_many(letters[4:10])
        outcomes = [outcome for outcomes in lost for outcome in outcomes.values()]
        assert isinstance(outcomes[0], Unknown)
        assert {type(outcome) for outcome in outcomes} <= {Unknown, TryLater}
        for letter, came in zip(letters[4:10], lost, strict=True):
            await _hand_over_the_rest(rig, letter, came)
        left = letters if rig.once else letters[:3] + letters[10:]
        assert list(await rig.posts.hand_over_many(left)) == [{BERT: Accepted(), CLARA: Accepted()}] * len(left)
        assert sorted(await rig.box(BERT)) == sorted(letter.data for letter in letters)
        assert sorted(await rig.box(CLARA)) == sorted(letter.data for letter in letters)
        assert list(await rig.posts.hand_over_many([])) == []

    play(scene)
