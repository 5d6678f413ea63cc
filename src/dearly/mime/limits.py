"""How much of a foreign letter is read at all, decided before it is parsed (A27).

A parcel beyond a limit is kept as it came and shown as unreadable; nothing of it is guessed.
"""

from __future__ import annotations

from dearly.letter.errors import Refused
from dearly.letter.words import _

MOST_PARTS = 1_000
MOST_DEPTH = 50
MOST_FIELDS = 1_000
"""Header fields of the letter itself."""

MOST_FIELDS_TOGETHER = 8_000
"""Header fields of the letter and of all its parts."""

LONGEST_FIELD = 64 * 1024
"""Octets of one header field, folds included."""

LONGEST_HEADER = 512 * 1024
"""Octets of one header section."""

MOST_ENCODED_WORDS = 200
"""RFC 2047 encoded words that are decoded in one field; later ones stay as they were written."""

MOST_SCANNED = 16
"""How many times the length of a parcel may be scanned in search of boundaries, over all levels of nesting."""


class Unreadable(Refused):
    """The parcel goes beyond a limit of reading. The only error that reading raises.

    `code` is one of too_many_parts, too_deep, too_many_headers, header_too_long, too_tangled."""


def beyond(code: str) -> Unreadable:
    """The error for this limit."""
    what = {
        "too_many_parts": _("it has more than {n} parts").format(n=MOST_PARTS),
        "too_deep": _("its parts are nested more than {n} deep").format(n=MOST_DEPTH),
        "too_many_headers": _("it has more than {n} header lines").format(n=MOST_FIELDS),
        "header_too_long": _("its header is longer than any letter needs"),
        "too_tangled": _("its parts are nested in a way that takes too long to take apart"),
    }[code]
    return Unreadable(
        code,
        _("This letter is built in a way that Dearly does not read: {why}.").format(why=what),
        _("It is kept exactly as it came; you can save it as a file."),
    )
