"""HTTP/1.1 as the face speaks it: uvicorn's own, whose word to what is no HTTP at all carries our headers too.

Every account of this machine can connect. Whoever does not know our name can only connect and say nothing, or say
little by little; so many of them would take all the open files that the process may have. Therefore a request begins
soon or never, and of too many that have asked for nothing yet the first to come is the first to go.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from dearly.web.gate import HEADERS

_WORD = b"This is no request that the desk understands.\n"

SECONDS_TO_ASK = 15.0
"""From connecting to the end of the first request's head. Browsers connect ahead, and do so again when it was long."""

MOST_SILENT = 64
"""Connections that have asked for nothing yet."""


class Http11(H11Protocol):
    """One connection."""

    _hanging_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Somebody is there, and has said nothing."""
        super().connection_made(transport)
        self._hanging_up = self.loop.call_later(SECONDS_TO_ASK, self._hang_up)
        silent = [one for one in self.connections if isinstance(one, Http11) and one._hanging_up is not None]
        if len(silent) > MOST_SILENT:
            min(silent, key=_since)._hang_up()

    def data_received(self, data: bytes) -> None:
        """Some of what is asked."""
        super().data_received(data)
        if self.scope is not None:
            self._wait_no_more()

    def connection_lost(self, exc: Exception | None) -> None:
        """They went."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _wait_no_more(self) -> None:
        if self._hanging_up is not None:
            self._hanging_up.cancel()
            self._hanging_up = None

    def _hang_up(self) -> None:
        self._wait_no_more()
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's words are not ours)
        """What cannot be parsed never reaches the gate, so its answer is dressed here: no request, and hang up."""
        fields = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(_WORD)), "connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in (fields | HEADERS).items())
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head.encode("ascii") + b"\r\n" + _WORD)
        self.transport.close()


def _since(one: Http11) -> float:
    """When it came, by the time at which it is hung up on."""
    return one._hanging_up.when() if one._hanging_up is not None else 0.0
