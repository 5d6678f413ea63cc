"""A mailbox at a real IMAP server, seen and filled past everything of ours: what lies there, and under which marks."""

from __future__ import annotations

import hashlib
import imaplib
import re
import smtplib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.mailserver import DOMAIN, PASSWORD, MailServer


@dataclass(frozen=True)
class Lying:
    """One message at the server."""

    uid: int
    flags: tuple[str, ...]
    digest: str


@contextmanager
def session(server: MailServer, name: str) -> Iterator[imaplib.IMAP4]:
    """As another program of `name` would come."""
    line = imaplib.IMAP4(server.host, server.imap)
    line.login(f"{name}@{DOMAIN}", PASSWORD)
    try:
        yield line
    finally:
        line.logout()


def lying(server: MailServer, name: str, folder: str = "INBOX") -> tuple[int, list[Lying]]:
    """UIDVALIDITY, and every message by UID; nothing is changed by looking, not even \\Recent."""
    with session(server, name) as line:
        line.select(folder, readonly=True)
        validity = int(line.response("UIDVALIDITY")[1][0] or b"0")
        _kind, parts = line.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")
    found = []
    for part in parts:
        if isinstance(part, tuple):
            uid = re.search(rb"UID (\d+)", part[0])
            flags = re.search(rb"FLAGS \(([^)]*)\)", part[0])
            assert uid
            assert flags
            seen = tuple(sorted(flags[1].decode().split()))
            found.append(Lying(int(uid[1]), seen, hashlib.sha256(part[1]).hexdigest()))
    return validity, sorted(found, key=lambda one: one.uid)


def append(server: MailServer, name: str, messages: Iterable[bytes], folder: str = "INBOX") -> None:
    """Put messages there just as they are."""
    with session(server, name) as line:
        for data in messages:
            kind, told = line.append(folder, None, None, data)
            assert kind == "OK", told


def deliver(server: MailServer, name: str, messages: Iterable[bytes]) -> None:
    """Messages come by post, in this order: the server puts its trace before them."""
    with smtplib.LMTP(server.host, server.lmtp) as line:
        for data in messages:
            line.sendmail(f"somebody@{DOMAIN}", [f"{name}@{DOMAIN}"], data)


def on_disk(server: MailServer, name: str) -> dict[str, int]:
    """The files of a Maildir, with flags and newness in their names, and when they were last written."""
    maildir = server.folder / "mail" / name / "Maildir"
    return {
        str(path.relative_to(maildir)): path.stat().st_mtime_ns
        for part in ("cur", "new")
        for path in Path(maildir / part).glob("*")
    }
