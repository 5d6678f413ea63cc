"""Several envelopes opened in one go come to the same as one after the other; and how often the drawer and the children
are asked for a letter, opened or posted. Counted, not timed."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dearly.desk import hand, setup
from dearly.desk import open as opening
from dearly.drawer import keyring
from dearly.drawer.connection import Db
from dearly.drawer.drawer import Drawer
from dearly.letter.address import Correspondent
from dearly.letter.content import Enclosure
from dearly.letter.errors import Damaged, DearlyError
from dearly.letter.sealing import Seal
from dearly.mime import write
from tests.support.desks import Person, a_town
from tests.support.drawers import run
from tests.support.forging import Forger, own_key, parcel
from tests.support.lasting import LentKeyholder, LentOpener
from tests.support.openpgp import NOW, address, expiring, person, revoked
from tests.support.times import FixedClock

ADA = Correspondent("Ada", address("ada"))
BERT = Forger("Bert", address("bert"), person("bert"))
ONE_BY_ONE = pytest.param(False, marks=pytest.mark.long)
"""The measure of what happens together."""


@asynccontextmanager
async def _ada(place: Path) -> AsyncIterator[Person]:
    async with a_town(place) as town:
        assert isinstance(town.clock, FixedClock)
        town.clock.at = NOW
        ada = await town.person("Ada")
        await setup.begin(ada.desk, "Ada", ["ada@letters.test"])
        yield ada


async def _lie(ada: Person, *raws: bytes) -> list[int]:
    """Envelopes in the letterbox, closed."""
    return [(await hand.hand_in(ada.desk, raw)).number for raw in raws]


async def _sealed(
    ada: Person, n: int, certificate: bytes | None = BERT.key.certificate, enclosures: Sequence[Enclosure] = ()
) -> bytes:
    """Bert's letter `n`, with this certificate in it."""
    letter = replace(
        BERT.letter(ada, ADA.address, f"Dear Ada, this is letter {n}.", f"{n}@letters.test"),
        enclosures=tuple(enclosures),
    )
    mine = await own_key(ada)
    part = write.render(letter, autocrypt=None if certificate is None else (BERT.address, certificate))
    return parcel(letter, BERT.sealed(part, mine, [mine], letter))


