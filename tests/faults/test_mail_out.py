"""Whatever befalls a letter on its way to an SMTP server, its outcome is the truth: *accepted* only where the server
has it, *for later* and *turned* only where it certainly has not, and *unknown* for the rest (docs/faults.md F04-F09,
F47; docs/threats.md A22, A23). Each play counts what the server truly kept."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dearly.carriers.mail.line import Patience
from dearly.carriers.mail.submission import PATIENT, Submission
from dearly.letter.account import MailAccount, Security
from dearly.letter.address import Address
from dearly.letter.envelope import SealedLetter
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import Accepted, Outcome, TryLater, Turned, Unknown
from tests.support.authority import Authority
from tests.support.cutting_proxy import Side, cutting_proxy
from tests.support.fake_letters import ADA, BERT, CLARA, DORA, fake_letter
from tests.support.mail_accounts import FakeCredentials, sending
from tests.support.scripted_smtp import Answer, Kept, Say, ScriptedSmtp, Session, scripted_smtp

QUICK = Patience(connect=5, answer=5, piece=5, final=5)
SHORT = Patience(connect=5, answer=0.2, piece=5, final=0.3)

Scene = Callable[[Submission, ScriptedSmtp], Coroutine[Any, Any, None]]


def usual(verb: str, line: str, session: Session) -> bytes | Say | None:
    return None


def at(verb: str, say: bytes | Say, number: int = 1) -> Answer:
    """`say` when `verb` is heard for the `number`th time, by any session; everything else as usual."""
    heard = [0]

    def answer(verb_heard: str, line: str, session: Session) -> bytes | Say | None:
        if verb_heard != verb:
            return None
        heard[0] += 1
        return say if heard[0] == number else None

    return answer


def play(scene: Scene, answer: Answer = usual, patience: Patience = QUICK, user: str = "") -> ScriptedSmtp:
    async def whole() -> ScriptedSmtp:
        async with scripted_smtp(answer) as server:
            submission = Submission(sending(ADA, server.port, user=user), FakeCredentials(), patience=patience)
            try:
                await scene(submission, server)
            finally:
                await submission.close()
            return server

    return asyncio.run(whole())


def times(kept: Sequence[Kept], letter: SealedLetter, recipient: Address) -> int:
    """How often the server has this letter for this recipient."""
    return sum(one.data == letter.data and str(recipient) in one.recipients for one in kept)


def truth(kept: Sequence[Kept], letter: SealedLetter, outcomes: Mapping[Address, Outcome]) -> None:
    """No outcome says more than is so."""
    assert set(outcomes) == set(letter.envelope.recipients)
    for recipient, outcome in outcomes.items():
        count = times(kept, letter, recipient)
        match outcome:
            case Accepted():
                assert count == 1
            case TryLater(why) | Turned(why):
                assert count == 0, outcome
                assert why
            case Unknown(why):
                assert count <= 1
                assert why
        assert count == sum(
            str(ADA) in one.recipients for one in kept if str(recipient) in one.recipients and one.data == letter.data
        )


def one_outcome(answer: Answer, patience: Patience = QUICK) -> tuple[Outcome, ScriptedSmtp]:
    """What came of one letter to Bert."""
    came: list[Outcome] = []
    letter = fake_letter(1, BERT)

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        outcomes = await submission.hand_over(letter)
        truth(server.kept, letter, outcomes)
        came.append(outcomes[BERT])

    server = play(scene, answer, patience)
    return came[0], server


# -- the last answer


@pytest.mark.parametrize(
    "end",
    [
        b"",
        b"2",
        b"25",
        b"250",
        b"250 ",
        b"250 2.0.0 taken",
        b"250 2.0.0 taken\r",
        b"250-2.0.0 taken\r\n",
        b"250-one\r\n250 two",
        b"4",
        b"451 later",
        b"5",
        b"554",
        b"554 no\r",
    ],
)
def test_a_cut_in_the_last_answer_is_unknown(end: bytes) -> None:
    """F05. The server may have the letter, or not; nobody can tell from here."""
    for keeps in (True, False):
        outcome, server = one_outcome(at(".", Say(end, cut=True, keeps=keeps)))
        assert isinstance(outcome, Unknown)
        assert len(server.sessions) == 1
        assert len(server.wires) == 1


@pytest.mark.parametrize(
    "end",
    [
        b"250 ok\n",
        b"ok\r\n",
        b"250ok\r\n",
        b"25 0 ok\r\n",
        b"2500\r\n",
        b"999 ok\r\n",
        b"000 ok\r\n",
        b"\r\n",
        b"\0\0\0\r\n",
        b"\xff\xfe\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"250-ok\r\n451 later\r\n",
        b"250-ok\r\n" * 200,
        b"250 " + b"x" * 1_000_000 + b"\r\n",
        b"251 elsewhere\r\n",
        b"354 more\r\n",
        b"220 hello again\r\n",
        b"334 \r\n",
    ],
)
def test_a_last_answer_that_is_none_is_unknown(end: bytes) -> None:
    """F05: garbage, another protocol, endless lines, and codes that mean nothing here."""
    outcome, server = one_outcome(at(".", Say(end, keeps=True)))
    assert isinstance(outcome, Unknown)
    assert len(server.wires) == 1


@pytest.mark.parametrize("end", [b"250\r\n", b"250 2.0.0 ok\r\n", b"250-one\r\n250-two\r\n250 three\r\n"])
def test_a_whole_250_is_acceptance(end: bytes) -> None:
    assert one_outcome(at(".", end))[0] == Accepted()


def test_a_whole_no_is_a_no() -> None:
    """F09; and after 421 the line is over."""
    assert one_outcome(at(".", b"554 5.6.0 not this one\r\n"))[0] == Turned("554 5.6.0 not this one")
    assert one_outcome(at(".", b"452 4.3.1 disk full\r\n"))[0] == TryLater("452 4.3.1 disk full")
    assert one_outcome(at(".", Say(b"421 4.3.2 going\r\n", cut=True)))[0] == TryLater("421 4.3.2 going")


def test_the_last_answer_is_waited_for() -> None:
    """F07: at least ten minutes (RFC 5321 4.5.3.2.6), and no second attempt meanwhile."""
    assert PATIENT.final >= 600
    began = time.monotonic()
    outcome, server = one_outcome(at(".", Say(silent=True, keeps=True)), SHORT)
    assert isinstance(outcome, Unknown)
    assert time.monotonic() - began >= SHORT.final
    assert (len(server.sessions), len(server.wires)) == (1, 1)


def test_an_answer_that_drips_does_not_hold_us_for_ever() -> None:
    """Each octet comes in time, the whole never does."""
    began = time.monotonic()
    outcome, _server = one_outcome(at(".", Say(b"250 ", drips=True, keeps=True)), SHORT)
    assert isinstance(outcome, Unknown)
    assert time.monotonic() - began < 5


def test_an_answer_before_its_question_is_none() -> None:
    """A server (or whoever speaks for it) that says 250 before the letter has ended has taken nothing by that."""
    for verb, early in (
        ("DATA", b"354 go on\r\n250 2.0.0 taken\r\n"),
        ("RCPT", b"250 ok\r\n250 ok\r\n354 go on\r\n250 2.0.0 taken\r\n"),
        ("MAIL", b"250 ok\r\n250 ok\r\n"),
        ("EHLO", b"250 host\r\n250 ok\r\n"),
        ("", b"220 host\r\n250 ok\r\n"),
    ):
        outcome, server = one_outcome(at(verb, early))
        assert isinstance(outcome, TryLater), verb
        assert server.kept == []


# -- before the last answer


@pytest.mark.parametrize("verb", ["", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    "how", [Say(cut=True), Say(b"2", cut=True), Say(silent=True), Say(b"nonsense\r\n"), Say(b"\n")]
)
def test_what_breaks_before_the_letter_is_for_later(verb: str, how: Say) -> None:
    """F04, F47: cut, silent or senseless before the dot: certainly not accepted, and nothing is begun again."""
    outcome, server = one_outcome(at(verb, how), SHORT)
    assert isinstance(outcome, TryLater)
    assert server.kept == []
    assert len(server.sessions) == 1


@pytest.mark.parametrize("verb", ["", "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "."])
def test_421_anywhere(verb: str) -> None:
    """RFC 5321 3.8: a whole answer, so nothing is unknown; and nothing more is said on that line."""
    letters = [fake_letter(n, BERT) for n in range(3)]

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        came = await submission.hand_over_many(letters)
        for letter, outcomes in zip(letters, came, strict=True):
            truth(server.kept, letter, outcomes)
        assert {type(outcomes[BERT]) for outcomes in came} == {TryLater}
        assert "421 4.3.2 going down" in came[0][BERT].why  # type: ignore[union-attr]  # all are TryLater

    server = play(scene, at(verb, b"421 4.3.2 going down\r\n"), user=str(ADA))
    assert len(server.sessions) == 1


def test_421_for_our_own_copy_is_for_later() -> None:
    outcome, server = one_outcome(at("RCPT", b"421 4.3.2 going down\r\n", 2))
    assert outcome == TryLater("421 4.3.2 going down")
    assert server.wires == []


def test_our_own_copy_refused_holds_nothing_up() -> None:
    for no in (b"550 5.1.1 who\r\n", b"452 4.5.3 too many\r\n"):
        letter = fake_letter(1, BERT)

        async def scene(submission: Submission, server: ScriptedSmtp, letter: SealedLetter = letter) -> None:
            assert await submission.hand_over(letter) == {BERT: Accepted()}

        server = play(scene, at("RCPT", no, 2))
        assert [kept.recipients for kept in server.kept] == [(str(BERT),)]


@pytest.mark.parametrize(
    "no", [b"550 5.1.1 who\r\n", b"450 4.2.0 later\r\n", b"354 go on\r\n", b"550-no\r\n550 no\r\n"]
)
def test_a_letter_whose_reader_was_refused_is_not_given_to_ourselves_alone(no: bytes) -> None:
    """F05: our copy would prove what never was."""
    outcome, server = one_outcome(at("RCPT", no, 1))
    assert isinstance(outcome, Turned if no.startswith(b"5") else TryLater)
    assert server.kept == server.wires == []
    assert not [line for line in server.lines if line == "DATA" or (line.startswith("RCPT") and str(ADA) in line)]


def test_each_recipient_has_an_outcome_of_their_own() -> None:
    """F08: and only those who failed are asked for again."""
    letter = fake_letter(1, BERT, CLARA, DORA)

    def answer(verb: str, line: str, session: Session) -> bytes | Say | None:
        if str(CLARA) in line and verb == "RCPT":
            return b"450 4.2.0 come again\r\n"
        if str(DORA) in line and verb == "RCPT":
            return b"550-5.1.1 There is no Dora here\r\n550 5.1.1 \xe2\x80\xaeerom on\r\n"
        return None

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        outcomes = await submission.hand_over(letter)
        assert outcomes == {
            BERT: Accepted(),
            CLARA: TryLater("450 4.2.0 come again"),
            DORA: Turned("550 5.1.1 There is no Dora here 5.1.1 erom on"),
        }
        truth(server.kept, letter, outcomes)

    server = play(scene, answer)
    assert len(server.wires) == 1
    assert server.lines.count("RSET") == 2


@pytest.mark.parametrize("verb", ["MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("no", [b"451 4.3.0 later\r\n", b"552 5.3.4 too large\r\n"])
def test_a_no_concerns_one_letter(verb: str, no: bytes) -> None:
    """F08, F09: the next one goes over the same line."""
    letters = [fake_letter(n, BERT) for n in range(3)]

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        first, *others = await submission.hand_over_many(letters)
        truth(server.kept, letters[0], first)
        assert isinstance(first[BERT], Turned if no.startswith(b"5") else TryLater)
        assert others == [{BERT: Accepted()}] * 2

    assert len(play(scene, at(verb, no)).sessions) == 1


def test_a_server_that_hangs_up_after_some_letters_is_called_again() -> None:
    """Many providers take only so many for each connection; nothing is doubled by it."""
    letters = [fake_letter(n, BERT) for n in range(10)]
    for how in (b"421 4.7.0 enough for one connection\r\n", Say(cut=True)):

        def answer(verb: str, line: str, session: Session, how: bytes | Say = how) -> bytes | Say | None:
            return how if verb == "MAIL" and session.kept == 3 else None

        async def scene(submission: Submission, server: ScriptedSmtp) -> None:
            assert list(await submission.hand_over_many(letters)) == [{BERT: Accepted()}] * 10

        server = play(scene, answer)
        assert [kept.data for kept in server.kept] == [letter.data for letter in letters]
        assert len(server.sessions) == 4


def test_a_server_that_takes_nothing_is_not_called_again() -> None:
    for how in (b"421 no more today\r\n", Say(cut=True)):

        def answer(verb: str, line: str, session: Session, how: bytes | Say = how) -> bytes | Say | None:
            return how if verb == "RCPT" else None

        async def scene(submission: Submission, server: ScriptedSmtp) -> None:
            came = await submission.hand_over_many([fake_letter(n, BERT) for n in range(20)])
            assert {type(outcomes[BERT]) for outcomes in came} == {TryLater}

        assert len(play(scene, answer).sessions) == 1


def test_a_letter_cut_in_its_midst_does_not_hold_up_the_others() -> None:
    letters = [fake_letter(n, BERT) for n in range(5)]

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        came = await submission.hand_over_many(letters)
        for letter, outcomes in zip(letters, came, strict=True):
            truth(server.kept, letter, outcomes)
        kinds = [type(outcomes[BERT]) for outcomes in came]
        assert kinds == [Accepted, Accepted, Unknown, Accepted, Accepted]

    server = play(scene, at(".", Say(b"25", cut=True, keeps=True), 3))
    assert (len(server.sessions), len(server.kept)) == (2, 5)


@pytest.mark.parametrize(
    ("verb", "no", "code"),
    [
        ("", b"554 5.7.1 not from there\r\n", "server_refuses"),
        ("EHLO", b"502 what is that\r\n", "server_refuses"),
        ("AUTH", b"535 5.7.8 no\r\n", "sign_in_refused"),
        ("MAIL", b"553 5.7.1 not your address\r\n", "sender_refused"),
    ],
)
def test_what_concerns_the_account_is_told_once(verb: str, no: bytes, code: str) -> None:
    """Nothing was handed over, so it is the person's to see to, and no letter comes back for it."""

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        with pytest.raises(CarrierTrouble) as told:
            await submission.hand_over_many([fake_letter(n, BERT, CLARA) for n in range(3)])
        assert told.value.code == code
        assert no.decode().strip() in told.value.message

    server = play(scene, lambda heard, _line, _session: no if heard == verb else None, user=str(ADA))
    assert server.kept == []


