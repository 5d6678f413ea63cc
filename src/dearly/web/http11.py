"""HTTP/1.1 as the face speaks it: uvicorn's own, whose word to what is no HTTP at all carries our headers too."""

from __future__ import annotations

from uvicorn.protocols.http.h11_impl import H11Protocol

from dearly.web.gate import HEADERS

_WORD = b"This is no request that the desk understands.\n"


class Http11(H11Protocol):
    """One connection. What cannot be parsed never reaches the gate, so its answer is dressed here."""

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 (uvicorn's words are not ours)
        """Say that this was no request, and hang up."""
        fields = {"content-type": "text/plain; charset=utf-8", "content-length": str(len(_WORD)), "connection": "close"}
        head = "".join(f"{name}: {value}\r\n" for name, value in (fields | HEADERS).items())
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head.encode("ascii") + b"\r\n" + _WORD)
        self.transport.close()
