"""What the killed children of tests/faults/test_drawer_kills.py do. Here, so that they start without pytest."""

from __future__ import annotations

from pathlib import Path

from dearly.drawer import backup, chain, change, migrate, restore
from dearly.drawer.connection import DataKey, Db
from dearly.drawer.migrate import Step
from dearly.letter.failpoint import reach
from tests.support.drawers import PASSPHRASE, cheap_cost, make_drawer, open_drawer, open_keyed
from tests.support.killer import say
from tests.support.times import NOON

NEW = "fake new words"
LATEST = len(migrate.steps())
MORE = (
    *migrate.steps(),
    Step(LATEST + 1, "add", lambda db: db.script("CREATE TABLE added (a INTEGER) STRICT")),
    Step(LATEST + 2, "fill", lambda db: db.script("INSERT INTO added VALUES (1)")),
)


def link(db: Db) -> int:
    """One more link; how many there are then."""
    count = chain.head(db).count + 1
    return chain.append(db, chain.Kind.FILED, count.to_bytes(32, "big"), NOON).count


async def write_for_ever(folder: str, key: str, where: str) -> None:
    """Write link after link, and say the number of each one that was committed."""
    drawer = await open_keyed(Path(folder), DataKey(bytes.fromhex(key)))

    def work(db: Db) -> int:
        count = link(db)
        if where == "before":
            reach("post.before-commit")
        return count

    while True:
        say(str(await drawer.write(work)))
        if where == "after":
            reach("post.after-commit")


async def create(folder: str) -> None:
    drawer = await make_drawer(Path(folder))
    await drawer.close()


async def change_words(folder: str) -> None:
    drawer = await open_drawer(Path(folder))
    await change.change_passphrase(drawer, PASSPHRASE, NEW, cost=cheap_cost())
    await drawer.close()


async def renew(folder: str) -> None:
    say("begun")
    await change.renew(Path(folder), PASSPHRASE, cost=cheap_cost(), state=Path(folder).parent / "state")


async def back_up(folder: str, target: str) -> None:
    drawer = await open_drawer(Path(folder))
    await backup.back_up(drawer, Path(target))
    await drawer.close()


async def put_back(source: str, folder: str) -> None:
    await restore.restore(Path(source), Path(folder), PASSPHRASE)


async def bring_up(folder: str, key: str) -> None:
    """Open with two more migrations than there are."""
    migrate.steps = lambda: MORE  # type: ignore[assignment]  # in this child alone
    drawer = await open_keyed(Path(folder), DataKey(bytes.fromhex(key)))
    await drawer.close()
