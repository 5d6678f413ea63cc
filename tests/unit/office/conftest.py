"""One running office for all tests of a file, and fresh people in it for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from tests.support.offices import Member, Office, an_office
from tests.support.postgres import a_database

_NUMBERS = itertools.count()


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    """Over a file; and in the long run, all the same over a database."""
    with an_office(None if request.param == "sqlite" else a_database()) as running:
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
