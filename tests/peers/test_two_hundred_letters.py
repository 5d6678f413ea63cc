"""Many letters through a post that dies again and again: every one arrives, and none arrives twice.

Ada's letters wait in her outbox. `dearly round`, as she has it, hands them to a real Postfix; the program is killed
(SIGKILL) and the mail server with it, at moments that a seed chooses among those where letters are under way, and she
makes her rounds again. What counts is what lies in Bert's mailbox. What of a letter nobody can prove is uncertain, and
she is asked; it is never handed over again by itself (F05, F06, F09).

Then Bert's desk collects all of them, killed as well.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from dearly.assemble.machine import CHANCE, CLOCK
from dearly.assemble.ways import MachineWays
from dearly.desk import account, people, post, setup, waking, write
from dearly.desk import open as opening
from dearly.desk.desk import Desk, keyholder_of
from dearly.drawer.connection import DataKey, Db, connect
from dearly.drawer.drawer import Drawer
from dearly.drawer.folder import DATABASE
from dearly.letter.account import MailAccount, Protocol, Security, Server
from dearly.letter.address import Address
from dearly.letter.clock import Clock
from dearly.letter.errors import Exit
from dearly.letter.journey import ASK_AFTER, State
from dearly.letter.sealing import PROVEN
from dearly.mime import pgpmime
from dearly.opener.pool import Opener
from tests.peers.conftest import needs, needs_root
from tests.peers.mailserver import PASSWORD, PROGRAMS, MailServer
from tests.support.commands import PASSPHRASE, Machine
from tests.support.machines import cheap_drawer, state_of
from tests.support.sitting import a_machine
from tests.support.times import FixedClock

NAMES = ("ada", "bert")
OUT = {State.ON_ITS_WAY.value, State.HELD_FOR_THEM.value}
_MESSAGE_ID = re.compile(rb"(?im)^message-id:[ \t]*<([^>\r\n]+)>")
_RECEIVED = re.compile(rb"(?im)^received:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")


@dataclass
class World:
    """The server, and the machine with both drawers on it. `texts`: of Ada's letters, by Message-ID; `seals`: SHA-256
    of what is sealed in each; `killed`: how often a program of ours was."""

    server: MailServer
    machine: Machine
    keys: dict[str, DataKey]
    texts: dict[str, str] = field(default_factory=dict)
    seals: dict[str, str] = field(default_factory=dict)
    killed: int = 0

    def count(self, name: str, sql: str) -> int:
        """A number out of a drawer, whoever holds it."""
        connection = connect(self.machine.folder / name / DATABASE, self.keys[name], write=False)
        try:
            return int(Db(connection).value(sql))
        finally:
            connection.close()

    def begun(self) -> int:
        """How many letters Postfix has begun to take: it notes the Message-ID when the header has come."""
        return (self.server.folder / "postfix.log").read_bytes().count(b": message-id=<")


@pytest.fixture
def world() -> Iterator[World]:
    for program in PROGRAMS:
        needs(program)
    needs_root("Postfix")
    with MailServer() as server, a_machine() as machine:
        yield World(server, machine, {name: cheap_drawer(machine, name) for name in NAMES})


@asynccontextmanager
async def a_desk(world: World, name: str, clock: Clock = CLOCK) -> AsyncIterator[Desk]:
    """Somebody's desk in this process, as it is opened by any command."""
    state = state_of(world.machine)
    drawer = await Drawer.open(world.machine.folder / name, PASSPHRASE, clock=clock, chance=CHANCE, state=state)
    ways = MachineWays(world.machine.folder / "office")
    desk = Desk(drawer, lambda: Opener(size=1), keyholder_of, ways, clock, CHANCE, state)
    try:
        await waking.wake(desk)
        yield desk
    finally:
        await desk.close()


async def _sit_down(world: World) -> None:
    """Both have an account at the server and each other's cards."""
    server, cards = world.server, {}
    for name in NAMES:
        async with a_desk(world, name) as desk:
            await setup.begin(desk, name.capitalize())
            address = Address.parse(f"{name}@letters.test")
            incoming = Server(Protocol.IMAP, "localhost", server.imaps, Security.TLS, str(address))
            outgoing = Server(Protocol.SMTP, "localhost", server.submissions, Security.TLS, str(address))
            await account.add(desk, MailAccount(address, incoming, outgoing, ca=server.ca), PASSWORD)
            cards[name] = (await setup.my_card(desk)).vcard.encode()
    for name, other in (NAMES, NAMES[::-1]):
        async with a_desk(world, name) as desk:
            await people.add(desk, other.capitalize(), vcard=cards[other])


