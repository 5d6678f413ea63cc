"""A mailbox at a server that lies, breaks and changes under our feet: F27-F33, A23 (docs/faults.md, docs/threats.md).

Every play ends as it should for a person: each letter once, none half, none lost, nothing changed at the server.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date

import pytest

from dearly.carriers.base import MOST_PARCEL, Head, Judged, Verdict
from dearly.letter.errors import CarrierTrouble
from tests.support.cutting_proxy import Side, cutting_proxy
from tests.support.fake_letters import fake_letter
from tests.support.mailboxes import account, mailbox, whole_round
from tests.support.scripted_imap import Folder, Message, ScriptedImap, Session, scripted_imap
from tests.support.sifting import Judge, at_door
from tests.support.times import FixedClock

LETTERS = [fake_letter(n).data for n in range(6)]
CHANGING = ("STORE", "COPY", "MOVE", "EXPUNGE", "APPEND", "CREATE", "DELETE", "RENAME", "SELECT", "CLOSE", "SUBSCRIBE")


def run(scene: Callable[[ScriptedImap], Awaitable[None]], server: ScriptedImap | None = None) -> ScriptedImap:
    async def whole() -> ScriptedImap:
        async with scripted_imap(server) as up:
            await scene(up)
            return up

    return asyncio.run(whole())


def untouched(server: ScriptedImap) -> bool:
    """Whether nothing was asked that changes anything."""
    return not any(word in line.upper().split() for line in server.asked for word in CHANGING) and not any(
        message.flags for folder in server.folders.values() for message in folder.messages
    )


def plain(n: int, text: str = "Dear Bert,\r\nall is well.\r\n") -> bytes:
    return f"From: ada@letters.test\r\nMessage-ID: <plain{n}@letters.test>\r\nSubject: {n}\r\n\r\n{text}".encode()


# F27, F28, F29: the server numbers its messages otherwise than before.


def test_another_uidvalidity_brings_everything_again_and_loses_nothing() -> None:
    async def scene(server: ScriptedImap) -> None:
        for data in LETTERS[:3]:
            server.inbox.lay(data)
        box = mailbox(account(server.port))
        first, _heads, cursor, _left = await whole_round(box)
        moved = Folder(validity=8)
        for data in reversed(LETTERS[:4]):
            moved.lay(data)
        server.folders["INBOX"] = moved
        again, _heads, cursor, left = await whole_round(box, cursor)
        assert [parcel.data for parcel in first] == LETTERS[:3]
        assert sorted(parcel.data for parcel in again) == sorted(LETTERS[:4])
        assert not {parcel.source for parcel in first} & {parcel.source for parcel in again}
        assert left == 0
        assert (await box.collect(cursor)).parcels == ()
        await box.close()

    assert untouched(run(scene))


def test_a_repeated_uidvalidity_with_new_uids_hides_no_letter() -> None:
    """F28. The new ones have UIDs that were judged long ago."""

    async def scene(server: ScriptedImap) -> None:
        for data in LETTERS[:4]:
            server.inbox.lay(data)
        box = mailbox(account(server.port))
        _first, _heads, cursor, _left = await whole_round(box)
        fresh = Folder(validity=7)
        fresh.lay(LETTERS[4])
        fresh.lay(LETTERS[5])
        server.folders["INBOX"] = fresh
        again, _heads, cursor, _left = await whole_round(box, cursor)
        assert [parcel.data for parcel in again] == LETTERS[4:6]
        # The same once more, with as many messages as before, so that neither their number nor UIDNEXT tells.
        fresh = Folder(validity=7)
        for data in LETTERS[2:4]:
            fresh.lay(data)
        server.folders["INBOX"] = fresh
        again, _heads, cursor, _left = await whole_round(box, cursor)
        assert [parcel.data for parcel in again] == LETTERS[2:4]
        await box.close()

    assert untouched(run(scene))


def test_a_uid_used_again_brings_both_letters() -> None:
    async def scene(server: ScriptedImap) -> None:
        for data in LETTERS[:3]:
            server.inbox.lay(data)
        box = mailbox(account(server.port))
        first, _heads, cursor, _left = await whole_round(box)
        server.inbox.messages[-1] = Message(3, LETTERS[5])
        again, _heads, cursor, _left = await whole_round(box, cursor)
        assert LETTERS[2] in [parcel.data for parcel in first]
        assert LETTERS[5] in [parcel.data for parcel in again]
        assert (await box.collect(cursor)).parcels == ()
        await box.close()

    assert untouched(run(scene))


def test_what_appears_below_what_was_judged_is_found_at_the_second_look() -> None:
    """No honest server does that; one restored from a copy may."""

    async def scene(server: ScriptedImap) -> None:
        for uid, data in ((10, LETTERS[0]), (11, LETTERS[1])):
            server.inbox.lay(data, uid=uid)
        box = mailbox(account(server.port))
        _first, _heads, cursor, _left = await whole_round(box)
        server.inbox.messages.insert(0, Message(4, LETTERS[2]))
        came: list[bytes] = []
        for _round in range(2):
            parcels, _heads, cursor, _left = await whole_round(box, cursor)
            came += [parcel.data for parcel in parcels]
        assert LETTERS[2] in came
        assert (await box.collect(cursor)).parcels == ()
        await box.close()

    assert untouched(run(scene))


def test_a_number_of_messages_that_is_never_right_costs_no_round_after_round() -> None:
    async def scene(server: ScriptedImap) -> None:
        server.inbox.exists = 3
        server.inbox.lay(LETTERS[0])
        box = mailbox(account(server.port))
        _first, _heads, cursor, _left = await whole_round(box)
        for _round in range(4):
            parcels, _heads, cursor, _left = await whole_round(box, cursor)
            assert parcels == []
        await box.close()

    run(scene)


def test_what_comes_between_two_commands_is_taken_once() -> None:
    """It is in no count of the server's yet, and that is no sign of anything wrong."""

    async def scene(server: ScriptedImap) -> None:
        coming = list(LETTERS[1:4])

        def late(_session: Session, _words: list[str]) -> None:
            if coming:
                server.inbox.lay(coming.pop())

        server.inbox.lay(LETTERS[0])
        server.on["UID SEARCH"] = late
        box = mailbox(account(server.port))
        cursor, came = "", 0
        for _round in range(8):
            parcels, _heads, cursor, _left = await whole_round(box, cursor)
            came += len(parcels)
        assert came == 4
        assert sorted(server.bodies) == [("INBOX", uid) for uid in range(1, 5)]
        await box.close()

    run(scene)


