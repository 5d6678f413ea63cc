"""A desk with an e-mail account and a person with Delta Chat, both at one real mail server: letters both ways."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dearly.assemble.ways import MachineWays
from dearly.desk import account, answer, introductions, keys, people, setup, write
from dearly.desk import open as opening
from dearly.desk.values import EnvelopeView
from dearly.letter.account import MailAccount, Protocol, Security, Server
from dearly.letter.address import Address
from dearly.letter.content import Enclosure
from dearly.letter.sealing import Seal
from tests.peers.conftest import needs, needs_root
from tests.peers.mailserver import PASSWORD, PROGRAMS, MailServer
from tests.support.deltachat import DeltaChat, program
from tests.support.desks import Person, a_town
from tests.support.drawers import run
from tests.support.times import FixedClock

PHOTOGRAPH = random.Random(4).randbytes(2_000_000)
SECONDS = 30


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    """Postfix and Dovecot."""
    needs(program())
    for one in PROGRAMS:
        needs(one)
    needs_root("Postfix")
    with MailServer() as running:
        yield running


@asynccontextmanager
async def _ada(place: Path, server: MailServer, name: str) -> AsyncIterator[Person]:
    """Ada's desk of today, with an account there: IMAP and submission with TLS by the server's own authority."""
    async with a_town(place, lambda: MachineWays(place / "office")) as town:
        ada = await town.person("Ada")
        _now(ada)
        address = Address.parse(f"{name}@letters.test")
        incoming = Server(Protocol.IMAP, "localhost", server.imaps, Security.TLS, str(address))
        outgoing = Server(Protocol.SMTP, "localhost", server.submissions, Security.TLS, str(address))
        await account.add(ada.desk, MailAccount(address, incoming, outgoing, ca=server.ca), PASSWORD)
        yield ada


def _now(ada: Person) -> None:
    """Ada's clock goes on."""
    assert isinstance(ada.desk.clock, FixedClock)
    ada.desk.clock.at = datetime.now(UTC).replace(microsecond=0)


async def _send(ada: Person, number: int) -> None:
    await ada.post(number)
    report = await ada.round()
    assert number in report.handed_over, report.troubles


async def _new(ada: Person, count: int = 1) -> list[EnvelopeView]:
    """Rounds until so many envelopes are unopened; the first arrived first."""
    async with asyncio.timeout(SECONDS):
        while True:
            report = await ada.round()
            assert report.troubles == ()
            found = [one for one in await ada.letterbox() if not one.opened]
            if len(found) >= count:
                return found[::-1]
            await asyncio.sleep(0.2)


def test_letters_both_ways(tmp_path: Path, server: MailServer) -> None:
    """We write first, by his card. The padlock there; here his key is pinned by use. His photograph of two megabytes
    comes as two mails and is one letter; our answer lies in the same chat, and is no stranger's there."""

    async def play() -> None:
        (file := tmp_path / "harbour.bin").write_bytes(PHOTOGRAPH)
        async with DeltaChat(needs(program()), tmp_path / "dc") as chat, _ada(tmp_path, server, "ada") as ada:
            bert = await chat.account("bert", server)
            await people.add(ada.desk, "Bert", vcard=await bert.card())
            mine = Enclosure("every octet.bin", "application/octet-stream", bytes(range(256)) * 8)
            number = await ada.write("Bert", "Dear Bert,\n\nthe harvest is in.\n\n-- \nAda\n", "Of the harvest", mine)
            await _send(ada, number)
            shown = await bert.letter()
            assert (shown.padlock, shown.key_contact, shown.request) == (True, True, True)
            assert (shown.subject, shown.sender) == ("Of the harvest", "ada@letters.test")
            assert shown.text.replace("\N{ZERO WIDTH SPACE}", "") == "Dear Bert,\n\nthe harvest is in.\n\n-- \nAda"
            assert shown.file is not None
            assert shown.file.read_bytes() == mine.data

            await bert.let_in(shown)
            await bert.write(shown.contact, "Dear Ada, see our harbour.", file, answers=shown.number)
            envelopes = await _new(ada, 2)
            came = await ada.open(envelopes[0].number)
            assert came.seal is Seal.SIGNED_PINNED
            assert came.text.endswith("Dear Ada, see our harbour.")
            assert (came.person, came.subject) == ("Bert", "Re: Of the harvest")
            assert came.notes == ()
            assert abs(came.date - datetime.now(UTC)) < timedelta(minutes=2), "by the date inside, not the random one"
            (enclosed,) = (await opening.show(ada.desk, came.number)).enclosures
            assert enclosed.data == PHOTOGRAPH
            assert [one.opened for one in await ada.letterbox()] == [True], "one envelope"

            _now(ada)
            draft = await answer.answer(ada.desk, came.number, "A fine harbour.")
            await _send(ada, draft.number)
            answered = await bert.letter()
            assert (answered.padlock, answered.chat, answered.contact) == (True, shown.chat, shown.contact)
            assert answered.text == "A fine harbour."
            told = await opening.correspondence(ada.desk, "Bert")
            assert [one.direction for one in told] == ["out", "in", "out"]

    run(play())


