"""What is put into the drawer of an archive: originals, and the letters that were read in them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from dearly.drawer.objects import Packed
from dearly.letter.address import Correspondent
from dearly.letter.content import LetterId
from dearly.letter.envelope import Way
from dearly.letter.sealing import Seal, Signed
from dearly.letter.search import Entry


@dataclass(frozen=True, slots=True)
class PackedEnclosure:
    """An enclosure whose bytes are ready to be stored."""

    name: str
    media_type: str
    data: Packed
    cid: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """A letter of an archive, as `filing.Received` is one that came.

    `direction`: "out" or "in". `inner_sha256`: None for one of ours, posted from another drawer. `senders`: one,
    or none where it is not certain. `packed_text`: `objects.pack_text(text)`. `seal`, `quantum_safe`, `signer`,
    `signed_at`: of one that was sealed and opened; of one that came unsealed only `seal`. `postcard`: ours, unsealed.
    `entry`: what it is found by; without one it is indexed later. `known`: address keys of people whom the person at
    the desk named by name, and who that is. `reply`, `reply_on`: what was decided about answering it, elsewhere."""

    direction: str
    letter_id: LetterId | None
    inner_sha256: bytes | None
    senders: tuple[Correspondent, ...]
    to: tuple[Correspondent, ...]
    cc: tuple[Correspondent, ...]
    date: datetime
    subject: str
    text: str = field(repr=False)
    packed_text: bytes = field(repr=False)
    html: Packed | None = field(repr=False, default=None)
    enclosures: tuple[PackedEnclosure, ...] = ()
    in_reply_to: LetterId | None = None
    references: tuple[LetterId, ...] = ()
    letter_no: int | None = None
    commonmark: bool = False
    postcard: bool = False
    signature: Signed = Signed.NONE
    seal: Seal | None = None
    quantum_safe: bool | None = None
    signer: str | None = None
    signed_at: datetime | None = None
    entry: Entry | None = field(repr=False, default=None)
    known: tuple[tuple[str, int], ...] = ()
    reply: str | None = None
    reply_on: str | None = None


@dataclass(frozen=True, slots=True)
class Imported:
    """An original of an archive. `raw`: its bytes. `way`: how it once travelled. `place`: what the archive is called.
    `arrived`: aware, for its order among those without a letter. `content`: the letter in it; None where it could not
    be opened or read, and `reason` says why; with a letter it says of whom its date is, if not the writer's. `sender`,
    `letter_id`: as the outside claims. `copy`: Dearly itself wrote it out of a letter (`importing_copies`); then
    `inner_sha256` of its content is that of these bytes."""

    raw: Packed
    way: Way
    place: str
    arrived: datetime
    content: Content | None = None
    sender: Correspondent | None = None
    letter_id: LetterId | None = None
    seal_sha256: bytes | None = None
    seal: Seal | None = None
    reason: str = ""
    copy: bool = False


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of originals. `erased`: were erased here once, and were not taken again. `failed`: kept, without a
    letter."""

    taken: int = 0
    already_here: int = 0
    erased: int = 0
    failed: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(
            self.taken + other.taken,
            self.already_here + other.already_here,
            self.erased + other.erased,
            self.failed + other.failed,
        )
