"""The door of a mailbox that holds more than letters: who stands there, what is fetched when, and what never comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from dearly.carriers.base import Verdict
from dearly.cli.as_text import Page
from dearly.desk import fetch, letterbox, lookalikes, people, rounds, strangers
from dearly.desk.sieve import sieve_for
from dearly.drawer import arrivals, knocks
from dearly.drawer import people as book
from dearly.drawer.knocks import KnockState
from dearly.letter import failpoint
from dearly.letter.address import Address
from dearly.letter.envelope import Way
from dearly.letter.errors import CarrierTrouble, DearlyError, NotFound, Refused
from dearly.letter.sealing import Seal
from dearly.opener.heads import UNREADABLE, HeadFacts
from tests.support.desks import Person, a_town
from tests.support.door import FakeTerminal
from tests.support.drawers import run
from tests.support.memory_mailbox import MemoryMailbox, a_mail, an_account

ADA = "ada@letters.test"
ZOE = "zoe@elsewhere.test"


@asynccontextmanager
async def at_ada(
    place: Path, *, allowed: bool = True, bert_too: bool = False
) -> AsyncIterator[tuple[Person, Person, MemoryMailbox]]:
    """Ada and a mailbox of hers; where Bert is needed, both have a box at the office, too, and know each other."""
    async with a_town(place) as town:
        ada, bert = await town.settle("Ada", "Bert") if bert_too else [await town.person("Ada")] * 2
        account = an_account(ADA, strangers=allowed)
        yield ada, bert, MemoryMailbox(account, sieve_for(ada.desk, account))


async def collect(ada: Person, box: MemoryMailbox) -> list[int]:
    """What a round does with a mailbox."""
    await fetch.collect(ada.desk, box)
    await fetch.bring_in(ada.desk, box)
    return list((await fetch.sort(ada.desk)).new)


async def knock(ada: Person, number: int) -> knocks.Knock:
    found = await ada.desk.drawer.read(lambda db: knocks.find(db, number))
    assert found is not None
    return found


Play = Callable[[Person, Person, MemoryMailbox], Awaitable[None]]


def played(place: Path, play: Play, *, allowed: bool = True, bert_too: bool = False) -> None:
    async def whole() -> None:
        async with at_ada(place, allowed=allowed, bert_too=bert_too) as (ada, bert, box):
            await play(ada, bert, box)

    run(whole())


def test_a_newsletter_never_appears_and_a_stranger_waits(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        box.lay(
            a_mail("Shop <news@shop.test>", ADA, "List-Unsubscribe: <https://shop.test/u>", number=1),
            a_mail(number=2, subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?="),
            a_mail("Robot <robot@shop.test>", ADA, "Auto-Submitted: auto-generated", number=3),
            a_mail("Somebody <else@elsewhere.test>", "undisclosed-recipients:;", number=4),
            a_mail("a@elsewhere.test, b@elsewhere.test", ADA, number=5),
        )
        assert await collect(ada, box) == []
        assert [one for one, said in box.verdicts.items() if said is not Verdict.LEAVE] == [2]
        assert box.asked == [], "no body was fetched"
        (one,) = await strangers.at_door(ada.desk)
        assert (one.from_, one.name, one.subject, one.fetched, one.state) == (
            ZOE,
            "Zoë Wood",
            "Grüße",
            False,
            "waiting",
        )
        assert await ada.letterbox() == []
        assert await people.list_people(ada.desk) == [], "and nobody is in the book for it"
        (seen,) = (await letterbox.look(ada.desk)).at_door
        assert (seen.away, seen.subject, seen.claimed) == (ADA, "Grüße", "Zoë Wood")
        assert await collect(ada, box) == []
        assert len(await strangers.at_door(ada.desk)) == 1

    played(tmp_path, play)


def test_who_looks_like_somebody_in_the_book_is_said_to(tmp_path: Path) -> None:
    """A21: by the address, by the name in other letters; not the very same name, and nobody else."""

    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        await people.add(ada.desk, "Marion", addresses=["marion@letters.test", "Ida@letters.test"])
        box.lay(
            a_mail("Marion <marion@1etters.test>", number=1),
            a_mail("Post <lda@letters.test>", number=2),
            a_mail("=?utf-8?q?Mari=D0=BEn?= <somebody@elsewhere.test>", number=3),
            a_mail("Marion <another@elsewhere.test>", number=4),
            a_mail("Zoe <zoe@elsewhere.test>", number=5),
        )
        await collect(ada, box)
        seen = {one.envelope.from_: one for one in (await letterbox.look(ada.desk)).at_door}
        alike = {one: said.alike.address or "by name" for one, said in seen.items() if said.alike}
        assert alike == {
            "marion@1etters.test": "marion@letters.test",
            "lda@letters.test": "Ida@letters.test",
            "somebody@elsewhere.test": "by name",
        }
        assert seen["another@elsewhere.test"].namesake
        there = await strangers.at_door(ada.desk)
        told = Page(FakeTerminal()).door(
            there, await lookalikes.lookalikes(ada.desk, [(one.name, one.from_) for one in there])
        )
        assert told.count("looks like") == 3
        assert (
            "This address looks like marion@letters.test, of Marion in your address book, and is another one." in told
        )
        assert "This name looks like Marion in your address book, and is written with other letters." in told

    played(tmp_path, play)


def test_let_in_it_is_fetched_at_once_with_its_number(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        box.lay(a_mail(number=1), a_mail(number=2))
        await collect(ada, box)
        last, first = [one.number for one in await strangers.at_door(ada.desk)]
        let = await strangers.let_in(ada.desk, first, box)
        assert (let.numbers, let.later, let.gone, let.trouble) == ((first, last), (), (), "")
        assert await strangers.at_door(ada.desk) == []
        lying = await ada.letterbox()
        assert [(one.number, one.person, one.at_door) for one in lying] == [
            (last, "Zoë Wood", False),
            (first, "Zoë Wood", False),
        ]
        letter = await ada.open(first)
        assert letter.text.startswith("Dear Ada, do you remember me?")
        assert (letter.seal, letter.way) == (Seal.NEVER_SEALED, Way.MAIL)
        (known,) = [one for one in await people.list_people(ada.desk) if one.name == "Zoë Wood"]
        assert known.keys == (), "letting in pins no key"
        # From now on they are in the book, and their letters simply come.
        box.lay(a_mail(number=3))
        assert len(await collect(ada, box)) == 1

    played(tmp_path, play, bert_too=True)


def test_out_of_reach_the_next_round_brings_it(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        box.lay(a_mail())
        await collect(ada, box)
        (one,) = await strangers.at_door(ada.desk)
        box.away = True
        let = await strangers.let_in(ada.desk, one.number, box)
        assert (let.numbers, let.later) == ((), (one.number,))
        assert "did not answer" in let.trouble
        assert [there.state for there in await strangers.at_door(ada.desk)] == ["let_in"]
        assert [there.state for there in (await letterbox.look(ada.desk)).coming] == ["let_in"]
        with pytest.raises(Refused) as unfetched:
            await ada.open(one.number)
        assert unfetched.value.code == "at_door"
        with pytest.raises(Refused) as answered:
            await strangers.refuse(ada.desk, one.number)
        assert answered.value.code == "not_at_door"
        with pytest.raises(CarrierTrouble):
            await collect(ada, box)
        box.away = False
        assert await collect(ada, box) == [one.number]
        assert await fetch.bring_in(ada.desk, box) == []
        assert (await ada.open(one.number)).person == "Zoë Wood"

    played(tmp_path, play, bert_too=True)


def test_while_a_round_is_made_it_is_left_to_the_round(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        box.lay(a_mail())
        await collect(ada, box)
        (one,) = await strangers.at_door(ada.desk)
        async with ada.desk.turn:
            let = await strangers.let_in(ada.desk, one.number, box)
        assert (let.later, let.trouble) == ((one.number,), "")
        assert await collect(ada, box) == [one.number]

    played(tmp_path, play)


def test_what_is_gone_is_said_and_looked_for_when_asked(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        (uid,) = box.lay(a_mail())
        await collect(ada, box)
        (one,) = await strangers.at_door(ada.desk)
        raw = box.messages.pop(uid)
        let = await strangers.let_in(ada.desk, one.number, box)
        assert (let.numbers, let.gone) == ((), (one.number,))
        (said,) = ada.desk.notices
        assert ZOE in said
        assert [there.state for there in (await letterbox.look(ada.desk)).coming] == ["gone"]
        assert await collect(ada, box) == []
        assert len(ada.desk.notices) == 1, "it is said once"
        box.messages[uid] = raw
        assert (await strangers.let_in(ada.desk, one.number, box)).numbers == (one.number,)

    played(tmp_path, play)


def test_refused_is_refused_and_nobody_is_told(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        box.lay(a_mail(number=1))
        await collect(ada, box)
        (one,) = await strangers.at_door(ada.desk)
        assert await strangers.refuse(ada.desk, one.number) == [one.number]
        (uid,) = box.lay(a_mail(number=2))
        await collect(ada, box)
        assert box.verdicts[uid] is Verdict.LEAVE
        assert await strangers.at_door(ada.desk) == []
        found = await letterbox.look(ada.desk)
        assert found.empty
        assert found.turned_away
        assert [away.envelope.number for away in await letterbox.turned_away(ada.desk)] == [one.number]
        assert box.asked == []
        # Taken back, they stand there again, and knock again.
        assert await strangers.leave(ada.desk, one.number) == [one.number]
        box.lay(a_mail(number=3))
        await collect(ada, box)
        assert len(await strangers.at_door(ada.desk)) == 2
        assert await strangers.leave(ada.desk, one.number) == [], "leaving what waits is no answer"
        # A refusal may also be turned into letting in.
        await strangers.refuse(ada.desk, one.number)
        assert len((await strangers.let_in(ada.desk, one.number, box)).numbers) == 2

    played(tmp_path, play)


def test_an_answer_to_one_is_an_answer_to_all_of_theirs(tmp_path: Path) -> None:
    """A letter that lies here and one that does not, of the same stranger."""

    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        ada.town.post.lay(await ada.address(), a_mail(number=7))
        (here,) = (await ada.round()).arrived
        box.lay(a_mail(number=8))
        await collect(ada, box)
        there, one = await strangers.at_door(ada.desk)
        assert (there.fetched, one.fetched, one.number) == (False, True, here)
        assert await strangers.refuse(ada.desk, here) == [here, there.number]
        assert await strangers.leave(ada.desk, there.number) == [here, there.number]
        assert (await strangers.let_in(ada.desk, here, box)).numbers == (here, there.number)
        assert {lying.person for lying in await ada.letterbox()} == {"Zoë Wood"}

    played(tmp_path, play, bert_too=True)


def test_a_mailbox_numbered_anew_doubles_no_knock(tmp_path: Path) -> None:
    """F27, F28: and the letter is found where it lies now."""

    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        box.lay(a_mail(number=1), a_mail(number=1), a_mail("Yan <yan@elsewhere.test>", number=2))
        await collect(ada, box)
        before = await strangers.at_door(ada.desk)
        assert len(before) == 3, "what could be two letters is two"
        box.number_anew()
        await collect(ada, box)
        assert await strangers.at_door(ada.desk) == before
        numbers = [one.number for one in before if one.from_ == ZOE]
        let = await strangers.let_in(ada.desk, numbers[0], box)
        assert len(let.numbers) == 1, "the same bytes are one arrival"
        assert (let.later, let.gone) == ((), ())
        assert box.asked == [1_001, 1_002]

    played(tmp_path, play)


def test_another_letter_by_the_same_number_is_not_the_one_that_was_let_in(tmp_path: Path) -> None:
    """F28, F29: the server numbers anew between the look and the fetching, and keeps its UIDVALIDITY."""

    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        (uid,) = box.lay(a_mail(number=1))
        await collect(ada, box)
        (one,) = await strangers.at_door(ada.desk)
        raw = box.messages[uid]
        for other in (
            a_mail(number=2),
            a_mail("Mallory <mallory@elsewhere.test>", number=1),
            raw.replace(b"22 Nov", b"21 Nov"),
            b"\r\n\r\nno header at all",
        ):
            box.messages[uid] = other
            assert (await strangers.let_in(ada.desk, one.number, box)).gone == (one.number,)
            assert await ada.letterbox() == [], "nothing of the other one is here"
        # Carried once more, with a field that a server on its way put on top, it is the same letter.
        box.messages[uid] = b"X-Moved: yes\r\n" + raw
        assert (await strangers.let_in(ada.desk, one.number, box)).numbers == (one.number,)

    played(tmp_path, play)


def test_a_twin_that_came_does_not_stand_for_the_letter_that_was_let_in(tmp_path: Path) -> None:
    """A36: anybody can write the same sender and the same id; the letter itself does not lie there any more."""

    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        (uid,) = box.lay(a_mail())
        await collect(ada, box)
        (one,) = await strangers.at_door(ada.desk)
        ada.town.post.lay(await ada.address(), a_mail().replace(b"22 Nov", b"21 Nov"))
        await ada.round()
        raw = box.messages.pop(uid)
        assert (await strangers.let_in(ada.desk, one.number, box)).gone == (one.number,)
        await ada.desk.drawer.write(lambda db: db.run("UPDATE arrivals SET way = 'mail'"))
        assert (await strangers.let_in(ada.desk, one.number, box)).gone == (one.number,)
        # The letter itself, which came by another name of the mailbox's, does.
        ada.town.post.lay(await ada.address(), raw)
        await ada.round()
        await ada.desk.drawer.write(lambda db: db.run("UPDATE arrivals SET way = 'mail'"))
        assert (await strangers.let_in(ada.desk, one.number, box)).gone == ()

    played(tmp_path, play, bert_too=True)


def test_what_is_too_large_to_open_is_said_at_the_door_and_never_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealed, from somebody whom nobody knows, and larger than anything that is opened."""
    monkeypatch.setattr("dearly.desk.sieve.LARGEST_PARCEL", 900)
    monkeypatch.setattr(knocks, "LARGEST_PARCEL", 900)
    sealed = 'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b'

    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        _small, large, plain = box.lay(
            a_mail("yan@elsewhere.test", ADA, sealed, number=1),
            a_mail("Zoë Wood <zoe@elsewhere.test>", ADA, sealed, number=2, text="x" * 900),
            a_mail(number=3),
        )
        await collect(ada, box)
        one = next(one for one in await strangers.at_door(ada.desk) if one.too_large)
        assert (one.from_, one.seal, one.fetched, one.state) == (ZOE, None, False, "waiting")
        said = Page(FakeTerminal(columns=200)).door([one], [None])
        assert "too large to be fetched" in said
        assert "when you let it in" not in said
        assert [lying.envelope.seal for lying in (await letterbox.look(ada.desk)).at_door if lying.away] == [
            Seal.NEVER_SEALED,
            None,
        ]
        with pytest.raises(Refused) as large_one:
            await strangers.let_in(ada.desk, one.number, box)
        assert large_one.value.code == "too_large_to_fetch"
        # Let in by their other letter, that one is fetched, and this one stays where it is said.
        other = next(two for two in await strangers.at_door(ada.desk) if two.from_ == ZOE and two != one)
        assert (await strangers.let_in(ada.desk, other.number, box)).numbers == (other.number,)
        assert plain in box.asked
        assert large not in box.asked
        assert [two.number for two in await strangers.at_door(ada.desk) if two.too_large] == [one.number]
        assert await strangers.refuse(ada.desk, one.number) == [one.number]

    played(tmp_path, play)


