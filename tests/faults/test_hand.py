"""The hand when the machine dies or the stick is pulled (docs/faults.md F17, F42): whole, or seen not to be whole."""

from __future__ import annotations

import asyncio
import errno
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dearly.carriers.hand import HandIn, HandOut, read_file
from dearly.carriers.letterfile import framed, suggested_name, unframed
from dearly.letter import failpoint
from dearly.letter.errors import Damaged, DearlyError
from dearly.letter.journey import Accepted, Found, NothingProven, NotThere, Outcome, TryLater, Turned, Unknown
from tests.support.fake_letters import BERT, fake_letter
from tests.support.killer import kill_at

LETTER = fake_letter(1, size=4_000)
STEPS = ["hand.half-written", "hand.before-rename", "hand.after-rename"]


def hand_over(path: Path) -> Outcome:
    return asyncio.run(HandOut(path).hand_over(LETTER))[BERT]


def write_letter(folder: str) -> None:
    """In a child that is killed."""
    hand_over(Path(folder))


@pytest.fixture
def stick(tmp_path: Path) -> Path:
    folder = tmp_path / "stick"
    folder.mkdir()
    return folder


@pytest.fixture
def pulled_at(request: pytest.FixtureRequest) -> Iterator[None]:
    """The stick is pulled out at the step that the test is parametrised with."""

    def pull(step: str) -> None:
        if step == request.node.callspec.params["step"]:
            failpoint.listen(None)
            raise OSError(errno.EIO, "Input/output error")

    failpoint.listen(pull)
    yield
    failpoint.listen(None)


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_the_name_holds_the_whole_letter_or_nothing(stick: Path, step: str) -> None:
    assert kill_at(step, "tests.faults.test_hand", "write_letter", stick).killed
    target = stick / suggested_name(LETTER)
    found = asyncio.run(HandOut(stick).look_for(LETTER))[BERT]
    if step == "hand.after-rename":
        assert found == Found()
        assert read_file(target).data == LETTER.data
    else:
        assert found == NotThere()
        assert not target.exists()
    assert hand_over(stick) == Accepted()
    assert [path.name for path in stick.iterdir()] == [target.name], "the remains are tidied away"
    assert read_file(target).data == LETTER.data


@pytest.mark.usefixtures("pulled_at")
@pytest.mark.parametrize("step", STEPS)
def test_a_stick_pulled_out_is_never_called_accepted(stick: Path, step: str) -> None:
    outcome = hand_over(stick)
    assert isinstance(outcome, Unknown if step == "hand.after-rename" else TryLater)
    assert hand_over(stick) == Accepted()
    assert len(list(stick.iterdir())) == 1


def test_a_file_cut_at_every_place_is_recognised_and_never_half_a_letter(stick: Path) -> None:
    letter = fake_letter(2, size=120)
    whole = framed(letter.data)
    file = stick / "letter.dearly"
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        with pytest.raises(Damaged) as trouble:
            read_file(file)
        assert trouble.value.code == "hand_incomplete", size
        assert trouble.value.hint
    file.write_bytes(whole)
    assert read_file(file).data == letter.data


def test_a_file_with_any_octet_changed_is_never_taken_as_it_is(stick: Path) -> None:
    letter = fake_letter(3, size=60)
    whole = framed(letter.data)
    taken = []
    for place in range(len(whole)):
        changed = bytearray(whole)
        changed[place] ^= 0x01
        try:
            taken.append((place, unframed(bytes(changed))))
        except DearlyError:
            continue
    # Only the name of the first field can be changed so that the file is another, plain message: then all of it is.
    assert all(place < len(b"Dearly-File:") and data != letter.data for place, data in taken)


@pytest.mark.parametrize("filler", [b"\x00", b"\xff"])
def test_a_file_whose_tail_the_disk_lost_is_recognised(stick: Path, filler: bytes) -> None:
    whole = framed(LETTER.data)
    file = stick / "letter.dearly"
    for size in range(0, len(whole), 97):
        file.write_bytes(whole[:size] + filler * (len(whole) - size))
        with pytest.raises(DearlyError) as trouble:
            read_file(file)
        assert trouble.value.code in ("hand_damaged", "not_a_letter")


def test_a_torn_copy_of_the_same_letter_is_replaced_and_nothing_else_is(stick: Path) -> None:
    target = stick / suggested_name(LETTER)
    target.write_bytes(framed(LETTER.data)[:1000])
    assert asyncio.run(HandOut(stick).look_for(LETTER)) == {BERT: NotThere()}
    assert hand_over(stick) == Accepted()
    assert read_file(target).data == LETTER.data

    for other in (b"", b"Dear diary", framed(fake_letter(9).data), framed(fake_letter(9).data)[:500], LETTER.data[:-1]):
        target.write_bytes(other)
        outcome = hand_over(stick)
        assert isinstance(outcome, Turned)
        assert target.name in outcome.why
        assert target.read_bytes() == other
        assert asyncio.run(HandOut(stick).look_for(LETTER)) == {BERT: NotThere()}
        assert len(list(stick.iterdir())) == 1


def test_where_the_file_system_knows_no_second_names_the_same_holds(
    stick: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FAT, as on most sticks."""

    def no_link(*_args: object, **_more: object) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    assert hand_over(stick) == Accepted()
    assert hand_over(stick) == Accepted()
    target = stick / suggested_name(LETTER)
    assert [path.name for path in stick.iterdir()] == [target.name]
    target.write_bytes(b"something else")
    assert isinstance(hand_over(stick), Turned)
    assert target.read_bytes() == b"something else"


def test_a_file_that_appears_in_the_last_moment_is_not_overwritten(stick: Path) -> None:
    target = stick / suggested_name(LETTER)

    def appear(step: str) -> None:
        if step == "hand.before-rename":
            target.write_bytes(b"another letter")

    failpoint.listen(appear)
    try:
        assert isinstance(hand_over(stick), Turned)
    finally:
        failpoint.listen(None)
    assert target.read_bytes() == b"another letter"
    assert len(list(stick.iterdir())) == 1


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="mounting a small disk needs root")
def test_a_full_disk_is_for_later_and_leaves_nothing_half(tmp_path: Path) -> None:
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", small], check=False, stderr=-3).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        large = fake_letter(4, size=100_000)
        outcome = asyncio.run(HandOut(small).hand_over(large))[BERT]
        assert isinstance(outcome, TryLater)
        assert "room" in outcome.why
        assert list(small.iterdir()) == []
        assert hand_over(small) == Accepted()
    finally:
        subprocess.run(["umount", small], check=True)


def test_a_missing_folder_is_for_later_and_nothing_is_said_of_the_letter(tmp_path: Path) -> None:
    gone = HandOut(tmp_path / "nowhere" / "letter.dearly")
    outcome = asyncio.run(gone.hand_over(LETTER))[BERT]
    assert isinstance(outcome, TryLater)
    assert asyncio.run(gone.look_for(LETTER)) == {BERT: NothingProven()}


def test_the_same_letter_from_any_file_is_the_same_parcel(stick: Path) -> None:
    assert hand_over(stick) == Accepted()
    copy, plain = stick / "copy of it.dearly", stick / "letter.eml"
    shutil.copy(stick / suggested_name(LETTER), copy)
    plain.write_bytes(LETTER.data)
    parcels = [asyncio.run(HandIn(path).collect("")).parcels for path in (copy, plain, stick / suggested_name(LETTER))]
    assert parcels[0] == parcels[1] == parcels[2]
    assert parcels[0][0].data == LETTER.data
