"""Letters out by a real Postfix, over TLS and STARTTLS with a private authority, and its Dovecot as the letterbox.

What is counted: how often each letter truly lies in the mailbox of its reader, by Message-ID, and by how many ways it
came there (the queue id in the Received field: a server that was killed may deliver one letter twice, all by itself).
"""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dearly.carriers.base import Head, Verdict
from dearly.carriers.mail.carrier import MailCarrier
from dearly.carriers.mail.line import Patience
from dearly.carriers.mail.smarthost import Smarthost
from dearly.carriers.mail.submission import Submission
from dearly.letter.account import MailAccount, Protocol, Security, Server
from dearly.letter.address import Address
from dearly.letter.envelope import SealedBytes, SealedLetter
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import Accepted, Found, NothingProven, TryLater, Turned, Unknown
from tests.peers.conftest import needs, needs_root
from tests.peers.mailserver import PASSWORD, PROGRAMS, MailServer
from tests.support.abroad import an_office_abroad
from tests.support.authority import Authority
from tests.support.cutting_proxy import CuttingProxy, Side, cutting_proxy
from tests.support.fake_letters import ADA, BERT, CLARA, fake_letter
from tests.support.mail_accounts import FakeCredentials, sending
from tests.support.times import FixedClock

MOST = 300_000
QUICK = Patience(connect=10, answer=10, piece=10, final=20)

BOTH = pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    for program in PROGRAMS:
        needs(program)
    needs_root("Postfix")
    # It counts errors, and slows down and hangs up on who makes many: here somebody makes many on purpose.
    with MailServer(most=MOST, main_cf="smtpd_soft_error_limit = 1000\nsmtpd_hard_error_limit = 1000\n") as running:
        yield running


def out(server: MailServer, security: Security, *, ca: str | None = None, host: str = "localhost") -> MailAccount:
    """Ada's account, for sending alone."""
    port = {Security.TLS: server.submissions, Security.STARTTLS: server.submission}[security]
    return sending(ADA, port, security, host=host, ca=ca or server.ca)


def both_ways(server: MailServer, port: int, security: Security) -> MailAccount:
    """Ada's account, with a letterbox by IMAPS. `port`: where letters leave."""
    incoming = Server(Protocol.IMAP, "localhost", server.imaps, Security.TLS, str(ADA))
    return replace(sending(ADA, port, security, host="localhost", ca=server.ca), incoming=incoming)


def submitting(account: MailAccount, scene: Callable[[Submission], Coroutine[Any, Any, None]]) -> None:
    async def whole() -> None:
        submission = Submission(account, FakeCredentials([PASSWORD]), patience=QUICK)
        try:
            await scene(submission)
        finally:
            await submission.close()

    asyncio.run(whole())


async def _leave(heads: Sequence[Head]) -> Sequence[Verdict]:
    return [Verdict.LEAVE] * len(heads)


def delivered(server: MailServer, reader: Address, letter: SealedLetter) -> list[bytes]:
    """Every copy of `letter` in the mailbox of `reader`, as it was sent: what servers put before it taken away, and the
    line ends as they were."""
    mark = f"Message-ID: <{letter.letter_id}>".encode()
    found = []
    for message in server.mailbox(reader.local):
        head, body = re.split(rb"\r?\n\r?\n", message, maxsplit=1)
        if mark in head.splitlines():
            whole = head[re.search(rb"(?m)^From: ", head).start() :] + b"\n\n" + body  # type: ignore[union-attr]
            found.append(re.sub(rb"\r?\n", b"\r\n", whole))
    return found


def ways(server: MailServer, reader: Address) -> dict[str, set[bytes]]:
    """By letter id, the queue ids by which copies came to `reader`: one for each time that it was taken from us."""
    found: dict[str, set[bytes]] = defaultdict(set)
    for message in server.mailbox(reader.local):
        head = re.split(rb"\r?\n\r?\n", message, maxsplit=1)[0]
        if (named := re.search(rb"(?m)^Message-ID: <([^>]+)>", head)) and (taken := re.findall(_TAKEN, head)):
            found[named[1].decode()].add(taken[-1])
    return found


_TAKEN = rb"\(Postfix\) with \w+ id (\w+)"


