"""What the desk may ask of its children, and they of it: how a question is named, and how it may end.

Each kind of child has a table of its own, for both sides (`protocol_letters`, `_keys`, `_shown`, `_apart`, `_pictures`,
`_trying`), so that none imports what only another is asked.

A request is answered with exactly one `done`, `failed` or `lost`. Before it, the child says once that it `took` the
request (a child that ends before that has not seen the parcel, so another one may be asked), and an opener may ask
back, each question at most once.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic, TypeVar

from dearly.opener.limits import Locks

MOST_PKESKS = 64
LARGEST_PKESK = 8 << 10
"""Caps on what is handed to the keyholder (A26)."""


class How(Enum):
    """How a request was lost together with its child."""

    TIME = "time"
    MEMORY = "memory"
    CRASHED = "crashed"
    """By a signal of its own making."""
    ENDED = "ended"
    """From outside, or without a word."""
    SILENT = "silent"
    """It said nothing for a minute, and had not used up its processor time: it was stopped, or the machine slept."""
    CONFUSED = "confused"
    """It broke the protocol and was ended for it."""


In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)


@dataclass(frozen=True, slots=True)
class Operation(Generic[In, Out]):
    """A name, the type that goes to the other side, and the type that comes back."""

    name: str
    takes: Any
    gives: Any


READY = Locks
"""The first word of every child: how far it has locked itself down."""
