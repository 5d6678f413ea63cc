"""The three ways in which JMAP says no: to a request, to a call, to one object (RFC 8620 3.6 and 5.3)."""

from __future__ import annotations

from typing import Any

_URN = "urn:ietf:params:jmap:error:"


class RequestError(Exception):
    """The request as a whole cannot be answered (RFC 8620 3.6.1); `kind` without its urn prefix."""

    def __init__(self, kind: str, detail: str, *, status: int = 400, limit: str | None = None) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.status, self.limit = kind, detail, status, limit

    def problem(self) -> dict[str, Any]:
        """The body of the answer (RFC 9457)."""
        kind = "about:blank" if self.kind == "about:blank" else _URN + self.kind
        body: dict[str, Any] = {"type": kind, "status": self.status, "detail": self.detail}
        return body | ({"limit": self.limit} if self.limit else {})


class MethodError(Exception):
    """One call cannot be answered (RFC 8620 3.6.2)."""

    def __init__(self, kind: str, description: str = "") -> None:
        super().__init__(description)
        self.kind, self.description = kind, description

    def answer(self) -> dict[str, Any]:
        """The arguments of the "error" response."""
        return {"type": self.kind} | ({"description": self.description} if self.description else {})


class SetError(Exception):
    """One object of a /set, import or upload is refused (RFC 8620 5.3)."""

    def __init__(self, kind: str, description: str = "", **more: object) -> None:
        super().__init__(description)
        self.kind, self.description, self.more = kind, description, more

    def answer(self) -> dict[str, Any]:
        """The SetError object."""
        return {"type": self.kind} | ({"description": self.description} if self.description else {}) | self.more
