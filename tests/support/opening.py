"""Whole parcels for the opener: letters of invented people, and what strangers make of them, each with its seal.

`here` opens a parcel in this process, as a child would; `Room` has a real opener and a real keyholder on a loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar

from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Enclosure, Letter, LetterId
from dearly.letter.sealing import Binding, Seal, judge
from dearly.mime import pgpmime, write
from dearly.opener import reading
from dearly.opener.keyholder import Keyholder
from dearly.opener.pool import UNFOLD, Opener
from dearly.opener.protocol import Operation
from dearly.opener.protocol_letters import KEYS, Open
from dearly.opener.values import Opened
from dearly.seal import openpgp, packets
from dearly.seal.packets import Packet, Tag
from tests.support import openpgp as pgp
from tests.support import parcels
from tests.support.openpgp import NOW, address, compressed, literal, person, plan_for, seal_raw, signed

T = TypeVar("T")
SECRET = "The harvest is in, and nobody else may know."
"""The text of the letters: it must not come out of any that is withheld."""


def outside(sender: str = "ada", to: str = "bert", letter_id: str = "1@letters.test") -> bytes:
    """The header outside a seal."""
    return (
        f"From: {sender}@letters.test\r\nTo: {to}@letters.test\r\nDate: {NOW:%a, %d %b %Y %H:%M:%S} +0000\r\n"
        f"Message-ID: <{letter_id}>\r\nSubject: [...]\r\nMIME-Version: 1.0\r\n"
    ).encode()


def letter(text: str = SECRET, sender: str = "ada", to: str = "bert", enclosures: tuple[Enclosure, ...] = ()) -> Letter:
    """A finished letter."""
    return Letter(
        letter_id=LetterId("1@letters.test"),
        sender=Correspondent(sender.title(), address(sender)),
        to=(Correspondent(to.title(), address(to)),),
        date=NOW,
        subject="The harvest",
        text=text + "\n",
        enclosures=enclosures,
        letter_no=7,
    )


def inside(what: Letter | None = None, introduces: tuple[Address, bytes] | None = None, *, hp: bool = True) -> bytes:
    """The part that is signed. `introduces`: what its Autocrypt field says."""
    return write.render(what or letter(), autocrypt=introduces, hp=hp)


def introduction(name: str) -> tuple[Address, bytes]:
    return address(name), person(name).certificate


def sealed(what: Letter | None = None, by: str = "ada", to: str = "bert", *, introduces: bool = True) -> bytes:
    """A letter exactly as Dearly makes it."""
    what = what or letter(sender=by, to=to)
    part = inside(what, introduction(by) if introduces else None)
    armor = openpgp.seal(part, person(by), plan_for(person(to))).armored
    return pgpmime.wrap(what, armor, what.sender.address)


def around(binary: bytes, head: bytes | None = None) -> bytes:
    """A parcel around sealed bytes of whatever kind."""
    return parcels.sealed(parcels.armored(binary, crc=len(binary) < 20_000), head=outside() if head is None else head)


@dataclass(frozen=True, slots=True)
class Case:
    """A parcel, and the seal that it must be judged to have by `reader`, who knows (and has pinned) `known`."""

    raw: bytes
    seal: Seal
    reader: str = "bert"
    known: tuple[bytes, ...] = ()


@cache
def cases() -> dict[str, Case]:
    """Honest and hostile parcels. The numbers are those of docs/threats.md."""
    ada, bert, clara = person("ada"), person("bert"), person("clara")
    part = inside(introduces=introduction("ada"))
    bare = inside()
    honest = seal_raw(signed(part, ada, bert), bert)
    old = seal_raw(signed(part, ada, bert), bert, version=1)
    front, container = packets.read(old)
    whole_signed = signed(part, ada, bert)
    altered = signed(part, ada, bert).replace(b"multipart", b"MULTIPART", 1).replace(b"harvest", b"hArvest")
    flood = [Packet(Tag.PKESK, b"\3" + bytes(8) + b"\x12" + bytes(60))] * 20_000
    passphrase_only = packets.join([Packet(Tag.SKESK, b"\4\x09\0\x08"), packets.read(honest)[-1]])
    within = parcels.sealed_part(parcels.armored(honest))
    plain = b"Content-Type: text/plain\r\n\r\nLook below.\r\n"
    forward = seal_raw(signed(inside(letter(), introduction("ada")), ada, bert), clara)
    by_name = seal_raw(signed(part, ada), clara)
    return {
        "an honest letter": Case(sealed(), Seal.SIGNED_PINNED, known=(ada.certificate,)),
        "an honest letter of someone new": Case(sealed(), Seal.SIGNED_PINNED),
        "sealed the older way": Case(around(old), Seal.SIGNED_PINNED),
        "a postcard": Case(outside() + b"\r\nhello\r\n", Seal.NEVER_SEALED),
        "to somebody else": Case(sealed(to="clara"), Seal.LOCKED),
        "with a passphrase only": Case(around(passphrase_only), Seal.LOCKED),
        "not signed": Case(around(seal_raw(literal(part), bert)), Seal.UNSIGNED),
        "by a stranger": Case(around(seal_raw(signed(bare, ada, bert), bert)), Seal.SIGNER_UNKNOWN),
        "signed, then changed": Case(around(seal_raw(altered, bert)), Seal.SIGNATURE_BAD, known=(ada.certificate,)),
        "by a withdrawn key": Case(around(honest), Seal.SIGNER_REVOKED, known=(pgp.revoked(ada),)),
        "by an expired key": Case(
            around(seal_raw(signed(bare, ada, bert), bert)),
            Seal.SIGNER_EXPIRED,
            known=(pgp.expiring(ada, pgp.YESTERDAY),),
        ),
        "A02 the last bit flipped": Case(around(honest[:-1] + bytes([honest[-1] ^ 1])), Seal.BROKEN),
        "A02 an older seal, a bit flipped": Case(around(old[:-40] + bytes([old[-40] ^ 1]) + old[-39:]), Seal.BROKEN),
        "A02 the check cut off": Case(
            around(packets.join([front, Packet(Tag.SEIPD, container.body[:-22])])), Seal.BROKEN
        ),
        "A02 a seal without protection": Case(
            around(packets.join([front, Packet(Tag.SED, container.body[1:])])), Seal.UNSUPPORTED
        ),
        "A02 no OpenPGP at all": Case(parcels.sealed(b"nothing", head=outside()), Seal.BROKEN),
        "A02 two letters in one seal": Case(around(seal_raw(literal(part) + literal(part), bert)), Seal.BROKEN),
        "A02 something after the letter": Case(around(seal_raw(whole_signed + literal(b"x"), bert)), Seal.BROKEN),
        "A06 the seal is one part of many": Case(
            parcels.multi(b"multipart/mixed", plain.removesuffix(b"\r\n"), within), Seal.NEVER_SEALED
        ),
        "A06 the seal in an attached letter": Case(
            parcels.multi(
                b"multipart/mixed", plain.removesuffix(b"\r\n"), parcels.part(b"message/rfc822", around(honest))
            ),
            Seal.NEVER_SEALED,
        ),
        "A01 text around the seal": Case(
            outside() + b"\r\n<img src='http://x/\r\n" + parcels.armored(honest) + b"'>\r\n", Seal.NEVER_SEALED
        ),
        "A06 a third part": Case(
            outside()
            + within.removesuffix(b"--SS--\r\n")
            + b"--SS\r\nContent-Type: text/plain\r\n\r\nmore\r\n--SS--\r\n",
            Seal.BROKEN,
        ),
        "A17 sealed again for another": Case(
            around(forward, outside(to="clara")), Seal.NOT_FOR_US, reader="clara", known=(ada.certificate,)
        ),
        "A17 sealed again, the signature names nobody": Case(
            around(by_name, outside(to="clara")), Seal.NOT_FOR_US, reader="clara", known=(ada.certificate,)
        ),
        "A18 posted again with a new date": Case(
            around(honest, outside(letter_id="2@letters.test")), Seal.HEADERS_DIFFER, known=(ada.certificate,)
        ),
        "A05 from another outside": Case(
            around(honest, outside(sender="clara")), Seal.HEADERS_DIFFER, known=(ada.certificate,)
        ),
        "A25 a bomb": Case(around(seal_raw(pgp.bomb(300), bert)), Seal.TOO_BIG),
        "A25 a bomb in a bomb": Case(around(seal_raw(compressed(pgp.bomb(300)), bert)), Seal.TOO_BIG),
        "A25 folded three times": Case(
            around(seal_raw(compressed(compressed(compressed(literal(part)))), bert)), Seal.BROKEN
        ),
        "A26 twenty thousand readers": Case(around(packets.join([*flood, *packets.read(honest)])), Seal.BROKEN),
        "A27 a thousand and one parts, sealed": Case(
            around(seal_raw(signed(parcels.many_parts(1_001), ada, bert), bert)),
            Seal.SIGNED_PINNED,
            known=(ada.certificate,),
        ),
    }


def seal_of(opened: Opened) -> Seal:
    """The judgement, for a signer that the address book has pinned to the sender."""
    return judge(replace(opened.evidence, binding=Binding.PINNED))


def texts(opened: Opened) -> str:
    """Everything in it that a person may read."""
    return repr(opened) + (opened.letter.text + (opened.letter.html or "") if opened.letter else "")


def here(
    raw: bytes,
    reader: str = "bert",
    known: Sequence[bytes] = (),
    limit: int = UNFOLD,
    asked: list[tuple[str, Any]] | None = None,
) -> Opened:
    """Open it in this process, with the desk's answers at hand. `asked`: takes the questions."""

    def ask(question: Operation[Any, Any], value: Any) -> Any:
        if asked is not None:
            asked.append((question.name, value))
        return openpgp.session_keys(value, person(reader)) if question is KEYS else tuple(known)

    return reading.open_parcel(Open(raw, NOW, (person(reader).fingerprint,), (address(reader),), limit), ask)


