"""`mbsync` and our mailbox at the same Dovecot mailbox: neither disturbs the other."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.peers.conftest import needs, needs_root
from tests.peers.mailserver import PROGRAMS, MailServer
from tests.peers.mbsync import Mbsync
from tests.peers.test_dovecot import its, secrets
from tests.support.beside import deliver, lying, on_disk
from tests.support.fake_letters import fake_letter
from tests.support.mailboxes import mailbox, whole_round
from tests.support.times import FixedClock


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    needs_root("postfix")
    for program in PROGRAMS:
        needs(program)
    with MailServer() as up:
        yield up


@pytest.fixture(autouse=True)
def _lookback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server dates what comes by its own clock, which is no test's."""
    from datetime import UTC, datetime

    monkeypatch.setattr(FixedClock, "now", lambda _self: datetime.now(UTC))


def test_each_finds_everything_as_the_other_left_it(server: MailServer, tmp_path: Path) -> None:
    letters = [fake_letter(n).data for n in range(8)]
    peer = Mbsync(needs("mbsync"), server, "shared", tmp_path)

    async def scene() -> None:
        box = mailbox(its(server, "shared"), secrets=secrets())
        deliver(server, "shared", letters[:4])
        # First we, then mbsync: it finds what it would have found, new as it came.
        untouched = on_disk(server, "shared")
        parcels, _heads, cursor, _left = await whole_round(box)
        assert on_disk(server, "shared") == untouched
        assert len(parcels) == 4
        peer.run()
        assert len(peer.files()) == 4
        # First mbsync, then we: flags, UIDs and contents are as it left them, and its second run finds nothing to do.
        peer.mark(1, "S")
        deliver(server, "shared", letters[4:6])
        peer.run()
        before, theirs = lying(server, "shared"), peer.files()
        assert [r"\Seen" in one.flags for one in before[1]] == [False, True, False, False, False, False]
        parcels, _heads, cursor, _left = await whole_round(box, cursor)
        assert [parcel.data.endswith(sent) for parcel, sent in zip(parcels, letters[4:6], strict=True)] == [True, True]
        assert lying(server, "shared") == before
        peer.run()
        assert peer.files() == theirs
        assert lying(server, "shared") == before
        assert (await box.collect(cursor)).parcels == ()
        await box.close()

    asyncio.run(scene())


def test_both_at_once_while_letters_come(server: MailServer, tmp_path: Path) -> None:
    letters = [fake_letter(n).data for n in range(40)]
    peer = Mbsync(needs("mbsync"), server, "crowded", tmp_path)

    async def scene() -> None:
        box = mailbox(its(server, "crowded"), secrets=secrets())
        coming = asyncio.create_task(asyncio.to_thread(deliver, server, "crowded", letters))
        came: list[bytes] = []
        cursor = ""
        ended = False
        while not ended:
            ended = coming.done()
            pulling = asyncio.create_task(asyncio.to_thread(peer.run))
            for _round in range(4):
                parcels, _heads, cursor, _left = await whole_round(box, cursor)
                came += [parcel.data for parcel in parcels]
            await pulling
        await coming
        # Each once; Dovecot itself may number two that came in the same moment the other way round.
        numbers = [int(re.search(rb"<letter(\d+)@", data)[1]) for data in came]  # type: ignore[index]
        assert sorted(numbers) == list(range(40)), numbers
        assert all(data.endswith(letters[n]) for n, data in zip(numbers, came, strict=True))
        assert len(peer.files()) == 40
        before = lying(server, "crowded")
        assert {one.flags for one in before[1]} <= {(), (r"\Recent",)}
        peer.run()
        assert lying(server, "crowded") == before
        await box.close()

    asyncio.run(scene())


def test_what_we_move_to_a_folder_of_our_own_is_gone_there_and_nothing_else(server: MailServer, tmp_path: Path) -> None:
    """mbsync's own marks, deletions among them, stay its own."""
    letters = [fake_letter(n).data for n in range(4)]
    deliver(server, "moved", letters)
    peer = Mbsync(needs("mbsync"), server, "moved", tmp_path)
    peer.run()

    async def scene() -> None:
        box = mailbox(its(server, "moved", folder="Dearly"), secrets=secrets())
        parcels, _heads, _cursor, _left = await whole_round(box)
        # Its person deletes the last one: mbsync marks it, and without «Expunge» leaves it at that.
        peer.mark(3, "T")
        peer.run()
        await box.acknowledge([parcel.source for parcel in parcels[:2]])
        _validity, there = lying(server, "moved")
        assert [one.uid for one in there] == [3, 4]
        assert r"\Deleted" in there[1].flags
        peer.run()
        assert [one.uid for one in lying(server, "moved")[1]] == [3, 4]
        await box.close()

    asyncio.run(scene())