def test_uids_out_of_order_twice_named_zero_and_too_large() -> None:
    async def scene(server: ScriptedImap) -> None:
        for data in LETTERS[:3]:
            server.inbox.lay(data)
        server.on["UID SEARCH"] = lambda _s, _w: (
            b"* SEARCH 3 0 1 2 3 3 1 4294967296 99999999999999\r\n{tag} OK done\r\n"
        )
        box = mailbox(account(server.port))
        parcels, _heads, cursor, left = await whole_round(box)
        assert ([parcel.data for parcel in parcels], left) == (LETTERS[:3], 0)
        # «n:*» names the last message also where nothing is new; here the server names them all.
        assert (await box.collect(cursor)).parcels == ()
        await box.close()

    run(scene)


# F30: what does not come whole.


@pytest.mark.parametrize("cut", [0, 1, 200, len(LETTERS[1]) - 1, len(LETTERS[1]) - 30])
def test_a_short_literal_is_no_letter_and_comes_later(cut: int) -> None:
    async def scene(server: ScriptedImap) -> None:
        messages = [server.inbox.lay(data) for data in LETTERS[:3]]
        messages[1].given = lambda: LETTERS[1][:cut]
        box = mailbox(account(server.port))
        parcels, _heads, cursor, left = await whole_round(box)
        assert ([parcel.data for parcel in parcels], left) == ([LETTERS[0], LETTERS[2]], 1)
        messages[1].given = None
        parcels, _heads, cursor, left = await whole_round(box, cursor)
        assert ([parcel.data for parcel in parcels], left) == ([LETTERS[1]], 0)
        await box.close()

    assert untouched(run(scene))


