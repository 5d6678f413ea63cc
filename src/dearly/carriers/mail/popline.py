"""The line to a POP3 server: commands and replies (RFC 1939, 2449, 2595, 5034, 8314), and nothing above them.

Blocking, for a thread of its own. Not `poplib`: that one joins what it read anew from single lines, refuses lines that
real letters have, and knows no end to what a server may send. Here octets come out as they came in, with only the dots
taken back (RFC 1939 3), everything has a bound, and what was sent before TLS began is never taken for what was said
inside it (A23).
"""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import Iterator, Sequence
from contextlib import suppress

from dearly.carriers.base import said
from dearly.carriers.mail import tls
from dearly.letter.account import Security, Server, SignIn, on_this_machine
from dearly.letter.errors import CarrierTrouble
from dearly.letter.words import _

_CONNECT, _READ = 20.0, 60.0
"""Seconds to wait for a connection, and for the next octets."""
_MOST_LINE = 4_096
"""Octets of a reply's first line: RFC 2449 4 allows 512."""
_MOST_INITIAL = 255
"""Octets of a command, with its line end (RFC 2449 4): what is longer is sent after the server asks for it."""
_END = b"\r\n.\r\n"


class Broken(Exception):
    """The line broke, fell silent, or what was said on it is no POP3."""


class NoLine(Exception):
    """No line came about."""


class Refused(Exception):
    """The server said -ERR. `words`: its own; `code`: its response code (RFC 2449 8, RFC 3206), upper case, or ""."""

    def __init__(self, reply: bytes) -> None:
        text = reply[5:].decode("utf-8", "replace")
        code, closed, rest = text.removeprefix("[").partition("]") if text.startswith("[") else ("", "", text)
        self.code = code.strip().upper() if closed else ""
        self.words = said(rest if closed else text)
        super().__init__(self.words)

    @property
    def passing(self) -> bool:
        """Whether it says that later it may go well: the maildrop is in use, or the server has troubles of its own."""
        return self.code.startswith(("IN-USE", "LOGIN-DELAY", "SYS/TEMP"))


