"""What a drawer holds, for tests: a real encrypted database, and people, letters and parcels to put into it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import apsw

from dearly.drawer import arrivals, drafts, letters, outbox, people
from dearly.drawer.connection import Db, connect
from dearly.drawer.migrate import migrate, steps
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Draft, Enclosure, Letter, LetterId
from dearly.letter.envelope import Envelope, Parcel, SealedBytes, SealedLetter, Source, Way
from dearly.letter.journey import State
from dearly.letter.sealing import Seal
from tests.support.drawers import KEY
from tests.support.times import NOON, CountedChance

ADA = Correspondent("Ada Testerin", Address.parse("ada@letters.test"))
BERT = Correspondent("Bert Beispiel", Address.parse("bert@letters.test"))
CLARA = Correspondent("Clara Fiktiv", Address.parse("clara@letters.test"))
DORA = Correspondent("Dora Erfunden", Address.parse("dora@letters.test"))
PLACE = "ada at the test office"
DAY = timedelta(days=1)

chance = CountedChance("contents")


@contextmanager
def connection_to(folder: Path) -> Iterator[apsw.Connection]:
    """A new encrypted database with the real tables, as the drawer's writer has it."""
    (folder / "drawer.db").touch(0o600)
    connection = connect(folder / "drawer.db", KEY, write=True)
    try:
        migrate(connection, folder, KEY)
        yield connection
    finally:
        connection.close()


@contextmanager
def contents_of(folder: Path) -> Iterator[Db]:
    """The inside of one long transaction on such a database."""
    with connection_to(folder) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield Db(connection)
            assert Db(connection).all("PRAGMA foreign_key_check") == []
        finally:
            connection.execute("ROLLBACK")


@contextmanager
def memory() -> Iterator[Db]:
    """The real tables in memory, not encrypted: for models that make thousands of them."""
    connection = apsw.Connection(":memory:")
    try:
        connection.execute("PRAGMA foreign_keys=ON")
        for step in steps():
            step.run(Db(connection))
        yield Db(connection)
        assert Db(connection).all("PRAGMA foreign_key_check") == []
    finally:
        connection.close()


def known(db: Db, who: Correspondent, *, now: datetime = NOON) -> people.Person:
    """`who`, in the address book."""
    return people.add(db, who.name, [people.NewAddress(str(who.address))], now=now, chance=chance)


def page(db: Db, text: str = "Dear Bert, it rains.", *to: Correspondent, now: datetime = NOON) -> drafts.OnPage:
    """A new draft, to Bert if to nobody else."""
    return drafts.new(db, Draft(to or (BERT,), "Rain", text), now=now, chance=chance)


def finished(draft: Draft, letter_id: str = "letter-1@letters.test", letter_no: int | None = 1) -> Letter:
    """The draft as a letter of Ada's."""
    return Letter(
        LetterId(letter_id),
        ADA,
        draft.to,
        NOON,
        draft.subject,
        draft.text,
        draft.enclosures,
        draft.in_reply_to,
        draft.references,
        letter_no,
    )


def form(seed: str, *to: Correspondent, way: Way = Way.OFFICE, place: str = PLACE) -> outbox.Form:
    """A sealed form in name only, different for each seed."""
    data = SealedBytes(b"sealed in name only: " + seed.encode())
    digest = hashlib.sha256(data).digest()
    sealed = SealedLetter(
        Envelope(ADA.address, tuple(who.address for who in to)),
        LetterId("letter-1@letters.test"),
        data,
        digest,
        digest.hex()[:32],
    )
    return outbox.Form(way, place, sealed, ("aa" * 20, "bb" * 20), hashlib.sha256(seed.encode()).digest())


def leg(
    who: Correspondent = BERT,
    *,
    at: datetime = NOON,
    state: State = State.WAITING,
    way: Way = Way.OFFICE,
    place: str = PLACE,
) -> outbox.Leg:
    """A journey to `who` that may begin at `at`."""
    return outbox.Leg(who.address, None, way, place, at, state)


def posted(
    db: Db, *to: Correspondent, at: datetime = NOON, seed: str = "", now: datetime = NOON, way: Way = Way.OFFICE
) -> int:
    """A letter to these people (or Bert), posted and sealed, ready to leave at `at`; its number."""
    to = to or (BERT,)
    there = page(db, "Dear friend, it rains.", *to, now=now)
    letter = finished(drafts.whole(db, there.number), f"letter-{there.number}@letters.test")
    sealed = form(seed or str(there.number), *to, way=way)
    legs = [leg(who, at=at, way=way) for who in to]
    return outbox.post(db, there.number, letter, legs, [sealed], based_on=there.revision, now=now).number


def parcel(seed: str, *, uid: str = "", way: Way = Way.OFFICE, place: str = PLACE, validity: str = "") -> Parcel:
    """Bytes as if fetched, different for each seed."""
    return Parcel(b"a parcel in name only: " + seed.encode(), Source(way, place, validity, uid or seed))


def took_in(db: Db, it: Parcel, now: datetime = NOON) -> int | None:
    """`it`, taken in; its number when it is new."""
    return arrivals.take_in(db, it, hashlib.sha256(it.data).digest(), now=now, chance=chance)


def outside(
    who: Correspondent | None = BERT,
    *,
    seed: str = "1",
    person: int | None = None,
    at_door: bool = False,
    letter_id: str | None = None,
) -> arrivals.Outside:
    """What sorting would find on a sealed letter from `who`."""
    return arrivals.Outside(
        who,
        LetterId(letter_id or f"theirs-{seed}@letters.test"),
        hashlib.sha256(seed.encode()).digest(),
        None,
        person,
        at_door,
    )


def received(
    seed: str = "1",
    *,
    who: Correspondent | None = BERT,
    letter_id: str | None = "",
    date: datetime = NOON,
    seal: Seal = Seal.SIGNED_PINNED,
    person: int | None = None,
    letter_no: int | None = None,
    enclosures: tuple[Enclosure, ...] = (),
    text: str = "Dear Ada, come home.",
    in_reply_to: str | None = None,
) -> letters.Received:
    """What opening a letter from `who` would bring. `letter_id` None: it carried none."""
    return letters.Received(
        letter_id=None if letter_id is None else LetterId(letter_id or f"theirs-{seed}@letters.test"),
        inner_sha256=hashlib.sha256(b"inner " + seed.encode()).digest(),
        sender=who,
        to=(ADA,),
        cc=(),
        date=date,
        subject="Home",
        text=text,
        seal=seal,
        enclosures=enclosures,
        letter_no=letter_no,
        quantum_safe=True,
        signer="cc" * 20,
        signed_at=date,
        person=person,
        in_reply_to=None if in_reply_to is None else LetterId(in_reply_to),
    )


def arrived(db: Db, seed: str = "1", *, person: int | None = None, **more: object) -> letters.Filed:
    """A letter that was taken in, sorted, opened and filed."""
    number = took_in(db, parcel(seed))
    assert number is not None
    arrivals.put_in_letterbox(db, number, outside(seed=seed, person=person), NOON)
    return letters.file_received(db, number, received(seed, person=person, **more), NOON)  # type: ignore[arg-type]  # passed through
