"""The process that looks for QR codes in a picture: a decoder of pictures, a finder of codes, and nothing else.

Run as `python -I -m dearly.opener.codechild`, once for each picture, like the reader of visiting cards.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import segno
import zxingcpp
from PIL import Image

from dearly.letter.errors import DearlyError, Refused, Usage
from dearly.letter.words import _
from dearly.opener import developing, picture, serving
from dearly.opener.protocol import Operation
from dearly.opener.protocol_pictures import CODE
from dearly.opener.serving import Run

MOST_CODES = 8
"""Codes in one picture that are given back."""

LARGEST_CODE = 8 << 10
"""Characters of one code; a QR code holds at most 2,953 (ISO/IEC 18004, version 40-L)."""

_SIDE = 3000
"""A picture of a telephone's camera is brought to this before it is searched: its codes are larger than they need."""


def read(data: bytes) -> tuple[str, ...]:
    """The texts of the QR codes in a picture, without those that hold no text. Raises `Refused` (as
    `developing.develop`), `Usage` (no_code)."""
    if len(data) > picture.LARGEST_PICTURE:
        raise picture.too_heavy(len(data))
    kind = picture.kind_of(data)
    if kind is None:
        raise picture.not_a_picture()
    try:
        found = _codes(_grey(data, kind))
    except (MemoryError, DearlyError):
        raise
    except Exception:  # noqa: BLE001 - whatever a decoder throws means one thing here
        raise Refused(
            "bad_picture",
            _("The picture is damaged or cut short, and cannot be searched for a code."),
            _("Take the picture once more."),
        ) from None
    if not found:
        raise Usage(
            "no_code",
            _("There is no code in this picture that can be read."),
            _("Take it from straight above, in good light, and let the code fill most of it."),
        )
    return found


def _grey(data: bytes, kind: str) -> Image.Image:
    image: Image.Image = Image.open(io.BytesIO(data), formats=(kind,))
    if image.width * image.height > picture.MOST_PIXELS:
        raise Refused(
            "too_many_pixels",
            _("The picture is {width} by {height} pixels; it may have {most} million in all.").format(
                width=image.width, height=image.height, most=picture.MOST_PIXELS // 1_000_000
            ),
            _("Save it smaller in the program that you look at pictures with."),
        )
    if kind == "JPEG":
        image.draft("L", (_SIDE, _SIDE))
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA"):
        # What lets light through lies on white, as on a page.
        image = image.convert("RGBA")
        ground = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(ground, image)
    image = image.convert("L")
    image.thumbnail((_SIDE, _SIDE))
    return image


def _codes(image: Image.Image) -> tuple[str, ...]:
    view = memoryview(image.tobytes()).cast("B", (image.height, image.width))
    found = zxingcpp.read_barcodes(
        view, formats=zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode), text_mode=zxingcpp.TextMode.Plain
    )
    return tuple(one.text for one in found[:MOST_CODES] if 0 < len(one.text) <= LARGEST_CODE)


def _operations() -> Mapping[Operation[Any, Any], Run]:
    developing.warm()
    out = io.BytesIO()
    segno.make("warm", micro=False).save(out, kind="png", scale=4)
    for mode, kind in (("L", "PNG"), ("RGBA", "PNG"), ("RGB", "JPEG"), ("RGB", "WEBP")):
        warmed = io.BytesIO()
        Image.open(io.BytesIO(out.getvalue())).convert(mode).save(warmed, kind)
        read(warmed.getvalue())
    return {CODE: lambda data, _: read(data)}


if __name__ == "__main__":
    serving.serve(_operations, picture.MEMORY)