class PopLine:
    """One connection, up until `end`. Everything raises `Broken`.

    `abort` may be called from another thread: whoever waits for the server is let go of with `Broken`."""

    def __init__(self, server: Server, context: ssl.SSLContext | None) -> None:
        """`context`: verifying; None only where the line is plain. Nothing is asked before `open`."""
        self._server, self._context = server, context
        self._pending = bytearray()
        self._socket: socket.socket | None = None
        self.can: dict[str, list[str]] = {}
        """What the server says it can (CAPA), by name; empty where it does not say."""

    def open(self) -> None:
        """Connect, secured as the account says, and hear what the server can. Raises `NoLine`, `Refused` and
        `CarrierTrouble` (server_untrusted, no_encryption, meddled_line)."""
        server = self._server
        try:
            self._socket = socket.create_connection((server.host.strip("[]"), server.port), timeout=_CONNECT)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, UnicodeError):  # the second: no name of a host at all
            raise NoLine from None
        if server.security is Security.PLAIN and not on_this_machine(self._socket.getpeername()[0]):
            self.abort()  # a name of this machine that leads elsewhere: nothing is said there in the clear
            raise NoLine
        if server.security is Security.TLS:
            self._encrypt()
        self._socket.settimeout(_READ)
        if not self._reply().startswith(b"+OK"):
            raise Broken("no greeting")
        if server.security is Security.STARTTLS:
            self._start_tls()
        self._ask_what_it_can()

    def _ask_what_it_can(self) -> None:
        with suppress(Refused):
            lines = [line.split() for line in self.listing("CAPA")]
            self.can = {name.upper(): rest for name, *rest in filter(None, lines)}

    def _start_tls(self) -> None:
        """RFC 2595 4. Whatever was said before it is said by anybody, so nothing of it is used."""
        host = said(self._server.host)
        try:
            self.command("STLS")
        except Refused:
            raise CarrierTrouble(
                "no_encryption",
                _("{host} offers no encryption at port {port}.").format(host=host, port=self._server.port),
                _("Nothing was said to it. Use TLS from the first byte (--security tls), or ask the provider."),
                retry=True,
            ) from None
        if self._pending:
            raise CarrierTrouble(
                "meddled_line",
                _("Something was put into the line to {host} before it was encrypted.").format(host=host),
                _("Nothing was said to it. Try another network, or TLS from the first byte (--security tls)."),
                retry=True,
            )
        self._encrypt()

    def _encrypt(self) -> None:
        assert self._context is not None
        assert self._socket is not None
        self._socket.settimeout(_CONNECT)
        try:
            self._socket = self._context.wrap_socket(self._socket, server_hostname=self._server.host.strip("[]"))
        except ssl.SSLError as error:
            raise tls.trouble(said(self._server.host), self._server.port, error) or NoLine() from None
        except (OSError, ValueError):
            raise NoLine from None
        self._socket.settimeout(_READ)

    def sign_in(self, user: str, secret: str, how: SignIn) -> None:
        """Raises `Refused`, and `ValueError` for a name or secret that cannot be said on one line (A24)."""
        if any(c in value for value in (user, secret) for c in "\r\n\0"):
            raise ValueError("a line end in a name or password")
        kinds = [kind.upper() for kind in self.can.get("SASL", [])]
        if how is SignIn.OAUTH:
            bearer = f"auth=Bearer {secret}\1\1"
            if "OAUTHBEARER" in kinds and "XOAUTH2" not in kinds:  # RFC 7628 3.1
                self._sasl("OAUTHBEARER", f"n,a={user.replace('=', '=3D').replace(',', '=2C')},\1{bearer}")
            else:
                self._sasl("XOAUTH2", f"user={user}\1{bearer}")
        elif "PLAIN" in kinds:  # RFC 4616; it says which characters a password is of, USER and PASS do not
            self._sasl("PLAIN", f"\0{user}\0{secret}")
        else:
            self.command(f"USER {user}")
            self.command(f"PASS {secret}")
        if self.can and "TOP" not in self.can:  # some say more once they know who asks (RFC 2449 5)
            self._ask_what_it_can()

    def _sasl(self, mechanism: str, response: str) -> None:
        """RFC 5034 4."""
        encoded = base64.b64encode(response.encode()).decode()
        at_once = f"AUTH {mechanism} {encoded}"
        if len(at_once) + 2 <= _MOST_INITIAL:
            reply = self._exchange(at_once)
        else:
            self._exchange(f"AUTH {mechanism}")
            reply = self._exchange(encoded)
        if not reply.startswith(b"+OK"):
            # One challenge more is how these mechanisms say what was wrong; an empty answer ends it (RFC 7628 3.2.3).
            self._exchange("")
            raise Broken("a challenge without end")

    def command(self, line: str) -> str:
        """A command with a reply of one line: the words after +OK. Raises `Refused`."""
        reply = self._exchange(line)
        if not reply.startswith(b"+OK"):
            raise Broken("no +OK")
        return reply[3:].decode("utf-8", "replace").strip()

    def listing(self, line: str, most: int = 32_000_000) -> list[str]:
        """A command with a reply of many lines (UIDL, LIST, CAPA). Raises `Refused`."""
        self.command(line)
        return self._many(most, None).decode("latin-1").splitlines()

    def texts(self, commands: Sequence[str], most: int, keep: int | None = None) -> Iterator[bytes | None]:
        """The texts that these commands (RETR, TOP) bring, in order; None for one that was refused.

        `most`: octets of one, more break the line. `keep`: how many of them are kept, None for all. Where the server
        takes several commands at once (RFC 2449 6.6), it gets them so."""
        step = 20 if "PIPELINING" in self.can else 1
        for start in range(0, len(commands), step):
            batch = commands[start : start + step]
            self._send("".join(f"{line}\r\n" for line in batch))
            for _line in batch:
                try:
                    self._reply()
                except Refused:
                    yield None
                else:
                    yield self._many(most, keep)

    def end(self) -> None:
        """Say farewell. Nothing was changed, so nothing hangs on the answer."""
        with suppress(Broken, Refused):
            self.command("QUIT")
        self.abort()

    def abort(self) -> None:
        """Let go of the connection, whatever it is doing."""
        line = self._socket
        if line is not None:
            # Not SSLSocket.shutdown: that one forgets the encryption first, and a thread may be writing.
            with suppress(OSError):
                socket.socket.shutdown(line, socket.SHUT_RDWR)
            with suppress(OSError):
                line.close()

    def _exchange(self, line: str) -> bytes:
        self._send(f"{line}\r\n")
        return self._reply()

    def _send(self, text: str) -> None:
        if self._socket is None or self._pending:
            raise Broken("an answer before its question")
        try:
            self._socket.sendall(text.encode())
        except (OSError, ValueError):  # the second: another thread has let go of the line
            raise Broken("cut while asking") from None

    def _reply(self) -> bytes:
        """A reply's first line, without its end: +OK or a challenge. Raises `Refused` for -ERR."""
        while (end := self._pending.find(b"\r\n")) < 0:
            if len(self._pending) > _MOST_LINE:
                raise Broken("a line without end")
            self._read()
        reply = bytes(self._pending[:end])
        del self._pending[: end + 2]
        if reply.startswith(b"-ERR"):
            raise Refused(reply)
        if not reply.startswith((b"+OK", b"+ ")) and reply != b"+":
            raise Broken("neither +OK nor -ERR")
        return reply

    def _many(self, most: int, keep: int | None) -> bytes:
        """What stands before the line with one dot, the other dots taken back (RFC 1939 3)."""
        self._pending[:0] = b"\r\n"  # so that the end looks the same where there is not one line
        passed, looked = 0, 0
        while (end := self._pending.find(_END, looked)) < 0:
            if passed + len(self._pending) > most:
                raise Broken("a text without end")
            if keep is not None and len(self._pending) > 2 * keep + 65_536:
                # Only the beginning is wanted: let go of the middle, but for what may be the first half of the end.
                passed += len(self._pending) - 2 * keep - 4
                del self._pending[2 * keep : -4]
            looked = max(0, len(self._pending) - 4)
            self._read()
        text = bytes(self._pending[2:end]) + b"\r\n" if end else b""
        del self._pending[: end + len(_END)]
        if text.startswith(b"."):
            text = text[1:]
        text = text.replace(b"\r\n.", b"\r\n")
        return text if keep is None else text[:keep]

    def _read(self) -> None:
        if self._socket is None:
            raise Broken("no line")
        try:
            octets = self._socket.recv(65_536)
        except (OSError, ValueError):  # a time-out too, and whatever TLS objects to
            octets = b""
        if not octets:
            raise Broken("cut")
        self._pending += octets
