"""The POP3 maildrop: what is new, what is taken, and that nothing there changes."""

from __future__ import annotations

import asyncio
import socket
import ssl
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from dearly.carriers.base import BEGINNING, MOST_HEAD, Head, Verdict
from dearly.carriers.mail import maildrop, popcursor, popline
from dearly.carriers.mail.maildrop import Maildrop
from dearly.carriers.mail.popcursor import Cursor, Entry, listed, plan
from dearly.letter.account import MailAccount, Protocol, Security, Server, SignIn
from dearly.letter.envelope import Source, Way
from dearly.letter.errors import CarrierTrouble, Usage
from dearly.letter.journey import NothingProven
from tests.contracts.test_collects import everything
from tests.support.authority import Authority
from tests.support.fake_letters import ADA, BERT, fake_letter
from tests.support.scripted_pop3 import CAN, PASSWORD, USER, Drop, listening
from tests.support.sifting import Judge, Kept, at_door, by_subject
from tests.support.times import FixedClock

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
"""The day after the letters that `fake_letter` makes."""


def account(
    port: int, security: Security = Security.PLAIN, *, sign_in: SignIn = SignIn.PASSWORD, ca: str | None = None
) -> MailAccount:
    server = Server(Protocol.POP3, "127.0.0.1", port, security, USER)
    return MailAccount(ADA, server, None, sign_in, ca)


def play(
    drop: Drop,
    scene: Callable[[Maildrop], Awaitable[None]],
    *,
    judge: Judge | None = None,
    secrets: tuple[str, ...] = (PASSWORD,),
    sign_in: SignIn = SignIn.PASSWORD,
    clock: FixedClock | None = None,
) -> None:
    async def whole() -> None:
        async with listening(drop):
            time = clock or FixedClock(NOW)
            carrier = Maildrop(account(drop.port, sign_in=sign_in), Kept(*secrets), judge or Judge(), time)
            await scene(carrier)
            await carrier.close()
        assert "DELE" not in drop.commands()

    asyncio.run(whole())


def letters(count: int, start: int = 0) -> list[bytes]:
    return [bytes(fake_letter(n).data) for n in range(start, start + count)]


def note(subject: str, body: bytes = b"Dear Ada,\r\n", **fields: str) -> bytes:
    lines = {"Date": "Sun, 01 Mar 2026 09:00:00 +0000", **fields}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{head}Subject: {subject}\r\n\r\n".encode() + body


# -- what is taken


@pytest.mark.parametrize(
    "can",
    [
        pytest.param(CAN, id="everything"),
        pytest.param(("TOP", "UIDL"), id="no pipelining"),
        pytest.param(("UIDL",), id="no TOP"),
        pytest.param(("TOP",), id="no UIDL"),
        pytest.param(None, id="no CAPA"),
    ],
)
def test_everything_comes_once_byte_for_byte_whatever_the_server_can(can: tuple[str, ...] | None) -> None:
    drop = Drop(can=can)
    first, later = letters(7), letters(5, 7)
    first[3] = note(
        "take", b".a dot\r\n..two\r\n.\r\n\r\nlone\rreturn and \nlone feed\r\n" + b"long " * 2_000 + b"\r\n"
    )
    for data in first:
        drop.lay(data)

    async def scene(carrier: Maildrop) -> None:
        parcels, cursor, left = await everything(carrier)
        assert [p.data for p in parcels] == first
        assert left == 0
        assert {(p.source.way, p.source.place, p.source.validity) for p in parcels} == {(Way.MAIL, str(ADA), "")}
        await carrier.acknowledge([p.source for p in parcels])
        for data in later:
            drop.lay(data)
        parcels, cursor, left = await everything(carrier, cursor)
        assert [p.data for p in parcels] == later
        assert await everything(carrier, cursor) == ([], cursor, 0)

    play(drop, scene)
    if can is None or "TOP" in can:
        assert sum(line.startswith("RETR") for line in drop.said) == 12, "each is fetched once"


