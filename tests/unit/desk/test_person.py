"""Somebody in the book: addresses with their days, keys checked by words, cards by file and by code."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
import segno
from PIL import Image

from dearly.desk import card, keys, people, person, setup
from dearly.desk.person import AddressKind, AddressWish, PersonKind
from dearly.letter.errors import CannotSealOrOpen, NotFound, Refused, Usage
from dearly.seal.keys import OwnKey
from tests.support.desks import Person, Town, a_town

TODAY = date(2026, 3, 1)


def play(place: Path, act: Callable[[Town, Person, Person], Awaitable[None]]) -> None:
    async def run() -> None:
        async with a_town(place) as town:
            ada, bert = await town.settle("Ada", "Bert")
            await act(town, ada, bert)

    asyncio.run(run())


async def uid_of(who: Person, name: str) -> str:
    return (await people.show_person(who.desk, name)).uid


async def another_card(ada: Person, who: str, address: str) -> str:
    """A card that says it is of `who`, with a key of its own, taken in by Ada; its fingerprint."""
    from dearly.exchange.vcard import write_card
    from dearly.letter.address import Address

    own = OwnKey.generate([Address.parse(address)], ada.desk.clock.now())
    await people.add(ada.desk, who, vcard=write_card(who, [address], own.certificate, None).encode())
    return own.fingerprint


def test_an_address_is_good_on_its_first_and_on_its_last_day(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person, _bert: Person) -> None:
        uid = await uid_of(ada, "Bert")
        wish = AddressWish(AddressKind.POSTAL, "Strandgade 3\n3770 Allinge", "in summer", "Brandvik", TODAY, TODAY)
        there = (await person.add_address(ada.desk, uid, wish)).addresses[-1]
        assert (there.since, there.until, there.care_of, there.label) == (TODAY, TODAY, "Brandvik", "in summer")
        seen = []
        noon = town.clock.at
        for hours in (-14.1, -13.9, 9.9, 10.1):  # the clock of the place says 14.00 at noon
            town.clock.at = noon + timedelta(hours=hours)
            entry = next(e for e in (await person.whole(ada.desk, uid)).addresses if e.entry == there.entry)
            seen.append((entry.good, entry.past))
        assert seen == [(False, False), (True, False), (True, False), (False, True)]

    play(tmp_path, act)


def test_what_is_said_about_an_address_can_be_said_anew_and_taken_away(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        uid = await uid_of(ada, "Bert")
        entry = (await person.whole(ada.desk, uid)).addresses[0].entry
        wish = AddressWish(AddressKind.EMAIL, label="at work", since=date(2020, 1, 1), until=date(2027, 1, 1))
        assert (await person.change_address(ada.desk, uid, entry, wish)).addresses[0].label == "at work"
        bare = (await person.change_address(ada.desk, uid, entry, AddressWish(AddressKind.EMAIL))).addresses[0]
        assert (bare.label, bare.since, bare.until, bare.good) == ("", None, None, True)
        with pytest.raises(Usage) as wrong:
            await person.change_address(
                ada.desk, uid, entry, AddressWish(AddressKind.EMAIL, since=TODAY, until=TODAY - timedelta(days=1))
            )
        assert wrong.value.code == "bad_dates"
        with pytest.raises(NotFound):
            await person.change_address(ada.desk, uid, 4711, AddressWish(AddressKind.EMAIL))

    play(tmp_path, act)


def test_an_address_that_ended_stays_in_the_book(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        uid = await uid_of(ada, "Bert")
        entry = (await person.whole(ada.desk, uid)).addresses[0]
        ended = (await person.end_address(ada.desk, uid, entry.entry)).addresses
        assert [(one.text, one.good, one.past) for one in ended] == [(entry.text, False, True)]

    play(tmp_path, act)


def test_a_household_and_who_belongs_to_it(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        mill = await person.add(
            ada.desk, "The mill", PersonKind.HOUSEHOLD, [AddressWish(AddressKind.POSTAL, "Mill Lane 1")]
        )
        uid = await uid_of(ada, "Bert")
        assert [one.name for one in (await person.join(ada.desk, mill.uid, uid)).members] == ["Bert"]
        assert [one.name for one in (await person.whole(ada.desk, uid)).groups] == ["The mill"]
        assert (await person.leave(ada.desk, mill.uid, uid)).members == ()
        with pytest.raises(Refused):
            await person.join(ada.desk, uid, mill.uid)

    play(tmp_path, act)


def test_both_desks_compute_the_same_words(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, bert: Person) -> None:
        seen_by_ada = (await keys.show_keys(ada.desk, "Bert")).keys[0].words
        seen_by_bert = (await keys.show_keys(bert.desk, "Ada")).keys[0].words
        assert seen_by_ada == await keys.own_words(bert.desk)
        assert seen_by_bert == await keys.own_words(ada.desk)
        assert seen_by_ada != seen_by_bert

    play(tmp_path, act)


def test_words_that_are_the_same_make_a_key_checked_with_day_and_place(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person, _bert: Person) -> None:
        uid = await uid_of(ada, "Bert")
        await keys.pin(ada.desk, uid, None, verified=True, where="Lübeck")
        town.clock.pass_(days=3)
        (key,) = (await person.whole(ada.desk, uid)).used
        assert (key.state, key.place, key.since.date()) == ("verified", "Lübeck", TODAY)
        await keys.pin(ada.desk, uid, None, verified=True, where="on the telephone")
        (key,) = (await person.whole(ada.desk, uid)).used
        assert (key.place, key.since.date()) == ("on the telephone", TODAY + timedelta(days=3))

    play(tmp_path, act)


def test_words_that_are_not_the_same_set_the_key_aside_and_hold_the_letters(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, bert: Person) -> None:
        clara = await ada.town.person("Clara")
        await setup.join_office(clara.desk, "https://town.test", "clara")
        await people.add(ada.desk, "Clara", vcard=(await setup.my_card(clara.desk)).vcard.encode())
        for_bert, for_clara = await ada.write("Bert", "Dear Bert"), await ada.write("Clara", "Dear Clara")
        for number in (for_bert, for_clara):
            await ada.post(number, at_once=False)
        uid = await uid_of(ada, "Bert")
        assert await keys.set_aside(ada.desk, uid, None) == [for_bert]
        assert (await ada.state(for_bert), await ada.state(for_clara)) == ("held", "waiting")
        who = await person.whole(ada.desk, uid)
        assert (who.used, [key.state for key in who.left]) == ((), ["left"])
        other = await ada.write("Bert", "once more")
        with pytest.raises(CannotSealOrOpen):
            await ada.post(other)
        await ada.round()
        assert await ada.state(for_bert) == "held"

    play(tmp_path, act)


def test_another_key_is_shown_beside_the_old_one_until_somebody_decides(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, bert: Person) -> None:
        uid = await uid_of(ada, "Bert")
        (old,) = (await person.whole(ada.desk, uid)).used
        new = await another_card(ada, "Bert", str(await bert.address()))
        who = await person.whole(ada.desk, uid)
        assert ([k.fingerprint for k in who.used], [k.fingerprint for k in who.changed]) == ([old.fingerprint], [new])
        await keys.set_aside(ada.desk, uid, new)
        who = await person.whole(ada.desk, uid)
        assert ([k.fingerprint for k in who.used], [k.fingerprint for k in who.left]) == ([old.fingerprint], [new])
        await keys.pin(ada.desk, uid, new, verified=True)
        who = await person.whole(ada.desk, uid)
        assert ([k.fingerprint for k in who.used], [k.fingerprint for k in who.left]) == ([new], [old.fingerprint])

    play(tmp_path, act)


def test_a_photograph_of_the_code_is_as_good_as_the_card(tmp_path: Path) -> None:
    async def act(town: Town, ada: Person, _bert: Person) -> None:
        dora = await town.person("Dora")
        await setup.join_office(dora.desk, "https://town.test", "dora")
        own = await card.calling_card(dora.desk)
        assert own.code is not None
        taken = Image.open(io.BytesIO(card.code_png(own.code))).convert("RGB")
        turned = taken.rotate(7, expand=True, fillcolor=(190, 180, 170)).resize((900, 900))
        photograph = io.BytesIO()
        turned.save(photograph, "JPEG", quality=70)
        view = await card.add_from_picture(ada.desk, photograph.getvalue())
        assert (view.name, view.addresses) == ("Dora", own.card.addresses)
        assert [key.fingerprint for key in view.keys] == [own.card.fingerprint]
        assert view.keys[0].quantum_safe is False  # the short form; the letters are sealed all the same
        await ada.post(await ada.write("Dora", "Dear Dora"))
        await ada.round()
        await dora.round()
        (lying,) = await dora.letterbox()
        assert (await dora.open(lying.number)).text.strip() == "Dear Dora"
        # The whole key comes with the file, or a letter, and adds to the short one.
        await people.add(ada.desk, "Dora", vcard=own.card.vcard.encode())
        (key,) = (await people.show_person(ada.desk, "Dora")).keys
        assert (key.fingerprint, key.quantum_safe) == (own.card.fingerprint, True)

    play(tmp_path, act)


def test_a_code_that_is_no_card_and_a_picture_without_one(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        code, empty = io.BytesIO(), io.BytesIO()
        segno.make("https://shop.invalid/").save(code, kind="png", scale=5)
        Image.new("RGB", (200, 200), "white").save(empty, "PNG")
        for picture, expected in (
            (code.getvalue(), "no_card_in_code"),
            (empty.getvalue(), "no_code"),
            (b"GIF89a", "not_a_picture"),
            (b"\x89PNG\r\n\x1a\n" + b"\0" * 300, "bad_picture"),
        ):
            with pytest.raises((Usage, Refused)) as wrong:
                await card.add_from_picture(ada.desk, picture)
            assert wrong.value.code == expected
        assert [one.name for one in await person.everybody(ada.desk)] == ["Bert"]

    play(tmp_path, act)


def test_a_card_brings_its_name_and_one_without_needs_one(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        named = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Clara Moor\r\nEMAIL:clara@letters.test\r\nEND:VCARD\r\n"
        assert (await people.add(ada.desk, "", vcard=named)).name == "Clara Moor"
        nameless = b"BEGIN:VCARD\r\nVERSION:4.0\r\nEMAIL:x@letters.test\r\nEND:VCARD\r\n"
        with pytest.raises(Usage) as wrong:
            await people.add(ada.desk, " ", vcard=nameless)
        assert wrong.value.code == "empty_name"

    play(tmp_path, act)


def test_the_code_holds_on_to_a_size_that_telephones_read(tmp_path: Path) -> None:
    async def act(_town: Town, ada: Person, _bert: Person) -> None:
        own = await card.calling_card(ada.desk)
        assert own.code is not None
        assert "PRIVATE" not in own.code
        svg = card.code_svg(own.code)
        assert svg.startswith("<svg")
        assert "style=" not in svg  # our policy allows no inline style
        long = own.code.replace("END:VCARD", "X:" + "a" * 2_000 + "\r\nEND:VCARD")
        assert card._code(long) is None

    play(tmp_path, act)


def test_days_are_read_as_fields_of_a_form_give_them() -> None:
    assert person.read_day(" 2026-12-31 ") == date(2026, 12, 31)
    assert person.read_day("") is None
    with pytest.raises(Usage):
        person.read_day("tomorrow")
