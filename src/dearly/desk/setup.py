"""The first day: a name, a key, an address; joining an office; and the card that one gives to others."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from dearly.desk import own_key, world
from dearly.desk.desk import Desk
from dearly.desk.values import MyCard
from dearly.desk.ways import LOCAL, Joined
from dearly.drawer import accounts, keyring, settings
from dearly.drawer.connection import Db
from dearly.exchange import vcard
from dearly.letter.address import Address, header_safe
from dearly.letter.envelope import HAND_DOMAIN, Way
from dearly.letter.errors import DearlyError, Refused, Usage
from dearly.letter.words import _


async def begin(desk: Desk, name: str, own: Sequence[str] = ()) -> MyCard | None:
    """Give the desk its owner's name and addresses, and a key when there is an address for it (else None).

    Raises `Usage` (empty_name, bad_address)."""
    clean = header_safe(name, _("name")).strip()
    if not clean:
        raise Usage("empty_name", _("A letter is from somebody: the name is empty."), _("Give a name (--name)."))
    addresses = [Address.parse(text) for text in own]
    await desk.drawer.write(lambda db: settings.put(db, "name", clean))
    return await _take_addresses(desk, addresses) if addresses else None


async def without_post(desk: Desk) -> MyCard:
    """An address for a desk that has no post yet: letters to it go by hand. Nobody else can have or reach it."""
    name, ours = await desk.drawer.read(lambda db: (settings.get(db, "name", ""), accounts.own_addresses(db)))
    if ours:
        return await my_card(desk)
    token = base64.b32encode(desk.chance.token(5)).decode().lower()
    return await _take_addresses(desk, [Address.parse(f"{slug(name)}@{token}{HAND_DOMAIN}")])


async def _take_addresses(desk: Desk, addresses: Sequence[Address]) -> MyCard:
    now = desk.clock.now()

    def work(db: Db) -> None:
        for address in addresses:
            accounts.add_own_address(db, address, now=now, chance=desk.chance)
        own_key.note_address(db)

    await desk.drawer.write(work)
    await own_key.complete(desk)
    return await my_card(desk)


async def join_office(desk: Desk, url: str, invite: str, ca_file: Path | None = None) -> MyCard:
    """Become a member of an office. `invite`: the invitation's token; `ca_file`: its private authority, PEM.

    Interrupted, it may be repeated with the same invitation. Raises `CarrierTrouble`, `Refused`, `Usage`."""
    ca = _authority(ca_file) if ca_file is not None else ""
    return await _join(desk, {"url": url, "invite": invite, "ca": ca})


async def join_by_invitation(desk: Desk, invitation: str, word: str = "", authority: bytes = b"") -> MyCard:
    """Become a member of an office with what its keeper sent. `invitation`: an address that carries the word, or the
    office's address alone, with the `word` apart. `authority`: the office's own, PEM, where it has one.

    Raises as `join_office`, and `Usage` (no_invitation, bad_ca_file)."""
    url, _mark, carried = invitation.strip().partition("#invite=")
    url, word = url.removesuffix("/"), carried or word.strip()
    if not url or not word:
        raise Usage(
            "no_invitation",
            _("An office is joined by its address and an invitation, and one of them is missing."),
            _("Whoever runs the office sends you both."),
        )
    try:
        ca = authority.decode("ascii")
    except UnicodeDecodeError:
        raise Usage(
            "bad_ca_file", _("The certificate of the office’s authority cannot be read."), _("Give a PEM file.")
        ) from None
    return await _join(desk, {"url": url, "invite": word, "ca": ca})


async def join_local_office(desk: Desk) -> MyCard:
    """Become a member of the office that the desks of this machine share."""

    def read(db: Db) -> tuple[str, Joining, bool]:
        there = any(account.details.get("url") == LOCAL for account in accounts.list_all(db))
        return settings.get(db, "name", ""), settings.get(db, _JOINING, {}), there

    name, begun, there = await desk.drawer.read(read)
    if there:
        return await my_card(desk)
    if begun.get("url") != LOCAL:
        begun = {"url": LOCAL, "invite": await desk.ways.invite_local(slug(name)), "ca": ""}
    return await _join(desk, begun)


Joining = dict[str, str]
_JOINING = "joining"
"""A joining that was begun: url, invite, ca, token. Kept until the office has answered and the account stands."""


async def _join(desk: Desk, wanted: Joining) -> MyCard:
    def begin_joining(db: Db) -> Joining:
        begun = settings.get(db, _JOINING, {})
        if any(begun.get(key) != wanted[key] for key in ("url", "invite", "ca")):
            begun = {**wanted, "token": desk.ways.new_token()}
            settings.put(db, _JOINING, begun)
        return begun

    begun = await desk.drawer.write(begin_joining)
    try:
        joined = await desk.ways.join(begun["url"], begun["invite"], begun["token"], begun["ca"] or None)
    except (Refused, Usage):
        # The office said no, or was never asked: no account has this token.
        await desk.drawer.write(lambda db: settings.forget(db, _JOINING))
        raise
    return await _settle_in(desk, joined)


def _authority(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        raise Usage(
            "bad_ca_file",
            _("The certificate of the office's authority cannot be read from {file}.").format(file=file),
            _("Give a PEM file."),
        ) from None


async def my_card(desk: Desk) -> MyCard:
    """Name, addresses and key, as a card for others. Raises `NotFound` (no_own_key) before set-up."""

    def work(db: Db) -> tuple[str, list[Address], keyring.StoredKey, str | None]:
        urls = [account.details["url"] for account in accounts.list_all(db) if account.way is Way.OFFICE]
        url = next((url for url in urls if url.startswith("http")), None)
        return settings.get(db, "name", ""), accounts.own_addresses(db), keyring.own_key(db), url

    name, addresses, key, url = await desk.drawer.read(work)
    texts = tuple(str(address) for address in addresses)
    return MyCard(name, texts, key.fingerprint, vcard.write_card(name, texts, key.certificate, url))


async def _settle_in(desk: Desk, joined: Joined) -> MyCard:
    now = desk.clock.now()
    details = {"url": joined.url, **({"ca": joined.ca} if joined.ca else {})}

    def work(db: Db) -> None:
        where, secret = joined.address, joined.token
        accounts.add(db, Way.OFFICE, str(where), where, details, secret, now=now, chance=desk.chance)
        own_key.note_address(db)
        settings.forget(db, _JOINING)

    await desk.drawer.write(work)
    with suppress(DearlyError):  # the next round asks again
        account = await desk.drawer.read(lambda db: accounts.account(db, Way.OFFICE, str(joined.address)))
        if account is not None:
            await world.note(desk, account, await desk.ways.office(joined))
    await own_key.complete(desk)
    return await my_card(desk)


def slug(name: str) -> str:
    """A name as the local part of an address: ASCII letters and digits, words joined by dots; "desk" when none is."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return ".".join(re.findall(r"[a-z0-9]+", plain))[:40].strip(".") or "desk"
