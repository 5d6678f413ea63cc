"""Foreign bytes to an outline and a readable text. Every reader here is ours, runs in linear time, and knows its limits.

Raises nothing but `Unreadable` (A27); whatever else is wrong with a letter gives an emptier value, never a guess
that could be taken for a sender.
"""

from __future__ import annotations

from dearly.mime.limits import Unreadable
from dearly.mime.outline import Body, Outline, Part, Slice
from dearly.mime.protected import compare_headers

__all__ = ["Body", "Outline", "Part", "Slice", "Unreadable", "compare_headers", "outline", "readable"]


def outline(raw: bytes) -> Outline:
    """The outline of these bytes. Raises `Unreadable` when they go beyond a limit of A27."""
    raise NotImplementedError


def readable(raw: bytes, outline: Outline) -> Body:
    """The text and the enclosures of the letter that `outline` was made from. Decodes, and never raises."""
    raise NotImplementedError
