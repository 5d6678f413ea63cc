"""Certificates wherever they lie; what is none is passed over, and nothing takes longer than its length allows."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from dearly.seal.armor import armor
from dearly.seal.certificate import parse
from dearly.seal.several import MOST_CERTIFICATES, several
from tests.support.openpgp import person

CLARA, DORA = person("clara"), person("dora")
BLOCK = armor(CLARA.certificate, "PUBLIC KEY BLOCK")


def _found(data: bytes) -> list[str]:
    return [parse(one).fingerprint for one in several(data)]


def test_they_are_told_apart() -> None:
    clara, dora = CLARA.fingerprint, DORA.fingerprint
    assert _found(CLARA.certificate + DORA.certificate) == [clara, dora]
    assert _found(armor(CLARA.certificate + DORA.certificate, "PUBLIC KEY BLOCK")) == [clara, dora]
    assert _found(b"here:\n" + BLOCK.replace(b"\r\n", b"\n") + b"\nand:\n" + BLOCK) == [clara, clara]
    assert _found(b"> " + BLOCK) == []
    assert _found(BLOCK[: len(BLOCK) // 2]) == []
    assert _found(CLARA.certificate * 40) == [clara] * MOST_CERTIFICATES


def test_what_is_secret_is_passed_over() -> None:
    secret = DORA.to_bytes()
    assert _found(secret + CLARA.certificate) == [CLARA.fingerprint]


def test_many_beginnings_cost_no_more_than_their_length() -> None:
    begun = time.process_time()
    assert _found(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n" * 14_000) == []
    assert (
        _found((b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" * 20 + b"-----END PGP PUBLIC KEY BLOCK-----\n") * 600) == []
    )
    assert time.process_time() - begun < 2


@given(st.binary(max_size=400))
def test_it_never_raises(data: bytes) -> None:
    list(several(data))
    list(several(b"\xc6" + data))
    list(several(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" + data + b"\n-----END PGP PUBLIC KEY BLOCK-----"))
