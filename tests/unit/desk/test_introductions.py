"""Keys that come by mail: which are taken, which are only offered; nothing replaces a key unseen (A13, A14)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dearly.desk import hand, introductions, keys, people, post, setup
from dearly.desk import write as writing
from dearly.desk.values import LetterView, OfferedKey
from dearly.drawer import keyring, offers
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Enclosure
from dearly.letter.envelope import Way
from dearly.letter.errors import CannotSealOrOpen, NotFound, Usage
from dearly.letter.sealing import Seal
from dearly.mime import autocrypt, pgpmime, write
from dearly.seal import openpgp as sealing
from dearly.seal import trust
from dearly.seal.armor import armor
from dearly.seal.keys import OwnKey
from tests.support.desks import Person, a_town
from tests.support.drawers import run
from tests.support.forging import Forger, own_key, parcel
from tests.support.openpgp import NOW, YESTERDAY, address, expiring, person, revoked
from tests.support.times import FixedClock

ADA = Correspondent("Ada", address("ada"))
CLARA = Correspondent("Clara", address("clara"))
BERT = Forger("Bert", address("bert"), person("bert"))


@asynccontextmanager
async def _ada(place: Path) -> AsyncIterator[Person]:
    async with a_town(place) as town:
        assert isinstance(town.clock, FixedClock)
        town.clock.at = NOW
        ada = await town.person("Ada")
        await setup.begin(ada.desk, "Ada", ["ada@letters.test"])
        yield ada


async def _open(ada: Person, raw: bytes) -> LetterView:
    return await ada.open((await hand.hand_in(ada.desk, raw)).number)


async def _from(
    writer: Forger,
    ada: Person,
    letter_id: str,
    *,
    to: Sequence[Correspondent] = (ADA,),
    gossip: Sequence[tuple[Address, bytes]] = (),
    enclosures: Sequence[Enclosure] = (),
) -> bytes:
    """A sealed letter to Ada and whoever else."""
    letter = replace(
        writer.letter(ada, ADA.address, "Dear Ada.", letter_id), to=tuple(to), enclosures=tuple(enclosures)
    )
    mine = await own_key(ada)
    part = write.render(letter, autocrypt=(writer.address, writer.key.certificate), gossip=gossip)
    return parcel(letter, writer.sealed(part, mine, [mine], letter))


def _postcard(writer: Forger, ada: Person, letter_id: str, certificate: bytes) -> bytes:
    letter = writer.letter(ada, ADA.address, "Dear Ada.", letter_id)
    return write.render(letter, autocrypt=(writer.address, certificate), hp=False)


async def _states(ada: Person, who: str) -> dict[str, str]:
    return {key.fingerprint: key.state for key in (await people.show_person(ada.desk, who)).keys}


def test_an_unsealed_letters_key_is_first_seen_and_never_more(tmp_path: Path) -> None:
    async def play() -> None:
        other = person("mallory")
        async with _ada(tmp_path) as ada:
            came = await _open(ada, _postcard(BERT, ada, "1@letters.test", BERT.key.certificate))
            assert came.seal is Seal.NEVER_SEALED
            assert await _states(ada, "Bert") == {BERT.key.fingerprint: "first_seen"}
            assert await introductions.offered(ada.desk, came.number) == []

            forged = OwnKey.generate([BERT.address], NOW)
            came = await _open(ada, _postcard(BERT, ada, "2@letters.test", forged.certificate))
            assert await _states(ada, "Bert") == {BERT.key.fingerprint: "first_seen"}, "anybody can write a postcard"
            (offer,) = await introductions.offered(ada.desk, came.number)
            assert (offer.fingerprint, offer.state, offer.source) == (forged.fingerprint, "another", "autocrypt")
            taken = await introductions.take(ada.desk, came.number, 1)
            assert {key.fingerprint: key.state for key in taken.keys} == {
                BERT.key.fingerprint: "first_seen",
                forged.fingerprint: "changed",
            }
            (offer,) = await introductions.offered(ada.desk, came.number)
            assert offer.state == "changed"
            # Whoever was decided against stays so: no postcard brings a key back, or another one in.
            await keys.set_aside(ada.desk, "Bert", BERT.key.fingerprint)
            await keys.set_aside(ada.desk, "Bert", forged.fingerprint)
            third = OwnKey.generate([BERT.address], NOW)
            await _open(ada, _postcard(BERT, ada, "3@letters.test", third.certificate))
            assert set((await _states(ada, "Bert")).values()) == {"left"}
            assert other.fingerprint not in await _states(ada, "Bert")

    run(play())


def test_two_keys_in_one_header_are_none(tmp_path: Path) -> None:
    async def play() -> None:
        async with _ada(tmp_path) as ada:
            raw = _postcard(BERT, ada, "1@letters.test", BERT.key.certificate)
            second = autocrypt.header(BERT.address, person("mallory").certificate).encode()
            elsewhere = autocrypt.header(address("clara"), person("clara").certificate).encode()
            doubled = b"Autocrypt: " + second.replace(b" ", b"\r\n ") + b"\r\n" + raw
            came = await _open(ada, doubled)
            assert (await _states(ada, "Bert"), came.seal) == ({}, Seal.NEVER_SEALED)
            beside = b"Autocrypt: " + elsewhere.replace(b" ", b"\r\n ") + b"\r\n" + raw.replace(b"1@l", b"2@l")
            await _open(ada, beside)
            assert await _states(ada, "Bert") == {BERT.key.fingerprint: "first_seen"}, "one speaks for the sender"

    run(play())


def test_a_verified_writer_gives_keys_of_other_readers(tmp_path: Path) -> None:
    clara, dora = person("clara"), person("dora")
    both = (ADA, CLARA)
    given = [(CLARA.address, clara.certificate), (address("dora"), dora.certificate)]

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            await people.add(ada.desk, "Clara", addresses=["clara@letters.test"])
            first = await _open(ada, await _from(BERT, ada, "1@letters.test", to=both, gossip=given))
            assert first.seal is Seal.SIGNED_FIRST_SEEN
            assert await introductions.offered(ada.desk, first.number) == []
            assert await _states(ada, "Clara") == {}, "he has not been verified"
            known = await ada.desk.drawer.read(lambda db: keyring.certificate(db, clara.fingerprint))
            assert known is None

            await keys.pin(ada.desk, "Bert", None, verified=True)
            second = await _open(ada, await _from(BERT, ada, "2@letters.test", to=both, gossip=given))
            assert second.seal is Seal.SIGNED_VERIFIED
            (offer,) = await introductions.offered(ada.desk, second.number)
            assert offer.addresses == ("clara@letters.test",), "Dora is no reader of this letter"
            assert (offer.state, offer.source, offer.given_by) == ("first_seen", "gossip", "Bert")
            (key,) = (await people.show_person(ada.desk, "Clara")).keys
            assert (key.state, key.source, key.given_by) == ("first_seen", "gossip", "Bert")

            # Another one never stands against it, and does not even make it look changed.
            false = OwnKey.generate([CLARA.address], NOW)
            lied = [(CLARA.address, false.certificate)]
            third = await _open(ada, await _from(BERT, ada, "3@letters.test", to=both, gossip=lied))
            (offer,) = await introductions.offered(ada.desk, third.number)
            assert offer.state == "another"
            assert await _states(ada, "Clara") == {clara.fingerprint: "first_seen"}

    run(play())


def test_what_gossip_cannot_do(tmp_path: Path) -> None:
    mallory = person("mallory")

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            mine = await own_key(ada)
            await _open(ada, await _from(BERT, ada, "1@letters.test"))
            await keys.pin(ada.desk, "Bert", None, verified=True)
            given = [
                (ADA.address, mallory.certificate),  # for ourselves
                (BERT.address, mallory.certificate),  # for the writer
                (CLARA.address, mallory.certificate),  # a key that does not name the address
                (address("dora"), mine.certificate),  # for a stranger, and ours
            ]
            raw = await _from(BERT, ada, "2@letters.test", to=(ADA, CLARA), gossip=given)
            came = await _open(ada, raw)
            assert await introductions.offered(ada.desk, came.number) == []
            assert set(await _states(ada, "Bert")) == {BERT.key.fingerprint}
            two = [(CLARA.address, OwnKey.generate([CLARA.address], NOW).certificate) for _each in range(2)]
            came = await _open(ada, await _from(BERT, ada, "3@letters.test", to=(ADA, CLARA), gossip=two))
            assert await introductions.offered(ada.desk, came.number) == [], "two for one address are none"
            offered = await ada.desk.drawer.read(lambda db: offers.of_key(db, mallory.fingerprint))
            assert offered == []

    run(play())


def test_enclosed_keys_are_taken_by_hand_only(tmp_path: Path) -> None:
    clara = person("clara")
    file = armor(clara.certificate, "PUBLIC KEY BLOCK")
    nobodys = b"-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"
    enclosed = [
        Enclosure("OpenPGP_0x1234.asc", "application/pgp-keys", file),
        Enclosure("signature.asc", "application/pgp-signature", nobodys),
        Enclosure("dora.vcf", "text/vcard", b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Dora\r\nEND:VCARD\r\n"),
    ]

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            came = await _open(ada, await _from(BERT, ada, "1@letters.test", enclosures=enclosed))
            with pytest.raises(NotFound):
                await people.show_person(ada.desk, "clara@letters.test")
            (offer,) = await introductions.offered(ada.desk, came.number)
            assert offer == OfferedKey(
                which=1,
                fingerprint=clara.fingerprint,
                addresses=("clara@letters.test",),
                person="",
                state="unknown",
                source="enclosed",
                given_by="Bert",
                enclosure="OpenPGP_0x1234.asc",
                usable=True,
                quantum_safe=True,
            )
            with pytest.raises(NotFound) as missing:
                await introductions.take(ada.desk, came.number, 2)
            assert missing.value.code == "no_such_key"
            taken = await introductions.take(ada.desk, came.number, 1)
            assert [(key.state, key.source) for key in taken.keys] == [("first_seen", "enclosed")]
            assert taken.addresses == ("clara@letters.test",)

    run(play())


def test_keys_in_files(tmp_path: Path) -> None:
    clara = person("clara")

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            await people.add(ada.desk, "Clara", addresses=["clara@letters.test", "clara@elsewhere.test"])
            taken = await introductions.take_file(ada.desk, armor(clara.certificate, "PUBLIC KEY BLOCK"))
            assert (taken.name, [key.source for key in taken.keys]) == ("Clara", ["file"])
            card = (await setup.my_card(ada.desk)).vcard.replace("Ada", "Dora").replace("ada@", "dora@")
            assert (await introductions.take_file(ada.desk, card.encode())).name == "Dora"
            with pytest.raises(NotFound):
                await introductions.take_file(ada.desk, clara.certificate, "Nobody")

    run(play())


def test_keys_in_the_text_of_a_letter_are_offered(tmp_path: Path) -> None:
    """Pasted between the lines, as people do; taken by nobody but the person (A13)."""
    clara, dora = person("clara"), person("dora")
    block = armor(clara.certificate, "PUBLIC KEY BLOCK").decode().replace("\r\n", "\n")
    both = armor(clara.certificate + dora.certificate, "PUBLIC KEY BLOCK").decode().replace("\r\n", "\n")
    broken = "\n".join(["-----BEGIN PGP PUBLIC KEY BLOCK-----", "", "nonsense!", "-----END PGP PUBLIC KEY BLOCK-----"])

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            mine = armor((await own_key(ada)).certificate, "PUBLIC KEY BLOCK").decode()
            for number, text, found in (
                (1, f"Dear Ada,\n\nthis is Clara's:\n\n{block}\nBert\n", ["clara"]),
                (2, f"{broken}\n{both}\n{block}\n{mine}\n", ["clara", "dora"]),
                (3, f"Look: {block}", []),
                (4, f"{broken}\n-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n" + "A" * 2_000, []),
            ):
                letter = replace(BERT.letter(ada, ADA.address, "x", f"{number}@letters.test"), text=text)
                came = await _open(ada, write.render(letter, hp=False))
                offers_ = await introductions.offered(ada.desk, came.number)
                assert [one.addresses for one in offers_] == [(f"{who}@letters.test",) for who in found], number
                assert {one.source for one in offers_} <= {"text"}
                with pytest.raises(NotFound):
                    await people.show_person(ada.desk, "clara@letters.test")
            taken = await introductions.take(ada.desk, came.number - 2, 2)
            assert [(key.fingerprint, key.state, key.source) for key in taken.keys] == [
                (dora.fingerprint, "first_seen", "text")
            ]

    run(play())


def test_a_file_with_several_keys_asks_which(tmp_path: Path) -> None:
    clara, dora = person("clara"), person("dora")
    blocks = b"".join(armor(key.certificate, "PUBLIC KEY BLOCK") for key in (clara, dora))

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            for data in (clara.certificate + dora.certificate, blocks):
                with pytest.raises(Usage) as which:
                    await introductions.take_file(ada.desk, data)
                assert which.value.code == "which_of_file"
                assert "1 clara@letters.test; 2 dora@letters.test" in which.value.message
                with pytest.raises(NotFound):
                    await introductions.take_file(ada.desk, data, which=3)
                taken = await introductions.take_file(ada.desk, data, which=2)
                assert [key.fingerprint for key in taken.keys] == [dora.fingerprint]
            with pytest.raises(NotFound):
                await people.show_person(ada.desk, "clara@letters.test")
            with pytest.raises(CannotSealOrOpen):
                await introductions.take_file(ada.desk, b"no key at all")
            enclosed = [Enclosure("keys.asc", "application/pgp-keys", blocks)]
            came = await _open(ada, await _from(BERT, ada, "1@letters.test", enclosures=enclosed))
            found = await introductions.offered(ada.desk, came.number)
            assert [(one.fingerprint, one.state) for one in found] == [
                (clara.fingerprint, "unknown"),
                (dora.fingerprint, "first_seen"),
            ]

    run(play())


def test_a_newer_copy_is_joined_from_anywhere(tmp_path: Path) -> None:
    """A16: with an address more, here; with a withdrawal or a later date it is the same joining."""
    newer = BERT.key.with_address(address("robert"), NOW)

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            await _open(ada, await _from(BERT, ada, "1@letters.test"))
            enclosed = [Enclosure("bert.asc", "application/pgp-keys", armor(newer.certificate, "PUBLIC KEY BLOCK"))]
            await _open(ada, await _from(BERT, ada, "2@letters.test", enclosures=enclosed))
            kept = await ada.desk.drawer.read(lambda db: keyring.certificate(db, BERT.key.fingerprint))
            assert kept is not None
            assert set(trust.examine(kept.body, NOW).addresses) == {BERT.address, address("robert")}
            assert await _states(ada, "Bert") == {BERT.key.fingerprint: "first_seen"}

            # A withdrawal in anybody's unsealed letter counts, for he alone can have signed it; nothing undoes it.
            withdrawn = Enclosure("any.asc", "application/pgp-keys", armor(revoked(BERT.key), "PUBLIC KEY BLOCK"))
            dora = Forger("Dora", address("dora"), person("dora"))
            letter = replace(dora.letter(ada, ADA.address, "Look.", "3@letters.test"), enclosures=(withdrawn,))
            await _open(ada, write.render(letter, hp=False))
            for enclosures in ((), enclosed):
                kept = await ada.desk.drawer.read(lambda db: keyring.certificate(db, BERT.key.fingerprint))
                assert kept is not None
                assert kept.revoked
                assert set(trust.examine(kept.body, NOW).addresses) == {BERT.address, address("robert")}
                await _open(ada, await _from(BERT, ada, f"4.{len(enclosures)}@letters.test", enclosures=enclosures))

    run(play())


def test_a_date_put_off_in_the_very_letter_that_needs_it(tmp_path: Path) -> None:
    """Our copy of Bert's key has expired; the letter encloses the one with its new date, and is judged by that."""
    old, new = expiring(BERT.key, YESTERDAY), expiring(BERT.key, NOW + timedelta(days=90), 2)

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            await people.add(ada.desk, "Bert", addresses=["bert@letters.test"])
            await introductions.take_file(ada.desk, old, "Bert")
            writer = replace(BERT, key=BERT.key)
            mine = await own_key(ada)
            enclosed = Enclosure("bert.asc", "application/pgp-keys", armor(new, "PUBLIC KEY BLOCK"))
            for number, enclosures, seal in (
                (1, (), Seal.SIGNER_EXPIRED),
                (2, (enclosed,), Seal.SIGNED_FIRST_SEEN),
                (3, (), Seal.SIGNED_FIRST_SEEN),
            ):
                letter = writer.letter(ada, ADA.address, "Dear Ada.", f"{number}@letters.test")
                letter = replace(letter, enclosures=enclosures)
                part = writer.part(letter, introduces=False)
                came = await _open(ada, parcel(letter, writer.sealed(part, mine, [mine], letter)))
                assert came.seal is seal, number

    run(play())


