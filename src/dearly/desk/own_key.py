"""Our key speaks for our addresses: made with the first of them, certified anew when one comes or goes."""

from __future__ import annotations

from contextlib import suppress

from dearly.desk.desk import Desk
from dearly.drawer import accounts, keyring, settings, unfinished
from dearly.drawer.connection import Db
from dearly.letter.address import Address
from dearly.letter.errors import NotFound


def note_address(db: Db) -> None:
    """An address became ours: our key is to speak for it. In the transaction that makes it ours; see `complete`."""
    settings.put(db, unfinished.KEY_INCOMPLETE, True)


async def complete(desk: Desk) -> None:
    """Let our key speak for every address of ours; make it first where there is none. Does nothing when it does.

    Run at an opening too, so that a set-up that was interrupted is completed."""

    def read(db: Db) -> tuple[bool, list[Address], keyring.StoredKey | None]:
        stored = None
        with suppress(NotFound):
            stored = keyring.own_key(db)
        return unfinished.key(db), accounts.own_addresses(db), stored

    silent, addresses, stored = await desk.drawer.read(read)
    if not silent or not addresses:
        return
    from dearly.seal.keys import OwnKey

    now = desk.clock.now()
    own = OwnKey.from_bytes(stored.secret) if stored else OwnKey.generate(addresses, now)
    for address in addresses:
        if not any(address.same(known) for known in own.addresses):
            own = own.with_address(address, now)
    key = keyring.StoredKey(own.fingerprint, own.to_bytes(), own.certificate, stored.made if stored else now)

    def work(db: Db) -> None:
        keyring.set_own_key(db, key, now)
        settings.forget(db, unfinished.KEY_INCOMPLETE)

    await desk.drawer.write(work)
    await desk.keyholder.forget()


async def leave_address(desk: Desk, address: Address) -> None:
    """An address is no longer ours: our key says so from now on, to whoever gets it (RFC 9580 5.2.1.13).

    Raises `NotFound` (unknown_address), `Refused` (address_in_use), `Usage` (last_address)."""
    from dearly.seal.keys import OwnKey

    now = desk.clock.now()
    stored = await desk.drawer.read(keyring.own_key)
    own = OwnKey.from_bytes(stored.secret).without_address(address, now)
    key = keyring.StoredKey(own.fingerprint, own.to_bytes(), own.certificate, stored.made)

    def work(db: Db) -> None:
        accounts.end_own_address(db, address, now)
        keyring.set_own_key(db, key, now)

    await desk.drawer.write(work)
    await desk.keyholder.forget()
