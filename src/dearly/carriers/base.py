"""What every way of travelling promises: two small protocols, and the values that they exchange.

`Posts` hands sealed letters over; `Collects` fetches parcels. A carrier may be only one of them. A carrier keeps
nothing of its own between two calls: what must be remembered is the cursor, the sources and the outcomes, and they
lie in the drawer. tests/contracts runs the same sentences on every carrier.

Rules that hold for all of them:

- Only a *complete* proof is `Accepted`. Whatever was cut, half read or not understood is `Unknown`. `TryLater` and
  `Turned` say that it is certain that nothing was taken (RFC 5321 4.2.5; docs/faults.md F04-F06).
- No carrier repeats a handing over by itself. Repeating belongs to `letter.journey`, after looking.
- Bytes go out and come in exactly as they are. What did not come whole is not a parcel.
- A carrier's own words are `said(...)`: cleaned, bounded, and shown as words of the carrier, never as ours (A23).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar, runtime_checkable

from dearly.letter.address import Address, clean
from dearly.letter.envelope import Heading, Parcel, SealedLetter, Source, Way
from dearly.letter.journey import Bounced, Delivered, Evidence, Outcome

BEGINNING = ""
"""The cursor of someone who has never collected here."""

MOST_PARCEL = 160_000_000
"""Bytes of the largest parcel that is fetched: a letter with `content.MOST_ENCLOSED` enclosed, base64 inside and
armored outside, weighs 95 MB. What is larger stays where it lies and is counted in `Collected.left`."""

_MOST_SAID = 300

T = TypeVar("T")

Report = Delivered | Bounced | None
"""A carrier's later word on one recipient: see `Reports`."""


@dataclass(frozen=True, slots=True)
class Collected:
    """One batch of parcels, oldest first.

    `cursor`: where to go on. It is kept in the same transaction as the parcels, never before them. An opaque string
    of at most 64 KiB; nothing but the carrier that made it reads it.
    `more`: whether collecting again at once would bring more.
    `left`: how many parcels the carrier states it holds for us but that did not come whole, or are too large. They
    are remembered in the cursor, every one of them, and tried again at every later collecting; they hold nothing else
    up. `full`: but for so many that no more could be remembered: nothing new is looked at then before some of them
    come, so that none is ever forgotten. The person is told of both."""

    parcels: tuple[Parcel, ...]
    cursor: str
    more: bool = False
    left: int = 0
    full: bool = False
    heads: tuple[Heading, ...] = ()
    """What waits at the door, as the sieve read it; the letters stay where they lie (`Fetches`)."""


MOST_HEAD = 64 * 1024
"""Octets of a header that is looked at before a message is fetched; a longer one is cut there."""


@dataclass(frozen=True, slots=True)
class Head:
    """The header of a message that lies at a carrier, unfetched. `data`: its fields as they stand there (those that
    the carrier was asked for, or all), CRLF, with the empty line after them; at most `MOST_HEAD` octets. `size`:
    octets of the whole message, as the carrier states."""

    source: Source
    size: int
    data: bytes = field(repr=False)


class Verdict(StrEnum):
    """What is done with a message, by its header alone (product rule: a newsletter never appears). TAKE: fetch it, it
    is a letter for us. LEAVE: not ours to look at; it stays where it lies, and nothing of it is kept."""

    TAKE = "take"
    LEAVE = "leave"


Judged = Verdict | Heading
"""The verdict; or, of what waits at the door, the heading that is kept of it: its body is fetched when it is let in."""


class Sieve(Protocol):
    """Who decides what is fetched from a mailbox that holds more than letters. The desk's, for it knows the people."""

    async def __call__(self, heads: Sequence[Head]) -> Sequence[Judged]:
        """What is done with each, in the order given; what cannot be read is left. Raises `CarrierTrouble` where nobody
        could look (the desk's own trouble): then nothing was decided, the collecting that asked fails with it, and its
        cursor stays as it was."""