async def _write(world: World, count: int) -> None:
    """Ada posts so many letters more; none of them has left yet."""
    async with a_desk(world, "ada") as desk:
        for _letter in range(count):
            text = f"Dear Bert,\n\nthis is letter {len(world.texts)}.\n"
            number = (await write.write(desk, ["Bert"], text)).number
            await post.post(desk, number, at_once=True)
            (letter_id, seal), *others = await desk.drawer.read(
                lambda db, number=number: db.all(  # type: ignore[misc]  # bound now
                    "SELECT l.letter_id, f.seal_sha256 FROM letters l JOIN sealed_forms f ON f.letter = l.number"
                    " WHERE l.number = ?",
                    (number,),
                )
            )
            assert not others
            world.texts[letter_id], world.seals[letter_id] = text, seal.hex()


def _begin(world: World, name: str) -> subprocess.Popen[str]:
    return world.machine.start("round", "--json", drawer=name)


def _round(world: World, name: str) -> dict[str, list[object]]:
    done = world.machine.run("round", "--json", drawer=name)
    assert done.code in (Exit.DONE, Exit.CARRIER), done.err
    report: dict[str, list[object]] = json.loads(done.out)
    return report


def _until(process: subprocess.Popen[str], holds: Callable[[], bool]) -> bool:
    """Whether it came to hold before the process ended."""
    while process.poll() is None:
        if holds():
            return True
        time.sleep(0.005)
    return False


def _kill(world: World, process: subprocess.Popen[str]) -> None:
    """As a power cut would, this process alone; its children end by themselves."""
    process.kill()
    process.communicate()
    assert process.returncode in (-signal.SIGKILL, Exit.DONE, Exit.CARRIER)
    world.killed += process.returncode == -signal.SIGKILL


def _let_end(process: subprocess.Popen[str]) -> None:
    _out, err = process.communicate(timeout=120)
    assert process.returncode in (Exit.DONE, Exit.CARRIER), err


async def _impatient(world: World) -> Counter[str]:
    """Ada does not wait out the pause after a vain attempt; states of her letters, by how many there are."""
    async with a_desk(world, "ada") as desk:
        for row in await post.outbox(desk):
            if row.state == State.TRYING.value:
                await post.again(desk, row.number)
        return Counter(row.state for row in await post.outbox(desk))


