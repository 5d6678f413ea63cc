"""A POP3 server of which a test says every word: for servers that can little, and for hostile ones.

`Drop` is one maildrop: `lay` puts a message into it, `can` is what CAPA says. `answers` replaces the reply to a command
(by its first word, or by the whole line) with any octets; None ends the line at once. Every command is kept in `said`,
so that a test can see that nothing was ever deleted.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

USER, PASSWORD = "ada@letters.test", "fake-password-for-tests"
CAN = ("TOP", "UIDL", "USER", "PIPELINING", "RESP-CODES", "SASL PLAIN XOAUTH2", "STLS")


@dataclass
class Message:
    uid: str
    data: bytes
    stated: int | None = None
    """What LIST says of its size; None for the truth."""
    torn: int | None = None
    """How many of its octets RETR gives, as if they were all."""


@dataclass
class Drop:
    """What the server has and says."""

    messages: list[Message] = field(default_factory=list)
    can: tuple[str, ...] | None = CAN
    password: str = PASSWORD
    answers: dict[str, bytes | None] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    greeting: bytes = b"+OK ready\r\n"
    context: ssl.SSLContext | None = None
    """For TLS from the first byte, or for STLS."""
    behind_stls: bytes = b""
    """What somebody puts into the line behind the answer to STLS."""
    encrypted: int = 0
    port: int = 0

    def lay(self, data: bytes, uid: str | None = None) -> Message:
        """A message comes."""
        message = Message(f"uid{len(self.messages):08}" if uid is None else uid, data)
        self.messages.append(message)
        return message

    def commands(self) -> set[str]:
        """The first words of all that was ever said to it."""
        return {line.split(" ")[0].upper() for line in self.said}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError, asyncio.LimitOverrunError):
            writer.write(self.greeting)
            while True:
                line = (await reader.readuntil(b"\r\n"))[:-2].decode()
                self.said.append(line)
                word, _space, rest = line.partition(" ")
                if (key := line) in self.answers or (key := word.upper()) in self.answers:
                    fixed = self.answers[key]
                    if fixed is None:
                        break
                    writer.write(fixed)
                elif word == "STLS" and self.context is not None:
                    writer.write(b"+OK begin\r\n" + self.behind_stls)
                    await writer.drain()
                    await writer.start_tls(self.context)
                    self.encrypted += 1
                elif word == "AUTH":
                    writer.write(await self._auth(rest, reader, writer))
                elif word == "QUIT":
                    writer.write(b"+OK farewell\r\n")
                    break
                else:
                    writer.write(self._answer(word.upper(), rest))
                await writer.drain()
        with suppress(ConnectionError, ssl.SSLError):
            await writer.drain()
        writer.close()

    async def _auth(self, rest: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        mechanism, _space, first = rest.partition(" ")
        if not first:
            writer.write(b"+ \r\n")
            first = (await reader.readuntil(b"\r\n"))[:-2].decode()
        proof = base64.b64decode(first).decode()
        wanted = f"\0{USER}\0{self.password}"
        if mechanism == "XOAUTH2":
            wanted = f"user={USER}\1auth=Bearer {self.password}\1\1"
        if proof == wanted:
            return b"+OK in\r\n"
        if mechanism == "XOAUTH2":
            writer.write(b"+ " + base64.b64encode(b'{"status":"400"}') + b"\r\n")
            self.said.append((await reader.readuntil(b"\r\n"))[:-2].decode())
        return b"-ERR [AUTH] not \x1b[31mfrom here\r\n"

    def _answer(self, word: str, rest: str) -> bytes:
        numbered = list(enumerate(self.messages, 1))
        match word:
            case "CAPA" if self.can is not None:
                return _many([line.encode() for line in self.can])
            case "USER":
                return b"+OK\r\n"
            case "PASS":
                return b"+OK\r\n" if rest == self.password else b"-ERR [AUTH] no\r\n"
            case "LIST":
                sizes = [(n, len(m.data) if m.stated is None else m.stated) for n, m in numbered]
                return _many([f"{n} {size}".encode() for n, size in sizes])
            case "UIDL" if self._has("UIDL"):
                return _many([f"{n} {m.uid}".encode() for n, m in numbered])
            case "TOP" if self._has("TOP"):
                message = self.messages[int(rest.split()[0]) - 1]
                return b"+OK\r\n" + _stuffed(message.data.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
            case "RETR":
                message = self.messages[int(rest) - 1]
                return b"+OK\r\n" + _stuffed(message.data[: message.torn])
        return b"-ERR what\r\n"

    def _has(self, what: str) -> bool:
        return self.can is None or what in self.can


def _many(lines: list[bytes]) -> bytes:
    return b"+OK\r\n" + b"".join(line + b"\r\n" for line in lines) + b".\r\n"


def _stuffed(data: bytes) -> bytes:
    data = data if data.endswith(b"\r\n") else data + b"\r\n"
    lines = data[:-2].split(b"\r\n")
    return b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines) + b".\r\n"


@asynccontextmanager
async def listening(drop: Drop, *, tls: bool = False) -> AsyncIterator[Drop]:
    """The server on a free port of this machine, up until the end of the block. `tls`: from the first byte."""
    server = await asyncio.start_server(drop.serve, "127.0.0.1", 0, ssl=drop.context if tls else None, limit=1 << 20)
    drop.port = server.sockets[0].getsockname()[1]
    try:
        yield drop
    finally:
        server.close()
        await asyncio.sleep(0)
