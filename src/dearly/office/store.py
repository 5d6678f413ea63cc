"""What the office keeps, and the one interface to it.

A `Store` runs plain functions over a `Shelf`: one function is one transaction, and `write` returns only when it lies
on the disk. All waiting writes may share a commit. There are two: SQLite (`sqlite.py`) for one process and its file,
PostgreSQL (`postgres/`) for several. The methods (`jmap.py` and its neighbours) see nothing but this interface, and
`tests/contracts/test_office_store.py` holds both to it.

Every operation on parcels takes the `Account` it is done for, and nothing of another account can be named through it.
Times are aware datetimes in UTC. Ids are the JMAP ids (RFC 8620 1.2). A `seq` is a number of one account that only
grows; state strings are made of it (RFC 8620 1.6.2... 5.1).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from dearly.letter.address import Address

T = TypeVar("T")

INBOX = "inbox"
SENT = "sent"
MAILBOXES = (INBOX, SENT)
"""Both the ids and the roles of the two mailboxes of every account."""

SEEN = "$seen"
"""The keyword (RFC 8621 4.1.1) by which a desk says that a parcel is safe with it; its days are counted from then."""


@dataclass(frozen=True, slots=True)
class Account:
    """Someone who has a letterbox here. `number` is the store's own."""

    number: int
    uid: str
    address: Address
    joined: datetime


@dataclass(frozen=True, slots=True)
class Holding:
    """What lies in the office for an account. `quota`: how many bytes it may be; None: the office's own limit."""

    parcels: int
    unfetched: int
    bytes: int
    quota: int | None


@dataclass(frozen=True, slots=True)
class Counts:
    """What lies in the office altogether. `bytes`: of parcels and uploads; `invitations`: not used yet; `outgoing`:
    waiting to be handed on to the world."""

    accounts: int
    parcels: int
    bytes: int
    invitations: int
    outgoing: int


@dataclass(frozen=True, slots=True)
class Blob:
    """A sealed parcel's bytes: `uid` is «B» and the SHA-256 in hex, so equal bytes lie here once.

    `number` is the store's own, and means something only together with the rest."""

    number: int
    uid: str
    size: int
    sender: str
    """`Address.key` of its one outer From; "" if there is not exactly one."""


@dataclass(frozen=True, slots=True)
class Email:
    """A parcel in a mailbox (an Email of RFC 8621 4). `keywords` sorted."""

    uid: str
    blob: Blob
    mailbox: str
    received: datetime
    keywords: tuple[str, ...]
    seq: int
    """When it came, in the account's counting: a stable order where `received` is equal."""


@dataclass(frozen=True, slots=True)
class Find:
    """Which Emails, in which order (RFC 8621 4.4)."""

    mailbox: str | None = None
    not_mailboxes: tuple[str, ...] = ()
    before: datetime | None = None
    after: datetime | None = None
    smaller: int | None = None
    larger: int | None = None
    keyword: str | None = None
    not_keyword: str | None = None
    newest_first: bool = True


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed since a seq (RFC 8620 5.2). `until` is the seq this brings one to."""

    until: int
    more: bool
    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    destroyed: tuple[str, ...] = ()


class Abroad(StrEnum):
    """How far a letter to somebody in the world has come (docs/office.md, “Letters to the world”).

    QUEUED: it waits here. TAKEN: the smarthost took responsibility. RETURNED: certainly not, and for good. UNCERTAIN:
    it may have been taken, and nobody can say; the office never hands it on again. CANCELED: by its sender, in time."""

    QUEUED = "queued"
    TAKEN = "taken"
    RETURNED = "returned"
    UNCERTAIN = "uncertain"
    CANCELED = "canceled"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a submission for one recipient. `reply` as RFC 8621 7 wants: code, enhanced code, words."""

    recipient: str
    """As written in the envelope."""
    accepted: bool
    reply: str
    abroad: Abroad | None = None
    """None: they are of this office, or were refused at once."""


