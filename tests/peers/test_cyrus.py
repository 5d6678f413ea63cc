"""Cyrus, a JMAP server that is not ours: letters out and in through a provider's account there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import pytest

from dearly.assemble.machine import CLOCK
from dearly.carriers.base import BEGINNING
from dearly.carriers.jmap import ProviderCarrier
from dearly.letter.account import MailAccount, Protocol, Security, Server
from dearly.letter.address import Address
from dearly.letter.envelope import Parcel, SealedLetter
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import Accepted, Found, NothingProven, TryLater, Unknown
from tests.contracts.test_collects import everything
from tests.peers.conftest import needs, needs_root
from tests.peers.cyrus import PASSWORD, PROGRAMS, Cyrus
from tests.support.fake_letters import ADA, BERT, CLARA, fake_letter
from tests.support.sifting import Judge, Kept, by_subject

SEEDS = iter(range(70_000, 80_000))


@pytest.fixture(scope="module")
def cyrus() -> Iterator[Cyrus]:
    for program in PROGRAMS:
        needs(program)
    needs_root("Cyrus")
    with Cyrus() as server:
        yield server


def carrier(cyrus: Cyrus, who: Address, judge: Judge | None = None, password: str = PASSWORD) -> ProviderCarrier:
    server = Server(Protocol.JMAP, "127.0.0.1", cyrus.http, Security.PLAIN, str(who), cyrus.url)
    return ProviderCarrier(MailAccount(who, server, server), Kept(password), judge or Judge(), CLOCK)


def play(cyrus: Cyrus, scene: Callable[[ProviderCarrier, ProviderCarrier], Awaitable[None]]) -> None:
    """`scene` with the accounts of Ada and Bert."""

    async def whole() -> None:
        ada, bert = carrier(cyrus, ADA), carrier(cyrus, BERT)
        try:
            await scene(ada, bert)
        finally:
            await ada.close()
            await bert.close()

    asyncio.run(whole())


def another(*to: Address, size: int = 300) -> SealedLetter:
    return fake_letter(next(SEEDS), *to, size=size)


async def arrived(who: ProviderCarrier, cursor: str, count: int = 1) -> tuple[list[Parcel], str]:
    """What comes after `cursor`, as soon as there are so many."""
    came: list[Parcel] = []
    for _ in range(1000):
        parcels, cursor, left = await everything(who, cursor)
        assert left == 0
        came += parcels
        if len(came) >= count:
            return came, cursor
        await asyncio.sleep(0.05)  # mail tells nobody
    raise TimeoutError(f"{len(came)} of {count} letters")


def body(data: bytes) -> bytes:
    return data.partition(b"\r\n\r\n")[2]


def ask(cyrus: Cyrus, who: Address, *calls: list[Any]) -> list[Any]:
    """What Cyrus itself says, seen without the carrier."""
    using = ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail", "urn:ietf:params:jmap:submission"]
    answer = httpx.post(
        f"{cyrus.url}/jmap/", json={"using": using, "methodCalls": calls}, auth=(str(who), PASSWORD), timeout=30
    )
    return [response[1] for response in answer.json()["methodResponses"]]


def test_checking_says_that_both_directions_work(cyrus: Cyrus) -> None:
    async def scene(ada: ProviderCarrier, bert: ProviderCarrier) -> None:
        assert [(c.what, c.fine) for c in await ada.check()] == [
            ("incoming.sign_in", True),
            ("incoming.letterbox", True),
            ("outgoing.sign_in", True),
        ]
        stranger = carrier(cyrus, ADA, password="wrong-fake-password")
        with pytest.raises(CarrierTrouble) as trouble:
            await stranger.collect(BEGINNING)
        assert trouble.value.code == "sign_in_refused"
        await stranger.close()

    play(cyrus, scene)


@pytest.mark.parametrize("size", [300, 2_000_000])
def test_a_letter_goes_out_byte_for_byte_and_proves_itself_by_our_copy(cyrus: Cyrus, size: int) -> None:
    async def scene(ada: ProviderCarrier, bert: ProviderCarrier) -> None:
        _parcels, cursor, _left = await everything(bert)
        _parcels, mine, _left = await everything(ada)
        letter = another(BERT, CLARA, size=size)
        assert await ada.look_for(letter) == {BERT: NothingProven(), CLARA: NothingProven()}
        assert await ada.hand_over(letter) == {BERT: Accepted(), CLARA: Accepted()}
        assert cyrus.relay.out[-1] == (str(CLARA), letter.data), "to the outside, unchanged"
        parcels, cursor = await arrived(bert, cursor)
        assert [body(p.data) for p in parcels] == [body(letter.data)]
        copies, mine = await arrived(ada, mine, 2)
        assert [body(p.data) for p in copies] == [body(letter.data)] * 2
        assert await ada.look_for(letter) == {BERT: Found(), CLARA: Found()}
        assert await everything(bert, cursor) == ([], (await bert.collect(cursor)).cursor, 0)

    play(cyrus, scene)


def test_a_refused_recipient_is_certainly_not_taken_and_nothing_stays_in_sent(cyrus: Cyrus) -> None:
    async def scene(ada: ProviderCarrier, bert: ProviderCarrier) -> None:
        nobody = Address.parse("nobody@elsewhere.test")
        cyrus.relay.refuse = {str(nobody)}
        before = len(cyrus.relay.out)
        letter = another(nobody)
        outcome = (await ada.hand_over(letter))[nobody]
        cyrus.relay.refuse = set()
        assert isinstance(outcome, TryLater), "it does not say whether for good: docs/peers.md"
        assert len(cyrus.relay.out) == before
        found = ask(cyrus, ADA, ["Email/query", _named(ADA, filter={"header": ["Message-ID", letter.letter_id]}), "q"])
        assert found[0]["ids"] == []

    play(cyrus, scene)


def test_where_its_own_answer_was_lost_it_is_unknown_until_a_copy_comes(cyrus: Cyrus) -> None:
    """F05 behind the provider: its SMTP server took the letter, and did not say so."""

    async def scene(ada: ProviderCarrier, bert: ProviderCarrier) -> None:
        _parcels, mine, _left = await everything(ada)
        letter = another(BERT)
        cyrus.relay.silent = True
        outcome = (await ada.hand_over(letter))[BERT]
        cyrus.relay.silent = False
        assert isinstance(outcome, Unknown)
        await arrived(ada, mine)
        assert await ada.look_for(letter) == {BERT: Found()}

    play(cyrus, scene)


def test_what_is_collected_stays_as_it_was(cyrus: Cyrus) -> None:
    async def scene(ada: ProviderCarrier, bert: ProviderCarrier) -> None:
        for subject in ("take", "news", "door"):
            raw = f"From: clara@elsewhere.test\r\nSubject: {subject}\r\nX-Folded: one\r\n\ttwo\r\n\r\n.dot\r\n..\r\n"
            cyrus.deliver(raw.encode(), [str(BERT)])
        judge = Judge(by_subject)
        judging = carrier(cyrus, BERT, judge)
        there = {"resultOf": "q", "name": "Email/query", "path": "/ids"}
        asking = [
            ["Email/query", _named(BERT, filter={}), "q"],
            ["Email/get", _named(BERT, properties=["id", "keywords", "mailboxIds"]) | {"#ids": there}, "g"],
        ]
        before = ask(cyrus, BERT, *asking)
        batch = await judging.collect(BEGINNING)
        assert [p.data.endswith(b"\r\n\r\n.dot\r\n..\r\n") for p in batch.parcels] == [True]
        (door,) = batch.heads
        (fetched,) = await judging.fetch([door.source])
        (head,) = [head for head in judge.shown if head.source == door.source]
        assert fetched.data.startswith(head.data), "the fields come as they stand in the message"
        assert door.size == len(fetched.data)
        await judging.acknowledge([p.source for p in batch.parcels])
        assert ask(cyrus, BERT, *asking) == before
        # Another program reads everything: a change of the account, and nothing new for us.
        update = {one["id"]: {"keywords/$seen": True} for one in before[1]["list"]}
        assert ask(cyrus, BERT, ["Email/set", _named(BERT, update=update), "s"])[0]["notUpdated"] is None
        again = await judging.collect(batch.cursor)
        assert (again.parcels, again.heads) == ((), ())
        await judging.close()

    play(cyrus, scene)


def test_what_it_can_and_cannot(cyrus: Cyrus) -> None:
    """Facts of docs/peers.md, so that a new version shows here."""
    session = httpx.get(f"{cyrus.url}/jmap/", auth=(str(ADA), PASSWORD), timeout=30).json()
    can = session["accounts"][str(ADA)]["accountCapabilities"]
    assert "urn:ietf:params:jmap:blob" not in can, "no Blob/get: letters are downloaded one by one"
    assert "urn:ietf:params:jmap:submission" in can
    letter = another(CLARA)

    async def scene(ada: ProviderCarrier, bert: ProviderCarrier) -> None:
        assert await ada.hand_over(letter) == {CLARA: Accepted()}
        assert await ada.ask_after(letter) == {CLARA: None}, "it says nothing of what became of a letter"

    play(cyrus, scene)
    submissions = ask(cyrus, ADA, ["EmailSubmission/query", _named(ADA, filter={}), "q"])
    assert submissions[0].get("ids", []) == [], json.dumps(submissions)


def _named(who: Address, **arguments: Any) -> dict[str, Any]:
    return {"accountId": str(who), **arguments}
