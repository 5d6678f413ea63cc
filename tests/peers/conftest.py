"""One rule for programs that may be missing: skipped with the reason on a desk, a failure where CI=true."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support.peers import GnuPG, Sq


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here talks to a real program."""
    here = str(Path(__file__).parent) + os.sep
    for item in items:
        if str(item.path).startswith(here):
            item.add_marker(pytest.mark.peers)


def needs(program: str) -> str:
    """The path of a program (a name on PATH, or a file), or the end of the test: tests/debian.sh installs them."""
    found = program if os.sep in program and Path(program).exists() else shutil.which(program)
    if not found:
        without(f"{program} is not installed (sh tests/debian.sh)")
    return found


def needs_root(program: str) -> None:
    """The end of the test where we are not root, for a program that runs as nobody else."""
    if os.geteuid() != 0:
        without(f"{program} runs as root only")


def without(reason: str) -> NoReturn:
    """The end of the test: skipped on a desk, failed where CI=true."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def gnupg() -> Iterator[GnuPG]:
    """GnuPG with a home of its own, as it is when freshly installed."""
    with GnuPG(needs("gpg")) as peer:
        yield peer


@pytest.fixture
def sq(tmp_path: Path) -> Sq:
    """Sequoia's command line."""
    return Sq(needs("sq"), tmp_path)
