"""kill -9 while letters come by POP3, and while an account is added (F36, F45); and a round that is cancelled (F06).

Each time the process is gone without a word at a named step; then the same is done once more from what the disk holds:
every letter lies in the drawer once, nothing at the server was deleted, and an account is whole or not there at all.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import threading
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import pytest

from dearly.carriers.mail import maildrop as pop3
from dearly.carriers.mail.maildrop import Maildrop
from dearly.desk import account, credentials, fetch, rounds, setup, waking
from dearly.desk.desk import Desk
from dearly.desk.sieve import sieve_for
from dearly.drawer import accounts, arrivals, knocks
from dearly.drawer.connection import Db
from dearly.letter.account import MailAccount, OAuthClient, Protocol, Security, Server, SignIn
from dearly.letter.address import Address
from dearly.letter.envelope import SealedLetter, Way
from tests.support.desks import FakeTokens, MemoryWays, Person, Town, a_mail_account, a_town, desk_of
from tests.support.drawers import open_drawer, run
from tests.support.fake_letters import fake_letter
from tests.support.killer import kill_at, say
from tests.support.memory_carrier import MemoryPost
from tests.support.memory_mail import MailboxInMemory
from tests.support.memory_mailbox import a_mail
from tests.support.scripted_pop3 import PASSWORD, USER, Drop, listening
from tests.support.sifting import Kept
from tests.support.times import CountedChance, FixedClock

HERE = "tests.faults.test_mail_kills"
ADA = "ada@letters.test"
LETTERS = [bytes(fake_letter(n).data) for n in range(4)]
STRANGER = a_mail(number=9)
TIMES = count()
EVERY = [1, *(pytest.param(nth, marks=pytest.mark.long) for nth in (2, 3))]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ada's drawer, in which there is no account yet."""
    place = tmp_path_factory.mktemp("world")

    async def prepare() -> None:
        async with a_town(place) as town:
            await town.person("Ada")

    run(prepare())
    return place / "ada"


@pytest.fixture
def folder(world: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(world, tmp_path / "ada"))


async def a_desk(folder: Path, ways: MemoryWays | None = None) -> Desk:
    clock, chance = FixedClock(), CountedChance(f"{os.getpid()}/{next(TIMES)}")
    drawer = await open_drawer(folder, clock=clock, chance=chance, state=folder.parent / "state")
    desk = desk_of(drawer, ways or MemoryWays(MemoryPost()), clock, chance, folder.parent / "state")
    await waking.wake(desk)
    return desk


# POP3


@pytest.fixture(scope="module")
def drop() -> Iterator[Drop]:
    """A maildrop with four sealed letters and a stranger's, up in a thread of its own."""
    made, ready, done = Drop(), threading.Event(), threading.Event()
    for data in (*LETTERS, STRANGER):
        made.lay(data)

    async def serve() -> None:
        async with listening(made):
            ready.set()
            while not done.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(60)
    yield made
    done.set()
    thread.join()


def maildrop(desk: Desk, port: int) -> Maildrop:
    its = MailAccount(Address.parse(ADA), Server(Protocol.POP3, "127.0.0.1", port, Security.PLAIN, USER), None)
    return Maildrop(its, Kept(PASSWORD), sieve_for(desk, its), FixedClock())


async def collect(folder: str | Path, port: int) -> list[bytes]:
    """A round at the maildrop, two letters at a time; the digests of all that lies in the drawer then."""
    desk = await a_desk(Path(folder))
    try:
        await desk.drawer.write(_ours)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(pop3, "_TOGETHER", len(LETTERS[0]) + len(LETTERS[1]) + 10)
            await fetch.collect(desk, maildrop(desk, port))
        return await desk.drawer.read(_lying)
    finally:
        await desk.close()


def _ours(db: Db) -> None:
    accounts.add_own_address(db, Address.parse(ADA), now=FixedClock().now(), chance=CountedChance("own"))


def _lying(db: Db) -> list[bytes]:
    return [arrivals.raw(db, number) for (number,) in db.all("SELECT number FROM arrivals ORDER BY number")]


@pytest.mark.parametrize("nth", EVERY)
@pytest.mark.parametrize("step", ["pop3.retrieved", "fetch.fetched", "fetch.committed", "fetch.acknowledged"])
def test_killed_between_fetching_committing_and_farewell(folder: Path, drop: Drop, step: str, nth: int) -> None:
    ended = kill_at(step, HERE, "collect", folder, drop.port, nth=nth)
    assert ended.killed or nth > 2
    assert run(collect(folder, drop.port)) == LETTERS, "each once, in their order"

    async def doors() -> list[str]:
        desk = await a_desk(folder)
        try:
            return [one.heading.subject for one in await desk.drawer.read(knocks.standing)]
        finally:
            await desk.close()

    assert run(doors()) == ["Hello"]
    assert "DELE" not in drop.commands()