class Room:
    """An opener, and a keyholder for each reader, on a loop of their own; everything real."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner()
        self.opener = Opener()
        self.keyholders: dict[str, Keyholder] = {}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        async def limited() -> T:
            async with asyncio.timeout(60):
                return await work

        return self._runner.run(limited())

    def keyholder(self, reader: str = "bert") -> Keyholder:
        async def own() -> bytes:
            return person(reader).to_bytes()

        if reader not in self.keyholders:
            self.keyholders[reader] = Keyholder(own)
        return self.keyholders[reader]

    def open(self, raw: bytes, reader: str = "bert", known: Sequence[bytes] = (), **more: Any) -> Opened:
        return self.run(self.opening(raw, reader, known, **more))

    def opening(
        self, raw: bytes, reader: str = "bert", known: Sequence[bytes] = (), **more: Any
    ) -> Coroutine[Any, Any, Opened]:
        async def find(issuers: list[str]) -> Sequence[bytes]:
            return known

        answers = {"find": find, **more}
        if "keyholder" not in answers:
            answers["keyholder"] = self.keyholder(reader).session_keys
        return self.opener.open(
            raw,
            now=NOW,
            our_fingerprints=[person(reader).fingerprint],
            our_addresses=[address(reader)],
            **answers,
        )

    def pids(self) -> list[int]:
        """The processes of idle openers."""
        return [child.pid for child in self.opener._idle]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        async def close() -> None:
            await self.opener.close()
            for keyholder in self.keyholders.values():
                await keyholder.close()

        self.run(close())
        self._runner.close()
