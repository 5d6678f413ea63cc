"""An office is moved from one store to another while letters come in, and is killed at every step of that."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from dearly.letter.errors import InUse, Refused
from dearly.office import accounts, moving, stores
from dearly.office.belongings import PERSON
from dearly.office.blobs import uid_of
from dearly.office.limits import DEFAULT
from dearly.office.store import INBOX, Find, Outgoing, Shelf, Step
from tests.support.killer import kill_at
from tests.support.offices import MachineChance, MachineClock, Member, Office, an_office, parcel
from tests.support.postgres import a_database
from tests.support.sitting import until

pytestmark = pytest.mark.timeout(300)  # a machine that has much else to do takes its time

HERE = "tests.faults.test_office_moving"
STEPS = [
    "office.move.portion",
    "office.move.copied",
    "office.move.closed",
    "office.move.before-ready",
    "office.move.ready",
    "office.move.moved",
]


def quiet(_what: str, _done: int, _total: int) -> None:
    pass


def place(text: str) -> stores.Where:
    return text if text.startswith(stores.SCHEMES) else Path(text)


async def moves(source: str, target: str) -> moving.Moved:
    return await moving.move(place(source), place(target), MachineChance(), quiet)


async def moves_with_short_lease(source: str, target: str) -> None:
    moving.LEASE = 3.0
    await moves(source, target)


@pytest.fixture(params=["to postgres", "to sqlite"])
def ways(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[stores.Where, stores.Where]:
    database = a_database()
    return (tmp_path / "old", database) if request.param == "to postgres" else (database, tmp_path / "new")


def all_of(where: stores.Where) -> dict[str, Any]:
    """Everything in a store, by `belongings`, with every byte."""
    with moving.place(where) as there, there.looking() as shelf:
        found: dict[str, Any] = {"invitations": shelf.invitations()}
        for key in shelf.marks():
            b = shelf.belongings(key)
            assert b
            blobs = {row[0]: (row, shelf.bytes_of(key, row[0])) for row in b.blobs}
            found[key] = (b.person, blobs, sorted(b.emails), sorted(b.gone), b.submissions, sorted(b.outgoing))
        return found


def lived_in(office: Office) -> tuple[Member, Member]:
    """An office with something of everything in it."""
    ada, bert = office.member("ada"), office.member("bert")
    office.invite("clara")
    for n in range(4):
        ada.hand_over(parcel(ada.address, bert.address), bert, key=f"k{n}")
    first, second, *_rest = bert.letterbox()
    bert.call("Email/set", destroy=[first["id"]], update={second["id"]: {"keywords/$seen": True}})
    ada.upload(parcel(ada.address, bert.address, 2_500_000))
    same = parcel(bert.address, ada.address)
    bert.hand_over(same, ada, key="one")
    office.do(office.store.write(lambda shelf: shelf.set_quota(named(shelf, "ada"), 90_000_000)))
    office.do(office.store.write(_goes_out))
    return ada, bert


def _goes_out(shelf: Shelf) -> None:
    """Three parcels of Ada's on their way to the world, of which one may have left, and one has come back."""
    ada, now = named(shelf, "ada"), datetime(2026, 11, 22, tzinfo=UTC)
    for n, step in enumerate((Step.WAITING, Step.HANDING, Step.DONE)):
        data = b"%d" % n * 700
        assert shelf.keep(ada, uid_of(data), data, "", now)
        one = Outgoing(f"W{n}", f"S{n}", "dora@world.test", uid_of(data), len(data), now, now)
        assert shelf.add_outgoing(ada, one)
        if step is not Step.WAITING:
            shelf.change_outgoing(ada, replace(one, step=step, holder="node", tries=1))


def named(shelf: Shelf, name: str) -> Any:
    account = shelf.account(f"{name}@{shelf.domain()}")
    assert account
    return account


def test_everything_is_there_and_the_old_one_is_closed(ways: tuple[stores.Where, stores.Where]) -> None:
    source, target = ways
    with an_office(source) as office:
        ada, bert = lived_in(office)
        office.do(office.store.write(lambda shelf: shelf.serving("https://office.test")))
        before = all_of(source)
        done = office.do(moving.move(source, target, MachineChance(), quiet))
        assert (done.accounts, done.parcels) == (2, 9)
        assert all_of(target) == before
        refused = ada.post([["Email/set", {"accountId": ada.uid, "destroy": ["x"]}, "0"]])
        assert (refused.status_code, refused.json()["code"]) == (503, "moving")
        assert office.http.get("/health").status_code == 503
        assert len(bert.letterbox()) == 3
        with pytest.raises(Refused) as caught:
            stores.open_store(source)
        assert caught.value.code == "moved"
    with an_office(target) as office:
        ada, bert = (Member(office, m.address, m.token, m.uid) for m in (ada, bert))
        assert office.do(office.store.read(lambda shelf: shelf.url())) == "https://office.test"
        assert all(bert.download(e["blobId"]) for e in bert.letterbox())
        again = ada.hand_over(parcel(ada.address, bert.address), bert, key="k0")[2][1]
        assert again["notCreated"]["s1"]["type"] == "alreadyExists"  # what was handed over once is still known
        ada.hand_over(parcel(ada.address, bert.address), bert, key="new")
        assert len(bert.letterbox()) == 4
        office.do(office.store.write(lambda shelf: shelf.serving("https://office.test")))
    with pytest.raises(Refused):
        asyncio.run(moving.move(source, target, MachineChance(), quiet))
    # And back again, over what is there no more in use.
    asyncio.run(moving.move(target, source, MachineChance(), quiet))
    assert all_of(source) == all_of(target)
    with an_office(source) as office:
        bert = Member(office, bert.address, bert.token, bert.uid)
        assert len(bert.letterbox()) == 4


