"""Every carrier under the same handles, for the contract suites.

A rig stands for one way between Ada, who posts, and Bert and Clara, who collect, with the bad luck that can befall it.
To bring a new carrier under the contract: write a rig, and add it to `POSTING` or `COLLECTING`.
"""

from __future__ import annotations

import asyncio
import base64
import errno
import hashlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from dearly.carriers.base import Collects, Posts
from dearly.carriers.hand import HandIn, HandOut, read_file
from dearly.carriers.jmap import JmapCarrier, ProviderCarrier
from dearly.carriers.letterfile import framed
from dearly.carriers.mail.carrier import MailCarrier
from dearly.carriers.mail.maildrop import Maildrop
from dearly.letter import failpoint
from dearly.letter.account import MailAccount, Protocol, Security
from dearly.letter.account import Server as MailHost
from dearly.letter.address import Address
from dearly.letter.envelope import SealedLetter
from dearly.letter.errors import DearlyError
from dearly.letter.journey import Evidence, NothingProven, NotThere
from dearly.office.db import connect
from dearly.office.sqlite_file import FILE
from tests.support.cutting_proxy import CuttingProxy, Side, cutting_proxy
from tests.support.fake_letters import ADA, BERT, CLARA
from tests.support.letters_office import in_letterbox, letters_office
from tests.support.mail_accounts import FakeCredentials
from tests.support.mailboxes import account, mailbox, take_all
from tests.support.memory_carrier import Luck, MemoryCarrier, MemoryPost
from tests.support.offices import Member
from tests.support.scripted_imap import USER as IMAP_USER
from tests.support.scripted_imap import ScriptedImap, scripted_imap
from tests.support.scripted_jmap import Provider, scripted
from tests.support.scripted_pop3 import PASSWORD, USER, Drop, listening
from tests.support.scripted_smtp import Kept as Taken
from tests.support.scripted_smtp import ScriptedSmtp, scripted_smtp
from tests.support.sifting import Judge, Kept
from tests.support.times import FixedClock


class PostingRig(ABC):
    """A way by which Ada posts."""

    posts: Posts
    once = True
    """Whether a letter that is handed over twice is one letter: the carrier honours its key."""
    absent: Evidence = NotThere()
    """What looking says of a letter that is not there."""

    @abstractmethod
    async def box(self, recipient: Address) -> list[bytes]:
        """What truly lies there for the recipient, seen without the carrier under test."""

    @abstractmethod
    def lost_answer(self) -> None:
        """The next exchange takes effect, and its answer is lost."""

    @abstractmethod
    def cut_asking(self) -> None:
        """The next exchange breaks half-way, before it takes effect."""

    @abstractmethod
    async def away(self) -> None:
        """From now on there is no connection."""


class CollectingRig(ABC):
    """A letterbox that Bert collects from. `most`: how many parcels it can hold."""

    collects: Collects
    most = 100
    holds_torn = True
    """Whether a parcel can lie there torn, beside whole ones."""
    hears_of_safety = True
    """Whether acknowledging tells the other side anything."""

    @abstractmethod
    async def lay(self, letter: SealedLetter) -> None:
        """A letter comes."""

    @abstractmethod
    async def tear(self, letter: SealedLetter) -> None:
        """A letter comes, of which the carrier gives only the first half."""

    @abstractmethod
    async def mend(self, letter: SealedLetter) -> None:
        """Now it gives the torn one whole."""

    @abstractmethod
    def lost_answer(self) -> None:
        """The next exchange is cut in its answer."""


class MemoryPosting(PostingRig):
    def __init__(self) -> None:
        self.post = MemoryPost()
        self.posts = MemoryCarrier(self.post, ADA)
        for person in (BERT, CLARA):
            MemoryCarrier(self.post, person)

    async def box(self, recipient: Address) -> list[bytes]:
        return self.post.box(recipient)

    def lost_answer(self) -> None:
        self.post.luck = Luck.CUT_ANSWER

    def cut_asking(self) -> None:
        self.post.luck = Luck.CUT_ASKING

    async def away(self) -> None:
        self.post.luck = Luck.AWAY


