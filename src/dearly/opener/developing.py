"""Decoding a foreign picture and writing a new file from its pixels. Runs in a child only, and is all that it does.

The order is the safety: the format by its first octets, the size from its head, and only then the decoder. Pictures
that are too large are never decoded; those that are cut short, or hold what their decoder does not understand, are
refused whole.
"""

from __future__ import annotations

import io
import warnings
from typing import Any

from PIL import Image, ImageCms, ImageFile, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin

from dearly.letter.errors import DearlyError, Refused
from dearly.letter.words import _
from dearly.opener.picture import (
    LARGEST_PICTURE,
    MOST_PIXELS,
    Develop,
    Picture,
    Purpose,
    kind_of,
    not_a_picture,
    too_heavy,
)

_PLUGINS = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin)
"""Imported for what they register; Pillow would look for all its others on the disk, which is out of reach by then."""

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF 2.32, 4.6.4, tag 274: what undoes each way of holding the camera."""

_QUALITY = {Purpose.LETTER: 92, Purpose.VIEW: 85}
_QUALITY_REDUCED = 85
_LARGEST_PROFILE = 1 << 20
_SIDE_LIMIT = 65_000
"""No side beyond what JPEG can carry."""


def develop(what: Develop) -> Picture:
    """The picture made anew. Raises `Refused` (not_a_picture, picture_too_large, too_many_pixels, bad_picture)."""
    if len(what.data) > LARGEST_PICTURE:
        raise too_heavy(len(what.data))
    kind = kind_of(what.data)
    if kind is None:
        raise not_a_picture()
    try:
        return _develop(what, kind)
    except (MemoryError, DearlyError):
        raise
    except Image.DecompressionBombError:
        raise _too_many_pixels() from None
    except Exception:  # noqa: BLE001 - whatever a decoder throws means one thing here
        raise Refused(
            "bad_picture",
            _("The picture is damaged or cut short, and cannot be shown."),
            _("Enclose it as a file, if it is to go all the same."),
        ) from None


def _develop(what: Develop, kind: str) -> Picture:
    # `with` is not used on the picture: several results below are the same object.
    image: Image.Image = Image.open(io.BytesIO(what.data), formats=(kind,))
    width, height = image.size
    if width * height > MOST_PIXELS or max(width, height) > _SIDE_LIMIT:
        raise _too_many_pixels()
    orientation = _orientation(image)
    if kind == "JPEG" and what.most_side is not None:
        # The decoder itself can give a half, a quarter or an eighth, which saves most of the memory and time.
        image.draft(None, (what.most_side, what.most_side))
    image.load()
    profile = image.info.get("icc_profile")
    if kind == "WEBP":
        image = image.copy()  # the decoder's two canvases go with the one that came from the file
    image = _plain(image)
    reduced = what.most_side is not None and max(width, height) > what.most_side
    if reduced and what.most_side is not None:
        image = _reduce(image, width, height, what.most_side)
    image = _true_colours(image, profile)
    if (turn := _UPRIGHT.get(orientation)) is not None:  # the first of them counts as false
        image = image.transpose(turn)
    return _written(image, _target(image, kind, reduced), what.purpose, reduced)


def _too_many_pixels() -> Refused:
    return Refused(
        "too_many_pixels",
        _("The picture has more pixels than the {most} million that can be taken in.").format(
            most=MOST_PIXELS // 1_000_000
        ),
        _("Save it smaller in the program that you look at pictures with."),
    )


def _orientation(image: Image.Image) -> int:
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - metadata that cannot be read says nothing; the pixels may still be whole
        return 1
    return found if isinstance(found, int) else 1


def _plain(image: Image.Image) -> Image.Image:
    """Eight bits a channel: grey, colour or colour with transparency; CMYK stays until its profile was applied."""
    if image.mode in ("L", "RGB", "RGBA", "CMYK"):
        if "transparency" in image.info and image.mode in ("L", "RGB"):
            return image.convert("RGBA")
        return image
    if image.mode in ("LA", "PA", "La", "RGBa") or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    if image.mode.startswith("I"):  # sixteen bits of grey: the upper eight
        return image.convert("I").point(lambda value: value / 256).convert("L")
    return image.convert("RGB")


def _reduce(image: Image.Image, width: int, height: int, most: int) -> Image.Image:
    """The longer side brought to `most`, from what the decoder gave of a picture of `width` by `height`."""
    size = (max(1, round(width * most / max(width, height))), max(1, round(height * most / max(width, height))))
    return image if image.size == size else image.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _true_colours(image: Image.Image, profile: Any) -> Image.Image:
    """The colours as the profile in the file means them, in sRGB, which is what a file without a profile means."""
    if image.mode in ("RGB", "RGBA", "CMYK") and isinstance(profile, bytes) and 0 < len(profile) <= _LARGEST_PROFILE:
        try:
            given = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if image.mode == "CMYK":
                turned = ImageCms.profileToProfile(image, given, _SRGB, outputMode="RGB")
                return turned if turned is not None else image.convert("RGB")
            ImageCms.profileToProfile(image, given, _SRGB, inPlace=True)
        except (ImageCms.PyCMSError, OSError, TypeError, ValueError):
            pass  # a broken profile, or one for another kind of picture: the numbers are taken as they are
    return image.convert("RGB") if image.mode == "CMYK" else image


def _target(image: Image.Image, kind: str, reduced: bool) -> str:
    """What was a photograph leaves as JPEG; drawings that were not reduced, and what lets light through, stay."""
    if image.mode == "RGBA":
        return "PNG" if kind == "JPEG" else kind
    return "JPEG" if reduced else kind


def _written(image: Image.Image, target: str, purpose: Purpose, reduced: bool) -> Picture:
    if isinstance(image, ImageFile.ImageFile):
        image = image.copy()  # saving one that came from a file asks for the current folder, which is out of reach
    image.info.clear()  # PNG and WebP would write profile and metadata from here into the new file
    large = image.width * image.height > MOST_PIXELS // 3
    quality = _QUALITY_REDUCED if reduced or large else _QUALITY[purpose]
    try:
        data = _encoded(image, target, quality, quick=large or purpose is Purpose.VIEW)
    except ValueError:
        if target != "WEBP":
            raise
        # Its first partition overflows with some very large pictures.
        target = "PNG" if image.mode == "RGBA" else "JPEG"
        data = _encoded(image, target, quality, quick=True)
    return Picture(data, Image.MIME[target], image.width, image.height)


def _encoded(image: Image.Image, target: str, quality: int, *, quick: bool) -> bytes:
    out = io.BytesIO()
    match target:
        case "JPEG":
            image.save(out, "JPEG", quality=quality, progressive=not quick)
        case "PNG":
            image.save(out, "PNG", compress_level=1 if quick else 6)
        case _:
            image.save(out, "WEBP", quality=quality, method=1 if quick else 3)
    return out.getvalue()


def _settle() -> Any:
    """Pillow as it has to be here, and everything loaded that it loads on first use."""
    Image.preinit()
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    warnings.simplefilter("ignore")  # the size is judged above, and standard error leads nowhere
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return ImageCms.createProfile("sRGB")


_SRGB = _settle()


def warm() -> None:
    """Once through every format, each way of turning and every kind of colour."""
    profile = ImageCms.ImageCmsProfile(_SRGB).tobytes()
    for kind, modes in {"JPEG": ("L", "RGB", "CMYK"), "PNG": ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")}.items():
        for mode in modes:
            _once(Image.new(mode, (40, 24)), kind, profile)
    for mode in ("RGB", "RGBA"):
        _once(Image.new(mode, (40, 24)), "WEBP", profile)
    two = io.BytesIO()
    Image.new("RGB", (40, 24)).save(two, "MPO", save_all=True, append_images=[Image.new("RGB", (40, 24), "red")])
    develop(Develop(two.getvalue(), None, Purpose.VIEW))
    for broken in (two.getvalue()[:200], b"\xff\xd8\xff" + bytes(100)):
        try:
            develop(Develop(broken, None, Purpose.VIEW))
        except Refused:
            continue


def _once(image: Image.Image, kind: str, profile: bytes) -> None:
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    out = io.BytesIO()
    image.save(out, kind, icc_profile=profile, exif=exif)
    for purpose in Purpose:
        for side in (16, None):
            develop(Develop(out.getvalue(), side, purpose))
