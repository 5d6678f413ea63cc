"""The line between a desk and a real office, cut at every place (docs/faults.md F04-F06, F30, F36, F47, F48).

Whatever the place: nothing is Accepted that does not lie at the office, nothing lies there of which the carrier was
certain that it does not, looking and trying again brings exactly one parcel, and collecting yields no half parcel and
none twice. By default the line to the office is cut at sampled places and around each boundary, and so is the answer
that counts when it is played again; `make test-long` cuts both at every byte.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import signal
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from dearly.carriers.base import BEGINNING, Collected
from dearly.carriers.jmap import JmapCarrier, line
from dearly.letter.address import Address
from dearly.letter.envelope import Parcel, SealedLetter, Source
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import Accepted, Delivered, Found, NothingProven, NotThere, TryLater, Unknown
from dearly.office.db import connect
from dearly.office.sqlite_file import FILE
from tests.support.cutting_proxy import CuttingProxy, Side, cutting_proxy, ends, exchanges, places
from tests.support.fake_letters import ADA, BERT, CLARA, fake_letter
from tests.support.letters_office import letters_office
from tests.support.offices import Member, Office, start_process
from tests.support.scripted_jmap import Answer, Request, scripted

EVERY = [False, pytest.param(True, marks=[pytest.mark.long, pytest.mark.timeout(3600)])]

_seeds = itertools.count(100_000)  # so that every letter, and all that is said of it, has the same length


Running = tuple[Office, Mapping[Address, Member]]


def another(*to: Address, size: int = 300) -> SealedLetter:
    """A letter that was never seen before, as long as every other."""
    return fake_letter(next(_seeds), *to, size=size)


@pytest.fixture(scope="module")
def where(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("office")


@pytest.fixture(scope="module")
def running(where: Path) -> Iterator[Running]:
    with letters_office(where) as both:
        yield both


class Scene:
    """Ada or Bert at the office, on a line that can be cut; and the office's own book, read past everything."""

    def __init__(self, proxy: CuttingProxy, people: Mapping[Address, Member], store: Path) -> None:
        self.proxy, self.people, self._store = proxy, people, store
        self._carriers: list[JmapCarrier] = []

    def carrier(self, address: Address) -> JmapCarrier:
        carrier = JmapCarrier(f"http://127.0.0.1:{self.proxy.port}", self.people[address].token, address)
        self._carriers.append(carrier)
        return carrier

    def held(self, letter: SealedLetter, recipient: Address) -> int:
        """How often this letter lies in the recipient's letterbox."""
        uid = "B" + hashlib.sha256(letter.data).hexdigest()
        with closing(connect(self._store, writes=False)) as db:
            (count,) = db.one(
                "SELECT count(*) FROM emails e JOIN blobs b ON b.number = e.blob"
                " JOIN accounts a ON a.number = e.account WHERE b.uid = ? AND a.key = ? AND e.mailbox = 'inbox'",
                (uid, recipient.key),
            )
        return int(count)

    async def close(self) -> None:
        for carrier in self._carriers:
            await carrier.close()


@asynccontextmanager
async def scene(running: Running, where: Path) -> AsyncIterator[Scene]:
    office, people = running
    async with cutting_proxy(office.port) as proxy:
        stage = Scene(proxy, people, where / FILE)
        try:
            yield stage
        finally:
            await stage.close()


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("side", list(Side))
def test_handing_over_cut_anywhere_is_one_letter_in_the_end(
    running: Running, where: Path, side: Side, every: bool
) -> None:
    async def play() -> dict[str, int]:
        seen: dict[str, int] = {}
        async with scene(running, where) as stage:
            ada = stage.carrier(ADA)
            assert await ada.hand_over(another(BERT)) == {BERT: Accepted()}  # session and bearings are known from here
            stage.proxy.fresh()
            assert await ada.hand_over(another(BERT)) == {BERT: Accepted()}
            said = bytes(stage.proxy.said[side])
            for n, place in enumerate(places(said, every=every, head=20, body=30)):
                letter = another(BERT)
                stage.proxy.cut(side, place, reset=n % 5 == 4)
                outcome = (await ada.hand_over(letter))[BERT]
                held = stage.held(letter, BERT)
                # The whole request came through exactly when the answer was cut.
                assert held == (1 if side is Side.SERVER else 0), place
                assert isinstance(outcome, Unknown | TryLater), place
                assert not (held and isinstance(outcome, TryLater)), place
                seen[type(outcome).__name__] = seen.get(type(outcome).__name__, 0) + 1
                assert stage.proxy.connections <= 1, "it tried again by itself"
                stage.proxy.fresh()
                assert await ada.look_for(letter) == {BERT: Found() if held else NotThere()}, place
                assert await ada.hand_over(letter) == {BERT: Accepted()}, place
                assert stage.held(letter, BERT) == 1, place
        return seen

    seen = asyncio.run(play())
    assert seen.get("Unknown", 0) > 50


