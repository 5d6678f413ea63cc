"""Pictures made anew from their pixels: what stays is what one sees, and nothing else."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from tests.support.pictures import CORNERS, PLACE, alike, corners, file, held, hostile, scene, wide_gamut

from dearly.letter.errors import Refused
from dearly.opener.developing import develop
from dearly.opener.picture import LARGEST_PICTURE, Develop, Picture, Purpose, kind_of

KINDS = ("JPEG", "PNG", "WEBP")


def made(data: bytes, most_side: int | None = None, purpose: Purpose = Purpose.LETTER) -> Picture:
    return develop(Develop(data, most_side, purpose))


def read(picture: Picture) -> Image.Image:
    image = Image.open(io.BytesIO(picture.data))
    image.load()
    assert (Image.MIME[str(image.format)], *image.size) == (picture.media_type, picture.width, picture.height)
    return image


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_stands_upright_however_the_camera_was_held(kind: str, orientation: int) -> None:
    picture = made(file(held(orientation), kind, orientation=orientation))
    assert (picture.width, picture.height) == (96, 64)
    assert alike(corners(picture.data), CORNERS)


def test_the_scene_itself_shows_every_turn() -> None:
    seen = [corners(file(held(orientation), "PNG")) for orientation in range(1, 9)]
    assert len({tuple(one) for one in seen}) == 8


@pytest.mark.parametrize("orientation", [0, 9, 77])
def test_an_orientation_that_means_nothing_turns_nothing(orientation: int) -> None:
    assert alike(corners(made(file(orientation=orientation)).data), CORNERS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("most_side", [None, 40])
def test_nothing_of_the_metadata_is_left(kind: str, most_side: int | None) -> None:
    given = file(kind=kind, icc_profile=wide_gamut(), orientation=1)
    assert b"A camera that tells" in given
    assert b"1999:01:01" in given
    picture = made(given, most_side)
    for secret in (b"A camera that tells", b"1999:01:01", PLACE, b"Exif", b"eXIf", b"EXIF", b"ICC_PROFILE", b"iCCP"):
        assert secret not in picture.data
    again = read(picture)
    assert dict(again.getexif()) == {}
    assert "icc_profile" not in again.info
    assert "comment" not in again.info


@pytest.mark.parametrize("kind", KINDS)
def test_colours_are_what_the_profile_meant(kind: str) -> None:
    picture = made(file(kind=kind, icc_profile=wide_gamut()))
    red, green, *_rest = corners(picture.data)
    assert red[1] > red[0], "what the profile calls the first primary is green"
    assert green[0] > green[1]


def test_a_broken_profile_leaves_the_numbers_as_they_are() -> None:
    assert alike(corners(made(file(icc_profile=b"no profile at all")).data), CORNERS)


def test_a_photograph_is_reduced_and_a_small_one_is_not() -> None:
    large = file(scene(3000, 2000))
    picture = made(large, 2048)
    assert (picture.width, picture.height, picture.media_type) == (2048, 1365, "image/jpeg")
    assert alike(corners(picture.data), CORNERS)
    tall = made(file(held(6, scene(3000, 2000)), orientation=6), 2048)
    assert (tall.width, tall.height) == (2048, 1365)
    small = made(file(kind="PNG"), 2048)
    assert (small.width, small.height, small.media_type) == (96, 64, "image/png")


def test_a_reduced_drawing_becomes_a_photograph_unless_light_shines_through() -> None:
    assert made(file(scene(300, 200), "PNG"), 100).media_type == "image/jpeg"
    clear = scene(300, 200, "RGBA")
    clear.putpixel((0, 0), (0, 0, 0, 0))
    for kind in ("PNG", "WEBP"):
        picture = made(file(clear, kind), 100)
        assert (picture.media_type, read(picture).mode) == (f"image/{kind.lower()}", "RGBA")


def sixteen_bits(image: Image.Image) -> Image.Image:
    return image.convert("I").point(lambda value: value * 256).convert("I;16")


MODES = {
    "grey": (lambda image: image.convert("L"), "PNG", "L"),
    "grey in JPEG": (lambda image: image.convert("L"), "JPEG", "L"),
    "grey, clear": (lambda image: image.convert("LA"), "PNG", "RGBA"),
    "grey, sixteen bits": (lambda image: sixteen_bits(image.convert("L")), "PNG", "L"),
    "palette": (lambda image: image.quantize(16), "PNG", "RGB"),
    "clear": (lambda image: image.convert("RGBA"), "PNG", "RGBA"),
    "for the press": (lambda image: image.convert("CMYK"), "JPEG", "RGB"),
}


@pytest.mark.parametrize("name", MODES)
def test_every_kind_of_colour_can_be_shown(name: str) -> None:
    turned, kind, mode = MODES[name]
    picture = made(file(turned(scene()), kind))
    assert read(picture).mode == mode
    meant = corners(file(scene(mode="L"), "PNG")) if name.startswith("grey") else CORNERS
    assert alike(corners(picture.data), meant)


def test_black_and_white_and_a_clear_palette_stay_what_they_are() -> None:
    assert read(made(file(scene(mode="1"), "PNG"))).mode == "L"
    clear = read(made(file(scene().quantize(16), "PNG", transparency=0)))
    assert (clear.mode, clear.getchannel("A").getextrema()) == ("RGBA", (0, 255))


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_of_a_moving_picture_the_first_frame_stays(kind: str) -> None:
    still = Image.new("RGB", (96, 64), "black")
    moving = file(scene(), kind, save_all=True, append_images=[still, still], duration=100, loop=0)
    picture = made(moving)
    assert alike(corners(picture.data), CORNERS)
    assert getattr(read(picture), "n_frames", 1) == 1


def test_a_camera_s_second_picture_in_one_file_is_dropped() -> None:
    both = file(kind="MPO", save_all=True, append_images=[Image.new("RGB", (96, 64), "black")])
    picture = made(both)
    assert picture.media_type == "image/jpeg"
    assert len(picture.data) < len(both)


@pytest.mark.parametrize("tail", [b"<script>alert(1)</script>", b"PK\3\4 a whole archive", b"%PDF-1.7"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_appended_does_not_pass(kind: str, tail: bytes) -> None:
    """A33: a file that is a picture and something else as well comes out as the picture alone."""
    picture = made(file(kind=kind) + tail * 50)
    assert tail not in picture.data


@pytest.mark.parametrize("name", hostile())
def test_what_is_no_whole_picture_is_refused(name: str) -> None:
    with pytest.raises(Refused) as refused:
        made(hostile()[name])
    assert refused.value.code in {"not_a_picture", "bad_picture", "too_many_pixels"}


def test_the_size_is_judged_before_anything_is_decoded() -> None:
    with pytest.raises(Refused) as refused:
        made(hostile()["bomb"])
    assert refused.value.code == "too_many_pixels"
    with pytest.raises(Refused) as refused:
        made(b"\xff\xd8\xff" + bytes(LARGEST_PICTURE))
    assert refused.value.code == "picture_too_large"


def test_the_content_decides_and_not_the_name() -> None:
    assert [kind_of(file(kind=kind)) for kind in KINDS] == list(KINDS)
    assert kind_of(b"<svg/>") is None
