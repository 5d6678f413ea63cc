"""Files that a browser hands over, as an archive."""

from __future__ import annotations

import hashlib
from pathlib import Path

from dearly.desk.importing_handed import File, Handed
from dearly.drawer.spool import Spool
from dearly.exchange.archive import Written


def file(folder: Path, name: str, data: bytes) -> File:
    spool = Spool(folder)
    spool.write(data)
    spool.end()
    return File(name, spool, data[:4096], hashlib.sha256(data).digest())


def test_files_of_one_name_are_each_taken(tmp_path: Path) -> None:
    """They lay in two folders, and a browser says no more than the name."""
    given = [
        file(tmp_path, name, f"%PDF-1.4 {what}".encode())
        for name, what in [
            ("Clara.pdf", "of May"),
            ("Clara.pdf", "of June"),
            ("Dora 1.pdf", "page 1"),
            ("Dora 2.pdf", "page 2"),
            ("Dora 1.pdf", "page 1, other"),
            ("Dora 2.pdf", "page 2, other"),
        ]
    ]
    archive = Handed(given)
    letters = [one for one in archive.items() if isinstance(one, Written)]
    pages = sorted([page.data.removeprefix(b"%PDF-1.4 ").decode() for page in one.pages] for one in letters)
    assert pages in (
        [["of June"], ["of May"], ["page 1", "page 2"], ["page 1, other", "page 2, other"]],
        [["of June"], ["of May"], ["page 1", "page 2, other"], ["page 1, other", "page 2"]],
    )
    assert archive.place == "Clara.pdf and 5 more files"
    assert archive.source == Handed(given[::-1]).source == archive.as_one_letter().source
    assert archive.size() == sum(one.spool.size for one in given)
