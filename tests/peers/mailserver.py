"""A mail server of the kind that people have: Postfix and Dovecot, on loopback, for one test.

Delta Chat speaks to nothing else. Everything lies in one folder under a short path (sockets allow no long one), both
programs listen at free ports of 127.0.0.1 only, nothing of the machine's own mail is read or changed, and no letter
leaves. Every name at `DOMAIN` has a mailbox, and `PASSWORD` opens all of them.

Needs root, because Postfix does: its parts run as users of their own. Written for Postfix 3.7 and Dovecot 2.3.
"""

from __future__ import annotations

import asyncio
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

DOMAIN = "letters.test"
PASSWORD = "fake-password-for-tests"  # of mailboxes that live for seconds
POSTFIX, DOVECOT, DOVEADM = "/usr/sbin/postfix", "/usr/sbin/dovecot", "/usr/bin/doveadm"
PROGRAMS = (POSTFIX, DOVECOT, "/usr/lib/dovecot/imap", "/usr/lib/dovecot/lmtp")
READY_SECONDS = 20

_DOVECOT_CONF = """\
base_dir = {folder}/dovecot
state_dir = {folder}/dovecot
log_path = {folder}/dovecot.log
hostname = mail.{domain}
protocols = imap lmtp
listen = 127.0.0.1
ssl = no
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
    port = 0
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
message_size_limit = 52428800
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_client_connection_rate_limit = 0
smtpd_sasl_type = dovecot
smtpd_sasl_path = {folder}/dovecot/auth-for-postfix
smtpd_sasl_auth_enable = yes
smtpd_relay_restrictions = reject_unauth_destination
"""

_MASTER_CF = """\
127.0.0.1:{smtp} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
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
postlog unix-dgram n - n - 1 postlogd
"""


class NotStarted(Exception):
    """One of the two did not come up; its own words are the text."""


class MailServer:
    """Both programs, running inside the `with` block."""

    host = "127.0.0.1"

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dearly-mail-", dir="/tmp"))
        with _free_ports(3) as ports:
            self.smtp, self.imap, self.lmtp = ports

    def __enter__(self) -> MailServer:
        try:
            self._write()
            self._run(DOVECOT, "-c", str(self.folder / "dovecot.conf"))
            self._run(POSTFIX, "-c", str(self.folder / "postfix"), "start")
            for port in (self.smtp, self.imap, self.lmtp):
                self._wait_for(port)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # By their own pid files, so that only these two are ended.
        with suppress(NotStarted):
            self._run(POSTFIX, "-c", str(self.folder / "postfix"), "stop")
        with suppress(NotStarted):
            self._run(DOVEADM, "-c", str(self.folder / "dovecot.conf"), "stop")
        shutil.rmtree(self.folder, ignore_errors=True)

    def deliver(self, raw: bytes, to: str, sender: str) -> None:
        """Post a finished message to the mailbox of `to`, as another server would."""
        with smtplib.SMTP(self.host, self.smtp, timeout=30) as line:
            line.sendmail(sender, [to], raw)

    async def arrived(self, name: str, count: int = 1, seconds: float = 20) -> list[bytes]:
        """The messages in the mailbox of `name`, byte for byte as Dovecot keeps them, the oldest first, as soon as
        there are `count` of them."""
        deadline = time.monotonic() + seconds
        while len(found := self.mailbox(name)) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(found)} of {count} letters for {name}\n{self._log()}")
            await asyncio.sleep(0.05)  # a Maildir tells nobody
        return found

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
        }
        self.folder.chmod(0o755)
        for name in ("postfix", "spool", "postfix-data", "dovecot", "mail"):
            (self.folder / name).mkdir()
        shutil.chown(self.folder / "postfix-data", "postfix")
        shutil.chown(self.folder / "mail", "mail", "mail")
        (self.folder / "dovecot.conf").write_text(_DOVECOT_CONF.format(**values))
        (self.folder / "postfix" / "main.cf").write_text(_MAIN_CF.format(**values))
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


@contextmanager
def _free_ports(count: int) -> Iterator[list[int]]:
    """Ports of loopback that nobody has now, all different."""
    lines = [socket.socket() for _number in range(count)]
    try:
        for line in lines:
            line.bind(("127.0.0.1", 0))
        yield [line.getsockname()[1] for line in lines]
    finally:
        for line in lines:
            line.close()