def test_no_body_at_all_is_asked_for_again_and_then_later() -> None:
    async def scene(server: ScriptedImap) -> None:
        message = server.inbox.lay(LETTERS[0])
        given = iter([None, LETTERS[0]])
        message.given = lambda: next(given)
        nothing = server.inbox.lay(LETTERS[1])
        nothing.given = lambda: None
        box = mailbox(account(server.port))
        batch = await box.collect("")
        assert ([parcel.data for parcel in batch.parcels], batch.left) == ([LETTERS[0]], 1)
        nothing.given = None
        parcels, _heads, _cursor, left = await whole_round(box, batch.cursor)
        assert ([parcel.data for parcel in parcels], left) == ([LETTERS[1]], 0)
        await box.close()

    assert untouched(run(scene))


def test_a_size_that_is_never_right_keeps_no_letter_away() -> None:
    """Servers that estimate, or count line ends once: what came twice alike is taken where nothing can be missing, and
    else where it came just so on an earlier day."""
    sealed, text = LETTERS[0], plain(1)

    async def scene(server: ScriptedImap) -> None:
        for data, size in (
            (sealed, len(sealed) + 777),  # more than it is, but its last boundary stands there
            (sealed, len(sealed) - 9),
            (text, len(text) - text.count(b"\r\n")),
        ):
            server.inbox.lay(data).size = size
        server.inbox.lay(plain(2)).size = 4_000
        clock = FixedClock()
        box = mailbox(account(server.port), clock=clock)
        parcels, _heads, cursor, left = await whole_round(box)
        assert ([parcel.data for parcel in parcels], left) == ([sealed, sealed, text], 1)
        assert server.bodies.count(("INBOX", 1)) == 2
        parcels, _heads, cursor, left = await whole_round(box, cursor)
        assert (parcels, left) == ([], 1)
        clock.pass_(days=1)
        parcels, _heads, cursor, left = await whole_round(box, cursor)
        assert ([parcel.data for parcel in parcels], left) == ([plain(2)], 0)
        await box.close()

    assert untouched(run(scene))


def test_a_server_that_gives_something_else_each_time_is_not_believed() -> None:
    async def scene(server: ScriptedImap) -> None:
        message = server.inbox.lay(plain(1))
        message.size = 4_000
        turn = iter(range(1_000))
        message.given = lambda: plain(1, "x" * next(turn))
        clock = FixedClock()
        box = mailbox(account(server.port), clock=clock)
        cursor = ""
        for _day in range(4):
            parcels, _heads, cursor, left = await whole_round(box, cursor)
            assert (parcels, left) == ([], 1)
            clock.pass_(days=1)
        await box.close()

    run(scene)


@pytest.mark.parametrize("bad", [{3}, {1, 2, 3, 4}, {2, 4, 5}], ids=str)
def test_messages_that_break_every_line_keep_no_others_back(bad: set[int]) -> None:
    good = [data for uid, data in enumerate(LETTERS[:5], 1) if uid not in bad]
    later = [data for uid, data in enumerate(LETTERS[:5], 1) if uid in bad]

    async def scene(server: ScriptedImap) -> None:
        for data in LETTERS[:5]:
            server.inbox.lay(data)

        def broken(session: Session, words: list[str]) -> bytes | None:
            asked_for = "BODY.PEEK[]" in words[1] and bad & {message.uid for message in session.chosen(words[0])}
            return b"" if asked_for else None

        server.on["UID FETCH"] = broken
        box = mailbox(account(server.port))
        parcels, _heads, cursor, left = await whole_round(box)
        assert ([parcel.data for parcel in parcels], left) == (good, len(bad))
        server.inbox.lay(LETTERS[5])
        parcels, _heads, cursor, left = await whole_round(box, cursor)
        assert ([parcel.data for parcel in parcels], left) == ([LETTERS[5]], len(bad))
        server.on.clear()
        parcels, _heads, cursor, left = await whole_round(box, cursor)
        assert (sorted(parcel.data for parcel in parcels), left) == (sorted(later), 0)
        await box.close()

    assert untouched(run(scene))


