"""What leaves the lock when letters are exported: a letter with all that is known of it, and the rest of a drawer.

The drawer fills these values, `exchange` writes them into formats that last, and reads them back from a bundle. They
hold plain text and bytes that stand on no disk until the person has asked for just that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from dearly.letter.content import Enclosure


@dataclass(frozen=True, slots=True)
class Mark:
    """One place where an original lay (see `postmarks` in docs/schema.sql). `at`: aware UTC."""

    way: str
    place: str
    validity: str
    uid: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Brought:
    """What an attempt brought for one recipient. `address`: as in the journey; `outcome`: accepted, try_later, turned
    or unknown, "" while it had not ended; `why`: in the carrier's words."""

    address: str
    outcome: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class LeavingAttempt:
    """One handing over of a posted form. `ended`: None while its outcome was not known."""

    begun: datetime
    ended: datetime | None = None
    brought: tuple[Brought, ...] = ()


@dataclass(frozen=True, slots=True)
class LeavingJourney:
    """How a letter of ours went to one recipient by one way (see `journeys` in docs/schema.sql). `person`: uid of their
    entry in the address book. `form`: which of the letter's posted originals, 0 the first; None: sealed for none yet,
    or by a way that needs none."""

    address: str
    way: str
    place: str
    state: str
    since: datetime
    not_before: datetime
    attempts: int
    reason: str = ""
    person: str = ""
    form: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """A key that a letter gives, and that is not in use by that alone (see `offered_keys` in docs/schema.sql)."""

    address: str
    fingerprint: str
    source: str


@dataclass(frozen=True, slots=True)
class Half:
    """A mail of its own in which an enclosure of a letter came, or is to come (see `pieces` in docs/schema.sql).
    `inner_sha256`: hex, "" while it has not come."""

    letter_id: str
    inner_sha256: str = ""
    name: str = ""
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """Bytes kept as they were: a parcel as it was fetched, or a letter of ours in the form in which it was posted.

    `number`: of the arrival; 0 for a posted form. `state`: of the arrival (`drawer.arrivals`), or "posted".
    `sealed`: whether there is a seal around it. `reason`: why it could not be opened. `recipients`: of a posted form,
    its envelope, with `sender`; `sealed_to`: fingerprints of the certificates. `from_name`, `from_address`,
    `letter_id`: of an arrival, as its outside claims; `seal`: as it was judged; `at_door`: a stranger's, not let in.
    `seal_sha256`, `inner_sha256`: hex, "" for none: by them another copy is known again. `person`: uid of its sender's
    entry in the address book. `sorted`, `opened`: when its outside was read, and when it was first opened. `same_as`:
    uid of the arrival that it is another copy of. `attempts`: of a posted form, its handings over. `letter`,
    `direction`: of a further copy, that stands behind all letters because there are so many: uid of its letter, "out"
    or "in"."""

    data: bytes = field(repr=False)
    way: str
    place: str
    at: datetime
    sealed: bool
    state: str
    number: int = 0
    uid: str = ""
    reason: str = ""
    from_name: str = ""
    from_address: str = ""
    letter_id: str | None = None
    seal: str = ""
    at_door: bool | None = None
    sender: str = ""
    recipients: tuple[str, ...] = ()
    sealed_to: tuple[str, ...] = ()
    quantum_safe: bool | None = None
    seal_sha256: str = ""
    inner_sha256: str = ""
    marks: tuple[Mark, ...] = ()
    person: str = ""
    sorted: datetime | None = None
    opened: datetime | None = None
    same_as: str = ""
    attempts: tuple[LeavingAttempt, ...] = ()
    letter: str = ""
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Named:
    """Someone named by a letter. `role`: from, to or cc. `person`: uid of their entry in the address book, "" for
    nobody's; `known_as`: their name there."""

    role: str
    name: str
    address: str
    person: str = ""
    known_as: str = ""

    @property
    def shown(self) -> str:
        """By what name a reader of the export knows them."""
        return self.known_as or self.name or self.address


@dataclass(frozen=True, slots=True)
class Leaving:
    """A letter on its way out. Fields as in `letters` of docs/schema.sql; `seal`, `signature`: their words there, ""
    for none. `ways`: by which it went or came. `html`: another program's own layout. `place`: where one of ours was
    written, as its draft said. `inner_sha256`, `content_sha256`: hex, "" for none. `originals`: where they were asked
    for, and with them `journeys`, `offered` and `halves`. `origin`, `begun`: as what its number was given, and when."""

    number: int
    uid: str
    direction: Literal["out", "in"]
    letter_id: str
    letter_no: int | None
    date: datetime
    filed: datetime
    subject: str
    text: str = field(repr=False)
    commonmark: bool
    named: tuple[Named, ...]
    ways: tuple[str, ...] = ()
    html: str | None = field(default=None, repr=False)
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    enclosures: tuple[Enclosure, ...] = ()
    postcard: bool = False
    reply: str = ""
    reply_on: str = ""
    seal: str = ""
    signature: str = ""
    quantum_safe: bool | None = None
    signer: str = ""
    signed_at: datetime | None = None
    twin: bool = False
    place: str = ""
    inner_sha256: str = ""
    content_sha256: str = ""
    originals: tuple[Original, ...] = ()
    journeys: tuple[LeavingJourney, ...] = ()
    offered: tuple[Offer, ...] = ()
    halves: tuple[Half, ...] = ()
    origin: str = ""
    begun: datetime | None = None

    def who(self, role: str) -> tuple[Named, ...]:
        """Those whom it names in this role, in order."""
        return tuple(one for one in self.named if one.role == role)

    @property
    def others(self) -> tuple[Named, ...]:
        """The other side: whom we wrote to, or who wrote to us."""
        return self.who("to") if self.direction == "out" else self.who("from")


