"""Codes in pictures: found in any format and on any ground; what is too large is refused before it is decoded."""

from __future__ import annotations

import io
import struct
import zlib

import pytest
import segno
from PIL import Image

from dearly.letter.errors import Refused, Usage
from dearly.opener import codechild

TEXT = "BEGIN:VCARD\nFN:Äda\nEND:VCARD"


def picture(kind: str = "PNG", mode: str = "L", *, dark: str = "#000", light: str | None = "#fff") -> bytes:
    drawn, out = io.BytesIO(), io.BytesIO()
    segno.make_qr(TEXT, encoding="utf-8").save(drawn, kind="png", scale=5, dark=dark, light=light)
    Image.open(drawn).convert(mode).save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize(
    "data",
    [
        picture(),
        picture("JPEG", "RGB"),
        picture("WEBP", "RGB"),
        picture("PNG", "P"),
        picture("PNG", "RGBA", light=None),
        picture("PNG", "RGB", dark="#8e2d23", light="#e9e5dc"),
        picture("PNG", "RGB", dark="#fff", light="#000"),
    ],
    ids=["grey", "jpeg", "webp", "palette", "transparent", "coloured", "light-on-dark"],
)
def test_a_code_is_found(data: bytes) -> None:
    assert codechild.read(data) == (TEXT,)


def test_several_codes_are_all_given_and_not_more_than_some() -> None:
    one = Image.open(io.BytesIO(picture())).convert("L")
    sheet, out = Image.new("L", (one.width * 4, one.height * 3), 255), io.BytesIO()
    for n in range(12):
        sheet.paste(one, (n % 4 * one.width, n // 4 * one.height))
    sheet.save(out, "PNG")
    assert codechild.read(out.getvalue()) == (TEXT,) * codechild.MOST_CODES


def test_no_code_is_said() -> None:
    out = io.BytesIO()
    Image.new("L", (100, 100), 255).save(out, "PNG")
    with pytest.raises(Usage) as wrong:
        codechild.read(out.getvalue())
    assert wrong.value.code == "no_code"


def test_a_bomb_is_refused_by_its_head() -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    with pytest.raises(Refused) as wrong:
        codechild.read(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    assert wrong.value.code in ("too_many_pixels", "bad_picture")


@pytest.mark.parametrize("data", [b"", b"<svg/>", b"GIF89a", b"%PDF-1.7"])
def test_other_files_are_never_tried(data: bytes) -> None:
    with pytest.raises(Refused) as wrong:
        codechild.read(data)
    assert wrong.value.code == "not_a_picture"
