"""A provider's JMAP account: a mailbox that others use too, and a way out whose answers may be lost.

Nothing there is marked, moved or deleted; only what the sieve takes is fetched; only a complete proof is `Accepted`,
and after an answer that was lost only these very bytes, or the copy that came to ourselves, are `Found` (F04-F08).
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from dearly.carriers.base import BEGINNING, MOST_HEAD, Verdict
from dearly.carriers.jmap import ProviderCarrier, provider
from dearly.letter.account import MailAccount, Protocol, Security, Server, SignIn
from dearly.letter.content import LetterId
from dearly.letter.envelope import Heading, Parcel, Source, Way
from dearly.letter.errors import CarrierTrouble, Usage
from dearly.letter.journey import Accepted, Bounced, Delivered, Found, NothingProven, TryLater, Turned, Unknown
from tests.contracts.test_collects import everything
from tests.support.cutting_proxy import CuttingProxy, Side, cutting_proxy, places
from tests.support.fake_letters import ADA, BERT, CLARA, DORA, fake_letter
from tests.support.scripted_jmap import Answer, Provider, Request, Scripted, as_json, scripted
from tests.support.sifting import Judge, Kept, by_subject
from tests.support.times import FixedClock

EVERY = [False, pytest.param(True, marks=[pytest.mark.long, pytest.mark.timeout(1800)])]

NOW = datetime(2026, 1, 2, tzinfo=UTC)
PASSWORD = "fake-password-for-tests"
BASIC = "Basic " + base64.b64encode(f"{ADA}:{PASSWORD}".encode()).decode()


def account(url: str, sign_in: SignIn = SignIn.PASSWORD) -> MailAccount:
    server = Server(Protocol.JMAP, "127.0.0.1", 0, Security.PLAIN, str(ADA), url)
    return MailAccount(ADA, server, server, sign_in)


def a_provider(**more: Any) -> Provider:
    return Provider(authorization=BASIC, **more)


def play(
    there: Provider,
    scene: Callable[[ProviderCarrier, Scripted], Awaitable[None]],
    judge: Judge | None = None,
) -> list[str]:
    """The names of all methods that were called."""

    async def whole() -> list[str]:
        async with scripted(there.respond) as server:
            carrier = ProviderCarrier(account(server.url), Kept(PASSWORD), judge or Judge(), FixedClock(NOW))
            try:
                await scene(carrier, server)
            finally:
                await carrier.close()
            return methods(server)

    return asyncio.run(whole())


def methods(server: Scripted) -> list[str]:
    return [call[0] for r in server.seen if r.path == "/api" for call in json.loads(r.body)["methodCalls"]]


def letters(count: int, start: int = 0) -> list[bytes]:
    return [bytes(fake_letter(n).data) for n in range(start, start + count)]


def note(subject: str, body: bytes = b"Dear Ada,\r\n", *fields: bytes) -> bytes:
    return b"".join([f"Subject: {subject}\r\n".encode(), *[f + b"\r\n" for f in fields], b"\r\n", body])


# -- collecting


@pytest.mark.parametrize("page", [1, 3, 500])
@pytest.mark.parametrize("blobs", [True, False])
def test_only_what_the_sieve_takes_is_fetched_and_nothing_there_changes(page: int, blobs: bool) -> None:
    there = a_provider(page=page, blobs=blobs)
    for n, subject in enumerate(("take", "news", "door", "news", "take")):
        there.lay(note(subject, f"{n}\r\n".encode()))
        there.lay(note("take", b"junk\r\n"), "mb-junk")
    judge = Judge(by_subject)

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        before = json.dumps(there.emails)
        doors: list[Heading] = []
        parcels: list[Parcel] = []
        cursor, more = BEGINNING, True
        while more:
            batch = await carrier.collect(cursor)
            doors += batch.heads
            parcels += batch.parcels
            cursor, more = batch.cursor, batch.more
        assert [p.data for p in parcels] == [note("take", b"0\r\n"), note("take", b"4\r\n")]
        assert [h.size for h in doors] == [len(note("door", b"2\r\n"))]
        assert judge.shown[2].data == note("door", b"")
        assert {(p.source.way, p.source.place, p.source.validity) for p in parcels} == {(Way.MAIL, str(ADA), "acc")}
        await carrier.acknowledge([p.source for p in parcels])
        assert json.dumps(there.emails) == before
        gone = Source(Way.MAIL, str(ADA), "acc", "gone")
        there.emails[doors[0].source.uid]["mailboxIds"] = {"mb-archive": True}
        assert [p.data for p in await carrier.fetch([doors[0].source, gone])] == [note("door", b"2\r\n")]
        assert await carrier.fetch([]) == ()
        assert await everything(carrier, cursor) == ([], (await carrier.collect(cursor)).cursor, 0)

    called = play(there, scene, judge)
    assert len(judge.shown) == 5
    assert not [name for name in called if name.endswith(("/set", "/import", "/copy"))]


def test_only_the_last_days_come_the_first_time() -> None:
    there = a_provider()
    old = there.emails[there.lay(letters(1)[0])]
    old["receivedAt"] = "2025-11-30T00:00:00Z"
    there.lay(letters(2)[1])

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        parcels, cursor, _left = await everything(carrier)
        assert [p.data for p in parcels] == letters(2)[1:]
        # Somebody reads the old one in another program, and moves an older one here: neither is new.
        there.count += 1
        there.log.append((str(there.count), old["id"]))
        older = there.lay(letters(3)[2])
        there.emails[older]["receivedAt"] = "2024-01-01T00:00:00Z"
        assert (await everything(carrier, cursor))[0] == []

    play(there, scene)


def test_what_another_program_marks_is_not_fetched_again_and_what_it_moves_here_is_not_missed() -> None:
    there = a_provider()
    for data in letters(3):
        there.lay(data)
    moved = there.lay(letters(4)[3], "mb-junk")

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        _parcels, cursor, _left = await everything(carrier)
        for uid in there.emails:
            there.emails[uid]["keywords"]["$seen"] = True
            there.count += 1
            there.log.append((str(there.count), uid))
        there.emails[moved]["mailboxIds"] = {"mb-inbox": True}
        downloads = len([r for r in server.seen if r.path.startswith("/download")])
        parcels, cursor, _left = await everything(carrier, cursor)
        assert [p.data for p in parcels] == [letters(4)[3]]
        assert len([r for r in server.seen if r.path.startswith("/download")]) == downloads + 1

    play(there, scene)


def test_where_the_server_forgot_the_state_nothing_is_missed() -> None:
    """Like F27: cannotCalculateChanges."""
    there = a_provider(page=3)
    for data in letters(8):
        there.lay(data)

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        _parcels, cursor, _left = await everything(carrier)
        there.forgets_before = 10_000
        there.lay(letters(9)[8])
        parcels, cursor, _left = await everything(carrier, cursor)
        assert [p.data for p in parcels] == letters(9)[8:]

    play(there, scene)


def test_a_forgotten_state_after_months_away_is_walked_from_the_last_round_on() -> None:
    there = a_provider()
    there.lay(letters(1)[0])
    clock = FixedClock(NOW)

    async def whole() -> None:
        async with scripted(there.respond) as server:
            carrier = ProviderCarrier(account(server.url), Kept(PASSWORD), Judge(), clock)
            _parcels, cursor, _left = await everything(carrier)
            clock.pass_(days=200)
            there.forgets_before = 10_000
            there.emails[there.lay(letters(2)[1])]["receivedAt"] = "2026-03-01T00:00:00Z"
            assert [p.data for p in (await everything(carrier, cursor))[0]] == letters(2)[1:]
            await carrier.close()

    asyncio.run(whole())


def test_a_blob_that_comes_short_is_no_letter() -> None:
    """F30."""
    there = a_provider(blobs=True)
    email = there.emails[there.lay(letters(1)[0])]
    there.octets[email["blobId"]] = letters(1)[0][:-1]
    there.lay(letters(2)[1])

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        parcels, cursor, left = await everything(carrier)
        assert ([p.data for p in parcels], left) == (letters(2)[1:], 1)
        there.keep(letters(1)[0])
        assert await carrier.fetch([Source(Way.MAIL, str(ADA), "acc", email["id"])])
        parcels, cursor, left = await everything(carrier, cursor)
        assert ([p.data for p in parcels], left) == (letters(1), 0)

    play(there, scene)


@pytest.mark.parametrize(
    "headers",
    [
        None,
        "From: x",
        [1, None, {}],
        [{"name": 1, "value": 2}],
        [{"name": "Evil: yes\r\nX", "value": " y"}],
        [{"name": "X", "value": " y\r\nSubject: take"}, {"name": "X", "value": " \rSubject: take\n\0"}],
        [{"name": "X", "value": "z" * 10_000_000}],
        [{"name": "X", "value": "z" * 100}] * 100_000,
        [{"name": "X", "value": "\ud800"}],
    ],
)
def test_a_header_that_lies_is_no_more_than_one(headers: Any) -> None:
    there = a_provider()
    uid = there.lay(letters(1)[0])

    def get(a: dict[str, Any]) -> Any:
        if "headers" in a["properties"]:
            return {"state": "1", "list": [{"id": uid, "headers": headers}]}
        return there.email_get(a, {})

    there.override["Email/get"] = get
    judge = Judge(by_subject)

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        assert (await everything(carrier))[0] == []

    play(there, scene, judge)
    (head,) = judge.shown
    assert len(head.data) <= MOST_HEAD
    assert head.data.endswith(b"\r\n")
    assert head.data.count(b"\r\n\r\n") <= 1
    assert b"Evil" not in head.data


def test_the_fullest_cursor_stays_below_its_bound() -> None:
    there = a_provider()

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        for n in range(700):
            there.lay(note("news", f"{n}\r\n".encode()))
        _parcels, cursor, _left = await everything(carrier)
        inner = json.dumps(["1", "acc", "s" * 255, "w" * 255, ["n" * 255] * 200, ["o" * 255] * 20])
        longest = json.dumps(["m1", inner, 1 << 40, json.loads(cursor)[3]])
        assert len(json.loads(cursor)[3]) == 8 * provider.KNOWN
        assert len(longest) < 65_536

    play(there, scene, Judge(lambda head: Verdict.LEAVE))


# -- handing over


@pytest.mark.parametrize("blobs", [True, False])
def test_each_recipient_gets_the_exact_bytes_and_we_a_copy_of_each(blobs: bool) -> None:
    there = a_provider(blobs=blobs, returns_copies=True)
    letter = fake_letter(1, BERT, CLARA)

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        assert await carrier.hand_over(letter) == {BERT: Accepted(), CLARA: Accepted()}
        assert there.submitted == [(str(BERT), letter.data), (str(CLARA), letter.data)]
        envelopes = [[one["email"] for one in s["envelope"]["rcptTo"]] for s in there.submissions.values()]
        assert envelopes == [[str(BERT), str(ADA)], [str(CLARA), str(ADA)]], "nobody reads of another"
        sent = [e for e in there.emails.values() if "mb-sent" in e["mailboxIds"]]
        assert [(there.octets[e["blobId"]], e["keywords"]) for e in sent] == [(letter.data, {"$seen": True})]
        assert await carrier.look_for(letter) == {BERT: Found(), CLARA: Found()}

    play(there, scene)


def test_a_letter_to_ourselves_goes_once() -> None:
    there = a_provider(returns_copies=True)

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        assert await carrier.hand_over(fake_letter(1, ADA)) == {ADA: Accepted()}
        assert [s["envelope"]["rcptTo"] for s in there.submissions.values()] == [
            [{"email": str(ADA), "parameters": None}]
        ]

    play(there, scene)


def test_some_are_refused_and_only_these() -> None:
    """F08."""
    there = a_provider()

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        outcomes = await carrier.hand_over(fake_letter(1, BERT, DORA))
        assert outcomes == {BERT: Accepted(), DORA: Turned("nobody [31mhere has that name")}

    play(there, scene)


def test_a_server_that_allows_one_recipient_gets_one() -> None:
    there = a_provider()

    def one_only(a: dict[str, Any]) -> Any:
        crowded = {c: {"type": "tooManyRecipients"} for c, v in a["create"].items() if len(v["envelope"]["rcptTo"]) > 1}
        rest = {c: v for c, v in a["create"].items() if c not in crowded}
        answer = there.emailsubmission_set({"create": rest}, {"e0": "e00001"})
        return {"created": answer["created"], "notCreated": answer["notCreated"] | crowded}

    there.override["EmailSubmission/set"] = one_only
    letter = fake_letter(1, BERT, DORA)

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        outcomes = await carrier.hand_over(letter)
        assert outcomes == {BERT: Accepted(), DORA: Turned("nobody [31mhere has that name")}
        assert there.submitted == [(str(BERT), letter.data)]

    play(there, scene)


@pytest.mark.parametrize(
    "error", [{"type": "tooManyRecipients", "maxRecipients": 0}, {"type": "tooLarge", "maxSize": 100_000_000}]
)
def test_a_reason_that_cannot_be_the_reason_is_not_for_ever(error: dict[str, Any]) -> None:
    """Cyrus gives these for passing refusals too."""
    there = a_provider()
    there.override["EmailSubmission/set"] = lambda a: {"notCreated": dict.fromkeys(a["create"], error)}

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        assert isinstance((await carrier.hand_over(fake_letter(1)))[BERT], TryLater)
        assert there.emails == {}

    play(there, scene)


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("smtpProtocolError", Unknown),
        ("serverFail", Unknown),
        ("never-heard-of", Unknown),
        ("rateLimit", TryLater),
        ("forbiddenToSend", Turned),
        ("tooLarge", Turned),
    ],
)
def test_only_an_error_that_is_known_says_that_nothing_was_taken(error: str, outcome: type) -> None:
    there = a_provider()
    there.override["EmailSubmission/set"] = lambda a: {"notCreated": {c: {"type": error} for c in a["create"]}}

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        assert isinstance((await carrier.hand_over(fake_letter(1)))[BERT], outcome)
        kept = [e for e in there.emails.values() if "mb-sent" in e["mailboxIds"]]
        assert len(kept) == (outcome is Unknown), "what nobody took is no letter that was sent"
        there.override["EmailSubmission/set"] = lambda a: {"error": {"type": error}}
        if error in ("serverFail", "serverPartialFail"):
            assert isinstance((await carrier.hand_over(fake_letter(2)))[BERT], Unknown)

    play(there, scene)


def forgetful(there: Provider, *, query: bool) -> None:
    """As some servers are (Cyrus): a submission is forgotten when it has left, or cannot be asked for at all."""
    answer: Any = {"ids": []} if query else {"error": {"type": "unknownMethod"}}
    there.override["EmailSubmission/query"] = lambda a: answer


@pytest.mark.parametrize("query", [True, False])
def test_a_server_that_forgets_submissions_proves_one_by_the_copy_that_comes(query: bool) -> None:
    there = a_provider(returns_copies=True)
    forgetful(there, query=query)
    letter = fake_letter(1, BERT)

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        assert await carrier.look_for(letter) == {BERT: NothingProven()}
        await carrier.hand_over(letter)
        assert await carrier.look_for(letter) == {BERT: Found()}

    play(there, scene)


def test_what_lies_in_sent_or_is_nearly_the_letter_proves_nothing() -> None:
    there = a_provider()
    forgetful(there, query=True)
    letter, other = fake_letter(1, BERT), fake_letter(2, BERT, letter_id=LetterId("letter1@letters.test"))

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        there.lay(letter.data, "mb-sent")
        there.lay(b"Received: by x\r\n" + other.data)
        there.lay(b"Received: by x\r\n" + letter.data + b"\r\n")
        there.lay(b"X-Not-Received: by x\r\n" + letter.data)
        assert await carrier.look_for(letter) == {BERT: NothingProven()}
        there.lay(b"Received: by x\r\n" + letter.data)
        assert await carrier.look_for(letter) == {BERT: Found()}

    play(there, scene)


def test_fewer_copies_than_recipients_prove_nothing() -> None:
    there = a_provider()
    forgetful(there, query=True)
    letter = fake_letter(1, BERT, CLARA)

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        there.lay(b"Received: by x; 1\r\n" + letter.data)
        assert await carrier.look_for(letter) == {BERT: NothingProven(), CLARA: NothingProven()}
        there.lay(b"Received: by x; 2\r\n" + letter.data)
        assert await carrier.look_for(letter) == {BERT: Found(), CLARA: Found()}

    play(there, scene)


def test_only_a_proof_is_reported() -> None:
    there = a_provider()
    letter = fake_letter(1, BERT, CLARA)
    there.statuses = {str(ADA): {"delivered": "yes"}, str(CLARA): {"delivered": "unknown"}}

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        await carrier.hand_over(letter)
        assert await carrier.ask_after(letter) == {BERT: None, CLARA: None}, "our own copy is not theirs"
        assert not [r for r in server.seen if r.path.startswith("/download")], "nothing to prove, nothing fetched"
        for submission in there.submissions.values():
            del submission["deliveryStatus"]
        there.statuses |= {
            str(BERT): {"delivered": "yes"},
            str(CLARA): {"delivered": "no", "smtpReply": "550 5.1.1 \x1b[1mno"},
        }
        assert await carrier.ask_after(letter) == {BERT: Delivered(), CLARA: Bounced("550 5.1.1 [1mno")}
        # The same, when what was submitted is another letter of the same length and name.
        there.octets[there.emails[next(iter(there.emails))]["blobId"]] = letter.data[:-3] + b"x\r\n"
        assert await carrier.ask_after(letter) == {BERT: None, CLARA: None}

    play(there, scene)


@pytest.mark.parametrize("side", list(Side))
@pytest.mark.parametrize("every", EVERY)
def test_cut_anywhere_nothing_is_accepted_that_was_not_and_looking_finds_it(every: bool, side: Side) -> None:
    """F04, F05: no second handing over on a guess."""

    async def scene(there: Provider, proxy: CuttingProxy) -> None:
        seeds = iter(range(1_000, 100_000))
        address = account(f"http://127.0.0.1:{proxy.port}")

        async def one(place: int | None) -> bytes:
            """One letter, on a line cut there; what was said on it."""
            letter = fake_letter(next(seeds), BERT)
            carrier = ProviderCarrier(address, Kept(PASSWORD), Judge(), FixedClock(NOW))
            proxy.fresh()
            if place is not None:
                proxy.cut(side, place)
            outcome = (await carrier.hand_over(letter))[BERT]
            said = bytes(proxy.said[side])
            proxy.fresh()
            left = (str(BERT), letter.data) in there.submitted
            assert there.submitted.count((str(BERT), letter.data)) == left
            if isinstance(outcome, Accepted):
                assert left
            elif isinstance(outcome, TryLater | Turned):
                assert not left, (place, outcome)
            found = (await carrier.look_for(letter))[BERT]
            assert found == (Found() if left else NothingProven()), place
            if place is None:
                assert outcome == Accepted()
            assert isinstance(outcome, Accepted | TryLater | Unknown)
            await carrier.close()
            return said

        await one(None)
        for place in places(await one(None), every=every, head=4, body=20):
            await one(place)

    async def whole() -> None:
        there = a_provider(blobs=True)
        async with scripted(there.respond) as server, cutting_proxy(server.port) as proxy:
            await scene(there, proxy)

    asyncio.run(whole())


# -- signing in


def test_a_token_is_renewed_once_and_a_password_asked_once() -> None:
    async def whole(sign_in: SignIn, *secrets: str) -> tuple[Kept, list[str], str]:
        there = Provider(authorization="Bearer second")
        async with scripted(there.respond) as server:
            kept = Kept(*secrets)
            carrier = ProviderCarrier(account(server.url, sign_in), kept, Judge(), FixedClock(NOW))
            code = ""
            try:
                await carrier.collect(BEGINNING)
            except CarrierTrouble as trouble:
                code = trouble.code
            checks = await carrier.check()
            assert checks[0].what == "incoming.sign_in"
            assert checks[0].fine is (code == "")
            await carrier.close()
            return kept, [r.headers["authorization"] for r in server.seen], code

    kept, shown, code = asyncio.run(whole(SignIn.OAUTH, "first", "second"))
    assert (kept.refusals, shown[:2], code) == (1, ["Bearer first", "Bearer second"], "")
    kept, shown, code = asyncio.run(whole(SignIn.OAUTH, "first", "first"))
    assert (shown[:1], code) == (["Bearer first"], "sign_in_refused")
    kept, shown, code = asyncio.run(whole(SignIn.PASSWORD, PASSWORD))
    assert (kept.refusals, shown, code) == (2, [BASIC] * 2, "sign_in_refused"), "once for each act"
    kept, shown, code = asyncio.run(whole(SignIn.OAUTH, "a\r\nX-Evil: yes"))
    assert (shown, code) == ([], "sign_in_again"), "A24"


def test_no_password_goes_to_another_server_or_without_encryption() -> None:
    """A23: a redirect elsewhere, and an apiUrl that leaves TLS."""

    async def whole() -> None:
        def send_away(request: Request) -> Answer:
            return Answer(302, b"", {"Location": "https://elsewhere.letters.test/jmap"})

        async with scripted(send_away) as server:
            carrier = ProviderCarrier(account(server.url), Kept(PASSWORD), Judge(), FixedClock(NOW))
            with pytest.raises(CarrierTrouble) as trouble:
                await carrier.collect(BEGINNING)
            assert trouble.value.code == "server_moved"
            await carrier.close()

    asyncio.run(whole())
    for url in ("http://mail.letters.test/jmap", "ftp://x", "https://user@x", "nonsense"):
        with pytest.raises(Usage):
            ProviderCarrier(account(url), Kept(PASSWORD), Judge(), FixedClock(NOW))


@pytest.mark.parametrize(
    "answer",
    [Answer(500), Answer(200, b"<html>"), as_json({}), as_json([]), as_json({"primaryAccounts": 7}), Answer(raw=b"\0")],
)
def test_a_server_that_is_none_is_a_trouble_of_the_mail(answer: Answer) -> None:
    async def whole() -> None:
        async with scripted(lambda request: answer) as server:
            carrier = ProviderCarrier(account(server.url), Kept(PASSWORD), Judge(), FixedClock(NOW))
            with pytest.raises(CarrierTrouble) as trouble:
                await carrier.collect(BEGINNING)
            assert trouble.value.code in ("mail_answer", "mail_unreachable")
            assert "office" not in trouble.value.told
            assert await carrier.look_for(fake_letter(1)) == {BERT: NothingProven()}
            assert [c.fine for c in await carrier.check()] == [False]
            await carrier.close()

    asyncio.run(whole())


def test_checking_says_what_works() -> None:
    there = a_provider()

    async def scene(carrier: ProviderCarrier, server: Scripted) -> None:
        assert [(c.what, c.fine) for c in await carrier.check()] == [
            ("incoming.sign_in", True),
            ("incoming.letterbox", True),
            ("outgoing.sign_in", True),
        ]

    play(there, scene)
    stranger = a_provider(me="other@letters.test")

    async def refused(carrier: ProviderCarrier, server: Scripted) -> None:
        assert [c.fine for c in await carrier.check()] == [True, True, False]
        with pytest.raises(CarrierTrouble) as trouble:
            await carrier.hand_over(fake_letter(1))
        assert trouble.value.code == "cannot_send"
        assert "office" not in trouble.value.told

    play(stranger, refused)
