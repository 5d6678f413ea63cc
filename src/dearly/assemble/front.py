"""The web of a process: its address, and the ways in that `dearly` asks for."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Protocol

from dearly.desk.keeper import Keeper
from dearly.desk.threshold import CODE_SECONDS, SECRET_SECONDS, Launch, Threshold, Visitor
from dearly.door.place import make_place
from dearly.letter.errors import NoSpace, Usage
from dearly.letter.words import _

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="referrer" content="no-referrer">
<title>Dearly</title>
<script>location.replace("{url}/launch#{secret}")</script>
<noscript><meta http-equiv="refresh" content="0; url={url}/launch"></noscript>
</head>
<body></body>
</html>
"""
"""Every value in it is ours: hexadecimal digits, a port, and base64url."""


def _chosen_name() -> str:
    """The plain address, where the person's browser finds no other. Raises `Usage` (bad_web_host)."""
    name = os.environ.get("DEARLY_WEB_HOST", "")
    if name in ("", "127.0.0.1", "localhost"):
        return name
    raise Usage(
        "bad_web_host",
        _("The desk answers on this machine alone; DEARLY_WEB_HOST can be 127.0.0.1 or localhost."),
        _("Without it the desk takes a name that nobody can guess."),
    )


class Address(Protocol):
    """Where pages answer."""

    @property
    def url(self) -> str:
        """With its scheme, without a slash at the end."""


class Web(Protocol):
    """What serves the pages: `dearly.web.service`, which `__main__` hands over."""

    def listen(self) -> socket.socket:
        """A socket on a port of loopback that nobody else can take."""

    def secret_name(self) -> str:
        """A host name of this machine that nobody can guess."""

    def serve(
        self, keeper: Keeper, *, listener: socket.socket | None, name: str, threshold: Threshold | None
    ) -> AbstractAsyncContextManager[Address]:
        """The pages, while the block runs. The listener stays the caller's."""


class Front:
    """Serves the pages of one keeper. `name`: the host name without the port; `listener` outlives `pause`."""

    def __init__(self, web: Web, keeper: Keeper, folder: Path, visitors: Sequence[Visitor] = ()) -> None:
        self._web, self._keeper, self._folder = web, keeper, folder
        self._stack = AsyncExitStack()
        self._files: dict[Launch, Path] = {}
        self.threshold = Threshold(keeper, self._forget, visitors)
        self.name, self.url = "", ""
        self.listener: socket.socket

    async def open(self, listener: socket.socket | None = None, name: str = "") -> None:
        """Begin to serve: at the address from before an exec, or a new one."""
        self._sweep()
        chosen = _chosen_name()
        self.listener = listener or self._web.listen()
        self.name = name or chosen or self._web.secret_name()
        address = await self._stack.enter_async_context(
            self._web.serve(self._keeper, listener=self.listener, name=self.name, threshold=self.threshold)
        )
        self.url = address.url

    async def pause(self) -> None:
        """Answer what was asked, and serve no more; whoever comes now waits in the socket."""
        for launch in list(self._files):
            self._forget(launch)
        await self._stack.aclose()

    async def close(self) -> None:
        """Take it down."""
        await self.pause()
        self.listener.close()

    def launch(self) -> dict[str, Any]:
        """A new way in: the address, the code, and a file that leads a browser there for the next minute."""
        launch = self.threshold.launches.new()
        file = self._place("html", f"{os.urandom(8).hex()}.")
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as page:
            page.write(_PAGE.format(url=self.url, secret=launch.secret))
        self._files[launch] = file
        asyncio.get_running_loop().call_later(SECRET_SECONDS, self._forget, launch)
        return {"url": f"{self.url}/", "code": launch.shown_code, "file": str(file), "minutes": int(CODE_SECONDS // 60)}

    def _forget(self, launch: Launch) -> None:
        """Remove a file that has done its work, or will not any more."""
        file = self._files.pop(launch, None)
        if file is not None:
            with suppress(OSError):
                file.unlink()

    def _sweep(self) -> None:
        """Remove what a process that was killed has left."""
        mine = self._place("html")
        for left in mine.parent.glob(f"{mine.stem}.*.html"):
            with suppress(OSError):
                left.unlink()

    def _place(self, kind: str, more: str = "") -> Path:
        place = make_place(os.path.realpath(self._folder), f"{more}{kind}")
        if place is None:
            raise NoSpace(
                "no_door",
                _("There is no folder in which this desk could leave a way in for the browser."),
                _("Set XDG_RUNTIME_DIR to a folder of yours that nobody else may look into."),
            )
        return Path(place)
