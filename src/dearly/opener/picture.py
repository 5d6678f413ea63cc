"""What can be asked about a picture, and what comes back. Pillow is not here: it is loaded in the child alone.

A picture is a foreign thing like a letter. It is decoded where nothing can be reached, and what comes out is a new file
made from the pixels: no metadata, no place where it was taken, nothing appended, no second frame.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from dearly.letter.errors import Refused
from dearly.letter.words import _

LARGEST_PICTURE = 64 << 20
"""Octets of a picture file that is looked at."""

MOST_PIXELS = 40_000_000
"""Width times height; checked before anything is decoded (A28)."""

MEMORY = 1 << 30
"""Bytes that the child may take beyond its start: 40 million pixels in the four octets that Pillow gives each, up to
four times over, because the WebP library keeps two canvases of its own."""

REDUCED_SIDE = 2048
"""The longer side of a picture that is reduced, in pixels."""


class Purpose(Enum):
    """What the picture is made anew for."""

    LETTER = "letter"
    """To be enclosed: a photograph keeps its looks, whatever it weighs."""
    VIEW = "view"
    """To be looked at here and then: small, and quick to make."""


@dataclass(frozen=True, slots=True)
class Develop:
    """Make this picture anew. `most_side`: what the longer side may have in pixels, None for all that it has."""

    data: bytes = field(repr=False)
    most_side: int | None
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture made anew from its pixels: upright, sRGB, one frame, nothing else in the file.

    `media_type`: image/jpeg, image/png or image/webp. `width` and `height` in pixels, as it is seen."""

    data: bytes = field(repr=False)
    media_type: str
    width: int
    height: int


def kind_of(data: bytes) -> str | None:
    """The format by its first octets: "JPEG", "PNG", "WEBP", or None for anything else, whatever it is called."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return None


def not_a_picture() -> Refused:
    """For everything that is none of the three formats."""
    return Refused(
        "not_a_picture",
        _("This is no picture that can be shown in a letter: those are JPEG, PNG and WebP."),
        _("Enclose it as a file instead."),
    )


def too_heavy(size: int) -> Refused:
    """For a file beyond `LARGEST_PICTURE`. `size` in octets."""
    return Refused(
        "picture_too_large",
        _("The picture weighs {size} MB; one of up to {most} MB can be taken in.").format(
            size=round(size / 1e6), most=LARGEST_PICTURE // 1_000_000
        ),
        _("Save it smaller in the program that you look at pictures with."),
    )
