"""Letters that a member of the town could send with other tools than Dearly: signed, sealed and addressed at will."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dearly.drawer import keyring
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Letter, LetterId
from dearly.mime import pgpmime, write
from dearly.seal import openpgp, packets
from dearly.seal.armor import dearmor
from dearly.seal.keys import OwnKey
from dearly.seal.packets import Tag
from tests.support import openpgp as pgp
from tests.support import parcels
from tests.support.desks import Person


async def own_key(person: Person) -> OwnKey:
    """The secret key of somebody's desk."""
    return OwnKey.from_bytes((await person.desk.drawer.read(keyring.own_key)).secret)


@dataclass
class Forger:
    """Someone who writes as `name` at `address` with `key`, whoever's that is."""

    name: str
    address: Address
    key: OwnKey

    def letter(self, reader: Person, to: Address, text: str, letter_id: str, subject: str = "A letter") -> Letter:
        """A finished letter, of this moment on the reader's clock."""
        return Letter(
            letter_id=LetterId(letter_id),
            sender=Correspondent(self.name, self.address),
            to=(Correspondent(reader.name, to),),
            date=reader.desk.clock.local(),
            subject=subject,
            text=text,
            letter_no=1,
        )

    def part(self, letter: Letter, *, introduces: bool = True) -> bytes:
        """What is signed. `introduces`: with an Autocrypt field for the key."""
        return write.render(letter, autocrypt=(self.address, self.key.certificate) if introduces else None)

    def sealed(self, part: bytes, reader: OwnKey, intended: Sequence[OwnKey], letter: Letter) -> bytes:
        """The part signed for `intended`, and sealed to `reader`; packets."""
        named = [one.primary.public.fingerprint for one in intended]
        return pgp.seal_raw(pgp.signed_message(part, self.key, letter.date, named), reader)


def parcel(letter: Letter, binary: bytes, head: bytes | None = None) -> bytes:
    """A whole message around sealed packets. `head`: another outside than the letter's own."""
    armor = parcels.armored(binary)
    if head is None:
        return pgpmime.wrap(letter, armor, letter.sender.address)
    return parcels.sealed(armor, head=head)


def head(letter: Letter, **other: str) -> bytes:
    """The outside of a letter with some fields changed: `sender`, `to`, `letter_id`, `date`, `subject`."""
    said = {
        "sender": str(letter.sender.address),
        "to": ", ".join(str(who.address) for who in letter.to),
        "date": f"{letter.date:%a, %d %b %Y %H:%M:%S %z}",
        "letter_id": letter.letter_id,
        "subject": "[...]",
    } | other
    return (
        f"From: {said['sender']}\r\nTo: {said['to']}\r\nDate: {said['date']}\r\nMessage-ID: <{said['letter_id']}>\r\n"
        f"Subject: {said['subject']}\r\nMIME-Version: 1.0\r\n"
    ).encode()


def slice_of(raw: bytes) -> bytes:
    """The sealed packets in a message."""
    found = pgpmime.sealed_slice(raw)
    assert found is not None
    return dearmor(found.of(raw))


def readers(raw: bytes) -> int:
    """To how many keys a message is sealed."""
    return sum(packet.tag == Tag.PKESK for packet in packets.read(slice_of(raw)))


def opens(raw: bytes, key: OwnKey) -> bool:
    """Whether this key opens a message."""
    return bool(openpgp.session_keys(openpgp.outer(slice_of(raw)).pkesks, key))
