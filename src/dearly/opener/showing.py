"""What is asked for when a letter is to be shown, and what comes back: HTML that the desk may put on its pages.

It was made by the limited child, out of foreign text, and is believed no further than the page's own Content Security
Policy reaches: no script, no style, nothing from any other host.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sheet:
    """A text to be put on paper. `commonmark`: in our own format; else the clean text of another program's letter.

    `pictures`: ids (RFC 2392 cid) of the letter's own pictures that can be shown. `pictures_at`: path that a picture's
    quoted id is put after. `links_at`: path that a link's number is put after; empty: links lead nowhere. `html`: the
    letter's HTML where it has one, for the addresses that the clean text shortens."""

    text: str = field(repr=False)
    commonmark: bool
    pictures: tuple[str, ...] = ()
    pictures_at: str = ""
    links_at: str = ""
    html: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Sheets:
    """Many of them at once."""

    sheets: tuple[Sheet, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """A text as HTML of a small fixed set of tags. `links`: where each link leads, by its number: http, https or
    mailto, without user name, the host in ASCII. `placed`: ids of the pictures that stand in it."""

    html: str = field(repr=False)
    links: tuple[str, ...] = ()
    placed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a foreign letter, made anew by the desk, for its place in the locked frame."""

    cid: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Foreign:
    """HTML as another program wrote it. `language`: of the desk, for what the frame itself says."""

    html: str = field(repr=False)
    pictures: tuple[Picture, ...]
    language: str