def test_what_is_too_large_is_never_asked_for_and_is_said() -> None:
    async def scene(server: ScriptedImap) -> None:
        server.inbox.lay(LETTERS[0]).size = MOST_PARCEL + 1
        server.inbox.lay(LETTERS[1])
        box = mailbox(account(server.port))
        parcels, _heads, cursor, left = await whole_round(box)
        assert ([parcel.data for parcel in parcels], left) == ([LETTERS[1]], 1)
        await whole_round(box, cursor)
        assert ("INBOX", 1) not in server.bodies
        await box.close()

    run(scene)


def test_nothing_is_ever_forgotten_however_much_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """F30: beyond what can be remembered the cursor stays where it is, which is said; and it goes on by itself."""
    monkeypatch.setattr("dearly.carriers.mail.cursor.MOST_OWED", 20)

    async def scene(server: ScriptedImap) -> None:
        for n in range(60):
            server.inbox.lay(plain(n)).given = lambda: None
        box = mailbox(account(server.port))
        parcels, _heads, cursor, left = await whole_round(box)
        assert (parcels, left) == ([], 20)
        batch = await box.collect(cursor)
        assert (batch.full, batch.more, batch.left) == (True, False, 20)
        # The server gives some of them again: as many others are looked at, and the last one comes, too.
        for message in server.inbox.messages[:35]:
            message.given = None
        parcels, _heads, cursor, left = await whole_round(box, batch.cursor)
        assert ([parcel.data for parcel in parcels], left) == ([plain(n) for n in range(35)], 20)
        for message in server.inbox.messages:
            message.given = None
        parcels, _heads, cursor, left = await whole_round(box, cursor)
        assert (sorted(parcel.data for parcel in parcels), left) == (sorted(plain(n) for n in range(35, 60)), 0)
        assert not (await box.collect(cursor)).full
        await box.close()

    assert untouched(run(scene))


def test_what_is_owed_is_found_again_in_a_mailbox_numbered_anew() -> None:
    """F27: also where it came long before the last whole look."""

    async def scene(server: ScriptedImap) -> None:
        server.inbox.lay(plain(1), day=date(2026, 2, 10)).given = lambda: None
        clock = FixedClock()
        box = mailbox(account(server.port), clock=clock)
        _parcels, _heads, cursor, left = await whole_round(box)
        assert left == 1
        clock.pass_(days=80)
        _parcels, _heads, cursor, left = await whole_round(box, cursor)
        assert left == 1
        moved = Folder(validity=8)
        moved.lay(plain(1), day=date(2026, 2, 10))
        server.folders["INBOX"] = moved
        parcels, _heads, cursor, left = await whole_round(box, cursor)
        assert ([parcel.data for parcel in parcels], left) == ([plain(1)], 0)
        await box.close()

    run(scene)


def test_a_server_that_gives_nothing_for_an_hour_loses_no_letter() -> None:
    """F30."""

    async def scene(server: ScriptedImap) -> None:
        for n in range(60):
            server.inbox.lay(fake_letter(n).data).given = lambda: None
        box = mailbox(account(server.port))
        parcels, _heads, cursor, left = await whole_round(box)
        assert (parcels, left) == ([], 60)
        for message in server.inbox.messages:
            message.given = None
        parcels, _heads, cursor, left = await whole_round(box, cursor)
        assert ([parcel.data for parcel in parcels], left) == ([fake_letter(n).data for n in range(60)], 0)
        await box.close()

    assert untouched(run(scene))


