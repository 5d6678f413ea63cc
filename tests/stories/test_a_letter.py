"""A letter and its answer, as a short play at two real desks."""

from __future__ import annotations

from pathlib import Path

from dearly.desk import hand, people, post, write
from dearly.desk import open as opening
from dearly.letter.content import Enclosure
from dearly.letter.sealing import Seal
from tests.support.desks import a_town
from tests.support.drawers import run

TEXT = "Dear Bert,\n\nthe *harvest* is in. — Ada\n"


def test_from_a_blank_page_to_an_answer(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await ada.write("Bert", TEXT, "Of the harvest", Enclosure("corn.txt", "text/plain", b"corn\r\n"))
            over = await write.read_over(ada.desk, number)
            assert over.letter.text == TEXT
            assert "quantum" in over.seal
            (row,) = await ada.post(number)
            assert (row.state, row.leaves) == ("waiting", town.clock.now())
            assert (await ada.round()).handed_over == (number,)
            assert await ada.state(number) == "on_its_way"

            assert (await bert.round()).arrived == (1,)
            (envelope,) = await bert.letterbox()
            assert (envelope.person, envelope.opened, envelope.seal) == ("Ada", False, None)
            letter = await bert.open(envelope.number)
            assert (letter.text, letter.subject, letter.letter_no) == (TEXT, "Of the harvest", 1)
            assert letter.seal is Seal.SIGNED_FIRST_SEEN
            assert letter.quantum_safe
            assert [e.name for e in letter.enclosures] == ["corn.txt"]

            reply = await bert.answer(letter.number, "Dear Ada,\n\ncome home.\n", quote=True)
            await bert.post(reply)
            await bert.round()
            await ada.round()
            (envelope,) = await ada.letterbox()
            answered = await ada.open(envelope.number)
            assert answered.seal in {Seal.SIGNED_FIRST_SEEN, Seal.SIGNED_PINNED}
            assert answered.text.startswith("> Dear Bert,\n")
            assert answered.text.endswith("come home.\n")
            told = await opening.correspondence(ada.desk, "Bert")
            assert [one.direction for one in told] == ["out", "in"]
            shown = await people.show_person(ada.desk, "Bert")
            assert [key.state for key in shown.keys] == ["pinned"]

    run(play())


def test_cooling_and_taking_back(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await ada.write("Bert", TEXT)
            (row,) = await ada.post(number, at_once=False)
            assert row.leaves is not None
            assert (row.leaves - town.clock.now()).total_seconds() == 3600
            assert (await ada.round()).handed_over == ()
            assert (await post.take_back(ada.desk, number)).state == "draft"
            town.clock.pass_(hours=2)
            await ada.round()
            assert (await bert.round()).arrived == ()
            await ada.post(number)
            await ada.round()
            assert (await bert.round()).arrived == (1,)

    run(play())


def test_posting_twice_is_one_letter(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await ada.write("Bert", TEXT)
            first, second = await ada.post(number), await ada.post(number)
            assert first == second
            await ada.round()
            await ada.post(number)
            await ada.round()
            await bert.round()
            assert len(await bert.letterbox()) == 1

    run(play())


def test_dated_forward_for_years(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            # The signature is judged by the machine's own clock as well, so the future must be the past here.
            town.clock.at = town.clock.at.replace(year=2023)
            ada, bert = await town.settle("Ada", "Bert")
            number = await ada.write("Bert", TEXT)
            day = town.clock.local().date().replace(year=2026)
            (row,) = await ada.post(number, at_once=False, on=day)
            assert row.state == "dated"
            await ada.round()
            assert (await bert.round()).arrived == ()
            town.clock.pass_(days=3 * 366)
            ada, bert = await ada.reopen(), await bert.reopen()
            assert (await ada.round()).handed_over == (number,)
            await bert.round()
            letter = await bert.open(1)
            assert letter.text == TEXT
            assert letter.date.date() == day
            assert letter.seal is Seal.SIGNED_FIRST_SEEN

    run(play())


def test_by_hand_and_by_the_office_is_one_letter(tmp_path: Path) -> None:
    """F37: the same letter by two ways has two postmarks."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await ada.write("Bert", TEXT)
            stick = tmp_path / "stick"
            stick.mkdir()
            await hand.hand_out(ada.desk, number, stick)
            assert await ada.state(number) == "on_its_way"
            (file,) = stick.iterdir()
            envelope = await hand.hand_in(bert.desk, file)
            again = await hand.hand_in(bert.desk, file)
            assert envelope == again
            town.post.lay(await bert.address(), await _bytes(bert, envelope.number))
            await bert.round()
            assert len(await bert.letterbox()) == 1
            letter = await bert.open(envelope.number)
            assert letter.text == TEXT
            assert {mark.way.value for mark in letter.postmarks} == {"hand", "office"}

    run(play())


async def _bytes(person: object, number: int) -> bytes:
    from dearly.drawer import arrivals

    return await person.desk.drawer.read(lambda db: arrivals.raw(db, number))