async def _seals(ada: Person, numbers: Sequence[int]) -> list[Seal | None]:
    return [(await ada.show(number)).seal for number in numbers]


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often the drawer is asked, and the children, and for what."""
    counts: Counter[str] = Counter()

    def counting(owner: type, method: str, name: Callable[..., str]) -> None:
        before = getattr(owner, method)

        async def instead(self: Any, *what: Any) -> Any:
            counts[name(*what)] += 1
            return await before(self, *what)

        monkeypatch.setattr(owner, method, instead)

    read = Drawer.read

    async def reading(self: Drawer, work: Callable[[Db], Any]) -> Any:
        if work is not keyring.ring:  # which a lent keyholder is given with each question
            counts["reads"] += 1
        return await read(self, work)

    monkeypatch.setattr(Drawer, "read", reading)
    counting(Drawer, "on_writer", lambda *_: "writes")
    counting(LentOpener, "_call", lambda operation, *_: operation.name)
    counting(LentKeyholder, "_call", lambda operation, *_: operation.name)
    return counts


def test_what_a_letter_from_somebody_known_costs(tmp_path: Path, counted: Counter[str]) -> None:
    async def play() -> None:
        async with _ada(tmp_path) as ada:
            first, one, *many = await _lie(ada, *[await _sealed(ada, n) for n in range(12)])
            await ada.open(first)
            counted.clear()
            await ada.open(one)
            assert counted == {"reads": 3, "writes": 1, "open": 1, "session_keys": 1}
            counted.clear()
            assert await opening.open_many(ada.desk, many) == {}
            assert counted == {"reads": 2, "writes": 1, "open": 10, "session_keys": 10}
            counted.clear()
            await ada.open(one)
            assert counted == {"reads": 2}, "it is open already"
            assert set(await _seals(ada, [first, one, *many])) == {Seal.SIGNED_FIRST_SEEN}
            assert [(await ada.show(n)).text for n in many] == [f"Dear Ada, this is letter {n}." for n in range(2, 12)]

    run(play())


def test_what_posting_a_letter_costs(tmp_path: Path, counted: Counter[str]) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.with_mail("Ada", "Bert")
            number = await ada.write("Bert", "Dear Bert.")
            counted.clear()
            await ada.post(number)
            assert counted == {"reads": 1, "writes": 1, "plan": 1, "seal": 1}

    run(play())


@pytest.mark.parametrize("together", [True, ONE_BY_ONE])
def test_a_key_that_comes_with_the_first_is_known_for_the_second(tmp_path: Path, together: bool) -> None:
    async def play() -> None:
        async with _ada(tmp_path) as ada:
            numbers = await _lie(ada, await _sealed(ada, 1), await _sealed(ada, 2, None), await _sealed(ada, 3))
            for some in [numbers] if together else [[number] for number in numbers]:
                assert await opening.open_many(ada.desk, some) == {}
            assert await _seals(ada, numbers) == [Seal.SIGNED_FIRST_SEEN] * 3
            assert len({(await ada.show(number)).person for number in numbers}) == 1

    run(play())


@pytest.mark.parametrize("together", [True, ONE_BY_ONE])
def test_a_key_withdrawn_by_the_first_is_withdrawn_for_the_second(tmp_path: Path, together: bool) -> None:
    async def play() -> None:
        async with _ada(tmp_path) as ada:
            card = Enclosure("bert.asc", "application/pgp-keys", revoked(BERT.key))
            await ada.open((await _lie(ada, await _sealed(ada, 1)))[0])
            letter = BERT.letter(ada, ADA.address, "My key is lost.", "2@letters.test")
            plain = write.render(replace(letter, enclosures=(card,)), hp=False)
            numbers = await _lie(ada, plain, await _sealed(ada, 3), await _sealed(ada, 4))
            for some in [numbers] if together else [[number] for number in numbers]:
                assert await opening.open_many(ada.desk, some) == {}
            assert await _seals(ada, numbers) == [Seal.NEVER_SEALED, Seal.SIGNER_REVOKED, Seal.SIGNER_REVOKED]

    run(play())


@pytest.mark.parametrize("together", [True, ONE_BY_ONE])
def test_another_key_counts_as_changed_after_the_first(tmp_path: Path, together: bool) -> None:
    async def play() -> None:
        other = Forger("Bert", BERT.address, person("mallory"))
        async with _ada(tmp_path) as ada:
            mine = await own_key(ada)
            letter = other.letter(ada, ADA.address, "Dear Ada.", "2@letters.test")
            certificate = expiring(other.key, NOW.replace(year=NOW.year + 1))
            part = write.render(letter, autocrypt=(other.address, certificate))
            numbers = await _lie(ada, await _sealed(ada, 1), parcel(letter, other.sealed(part, mine, [mine], letter)))
            for some in [numbers] if together else [[number] for number in numbers]:
                assert await opening.open_many(ada.desk, some) == {}
            assert await _seals(ada, numbers) == [Seal.SIGNED_FIRST_SEEN, Seal.SIGNED_CHANGED_KEY]
            shown = await ada.desk.drawer.read(lambda db: db.all("SELECT state FROM bindings ORDER BY id"))
            assert shown == [("first_seen",), ("changed",)]

    run(play())


def test_one_that_cannot_be_filed_keeps_no_other_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file_one = opening._file_one

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            first, bad, last = await _lie(ada, *[await _sealed(ada, n) for n in range(3)])

            def work(db: Db, desk: Any, number: int, one: Any) -> None:
                file_one(db, desk, number, one)
                if number == bad:
                    raise Damaged("object_damaged", "This octet is not as it was written.")

            monkeypatch.setattr(opening, "_file_one", work)
            closed: dict[int, DearlyError] = await opening.open_many(ada.desk, [first, bad, 99, last])
            assert {number: error.code for number, error in closed.items()} == {bad: "object_damaged", 99: "no_arrival"}
            assert {one.number: one.opened for one in await ada.letterbox()} == {first: True, bad: False, last: True}
            monkeypatch.undo()
            assert await opening.open_many(ada.desk, [first, bad, last]) == {}
            assert await _seals(ada, [first, bad, last]) == [Seal.SIGNED_FIRST_SEEN] * 3

    run(play())