class Step(StrEnum):
    """How far an `Outgoing` is. WAITING until `due`. CLAIMED by one node, which has said no final dot yet: when `due`
    has passed, it is another's. HANDING: that node may say the final dot at any moment, or has; never again another's,
    and when `due` has passed, its outcome is unknown. DONE: it only counts, towards the hour's limit."""

    WAITING = "waiting"
    CLAIMED = "claimed"
    HANDING = "handing"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A parcel for one recipient in the world. `since`: when it was queued; `holder`: who claimed it, a word of chance
    for each claim; `tries`: how often it was claimed. `blob`, `size`: "" and 0 once it is done: the bytes are gone."""

    uid: str
    submission: str
    recipient: str
    blob: str
    size: int
    since: datetime
    due: datetime
    step: Step = Step.WAITING
    holder: str = ""
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Submission:
    """A handing over (an EmailSubmission of RFC 8621 7). `key`: the client's, or derived; one for each submission."""

    uid: str
    key: str
    email: str
    blob: str
    sender: str
    at: datetime
    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Invitation:
    """`account` is set once it has been used."""

    name: str
    until: datetime
    account: int | None


class Shelf(ABC):
    """The operations within one transaction. Synchronous: it runs where the store wants it to."""

    # -- people

    @abstractmethod
    def domain(self) -> str:
        """The part after the @ of every address of this office."""

    @abstractmethod
    def url(self) -> str:
        """Where the office says that it is reached; "" as long as it has not been served."""

    @abstractmethod
    def serving(self, url: str) -> None:
        """Note where it is reached; and that it is served from this store, so that nothing is copied over it."""

    @abstractmethod
    def accounts(self) -> Sequence[tuple[Account, Holding]]:
        """Everyone, by address."""

    @abstractmethod
    def account(self, key: str) -> Account | None:
        """The account with this `Address.key`."""

    @abstractmethod
    def account_numbered(self, number: int) -> Account | None:
        """The account with this number."""

    @abstractmethod
    def account_of(self, token_sha256: bytes) -> Account | None:
        """The account whose token has this digest."""

    @abstractmethod
    def add_account(self, uid: str, address: Address, token_sha256: bytes, now: datetime) -> Account:
        """A new account. The address must be free."""

    @abstractmethod
    def set_token(self, account: Account, token_sha256: bytes) -> None:
        """Replace its token; the old one opens nothing any more."""

    @abstractmethod
    def set_quota(self, account: Account, most: int | None) -> None:
        """How many bytes may lie here for it; None: as many as the office's own limit says."""

    @abstractmethod
    def remove_account(self, account: Account) -> None:
        """The account and everything that lies here for it."""

    @abstractmethod
    def invite(self, token_sha256: bytes, invitation: Invitation) -> None:
        """Keep an invitation."""

    @abstractmethod
    def invitation(self, token_sha256: bytes) -> Invitation | None:
        """The invitation with this digest, used or not."""

    @abstractmethod
    def spend(self, token_sha256: bytes, account: Account) -> None:
        """Mark an invitation as used."""

    # -- blobs

    @abstractmethod
    def keep(self, account: Account, uid: str, data: bytes, sender: str, now: datetime) -> Blob | None:
        """Keep an upload for `account`; keeping the same bytes again renews its time. None: over its quota."""

    @abstractmethod
    def blob(self, account: Account, uid: str) -> Blob | None:
        """A blob that `account` uploaded or has an Email of."""

    @abstractmethod
    def blobs(self, account: Account, uids: Sequence[str]) -> Mapping[str, Blob]:
        """As `blob`, for several."""

    @abstractmethod
    def read(self, account: Account, uid: str, offset: int = 0, length: int | None = None) -> bytes | None:
        """Bytes of a blob that `account` may see; None if it may not, or there is none."""

    @abstractmethod
    def wholes(self, account: Account, uids: Sequence[str]) -> Mapping[str, bytes]:
        """As `read`, for several whole ones; those that the account may not see are left out."""

    # -- Emails

    @abstractmethod
    def email_seq(self, account: Account) -> int:
        """The seq of the last change to its Emails, and so to its mailboxes and threads."""

    @abstractmethod
    def add_email(
        self, account: Account, uid: str, mailbox: str, blob: Blob, keywords: Sequence[str], now: datetime
    ) -> Email | None:
        """Put a blob into a mailbox; an upload of it has then found its place. None: over the account's quota."""

    @abstractmethod
    def emails(self, account: Account, uids: Sequence[str]) -> Mapping[str, Email]:
        """Those of these ids that are there."""

    @abstractmethod
    def find_emails(self, account: Account, find: Find) -> Sequence[str]:
        """All ids that match, in order."""

    @abstractmethod
    def count_emails(self, account: Account, mailbox: str) -> tuple[int, int]:
        """How many there are, and how many of them without `SEEN`."""

    @abstractmethod
    def change_email(
        self, account: Account, email: Email, mailbox: str, keywords: Sequence[str], now: datetime
    ) -> None:
        """Move it or set its keywords."""

    @abstractmethod
    def remove_email(self, account: Account, email: Email, now: datetime) -> None:
        """Take it out; its bytes go when nothing else here holds them."""

    @abstractmethod
    def email_changes(self, account: Account, since: int, most: int) -> Changes | None:
        """What changed after `since`, at most `most` ids; None if that is not known any more, or was never."""

    # -- submissions

    @abstractmethod
    def submission_seq(self, account: Account) -> int:
        """The seq of the last change to its submissions."""

    @abstractmethod
    def put_submission(self, account: Account, submission: Submission) -> None:
        """Keep a new submission, or the new state of one with the same uid."""

    @abstractmethod
    def submissions(self, account: Account, uids: Sequence[str]) -> Mapping[str, Submission]:
        """Those of these ids that are there."""

    @abstractmethod
    def submissions_keyed(self, account: Account, keys: Sequence[str]) -> Sequence[Submission]:
        """The submissions with these keys."""

    @abstractmethod
    def submission_changes(self, account: Account, since: int, most: int) -> Changes | None:
        """What changed after `since`, at most `most` ids; None if that is not known any more, or was never."""

    @abstractmethod
    def all_submissions(self, account: Account) -> Iterator[Submission]:
        """Every one, oldest first."""

    # -- to the world

    @abstractmethod
    def add_outgoing(self, account: Account, outgoing: Outgoing) -> bool:
        """Queue a blob that the account has; it holds the bytes until it is done. False: over the account's quota."""

    @abstractmethod
    def outgoing(self, account: Account, uid: str) -> Outgoing | None:
        """The one with this id."""

    @abstractmethod
    def outgoing_of(self, account: Account, submission: str) -> Sequence[Outgoing]:
        """Those of one submission."""

    @abstractmethod
    def change_outgoing(self, account: Account, outgoing: Outgoing) -> None:
        """Keep its step, due, holder and tries. With `Step.DONE` its bytes go, unless something else here holds
        them."""

    @abstractmethod
    def due_outgoing(self, now: datetime, most: int) -> Sequence[tuple[Account, Outgoing]]:
        """At most `most` that are not done and due by now, whoever's they are, the longest due first."""

    @abstractmethod
    def outgoing_since(self, account: Account, since: datetime) -> int:
        """How many it has queued after then, as far as an hour back."""

    # -- time, and counting

    @abstractmethod
    def counts(self) -> Counts:
        """What lies here altogether. It reads much: for operators, now and then."""

    @abstractmethod
    def sweep(self, now: datetime, most: int) -> int:
        """Let go of at most `most` things that have had their time (`Limits.kept`, `remembered`, `unclaimed`,
        `changes`); how many went."""


