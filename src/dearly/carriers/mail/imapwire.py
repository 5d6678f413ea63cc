"""The octets below `imaplib`: bounded in size and time, and secured as the account says.

The library reads a literal of any length that a server announces, and any number of lines; a hostile or broken server
could fill the memory, or hold a round for ever at one octet a minute. So each command is given a measure of line
octets, of literal octets and of time before it is asked, and an answer that goes beyond them breaks the line.

TLS comes first where the account says so (RFC 8314 3). With STARTTLS nothing that was said before counts, and octets
that came together with the go-ahead, which an attacker can put there, break the line (A23, RFC 8314 4.1).
"""

from __future__ import annotations

import imaplib
import socket
import ssl
import time
from contextlib import suppress
from typing import Any

from dearly.carriers.mail.imapvalues import Broken, TooMuch
from dearly.letter.account import Security, Server, on_this_machine

CONNECT = 20.0
"""Seconds to wait for a connection."""
MOST_LINE = 1_000_000
"""Octets of one line: a listing of 125,000 messages. Longer ones are of nobody who means well."""
_OF_A_LINE = 100
"""What a line costs beside its octets: a million empty ones weigh more in memory than they say."""
_AFTER_BYE = 2.0
"""Seconds to wait for more from a server that has said farewell."""
_SLOWEST = 2_048
"""Octets in a second that a server has to give."""


class Wire(imaplib.IMAP4):
    """One connection. Blocking, for a thread of its own; `cut` alone may be called from another one."""

    def __init__(self, server: Server, context: ssl.SSLContext | None, patience: float) -> None:
        """Connect, greet, and hear what the server can. `patience`: seconds to wait for the next octets.

        Raises `Broken`, `OSError`, `ssl.SSLError` and `imaplib.IMAP4.error`."""
        self._server, self._context, self._patience = server, context, patience
        self._pending = bytearray()
        self._line: socket.socket | None = None
        self.answered: tuple[str, bytes] | None = None
        """Status and text of the last tagged answer."""
        self.allow(lines=64_000)
        super().__init__(server.host.strip("[]"), server.port, timeout=CONNECT)

    def allow(self, *, lines: int, octets: int = 0) -> None:
        """Before each command: how many octets its answer may have in lines, and how many in literals."""
        self._lines, self._octets = lines, octets
        self._until = time.monotonic() + 2 * self._patience + (lines + octets) / _SLOWEST
        self.answered = None

    def cut(self) -> None:
        """Let go of the connection, whatever it is doing."""
        if self._line is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._line, socket.SHUT_RDWR)

    def end(self) -> None:
        """Give back the socket; by the thread that works with it."""
        with suppress(OSError, self.error):
            self.shutdown()
        if self._line is not None:
            with suppress(OSError):
                self._line.close()

    @property
    def quiet(self) -> bool:
        """Whether nothing has come since the last answer: neither news nor a farewell."""
        if self._pending or self._line is None:
            return False
        self._line.settimeout(0)
        try:
            data = self._line.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        self._pending += data
        return False

    def _create_socket(self, timeout: float | None = None) -> socket.socket:
        self._line = socket.create_connection((self._server.host.strip("[]"), self._server.port), timeout)
        if self._server.security is Security.PLAIN and not on_this_machine(self._line.getpeername()[0]):
            self._line.close()  # a name of this machine that leads elsewhere: nothing is said there in the clear
            raise OSError("not this machine")
        self._line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._server.security is Security.TLS:
            self._line = self._secured(self._line)
        return self._line

    def _secured(self, line: socket.socket) -> ssl.SSLSocket:
        if self._context is None:
            raise Broken("no TLS context")
        line.settimeout(CONNECT)
        return self._context.wrap_socket(line, server_hostname=self._server.host.strip("[]"))

    def starttls(self, ssl_context: ssl.SSLContext | None = None) -> Any:  # noqa: ARG002 (the library's face)
        """RFC 9051 6.2.1. The library's own forgets what came with the go-ahead; here it breaks the line."""
        kind, data = self._simple_command("STARTTLS")
        if kind != "OK":
            raise self.error("STARTTLS refused")
        if self._pending:
            raise Broken("octets between STARTTLS and the line's being secured")
        self.sock = self._line = self._secured(self.sock)
        self._tls_established = True
        self.untagged_responses.clear()
        self._get_capabilities()
        return kind, data

    def read(self, size: int) -> bytes:
        """A literal, whole or not at all."""
        self._octets -= size
        if self._octets < 0:
            raise TooMuch("a literal longer than what was asked for")
        literal = bytearray(size)
        have = min(size, len(self._pending))
        literal[:have] = self._pending[:have]
        del self._pending[:have]
        with memoryview(literal) as rest:
            while have < size:
                self._wait()
                got = self.sock.recv_into(rest[have:])
                if not got:
                    raise self.abort("cut")
                have += got
        return bytes(literal)

    def readline(self) -> bytes:
        """A line with its end."""
        looked = 0
        while (end := self._pending.find(b"\n", looked)) < 0:
            looked = len(self._pending)
            if looked > MOST_LINE:
                raise TooMuch("a line without end")
            self._wait()
            data = self.sock.recv(65_536)
            if not data:
                raise self.abort("cut")
            self._pending += data
        line = bytes(self._pending[: end + 1])
        del self._pending[: end + 1]
        self._lines -= len(line) + _OF_A_LINE
        if self._lines < 0 or len(line) > MOST_LINE:
            raise TooMuch("more lines than were asked for")
        if line[:5].upper() == b"* BYE":  # the library goes on waiting for its tagged answer
            self._until = min(self._until, time.monotonic() + _AFTER_BYE)
        return line

    def _wait(self) -> None:
        left = self._until - time.monotonic()
        if left <= 0:
            raise Broken("an answer slower than any line")
        self.sock.settimeout(min(self._patience, left))

    def _get_tagged_response(self, *args: Any, **named: Any) -> Any:
        """Keeps status and text apart: the library joins them into one sentence of its own."""
        status, data = super()._get_tagged_response(*args, **named)  # type: ignore[misc]  # not in the library's stub
        self.answered = (status, bytes(data[-1] or b"")) if data else (status, b"")
        return status, data
