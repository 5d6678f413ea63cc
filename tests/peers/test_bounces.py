"""Reports of a real Postfix about letters that were really handed over to it: what comes back, what is late, what was
delivered. Each is taken in from the writer's own mailbox, and moves exactly its own journey."""

from __future__ import annotations

import asyncio
import hashlib
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dearly.carriers.mail.submission import Submission
from dearly.desk import fetch
from dearly.drawer import arrivals, outbox
from dearly.drawer.arrivals import ArrivalState
from dearly.drawer.connection import Db
from dearly.letter.account import MailAccount, Protocol, Security, Server, SignIn
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import LetterId
from dearly.letter.envelope import Parcel, Source, Way
from dearly.letter.journey import Accepted, State
from tests.peers.conftest import needs, needs_root
from tests.peers.mailserver import PASSWORD, PROGRAMS, MailServer
from tests.support import fake_letters
from tests.support.contents import finished, leg, page
from tests.support.desks import a_town
from tests.support.drawers import run
from tests.support.times import NOON

ADA = Address.parse("ada@letters.test")
MAIN_CF = """
smtpd_relay_restrictions = permit_sasl_authenticated, reject_unauth_destination
transport_maps = inline:{{
  {{nobody@letters.test = lmtp:inet:127.0.0.1:{strict}}},
  {{full@letters.test = lmtp:inet:127.0.0.1:{strict}}},
  {{slow@letters.test = lmtp:inet:127.0.0.1:1}} }}
delay_warning_time = 1s
queue_run_delay = 1s
minimal_backoff_time = 1s
lmtp_assume_final = yes
"""


class _Strict(socketserver.StreamRequestHandler):
    """The mail store of somebody else, behind Postfix: it knows nobody, and has no room for the rest."""

    def handle(self) -> None:
        self.wfile.write(b"220 store LMTP\r\n")
        for line in self.rfile:
            word = line.split(b" ")[0].strip().upper()
            if word == b"RCPT":
                who = b"5.2.2 the mailbox is full" if b"full@" in line else b"5.1.1 no such person here"
                self.wfile.write(b"550 " + who + b"\r\n")
            else:
                self.wfile.write(b"221 bye\r\n" if word == b"QUIT" else b"250 fine\r\n")
            if word == b"QUIT":
                return


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    for program in PROGRAMS:
        needs(program)
    needs_root("Postfix")
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Strict) as store:
        threading.Thread(target=store.serve_forever, daemon=True).start()
        with MailServer(main_cf=MAIN_CF.format(strict=store.server_address[1])) as running:
            yield running
        store.shutdown()


class Password:
    async def password(self) -> str:
        return PASSWORD

    async def refused(self) -> None:
        pytest.fail("the password is right")


def submission(server: MailServer) -> Submission:
    line = Server(Protocol.SMTP, "localhost", server.submissions, Security.TLS, str(ADA))
    return Submission(MailAccount(ADA, None, line, SignIn.PASSWORD, ca=server.ca), Password())


def test_each_report_moves_its_own_journey(server: MailServer, tmp_path: Path) -> None:
    names = ("nobody@letters.test", "full@letters.test", "slow@letters.test", "clara@letters.test")
    wanted = {
        "nobody@letters.test": (State.CAME_BACK, "no such person here"),
        "full@letters.test": (State.CAME_BACK, "the mailbox is full"),
        "slow@letters.test": (State.ON_ITS_WAY, "Connection refused"),
        "clara@letters.test": (State.HELD_FOR_THEM, ""),
    }
    people = [Correspondent("", Address.parse(name)) for name in names]

    async def play() -> None:
        async with a_town(tmp_path) as town:
            desk = (await town.person("Ada")).desk

            def post(db: Db) -> int:
                there = page(db, "Dear friends", *people)
                letter = finished(there.draft, "bounced@letters.test")
                fake = fake_letters.fake_letter(
                    1, *(who.address for who in people), letter_id=LetterId(letter.letter_id)
                )
                form = outbox.Form(Way.MAIL, str(ADA), fake)
                legs = [leg(who, way=Way.MAIL, place=str(ADA)) for who in people]
                return outbox.post(db, there.number, letter, legs, [form], based_on=there.revision, now=NOON).number

            number = await desk.drawer.write(post)
            (ready,) = await desk.drawer.write(lambda db: outbox.due(db, NOON))
            attempt = await desk.drawer.write(lambda db: outbox.begin_attempt(db, ready, NOON))
            carrier = submission(server)
            outcomes = await carrier.hand_over(ready.sealed)
            await carrier.close()
            assert outcomes == {who.address: Accepted() for who in people}
            await desk.drawer.write(lambda db: outbox.end_attempt(db, attempt, outcomes, NOON))

            async def look() -> dict[str, tuple[State, str]]:
                """Take in what lies in Ada's mailbox by now, and say where the letter is."""
                for raw in server.mailbox("ada"):
                    parcel = Parcel(raw, Source(Way.MAIL, str(ADA), "1", hashlib.sha256(raw).hexdigest()))
                    digest = hashlib.sha256(raw).digest()
                    await desk.drawer.write(
                        lambda db, p=parcel, d=digest: arrivals.take_in(db, p, d, now=NOON, chance=desk.chance)  # type: ignore[misc]  # bound now
                    )
                assert (await fetch.sort(desk)).new == ()
                there = await desk.drawer.read(lambda db: outbox.travels(db, number))
                return {str(t.journey.recipient): (t.journey.state, t.journey.reason) for t in there}

            for _turn in range(300):
                found = await look()
                if all(found[name][0] is state and said in found[name][1] for name, (state, said) in wanted.items()):
                    break
                await asyncio.sleep(0.1)
            assert {name: (state, wanted[name][1] in why) for name, (state, why) in found.items()} == {
                name: (state, True) for name, (state, _why) in wanted.items()
            }, found
            assert found["full@letters.test"][1] == "127.0.0.1 says: 550 5.2.2 the mailbox is full"
            # Our own copies, and the reports: neither is a letter for the letterbox.
            states = await desk.drawer.read(lambda db: {s for (s,) in db.all("SELECT state FROM arrivals")})
            assert states == {ArrivalState.OWN.value, ArrivalState.REPORT.value}

    run(play())
