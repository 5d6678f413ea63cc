"""What comes back from an opened parcel: values only, none of them to be believed further than its evidence reaches."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime

from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Enclosure, LetterId
from dearly.letter.sealing import Evidence, Shape, Signed
from dearly.mime.reported import Report


@dataclass(frozen=True, slots=True)
class Heading:
    """The header fields of a letter, as its writer (or whoever carried it) put them: claims.

    `senders`: the one correspondent of the one From field, or empty when that is not certain (A20). `from_fields`: how
    many From fields there were. `date`: aware, with the offset as written. `letter_no`: our own Letter-Number field.
    `letter_format`: our own Letter-Format field."""

    senders: tuple[Correspondent, ...]
    from_fields: int
    to: tuple[Correspondent, ...]
    cc: tuple[Correspondent, ...]
    date: datetime | None
    subject: str
    letter_id: LetterId | None
    in_reply_to: LetterId | None
    references: tuple[LetterId, ...]
    letter_no: int | None
    letter_format: str | None

    @property
    def sender(self) -> Correspondent | None:
        """Who it says it is from, where it says so with certainty."""
        return self.senders[0] if len(self.senders) == 1 else None


@dataclass(frozen=True, slots=True)
class OpenedLetter:
    """The letter itself. Only there when its seal is not in `sealing.TEXT_WITHHELD`.

    `heading`: from inside the signed part where that names a sender (`inside`), else from outside. `text`: pass it
    through `mime.plain.shown` before showing. `html`: as it came, hostile until sanitised; None where there is none.
    `left_out`: the HTML hid text, which is not in `text`. `cut`: the HTML was too large, and `text` ends early."""

    heading: Heading
    inside: bool
    text: str = field(repr=False)
    html: str | None = field(repr=False)
    enclosures: tuple[Enclosure, ...]
    left_out: bool
    cut: bool


@dataclass(frozen=True, slots=True)
class Introduced:
    """The certificate that the sender's Autocrypt field carries, minimised. `address` is the letter's own From.

    `inside`: it stood in the signed part. Only a proven letter (`sealing.PROVEN`) may feed it to the address book."""

    address: Address
    certificate: bytes = field(repr=False)
    fingerprint: str
    inside: bool


@dataclass(frozen=True, slots=True)
class Gossiped:
    """A certificate that an Autocrypt-Gossip field inside gives for another reader of the letter (Autocrypt 1.1),
    minimised. Only an address of the signed To or Cc, and only a certificate that speaks for it, is here (A14)."""

    address: Address
    certificate: bytes = field(repr=False)
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Chat:
    """What Delta Chat says inside the signed part about one letter that it sends as two mails.

    `announces`: Message-ID of the mail with the enclosure, which comes by itself; `name` and `size` (octets) of that
    enclosure as announced, "" and None where nothing is said. `behind`: this is such a mail. All of it is a claim of
    the signer; both are empty for an ordinary letter of a chat."""

    announces: LetterId | None
    name: str
    size: int | None
    behind: bool


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no text: `code` for scripts, `message` and `hint` for a person, as in `letter.errors`."""

    code: str
    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Opened:
    """Everything that opening one parcel came to.

    `seal_sha256`: of the decoded sealed bytes, None when it was never sealed. `inner_sha256`: of the signed part; of a
    letter that was never sealed see `reading.cleartext_sha256`; None where nothing could be read. `evidence`: without
    `binding`, which is the address book's. `issuers`: ids that the signatures claim, worth nothing by themselves.
    `signers`: fingerprints of the certificates whose signature holds. `found`: minimised certificates among them that
    `find` had not given: they came in this very letter. `trouble`: set when the letter could not be read or opened for
    a reason that the seal's state does not say; the raw bytes are then all there is, and must be kept. `gossiped`,
    `chat`: from inside a signed part whose signature holds, else empty; `chat` None: not of Delta Chat's making.
    `signed`: of a letter that was never sealed, what the signature around it comes to, whoever made it (`signers`).
    `named`: for each of `signers`, the addresses that its certificate itself names."""

    raw_sha256: bytes
    seal_sha256: bytes | None
    inner_sha256: bytes | None
    evidence: Evidence
    quantum_safe: bool
    issuers: tuple[str, ...]
    signers: tuple[str, ...]
    signed_at: datetime | None
    outer: Heading | None
    letter: OpenedLetter | None
    introduced: Introduced | None
    found: tuple[bytes, ...] = field(repr=False)
    trouble: Trouble | None
    gossiped: tuple[Gossiped, ...] = ()
    chat: Chat | None = None
    signed: Signed = Signed.NONE
    named: tuple[tuple[Address, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Outside:
    """A parcel looked at from outside, unopened. `headers`: (lower-case name, cleaned value), in order.

    `seal_sha256`: of the decoded sealed bytes, by which a copy of our own letter is known; None if never sealed.
    `reports`: the delivery report that it is, if it is one (`mime.report`): a claim of whoever sent it."""

    raw_sha256: bytes
    seal_sha256: bytes | None
    shape: Shape
    heading: Heading
    headers: tuple[tuple[str, str], ...]
    reports: tuple[Report, ...] = ()

    def first(self, name: str) -> str:
        """The value of the first header field of this name (lower case), or ""."""
        return next((value for key, value in self.headers if key == name), "")


def claimed_shape(raw: bytes) -> Shape:
    """The shape of a parcel that cannot be read at all: whether the start of it claims to be sealed. No parsing."""
    claims = re.search(rb"(?i)multipart/encrypted|-----BEGIN PGP MESSAGE-----", raw[: 1 << 20])
    return Shape.MALFORMED if claims else Shape.PLAIN


def unopened(raw: bytes) -> Opened:
    """A parcel of which nothing is known yet."""
    return Opened(
        raw_sha256=hashlib.sha256(raw).digest(),
        seal_sha256=None,
        inner_sha256=None,
        evidence=Evidence(claimed_shape(raw)),
        quantum_safe=False,
        issuers=(),
        signers=(),
        signed_at=None,
        outer=None,
        letter=None,
        introduced=None,
        found=(),
        trouble=None,
    )
