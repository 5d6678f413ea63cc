"""Running an office and looking after its accounts, by the path of its store."""

from __future__ import annotations

import asyncio
import logging
import re
import unicodedata
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from dearly.assemble.local_office import note
from dearly.assemble.machine import CHANCE, CLOCK
from dearly.desk.app import Invitation, OfficeAccount, Offices
from dearly.desk.setup import slug
from dearly.letter.address import Address, clean
from dearly.letter.errors import Usage
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.office.sqlite import SqliteStore

T = TypeVar("T")

_URL = "serving.url"
"""Beside the store: where the office was last served, so that an invitation can say it."""


def offices() -> Offices:
    """The factories for the faces."""
    return Offices(serve=serve, invite=invite, accounts=accounts, remove=remove, renew_token=renew_token)


async def serve(
    folder: Path, listen: str, certificate: Path | None, key: Path | None, ready: Callable[[str], None]
) -> None:
    """Serve the office in `folder` at HOST:PORT until SIGTERM or SIGINT."""
    from dearly.office import service

    host, colon, port = listen.rpartition(":")
    if not colon or not host or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65535:
        raise Usage("bad_listen", _("“{listen}” is not HOST:PORT.").format(listen=listen), _("Such as 127.0.0.1:8410."))
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)

    def tell(server: service.Server) -> None:
        with suppress(OSError):
            note(folder / _URL, server.url)
        ready(server.url)

    tls = (certificate, key) if certificate is not None and key is not None else None
    await service.run(folder, clock=CLOCK, chance=CHANCE, host=host.strip("[]"), port=int(port), tls=tls, ready=tell)


def invite(folder: Path, name: str) -> Invitation:
    """Invite someone; the store is made where there is none. `name` becomes what stands before the @."""
    from dearly.office import accounts as members
    from dearly.office.limits import DEFAULT

    local = _local_part(name)
    until = CLOCK.now() + DEFAULT.invitation
    token = _with(folder, lambda store: members.invite(store, local, CLOCK), make=True)
    url = ""
    with suppress(OSError):
        url = (folder / _URL).read_text(encoding="ascii")
    return Invitation(local, token, f"{url}/#invite={token}" if url else "", until)


def accounts(folder: Path) -> list[OfficeAccount]:
    """Who is in the office, and what lies there for them."""
    from dearly.office import accounts as members

    found = _with(folder, members.accounts)
    return [
        OfficeAccount(account.address.local, str(account.address), account.joined, holding.parcels, holding.bytes)
        for account, holding in found
    ]


def remove(folder: Path, name: str) -> None:
    """Close an account, by name or address."""
    from dearly.office import accounts as members

    _with(folder, lambda store: members.remove(store, _address(store, name)))


def renew_token(folder: Path, name: str) -> str:
    """A new token for an account, by name or address."""
    from dearly.office import accounts as members

    return _with(folder, lambda store: members.renew_token(store, _address(store, name))).token


def _with(folder: Path, act: Callable[[SqliteStore], Awaitable[T]], *, make: bool = False) -> T:
    from dearly.office.sqlite import SqliteStore

    async def go() -> T:
        store = SqliteStore.create(folder, CHANCE) if make else SqliteStore.open(folder)
        try:
            return await act(store)
        finally:
            await store.close()

    return asyncio.run(go())


def _address(store: SqliteStore, name: str) -> str:
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
