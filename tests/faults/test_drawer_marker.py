"""No plaintext in any file, whatever happened: the marker sweep at the level of the drawer.

Words that stand nowhere else are written into rows of every size, then the drawer goes through everything that writes
files. After each step every file that there is, is searched for the words, the passphrase and the data key, as they
are and in the forms in which they might slip out. The kit alone may hold the key: it is what it is for.
"""

from __future__ import annotations

import asyncio
import base64
import tempfile
from pathlib import Path

import pytest

from dearly.drawer import backup, change, kit, restore
from dearly.drawer.connection import DataKey, Db
from dearly.drawer.folder import DATABASE
from dearly.drawer.salvage import salvage
from dearly.letter.errors import Damaged
from tests.support.drawer_plays import link
from tests.support.drawers import PASSPHRASE, cheap_cost, make_drawer, open_drawer, open_keyed
from tests.support.killer import kill_at
from tests.support.times import NOON

WORDS = tuple(f"fakemarker{n}xquietlanternharbour" for n in range(4))


def write_words(db: Db) -> None:
    """The words in small rows, in rows over many pages, in an index, and in a blob."""
    for n, word in enumerate(WORDS):
        db.run(
            "INSERT OR REPLACE INTO settings (name, value) VALUES (?, ?)", (f"{word}{n}", f"{word} " * (1 + n * 700))
        )
    db.run(
        "INSERT OR IGNORE INTO objects (sha256, size, packing, body) VALUES (?, 1, 'plain', ?)",
        (b"d" * 32, (WORDS[0] + "\n").encode() * 900),
    )
    db.all("SELECT value FROM settings ORDER BY value || name DESC")


async def put_words(folder: str, key: str) -> None:
    """In a child that is killed in the middle of a transaction, after another was committed."""
    from dearly.letter.failpoint import reach

    drawer = await open_keyed(Path(folder), DataKey(bytes.fromhex(key)))
    await drawer.write(write_words)

    def half(db: Db) -> None:
        for n in range(300):
            db.run("INSERT INTO settings (name, value) VALUES (?, ?)", (f"half {n}", (WORDS[1] + " ") * 300))
        reach("post.before-commit")

    await drawer.write(half)


def forms(secret: bytes) -> list[bytes]:
    found = [secret, secret[::-1], secret.hex().encode(), secret.hex().upper().encode(), base64.b32encode(secret)[:24]]
    found += [base64.b64encode(b"x" * shift + secret)[4:28] for shift in range(3)]
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        return found
    return [*found, text.encode("utf-16-le"), text.upper().encode()]


def sweep(place: Path, *keys: bytes, exempt: tuple[str, ...] = ()) -> int:
    """How many files were searched; fails at the first one that holds something."""
    sought = [form for secret in (*(w.encode() for w in WORDS), PASSPHRASE.encode(), *keys) for form in forms(secret)]
    files = [path for path in place.rglob("*") if path.is_file() and path.name not in exempt]
    for path in files:
        data = path.read_bytes()
        assert not any(form in data for form in sought), path
        assert not any(word in path.name for word in WORDS)
    return len(files)


def test_the_sweep_itself_finds_words(tmp_path: Path) -> None:
    (tmp_path / "leak").write_bytes(b"\0" * 5000 + base64.b64encode(b"some" + WORDS[2].encode()) + b"\0")
    with pytest.raises(AssertionError):
        sweep(tmp_path)


def test_nothing_legible_is_left_by_anything_that_a_drawer_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setenv("SQLITE_TMPDIR", str(scratch))

    async def play() -> None:
        state = tmp_path / "state"
        drawer = await make_drawer(tmp_path / "d", state=state)
        key = drawer.store.key
        await drawer.write(write_words)
        assert sweep(tmp_path, key) >= 7  # open, all in the log

        def in_the_middle(db: Db) -> None:
            write_words(db)
            for n in range(500):
                db.run("INSERT INTO settings (name, value) VALUES (?, ?)", (f"spill {n}", (WORDS[3] + " ") * 300))
            sweep(tmp_path, key)
            raise Damaged("fake", "rolled back on purpose")

        with pytest.raises(Damaged):
            await drawer.write(in_the_middle)
        sweep(tmp_path, key)
        await backup.back_up(drawer, tmp_path / "b.tar", lambda _done, _all: sweep(tmp_path, key) and None)
        await drawer.close()
        sweep(tmp_path, key)

        ended = kill_at("post.before-commit", "tests.faults.test_drawer_marker", "put_words", tmp_path / "d", key.hex())
        assert ended.killed
        assert (tmp_path / "d" / "drawer.db-wal").stat().st_size > 10_000
        sweep(tmp_path, key)

        await restore.verify(tmp_path / "b.tar", PASSPHRASE, lambda _done, _all: sweep(tmp_path, key) and None)
        await restore.restore(tmp_path / "b.tar", tmp_path / "new", PASSPHRASE)
        drawer = await open_drawer(tmp_path / "d", state=state)
        await drawer.write(lambda db: db.run("DELETE FROM settings WHERE name LIKE 'fakemarker%'"))
        await drawer.write(write_words)
        (tmp_path / "new" / DATABASE).replace(tmp_path / "d" / DATABASE)
        with pytest.raises(Damaged):
            await drawer.write(link)
        await drawer.close()
        sweep(tmp_path, key)
        (tmp_path / "d" / "drawer.rescued.db").replace(tmp_path / "d" / DATABASE)

        fresh = await change.renew(tmp_path / "d", PASSPHRASE, cost=cheap_cost(), state=state)
        sweep(tmp_path, key, fresh)
        await salvage(tmp_path / "d", PASSPHRASE)
        kit.write(tmp_path / "kit.txt", kit.text(fresh, "0f" * 16, NOON))
        assert sweep(tmp_path, key, fresh, exempt=("kit.txt",)) >= 11
        drawer = await open_drawer(tmp_path / "d", state=state)
        words = await drawer.read(lambda db: db.value("SELECT count(*) FROM settings WHERE name LIKE 'fakemarker%'"))
        assert words == len(WORDS)
        await drawer.close()
        assert list(scratch.iterdir()) == []

    asyncio.run(play())