class MemoryCollecting(CollectingRig):
    def __init__(self) -> None:
        self.post = MemoryPost()
        self.collects = MemoryCarrier(self.post, BERT)

    async def lay(self, letter: SealedLetter) -> None:
        self.post.lay(BERT, letter.data)

    async def tear(self, letter: SealedLetter) -> None:
        self.post.torn[self.post.lay(BERT, letter.data)] = len(letter.data) // 2

    async def mend(self, letter: SealedLetter) -> None:
        self.post.torn.clear()

    def lost_answer(self) -> None:
        self.post.luck = Luck.CUT_ANSWER


class HandPosting(PostingRig):
    """The letter lies in a folder; whoever is given the file has got it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.posts = HandOut(folder)
        self.pull_at: str | None = None

    def step(self, name: str) -> None:
        if name == self.pull_at:
            self.pull_at = None
            raise OSError(errno.EIO, "the stick was pulled out")

    async def box(self, recipient: Address) -> list[bytes]:
        found = []
        for path in sorted(self.folder.iterdir()):
            try:
                found.append(read_file(path).data)
            except DearlyError:
                continue
        return found

    def lost_answer(self) -> None:
        self.pull_at = "hand.after-rename"

    def cut_asking(self) -> None:
        self.pull_at = "hand.half-written"

    async def away(self) -> None:
        self.folder.rename(self.folder.with_name("elsewhere"))


class HandCollecting(CollectingRig):
    most = 1
    holds_torn = False

    def __init__(self, file: Path) -> None:
        self.file = file
        self.collects = HandIn(file)

    async def lay(self, letter: SealedLetter) -> None:
        self.file.write_bytes(framed(letter.data))

    async def tear(self, letter: SealedLetter) -> None:
        whole = framed(letter.data)
        self.file.write_bytes(whole[: len(whole) // 2])

    async def mend(self, letter: SealedLetter) -> None:
        await self.lay(letter)

    def lost_answer(self) -> None:
        raise NotImplementedError


class OfficePosting(PostingRig):
    """A real office behind a proxy that cuts."""

    def __init__(self, proxy: CuttingProxy, people: Mapping[Address, Member]) -> None:
        self.proxy, self.people = proxy, people
        self.posts = JmapCarrier(f"http://127.0.0.1:{proxy.port}", people[ADA].token, ADA)

    async def box(self, recipient: Address) -> list[bytes]:
        return await asyncio.to_thread(in_letterbox, self.people[recipient])

    def lost_answer(self) -> None:
        self.proxy.cut_answer_to(b"EmailSubmission/set")

    def cut_asking(self) -> None:
        self.proxy.cut_request_with(b"EmailSubmission/set")

    async def away(self) -> None:
        await self.proxy.stop()


class MailPosting(PostingRig):
    """A server that takes letters, behind a proxy that cuts, and the letterbox where our own copies lie.

    Mail knows no key: what is handed over twice is two letters, and what is not found proves nothing. So between an
    unclear answer and another attempt stands finding, or the person."""

    once = False
    absent = NothingProven()

    def __init__(self, proxy: CuttingProxy, smtp: ScriptedSmtp, imap: ScriptedImap) -> None:
        self.proxy, self.smtp, self.imap = proxy, smtp, imap
        smtp.taken = self._deliver
        incoming = MailHost(Protocol.IMAP, "127.0.0.1", imap.port, Security.PLAIN, IMAP_USER)
        outgoing = MailHost(Protocol.SMTP, "127.0.0.1", proxy.port, Security.PLAIN, str(ADA))
        self.posts = MailCarrier(MailAccount(ADA, incoming, outgoing), FakeCredentials(), take_all, FixedClock())

    def _deliver(self, kept: Taken) -> None:
        if str(ADA) in kept.recipients:
            way = f"Received: from here by there id {len(self.smtp.kept)}\r\n"
            self.imap.inbox.lay(way.encode() + kept.data)

    async def box(self, recipient: Address) -> list[bytes]:
        return [kept.data for kept in self.smtp.kept if str(recipient) in kept.recipients]

    def lost_answer(self) -> None:
        self.proxy.cut_answer_to(b"-----END PGP MESSAGE-----")

    def cut_asking(self) -> None:
        self.proxy.cut_request_with(b"-----BEGIN PGP MESSAGE-----")

    async def away(self) -> None:
        await self.proxy.stop()


class OfficeCollecting(CollectingRig):
    """Bert's letterbox at a real office. A torn parcel is one that is damaged in the office's store."""

    def __init__(self, proxy: CuttingProxy, people: Mapping[Address, Member], store: Path) -> None:
        self.proxy, self.people, self.store = proxy, people, store
        self.collects = JmapCarrier(f"http://127.0.0.1:{proxy.port}", people[BERT].token, BERT)

    async def lay(self, letter: SealedLetter) -> None:
        answers = await asyncio.to_thread(self.people[ADA].hand_over, letter.data, self.people[BERT])
        assert [name for name, _ in answers] == ["Blob/upload", "Email/import", "EmailSubmission/set"]
        assert answers[2][1]["created"], answers

    async def tear(self, letter: SealedLetter) -> None:
        await self.lay(letter)
        self._damage(letter, letter.data[: len(letter.data) // 2])

    async def mend(self, letter: SealedLetter) -> None:
        self._damage(letter, letter.data)

    def _damage(self, letter: SealedLetter, data: bytes) -> None:
        """What a bad disk would do to the office."""
        with closing(connect(self.store, writes=True)) as db:
            uid = "B" + hashlib.sha256(letter.data).hexdigest()
            changed = db.run(
                "UPDATE pieces SET data = ? WHERE number = (SELECT number << 10 FROM blobs WHERE uid = ?)", (data, uid)
            )
            assert changed == 1

    def lost_answer(self) -> None:
        self.proxy.cut(Side.SERVER, 0)


class ImapCollecting(CollectingRig):
    """Bert's mailbox at a server that speaks IMAP, with a folder of our own. A torn parcel comes as a short literal."""

    def __init__(self, server: ScriptedImap, proxy: CuttingProxy) -> None:
        self.server, self.proxy = server, proxy
        self.collects = mailbox(account(proxy.port, folder="Dearly"))

    async def lay(self, letter: SealedLetter) -> None:
        self.server.inbox.lay(letter.data)

    async def tear(self, letter: SealedLetter) -> None:
        self.server.inbox.lay(letter.data).given = lambda: letter.data[: len(letter.data) // 2]

    async def mend(self, letter: SealedLetter) -> None:
        for message in self.server.inbox.messages:
            message.given = None

    def lost_answer(self) -> None:
        self.proxy.cut(Side.SERVER, 0)


THE_DAY_AFTER = datetime(2026, 3, 2, tzinfo=UTC)
"""The letters of `fake_letter` have come: a mailbox is looked back into for some weeks only."""


class Pop3Collecting(CollectingRig):
    """Bert's maildrop at a server that speaks POP3, which has no mark but the one that deletes."""

    hears_of_safety = False

    def __init__(self, drop: Drop, proxy: CuttingProxy) -> None:
        self.drop, self.proxy = drop, proxy
        server = MailHost(Protocol.POP3, "127.0.0.1", proxy.port, Security.PLAIN, USER)
        self.collects = Maildrop(MailAccount(BERT, server, None), Kept(PASSWORD), Judge(), FixedClock(THE_DAY_AFTER))

    async def lay(self, letter: SealedLetter) -> None:
        self.drop.lay(letter.data)

    async def tear(self, letter: SealedLetter) -> None:
        self.drop.lay(letter.data).torn = len(letter.data) // 2

    async def mend(self, letter: SealedLetter) -> None:
        for message in self.drop.messages:
            message.torn = None

    def lost_answer(self) -> None:
        self.proxy.cut(Side.SERVER, 0)


class ProviderCollecting(CollectingRig):
    """Bert's mailbox at a provider that speaks JMAP, where nothing of ours is marked."""

    hears_of_safety = False

    def __init__(self, provider: Provider, proxy: CuttingProxy) -> None:
        self.provider, self.proxy = provider, proxy
        url = f"http://127.0.0.1:{proxy.port}"
        server = MailHost(Protocol.JMAP, "127.0.0.1", proxy.port, Security.PLAIN, USER, url)
        account = MailAccount(BERT, server, server)
        self.collects = ProviderCarrier(account, Kept(PASSWORD), Judge(), FixedClock(datetime(2026, 1, 2, tzinfo=UTC)))

    async def lay(self, letter: SealedLetter) -> None:
        self.provider.lay(letter.data)

    async def tear(self, letter: SealedLetter) -> None:
        email = self.provider.emails[self.provider.lay(letter.data)]
        self.provider.octets[email["blobId"]] = letter.data[: len(letter.data) // 2]

    async def mend(self, letter: SealedLetter) -> None:
        self.provider.keep(letter.data)

    def lost_answer(self) -> None:
        self.proxy.cut(Side.SERVER, 0)


@contextmanager
def _listening(rig: HandPosting) -> Iterator[None]:
    failpoint.listen(rig.step)
    try:
        yield
    finally:
        failpoint.listen(None)


@asynccontextmanager
async def memory_posting(tmp: Path) -> AsyncIterator[PostingRig]:
    yield MemoryPosting()


@asynccontextmanager
async def memory_collecting(tmp: Path) -> AsyncIterator[CollectingRig]:
    yield MemoryCollecting()


@asynccontextmanager
async def hand_posting(tmp: Path) -> AsyncIterator[PostingRig]:
    folder = tmp / "stick"
    folder.mkdir()
    rig = HandPosting(folder)
    with _listening(rig):
        yield rig


@asynccontextmanager
async def hand_collecting(tmp: Path) -> AsyncIterator[CollectingRig]:
    yield HandCollecting(tmp / "letter.dearly")


@asynccontextmanager
async def office_posting(tmp: Path) -> AsyncIterator[PostingRig]:
    with letters_office(tmp) as (office, people):
        async with cutting_proxy(office.port) as proxy:
            yield OfficePosting(proxy, people)


@asynccontextmanager
async def office_collecting(tmp: Path) -> AsyncIterator[CollectingRig]:
    with letters_office(tmp) as (office, people):
        async with cutting_proxy(office.port) as proxy:
            yield OfficeCollecting(proxy, people, tmp / FILE)


@asynccontextmanager
async def imap_collecting(tmp: Path) -> AsyncIterator[CollectingRig]:
    async with scripted_imap() as server, cutting_proxy(server.port) as proxy:
        yield ImapCollecting(server, proxy)


@asynccontextmanager
async def pop3_collecting(tmp: Path) -> AsyncIterator[CollectingRig]:
    async with listening(Drop()) as drop, cutting_proxy(drop.port) as proxy:
        yield Pop3Collecting(drop, proxy)


@asynccontextmanager
async def provider_collecting(tmp: Path) -> AsyncIterator[CollectingRig]:
    proof = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    provider = Provider(me=str(BERT), authorization=f"Basic {proof}")
    async with scripted(provider.respond) as server, cutting_proxy(server.port) as proxy:
        yield ProviderCollecting(provider, proxy)


@asynccontextmanager
async def mail_posting(tmp: Path) -> AsyncIterator[PostingRig]:
    async with scripted_smtp() as smtp, scripted_imap() as imap, cutting_proxy(smtp.port) as proxy:
        yield MailPosting(proxy, smtp, imap)


POSTING: dict[str, Callable[[Path], AbstractAsyncContextManager[PostingRig]]] = {
    "memory": memory_posting,
    "hand": hand_posting,
    "office": office_posting,
    "mail": mail_posting,
}
COLLECTING: dict[str, Callable[[Path], AbstractAsyncContextManager[CollectingRig]]] = {
    "memory": memory_collecting,
    "hand": hand_collecting,
    "office": office_collecting,
    "imap": imap_collecting,
    "pop3": pop3_collecting,
    "provider": provider_collecting,
}
