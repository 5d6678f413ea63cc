"""What Postfix takes in and Dovecot hands out on this machine, for the ratios of `benchmarks.office`.

Both write to the disk before they answer (Postfix its queue file, Dovecot's Maildir by LMTP). Postfix is asked by its
own `smtp-source`, Dovecot by the shortest reader there is: one FETCH of everything, and one for each. Their processor
time is that of all their processes when the last answer had come; what Postfix hands on to Dovecot later is not in it.
"""

from __future__ import annotations

import imaplib
import os
import shutil
import subprocess
import time

from tests.peers.mailserver import DOMAIN, DOVECOT, PASSWORD, POSTFIX, MailServer
from tests.support.offices import parcel

from benchmarks.processor import Processor

PEERS = ("Postfix", "Dovecot")
COMPARED = {
    "in, singly, 1 session": [("Postfix", "in, 1 session")],
    "in, by 50, 1 session": [("Postfix", "in, 1 session")],
    "in, singly, 10 sessions": [("Postfix", "in, 10 sessions")],
    "in, by 50, 10 sessions": [("Postfix", "in, 10 sessions")],
    "out, singly": [("Dovecot", "out, one by one")],
    "out, by 50": [("Dovecot", "out, one FETCH"), ("Dovecot", "out, one by one")],
}
SMTP_SOURCE = "/usr/sbin/smtp-source"


def measure(total: int, size: int, sessions: int) -> dict[str, dict[str, float]]:
    """Parcels a second, by peer; nothing where they are not installed, or we are not root."""
    if os.geteuid() != 0 or not all(map(shutil.which, (POSTFIX, DOVECOT, SMTP_SOURCE))):
        print("Postfix and Dovecot are not installed, or this is not root: left out.")
        return {}
    with MailServer() as server:
        taken = {}
        for count, letters in ((1, max(total // 4, 1)), (sessions, total)):
            processor = Processor([_master(server, "spool/pid/master.pid")])
            begun = time.perf_counter()
            ask = [SMTP_SOURCE, "-s", str(count), "-m", str(letters), "-l", str(size), "-f", f"ada@{DOMAIN}"]
            subprocess.run([*ask, "-t", f"bert@{DOMAIN}", f"127.0.0.1:{server.smtp}"], check=True)
            name = f"in, {count} session{'s' * (count > 1)}"
            taken[name] = letters / (time.perf_counter() - begun)
            taken[f"cpu: {name}"] = processor.each(letters)
        return {"Postfix": taken, "Dovecot": _handed_out(server, min(total, 3_000), size)}


def _handed_out(server: MailServer, total: int, size: int) -> dict[str, float]:
    folder = server.folder / "mail" / "clara" / "Maildir"
    for name in ("new", "cur", "tmp"):
        (folder / name).mkdir(parents=True)
    for n in range(total):
        (folder / "new" / f"{n}.bench").write_bytes(parcel("ada", "clara", size))
    for path in (folder.parent, folder, *folder.rglob("*")):
        shutil.chown(path, "mail", "mail")
    with imaplib.IMAP4("127.0.0.1", server.imap) as line:
        line.login("clara", PASSWORD)
        line.select("INBOX", readonly=True)
        line.fetch("1", "BODY.PEEK[]")
        processor = Processor([_master(server, "dovecot/master.pid")])
        begun = time.perf_counter()
        line.fetch("1:*", "BODY.PEEK[]")
        together = total / (time.perf_counter() - begun)
        spent = {"cpu: out, one FETCH": processor.each(total)}
        some = min(total, 500)
        processor = Processor([_master(server, "dovecot/master.pid")])
        begun = time.perf_counter()
        for n in range(1, some + 1):
            line.fetch(str(n), "BODY.PEEK[]")
        rate = some / (time.perf_counter() - begun)
        spent["cpu: out, one by one"] = processor.each(some)
        return {"out, one FETCH": together, "out, one by one": rate, **spent}


def _master(server: MailServer, name: str) -> int:
    return int((server.folder / name).read_text())