def test_only_what_the_sieve_takes_is_fetched_and_a_strangers_waits_at_the_door() -> None:
    drop = Drop()
    for subject in ("take", "news", "door", "news", "take"):
        drop.lay(note(subject))
    judge = Judge(by_subject)

    async def scene(carrier: Maildrop) -> None:
        batch = await carrier.collect(BEGINNING)
        assert [p.source.uid for p in batch.parcels] == ["uid00000000", "uid00000004"]
        assert [(h.source.uid, h.size) for h in batch.heads] == [("uid00000002", len(note("door")))]
        assert judge.shown[2].data == note("door", b"")
        assert [line for line in drop.said if line.startswith("RETR")] == ["RETR 1", "RETR 5"]
        again = await carrier.collect(batch.cursor)
        assert (again.parcels, again.heads, again.more) == ((), (), False)
        # Let in, it is fetched.
        gone = Source(Way.MAIL, str(ADA), "", "gone")
        elsewhere = Source(Way.MAIL, "other@letters.test", "", "uid00000000")
        fetched = await carrier.fetch([batch.heads[0].source, gone, elsewhere])
        assert [(p.data, p.source) for p in fetched] == [(note("door"), batch.heads[0].source)]
        assert await carrier.fetch([]) == ()

    play(drop, scene, judge=judge)
    assert len(judge.shown) == 5


def test_a_head_is_bounded_and_ends_with_an_empty_line() -> None:
    drop = Drop()
    drop.lay(note("door", X_Long="x" * 200_000))
    drop.lay(note("door", X_Many="\r\n ".join(["y" * 70] * 5_000)))
    drop.lay(b"\r\nno header at all\r\n")
    drop.lay(b"From: somebody\r\n")
    judge = Judge(at_door)

    async def scene(carrier: Maildrop) -> None:
        assert len((await carrier.collect(BEGINNING)).heads) == 4
        heads = judge.shown
        for head in heads:
            assert len(head.data) <= MOST_HEAD
            assert head.data.endswith(b"\r\n")
        assert heads[1].data.startswith(b"Date: ")
        assert len(heads[1].data) > MOST_HEAD - 200
        assert [head.data for head in heads[2:]] == [b"\r\n", b"From: somebody\r\n\r\n"]

    play(drop, scene, judge=judge)


def test_only_the_last_days_come_the_first_time_and_everything_new_ever_after() -> None:
    drop = Drop()
    stamp = "from a by b; "
    drop.lay(note("take", Date="Sun, 04 Jan 2026 09:00:00 +0000"))
    drop.lay(note("take", Received=stamp + "Mon, 05 Jan 2026 09:00:00 +0000"))
    drop.lay(note("take", Received=stamp + "\r\n Sun, 22 Feb 2026 09:00:00 +0000", Date="1 Jan 1999 01:00 +0000"))
    drop.lay(note("take", Date="no day at all"))
    drop.lay(note("take", Date="Fri, 99 Zzz 9999 99:99:99 +9999"))

    async def scene(carrier: Maildrop) -> None:
        parcels, cursor, _left = await everything(carrier)
        assert [p.source.uid[-1] for p in parcels] == ["2", "3", "4"], "what cannot be read came just now"
        drop.lay(note("take", Date="Sun, 04 Jan 2026 09:00:00 +0000"))
        parcels, cursor, _left = await everything(carrier, cursor)
        assert [p.source.uid[-1] for p in parcels] == ["5"]

    play(drop, scene)


def test_the_first_time_only_the_newest_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(popcursor, "FIRST", 6)
    monkeypatch.setattr(maildrop, "HEADS", 4)
    drop = Drop()
    for n in range(20):
        drop.lay(note("take", f"{n}\r\n".encode()))
    judge = Judge()

    async def scene(carrier: Maildrop) -> None:
        first = await carrier.collect(BEGINNING)
        assert first.more
        parcels, cursor, _left = await everything(carrier)
        assert [int(p.source.uid[3:]) for p in parcels] == list(range(14, 20))
        assert await everything(carrier, cursor) == ([], cursor, 0)

    play(drop, scene, judge=judge)
    assert len(judge.shown) == 4 + 6


# -- what is new (F35)


