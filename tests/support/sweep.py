"""The marker sweep: nothing that was meant to be locked lies anywhere in clear.

Markers are looked for as they are, in UTF-16, in hexadecimal, and in base64 at each of its three alignments, in every
byte of every file under the given folders.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path


def shapes(marker: bytes) -> Iterator[bytes]:
    """The ways in which a marker may lie in a file without being locked."""
    yield marker
    if marker.isascii():
        yield marker.decode().encode("utf-16-le")
        yield marker.upper()
    yield marker.hex().encode()
    yield marker.hex().upper().encode()
    for shift in range(3):
        # The first and last characters depend on the neighbours; what lies between does not.
        yield base64.b64encode(bytes(shift) + marker)[4:-4]


def found(folders: Iterable[Path], markers: Mapping[str, bytes], exempt: Iterable[Path] = ()) -> list[str]:
    """ "name in file" for every marker that lies in clear under the folders; `exempt` files are named by the test."""
    skip = {path.resolve() for path in exempt}
    hits = []
    for folder in folders:
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
            if file.resolve() in skip:
                continue
            data = file.read_bytes()
            hits += [
                f"{name} in {file}"
                for name, marker in markers.items()
                if any(len(shape) >= 6 and shape in data for shape in shapes(marker))
            ]
    return hits


def names_with(folders: Iterable[Path], words: Iterable[str]) -> list[str]:
    """File names that tell something they should not. What vanishes while one looks is gone: others use /tmp too."""
    wanted = [word.lower() for word in words]
    return [
        os.path.join(folder, name)
        for top in folders
        for folder, folders_, files in os.walk(top)
        for name in (*folders_, *files)
        if any(word in name.lower() for word in wanted)
    ]
