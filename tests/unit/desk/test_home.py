"""The desk at a glance: what it shows, what it never shows, and what may be done about a posted letter."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from pathlib import Path

import pytest

from dearly.carriers import letterfile
from dearly.desk import envelope, hand, home, post, settings, write
from dearly.drawer import bindings, outbox
from dearly.drawer.drafts import RevisionMismatch
from dearly.letter.envelope import Way
from dearly.letter.errors import Refused
from dearly.letter.journey import State
from dearly.letter.journey import Why as HeldWhy
from dearly.letter.rhythm import Band
from tests.support.desks import Person, Town, a_town
from tests.support.memory_carrier import Luck


def play(place: Path, act: Callable[[Town, Person, Person], Awaitable[None]]) -> None:
    async def run() -> None:
        async with a_town(place) as town:
            ada, bert = await town.settle("Ada", "Bert")
            await act(town, ada, bert)

    asyncio.run(run())


async def exchange(town: Town, one: Person, other: Person, days: int) -> None:
    """A letter there and one back, `days` apart altogether."""
    for writer, reader in ((one, other), (other, one)):
        await writer.post(await writer.write(reader.name, f"Dear {reader.name}"))
        await writer.round()
        await reader.round()
        for lying in await reader.letterbox():
            await reader.open(lying.number)
        town.clock.pass_(days=days / 2)


def test_a_first_day(tmp_path: Path) -> None:
    async def act() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            seen = await home.home(ada.desk)
            assert (seen.name, seen.drafts, seen.posted, seen.people) == ("Ada", (), (), ())
            assert seen.new
            assert not seen.post

    asyncio.run(act())


def test_pages_lie_there_the_last_changed_first(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person, _bert: Person) -> None:
        first = await ada.write("Bert", "Dear Bert, " + "word " * 500)
        town.clock.pass_(days=2)
        second = await ada.write("Bert", "Dear Bert")
        away = await ada.write("Bert", "Put away")
        await write.put_away(ada.desk, away, None)
        town.clock.pass_(days=1)
        await write.edit(ada.desk, first, subject="On rivers")
        seen = await home.home(ada.desk)
        assert [draft.number for draft in seen.drafts] == [first, second]
        assert seen.drafts[0].to == ("Bert",)
        assert len(seen.drafts[0].beginning) == home.BEGINNING
        assert not seen.drafts[0].whole
        assert seen.drafts[1].whole
        assert (seen.drafts[0].changed - seen.drafts[0].begun).days == 3

    play(tmp_path, act)


def test_the_letterbox_is_not_told_of(tmp_path: Path) -> None:
    """What lies there unopened changes nothing on the desk: not the last letter, and not the rhythm."""

    async def act(_town: Town, ada: Person, bert: Person) -> None:
        await bert.post(await bert.write("Ada", "Dear Ada"))
        await bert.round()
        before = await home.home(ada.desk)
        assert (await ada.round()).arrived
        assert await home.home(ada.desk) == before
        (lying,) = await ada.letterbox()
        await ada.open(lying.number)
        (line,) = (await home.home(ada.desk)).people
        assert line.rhythm.last is not None
        assert not line.rhythm.last.ours

    play(tmp_path, act)


def test_a_rhythm_after_the_second_exchange(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person, bert: Person) -> None:
        await exchange(town, ada, bert, 31)
        assert (await home.home(ada.desk)).people[0].rhythm.band is None
        await exchange(town, ada, bert, 31)
        await ada.post(await ada.write("Bert", "Dear Bert"))
        await ada.round()
        town.clock.pass_(days=11)
        page = await ada.write("Bert", "Dear Bert, early")
        (line,) = (await home.home(ada.desk)).people
        assert (line.rhythm.band, line.rhythm.days, line.rhythm.early) == (Band.MONTH, 11, True)
        assert line.draft == page

    play(tmp_path, act)


def test_what_waits_may_be_taken_back_until_it_is_collected(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person, _bert: Person) -> None:
        number = await ada.write("Bert", "Dear Bert")
        await ada.post(number, at_once=False)
        (posted,) = (await home.home(ada.desk)).posted
        assert (posted.number, posted.state, posted.may) == (number, State.WAITING, frozenset({"take_back"}))
        assert posted.leaves is not None
        assert (posted.leaves - town.clock.now()) == post.COOLING
        (line,) = (await home.home(ada.desk)).people
        assert line.posted is not None
        assert line.rhythm.last is None  # what has not left is not counted as written
        town.clock.pass_(hours=2)
        await ada.round()
        assert (await home.home(ada.desk)).posted == ()
        gone = await home.posted(ada.desk, number)
        assert (gone.state, gone.may) == (State.ON_ITS_WAY, frozenset())

    play(tmp_path, act)


def test_what_is_held_may_be_posted_again_given_up_or_taken_back(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        number = await ada.write("Bert", "Dear Bert")
        await ada.post(number)
        now = ada.desk.clock.now()
        await ada.desk.drawer.write(lambda db: outbox.hold(db, number, HeldWhy.KEY_CHANGED, now))
        (held,) = (await home.home(ada.desk)).posted
        assert (held.state, held.may) == (State.HELD, frozenset({"take_back", "again", "give_up", "carry"}))
        assert held.first.reason == HeldWhy.KEY_CHANGED
        assert [row.state for row in await post.again(ada.desk, number)] == [State.WAITING]
        await ada.desk.drawer.write(lambda db: outbox.hold(db, number, HeldWhy.RESTORED, now))
        assert [row.state for row in await post.give_up(ada.desk, number)] == [State.GIVEN_UP]
        with pytest.raises(Refused):
            await post.give_up(ada.desk, number)

    play(tmp_path, act)


def test_an_envelope_closed_twice_is_one_letter(tmp_path: Path) -> None:
    """Also when the first posting has become uncertain meanwhile: a second click is no wish to post it again (F48)."""

    async def act(town: Town, ada: Person, _bert: Person) -> None:
        number = await ada.write("Bert", "Dear Bert")
        there = await envelope.envelope(ada.desk, number)
        await post.post_page(ada.desk, number, there.revision, at_once=True)
        town.post.remembers, town.post.luck = False, Luck.CUT_ASKING
        await ada.round()
        assert await ada.state(number) == State.UNCERTAIN
        (row,) = await post.post_page(ada.desk, number, there.revision, at_once=True)
        assert row.state == State.UNCERTAIN
        view = await home.posted(ada.desk, number)
        assert view.may == {"again", "give_up", "carry"}
        assert await ada.state(number) == State.UNCERTAIN

    play(tmp_path, act)


def test_a_page_that_changed_since_is_not_posted(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        number = await ada.write("Bert", "Dear Bert")
        there = await envelope.envelope(ada.desk, number)
        await write.edit(ada.desk, number, text="Dear Bert, once more")
        with pytest.raises(RevisionMismatch):
            await post.post_page(ada.desk, number, there.revision)
        # Nor one that was posted, taken back, and is sent by a form that is older than that.
        now = (await envelope.envelope(ada.desk, number)).revision
        await post.post_page(ada.desk, number, now)
        await post.take_back(ada.desk, number)
        with pytest.raises(RevisionMismatch):
            await post.post_page(ada.desk, number, now)

    play(tmp_path, act)


def test_a_letter_to_two_may_go_by_two_ways(tmp_path: Path) -> None:
    async def act() -> None:
        async with a_town(tmp_path) as town:
            ada, bert, clara = await town.settle("Ada", "Bert", "Clara")
            number = (await write.write(ada.desk, ["Bert", "Clara"], "Dear both")).number
            there = await envelope.envelope(ada.desk, number)
            by = {there.readers[0].key: Way.OFFICE, there.readers[1].key: Way.HAND}
            rows = await post.post_page(ada.desk, number, there.revision, at_once=True, by=by)
            assert [(row.person, row.way) for row in rows] == [("Bert", Way.OFFICE), ("Clara", Way.HAND)]
            await ada.round()
            view = await home.posted(ada.desk, number)
            assert [reader.state for reader in view.readers] == [State.ON_ITS_WAY, State.WAITING]
            assert view.may == {"file", "handed_over"}
            await bert.round()
            assert len(await bert.letterbox()) == 1
            carried = tmp_path / "carried"
            carried.write_bytes((await hand.file(ada.desk, number)).data)
            assert (await hand.hand_in(clara.desk, carried)).person == "Ada"

    asyncio.run(act())


def test_a_file_to_carry(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, bert: Person) -> None:
        number = await ada.write("Bert", "Dear Bert")
        await ada.post(number, by=Way.HAND)
        view = await home.posted(ada.desk, number)
        assert view.may == {"take_back", "file", "handed_over"}
        found = await hand.file(ada.desk, number)
        assert found.name.endswith(letterfile.SUFFIX)
        assert "bert" not in found.name.lower()
        # Taking the file changes nothing; saying that it was handed over does, once.
        assert await home.posted(ada.desk, number) == view
        for _twice in range(2):
            (row,) = await hand.handed_over(ada.desk, number)
            assert row.state == State.ON_ITS_WAY
        with pytest.raises(Refused) as refused:
            await post.take_back(ada.desk, number)
        assert refused.value.code == "already_collected"
        assert (await hand.file(ada.desk, number)).data == found.data
        (tmp_path / "file").write_bytes(found.data)
        lying = await hand.hand_in(bert.desk, tmp_path / "file")
        assert (await bert.open(lying.number)).text.strip() == "Dear Bert"

    play(tmp_path, act)


def test_a_file_is_not_given_out_while_its_key_is_in_doubt(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        number = await ada.write("Bert", "Dear Bert")
        await ada.post(number, by=Way.HAND)
        fingerprint = (await envelope.envelope(ada.desk, await ada.write("Bert", "x"))).readers[0].in_use
        assert fingerprint is not None
        now = ada.desk.clock.now()
        await ada.desk.drawer.write(
            lambda db: bindings.decide(db, 1, fingerprint.fingerprint, bindings.BindingState.LEFT, now)
        )
        with pytest.raises(Refused) as refused:
            await hand.file(ada.desk, number)
        assert refused.value.code == "key_changed"

    play(tmp_path, act)


def test_a_letter_by_the_office_has_no_file(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        number = await ada.write("Bert", "Dear Bert")
        await ada.post(number, on=date(2031, 5, 1))
        view = await home.posted(ada.desk, number)
        assert (view.state, view.may) == (State.DATED, frozenset({"take_back"}))
        with pytest.raises(Refused) as refused:
            await hand.file(ada.desk, number)
        assert refused.value.code == "not_by_hand"
        with pytest.raises(Refused):
            await hand.handed_over(ada.desk, number)

    play(tmp_path, act)


def test_the_outbox_is_paged(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        numbers = [await ada.write("Bert", f"Letter {n}") for n in range(5)]
        for number in numbers:
            await ada.post(number)
        first = await home.under_way(ada.desk, limit=2)
        assert [view.number for view in first] == numbers[:2:-1]
        rest = await home.under_way(ada.desk, before=first[-1].number, limit=9)
        assert [view.number for view in rest] == numbers[2::-1]

    play(tmp_path, act)


def test_the_envelope_says_what_can_be_done(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person, _bert: Person) -> None:
        number = (await write.write(ada.desk, ["Bert", "eve@letters.test"], "Dear both")).number
        there = await envelope.envelope(ada.desk, number)
        bert, eve = there.readers
        assert (bert.trouble, bert.in_use is not None, bert.newer) == ("", True, None)
        assert [offer.way for offer in bert.ways] == [Way.OFFICE, Way.HAND]
        assert (eve.trouble, eve.uid, eve.in_use) == ("no_key", "", None)
        assert [bool(offer.trouble) for offer in eve.ways] == [True, False]
        assert eve.way is Way.HAND
        assert there.collection - town.clock.local() == post.COOLING
        assert there.may_be_open
        await settings.choose_cooling(ada.desk, 0)
        assert (await envelope.envelope(ada.desk, number)).minutes == 0

    play(tmp_path, act)


def test_an_answer_to_a_sealed_letter_may_not_be_open(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, bert: Person) -> None:
        await bert.post(await bert.write("Ada", "Dear Ada"))
        await bert.round()
        await ada.round()
        (lying,) = await ada.letterbox()
        await ada.open(lying.number)
        number = await ada.answer(lying.number, "Dear Bert")
        there = await envelope.envelope(ada.desk, number)
        assert not there.may_be_open
        with pytest.raises(Refused) as refused:
            await post.post_page(ada.desk, number, there.revision, by=Way.HAND, unsealed=True)
        assert refused.value.code == "answer_must_be_sealed"

    play(tmp_path, act)


def test_a_page_to_nobody_has_an_envelope_too(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        number = await ada.write("Bert", " ")
        there = await envelope.envelope(ada.desk, number)
        assert there.empty
        assert [reader.name for reader in there.readers] == ["Bert"]

    play(tmp_path, act)
