"""Our mailbox at a real Dovecot: what comes, what is left alone, and what happens when it numbers anew."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator

import pytest

from dearly.carriers.base import Head, Verdict
from dearly.letter.account import MailAccount, Security
from dearly.letter.address import Address
from dearly.letter.errors import CarrierTrouble
from dearly.letter.journey import Found, NothingProven
from tests.peers.conftest import needs, needs_root
from tests.peers.mailserver import DOMAIN, DOVEADM, PASSWORD, PROGRAMS, MailServer
from tests.support.authority import Authority
from tests.support.beside import append, deliver, lying, on_disk, session
from tests.support.cutting_proxy import Side, cutting_proxy
from tests.support.fake_letters import ADA, BERT, CLARA, fake_letter
from tests.support.mailboxes import Secrets, account, mailbox, whole_round
from tests.support.sifting import Judge
from tests.support.times import FixedClock


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    needs_root("postfix")
    for program in PROGRAMS:
        needs(program)
    with MailServer() as up:
        yield up


@pytest.fixture(autouse=True)
def _lookback(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server dates what comes by its own clock, which is no test's."""
    from datetime import UTC, datetime

    monkeypatch.setattr(FixedClock, "now", lambda _self: datetime.now(UTC))


def its(server: MailServer, name: str, security: Security = Security.PLAIN, **more: object) -> MailAccount:
    port = server.imaps if security is Security.TLS else server.imap
    ca = None if security is Security.PLAIN else server.ca
    address = Address.parse(f"{name}@{DOMAIN}")
    return account(more.pop("port", port), address=address, user=str(address), security=security, ca=ca, **more)  # type: ignore[arg-type]


def secrets() -> Secrets:
    return Secrets([PASSWORD])


def newsletter(n: int) -> bytes:
    words = f"Buy number {n} today, and only today.\r\n" * 40
    return (
        f"From: Shop <offers@shop.test>\r\nTo: bert@{DOMAIN}\r\nSubject: Offer {n}\r\nList-Id: <offers.shop.test>\r\n"
        f"List-Unsubscribe: <https://shop.test/off>\r\nPrecedence: bulk\r\n\r\n{words}"
    ).encode()


def by_header(head: Head) -> Verdict:
    return Verdict.LEAVE if re.search(rb"(?im)^(?:list-id|precedence):", head.data) else Verdict.TAKE


@pytest.mark.parametrize("security", list(Security))
def test_of_fifty_messages_twenty_are_letters_and_nothing_there_is_changed(
    server: MailServer, security: Security
) -> None:
    name = f"bert-{security.value}"
    messages = [fake_letter(n).data if n % 5 in (0, 2) else newsletter(n) for n in range(50)]
    deliver(server, name, messages)
    before, files = lying(server, name), on_disk(server, name)

    async def scene() -> None:
        async with cutting_proxy(server.imap) as proxy:
            how = {"port": proxy.port} if security is Security.PLAIN else {}
            box = mailbox(its(server, name, security, **how), secrets=secrets(), sieve=Judge(by_header))
            parcels, _heads, cursor, left = await whole_round(box)
            ours = [m for m in messages if b"List-Id" not in m]
            assert (len(parcels), left) == (20, 0)
            # Dovecot puts its trace before; the rest is what was sent, to the last octet.
            assert all(parcel.data.endswith(sent) for parcel, sent in zip(parcels, ours, strict=True))
            assert (await box.collect(cursor)).parcels == ()
            deliver(server, name, [fake_letter(99).data])
            parcels, _heads, cursor, _left = await whole_round(box, cursor)
            assert [parcel.data.endswith(fake_letter(99).data) for parcel in parcels] == [True]
            await box.close()
            if security is Security.PLAIN:
                asked, said = bytes(proxy.said[Side.CLIENT]), bytes(proxy.said[Side.SERVER])
                wanted = [
                    int(uid)
                    for uids in re.findall(rb"UID FETCH ([\d,]+) \(BODY\.PEEK\[\]", asked)
                    for uid in uids.split(b",")
                ]
                assert sorted(wanted) == [n + 1 for n in range(50) if n % 5 in (0, 2)] + [51]
                assert b"only today" not in said

    asyncio.run(scene())
    validity, there = lying(server, name)
    assert (validity, there[:50]) == before
    assert {path: on_disk(server, name).get(path) for path in files} == files


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_stranger_authority_is_not_believed(server: MailServer, security: Security) -> None:
    async def scene() -> CarrierTrouble:
        wrong = account(
            server.imaps if security is Security.TLS else server.imap, security=security, ca=Authority().pem
        )
        box = mailbox(wrong, secrets=secrets())
        with pytest.raises(CarrierTrouble) as trouble:
            await box.collect("")
        await box.close()
        return trouble.value

    assert asyncio.run(scene()).code == "server_untrusted"


def test_a_wrong_password_and_what_the_check_says_of_it(server: MailServer) -> None:
    async def scene() -> None:
        box = mailbox(its(server, "bert"), secrets=Secrets(["wrong"]))
        with pytest.raises(CarrierTrouble) as trouble:
            await box.collect("")
        assert trouble.value.code == "sign_in_refused"
        assert [(one.what, one.fine) for one in await box.check()] == [
            ("incoming.reached", True),
            ("incoming.secured", True),
            ("incoming.sign_in", False),
        ]
        await box.close()

    asyncio.run(scene())


def test_what_works_in_words(server: MailServer) -> None:
    with session(server, "checked") as line:
        line.create("Sent")

    async def scene() -> None:
        box = mailbox(its(server, "checked", Security.TLS, folder="Dearly"), secrets=secrets())
        found = {one.what: one.words for one in await box.check()}
        assert all(one.fine for one in await box.check())
        assert "Sent" in found["incoming.sent"]
        assert "moved to the folder “Dearly”" in found["incoming.folder"]
        await box.close()

    asyncio.run(scene())


