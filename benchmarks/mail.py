"""Ordinary e-mail: collecting sealed letters from Dovecot and posting them by Postfix, beside mbsync and Delta Chat.

    python -m benchmarks.mail [--letters 1000] [--chat 300] [--posted 200] [--foreign 20000]

All in one run at one server on loopback (`tests.peers.mailserver`; as root, because of Postfix), in the clear, so that
nobody pays for TLS. Figures are processor time (user and system) of a program with its children, and the clock beside
it; the clock depends on what else the machine does. Server programs are not counted.

- Collecting: `mbsync` only fetches into a Maildir, with an fsync for each letter; Delta Chat and Dearly fetch, open,
  verify and file. The texts are the same, sealed by the same key to each reader.
- Posting: from writing to the server's last 250. Delta Chat is asked to send one after the other without waiting.
- A photograph: octets that leave, header and all, without what servers put before it.
- A large mailbox: of many messages only some are letters; what the first and the second round cost.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import resource
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

from tests.peers.mailserver import DOMAIN, PASSWORD, PROGRAMS, MailServer
from tests.peers.mbsync import Mbsync
from tests.support.deltachat import Account, DeltaChat, program
from tests.support.drawers import make_drawer
from tests.support.peers import GnuPG

from dearly.assemble.machine import CHANCE, CLOCK
from dearly.assemble.ways import MachineWays
from dearly.desk import account, people, post, rounds, setup, write
from dearly.desk import open as opening
from dearly.desk.desk import Desk, keyholder_of
from dearly.drawer import keyring
from dearly.exchange.vcard import read_card, write_card
from dearly.letter.account import MailAccount, Protocol, Security, Server
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Draft, Enclosure, finish
from dearly.letter.sealing import Seal
from dearly.mime import pgpmime
from dearly.mime.write import render
from dearly.opener.pool import Opener
from dearly.seal import openpgp, trust
from dearly.seal.keys import OwnKey

WORDS = ["".join(random.Random(1).choices("etaoinshrdlu", k=n % 8 + 2)) for n in range(8)]
TEXT = 650
"""Characters of a letter whose sealed form weighs about 6 kB."""
_TRACE = re.compile(rb"(?im)\A(?:(?:return-path|delivered-to|received|x-original-to):[^\n]*\n(?:[ \t][^\n]*\n)*)+")


@dataclass
class Took:
    """Seconds. `cpu`: of a process and its children; `wall`: by the clock."""

    cpu: float = 0.0
    wall: float = 0.0


def _of(pid: int) -> float:
    """Seconds of processor time of a living process, its living children, and those of them that have ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        listed = [path.read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return 0.0
    own = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    return own + sum(_of(int(child)) for children in listed for child in children)


@contextmanager
def taking(without: int | None = None) -> Iterator[Took]:
    """What happens inside costs this, in this process and its children; `without`: but for this child."""

    def spent() -> float:
        return _of(os.getpid()) - (_of(without) if without is not None else 0.0)

    took, before, begun = Took(), spent(), time.perf_counter()
    yield took
    took.wall, took.cpu = time.perf_counter() - begun, spent() - before


@contextmanager
def taking_of(pid: int) -> Iterator[Took]:
    """What happens inside costs this in another process."""
    took, before, begun = Took(), _of(pid), time.perf_counter()
    yield took
    took.wall, took.cpu = time.perf_counter() - begun, _of(pid) - before


def say(name: str, took: Took, count: int, *beside: tuple[str, Took, int]) -> None:
    """A line, with ratios to what each of the others took for as many."""
    each = took.cpu / count * 1e3
    line = f"{name:34} {each:7.2f} ms cpu each, {took.cpu:6.2f} s cpu, {took.wall:6.2f} s wall for {count}"
    for peer, other, its in beside:
        cpu, wall = took.cpu / other.cpu * its / count, took.wall / other.wall * its / count
        line += f"   /{peer}: cpu {cpu:.2f}, wall {wall:.2f}"
    print(line)


def lay(server: MailServer, name: str, messages: Sequence[bytes]) -> None:
    """Put messages into a mailbox as if they had been delivered, in this order."""
    folder = server.folder / "mail" / name / "Maildir"
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    at = int(time.time()) - len(messages)
    for n, raw in enumerate(messages):
        path = folder / "cur" / f"{at + n}.M{n}.bench:2,"
        path.write_bytes(raw)
        os.utime(path, (at + n, at + n))
    shutil.chown(folder.parent, "mail", "mail")
    for path in folder.rglob("*"):
        shutil.chown(path, "mail", "mail")
    shutil.chown(folder, "mail", "mail")


def text(n: int) -> str:
    """Of a letter: not the same twice, and hardly to be squeezed."""
    words = random.Random(n)
    found = f"Dear all, this is letter {n}.\n\n"
    while len(found) < TEXT:
        found += f"{words.choice(WORDS)} {words.getrandbits(40):x} "
    return found.rstrip() + "\n"


class Sender:
    """Ada, who writes to everybody: her key, and letters sealed by it."""

    def __init__(self) -> None:
        self.who = Correspondent("Ada", Address.parse(f"ada@{DOMAIN}"))
        self.key = OwnKey.generate([self.who.address], datetime.now(UTC) - timedelta(days=1))

    @property
    def card(self) -> str:
        return write_card("Ada", [str(self.who.address)], self.key.certificate, None)

    def sealed(self, n: int, to: Address, certificate: bytes) -> bytes:
        """Letter `n` to this reader, as our desk would hand it over."""
        plan = trust.plan({to: certificate}, datetime.now(UTC))
        letter = finish(Draft((Correspondent("", to),), f"Letter {n}", text(n)), self.who, CLOCK, CHANCE)
        chat = trust.chats(certificate)
        mime = render(letter, autocrypt=(self.who.address, self.key.certificate), chat=chat)
        return pgpmime.wrap(letter, openpgp.seal(mime, self.key, plan).armored, self.who.address)


async def a_desk(stack: AsyncExitStack, place: Path, name: str, server: MailServer) -> Desk:
    """A desk with an account at the server; its drawer's slots cost next to nothing."""
    drawer = await make_drawer(place / name, clock=CLOCK, chance=CHANCE, state=place / "state")
    desk = Desk(drawer, Opener, keyholder_of, MachineWays(place / "office"), CLOCK, CHANCE, place / "state")
    stack.push_async_callback(desk.close)
    await setup.begin(desk, name.capitalize())
    where = Address.parse(f"{name}@{DOMAIN}")
    incoming = Server(Protocol.IMAP, "127.0.0.1", server.imap, Security.PLAIN, str(where))
    outgoing = Server(Protocol.SMTP, "127.0.0.1", server.smtp, Security.PLAIN, "")
    await account.add(desk, MailAccount(where, incoming, outgoing, ca=server.ca), PASSWORD)
    await asyncio.gather(desk.opener.start(), desk.keyholder.ready())
    return desk


async def certificate_of(desk: Desk) -> bytes:
    return await desk.drawer.read(lambda db: keyring.own_key(db).certificate)


async def mbsync(server: MailServer, place: Path, name: str, count: int) -> Took:
    """Fetch everything into a Maildir."""
    folder = place / f"mbsync-{name}"
    folder.mkdir()
    peer = Mbsync("mbsync", server, name, folder)
    with taking() as took:
        await asyncio.to_thread(peer.run, told=False)
    assert len(peer.files()) == count
    return took


async def open_all(desk: Desk) -> int:
    """Open every envelope; how many."""
    numbers = [
        number
        for (number,) in await desk.drawer.read(
            lambda db: db.all("SELECT number FROM arrivals WHERE state = 'unopened' AND number > 0 ORDER BY number")
        )
    ]
    assert await opening.open_many(desk, numbers) == {}
    seals = dict(await desk.drawer.read(lambda db: db.all("SELECT number, seal FROM letters WHERE direction = 'in'")))
    assert {seals[number] for number in numbers} <= {Seal.SIGNED_FIRST_SEEN.value, Seal.SIGNED_PINNED.value}
    return len(numbers)


async def collecting(place: Path, server: MailServer, letters: int, chats: int) -> None:
    """Part (a)."""
    ada = Sender()
    async with AsyncExitStack() as stack:
        desk = await a_desk(stack, place, "bert", server)
        await people.add(desk, "Ada", vcard=ada.card.encode())
        bert = Address.parse(f"bert@{DOMAIN}")
        certificate = await certificate_of(desk)
        raws = [ada.sealed(n, bert, certificate) for n in range(letters)]
        print(f"letters of {sum(map(len, raws)) / letters / 1e3:.1f} kB")
        lay(server, "bert", raws)
        fetched = await mbsync(server, place, "bert", letters)
        with taking() as round_:
            report = await rounds.make_round(desk)
        assert len(report.arrived) == letters, report.troubles
        with taking() as opened:
            assert await open_all(desk) == letters
        with taking() as idle:
            await rounds.make_round(desk)
    async with DeltaChat(program(), place / "dc") as chat:
        clara = await chat.account("clara", server)
        await clara.stop()
        contact = await clara.take(ada.card)
        (certificate,) = read_card(await clara.card()).certificates
        lay(server, "clara", [ada.sealed(n, Address.parse(clara.address), certificate) for n in range(chats)])
        with taking_of(chat.pid) as theirs:
            await clara.call("start_io")
            shown = await _shown(clara, contact, chats)
        assert shown == chats
    whole = Took(round_.cpu + opened.cpu, round_.wall + opened.wall)
    say("mbsync: fetched", fetched, letters)
    say("Delta Chat: fetched, opened, filed", theirs, chats)
    say("Dearly: a round (fetched, sorted)", round_, letters, ("mbsync", fetched, letters))
    say("Dearly: opened, verified, filed", opened, letters)
    beside = ("mbsync", fetched, letters), ("Delta Chat", theirs, chats)
    say("Dearly: all of it", whole, letters, *beside)
    say("Dearly: a round with nothing new", idle, 1)


async def _shown(who: Account, contact: int, count: int, seconds: float = 300) -> int:
    """How many letters it has from this person, as soon as there are so many."""
    until = time.monotonic() + seconds
    while True:
        chat = await who.call("get_chat_id_by_contact_id", contact)
        found = await who.call("get_message_ids", chat, False, False) if chat else []
        if len(found) >= count:
            told = await who.call("get_messages", found)
            found = [one for one in told.values() if one["fromId"] == contact and not one["isInfo"]]
        if len(found) >= count or time.monotonic() > until:
            assert all(one["showPadlock"] for one in found if isinstance(one, dict))
            return len(found)
        await asyncio.sleep(0.5)


async def posting(place: Path, server: MailServer, count: int) -> None:
    """Part (b)."""
    async with AsyncExitStack() as stack:
        desk = await a_desk(stack, place, "dora", server)
        chat = await stack.enter_async_context(DeltaChat(program(), place / "dc-posting"))
        emil, fritz = await chat.account("emil", server), await chat.account("fritz", server)
        for one in (emil, fritz):
            await one.stop()
        card = await fritz.card()
        await people.add(desk, "Fritz", vcard=card)
        contact = await emil.take(card.decode())
        with taking(without=chat.pid) as written:
            for n in range(count):
                await post.post(desk, (await write.write(desk, ["Fritz"], text(n))).number, at_once=True)
        with taking(without=chat.pid) as round_:
            report = await rounds.make_round(desk)
        assert len(report.handed_over) == count, report.troubles
        await emil.call("start_io")
        with taking_of(chat.pid) as theirs:
            to = await emil.call("create_chat_by_contact_id", contact)
            for n in range(count):
                await emil.call("send_msg", to, {"text": text(n)})
            await emil.sent(count)
    whole = Took(written.cpu + round_.cpu, written.wall + round_.wall)
    say("Delta Chat: written, sealed, sent", theirs, count)
    say("Dearly: written, sealed, posted", written, count)
    say("Dearly: a round (handed over)", round_, count)
    say("Dearly: all of it", whole, count, ("Delta Chat", theirs, count))


async def photograph(place: Path, server: MailServer) -> None:
    """Part (c)."""
    octets = random.Random(4).randbytes(2_000_000)
    (place / "harbour.bin").write_bytes(octets)
    async with AsyncExitStack() as stack:
        desk = await a_desk(stack, place, "gerd", server)
        other = await a_desk(stack, place, "hans", server)
        gpg = stack.enter_context(GnuPG(shutil.which("gpg") or "gpg"))
        chat = await stack.enter_async_context(DeltaChat(program(), place / "dc-photograph"))
        ida, jan = await chat.account("ida", server), await chat.account("jan", server)
        await jan.stop()
        lena = write_card("Lena", [f"lena@{DOMAIN}"], gpg.make_key(f"Lena <lena@{DOMAIN}>"), None)
        cards = {"Jan": await jan.card(), "Lena": lena.encode(), "Hans": (await setup.my_card(other)).vcard.encode()}
        for name, card in cards.items():
            await people.add(desk, name, vcard=card)
        # A desk of Dearly is known by the letters that it wrote.
        await people.add(other, "Gerd", vcard=(await setup.my_card(desk)).vcard.encode())
        await post.post(other, (await write.write(other, ["Gerd"], "Dear Gerd.")).number, at_once=True)
        await rounds.make_round(other)
        await server.arrived("gerd")
        await rounds.make_round(desk)
        await open_all(desk)
        sizes = {}
        enclosure = Enclosure("harbour.jpg", "image/jpeg", octets)
        for name in cards:
            number = (await write.write(desk, [name], "See our harbour.", "", [enclosure])).number
            await post.post(desk, number, at_once=True)
            sizes[f"Dearly, to {name}"] = await desk.drawer.read(
                lambda db, number=number: db.value(  # type: ignore[misc]  # bound now
                    "SELECT o.size FROM sealed_forms f JOIN objects o ON o.id = f.object_id WHERE f.letter = ?",
                    (number,),
                )
            )
        contact = await ida.take(cards["Jan"].decode())
        await ida.write(contact, "See our harbour.", place / "harbour.bin")
        await asyncio.sleep(2)
        await server.settled()
        sizes["Delta Chat, to Jan"] = sum(
            len(_TRACE.sub(b"", raw).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")) for raw in server.mailbox("jan")
        )
    readers = {"Jan": "Delta Chat", "Lena": "GnuPG", "Hans": "Dearly"}
    theirs = sizes["Delta Chat, to Jan"]
    for what, size in sizes.items():
        by, name = what.split(", to ")
        print(f"{f'{by}, read with {readers[name]}':34} {size:9,} octets   /Delta Chat: {size / theirs:.3f}")


def foreign(n: int, at: datetime) -> bytes:
    """A message that is none of ours: one in three a newsletter, the others by people whom nobody here knows, to
    somebody else."""
    bulk = f"List-Id: <news.example>\r\nList-Unsubscribe: <mailto:no{n}@news.example>\r\n" if n % 3 == 0 else ""
    return (
        f"From: Somebody {n % 700} <someone{n % 700}@elsewhere.example>\r\nTo: list{n % 9}@elsewhere.example\r\n"
        f"Date: {format_datetime(at)}\r\nMessage-ID: <foreign.{n}@elsewhere.example>\r\nSubject: Number {n}\r\n{bulk}"
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + text(n)
    ).encode()


async def large(place: Path, server: MailServer, count: int, letters: int = 50) -> None:
    """Part (d)."""
    ada = Sender()
    async with AsyncExitStack() as stack:
        desk = await a_desk(stack, place, "mara", server)
        await people.add(desk, "Ada", vcard=ada.card.encode())
        mara, certificate = Address.parse(f"mara@{DOMAIN}"), await certificate_of(desk)
        every = count // letters
        now = datetime.now(UTC)
        lay(
            server,
            "mara",
            [
                ada.sealed(n, mara, certificate) if n % every == every // 2 else foreign(n, now - timedelta(hours=1))
                for n in range(count)
            ],
        )
        with socket_to(server, "mara"):
            pass  # Dovecot makes its index of what was put there behind its back
        for name in ("first", "second", "third"):
            before = memory()
            with taking() as took:
                report = await rounds.make_round(desk)
            assert len(report.arrived) == (letters if name == "first" else 0), report.troubles
            rss = memory() - before
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{name} round, {count} messages{'':9} {took.cpu:6.2f} s cpu, {took.wall:6.2f} s wall,"
                f" memory {rss:+.1f} MiB (peak {peak:.0f})"
            )
        size = await desk.drawer.read(lambda db: db.value("SELECT sum(length(cursor)) FROM cursors"))
        print(f"the cursor weighs {size} octets")


@contextmanager
def socket_to(server: MailServer, name: str) -> Iterator[None]:
    import imaplib

    line = imaplib.IMAP4(server.host, server.imap)
    line.login(f"{name}@{DOMAIN}", PASSWORD)
    line.select("INBOX", readonly=True)
    line.uid("SEARCH", "ALL")
    line.logout()
    yield


def memory() -> float:
    """MiB resident of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def main() -> None:
    """Print figures and ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, number in (("letters", 1_000), ("chat", 300), ("posted", 200), ("foreign", 20_000)):
        parser.add_argument(f"--{name}", type=int, default=number)
    asked = parser.parse_args()
    lacking = [one for one in (*PROGRAMS, "mbsync", "gpg", program()) if not shutil.which(one)]
    if lacking or os.geteuid() != 0:
        print(f"not measured: {', '.join(lacking) or 'Postfix runs as root only'}")
        return
    parts: list[Callable[[Path, MailServer], Awaitable[None]]] = []
    if asked.letters:
        parts.append(lambda place, server: collecting(place, server, asked.letters, asked.chat))
    if asked.posted:
        parts.append(lambda place, server: posting(place, server, asked.posted))
        parts.append(photograph)
    if asked.foreign:
        parts.append(lambda place, server: large(place, server, asked.foreign))
    print(f"load {os.getloadavg()[0]:.1f}")
    for part in parts:
        with MailServer() as server, tempfile.TemporaryDirectory(prefix="dearly-bench-") as place:
            asyncio.run(part(Path(place), server))  # type: ignore[arg-type]  # a coroutine each
    print(f"load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
