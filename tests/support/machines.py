"""Drawers on a machine of `commands`, made cheaply, and everything that lies in one, to be compared."""

from __future__ import annotations

import asyncio
from pathlib import Path

from dearly.assemble.machine import CHANCE, CLOCK
from dearly.drawer.connection import DataKey, Db, Row, connect
from dearly.drawer.drawer import Drawer
from dearly.drawer.folder import DATABASE
from tests.support.commands import PASSPHRASE, Machine
from tests.support.drawers import cheap_cost

Contents = dict[str, list[Row]]


def cheap_drawer(machine: Machine, name: str) -> DataKey:
    """An empty drawer whose slots cost next to nothing, for `dearly setup` to begin in; its data key.

    The command itself cannot make one: it refuses such a cost."""

    async def make() -> DataKey:
        drawer = await Drawer.create(
            machine.folder / name, PASSPHRASE, clock=CLOCK, chance=CHANCE, cost=cheap_cost(), state=state_of(machine)
        )
        key = drawer.data_key
        await drawer.close()
        return key

    return asyncio.run(make())


def state_of(machine: Machine) -> Path:
    """The folder outside the drawers where this machine keeps the heads of their chains."""
    return Path(machine.env["HOME"]) / ".local" / "state" / "dearly"


def contents(folder: Path, key: DataKey) -> Contents:
    """Every row of every table, whoever holds the drawer meanwhile; without how far its rounds have looked."""
    connection = connect(folder / DATABASE, key, write=False)
    try:
        db = Db(connection)
        names = [
            name
            for (name,) in db.all(
                "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('cursors', 'sqlite_sequence')"
            )
        ]
        return {name: sorted(db.all(f'SELECT * FROM "{name}"'), key=repr) for name in names}
    finally:
        connection.close()


def changed(before: Contents, after: Contents) -> dict[str, list[Row]]:
    """The tables that are not as they were, each with the rows that are new or gone."""
    return {
        name: [
            row
            for row in before.get(name, []) + after.get(name, [])
            if (row in before.get(name, [])) != (row in after.get(name, []))
        ]
        for name in before | after
        if before.get(name) != after.get(name)
    }
