"""Where the drawer lies by default, and where the socket of its owner lies.

Both sides work the place out by themselves, from the drawer's real path alone, so that a command started by cron or
over ssh, with a poorer environment, finds the owner as well. The name is a digest: no person's name, no path, is
shown to others. Everything here is quick to import: the thin client pays for it at every command.
"""

# The thin client runs at every command, and importing pathlib costs more than all of this room.
# ruff: noqa: PTH102, PTH111, PTH117, PTH118

from __future__ import annotations

import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST = 100
"""Bytes of a socket's path. `sun_path` holds 108 on Linux and 104 on macOS, with a closing zero."""

_DARWIN_USER_TEMP_DIR = 65537
"""_CS_DARWIN_USER_TEMP_DIR of macOS's unistd.h, for `confstr`."""


def default_drawer(env: Mapping[str, str]) -> str:
    """The drawer used when none is named: `dearly` in the platform's folder for a user's data."""
    return _of_user(env, "XDG_DATA_HOME", "share")


def default_state(env: Mapping[str, str]) -> str:
    """`dearly` in the platform's folder for what programs remember of a user."""
    return _of_user(env, "XDG_STATE_HOME", "state")


def _of_user(env: Mapping[str, str], name: str, folder: str) -> str:
    home = os.path.expanduser("~")
    if sys.platform == "darwin":
        return os.path.join(home, "Library", "Application Support", "dearly")
    named = env.get(name, "")
    # XDG Base Directory Specification: a relative path is invalid and ignored.
    return os.path.join(named if os.path.isabs(named) else os.path.join(home, ".local", folder), "dearly")


def _folders() -> list[str]:
    """Folders in which the socket may lie, best first."""
    uid = os.geteuid()
    found = []
    named = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(named):
        found.append(os.path.join(named, "dearly"))
    if sys.platform == "darwin":
        try:
            own = os.confstr(_DARWIN_USER_TEMP_DIR)
        except (OSError, ValueError):
            own = None
        if own:
            found.append(os.path.join(own, "dearly"))
    else:
        found.append(f"/run/user/{uid}/dearly")
    # Anyone may have made this one before us: `is_ours` is asked before it is used.
    found.append(f"/tmp/dearly-{uid}")  # noqa: S108
    return found


def is_ours(folder: str) -> bool:
    """Whether `folder` is a real folder of this user that nobody else may look into."""
    try:
        seen = os.lstat(folder)
    except OSError:
        return False
    return stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.geteuid() and not seen.st_mode & 0o077


DOOR, BELL, HELD = "sock", "bell", "held"
"""What lies there of one drawer: the socket for commands, the one that answers in every state, and the lock of the
process that has both."""


def _name(drawer: str, kind: str) -> str:
    from _blake2 import blake2s  # hashlib's own, without OpenSSL, which takes as long to load as all of this room

    return f"{blake2s(os.fsencode(os.path.realpath(drawer)), digest_size=8).hexdigest()}.{kind}"


def places(drawer: str, kind: str = DOOR) -> list[str]:
    """Paths at which the owner of `drawer` may be listening, in folders that are safely ours."""
    name = _name(drawer, kind)
    return [os.path.join(folder, name) for folder in _folders() if is_ours(folder)]


def make_place(drawer: str, kind: str = DOOR) -> str | None:
    """The path for the owner of `drawer` to listen at, its folder made; None where no folder will do."""
    name = _name(drawer, kind)
    for folder in _folders():
        path = os.path.join(folder, name)
        if len(os.fsencode(path)) > LONGEST:
            continue
        try:
            os.mkdir(folder, 0o700)
        except FileExistsError:
            pass
        except OSError:
            continue
        if is_ours(folder):
            return path
    return None