def test_nothing_is_copied_over_another_office(tmp_path: Path) -> None:
    for name in ("one", "two"):
        with an_office(tmp_path / name) as office:
            office.member("ada")
    for target in (tmp_path / "two", tmp_path / "one"):
        with pytest.raises(InUse) as caught:
            asyncio.run(moving.move(tmp_path / "one", target, MachineChance(), quiet))
        assert caught.value.code == "store_taken"
    with pytest.raises(InUse):
        asyncio.run(moving.copy(tmp_path / "one", tmp_path / "two", MachineChance(), quiet))


class Writer:
    """Hands letters over to an office without end, and notes which it took; no faster than a busy machine can carry
    them over, so that a move comes to its end there as well."""

    def __init__(self, store: Any, do: Callable[..., Any], people: list[Any]) -> None:
        self._store, self._do, self._people = store, do, people
        self.taken: list[str] = []
        self.refused = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._go)

    def _go(self) -> None:
        n = 0
        while not self._end.is_set():
            n += 1
            who = self._people[n % len(self._people)]

            def act(shelf: Shelf, n: int = n, who: Any = who) -> None:
                data = b"%06d" % n * 50
                blob = shelf.keep(who, f"B{n:064}", data, "", MachineClock().now())
                assert blob
                assert shelf.add_email(who, f"M{n}", INBOX, blob, (), MachineClock().now())

            try:
                self._do(self._store.write(act, {who.address.key}))
                self.taken.append(f"M{n}")
            except Refused:
                self.refused += 1
            self._end.wait(0.01)

    def __enter__(self) -> Writer:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._end.set()
        self._thread.join()


def found_in(where: stores.Where) -> set[str]:
    async def go() -> set[str]:
        store = stores.open_store(where, receiving=True)
        try:
            return await store.read(
                lambda shelf: {uid for account, _h in shelf.accounts() for uid in shelf.find_emails(account, Find())}
            )
        finally:
            await store.close()

    return asyncio.run(go())


def with_people(office: Office) -> list[Any]:
    def add(shelf: Shelf) -> list[Any]:
        from dearly.letter.address import Address

        names = [f"p{n}" for n in range(8)]
        return [
            shelf.add_account(f"A{n}", Address(n, shelf.domain()), accounts.digest(n), MachineClock().now())
            for n in names
        ]

    people: list[Any] = office.do(office.store.write(add))
    return people


def test_moved_while_letters_come_in(ways: tuple[stores.Where, stores.Where]) -> None:
    source, target = ways
    meanwhile: list[int] = []
    with an_office(source) as office:
        with Writer(office.store, office.do, with_people(office)) as writer:

            def until_some_came(*_told: object) -> None:
                if not meanwhile:  # the first portion is copied while the office is still open
                    meanwhile.append(len(writer.taken))
                    until(lambda: len(writer.taken) >= meanwhile[0] + 5)

            done = asyncio.run(moving.move(source, target, MachineChance(), until_some_came))
            until(lambda: writer.refused)
        assert done.seconds < moving.LEASE
    assert meanwhile
    assert found_in(target) == set(writer.taken) == found_in(source)


SELDOM = {"office.move.portion", "office.move.copied", "office.move.before-ready"}


@pytest.mark.parametrize("step", [pytest.param(s, marks=pytest.mark.long) if s in SELDOM else s for s in STEPS])
def test_killed_at_every_step(tmp_path: Path, step: str) -> None:
    """The office goes on where it was, what is half there is not served, and the next attempt loses nothing."""
    source, target = tmp_path / "old", a_database()
    with an_office(source) as office:
        with Writer(office.store, office.do, with_people(office)) as writer:
            ended = kill_at(step, HERE, "moves_with_short_lease", source, target)
            assert ended.killed
            if step != "office.move.moved":
                before = len(writer.taken)
                waited = threading.Event()
                for _n in range(1_000):
                    if len(writer.taken) > before + 3:
                        break
                    waited.wait(0.05)
                assert len(writer.taken) > before + 3, "it does not take letters in any more"
        if step not in ("office.move.ready", "office.move.moved"):
            with pytest.raises(Refused) as caught:
                stores.open_store(target)
            assert caught.value.code == "half_moved"
        if step == "office.move.moved":
            with pytest.raises(Refused):
                stores.open_store(source)
        else:
            asyncio.run(moving.move(source, target, MachineChance(), quiet))
    assert found_in(target) == set(writer.taken) == found_in(source)
    asyncio.run(stores.open_store(target).close())


def test_a_copy_is_one_moment_and_disturbs_nobody(ways: tuple[stores.Where, stores.Where], tmp_path: Path) -> None:
    source, _target = ways
    with an_office(source) as office:
        ada, _bert = lived_in(office)
        before = all_of(source)
        done = office.do(moving.copy(source, tmp_path / "copy", MachineChance(), quiet))
        assert done.accounts == 2
        assert before == all_of(source)
        copied, key = all_of(tmp_path / "copy"), str(ada.address)
        person, out = copied[key][0], copied[key][5]
        # Nothing goes out to the world by a copy: what waits there is of unknown outcome, and else it is the same.
        assert [one[7] for one in before[key][5]] == ["waiting", "handing", "done"]
        assert [one[7] for one in out] == ["handing", "handing", "done"]
        seq = PERSON.index("submission_seq")
        same = (*person[:seq], before[key][0][seq], *person[seq + 1 :])
        assert copied | {key: (same, *copied[key][1:5], before[key][5])} == before
        office.member("dora")
    with an_office(tmp_path / "copy", limits=DEFAULT) as copied:
        assert copied.do(copied.store.read(lambda shelf: shelf.counts())).accounts == 2