def test_uids_given_twice_are_two_messages() -> None:
    drop = Drop()
    drop.lay(letters(1)[0], "same")
    drop.lay(letters(1)[0], "same")
    drop.lay(letters(2)[1], "same")

    async def scene(carrier: Maildrop) -> None:
        parcels, cursor, _left = await everything(carrier)
        assert [p.data for p in parcels] == [letters(1)[0], letters(1)[0], letters(2)[1]]
        assert len({p.source for p in parcels}) == 3
        drop.lay(letters(3)[2], "same")
        parcels, cursor, _left = await everything(carrier, cursor)
        assert [p.data for p in parcels] == [letters(3)[2]]
        assert [p.data for p in await carrier.fetch([parcels[0].source])] == [letters(3)[2]]

    play(drop, scene)


def test_where_all_uids_change_what_is_there_is_offered_again_and_nothing_is_missed() -> None:
    drop = Drop()
    for data in letters(5):
        drop.lay(data)

    async def scene(carrier: Maildrop) -> None:
        _parcels, cursor, _left = await everything(carrier)
        for n, message in enumerate(drop.messages):
            message.uid = f"other{n}"
        drop.lay(letters(6)[5])
        parcels, cursor, _left = await everything(carrier, cursor)
        assert [p.data for p in parcels] == letters(6), "the drawer knows them by their bytes"
        assert await everything(carrier, cursor) == ([], cursor, 0)

    play(drop, scene)


def test_a_maildrop_that_somebody_empties_is_no_trouble() -> None:
    drop = Drop()

    async def scene(carrier: Maildrop) -> None:
        assert await everything(carrier) == ([], Cursor(begun=True, looked=NOW.date()).text(), 0)
        cursor = BEGINNING
        for n in range(3):
            drop.messages.clear()
            drop.lay(letters(n + 1)[n], f"a{n}")
            parcels, cursor, _left = await everything(carrier, cursor)
            assert [p.data for p in parcels] == [letters(n + 1)[n]]
        drop.messages.clear()
        _parcels, cursor, _left = await everything(carrier, cursor)
        drop.lay(note("take", Date="Sun, 04 Jan 2026 09:00:00 +0000"), "old stamp")
        assert len((await everything(carrier, cursor))[0]) == 1, "it is not the first time any more"

    play(drop, scene)


def test_an_emptied_maildrop_is_looked_at_as_far_back_as_the_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """F35: another program takes everything away, and then nobody looks for two months."""
    monkeypatch.setattr(popcursor, "FIRST", 3)
    monkeypatch.setattr(maildrop, "HEADS", 4)
    drop = Drop()
    drop.lay(note("take", Date="Sun, 01 Mar 2026 09:00:00 +0000"))
    clock = FixedClock()

    async def scene(carrier: Maildrop) -> None:
        parcels, cursor, _left = await everything(carrier)
        assert len(parcels) == 1
        drop.messages.clear()
        drop.lay(note("take", Date="Sun, 04 Jan 2026 09:00:00 +0000"), "older")
        for day in range(2, 12):
            drop.lay(note("take", Date=f"{day:02} Mar 2026 09:00:00 +0000"), f"later{day}")
        clock.pass_(days=60)
        parcels, cursor, _left = await everything(carrier, cursor)
        assert [p.source.uid for p in parcels] == [f"later{day}" for day in range(2, 12)]
        assert await everything(carrier, cursor) == ([], cursor, 0)

    play(drop, scene, clock=clock)


def entries(numbers: range) -> list[Entry]:
    return [Entry(n - numbers[0] + 1, f"uid{n}", 100) for n in numbers]


def after(before: Cursor, there: list[Entry]) -> tuple[list[str], Cursor]:
    """The uids that a round looks at, and the cursor when it has taken them all."""
    drawn = plan(before, there)
    done = drawn.seen | {e.mark for e in drawn.fresh}
    seen = tuple(e.mark for e in drawn.window if e.mark in done)
    return [e.uid for e in drawn.fresh], Cursor(True, False, drawn.older, seen)


