"""An SMTP server of which a test says every word, good or bad.

Left alone it is a decent one: it announces what submission servers announce, takes every letter, and keeps it in
`kept`. A test gives `answer`, which is asked before each reply, with the verb ("" for the greeting, "." for the end of
a letter, "334" for an answer to a challenge) and the whole line; None leaves the reply to the server, octets are said
in its place, and `Say` can do more: hang up, fall silent, keep a letter whatever is said about it.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

EHLO = ("mail.letters.test", "SIZE 1000000", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "PIPELINING")
USER, PASSWORD, TOKEN = "ada@letters.test", "fake-password-for-tests", "fake-token-for-tests"


@dataclass(frozen=True)
class Say:
    """`data`, and then: `cut` the line, stay `silent` for ever, or drip on, octet by octet. `keeps`: whether a letter
    that ended here is kept; None: if `data` says 2yz."""

    data: bytes = b""
    cut: bool = False
    silent: bool = False
    drips: bool = False
    keeps: bool | None = None


@dataclass(frozen=True)
class Kept:
    """A letter that the server took responsibility for."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    encrypted: bool


@dataclass
class Session:
    """One connection. `number`: from 1. `lines`: its commands. `kept`: how many letters it brought."""

    number: int
    encrypted: bool = False
    user: str = ""
    sender: str = ""
    recipients: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    kept: int = 0


Answer = Callable[[str, str, Session], bytes | Say | None]


class ScriptedSmtp:
    """`kept`: every letter, in order. `sessions`: every connection. `wires`: the octets of every DATA, as they came."""

    def __init__(self, answer: Answer, trust: ssl.SSLContext | None, ehlo: tuple[str, ...], *, starttls: bool) -> None:
        self.answer, self.ehlo = answer, ehlo
        self.kept: list[Kept] = []
        self.taken: Callable[[Kept], None] = lambda _kept: None
        """Told of every letter that is kept."""
        self.wires: list[bytes] = []
        self.sessions: list[Session] = []
        self.port = 0
        self._trust, self._starttls = trust, starttls
        self._writers: set[asyncio.StreamWriter] = set()

    @property
    def lines(self) -> list[str]:
        """Every command of every connection."""
        return [line for session in self.sessions for line in session.lines]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session = Session(len(self.sessions) + 1, encrypted=self._trust is not None and not self._starttls)
        self.sessions.append(session)
        self._writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            await self._talk(session, reader, writer)
        writer.close()
        with suppress(TimeoutError, OSError):
            await asyncio.wait_for(writer.wait_closed(), 1)
        self._writers.discard(writer)

    def close(self) -> None:
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _talk(self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        said = await self._say(session, writer, "", "", b"220 mail.letters.test ESMTP\r\n")
        while said is not None:
            line = (await reader.readuntil(b"\r\n")).decode().removesuffix("\r\n")
            session.lines.append(line)
            challenged = said.startswith(b"334")
            verb = "334" if challenged else line.split(" ")[0].split(":")[0].upper()
            said = await self._say(session, writer, verb, line, self._usual(session, verb, line))
            if said is None or verb == "QUIT":
                return
            if verb == "STARTTLS" and said.startswith(b"220") and self._trust is not None:
                await writer.start_tls(self._trust)
                session.encrypted = True
            if verb == "DATA" and said.startswith(b"354"):
                said = await self._letter(session, reader, writer)

    async def _letter(
        self, session: Session, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes | None:
        wire = b""
        try:
            while not (wire == b".\r\n" or wire.endswith(b"\r\n.\r\n")):
                wire += await reader.readuntil(b"\r\n")
        finally:
            self.wires.append(wire)
        data = wire.removesuffix(b".\r\n")
        whole = (b"\r\n" + data).replace(b"\r\n..", b"\r\n.").removeprefix(b"\r\n")
        kept = Kept(session.sender, tuple(session.recipients), whole, session.encrypted)
        session.sender, session.recipients = "", []
        return await self._say(session, writer, ".", ".", b"250 2.0.0 taken\r\n", kept)

    def _usual(self, session: Session, verb: str, line: str) -> bytes:
        path = line.partition("<")[2].partition(">")[0]
        match verb:
            case "EHLO":
                words = [*self.ehlo]
                if self._starttls and not session.encrypted:
                    words.append("STARTTLS")
                if session.encrypted or self._trust is None:
                    words.append("AUTH PLAIN LOGIN")
                lines = [f"250-{word}" for word in words]
                lines[-1] = lines[-1].replace("-", " ", 1)
                return "\r\n".join([*lines, ""]).encode()
            case "AUTH" if line.startswith("AUTH PLAIN "):
                plain = base64.b64decode(line.split(" ")[2]).split(b"\0")
                good = plain == [b"", USER.encode(), PASSWORD.encode()]
                return b"235 2.7.0 hello\r\n" if good else b"535 5.7.8 no\r\n"
            case "MAIL":
                session.sender = path
            case "RCPT":
                session.recipients.append(path)
            case "DATA":
                return b"354 go on\r\n"
            case "RSET":
                session.sender, session.recipients = "", []
            case "STARTTLS":
                return b"220 go\r\n"
            case "QUIT":
                return b"221 bye\r\n"
        return b"250 2.0.0 ok\r\n"

    async def _say(
        self,
        session: Session,
        writer: asyncio.StreamWriter,
        verb: str,
        line: str,
        usual: bytes,
        kept: Kept | None = None,
    ) -> bytes | None:
        """What was said; None: the end of this line."""
        told = self.answer(verb, line, session)
        say = told if isinstance(told, Say) else Say(usual if told is None else told)
        refused = verb == "RCPT" and not say.data.startswith(b"2")
        if refused:
            session.recipients.pop()
        if kept is not None and (say.data.startswith(b"2") if say.keeps is None else say.keeps):
            self.kept.append(kept)
            self.taken(kept)
            session.kept += 1
        writer.write(say.data)
        await writer.drain()
        while say.drips:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)
        if say.silent:
            await asyncio.Event().wait()
        return None if say.cut else say.data


@asynccontextmanager
async def scripted_smtp(
    answer: Answer = lambda _verb, _line, _session: None,
    *,
    trust: ssl.SSLContext | None = None,
    starttls: bool = False,
    ehlo: tuple[str, ...] = EHLO,
) -> AsyncIterator[ScriptedSmtp]:
    """The server, up until the end of the block. `trust`: with TLS, from the first byte or after STARTTLS."""
    scripted = ScriptedSmtp(answer, trust, ehlo, starttls=starttls)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with suppress(asyncio.CancelledError):
            await scripted.serve(reader, writer)
        tasks.discard(task)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=None if starttls else trust, limit=1 << 20)
    scripted.port = server.sockets[0].getsockname()[1]
    try:
        yield scripted
    finally:
        server.close()
        for _step in range(5):  # who was let in just now gets as far as being served, and can be sent away
            await asyncio.sleep(0)
        for task in tuple(tasks):
            task.cancel()
        scripted.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