@pytest.mark.parametrize("every", EVERY)
def test_the_answer_that_counts_cut_anywhere_is_never_accepted(running: Running, where: Path, every: bool) -> None:
    """F05: the ambiguous window, what the office really said, played again by a server that stops."""
    letter = another(BERT)

    async def play() -> None:
        async with scene(running, where) as stage:
            ada = stage.carrier(ADA)
            await ada.hand_over(another(BERT))
            stage.proxy.fresh()
            assert await ada.hand_over(letter) == {BERT: Accepted()}
            whole = bytes(stage.proxy.said[Side.SERVER])
            questions = stage.carrier(ADA)
            stage.proxy.fresh()
            await questions.hand_over(letter)
            before = bytes(stage.proxy.said[Side.SERVER])
            before = before[: before.rindex(b"HTTP/1.1 ")]
            first, second = (before[start:stop] for start, _middle, stop in exchanges(before))

        length = len(whole)

        def respond(request: Request) -> Answer:
            if request.method == "GET":
                return Answer(raw=first.replace(b":%d/" % stage.proxy.port, b":%d/" % port))
            return Answer(raw=second if b"EmailSubmission/set" not in request.body else whole[:length])

        async with scripted(respond) as server:
            port = int(server.url.rpartition(":")[2])
            carrier = JmapCarrier(server.url, "fake-token", ADA)
            assert await carrier.hand_over(letter) == {BERT: Accepted()}
            for length in places(whole, every=every, head=30, body=60):
                outcome = (await carrier.hand_over(letter))[BERT]
                assert isinstance(outcome, Unknown), length
            await carrier.close()

    asyncio.run(play())


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("side", list(Side))
def test_before_the_letter_itself_a_cut_is_only_for_later(
    running: Running, where: Path, side: Side, every: bool
) -> None:
    """The session and the bearings are asked for first; a cut there cannot have handed anything over."""

    async def play() -> None:
        async with scene(running, where) as stage:
            assert await stage.carrier(ADA).hand_over(another(BERT)) == {BERT: Accepted()}
            said = bytes(stage.proxy.said[side])
            before = said[: said.rindex(b"HTTP/1.1 " if side is Side.SERVER else b"POST ")]
            letter = another(BERT)
            for place in places(before, every=every, head=12, body=12):
                ada = stage.carrier(ADA)
                if side is Side.SERVER and place in ends(before):
                    continue  # an answer that came whole, and a line that broke after it: no harm to anyone
                stage.proxy.cut(side, place)
                assert isinstance((await ada.hand_over(letter))[BERT], TryLater), place
                assert stage.held(letter, BERT) == 0, place
                await ada.close()
            stage.proxy.fresh()
            assert await stage.carrier(ADA).hand_over(letter) == {BERT: Accepted()}
            assert stage.held(letter, BERT) == 1

    asyncio.run(play())


@pytest.mark.parametrize("every", EVERY)
def test_looking_cut_anywhere_never_denies_what_is_there(running: Running, where: Path, every: bool) -> None:
    async def play() -> None:
        async with scene(running, where) as stage:
            ada = stage.carrier(ADA)
            letter = another(BERT, CLARA)
            assert await ada.hand_over(letter) == {BERT: Accepted(), CLARA: Accepted()}
            for side in Side:
                stage.proxy.fresh()
                assert await ada.look_for(letter) == {BERT: Found(), CLARA: Found()}
                for place in places(bytes(stage.proxy.said[side]), every=every, head=8, body=12):
                    stage.proxy.cut(side, place)
                    assert await ada.look_for(letter) == {BERT: NothingProven(), CLARA: NothingProven()}, place
                    stage.proxy.cut(side, place)
                    assert await ada.ask_after(letter) == {BERT: None, CLARA: None}, place
            stage.proxy.fresh()
            assert await ada.ask_after(letter) == {BERT: Delivered(), CLARA: Delivered()}

    asyncio.run(play())


