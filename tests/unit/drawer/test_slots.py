"""The key slots: what opens them, what is refused, and that nothing in them can be changed unnoticed."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dearly.drawer import derive, passphrase, slots
from dearly.drawer.folder import KEYS
from dearly.drawer.slotfiles import both_hold, read_copies, write_copies
from dearly.letter.errors import Damaged, Locked, MadeByNewer, NotFound, Refused, Usage
from tests.support.drawers import KEY, PASSPHRASE, cheap_cost

UID = "0f" * 16
WORDS = passphrase.prepare(PASSPHRASE)


@pytest.fixture(scope="module")
def one() -> slots.Slots:
    return slots.Slots(UID, 1, (slots.wrap(UID, 1, KEY, WORDS, cheap_cost()),), slots.seal_record(KEY, UID, b"head"))


def test_the_passphrase_opens_and_another_does_not(one: slots.Slots) -> None:
    again = slots.decode(slots.encode(one))
    assert again == one
    assert slots.unlock([again], WORDS).keys == {1: KEY}
    with pytest.raises(Locked) as wrong:
        slots.unlock([again], WORDS + b"!")
    assert wrong.value.code == "wrong_passphrase"


def test_the_file_holds_neither_key_nor_passphrase(one: slots.Slots) -> None:
    data = slots.encode(one)
    assert KEY not in data
    assert KEY.hex().encode() not in data
    assert b"fake" not in data


@pytest.mark.parametrize("name", ["drawer", "number", "passes", "lanes", "memory_kib", "salt", "nonce", "wrapped"])
def test_no_field_can_be_changed_even_with_a_right_sum(one: slots.Slots, name: str) -> None:
    content = json.loads(slots.encode(one))
    content.pop("sum")
    where = content if name in content else content["slots"][0]
    if isinstance(where[name], int):
        where[name] += 1 if name != "memory_kib" else 8
    elif name == "drawer":
        where[name] = "1f" * 16
    else:
        where[name] = ("B" if where[name][0] == "A" else "A") + where[name][1:]
    forged = json.dumps({**content, "sum": slots._sum(content)}).encode()
    with pytest.raises(Locked):
        slots.unlock([slots.decode(forged)], WORDS)


def test_every_flipped_bit_is_noticed(one: slots.Slots) -> None:
    data = slots.encode(one)
    for place in range(0, len(data) - 1, 7):
        flipped = bytearray(data)
        flipped[place] ^= 1 << place % 8
        try:
            read = slots.decode(bytes(flipped))
        except (Damaged, MadeByNewer):
            continue
        # White space between the fields is not content.
        assert read == one


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("memory_kib", 2**21),
        ("passes", 17),
        ("lanes", 9),
        ("memory_kib", 0),
        ("passes", 0),
        ("kdf", "none"),
        ("salt", ""),
    ],
)
def test_costs_beyond_the_caps_are_not_even_tried(
    one: slots.Slots, name: str, value: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = json.loads(slots.encode(one))
    content.pop("sum")
    content["slots"][0][name] = value
    monkeypatch.setattr(slots, "_child", lambda *_given: pytest.fail("a derivation was begun"))
    with pytest.raises(Damaged):
        slots.decode(json.dumps({**content, "sum": slots._sum(content)}).encode())


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", b"{" * 100_000, b" " * 70_000, b'{"sum": 1}'])
def test_other_bytes_are_damaged_slots(data: bytes) -> None:
    with pytest.raises(Damaged) as wrong:
        slots.decode(data)
    assert wrong.value.code == "slots_damaged"


def test_a_newer_version_is_said_to_be_newer(one: slots.Slots) -> None:
    content: dict[str, Any] = json.loads(slots.encode(one))
    content.pop("sum")
    content["version"] = 2
    with pytest.raises(MadeByNewer):
        slots.decode(json.dumps({**content, "sum": slots._sum(content)}).encode())


def test_a_release_refuses_cheap_slots() -> None:
    with pytest.raises(Refused) as wrong:
        slots.SlotCost(63 * 1024, 3, 4)
    assert wrong.value.code == "cost_too_low"
    with pytest.raises(Refused):
        slots.SlotCost(64 * 1024, 2, 4)


def test_calibration_never_goes_below_the_floor(monkeypatch: pytest.MonkeyPatch) -> None:
    for fast, slow in ((0.001, 16), (10.0, derive.FLOOR_PASSES)):
        monkeypatch.setattr(
            derive, "_seconds", lambda memory, passes, s=fast: s * memory / derive.FLOOR_KIB * passes / 3
        )
        cost = slots.SlotCost(**derive.calibrate())
        assert cost.passes == slow
        assert cost.memory_kib == (derive.WISH_KIB if fast < 1 else derive.FLOOR_KIB)


def test_a_slot_at_the_floor_is_really_derived_so() -> None:
    cost = slots.SlotCost(derive.FLOOR_KIB, derive.FLOOR_PASSES, derive.LANES)
    made = slots.Slots(UID, 1, (slots.wrap(UID, 1, KEY, WORDS, cost),))
    assert slots.unlock([made], WORDS).keys == {1: KEY}


def test_records_open_only_with_their_key_and_drawer() -> None:
    sealed = slots.seal_record(KEY, UID, b"record")
    assert slots.open_record(KEY, UID, sealed) == b"record"
    assert slots.open_record(KEY, "1f" * 16, sealed) is None
    assert slots.open_record(slots.new_key(), UID, sealed) is None
    assert slots.open_record(KEY, UID, b"short") is None


# The two files -----------------------------------------------------------------------------------------------------


def test_one_damaged_copy_does_no_harm(one: slots.Slots, tmp_path: Path) -> None:
    write_copies(tmp_path, one)
    assert both_hold(tmp_path, one)
    for name in KEYS:
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        whole = (tmp_path / name).read_bytes()
        for broken in (b"", whole[:-100], b"\0" * len(whole)):
            (tmp_path / name).write_bytes(broken)
            assert read_copies(tmp_path) == [one]
        (tmp_path / name).unlink()
        assert read_copies(tmp_path) == [one]
        (tmp_path / name).write_bytes(whole)
    for name in KEYS:
        (tmp_path / name).write_bytes(b"gone")
    with pytest.raises(Damaged) as wrong:
        read_copies(tmp_path)
    assert wrong.value.code == "slots_damaged"
    assert "kit" in wrong.value.hint


def test_of_two_different_copies_the_newer_comes_first(one: slots.Slots, tmp_path: Path) -> None:
    write_copies(tmp_path, one)
    (tmp_path / KEYS[1]).write_bytes(slots.encode(replace(one, revision=2)))
    assert [copy.revision for copy in read_copies(tmp_path)] == [2, 1]


# Passphrases (RFC 8265 4.2) ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "octets"),
    [
        ("fake caf\u0065\u0301", "fake caf\u00e9".encode()),
        ("fake\u00a0words\u3000here", b"fake words here"),
        ("  kept spaces ", b"  kept spaces "),
        ("Fake Case", b"Fake Case"),
        ("\u212b", "\u00c5".encode()),
    ],
)
def test_the_same_words_are_the_same_octets(typed: str, octets: bytes) -> None:
    assert passphrase.prepare(typed) == octets


@pytest.mark.parametrize("typed", ["", "two\nlines", "bell\a", "\ud800", "\u0378", "x" * 5000])
def test_what_cannot_be_typed_again_is_refused(typed: str) -> None:
    with pytest.raises(Usage) as wrong:
        passphrase.prepare(typed)
    assert wrong.value.code == "bad_passphrase"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"fake words", "fake words"),
        (b"fake words\n", "fake words"),
        (b"fake words\r\n", "fake words"),
        (b" fake \n", " fake "),
    ],
)
def test_a_file_loses_one_line_end(tmp_path: Path, content: bytes, words: str) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(content)
    file.chmod(0o600)
    assert passphrase.from_file(file) == words


@pytest.mark.parametrize("content", [b"", b"\n", b"fake\n\n", b"\xff\xfe"])
def test_a_file_that_holds_no_passphrase(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(Usage):
        passphrase.from_file(file)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "passphrase"
    file.write_bytes(b"fake words\n")
    file.chmod(mode)
    with pytest.raises(Refused) as wrong:
        passphrase.from_file(file)
    assert wrong.value.code == "file_readable_by_others"


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        passphrase.from_file(tmp_path / "none")
