"""Pictures for tests: one that cannot be turned without showing it, and what hostile people send instead.

The picture is a field of four colours, each in its own corner and none of them alike, so that every turn and every
mirroring shows.
"""

from __future__ import annotations

import io
import struct
import zlib
from functools import cache
from typing import Any

from PIL import Image, ImageCms

RED, GREEN, BLUE, WHITE = (220, 20, 30), (20, 200, 40), (30, 40, 220), (245, 245, 245)
CORNERS = (RED, GREEN, BLUE, WHITE)
"""Upper left, upper right, lower left, lower right, as the picture is meant to be seen."""

PLACE = b"N 60 23 24 E 5 19 12 somewhere secret"


def scene(width: int = 96, height: int = 64, mode: str = "RGB") -> Image.Image:
    """The picture, upright."""
    image = Image.new("RGB", (width, height))
    for corner, colour in enumerate(CORNERS):
        left, top = corner % 2 * width // 2, corner // 2 * height // 2
        image.paste(colour, (left, top, left + width // 2, top + height // 2))
    return image if mode == "RGB" else image.convert(mode)


def held(orientation: int, image: Image.Image | None = None) -> Image.Image:
    """The pixels as a camera stores them that was held so (EXIF tag 274)."""
    turn = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    image = image or scene()
    return image if turn is None else image.transpose(turn)


def file(image: Image.Image | None = None, kind: str = "JPEG", *, orientation: int = 1, **more: Any) -> bytes:
    """A file with a camera's metadata: where it was taken, by what, and how it was held."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "A camera that tells"
    exif.get_ifd(0x8825)[2] = (60.0, 23.0, 24.0)
    exif.get_ifd(0x8825)[29] = "1999:01:01"
    out = io.BytesIO()
    given = image or scene()
    given.save(out, kind, **({"quality": 95} if kind != "PNG" else {}), exif=exif, **more)
    data = out.getvalue()
    return data if kind != "JPEG" else data[:2] + _segment(0xFE, PLACE) + data[2:]


def wide_gamut() -> bytes:
    """A profile whose numbers mean other colours than sRGB's: red and green are exchanged in its primaries."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    at = {bytes(profile[132 + 12 * n : 136 + 12 * n]): 136 + 12 * n for n in range(count)}
    red, green = at[b"rXYZ"], at[b"gXYZ"]
    profile[red : red + 8], profile[green : green + 8] = profile[green : green + 8], profile[red : red + 8]
    return bytes(profile)


def corners(data: bytes) -> tuple[tuple[int, int, int], ...]:
    """The colours in the middle of each quarter."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    wide, high = image.size
    found = []
    for corner in range(4):
        at = (wide // 4 + corner % 2 * wide // 2, high // 4 + corner // 2 * high // 2)
        red, green, blue = (channel.getpixel(at) for channel in image.split())
        found.append((int(red), int(green), int(blue)))  # type: ignore[arg-type]  # one channel gives one number
    return tuple(found)


def alike(one: tuple[tuple[int, int, int], ...], other: tuple[tuple[int, int, int], ...], most: int = 12) -> bool:
    """Whether the colours are the same, but for what JPEG does to them."""
    return all(abs(a - b) <= most for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True))


def png_head(width: int, height: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG that promises so many pixels and holds whatever `chunks` hold."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    out = b"\x89PNG\r\n\x1a\n"
    for name, body in ((b"IHDR", head), *chunks, (b"IEND", b"")):
        out += struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
    return out


def bomb() -> bytes:
    """A few kilobytes that would be ten thousand million octets (A28)."""
    return png_head(60_000, 60_000, (b"IDAT", zlib.compress(bytes(10_000_000))))


@cache
def hostile() -> dict[str, bytes]:
    """What is sent in place of a picture, by name. None of it may come back as one."""
    photograph, drawing = file(), file(kind="PNG")
    pixels = drawing.index(b"IDAT") + 20
    return {
        "bomb": bomb(),
        "bomb within the limit, all of it missing": png_head(6_000, 6_000),
        "bomb of text": png_head(8, 8, (b"zTXt", b"a\0\0" + zlib.compress(bytes(80_000_000)))),
        "no sides": png_head(0, 0),
        "negative sides": png_head(0x80000001, 0x80000001),
        "cut in the middle": photograph[: len(photograph) * 2 // 3],
        "cut in its head": photograph[:40],
        "cut drawing": drawing[: len(drawing) * 2 // 3],
        "changed drawing": drawing[:pixels] + bytes([drawing[pixels] ^ 255]) + drawing[pixels + 1 :],
        "drawn in SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
        "SVG behind a mark": b"\xef\xbb\xbf<?xml version='1.0'?><svg/>",
        "GIF": b"GIF89a" + bytes(100),
        "TIFF": b"II*\0" + bytes(100),
        "page": b"<!doctype html><img src=x onerror=alert(1)>",
        "nothing": b"",
        "head alone": b"\xff\xd8\xff",
        "noise with a head": b"\xff\xd8\xff\xe0" + bytes(range(256)) * 40,
        "empty RIFF": b"RIFF\xff\xff\xff\xffWEBPVP8 ",
    }


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body
