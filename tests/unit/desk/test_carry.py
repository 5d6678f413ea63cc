"""A letter that did not get there by the way it had is carried by hand: the very same letter, as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from dearly.desk import account, hand, home, keys, post, write
from dearly.drawer import drafts, keyring, outbox, people
from dearly.drawer.connection import Db
from dearly.letter.envelope import Way
from dearly.letter.errors import NotFound, Refused
from dearly.letter.journey import State
from dearly.letter.journey import Why as HeldWhy
from tests.support.desks import Person, a_town
from tests.support.drawers import run
from tests.support.memory_carrier import Luck


async def _came_back(ada: Person, *to: Person, text: str = "Dear friend,\n\nit rains.\n") -> int:
    """A letter whose readers' boxes were not there."""
    boxes = {(await one.address()).key for one in to}
    number = await ada.write(to[0].name, text)
    ada.town.post.known -= boxes
    try:
        await ada.post(number)
        await ada.round()
    finally:
        ada.town.post.known |= boxes
    return number


async def _states(ada: Person, number: int) -> dict[tuple[str, str], str]:
    return {(row.recipient.partition("@")[0], row.way.value): row.state for row in await post.rows(ada.desk, number)}


def test_it_came_back_and_is_carried(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await _came_back(ada, bert)
            assert "carry" in (await home.posted(ada.desk, number)).may
            (before,) = await ada.desk.drawer.read(lambda db: outbox.travels(db, number))
            form = await ada.desk.drawer.read(lambda db: outbox.form_of(db, before))
            (row,) = await hand.carry(ada.desk, number)
            assert (row.way, row.state) == (Way.HAND, "waiting")
            assert await _states(ada, number) == {("bert", "office"): "given_up", ("bert", "hand"): "waiting"}
            view = await home.posted(ada.desk, number)
            assert [reader.way for reader in view.readers] == [Way.HAND]
            assert view.state is State.WAITING
            assert view.may == {"file", "handed_over"}
            assert (await ada.round()).handed_over == ()  # it leaves by her hand alone
            file = await hand.file(ada.desk, number)
            assert form is not None
            assert bytes(form.sealed.data) in file.data  # byte for byte what had been under way
            await hand.handed_over(ada.desk, number)
            view = await home.posted(ada.desk, number)
            assert view.state is State.ON_ITS_WAY
            assert view.may == {"file"}
            assert (await ada.show(number)).state == "on_its_way"
            came = await hand.hand_in(bert.desk, file.data)
            assert (await bert.open(came.number)).text == "Dear friend,\n\nit rains.\n"
            with pytest.raises(Refused) as caught:
                await hand.carry(ada.desk, number)
            assert caught.value.code == "impossible_step"
            with pytest.raises(NotFound):
                await hand.carry(ada.desk, 99)

    run(play())


def test_what_is_under_way_is_not_carried(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.settle("Ada", "Bert")
            number = await ada.write("Bert", "Dear Bert.")
            await ada.post(number)
            for _moment in ("before it leaves", "after"):
                assert "carry" not in (await home.posted(ada.desk, number)).may
                with pytest.raises(Refused):
                    await hand.carry(ada.desk, number)
                await ada.round()

    run(play())


def test_the_account_was_taken_away(tmp_path: Path) -> None:
    """Held without any attempt: carried, and taken back all the same as long as nobody has it."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.with_mail("Ada", "Bert")
            number = await ada.write("Bert", "Dear Bert.")
            await ada.post(number, at_once=False)
            await account.remove(ada.desk, "ada@letters.test")
            assert (await home.posted(ada.desk, number)).first.reason == HeldWhy.NO_WAY
            await hand.carry(ada.desk, number)
            assert (await home.posted(ada.desk, number)).may == {"file", "handed_over", "take_back"}
            await post.take_back(ada.desk, number)
            await ada.post(number, by=Way.HAND)
            assert await _states(ada, number) == {("bert", "hand"): "waiting"}

    run(play())


def test_two_readers_and_one_of_them_moved(tmp_path: Path) -> None:
    """Carried to the one whose box is gone; the other has theirs. One of each is told of."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert, clara = await town.settle("Ada", "Bert", "Clara")
            number = (await write.write(ada.desk, ["Bert", "Clara"], "Dear both,\n\nit rains.\n")).number
            gone = (await bert.address()).key
            town.post.known.discard(gone)
            await ada.post(number)
            await ada.round()
            assert await _states(ada, number) == {("bert", "office"): "came_back", ("clara", "office"): "on_its_way"}
            await hand.carry(ada.desk, number)
            view = await home.posted(ada.desk, number)
            assert {(reader.name, reader.way.value) for reader in view.readers} == {
                ("Bert", "hand"),
                ("Clara", "office"),
            }
            await hand.handed_over(ada.desk, number)
            assert (await home.posted(ada.desk, number)).state is State.ON_ITS_WAY
            came = await hand.hand_in(bert.desk, (await hand.file(ada.desk, number)).data)
            assert (await bert.open(came.number)).text == "Dear both,\n\nit rains.\n"
            (came_too,) = (await clara.round()).arrived
            assert (await clara.open(came_too)).letter_id == (await bert.show(came.number)).letter_id

    run(play())


def test_who_is_carried_it_later_gets_the_file_that_there_is(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert, clara = await town.settle("Ada", "Bert", "Clara")
            number = (await write.write(ada.desk, ["Bert", "Clara"], "Dear both,\n\nit rains.\n")).number
            town.post.known.discard((await bert.address()).key)
            by = {(await clara.address()).key: Way.HAND}
            revision = await ada.desk.drawer.read(lambda db: drafts.load(db, number).revision)
            await post.post_page(ada.desk, number, revision, at_once=True, by=by)
            await ada.round()
            await hand.handed_over(ada.desk, number)
            before = await hand.file(ada.desk, number)
            await hand.carry(ada.desk, number)
            assert await hand.file(ada.desk, number) == before
            assert "handed_over" in (await home.posted(ada.desk, number)).may
            await hand.handed_over(ada.desk, number)
            assert (await home.posted(ada.desk, number)).state is State.ON_ITS_WAY
            for reader in (bert, clara):
                came = await hand.hand_in(reader.desk, before.data)
                assert (await reader.open(came.number)).text == "Dear both,\n\nit rains.\n"

    run(play())


def test_a_key_that_was_changed_meanwhile(tmp_path: Path) -> None:
    """It is sealed anew, to the key in use; but not where the letter may have left."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number, doubtful = await _came_back(ada, bert), await _came_back(ada, bert)
            await ada.desk.drawer.write(_sealed_to_us_alone)
            await ada.desk.drawer.write(
                lambda db: db.run("UPDATE journeys SET state = 'uncertain' WHERE letter = ?", (doubtful,))
            )
            with pytest.raises(Refused) as caught:
                await hand.carry(ada.desk, doubtful)
            assert caught.value.code == "key_changed"
            await hand.carry(ada.desk, number)
            came = await hand.hand_in(bert.desk, (await hand.file(ada.desk, number)).data)
            assert (await bert.open(came.number)).text == "Dear friend,\n\nit rains.\n"

    run(play())


def test_one_word_carries_what_came_back(tmp_path: Path) -> None:
    """`hand out`: the file is written, and it is on its way; written once more, it is the same file."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number, waiting = await _came_back(ada, bert), await ada.write("Bert", "Dear Bert.")
            taken = tmp_path / "taken"
            taken.write_bytes(b"mine")
            with pytest.raises(Refused) as caught:
                await hand.hand_out(ada.desk, number, taken)
            assert caught.value.code == "file_exists"
            assert await _states(ada, number) == {("bert", "office"): "came_back"}
            rows = await hand.hand_out(ada.desk, number, tmp_path / "bert.letter")
            assert {(row.way.value, row.state) for row in rows} == {("office", "given_up"), ("hand", "on_its_way")}
            await hand.hand_out(ada.desk, number, tmp_path / "again.letter")
            written = (tmp_path / "bert.letter").read_bytes()
            assert written == (tmp_path / "again.letter").read_bytes()
            came = await hand.hand_in(bert.desk, written)
            assert (await bert.open(came.number)).text == "Dear friend,\n\nit rains.\n"
            await ada.post(waiting)
            with pytest.raises(Refused) as caught:
                await hand.hand_out(ada.desk, waiting, tmp_path / "too-soon.letter")
            assert caught.value.code == "not_by_hand"

    run(play())


def test_writing_the_file_again_posts_nothing_for_others(tmp_path: Path) -> None:
    """The file was being written when the desk died; somebody else's letter is unclear for another reason."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert, _clara = await town.settle("Ada", "Bert", "Clara")
            number = (await write.write(ada.desk, ["Bert", "Clara"], "Dear both.")).number
            town.post.known.discard((await bert.address()).key)
            await ada.post(number)
            await ada.round()
            await hand.hand_out(ada.desk, number, tmp_path / "one.letter")
            await ada.desk.drawer.write(_nobody_knows)
            assert set((await _states(ada, number)).values()) == {"given_up", "uncertain"}
            await hand.hand_out(ada.desk, number, tmp_path / "two.letter")
            assert await _states(ada, number) == {
                ("bert", "office"): "given_up",
                ("bert", "hand"): "on_its_way",
                ("clara", "office"): "uncertain",
            }

    run(play())


def test_of_two_one_is_carried_and_one_held_for_a_key(tmp_path: Path) -> None:
    """Posting it again seals it for the one who waits for that, and does nothing to the other one's."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert, clara = await town.settle("Ada", "Bert", "Clara")
            number = (await write.write(ada.desk, ["Bert", "Clara"], "Dear both.")).number
            by = {(await bert.address()).key: Way.HAND}
            revision = await ada.desk.drawer.read(lambda db: drafts.load(db, number).revision)
            await post.post_page(ada.desk, number, revision, at_once=True, by=by)
            await hand.handed_over(ada.desk, number)
            old = await ada.desk.drawer.read(lambda db: _key_of(db, "Clara"))
            await keys.set_aside(ada.desk, "Clara", old)
            assert await _states(ada, number) == {("bert", "hand"): "on_its_way", ("clara", "office"): "held"}
            with pytest.raises(Refused) as caught:
                await post.take_back(ada.desk, number)
            assert (caught.value.code, caught.value.exit) == ("already_collected", 11)
            assert f"dearly drop {number}" in caught.value.hint
            await keys.pin(ada.desk, "Clara", old, verified=False)
            await post.again(ada.desk, number)
            (arrived,) = (await clara.round()).arrived if (await ada.round()) else ()
            assert (await clara.open(arrived)).text == "Dear both."
            assert await _states(ada, number) == {("bert", "hand"): "on_its_way", ("clara", "office"): "on_its_way"}

    run(play())


def test_what_was_tried_does_not_leave_sealed_to_a_key_set_aside(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await ada.write("Bert", "Dear Bert.")
            town.post.luck = Luck.AWAY
            await ada.post(number)
            await ada.round()
            assert await _states(ada, number) == {("bert", "office"): "trying"}
            town.post.luck = Luck.GOOD
            await keys.set_aside(ada.desk, "Bert", await ada.desk.drawer.read(lambda db: _key_of(db, "Bert")))
            for _moment in ("at once", "later"):
                with pytest.raises(Refused) as caught:
                    await post.again(ada.desk, number)
                assert caught.value.code == "sealed_to_another_key"
                await ada.round()
                assert await _states(ada, number) == {("bert", "office"): "held"}
            assert (await bert.round()).arrived == ()

    run(play())


def _key_of(db: Db, name: str) -> str:
    return keyring.bindings(db, people.find(db, name).id)[0].fingerprint


def _nobody_knows(db: Db) -> None:
    """As if the desk had died while it was handing over."""
    db.run("UPDATE journeys SET state = 'uncertain' WHERE state = 'on_its_way'")


def _sealed_to_us_alone(db: Db) -> None:
    """As if the key that these were sealed to were no longer the one in use."""
    db.run("DELETE FROM sealed_to WHERE fingerprint <> ?", (keyring.own_key(db).fingerprint,))
