"""Delta Chat: what it made once (fixtures/deltachat), and the real program at the other end of a real mail server."""

from __future__ import annotations

import os
import random
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dearly.carriers.letterfile import unframed
from dearly.desk import answer, hand, people, setup
from dearly.desk import open as opening
from dearly.desk.values import LetterView
from dearly.drawer import keyring
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Enclosure, Letter, LetterId
from dearly.letter.envelope import Way
from dearly.letter.sealing import Evidence, Grammar, Headers, Integrity, Key, Seal, Shape, Signature
from dearly.mime import pgpmime, write
from dearly.opener.keyholder import Keyholder
from dearly.opener.pool import Opener
from dearly.opener.values import Opened
from dearly.seal import openpgp, pkesk, trust
from dearly.seal.keypacket import ECDH, MLKEM768_X25519
from dearly.seal.keys import OwnKey
from tests.peers.conftest import needs, needs_root
from tests.peers.mailserver import PROGRAMS, MailServer
from tests.peers.make_deltachat_fixtures import (
    ADA,
    BERT,
    CARD,
    CERTIFICATE,
    ENCLOSED,
    ENCLOSED_NAME,
    FOLDER,
    LETTERS,
    OURS,
    OWN_KEY,
    Made,
)
from tests.support.deltachat import Account, DeltaChat, Shown, program
from tests.support.desks import Person, Town, a_town
from tests.support.drawers import run
from tests.support.times import FixedClock

# ---------------------------------------------------------------- what it made once

OWN = OwnKey.from_bytes((FOLDER / OWN_KEY).read_bytes())
ANNOUNCED = next(made for made in LETTERS if made.file == "announced.eml")
BERTS = (FOLDER / CERTIFICATE).read_bytes()
FORMS = {"as Dovecot keeps it": b"\n", "as IMAP gives it": b"\r\n"}


def _raw(file: str, line_end: bytes = b"\r\n") -> bytes:
    raw = (FOLDER / file).read_bytes()
    assert b"\r" not in raw
    return raw.replace(b"\n", line_end)


def _open(parcels: Sequence[bytes], known: Sequence[bytes] = (), own: OwnKey = OWN) -> list[Opened]:
    """Through a real opener and a real keyholder."""

    async def key() -> bytes:
        return own.to_bytes()

    async def find(issuers: list[str]) -> Sequence[bytes]:
        return known

    async def play() -> list[Opened]:
        async with Opener(size=1) as opener, Keyholder(key) as keyholder:
            return [
                await opener.open(
                    raw,
                    keyholder.session_keys,
                    find,
                    now=datetime.now(UTC),
                    our_fingerprints=[own.fingerprint],
                    our_addresses=own.addresses,
                )
                for raw in parcels
            ]

    return run(play())


@pytest.fixture(scope="module")
def opened() -> dict[tuple[str, str], Opened]:
    """All of them, in both forms, by somebody who has no card of Bert's."""
    what = [(made.file, form) for made in LETTERS for form in FORMS]
    return dict(zip(what, _open([_raw(file, FORMS[form]) for file, form in what]), strict=True))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("made", LETTERS, ids=lambda made: made.file)
def test_its_letters_open(opened: dict[tuple[str, str], Opened], made: Made, form: str) -> None:
    found = opened[made.file, form]
    assert found.evidence == Evidence(
        Shape.SEALED,
        Key.FITTED,
        Integrity.INTACT,
        Grammar.ONE_LETTER,
        Signature.HOLDS,
        for_us=True,
        headers=Headers.MATCH,
    )
    bert = trust.examine(BERTS, datetime.now(UTC))
    assert found.signers == (bert.fingerprint,)
    assert found.found == (trust.minimise(BERTS, BERT.address),), "the key came in the letter, inside"
    assert found.introduced is not None
    assert found.introduced.inside
    assert found.trouble is None
    assert found.letter is not None
    assert found.letter.inside
    assert (found.letter.text, found.letter.heading.subject) == (made.text, made.subject)
    assert (found.letter.heading.sender, found.letter.heading.to) == (BERT, (ADA,))
    assert found.letter.html is None
    expected = [(ENCLOSED_NAME, ENCLOSED)] if made.file == "enclosed.eml" else []
    assert [(one.name, one.data) for one in found.letter.enclosures] == expected


