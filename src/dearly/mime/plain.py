"""Readable text: from format=flowed (RFC 3676) and HTML, fit to be shown, and quoted in an answer."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Visible:
    """The visible text of an HTML document. `left_out`: hidden text was dropped. `cut`: too large, ends early."""

    text: str
    left_out: bool = False
    cut: bool = False


def from_html(html: str) -> Visible:
    """The visible text: links followed by where they really lead, lists, quotes and tables simply; nothing of script,
    style, or what is hidden by attribute, inline style or style sheet under any condition (A04). Never raises."""
    raise NotImplementedError


def from_flowed(text: str, *, delsp: bool = False) -> str:
    """format=flowed text (RFC 3676 4.2) with its paragraphs whole again; quote depth as "> " prefixes."""
    raise NotImplementedError


def shown(text: str) -> str:
    """Text fit for a page or a terminal: line ends as "\\n", no control characters, no bidi overrides (A20, A21)."""
    raise NotImplementedError


def quote(text: str) -> str:
    """Shown text as a quotation for an answer: each line after "> " (RFC 3676 4.5). Only ever what was on screen."""
    raise NotImplementedError


def clean_filename(name: str) -> str:
    """A foreign file name, fit to be shown and used (A32): its last component, without control and bidi characters,
    no reserved name, at most 120 bytes with its extension kept, never empty."""
    raise NotImplementedError