def _troubled_rounds(world: World, chance: random.Random, letters: int, restarts: int, kills: int) -> None:
    """Ada's rounds, with everything dying at moments where letters are under way. She writes more between two deaths,
    so that none is too late."""
    events = ["server"] * restarts + ["program"] * kills
    chance.shuffle(events)
    portions = [letters * (n + 1) // len(events) - letters * n // len(events) for n in range(len(events))]
    for event, portion in zip(events, portions, strict=True):
        asyncio.run(_impatient(world))
        asyncio.run(_write(world, portion))
        mark = world.begun() + chance.randint(1, max(1, portion // 2))
        process = _begin(world, "ada")
        under_way = _until(process, lambda mark=mark: world.begun() >= mark)  # type: ignore[misc]  # bound now
        assert under_way, process.communicate()
        time.sleep(chance.uniform(0, 0.03))
        if event == "program":
            _kill(world, process)
        else:
            world.server.kill()
            time.sleep(chance.uniform(0, 0.2))
            world.server.start()
            _let_end(process)


def _settled(world: World) -> Counter[str]:
    """Rounds until nothing more leaves by itself and every copy has come back."""
    while True:
        _round(world, "ada")
        states = asyncio.run(_impatient(world))
        if not states[State.WAITING.value] and not states[State.TRYING.value]:
            break
    asyncio.run(world.server.settled())
    _round(world, "ada")
    return asyncio.run(_impatient(world))


def _in_mailbox(world: World, name: str) -> dict[str, set[bytes]]:
    """By Message-ID: by which transactions it came there, each told by its first hop's own line. A server that is
    killed may itself put one and the same transaction down twice (RFC 1047); that is no second letter of ours."""
    found: dict[str, set[bytes]] = {}
    for raw in world.server.mailbox(name):
        head = raw.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0]
        if b"multipart/report" in head:
            continue
        letter_id = _MESSAGE_ID.findall(head)[0].decode()
        _shape, armor = pgpmime.shape(raw)
        assert armor is not None
        assert _seal_of(armor) == world.seals[letter_id], "not the letter that was sealed"
        found.setdefault(letter_id, set()).add(b" ".join(_RECEIVED.findall(head)[-1].split()))
    return found


def _seal_of(armor: bytes) -> str:
    lines = armor.replace(b"\r\n", b"\n").partition(b"\n\n")[2].split(b"\n")
    octets = base64.b64decode(b"".join(line for line in lines if line and line[:1] not in b"=-"))
    return hashlib.sha256(octets).hexdigest()


def _each_once(world: World, name: str, without: set[str]) -> None:
    found = _in_mailbox(world, name)
    assert set(found) == set(world.texts) - without
    assert {letter_id: len(ways) for letter_id, ways in found.items() if len(ways) != 1} == {}


async def _uncertain(world: World) -> dict[int, str]:
    """Number and Message-ID of what is uncertain at Ada's desk; she is asked about all of it, a day later."""
    tomorrow = FixedClock(CLOCK.now() + ASK_AFTER[State.UNCERTAIN])
    found = {}
    async with a_desk(world, "ada", tomorrow) as desk:
        for row in await post.outbox(desk):
            if row.state == State.UNCERTAIN.value:
                assert row.ask
                number = row.number
                found[number] = await desk.drawer.read(
                    lambda db, number=number: db.value("SELECT letter_id FROM letters WHERE number = ?", (number,))  # type: ignore[misc]
                )
    return found


async def _post_again(world: World, numbers: list[int]) -> None:
    """Her word: these have not left."""
    async with a_desk(world, "ada") as desk:
        for number in numbers:
            await post.again(desk, number)


def _bert_collects(world: World, chance: random.Random, kills: int) -> None:
    total, seen = len(world.texts), "SELECT count(*) FROM arrivals WHERE state <> 'new'"
    for n in range(kills):
        done = (n + chance.random()) * total / kills
        process = _begin(world, "bert")
        assert _until(process, lambda done=done: world.count("bert", seen) >= done), process.communicate()  # type: ignore[misc]
        _kill(world, process)
    _round(world, "bert")


async def _bert_reads(world: World) -> None:
    async with a_desk(world, "bert") as desk:
        texts = Counter[str]()
        numbers = [
            number
            for (number,) in await desk.drawer.read(
                lambda db: db.all(
                    "SELECT number FROM arrivals WHERE state IN ('unopened', 'unreadable') ORDER BY number"
                )
            )
        ]
        for number in numbers:
            letter = (await opening.open_letter(desk, number)).letter
            texts[letter.text] += 1
            assert letter.seal in PROVEN
        assert texts == Counter(world.texts.values())


def _play(world: World, seed: int, count: int, restarts: int, kills: int) -> None:
    chance = random.Random(seed)
    asyncio.run(_sit_down(world))
    _troubled_rounds(world, chance, count, restarts, kills)
    states = _settled(world)
    assert set(states) <= OUT | {State.UNCERTAIN.value}
    unclear = asyncio.run(_uncertain(world))
    print(f"{world.killed} kills, {states}")

    # What is uncertain has no copy anywhere: not with us, which would have proven it, and not with Bert.
    _each_once(world, "bert", without=set(unclear.values()))
    _each_once(world, "ada", without=set(unclear.values()))
    # Each death of the program leaves at most the letter unclear that it was just handing over.
    assert len(unclear) <= world.killed + restarts

    # However often she makes her rounds, nothing of it leaves without her word; with it, once.
    handed = _round(world, "ada")["handed_over"]
    assert handed == []
    asyncio.run(_post_again(world, list(unclear)))
    assert set(_settled(world)) <= OUT
    _each_once(world, "bert", without=set())

    _bert_collects(world, chance, 2)
    asyncio.run(_bert_reads(world))


def test_thirty_letters(world: World) -> None:
    _play(world, 7, 30, 1, 2)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_two_hundred_letters(world: World) -> None:
    _play(world, 200, 200, 3, 5)
