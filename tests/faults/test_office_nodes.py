"""Several nodes of an office over one PostgreSQL: nodes are killed, the database is killed and restarted, and what was
acknowledged is there, once, with whom it was for (F06, F13)."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from dearly.office import accounts, stores
from tests.support.offices import (
    USING,
    MachineChance,
    MachineClock,
    OfficeProcess,
    handing_over,
    parcel,
    start_process,
)
from tests.support.postgres import Postgres, a_database, a_server, programs, the_server

pytestmark = pytest.mark.timeout(600)  # a machine that has much else to do takes its time

NAMES = ("ada", "bert", "clara", "dora")


class Away(Exception):
    """No answer, or one that says to try again."""


@dataclass
class Person:
    """A member, who asks whichever node there is."""

    address: Any
    token: str
    http: httpx.Client = field(repr=False)
    uid: str = ""

    def request(self, url: str, calls: list[Any]) -> list[Any]:
        body = {
            "using": USING,
            "methodCalls": [[n, {"accountId": self.uid} | a, str(i)] for i, (n, a) in enumerate(calls)],
        }
        try:
            answer = self.http.post(f"{url}/jmap/api", json=body, headers={"authorization": f"Bearer {self.token}"})
        except httpx.TransportError:
            raise Away from None
        if answer.status_code in (503, 429):
            raise Away
        assert answer.status_code == 200, (answer.status_code, answer.text)
        return [a for _n, a, _i in answer.json()["methodResponses"]]

    def letterbox(self, url: str) -> list[tuple[str, str]]:
        """Every blob in the letterbox, and from whom."""
        found: list[tuple[str, str]] = []
        while True:
            window = {"filter": {"inMailbox": "inbox"}, "position": len(found), "limit": 200}
            ids = {"resultOf": "0", "name": "Email/query", "path": "/ids"}
            got = self.request(
                url, [("Email/query", window), ("Email/get", {"#ids": ids, "properties": ["blobId", "to"]})]
            )[1]["list"]
            if not got:
                return found
            found += [(e["blobId"], e["to"][0]["email"]) for e in got]


@contextlib.contextmanager
def members(where: stores.Where) -> Iterator[dict[str, Person]]:
    """Four people, with one kept line each."""

    async def go() -> dict[str, Person]:
        clock, chance = MachineClock(), MachineChance()
        store = stores.create(where, chance)
        try:
            found = {}
            for name in NAMES:
                joined = await accounts.join(store, await accounts.invite(store, name, clock), clock, chance)
                member = await store.holder(accounts.digest(joined.token))
                assert member
                found[name] = Person(
                    joined.address, joined.token, httpx.Client(timeout=20, trust_env=False), member.uid
                )
            return found
        finally:
            await store.close()

    people = asyncio.run(go())
    try:
        yield people
    finally:
        for person in people.values():
            person.http.close()


class Post:
    """Everybody writes to everybody through any node, and repeats under the same key what was not acknowledged."""

    def __init__(self, people: dict[str, Person], nodes: list[OfficeProcess]) -> None:
        self.people, self.nodes = people, nodes
        self.taken: dict[str, Counter[str]] = {name: Counter() for name in people}
        self.repeated = 0
        self.wrong: list[BaseException] = []
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(name, n)) for n, name in enumerate([*people] * 2)]

    def _write(self, name: str, seed: int) -> None:
        from dearly.office.blobs import uid_of

        chance, me, n = random.Random(seed), self.people[name], 0
        try:
            while not self._end.is_set():
                n += 1
                to = chance.choice(NAMES)
                data = parcel(me.address, self.people[to].address, 3_000)
                calls = handing_over(me, data, [str(self.people[to].address)], f"{seed}-{n}")  # type: ignore[arg-type]  # it has the address
                while True:
                    with contextlib.suppress(Away):
                        made = me.request(chance.choice(self.nodes).url, calls)[2]
                        assert made["created"], made
                        self.taken[to][uid_of(data)] += 1
                        break
                    self.repeated += 1
                    if self._end.wait(0.05):
                        self.maybe(to, uid_of(data))
                        return
        except BaseException as e:
            self.wrong.append(e)

    maybe_there: dict[str, set[str]]

    def maybe(self, to: str, blob: str) -> None:
        """It was not acknowledged, and nobody will ask again."""
        self.maybe_there[to].add(blob)

    def __enter__(self) -> Post:
        self.maybe_there = {name: set() for name in self.people}
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()

    def wait(self, more: int, seconds: float = 150) -> None:
        """Until so many more letters have been taken."""
        goal, end = self.count() + more, time.monotonic() + seconds
        while self.count() < goal:
            assert not self.wrong, self.wrong
            assert time.monotonic() < end, "no letters are taken any more"
            time.sleep(0.01)

    def count(self) -> int:
        return sum(taken.total() for taken in self.taken.values())

    def check(self) -> None:
        """Nothing accepted is lost, doubled, or with somebody else."""
        assert not self.wrong, self.wrong
        for name, person in self.people.items():
            for node in self.nodes:
                there = person.letterbox(node.url)
                assert {to for _blob, to in there} <= {str(person.address)}
                blobs = [blob for blob, _to in there]
                assert len(blobs) == len(set(blobs))
                assert set(self.taken[name]) <= set(blobs) <= set(self.taken[name]) | self.maybe_there[name]


@contextlib.contextmanager
def nodes_of(where: stores.Where, count: int) -> Iterator[list[OfficeProcess]]:
    nodes = [start_process(where) for _n in range(count)]
    try:
        yield nodes
    finally:
        for node in nodes:
            with contextlib.suppress(ProcessLookupError):
                node.kill()


def play(server: Postgres, rounds: int, each: int, restarts: dict[int, signal.Signals]) -> Post:
    where = a_database(server)
    with members(where) as people, nodes_of(where, 2) as nodes:
        with Post(people, nodes) as post:
            for n in range(rounds):
                post.wait(each)
                dying = nodes[n % 2]
                dying.kill()
                if n in restarts:
                    server.restart(restarts[n])
                nodes[n % 2] = start_process(where, port=dying.port)
            post.wait(each)
        post.check()
    return post


def test_a_node_is_killed_and_the_database_restarted(tmp_path: Path) -> None:
    post = play(the_server(), rounds=2, each=25, restarts={1: signal.SIGINT})
    assert post.repeated


def test_a_rolling_restart_loses_nothing() -> None:
    """One node after the other ends in order and begins again, as in an upgrade."""
    where = a_database()
    with members(where) as people, nodes_of(where, 2) as nodes:
        with Post(people, nodes) as post:
            for n in range(2):
                post.wait(15)
                assert nodes[n].end() == 0
                nodes[n] = start_process(where, port=nodes[n].port)
            post.wait(15)
        post.check()


def test_the_database_is_killed_while_letters_come_in() -> None:
    """What was acknowledged is in its log on the disk, and the nodes find it again by themselves."""
    server = the_server()
    where = a_database(server)
    with members(where) as people, nodes_of(where, 1) as nodes:
        with Post(people, nodes) as post:
            post.wait(20)
            server.restart(signal.SIGKILL)
            post.wait(20)
        post.check()
        assert httpx.get(f"{nodes[0].url}/health").status_code == 200


@pytest.mark.long
@pytest.mark.timeout(1_800)
def test_nodes_killed_for_minutes() -> None:
    where = programs()
    if where is None:
        pytest.skip("PostgreSQL is not installed (sh tests/debian.sh)")
    post = play(
        a_server(where), rounds=60, each=60, restarts={20: signal.SIGINT, 40: signal.SIGKILL, 50: signal.SIGINT}
    )
    assert post.count() > 3_600


@pytest.mark.long
def test_a_database_that_is_away(tmp_path: Path) -> None:
    """503 meanwhile, and everything as before afterwards."""
    server = the_server()
    where = a_database(server)
    with members(where) as people, nodes_of(where, 1) as (node,):
        ada = people["ada"]
        assert ada.letterbox(node.url) == []
        server.stop()
        begun = time.monotonic()
        assert httpx.get(f"{node.url}/health", timeout=30).status_code == 503
        calls = handing_over(ada, parcel(ada.address, ada.address), [str(ada.address)], "k")  # type: ignore[arg-type]  # it has the address
        with pytest.raises(Away):
            ada.request(node.url, calls)
        assert time.monotonic() - begun < 25  # five seconds of patience each for the token's owner, twice
        server.start()
        for _n in range(100):
            with contextlib.suppress(Away):
                ada.request(node.url, calls)
                break
            time.sleep(0.1)
        assert len(ada.letterbox(node.url)) == 1
        node.end()
