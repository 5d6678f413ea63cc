"""Delta Chat's core as its makers build it, driven by its JSON-RPC (one JSON object a line) as its own faces do."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.peers.mailserver import DOMAIN, PASSWORD, MailServer

SECONDS = 30
"""How long anything may take."""

_SELF = 1
_LAST_SPECIAL = 9
"""Contacts and messages with numbers up to this are the program's own."""


def program() -> str:
    """Its path: beside the Python that runs, where the wheel puts it, or a name to be looked for."""
    beside = Path(sys.executable).parent / "deltachat-rpc-server"
    return str(beside) if beside.exists() else beside.name


class Failed(Exception):
    """It said no; its words are the text."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A letter as it shows it. `padlock`: it was sealed, and signed by the sender's key. `key_contact`: the sender is
    known by a key. `request`: it asks whether to let the sender in. `text`: what the chat shows, cut where it is long.
    `whole`: the HTML behind "show full message", or None. `file`: the enclosure's place, or None."""

    number: int
    chat: int
    padlock: bool
    key_contact: bool
    request: bool
    sender: str
    contact: int
    subject: str
    text: str
    whole: str | None
    file: Path | None


class DeltaChat:
    """The running program, with all its accounts in `folder`."""

    def __init__(self, program: str, folder: Path) -> None:
        self._program, self._folder = program, folder
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._events: dict[int, asyncio.Queue[dict[str, Any]]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            self._program,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "DC_ACCOUNTS_PATH": str(self._folder), "RUST_LOG": "off"},
            limit=1 << 26,
        )
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._pump())]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()  # at the end of its input it ends
        try:
            await asyncio.wait_for(self._process.wait(), SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def call(self, method: str, *parameters: Any, seconds: float | None = SECONDS) -> Any:
        """What the program answers. Raises `Failed`."""
        number = next(self._numbers)
        self._waiting[number] = answer = asyncio.get_running_loop().create_future()
        line = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": parameters})
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line.encode() + b"\n")
            await self._process.stdin.drain()
            return await asyncio.wait_for(answer, seconds)
        finally:
            answer.cancel()  # whoever asked is gone

    async def account(self, name: str, server: MailServer) -> Account:
        """A new account `name`@letters.test, with its mailbox on the server, online."""
        number = await self.call("add_account")
        self._events[number] = asyncio.Queue()
        address = f"{name}@{DOMAIN}"
        line = {"Server": server.host, "Security": "plain", "User": address}
        settings = {f"imap{key}": value for key, value in {**line, "Port": server.imap}.items()}
        settings |= {f"smtp{key}": value for key, value in {**line, "Port": server.smtp}.items()}
        await self.call("set_config", number, "displayname", name.title())
        await self.call("add_or_update_transport", number, {"addr": address, "password": PASSWORD, **settings})
        await self.call("start_io", number)
        return Account(self, number, address, self._events[number])

    @property
    def pid(self) -> int:
        """Of its process, which has no children."""
        return self._process.pid

    async def version(self) -> str:
        """As it names itself."""
        info = await self.call("get_system_info")
        return str(info["deltachat_core_version"])

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            answer = json.loads(line)
            waiting = self._waiting.pop(answer.get("id"), None)
            if waiting is None or waiting.done():
                continue
            if "error" in answer:
                waiting.set_exception(Failed(str(answer["error"].get("message"))))
            else:
                waiting.set_result(answer.get("result"))
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(Failed("the program has ended"))

    async def _pump(self) -> None:
        """Hand out the events to the accounts they belong to."""
        try:
            while True:
                found = await self.call("get_next_event", seconds=None)
                if found["contextId"] in self._events:
                    self._events[found["contextId"]].put_nowait(found["event"])
        except (Failed, OSError):
            return


class Account:
    """One person at Delta Chat."""

    def __init__(self, chat: DeltaChat, number: int, address: str, events: asyncio.Queue[dict[str, Any]]) -> None:
        self._chat, self._number, self.address, self._events = chat, number, address, events
        self._seen: set[int] = set()

    async def call(self, method: str, *parameters: Any) -> Any:
        """A method that takes the account first."""
        return await self._chat.call(method, self._number, *parameters)

    async def card(self) -> bytes:
        """Their own vCard."""
        return str(await self.call("make_vcard", [_SELF])).encode()

    async def take(self, card: str) -> int:
        """Import a vCard; the contact's number."""
        (contact,) = await self.call("import_vcard_contents", card)
        return int(contact)

    async def write(self, contact: int, text: str, file: Path | None = None, answers: int | None = None) -> None:
        """Write to a contact, and come back when the mail server has all of it."""
        chat = await self.call("create_chat_by_contact_id", contact)
        message: dict[str, Any] = {"text": text}
        if file is not None:
            message |= {"file": str(file), "viewtype": "File"}
        if answers is not None:
            message["quotedMessageId"] = answers
        number = await self.call("send_msg", chat, message)
        event = await self._until(lambda one: one["kind"] in ("MsgDelivered", "MsgFailed") and one["msgId"] == number)
        if event["kind"] == "MsgFailed":
            raise Failed(str((await self.call("get_message", number))["error"]))

    async def stop(self) -> None:
        """Go offline, having looked once at what lies in the mailbox: what lies there at first is not fetched."""
        await self._until(lambda one: one["kind"] == "ImapInboxIdle")
        await self.call("stop_io")

    async def sent(self, count: int) -> None:
        """Come back when the mail server has so many more of their letters."""
        for _letter in range(count):
            event = await self._until(lambda one: one["kind"] in ("MsgDelivered", "MsgFailed"))
            if event["kind"] == "MsgFailed":
                raise Failed(str((await self.call("get_message", event["msgId"]))["error"]))

    async def let_in(self, letter: Shown) -> None:
        """Accept whoever wrote this letter."""
        await self.call("accept_chat", letter.chat)

    async def letter(self) -> Shown:
        """The next message from somebody else that it shows."""
        while True:
            event = await self._until(lambda one: one["kind"] in ("IncomingMsg", "MsgsChanged") and one.get("msgId"))
            number = event["msgId"]
            if number in self._seen or number <= _LAST_SPECIAL:
                continue
            try:
                message = await self.call("get_message", number)
            except Failed:  # thrown away: not sealed, not signed, or not for them
                continue
            if message["fromId"] > _LAST_SPECIAL and not message["isInfo"]:
                self._seen.add(number)
                return await self._shown(number, message)

    async def sealed_to(self, contact: int) -> str:
        """What it says of the keys that it uses for the contact."""
        return str(await self.call("get_contact_encryption_info", contact))

    async def _shown(self, number: int, message: dict[str, Any]) -> Shown:
        chat = await self.call("get_basic_chat_info", message["chatId"])
        return Shown(
            number=number,
            chat=message["chatId"],
            padlock=message["showPadlock"],
            key_contact=message["sender"]["isKeyContact"],
            request=chat["isContactRequest"],
            sender=message["sender"]["address"],
            contact=message["fromId"],
            subject=message["subject"],
            text=message["text"],
            whole=await self.call("get_message_html", number) if message["hasHtml"] else None,
            file=Path(message["file"]) if message["file"] else None,
        )

    async def _until(self, wanted: Any) -> dict[str, Any]:
        async with asyncio.timeout(SECONDS):
            while not wanted(event := await self._events.get()):
                pass
        return event
