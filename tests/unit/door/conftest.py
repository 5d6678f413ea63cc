"""A runtime folder of its own for every test of the door."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.door import short_folder


@pytest.fixture(autouse=True)
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with short_folder() as folder:
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
        yield folder


@pytest.fixture
def drawer(runtime: Path) -> Path:
    folder = runtime / "drawer of Ada"
    folder.mkdir()
    return folder
