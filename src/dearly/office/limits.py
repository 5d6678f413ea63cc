"""What the office bounds, in one value, so that an operator, a test and the session object read the same numbers."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from typing import Any

from dearly.letter.errors import Usage
from dearly.letter.words import _


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes. The first eight are told to clients in the session (RFC 8620 2, RFC 9404 3.1)."""

    upload: int = 70_000_000
    """The largest parcel: one with 50 MB of enclosures, sealed and armored, passes."""
    uploads_at_once: int = 4
    request: int = 10_000_000
    requests_at_once: int = 8
    calls: int = 64
    get: int = 500
    set: int = 500
    sources: int = 64
    """Data sources of one blob in `Blob/upload`; RFC 9404 3.1 demands at least 64."""

    answer: int = 16_000_000
    """Blob and header bytes in one answer. Larger parcels are fetched one by one from the download address."""
    quota: int = 1_000_000_000
    """What may lie in the office for one account: waiting parcels, and what it has uploaded."""
    world_an_hour: int = 60
    """Recipients of one account that are queued for the world within an hour, where there is a smarthost."""
    trying: timedelta = timedelta(days=5)
    """How long a letter is tried that the smarthost does not take just now (RFC 5321 4.5.4.1: four to five days)."""
    recipients: int = 100
    """Of one submission (RFC 8621 7.5 tooManyRecipients)."""
    header_block: int = 65_536
    """The outer header of a parcel."""
    memory: int = 150_000_000
    """Bodies of uploads under way, all accounts together; examining one needs about three times its size."""

    kept: timedelta = timedelta(days=30)
    """How long a fetched parcel, and the sender's own copy, stay."""
    remembered: timedelta = timedelta(days=400)
    """How long a submission stays as proof that it was made, and so how long its key is honoured."""
    unclaimed: timedelta = timedelta(days=1)
    """How long an upload stays that no Email was made of (RFC 8620 6.1: at least an hour)."""
    invitation: timedelta = timedelta(days=7)
    changes: timedelta = timedelta(days=90)
    """How far back `Email/changes` can answer about what was destroyed."""

    connections: int = 500
    """At once; below the 1,024 open files that most systems allow a process."""
    connections_each: int = 64
    """From one address; not counted on loopback, where a reverse proxy may stand for everyone."""
    head_seconds: float = 15.0
    """For the whole head of a request, from the connection's beginning."""
    idle_seconds: float = 75.0
    """Between two requests of one connection."""
    body_seconds: float = 20.0
    """Between two pieces of a body, in either direction."""
    body_rate: int = 2_000
    """Bytes a second that a sender keeps up on average, after the first `body_seconds`."""
    requests_a_minute: int = 0
    """Of one account, at one node. 0: as many as it likes."""
    failures: int = 20
    """Wrong tokens or invitations a minute from one address, before it is told to wait. Right ones always pass."""


DEFAULT = Limits()

_SIZES = frozenset({"upload", "request", "answer", "quota", "header_block", "memory"})
_UNITS = {"": 1, "b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZE = re.compile(r"\s*(\d{1,15})\s*([a-z]*)\s*\Z", re.IGNORECASE)


def size_of(text: str) -> int:
    """Bytes of a size such as "500 MB". Raises `Usage` (bad_size)."""
    match = _SIZE.match(text)
    if match is None or match[2].lower() not in _UNITS:
        raise Usage("bad_size", _("“{text}” is not a size.").format(text=text[:40]), _("Such as 500 MB, or 2 GB."))
    return int(match[1]) * _UNITS[match[2].lower()]


def from_toml(text: str) -> Limits:
    """The limits with what an operator's file says: a line for each, named as here. Sizes as bytes or text such as
    "2 GB"; spans of time as days. Raises `Usage` (bad_limits, bad_size)."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise Usage("bad_limits", _("The file of limits is not TOML: {why}.").format(why=e)) from None
    usual = {f.name: getattr(DEFAULT, f.name) for f in fields(Limits)}
    return replace(DEFAULT, **{name: _value(name, value, usual.get(name)) for name, value in given.items()})


def _value(name: str, value: Any, usual: Any) -> Any:
    if name in _SIZES and isinstance(value, str):
        value = size_of(value)
    number = isinstance(value, int | float) and not isinstance(value, bool) and (value > 0 or value == usual)
    if isinstance(usual, timedelta) and number and value < 40_000:
        return timedelta(days=value)
    if (isinstance(usual, int) and number and isinstance(value, int)) or (isinstance(usual, float) and number):
        return type(usual)(value)
    raise Usage(
        "bad_limits",
        _("The file of limits has a line that cannot be used: {name}.").format(name=name[:60]),
        _("docs/office.md lists the names and what they may be."),
    )
