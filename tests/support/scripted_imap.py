"""An IMAP server that does what the script says: honest by default (RFC 9051, RFC 3501), and hostile where told.

It lives in the loop of the test, keeps its mailboxes in memory, and writes down every command (`asked`). A test changes
what a message gives (`Message`), what the server greets with and announces, or puts an answer of its own in the place
of any command (`on`): the octets as they go over the wire, `{tag}` standing for the tag.
"""

from __future__ import annotations

import asyncio
import base64
import re
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from tests.support.authority import Issued

MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
USER, PASSWORD = "bert", "fake-password-for-tests"
TODAY = date(2026, 3, 1)
CAPABILITIES = "IMAP4rev1 UIDPLUS MOVE NAMESPACE AUTH=PLAIN"

_ARGUMENT = re.compile(rb'"((?:[^"\\]|\\.)*)"|(\((?:[^()]|\([^()]*\))*\))|([^\s"(\[]*(?:\[[^\]]*\])?[^\s"(]*)')


@dataclass
class Message:
    """`data` is what it is; `given` what a FETCH brings, if another, and `size` what the server says that it weighs."""

    uid: int
    data: bytes
    day: date = TODAY
    flags: set[str] = field(default_factory=set)
    given: Callable[[], bytes | None] | None = None
    size: int | None = None
    head: bytes | None = None

    def body(self) -> bytes | None:
        return self.given() if self.given else self.data


@dataclass
class Folder:
    """One mailbox. `exists` is added to what is said to be there."""

    validity: int = 7
    next: int = 1
    messages: list[Message] = field(default_factory=list)
    attributes: str = ""
    exists: int = 0

    def lay(self, data: bytes, day: date = TODAY, uid: int | None = None) -> Message:
        """A message comes."""
        message = Message(self.next if uid is None else uid, data, day)
        self.messages.append(message)
        self.next = max(self.next, message.uid + 1)
        return message


Script = Callable[["Session", list[str]], bytes | None]


