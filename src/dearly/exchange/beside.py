"""What lies beside a file and belongs to it: the further pages of a scanned letter, what a text names as enclosed."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from dearly.exchange import folder, scans, written
from dearly.exchange.folder import Parts
from dearly.exchange.found import LARGEST_LETTER
from dearly.exchange.kinds import scan_type

_SCANS = (".pdf", ".jpg", ".jpeg", ".png", ".tif", ".tiff", ".heic", ".heif", ".webp")
_TEXTS = (b".md", b".markdown", b".txt", b".text")


class Beside:
    """Of the files in one folder, asked in their order: what was looked at last is kept. `together`: whether all scans
    of the folder are the pages of one letter."""

    def __init__(self, root: Path, *, together: bool) -> None:
        self._root, self._together = root, together
        self._paged: tuple[Parts, dict[str, list[str]]] | None = None
        self._others: frozenset[str] = frozenset()
        self._enclosed: tuple[Parts, frozenset[bytes]] = (), frozenset()

    def pages(self, inside: Parts, name: str) -> list[str]:
        """The pages of the letter that begins with this scan; none where it is another page of one."""
        if self._paged is None or self._paged[0] != inside:
            names = sorted(filter(self._is_scan, folder.path_of(self._root, inside).iterdir()), key=os.fsencode)
            found = [path.name for path in names]
            together = self._together and not inside
            groups = [scans.in_order(found)[: scans.MOST_PAGES]] if together else scans.letters(found)
            # The file that is met first stands for the letter.
            self._paged = inside, {min(group, key=os.fsencode): group for group in groups if group}
            self._others = frozenset(one for group in groups for one in group)
        return self._paged[1].get(name, [] if name in self._others else [name])

    def _is_scan(self, path: Path) -> bool:
        if path.suffix.lower() not in _SCANS:
            return False
        try:
            with folder.opened(path) as file:
                return scan_type(file.read(64)) is not None
        except OSError:
            return False

    def belongs(self, parts: Parts) -> bool:
        """Whether a text file names this one as enclosed: one that is called like the folder that it lies in."""
        for depth in range(len(parts) - 1, 0, -1):
            for ending in _TEXTS:
                above = (*parts[: depth - 1], parts[depth - 1] + ending)
                if b"/".join(parts[depth - 1 :]) in self._enclosed_by(above):
                    return True
        return False

    def _enclosed_by(self, parts: Parts) -> frozenset[bytes]:
        if self._enclosed[0] != parts:
            named: frozenset[bytes] = frozenset()
            with suppress(OSError), folder.opened(folder.path_of(self._root, parts)) as file:
                head = file.read(written.LONGEST_HEAD)
                named = frozenset(os.fsencode(path) for path in written.enclosures(head))
            self._enclosed = parts, named
        return self._enclosed[1]

    def enclosed(self, inside: Parts, named: str) -> bytes | None:
        """A file that a text names as enclosed: in the same folder or below, nothing else."""
        below = tuple(os.fsencode(part) for part in named.split("/") if part not in ("", "."))
        if not below or b".." in below or "\0" in named or named.startswith("/"):
            return None
        for depth in range(1, len(below)):
            if folder.path_of(self._root, (*inside, *below[:depth])).is_symlink():
                return None
        try:
            with folder.opened(folder.path_of(self._root, (*inside, *below))) as file:
                data = file.read(LARGEST_LETTER + 1)
        except (OSError, ValueError):
            return None
        return data if len(data) <= LARGEST_LETTER else None
