"""The file of a letter carried by hand. What becomes of it when it is cut stands in tests/faults/test_hand.py."""

from __future__ import annotations

import email
import hashlib
import os
from pathlib import Path

import pytest

from dearly.carriers.hand import read_file
from dearly.carriers.letterfile import SUFFIX, framed, suggested_name, unframed
from dearly.letter.errors import Damaged, DearlyError, MadeByNewer, NotFound, Refused, Usage
from tests.support.fake_letters import fake_letter

DATA = fake_letter(1).data


def test_the_first_line_states_length_and_digest() -> None:
    line, _, rest = framed(b"Subject: x\r\n\r\nhi\r\n").partition(b"\r\n")
    digest = hashlib.sha256(rest).hexdigest().encode()
    assert line == b"Dearly-File: v=1; length=18; sha256=" + digest
    assert rest == b"Subject: x\r\n\r\nhi\r\n"


def test_any_mail_program_reads_the_file_too() -> None:
    message = email.message_from_bytes(framed(DATA))
    assert message["From"] == "ada@letters.test"
    assert message.get_content_type() == "multipart/encrypted"
    assert len(message.get_payload()) == 2


def test_what_was_framed_comes_out_byte_for_byte() -> None:
    for data in (DATA, b"Subject: \xff\r\n\r\n\x00\n\r", b"A:b"):
        assert unframed(framed(data)) == data


def test_a_plain_message_is_taken_as_it_is() -> None:
    for data in (DATA, b"From: x\n\nunix line ends\n", b"Received: from a\r\n"):
        assert unframed(data) == data


def test_the_suggested_name_tells_nothing_and_stays_the_same() -> None:
    name = suggested_name(fake_letter(1))
    assert name == suggested_name(fake_letter(1))
    assert name != suggested_name(fake_letter(2))
    assert name.endswith(SUFFIX)
    assert name.removesuffix(SUFFIX).isalnum()
    assert "ada" not in name
    assert "bert" not in name


@pytest.mark.parametrize(
    ("file", "error", "code"),
    [
        (b"", Damaged, "hand_incomplete"),
        (b"Dear", Damaged, "hand_incomplete"),
        (b"Dearly-File: v=1; len", Damaged, "hand_incomplete"),
        (framed(DATA)[:-1], Damaged, "hand_incomplete"),
        (framed(DATA) + b"\r\n", Damaged, "hand_damaged"),
        (framed(DATA).replace(b"\r\n", b"\n"), Damaged, "hand_damaged"),
        (b"Dearly-File: v=1; length=99999999999999; sha256=" + b"0" * 64 + b"\r\n", Damaged, "hand_damaged"),
        (b"Dearly-File: nonsense\r\n\r\nx", Damaged, "hand_damaged"),
        (framed(DATA).replace(b"v=1;", b"v=2;"), MadeByNewer, "hand_newer"),
        (b"\x89PNG\r\n\x1a\n", Usage, "not_a_letter"),
        (b"just some notes", Usage, "not_a_letter"),
        (b"\r\nFrom: x\r\n", Usage, "not_a_letter"),
    ],
)
def test_what_is_not_a_whole_letter_is_named(file: bytes, error: type[DearlyError], code: str) -> None:
    with pytest.raises(error) as trouble:
        unframed(file)
    assert trouble.value.code == code
    assert trouble.value.message
    assert trouble.value.hint


def test_what_is_no_file_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NotFound):
        read_file(tmp_path / "nothing.dearly")
    with pytest.raises(Usage) as trouble:
        read_file(tmp_path)
    assert trouble.value.code == "unreadable_file"
    with pytest.raises(Usage):
        read_file(tmp_path / ("x" * 400))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(Usage):  # and it does not wait for a writer
        read_file(pipe)
    large = tmp_path / "large"
    large.write_bytes(b"A: b\r\n")
    monkeypatch.setattr("dearly.carriers.hand.MOST_PARCEL", 1000)
    os.truncate(large, 2_000)
    with pytest.raises(Refused) as refused:
        read_file(large)
    assert refused.value.code == "too_large"
