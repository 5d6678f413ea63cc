"""What reading finds in the bytes of a letter: values only, with offsets into the original, which is never rewritten.

Everything here is a *claim* of whoever made the bytes, even when it was signed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from dearly.letter.address import Correspondent
from dearly.letter.content import Enclosure, LetterId


@dataclass(frozen=True, slots=True)
class Part:
    """One MIME entity (RFC 2045 2.4), as offsets into the original bytes.

    `start`..`end` is the whole entity with its header section, `body`..`end` its content still in transfer encoding.
    `parent` is the index of the containing part in `Outline.parts`, -1 for the root. `container` is true for a
    multipart that was taken apart; its children follow it. What is never taken apart is a leaf: attached messages
    and sealed or otherwise opaque multiparts below the root (A03, A06). All text is lower case but `filename`,
    `cid`, `boundary` and `parameters`' values; `filename` is decoded but not cleaned."""

    start: int
    body: int
    end: int
    parent: int
    depth: int
    container: bool
    content_type: str
    charset: str | None = None
    cte: str = "7bit"
    disposition: str | None = None
    filename: str | None = None
    cid: str | None = None
    parameters: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outline:
    """A letter's header and the places of its parts.

    `headers`: (lower-case name, value unfolded, decoded and cleaned for showing) in the order of the bytes.
    `froms`: the one correspondent of the one From field, or empty when there is none, more than one, or it cannot
    be read with certainty (A20): then nothing is claimed about the sender; `from_fields` is how many fields there
    were. `date` is aware and carries the offset as written. `letter_no` and `letter_format` are our own fields.
    `autocrypt`: values of Autocrypt fields, undecoded. `hp`: the hp parameter of the root ("cipher", "clear" or
    None; RFC 9788 2.1.1). `hp_outer`: (lower-case name, undecoded value) of each HP-Outer field (RFC 9788 2.2)."""

    headers: tuple[tuple[str, str], ...]
    froms: tuple[Correspondent, ...]
    from_fields: int
    to: tuple[Correspondent, ...]
    cc: tuple[Correspondent, ...]
    date: datetime | None
    subject: str
    message_id: LetterId | None
    in_reply_to: LetterId | None
    references: tuple[LetterId, ...]
    letter_no: int | None
    letter_format: str | None
    autocrypt: tuple[str, ...]
    hp: str | None
    hp_outer: tuple[tuple[str, str], ...]
    parts: tuple[Part, ...]

    @property
    def root(self) -> Part:
        """The letter itself as a part."""
        return self.parts[0]

    def first(self, name: str) -> str:
        """The value of the first header field of this name (lower case), or ""."""
        return next((value for key, value in self.headers if key == name), "")


@dataclass(frozen=True, slots=True)
class Body:
    """What a person reads of a letter.

    `text` is exactly the text of the text/plain part where there is one (line ends as "\\n"), else what is visible of
    the HTML; pass it through `plain.shown` before showing it. `html` is the HTML as it came, or None: hostile until
    sanitised. `enclosures` carry cleaned names. `left_out`: the HTML held text that was hidden, and is not in `text`.
    `cut`: the HTML was too large, and `text` ends early."""

    text: str
    html: str | None = field(repr=False, default=None)
    enclosures: tuple[Enclosure, ...] = ()
    left_out: bool = False
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """A stretch of the original bytes: `start` <= i < `end`."""

    start: int
    end: int

    def of(self, raw: bytes) -> bytes:
        """These bytes of the original."""
        return raw[self.start : self.end]
