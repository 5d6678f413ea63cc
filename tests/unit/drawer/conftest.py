"""The inside of a drawer, new for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from dearly.drawer.connection import Db
from tests.support.contents import contents_of


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Db]:
    with contents_of(tmp_path) as inside:
        yield inside