def test_let_in_and_numbered_anew_before_it_was_fetched(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        box.lay(a_mail())
        await collect(ada, box)
        (one,) = await strangers.at_door(ada.desk)
        box.away = True
        await strangers.let_in(ada.desk, one.number, box)
        box.away = False
        box.number_anew()
        assert len(await collect(ada, box)) == 1, "their letter comes like any other now"
        await collect(ada, box)
        assert ada.desk.notices == []
        assert (await knock(ada, one.number)).state is KnockState.FETCHED
        assert (await letterbox.look(ada.desk)).coming == ()

    played(tmp_path, play)


def test_whoever_is_put_into_the_book_is_let_in(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        box.lay(a_mail())
        await collect(ada, box)
        (one,) = await strangers.at_door(ada.desk)
        await people.add(ada.desk, "Zoë", addresses=[ZOE])
        assert await collect(ada, box) == [one.number]
        assert [lying.person for lying in await ada.letterbox()] == ["Zoë"]

    played(tmp_path, play)


def test_whom_only_an_archive_knows_stands_at_the_door(tmp_path: Path) -> None:
    """Else anybody could come in by a mail that was imported. Let in, it is the one who is in the book already."""

    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        zoe = await ada.desk.drawer.write(
            lambda db: book.add(db, "Zoe", [book.NewAddress(ZOE)], now=ada.desk.clock.now(), chance=ada.desk.chance)
        )
        await ada.desk.drawer.write(lambda db: arrivals.heard_of(db, Address.parse(ZOE), ada.desk.clock.now()))
        box.lay(a_mail(number=1))
        assert await collect(ada, box) == []
        (waiting,) = await strangers.at_door(ada.desk)
        await strangers.let_in(ada.desk, waiting.number, box)
        (lies,) = await ada.desk.drawer.read(arrivals.letterbox)
        assert (lies.person_id, lies.at_door) == (zoe.id, False)
        box.lay(a_mail(number=2))
        assert len(await collect(ada, box)) == 1

    played(tmp_path, play)


def test_strangers_may_be_kept_out_altogether(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        box.lay(a_mail())
        await collect(ada, box)
        assert box.verdicts == {1: Verdict.LEAVE}
        assert await strangers.at_door(ada.desk) == []

    played(tmp_path, play, allowed=False)


def test_postcards_of_people_in_the_book_and_answers_come(tmp_path: Path) -> None:
    async def play(ada: Person, bert: Person, box: MemoryMailbox) -> None:
        theirs = await bert.address()
        number = await ada.write("Bert", "Dear Bert")
        await ada.post(number)
        ours = (await ada.show(number)).letter_id
        card, answer, bulk, own, forged = box.lay(
            a_mail(f"Bert <{theirs}>", ADA, number=1),
            a_mail("bert@work.test", ADA, f"References: <x@y.test> <{ours}>", number=2),
            a_mail(f"Bert <{theirs}>", ADA, "Auto-Submitted: auto-replied", f"In-Reply-To: <{ours}>", number=3),
            a_mail(f"Ada <{ADA}>", ADA, number=4),
            a_mail(f"Bert <{theirs}>, Ada <{ADA}>", ADA, number=5),
        )
        new = await collect(ada, box)
        take = Verdict.TAKE
        assert {uid for uid, said in box.verdicts.items() if said is take} == {card, answer}
        assert all(box.verdicts[uid] is Verdict.LEAVE for uid in (bulk, own, forged))
        assert len(new) == 2
        # The answer is from an address that is in nobody's entry: it is here, and stands at the door.
        assert [one.fetched for one in await strangers.at_door(ada.desk)] == [True]

    played(tmp_path, play, bert_too=True)


def test_hostile_headers_are_left(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        box.lay(
            b"From: " + b"a" * (1 << 20) + b"\r\n\r\nx",
            b"X: y\r\n" * 10_000 + b"\r\nx",
            b"From: zoe@elsewhere.test\r\nTo: ada@letters.test\0\r\n\r\nx",
            b"To: ada@letters.test\r\n\r\nno From",
            b"",
            b"From: zoe@elsewhere.test\r\nFrom: yan@elsewhere.test\r\nTo: ada@letters.test\r\n\r\nx",
        )
        assert await collect(ada, box) == []
        assert set(box.verdicts.values()) == {Verdict.LEAVE}
        assert await strangers.at_door(ada.desk) == []

    played(tmp_path, play)


def test_a_sieve_that_cannot_look_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        async def no_child(*_: object) -> None:
            raise DearlyError("opener_not_started", "It could not be started.")

        box.lay(a_mail())
        monkeypatch.setattr(ada.desk.opener, "heads", no_child)
        with pytest.raises(CarrierTrouble) as trouble:
            await collect(ada, box)
        assert trouble.value.code == "cannot_sift"
        monkeypatch.undo()
        await collect(ada, box)
        assert len(await strangers.at_door(ada.desk)) == 1

    played(tmp_path, play)


def test_a_header_is_read_once_and_what_was_read_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The cursor goes on with the batch: a child that fails at a second reading would lose the knock for good."""

    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        read = ada.desk.opener.heads
        asked: list[Sequence[bytes]] = []

        async def once(headers: Sequence[bytes]) -> Sequence[HeadFacts]:
            asked.append(headers)
            return await read(headers) if len(asked) == 1 else [UNREADABLE] * len(headers)

        monkeypatch.setattr(ada.desk.opener, "heads", once)
        box.lay(a_mail())
        await collect(ada, box)
        assert [one.from_ for one in await strangers.at_door(ada.desk)] == [ZOE]
        assert len(asked) == 1

    played(tmp_path, play)


def test_the_same_letter_by_mail_and_by_hand_is_one_letter(tmp_path: Path) -> None:
    """F37: one sealed letter in two covers, with two postmarks."""
    from dearly.desk import hand

    async def play(ada: Person, bert: Person, box: MemoryMailbox) -> None:
        number = await bert.write("Ada", "Dear Ada, by two ways.")
        await bert.post(number)
        await bert.round()
        ((_uid, raw),) = ada.town.post.boxes[(await ada.address()).key]
        ada.town.post.boxes[(await ada.address()).key] = []
        box.lay(b"Received: from mx.test by letters.test\r\n" + raw)
        (came,) = await collect(ada, box)
        stick = tmp_path / "letter.eml"
        stick.write_bytes(raw)
        taken = await hand.hand_in(ada.desk, stick)
        assert len(await ada.letterbox()) == 1
        letter = await ada.open(came)
        assert letter.text.startswith("Dear Ada, by two ways.")
        assert {mark.way for mark in letter.postmarks} == {Way.MAIL, Way.HAND}
        assert (await ada.show(taken.number)).number == letter.number

    played(tmp_path, play, bert_too=True)


def test_a_letter_opened_at_the_office_and_again_by_mail(tmp_path: Path) -> None:
    """F37, the other way round: a second postmark on what is read already."""

    async def play(ada: Person, bert: Person, box: MemoryMailbox) -> None:
        await bert.post(await bert.write("Ada", "Dear Ada"))
        await bert.round()
        ((_uid, raw),) = ada.town.post.boxes[(await ada.address()).key]
        (came,) = (await ada.round()).arrived
        await ada.open(came)
        box.lay(b"Received: from mx.test by letters.test\r\n" + raw)
        assert await collect(ada, box) == []
        assert {mark.way for mark in (await ada.show(came)).postmarks} == {Way.MAIL, Way.OFFICE}
        assert len(await ada.letterbox()) == 1

    played(tmp_path, play, bert_too=True)


@pytest.mark.parametrize("step", ["fetch.fetched", "fetch.committed"])
def test_stopped_while_it_is_fetched(tmp_path: Path, step: str) -> None:
    """F36: stopped between the bytes and the commit, or after it, the letter is there once and by its number."""

    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        def stop(here: str) -> None:
            if here == step:
                raise KeyboardInterrupt

        box.lay(a_mail())
        await collect(ada, box)
        (one,) = await strangers.at_door(ada.desk)
        async with ada.desk.turn:
            await strangers.let_in(ada.desk, one.number, box)
        failpoint.listen(stop)
        try:
            with pytest.raises(KeyboardInterrupt):
                await fetch.bring_in(ada.desk, box)
        finally:
            failpoint.listen(None)
        await collect(ada, box)
        assert [lying.number for lying in await ada.letterbox()] == [one.number]
        assert (await knock(ada, one.number)).state is KnockState.FETCHED

    played(tmp_path, play)


def test_our_own_postcard_is_no_letter_that_came_and_a_twin_is(tmp_path: Path) -> None:
    """F05 for what is not sealed, and F38: what is in our name and says something else is never hidden."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.with_mail("Ada", "Bert")
            number = await ada.write("Bert", "Dear Bert, for all to read.")
            await ada.post(number, unsealed=True)
            await ada.round()
            assert await ada.letterbox() == []
            (raw,) = town.mail.box(ADA)
            head, _empty, text = raw.partition(b"\r\n\r\n")
            town.mail.box(ADA).append(b"Received: by letters.test\r\n" + head + b"\r\n\r\n" + text + b"\r\n")
            await ada.round()
            assert await ada.letterbox() == [], "with a header and a line more it is still ours"
            town.mail.box(ADA).append(head + b"\r\n\r\nDear Ada, another text.")
            await ada.round()
            (twin,) = await ada.letterbox()
            assert twin.at_door

    run(play())


def test_numbers_that_are_none_of_the_door(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        for verb in (strangers.let_in, strangers.refuse, strangers.leave):
            with pytest.raises(NotFound):
                await verb(ada.desk, 99)
        box.lay(a_mail())
        await collect(ada, box)
        (one,) = await strangers.at_door(ada.desk)
        await strangers.let_in(ada.desk, one.number, box)
        with pytest.raises(Refused):
            await strangers.let_in(ada.desk, one.number, box)

    played(tmp_path, play)


def test_a_crowd_steps_back_and_comes_forward(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(ada: Person, _bert: Person, box: MemoryMailbox) -> None:
        monkeypatch.setattr(knocks, "MOST_WAITING", 12)
        box.lay(*(a_mail(f"z{n}@elsewhere.test", number=n) for n in range(20)))
        await collect(ada, box)
        waiting = await ada.desk.drawer.read(lambda db: knocks.standing(db, limit=5))
        assert [one.heading.sender.address.local for one in waiting] == ["z19", "z18", "z17", "z16", "z15"]
        for one in waiting:
            await strangers.refuse(ada.desk, one.number)
        waiting = await ada.desk.drawer.read(lambda db: knocks.standing(db, limit=5))
        assert [one.heading.sender.address.local for one in waiting] == ["z14", "z13", "z12", "z11", "z10"]
        assert len(await ada.desk.drawer.read(knocks.standing)) == 12 - 5, "a flood beyond that is forgotten"

    played(tmp_path, play)


def test_a_whole_round(tmp_path: Path) -> None:
    """The same by the desk's own rounds, with its own account."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.with_mail("Ada", "Bert")
            town.mail.box(ADA).append(a_mail())
            report = await rounds.make_round(ada.desk)
            assert (report.arrived, report.troubles) == ((), ())
            (one,) = await strangers.at_door(ada.desk)
            town.clock.at += timedelta(minutes=1)
            assert (await strangers.let_in(ada.desk, one.number)).numbers == (one.number,)
            assert (await ada.open(one.number)).person == "Zoë Wood"
            zoe = await ada.desk.drawer.read(lambda db: book.person_of_address(db, Address.parse(ZOE)))
            assert zoe is not None
            assert (await ada.desk.drawer.read(lambda db: arrivals.arrival(db, one.number))).person_id == zoe.id

    run(play())
