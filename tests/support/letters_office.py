"""A real office at letters.test, with Ada, Bert and Clara as members, for the tests of the ways."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from dearly.letter.address import Address
from dearly.office.sqlite import SqliteStore
from tests.support.fake_letters import ADA, BERT, CLARA
from tests.support.offices import MachineChance, Member, Office, an_office


@contextmanager
def letters_office(folder: Path) -> Iterator[tuple[Office, Mapping[Address, Member]]]:
    """The office over a store in `folder`, and its members by address."""

    async def lay_out() -> None:
        await SqliteStore.create(folder, MachineChance(), domain=ADA.domain).close()

    with ThreadPoolExecutor(1) as thread:  # the caller may have a loop of its own running
        thread.submit(asyncio.run, lay_out()).result()
    with an_office(folder) as office:
        yield office, {address: office.member(address.local) for address in (ADA, BERT, CLARA)}


def in_letterbox(member: Member) -> list[bytes]:
    """What lies in a member's letterbox, oldest first, read without our carrier."""
    return [member.download(email["blobId"]) for email in member.letterbox()]