@pytest.mark.parametrize("made", LETTERS, ids=lambda made: made.file)
def test_how_it_seals(opened: dict[tuple[str, str], Opened], made: Made) -> None:
    """To our ML-KEM key, because that stands first in our card; but to its own key by ECDH: so it is not quantum safe.
    Nobody is named, in version 2, though our names and its letters' dates are for the seal alone."""
    raw = _raw(made.file)
    assert pgpmime.sealed_shape(raw), "an office of ours would carry it"
    _shape, armor = pgpmime.shape(raw)
    assert armor is not None
    outer = openpgp.outer(armor)
    heads = [pkesk.Head.read(body) for body in outer.pkesks]
    assert sorted(head.algorithm for head in heads) == sorted([ECDH, MLKEM768_X25519])
    assert outer.hidden
    assert outer.container[0] == 2
    unpacked = openpgp.unpack(outer, openpgp.session_keys(outer.pkesks, OWN))
    assert unpacked.opened_with == OWN.subkeys[0].public.fingerprint.hex()
    found = opened[made.file, "as IMAP gives it"]
    assert found.quantum_safe is False
    assert found.outer is not None
    assert (found.outer.to, found.outer.subject) == ((), "[...]")
    assert found.letter is not None
    assert found.letter.heading.date is not None
    assert found.outer.date is not None
    assert found.signed_at is not None
    assert abs(found.letter.heading.date - found.signed_at) < timedelta(minutes=1), "inside stands the true date"
    assert timedelta() <= found.letter.heading.date - found.outer.date < timedelta(days=7), "outside any of that week"


def test_how_its_letters_hang_together(opened: dict[tuple[str, str], Opened]) -> None:
    headings = {}
    for made in LETTERS:
        letter = opened[made.file, "as IMAP gives it"].letter
        assert letter is not None
        headings[made.file] = letter.heading
    first = headings["first-letter.eml"]
    assert first.in_reply_to is None
    assert first.references == (first.letter_id,), "it names itself; that must do no harm"
    assert headings["short.eml"].in_reply_to == first.letter_id, "whatever stands before it in the chat"
    assert headings["answer.eml"].in_reply_to == OURS
    assert headings["reaction.eml"].in_reply_to == OURS
    assert len({heading.letter_id for heading in headings.values()}) == len(LETTERS)


def test_its_letters_changed_on_the_way() -> None:
    """What is true of the fixtures is not true of everything."""
    raw = _raw("answer.eml")
    of_another = raw.replace(b"\r\nFrom: <bert@", b"\r\nFrom: <clara@", 1)
    of_another_day = raw.replace(b"\r\nDate: ", b"\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\nX: ", 1)
    middle = raw.rindex(b"\r\n=") - 200
    altered = raw[:middle] + (b"A" if raw[middle : middle + 1] != b"A" else b"B") + raw[middle + 1 :]
    another, day, broken = _open([of_another, of_another_day, altered], known=[BERTS])
    assert another.evidence.headers is day.evidence.headers is Headers.DIFFER
    assert broken.evidence.integrity is Integrity.ALTERED
    assert broken.letter is None
    (stranger,) = _open([raw], own=OwnKey.generate([ADA.address], datetime.now(UTC)))
    assert stranger.evidence.key is Key.NONE


def test_its_letters_at_a_desk(tmp_path: Path) -> None:
    """Each is one letter of Bert's, in whatever form it is taken in, and none of them can be mistaken for another."""

    async def play() -> None:
        async with _adas_desk(tmp_path, str(ADA.address)) as ada:
            key = keyring.StoredKey(OWN.fingerprint, OWN.to_bytes(), OWN.certificate, ada.desk.clock.now())
            await ada.desk.drawer.write(lambda db: keyring.set_own_key(db, key, ada.desk.clock.now()))
            await ada.desk.keyholder.forget()
            numbers = {}
            for made in LETTERS:
                (file := tmp_path / "came.eml").write_bytes(_raw(made.file, b"\n"))
                envelope = await hand.hand_in(ada.desk, file)
                assert envelope.opened is (made.file == "enclosed.eml"), "it belongs to a letter that was opened"
                came = await ada.open(envelope.number)
                numbers[made.file] = came.number
                expected = ANNOUNCED if made.file == "enclosed.eml" else made
                assert (came.text, came.subject, came.person) == (expected.text, expected.subject, "Bert")
                assert came.seal is Seal.SIGNED_FIRST_SEEN
                (file := tmp_path / "again.eml").write_bytes(_raw(made.file, b"\r\n"))
                assert (await hand.hand_in(ada.desk, file)).opened, "the same sealed letter, with other line ends"
            assert numbers["announced.eml"] == numbers["enclosed.eml"], "two mails, one letter"
            told = await opening.correspondence(ada.desk, "Bert")
            letters = [made for made in LETTERS if made.file != "enclosed.eml"]
            assert [(one.text, len(one.enclosures), one.notes) for one in told] == [
                (made.text, int(made.file == "announced.eml"), ()) for made in letters
            ]
            assert len(await ada.letterbox()) == len(letters), "and one envelope"
            draft = await answer.answer(ada.desk, numbers["answer.eml"], "Thank you.", quote=True)
            assert draft.to == ("bert@letters.test",)
            assert draft.text.endswith("\n\nThank you.")

    run(play())


