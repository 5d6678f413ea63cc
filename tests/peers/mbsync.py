"""`mbsync`, another program that fetches a mailbox, into a Maildir."""

from __future__ import annotations

import subprocess
from pathlib import Path

from tests.peers.mailserver import DOMAIN, PASSWORD, MailServer

_RC = """\
IMAPStore there
Host 127.0.0.1
Port {port}
User {user}
Pass {password}
SSLType None
AuthMechs PLAIN

MaildirStore here
Path {folder}/
Inbox {folder}/INBOX

Channel both
Far :there:
Near :here:
Patterns INBOX
Create Near
Sync All
Expunge None
SyncState *
"""


class Mbsync:
    """One person's `mbsync`, with a Maildir of its own."""

    def __init__(self, program: str, server: MailServer, name: str, folder: Path) -> None:
        self.program, self.folder = program, folder
        self.rc = folder / "mbsyncrc"
        user = f"{name}@{DOMAIN}"
        self.rc.write_text(_RC.format(port=server.imap, user=user, password=PASSWORD, folder=folder))

    def run(self, *, told: bool = True) -> str:
        """Bring both sides up to date; what it tells of it."""
        argv = [self.program, "-c", str(self.rc), "-V" if told else "-q", "both"]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def files(self) -> dict[str, bytes]:
        """What it has, flags in the names."""
        inbox = self.folder / "INBOX"
        return {str(p.relative_to(inbox)): p.read_bytes() for part in ("cur", "new") for p in (inbox / part).glob("*")}

    def mark(self, letter: int, flag: str) -> None:
        """As its person's mail program would: S for seen, T for deleted."""
        ours = f"<letter{letter}@".encode()
        (name,) = (name for name, data in self.files().items() if ours in data)
        base = name.partition("/")[2].partition(":")[0]
        (self.folder / "INBOX" / name).rename(self.folder / "INBOX" / "cur" / f"{base}:2,{flag}")
