"""What submission says to a server, by what the server has announced; and how it signs in.

What happens when something breaks: tests/faults/test_mail_out.py."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any

import pytest

from dearly.carriers.base import PostsInTurn, PostsMany
from dearly.carriers.mail.carrier import MailCarrier
from dearly.carriers.mail.submission import Submission
from dearly.letter.account import MailAccount, SignIn
from dearly.letter.address import Address
from dearly.letter.envelope import Envelope, SealedBytes, SealedLetter
from dearly.letter.errors import CarrierTrouble, NoSpace
from dearly.letter.journey import Accepted, NothingProven, Outcome, TryLater, Turned
from tests.support.fake_letters import ADA, BERT, CLARA, fake_letter
from tests.support.mail_accounts import FakeCredentials, sending
from tests.support.scripted_smtp import EHLO, TOKEN, Answer, Say, ScriptedSmtp, Session, scripted_smtp
from tests.support.times import FixedClock

Scene = Callable[[Submission, ScriptedSmtp], Coroutine[Any, Any, None]]
USUAL: Answer = lambda _verb, _line, _session: None  # noqa: E731  (a default in one line)


def play(
    scene: Scene,
    answer: Answer = USUAL,
    *,
    ehlo: tuple[str, ...] = EHLO,
    user: str = "",
    credentials: FakeCredentials | None = None,
    sign_in: SignIn = SignIn.PASSWORD,
) -> ScriptedSmtp:
    async def whole() -> ScriptedSmtp:
        async with scripted_smtp(answer, ehlo=ehlo) as server:
            account = sending(ADA, server.port, user=user, sign_in=sign_in)
            submission = Submission(account, credentials or FakeCredentials())
            try:
                await scene(submission, server)
            finally:
                await submission.close()
            return server

    return asyncio.run(whole())


def to(letter: SealedLetter, *recipients: Address, data: bytes | None = None) -> SealedLetter:
    return replace(
        letter,
        envelope=Envelope(letter.envelope.sender, recipients or letter.envelope.recipients),
        data=SealedBytes(letter.data if data is None else data),
    )


def commands(server: ScriptedSmtp, verb: str) -> list[str]:
    return [line for line in server.lines if line.startswith(verb)]


def test_one_transaction_for_each_recipient_and_ourselves() -> None:
    letter = fake_letter(1, BERT, CLARA)

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        assert await submission.hand_over(letter) == {BERT: Accepted(), CLARA: Accepted()}
        assert await submission.look_for(letter) == {BERT: NothingProven(), CLARA: NothingProven()}

    server = play(scene)
    assert [kept.recipients for kept in server.kept] == [(str(BERT), str(ADA)), (str(CLARA), str(ADA))]
    assert {kept.data for kept in server.kept} == {letter.data}
    assert {kept.sender for kept in server.kept} == {str(ADA)}


def test_a_letter_to_ourselves_names_us_once() -> None:
    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        assert await submission.hand_over(fake_letter(1, ADA)) == {ADA: Accepted()}

    assert [kept.recipients for kept in play(scene).kept] == [(str(ADA),)]


def test_each_attempt_is_known_before_it_is_made_and_its_outcome_before_the_next() -> None:
    """F06: whatever ends us then leaves one letter unclear, and not the whole collection."""
    letters = [fake_letter(n, BERT, CLARA) for n in range(4)]
    told: list[object] = []

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        async def begins(n: int) -> bool:
            told.append(("begins", n, len(server.kept)))
            return n != 2

        async def ended(n: int, outcomes: Mapping[Address, Outcome]) -> None:
            told.append(("ended", n, len(server.kept)))
            assert outcomes == {BERT: Accepted(), CLARA: Accepted()}

        assert isinstance(submission, PostsInTurn)
        came = await submission.hand_over_in_turn(letters, begins, ended)
        assert [came[n] for n in (0, 1, 3)] == [{BERT: Accepted(), CLARA: Accepted()}] * 3
        assert set(came[2].values()) == {TryLater("")}

    server = play(scene)
    assert told == [
        ("begins", 0, 0), ("ended", 0, 2),
        ("begins", 1, 2), ("ended", 1, 4),
        ("begins", 2, 4),
        ("begins", 3, 4), ("ended", 3, 6),
    ]  # fmt: skip
    assert len(server.sessions) == 1


def test_what_the_desk_cannot_record_is_raised_and_does_not_leave() -> None:
    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        async def begins(n: int) -> bool:
            raise NoSpace("disk_full", "The disk is full.")

        async def ended(n: int, outcomes: Mapping[Address, Outcome]) -> None:
            raise AssertionError("it never began")

        with pytest.raises(NoSpace):
            await submission.hand_over_in_turn([fake_letter(1, BERT)], begins, ended)

    assert play(scene).kept == []


def test_many_letters_go_over_one_line() -> None:
    letters = [fake_letter(n, BERT) for n in range(50)]

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        assert isinstance(submission, PostsMany)
        assert list(await submission.hand_over_many(letters)) == [{BERT: Accepted()}] * 50
        assert list(await submission.hand_over_many([])) == []

    server = play(scene)
    assert [kept.data for kept in server.kept] == [letter.data for letter in letters]
    assert len(server.sessions) == 1
    assert server.lines[0] == "EHLO [127.0.0.1]"  # not the name of this machine
    assert server.lines[-1] == "QUIT"


def test_reports_are_asked_for_where_they_are_given() -> None:
    """RFC 3461; by ENVID a report finds its journey, and none is made about our own copy."""
    plus = Address.parse("bert+letters=x@letters.test")
    letter = fake_letter(1, plus)

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        await submission.hand_over(letter)

    server = play(scene)
    size = len(letter.data)
    assert commands(server, "MAIL") == [f"MAIL FROM:<{ADA}> SIZE={size} RET=HDRS ENVID={letter.key}"]
    assert commands(server, "RCPT") == [
        f"RCPT TO:<{plus}> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;bert+2Bletters+3Dx@letters.test",
        f"RCPT TO:<{ADA}> NOTIFY=NEVER",
    ]


def test_nothing_is_said_that_was_not_announced() -> None:
    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        assert await submission.hand_over(fake_letter(1, BERT)) == {BERT: Accepted()}

    server = play(scene, ehlo=("mail.letters.test",))
    assert commands(server, "MAIL") == [f"MAIL FROM:<{ADA}>"]
    assert commands(server, "RCPT") == [f"RCPT TO:<{BERT}>", f"RCPT TO:<{ADA}>"]


def test_a_letter_that_is_too_large_is_turned_before_a_word_of_it() -> None:
    """RFC 1870: the limit is read first, and said."""
    small, large = fake_letter(1, BERT), fake_letter(2, BERT, size=20_000)

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        turned, taken = await submission.hand_over_many([large, small])
        came = turned[BERT]
        assert isinstance(came, Turned)
        assert "10.0 kB" in came.why
        assert taken == {BERT: Accepted()}

    server = play(scene, ehlo=("mail.letters.test", "SIZE 10000"))
    assert [kept.data for kept in server.kept] == [small.data]
    assert len(commands(server, "MAIL")) == 1


def test_a_limit_is_of_the_letter_without_its_doubled_dots() -> None:
    letter = to(fake_letter(1, BERT), data=b"Subject: [...]\r\n\r\n" + b".\r\n" * 1_000)

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        assert await submission.hand_over(letter) == {BERT: Accepted()}

    server = play(scene, ehlo=("mail.letters.test", f"SIZE {len(letter.data)}"))
    assert server.kept[0].data == letter.data
    assert len(server.wires[0]) == len(letter.data) + 1_000 + len(b".\r\n")


@pytest.mark.parametrize("body", [b".\r\n", b"..\r\n.x\r\n", b"\r\n", b"x\r\n.\r\ny\r\n", b"\r\n.\r\n"])
def test_dots_at_the_beginning_of_lines_survive(body: bytes) -> None:
    """RFC 5321 4.5.2; A22: no line of a letter ends it early."""
    for data in (b"Subject: x\r\n\r\n" + body, body):

        async def scene(submission: Submission, server: ScriptedSmtp, data: bytes = data) -> None:
            assert await submission.hand_over(to(fake_letter(1, BERT), data=data)) == {BERT: Accepted()}

        server = play(scene)
        assert [kept.data for kept in server.kept] == [data]
        assert commands(server, "MAIL") and len(server.lines) == 6  # EHLO MAIL RCPT RCPT DATA QUIT


@pytest.mark.parametrize(
    "data",
    [
        b"a\nb\r\n",
        b"a\rb\r\n",
        b"a\r\r\nb\r\n",
        b"a\n.\nb\r\n",
        b"a\n.\r\nb\r\n",
        b"a\r\n.\rb\r\n",
        b"a\r\n.\nb\r\n",
        b"\n.\r\n",
        b"a\r\nb",
        b"a\r\nb\r",
        b"",
        b"x" * 999 + b"\r\n",
        b"x\r\n" * 900 + b"x" * 999 + b"\r\nx\r\n",
    ],
)
def test_bytes_that_mail_cannot_carry_are_turned_before_anything_is_connected(data: bytes) -> None:
    """A22: smuggling by line ends; our bytes are final, so nothing is mended either."""

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        outcome = (await submission.hand_over(to(fake_letter(1, BERT), data=data)))[BERT]
        assert isinstance(outcome, Turned)
        assert outcome.why

    assert play(scene).sessions == []


def test_the_longest_line_that_is_allowed_goes() -> None:
    data = b"Subject: x\r\n\r\n" + b"x" * 998 + b"\r\n"

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        assert await submission.hand_over(to(fake_letter(1, BERT), data=data)) == {BERT: Accepted()}

    assert play(scene).kept[0].data == data


def test_characters_beyond_ascii_need_8bitmime() -> None:
    letter = to(fake_letter(1, BERT), data="Subject: x\r\n\r\nFrüh am Tag\r\n".encode())

    async def taken(submission: Submission, server: ScriptedSmtp) -> None:
        assert await submission.hand_over(letter) == {BERT: Accepted()}

    assert commands(play(taken, ehlo=("host", "8BITMIME")), "MAIL") == [f"MAIL FROM:<{ADA}> BODY=8BITMIME"]

    async def turned(submission: Submission, server: ScriptedSmtp) -> None:
        assert isinstance((await submission.hand_over(letter))[BERT], Turned)

    assert commands(play(turned, ehlo=("host", "SMTPUTF8")), "MAIL") == []


def test_addresses_beyond_ascii_need_smtputf8() -> None:
    """RFC 6531; and only the letter that needs it says so."""
    dora = Address.parse("dörte@letters.test")
    wide, plain = fake_letter(1, dora), fake_letter(2, BERT)

    async def taken(submission: Submission, server: ScriptedSmtp) -> None:
        assert list(await submission.hand_over_many([wide, plain])) == [{dora: Accepted()}, {BERT: Accepted()}]

    server = play(taken)
    first, second = commands(server, "MAIL")
    assert " SMTPUTF8" in first and " SMTPUTF8" not in second
    # RFC 6533 3
    assert commands(server, "RCPT")[0].endswith("ORCPT=utf-8;d\\x{F6}rte@letters.test")

    async def turned(submission: Submission, server: ScriptedSmtp) -> None:
        first, second = await submission.hand_over_many([wide, plain])
        assert isinstance(first[dora], Turned) and second == {BERT: Accepted()}

    assert len(commands(play(turned, ehlo=("host", "8BITMIME")), "MAIL")) == 1


def test_an_address_that_is_none_goes_into_no_command() -> None:
    """A24: the grammar of addresses stands before this; what came past it stops here."""
    for text in ("bert@letters.test>\r\nRCPT TO:<eve", "bert> NOTIFY=NEVER <", "bert x"):
        smuggled = Address(text, "letters.test")

        async def scene(submission: Submission, server: ScriptedSmtp, smuggled: Address = smuggled) -> None:
            with pytest.raises(AssertionError):
                await submission.hand_over(to(fake_letter(1, BERT), smuggled))

        assert commands(play(scene), "RCPT") == []


# -- signing in


def test_signing_in_with_a_password() -> None:
    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        assert await submission.hand_over(fake_letter(1, BERT)) == {BERT: Accepted()}

    server = play(scene, user=str(ADA))
    assert [line.split(" ")[1] for line in commands(server, "AUTH")] == ["PLAIN"]


def test_signing_in_with_login_where_there_is_no_plain() -> None:
    heard: list[str] = []

    def answer(verb: str, line: str, session: Session) -> bytes | Say | None:
        if verb == "EHLO":
            return b"250-host\r\n250 AUTH CRAM-MD5 LOGIN\r\n"
        if verb == "AUTH":
            assert line == "AUTH LOGIN"
            return b"334 VXNlcm5hbWU6\r\n"
        if verb == "334":
            heard.append(base64.b64decode(line).decode())
            return b"235 hello\r\n" if len(heard) == 2 else b"334 UGFzc3dvcmQ6\r\n"
        return None

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        assert await submission.hand_over(fake_letter(1, BERT)) == {BERT: Accepted()}

    play(scene, answer, user="ada")
    assert heard == ["ada", "fake-password-for-tests"]


@pytest.mark.parametrize("offered", ["", "CRAM-MD5 DIGEST-MD5", "XOAUTH2"])
def test_no_way_to_sign_in_is_told_and_no_secret_is_said(offered: str) -> None:
    def answer(verb: str, line: str, session: Session) -> bytes | Say | None:
        return f"250-host\r\n250 AUTH {offered}\r\n".encode() if verb == "EHLO" else None

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        with pytest.raises(CarrierTrouble) as told:
            await submission.hand_over(fake_letter(1, BERT))
        assert told.value.code == "no_sign_in"

    assert commands(play(scene, answer, user="ada"), "AUTH") == []


def test_a_wrong_password_is_told() -> None:
    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        with pytest.raises(CarrierTrouble) as told:
            await submission.hand_over(fake_letter(1, BERT))
        assert told.value.code == "sign_in_refused"
        assert "535 5.7.8 no" in told.value.message
        assert "wrong" not in told.value.told

    credentials = FakeCredentials(["wrong"])
    server = play(scene, user=str(ADA), credentials=credentials)
    assert len(commands(server, "AUTH")) == 1
    assert credentials.refusals == 0  # a password does not get better by being renewed


def oauth(mechanisms: str, good: str = TOKEN) -> tuple[Answer, list[bytes]]:
    """A server that takes one token, by `mechanisms`."""
    heard: list[bytes] = []
    verdict = [b""]

    def answer(verb: str, line: str, session: Session) -> bytes | Say | None:
        if verb == "EHLO":
            return f"250-host\r\n250 AUTH {mechanisms}\r\n".encode()
        if verb == "AUTH" and line.count(" ") == 1:
            return b"334 \r\n"
        if verb == "AUTH" or (verb == "334" and len(line) > 10):
            heard.append(base64.b64decode(line.split(" ")[-1]))
            if f"auth=Bearer {good}\1\1".encode() in heard[-1]:
                return b"235 hello\r\n"
            return b"334 " + base64.b64encode(b'{"status":"invalid_token"}') + b"\r\n"
        if verb == "334":
            verdict[0] = base64.b64decode(line)
            heard.append(verdict[0])
            return b"535 5.7.8 token refused\r\n"
        return None

    return answer, heard


@pytest.mark.parametrize(
    ("mechanisms", "first"),
    [
        (
            "PLAIN OAUTHBEARER XOAUTH2",
            b"n,a=ada@letters.test,\1host=127.0.0.1\1port=%d\1auth=Bearer fake-token-for-tests\1\1",
        ),
        ("XOAUTH2 LOGIN", b"user=ada@letters.test\1auth=Bearer fake-token-for-tests\1\1"),
    ],
)
def test_signing_in_with_a_token(mechanisms: str, first: bytes) -> None:
    """RFC 7628 3.1."""
    answer, heard = oauth(mechanisms)

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        assert await submission.hand_over(fake_letter(1, BERT)) == {BERT: Accepted()}

    server = play(scene, answer, user=str(ADA), credentials=FakeCredentials([TOKEN]), sign_in=SignIn.OAUTH)
    assert heard == [first % server.port if b"%d" in first else first]


@pytest.mark.parametrize(("mechanisms", "acknowledged"), [("OAUTHBEARER", b"\1"), ("XOAUTH2", b"")])
def test_a_token_that_is_refused_is_renewed_once(mechanisms: str, acknowledged: bytes) -> None:
    answer, heard = oauth(mechanisms)

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        assert await submission.hand_over(fake_letter(1, BERT)) == {BERT: Accepted()}

    credentials = FakeCredentials(["fake-old-token", TOKEN])
    play(scene, answer, user=str(ADA), credentials=credentials, sign_in=SignIn.OAUTH)
    assert credentials.refusals == 1
    assert heard[1] == acknowledged
    assert len(heard) == 3

    async def refused(submission: Submission, server: ScriptedSmtp) -> None:
        with pytest.raises(CarrierTrouble) as told:
            await submission.hand_over(fake_letter(1, BERT))
        assert told.value.code == "sign_in_refused"

    credentials = FakeCredentials(["fake-old-token", "fake-older-token"])
    play(refused, answer, user=str(ADA), credentials=credentials, sign_in=SignIn.OAUTH)
    assert (credentials.refusals, credentials.asked) == (1, 2)


def test_a_long_token_is_asked_for_first() -> None:
    """RFC 4954 4: it would make the command longer than a command may be."""
    long = "fake" * 500
    answer, _heard = oauth("XOAUTH2", long)

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        assert await submission.hand_over(fake_letter(1, BERT)) == {BERT: Accepted()}

    server = play(scene, answer, user=str(ADA), credentials=FakeCredentials([long]), sign_in=SignIn.OAUTH)
    assert commands(server, "AUTH") == ["AUTH XOAUTH2"]
    assert max(len(line) for line in commands(server, "AUTH")) < 512


def test_a_token_with_strange_characters_is_not_said() -> None:
    """A24: a \\x01 in it would end the field it stands in."""
    answer, heard = oauth("XOAUTH2")

    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        with pytest.raises(CarrierTrouble):
            await submission.hand_over(fake_letter(1, BERT))

    play(scene, answer, user="ada", credentials=FakeCredentials(["fake\1host=evil"]), sign_in=SignIn.OAUTH)
    assert heard == []


def test_the_secret_stands_in_no_representation() -> None:
    submission = Submission(sending(ADA, 1), FakeCredentials(["fake-secret"]))
    assert "fake-secret" not in repr(submission)
    asyncio.run(submission.close())


# -- checking


def test_checking_says_what_works() -> None:
    async def scene(submission: Submission, server: ScriptedSmtp) -> None:
        checks = {check.what: check for check in await submission.check()}
        assert list(checks) == ["outgoing.connection", "outgoing.sign_in", "outgoing.size", "outgoing.reports"]
        assert all(check.fine and check.words for check in checks.values())
        assert "1.0 MB" in checks["outgoing.size"].words

    server = play(scene, user=str(ADA))
    assert not commands(server, "MAIL")


def test_checking_says_what_does_not() -> None:
    async def refused(submission: Submission, server: ScriptedSmtp) -> None:
        assert [(check.what, check.fine) for check in await submission.check()] == [("outgoing.sign_in", False)]

    play(refused, user=str(ADA), credentials=FakeCredentials(["wrong"]))

    async def gone(submission: Submission, server: ScriptedSmtp) -> None:
        assert [(check.what, check.fine) for check in await submission.check()] == [("outgoing.connection", False)]

    play(gone, lambda verb, _line, _session: Say(cut=True) if verb == "" else None)


# -- the joint carrier


def test_an_account_that_only_sends() -> None:
    async def whole() -> None:
        async with scripted_smtp() as server:
            carrier = MailCarrier(sending(ADA, server.port, user=""), FakeCredentials(), _never, FixedClock())
            letter = fake_letter(1, BERT)
            assert await carrier.hand_over(letter) == {BERT: Accepted()}
            assert await carrier.look_for(letter) == {BERT: NothingProven()}
            collected = await carrier.collect("here")
            assert (collected.parcels, collected.cursor, collected.more) == ((), "here", False)
            assert await carrier.fetch([]) == ()
            await carrier.acknowledge([])
            assert "incoming.none" in [check.what for check in await carrier.check()]
            await carrier.close()
            await carrier.close()

    asyncio.run(whole())


def test_an_account_that_cannot_send() -> None:
    async def whole() -> None:
        carrier = MailCarrier(MailAccount(ADA, None, None), FakeCredentials(), _never, FixedClock())
        with pytest.raises(CarrierTrouble) as told:
            await carrier.hand_over(fake_letter(1, BERT))
        assert told.value.code == "cannot_send"
        assert [check.what for check in await carrier.check()] == ["incoming.none", "outgoing.none"]
        await carrier.close()

    asyncio.run(whole())


async def _never(heads: object) -> Any:
    raise AssertionError("nothing comes in here")