class Credentials(Protocol):
    """Where a carrier has its secret from: the drawer. Asked each time a line is opened, and never kept."""

    async def password(self) -> str:
        """The password, or, for OAuth, an access token that is good for some minutes yet. Raises `CarrierTrouble`
        (sign_in_again) where the person has to sign in anew."""

    async def refused(self) -> None:
        """The server did not take it: a token is renewed before it is asked for again."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried at an account. `what`: a stable name for scripts, such as "outgoing.sign_in". `words`:
    for the person, in their language; the server's own only through `said`."""

    what: str
    fine: bool
    words: str


class Posts(Protocol):
    """A way by which sealed letters leave."""

    @property
    def way(self) -> Way:
        """Which way this is."""

    @property
    def place(self) -> str:
        """The account or place at the carrier, as a person knows it. Never a secret."""

    async def hand_over(self, letter: SealedLetter) -> Mapping[Address, Outcome]:
        """One attempt to hand `letter` over: exactly one outcome for each recipient of its envelope.

        `Accepted`: the carrier's complete answer says that it has taken responsibility for this recipient.
        `TryLater`: it certainly has not, for a passing reason; also when no connection came about and so not a byte
        of the letter left. `Turned`: it certainly has not and never will. `Unknown`: everything else, so above all a
        connection cut after the first byte of the request, a time-out, and an answer that cannot be read.

        The attempt must be recorded before this is called. Handing the same letter (same `key`, same bytes) over
        again is the caller's decision; where the carrier honours the key, it is one letter all the same, and the
        answer is `Accepted`.

        Raises `CarrierTrouble` only for what concerns the whole carrier and needs a person (the account is not known
        there any more, the certificate is not to be trusted), and only when certainly nothing was handed over.
        """

    async def look_for(self, letter: SealedLetter) -> Mapping[Address, Evidence]:
        """Look whether an earlier handing over of `letter` was accepted: one piece of evidence for each recipient.

        Its envelope may name somebody twice, where two handings over may have been accepted. Where each leaves a copy
        with us and the copies are all alike (mail), only as many copies as names prove anything.

        `Found`: this very letter (its key, or its bytes) is proven to have been accepted for this recipient.
        `NotThere`: the carrier is authoritative and says that it was not, so that an earlier attempt can have no
        effect any more. `NothingProven`: it cannot tell, or it did not answer. Changes nothing, and raises nothing:
        a carrier that cannot be reached proves nothing.
        """

    async def close(self) -> None:
        """Let go of connections. Nothing may be asked afterwards; closing twice is fine."""


@runtime_checkable
class PostsMany(Posts, Protocol):
    """A carrier that takes many letters in one exchange.

    A separate protocol, because it is worth having only where one answer costs as much as a hundred (an office makes
    a batch durable with one fsync); a desk with one letter waiting needs only `Posts`."""

    async def hand_over_many(self, letters: Sequence[SealedLetter]) -> Sequence[Mapping[Address, Outcome]]:
        """As `hand_over`, for each letter, in the order given. One letter's trouble is not another's; when the
        answer is lost, each letter that was in that exchange is `Unknown`. All attempts must be recorded before."""


@runtime_checkable
class PostsInTurn(Posts, Protocol):
    """A carrier that takes many letters in one exchange, but each by itself: mail.

    A separate protocol, because there an attempt can be recorded just before it is made, and its outcome just after:
    whatever ends us then leaves one letter unclear at most, and not all that were to go with it (F05, F06)."""

    async def hand_over_in_turn(
        self,
        letters: Sequence[SealedLetter],
        begins: Callable[[int], Awaitable[bool]],
        ended: Callable[[int, Mapping[Address, Outcome]], Awaitable[None]],
    ) -> Sequence[Mapping[Address, Outcome]]:
        """As `PostsMany.hand_over_many`, for each letter, in the order given.

        `begins`: told the position of a letter before its first octet leaves; False where it must not leave after all
        (what is answered for it then says nothing). `ended`: told its outcomes as soon as they are there. Whatever was
        never begun has certainly not left; what was begun and not ended is in the answer, or `Unknown` where an error
        is raised that does not promise more. What the two raise is raised here."""


@runtime_checkable
class Reports(Posts, Protocol):
    """A carrier that can be asked what became of a letter after it was accepted. Never whether it was read."""

    async def ask_after(self, letter: SealedLetter) -> Mapping[Address, Report]:
        """What the carrier reports: `Delivered` where it lies ready for this recipient, `Bounced` where it was given
        up after all, and None where it says nothing (yet), or does not answer. Changes nothing, and raises nothing."""


