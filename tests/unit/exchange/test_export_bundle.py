"""A bundle that is not as it was written: what is torn is named, the rest is read, nothing else happens."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dearly.exchange import bundle_reading
from dearly.exchange.bundle import BLOCK, BundleWriter
from dearly.exchange.bundle_reading import Bundle, Torn
from dearly.exchange.records import Wrong, from_json, to_json
from dearly.letter.content import Enclosure
from dearly.letter.errors import Damaged, DearlyError, MadeByNewer, Usage
from dearly.letter.leaving import Book, Leaving, LeavingPerson, Named, Owner, Tombstone

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def letter(n: int, text: str = "Text") -> Leaving:
    enclosures = (Enclosure("a", "x/y", b"enclosed %d" % n),)
    named = (Named("from", "Bert", "bert@letters.test"),)
    return Leaving(n, "ab" * 16, "in", f"l{n}", None, NOW, NOW, "", text, False, named, enclosures=enclosures)


def a_bundle() -> bytes:
    out = io.BytesIO()
    writer = BundleWriter(out, NOW)
    person = LeavingPerson("12" * 16, "person", "Bert", None, "", False, None, NOW)
    writer.begin("How to read it", Book(Owner("cd" * 16, "Ada"), (person,), erased=(Tombstone("ef" * 32, NOW),)))
    writer.letters([letter(1), letter(2, "é" * 40_000)])
    writer.letters([letter(3)])
    writer.end()
    return out.getvalue()


WHOLE = a_bundle()


def opened(tmp_path: Path, data: bytes) -> Bundle:
    path = tmp_path / "b.tar"
    path.write_bytes(data)
    return Bundle.open(path)


def test_whole_it_gives_everything_back_from_any_cursor(tmp_path: Path) -> None:
    with opened(tmp_path, WHOLE) as bundle:
        assert bundle.whole
        pairs = list(bundle.letters())
        assert [one for _cursor, one in pairs] == [letter(1), letter(2, "é" * 40_000), letter(3)]
        for n, (cursor, _one) in enumerate(pairs):
            assert list(bundle.letters(cursor)) == pairs[n + 1 :]


def test_a_torn_blob_is_named_and_the_others_are_read(tmp_path: Path) -> None:
    with opened(tmp_path, WHOLE.replace(b"enclosed 1", b"enclosed 9")) as bundle:
        found = [one for _cursor, one in bundle.letters()]
    assert found[0] == Torn("letters/000001.jsonl:1", "a blob is not as it was written")
    assert [one.number for one in found[1:] if isinstance(one, Leaving)] == [2, 3]


def test_a_changed_line_is_noticed_at_the_door(tmp_path: Path) -> None:
    with pytest.raises(Damaged):
        opened(tmp_path, WHOLE.replace(b'"letter_id":"l3"', b'"letter_id":"l4"'))


def test_without_its_end_it_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    for cut in range(BLOCK * 3, len(WHOLE) - BLOCK * 3, BLOCK * 7 + 11):
        with opened(tmp_path, WHOLE[:cut]) as bundle:
            assert not bundle.whole
            assert all(isinstance(one, Leaving | Torn) for _cursor, one in bundle.letters())


def test_what_is_none(tmp_path: Path) -> None:
    for data in (b"", b"PK\3\4", bytes(5000), b"From a@b\n" * 500):
        with pytest.raises(Usage):
            opened(tmp_path, data)
    with pytest.raises(MadeByNewer):
        opened(tmp_path, WHOLE.replace(b'"version":1', b'"version":9'))


@given(st.integers(0, len(WHOLE) - 1), st.integers(0, 255))
def test_no_changed_byte_makes_another_trouble(tmp_path_factory: pytest.TempPathFactory, at: int, byte: int) -> None:
    path = tmp_path_factory.getbasetemp() / "changed.tar"
    path.write_bytes(WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :])
    try:
        with Bundle.open(path) as bundle:
            list(bundle.letters())
            bundle.book()
    except DearlyError:
        pass


@pytest.mark.parametrize(
    "change",
    [
        {"number": "1"},
        {"number": True},
        {"number": 1 << 70},
        {"direction": "up"},
        {"date": "2026-03-01T00:00:00"},
        {"date": 5},
        {"named": {}},
        {"named": [{"role": 1}]},
        {"text": "\ud800"},
        {"text": {"blob": "..", "size": 1}},
        {"enclosures": [{"name": "a", "media_type": "b", "data": "c"}]},
    ],
)
def test_each_field_has_its_own_type(change: dict[str, object]) -> None:
    blobs: dict[str, bytes] = {}

    def put(data: bytes) -> str:
        blobs[str(len(blobs))] = data
        return str(len(blobs) - 1)

    def get(digest: str, _size: int) -> bytes:
        if digest not in blobs:
            raise Wrong("missing")
        return blobs[digest]

    line = json.loads(json.dumps(to_json(letter(1), put)))
    assert from_json(Leaving, {**line, "unknown": 1}, get) == letter(1)
    with pytest.raises(Wrong):
        from_json(Leaving, {**line, **change}, get)


def test_a_line_that_is_made_to_be_deep_or_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for line in (b"[" * 100_000, b'{"a":' * 50_000, b"9" * 10_000, b'{"number": NaN}'):
        with pytest.raises(Wrong):
            bundle_reading._parse(line)
    monkeypatch.setattr(bundle_reading, "LONGEST_LINE", 500)
    data = WHOLE[: WHOLE.index(b"end.json")]
    with opened(tmp_path, data) as bundle:
        assert any(isinstance(one, Torn) for _cursor, one in bundle.letters())


def test_a_line_cannot_name_more_than_a_letter_may_weigh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One blob that is named twenty thousand times would be in memory as often."""
    monkeypatch.setattr(bundle_reading, "HEAVIEST_LINE", 25)
    many = tuple(Enclosure("a", "x/y", b"0123456789") for _n in range(50))
    out = io.BytesIO()
    writer = BundleWriter(out, NOW)
    writer.begin("", Book(Owner("cd" * 16, "Ada")))
    writer.letters([replace(letter(1), enclosures=many), letter(2), letter(3)])
    writer.end()
    with opened(tmp_path, out.getvalue()) as bundle:
        found = [one for _cursor, one in bundle.letters()]
    assert isinstance(found[0], Torn)
    assert found[1:] == [letter(2), letter(3)]