def test_its_card() -> None:
    async def play() -> None:
        now = datetime.now(UTC)
        async with Opener(size=1) as opener:
            card = await opener.read_card((FOLDER / CARD).read_bytes(), now=now)
            assert (card.name, card.addresses, card.office_url) == ("Bert", (str(BERT.address),), None)
            (certificate,) = card.certificates
            facts = await opener.examine(certificate, now)
            assert facts.addresses == (BERT.address,)
            assert facts.usable_for_sealing
            assert (facts.seipd2, facts.quantum_safe) == (True, False)
            plan = await opener.plan({BERT.address: certificate}, now)
            assert (plan.hidden, plan.binary, plan.quantum_safe) == (True, True, False)

    run(play())


# ---------------------------------------------------------------- the real program

LONG = "Dear Bert,\n\n" + "".join(f"the *harvest* of field {n} is in, to the last ear.\n\n" for n in range(130))
SAID_LAST = "field 129"


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    """Postfix and Dovecot."""
    needs(program())
    for one in PROGRAMS:
        needs(one)
    needs_root("Postfix")
    with MailServer() as running:
        yield running


@pytest.fixture
def chat(tmp_path: Path, server: MailServer) -> AbstractAsyncContextManager[DeltaChat]:
    """Delta Chat, to be entered where the loop runs."""
    return DeltaChat(needs(program()), tmp_path / "accounts")


@asynccontextmanager
async def _adas_desk(place: Path, address: str) -> AsyncIterator[Person]:
    """Ada at a desk of today with a mail address of her own: letters go by hand, into the mail server and out of it."""
    async with a_town(place) as town:
        _today(town)
        ada = await town.person("Ada")
        await setup.begin(ada.desk, "Ada", [address])
        yield ada


def _today(town: Town) -> None:
    clock = town.clock
    assert isinstance(clock, FixedClock)
    clock.at = datetime.now(UTC).replace(microsecond=0)


async def _post(ada: Person, number: int, place: Path, server: MailServer, to: Account) -> Shown:
    """Post a draft of Ada's by the mail server; what Delta Chat shows of it."""
    file = place / f"{number}.dearly"
    await hand.hand_out(ada.desk, number, file)
    ours = str(await ada.address())
    server.deliver(unframed(file.read_bytes()), to.address, ours)
    return await to.letter()


async def _take_in(ada: Person, raw: bytes, place: Path) -> LetterView:
    (file := place / "came.eml").write_bytes(raw)
    envelope = await hand.hand_in(ada.desk, file)
    assert not envelope.opened
    return await ada.open(envelope.number)


def test_our_letter_first(tmp_path: Path, server: MailServer, chat: AbstractAsyncContextManager[DeltaChat]) -> None:
    """From a card of Bert's to his answer: he never heard of us before."""

    async def play() -> None:
        picture = random.Random(1).randbytes(30_000)
        async with chat as running, _adas_desk(tmp_path, "ada@letters.test") as ada:
            bert = await running.account("bert", server)
            await people.add(ada.desk, "Bert", vcard=await bert.card())
            number = await ada.write(
                "Bert", LONG, "Of the harvest", Enclosure("every octet.bin", "application/octet-stream", picture)
            )
            shown = await _post(ada, number, tmp_path, server, bert)
            assert shown.padlock
            assert shown.key_contact
            assert shown.request
            assert (shown.sender, shown.subject) == ("ada@letters.test", "Of the harvest")
            assert shown.text.startswith("Dear Bert,\n\nthe *harvest* of field 0 is in"), "the subject stands by itself"
            assert SAID_LAST not in shown.text, "it cuts long letters; the whole one is behind a button"
            assert shown.whole is not None
            assert SAID_LAST in shown.whole
            assert shown.file is not None
            assert shown.file.read_bytes() == picture

            await bert.let_in(shown)
            await bert.write(shown.contact, "Dear Ada,\n\nso is ours.\n\nBert", answers=shown.number)
            (raw,) = await server.arrived("ada")
            came = await _take_in(ada, raw, tmp_path)
            assert came.seal is Seal.SIGNED_PINNED
            assert came.text.endswith("\n\nDear Ada,\n\nso is ours.\n\nBert")
            assert (came.person, came.subject) == ("Bert", "Re: Of the harvest")
            assert came.quantum_safe is False
            told = await opening.correspondence(ada.desk, "Bert")
            assert [one.direction for one in told] == ["out", "in"]

    run(play())


