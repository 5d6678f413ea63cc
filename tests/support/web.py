"""The browser face over a test desk, without a browser: an HTTP client that has come in and sits at the desk.

async with a_town(tmp_path) as town:
    (ada,) = await town.settle("Ada")
    async with at_desk(ada.desk) as web:
        page = await web.get("/")
        page = await web.post("/page/new", {"to": uid})
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from dearly.desk.desk import Desk
from dearly.desk.keeper import Leaving, State
from dearly.letter.errors import Locked
from dearly.web.app import create_app
from dearly.web.gate import Gate
from dearly.web.sessions import COOKIE, Seat
from dearly.web.visit import TOKEN_HEADER, Face

HOST = "0123456789abcdef.localhost:8765"


@dataclass
class DeskKeeper:
    """A keeper of one test desk that is open from the beginning. Locks softly; any passphrase but "wrong" opens."""

    open_desk: Desk | None
    folder: Path = Path("/nonexistent")
    state: State = State.OPEN
    opening: int = 1
    uses: int = field(default=0)

    @property
    def desk(self) -> Desk:
        if self.state is not State.OPEN or self.open_desk is None:
            raise Locked("locked", "The desk is locked.", "Unlock it to go on.")
        return self.open_desk

    def used(self) -> None:
        self.uses += 1

    def wrote(self) -> None:
        """Nothing waits for it."""

    def last_words(self, opening: int) -> Desk | None:
        return None

    async def leaving(self) -> Leaving | None:
        return None

    def soft_lock(self) -> None:
        self.state, self.opening = State.SOFT, self.opening + 1

    async def hard_lock(self) -> list[str]:
        self.state, self.opening = State.CLOSED, self.opening + 1
        return []

    async def create(self, name: str, passphrase: str) -> None:
        raise NotImplementedError

    async def unlock(self, passphrase: str) -> None:
        if passphrase == "wrong":
            raise Locked("wrong_passphrase", "This passphrase does not open the drawer.")
        self.state, self.opening = State.OPEN, self.opening + 1

    async def restore(self, file: Path, passphrase: str) -> None:
        raise NotImplementedError

    async def restore_with_kit(self, kit: str, passphrase: str) -> None:
        raise NotImplementedError


@dataclass
class Web:
    """One browser at the desk. `post` brings origin and token as a page of ours does."""

    client: httpx.AsyncClient
    face: Face
    token: str = ""

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=_fields(headers))

    async def post(
        self,
        path: str,
        form: Mapping[str, str | Sequence[str]] | None = None,
        *,
        files: Any = None,
        **headers: str,
    ) -> httpx.Response:
        data = {"token": self.token, **(form or {})}
        return await self.client.post(
            path, data=data, files=files, headers=_fields({"origin": self.face.origin} | headers)
        )

    async def send(self, path: str, value: Any = None, *, data: bytes | None = None, **headers: str) -> httpx.Response:
        """As a script sends: JSON, or octets."""
        said = {"origin": self.face.origin, TOKEN_HEADER: self.token, "accept": "application/json"} | headers
        if data is not None:
            return await self.client.post(
                path, content=data, headers=_fields({"content-type": "application/octet-stream"} | said)
            )
        return await self.client.post(path, json=value, headers=_fields(said))


def _fields(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def face_of(app: Any) -> Face:
    """What the pages of an app share."""
    assert isinstance(app, Gate)
    face = app._app.state.face  # type: ignore[attr-defined]
    assert isinstance(face, Face)
    return face


@asynccontextmanager
async def at_desk(desk: Desk | None, *, seat: Seat = Seat.DESK, keeper: Any = None) -> AsyncIterator[Web]:
    """A client that sits at this desk."""
    keeper = keeper or DeskKeeper(desk)
    app = create_app(keeper, HOST)
    face = face_of(app)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=True)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
        web = Web(client, face)
        if seat is not Seat.ANYONE:
            session = face.sessions.begin(seat, keeper.opening)
            web.token = session.token
            client.headers["cookie"] = f"{COOKIE}={session.key}"
        yield web