def test_forty_thousand_messages_fit_into_a_cursor_and_none_is_missed_or_looked_at_twice() -> None:
    fresh, cursor = after(Cursor(), entries(range(40_000)))
    assert fresh == [f"uid{n}" for n in range(39_500, 40_000)]
    assert len(cursor.text()) < 65_536
    assert Cursor.read(cursor.text()) == cursor
    # Three new ones; then another program deletes the newest two thousand, and older ones move up.
    fresh, cursor = after(cursor, entries(range(40_003)))
    assert fresh == ["uid40000", "uid40001", "uid40002"]
    fresh, cursor = after(cursor, entries(range(38_000)))
    assert fresh == []
    there = [*entries(range(38_000)), Entry(38_001, "new", 1)]
    fresh, cursor = after(cursor, there)
    assert fresh == ["new"]
    # Nearly all goes. What is left is known; a new one is seen, wherever it stands.
    fresh, cursor = after(cursor, there[-3:])
    assert fresh == []
    fresh, cursor = after(cursor, [Entry(1, "before", 1), *there[-3:]])
    assert fresh == ["before"]


def test_the_fullest_cursor_stays_below_its_bound() -> None:
    owed = tuple(
        popcursor.Owed(f"{n:02}" + '"' * 68 + f" {10**9} {10**4}", "f" * 16, 99, True)
        for n in range(popcursor.MOST_OWED)
    )
    seen = tuple(e.mark for e in entries(range(popcursor.WINDOW)))
    assert len(Cursor(True, True, True, seen, owed).text().encode()) < 65_536


@pytest.mark.parametrize(
    "kept", ["", "{}", "[", "\x00", '["p1",1,2]', '["p1",true,true,true,"???",[]]', '["p1",true,true,true,"",[[1]]]']
)
def test_a_cursor_of_nobodys_making_is_a_fresh_one(kept: str) -> None:
    assert Cursor.read(kept) == Cursor()


def test_a_listing_is_read_as_it_is_meant() -> None:
    assert listed(["2 20", "1 10 and more", "3 30"], ["3 c", "1 a", "9 gone"]) == [Entry(1, "a", 10), Entry(3, "c", 30)]
    (odd,) = listed(["1 1"], ["1 " + "x" * 71])
    assert odd.uid.startswith("sha256:")
    for sizes, uids in [(["x 1"], []), (["1"], []), (["1 ten"], ["1 a"]), (["1 -5"], ["1 a"]), (["1" * 10 + " 1"], [])]:
        with pytest.raises(ValueError):
            listed(sizes, uids)


# -- what does not come whole (F30)


def test_a_message_that_comes_short_is_owed_and_holds_nothing_up() -> None:
    drop = Drop()
    torn = drop.lay(note("take", b"the first line\r\nthe second line\r\n"))
    torn.torn = len(torn.data) - 17
    drop.lay(letters(1)[0])

    async def scene(carrier: Maildrop) -> None:
        parcels, cursor, left = await everything(carrier)
        assert ([p.data for p in parcels], left) == (letters(1), 1)
        assert await carrier.fetch([Source(Way.MAIL, str(ADA), "", torn.uid)]) == ()
        parcels, cursor, left = await everything(carrier, cursor)
        assert (parcels, left) == ([], 1)
        torn.torn = None
        parcels, cursor, left = await everything(carrier, cursor)
        assert ([p.data for p in parcels], left) == ([torn.data], 0)
        assert await everything(carrier, cursor) == ([], cursor, 0)

    play(drop, scene)


def test_a_server_that_states_too_much_is_believed_no_more_the_third_time() -> None:
    drop = Drop()
    drop.lay(note("take", b"quite whole\r\n")).stated = 5_000
    drop.lay(letters(1)[0]).stated = 50_000

    async def scene(carrier: Maildrop) -> None:
        parcels, cursor, left = await everything(carrier)
        assert ([p.data for p in parcels], left) == (letters(1), 1), "closed by its own last boundary"
        parcels, cursor, left = await everything(carrier, cursor)
        assert (parcels, left) == ([], 1)
        parcels, cursor, left = await everything(carrier, cursor)
        assert ([p.data for p in parcels], left) == ([drop.messages[0].data], 0)

    play(drop, scene)


def test_what_is_too_large_or_refused_stays_and_is_counted() -> None:
    drop = Drop(answers={"RETR 2": b"-ERR [SYS/TEMP] later\r\n"})
    drop.lay(note("take")).stated = 200_000_000
    drop.lay(note("take", b"refused\r\n"))
    drop.lay(note("take", b"fine\r\n"))

    async def scene(carrier: Maildrop) -> None:
        parcels, cursor, left = await everything(carrier)
        assert ([p.data for p in parcels], left) == ([drop.messages[2].data], 2)
        assert "RETR 1" not in drop.said
        del drop.answers["RETR 2"]
        parcels, cursor, left = await everything(carrier, cursor)
        assert ([p.data for p in parcels], left) == ([drop.messages[1].data], 1)

    play(drop, scene)