def test_uidvalidity_really_changes(server: MailServer) -> None:
    """F27. Dovecot is told to forget its numbering, as it does after a restored copy."""
    letters = [fake_letter(n).data for n in range(3)]
    append(server, "renumbered", letters)

    async def scene() -> None:
        box = mailbox(its(server, "renumbered"), secrets=secrets())
        first, _heads, cursor, _left = await whole_round(box)
        server._run(
            DOVEADM, "-c", str(server.folder / "dovecot.conf"), *("mailbox", "update", "-u", f"renumbered@{DOMAIN}"),
            *("--uid-validity", "1234567890", "INBOX"),
        )  # fmt: skip
        append(server, "renumbered", [fake_letter(3).data])
        again, _heads, cursor, left = await whole_round(box, cursor)
        assert [parcel.data for parcel in first] == letters
        assert sorted(parcel.data for parcel in again) == sorted([*letters, fake_letter(3).data])
        assert {parcel.source.validity for parcel in again} == {"1234567890"}
        assert left == 0
        assert (await box.collect(cursor)).parcels == ()
        await box.close()

    asyncio.run(scene())
    assert [one.flags for one in lying(server, "renumbered")[1]] == [(), (), (), ()] or all(
        set(one.flags) <= {r"\Recent"} for one in lying(server, "renumbered")[1]
    )


def test_a_folder_of_our_own(server: MailServer) -> None:
    letters = [fake_letter(n).data for n in range(5)]
    append(server, "tidy", letters)

    async def scene() -> None:
        box = mailbox(its(server, "tidy", folder="Post/Grüße"), secrets=secrets())
        parcels, _heads, cursor, _left = await whole_round(box)
        await box.acknowledge([parcel.source for parcel in parcels[:3]])
        await box.acknowledge([parcel.source for parcel in parcels[:3]])
        assert len(lying(server, "tidy")[1]) == 2
        assert len(lying(server, "tidy", "Post.Gr&APwA3w-e")[1]) == 3
        again, _heads, cursor, _left = await whole_round(box, cursor)
        assert again == []
        await box.close()
        # A desk that never saw them moved, such as one on another machine: they come once more, the same to the octet.
        other = mailbox(its(server, "tidy", folder="Post/Grüße"), secrets=secrets())
        again, _heads, _cursor, _left = await whole_round(other, cursor)
        assert [parcel.data for parcel in again] in ([], letters[:3])
        await other.close()

    asyncio.run(scene())


def test_our_own_copies_prove_what_was_accepted(server: MailServer) -> None:
    """Two recipients, two transactions: one copy proves nothing, two do; what lies in Sent is never added to them."""
    letter = fake_letter(7, BERT, CLARA, sender=ADA)
    received = "Received: from desk by mail.letters.test with ESMTPSA id {}; Sun, 22 Nov 2026 12:00:00 +0000\r\n"
    copies = [received.format(f"Q{n}").encode() + letter.data for n in range(2)]

    async def scene() -> None:
        box = mailbox(its(server, "writer"), secrets=secrets())
        assert set((await box.look_for(letter)).values()) == {NothingProven()}
        append(server, "writer", [fake_letter(8).data, letter.data.replace(b"MESSAGE", b"MASSAGE"), copies[0]])
        assert set((await box.look_for(letter)).values()) == {NothingProven()}
        with session(server, "writer") as line:
            line.create("Sent")
        append(server, "writer", [letter.data], "Sent")
        append(server, "writer", [copies[0]])  # the same transaction, put down twice
        assert set((await box.look_for(letter)).values()) == {NothingProven()}
        append(server, "writer", [copies[1]])
        assert await box.look_for(letter) == {BERT: Found(), CLARA: Found()}
        single = fake_letter(7, sender=ADA)
        append(server, "writer", [single.data], "Sent")
        assert await box.look_for(single) == {BERT: Found()}
        await box.close()
        assert set((await box.look_for(letter)).values()) == {NothingProven()}

    asyncio.run(scene())


def test_a_restart_in_the_midst_is_a_trouble_and_the_next_round_goes_on(server: MailServer) -> None:
    append(server, "patient", [fake_letter(n).data for n in range(3)])

    async def scene() -> None:
        box = mailbox(its(server, "patient"), secrets=secrets())
        parcels, _heads, cursor, _left = await whole_round(box)
        assert len(parcels) == 3
        await asyncio.to_thread(server.restart)
        append(server, "patient", [fake_letter(4).data])
        try:
            parcels, _heads, cursor, _left = await whole_round(box, cursor)
        except CarrierTrouble as trouble:
            if not trouble.retry:
                raise
            parcels, _heads, cursor, _left = await whole_round(box, cursor)
        assert [parcel.data for parcel in parcels] == [fake_letter(4).data]
        await box.close()

    asyncio.run(scene())


@pytest.mark.long
def test_a_thousand_letters(server: MailServer) -> None:
    append(server, "busy", [fake_letter(n, size=2_000).data for n in range(1_000)])

    async def scene() -> None:
        box = mailbox(its(server, "busy"), secrets=secrets())
        begun, cpu = time.perf_counter(), time.process_time()
        parcels, _heads, cursor, _left = await whole_round(box)
        print(f"1,000 letters: {time.perf_counter() - begun:.2f} s, {time.process_time() - cpu:.2f} s of CPU")
        assert [parcel.data for parcel in parcels] == [fake_letter(n, size=2_000).data for n in range(1_000)]
        begun = time.perf_counter()
        assert (await box.collect(cursor)).parcels == ()
        print(f"a round without anything new: {time.perf_counter() - begun:.3f} s")
        await box.close()

    asyncio.run(scene())
