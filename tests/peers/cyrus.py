"""Cyrus, as a provider that speaks JMAP: on loopback, for one test.

Everything lies in one folder under a short path, it listens at free ports of 127.0.0.1 only, and nothing of the
machine's own Cyrus is read or changed. `PEOPLE` have mailboxes, and `PASSWORD` opens them. What is submitted goes to
`Relay`, which hands it back to Cyrus for the people here and keeps it for everybody else: Cyrus offers no submission to
an account when no SMTP server answers it.

Needs root, because Cyrus runs as a user of its own. Written for Cyrus 3.6 as Debian builds it: the packages
`cyrus-caldav` and `cyrus-common`, without `cyrus-imapd`, which cannot be installed beside Dovecot's.
"""

from __future__ import annotations

import queue
import shutil
import smtplib
import socket
import socketserver
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import BufferedIOBase
from pathlib import Path
from types import TracebackType

from tests.support.ports import free_ports

DOMAIN = "letters.test"
PASSWORD = "fake-password-for-tests"  # of mailboxes that live for seconds
PEOPLE = ("ada", "bert")
BIN = Path("/usr/lib/cyrus/bin")
PROGRAMS = (str(BIN / "master"), str(BIN / "httpd"), str(BIN / "lmtpd"), "/usr/sbin/saslpasswd2")
READY_SECONDS = 60

_IMAPD_CONF = """\
configdirectory: {folder}/conf
proc_path: {folder}/proc
mboxname_lockpath: {folder}/lock
defaultpartition: default
partition-default: {folder}/mail
search_engine: none
altnamespace: yes
unixhierarchysep: yes
virtdomains: userid
defaultdomain: internal
allowplaintext: yes
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: {folder}/sasldb
sasl_mech_list: PLAIN
httpmodules: jmap
conversations: yes
conversations_db: twoskip
jmapsubmission_deleteonsend: {forget}
autocreate_quota: 0
autocreate_post: yes
autocreate_inbox_folders: Drafts|Sent|Junk
specialusealways: yes
xlist-drafts: Drafts
xlist-sent: Sent
xlist-junk: Junk
lmtpsocket: {folder}/conf/socket/lmtp
idlesocket: {folder}/conf/socket/idle
notifysocket: {folder}/conf/socket/notify
syslog_prefix: dearly-test
smtp_backend: host
smtp_host: 127.0.0.1:{relay}/noauth
duplicatesuppression: no
"""

_CYRUS_CONF = """\
START {{
}}
SERVICES {{
  http cmd="{bin}/httpd -C {folder}/imapd.conf" listen="127.0.0.1:{http}" prefork=0
  lmtp cmd="{bin}/lmtpd -C {folder}/imapd.conf -a" listen="127.0.0.1:{lmtp}" prefork=0
}}
EVENTS {{
}}
DAEMON {{
}}
"""


class NotStarted(Exception):
    """It did not come up; its own words are the text."""