def test_without_top_a_large_message_is_owed_and_comes_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """TOP is optional (RFC 1939 7): what is too much for a look is fetched whole, once, and judged then."""
    monkeypatch.setattr(maildrop, "_TOGETHER", 3_000)
    drop = Drop(can=("UIDL",))
    body = b"x" * 78 + b"\r\n"
    large = [note(word, body * n) for n, word in ((60, "take"), (70, "news"), (80, "door"), (90, "take"))]
    drop.lay(letters(1)[0])
    for data in large:
        drop.lay(data)
    drop.lay(letters(2)[1])
    judge = Judge(by_subject)
    judge.rule = lambda head: Verdict.TAKE if b"Subject: [...]" in head.data else by_subject(head)

    async def scene(carrier: Maildrop) -> None:
        first = await carrier.collect(BEGINNING)
        assert (first.left, "RETR 2" in drop.said) == (4, False), "said, and not fetched for a look"
        parcels, doors, cursor = [*first.parcels], [*first.heads], first.cursor
        for _round in range(10):
            batch = await carrier.collect(cursor)
            parcels += batch.parcels
            doors += batch.heads
            cursor = batch.cursor
        assert [p.data for p in parcels] == [*letters(2), large[0], large[3]]
        assert [one.source.uid for one in doors] == ["uid00000003"]
        assert batch.left == 0
        assert [drop.said.count(f"RETR {n}") for n in range(2, 6)] == [1, 1, 1, 1]
        assert [p.data for p in await carrier.fetch([doors[0].source])] == [large[2]]

    play(drop, scene, judge=judge)


def test_nothing_is_ever_forgotten_however_much_does_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """F30: beyond what can be remembered the cursor stays where it is, which is said; and it goes on by itself."""
    monkeypatch.setattr(popcursor, "MOST_OWED", 5)
    drop = Drop()
    for n in range(20):
        drop.lay(note("take", b"%d\r\n" % n))
        drop.answers[f"RETR {n + 1}"] = b"-ERR [SYS/TEMP] later\r\n"

    async def scene(carrier: Maildrop) -> None:
        parcels, cursor, left = await everything(carrier)
        assert (parcels, left) == ([], 5)
        assert (await carrier.collect(cursor)).full
        for n in range(12):
            del drop.answers[f"RETR {n + 1}"]
        parcels, cursor, left = await everything(carrier, cursor)
        assert ([p.data for p in parcels], left) == ([m.data for m in drop.messages[:12]], 5)
        drop.answers.clear()
        parcels, cursor, left = await everything(carrier, cursor)
        assert sorted(p.data for p in parcels) == sorted(m.data for m in drop.messages[12:])
        batch = await carrier.collect(cursor)
        assert (left, batch.left, batch.full) == (0, 0, False)

    play(drop, scene)


def test_sizes_that_are_never_right_keep_no_others_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """More of them than can be remembered: each is taken when it came just so three times."""
    monkeypatch.setattr(popcursor, "MOST_OWED", 5)
    drop = Drop()
    for n in range(12):
        drop.lay(note("take", b"%d\r\n" % n)).stated = 4_000

    async def scene(carrier: Maildrop) -> None:
        parcels, cursor = [], BEGINNING
        for _round in range(12):
            batch = await carrier.collect(cursor)
            parcels += batch.parcels
            cursor = batch.cursor
        assert sorted(p.data for p in parcels) == sorted(m.data for m in drop.messages)
        assert batch.left == 0

    play(drop, scene)


def test_a_head_that_is_refused_is_asked_for_again_at_the_next_round() -> None:
    drop = Drop(answers={"TOP 1 0": b"-ERR no\r\n"})
    for data in letters(2):
        drop.lay(data)

    async def scene(carrier: Maildrop) -> None:
        parcels, cursor, left = await everything(carrier)
        assert ([p.data for p in parcels], left) == (letters(2)[1:], 1)
        drop.answers.clear()
        parcels, cursor, left = await everything(carrier, cursor)
        assert ([p.data for p in parcels], left) == (letters(1), 0)

    play(drop, scene)


