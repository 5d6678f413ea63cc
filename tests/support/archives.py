"""Small archives for tests: letters as other programs keep them, between Ada, Bert and the rest of the world."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

ADA, BERT, CLARA = (
    "Ada <ada@letters.test>",
    "Bert <bert@letters.test>",
    "Clara <clara@letters.test>",
)
FIRST_DAY = datetime(2009, 5, 4, 9, 30, tzinfo=UTC)


def letter(
    n: int,
    *,
    sender: str = BERT,
    to: str = ADA,
    text: str = "",
    message_id: str | None = "",
    more: str = "",
    answers: str = "",
    end: str = "\n",
) -> bytes:
    """The n-th letter of a correspondence, a day after the one before. `message_id` None: without one."""
    head = [
        f"From: {sender}",
        f"To: {to}",
        f"Date: {format_datetime(FIRST_DAY + timedelta(days=n))}",
        f"Subject: Letter {n}",
    ]
    if message_id is not None:
        head.append(f"Message-ID: <{message_id or f'letter-{n}@letters.test'}>")
    if answers:
        head.append(f"In-Reply-To: <{answers}>")
    head += [line for line in more.splitlines() if line]
    body = text or f"Dear friend,\nthis is the text of letter {n}.\nFrom here all is well.\n"
    return ("\n".join([*head, "", body])).replace("\n", end).encode()


def maildir(folder: Path, letters: Iterable[bytes], *, sub: str = "") -> Path:
    """A Maildir; with `sub` a folder in it, as servers name them (".Sent")."""
    place = folder / sub if sub else folder
    for name in ("cur", "new", "tmp"):
        (place / name).mkdir(parents=True, exist_ok=True)
    for n, data in enumerate(letters):
        (place / "cur" / f"{1241429400 + n}.M{n:06}P1.host:2,S").write_bytes(data)
    return folder


def mbox(file: Path, letters: Iterable[bytes]) -> Path:
    """An mbox in the dialect that can be taken apart again (mboxrd)."""
    lines: list[bytes] = []
    for data in letters:
        lines.append(b"From bert@letters.test Mon May  4 09:30:00 2009")
        for line in data.removesuffix(b"\n").split(b"\n"):
            lines.append(b">" + line if line.lstrip(b">").startswith(b"From ") else line)
        lines.append(b"")
    file.write_bytes(b"\n".join(lines) + b"\n")
    return file