def test_what_concerns_the_account_later_loses_no_outcome() -> None:
    """The second connection is refused: what the first brought stays, the rest is for later."""

    def answer(verb: str, line: str, session: Session) -> bytes | Say | None:
        if session.number == 2 and verb == "":
            return b"554 5.7.1 go away\r\n"
        return Say(cut=True) if verb == "MAIL" and session.kept == 2 else None

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        letters = [fake_letter(n, BERT) for n in range(4)]
        came = await submission.hand_over_many(letters)
        assert [type(outcomes[BERT]) for outcomes in came] == [Accepted, Accepted, TryLater, TryLater]
        for letter, outcomes in zip(letters, came, strict=True):
            truth(server.kept, letter, outcomes)

    play(scene, answer)


def test_one_senders_trouble_is_not_anothers() -> None:
    eve = Address.parse("other@letters.test")
    letters = [
        fake_letter(1, BERT),
        fake_letter(2, BERT, sender=eve),
        fake_letter(3, BERT, CLARA),
        fake_letter(4, DORA, sender=eve),
    ]

    def answer(verb: str, line: str, session: Session) -> bytes | Say | None:
        return b"550 5.7.1 not you\r\n" if line.startswith(f"MAIL FROM:<{eve}>") else None

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        first, second, third, fourth = await submission.hand_over_many(letters)
        assert first == {BERT: Accepted()} and third == {BERT: Accepted(), CLARA: Accepted()}
        assert second == {BERT: TryLater("550 5.7.1 not you")} and fourth == {DORA: TryLater("550 5.7.1 not you")}

    play(scene, answer)


