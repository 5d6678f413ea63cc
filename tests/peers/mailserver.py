"""A mail server of the kind that people have: Postfix and Dovecot, on loopback, for one test.

Everything lies in one folder under a short path (sockets allow no long one), both programs listen at free ports of
127.0.0.1 only, nothing of the machine's own mail is read or changed, and no letter leaves. Every name at `DOMAIN` has
a mailbox, and `PASSWORD` opens all of them.

Each protocol is there in the clear and with TLS from the first byte; submission asks for a password, and its
certificate is for `localhost` and 127.0.0.1, by an authority of this server's own (`ca`).

Needs root, because Postfix does: its parts run as users of their own. Written for Postfix 3.7 and Dovecot 2.3.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import smtplib
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from tests.support.authority import Authority
from tests.support.ports import free_ports

DOMAIN = "letters.test"
PASSWORD = "fake-password-for-tests"  # of mailboxes that live for seconds
POSTFIX, DOVECOT, DOVEADM = "/usr/sbin/postfix", "/usr/sbin/dovecot", "/usr/bin/doveadm"
PROGRAMS = (POSTFIX, DOVECOT, "/usr/lib/dovecot/imap", "/usr/lib/dovecot/lmtp", "/usr/lib/dovecot/pop3")
READY_SECONDS = 60
MOST_LETTER = 52_428_800
QUEUES = ("maildrop", "incoming", "active", "deferred")

_DOVECOT_CONF = """\
base_dir = {folder}/dovecot
state_dir = {folder}/dovecot
log_path = {folder}/dovecot.log
hostname = mail.{domain}
protocols = imap pop3 lmtp
listen = 127.0.0.1
ssl = yes
ssl_cert = <{folder}/tls/certificate.pem
ssl_key = <{folder}/tls/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
mail_location = maildir:~/Maildir
mail_uid = mail
mail_gid = mail
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid=mail gid=mail home={folder}/mail/%n allow_all_users=yes
}}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = {imaps}
    ssl = yes
  }}
}}
service pop3-login {{
  inet_listener pop3 {{
    port = {pop3}
  }}
  inet_listener pop3s {{
    port = {pop3s}
    ssl = yes
  }}
}}
# Whoever errs is not kept waiting: here somebody errs on purpose.
auth_failure_delay = 0
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {lmtp}
  }}
}}
service auth {{
  unix_listener auth-for-postfix {{
    mode = 0600
    user = postfix
  }}
}}
protocol lmtp {{
  postmaster_address = postmaster@{domain}
}}
"""

_MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {folder}/spool
data_directory = {folder}/postfix-data
maillog_file = {folder}/postfix.log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.{domain}
mydestination =
mynetworks = 127.0.0.0/8
smtpd_peername_lookup = no
alias_maps =
alias_database =
virtual_mailbox_domains = {domain}
virtual_mailbox_maps = static:all
virtual_transport = lmtp:inet:127.0.0.1:{lmtp}
default_transport = error:5.1.2 there is no world outside
message_size_limit = {most}
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/dovecot/auth-for-postfix
smtpd_sasl_auth_enable = yes
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_cert_file = {folder}/tls/certificate.pem
smtpd_tls_key_file = {folder}/tls/key.pem
smtputf8_enable = yes
# What could not be delivered while the other program was down is tried again at once.
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 2s
"""

_MASTER_CF = """\
127.0.0.1:{smtp} inet n - n - - smtpd
127.0.0.1:{submissions} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
127.0.0.1:{submission} inet n - n - - smtpd -o smtpd_tls_security_level=encrypt
  -o smtpd_client_restrictions=permit_sasl_authenticated,reject
cleanup unix n - n - 0 cleanup
qmgr unix n - n 1 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
pickup unix n - n 60 1 pickup
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
"""


class NotStarted(Exception):
    """One of the two did not come up; its own words are the text."""


