"""The recovery kit: printed, typed again with the slips that people make, and used."""

from __future__ import annotations

import asyncio
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dearly.drawer import chain, kit, kit_words, restore
from dearly.drawer.connection import DataKey
from dearly.drawer.folder import DATABASE, KEYS
from dearly.drawer.slots import new_key
from dearly.letter.errors import Damaged, Locked, NotFound, Refused, Usage
from tests.support.drawers import KEY, cheap_cost, make_drawer, new_drawer, open_drawer
from tests.support.times import NOON

KEYS_OF_ANY_KIND = st.binary(min_size=32, max_size=32).map(DataKey)


@given(KEYS_OF_ANY_KIND)
def test_every_key_comes_back(key: DataKey) -> None:
    lines = kit.code_lines(key)
    assert len(lines) == kit.LINES
    assert kit.read("\n".join(lines)) == key
    assert kit.read(kit.text(key, "0f" * 16, NOON)) == key


@pytest.mark.parametrize(
    "typed_as",
    [
        str.lower,
        lambda t: re.sub(r"([A-Z2-7]{4}) ([A-Z2-7]{4})", r"\1\2", t),
        lambda t: re.sub(r"([A-Z2-7]{4}) ([A-Z2-7]{4})", r"\1-\2", t),
        lambda t: t.replace("   ", " "),
        lambda t: t.replace("O", "0").replace("I", "1"),
        lambda t: re.sub(r"([a-z])-([a-z])", r"\1 \2", t),
        lambda t: t.replace("\n", "\r\n\r\n"),
        lambda t: "\n".join(f" {n}. {line}" for n, line in enumerate(t.splitlines(), 1)),
        lambda t: "\n".join(reversed([f"{n}) {line}" for n, line in enumerate(t.splitlines(), 1)])),
    ],
)
def test_it_may_be_typed_in_many_ways(typed_as) -> None:  # type: ignore[no-untyped-def]  # small functions of text
    for number in range(20):
        key = DataKey(bytes([number]) * 31 + b"\x99")
        assert kit.read(typed_as("\n".join(kit.code_lines(key)))) == key


