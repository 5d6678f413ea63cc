"""A day at the office, act by act, for the tests of its disk: what was asked, what was told, and what is then there."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from dearly.letter.errors import DearlyError
from dearly.office import accounts, moving
from dearly.office.app import create_app
from dearly.office.limits import DEFAULT
from dearly.office.sqlite import SqliteStore
from tests.support.offices import USING, MachineChance, MachineClock, handing_over, parcel

ACTS = ("receive r0", "import i", "upload u0", "destroy old0", "mark old1", "receive r1", "receive r2")


@dataclass
class Person:
    """Somebody with an account, who writes to whichever application there is now."""

    address: str
    token: str
    uid: str = ""


@dataclass
class Play:
    """`data`: parcels by their keys; `emails`: Bert's letters of before, by theirs. `told`: what was said to each act,
    None for yes."""

    folder: Path
    people: dict[str, Person]
    data: dict[str, bytes]
    emails: dict[str, str] = field(default_factory=dict)
    told: dict[str, str | None] = field(default_factory=dict)

    def over(self, folder: Path) -> Play:
        """As `at`, in a copy of the folder."""
        shutil.copytree(self.folder, folder)
        return self.at(folder)

    def at(self, folder: Path) -> Play:
        """The same people with the same parcels in that folder."""
        return Play(folder, self.people, self.data, self.emails)

    async def act(self, client: httpx.AsyncClient, name: str) -> None:
        """One of them; an answer that is no plain yes or no fails the test."""
        ada, bert = self.people["ada"], self.people["bert"]
        kind, _dash, key = name.partition(" ")
        if kind == "upload":
            path, sent = f"/jmap/upload/{ada.uid}", {"content": self.data[key]}
            answer = await client.post(path, **sent, headers=_bearer(ada))
        else:
            who, calls = {
                "receive": lambda: (ada, handing_over(_spoken(ada), self.data[key], [bert.address], key)),
                "import": lambda: (ada, self._imported(key)),
                "destroy": lambda: (bert, [("Email/set", {"destroy": [self.emails[key]]})]),
                "mark": lambda: (bert, [("Email/set", {"update": {self.emails[key]: {"keywords/$seen": True}}})]),
            }[kind]()
            made = [[n, {"accountId": who.uid} | a, str(i)] for i, (n, a) in enumerate(calls)]
            request = {"using": USING, "methodCalls": made}
            answer = await client.post("/jmap/api", json=request, headers=_bearer(who))
        if answer.status_code in (200, 201):
            for _name, said, _id in answer.json().get("methodResponses", ()):
                assert not said.get("notCreated")
                assert not said.get("notDestroyed")
                assert not said.get("notUpdated")
            self.told[name] = None
        else:
            assert answer.status_code == 503, answer.text
            assert answer.json()["detail"]
            self.told[name] = answer.json()["code"]

    def _imported(self, key: str) -> list[Any]:
        blobs = {f"b{n}": {"data": [{"data:asText": self.data[f"{key}{n}"].decode()}]} for n in range(5)}
        emails = {f"e{n}": {"blobId": f"#b{n}", "mailboxIds": {"sent": True}} for n in range(5)}
        return [("Blob/upload", {"create": blobs}), ("Email/import", {"emails": emails})]


def _bearer(person: Person) -> dict[str, str]:
    return {"authorization": f"Bearer {person.token}"}


def _spoken(person: Person) -> Any:
    return person  # `handing_over` wants no more of a member than the address


async def play(day: Play, acts: tuple[str, ...] = ACTS) -> tuple[bool, DearlyError | None]:
    """All acts one after the other; whether the store was healthy at the end, and what opening it raised."""
    try:
        store = SqliteStore.open(day.folder)
    except DearlyError as e:
        return False, e
    app = create_app(store, clock=MachineClock(), chance=MachineChance(), limits=DEFAULT)
    try:
        straight = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx is looser about ASGI than Starlette
        async with httpx.AsyncClient(transport=straight, base_url="http://office.test") as client:
            for name in acts:
                await day.act(client, name)
            return (await client.get("/health")).status_code == 200, None
    finally:
        await store.close()


def begin(folder: Path) -> Play:
    """A new store with Ada, Bert and three letters to him; closed."""
    chance, clock = MachineChance(), MachineClock()

    async def fill() -> Play:
        store = SqliteStore.create(folder, chance, domain="letters.test")
        day = Play(folder, {}, {})
        for name in ("ada", "bert"):
            joined = await accounts.join(store, await accounts.invite(store, name, clock), clock, chance)
            account = await store.holder(accounts.digest(joined.token))
            assert account
            day.people[name] = Person(str(joined.address), joined.token, account.uid)
        await store.close()
        ada, bert = (day.people[n].address for n in ("ada", "bert"))
        sizes = {"old0": 4_000, "old1": 4_000, "old2": 4_000, "r0": 9_000, "u0": 60_000, "r1": 30_000, "r2": 3_000}
        sizes |= {f"i{n}": 3_000 for n in range(5)}
        day.data = {key: parcel(ada, bert, size) for key, size in sizes.items()}
        assert await play(day, ("receive old0", "receive old1", "receive old2")) == (True, None)
        for uid, email in _there(folder, "bert", "inbox").items():
            day.emails[next(k for k, d in day.data.items() if _uid(d) == uid)] = email
        return day.at(folder)

    return asyncio.run(fill())


def _uid(data: bytes) -> str:
    return "B" + hashlib.sha256(data).hexdigest()


def _there(folder: Path, name: str, mailbox: str) -> dict[str, str]:
    """Blobs in somebody's mailbox, and the emails' ids; each blob is there once at most."""
    with moving.place(folder) as place, place.looking() as shelf:
        given = shelf.belongings(f"{name}@letters.test")
        assert given
        found = [(e[2], e[0]) for e in given.emails if e[1] == mailbox]
        assert len(dict(found)) == len(found)
        return dict(found)


def look_through(day: Play, acknowledged: set[str], asked: set[str]) -> set[str]:
    """Everything in the store is whole and in order; which of the acts it holds. `asked`: those that were begun."""
    asyncio.run(_opens(day.folder))
    with moving.place(day.folder) as place, place.looking() as shelf:
        db = shelf._db  # type: ignore[attr-defined]  # of SQLite's shelf alone
        assert db.all("PRAGMA integrity_check") == [("ok",)]
        blobs = db.all("SELECT uid, number, size FROM blobs")
        pieces = dict(db.all("SELECT number >> 10, data FROM pieces"))
        assert {n for _uid, n, _size in blobs} == set(pieces)
        assert all(_uid(pieces[n]) == uid and len(pieces[n]) == size for uid, n, size in blobs)
        held = db.all(
            "SELECT held, (SELECT coalesce(sum(size), 0) FROM emails WHERE account = a.number) + (SELECT"
            " coalesce(sum(b.size), 0) FROM uploads u JOIN blobs b ON b.number = u.blob WHERE account = a.number)"
            " FROM accounts a"
        )
        assert all(said == counted for said, counted in held)
        uploads = {uid for (uid,) in db.all("SELECT b.uid FROM uploads u JOIN blobs b ON b.number = u.blob")}
        keys = {key for (key,) in db.all("SELECT key FROM submissions")}
        seen = {uid for (uid,) in db.all("SELECT uid FROM emails WHERE instr(keywords, '$seen')")}
    sent, inbox = _there(day.folder, "ada", "sent"), _there(day.folder, "bert", "inbox")
    found = set()
    for name in ACTS:
        kind, _space, key = name.partition(" ")
        uid = _uid(day.data.get(key, b""))
        is_there = {
            "receive": lambda uid=uid, key=key: {uid in inbox, uid in sent, key in keys},
            "import": lambda key=key: {_uid(day.data[f"{key}{n}"]) in sent for n in range(5)},
            "upload": lambda uid=uid: {uid in uploads},
            "destroy": lambda uid=uid: {uid not in inbox},
            "mark": lambda key=key: {day.emails[key] in seen},
        }[kind]()
        assert len(is_there) == 1, f"half of {name}"
        if is_there == {True}:
            found.add(name)
    assert acknowledged <= found <= asked
    return found


async def _opens(folder: Path) -> None:
    store = SqliteStore.open(folder)
    assert await store.healthy()
    await store.close()


def acknowledged(day: Play) -> set[str]:
    return {name for name, told in day.told.items() if told is None}
