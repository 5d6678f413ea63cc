"""Keys that lie in a letter, or in a file: enclosed, on a card, or as armor in the text. Found, and nothing more.

They are foreign bytes and are read in the limited child (A15). Before that they are only told by name, type and first
octets, so that what cannot be a key costs no process.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from dearly.desk.desk import Desk
from dearly.drawer.enclosed import Enclosed
from dearly.letter.address import Address
from dearly.letter.content import Enclosure
from dearly.letter.errors import DearlyError, Usage
from dearly.mime import plain
from dearly.opener.pool import LARGEST_CARD, LARGEST_CERTIFICATE
from dearly.seal.values import CertificateFacts

MOST_ENCLOSED = 5
"""Enclosures of one letter that are looked into for keys."""

LARGEST = 2 * LARGEST_CERTIFICATE
"""Octets that are looked through: a certificate at its own limit, armored."""

ARMORED = "-----BEGIN PGP PUBLIC KEY BLOCK-----"

_KEY_TYPES = frozenset({"application/pgp-keys"})
_CARD_TYPES = frozenset({"text/vcard", "text/x-vcard", "text/directory"})


@dataclass(frozen=True, slots=True)
class Found:
    """A certificate, minimised. `named`: the addresses that it is offered for; `name`: of a card. `source`: enclosed,
    card or text; or how else it came. `file`: the name of the enclosure."""

    body: bytes = field(repr=False)
    facts: CertificateFacts
    named: tuple[Address, ...]
    name: str = ""
    source: str = ""
    file: str = ""


def worth_opening(one: Enclosed) -> bool:
    """Whether an enclosure may hold a key or a card, by its type and name."""
    return _is_key(one.media_type, one.name, one.size) or _is_card(one.media_type, one.name)


async def enclosed(desk: Desk, enclosures: Iterable[Enclosure], *, cards: bool = True) -> list[Found]:
    """The keys in the first `MOST_ENCLOSED` of these that may hold some, in order; what is something else after all has
    none. `cards`: those on cards too, whose reader takes longer to begin than all else."""
    found: list[Found] = []
    for one in [one for one in enclosures if _may_hold(one, cards)][:MOST_ENCLOSED]:
        found += await _inside(desk, one)
    return found


async def in_text(desk: Desk, text: str) -> list[Found]:
    """The keys that stand in a text as armor: in its first `LARGEST` octets from where the first one begins."""
    found = re.search(f"^{ARMORED}", text, re.MULTILINE)
    return [] if found is None else await in_file(desk, text[found.start() :][:LARGEST].encode()[:LARGEST], "text")


async def in_file(desk: Desk, data: bytes, source: str, file: str = "") -> list[Found]:
    """The keys in a file: one, several one after the other, or several blocks of armor."""
    try:
        found = await desk.opener.certificates(data, desk.clock.now())
    except DearlyError:
        return []
    return [Found(body, facts, facts.addresses, source=source, file=file) for body, facts in found]


async def _inside(desk: Desk, one: Enclosure) -> list[Found]:
    now = desk.clock.now()
    name = plain.clean_filename(one.name)
    if not _is_card(one.media_type, one.name):
        return await in_file(desk, one.data, "enclosed", name)
    try:
        card = await desk.opener.read_card(one.data, now=now)
        bodies = [(body, await desk.opener.examine(body, now)) for body in card.certificates]
    except DearlyError:
        return []
    named = tuple(address for text in card.addresses if (address := _address(text)) is not None)
    return [Found(body, facts, named or facts.addresses, card.name, "card", name) for body, facts in bodies]


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except Usage:
        return None


def _is_key(media_type: str, name: str, size: int) -> bool:
    if not 0 < size <= LARGEST:
        return False
    return media_type in _KEY_TYPES or name.lower().endswith((".asc", ".key", ".pgp", ".gpg"))


def _is_card(media_type: str, name: str) -> bool:
    return media_type in _CARD_TYPES or name.lower().endswith(".vcf")


def _may_hold(one: Enclosure, cards: bool) -> bool:
    if _is_card(one.media_type, one.name):
        return cards and len(one.data) <= LARGEST_CARD
    # By its octets: what only has such a name, a signature or a sealed file, is not parsed at all.
    looks = ARMORED.encode() in one.data or one.data[:1] in (b"\x98", b"\x99", b"\xc6")
    return looks and _is_key(one.media_type, one.name, len(one.data))