def test_its_letter_first(tmp_path: Path, server: MailServer, chat: AbstractAsyncContextManager[DeltaChat]) -> None:
    """From our card to our answer, and to the answer to that: we never heard of Clara before."""

    async def play() -> None:
        async with chat as running, _adas_desk(tmp_path, "ada.first@letters.test") as ada:
            clara = await running.account("clara", server)
            contact = await clara.take((await setup.my_card(ada.desk)).vcard)
            await clara.write(contact, "Dear Ada,\n\nyour card came.")
            came = await _take_in(ada, (await server.arrived("ada.first"))[0], tmp_path)
            assert came.seal is Seal.SIGNED_FIRST_SEEN
            assert (came.person, came.text) == ("Clara", "Dear Ada,\n\nyour card came.")

            draft = await answer.answer(ada.desk, came.number, "Write more often.", quote=True)
            shown = await _post(ada, draft.number, tmp_path, server, clara)
            assert shown.padlock
            assert shown.key_contact
            assert not shown.request
            assert shown.contact == contact
            assert shown.text.endswith("Write more often.")

            await clara.write(contact, "I will.", answers=shown.number)
            came = await _take_in(ada, (await server.arrived("ada.first", 2))[1], tmp_path)
            assert came.seal is Seal.SIGNED_PINNED
            assert came.text.endswith("\n\nI will.")
            assert came.way is Way.HAND

    run(play())


def test_our_key_over_the_years(server: MailServer, chat: AbstractAsyncContextManager[DeltaChat]) -> None:
    """A second address, and the first one left: the same contact to it, and its answers keep to our newest ways."""
    now = datetime.now(UTC).replace(microsecond=0)
    one, two = Address.parse("ada.one@letters.test"), Address.parse("ada.two@letters.test")
    alone = OwnKey.generate([one], now)
    both = alone.with_address(two, now)
    left = both.without_address(one, now)

    async def play() -> None:
        async with chat as running:
            dora = await running.account("dora", server)
            certificate = await _certificate(dora)
            contacts: set[int] = set()
            for count, (own, sender) in enumerate([(alone, one), (both, one), (both, two), (left, two)]):
                raw = _sealed(own, sender, Address.parse(dora.address), certificate, now, count)
                server.deliver(raw, dora.address, str(sender))
                shown = await dora.letter()
                assert shown.padlock
                assert shown.key_contact
                assert shown.sender == str(sender)
                assert shown.text == f"Letter {count}"
                if shown.request:
                    await dora.let_in(shown)
                contacts.add(shown.contact)
                await dora.write(shown.contact, f"Answer {count}")
            assert len(contacts) == 1
            answers = [*await server.arrived("ada.one", 2), *await server.arrived("ada.two", 2)]
        for count, raw in enumerate(answers):
            _shape, armor = pgpmime.shape(raw)
            outer = openpgp.outer(armor or b"")
            assert outer.container[0] == 2, "it fell back to the older form of sealing"
            unpacked = openpgp.unpack(outer, openpgp.session_keys(outer.pkesks, left))
            assert unpacked.opened_with == left.subkeys[0].public.fingerprint.hex()
            assert unpacked.data.endswith(b"\r\n\r\nAnswer %d" % count)
            assert openpgp.verify(unpacked, [certificate], now).signature is Signature.HOLDS

    run(play())


async def _certificate(account: Account) -> bytes:
    async with Opener(size=1) as opener:
        (certificate,) = (await opener.read_card(await account.card(), now=datetime.now(UTC))).certificates
    return certificate


def _sealed(own: OwnKey, sender: Address, to: Address, certificate: bytes, now: datetime, count: int) -> bytes:
    letter = Letter(
        LetterId(f"{count}.{os.getpid()}@letters.test"),
        Correspondent("Ada", sender),
        (Correspondent("Dora", to),),
        now,
        "",
        f"Letter {count}\n",
    )
    plan = trust.plan({to: certificate}, now)
    mime = write.render(letter, autocrypt=(sender, own.certificate), binary=plan.binary)
    return pgpmime.wrap(letter, openpgp.seal(mime, own, plan).armored, sender)
