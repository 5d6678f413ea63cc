"""What every store of an office promises, on a real SQLite file and on a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from dearly.letter.address import Address
from dearly.letter.errors import DearlyError
from dearly.letter.journey import Turned
from dearly.office import abroad, accounts, smarthost, stores
from dearly.office.blobs import uid_of
from dearly.office.limits import DEFAULT, Limits
from dearly.office.postgres.schema import VERSION
from dearly.office.rows import PIECE
from dearly.office.store import (
    INBOX,
    SENT,
    Abroad,
    Account,
    Blob,
    Delivery,
    Email,
    Find,
    Outgoing,
    Shelf,
    Step,
    Store,
    Submission,
)
from tests.support.offices import MachineChance, MachineClock
from tests.support.postgres import a_database

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
QUEUED = Abroad.QUEUED
SMALL = Limits(quota=10_000)

Run = Callable[..., Any]


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> stores.Where:
    """An empty place of each kind."""
    return tmp_path if request.param == "sqlite" else a_database()


@pytest.fixture
def run(where: stores.Where) -> Run:
    """Open it as one node, or as several, and let `act` do something with them."""

    def go(act: Callable[..., Any], *, nodes: int = 1, limits: Limits = DEFAULT) -> Any:
        async def whole() -> Any:
            opened = [
                stores.create(where, MachineChance(), domain="letters.test", limits=limits) for _n in range(nodes)
            ]
            try:
                return await act(*opened)
            finally:
                for store in opened:
                    await store.close()

        return asyncio.run(whole())

    return go


def add(shelf: Shelf, name: str) -> Account:
    address = Address(name, shelf.domain())
    return shelf.add_account(f"A{name}", address, name.encode().ljust(32, b"."), NOW)


def named(shelf: Shelf, name: str) -> Account:
    found = shelf.account(Address(name, shelf.domain()).key)
    assert found
    return found


def keep(shelf: Shelf, account: Account, data: bytes, now: datetime = NOW) -> Blob:
    blob = shelf.keep(account, uid_of(data), data, "", now)
    assert blob
    return blob


def put(shelf: Shelf, account: Account, data: bytes, mailbox: str = INBOX, now: datetime = NOW) -> Email:
    email = shelf.add_email(account, "M" + os.urandom(8).hex(), mailbox, keep(shelf, account, data, now), (), now)
    assert email
    return email


def held(shelf: Shelf) -> dict[str, int]:
    return {a.address.local: h.bytes for a, h in shelf.accounts()}


def everything(shelf: Shelf, account: Account) -> list[Email]:
    return list(shelf.emails(account, list(shelf.find_emails(account, Find()))).values())


# -- transactions


def test_writes_that_wait_are_each_done_or_not(run: Run) -> None:
    async def act(store: Store) -> None:
        await store.write(lambda shelf: add(shelf, "ada"))
        fine = [store.write(lambda shelf, n=n: add(shelf, f"p{n}").uid) for n in range(30)]
        bad = [store.write(lambda shelf: add(shelf, "ada")) for _n in range(2)]
        raising = [store.write(lambda shelf, n=n: _half(shelf, f"q{n}")) for n in range(3)]
        results = await asyncio.gather(*fine[:15], *bad, *raising, *fine[15:], return_exceptions=True)
        assert sum(isinstance(r, str) for r in results) == 30
        assert sum(isinstance(r, DearlyError) for r in results) == 2
        assert sum(isinstance(r, ZeroDivisionError) for r in results) == 3
        assert len(await store.read(lambda shelf: shelf.accounts())) == 31
        assert await store.healthy()

    run(act)


def _half(shelf: Shelf, name: str) -> None:
    add(shelf, name)
    shelf.set_quota(named(shelf, name), 5)
    raise ZeroDivisionError


def test_a_failed_write_leaves_nothing_and_a_reader_writes_nothing(run: Run) -> None:
    async def act(store: Store) -> None:
        with pytest.raises(ZeroDivisionError):
            await store.write(lambda shelf: _half(shelf, "bert"))
        with pytest.raises(DearlyError):
            await store.read(lambda shelf: add(shelf, "ada"))
        assert await store.read(lambda shelf: shelf.accounts()) == []
        assert await store.healthy()

    run(act)


def test_what_a_failed_write_counted_is_not_counted(run: Run) -> None:
    """Between others in one transaction, and also where it had its counts written to look over all accounts."""

    async def act(store: Store) -> None:
        await store.write(lambda shelf: add(shelf, "ada"))

        def fails(n: int) -> Callable[[Shelf], None]:
            def go(shelf: Shelf) -> None:
                ada = named(shelf, "ada")
                before = held(shelf)["ada"] if n % 2 else None
                put(shelf, ada, b"failed %09d" % n)
                shelf.set_quota(ada, 1)
                assert before is None or held(shelf)["ada"] > before
                raise ZeroDivisionError

            return go

        fine = [store.write(lambda shelf, n=n: put(shelf, named(shelf, "ada"), b"%09d!" % n).seq) for n in range(12)]
        bad = [store.write(fails(n)) for n in range(6)]
        mixed = [one for pair in zip(fine[::2], bad, fine[1::2], strict=True) for one in pair]
        results = await asyncio.gather(*mixed, return_exceptions=True)
        assert sorted(seq for seq in results if isinstance(seq, int)) == list(range(1, 13))

        def look(shelf: Shelf) -> None:
            ada = named(shelf, "ada")
            assert held(shelf) == {"ada": 12 * (10 + 10)}, "each as a letter, and as what was uploaded for it"
            assert shelf.email_seq(ada) == 12
            assert shelf.add_email(ada, "M", INBOX, keep(shelf, ada, bytes(50)), (), NOW), "no quota was set"

        await store.write(look)

    run(act)


def test_closing(run: Run) -> None:
    async def act(store: Store) -> None:
        waiting = [asyncio.ensure_future(store.write(lambda shelf, n=n: add(shelf, f"p{n}"))) for n in range(20)]
        await asyncio.sleep(0)
        await store.close()
        await store.close()
        assert len([await w for w in waiting]) == 20
        with pytest.raises(DearlyError):
            await store.write(lambda shelf: add(shelf, "late"))
        assert not await store.healthy()

    run(act)


def test_what_is_written_is_there_again(run: Run) -> None:
    async def fill(store: Store) -> str:
        await store.write(lambda shelf: (put(shelf, add(shelf, "ada"), b"x"), shelf.serving("https://office.test")))
        return store.domain

    async def look(store: Store) -> str:
        def see(shelf: Shelf) -> tuple[str, int]:
            return shelf.url(), len(everything(shelf, named(shelf, "ada")))

        assert await store.read(see) == ("https://office.test", 1)
        return store.domain

    assert run(fill) == run(look) == "letters.test"


# -- several at once


def test_nodes_count_one_account_together(run: Run) -> None:
    """No seq is given twice, and none is left out, whoever writes to whom through which node at the same time."""

    async def act(*nodes: Store) -> None:
        await nodes[0].write(lambda shelf: (add(shelf, "ada"), add(shelf, "bert")))
        key = {"ada@letters.test", "bert@letters.test"}

        def deliver(n: int) -> Callable[[Shelf], None]:
            def go(shelf: Shelf) -> None:
                ada, bert = (named(shelf, name) for name in (("ada", "bert") if n % 2 else ("bert", "ada")))
                blob = keep(shelf, ada, b"%09d!" % n)
                assert shelf.add_email(ada, f"N{n}", SENT, blob, (), NOW)
                assert shelf.add_email(bert, f"M{n}", INBOX, blob, (), NOW)
                shelf.remove_email(ada, shelf.emails(ada, [f"N{n}"])[f"N{n}"], NOW)

            return go

        await asyncio.gather(*(nodes[n % len(nodes)].write(deliver(n), key if n % 8 < 6 else ()) for n in range(60)))

        def look(shelf: Shelf) -> None:
            for name in ("ada", "bert"):
                account = named(shelf, name)
                there = everything(shelf, account)
                assert len(there) == len({e.seq for e in there}) == 30
                assert held(shelf)[name] == 300
                found = shelf.email_changes(account, 0, 1_000)
                assert found
                assert set(found.created) == {e.uid for e in there}
                assert found.until == shelf.email_seq(account) == 90

        await nodes[-1].read(look)

    run(act, nodes=2)


def test_no_quota_is_passed_by_two_who_look_at_the_same_time(run: Run) -> None:
    async def act(*nodes: Store) -> None:
        def fill(shelf: Shelf) -> Blob:
            add(shelf, "bert")
            return keep(shelf, add(shelf, "ada"), b"0123456789")

        blob = await nodes[0].write(fill)

        def deliver(n: int) -> Callable[[Shelf], Email | None]:
            return lambda shelf: shelf.add_email(named(shelf, "bert"), f"M{n}", INBOX, blob, (), NOW)

        done = await asyncio.gather(*(nodes[n % 2].write(deliver(n), {"bert@letters.test"}) for n in range(40)))
        assert sum(email is not None for email in done) == 30

    run(act, nodes=2, limits=Limits(quota=300))


def test_nodes_change_one_account_together(run: Run) -> None:
    """Marks and uploads of one account by two nodes: every change is counted, and every byte."""

    async def act(*nodes: Store) -> None:
        def fill(shelf: Shelf) -> list[Email]:
            ada = add(shelf, "ada")
            return [put(shelf, ada, b"%09d!" % n) for n in range(30)]

        emails = await nodes[0].write(fill)

        def change(n: int) -> Callable[[Shelf], None]:
            def go(shelf: Shelf) -> None:
                ada = named(shelf, "ada")
                shelf.change_email(ada, emails[n], INBOX, ["$seen"], NOW)
                keep(shelf, ada, b"upload %04d" % n)

            return go

        await asyncio.gather(*(nodes[n % 2].write(change(n), {"ada@letters.test"}) for n in range(30)))

        def look(shelf: Shelf) -> None:
            ada = named(shelf, "ada")
            assert shelf.email_seq(ada) == 60
            assert held(shelf) == {"ada": 30 * 10 * 2 + 30 * 11}
            found = shelf.email_changes(ada, 30, 100)
            assert found
            assert len(found.updated) == 30
            step = shelf.email_changes(ada, 30, 1)
            assert step
            assert (len(step.updated), step.until) == (1, 31)

        await nodes[1].read(look)

    run(act, nodes=2)


def test_an_invitation_is_spent_once(run: Run) -> None:
    async def act(*nodes: Store) -> None:
        clock, chance = MachineClock(), MachineChance()
        token = await accounts.invite(nodes[0], "ada", clock)
        also = await accounts.invite(nodes[1], "ada", clock)
        joining = [
            accounts.join(nodes[n % 2], t, clock, chance) for n, t in enumerate([token, token, also, also, token])
        ]
        results = await asyncio.gather(*joining, return_exceptions=True)
        assert sum(isinstance(r, accounts.Joined) for r in results) == 1
        assert {getattr(r, "code", "") for r in results} <= {"", "invitation_used", "name_taken"}
        assert len(await nodes[1].read(lambda shelf: shelf.accounts())) == 1

    run(act, nodes=2)


def test_joining_again_with_the_same_token_on_another_node(run: Run) -> None:
    async def act(*nodes: Store) -> None:
        clock, chance = MachineClock(), MachineChance()
        invitation, mine = await accounts.invite(nodes[0], "ada", clock), accounts.new_token()
        twice = await asyncio.gather(
            *(accounts.join(node, invitation, clock, chance, token=mine) for node in nodes), return_exceptions=True
        )
        assert [type(r) for r in twice] == [accounts.Joined] * 2
        assert await nodes[1].holder(accounts.digest(mine))

    run(act, nodes=2)


# -- people


def test_tokens_and_accounts(run: Run) -> None:
    async def act(store: Store) -> None:
        ada = await store.write(lambda shelf: add(shelf, "ada"))
        bert = await store.write(lambda shelf: add(shelf, "bert"))
        token = b"ada".ljust(32, b".")
        assert await store.holder(token) == ada
        assert await store.holder(token[:31] + b"!") is None
        assert await store.holder(b"") is None
        await store.write(lambda shelf: shelf.set_token(ada, b"new".ljust(32, b".")))
        assert await store.holder(token) is None
        assert await store.holder(b"new".ljust(32, b".")) == ada

        def look(shelf: Shelf) -> None:
            assert [a for a, _h in shelf.accounts()] == [ada, bert]
            assert shelf.account("ada@letters.test") == shelf.account_numbered(ada.number) == ada
            assert shelf.account("clara@letters.test") is None
            assert shelf.account_of(b"new".ljust(32, b".")) == ada

        await store.read(look)
        await store.write(lambda shelf: shelf.remove_account(ada))
        assert await store.holder(b"new".ljust(32, b".")) is None
        assert await store.read(lambda shelf: shelf.account_numbered(ada.number)) is None

    run(act)


def test_what_another_one_holds_stays_when_an_account_is_removed(run: Run) -> None:
    async def act(store: Store) -> None:
        def fill(shelf: Shelf) -> Account:
            ada, bert = add(shelf, "ada"), add(shelf, "bert")
            blob = keep(shelf, ada, b"for bert" * 10)
            assert shelf.add_email(bert, "M1", INBOX, blob, (), NOW)
            assert shelf.blob(bert, blob.uid)
            shelf.remove_account(ada)
            return bert

        bert = await store.write(fill)
        uid = uid_of(b"for bert" * 10)
        assert await store.piece(bert, uid, 0, 99) == b"for bert" * 10
        assert await store.read(held) == {"bert": 80}

    run(act)


# -- blobs


def test_parts_of_small_and_large_blobs(run: Run) -> None:
    async def act(store: Store) -> None:
        def fill(shelf: Shelf) -> tuple[Account, Account]:
            ada, bert, clara = (add(shelf, n) for n in ("ada", "bert", "clara"))
            for data in datas:
                assert shelf.add_email(bert, f"M{len(data)}", INBOX, keep(shelf, ada, data), (), NOW)
            return bert, clara

        datas = [b"", b"short", os.urandom(PIECE), os.urandom(2 * PIECE + 5), os.urandom(3 * PIECE)]
        bert, clara = await store.write(fill)
        for data in datas:
            size, uid = len(data), uid_of(data)
            places = (0, 1, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, size - 1, size, size + 5)
            for start in {p for p in places if p >= 0}:
                for length in (0, 1, 10, PIECE, PIECE + 1, 4 * PIECE):
                    assert await store.piece(bert, uid, start, length) == data[start : start + length]
                assert await store.read(lambda s, u=uid, o=start: s.read(bert, u, o)) == data[start:]  # type: ignore[misc]
            assert await store.piece(clara, uid, 0, 5) is None
        uids = [uid_of(data) for data in (*datas, b"not there")]
        assert await store.read(lambda s: s.wholes(bert, uids)) == {uid_of(data): data for data in datas}
        assert await store.read(lambda s: s.wholes(clara, uids)) == {}

    run(act)


def test_quota_counts_uploads_and_letters(run: Run) -> None:
    async def act(store: Store) -> None:
        def fill(shelf: Shelf) -> None:
            ada, bert = add(shelf, "ada"), add(shelf, "bert")
            first = put(shelf, ada, b"a" * 6_000, SENT)
            assert held(shelf) == {"ada": 6_000, "bert": 0}  # its upload has found its place
            assert shelf.keep(ada, uid_of(b"b" * 4_001), b"b" * 4_001, "", NOW) is None
            assert shelf.blob(ada, uid_of(b"b" * 4_001)) is None
            keep(shelf, ada, b"b" * 4_000)
            keep(shelf, ada, b"b" * 4_000)
            assert held(shelf)["ada"] == 10_000
            assert shelf.add_email(bert, "M1", INBOX, first.blob, (), NOW)
            assert shelf.add_email(bert, "M2", INBOX, first.blob, (), NOW) is None
            assert held(shelf)["bert"] == 6_000
            shelf.set_quota(bert, 12_000)
            assert shelf.add_email(bert, "M2", INBOX, first.blob, (), NOW)
            assert [h.quota for _a, h in shelf.accounts()] == [None, 12_000]
            shelf.set_quota(bert, 0)
            shelf.remove_email(bert, shelf.emails(bert, ["M2"])["M2"], NOW)
            assert shelf.add_email(bert, "M2", INBOX, first.blob, (), NOW) is None
            shelf.set_quota(bert, None)
            shelf.remove_email(ada, first, NOW)
            assert held(shelf) == {"ada": 4_000, "bert": 6_000}
            assert shelf.blob(ada, first.blob.uid) is None
            assert shelf.read(bert, first.blob.uid) == b"a" * 6_000
            counts = shelf.counts()
            assert (counts.accounts, counts.parcels, counts.bytes, counts.invitations) == (2, 1, 10_000, 0)

        await store.write(fill)

    run(act, limits=SMALL)


# -- Emails and submissions


def test_finding_and_changing(run: Run) -> None:
    async def act(store: Store) -> None:
        def fill(shelf: Shelf) -> None:
            ada = add(shelf, "ada")
            hour = timedelta(hours=1)
            emails = [put(shelf, ada, b"x" * (n + 1), SENT if n == 3 else INBOX, NOW + n * hour) for n in range(5)]
            uids = [e.uid for e in emails]
            shelf.change_email(ada, emails[1], INBOX, ["$seen"], NOW)
            shelf.change_email(ada, emails[2], INBOX, ["$flagged", "$seen", "$seen2"], NOW)

            def found(**how: Any) -> list[int]:
                return [uids.index(u) for u in shelf.find_emails(ada, Find(**how))]

            assert found() == [4, 3, 2, 1, 0]
            assert found(newest_first=False, mailbox=INBOX) == [0, 1, 2, 4]
            assert found(not_mailboxes=(INBOX,)) == [3]
            assert found(before=NOW + hour) == [0]
            assert found(after=NOW + 4 * hour) == [4]
            assert found(larger=4) == [4, 3]
            assert found(smaller=2) == [0]
            assert found(keyword="$seen") == [2, 1]
            assert found(not_keyword="$seen", mailbox=INBOX) == [4, 0]
            assert found(keyword="\0") == []
            assert shelf.blob(ada, "B\0") is None
            assert shelf.count_emails(ada, INBOX) == (4, 2)
            assert shelf.count_emails(ada, SENT) == (1, 1)
            assert shelf.emails(ada, [uids[2], "none"])[uids[2]].keywords == ("$flagged", "$seen", "$seen2")
            seen = shelf.email_changes(ada, 5, 10)
            assert seen
            assert (set(seen.updated), seen.until, seen.more) == ({uids[1], uids[2]}, 7, False)
            step = shelf.email_changes(ada, 0, 2)
            assert step
            assert (step.created, step.until, step.more) == ((uids[0], uids[1]), 2, True)
            assert shelf.email_changes(ada, 8, 10) is None

        await store.write(fill)

    run(act)


def test_submissions(run: Run) -> None:
    async def act(store: Store) -> None:
        def fill(shelf: Shelf) -> None:
            ada, bert = add(shelf, "ada"), add(shelf, "bert")
            fine, not_yet = (
                Delivery("bert@letters.test", True, "250 ok"),
                Delivery("bert@letters.test", False, "452 no"),
            )
            first = Submission("S1", "k1", "M1", "B1", "ada@letters.test", NOW, (not_yet,))
            shelf.put_submission(ada, first)
            shelf.put_submission(ada, Submission("S2", "k2", "M2", "B2", "ada@letters.test", NOW, (fine,)))
            assert shelf.submission_seq(ada) == 2
            again = Submission("S1", "k1", "M1", "B1", "ada@letters.test", NOW, (fine,))
            shelf.put_submission(ada, again)
            assert shelf.submissions(ada, ["S1", "none"]) == {"S1": again}
            assert [s.uid for s in shelf.submissions_keyed(ada, ["k2", "none"])] == ["S2"]
            assert shelf.submissions_keyed(bert, ["k2"]) == []
            assert shelf.submissions_keyed(ada, ["k2\0", "\0"]) == []
            assert [s.uid for s in shelf.all_submissions(ada)] == ["S1", "S2"]
            changes = shelf.submission_changes(ada, 2, 9)
            assert changes
            assert (changes.created, changes.updated, changes.until) == ((), ("S1",), 3)
            assert shelf.submission_changes(bert, 1, 9) is None

        await store.write(fill)

    run(act)


# -- time


def test_what_leaves_when(run: Run) -> None:
    """Fetched parcels and sent copies after 30 days, uploads after one, waiting parcels never."""

    async def act(store: Store) -> None:
        def fill(shelf: Shelf) -> None:
            ada = add(shelf, "ada")
            put(shelf, ada, b"waiting")
            shelf.change_email(ada, put(shelf, ada, b"fetched"), INBOX, ["$seen"], NOW)
            shelf.change_email(ada, put(shelf, ada, b"flagged"), INBOX, ["$flagged"], NOW)
            regretted = put(shelf, ada, b"fetched, and then not")
            shelf.change_email(ada, regretted, INBOX, ["$seen"], NOW)
            shelf.change_email(ada, regretted, INBOX, [], NOW)
            put(shelf, ada, b"sent", SENT)
            keep(shelf, ada, b"uploaded")
            shelf.put_submission(ada, Submission("S1", "k", "M", "B", "ada", NOW, ()))

        def swept(days: float) -> Callable[[Shelf], tuple[int, int, bool]]:
            def go(shelf: Shelf) -> tuple[int, int, bool]:
                while shelf.sweep(NOW + timedelta(days=days, seconds=5), 1):
                    pass
                ada = named(shelf, "ada")
                uploaded = shelf.blob(ada, uid_of(b"uploaded")) is not None
                return len(shelf.find_emails(ada, Find())), len(list(shelf.all_submissions(ada))), uploaded

            return go

        await store.write(fill)
        assert await store.write(swept(0)) == (5, 1, True)
        letters = [b"waiting", b"fetched", b"flagged", b"fetched, and then not", b"sent"]
        # Each of the four in the letterbox is held twice, as the upload that it came from: the upload goes.
        assert await store.write(swept(1)) == (5, 1, False)
        assert await store.read(held) == {"ada": sum(map(len, letters))}
        assert await store.write(swept(30)) == (3, 1, False)
        assert await store.write(swept(399)) == (3, 1, False)
        assert await store.write(swept(400)) == (3, 0, False)
        assert await store.read(held) == {"ada": sum(map(len, (letters[0], letters[2], letters[3])))}

        def forgotten(shelf: Shelf) -> None:
            ada = named(shelf, "ada")
            assert shelf.submission_changes(ada, 1, 9) is None
            assert shelf.submission_changes(ada, shelf.submission_seq(ada), 9)

        await store.read(forgotten)

    run(act)


def test_what_was_destroyed_is_known_for_ninety_days(run: Run) -> None:
    async def act(store: Store) -> None:
        def fill(shelf: Shelf) -> None:
            ada = add(shelf, "ada")
            emails = [put(shelf, ada, b"x%d" % n) for n in range(3)]
            shelf.remove_email(ada, emails[0], NOW)
            before = shelf.email_changes(ada, 3, 10)
            assert before
            assert before.destroyed == (emails[0].uid,)
            while shelf.sweep(NOW + timedelta(days=91), 1):
                pass
            assert shelf.email_changes(ada, 3, 10) is None
            now = shelf.email_seq(ada)
            assert shelf.email_changes(ada, now, 10)
            assert shelf.email_changes(ada, now + 1, 10) is None

        await store.write(fill)

    run(act)


def test_old_invitations_go(run: Run) -> None:
    async def act(store: Store) -> None:
        clock = MachineClock()
        await accounts.invite(store, "ada", clock)
        assert (await store.read(lambda shelf: shelf.counts())).invitations == 1
        assert await store.write(lambda shelf: shelf.sweep(clock.now() + timedelta(days=13), 10)) == 0
        assert await store.write(lambda shelf: shelf.sweep(clock.now() + timedelta(days=15), 10)) == 1
        assert (await store.read(lambda shelf: shelf.counts())).invitations == 0

    run(act)


def test_older_tables_in_a_database_are_brought_up_by_whichever_node_is_first() -> None:
    url = a_database()
    asyncio.run(stores.create(url, MachineChance()).close())
    with psycopg.connect(url, autocommit=True) as db:
        db.execute("DROP TABLE outgoing")
        db.execute("UPDATE facts SET value = '1' WHERE name = 'version'")

    async def act() -> None:
        opened = await asyncio.gather(*(asyncio.to_thread(stores.open_store, url) for _node in range(2)))
        assert [(await store.read(lambda shelf: shelf.counts())).outgoing for store in opened] == [0, 0]
        for store in opened:
            await store.close()

    asyncio.run(act())
    with psycopg.connect(url, autocommit=True) as db:
        assert db.execute("SELECT value FROM facts WHERE name = 'version'").fetchone() == (str(VERSION),)


# -- to the world


def outgoing(shelf: Shelf, account: Account, uid: str, *, data: bytes = b"x" * 100, at: datetime = NOW) -> Outgoing:
    """A parcel of the account's in the queue, of which there is an Email too."""
    put(shelf, account, data, SENT, at)
    one = Outgoing(uid, f"S{uid}", "dora@world.test", uid_of(data), len(data), at, at)
    assert shelf.add_outgoing(account, one)
    return one