class Cyrus:
    """Running inside the `with` block. `forget`: whether it forgets a submission that has left, as it is by default."""

    def __init__(self, *, forget: bool = True) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="dearly-cyrus-", dir="/tmp"))
        self.forget = forget
        self.relay = Relay(self.deliver)
        self.http, self.lmtp = free_ports(2)
        self._master: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.http}"

    def __enter__(self) -> Cyrus:
        try:
            self.relay.start()
            self._write()
            argv = [str(BIN / "master"), "-D", "-C", str(self.folder / "imapd.conf")]
            argv += ["-M", str(self.folder / "cyrus.conf"), "-p", str(self.folder / "master.pid")]
            with (self.folder / "said").open("wb") as said:
                self._master = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
            for port in (self.http, self.lmtp):
                self._wait_for(port)
            for name in PEOPLE:  # the first letter makes the mailbox
                self.deliver(b"From: cyrus@letters.test\r\nSubject: welcome\r\n\r\nWelcome.\r\n", [f"{name}@{DOMAIN}"])
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.relay.stop()
        if self._master is not None:
            self._master.terminate()  # it ends its own children
            try:
                self._master.wait(10)
            except subprocess.TimeoutExpired:
                self._master.kill()
                self._master.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def deliver(self, raw: bytes, to: Sequence[str], sender: str = "") -> None:
        """Post a finished message into the mailboxes of `to`, as a mail server does (LMTP, RFC 2033)."""
        with smtplib.LMTP("127.0.0.1", self.lmtp, local_hostname="localhost", timeout=30) as line:
            refused = line.sendmail(sender, list(to), raw)
        if refused:
            raise NotStarted(str(refused))

    def version(self) -> str:
        said = subprocess.run([str(BIN / "cyr_info"), "version"], capture_output=True, check=True).stdout
        return said.decode().split()[-1]

    def _write(self) -> None:
        values = {
            "folder": self.folder,
            "bin": BIN,
            "http": self.http,
            "lmtp": self.lmtp,
            "relay": self.relay.port,
            "forget": "yes" if self.forget else "no",
        }
        self.folder.chmod(0o755)
        for name in ("conf", "conf/socket", "proc", "lock", "mail"):
            (self.folder / name).mkdir()
        (self.folder / "imapd.conf").write_text(_IMAPD_CONF.format(**values))
        (self.folder / "cyrus.conf").write_text(_CYRUS_CONF.format(**values))
        for name in PEOPLE:
            argv = [PROGRAMS[-1], "-p", "-c", "-f", str(self.folder / "sasldb"), "-u", DOMAIN, name]
            subprocess.run(argv, input=PASSWORD.encode(), check=True, capture_output=True)
        for path in (self.folder, *self.folder.rglob("*")):
            shutil.chown(path, "cyrus", "mail")

    def _wait_for(self, port: int) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            with suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port), timeout=READY_SECONDS):
                return
            if time.monotonic() > deadline or (self._master is not None and self._master.poll() is not None):
                raise NotStarted(f"nothing listens at port {port}\n{(self.folder / 'said').read_text()}")
            time.sleep(0.05)


class Relay:
    """The SMTP server that Cyrus submits to: people here get it back through `deliver`, `out` keeps the rest as
    (recipient, octets). `refuse`: recipients that are turned away; `silent`: the final answer never comes.

    What is for people here is delivered after the answer, as mail servers do: as long as Cyrus waits for it, it holds a
    lock on the sender's mailboxes, and its LMTP waits for that."""

    def __init__(self, deliver: Callable[[bytes, Sequence[str], str], None]) -> None:
        self.out: list[tuple[str, bytes]] = []
        self.refuse: set[str] = set()
        self.silent = False
        self._queue: queue.SimpleQueue[tuple[bytes, Sequence[str], str] | None] = queue.SimpleQueue()
        self._deliver = deliver
        relay = self

        class Talk(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                with suppress(ConnectionError):
                    relay._talk(self.rfile, self.wfile)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Talk)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

        self._postman = threading.Thread(target=self._carry, daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._postman.start()

    def stop(self) -> None:
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._queue.put(None)
            self._postman.join()
        self._server.server_close()

    def _talk(self, read: BufferedIOBase, write: BufferedIOBase) -> None:
        write.write(b"220 relay ESMTP\r\n")
        to: list[str] = []
        sender = ""
        while line := read.readline(4_096):
            word = line[:4].upper()
            if word == b"EHLO":
                write.write(b"250-relay\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n")
            elif word == b"MAIL":
                sender, to = _path(line), []
                write.write(b"250 2.1.0 fine\r\n")
            elif word == b"RCPT" and _path(line) in self.refuse:
                write.write(b"550 5.1.1 nobody here has that name\r\n")
            elif word == b"RCPT":
                to.append(_path(line))
                write.write(b"250 2.1.5 fine\r\n")
            elif word == b"DATA":
                write.write(b"354 go on\r\n")
                self._take(_until_dot(read), to, sender)
                if self.silent:
                    return
                write.write(b"250 2.0.0 taken\r\n")
            elif word == b"QUIT":
                write.write(b"221 farewell\r\n")
                return
            else:
                write.write(b"250 fine\r\n")

    def _take(self, data: bytes, to: list[str], sender: str) -> None:
        here = [one for one in to if one.partition("@")[0] in PEOPLE]
        self.out += [(one, data) for one in to if one not in here]
        if here:
            self._queue.put((data, here, sender))

    def _carry(self) -> None:
        while (next_ := self._queue.get()) is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._deliver(*next_)


def _path(line: bytes) -> str:
    return line.partition(b"<")[2].partition(b">")[0].decode()


def _until_dot(read: BufferedIOBase) -> bytes:
    lines = []
    while (line := read.readline()) not in (b".\r\n", b""):
        lines.append(line.removeprefix(b".") if line.startswith(b".") else line)
    return b"".join(lines)