@BOTH
def test_letters_arrive_as_they_were_sealed(server: MailServer, security: Security) -> None:
    letter = fake_letter(1 if security is Security.TLS else 2, BERT, CLARA)

    async def scene(submission: Submission) -> None:
        assert await submission.hand_over(letter) == {BERT: Accepted(), CLARA: Accepted()}
        await server.settled()

    submitting(out(server, security), scene)
    assert delivered(server, BERT, letter) == delivered(server, CLARA, letter) == [letter.data]
    assert delivered(server, ADA, letter) == [letter.data] * 2  # one with each transaction
    to_ada, to_bert, to_clara = (ways(server, reader)[letter.letter_id] for reader in (ADA, BERT, CLARA))
    assert to_ada == to_bert | to_clara
    # This machine's name and ours stand in no header.
    assert b"from [127.0.0.1]" in server.mailbox("bert")[-1]


def test_dots_survive(server: MailServer) -> None:
    """RFC 5321 4.5.2, A22: nothing in a letter ends it."""
    letter = fake_letter(3, BERT)
    body = b".\r\n..\r\n.hidden\r\n\r\n.\r\nMAIL FROM:<eve@letters.test>\r\n"
    letter = replace(letter, data=SealedBytes(letter.data + body))

    async def scene(submission: Submission) -> None:
        assert await submission.hand_over(letter) == {BERT: Accepted()}
        await server.settled()

    submitting(out(server, Security.TLS), scene)
    assert delivered(server, BERT, letter) == [letter.data]


def test_the_limit_is_read_first(server: MailServer) -> None:
    large, small = fake_letter(4, BERT, size=240_000), fake_letter(5, BERT, size=200_000)
    assert len(large.data) > MOST > len(small.data)

    async def scene(submission: Submission) -> None:
        turned, taken = await submission.hand_over_many([large, small])
        assert isinstance(came := turned[BERT], Turned) and taken == {BERT: Accepted()}
        assert "300.0 kB" in came.why

    submitting(out(server, Security.TLS), scene)


def test_a_reader_elsewhere_is_turned_and_the_others_are_not(server: MailServer) -> None:
    """F08: this server passes nothing on to the world."""
    elsewhere = Address.parse("dora@elsewhere.test")
    letter = fake_letter(6, elsewhere, BERT)

    async def scene(submission: Submission) -> None:
        outcomes = await submission.hand_over(letter)
        assert outcomes[BERT] == Accepted()
        assert isinstance(turned := outcomes[elsewhere], Turned)
        assert turned.why.startswith("554 5.7.1")
        await server.settled()

    submitting(out(server, Security.TLS), scene)
    assert len(delivered(server, BERT, letter)) == len(delivered(server, ADA, letter)) == 1


def test_a_report_says_that_it_was_delivered(server: MailServer) -> None:
    """RFC 3461: by our key; and none comes about our own copy."""
    letter = fake_letter(7, BERT)

    async def scene(submission: Submission) -> None:
        assert await submission.hand_over(letter) == {BERT: Accepted()}
        await server.settled()

    submitting(out(server, Security.TLS), scene)
    (report,) = [m for m in server.mailbox("ada") if f"Original-Envelope-Id: {letter.key}".encode() in m]
    assert b"report-type=delivery-status" in report
    assert re.findall(rb"Original-Recipient: (\S+)", report) == [b"rfc822;bert@letters.test"]
    assert b"BEGIN PGP MESSAGE" not in report  # only the header comes back


@BOTH
@pytest.mark.parametrize("wrong", ["authority", "name"])
def test_a_server_that_is_not_the_one_is_left(server: MailServer, security: Security, wrong: str) -> None:
    """A23."""
    account = (
        out(server, security, ca=Authority().pem)
        if wrong == "authority"
        else out(server, security, host="127.1")  # the same server, by a name that its certificate does not have
    )

    async def scene(submission: Submission) -> None:
        with pytest.raises(CarrierTrouble) as told:
            await submission.hand_over(fake_letter(8, BERT))
        assert told.value.code == "server_untrusted"

    submitting(account, scene)


