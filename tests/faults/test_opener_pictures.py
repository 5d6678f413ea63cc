"""Pictures in the real child: hostile ones, the largest ones, and a child that ends in the middle of one."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from PIL import Image

from dearly.letter.errors import DearlyError, Refused
from dearly.opener.darkroom import Darkroom
from dearly.opener.picture import MEMORY, MOST_PIXELS, Picture, Purpose
from dearly.opener.pool import Opener
from tests.support.pictures import CORNERS, alike, corners, file, hostile, scene


def in_a_darkroom(act: Callable[[Darkroom], Awaitable[None]], **how: float) -> None:
    async def play() -> None:
        room = Darkroom(**how)
        try:
            await act(room)
        finally:
            await room.close()

    asyncio.run(play())


async def seen(room: Darkroom, data: bytes, most_side: int | None = None) -> Picture:
    return await room.develop(data, most_side=most_side, purpose=Purpose.VIEW)


def peak(room: Darkroom) -> int:
    """The most memory that the child ever had, in bytes."""
    assert room._child is not None
    status = Path(f"/proc/{room._child.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def large_drawing() -> bytes:
    """One that takes the child seconds."""
    return file(scene(80, 60, "RGBA").resize((7200, 5400), Image.Resampling.NEAREST), "PNG", compress_level=1)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_locked_down_child_can_do_all_that_it_must(kind: str) -> None:
    async def play(room: Darkroom) -> None:
        for orientation in (1, 6):
            for purpose in Purpose:
                for side in (None, 40):
                    data = file(kind=kind, orientation=orientation)
                    picture = await room.develop(data, most_side=side, purpose=purpose)
                    assert (picture.width > picture.height) is (orientation == 1)

    in_a_darkroom(play)


def test_hostile_files_cost_nothing_and_the_next_picture_comes_out() -> None:
    async def play(room: Darkroom) -> None:
        await seen(room, file())
        assert room._child is not None
        pid = room._child.pid
        for name, data in hostile().items():
            with pytest.raises(Refused):
                await seen(room, data)
            assert room._child is not None, name
        assert room._child.pid == pid, "none of them ended the child"
        assert peak(room) < 250_000_000
        assert alike(corners((await seen(room, file())).data), CORNERS)

    in_a_darkroom(play)


@pytest.mark.parametrize(
    "kind", ["JPEG", pytest.param("PNG", marks=pytest.mark.long), pytest.param("WEBP", marks=pytest.mark.long)]
)
def test_the_largest_picture_fits_into_the_child(kind: str) -> None:
    small = scene(80, 50, "RGB" if kind == "JPEG" else "RGBA")
    large = file(small.resize((8000, MOST_PIXELS // 8000), Image.Resampling.NEAREST), kind, orientation=6)

    async def play(room: Darkroom) -> None:
        picture = await seen(room, large)
        assert (picture.width, picture.height) == (5000, 8000)
        assert (await seen(room, large, 2048)).height == 2048
        assert peak(room) < MEMORY

    in_a_darkroom(play)


def test_a_picture_of_fifty_megabytes_is_taken_in() -> None:
    """Noise cannot be packed, so the file is as large as its pixels."""
    noise = Image.frombytes("RGB", (4200, 4000), random.Random(1).randbytes(4200 * 4000 * 3))
    data = file(noise, "PNG", compress_level=0)
    assert len(data) > 50_000_000

    async def play(room: Darkroom) -> None:
        picture = await room.develop(data, most_side=2048, purpose=Purpose.LETTER)
        assert (picture.media_type, picture.width) == ("image/jpeg", 2048)
        assert len(picture.data) < 6_000_000
        with pytest.raises(Refused) as refused:
            await seen(room, data + bytes(20_000_000))
        assert refused.value.code == "picture_too_large"

    in_a_darkroom(play)


def test_a_child_that_ends_in_the_middle_costs_one_picture() -> None:
    slow = large_drawing()

    async def play(room: Darkroom) -> None:
        await seen(room, file())
        assert room._child is not None
        asking = asyncio.ensure_future(seen(room, slow))
        await asyncio.sleep(0.3)
        os.kill(room._child.pid, signal.SIGKILL)
        with pytest.raises(DearlyError) as lost:
            await asking
        assert lost.value.code == "opener_ended"
        assert alike(corners((await seen(room, file())).data), CORNERS)

    in_a_darkroom(play)


def test_the_child_ends_when_nobody_wants_a_picture_any_more() -> None:
    async def play(room: Darkroom) -> None:
        await seen(room, file())
        assert room._child is not None
        pid = room._child.pid
        for _turn in range(200):
            if room._child is None and not room._turn.locked():
                break
            await asyncio.sleep(0.02)
        assert room._child is None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        assert (await seen(room, file())).width == 96

    in_a_darkroom(play, idle_seconds=0.05)


def test_closing_ends_it_also_in_the_middle_of_a_picture() -> None:
    slow = large_drawing()

    async def play() -> None:
        async with Opener() as opener:
            await opener.picture(file(), most_side=None, purpose=Purpose.VIEW)
            asking = asyncio.ensure_future(opener.picture(slow, most_side=None, purpose=Purpose.LETTER))
            await asyncio.sleep(0.3)
        with pytest.raises(DearlyError):
            await asking
        with pytest.raises(DearlyError) as closed:
            await opener.picture(file(), most_side=None, purpose=Purpose.VIEW)
        assert closed.value.code == "opener_closed"

    asyncio.run(play())
