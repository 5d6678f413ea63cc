"""Values in the words of the desk: seals, states, ways. A page says nothing of these in words of its own."""

from __future__ import annotations

from dearly.letter.envelope import Way
from dearly.letter.words import _


def way(way: Way) -> str:
    """By which way, as it stands on a stamp."""
    return {
        Way.MAIL: _("by mail"),
        Way.OFFICE: _("by the office"),
        Way.HAND: _("by hand"),
        Way.FOLDER: _("by a shared folder"),
        Way.PAPER: _("on paper"),
    }[way]