def test_our_letters_to_several_give_them_each_others_keys(tmp_path: Path) -> None:
    """Each reader can answer all; nobody learns another address of a reader from it."""
    clara = person("clara").with_address(address("secret"), NOW)

    async def play() -> None:
        async with _ada(tmp_path) as ada:
            for name, key in (("Bert", BERT.key), ("Clara", clara)):
                await people.add(ada.desk, name, addresses=[f"{name.lower()}@letters.test"])
                await introductions.take_file(ada.desk, key.certificate, name)
            one = await _sent(ada, ["Bert"], BERT.key)
            assert b"Autocrypt-Gossip" not in one
            both = await _sent(ada, ["Bert", "Clara"], BERT.key)
            head = both.partition(b"\r\n\r\n")[0].replace(b"\r\n ", b" ").splitlines()
            fields = [line.decode().partition(": ")[2] for line in head if line.startswith(b"Autocrypt-Gossip: ")]
            found = {str(f.addr): f for f in map(autocrypt.parse, fields) if f is not None}
            assert set(found) == {"bert@letters.test", "clara@letters.test"}
            facts = trust.examine(found["clara@letters.test"].keydata, NOW)
            assert facts.fingerprint == clara.fingerprint
            assert facts.addresses == (CLARA.address,)
            assert facts.usable_for_sealing
            assert not any(f.mutual for f in found.values())

    run(play())


async def _sent(ada: Person, to: list[str], reader: OwnKey) -> bytes:
    """The signed part of a letter of Ada's, as a reader opens it."""
    number = (await writing.write(ada.desk, to, "Dear all.", "")).number
    await post.post(ada.desk, number, at_once=True, by=Way.HAND)
    raw = (await hand.file(ada.desk, number)).data
    _shape, found = pgpmime.shape(raw[raw.index(b"From:") :])
    assert found is not None
    outer = sealing.outer(found)
    return sealing.unpack(outer, sealing.session_keys(outer.pkesks, reader)).data