class Store(ABC):
    """Where the office keeps everything."""

    @property
    @abstractmethod
    def domain(self) -> str:
        """The part after the @ of every address here."""

    @abstractmethod
    async def read(self, act: Callable[[Shelf], T]) -> T:
        """`act` over one consistent view of what is committed. It changes nothing."""

    @abstractmethod
    async def write(self, act: Callable[[Shelf], T], touches: Collection[str] = ()) -> T:
        """`act` as one transaction; returns when it is durable. If it raises, nothing of it stays.

        `act` may be run again from its beginning, where another node was in the way. `touches`: the `Address.key` of
        those for whom it will write, as far as the caller knows; it makes nothing right or wrong, but a store may take
        its locks in one order by it.

        Raises `NoSpace` where the disk is full, `CarrierTrouble` (store_away) where the store cannot be reached: then
        it is not known whether it was done. And `Refused` (moving) while the office is moved to another store. From the
        first failed write to a file on (F15) it raises `Damaged`: a store that could not write does not pretend to go
        on, it has to be opened again."""

    @abstractmethod
    async def holder(self, token_sha256: bytes) -> Account | None:
        """The account whose token has this digest, compared in constant time. Asked at every request: quick."""

    @abstractmethod
    async def piece(self, account: Account, uid: str, offset: int, length: int) -> bytes | None:
        """As `Shelf.read`, for downloads: no transaction, and no whole parcel in memory."""

    @abstractmethod
    async def healthy(self) -> bool:
        """Whether it can be written; not while it is moved, nor after that. Raises nothing."""

    @abstractmethod
    async def close(self) -> None:
        """Finish what is waiting, and let go. Closing twice is fine."""
