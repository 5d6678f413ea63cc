"""HTTP/1.1 as the face speaks it: uvicorn's own, whose word to what is no HTTP at all carries our headers too."""

from __future__ import annotations

from collections.abc import Sequence

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from dearly.web.gate import HEADERS


class Http11(H11Protocol):
    """One connection. What cannot be parsed never reaches the gate, so its answer is dressed here."""

    def send_400_response(self, msg: str) -> None:
        """Say that this was no request, and hang up."""
        fields: Sequence[tuple[str, str]] = [
            ("content-type", "text/plain; charset=utf-8"),
            ("connection", "close"),
            *HEADERS.items(),
        ]
        for event in (
            h11.Response(status_code=400, headers=fields, reason="Bad Request"),
            h11.Data(data=b"This is no request that the desk understands.\n"),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
