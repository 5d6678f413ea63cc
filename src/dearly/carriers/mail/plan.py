"""What to look at in a mailbox, what to fetch together, and when a message has come whole. Pure.

UIDs order a mailbox (RFC 9051 2.3.1.1): what is above the last one judged is new. That holds as long as the server
keeps its word, and `stands` says whether it did.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta

from dearly.carriers.base import MOST_HEAD, MOST_PARCEL
from dearly.carriers.mail.imapvalues import Standing

LOOK_BACK = timedelta(days=30)
"""How far back a mailbox is looked through where nothing is known of it. What is older comes by import."""
CHUNK = 250
"""Headers asked for at once. RFC 7162 4 would have a command line below 8,192 octets."""
TOGETHER, MOST_TOGETHER = 8_000_000, 100
"""Octets and number of messages fetched with one command; one message may be larger."""
MARKS = 4
"""Of how many of the last messages it is remembered what they were."""
FIELDS = (
    *("From", "To", "Cc", "Date", "Subject", "Message-ID", "In-Reply-To", "References", "Content-Type", "MIME-Version"),
    *("List-Id", "List-Post", "List-Unsubscribe", "List-Help", "List-Archive", "Precedence", "Auto-Submitted"),
    *("Feedback-ID", "Return-Path", "Autocrypt", "Chat-Version", "Chat-Is-Post-Message", "X-Failed-Recipients"),
)
"""What is asked for of a header: what a sieve needs, and nothing else."""

_MOST_UID = 2**32 - 1
_NAMES_IT = re.compile(rb"(?im)^(?:message-id|date|from):[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")
_CONTENT_TYPE = re.compile(rb"(?im)^content-type:[ \t]*multipart/[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")
_BOUNDARY = re.compile(rb'(?i);\s*boundary\s*=\s*(?:"([^"\r\n]{1,200})"|([^\s";]{1,200}))')


def since(now: datetime, before: date | None = None, seen: date | None = None) -> date:
    """From which day on messages are looked at: `LOOK_BACK` days back, or further where the last whole look through
    this mailbox (`seen`) is longer ago, or an earlier answer to this (`before`) was an earlier day: a clock that runs
    ahead must not hide anything for good (F11)."""
    days = [now.date() - LOOK_BACK, *([before] if before else []), *([seen - timedelta(days=2)] if seen else [])]
    return min(days)


def above(found: Iterable[int], last: int) -> list[int]:
    """The UIDs above `last`, ascending, each once. «n:*» always names the last message too (RFC 9051 9, seq-range), and
    what no UID can be is none."""
    return sorted({uid for uid in found if last < uid <= _MOST_UID})


def mark(head: bytes) -> str:
    """What a message is known again by: of its Message-ID, Date and From."""
    return hashlib.sha256(b"\n".join(_NAMES_IT.findall(head[:MOST_HEAD]))).hexdigest()[:16]


def stands(validity: int, last: int, standing: Standing, marks: Mapping[int, str], found: Mapping[int, str]) -> bool:
    """Whether the UIDs of a mailbox still mean what they meant. `marks`: of messages judged; `found`: what lies under
    these UIDs now.

    They do not under another UIDVALIDITY (F27), nor where one of them is another message now (F29). Where UIDNEXT is
    not above what was judged, they do only if one of them is proven to be the same (F28)."""
    if standing.validity != validity or any(found[uid] != made for uid, made in marks.items() if uid in found):
        return False
    return not last or not standing.next or standing.next > last or bool(found)


def batch(sizes: Sequence[int]) -> int:
    """How many messages, from the first, are fetched with one command."""
    weight = 0
    for n, size in enumerate(sizes[:MOST_TOGETHER]):
        weight += size
        if n and weight > TOGETHER:
            return n
    return min(len(sizes), MOST_TOGETHER)


def measure(size: int) -> int:
    """How many octets of a message are let in that is said to have `size`. Some servers count line ends once."""
    return min(2 * size, MOST_PARCEL) + 65_536


def exact(data: bytes | None, size: int) -> bool:
    """Whether it has come whole, as the server counts."""
    return data is not None and len(data) == size > 0


def plausible(data: bytes, size: int) -> bool:
    """Whether what is not `exact` is whole all the same, if it came twice alike: nothing can be missing from more than
    was promised, nor where its own last boundary stands at its end."""
    return bool(data) and (len(data) > size or _closed(data))


def _closed(data: bytes) -> bool:
    """Whether `data` is a multipart that ends with its close delimiter (RFC 2046 5.1.1)."""
    head, empty, _body = data[:MOST_HEAD].partition(b"\r\n\r\n")
    kind = _CONTENT_TYPE.search(head) if empty else None
    boundary = _BOUNDARY.search(kind[0]) if kind else None
    if boundary is None:
        return False
    end = b"\n--" + (boundary[1] or boundary[2]) + b"--"
    return data.endswith(b"\r\n") and data[-1_000:].rstrip(b"\r\n").endswith(end)
