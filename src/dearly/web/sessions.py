"""Sessions of the browser face: who may do what, until the next lock.

A session is a cookie (HttpOnly, Secure, SameSite=Strict, bound to this host by its `__Host-` name, RFC 6265bis 4.1.3.2)
and a token that every form and fetch carries beside it, because cookies reach other ports of the same host.
A *visitor* came in by the launch, or asked for the lock page; it may unlock, and nothing else. A *seated* session has
the desk. Sessions live in memory alone, and all of them end when the keeper's `opening` changes.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from dearly.desk.threshold import Visitor

COOKIE = "__Host-desk"

_MOST = 200
"""Sessions at a time; the oldest goes, of those that sit at no desk. More than windows that a person opens, less than
a flood can use: whoever may only ask for the lock page drives nobody away from the desk."""

_MOST_ANSWERS = 4


class Seat(IntEnum):
    """What a session may do; each includes the ones before."""

    ANYONE = 0
    """A page that says nothing: the lock page, the launch, the files of the face."""
    LAUNCHED = 1
    """Came in by a launch: may make the first drawer."""
    DESK = 2
    """Sits at the open desk."""


@dataclass(slots=True)
class Session:
    """One browser's session. `key` is the cookie's value, `token` stands in the forms; both are 256 random bits."""

    seat: Seat
    opening: int
    key: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    answers: dict[str, object] = field(default_factory=dict, repr=False)
    """The last pages that answered a form, by the end of their addresses."""
    sought: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What was looked for last, so that it stands there again on the way back; forgotten with the session."""

    def keep(self, answer: object) -> str:
        """Keep a page that answers a form, until some others have; the end of its address."""
        while len(self.answers) >= _MOST_ANSWERS:
            del self.answers[next(iter(self.answers))]
        key = secrets.token_hex(8)
        self.answers[key] = answer
        return key

    def knows(self, token: str) -> bool:
        """Whether this is its token, compared in constant time."""
        return hmac.compare_digest(self.token.encode(), token.encode("utf-8", "surrogatepass"))


class Sessions:
    """All sessions of this process."""

    def __init__(self, visitors: Sequence[Visitor] = ()) -> None:
        self._by_key = {key: Session(Seat(seat), 0, key, token) for seat, key, token in visitors if seat < Seat.DESK}

    def visitors(self) -> list[Visitor]:
        """Those that have no desk: they may outlive this process."""
        return [(int(s.seat), s.key, s.token) for s in self._by_key.values() if s.seat < Seat.DESK]

    def begin(self, seat: Seat, opening: int) -> Session:
        """A new session; the value of its cookie is its `key`."""
        session = Session(seat, opening)
        while len(self._by_key) >= _MOST:
            idle = (one.key for one in self._by_key.values() if one.seat < Seat.DESK or one.opening != opening)
            del self._by_key[next(idle, next(iter(self._by_key)))]
        self._by_key[session.key] = session
        return session

    def find(self, key: str, opening: int) -> Session | None:
        """The session of a cookie. A seated one of an earlier opening is none any more."""
        session = self._by_key.get(key)
        if session is None or (session.seat is Seat.DESK and session.opening != opening):
            return None
        return session

    def before(self, token: str) -> Session | None:
        """The seated session of a token, also one that a lock has ended: for the last words of a page (see `visit`).
        The cookie may be that of the lock page by then."""
        found = None
        for session in self._by_key.values():
            if session.knows(token) and session.seat is Seat.DESK:
                found = session
        return found

    def end(self, session: Session) -> None:
        """Forget it."""
        self._by_key.pop(session.key, None)