class MailServer:
    """Both programs, running inside the `with` block.

    Ports: `smtp` (in the clear, no password), `submissions` (TLS), `submission` (STARTTLS), `imap`, `imaps`, `pop3`,
    `pop3s`, `lmtp`. `most`: octets of the largest letter that is taken. `main_cf`: more lines for Postfix."""

    host = "127.0.0.1"

    def __init__(self, *, most: int = MOST_LETTER, main_cf: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dearly-mail-", dir="/tmp"))
        authority = Authority()
        self.ca = authority.pem
        self._issued = authority.issue("localhost", "127.0.0.1")
        self._most, self._main_cf = most, main_cf
        self.smtp, self.imap, self.lmtp, self.submissions, self.submission, *others = free_ports(8)
        self.imaps, self.pop3, self.pop3s = others

    def __enter__(self) -> MailServer:
        try:
            self._write()
            self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()  # an orderly end takes Postfix three seconds
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        """Both come up, at the same ports and with the same letters as before. Raises `NotStarted`."""
        self._run(DOVECOT, "-c", str(self.folder / "dovecot.conf"))
        self._run(POSTFIX, "-c", str(self.folder / "postfix"), "start")
        for port in (self.smtp, self.imap, self.pop3, self.lmtp):
            self._wait_for(port)

    def kill(self) -> None:
        """Both die with everything they started, as in a power cut (SIGKILL); `start` brings them up again."""
        # By their own pid files, so that only these two are ended.
        for pid_file in (self.folder / "spool" / "pid" / "master.pid", self.folder / "dovecot" / "master.pid"):
            with suppress(FileNotFoundError, ValueError):
                master = int(pid_file.read_text())
                with suppress(ProcessLookupError):
                    os.kill(master, signal.SIGSTOP)  # so that it starts nobody anew meanwhile
                dying = [master, *_children(master)]
                for pid in dying:
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                for pid in dying:
                    _until_gone(pid)
                pid_file.unlink(missing_ok=True)

    def restart(self) -> None:
        """Killed in the midst of whatever they do, and up again."""
        self.kill()
        self.start()

    def deliver(self, raw: bytes, to: str, sender: str) -> None:
        """Post a finished message to the mailbox of `to`, as another server would."""
        with smtplib.SMTP(self.host, self.smtp, timeout=30) as line:
            line.sendmail(sender, [to], raw)

    async def arrived(self, name: str, count: int = 1, seconds: float = 60) -> list[bytes]:
        """The messages in the mailbox of `name`, byte for byte as Dovecot keeps them, the oldest first, as soon as
        there are `count` of them."""
        deadline = time.monotonic() + seconds
        while len(found := self.mailbox(name)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(found)} of {count} letters for {name}\n{self._log()}")
            await asyncio.sleep(0.05)  # a Maildir tells nobody
        return found

    async def settled(self, seconds: float = 60) -> None:
        """Nothing lies in Postfix's queue any more: every letter that it took has been delivered, or came back.

        A file of the queue that its writer has finished may be executed; what was left unfinished by a kill was never
        taken."""
        deadline = time.monotonic() + seconds
        spool = self.folder / "spool"
        while any(_finished(path) for part in QUEUES for path in (spool / part).rglob("*")):
            if time.monotonic() > deadline:
                raise TimeoutError(f"letters are still queued\n{self._log()}")
            await asyncio.sleep(0.05)

    def mailbox(self, name: str) -> list[bytes]:
        """What lies in the mailbox of `name`, the oldest first."""
        folder = self.folder / "mail" / name / "Maildir"
        # A Maildir's names begin with the time, then with a counter of the process that delivered.
        paths = [path for part in ("cur", "new") for path in (folder / part).glob("*")]
        return [path.read_bytes() for path in sorted(paths, key=lambda path: path.stat().st_mtime_ns)]

    def versions(self) -> tuple[str, str]:
        """(Postfix, Dovecot)."""
        postfix = self._run("/usr/sbin/postconf", "-c", str(self.folder / "postfix"), "-h", "-d", "mail_version")
        return postfix.strip(), self._run(DOVECOT, "--version").split()[0]

    def _write(self) -> None:
        values = {
            "folder": self.folder,
            "domain": DOMAIN,
            "password": PASSWORD,
            "smtp": self.smtp,
            "imap": self.imap,
            "lmtp": self.lmtp,
            "submissions": self.submissions,
            "submission": self.submission,
            "imaps": self.imaps,
            "pop3": self.pop3,
            "pop3s": self.pop3s,
            "most": self._most,
        }
        self.folder.chmod(0o755)
        for name in ("postfix", "spool", "postfix-data", "dovecot", "mail", "tls"):
            (self.folder / name).mkdir()
        (self.folder / "tls" / "certificate.pem").write_bytes(self._issued.certificate)
        (self.folder / "tls" / "key.pem").write_bytes(self._issued.key)
        shutil.chown(self.folder / "postfix-data", "postfix")
        shutil.chown(self.folder / "mail", "mail", "mail")
        (self.folder / "dovecot.conf").write_text(_DOVECOT_CONF.format(**values))
        (self.folder / "postfix" / "main.cf").write_text(_MAIN_CF.format(**values) + self._main_cf)
        (self.folder / "postfix" / "master.cf").write_text(_MASTER_CF.format(**values))

    def _wait_for(self, port: int) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                with socket.create_connection((self.host, port), timeout=READY_SECONDS) as line:
                    if line.recv(1):  # it greets
                        return
            except ConnectionRefusedError:
                pass
            if time.monotonic() > deadline:
                raise NotStarted(f"nothing listens at port {port}\n{self._log()}")
            time.sleep(0.05)

    def _run(self, *argv: str) -> str:
        """What the program says. Into a file: daemons keep a pipe open as long as they run."""
        with (self.folder / "said").open("w+") as said:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said, check=False, timeout=60)
            said.seek(0)
            words = said.read()
        if done.returncode:
            raise NotStarted(f"{argv[0]}: {words}{self._log()}")
        return words

    def _log(self) -> str:
        logs = [self.folder / "postfix.log", self.folder / "dovecot.log"]
        return "\n".join(path.read_text(errors="replace")[-2_000:] for path in logs if path.exists())


def _finished(path: Path) -> bool:
    try:
        state = path.stat()
    except FileNotFoundError:
        return False
    return stat.S_ISREG(state.st_mode) and bool(state.st_mode & stat.S_IXUSR)


def _children(pid: int) -> list[int]:
    """Every process that `pid` started, and those that they started (Linux)."""
    found: list[int] = []
    for listed in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, listed.read_text().split()):
                found += [*_children(child), child]
    return found


def _until_gone(pid: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while Path(f"/proc/{pid}").exists():
        with suppress(OSError, IndexError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return  # it is dead, and nobody has asked how it ended
        if time.monotonic() > deadline:
            raise NotStarted(f"{pid} does not end")
        time.sleep(0.02)