@given(KEYS_OF_ANY_KIND, st.integers(0, 6), st.integers(0, 7), st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"))
def test_a_slip_is_named_by_its_line(key: DataKey, line: int, place: int, letter: str) -> None:
    lines = list(kit.code_lines(key))
    place += place // 4  # over the space between the groups
    if lines[line][place] == letter:
        return
    lines[line] = lines[line][:place] + letter + lines[line][place + 1 :]
    with pytest.raises(Usage) as wrong:
        kit.read("\n".join(lines))
    # One slip in a thousand fits the check word by chance; then the whole does not fit.
    assert wrong.value.code == "kit_wrong"
    if "belong" not in wrong.value.message:
        assert f"Line {line + 1} " in wrong.value.message


def test_all_wrong_lines_are_named_at_once() -> None:
    lines = list(kit.code_lines(KEY))
    lines[1] = lines[1].replace(lines[1][0], "Q", 1) if lines[1][0] != "Q" else "Z" + lines[1][1:]
    lines[4] = lines[4][:-1]
    with pytest.raises(Usage, match=r"Lines 2, 5 ") as wrong:
        kit.read("\n".join(lines))
    assert wrong.value.hint


def test_two_lines_changed_places() -> None:
    lines = list(kit.code_lines(DataKey(bytes(range(32)))))
    lines[0], lines[1] = lines[1], lines[0]
    with pytest.raises(Usage, match="Lines 1, 2 "):
        kit.read("\n".join(lines))


def test_lines_of_two_kits_do_not_make_a_third() -> None:
    lines = [*kit.code_lines(DataKey(b"\1" * 32))[:3], *kit.code_lines(DataKey(b"\2" * 32))[3:]]
    with pytest.raises(Usage, match="belong together"):
        kit.read("\n".join(lines))


@pytest.mark.parametrize("typed", ["", "\n\n", "nothing of the kind", "DEARLY-KIT-1:AAAA", "1 2 3", "\0" * 50])
def test_something_else_is_not_a_kit(typed: str) -> None:
    with pytest.raises(Usage):
        kit.read(typed)


def test_the_qr_code_says_the_same() -> None:
    assert kit.read(kit._payload(KEY)) == KEY
    assert kit.read(kit._payload(KEY).lower() + "\n") == KEY
    assert kit.qr_svg(KEY).startswith("<svg")
    rows = kit.qr_text(KEY).splitlines()
    assert len(rows) >= 17
    assert set("".join(rows)) <= set(" ▀▄█")


def test_the_check_words_are_all_different() -> None:
    assert len({kit_words.word(bits) for bits in range(1024)}) == 1024


def test_it_is_written_for_its_owner_alone(tmp_path: Path) -> None:
    kit.write(tmp_path / "kit.txt", kit.text(KEY, "0f" * 16, NOON))
    assert stat.S_IMODE((tmp_path / "kit.txt").stat().st_mode) == 0o600
    with pytest.raises(Refused) as wrong:
        kit.write(tmp_path / "kit.txt", "again")
    assert wrong.value.code == "file_exists"
    assert kit.read((tmp_path / "kit.txt").read_text()) == KEY


def test_not_into_a_drawer_nor_a_synchronised_folder(tmp_path: Path) -> None:
    (tmp_path / "drawer" / "deep").mkdir(parents=True)
    (tmp_path / "drawer" / DATABASE).touch()
    with pytest.raises(Refused) as inside:
        kit.write(tmp_path / "drawer" / "deep" / "kit.txt", "x")
    assert inside.value.code == "kit_in_drawer"
    (tmp_path / "synced" / ".stfolder").mkdir(parents=True)
    with pytest.raises(Refused) as synced:
        kit.write(tmp_path / "synced" / "kit.txt", "x")
    assert synced.value.code == "synced_folder"
    assert not list(tmp_path.rglob("kit.txt*"))


def test_kit_and_file_alone_bring_everything_back(tmp_path: Path) -> None:
    async def play() -> None:
        drawer = await make_drawer(tmp_path / "old")
        await drawer.write(lambda db: chain.append(db, chain.Kind.POSTED, b"s" * 32, NOON))
        printed = kit.of(drawer)
        await drawer.close()
        (tmp_path / "new").mkdir()
        (tmp_path / "old" / DATABASE).rename(tmp_path / "new" / DATABASE)
        with pytest.raises(Damaged):
            await open_drawer(tmp_path / "new")
        with pytest.raises(Locked) as wrong:
            await restore.restore_with_kit(tmp_path / "new", new_key(), "fake new words", cost=cheap_cost())
        assert wrong.value.code == "wrong_key"
        assert not any((tmp_path / "new" / name).exists() for name in KEYS)
        await restore.restore_with_kit(tmp_path / "new", kit.read(printed), "fake new words", cost=cheap_cost())
        from dearly.drawer.drawer import Drawer

        again = await Drawer.open(tmp_path / "new", "fake new words", clock=drawer.clock, chance=drawer.chance)
        assert again.uid == drawer.uid
        assert (await again.read(chain.head)).count == 1
        await again.close()

    asyncio.run(play())


def test_a_kit_for_no_drawer(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        asyncio.run(restore.restore_with_kit(tmp_path, KEY, "fake words", cost=cheap_cost()))


def test_a_drawer_in_use_keeps_its_keys(tmp_path: Path) -> None:
    async def play() -> None:
        async with new_drawer(tmp_path / "drawer") as drawer:
            with pytest.raises(Exception, match="already open"):
                await restore.restore_with_kit(drawer.folder, drawer.store.key, "fake words", cost=cheap_cost())

    asyncio.run(play())