@dataclass(frozen=True, slots=True)
class Version:
    """An earlier state of a draft."""

    version: int
    at: datetime
    why: str
    subject: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class LeavingDraft:
    """A draft, or the draft that a letter was. `state`: page, away or posted. `look_again`: YYYY-MM-DD, "" for none.
    `begun`: when it got its number. `caret`: where the writer stopped, in UTF-16 code units."""

    number: int
    uid: str
    state: str
    subject: str
    text: str = field(repr=False)
    changed: datetime
    named: tuple[Named, ...] = ()
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    look_again: str = ""
    place: str = ""
    enclosures: tuple[Enclosure, ...] = ()
    versions: tuple[Version, ...] = ()
    begun: datetime | None = None
    caret: int | None = None


@dataclass(frozen=True, slots=True)
class LeavingAddress:
    """An address of someone, as long as it is or was theirs (see `person_addresses` in docs/schema.sql). `noted`: when
    the address was first written down."""

    uid: str
    kind: str
    text: str
    label: str = ""
    care_of: str = ""
    office_url: str | None = None
    country: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    hold_until: datetime | None = None
    noted: datetime | None = None


@dataclass(frozen=True, slots=True)
class LeavingBinding:
    """A certificate said to be someone's, and how sure that is (see `bindings` in docs/schema.sql)."""

    fingerprint: str
    address: str
    state: str
    source: str
    seen: datetime
    since: datetime
    place: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """Someone who belongs, or belonged, to a household or circle. `person`: uid."""

    person: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Apart:
    """Another entry (`person`: its uid) of which it was said that it looks like this one, and is not."""

    person: str
    at: datetime


@dataclass(frozen=True, slots=True)
class LeavingPerson:
    """An entry of the address book. `merged_into`: uid of the entry that this one turned out to be. `apart`: each pair
    stands with one of its two."""

    uid: str
    kind: str
    name: str
    birthday: str | None
    note: str
    hidden: bool
    merged_into: str | None
    made: datetime
    addresses: tuple[LeavingAddress, ...] = ()
    members: tuple[Member, ...] = ()
    bindings: tuple[LeavingBinding, ...] = ()
    apart: tuple[Apart, ...] = ()
    changed: datetime | None = None


@dataclass(frozen=True, slots=True)
class LeavingCertificate:
    """Someone's certificate, in octets (RFC 9580 10.1)."""

    fingerprint: str
    body: bytes = field(repr=False)
    source: str
    first_seen: datetime


@dataclass(frozen=True, slots=True)
class LeavingKey:
    """A key of our own. `secret`: the transferable secret key inside an OpenPGP message under a passphrase, or None
    where it was not asked for."""

    fingerprint: str
    certificate: bytes = field(repr=False)
    made: datetime
    retired: datetime | None = None
    secret: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LeavingOwnAddress:
    """An address of our own, from when until when."""

    uid: str
    text: str
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A setting that a person chose. `value`: JSON."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class AtTheDoor:
    """What was answered at the door to a stranger (see `strangers` in docs/schema.sql); `answer`: "" for nothing."""

    address: str
    at: datetime
    answer: str = ""
    from_archive: bool = False


@dataclass(frozen=True, slots=True)
class Tombstone:
    """Something that was erased. `subject`: SHA-256 in hex, by which a copy of it is known again."""

    subject: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose drawer it is. `drawer`: its uid. `name`: as they sign. `choices`: what they chose about their desk."""

    drawer: str
    name: str
    addresses: tuple[LeavingOwnAddress, ...] = ()
    keys: tuple[LeavingKey, ...] = ()
    choices: tuple[Choice, ...] = ()


@dataclass(frozen=True, slots=True)
class Book:
    """What a drawer holds beside letters: whose it is, the address book, certificates, answers at the door,
    tombstones."""

    owner: Owner
    people: tuple[LeavingPerson, ...] = ()
    certificates: tuple[LeavingCertificate, ...] = ()
    door: tuple[AtTheDoor, ...] = ()
    erased: tuple[Tombstone, ...] = ()
