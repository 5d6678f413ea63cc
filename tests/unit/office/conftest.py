"""One running office for all tests of a file, and fresh people in it for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.support.offices import Member, Office, an_office

_NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def office() -> Iterator[Office]:
    with an_office() as running:
        yield running


@pytest.fixture
def ada(office: Office) -> Member:
    return office.member(f"ada{next(_NUMBERS)}")


@pytest.fixture
def bert(office: Office) -> Member:
    return office.member(f"bert{next(_NUMBERS)}")


@pytest.fixture
def clara(office: Office) -> Member:
    return office.member(f"clara{next(_NUMBERS)}")