@runtime_checkable
class Relays(Posts, Protocol):
    """An office that may hand letters on to e-mail addresses, through a mail server of its operator's choice. It keeps
    such a letter until that server takes it; `hand_over` answers `TryLater` meanwhile, and asking it once more hands
    nothing over a second time. What the server may have taken, or not, is `Unknown` for good."""

    async def relays(self) -> str:
        """The mail server's name; "" where nothing goes to e-mail addresses. Raises `CarrierTrouble`."""

    async def recall(self, letter: SealedLetter) -> Mapping[Address, Evidence]:
        """Take it out of the office, where it waits there yet: then it is `NotThere`. `Found` for whom it has left.
        Raises nothing."""


class Collects(Protocol):
    """A way by which letters arrive."""

    @property
    def way(self) -> Way:
        """Which way this is."""

    @property
    def place(self) -> str:
        """The account or place at the carrier: `Source.place` of every parcel from here."""

    async def collect(self, cursor: str) -> Collected:
        """The next batch of parcels after `cursor` (`BEGINNING` at first). Changes nothing at the carrier.

        Each parcel's bytes are complete: checked against the size or digest that the carrier states. Collecting with
        the same cursor again brings the same parcels (same sources, same bytes), as long as the carrier holds them.
        A cursor that the carrier no longer understands begins anew; so a parcel may be offered twice, and the drawer
        takes it in once, by its source and its bytes.

        Raises `CarrierTrouble` when the carrier does not answer whole; then nothing was lost, and the same cursor
        serves again. Where the carrier is a file: `Damaged`, `NotFound`, `Usage`, `Refused` or `MadeByNewer`.
        """

    async def acknowledge(self, sources: Sequence[Source]) -> None:
        """Tell the carrier that these parcels are safe in the drawer. Call it only after the commit.

        It deletes nothing by itself: an office may let go of acknowledged parcels later. Acknowledging twice, or what
        is there no more, is fine. Raises `CarrierTrouble` when it did not answer; acknowledge again later, or never.
        """

    async def close(self) -> None:
        """Let go of connections. Nothing may be asked afterwards; closing twice is fine."""


@runtime_checkable
class Fetches(Collects, Protocol):
    """A carrier that leaves bodies where they lie until they are asked for: a mailbox."""

    async def fetch(self, sources: Sequence[Source]) -> tuple[Parcel, ...]:
        """These messages whole, byte for byte; what is not there any more, or does not come whole, is missing from the
        answer. Changes nothing at the carrier. Raises `CarrierTrouble`."""


def for_each(letter: SealedLetter, same: T) -> dict[Address, T]:
    """The same outcome or evidence for every recipient of `letter`."""
    return dict.fromkeys(letter.envelope.recipients, same)


def said(words: object) -> str:
    """A carrier's words, fit to be shown as such in one line: cleaned, at most 300 characters, "" for nothing (A23)."""
    if not isinstance(words, str):
        return ""
    # Cut before cleaning too, so that a megabyte of server text costs nothing.
    text = " ".join(clean(words[: 4 * _MOST_SAID]).split())
    return text if len(text) <= _MOST_SAID else text[: _MOST_SAID - 1] + "…"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A few messages of a folder, byte for byte, oldest first; None for one that did not come. `cursor`: behind them.
    `done` of `total`: how many of the folder lie up to there. `weight`: octets of these messages, as the carrier states
    them."""

    cursor: str
    messages: tuple[bytes | None, ...] = field(repr=False)
    done: int
    total: int
    weight: int = 0


class Leafs(Protocol):
    """A way that lets a person leaf through the folders which they keep at their provider."""

    async def leaf(self, folder: str, cursor: str, *, heads: bool = False) -> Leaf:
        """What lies in it behind `cursor` ("": from the beginning); no messages at its end. It is only read. `heads`:
        no more than header fields of each (as `Head.data`), so that nothing whole is fetched. Raises `CarrierTrouble`,
        where there is no such folder too."""

    async def shelves(self) -> Sequence[str]:
        """The names of the folders that can be leafed through, as the carrier lists them. Raises `CarrierTrouble`."""
