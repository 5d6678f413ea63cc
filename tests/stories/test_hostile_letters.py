"""Letters that are not what they seem, at whole desks: taken in, opened, shown, answered. Nothing is lost or hidden by
them, nothing is believed that was not proven, and no answer carries out what was never shown.

The numbers are those of docs/threats.md and docs/faults.md.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dearly.desk import keys, people, post, write
from dearly.desk import open as opening
from dearly.desk.values import LetterView
from dearly.drawer import outbox
from dearly.letter.address import Address
from dearly.letter.errors import Refused, Usage
from dearly.letter.sealing import Seal
from dearly.seal.keys import OwnKey
from tests.support import openpgp as pgp
from tests.support import parcels
from tests.support.desks import Person, Town, a_town
from tests.support.drawers import run
from tests.support.forging import Forger, head, opens, own_key, parcel, readers

SECRET = "the spare key lies under the third stone"
FRIEND = {Seal.SIGNED_FIRST_SEEN, Seal.SIGNED_PINNED}


@dataclass
class Scene:
    """Ada, Bert and Clara, who know each other; the keys and addresses by name."""

    town: Town
    ada: Person
    bert: Person
    clara: Person
    keys: dict[str, OwnKey]
    at: dict[str, Address]

    def forger(self, key: str, name: str | None = None) -> Forger:
        """Who has this key, and writes under this name and its address."""
        name = name or key
        return Forger(name, self.at[name], self.keys[key])

    async def lay(self, raw: bytes, reader: Person | None = None) -> list[int]:
        """A parcel in a letterbox, fetched; the numbers of the new envelopes."""
        reader = reader or self.bert
        self.town.post.lay(self.at[reader.name], raw)
        return list((await reader.round()).arrived)

    async def take_in(self, raw: bytes, reader: Person | None = None) -> LetterView:
        """A parcel laid, fetched and opened."""
        (number,) = await self.lay(raw, reader)
        return await (reader or self.bert).open(number)

    async def told(self, reader: Person, of: str) -> list[LetterView]:
        return await opening.correspondence(reader.desk, of)


_settled: dict[str, Path] = {}


@pytest.fixture(scope="module", autouse=True)
def settled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The town is settled once; each play has a copy of it."""

    async def settle(place: Path) -> None:
        async with a_town(place) as town:
            await town.settle("Ada", "Bert", "Clara")

    _settled["town"] = tmp_path_factory.mktemp("town")
    run(settle(_settled["town"]))
    yield
    _settled.clear()


@asynccontextmanager
async def a_scene(place: Path) -> AsyncIterator[Scene]:
    shutil.copytree(_settled["town"], place, dirs_exist_ok=True)
    async with a_town(place) as town:
        ada, bert, clara = everybody = [await town.person(name) for name in ("Ada", "Bert", "Clara")]
        for one in everybody:
            town.post.known.add((await one.address()).key)
        yield Scene(
            town,
            ada,
            bert,
            clara,
            {one.name: await own_key(one) for one in everybody},
            {one.name: await one.address() for one in everybody},
        )


def from_ada(scene: Scene, text: str = "Dear Bert\n", letter_id: str = "1@letters.test", **more: str) -> bytes:
    """An honest letter from Ada to Bert, made by hand."""
    ada = scene.forger("Ada")
    letter = ada.letter(scene.bert, scene.at["Bert"], text, letter_id, **more)
    return parcel(letter, ada.sealed(ada.part(letter), scene.keys["Bert"], [scene.keys["Bert"]], letter))


def test_the_honest_one(tmp_path: Path) -> None:
    """What the others are twisted from."""

    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            letter = await scene.take_in(from_ada(scene))
            assert (letter.seal, letter.text, letter.person, letter.notes) == (
                Seal.SIGNED_FIRST_SEEN,
                "Dear Bert\n",
                "Ada",
                (),
            )

    run(play())