def test_it_writes_first_and_the_enclosure_late(tmp_path: Path, server: MailServer) -> None:
    """By our card; she waits at the door. She sealed to our key, so that it need not stand outside."""

    async def play() -> None:
        (file := tmp_path / "harbour.bin").write_bytes(PHOTOGRAPH)
        async with DeltaChat(needs(program()), tmp_path / "dc") as chat, _ada(tmp_path, server, "ada.two") as ada:
            clara = await chat.account("clara", server)
            contact = await clara.take((await setup.my_card(ada.desk)).vcard)
            await clara.write(contact, "Dear Ada, here it is.", file)
            (first, second) = await _new(ada, 2)
            assert first.at_door
            came = await ada.open(first.number)
            assert came.seal is Seal.SIGNED_FIRST_SEEN
            assert (await ada.open(second.number)).number == came.number
            assert (await ada.show(came.number)).notes == ()
            assert len((await opening.show(ada.desk, came.number)).enclosures) == 1

            draft = await answer.answer(ada.desk, came.number, "Thank you.")
            await _send(ada, draft.number)
            shown = await clara.letter()
            assert (shown.padlock, shown.contact, shown.text) == (True, contact, "Thank you.")
            outside = (await server.arrived("clara"))[-1] if server.mailbox("clara") else b""
            assert b"\nAutocrypt:" not in outside.partition(b"\n\n")[0], "she sealed to our key, so she has it"

    run(play())


def test_gossip_both_ways(tmp_path: Path, server: MailServer) -> None:
    """Bert and Clara have never heard of each other. By our letter to both, Bert's answer to all is sealed to her. As
    he is verified here, the first letter of a circle that he begins gives us her key, which we have from her card."""

    async def play() -> None:
        async with DeltaChat(needs(program()), tmp_path / "dc") as chat, _ada(tmp_path, server, "ada.three") as ada:
            bert, clara = await chat.account("bert.three", server), await chat.account("clara.three", server)
            await people.add(ada.desk, "Bert", vcard=await bert.card())
            await people.add(ada.desk, "Clara", vcard=await clara.card())
            await keys.pin(ada.desk, "Bert", None, verified=True)
            number = (await write.write(ada.desk, ["Bert", "Clara"], "Dear both.", "For two")).number
            await _send(ada, number)
            for one in (bert, clara):
                shown = await one.letter()
                assert (shown.padlock, shown.subject) == (True, "For two")
                await one.let_in(shown)
                if one is bert:
                    to_all = shown.chat
            await bert.call("send_msg", to_all, {"text": "Dear all."})
            at_claras = await clara.letter()
            assert (at_claras.padlock, at_claras.sender, at_claras.text) == (True, bert.address, "Dear all.")
            (envelope,) = await _new(ada)
            came = await ada.open(envelope.number)
            assert (came.seal, came.text) == (Seal.SIGNED_VERIFIED, "Dear all.")
            assert await introductions.offered(ada.desk, came.number) == [], "what a chat has just told is not repeated"

            group = await bert.call("create_group_chat", "Of the harvest", False)
            for contact in await bert.call("get_chat_contacts", to_all):
                if contact > 9:
                    await bert.call("add_contact_to_chat", group, contact)
            await bert.call("send_msg", group, {"text": "A new circle."})
            (envelope,) = await _new(ada)
            came = await ada.open(envelope.number)
            (offer,) = await introductions.offered(ada.desk, came.number)
            assert (offer.addresses, offer.source, offer.given_by) == ((clara.address,), "gossip", "Bert")
            assert offer.state == "pinned"
            assert [key.state for key in (await people.show_person(ada.desk, "Clara")).keys] == ["pinned"]

    run(play())
