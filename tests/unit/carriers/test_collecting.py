"""Collecting from a server that is not our office, and from one that errs or lies."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from dearly.carriers.base import BEGINNING, MOST_PARCEL
from dearly.carriers.jmap import JmapCarrier
from dearly.letter.errors import CarrierTrouble
from tests.contracts.test_collects import everything
from tests.support.fake_letters import BERT, fake_letter
from tests.support.scripted_jmap import Provider, Scripted, scripted

Scene = Callable[[JmapCarrier, Scripted], Coroutine[Any, Any, None]]


def play(provider: Provider, scene: Scene) -> None:
    async def whole() -> None:
        async with scripted(provider.respond) as server:
            carrier = JmapCarrier(server.url, "fake-token", BERT)
            try:
                await scene(carrier, server)
            finally:
                await carrier.close()

    asyncio.run(whole())


def letters(count: int, start: int = 0) -> list[bytes]:
    return [fake_letter(n).data for n in range(start, start + count)]


@pytest.mark.parametrize("blobs", [True, False])
@pytest.mark.parametrize("page", [1, 3, 500])
def test_everything_comes_once_from_any_provider(blobs: bool, page: int) -> None:
    provider = Provider(blobs=blobs, page=page)
    first, later = letters(7), letters(5, 7)
    for data in first:
        provider.lay(data)
        provider.lay(b"Subject: spam\r\n\r\n", "mb-junk")

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        parcels, cursor, left = await everything(carrier)
        assert [p.data for p in parcels] == first
        assert left == 0
        await carrier.acknowledge([p.source for p in parcels])
        assert sum(e["keywords"].get("$seen", False) for e in provider.emails.values()) == 7
        for data in later:
            provider.lay(data)
            provider.lay(b"Subject: spam\r\n\r\n", "mb-junk")
        parcels, cursor, left = await everything(carrier, cursor)
        assert [p.data for p in parcels] == later
        assert await everything(carrier, cursor) == ([], cursor, 0)

    play(provider, scene)


def test_what_another_program_read_or_moved_here_is_not_missed() -> None:
    provider = Provider()

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        junk = provider.lay(letters(1)[0], "mb-junk")
        _, cursor, _ = await everything(carrier)
        provider.emails[provider.lay(letters(2)[1])]["keywords"]["$seen"] = True
        provider.emails[junk]["mailboxIds"] = {"mb-inbox": True}
        provider.count += 1
        provider.log.append((str(provider.count), junk))
        parcels, cursor, _ = await everything(carrier, cursor)
        assert sorted(p.data for p in parcels) == sorted(letters(2))

    play(provider, scene)


def test_where_the_server_forgot_the_state_the_letterbox_is_walked_anew() -> None:
    provider = Provider(page=3)
    for data in letters(8):
        provider.lay(data)

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        before, cursor, _ = await everything(carrier)
        provider.forgets_before = 10_000
        provider.lay(letters(9)[8])
        after, cursor, _ = await everything(carrier, cursor)
        assert [p.data for p in after] == letters(9)
        assert [p.source for p in after[:8]] == [p.source for p in before]

    play(provider, scene)


def test_a_walk_whose_place_is_gone_begins_anew_and_misses_nothing() -> None:
    provider = Provider(page=3)
    for data in letters(8):
        provider.lay(data)

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        first = await carrier.collect(BEGINNING)
        assert first.more
        del provider.emails[first.parcels[-1].source.uid]
        rest, _, _ = await everything(carrier, first.cursor)
        assert {p.data for p in (*first.parcels, *rest)} == set(letters(8))

    play(provider, scene)


def test_what_was_moved_here_behind_the_walk_is_not_missed() -> None:
    """The state is of before the walk: the changes after it name what the walk had passed already."""
    provider = Provider(page=3)
    moved = provider.lay(letters(9)[8], "mb-junk")
    for data in letters(8):
        provider.lay(data)

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        first = await carrier.collect(BEGINNING)
        provider.emails[moved]["mailboxIds"] = {"mb-inbox": True}
        provider.count += 1
        provider.log.append((str(provider.count), moved))
        rest, cursor, _ = await everything(carrier, first.cursor)
        last, _, _ = await everything(carrier, cursor)
        assert {p.data for p in (*first.parcels, *rest, *last)} == set(letters(9))

    play(provider, scene)


@pytest.mark.parametrize(
    "lie",
    [
        {"data:asBase64": "AAAA"},
        {"data:asBase64": "not base64!"},
        {"data:asBase64": None},
        {"size": 3},
        {"isTruncated": True},
        {"digest:sha-256": "AAAA"},
        {"data:asText": "\ud800 lone"},
    ],
)
def test_what_comes_short_or_altered_is_asked_for_by_the_other_way(lie: dict[str, Any]) -> None:
    provider = Provider(blobs=True)
    lying = [True]

    def blob_get(arguments: dict[str, Any]) -> dict[str, Any]:
        answer = provider.blob_get(arguments, {})
        for one in answer["list"]:
            one.update(lie if lying[0] else {})
        return answer

    provider.override["Blob/get"] = blob_get
    for data in letters(3):
        provider.lay(data)

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        # The download comes whole; whether that is believed depends on the digest and size stated beside it.
        believed = not lie.keys() & {"digest:sha-256", "size"}
        parcels, cursor, left = await everything(carrier)
        assert [p.data for p in parcels] == (letters(3) if believed else [])
        assert left == (0 if believed else 3)
        lying[0] = False
        again, cursor, left = await everything(carrier, cursor)
        assert sorted(p.data for p in (*parcels, *again)) == sorted(letters(3))
        assert left == 0

    play(provider, scene)


def test_a_blob_that_is_gone_holds_nothing_up_and_is_forgotten_with_its_email() -> None:
    provider = Provider()
    uids = [provider.lay(data) for data in letters(3)]
    provider.octets.pop(provider.emails[uids[1]]["blobId"])

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        parcels, cursor, left = await everything(carrier)
        assert [p.source.uid for p in parcels] == [uids[0], uids[2]]
        assert left == 1
        del provider.emails[uids[1]]
        assert (await everything(carrier, cursor))[2] == 0

    play(provider, scene)


def test_a_parcel_larger_than_any_letter_stays_where_it_lies() -> None:
    provider = Provider()
    uids = [provider.lay(data) for data in letters(2)]
    provider.emails[uids[0]]["size"] = MOST_PARCEL + 1

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        parcels, _cursor, left = await everything(carrier)
        assert [p.source.uid for p in parcels] == [uids[1]]
        assert left == 1
        assert sum(r.path.startswith("/download") for r in server.seen) == 1

    play(provider, scene)


@pytest.mark.parametrize("never", ["too large", "never whole"])
def test_what_never_comes_keeps_nothing_else_back_that_is_owed(never: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """F30: also where the first of them fill what is asked for at once."""
    provider = Provider()
    uids = [provider.lay(data) for data in letters(3)]
    if never == "too large":
        provider.emails[uids[0]]["size"] = MOST_PARCEL + 1
    else:
        monkeypatch.setattr("dearly.carriers.jmap.collecting._TOGETHER", len(letters(1)[0]) + 10)
        provider.emails[uids[0]]["size"] += 1
    for uid in uids[1:]:
        provider.emails[uid]["size"] += 1

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        parcels, cursor, left = await everything(carrier)
        assert (parcels, left) == ([], 3)
        for uid in uids[1:]:
            provider.emails[uid]["size"] -= 1
        came = []
        for _round in range(4):
            parcels, cursor, left = await everything(carrier, cursor)
            came += [p.source.uid for p in parcels]
        assert (came, left) == (uids[1:], 1)

    play(provider, scene)


def test_nothing_is_ever_forgotten_however_much_does_not_come() -> None:
    """F30: beyond what can be remembered the cursor stays where it is, which is said; and it goes on by itself."""
    provider = Provider()
    uids = [provider.lay(data) for data in letters(50)]
    for uid in uids:
        provider.emails[uid]["size"] += 1

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        parcels, cursor, left = await everything(carrier)
        assert (parcels, left) == ([], 20)
        assert (await carrier.collect(cursor)).full
        for uid in uids[:12]:
            provider.emails[uid]["size"] -= 1
        parcels, cursor, left = await everything(carrier, cursor)
        assert ([p.data for p in parcels], left) == (letters(12), 20)
        for uid in uids[12:]:
            provider.emails[uid]["size"] -= 1
        parcels, cursor, left = await everything(carrier, cursor)
        assert sorted(p.data for p in parcels) == sorted(letters(38, 12))
        batch = await carrier.collect(cursor)
        assert (left, batch.left, batch.full) == (0, 0, False)

    play(provider, scene)


def _error(kind: str) -> Callable[[dict[str, Any]], Any]:
    return lambda arguments: {"error": {"type": kind, "description": "down\x07\r\nfor today"}}


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("Email/query", _error("serverFail")),
        ("Email/query", lambda a: None),
        ("Email/query", lambda a: {"ids": "e1"}),
        ("Email/query", lambda a: ("Mailbox/get", {"ids": []})),
        ("Email/get", _error("serverFail")),
        ("Email/get", lambda a: {"state": "1", "list": "none"}),
        ("Email/get", lambda a: {"state": 7, "list": []}),
        ("Email/get", lambda a: {"state": "1", "list": [{"id": "e1", "blobId": 7, "size": 1}]}),
        ("Email/get", lambda a: {"state": "1", "list": [{"id": "e1", "blobId": "b", "size": "big"}]}),
        ("Mailbox/get", _error("accountNotFound")),
        ("Mailbox/get", lambda a: {"list": [7, {"id": ["x"], "role": "inbox"}, {"id": "m", "role": "junk"}]}),
    ],
)
def test_an_answer_of_nonsense_is_a_trouble_told_in_clean_words(
    method: str, answer: Callable[[dict[str, Any]], Any]
) -> None:
    provider = Provider(override={method: answer})
    provider.lay(letters(1)[0])

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        with pytest.raises(CarrierTrouble) as trouble:
            await carrier.collect(BEGINNING)
        assert trouble.value.message.isprintable()
        assert trouble.value.retry

    play(provider, scene)


@pytest.mark.parametrize(
    "answer",
    [
        _error("serverFail"),
        lambda a: None,
        lambda a: {"created": [], "updated": [], "newState": None, "hasMoreChanges": False},
        lambda a: {"created": [], "updated": [], "newState": a["sinceState"], "hasMoreChanges": True},
    ],
)
def test_changes_that_lead_nowhere_are_a_trouble(answer: Callable[[dict[str, Any]], Any]) -> None:
    provider = Provider()
    provider.lay(letters(1)[0])

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        _, cursor, _ = await everything(carrier)
        provider.override["Email/changes"] = answer
        with pytest.raises(CarrierTrouble):
            await carrier.collect(cursor)
        del provider.override["Email/changes"]
        provider.lay(letters(2)[1])
        assert [p.data for p in (await everything(carrier, cursor))[0]] == [letters(2)[1]]

    play(provider, scene)


def test_where_marking_is_forbidden_nothing_is_lost() -> None:
    provider = Provider(override={"Email/set": _error("accountReadOnly")})
    provider.lay(letters(1)[0])

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        parcels, _cursor, _left = await everything(carrier)
        await carrier.acknowledge([p.source for p in parcels])
        provider.override["Email/set"] = _error("serverFail")
        with pytest.raises(CarrierTrouble):
            await carrier.acknowledge([p.source for p in parcels])

    play(provider, scene)


@pytest.mark.parametrize("page", [20, 500])
def test_batches_stay_small_and_a_cursor_below_64_kib(page: int) -> None:
    """Ids as long as they may be (RFC 8620 1.2), and parcels that weigh too much to come all at once."""
    provider = Provider(page=page)
    data = [fake_letter(n, size=500_000).data for n in range(30)]
    for one in data:
        uid = provider.lay(one)
        email = provider.emails.pop(uid)
        long = uid.ljust(255, "x")
        provider.emails[long] = {**email, "id": long}

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        first = await carrier.collect(BEGINNING)
        assert sum(len(p.data) for p in first.parcels) <= 8_000_000
        assert first.more
        assert len(first.cursor) < 65536
        rest, _, _ = await everything(carrier, first.cursor)
        assert [p.data for p in (*first.parcels, *rest)] == data

    play(provider, scene)
