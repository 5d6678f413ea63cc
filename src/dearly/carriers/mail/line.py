"""A line to an SMTP server: commands out, complete replies in. It blocks, and is used from a thread.

`smtplib` is not used: it takes the first three octets of a cut reply for a code, keeps what an attacker put behind
STARTTLS, and passes bare line ends on (docs/threats.md A22, A23). What is needed of the protocol is little.

Whatever goes wrong is `Gone`: the line is of no more use then. What that means for a letter depends on how far it had
come, which `submission` knows. Nothing is sent while anything unread lies there: an answer that came before its
question is no answer.
"""

from __future__ import annotations

import base64
import socket
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass

from dearly.carriers.base import said
from dearly.carriers.mail import replies, tls
from dearly.carriers.mail.replies import Abilities, NoReply, Reading, Reply, abilities
from dearly.letter.account import Security, Server, on_this_machine
from dearly.letter.errors import CarrierTrouble
from dearly.letter.words import _

GREETING_NAME = "[127.0.0.1]"
"""What we call ourselves (RFC 5321 4.1.3): the machine's own name would stand in the header of every letter."""

_PIECE = 64 * 1024
_ENCODED = 500
"""Octets of a first response that go with the AUTH command; longer ones are asked for (RFC 4954 4)."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds to wait. RFC 5321 4.5.3.2 asks for 300 for an answer, 180 for a piece of a letter to leave, and 600 after
    the final dot: a client that gives up earlier than the server makes doubles (F07). We wait two minutes more."""

    connect: float = 30
    answer: float = 300
    piece: float = 180
    final: float = 720