def test_what_never_comes_keeps_nothing_else_back_that_is_owed(monkeypatch: pytest.MonkeyPatch) -> None:
    """F30: also where the first of them fill what is asked for at once."""
    monkeypatch.setattr("dearly.carriers.mail.plan.TOGETHER", len(LETTERS[0]) + 10)

    async def scene(server: ScriptedImap) -> None:
        for data in LETTERS[:3]:
            server.inbox.lay(data).given = lambda: None
        box = mailbox(account(server.port))
        _parcels, _heads, cursor, left = await whole_round(box)
        assert left == 3
        for message in server.inbox.messages[1:]:
            message.given = None
        came = []
        for _round in range(4):
            parcels, _heads, cursor, left = await whole_round(box, cursor)
            came += [parcel.data for parcel in parcels]
        assert (came, left) == (LETTERS[1:3], 1)
        await box.close()

    assert untouched(run(scene))


# F31: others are at the same mailbox.


@pytest.mark.parametrize("when", ["RFC822.SIZE", "BODY.PEEK[]"])
def test_what_another_program_takes_away_in_between_is_skipped(when: str) -> None:
    async def scene(server: ScriptedImap) -> None:
        for data in LETTERS[:4]:
            server.inbox.lay(data)

        def taken(session: Session, words: list[str]) -> bytes | None:
            if when in words[1] and len(session.folder.messages) == 4:
                del session.folder.messages[1]
            return None

        server.on["UID FETCH"] = taken
        box = mailbox(account(server.port))
        parcels, _heads, cursor, left = await whole_round(box)
        assert ([parcel.data for parcel in parcels], left) == ([LETTERS[0], *LETTERS[2:4]], 0)
        assert ((await box.collect(cursor)).parcels, (await box.collect(cursor)).more) == ((), False)
        await box.close()

    assert untouched(run(scene))


def test_news_of_others_in_the_midst_of_an_answer_changes_nothing() -> None:
    news = (
        b"* 9 EXISTS\r\n* 2 RECENT\r\n* 1 FETCH (FLAGS (\\Seen))\r\n* 4 FETCH (UID 4 FLAGS ())\r\n* 8 EXPUNGE\r\n"
        b"* OK still here\r\n* NO [ALERT] the disk is full\r\n* BYE-BYE\r\n* FLAGS (\\Seen)\r\n"
    ).replace(b"* BYE-BYE\r\n", b"")

    async def scene(server: ScriptedImap) -> None:
        for data in LETTERS[:3]:
            server.inbox.lay(data)

        def talkative(session: Session, words: list[str]) -> bytes:
            told = [session.fetched(message, words[1]) for message in session.chosen(words[0])]
            return news + news.join(line + b"\r\n" for line in told) + news + b"{tag} OK done\r\n"

        server.on["UID FETCH"] = talkative
        box = mailbox(account(server.port))
        parcels, _heads, _cursor, left = await whole_round(box)
        assert ([parcel.data for parcel in parcels], left) == (LETTERS[:3], 0)
        await box.close()

    run(scene)


def test_a_server_that_refuses_a_fetch_for_one_that_is_gone_gives_the_others() -> None:
    """RFC 2180 4.1.2: NO, because some of the messages no longer exist."""

    async def scene(server: ScriptedImap) -> None:
        for data in LETTERS[:3]:
            server.inbox.lay(data)

        def strict(session: Session, words: list[str]) -> bytes | None:
            if "BODY.PEEK[]" in words[1] and "," in words[0]:
                session.folder.messages[:] = [m for m in session.folder.messages if m.uid != 2]
                return b"{tag} NO some of the requested messages no longer exist\r\n"
            return None

        server.on["UID FETCH"] = strict
        box = mailbox(account(server.port))
        parcels, _heads, _cursor, left = await whole_round(box)
        assert ([parcel.data for parcel in parcels], left) == ([LETTERS[0], LETTERS[2]], 0)
        await box.close()

    run(scene)


