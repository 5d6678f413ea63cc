"""Tickets: the last piece of the path of a file that is saved, which nobody can guess.

A ticket is made of the session's own secret, so it is good for this browser until the next lock, and stands nowhere.
"""

from __future__ import annotations

import hashlib
import hmac

from dearly.letter.errors import NotFound
from dearly.letter.words import _
from dearly.web.visit import Visit


def ticket(visit: Visit, *what: str | int) -> str:
    """The ticket for this thing, 32 hex digits."""
    secret = visit.session.key.encode() if visit.session else b""
    return hmac.new(secret, "/".join(map(str, what)).encode(), hashlib.sha256).hexdigest()[:32]


def check(visit: Visit, given: str, *what: str | int) -> None:
    """Raises `NotFound` (no_enclosure) for a ticket that is not the one for this thing."""
    if visit.session is None or not hmac.compare_digest(ticket(visit, *what).encode(), given.encode()):
        raise NotFound(
            "no_enclosure",
            _("This link was good until the desk was locked."),
            _("Open the letter again and save it from there."),
        )
