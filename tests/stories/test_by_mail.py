"""Letters by ordinary e-mail between two desks: sealed both ways, by the right account, never twice, and never lost."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dearly.desk import account, people, post, setup
from dearly.desk.values import OutboxRow
from dearly.letter.envelope import Way
from dearly.letter.errors import CannotSealOrOpen, Refused
from dearly.letter.sealing import Seal
from tests.support.desks import Person, a_mail_account, a_town
from tests.support.drawers import run
from tests.support.memory_carrier import Luck

TEXT = "Dear Bert,\n\nthe *harvest* is in. — Ada\n"

NEWSLETTER = (
    b"From: Shop <news@shop.test>\r\nTo: bert@letters.test\r\nSubject: Buy\r\nMessage-ID: <n1@shop.test>\r\n"
    b"List-Unsubscribe: <mailto:leave@shop.test>\r\nDate: Sun, 01 Mar 2026 10:00:00 +0000\r\n\r\nBuy now.\r\n"
)


async def _row(person: Person, number: int) -> OutboxRow:
    (row,) = [row for row in await post.outbox(person.desk) if row.number == number]
    return row


def test_a_letter_and_its_answer(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.with_mail("Ada", "Bert")
            town.mail.box("bert@letters.test").append(NEWSLETTER)
            number = await ada.write("Bert", TEXT, "Of the harvest")
            (row,) = await ada.post(number)
            assert row.way is Way.MAIL
            assert (await ada.round()).handed_over == (number,)
            (wire,) = [one for one in town.mail.box("bert@letters.test") if one is not NEWSLETTER]
            assert b"harvest" not in wire
            assert b"From: ada@letters.test" in wire

            assert len((await bert.round()).arrived) == 1  # and no newsletter
            (envelope,) = await bert.letterbox()
            assert (envelope.person, envelope.way) == ("Ada", Way.MAIL)
            letter = await bert.open(envelope.number)
            assert (letter.text, letter.subject, letter.seal) == (TEXT, "Of the harvest", Seal.SIGNED_FIRST_SEEN)
            reply = await bert.answer(letter.number, "Dear Ada,\n\ncome home.\n")
            with pytest.raises(Refused) as open_answer:
                await bert.post(reply, unsealed=True)
            assert open_answer.value.code == "answer_must_be_sealed"
            await bert.post(reply)
            await bert.round()

            # Ada's own copy lies in her mailbox too: it is known again, and is no letter that came.
            assert len((await ada.round()).arrived) == 1
            (envelope,) = await ada.letterbox()
            assert (await ada.open(envelope.number)).text.endswith("come home.\n")
            assert (await ada.round()).arrived == ()

    run(play())


def test_a_lost_answer_is_cleared_up_by_our_own_copy(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.with_mail("Ada", "Bert")
            number = await ada.write("Bert", TEXT)
            await ada.post(number)
            town.mail.luck[(await ada.address()).key] = Luck.CUT_ANSWER
            await ada.round()
            assert await ada.state(number) == "on_its_way"
            assert len(town.mail.box("bert@letters.test")) == 1

            second = await ada.write("Bert", TEXT)
            await ada.post(second)
            town.mail.luck[(await ada.address()).key] = Luck.CUT_ASKING
            assert (await ada.round()).uncertain == (second,)
            row = await _row(ada, second)
            assert (row.state, row.ask) == ("uncertain", False)
            town.clock.pass_(hours=25)
            await ada.round()
            assert (await _row(ada, second)).ask  # nothing was proven for a day: the person is asked (F05)
            assert len(town.mail.box("bert@letters.test")) == 1  # and nothing left twice meanwhile
            await ada.post(second)
            await ada.round()
            assert await ada.state(second) == "on_its_way"
            assert len(town.mail.box("bert@letters.test")) == 2

    run(play())


def test_nobody_answers_for_days(tmp_path: Path) -> None:
    """F10: growing pauses, always visible; said after hours; asked after days; never given up, never deleted."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.with_mail("Ada", "Bert")
            number = await ada.write("Bert", TEXT)
            await ada.post(number)
            town.mail.luck[(await ada.address()).key] = Luck.AWAY
            begun, pauses, asked = town.clock.now(), [], None
            while town.clock.now() - begun < timedelta(days=5, hours=6):
                report = await ada.round()
                assert any("nobody answers" in trouble for trouble in report.troubles)
                row = await _row(ada, number)
                assert row.state == "trying"
                assert row.leaves is not None
                if row.ask and asked is None:
                    asked = town.clock.now() - begun
                pauses.append(row.leaves - town.clock.now())
                town.clock.at = row.leaves
            assert pauses[0] == timedelta(minutes=1)
            assert pauses == sorted(pauses)
            assert pauses[-1] == timedelta(hours=4)
            assert asked is not None
            assert timedelta(days=4) <= asked <= timedelta(days=5)
            del town.mail.luck[(await ada.address()).key]
            await ada.round()
            assert await ada.state(number) == "on_its_way"

    run(play())