def test_many_octets_come_in_several_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maildrop, "_TOGETHER", 3_000)
    for can in (CAN, ("UIDL",)):
        drop = Drop(can=can)
        for data in letters(7):
            drop.lay(data)

        async def scene(carrier: Maildrop) -> None:
            first = await carrier.collect(BEGINNING)
            assert first.more
            assert 0 < len(first.parcels) < 7
            parcels, _cursor, left = await everything(carrier)
            assert ([p.data for p in parcels], left) == (letters(7), 0)

        play(drop, scene)


# -- signing in, and the line (A23, A24)


def test_signing_in_with_a_token_that_is_renewed_once() -> None:
    drop = Drop(password="second")
    kept = ("first", "second")

    async def scene(carrier: Maildrop) -> None:
        assert (await everything(carrier))[0] == []

    play(drop, scene, secrets=kept, sign_in=SignIn.OAUTH)
    assert [line.split(" ")[0] for line in drop.said].count("AUTH") == 2
    assert "" in drop.said, "the challenge is answered with an empty line"


def test_a_long_token_is_sent_when_it_is_asked_for() -> None:
    drop = Drop(password="t" * 2_000)

    async def scene(carrier: Maildrop) -> None:
        await carrier.collect(BEGINNING)

    play(drop, scene, secrets=(drop.password,), sign_in=SignIn.OAUTH)
    assert "AUTH XOAUTH2" in drop.said


@pytest.mark.parametrize("can", [CAN, ("UIDL", "TOP", "USER")])
def test_a_wrong_password_is_said_once_in_words_of_both(can: tuple[str, ...]) -> None:
    drop = Drop(can=can)

    async def scene(carrier: Maildrop) -> None:
        with pytest.raises(CarrierTrouble) as trouble:
            await carrier.collect(BEGINNING)
        assert trouble.value.code == "sign_in_refused"
        assert "\x1b" not in trouble.value.told
        assert "wrong" not in "".join(traceback.format_exception(trouble.value)) + repr(carrier)
        checks = await carrier.check()
        assert [(c.what, c.fine) for c in checks] == [("incoming.sign_in", False)]

    play(drop, scene, secrets=("wrong",))
    assert all("wrong" not in line for line in drop.said if not line.startswith("PASS"))


@pytest.mark.parametrize("code", ["IN-USE", "LOGIN-DELAY", "SYS/TEMP"])
def test_a_maildrop_that_is_in_use_is_no_wrong_password(code: str) -> None:
    drop = Drop(can=("UIDL", "TOP"), answers={"PASS": f"-ERR [{code}] busy\r\n".encode()})

    async def scene(carrier: Maildrop) -> None:
        with pytest.raises(CarrierTrouble) as trouble:
            await carrier.collect(BEGINNING)
        assert trouble.value.code == "mail_answer"
        assert trouble.value.retry

    play(drop, scene)


def test_a_password_with_a_line_end_is_never_said() -> None:
    drop = Drop()

    async def scene(carrier: Maildrop) -> None:
        with pytest.raises(Usage):
            await carrier.collect(BEGINNING)

    play(drop, scene, secrets=("fake\r\nDELE 1",))
    assert drop.commands() <= {"CAPA"}


