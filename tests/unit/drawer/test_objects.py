"""Bytes are kept once, given back whole, and never given back when they changed."""

from __future__ import annotations

import random

import pytest

from dearly.drawer import objects
from dearly.drawer.connection import Db
from dearly.letter.errors import Damaged
from tests.support.contents import page


@pytest.mark.parametrize("data", [b"", b"x", b"a letter " * 1000, random.Random(1).randbytes(5000), b"\0" * 100_000])
def test_bytes_come_back(db: Db, data: bytes) -> None:
    number = objects.put(db, data)
    assert objects.get(db, number) == data
    assert objects.put(db, data) == number
    assert objects.put(db, objects.pack(data)) == number
    assert db.value("SELECT count(*) FROM objects") == 1


def test_packed_only_where_it_helps() -> None:
    noise = random.Random(1).randbytes(5000)
    assert objects.pack(noise).packing == "plain"
    packed = objects.pack(b"a letter " * 1000)
    assert packed.packing == "zstd"
    assert len(packed.body) < 100


@pytest.mark.parametrize(
    "change",
    [
        "body = x'00'",
        "size = size + 1",
        "packing = 'plain'",
        "body = CAST(substr(body, 1, length(body) - 1) AS BLOB)",
        "sha256 = zeroblob(32)",
    ],
)
def test_changed_bytes_are_not_given_out(db: Db, change: str) -> None:
    number = objects.put(db, b"a letter " * 1000)
    db.run(f"UPDATE objects SET {change} WHERE id = ?", (number,))
    with pytest.raises(Damaged) as caught:
        objects.get(db, number)
    assert caught.value.code == "object_damaged"


def test_a_bomb_does_not_unfold(db: Db) -> None:
    """What is packed may not unfold beyond the size that was noted (A25), whatever the frame says."""
    number = objects.put(db, b"a letter " * 1000)
    bomb = objects.pack(b"\0" * 50_000_000).body
    db.run("UPDATE objects SET body = ? WHERE id = ?", (bomb, number))
    with pytest.raises(Damaged):
        objects.get(db, number)


def test_what_is_not_there_is_damage(db: Db) -> None:
    with pytest.raises(Damaged):
        objects.get(db, 99)


def test_released_only_when_nobody_holds_it(db: Db) -> None:
    number = objects.put(db, b"a picture")
    there = page(db).number
    db.run(
        "INSERT INTO draft_enclosures (draft, position, object_id, name, media_type) VALUES (?, 0, ?, 'a', 'b/c')",
        (there, number),
    )
    assert not objects.release(db, number)
    db.run("DELETE FROM draft_enclosures")
    assert objects.release(db, number)
    assert not objects.release(db, number)


@pytest.mark.parametrize(
    ("before", "after"),
    [(None, "Ünïcode ☃ \0 text"), ("", "x"), ("a" * 10_000, ""), ("abc " * 5000, "abc " * 4999 + "abd "), ("x", "x")],
)
def test_texts_come_back(before: str | None, after: str) -> None:
    assert objects.unpack_text(objects.pack_text(after, before), before) == after


def test_a_long_text_costs_little_after_the_one_before() -> None:
    """200,000 words with one sentence more: what is stored is the sentence, not the text."""
    chance = random.Random(7)
    words = ["".join(chance.choices("etaoinshrdlu", k=chance.randint(2, 9))) for _ in range(5000)]
    before = " ".join(chance.choices(words, k=200_000))
    after = before[:600_000] + " And a sentence more. " + before[600_000:]
    assert len(objects.pack_text(after)) > 200_000
    assert len(objects.pack_text(after, before)) < 1000


def test_a_text_on_another_base_is_damage_not_nonsense() -> None:
    packed = objects.pack_text("the rain in spring " * 100, "the rain in autumn " * 100)
    for base in (None, "something else entirely " * 100):
        with pytest.raises(Damaged) as caught:
            objects.unpack_text(packed, base)
        assert caught.value.code == "text_damaged"