class Desk:
    """Takes parcels in as a drawer does: by source, whole, and the cursor with them."""

    def __init__(self) -> None:
        self.taken: dict[Source, bytes] = {}
        self.cursor = BEGINNING

    def take_in(self, batch: Collected, known: Mapping[bytes, str]) -> list[Parcel]:
        sources = [parcel.source for parcel in batch.parcels]
        assert len(set(sources)) == len(sources)
        for parcel in batch.parcels:
            assert parcel.data in known, "half a parcel, or one of nobody's making"
            assert self.taken.setdefault(parcel.source, parcel.data) == parcel.data
        self.cursor = batch.cursor
        return list(batch.parcels)

    async def collect_all(self, carrier: JmapCarrier, known: Mapping[bytes, str], troubles: int) -> int:
        """Until there is no more; how many troubles there were on the way, at most `troubles`."""
        met = 0
        while True:
            try:
                batch = await carrier.collect(self.cursor)
            except CarrierTrouble as trouble:
                met += 1
                if met > troubles or not trouble.retry:
                    raise
                continue
            self.take_in(batch, known)
            if not batch.more and not batch.left:
                return met


@pytest.mark.parametrize("every", EVERY)
@pytest.mark.parametrize("side", list(Side))
def test_collecting_cut_anywhere_brings_each_parcel_once_and_whole(tmp_path: Path, side: Side, every: bool) -> None:
    """One large parcel among small ones, so that both ways of fetching are cut."""
    letters = [another(BERT), another(BERT), another(BERT, size=900_000), another(BERT)]
    known = {letter.data: letter.letter_id for letter in letters}

    async def play(running: Running) -> None:
        async with scene(running, tmp_path) as stage:
            ada = stage.carrier(ADA)
            for letter in letters:
                assert await ada.hand_over(letter) == {BERT: Accepted()}
            stage.proxy.fresh()
            whole = Desk()
            assert await whole.collect_all(stage.carrier(BERT), known, 0) == 0
            assert sorted(whole.taken.values()) == sorted(known)
            said = bytes(stage.proxy.said[side])
            # A parcel of a megabyte at every byte would take days: its body is cut at 300 places.
            head, body = (None, 300) if every else (1, 2)
            for n, place in enumerate(places(said, head=head, body=body)):
                stage.proxy.cut(side, place, reset=n % 5 == 4)
                desk, bert = Desk(), stage.carrier(BERT)
                await desk.collect_all(bert, known, 1)
                assert desk.taken == whole.taken, place
                await bert.close()

    with letters_office(tmp_path) as running:
        asyncio.run(play(running))


@pytest.mark.parametrize("side", list(Side))
def test_acknowledging_cut_anywhere_loses_nothing(tmp_path: Path, side: Side) -> None:
    letters = [another(BERT) for _ in range(3)]
    known = {letter.data: letter.letter_id for letter in letters}

    async def play(running: Running) -> None:
        async with scene(running, tmp_path) as stage:
            await stage.carrier(ADA).hand_over_many(letters)
            bert, desk = stage.carrier(BERT), Desk()
            await desk.collect_all(bert, known, 0)
            sources = list(desk.taken)
            stage.proxy.fresh()
            await bert.acknowledge(sources)
            for place in places(bytes(stage.proxy.said[side]), head=20, body=20):
                stage.proxy.cut(side, place)
                with pytest.raises(CarrierTrouble):
                    await bert.acknowledge(sources)
                stage.proxy.fresh()
                await bert.acknowledge(sources)
            again = Desk()
            await again.collect_all(bert, known, 0)
            assert again.taken == desk.taken
            assert (await bert.collect(desk.cursor)).parcels == ()

    with letters_office(tmp_path) as running:
        asyncio.run(play(running))