def test_one_senders_trouble_does_not_deny_what_another_ones_letter_came_to() -> None:
    """F05: that certainly nothing was handed over may be said of all of them only where it is so."""
    eve = Address.parse("other@letters.test")
    letters = [fake_letter(1, BERT, sender=eve), fake_letter(2, BERT)]

    def answer(verb: str, line: str, session: Session) -> bytes | Say | None:
        if line.startswith(f"MAIL FROM:<{eve}>"):
            return b"550 5.7.1 not you\r\n"
        return Say(b"25", cut=True) if verb == "." else None

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        first, second = await submission.hand_over_many(letters)
        assert isinstance(first[BERT], TryLater) and isinstance(second[BERT], Unknown)

    play(scene, answer)


def test_where_nobody_listens_it_is_for_later() -> None:
    async def whole() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        for account in (sending(ADA, port), sending(ADA, port, host="localhost")):
            submission = Submission(account, FakeCredentials(), patience=QUICK)
            letter = fake_letter(1, BERT, CLARA)
            outcomes = await submission.hand_over(letter)
            assert {type(outcome) for outcome in outcomes.values()} == {TryLater}
            await submission.close()

    asyncio.run(whole())


def test_given_up_from_outside_the_line_ends_at_once() -> None:
    """The desk is closed while a server thinks: no thread is left waiting, and nothing more is said."""

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        posting = asyncio.create_task(submission.hand_over_many([fake_letter(n, BERT) for n in range(3)]))
        while not server.wires:
            await asyncio.sleep(0.005)
        assert working()
        posting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await posting
        await submission.close()
        for _try in range(1_000):
            if not working():
                break
            await asyncio.sleep(0.005)
        assert not working()

    def working() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name.startswith("dearly-submission")]

    server = play(scene, at(".", Say(silent=True, keeps=True)), PATIENT)
    assert len(server.wires) == 1
    assert server.lines[-1] == "DATA"