def test_f38_a36_the_same_id_twice_suppresses_nothing(tmp_path: Path) -> None:
    """Clara learns the id of Ada's letter and sends hers first. Both are there, and both say so."""

    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            number = await scene.ada.write("Bert", "Dear Bert, the true one.\n")
            await scene.ada.post(number)
            known = (await scene.ada.show(number)).letter_id
            assert known is not None
            clara = scene.forger("Clara")
            false = clara.letter(scene.bert, scene.at["Bert"], "Dear Bert, the false one.\n", known)
            first = await scene.take_in(
                parcel(false, clara.sealed(clara.part(false), scene.keys["Bert"], [scene.keys["Bert"]], false))
            )
            assert (first.person, first.notes) == ("Clara", ())
            await scene.ada.round()
            (arrived,) = (await scene.bert.round()).arrived
            true = await scene.bert.open(arrived)
            first = await scene.bert.show(first.number)
            assert (true.text, first.text) == ("Dear Bert, the true one.\n", "Dear Bert, the false one.\n")
            assert true.letter_id == first.letter_id
            assert true.notes == first.notes
            assert "Both are kept" in true.notes[0]
            assert len(await scene.told(scene.bert, "Ada")) == len(await scene.told(scene.bert, "Clara")) == 1
            # And from the same person, whom nobody doubts: a second letter under the id of the first.
            other = await scene.take_in(from_ada(scene, "Dear Bert, another.\n", known))
            assert other.notes
            assert len(await scene.told(scene.bert, "Ada")) == 2

    run(play())


