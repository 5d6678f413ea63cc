"""By what our own copy of a letter is known, and how many copies prove what (carriers/mail/imaplook.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from dearly.carriers.mail import imaplook
from dearly.letter.address import Address
from dearly.letter.envelope import SealedBytes, SealedLetter
from dearly.letter.journey import Evidence, Found, NothingProven
from tests.support.fake_letters import BERT, CLARA, DORA, fake_letter
from tests.support.mailboxes import account, mailbox
from tests.support.scripted_imap import Folder, ScriptedImap, scripted_imap

LETTER = fake_letter(1, BERT, CLARA)
BODY = LETTER.data.partition(b"\r\n\r\n")[2]


def hop(name: str) -> bytes:
    return f"Received: from desk by mail.letters.test\r\n with ESMTPSA id {name}; now\r\n".encode()


def test_a_header_may_grow_and_the_body_may_not_change() -> None:
    assert imaplook.same(LETTER.data, LETTER)
    assert imaplook.same(hop("A") + LETTER.data, LETTER)
    assert not imaplook.same(fake_letter(2, BERT, CLARA).data, LETTER)
    assert not imaplook.same(b"", LETTER)
    assert not imaplook.same(b"\r\n\r\n", LETTER)


def test_what_is_sealed_is_known_again_where_its_wrapping_was_changed() -> None:
    unix = LETTER.data.replace(b"\r\n", b"\n").replace(b"\n\n", b"\r\n\r\n", 1)
    assert imaplook.same(unix, LETTER)
    footer = LETTER.data.replace(b"Version: 1\r\n", b"Version: 1\r\n\r\nScanned.\r\n")
    assert imaplook.same(footer, LETTER)
    assert not imaplook.same(LETTER.data.replace(b"=\r\n", b"\r\n").replace(b"AAA", b"BBB"), fake_letter(3))


@pytest.mark.parametrize("armor", [b"", b"\r\n\r\n!!!!\r\n", b"\r\n\r\nAAA\r\n", b"\r\nComment: x"])
def test_armor_that_is_none_proves_nothing(armor: bytes) -> None:
    forged = b"Subject: x\r\n\r\n-----BEGIN PGP MESSAGE-----" + armor + b"-----END PGP MESSAGE-----\r\n"
    assert not imaplook.same(forged, LETTER)


def test_an_unsealed_letter_is_known_by_its_body() -> None:
    card = SealedLetter(
        LETTER.envelope, LETTER.letter_id, SealedBytes(b"To: b\r\n\r\nDear Bert.\r\n"), b"x" * 32, "0" * 32
    )
    assert imaplook.same(b"X: y\r\nTo: b\r\n\r\nDear Bert.\r\n", card)
    assert not imaplook.same(b"To: b\r\n\r\nDear Bert!\r\n", card)


def test_the_first_hop_is_the_last_field() -> None:
    through = b"Received: by mx\r\n" + hop("A")
    assert imaplook.way(through + LETTER.data) == imaplook.way(hop("A") + LETTER.data) == b" ".join(hop("A").split())
    assert imaplook.way(LETTER.data) == b""


def look(server: ScriptedImap, letter: SealedLetter = LETTER, folder: str = "") -> Mapping[Address, Evidence]:
    async def scene() -> Mapping[Address, Evidence]:
        async with scripted_imap(server):
            box = mailbox(account(server.port, folder=folder))
            evidence = await box.look_for(letter)
            await box.close()
            return evidence

    return asyncio.run(scene())


ALL = {BERT: Found(), CLARA: Found()}
NOTHING = {BERT: NothingProven(), CLARA: NothingProven()}


@pytest.mark.parametrize(
    ("inbox", "own", "sent", "evidence"),
    [
        ([], [], [], NOTHING),
        (["A"], [], [], NOTHING),
        (["A", "B"], [], [], ALL),
        (["A", "A"], [], [], NOTHING),  # one transaction, put down twice
        (["", ""], [], [], NOTHING),
        (["A"], ["B"], [], ALL),  # one of them was moved to our folder already
        (["A"], [], ["B"], NOTHING),  # the same transactions, seen from the other side
        ([], [], ["A", "B"], ALL),
    ],
)
def test_how_many_copies_prove_what(
    inbox: list[str], own: list[str], sent: list[str], evidence: Mapping[Address, Evidence]
) -> None:
    server = ScriptedImap()
    server.folders["Dearly"], server.folders["Gesendet"] = Folder(), Folder(attributes=r"\HasNoChildren \Sent")
    server.folders["Sent"] = Folder()
    for folder, hops in (("INBOX", inbox), ("Dearly", own), ("Gesendet", sent)):
        for name in hops:
            server.folders[folder].lay((hop(name) if name else b"") + LETTER.data)
    assert look(server, folder="Dearly") == evidence
    assert all(not message.flags for folder in server.folders.values() for message in folder.messages)


@pytest.mark.parametrize("name", ["Sent", "INBOX/Sent Items", "[Gmail]/Sent Mail", "Sent Messages"])
def test_where_what_left_is_kept(name: str) -> None:
    single = fake_letter(1, DORA)
    server = ScriptedImap()
    server.folders[name] = Folder()
    server.folders[name].lay(single.data)
    assert look(server, single) == {DORA: Found()}


def test_a_server_that_tells_special_uses_only_where_it_is_asked() -> None:
    single = fake_letter(1, DORA)
    server = ScriptedImap(capabilities="IMAP4rev1 AUTH=PLAIN LIST-EXTENDED SPECIAL-USE")
    server.folders["Gesendet"] = Folder(attributes=r"\Sent")
    server.folders["Gesendet"].lay(single.data)
    assert look(server, single) == {DORA: Found()}


def test_a_flood_under_the_same_id_is_not_fetched() -> None:
    server = ScriptedImap()
    for n in range(500):
        server.inbox.lay(LETTER.data.replace(b"MESSAGE", b"MASSAGE") + b"x" * (n * 1_000))
    assert look(server) == NOTHING
    assert len(server.bodies) <= 24


@pytest.mark.parametrize("name", ["AUTHENTICATE", "EXAMINE", "UID SEARCH", "UID FETCH", "LIST"])
@pytest.mark.parametrize("answer", [b"", b"{tag} NO no\r\n", b"nonsense\r\n"])
def test_whatever_goes_wrong_proves_nothing_and_raises_nothing(name: str, answer: bytes) -> None:
    server = ScriptedImap(on={name: lambda _s, _w: answer})
    server.folders["Sent"] = Folder()
    server.inbox.lay(hop("A") + LETTER.data)
    assert look(server) == NOTHING


def test_what_the_check_says_of_moving_and_of_sent() -> None:
    async def words(capabilities: str, *folders: str) -> dict[str, str]:
        server = ScriptedImap(capabilities=f"IMAP4rev1 AUTH=PLAIN {capabilities}")
        server.folders |= {name: Folder() for name in folders}
        async with scripted_imap(server):
            box = mailbox(account(server.port, folder="Dearly"))
            found = await box.check()
            await box.close()
            assert all(one.fine for one in found)
            return {one.what: one.words for one in found}

    async def scene() -> None:
        assert "is moved" in (await words("MOVE UIDPLUS"))["incoming.folder"]
        assert "taken out" in (await words("UIDPLUS"))["incoming.folder"]
        assert "stays" in (await words(""))["incoming.folder"]
        assert "“Sent”" in (await words("", "Sent"))["incoming.sent"]
        assert "no folder" in (await words(""))["incoming.sent"]

    asyncio.run(scene())