def test_a_header_that_does_not_come_is_asked_for_later() -> None:
    async def scene(server: ScriptedImap) -> None:
        for data in LETTERS[:3]:
            server.inbox.lay(data)

        def forgetful(session: Session, words: list[str]) -> bytes:
            told = [session.fetched(message, words[1]) for message in session.chosen(words[0]) if message.uid != 2]
            return b"".join(line + b"\r\n" for line in told) + b"{tag} OK done\r\n"

        server.on["UID FETCH"] = forgetful
        box = mailbox(account(server.port))
        parcels, _heads, cursor, left = await whole_round(box)
        assert ([parcel.data for parcel in parcels], left) == ([LETTERS[0], LETTERS[2]], 1)
        server.on.clear()
        parcels, _heads, cursor, left = await whole_round(box, cursor)
        assert ([parcel.data for parcel in parcels], left) == ([LETTERS[1]], 0)
        await box.close()

    run(scene)


# What is ours, and what is not.


def test_a_newsletter_is_never_asked_for_and_a_strangers_letter_only_once_let_in() -> None:
    newsletter = b"From: shop@shop.test\r\nList-Id: <offers.shop.test>\r\nSubject: Buy!\r\n\r\nOnly today.\r\n"
    stranger = b"From: dora@letters.test\r\nTo: bert@letters.test\r\nSubject: Hello\r\n\r\nMay I write?\r\n"

    def rule(head: Head) -> Judged:
        if b"List-Id" in head.data:
            return Verdict.LEAVE
        return at_door(head) if b"dora" in head.data else Verdict.TAKE

    async def scene(server: ScriptedImap) -> None:
        for data in (newsletter, LETTERS[0], stranger, LETTERS[1]):
            server.inbox.lay(data)
        sieve = Judge(rule)
        box = mailbox(account(server.port), sieve=sieve)
        parcels, heads, cursor, left = await whole_round(box)
        assert ([parcel.data for parcel in parcels], left) == (LETTERS[:2], 0)
        assert [one.source.uid for one in heads] == ["3"]
        assert sieve.shown[2].data == stranger.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        assert {uid for _name, uid in server.bodies} == {2, 4}
        assert all(b"Only today" not in head.data for head in sieve.shown)
        assert [head.size for head in sieve.shown] == [len(m.data) for m in server.inbox.messages]
        await whole_round(box, cursor)
        assert len(sieve.shown) == 4
        let_in = await box.fetch([heads[0].source])
        assert [(parcel.data, parcel.source) for parcel in let_in] == [(stranger, heads[0].source)]
        server.inbox.validity = 8
        assert await box.fetch([heads[0].source]) == ()
        assert ("INBOX", 1) not in server.bodies
        await box.close()

    assert untouched(run(scene))


def test_the_first_look_goes_back_thirty_days_and_what_is_older_is_not_even_looked_at() -> None:
    async def scene(server: ScriptedImap) -> None:
        server.inbox.lay(LETTERS[0], day=date(2020, 1, 1))
        server.inbox.lay(LETTERS[1], day=date(2026, 1, 29))
        server.inbox.lay(LETTERS[2], day=date(2026, 1, 30))
        sieve = Judge(lambda _head: Verdict.TAKE)
        box = mailbox(account(server.port), sieve=sieve)
        parcels, _heads, cursor, _left = await whole_round(box)
        assert [parcel.data for parcel in parcels] == [LETTERS[2]]
        assert [head.source.uid for head in sieve.shown] == ["3"]
        # What another program moves in later is new, of whatever day it is.
        server.inbox.lay(LETTERS[3], day=date(2019, 1, 1))
        parcels, _heads, cursor, _left = await whole_round(box, cursor)
        assert [parcel.data for parcel in parcels] == [LETTERS[3]]
        await box.close()

    run(scene)