def test_the_bytes_of_what_goes_out_stay_until_it_is_done(run: Run) -> None:
    async def act(store: Store) -> None:
        def begin(shelf: Shelf) -> None:
            ada = add(shelf, "ada")
            outgoing(shelf, ada, "W1")
            for email in everything(shelf, ada):
                shelf.remove_email(ada, email, NOW)

        await store.write(begin)
        ada = await store.read(lambda shelf: named(shelf, "ada"))
        assert await store.piece(ada, uid_of(b"x" * 100), 0, 200) == b"x" * 100
        assert await store.read(lambda shelf: (held(shelf), shelf.counts().outgoing)) == ({"ada": 100}, 1)
        one = await store.read(lambda shelf: shelf.outgoing(ada, "W1"))
        assert one is not None and one.size == 100
        done = replace(one, step=Step.DONE, due=NOW + timedelta(hours=1))
        await store.write(lambda shelf: shelf.change_outgoing(ada, done))
        assert await store.piece(ada, uid_of(b"x" * 100), 0, 200) is None
        assert await store.read(lambda shelf: (held(shelf), shelf.counts().outgoing)) == ({"ada": 0}, 0)
        assert await store.read(lambda shelf: shelf.outgoing_since(ada, NOW - timedelta(minutes=59))) == 1
        await store.write(lambda shelf: shelf.sweep(NOW + timedelta(hours=2), 9))
        assert await store.read(lambda shelf: shelf.outgoing_of(ada, "SW1")) == []

    run(act)


