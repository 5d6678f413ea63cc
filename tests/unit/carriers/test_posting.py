"""Handing over to a server that is not our office, and to one that errs: only a complete proof is Accepted."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from dearly.carriers.jmap import JmapCarrier
from dearly.letter.content import LetterId
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import Accepted, Bounced, Delivered, Found, NothingProven, TryLater, Turned, Unknown
from tests.support.fake_letters import ADA, BERT, CLARA, DORA, fake_letter
from tests.support.scripted_jmap import Answer, Provider, Scripted, scripted

Scene = Callable[[JmapCarrier, Scripted], Coroutine[Any, Any, None]]


def play(provider: Provider, scene: Scene) -> None:
    async def whole() -> None:
        async with scripted(provider.respond) as server:
            carrier = JmapCarrier(server.url, "fake-token", ADA)
            try:
                await scene(carrier, server)
            finally:
                await carrier.close()

    asyncio.run(whole())


def api_calls(server: Scripted) -> list[list[str]]:
    return [[c[0] for c in json.loads(r.body)["methodCalls"]] for r in server.seen if r.path == "/api"]


@pytest.mark.parametrize("blobs", [True, False])
def test_a_provider_gets_the_exact_bytes_once_for_each_recipient(blobs: bool) -> None:
    provider = Provider(blobs=blobs)
    letter = fake_letter(1, BERT, CLARA)

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        assert await carrier.hand_over(letter) == {BERT: Accepted(), CLARA: Accepted()}
        assert provider.submitted == [(str(BERT), letter.data), (str(CLARA), letter.data)]
        assert [list(e["mailboxIds"]) for e in provider.emails.values()] == [["mb-sent"]]
        assert {s["identityId"] for s in provider.submissions.values()} == {"id-me"}
        assert [len(s["envelope"]["rcptTo"]) for s in provider.submissions.values()] == [1, 1], (
            "nobody reads of another"
        )
        handing = ["Email/import", "EmailSubmission/set"]
        assert api_calls(server)[1:] == [["Blob/upload", *handing] if blobs else handing], "one request"
        assert all("onceKey" not in s for s in provider.submissions.values())

    play(provider, scene)


def test_octets_that_are_no_plain_text_arrive_as_they_are() -> None:
    provider = Provider(blobs=True)
    letter = fake_letter(1)
    odd = type(letter)(
        letter.envelope, letter.letter_id, letter.data + b"\x00\xff\r\r\n", letter.seal_sha256, letter.key
    )

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        assert await carrier.hand_over(odd) == {BERT: Accepted()}
        assert provider.submitted == [(str(BERT), odd.data)]

    play(provider, scene)


def test_a_letter_too_large_for_a_request_is_uploaded_first() -> None:
    provider = Provider(blobs=True)
    letters = [fake_letter(1, size=100_000), fake_letter(2)]

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        assert list(await carrier.hand_over_many(letters)) == [{BERT: Accepted()}] * 2
        assert [r.path for r in server.seen if r.path.startswith("/upload")] == ["/upload/acc"]
        assert sorted(data for _, data in provider.submitted) == sorted(x.data for x in letters)

    play(provider, scene)


def test_an_upload_that_does_not_come_whole_hands_nothing_over() -> None:
    provider = Provider()
    letters = [fake_letter(1), fake_letter(2)]
    respond, fate = provider.respond, [Answer(201, b'{"blobId": "b", "size": 3}'), Answer(raw=b""), Answer(413)]

    def short(request: Any) -> Answer:
        return fate.pop(0) if request.path.startswith("/upload") and fate else respond(request)

    provider.respond = short  # type: ignore[method-assign]  # the server's luck, played here

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        first, second = await carrier.hand_over_many(letters)
        assert isinstance(first[BERT], TryLater)
        assert isinstance(second[BERT], TryLater)
        turned = await carrier.hand_over(letters[0])
        assert isinstance(turned[BERT], Turned)
        assert provider.submitted == []

    play(provider, scene)


def test_each_recipient_has_an_outcome_of_their_own_in_cleaned_words() -> None:
    provider = Provider(blobs=True)

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        outcomes = await carrier.hand_over(fake_letter(1, BERT, DORA, CLARA))
        assert outcomes == {BERT: Accepted(), DORA: Turned("nobody [31mhere has that name"), CLARA: Accepted()}
        assert [to for to, _ in provider.submitted] == [str(BERT), str(CLARA)]
        assert len(provider.emails) == 1

    play(provider, scene)


def test_what_nobody_accepted_does_not_lie_in_sent() -> None:
    provider = Provider(blobs=True)

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        assert isinstance((await carrier.hand_over(fake_letter(1, DORA)))[DORA], Turned)
        assert provider.emails == {}

    play(provider, scene)


def test_where_the_same_bytes_lie_already_those_are_submitted() -> None:
    """RFC 8621 4.8 alreadyExists: after an import whose submission was refused for a passing reason."""
    provider = Provider(blobs=True, refuse_doubles=True)
    letter = fake_letter(1)
    provider.lay(letter.data, "mb-sent")

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        assert list(await carrier.hand_over_many([letter, fake_letter(2)])) == [{BERT: Accepted()}] * 2
        assert sorted(data for _, data in provider.submitted) == sorted([letter.data, fake_letter(2).data])
        assert len(provider.emails) == 2

    play(provider, scene)


def _no_answer(arguments: dict[str, Any]) -> None:
    return None


def _error(kind: str, description: str = "") -> Callable[[dict[str, Any]], Any]:
    return lambda arguments: {"error": {"type": kind, "description": description}}


def _refusing(kind: str) -> Callable[[dict[str, Any]], Any]:
    return lambda arguments: {
        "created": None,
        "notCreated": {cid: {"type": kind} for cid in arguments.get("create") or arguments.get("emails") or {}},
    }


def _creating(made: Any) -> Callable[[dict[str, Any]], Any]:
    return lambda arguments: {"created": dict.fromkeys(arguments["create"], made)}


SUBMIT = "EmailSubmission/set"


@pytest.mark.parametrize(
    ("method", "answer", "kind"),
    [
        (SUBMIT, _no_answer, Unknown),
        (SUBMIT, lambda a: {}, Unknown),
        (SUBMIT, lambda a: {"created": []}, Unknown),
        (SUBMIT, lambda a: {"created": {"other": {"id": "s1"}}}, Unknown),
        (SUBMIT, _creating({}), Unknown),
        (SUBMIT, _creating({"id": 7}), Unknown),
        (SUBMIT, _creating(None), Unknown),
        (SUBMIT, _creating("s1"), Unknown),
        (SUBMIT, lambda a: ("Email/set", {"created": {}}), Unknown),
        (SUBMIT, _error("serverPartialFail"), Unknown),
        (SUBMIT, _error("serverFail"), TryLater),
        (SUBMIT, _error("serverUnavailable"), TryLater),
        (SUBMIT, _error("rateLimit"), TryLater),
        (SUBMIT, _refusing("overQuota"), TryLater),
        (SUBMIT, _refusing("rateLimit"), TryLater),
        (SUBMIT, _refusing("somethingNew"), TryLater),
        (SUBMIT, _refusing("tooLarge"), Turned),
        (SUBMIT, _refusing("forbiddenFrom"), Turned),
        (SUBMIT, _refusing("invalidRecipients"), Turned),
        (SUBMIT, _creating({"id": "s1"}), Accepted),
        (SUBMIT, _creating({"id": "s1", "deliveryStatus": None}), Accepted),
        (SUBMIT, _creating({"id": "s1", "deliveryStatus": {str(BERT): {"delivered": "queued"}}}), Accepted),
        (SUBMIT, _creating({"id": "s1", "deliveryStatus": {str(BERT): {"delivered": "no"}}}), Turned),
        ("Email/import", _no_answer, TryLater),
        ("Email/import", _error("serverFail"), TryLater),
        ("Email/import", _refusing("overQuota"), TryLater),
        ("Email/import", _refusing("forbidden"), Turned),
        ("Blob/upload", _error("serverFail"), TryLater),
        ("Blob/upload", _refusing("invalidProperties"), Turned),
        ("Blob/upload", _refusing("tooLarge"), Turned),
    ],
)
def test_only_a_complete_proof_is_accepted(method: str, answer: Callable[[dict[str, Any]], Any], kind: type) -> None:
    """Where a step failed, what follows it fails with it, as at every server; the cause is what is told."""
    provider = Provider(blobs=True, override={method: answer})
    if method != SUBMIT:
        provider.override.setdefault("Email/import", _refusing("blobNotFound"))
        provider.override[SUBMIT] = _refusing("invalidProperties")

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        outcome = (await carrier.hand_over(fake_letter(1)))[BERT]
        assert type(outcome) is kind
        assert outcome == Accepted() or outcome.why

    play(provider, scene)


def test_bytes_that_were_not_taken_in_as_sent_are_never_called_accepted() -> None:
    def altered(arguments: dict[str, Any]) -> Any:
        return {"created": {cid: {"id": "blob", "size": 3} for cid in arguments["create"]}}

    provider = Provider(blobs=True, override={"Blob/upload": altered, SUBMIT: _creating({"id": "s1"})})
    provider.override["Email/import"] = lambda a: {"created": {cid: {"id": "e1"} for cid in a["emails"]}}

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        assert isinstance((await carrier.hand_over(fake_letter(1)))[BERT], Unknown)

    play(provider, scene)


def test_an_account_that_may_not_send_as_us_needs_a_person() -> None:
    for provider in (Provider(me="ada@elsewhere.test"), Provider(override={"Mailbox/get": lambda a: {"list": []}})):

        async def scene(carrier: JmapCarrier, server: Scripted) -> None:
            with pytest.raises(CarrierTrouble) as trouble:
                await carrier.hand_over(fake_letter(1))
            assert trouble.value.code == "office_no_posting"

        play(provider, scene)


def test_an_identity_for_a_whole_domain_speaks_for_us() -> None:
    provider = Provider(me="*@LETTERS.test")

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        assert await carrier.hand_over(fake_letter(1)) == {BERT: Accepted()}

    play(provider, scene)


def test_without_keys_only_the_submission_of_these_very_bytes_proves_something() -> None:
    provider = Provider()
    letter = fake_letter(1, BERT, CLARA, letter_id=LetterId("same@letters.test"))
    twin = fake_letter(2, BERT, CLARA, letter_id=LetterId("same@letters.test"))
    assert len(twin.data) == len(letter.data)

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        nothing = {BERT: NothingProven(), CLARA: NothingProven()}
        assert await carrier.look_for(letter) == nothing
        assert await carrier.hand_over(twin) == {BERT: Accepted(), CLARA: Accepted()}
        assert await carrier.look_for(letter) == nothing, "the same Message-ID is a claim"
        provider.lay(letter.data, "mb-sent")
        assert await carrier.look_for(letter) == nothing, "lying in Sent is not having been sent"
        provider.emails.clear()
        assert await carrier.hand_over(letter) == {BERT: Accepted(), CLARA: Accepted()}
        assert await carrier.look_for(letter) == {BERT: Found(), CLARA: Found()}
        for submission in provider.submissions.values():
            if submission["envelope"]["rcptTo"][0]["email"] == str(CLARA):
                submission["undoStatus"] = "canceled"
        assert await carrier.look_for(letter) == {BERT: Found(), CLARA: NothingProven()}

    play(provider, scene)


def test_what_a_provider_reports_later_is_handed_on() -> None:
    provider = Provider()
    letter = fake_letter(1, BERT, CLARA)

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        assert await carrier.ask_after(letter) == {BERT: None, CLARA: None}
        await carrier.hand_over(letter)
        assert await carrier.ask_after(letter) == {BERT: None, CLARA: None}
        for submission in provider.submissions.values():
            to = submission["envelope"]["rcptTo"][0]["email"]
            delivered = "yes" if to == str(BERT) else "no"
            submission["deliveryStatus"] = {to: {"delivered": delivered, "smtpReply": "550 5.1.1 gone\r\n"}}
        assert await carrier.ask_after(letter) == {BERT: Delivered(), CLARA: Bounced("550 5.1.1 gone")}

    play(provider, scene)


def test_a_batch_goes_in_as_few_requests_as_the_limits_allow() -> None:
    provider = Provider(blobs=True)  # ten objects in a /set
    letters = [fake_letter(n, BERT, CLARA) for n in range(12)]

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        outcomes = await carrier.hand_over_many(letters)
        assert list(outcomes) == [{BERT: Accepted(), CLARA: Accepted()}] * 12
        assert len(api_calls(server)) == 1 + 3
        assert len(provider.submitted) == 24

    play(provider, scene)


def test_a_token_that_dies_within_a_batch_leaves_every_letter_its_outcome() -> None:
    provider = Provider(blobs=True)
    letters = [fake_letter(n, BERT) for n in range(12)]
    respond, served = provider.respond, []

    def dying(request: Any) -> Answer:
        served.append(request.path)
        return Answer(401) if len(served) == 4 else respond(request)

    provider.respond = dying  # type: ignore[method-assign]  # the server's luck, played here

    async def scene(carrier: JmapCarrier, server: Scripted) -> None:
        outcomes = await carrier.hand_over_many(letters)
        assert [type(o[BERT]) for o in outcomes] == [Accepted] * 10 + [TryLater] * 2
        assert len(provider.submitted) == 10

    play(provider, scene)