def test_tls_and_starttls_taken_for_one_another(server: MailServer) -> None:
    async def scene(submission: Submission) -> None:
        with pytest.raises(CarrierTrouble) as told:
            await submission.hand_over(fake_letter(8, BERT))
        assert told.value.code == "no_encryption"

    # TLS from the first byte at a port that waits for STARTTLS, and STARTTLS where nobody offers it.
    submitting(sending(ADA, server.submission, Security.TLS, host="localhost", ca=server.ca), scene)
    submitting(sending(ADA, server.smtp, Security.STARTTLS, host="localhost", ca=server.ca), scene)


def test_a_wrong_password(server: MailServer) -> None:
    async def whole() -> None:
        submission = Submission(out(server, Security.TLS), FakeCredentials(["wrong"]), patience=QUICK)
        with pytest.raises(CarrierTrouble) as told:
            await submission.hand_over(fake_letter(8, BERT))
        assert told.value.code == "sign_in_refused"
        (check,) = await submission.check()
        assert (check.what, check.fine) == ("outgoing.sign_in", False)
        await submission.close()

    asyncio.run(whole())


def test_both_sides_are_tried(server: MailServer) -> None:
    async def whole() -> None:
        account = both_ways(server, server.submissions, Security.TLS)
        carrier = MailCarrier(account, FakeCredentials([PASSWORD]), _leave, FixedClock())
        checks = await carrier.check()
        assert all(check.fine and check.words for check in checks), checks
        assert {check.what.partition(".")[0] for check in checks} == {"incoming", "outgoing"}
        await carrier.close()

    asyncio.run(whole())


# -- cuts


async def _cut(server: MailServer, port: int, security: Security, first: int, *, every: bool) -> None:
    """Cut the handing over of a letter at each place, look and try as a desk would, and count what has arrived."""
    account = both_ways(server, 0, security)
    async with cutting_proxy(port) as proxy:
        assert account.outgoing is not None
        account = replace(account, outgoing=replace(account.outgoing, port=proxy.port, user=account.outgoing.user))
        carrier = MailCarrier(account, FakeCredentials([PASSWORD]), _leave, FixedClock())
        assert await carrier.hand_over(fake_letter(first, BERT)) == {BERT: Accepted()}
        letters: list[tuple[SealedLetter, bool]] = []
        for number, (side, place) in enumerate(_places(proxy, every=every), first + 1):
            letter = fake_letter(number, BERT)
            proxy.cut(side, place)
            outcome = (await carrier.hand_over(letter))[BERT]
            assert isinstance(outcome, Accepted | TryLater | Unknown)
            if isinstance(outcome, TryLater):
                proxy.fresh()
                assert await carrier.hand_over(letter) == {BERT: Accepted()}
            letters.append((letter, isinstance(outcome, Unknown)))
        await server.settled()
        unclear = [letter for letter, unknown in letters if unknown]
        assert unclear
        to_ada, to_bert = ways(server, ADA), ways(server, BERT)
        for letter in unclear:
            (evidence,) = (await carrier.look_for(letter)).values()
            assert evidence == (Found() if to_ada[letter.letter_id] else NothingProven())
            assert to_bert[letter.letter_id] == to_ada[letter.letter_id]
            assert len(to_bert[letter.letter_id]) <= 1
        assert any(to_bert[letter.letter_id] for letter in unclear)
        await carrier.close()
    arrived: dict[bytes, int] = {}
    for message in server.mailbox("bert"):
        for found in re.findall(rb"(?m)^Message-ID: <([^>]+)>", message):
            arrived[found] = arrived.get(found, 0) + 1
    for letter, unknown in letters:
        assert unknown or arrived[str(letter.letter_id).encode()] == 1


