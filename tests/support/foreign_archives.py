"""Archives for tests of their readers: letters as files of other programs, and what reading them comes to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from dearly.exchange.archive import Archive, Found, Item, PassedOver, recognise
from dearly.opener.unpacking import unpack

FROM = b"From ada@letters.test Thu Jan  1 00:00:00 1970\n"


def letter(name: str, body: str = "Dear Bert,\n\nall is well.\n") -> bytes:
    """A small letter with LF line ends; its subject is `name`."""
    return (
        f"From: Ada <ada@letters.test>\nTo: bert@letters.test\nSubject: {name}\n"
        f"Message-ID: <{name}@letters.test>\nDate: Thu, 1 Jan 1970 00:00:00 +0000\n\n{body}"
    ).encode()


def mbox_of(letters: Sequence[bytes], line: bytes = FROM) -> bytes:
    """Letters as most programs put them into one file; nothing is quoted."""
    return b"".join(line + one + b"\n" for one in letters)


def archive(path: Path, wanted: str = "auto") -> Archive:
    """The archive at `path`, unpacked by the real child where it is packed."""
    return recognise(path, wanted, unpack=unpack)


def everything(source: Archive) -> list[Found]:
    """All that is in it; and from the cursor of each, exactly what comes after it."""
    found = list(source.items())
    for number, one in enumerate(found):
        assert _what(source.items(one.cursor)) == _what(found[number + 1 :]), one
    passed = [one.passed for one in found]
    size = source.size()
    assert passed == sorted(passed)
    assert size is None or not passed or passed[-1] <= size
    return found


def _what(found: Iterable[Found]) -> list[tuple[str, object]]:
    return [
        (one.cursor, one.code if isinstance(one, PassedOver) else one.data if isinstance(one, Item) else one.pages)
        for one in found
    ]


def items(source: Archive) -> list[Item]:
    """The letters in it; fails where anything else is."""
    found = everything(source)
    assert all(isinstance(one, Item) for one in found), found
    return [one for one in found if isinstance(one, Item)]


def bytes_of(source: Archive) -> list[bytes]:
    """The octets of the letters in it."""
    return [one.data for one in items(source)]


def codes(found: Sequence[Found]) -> list[str]:
    """Why what is passed over is."""
    return [one.code for one in found if isinstance(one, PassedOver)]