class Gone(Exception):
    """The line broke, fell silent or said what cannot be read. `why`: for a person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Line:
    """One connection to `server`. `trust`: as `tls.context` makes it; None only where it is spoken with in the clear.

    `abilities`: what the server announced, once the line is open. `usable`: whether more may be asked; False for ever
    after a `Gone`, which every act raises, and after a 421."""

    def __init__(self, server: Server, trust: ssl.SSLContext | None, patience: Patience) -> None:
        self.server, self.patience = server, patience
        self.host = said(server.host)
        self.abilities = Abilities({})
        self._trust = trust
        self._unread = bytearray()
        self._socket: socket.socket | None = None
        self._ended = False
        self.usable = True

    def open(self) -> None:
        """Connect, encrypt, greet. Raises `CarrierTrouble` too, for what a person has to see to."""
        try:
            self._connect()
            if self.server.security is Security.TLS:
                self._encrypt()
            self._greeted()
            self.abilities = self._hello()
            if self.server.security is Security.STARTTLS:
                self._start_tls()
                self.abilities = self._hello()
        except BaseException:
            self.close()
            raise

    @property
    def encryption(self) -> str:
        """The version of TLS, or "" for none."""
        return (self._socket.version() or "") if isinstance(self._socket, ssl.SSLSocket) else ""

    def ask(self, command: str, patience: float | None = None) -> Reply:
        """Say one command line, and hear the reply. A 421 ends the line (RFC 5321 3.8)."""
        if any(c in command for c in "\r\n\0"):
            raise AssertionError("a line end in a command")  # every value in it was checked where it was made (A24)
        self._say(command.encode() + b"\r\n")
        return self.hear(self.patience.answer if patience is None else patience)

    def authenticate(self, mechanism: str, first: bytes, end: bytes) -> Reply:
        """AUTH (RFC 4954) with a mechanism that says everything in `first`. `end`: what a further challenge is answered
        with; it can only be the server's account of why it refuses."""
        encoded = base64.b64encode(first).decode()
        if len(encoded) > _ENCODED:
            reply = self.ask(f"AUTH {mechanism}")
            reply = self.answer(first) if reply.kind == 3 else reply
        else:
            reply = self.ask(f"AUTH {mechanism} {encoded}")
        return self.answer(end) if reply.kind == 3 else reply

    def answer(self, challenge: bytes) -> Reply:
        """Answer a challenge of AUTH, encoded."""
        return self.ask(base64.b64encode(challenge).decode())

    def send_letter(self, data: bytes) -> None:
        """The octets of a letter as they go over the line, all but the final dot (see `stuffed`)."""
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            self._say(view[start : start + _PIECE], look=start == 0)
        self._nothing_unasked()

    def send_final_dot(self) -> None:
        """From the first octet of this on, the letter may be accepted (RFC 5321 4.1.1.4)."""
        self._say(b".\r\n", look=False)

    def hear(self, patience: float) -> Reply:
        """The next reply, complete within `patience` seconds."""
        until = time.monotonic() + patience
        reading = Reading()
        while True:
            line = self._read_line(until)
            try:
                reply = reading.take(line)
            except NoReply:
                raise self._gone(_("The answer of {host} cannot be read.").format(host=self.host)) from None
            if reply is not None:
                self.usable = self.usable and reply.code != replies.CLOSING
                return reply

    def leave(self) -> None:
        """QUIT, and the end. What the server says to it changes nothing any more."""
        if self.usable:
            with suppress(Gone):
                self.ask("QUIT", min(self.patience.answer, 2.0))
        self.close()

    def close(self) -> None:
        """The end, without a word. By the thread that uses the line."""
        self.cut()
        if self._socket is not None:
            self._socket.close()

    def cut(self) -> None:
        """The end, at once, from another thread: whoever waits on this line hears `Gone`."""
        self._ended, self.usable = True, False
        if self._socket is not None:
            # Not SSLSocket.shutdown: that one forgets the encryption first, and can still be written to after it.
            with suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    # -- the beginning of a line

    def _connect(self) -> None:
        try:
            made = socket.create_connection((self.server.host.strip("[]"), self.server.port), self.patience.connect)
        except (OSError, UnicodeError):  # the second: no name of a host at all
            raise self._gone(_("There is no connection to {host}.").format(host=self.host)) from None
        self._socket = made
        if self.server.security is Security.PLAIN and not on_this_machine(made.getpeername()[0]):
            raise self._broke()  # a name of this machine that leads elsewhere: nothing is said there in the clear
        # Commands are small and answered one by one: waiting for more to send would cost 40 ms each.
        with suppress(OSError):
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _encrypt(self) -> None:
        assert self._trust is not None
        plain = self._open_socket
        plain.settimeout(self.patience.connect)
        try:
            self._socket = self._trust.wrap_socket(plain, server_hostname=self.server.host.strip("[]"))
        except ssl.SSLError as error:
            raise tls.trouble(self.host, self.server.port, error) or self._broke() from None
        except (OSError, ValueError):  # ValueError: a host name that can be in no certificate
            raise self._broke() from None

    @property
    def _open_socket(self) -> socket.socket:
        if self._socket is None or self._ended:
            raise self._broke()
        return self._socket

    def _greeted(self) -> None:
        reply = self.hear(self.patience.answer)
        if reply.code != 220:
            raise self._not_served(reply)

    def _hello(self) -> Abilities:
        reply = self.ask(f"EHLO {GREETING_NAME}")
        if reply.code != 250:
            raise self._not_served(reply)
        return abilities(reply)

    def _start_tls(self) -> None:
        """RFC 3207. Whoever stands between can take the offer away, or put words in behind it: then we do not go on."""
        if "STARTTLS" not in self.abilities:
            raise CarrierTrouble(
                "no_encryption",
                _("{host} offers no encryption at port {port}.").format(host=self.host, port=self.server.port),
                _("Nothing was said to it. Use TLS from the first byte (--security tls), or ask the provider."),
                retry=True,
            )
        reply = self.ask("STARTTLS")
        if reply.code != 220:
            raise self._not_served(reply)
        if self._unread:
            raise CarrierTrouble(
                "meddled_line",
                _("Something was put into the line to {host} before it was encrypted.").format(host=self.host),
                _("Nothing was said to it. Try another network, or TLS from the first byte (--security tls)."),
                retry=True,
            )
        self._encrypt()

    def _not_served(self, reply: Reply) -> Exception:
        if reply.kind == 5:
            return CarrierTrouble(
                "server_refuses",
                _("{host} does not serve us: {words}").format(host=self.host, words=reply.words),
                _("Look whether the server and the port are those that the provider names for letters that go."),
            )
        return self._gone(_("{host} does not serve us now: {words}").format(host=self.host, words=reply.words))

    # -- octets

    def _say(self, data: bytes | memoryview, *, look: bool = True) -> None:
        if look:
            self._nothing_unasked()
        try:
            line = self._open_socket
            line.settimeout(self.patience.piece)
            line.sendall(data)
        except OSError:
            raise self._broke() from None

    def _nothing_unasked(self) -> None:
        """Raises `Gone` where the server has said something that nobody asked for (or has hung up)."""
        if not self._unread:
            try:
                line = self._open_socket
                line.settimeout(0)
                self._take(line.recv(replies.MOST_LINE))
            except (BlockingIOError, ssl.SSLWantReadError):
                return
            except OSError:
                raise self._broke() from None
        # The one thing a server may say unasked is that it ends the session (RFC 5321 3.8).
        words = bytes(self._unread).partition(b"\r\n")[0].decode("utf-8", "replace")
        if words.startswith(str(replies.CLOSING)):
            raise self._gone(_("{host} ended the session: {words}").format(host=self.host, words=said(words)))
        raise self._gone(_("{host} answers what was not asked.").format(host=self.host))

    def _read_line(self, until: float) -> bytes:
        """One line with its end. A bare LF ends it too, and then it is no reply."""
        while (end := self._unread.find(b"\n")) < 0:
            if len(self._unread) > replies.MOST_LINE:
                raise self._gone(_("The answer of {host} cannot be read.").format(host=self.host))
            left = until - time.monotonic()
            if left <= 0:
                raise self._silent()
            try:
                open_socket = self._open_socket
                open_socket.settimeout(left)
                self._take(open_socket.recv(replies.MOST_LINE))
            except TimeoutError:
                raise self._silent() from None
            except OSError:
                raise self._broke() from None
        line = bytes(self._unread[: end + 1])
        del self._unread[: end + 1]
        return line

    def _take(self, data: bytes) -> None:
        if not data:
            raise self._broke()
        self._unread += data

    def _gone(self, why: str) -> Gone:
        self.usable = False
        return Gone(why)

    def _broke(self) -> Gone:
        return self._gone(_("The connection to {host} broke.").format(host=self.host))

    def _silent(self) -> Gone:
        return self._gone(_("{host} did not answer in time.").format(host=self.host))


def stuffed(data: bytes) -> bytes:
    """`data` with every dot that begins a line doubled (RFC 5321 4.5.2)."""
    doubled = data.replace(b"\r\n.", b"\r\n..")
    return b"." + doubled if data.startswith(b".") else doubled