# -- cut at every octet


class _Places:
    """How long each side of one whole exchange is, and where in it the letter lies."""

    def __init__(self, client: bytes, server: bytes) -> None:
        self.client, self.server = client, server

    def chosen(self, *, every: bool) -> list[tuple[Side, int]]:
        if every:
            return [(Side.CLIENT, n) for n in range(len(self.client))] + [
                (Side.SERVER, n) for n in range(len(self.server))
            ]
        end = self.client.index(b"\r\n.\r\n")
        edges = {n + d for n in _ends(self.client) if n < 400 or n >= end for d in (-2, -1, 0, 1)}
        client = sorted(edges | set(range(0, len(self.client), max(1, len(self.client) // 40))))
        last = self.server.rindex(b"250 ")
        near = {n + d for n in _ends(self.server) for d in (-2, -1, 0, 1)} | set(range(last, len(self.server)))
        server = sorted(near | set(range(0, len(self.server), 11)))
        return [(Side.CLIENT, n) for n in client if 0 <= n < len(self.client)] + [
            (Side.SERVER, n) for n in server if 0 <= n < len(self.server)
        ]


def _ends(said: bytes) -> list[int]:
    return [n + 2 for n in range(len(said)) if said[n : n + 2] == b"\r\n"]


async def _cut_everywhere(*, every: bool, reset: bool) -> dict[tuple[Side, type], int]:
    """Cut the handing over of one letter at each place; then hand it over again where it certainly has not arrived.

    What came of each cut, counted."""
    counts: dict[tuple[Side, type], int] = {}
    async with scripted_smtp() as server, cutting_proxy(server.port) as proxy:
        submission = Submission(sending(ADA, proxy.port), FakeCredentials(), patience=QUICK)
        letter = fake_letter(10_000, BERT, size=600)  # all of one length
        assert await submission.hand_over(letter) == {BERT: Accepted()}
        places = _Places(bytes(proxy.said[Side.CLIENT]), bytes(proxy.said[Side.SERVER]))
        quit_at = places.client.rindex(b"QUIT")
        for number, (side, place) in enumerate(places.chosen(every=every), 10_001):
            server.kept.clear()
            letter = fake_letter(number, BERT, size=600)
            proxy.cut(side, place, reset=reset)
            outcomes = await submission.hand_over(letter)
            truth(server.kept, letter, outcomes)
            outcome = outcomes[BERT]
            counts[side, type(outcome)] = counts.get((side, type(outcome)), 0) + 1
            if side is Side.CLIENT and place > quit_at:
                assert outcome == Accepted()
            if isinstance(outcome, TryLater):
                proxy.fresh()
                assert await submission.hand_over(letter) == {BERT: Accepted()}
            if not isinstance(outcome, Unknown):
                assert times(server.kept, letter, BERT) == 1
                assert times(server.kept, letter, ADA) == 1
        await submission.close()
    return counts


@pytest.mark.parametrize("reset", [False, True])
def test_cut_at_sampled_places_it_arrives_once(reset: bool) -> None:
    """F04, F05, F47: orderly ends, and resets."""
    counts = asyncio.run(_cut_everywhere(every=False, reset=reset))
    assert counts[Side.SERVER, Unknown] and counts[Side.CLIENT, TryLater] and counts[Side.CLIENT, Accepted], counts


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("reset", [False, True])
def test_cut_at_every_octet_it_arrives_once(reset: bool) -> None:
    counts = asyncio.run(_cut_everywhere(every=True, reset=reset))
    assert counts[Side.SERVER, Unknown] >= len("250 2.0.0 taken\r\n")


def test_a_line_that_falls_silent_anywhere() -> None:
    """F47: the machine slept, or the network changed under it: the line is there, and nothing comes over it."""

    async def whole() -> None:
        async with scripted_smtp() as server, cutting_proxy(server.port) as proxy:
            submission = Submission(sending(ADA, proxy.port), FakeCredentials(), patience=SHORT)
            assert await submission.hand_over(fake_letter(0, BERT)) == {BERT: Accepted()}
            said = {side: bytes(octets) for side, octets in proxy.said.items()}
            dot, data = said[Side.CLIENT].index(b"\r\n.\r\n"), said[Side.CLIENT].index(b"DATA")
            for number, (side, place, kind) in enumerate(
                [
                    (Side.CLIENT, data, TryLater),
                    (Side.CLIENT, dot - 20, Unknown),
                    (Side.SERVER, said[Side.SERVER].index(b"354"), TryLater),
                    (Side.SERVER, said[Side.SERVER].rindex(b"250 "), Unknown),
                ],
                1,
            ):
                server.kept.clear()
                letter = fake_letter(number, BERT)
                proxy.stall(side, place)
                outcomes = await submission.hand_over(letter)
                truth(server.kept, letter, outcomes)
                assert isinstance(outcomes[BERT], kind), (side, place)
                proxy.drop()
            await submission.close()

    asyncio.run(whole())


# -- encryption


@cache
def _authority() -> Authority:
    return Authority()


def _server_context(folder: Path, *names: str, authority: Authority | None = None, days: int = 2) -> ssl.SSLContext:
    issued = (authority or _authority()).issue(*names, days=days)
    file = folder / "server.pem"
    file.write_bytes(issued.certificate + issued.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _secured(
    scene: Scene,
    trust: ssl.SSLContext | None,
    security: Security,
    answer: Answer = usual,
    *,
    starttls: bool | None = None,
) -> ScriptedSmtp:
    """`starttls`: whether the server offers that; else whatever `security` wants."""

    async def whole() -> ScriptedSmtp:
        offered = security is Security.STARTTLS if starttls is None else starttls
        async with scripted_smtp(answer, trust=trust, starttls=offered) as server:
            account: MailAccount = sending(ADA, server.port, security, host="localhost", ca=_authority().pem)
            submission = Submission(account, FakeCredentials(), patience=QUICK)
            try:
                await scene(submission, server)
            finally:
                await submission.close()
            return server

    return asyncio.run(whole())


def _trouble(code: str) -> Scene:
    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        with pytest.raises(CarrierTrouble) as told:
            await submission.hand_over(fake_letter(1, BERT))
        assert told.value.code == code

    return scene


async def _taken(submission: Submission, server: ScriptedSmtp) -> None:
    assert await submission.hand_over(fake_letter(1, BERT)) == {BERT: Accepted()}


BOTH = pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])


@BOTH
def test_letters_go_encrypted(security: Security, tmp_path: Path) -> None:
    server = _secured(_taken, _server_context(tmp_path, "localhost"), security)
    assert [kept.encrypted for kept in server.kept] == [True]


@BOTH
@pytest.mark.parametrize("wrong", ["authority", "name", "expired"])
def test_a_certificate_that_is_not_to_be_trusted_ends_it(security: Security, wrong: str, tmp_path: Path) -> None:
    """A23: and neither the secret nor a letter is said."""
    context = _server_context(
        tmp_path,
        "mail.letters.test" if wrong == "name" else "localhost",
        authority=Authority() if wrong == "authority" else None,
        days=-1 if wrong == "expired" else 2,
    )
    server = _secured(_trouble("server_untrusted"), context, security)
    assert not [line for line in server.lines if line.split(" ")[0] in ("AUTH", "MAIL")]


def test_starttls_taken_away(tmp_path: Path) -> None:
    """A23: whoever stands between hides the offer; then nothing is said to it at all."""
    context = _server_context(tmp_path, "localhost")
    stripped = at("EHLO", b"250-mail.letters.test\r\n250 AUTH PLAIN LOGIN\r\n")
    server = _secured(_trouble("no_encryption"), context, Security.STARTTLS, stripped)
    assert server.lines == ["EHLO [127.0.0.1]"]


@pytest.mark.parametrize(
    ("no", "code"), [(b"501 what\r\n", "server_refuses"), (b"250 ok\r\n", ""), (b"454 4.7.0 not now\r\n", "")]
)
def test_starttls_refused(no: bytes, code: str, tmp_path: Path) -> None:
    context = _server_context(tmp_path, "localhost")

    async def later(submission: Submission, server: ScriptedSmtp) -> None:
        assert isinstance((await submission.hand_over(fake_letter(1, BERT)))[BERT], TryLater)

    server = _secured(_trouble(code) if code else later, context, Security.STARTTLS, at("STARTTLS", no))
    assert server.lines == ["EHLO [127.0.0.1]", "STARTTLS"]


@pytest.mark.parametrize("behind", [b"250-mail\r\n250 AUTH LOGIN\r\n", b"2", b"250 ok\r\n" * 100])
def test_what_is_put_in_behind_starttls_ends_it(behind: bytes, tmp_path: Path) -> None:
    """A23: octets from before the encryption must never be taken for the server's (NO STARTTLS, 2021)."""
    context = _server_context(tmp_path, "localhost")
    server = _secured(_trouble("meddled_line"), context, Security.STARTTLS, at("STARTTLS", b"220 go\r\n" + behind))
    assert server.lines == ["EHLO [127.0.0.1]", "STARTTLS"]


def test_what_the_server_announced_in_the_clear_is_forgotten(tmp_path: Path) -> None:
    """RFC 3207 4.2: a way to sign in, or an ability, that was put in before the encryption counts for nothing."""
    lied = at("EHLO", b"250-mail\r\n250-STARTTLS\r\n250-SIZE 1\r\n250 AUTH LOGIN\r\n")
    server = _secured(_taken, _server_context(tmp_path, "localhost"), Security.STARTTLS, lied)
    assert [line.split(" ")[:2] for line in server.lines if line.startswith("AUTH")] == [["AUTH", "PLAIN"]]


def test_a_server_without_tls_where_it_should_have_it() -> None:
    _secured(_trouble("no_encryption"), None, Security.TLS)


def test_a_name_of_this_machine_that_leads_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without encryption nothing is said to another machine, whatever the account's host is called."""
    monkeypatch.setattr("dearly.carriers.mail.line.on_this_machine", lambda host: host != "127.0.0.1")

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        assert isinstance((await submission.hand_over(fake_letter(1, BERT)))[BERT], TryLater)
        while not server.sessions:
            await asyncio.sleep(0.005)

    assert play(scene).lines == []