# An account


async def add_account(folder: str) -> None:
    desk = await a_desk(Path(folder))
    await account.add(desk, a_mail_account(ADA), "fake mail password")
    say("added")
    await desk.close()


@pytest.mark.parametrize(("step", "there"), [("account.before-commit", False), ("account.after-commit", True)])
def test_an_account_is_added_whole_or_not_at_all(folder: Path, step: str, there: bool) -> None:
    ended = kill_at(step, HERE, "add_account", folder)
    assert (ended.killed, ended.said) == (True, [])

    async def finish() -> None:
        desk = await a_desk(folder)
        try:
            kept = await desk.drawer.read(lambda db: accounts.account(db, Way.MAIL, ADA))
            ours = await desk.drawer.read(accounts.own_addresses)
            assert (kept is not None, ours) == (there, [Address.parse(ADA)] if there else [])
            if kept is not None:
                assert (account.settings_of(kept), kept.secret) == (a_mail_account(ADA), "fake mail password")
                assert (await setup.my_card(desk)).addresses == (ADA,), "and our key speaks for the address"
            await account.add(desk, a_mail_account(ADA), "fake mail password")
            assert [one.address for one in await account.list_all(desk)] == [ADA]
            assert (await setup.my_card(desk)).addresses == (ADA,)
        finally:
            await desk.close()

    run(finish())


# A token


CLIENT = OAuthClient("fake-client", "https://provider.test/authorize", "https://provider.test/token", "mail")
OVER = json.dumps({"access": "fake-1", "refresh": "fake-refresh", "until": "2000-01-01T00:00:00+00:00"})


async def renew(folder: str) -> None:
    ways = MemoryWays(MemoryPost())
    ways.tokens = [FakeTokens("fake-2", refresh="fake-refresh-2")]
    desk = await a_desk(Path(folder), ways)
    its = MailAccount(Address.parse(ADA), a_mail_account(ADA).incoming, None, SignIn.OAUTH, oauth=CLIENT)
    await account.add(desk, its, OVER)
    await credentials.OfDrawer(desk, ADA).password()


def test_killed_between_the_providers_answer_and_the_commit_the_account_is_whole(folder: Path) -> None:
    """What it holds may be good no more; then signing in again is asked for, and nothing else is lost."""
    assert kill_at("token.renewed", HERE, "renew", folder).killed

    async def finish() -> None:
        desk = await a_desk(folder)
        try:
            kept = await desk.drawer.read(lambda db: accounts.account(db, Way.MAIL, ADA))
            assert kept is not None
            assert kept.secret == OVER
        finally:
            await desk.close()

    run(finish())


# A round that is cancelled


async def _hand_over_for_ever(self: MailboxInMemory, letters: Sequence[SealedLetter]) -> None:
    await asyncio.Event().wait()


async def _in_turn_for_ever(
    self: MailboxInMemory, letters: Sequence[SealedLetter], begins: object, ended: object
) -> None:
    assert callable(begins)
    assert await begins(0)
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("name", "act"),
    [("hand_over_many", _hand_over_for_ever), ("hand_over_in_turn", _in_turn_for_ever)],
    ids=["together", "in turn"],
)
def test_what_a_cancelled_round_had_begun_is_unclear_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, act: object
) -> None:
    """F06: not only when the drawer is opened the next time; and the desk goes on handing over."""

    async def play(town: Town, ada: Person) -> None:
        number = await ada.write("Bert", "Dear Bert")
        await ada.post(number)
        with monkeypatch.context() as patch:
            patch.setattr(MailboxInMemory, name, act, raising=False)
            making = asyncio.create_task(rounds.make_round(ada.desk))
            while not await ada.desk.drawer.read(lambda db: db.value("SELECT count(*) FROM attempts")):
                await asyncio.sleep(0.01)
            making.cancel()
            with pytest.raises(asyncio.CancelledError):
                await making
        assert await ada.state(number) == "uncertain"
        assert await ada.desk.drawer.read(lambda db: db.value("SELECT count(*) FROM attempts WHERE ended IS NULL")) == 0
        other = await ada.write("Bert", "Another one")
        await ada.post(other)
        assert (await ada.round()).handed_over == (other,)

    async def whole() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.with_mail("Ada", "Bert")
            await play(town, ada)

    run(whole())