def _places(proxy: CuttingProxy, *, every: bool) -> list[tuple[Side, int]]:
    """All places, or some: fewer in the letter, each in the last answer."""
    client, said = bytes(proxy.said[Side.CLIENT]), bytes(proxy.said[Side.SERVER])
    if every:
        return [(Side.CLIENT, n) for n in range(len(client))] + [(Side.SERVER, n) for n in range(len(said))]
    last = len(said) - 90
    return [(Side.CLIENT, n) for n in range(0, len(client), len(client) // 20)] + [
        (Side.SERVER, n) for n in [*range(0, last, last // 15), *range(last, len(said), 6)]
    ]


def test_cut_at_sampled_places_it_arrives_once(server: MailServer) -> None:
    """F04, F05, in the clear: the places are those of the protocol."""
    asyncio.run(_cut(server, server.smtp, Security.PLAIN, 10_000, every=False))


def test_cut_at_sampled_places_of_an_encrypted_line(server: MailServer) -> None:
    asyncio.run(_cut(server, server.submissions, Security.TLS, 11_000, every=False))


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_cut_at_every_octet_it_arrives_once(server: MailServer) -> None:
    asyncio.run(_cut(server, server.smtp, Security.PLAIN, 20_000, every=True))


# -- a server that dies


def test_killed_while_it_takes_letters_it_has_each_once(server: MailServer) -> None:
    """F04-F06 from the other side: twice in the midst of forty letters Postfix and Dovecot die at once."""
    letters = {n: fake_letter(n, BERT) for n in range(30_000, 30_040)}
    halfway_through_the_sixth = 11 * len(letters[30_000].data) // 2

    async def whole() -> None:
        async with cutting_proxy(server.submissions) as proxy:
            await through(proxy)

    async def through(proxy: CuttingProxy) -> None:
        account = both_ways(server, proxy.port, Security.TLS)
        carrier = MailCarrier(account, FakeCredentials([PASSWORD]), _leave, FixedClock())
        waits = dict(letters)
        unclear: dict[int, SealedLetter] = {}
        for round_ in range(12):
            if round_ < 2:
                proxy.stall(Side.CLIENT, halfway_through_the_sixth)
            posting = asyncio.create_task(carrier.hand_over_many(list(waits.values())))
            if round_ < 2:
                assert proxy.stalled
                await asyncio.wait_for(proxy.stalled.wait(), 60)
                await asyncio.to_thread(server.restart)
            came = dict(zip(list(waits), await posting, strict=True))
            for number, outcomes in came.items():
                if not isinstance(outcomes[BERT], TryLater):
                    letter = waits.pop(number)
                    if isinstance(outcomes[BERT], Unknown):
                        unclear[number] = letter
            if not waits:
                break
        await server.settled()
        for number, letter in unclear.items():
            (evidence,) = (await carrier.look_for(letter)).values()
            if evidence != Found():
                assert not ways(server, BERT)[letter.letter_id]
                waits[number] = letter  # the person would be asked; here we know
        assert not waits or await carrier.hand_over_many(list(waits.values())) == [{BERT: Accepted()}] * len(waits)
        await server.settled()
        await carrier.close()

    asyncio.run(whole())
    to_ada, to_bert = ways(server, ADA), ways(server, BERT)
    for letter in letters.values():
        assert len(to_bert[letter.letter_id]) == len(to_ada[letter.letter_id]) == 1


@BOTH
def test_an_office_hands_letters_on_by_it(server: MailServer, security: Security, tmp_path: Path) -> None:
    """Over TLS, signed in; what it refuses comes back, and what it cannot be told while it is down waits."""
    account = out(server, security)
    assert account.outgoing is not None
    relay = Smarthost(account.outgoing, ADA, lambda: PASSWORD, server.ca, patience=QUICK)

    async def whole() -> None:
        async with an_office_abroad(tmp_path / "post", relay=relay) as office:
            await server.settled()
            before = len(server.mailbox("bert"))
            await office.hand_over(str(BERT), "dora@elsewhere.test")
            await office.turn()
            assert await office.state(to=str(BERT)) == ("unknown", "250 2.0.0 localhost took it.")
            state, reply = await office.state(to="dora@elsewhere.test")
            assert (state, reply[:9]) == ("no", "554 5.7.1")
            letters = await server.arrived("bert", before + 1)
            assert (
                letters[-1]
                .replace(b"\r\n", b"\n")
                .endswith(office.sent[0].replace(b"\r\n", b"\n").partition(b"\n\n")[2])
            )
            await server.settled()  # killed in the midst of it, a server may deliver twice all by itself
            server.kill()
            await office.hand_over(str(BERT), key="k2")
            await office.turn()
            assert (await office.state("k2", str(BERT)))[0] == "queued"
            server.start()
            await office.turn(minutes=2)
            assert (await office.state("k2", str(BERT)))[0] == "unknown"
            assert len(await server.arrived("bert", before + 2)) == before + 2
            assert await office.turn(days=3) == 0

    asyncio.run(whole())
