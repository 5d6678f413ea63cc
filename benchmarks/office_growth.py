"""What an office costs with few accounts and parcels, and with many: processor time, and bytes on the disk.

python -m benchmarks.office_growth [accounts] [parcels]
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.support.offices import MachineChance, start_process
from tests.support.postgres import a_database, programs, the_server

from benchmarks.office import BATCH, SIZE, Line, Processor, hand_in, members, uid_of
from benchmarks.office_crowd import people
from dearly.office import stores
from dearly.office.blobs import uid_of as blob_of
from dearly.office.store import INBOX, Shelf


def fill(where: stores.Where, keys: list[str], parcels: int) -> None:
    """So many parcels that wait in the letterboxes of these accounts."""
    now = datetime.now(UTC)

    async def go() -> None:
        store = stores.create(where, MachineChance())
        try:
            for start in range(0, parcels, 500):

                def add(shelf: Shelf, start: int = start) -> None:
                    for n in range(start, min(start + 500, parcels)):
                        account = shelf.account(keys[n % len(keys)])
                        assert account
                        data = os.urandom(SIZE)
                        blob = shelf.keep(account, blob_of(data), data, "", now)
                        assert blob
                        shelf.add_email(account, f"M{n:09}", "sent", blob, (), now)
                        email = shelf.emails(account, [f"M{n:09}"])[f"M{n:09}"]
                        shelf.change_email(account, email, INBOX, (), now)

                await store.write(add)
        finally:
            await store.close()

    asyncio.run(go())


def weight(where: stores.Where) -> int:
    """Bytes on the disk."""
    if isinstance(where, Path):
        return sum(path.stat().st_size for path in where.iterdir())
    schema = where.rpartition("%3D")[2]
    sql = "SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    return int(the_server().ask(f"{sql} WHERE n.nspname = '{schema}' AND c.relkind = 'r'"))


def show(kind: str, where: stores.Where, count: int, parcels: int) -> None:
    keys = [who.address.key for who in people(where, count)]
    empty = weight(where)
    fill(where, keys, parcels)
    each = (weight(where) - empty) / parcels
    sender, reader = members(where, ["ada", "bert"])
    office = start_process(where)
    try:
        line = Line(office.port, sender.token)
        uid = uid_of(line)
        processor = Processor([office.process.pid])
        asked = time.perf_counter()
        for _n in range(200):
            line.call(uid, "Email/query", filter={"inMailbox": "inbox"}, limit=50)
        look = processor.each(200)
        asked = (time.perf_counter() - asked) / 200 * 1e3
        rates = hand_in("in", [line], [sender], reader, [office], 10 * BATCH, BATCH)
    finally:
        office.end()
    cost = f"a look {look:6.0f} us ({asked:.1f} ms)   a parcel by {BATCH} {rates['cpu: in']:6.0f} us"
    print(f"{kind:12} {count:7} accounts {parcels:7} parcels   {cost}   {each / 1000:.1f} kB on the disk each")


def main(count: int = 10_000, parcels: int = 20_000) -> None:
    """Print a line for few and one for many, for every store."""
    with tempfile.TemporaryDirectory(prefix="office-growth-") as folder:
        places: list[tuple[str, stores.Where, stores.Where]] = [("SQLite", Path(folder) / "few", Path(folder) / "many")]
        if programs() is not None:
            places.append(("PostgreSQL", a_database(), a_database()))
        for kind, few, many in places:
            show(kind, few, 20, 20)
            show(kind, many, count, parcels)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