def test_a_name_of_this_machine_that_leads_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without encryption nothing is said to another machine, whatever the account's host is called."""
    monkeypatch.setattr("dearly.carriers.mail.popline.on_this_machine", lambda host: host != "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as there:
        line = popline.PopLine(Server(Protocol.POP3, "localhost", there.getsockname()[1], Security.PLAIN, USER), None)
        with pytest.raises(popline.NoLine):
            line.open()
        talk, _from = there.accept()
        with talk:
            assert talk.recv(1) == b""


def test_checking_says_what_works() -> None:
    drop = Drop()
    drop.lay(letters(1)[0])

    async def scene(carrier: Maildrop) -> None:
        assert [(c.what, c.fine) for c in await carrier.check()] == [
            ("incoming.sign_in", True),
            ("incoming.letterbox", True),
        ]
        drop.answers["LIST"] = b"nonsense\r\n"
        assert [(c.what, c.fine) for c in await carrier.check()] == [
            ("incoming.sign_in", True),
            ("incoming.letterbox", False),
        ]
        letter = fake_letter(1)
        assert await carrier.look_for(letter) == {BERT: NothingProven()}

    play(drop, scene)


def test_no_connection_is_for_later() -> None:
    async def scene() -> None:
        carrier = Maildrop(account(9), Kept(PASSWORD), Judge(), FixedClock(NOW))
        with pytest.raises(CarrierTrouble) as trouble:
            await carrier.collect(BEGINNING)
        assert (trouble.value.code, trouble.value.retry) == ("mail_unreachable", True)
        assert [c.what for c in await carrier.check()] == ["incoming.reached"]

    asyncio.run(scene())


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


def server_context(authority: Authority, folder: Path, name: str, days: int = 2) -> ssl.SSLContext:
    issued = authority.issue(name, days=days)
    (folder / "both.pem").write_bytes(issued.certificate + issued.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "both.pem")
    return context


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
@pytest.mark.parametrize("name", ["127.0.0.1", "elsewhere.letters.test", "nobody knows"])
def test_only_a_verified_line_is_signed_in_on(
    security: Security, name: str, authority: Authority, tmp_path: Path
) -> None:
    known = name != "nobody knows"
    drop = Drop(context=server_context(authority if known else Authority(), tmp_path, name if known else "127.0.0.1"))
    drop.lay(letters(1)[0])

    async def whole() -> None:
        async with listening(drop, tls=security is Security.TLS):
            carrier = Maildrop(account(drop.port, security, ca=authority.pem), Kept(PASSWORD), Judge(), FixedClock(NOW))
            if name == "127.0.0.1":
                assert [p.data for p in (await carrier.collect(BEGINNING)).parcels] == letters(1)
                return
            with pytest.raises(CarrierTrouble) as trouble:
                await carrier.collect(BEGINNING)
            assert trouble.value.code == "server_untrusted"
            assert not drop.commands() & {"USER", "PASS", "AUTH"}

    asyncio.run(whole())


@pytest.mark.parametrize(
    ("stls", "behind", "code"),
    [
        (b"-ERR not today\r\n", b"", "no_encryption"),
        (None, b"+OK injected\r\n", "meddled_line"),
        (b"+OK but it is not\r\n", b"", "mail_answer"),
    ],
)
def test_a_stripped_or_meddled_beginning_ends_before_a_secret_is_said(
    stls: bytes | None, behind: bytes, code: str, authority: Authority, tmp_path: Path
) -> None:
    drop = Drop(context=server_context(authority, tmp_path, "127.0.0.1"), behind_stls=behind)
    if stls is not None:
        drop.answers["STLS"] = stls

    async def whole() -> None:
        async with listening(drop):
            carrier = Maildrop(
                account(drop.port, Security.STARTTLS, ca=authority.pem), Kept(PASSWORD), Judge(), FixedClock(NOW)
            )
            with pytest.raises(CarrierTrouble) as trouble:
                await carrier.collect(BEGINNING)
            assert trouble.value.code in (code, "mail_unreachable", "no_encryption")
            assert not drop.commands() & {"USER", "PASS", "AUTH"}

    popline_connect = popline._CONNECT
    popline._CONNECT = 0.5  # a handshake that nobody answers
    try:
        asyncio.run(whole())
    finally:
        popline._CONNECT = popline_connect


def test_the_head_that_is_judged_is_of_the_message_that_is_fetched() -> None:
    """One judge, one order: a head is never taken for another's."""
    drop = Drop()
    for n in range(60):
        drop.lay(note("take" if n % 7 == 0 else "news", f"{n}\r\n".encode(), X_N=str(n)))
    judge = Judge(by_subject)

    async def scene(carrier: Maildrop) -> None:
        parcels, _cursor, _left = await everything(carrier)
        assert [p.data for p in parcels] == [m.data for n, m in enumerate(drop.messages) if n % 7 == 0]

    play(drop, scene, judge=judge)
    heads: list[Head] = judge.shown
    assert [f"X_N: {n}\r\n".encode() in head.data for n, head in enumerate(heads)] == [True] * 60