def test_a_line_that_falls_silent_is_unknown_and_resolved_by_looking(
    running: Running, where: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """F47: the machine slept, or the network changed: nothing is cut, and nothing comes."""
    monkeypatch.setattr(line, "_READ_AT_MOST", 0.5)

    async def play() -> None:
        async with scene(running, where) as stage:
            ada = stage.carrier(ADA)
            await ada.hand_over(another(BERT))  # the session and the bearings are known from here
            for side, after in ((Side.SERVER, 0), (Side.SERVER, 60), (Side.CLIENT, 700)):
                letter = another(BERT)
                stage.proxy.stall(side, after)
                outcome = (await ada.hand_over(letter))[BERT]
                assert isinstance(outcome, Unknown)
                held = stage.held(letter, BERT)
                assert held == (1 if side is Side.SERVER else 0)
                stage.proxy.drop()
                stage.proxy.fresh()
                assert await ada.look_for(letter) == {BERT: Found() if held else NotThere()}
                assert await ada.hand_over(letter) == {BERT: Accepted()}
                assert stage.held(letter, BERT) == 1

    asyncio.run(play())


def test_a_cut_within_many_letters_is_resolved_for_each(running: Running, where: Path) -> None:
    async def play() -> None:
        async with scene(running, where) as stage:
            ada = stage.carrier(ADA)
            letters = [another(BERT, CLARA, size=200_000) for _ in range(25)]  # two requests
            await ada.hand_over(another(BERT))
            stage.proxy.cut(Side.SERVER, 40)
            outcomes = await ada.hand_over_many(letters)
            kinds = [type(o[BERT]).__name__ for o in outcomes]
            assert kinds == sorted(kinds, reverse=True)
            assert set(kinds) == {"Unknown", "TryLater"}
            for letter, outcome in zip(letters, outcomes, strict=True):
                held = stage.held(letter, BERT), stage.held(letter, CLARA)
                assert held == ((1, 1) if isinstance(outcome[BERT], Unknown) else (0, 0))
            stage.proxy.fresh()
            again = await ada.hand_over_many(letters)
            assert list(again) == [{BERT: Accepted(), CLARA: Accepted()}] * 25
            assert {stage.held(letter, r) for letter in letters for r in (BERT, CLARA)} == {1}

    asyncio.run(play())


@pytest.mark.parametrize("step", ["office.before-commit", "office.after-commit"])
def test_an_office_that_is_killed_in_between_answers_truly_when_it_is_back(tmp_path: Path, step: str) -> None:
    """The office loses power around its commit (kill -9), the answer is lost; afterwards there is one letter."""
    with letters_office(tmp_path) as (_office, people):
        tokens = {address: member.token for address, member in people.items()}

    async def play() -> None:
        letter = another(BERT)
        dying = await asyncio.to_thread(start_process, tmp_path, die_at=step)
        ada = JmapCarrier(dying.url, tokens[ADA], ADA)
        assert isinstance((await ada.hand_over(letter))[BERT], Unknown)
        assert await ada.look_for(letter) == {BERT: NothingProven()}
        assert isinstance((await ada.hand_over(letter))[BERT], TryLater)
        await asyncio.to_thread(dying.process.communicate, timeout=30)
        assert dying.process.returncode == -signal.SIGKILL
        back = await asyncio.to_thread(start_process, tmp_path, port=dying.port)
        try:
            held = step == "office.after-commit"
            assert await ada.look_for(letter) == {BERT: Found() if held else NotThere()}
            assert await ada.hand_over(letter) == {BERT: Accepted()}
            bert = JmapCarrier(back.url, tokens[BERT], BERT)
            batch = await bert.collect(BEGINNING)
            assert [parcel.data for parcel in batch.parcels] == [letter.data]
            await bert.close()
        finally:
            await ada.close()
            await asyncio.to_thread(back.end)

    asyncio.run(play())


def test_two_desks_of_one_person_at_once_hand_over_one_letter(running: Running, where: Path) -> None:
    """F48: two clicks, two processes, one letter."""

    async def play() -> None:
        async with scene(running, where) as stage:
            carriers = [stage.carrier(ADA) for _ in range(6)]
            letter = another(BERT)
            outcomes = await asyncio.gather(*(carrier.hand_over(letter) for carrier in carriers))
            assert all(outcome == {BERT: Accepted()} for outcome in outcomes)
            assert stage.held(letter, BERT) == 1

    asyncio.run(play())