def test_a_clock_far_ahead_hides_nothing_for_good() -> None:
    """F11."""

    async def scene(server: ScriptedImap) -> None:
        server.inbox.lay(LETTERS[0])
        clock = FixedClock()
        clock.pass_(days=20 * 365)
        box = mailbox(account(server.port), clock=clock)
        parcels, _heads, cursor, _left = await whole_round(box)
        assert parcels == []
        clock.pass_(days=-20 * 365)
        parcels, _heads, cursor, _left = await whole_round(box, cursor)
        assert [parcel.data for parcel in parcels] == [LETTERS[0]]
        await box.close()

    run(scene)


def test_four_hundred_letters_in_bounded_batches() -> None:
    async def scene(server: ScriptedImap) -> None:
        for n in range(400):
            server.inbox.lay(fake_letter(n).data)
        box = mailbox(account(server.port))
        parcels, _heads, _cursor, _left = await whole_round(box)
        assert [parcel.data for parcel in parcels] == [fake_letter(n).data for n in range(400)]
        assert server.connections == 1
        assert max(len(line) for line in server.asked) < 2_000
        await box.close()

    run(scene)


# What a hostile server may send without end.


@pytest.mark.parametrize(
    "answer",
    [
        b"* 1 FETCH (UID 1 RFC822.SIZE 10 BODY[HEADER.FIELDS (FROM)] {99999999999}\r\n",
        b"* 1 FETCH (UID 1 BODY[] {" + b"9" * 5_000 + b"}\r\n",
        b"* 1 FETCH (" + b"(" * 100_000 + b"\r\n{tag} OK done\r\n",
        b"* 1 FETCH (UID 1 RFC822.SIZE\r\n{tag} OK done\r\n",
        b"* 1 FETCH NIL\r\n{tag} OK done\r\n",
        b"* 1 FETCH (UID x RFC822.SIZE y)\r\n{tag} OK done\r\n",
        b'* 1 FETCH (UID 1 BODY[] "unended\r\n{tag} OK done\r\n',
        b"* OK nothing\r\n" * 100_000 + b"{tag} OK done\r\n",
        b"\r\n" * 10,
        b"\x00\xff\xfe" * 1_000 + b"\r\n",
        b"x" * 1_100_000,
        b"{tag} OK [" + b"A" * 500_000 + b"]\r\n",
        b"A0001 OK of another tag\r\n",
        b"* BYE overloaded\r\n",
        b"+ go on\r\n",
    ],
    ids=range(15),
)
def test_an_answer_that_is_none_is_a_trouble_and_nothing_is_taken(answer: bytes) -> None:
    async def scene(server: ScriptedImap) -> None:
        server.inbox.lay(LETTERS[0])
        server.on["UID FETCH"] = lambda _s, _w: answer
        box = mailbox(account(server.port), patience=0.5)
        cursor, troubles = "", []
        try:
            batch = await box.collect(cursor)
            assert batch.parcels == ()
            cursor = batch.cursor
        except CarrierTrouble as trouble:
            troubles.append((trouble.code, trouble.retry))
        assert troubles in ([], [("mail_answer", True)])
        server.on.clear()
        parcels, _heads, cursor, left = await whole_round(box, cursor)
        assert ([parcel.data for parcel in parcels], left) == ([LETTERS[0]], 0)
        await box.close()

    run(scene)


@pytest.mark.parametrize("name", ["EXAMINE", "UID SEARCH", "CAPABILITY"])
def test_lines_without_end_are_not_listened_to(name: str) -> None:
    async def scene(server: ScriptedImap) -> None:
        server.on[name] = lambda _s, _w: b"* OK nothing\r\n" * 100_000 + b"{tag} OK done\r\n"
        box = mailbox(account(server.port))
        with pytest.raises(CarrierTrouble) as trouble:
            await box.collect("")
        assert trouble.value.code == "mail_answer"
        await box.close()

    run(scene)


