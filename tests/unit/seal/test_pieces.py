"""Cutting parts into pieces of one size changes nothing but where the cuts are."""

from hypothesis import given
from hypothesis import strategies as st

from dearly.seal import seipd
from dearly.seal.armor import armor, armor_parts
from dearly.seal.pieces import cut


@given(st.lists(st.binary(max_size=30), max_size=8), st.integers(1, 20))
def test_pieces(parts: list[bytes], size: int) -> None:
    found = [bytes(p) for p in cut(parts, size)]
    assert b"".join(found) == b"".join(parts)
    assert all(len(p) == size for p in found[:-1])
    assert all(0 < len(p) <= size for p in found[-1:])


@given(st.lists(st.binary(max_size=300), max_size=5))
def test_armor_of_parts(parts: list[bytes]) -> None:
    assert armor_parts(parts) == armor(b"".join(parts))


@given(st.lists(st.binary(max_size=9000), max_size=3), st.sampled_from([1, 2]))
def test_the_size_of_a_container_is_foretold(parts: list[bytes], version: int) -> None:
    key = bytes(32)
    body = b"".join(seipd.seal(parts, version, 9, key))
    assert len(body) == seipd.sealed_size(sum(map(len, parts)), version)
    assert seipd.unseal(body, 9, key) == b"".join(parts)
