"""Where a drawer may lie: not on a network file system (F26), not in a folder that is synchronised (F23).

SQLite's locks and its log do not hold across machines; a tool that copies the three files one by one copies a state
that never was. What tells such places apart is a list of signs that the tools leave; it cannot be complete.
"""

from __future__ import annotations

import os
import re
import sys
from fnmatch import fnmatch
from pathlib import Path

from dearly.letter.errors import Refused
from dearly.letter.words import _

_NETWORK = re.compile(
    r"(nfs|cifs|smb|afp|afs|ncp|9p|ceph|gluster|lustre|gpfs|beegfs|orangefs|webdav|davfs|sshfs|rclone|s3fs|goofys|gcsfuse)"
)
"""Names of file system types, as Linux and macOS give them; FUSE ones come as "fuse.sshfs"."""

_SIGNS = {
    ".stfolder": "Syncthing",
    ".stignore": "Syncthing",
    ".dropbox": "Dropbox",
    ".dropbox.cache": "Dropbox",
    ".owncloudsync.log": "ownCloud",
    ".nextcloudsync.log": "Nextcloud",
    ".megaignore": "MEGA",
    ".SyncTrash": "Synology Drive",
    ".SynologyWorkingDirectory": "Synology Drive",
    ".tmp.drivedownload": "Google Drive",
    ".seafile-data": "Seafile",
}
"""Files and folders that lie at the top of a synchronised folder."""

_PATTERNS = {".sync_*.db": "Nextcloud", "._sync_*.db": "Nextcloud", ".sync/ID": "Resilio Sync"}

_NAMES = {"dropbox": "Dropbox", "onedrive": "OneDrive", "google drive": "Google Drive", "googledrive": "Google Drive",
          "icloud drive": "iCloud", "mobile documents": "iCloud", "cloudstorage": "a cloud provider",
          "pclouddrive": "pCloud", "nextcloud": "Nextcloud", "mega": "MEGA"}  # fmt: skip
"""Names of folders, in lower case, that these tools make."""

_CONFLICTS = ("*.sync-conflict-*", "*conflicted copy*", "*(conflict*", "*.conflict", "*_conflict-*", "~syncthing~*",
              ".syncthing.*.tmp")  # fmt: skip


def synced_by(folder: Path) -> str | None:
    """The name of the tool that seems to synchronise `folder` or one above it, or None."""
    place = folder.absolute()
    for here in (place, *place.parents):
        there = _names(here)
        for sign, tool in _SIGNS.items():
            if sign in there:
                return tool
        for pattern, tool in _PATTERNS.items():
            top, _slash, below = pattern.partition("/")
            if any(not below or (here / name / below).exists() for name in _like(there, top)):
                return tool
        name = here.name.casefold()
        for start, tool in _NAMES.items():
            # "Dropbox (Personal)", "OneDrive - Firm": but only where it is one of the person's own top folders.
            if name == start or name.startswith((f"{start} (", f"{start} - ", f"{start}-")):
                return tool
    return None


def conflict_copies(folder: Path) -> tuple[Path, ...]:
    """Files in `folder` that a synchronising tool left where two machines wrote at once."""
    there = _names(folder)
    return tuple(folder / name for name in sorted({name for pattern in _CONFLICTS for name in _like(there, pattern)}))


def _names(folder: Path) -> set[str]:
    """What lies there, read once: it is done at every command."""
    try:
        return set(os.listdir(folder))  # noqa: PTH208 (a list of names)
    except OSError:
        return set()


def _like(names: set[str], pattern: str) -> list[str]:
    longest = max(pattern.split("*"), key=len)
    return [name for name in names if longest in name and fnmatch(name, pattern)]


def file_system(folder: Path) -> str:
    """The type of the file system that `folder` lies on ("ext4", "nfs4", "apfs"), or "" when it cannot be told."""
    place = folder.resolve()
    best, kind = -1, ""
    for mount, name in _mounts():
        if len(mount.parts) >= best and (place == mount or mount in place.parents):
            best, kind = len(mount.parts), name
    return kind


def refuse_network(folder: Path) -> None:
    """Raise `Refused` (network_folder) when `folder` is on another machine's disk."""
    kind = file_system(folder)
    if _NETWORK.search(kind.lower()):
        raise Refused(
            "network_folder",
            _("This folder lies on a network disk ({kind}), where a drawer cannot be kept safely.").format(kind=kind),
            _("Keep the drawer on this machine's own disk, and put backups on the network."),
        )


def refuse_synced(folder: Path) -> None:
    """Raise `Refused` (synced_folder) when `folder` is synchronised by some tool."""
    if (tool := synced_by(folder)) is not None:
        raise Refused(
            "synced_folder",
            _("This folder seems to be synchronised by {tool}, which copies files while they are written.").format(
                tool=tool
            ),
            _("Choose a folder that is not synchronised; a backup may lie in a synchronised one."),
        )


def _mounts() -> list[tuple[Path, str]]:
    if sys.platform == "darwin":
        import subprocess  # pragma: no cover

        listed = subprocess.run(["/sbin/mount"], capture_output=True, check=False, text=True).stdout  # pragma: no cover
        return read_mount(listed)  # pragma: no cover
    try:
        return read_mountinfo(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return []


def read_mountinfo(text: str) -> list[tuple[Path, str]]:
    """Mount points and types from Linux's mountinfo (man 5 proc): field 5, and the first after " - "."""
    found = []
    for line in text.splitlines():
        left, dash, right = line.partition(" - ")
        fields = left.split(" ")
        if dash and len(fields) > 4:
            mount = re.sub(r"\\([0-7]{3})", lambda m: chr(int(m[1], 8)), fields[4])
            found.append((Path(mount), right.split(" ")[0]))
    return found


def read_mount(text: str) -> list[tuple[Path, str]]:
    """Mount points and types from what macOS's mount prints: `//ada@host/share on /Volumes/share (smbfs, ...)`."""
    matches = (re.match(r".* on (/.*) \(([^,)]+)[^()]*\)$", line) for line in text.splitlines())
    return [(Path(m[1]), m[2]) for m in matches if m]
