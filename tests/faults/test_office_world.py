"""Letters to the world: whatever the smarthost says, and wherever it or the office dies, nothing is lost and nothing is
handed on twice; and what nobody can know is said to be unknown (F04-F06, decided as a desk's own letters are)."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from dearly.carriers.jmap import JmapCarrier
from dearly.letter.address import Address
from dearly.letter.content import LetterId
from dearly.letter.envelope import Envelope, SealedBytes, SealedLetter
from dearly.letter.journey import NotThere, TryLater
from dearly.office import abroad, accounts, moving, stores
from dearly.office.jmap import CORE
from dearly.office.limits import Limits
from dearly.office.relaying import Relaying
from dearly.office.service import serve
from tests.support.abroad import DORA, HURRIED, PACE, SENDER, SHORT, Abroad, an_office_abroad, smarthost
from tests.support.offices import MachineChance, MachineClock, Member, OfficeProcess, an_office, parcel, start_process
from tests.support.postgres import a_database, a_server, programs, the_server
from tests.support.scripted_smtp import Answer, Say, Session, scripted_smtp

Scene = Callable[[Abroad], Coroutine[Any, Any, None]]
STORES = ["sqlite", pytest.param("postgres", marks=pytest.mark.long)]


@pytest.fixture(params=STORES)
def where(request: pytest.FixtureRequest, tmp_path: Path) -> stores.Where:
    return tmp_path / "post" if request.param == "sqlite" else a_database()


def play(where: stores.Where, scene: Scene, answer: Answer | None = None, **more: Any) -> None:
    async def whole() -> None:
        async with an_office_abroad(where, answer or (lambda _v, _l, _s: None), **more) as office:
            await scene(office)

    asyncio.run(whole())


def once(verb: str, say: bytes | Say) -> Answer:
    """This, the first time that it is asked; then as a decent server."""
    said = False

    def answer(asked: str, _line: str, _session: Session) -> bytes | Say | None:
        nonlocal said
        if asked == verb and not said:
            said = True
            return say
        return None

    return answer


async def goes(office: Abroad) -> None:
    """It is handed on now, byte for byte, once, and whatever time passes, never again."""
    assert await office.turn(minutes=2) == 1
    assert (await office.state())[0] == "unknown" and (await office.state())[1].startswith("250 ")
    for _day in range(7):
        assert await office.turn(days=1) == 0
    (kept,) = office.smtp.kept
    assert (kept.sender, kept.recipients, kept.data) == (str(SENDER), (DORA,), office.sent[0])


def test_one_letter_goes_out_once_and_its_bytes_go_with_it(where: stores.Where) -> None:
    async def scene(office: Abroad) -> None:
        answer = await office.hand_over(DORA)
        assert answer["created"]["s"]["undoStatus"] == "pending"
        assert (await office.state())[0] == "queued"
        assert await office.held() == len(office.sent[0])
        await goes(office)
        assert await office.held() == 0
        assert (await office.submission())["undoStatus"] == "final"
        # Asked once more under the same key, it answers, and hands nothing on.
        again = await office.hand_over(DORA, data=office.sent[0])
        assert again["created"]["s"]["deliveryStatus"][DORA]["delivered"] == "unknown"
        assert await office.turn(minutes=1) == 0
        assert office.relaying.outcomes == {"taken": 1}

    play(where, scene)


@pytest.mark.parametrize("verb", ["", "EHLO", "MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("say", [b"451 4.7.1 later\r\n", Say(cut=True)], ids=["4yz", "cut"])
def test_what_was_certainly_not_taken_is_tried_again(where: stores.Where, verb: str, say: bytes | Say) -> None:
    async def scene(office: Abroad) -> None:
        await office.hand_over(DORA)
        assert await office.turn() == 1
        state, reply = await office.state()
        if verb == "." and isinstance(say, Say):
            assert (state, reply[:9]) == ("unknown", "450 4.4.2")
            for _day in range(7):
                assert await office.turn(days=1) == 0
            assert not office.smtp.kept
            assert await office.held() == 0
            return
        assert (state, reply[0]) == ("queued", "4")
        assert await office.turn(seconds=30) == 0
        await goes(office)

    play(where, scene, once(verb, say))


@pytest.mark.parametrize("verb", ["RCPT", "DATA", "."])
def test_what_is_refused_comes_back(where: stores.Where, verb: str) -> None:
    async def scene(office: Abroad) -> None:
        await office.hand_over(DORA)
        await office.turn()
        assert await office.state() == ("no", "550 5.1.1 nobody")
        assert (await office.held(), await office.turn(days=1), office.smtp.kept) == (0, 0, [])
        again = await office.hand_over(DORA, data=office.sent[0])  # a question never hands anything on
        assert again["created"]["s"]["deliveryStatus"][DORA]["delivered"] == "no"
        assert await office.turn(minutes=1) == 0
        await office.hand_over(DORA, key="k2", data=office.sent[0])  # a new decision does
        assert await office.turn() == 1
        assert len(office.smtp.kept) == 1

    play(where, scene, once(verb, b"550 5.1.1 nobody\r\n"))


def test_taken_and_cut_is_unknown_and_stays_one_letter(where: stores.Where) -> None:
    async def scene(office: Abroad) -> None:
        await office.hand_over(DORA)
        await office.turn()
        assert (await office.state())[0] == "unknown"
        assert (await office.state())[1].startswith("450 4.4.2 ")
        for _day in range(7):
            assert await office.turn(days=1) == 0
        assert len(office.smtp.kept) == 1

    play(where, scene, once(".", Say(cut=True, keeps=True)))


def test_five_days_of_later_and_it_comes_back(where: stores.Where) -> None:
    async def scene(office: Abroad) -> None:
        await office.hand_over(DORA)
        tries = 0
        for _quarter in range(24):
            tries += await office.turn(hours=6)
        assert tries == 20
        state, reply = await office.state()
        assert state == "no" and reply.startswith("550 5.4.7 ") and "4.2.0 full" in reply

    play(where, scene, lambda verb, _line, _session: b"450 4.2.0 full\r\n" if verb == "RCPT" else None)


def test_a_sender_that_is_refused_is_the_operators_trouble_and_no_letters(where: stores.Where) -> None:
    async def scene(office: Abroad) -> None:
        await office.hand_over(DORA)
        await office.turn()
        assert (await office.state())[0] == "queued"
        await goes(office)

    play(where, scene, once("MAIL", b"550 5.7.1 not you\r\n"))


def test_each_recipient_has_an_outcome_and_an_hour_its_limit(where: stores.Where) -> None:
    async def scene(office: Abroad) -> None:
        two = await office.hand_over(DORA, "emil@world.test")
        assert two["created"]["s"]["undoStatus"] == "pending"
        (error,) = (await office.hand_over("frieda@world.test", key="k2"))["notCreated"].values()
        assert (error["type"], error["description"][:9]) == ("overQuota", "452 4.5.3")
        await office.turn()
        assert (await office.state())[0] == "unknown"
        assert (await office.state(to="emil@world.test"))[0] == "no"
        assert [kept.recipients for kept in office.smtp.kept] == [(DORA,)]
        assert "notCreated" in await office.hand_over("frieda@world.test", key="k2")
        await office.turn(minutes=61)
        assert (await office.hand_over("frieda@world.test", key="k3"))["created"]

    def answer(verb: str, line: str, _session: Session) -> bytes | None:
        return b"550 5.1.1 nobody\r\n" if verb == "RCPT" and "emil" in line else None

    play(where, scene, answer, limits=Limits(world_an_hour=2))


@pytest.mark.parametrize(
    "to", ["root@localhost", "x@other.office.invalid", "x@[127.0.0.1]", "x@w.test>\r\nRCPT TO:<y@z"]
)
def test_what_is_nobody_in_the_world_is_not_queued(tmp_path: Path, to: str) -> None:
    async def scene(office: Abroad) -> None:
        answer = await office.hand_over(to, data=parcel(office.ada.address, DORA))
        assert answer["notCreated"]["s"]["type"] == "invalidRecipients"
        assert (await office.turn(minutes=1), await office.held()) == (0, len(office.sent[0]))

    play(tmp_path / "post", scene)


def test_what_waits_can_be_canceled_and_what_left_cannot(where: stores.Where) -> None:
    async def scene(office: Abroad) -> None:
        made = (await office.hand_over(DORA))["created"]["s"]["id"]
        (answer,) = await office.call(("EmailSubmission/set", {"update": {made: {"undoStatus": "canceled"}}}))
        assert made in answer["updated"]
        assert (await office.submission())["undoStatus"] == "canceled"
        assert (await office.turn(hours=1), await office.held(), office.smtp.kept) == (0, 0, [])
        left = (await office.hand_over(DORA, key="k2"))["created"]["s"]["id"]
        await office.turn()
        (answer,) = await office.call(("EmailSubmission/set", {"update": {left: {"undoStatus": "canceled"}}}))
        assert answer["notUpdated"][left]["type"] == "cannotUnsend"
        assert len(office.smtp.kept) == 1

    play(where, scene)


def test_a_request_sees_what_it_has_canceled(where: stores.Where) -> None:
    async def scene(office: Abroad) -> None:
        (uploaded,) = await office.call(("Blob/upload", {"create": {"b": {"data": [{"data:asText": _text(office)}]}}}))
        mail = {"blobId": uploaded["created"]["b"]["id"], "mailboxIds": {"sent": True}}
        sender, to = {"email": str(office.ada.address)}, [{"email": DORA}]
        made = {"identityId": "self", "emailId": "#e", "envelope": {"mailFrom": sender, "rcptTo": to}, "onceKey": "k1"}
        again = ("EmailSubmission/set", {"create": {"s": made}})
        _mail, first = await office.call(("Email/import", {"emails": {"e": mail}}), again)
        email, cancel = _mail["created"]["e"]["id"], {first["created"]["s"]["id"]: {"undoStatus": "canceled"}}
        made["emailId"] = email
        answers = await office.call(again, ("EmailSubmission/set", {"update": cancel}), again)
        assert [a["created"]["s"]["undoStatus"] for a in (answers[0], answers[2])] == ["pending", "canceled"]

    play(where, scene)


def _text(office: Abroad) -> str:
    return parcel(office.ada.address, DORA).decode()


def test_what_waits_in_a_copy_never_leaves_by_it(where: stores.Where, tmp_path: Path) -> None:
    """A copy is older than what the office did since; whoever serves it cannot know what has left meanwhile."""

    async def scene(office: Abroad) -> None:
        await office.hand_over(DORA)
        await moving.copy(where, tmp_path / "copy", MachineChance(), lambda *_: None)
        await goes(office)
        store = stores.open_store(tmp_path / "copy")
        relaying = Relaying(store, smarthost(office.smtp.port), office.clock, MachineChance())
        ada = await store.read(lambda shelf: shelf.account(office.ada.address.key))
        assert ada
        restored = replace(office, store=store, relaying=relaying, ada=ada)
        try:
            for _day in range(2):
                assert await restored.turn(days=1) == 0
            assert (await restored.state())[0] == "unknown"
            assert (await restored.state())[1].startswith("450 4.4.2 ")
            assert (await restored.held(), len(office.smtp.kept)) == (0, 1)
        finally:
            await relaying.close(1)
            await store.close()

    play(where, scene)


def test_while_it_stops_it_takes_nothing_in_but_hears_how_a_letter_ends(where: stores.Where) -> None:
    """What is behind its final dot is waited for; meanwhile nobody new is let in, so the whole end takes no longer."""
    ended = asyncio.Event()

    def answer(verb: str, _line: str, _session: Session) -> Say | None:
        if verb != ".":
            return None
        ended.set()
        return Say(silent=True)

    async def scene(office: Abroad) -> None:
        await office.hand_over(DORA)
        relay = smarthost(office.smtp.port, replace(SHORT, final=2))
        serving = serve(office.store, clock=office.clock, chance=MachineChance(), relay=relay, pace=HURRIED)
        server = await serving.__aenter__()
        await asyncio.wait_for(ended.wait(), 30)
        stopping = asyncio.create_task(serving.__aexit__(None, None, None))
        await asyncio.sleep(0.5)
        assert not stopping.done()
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", server.port)
        await stopping
        assert (await office.state())[0] == "unknown"

    play(where, scene, answer)


def test_an_office_that_lost_its_mail_server_does_not_say_that_a_letter_is_on_its_way(tmp_path: Path) -> None:
    """Nor that nobody has it: it is in its queue, and leaves when a mail server is named again."""

    async def whole() -> None:
        async with scripted_smtp() as smtp:
            dora, outcomes = Address.parse(DORA), []
            with an_office(tmp_path / "post", relay=smarthost(smtp.port), pace=replace(PACE, look=3600)) as office:
                ada = await asyncio.to_thread(office.member, "ada")
                await asyncio.sleep(0.1)  # behind its first look
                data = SealedBytes(parcel(ada.address, DORA))
                letter = SealedLetter(Envelope(ada.address, (dora,)), LetterId("l@letters.test"), data, b"s" * 32, "k1")
                carrier = JmapCarrier(office.url, ada.token, ada.address)
                outcomes.append((await carrier.hand_over(letter))[dora])
                await carrier.close()
            with an_office(tmp_path / "post") as office:
                carrier = JmapCarrier(office.url, ada.token, ada.address)
                outcomes.append((await carrier.hand_over(letter))[dora])
                assert await carrier.look_for(letter) == {dora: NotThere()}
                await carrier.close()
            assert all(isinstance(outcome, TryLater) for outcome in outcomes), outcomes
            assert smtp.kept == []

    asyncio.run(whole())


def test_what_ends_every_node_that_takes_it_comes_back_too(where: stores.Where) -> None:
    async def scene(office: Abroad) -> None:
        await office.hand_over(DORA)
        taken = 0
        for _day in range(8):
            now = office.clock.now()
            taken += len(
                await office.store.write(partial(abroad.claim, holder="x", now=now, most=4, limits=office.limits))
            )
            office.clock.ahead += timedelta(days=1)
        assert taken == 5
        assert (await office.state())[0] == "no" and (await office.state())[1].startswith("550 5.4.7 ")
        assert (await office.held(), await office.turn(days=1), office.smtp.kept) == (0, 0, [])

    play(where, scene)


@pytest.mark.parametrize(("large", "at_once"), [(10_000, 3), (1_000, 1)])
def test_large_letters_go_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, large: int, at_once: int) -> None:
    """So that a few of them do not take more memory than there is."""
    monkeypatch.setattr("dearly.office.relaying._LARGE", large)
    sending: set[int] = set()
    most: list[int] = []

    def answer(verb: str, _line: str, session: Session) -> None:
        if verb == "MAIL":
            sending.add(session.number)
            most.append(len(sending))
        if verb == ".":
            sending.discard(session.number)

    async def scene(office: Abroad) -> None:
        for n in range(3):
            await office.hand_over(DORA, key=f"k{n}")
        assert await office.turn() == 3
        assert len(office.smtp.kept) == 3
        assert max(most) == 1 if at_once == 1 else max(most) > 1

    play(tmp_path / "post", scene, answer)


@pytest.mark.long
@pytest.mark.parametrize("verb", ["MAIL", "DATA", "."])
def test_the_database_dies_while_a_letter_is_handed_on(verb: str) -> None:
    """Its end is noted as soon as there is one again; or nothing was handed over, and it goes with the next turn."""
    the_server()  # skips where there is none
    where = programs()
    assert where
    server, killed = a_server(where), asyncio.Event()

    def again() -> None:
        (server.folder / "data" / "postmaster.pid").unlink()
        server.start()

    def answer(asked: str, _line: str, _session: Session) -> None:
        if asked == verb and not killed.is_set():
            killed.set()
            server.stop(signal.SIGKILL)
            asyncio.get_running_loop().call_later(1.5, again)

    async def scene(office: Abroad) -> None:
        await office.hand_over(DORA)
        await office.turn()
        assert killed.is_set()
        if verb != ".":
            await office.turn(minutes=16)
        assert (await office.state())[1].startswith("250 ")
        await office.turn(days=1)
        assert len(office.smtp.kept) == 1

    play(a_database(server), scene, answer)


# -- the office dies


def _kills(where: stores.Where, die_at: str, answer: Answer | None = None) -> tuple[list[Any], str, str]:
    """An office that dies at a step of handing on, and comes up again; what the world has, and what Ada is told."""

    async def whole() -> tuple[list[Any], str, str]:
        victim: list[OfficeProcess] = []

        def dying(verb: str, line: str, session: Session) -> bytes | Say | None:
            if die_at == "." and verb == "." and victim:
                victim.pop().kill()
                return Say(b"250 taken\r\n")
            return answer(verb, line, session) if answer else None

        async with scripted_smtp(dying) as smtp:
            office = await asyncio.to_thread(
                start_process, where, die_at=die_at if die_at != "." else "", smarthost=smtp.port
            )
            ada = await asyncio.to_thread(_member, where, office, "ada")
            victim.append(office)
            await asyncio.to_thread(ada.hand_over, parcel(ada.address, DORA), DORA, key="k1")
            await asyncio.to_thread(office.process.wait, 30)
            if die_at != ".":
                await asyncio.to_thread(office.process.communicate)
            again = await asyncio.to_thread(start_process, where, smarthost=smtp.port)
            ada.office.http.close()
            ada.office.http = httpx.Client(base_url=again.url, timeout=60)
            try:
                state = ("queued", "")
                while state[0] == "queued":
                    await asyncio.sleep(0.1)
                    state = await asyncio.to_thread(_state, ada)
                await asyncio.sleep(0.3)  # as long as several looks at the queue
            finally:
                ada.office.http.close()
                await asyncio.to_thread(again.end)
            return list(smtp.kept), *state

    return asyncio.run(asyncio.wait_for(whole(), 60))


def _member(where: stores.Where, office: OfficeProcess, name: str) -> Member:
    async def invite() -> str:
        store = stores.open_store(where)
        try:
            return await accounts.invite(store, name, MachineClock())
        finally:
            await store.close()

    token = asyncio.run(invite())
    http = httpx.Client(base_url=office.url, timeout=60)
    joined = http.post("/join", json={"invite": token}).json()
    member = Member(Reached(http), Address.parse(joined["address"]), joined["token"])
    member.uid = member.session()["primaryAccounts"][CORE]
    return member


@dataclass
class Reached:
    """What a member needs of an office."""

    http: httpx.Client


def _state(ada: Member) -> tuple[str, str]:
    ids = ada.call("EmailSubmission/query", filter={"onceKeys": ["k1"]})["ids"]
    (found,) = ada.call("EmailSubmission/get", ids=ids)["list"]
    status = found["deliveryStatus"][DORA]
    return status["delivered"], status["smtpReply"]


def _long(*steps: str) -> list[Any]:
    return [pytest.param(step, marks=pytest.mark.long) for step in steps]


@pytest.mark.parametrize("step", _long("office.relay.claimed"))
def test_killed_before_the_dot_it_goes_when_the_office_is_up_again(where: stores.Where, step: str) -> None:
    kept, state, reply = _kills(where, step)
    assert (len(kept), state, reply[:4]) == (1, "unknown", "250 ")


@pytest.mark.parametrize("step", ["office.relay.handing", *_long(".", "office.relay.answered")])
def test_killed_from_the_dot_on_it_is_unknown_and_goes_no_second_time(where: stores.Where, step: str) -> None:
    kept, state, reply = _kills(where, step)
    assert (state, reply[:9]) == ("unknown", "450 4.4.2")
    assert len(kept) == (0 if step == "office.relay.handing" else 1)


@pytest.mark.long
def test_killed_when_it_was_noted_nothing_is_open(where: stores.Where) -> None:
    kept, state, reply = _kills(where, "office.relay.settled")
    assert (len(kept), state, reply[:4]) == (1, "unknown", "250 ")


@pytest.mark.long
def test_two_nodes_of_which_one_dies_again_and_again() -> None:
    """0 lost, 0 doubled: what is said to be taken was taken once, and only what may have been is unknown."""
    url, letters = a_database(), 30

    async def whole() -> None:
        async with scripted_smtp() as smtp:
            steady = await asyncio.to_thread(start_process, url, smarthost=smtp.port)
            ada = await asyncio.to_thread(_member, url, steady, "ada")
            sent = [parcel(ada.address, DORA) for _n in range(letters)]
            steps = ["office.relay.handing", "office.relay.answered", "office.relay.claimed", "office.relay.settled"]
            for n, data in enumerate(sent):
                if n % 5 == 0:
                    dying = await asyncio.to_thread(
                        start_process, url, die_at=steps[n // 5 % 4], smarthost=smtp.port, after=n // 5 % 2
                    )
                await asyncio.to_thread(ada.hand_over, data, DORA, key=f"k{n}")
                if n % 5 == 4:
                    await asyncio.sleep(0.5)
                    await asyncio.to_thread(dying.kill)
            deliveries = await asyncio.to_thread(_all_states, ada, letters)
            while any(delivered == "queued" for delivered, _reply in deliveries):
                await asyncio.sleep(0.2)
                deliveries = await asyncio.to_thread(_all_states, ada, letters)
            await asyncio.to_thread(steady.end)
            ada.office.http.close()
            times = [sum(kept.data == data for kept in smtp.kept) for data in sent]
            assert max(times) == 1
            assert [
                n for n, (_delivered, reply) in enumerate(deliveries) if reply.startswith("250") and not times[n]
            ] == []
            unknown = [reply for _delivered, reply in deliveries if not reply.startswith("250")]
            assert all(reply.startswith("450 4.4.2") for reply in unknown)
            assert len(unknown) <= 6

    asyncio.run(asyncio.wait_for(whole(), 120))


def _all_states(ada: Member, letters: int) -> list[tuple[str, str]]:
    ids = ada.call("EmailSubmission/query", filter={"onceKeys": [f"k{n}" for n in range(letters)]})["ids"]
    found = {one["onceKey"]: one for one in ada.call("EmailSubmission/get", ids=ids)["list"]}
    states = [found[f"k{n}"]["deliveryStatus"][DORA] for n in range(letters)]
    return [(one["delivered"], one["smtpReply"]) for one in states]
