"""Before each commit: are the files still ours? (F24)

A sync tool or a restore can replace drawer.db, or its log, under an open connection; SQLite would go on writing into
a file that no longer has a name, without any error. So the names are looked at before each commit. Main file: same
inode, and the same size and time of change as after our own last checkpoint (in WAL mode nothing else writes to it).
Log: same inode. Two stat calls, a few microseconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from dearly.drawer.folder import DATABASE, LOG, RESCUED
from dearly.letter.errors import Damaged
from dearly.letter.words import _


@dataclass(frozen=True, slots=True)
class _Seen:
    device: int
    inode: int
    size: int
    changed_ns: int

    def same_file(self, other: _Seen | None) -> bool:
        return other is not None and (self.device, self.inode) == (other.device, other.inode)


class Guard:
    """Remembers the files of one open drawer."""

    def __init__(self, folder: Path) -> None:
        self._database, self._log = folder / DATABASE, folder / LOG
        self._seen, self._seen_log = _see(self._database), _see(self._log)

    def look_again(self) -> None:
        """Take the database as it is now for ours, after a checkpoint of our own. Raises as `check` does."""
        now = _see(self._database)
        if now is None or not now.same_file(self._seen):
            raise _replaced()
        self._seen = now

    def check_database(self) -> None:
        """As `check`, for the main file alone."""
        if not self.owns_database():
            raise _replaced()

    def check(self) -> None:
        """Raise `Damaged` (drawer_replaced) when the names no longer lead to our files."""
        if not (self.owns_database() and self.owns_log()):
            raise _replaced()

    def owns_database(self) -> bool:
        """Whether drawer.db is the file that we opened, and nobody else has written to it."""
        return self._seen is not None and _see(self._database) == self._seen

    def owns_log(self) -> bool:
        """Whether the log's name still leads to our log."""
        return self._seen_log is not None and self._seen_log.same_file(_see(self._log))


def _replaced() -> Damaged:
    return Damaged(
        "drawer_replaced",
        _("Another program replaced or changed the drawer's file while it was open; nothing more is written to it."),
        _(
            "Lock the drawer and open it again; if drawer.db itself was replaced, what it held is kept as “{name}”."
        ).format(name=RESCUED),
    )


def _see(path: Path) -> _Seen | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return _Seen(about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns)
