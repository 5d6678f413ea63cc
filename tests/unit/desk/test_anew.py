"""A letter that came back, written anew: a new letter with the same words, at the same place of the correspondence."""

from __future__ import annotations

from pathlib import Path

import pytest

from dearly.desk import anew, answer, home, person, post, write
from dearly.desk.person import AddressKind, AddressWish
from dearly.drawer import drafts, letters
from dearly.letter.content import Enclosure
from dearly.letter.errors import NotFound, Refused, Usage
from tests.support.desks import Person, Town, a_town
from tests.support.drawers import run

PICTURE = Enclosure("garden.txt", "text/plain", b"six rows of beans")


async def _vain(town: Town, ada: Person, bert: Person, number: int) -> None:
    box = (await bert.address()).key
    town.post.known.discard(box)
    try:
        await ada.post(number)
        await ada.round()
    finally:
        town.post.known.add(box)


def test_an_answer_that_came_back_is_written_anew(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            asked = await bert.write("Ada", "Dear Ada, are you coming?")
            await bert.post(asked)
            await bert.round()
            (came,) = (await ada.round()).arrived
            question = await ada.open(came)
            number = (await answer.answer(ada.desk, came, "Dear Bert,\n\nyes.\n", (PICTURE,), place="Bergen")).number
            await _vain(town, ada, bert, number)
            before = await ada.show(number)
            assert "anew" in (await home.posted(ada.desk, number)).may

            with pytest.raises(Usage) as caught:  # no other address of his is known
                await anew.anew(ada.desk, number, ["Bert"])
            assert caught.value.code == "same_address"
            (there,) = await anew.elsewhere(ada.desk, number)
            assert (there.name, there.address, there.others) == ("Bert", str(await bert.address()), ())
            await ada.gets_mail()
            await bert.gets_mail("bert@new.test")
            await person.add_address(ada.desk, there.uid, AddressWish(AddressKind.EMAIL, "bert@new.test"))
            assert (await anew.elsewhere(ada.desk, number))[0].others == ("bert@new.test",)

            draft = await anew.anew(ada.desk, number, ["Bert"])
            assert (draft.number != number, draft.to, draft.text) == (True, ("bert@new.test",), "Dear Bert,\n\nyes.\n")
            page = await ada.desk.drawer.read(lambda db: drafts.load(db, draft.number))
            assert (page.answers, page.draft.place, page.draft.in_reply_to) == (came, "Bergen", question.letter_id)
            with pytest.raises(Refused) as refused:  # it answers a sealed letter, as the first one did
                await post.post(ada.desk, draft.number, unsealed=True)
            assert refused.value.code == "answer_must_be_sealed"
            await ada.post(draft.number)
            await ada.round()
            (arrived,) = (await bert.round()).arrived
            read = await bert.open(arrived)
            assert "yes." in read.text
            assert [one.name for one in read.enclosures] == ["garden.txt"]
            filed = await bert.desk.drawer.read(lambda db: letters.letter(db, arrived))
            assert filed.answers == (asked,)
            assert (await ada.show(draft.number)).letter_id != before.letter_id
            assert await ada.show(number) == before  # the one that came back stays as it is

    run(play())


def test_what_may_still_arrive_is_not_written_anew(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert, clara = await town.settle("Ada", "Bert", "Clara")
            number = (await write.write(ada.desk, ["Bert", "Clara"], "Dear both.")).number
            with pytest.raises(NotFound):
                await anew.anew(ada.desk, number, ["Bert"])
            await _vain(town, ada, bert, number)
            # Of two, one has it: only the other is asked about, and may be left out for somebody else.
            assert [one.name for one in await anew.elsewhere(ada.desk, number)] == ["Bert"]
            assert (await anew.anew(ada.desk, number, ["Clara"])).to == (str(await clara.address()),)
            second = await ada.write("Clara", "Dear Clara.")
            await ada.post(second)
            await ada.round()
            with pytest.raises(Refused):
                await anew.anew(ada.desk, second, ["Clara"])
            assert "anew" not in (await home.posted(ada.desk, second)).may

    run(play())