@dataclass
class ScriptedImap:
    """`asked`: every command, as it came. `bodies`: mailbox and UID of every body that was asked for."""

    port: int = 0
    greeting: str = "* OK ready"
    capabilities: str = CAPABILITIES
    after_tls: str | None = None
    injected: bytes = b""
    """Octets sent together with the go-ahead of STARTTLS."""
    password: str = PASSWORD
    token: str = "fake-access-token"
    folders: dict[str, Folder] = field(default_factory=lambda: {"INBOX": Folder()})
    on: dict[str, Script] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    bodies: list[tuple[str, int]] = field(default_factory=list)
    secrets: list[str] = field(default_factory=list)
    """Every secret that was sent, and so given away."""
    connections: int = 0
    prefix: str = ""
    delimiter: str = "/"
    tls: ssl.SSLContext | None = None
    unforeseen: list[Exception] = field(default_factory=list)
    """What the script had no answer for; it fails the test at its end."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def inbox(self) -> Folder:
        return self.folders["INBOX"]

    def times(self, words: str) -> int:
        """How often a command began with these words."""
        return sum(line.upper().startswith(words.upper()) for line in self.asked)

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return len(self._writers)

    def drop(self) -> None:
        """Every connection ends, as where a server has heard nothing for half an hour."""
        for writer in self._writers:
            writer.close()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        self._writers.add(writer)
        try:
            await Session(self, reader, writer).run()
        except (EOFError, OSError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            pass
        except Exception as unforeseen:
            self.unforeseen.append(unforeseen)
        finally:
            self._tasks.discard(task)
            self._writers.discard(writer)
            writer.close()
            with suppress(OSError, ssl.SSLError):
                await writer.wait_closed()


class Session:
    """One connection."""

    def __init__(self, server: ScriptedImap, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.server, self.reader, self.writer = server, reader, writer
        self.at = ""
        self.read_only = True
        self.secured = False

    @property
    def folder(self) -> Folder:
        return self.server.folders[self.at]

    async def run(self) -> None:
        await self.say(self.server.greeting.encode() + b"\r\n")
        while line := await self._command():
            tag, _, rest = line.partition(b" ")
            name, arguments = self._read(rest)
            shown = b" ".join([name.encode(), *arguments]).decode("utf-8", "replace")
            self.server.asked.append(shown)
            script = self.server.on.get(name)
            words = [argument.decode("utf-8", "replace") for argument in arguments]
            told = script(self, words) if script else None
            if told is not None:
                await self.say(told.replace(b"{tag}", tag))
                if not told:
                    return
                continue
            await self._do(tag.decode("latin-1"), name, words)
            if name == "LOGOUT":
                return

    async def say(self, octets: bytes) -> None:
        self.writer.write(octets)
        await self.writer.drain()

    async def _line(self) -> bytes:
        """A whole line; half a one is the end of the connection, and nothing is done for it."""
        line = await self.reader.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    async def _command(self) -> bytes:
        """A whole command, literals taken in."""
        line = b""
        while True:
            part = await self._line()
            line += part.rstrip(b"\r\n")
            literal = re.search(rb"\{(\d+)\}\Z", line)
            if literal is None:
                return line
            await self.say(b"+ go on\r\n")
            octets = await self.reader.readexactly(int(literal[1]))
            line = line[: literal.start()] + b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'

    def _read(self, rest: bytes) -> tuple[str, list[bytes]]:
        arguments = []
        for quoted, group, atom in _ARGUMENT.findall(rest):
            if quoted or group or atom:
                arguments.append(re.sub(rb"\\(.)", rb"\1", quoted) if quoted else group or atom)
        name = arguments.pop(0).decode("latin-1").upper() if arguments else ""
        if name == "UID" and arguments:
            name += " " + arguments.pop(0).decode("latin-1").upper()
        return name, arguments

    async def _do(self, tag: str, name: str, words: list[str]) -> None:
        lines: list[bytes] = []
        done = f"{tag} OK done"
        server = self.server
        match name:
            case "CAPABILITY":
                told = server.after_tls if self.secured and server.after_tls is not None else server.capabilities
                lines.append(f"* CAPABILITY {told}".encode())
            case "STARTTLS":
                await self.say(f"{tag} OK go on\r\n".encode() + server.injected)
                assert server.tls is not None
                try:
                    await self.writer.start_tls(server.tls)
                except KeyError:  # the loop's own, when the client has gone meanwhile
                    raise EOFError from None
                self.secured = True
                return
            case "LOGIN":
                server.secrets.append(words[1])
                if words != [USER, server.password]:
                    done = f"{tag} NO [AUTHENTICATIONFAILED] not you"
            case "AUTHENTICATE":
                done = await self._authenticate(tag, words[0].upper())
            case "LOGOUT":
                lines.append(b"* BYE farewell")
            case "LIST":
                shown = "RETURN" in words or "SPECIAL-USE" not in server.capabilities
                for folder, kept in server.folders.items():
                    attributes = kept.attributes if shown else ""
                    lines.append(f'* LIST ({attributes}) "{server.delimiter}" "{folder}"'.encode())
            case "NAMESPACE":
                lines.append(f'* NAMESPACE (("{server.prefix}" "{server.delimiter}")) NIL NIL'.encode())
            case "CREATE":
                if server.prefix and not words[0].startswith(server.prefix):
                    done = f"{tag} NO [CANNOT] below {server.prefix} only"
                else:
                    server.folders[words[0]] = Folder(validity=100 + len(server.folders))
            case "SUBSCRIBE" | "NOOP":
                pass
            case "SELECT" | "EXAMINE":
                if words[0] not in server.folders:
                    done = f"{tag} NO [NONEXISTENT] no such mailbox"
                else:
                    self.at, self.read_only = words[0], name == "EXAMINE"
                    lines.append(f"* {len(self.folder.messages) + self.folder.exists} EXISTS".encode())
                    lines.append(f"* OK [UIDVALIDITY {self.folder.validity}] valid".encode())
                    lines.append(f"* OK [UIDNEXT {self.folder.next}] next".encode())
                    done = f"{tag} OK [{'READ-ONLY' if self.read_only else 'READ-WRITE'}] here"
            case "UID SEARCH":
                found = " ".join(str(message.uid) for message in self.folder.messages if self._matches(message, words))
                lines.append(f"* SEARCH {found}".rstrip().encode())
            case "UID FETCH":
                for message in self.chosen(words[0]):
                    lines.append(self.fetched(message, words[1]))
            case "UID COPY" | "UID MOVE":
                done = self._copy(tag, name, words, lines)
            case "UID STORE":
                assert not self.read_only
                for message in self.chosen(words[0]):
                    message.flags.update(words[2].strip("()").split())
            case "UID EXPUNGE" | "EXPUNGE":
                assert not self.read_only
                gone = self.chosen(words[0]) if words else list(self.folder.messages)
                for message in gone:
                    if r"\Deleted" in message.flags:
                        self.folder.messages.remove(message)
            case _:
                done = f"{tag} BAD what is {name}"
        await self.say(b"".join(line + b"\r\n" for line in [*lines, done.encode()]))

    async def _authenticate(self, tag: str, mechanism: str) -> str:
        await self.say(b"+ \r\n")
        answer = base64.b64decode(await self._line()).decode()
        server = self.server
        server.secrets.append(answer)
        right = {
            "PLAIN": f"\0{USER}\0{server.password}",
            "XOAUTH2": f"user={USER}\1auth=Bearer {server.token}\1\1",
            "OAUTHBEARER": f"n,a={USER},\1auth=Bearer {server.token}\1\1",
        }
        if answer == right.get(mechanism):
            return f"{tag} OK welcome"
        if mechanism != "PLAIN":  # they tell what was wrong in a challenge, and want an empty answer
            await self.say(b"+ " + base64.b64encode(b'{"status":"401"}') + b"\r\n")
            await self._line()
        return f"{tag} NO [AUTHENTICATIONFAILED] not you"

    def chosen(self, numbers: str) -> list[Message]:
        """The messages of a sequence set, by UID."""
        highest = max((message.uid for message in self.folder.messages), default=0)
        chosen = set()
        for part in numbers.split(","):
            first, _, last = part.partition(":")
            ends = [highest if end == "*" else int(end) for end in (first, last or first)]
            chosen |= {message.uid for message in self.folder.messages if min(ends) <= message.uid <= max(ends)}
        return [message for message in self.folder.messages if message.uid in chosen]

    def fetched(self, message: Message, items: str) -> bytes:
        """One FETCH response."""
        number = self.folder.messages.index(message) + 1
        told: list[bytes] = [f"UID {message.uid}".encode()]
        if "RFC822.SIZE" in items:
            told.append(f"RFC822.SIZE {len(message.data) if message.size is None else message.size}".encode())
        if "BODY.PEEK[]" in items:
            self.server.bodies.append((self.at, message.uid))
            body = message.body()
            told.append(b"BODY[] NIL" if body is None else b"BODY[] {%d}\r\n%s" % (len(body), body))
        if fields := re.search(r"BODY\.PEEK\[HEADER\.FIELDS \(([^)]*)\)\]", items):
            head = chosen_fields(message.data, fields[1].split()) if message.head is None else message.head
            told.append(b"BODY[HEADER.FIELDS (%s)] {%d}\r\n%s" % (fields[1].encode(), len(head), head))
        assert "BODY[" not in items, "that would mark it as read"
        return b"* %d FETCH (%s)" % (number, b" ".join(told))

    def _matches(self, message: Message, words: list[str]) -> bool:
        words = list(words)
        while words:
            match words.pop(0).upper():
                case "UID":
                    if message not in self.chosen(words.pop(0)):
                        return False
                case "SINCE":
                    day, month, year = words.pop(0).split("-")
                    if message.day < date(int(year), MONTHS.index(month) + 1, int(day)):
                        return False
                case "HEADER":
                    name, value = words.pop(0), words.pop(0)
                    if value.encode() not in chosen_fields(message.data, [name.upper()]):
                        return False
                case other:
                    raise AssertionError(f"unforeseen criterion {other}")
        return True

    def _copy(self, tag: str, name: str, words: list[str], lines: list[bytes]) -> str:
        assert not (self.read_only and name == "UID MOVE")
        target = self.server.folders.get(words[1])
        if target is None:
            return f"{tag} NO [TRYCREATE] no such mailbox"
        chosen = self.chosen(words[0])
        copies = [target.lay(message.data, message.day) for message in chosen]
        code = ""
        if "UIDPLUS" in self.server.capabilities and chosen:
            here, there = (",".join(str(message.uid) for message in group) for group in (chosen, copies))
            code = f"[COPYUID {target.validity} {here} {there}] "
        if name == "UID COPY":
            return f"{tag} OK {code}copied"
        lines.append(f"* OK {code}moved".encode())
        for message in chosen:
            lines.append(f"* {self.folder.messages.index(message) + 1} EXPUNGE".encode())
            self.folder.messages.remove(message)
        return f"{tag} OK done"


def chosen_fields(data: bytes, names: list[str]) -> bytes:
    """The header fields of these names, and the empty line."""
    head = data.partition(b"\r\n\r\n")[0] + b"\r\n"
    fields = re.findall(rb"[^\s:]+:[^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", head)
    return b"".join(f for f in fields if f.partition(b":")[0].decode().upper() in names) + b"\r\n"


def server_context(issued: Issued, folder: Path) -> ssl.SSLContext:
    """What a server needs to show this certificate."""
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(issued.certificate)
    files[1].write_bytes(issued.key)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*files)
    return made


@asynccontextmanager
async def scripted_imap(server: ScriptedImap | None = None, *, implicit: bool = False) -> AsyncIterator[ScriptedImap]:
    """A server on loopback, up until the end of the block. `implicit`: with TLS (`server.tls`) from the first octet."""
    server = server or ScriptedImap()
    made = await asyncio.start_server(server.serve, "127.0.0.1", server.port, ssl=server.tls if implicit else None)
    server.port = made.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        made.close()
        for task in list(server._tasks):
            task.cancel()
        await asyncio.gather(*server._tasks, return_exceptions=True)
        await made.wait_closed()
    assert not server.unforeseen, server.unforeseen