def test_one_octet_after_the_other_for_ever_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dearly.carriers.mail.imapwire._SLOWEST", 10**9)

    async def scene(server: ScriptedImap) -> None:
        dripping: list[asyncio.Task[None]] = []

        async def drip(session: Session) -> None:
            while True:
                await session.say(b"x")
                await asyncio.sleep(0.05)

        def slow(session: Session, _words: list[str]) -> bytes:
            dripping.append(asyncio.create_task(drip(session)))
            return b"* OK "

        server.on["EXAMINE"] = slow
        box = mailbox(account(server.port), patience=0.3)
        with pytest.raises(CarrierTrouble) as trouble:
            await asyncio.wait_for(box.collect(""), 5)
        assert trouble.value.code == "mail_answer"
        await box.close()
        for task in dripping:
            task.cancel()
        await asyncio.gather(*dripping, return_exceptions=True)

    run(scene)


def test_a_server_that_falls_silent_is_waited_for_and_then_left() -> None:
    async def scene(server: ScriptedImap) -> None:
        server.on["UID SEARCH"] = lambda _s, _w: b"* OK"
        box = mailbox(account(server.port), patience=0.2)
        with pytest.raises(CarrierTrouble) as trouble:
            await asyncio.wait_for(box.collect(""), 5)
        assert trouble.value.code == "mail_answer"
        await box.close()

    run(scene)


def test_whoever_stops_waiting_is_let_go_of_at_once() -> None:
    async def scene(server: ScriptedImap) -> None:
        server.on["UID SEARCH"] = lambda _s, _w: b"* OK"
        box = mailbox(account(server.port), patience=60)
        waiting = asyncio.create_task(box.collect(""))
        while not server.times("UID SEARCH"):
            await asyncio.sleep(0.01)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(waiting, 2)
        for _moment in range(100):
            if not server.open:
                break
            await asyncio.sleep(0.02)
        assert server.open == 0  # nor does its thread wait on
        server.on.clear()
        server.inbox.lay(LETTERS[0])
        assert [parcel.data for parcel in (await box.collect("")).parcels] == [LETTERS[0]]
        await box.close()

    run(scene)


# The line is cut anywhere.


def _cut_everywhere(every: bool) -> None:
    async def scene(server: ScriptedImap) -> None:
        for n in range(3):
            server.inbox.lay(fake_letter(n, size=400 if every else 2_000).data)
        server.inbox.lay(plain(9, ""))  # its literal ends where the line goes on
        whole = [message.data for message in server.inbox.messages]
        async with cutting_proxy(server.port) as proxy:
            for side in Side:
                proxy.fresh()
                box = mailbox(account(proxy.port, folder="Dearly"))
                await whole_round(box)
                said = bytes(proxy.said[side])
                await box.close()
                for place in range(0, len(said), 1 if every else max(1, len(said) // 40)):
                    proxy.cut(side, place)
                    box = mailbox(account(proxy.port, folder="Dearly"))
                    came, cursor, final = [], "", []
                    for _attempt in range(8):
                        try:
                            batch = await box.collect(cursor)
                        except CarrierTrouble as trouble:
                            final += [] if trouble.retry else [trouble]
                            continue
                        came += [parcel.data for parcel in batch.parcels]
                        cursor = batch.cursor
                        if not batch.more and not batch.left:
                            break
                    assert (came, final) == (whole, []), (side, place)
                    await box.close()

    assert untouched(run(scene))


def test_cut_at_many_places_there_is_never_half_a_letter() -> None:
    _cut_everywhere(every=False)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_cut_at_every_byte_there_is_never_half_a_letter() -> None:
    _cut_everywhere(every=True)