def test_by_the_account_that_the_correspondence_goes_by(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.with_mail("Ada", "Bert")
            await ada.gets_mail("ada@second.test")
            first = await ada.write("Bert", TEXT)
            await ada.post(first)
            await ada.round()
            assert b"From: ada@letters.test" in town.mail.box("bert@letters.test")[-1]
            # Bert writes to the second address; the answer goes from there.
            card = (await setup.my_card(ada.desk)).vcard.encode()
            await people.add(bert.desk, "Ada", vcard=card)
            letter = await bert.write("ada@second.test", "Dear Ada, to your other house.")
            await bert.post(letter)
            await bert.round()
            report = await ada.round()
            came = await ada.open(report.arrived[0])
            await ada.post(await ada.answer(came.number, "It found me there."))
            await ada.round()
            assert b"From: ada@second.test" in town.mail.box("bert@letters.test")[-1]
            await ada.post(await ada.write("Bert", "And once more."))
            await ada.round()
            assert b"From: ada@second.test" in town.mail.box("bert@letters.test")[-1]

    run(play())


def test_a_postcard_by_mail_is_an_act(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            (ada,) = await town.with_mail("Ada")
            town.mail.box("clara@letters.test")
            await people.add(ada.desk, "Clara", addresses=["clara@letters.test"])
            number = await ada.write("Clara", "Greetings from the sea.")
            with pytest.raises(CannotSealOrOpen) as without_key:
                await ada.post(number)
            assert without_key.value.code == "no_key"
            assert "clara@letters.test" in without_key.value.message
            assert "card" in without_key.value.hint
            assert "--unsealed" in without_key.value.hint
            assert town.mail.box("clara@letters.test") == []
            await ada.post(number, unsealed=True)
            await ada.round()
            (card,) = town.mail.box("clara@letters.test")
            assert b"Greetings from the sea." in card
            assert await ada.state(number) == "on_its_way"

    run(play())


def test_no_mail_account_is_said_with_what_to_do(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            (ada,) = await town.settle("Ada")
            number = await ada.write("bert@letters.test", TEXT)
            with pytest.raises(CannotSealOrOpen) as no_way:
                await ada.post(number)
            assert "account add" in no_way.value.hint

    run(play())


def test_one_account_that_does_not_answer_keeps_no_other(tmp_path: Path) -> None:
    """An office and a mail account of the same name are two accounts, and one that fails never stops another."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.with_mail("Ada", "Bert")
            await setup.join_office(bert.desk, "https://town.test", "bert")
            await setup.join_office(ada.desk, "https://town.test", "ada")
            await bert.gets_mail("bert@second.test")
            await people.add(ada.desk, "Bert", vcard=(await setup.my_card(bert.desk)).vcard.encode())
            for to in ("bert@letters.test", "bert@second.test", "bert@town.office.invalid"):
                await ada.post(await ada.write(to, f"To {to}."))
            await ada.round()
            town.mail.luck["bert@letters.test"] = Luck.AWAY
            report = await bert.round()
            assert [trouble.partition(":")[0] for trouble in report.troubles] == ["bert@letters.test"]
            texts = {(await bert.open(n)).text for n in report.arrived}
            assert texts == {"To bert@second.test.", "To bert@town.office.invalid."}
            ways = await account.list_all(bert.desk)
            assert [one.spoken is not None for one in ways] == [False, True]

    run(play())


def test_removing_an_account_loses_nothing(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.with_mail("Ada", "Bert")
            sent, waiting = await ada.write("Bert", "One."), await ada.write("Bert", "Two.")
            await ada.post(sent)
            await ada.round()
            await ada.post(waiting)
            gone = await account.remove(ada.desk, "ada@letters.test")
            assert gone.held == (waiting,)
            row = await _row(ada, waiting)
            assert (row.state, row.reason) == ("held", "no_way")
            assert await ada.state(sent) == "on_its_way"
            with pytest.raises(CannotSealOrOpen) as no_more:
                await ada.post(waiting)
            assert no_more.value.code == "account_gone"
            # The address is still ours, and added again the letter may go.
            assert (await ada.address()) == a_mail_account("ada@letters.test").address
            await ada.gets_mail()
            await ada.post(waiting)
            await ada.round()
            await bert.round()
            assert len(await bert.letterbox()) == 2

    run(play())