def test_what_is_due_is_one_nodes_for_a_while_and_behind_its_dot_nobody_elses(run: Run) -> None:
    pace = smarthost.PACE

    async def act(one: Store, other: Store) -> None:
        def begin(shelf: Shelf) -> None:
            ada, bert = add(shelf, "ada"), add(shelf, "bert")
            for n in range(6):
                outgoing(shelf, (ada, bert)[n % 2], f"W{n}", data=b"%d" % n * 50)
                shelf.put_submission(
                    (ada, bert)[n % 2],
                    Submission(
                        f"SW{n}", f"k{n}", "M", "B", "a", NOW, (Delivery("dora@world.test", True, "250 ", QUEUED),)
                    ),
                )

        def claim(holder: str, minutes: int) -> Callable[[Shelf], Any]:
            return lambda shelf: abroad.claim(shelf, holder, NOW + timedelta(minutes=minutes), 4, DEFAULT, pace)

        await one.write(begin)
        both = await asyncio.gather(one.write(claim("one", 0)), other.write(claim("other", 0)))
        uids = [sorted(claimed.uid for _account, claimed in mine) for mine in both]
        assert sorted(uids[0] + uids[1]) == [f"W{n}" for n in range(6)]
        assert await one.write(claim("third", 1)) == []
        account, first = both[0][0]
        assert await one.write(lambda shelf: abroad.about_to(shelf, account, first, NOW, pace))
        # The while is over: what was behind no dot is another's; of what was, nobody knows.
        later = [await other.write(claim("late", 16)), await other.write(claim("later", 21))]
        again = [claimed.uid for mine in later for _account, claimed in mine]
        assert first.uid not in again and len(again) == 5
        ((delivery,),) = await one.read(
            lambda shelf: [s.deliveries for s in shelf.submissions(account, [f"S{first.uid}"]).values()]
        )
        assert delivery.abroad is Abroad.UNCERTAIN
        account, slow = both[1][0]
        now = NOW + timedelta(minutes=21)
        assert not await one.write(lambda shelf: abroad.about_to(shelf, account, slow, now, pace))
        settled = lambda shelf: abroad.settle(shelf, account, slow, Turned("550 no"), "mail", now, DEFAULT)  # noqa: E731
        assert await one.write(settled) is None

    run(act, nodes=2)