def test_f39_letters_without_an_id(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            bare = f"From: {scene.at['Ada']}\r\nTo: {scene.at['Bert']}\r\nSubject: x\r\n\r\n".encode()
            one, other = [await scene.take_in(bare + body) for body in (b"one\r\n", b"other\r\n")]
            assert one.letter_id is not None
            assert one.letter_id != other.letter_id
            assert [letter.text.strip() for letter in await scene.told(scene.bert, "Ada")] == ["one", "other"]
            assert await scene.lay(bare + b"one\r\n") == []
            assert len(await scene.told(scene.bert, "Ada")) == 2
            assert one.notes == other.notes == ()
            ada = scene.forger("Ada")
            letter = ada.letter(scene.bert, scene.at["Bert"], "sealed, without an id\n", "x@letters.test")
            part = ada.part(letter).replace(b"Message-ID: <x@letters.test>\r\n", b"").replace(b"<x@letters.test>", b"")
            outside = head(letter).replace(b"Message-ID: <x@letters.test>\r\n", b"")
            sealed = parcel(letter, ada.sealed(part, scene.keys["Bert"], [scene.keys["Bert"]], letter), head=outside)
            assert (await scene.take_in(sealed)).text == "sealed, without an id\n"
            assert await scene.lay(sealed) == []

    run(play())


def test_a03_what_lies_sealed_below_the_root_is_neither_opened_nor_quoted(tmp_path: Path) -> None:
    """Clara has an old sealed letter from Ada to Bert, and would like Bert to open it for her."""

    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            stolen = from_ada(scene, SECRET + "\n")
            end = b"-----END PGP MESSAGE-----"
            armor = stolen[stolen.index(b"-----BEGIN") : stolen.index(end) + len(end)] + b"\r\n"
            clara = scene.forger("Clara")
            outside = (
                f"From: {scene.at['Clara']}\r\nTo: {scene.at['Bert']}\r\nMessage-ID: <c{{n}}@letters.test>\r\n"
                "Subject: x\r\nMIME-Version: 1.0\r\n"
            )
            plain = parcels.part(b"text/plain", b"How are you?\r\n")
            shapes = [
                parcels.multi(b"multipart/mixed", plain, parcels.sealed_part(armor)),
                parcels.multi(b"multipart/mixed", parcels.sealed_part(armor), plain),
                parcels.multi(b"multipart/mixed", plain, parcels.part(b"message/rfc822", stolen)),
                parcels.multi(b"multipart/mixed", plain, parcels.part(b"text/plain", armor + b"\r\n")),
                parcels.multi(
                    b"multipart/alternative", plain, parcels.part(b"text/html", b"<p>How are you?</p>" + armor)
                ),
            ]
            bodies = [raw[raw.index(b"Content-Type: ") :] for raw in shapes]
            for n, body in enumerate(bodies):
                letter = await scene.take_in(outside.format(n=n).encode() + body)
                await _tells_nothing(scene, letter, n)
            # The same within a letter that Clara seals herself.
            for n, body in enumerate(bodies):
                letter_ = clara.letter(scene.bert, scene.at["Bert"], "x", f"s{n}@letters.test")
                part = clara.part(letter_)
                part = part[: part.index(b"Content-Type: ")] + body
                letter = await scene.take_in(
                    parcel(letter_, clara.sealed(part, scene.keys["Bert"], [scene.keys["Bert"]], letter_))
                )
                await _tells_nothing(scene, letter, n)
                reply = await scene.bert.answer(letter.number, "No.\n", quote=True)
                with pytest.raises(Refused):
                    await scene.bert.post(reply, unsealed=True)
            # It could have been opened: at the root it is Ada's letter.
            assert SECRET in (await scene.take_in(stolen)).text

    run(play())


async def _tells_nothing(scene: Scene, letter: LetterView, n: int) -> None:
    assert SECRET not in repr(letter), n
    assert "How are you?" in letter.text, n
    reply = await scene.bert.answer(letter.number, "Fine.\n", quote=True)
    assert SECRET not in repr(await scene.bert.show(reply)), n


LIES = {
    "sender": "clara@town.office.invalid",
    "to": "clara@town.office.invalid",
    "letter_id": "9@letters.test",
    "date": "Mon, 02 Jan 2006 15:04:05 +0000",
}


def test_a05_another_outside_than_inside(tmp_path: Path) -> None:
    """Ada's sealed bytes in an envelope that says something else: marked, and what is shown is what Ada signed."""

    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            ada = scene.forger("Ada")
            for n, (field, lie) in enumerate(LIES.items()):
                letter = ada.letter(scene.bert, scene.at["Bert"], f"{n}\n", f"{n}@letters.test", "The true subject")
                sealed = ada.sealed(ada.part(letter), scene.keys["Bert"], [scene.keys["Bert"]], letter)
                shown = await scene.take_in(parcel(letter, sealed, head=head(letter, **{field: lie})))
                assert shown.seal is Seal.HEADERS_DIFFER, field
                assert (shown.from_, shown.text, shown.letter_id) == (
                    str(scene.at["Ada"]),
                    f"{n}\n",
                    f"{n}@letters.test",
                )
                assert shown.date == letter.date.replace(microsecond=0)
                # An answer goes to who signed, never to where the outside points.
                reply = await scene.bert.answer(shown.number, "Dear Ada\n")
                assert (await scene.bert.show(reply)).to == (str(scene.at["Ada"]),)
                # Nothing about keys was learnt from it.
                assert [key.state for key in (await people.show_person(scene.bert.desk, "Ada")).keys] == ["first_seen"]
            letter = ada.letter(scene.bert, scene.at["Bert"], "Dear Bert\n", "5@letters.test", "The true subject")
            sealed = ada.sealed(ada.part(letter), scene.keys["Bert"], [scene.keys["Bert"]], letter)
            shown = await scene.take_in(parcel(letter, sealed, head=head(letter, subject="You are dismissed")))
            assert shown.subject == "The true subject"
            assert "dismissed" not in repr(shown)

    run(play())


def test_a07_a_valid_signature_by_somebody_else(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            before = await people.show_person(scene.bert.desk, "Ada")
            # Clara's own key under Ada's name and address, with and without an Autocrypt field that claims it.
            for introduces in (True, False):
                forger = scene.forger("Clara", "Ada")
                letter = forger.letter(
                    scene.bert, scene.at["Bert"], "You are dismissed\n", f"{introduces}@letters.test"
                )
                part = forger.part(letter, introduces=introduces)
                shown = await scene.take_in(
                    parcel(letter, forger.sealed(part, scene.keys["Bert"], [scene.keys["Bert"]], letter))
                )
                assert shown.seal is Seal.SIGNED_BY_OTHER, introduces
            assert await people.show_person(scene.bert.desk, "Ada") == before
            # A key that nobody knows yet, for somebody whose key is known.
            stranger = Forger("Ada", scene.at["Ada"], OwnKey.generate([pgp.address("eve")], scene.town.clock.now()))
            letter = stranger.letter(scene.bert, scene.at["Bert"], "You are dismissed\n", "e@letters.test")
            part = stranger.part(letter, introduces=False)
            shown = await scene.take_in(
                parcel(letter, stranger.sealed(part, scene.keys["Bert"], [scene.keys["Bert"]], letter))
            )
            assert shown.seal in {Seal.SIGNER_UNKNOWN, Seal.SIGNED_BY_OTHER}
            assert await people.show_person(scene.bert.desk, "Ada") == before

    run(play())


def test_a07_two_senders_are_none(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            clara = scene.forger("Clara")
            letter = clara.letter(scene.bert, scene.at["Bert"], "You are dismissed\n", "2@letters.test")
            part = clara.part(letter).replace(b"From: ", b"From: Ada <" + str(scene.at["Ada"]).encode() + b">, ", 1)
            shown = await scene.take_in(
                parcel(letter, clara.sealed(part, scene.keys["Bert"], [scene.keys["Bert"]], letter))
            )
            assert shown.seal not in FRIEND
            assert shown.person not in {"Ada", "Clara"}
            with pytest.raises(Usage) as unclear:
                await scene.bert.answer(shown.number, "Who are you?\n")
            assert unclear.value.code == "sender_unclear"

    run(play())


def test_a13_a_changed_key_waits_for_the_persons_word(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            await scene.take_in(from_ada(scene))
            old = scene.keys["Ada"]
            new = OwnKey.generate([scene.at["Ada"]], scene.town.clock.now())
            scene.keys["New"] = new
            forger = scene.forger("New", "Ada")
            waiting = await scene.bert.write("Ada", "Dear Ada, before.\n")
            await scene.bert.post(waiting, at_once=False)
            for n in range(2):
                letter = forger.letter(scene.bert, scene.at["Bert"], "Dear Bert, my new key\n", f"n{n}@letters.test")
                shown = await scene.take_in(
                    parcel(letter, forger.sealed(forger.part(letter), scene.keys["Bert"], [scene.keys["Bert"]], letter))
                )
                assert shown.seal is Seal.SIGNED_CHANGED_KEY
                assert shown.signer == new.fingerprint
            assert await _keys(scene) == {old.fingerprint: "pinned", new.fingerprint: "changed"}
            # Until Bert decides, everything is sealed to the old one.
            meanwhile = await scene.bert.write("Ada", "Dear Ada, meanwhile.\n")
            await scene.bert.post(meanwhile)
            assert (await scene.bert.round()).handed_over == (meanwhile,)
            (raw,) = scene.town.post.box(scene.at["Ada"])
            assert (opens(raw, old), opens(raw, new)) == (True, False)
            # Having compared, Bert decides for the new one: what is sealed to the old and has not left is held.
            await keys.pin(scene.bert.desk, "Ada", new.fingerprint, verified=True)
            assert await _keys(scene) == {new.fingerprint: "verified", old.fingerprint: "left"}
            scene.town.clock.pass_(hours=2)
            report = await scene.bert.round()
            assert report.handed_over == ()
            (row,) = [row for row in await _rows(scene.bert) if row.number == waiting]
            assert (row.journey.state.value, row.journey.reason) == ("held", "key_changed")
            assert (await scene.bert.round()).handed_over == ()
            # Posting it again seals it to the new key.
            await scene.bert.post(waiting)
            assert (await scene.bert.round()).handed_over == (waiting,)
            raw = scene.town.post.box(scene.at["Ada"])[-1]
            assert (opens(raw, old), opens(raw, new)) == (False, True)
            # A letter by the old key now is by a key that was left.
            late = await scene.take_in(from_ada(scene, "Dear Bert, by the old one\n", "o@letters.test"))
            assert late.seal is Seal.SIGNED_CHANGED_KEY
            assert await _keys(scene) == {new.fingerprint: "verified", old.fingerprint: "left"}

    run(play())


async def _keys(scene: Scene) -> dict[str, str]:
    person = await people.show_person(scene.bert.desk, "Ada")
    return {key.fingerprint: key.state for key in person.keys}


async def _rows(person: Person) -> list[outbox.Travel]:
    return await person.desk.drawer.read(lambda db: outbox.listing(db))


def test_a17_a_friends_letter_sealed_again_to_somebody_else(tmp_path: Path) -> None:
    """Bert got a letter from Ada, and seals Ada's signed words to Clara."""

    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            ada = scene.forger("Ada")
            letter = ada.letter(scene.bert, scene.at["Bert"], "I leave you.\n", "1@letters.test")
            part = ada.part(letter)
            for n, intended in enumerate(([scene.keys["Bert"]], [])):
                again = ada.sealed(part, scene.keys["Clara"], intended, letter)
                shown = await scene.take_in(
                    parcel(letter, again, head=head(letter, to=str(scene.at["Clara"]), letter_id=f"{n}@letters.test")),
                    scene.clara,
                )
                assert shown.seal is Seal.NOT_FOR_US, n
            honest = await scene.take_in(from_ada(scene))
            assert honest.seal in FRIEND

    run(play())


def test_a18_an_old_letter_comes_again(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            ada = scene.forger("Ada")
            letter = ada.letter(scene.bert, scene.at["Bert"], "Come at once!\n", "1@letters.test")
            sealed = ada.sealed(ada.part(letter), scene.keys["Bert"], [scene.keys["Bert"]], letter)
            raw = parcel(letter, sealed)
            first = await scene.take_in(raw)
            scene.town.clock.pass_(days=31)
            # The same bytes are the same parcel.
            assert await scene.lay(raw) == []
            # In another envelope, of today, it is the same letter, with its old date; the envelope is called a lie.
            today = f"{scene.town.clock.now():%a, %d %b %Y %H:%M:%S} +0000"
            again = await scene.lay(parcel(letter, sealed, head=head(letter, date=today, letter_id="2@letters.test")))
            for number in again:
                shown = await scene.bert.open(number)
                assert (shown.number, shown.date, shown.letter_id) == (first.number, first.date, "1@letters.test")
            told = await scene.told(scene.bert, "Ada")
            assert [(one.number, one.date, one.seal) for one in told] == [(first.number, first.date, first.seal)]
            assert len(await scene.bert.letterbox()) == 1 + len(again)

    run(play())


def test_a35_readers_are_named_only_where_the_letter_names_them(tmp_path: Path) -> None:
    """A letter to two carries three packets for keys (Ada's own is the third), and both readers stand in its To; a
    letter to one says nothing of anybody else."""

    async def play() -> None:
        async with a_scene(tmp_path) as scene:
            both = (await write.write(scene.ada.desk, ["Bert", "Clara"], "Dear both\n")).number
            one = await scene.ada.write("Bert", "Dear Bert\n")
            await post.post(scene.ada.desk, both, at_once=True)
            await post.post(scene.ada.desk, one, at_once=True)
            await scene.ada.round()
            to_both, to_one = scene.town.post.box(scene.at["Bert"])
            assert scene.town.post.box(scene.at["Clara"]) == [to_both]
            assert (readers(to_both), readers(to_one)) == (3, 2)
            assert all(opens(to_both, scene.keys[name]) for name in ("Ada", "Bert", "Clara"))
            assert not opens(to_one, scene.keys["Clara"])
            clara = str(scene.at["Clara"]).encode()
            assert clara in to_both
            assert clara not in to_one
            await scene.bert.round()
            await scene.clara.round()
            for reader, name in ((scene.bert, "Bert"), (scene.clara, "Clara")):
                letter = await reader.open((await reader.letterbox())[-1].number)
                assert letter.seal in FRIEND, name
                assert letter.to == (str(scene.at["Bert"]), str(scene.at["Clara"]))

    run(play())
