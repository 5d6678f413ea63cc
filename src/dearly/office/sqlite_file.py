"""The SQLite store's file: laying a new one out, seeing that it is one, bringing an older one up."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import apsw

from dearly.letter.errors import Damaged, MadeByNewer, NoSpace, NotFound
from dearly.letter.words import _
from dearly.office.db import connect, trouble
from dearly.office.schema import APPLICATION_ID, SCHEMA, STEPS, VERSION
from dearly.office.waiting import check_facts

FILE = "office.db"


def make(folder: Path, domain: str) -> Path:
    """The store's file in `folder`; a new one if there is none. Raises `NoSpace` where nothing can be written."""
    path = folder / FILE
    try:
        new = [f for f in (folder, *folder.parents) if not f.exists()]
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for made in new:
            _sync(made.parent)
        if not path.exists():
            _lay_out(path, domain)
    except OSError as e:
        why = e.strerror or type(e).__name__
        raise NoSpace("cannot_write", _("The office cannot keep anything there: {why}.").format(why=why)) from None
    except apsw.Error as e:
        raise trouble(e) from None
    return path


def ready(path: Path, *, receiving: bool) -> None:
    """See that the file at `path` is a store, of this version, from which an office may be served.

    Raises `NotFound`, `MadeByNewer` or `Damaged`, and unless it is opened for moving (`receiving`) as `check_facts`
    does."""
    if not path.is_file():
        raise NotFound("no_office", _("There is no office here."), _("“dearly office serve” makes one."))
    try:
        with closing(connect(path, writes=False)) as db:
            application, version = db.pragma("application_id"), db.pragma("user_version")
            if application != APPLICATION_ID:
                raise Damaged("no_office", _("The file there is not the store of an office."))
            if version > VERSION:
                raise MadeByNewer("newer_office", _("This office was made by a newer Dearly."), _("Update Dearly."))
        if version < VERSION:
            _step_up(path)
        if not receiving:
            with closing(connect(path, writes=False)) as db:
                check_facts(dict(db.all("SELECT name, value FROM facts")))
    except apsw.Error as e:
        raise trouble(e) from None


def _lay_out(path: Path, domain: str) -> None:
    """Make the file under another name first, so that a half-made store is never taken for one."""
    half = path.with_name(f"{FILE}.{os.getpid()}.half")
    half.unlink(missing_ok=True)
    os.close(os.open(half, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with closing(connect(half, writes=True)) as db:
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("BEGIN")
            db.execute(SCHEMA)
            db.execute("INSERT INTO facts (name, value) VALUES ('domain', ?)", (domain,))
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")
            db.execute("COMMIT")
            # All of it has to be in the file itself: a log goes by its file's name, and this one's name is not to last.
            db.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        os.link(half, path)  # unlike a rename, this leaves an office that another process has just made alone
    except FileExistsError:
        pass
    finally:
        for name in (half, *(half.with_name(half.name + end) for end in ("-wal", "-shm", "-journal"))):
            name.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Let the names in `folder` be on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _step_up(path: Path) -> None:
    """Bring an older store to this version, in one transaction; another process may have done so meanwhile."""
    with closing(connect(path, writes=True)) as db:
        db.execute("BEGIN IMMEDIATE")
        for step in range(db.pragma("user_version"), VERSION):
            db.execute(STEPS[step])
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")
