"""Running an office and looking after its accounts, by its store."""

from __future__ import annotations

import asyncio
import logging
import re
import unicodedata
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dearly.assemble.machine import CHANCE, CLOCK
from dearly.assemble.smarthost import relay
from dearly.desk.app import Progress
from dearly.desk.offices import Invitation, OfficeAccount, OfficeMoved, Offices, OfficeStats, Serving, Store
from dearly.desk.setup import slug
from dearly.letter.address import Address, clean
from dearly.letter.errors import Usage
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.office.limits import Limits
    from dearly.office.moving import Moved
    from dearly.office.store import Store as OpenStore

T = TypeVar("T")


def offices() -> Offices:
    """The factories for the faces."""
    return Offices(
        serve=serve,
        invite=invite,
        accounts=accounts,
        remove=remove,
        renew_token=renew_token,
        quota=quota,
        stats=stats,
        move=move,
        backup=backup,
    )


async def serve(where: Store, how: Serving, ready: Callable[[str], None]) -> None:
    """Serve the office in that store until SIGTERM or SIGINT."""
    from dearly.office import service

    host, colon, port = how.listen.rpartition(":")
    if not colon or not host or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        words = _("“{listen}” is not HOST:PORT.").format(listen=how.listen)
        raise Usage("bad_listen", words, _("Such as 127.0.0.1:8410."))
    url = how.url.removesuffix("/")
    if url and not re.fullmatch(r"https?://[A-Za-z0-9.\[\]:-]{1,260}", url):
        raise Usage("bad_url", _("“{url}” is not the address of an office.").format(url=clean(url)), "https://…")
    limits = _limits(how.limits)
    to_world = relay(how.world) if how.world is not None else None
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    await service.run(
        where,
        clock=CLOCK,
        chance=CHANCE,
        host=host.strip("[]"),
        port=int(port),
        tls=(how.certificate, how.key) if how.certificate is not None and how.key is not None else None,
        limits=limits,
        url=url,
        relay=to_world,
        ready=lambda server: ready(server.url),
    )


def _limits(file: Path | None) -> Limits:
    from dearly.office.limits import DEFAULT, from_toml

    try:
        return from_toml(file.read_text(encoding="utf-8")) if file is not None else DEFAULT
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise Usage("bad_limits", _("The file of limits cannot be read: {why}.").format(why=why)) from None


def invite(where: Store, name: str) -> Invitation:
    """Invite someone; the store is made where there is none. `name` becomes what stands before the @."""
    from dearly.office import accounts as members
    from dearly.office.limits import DEFAULT

    local = _local_part(name)
    until = CLOCK.now() + DEFAULT.invitation

    async def act(store: OpenStore) -> tuple[str, str]:
        token = await members.invite(store, local, CLOCK)
        return token, await store.read(lambda shelf: shelf.url())

    token, url = _with(where, act, make=True)
    return Invitation(local, token, f"{url}/#invite={token}" if url else "", until)


def accounts(where: Store) -> list[OfficeAccount]:
    """Who is in the office, and what lies there for them."""
    from dearly.office import accounts as members

    return [
        OfficeAccount(a.address.local, str(a.address), a.joined, held.parcels, held.bytes, held.quota)
        for a, held in _with(where, members.accounts)
    ]


def quota(where: Store, name: str, size: str | None) -> OfficeAccount:
    """Set how much may lie in the office for an account, by name or address."""
    from dearly.office import accounts as members
    from dearly.office.limits import size_of

    most = None if size is None else size_of(size)

    async def act(store: OpenStore) -> str:
        address = _address(store, name)
        await members.set_quota(store, address, most)
        return Address.parse(address).key

    key = _with(where, act)
    return next(found for found in accounts(where) if Address.parse(found.address).key == key)


def stats(where: Store) -> OfficeStats:
    """What lies there altogether."""

    async def act(store: OpenStore) -> OfficeStats:
        counts = await store.read(lambda shelf: shelf.counts())
        return OfficeStats(counts.accounts, counts.parcels, counts.bytes, counts.invitations, counts.outgoing)

    return _with(where, act)


def move(source: Store, target: Store, progress: Progress) -> OfficeMoved:
    """Move an office to another store; see `office.moving`."""
    from dearly.office import moving

    return _moved(asyncio.run(moving.move(source, target, CHANCE, progress)))


def backup(where: Store, folder: Path, progress: Progress) -> OfficeMoved:
    """Copy an office as it is now into a store of its own."""
    from dearly.office import moving

    return _moved(asyncio.run(moving.copy(where, folder, CHANCE, progress)))


def _moved(done: Moved) -> OfficeMoved:
    return OfficeMoved(done.accounts, done.parcels, done.bytes, round(done.seconds, 3))


def remove(where: Store, name: str) -> None:
    """Close an account, by name or address."""
    from dearly.office import accounts as members

    _with(where, lambda store: members.remove(store, _address(store, name)))


def renew_token(where: Store, name: str) -> tuple[str, str]:
    """A new token for an account, by name or address; and the address to join with by it."""
    from dearly.office import accounts as members

    async def act(store: OpenStore) -> tuple[str, str]:
        token = (await members.renew_token(store, _address(store, name))).token
        return token, await store.read(lambda shelf: shelf.url())

    token, url = _with(where, act)
    return token, f"{url}/#invite={token}" if url else ""


def _with(where: Store, act: Callable[[OpenStore], Awaitable[T]], *, make: bool = False) -> T:
    from dearly.office import stores

    async def go() -> T:
        store = stores.create(where, CHANCE) if make else stores.open_store(where)
        try:
            return await act(store)
        finally:
            await store.close()

    return asyncio.run(go())


def _address(store: OpenStore, name: str) -> str:
    return name if "@" in name else f"{_local_part(name)}@{store.domain}"


def _local_part(name: str) -> str:
    """A name as it may stand before the @: itself where that is possible, else its letters and digits.

    Raises `Usage` (bad_name) where it has none: nobody is to be invited, or removed, under a name that was guessed."""
    with suppress(Usage):
        return Address.parse(f"{name}@example.invalid").local
    if not any(c.isascii() and c.isalnum() for c in unicodedata.normalize("NFKD", name)):
        raise Usage(
            "bad_name",
            _("“{name}” cannot stand before the @ of an address.").format(name=clean(name)),
            _("Give one word, such as bert."),
        )
    return slug(name)
