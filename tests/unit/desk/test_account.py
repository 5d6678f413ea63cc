"""Mail accounts at a desk: what may be one, what is kept, who gets the secret, and how one signs in anew."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from dearly.desk import account, credentials, rounds, setup
from dearly.drawer import accounts, arrivals, keyring
from dearly.drawer.connection import Db
from dearly.letter import failpoint
from dearly.letter.account import MailAccount, OAuthClient, Protocol, Security, Server, SignIn
from dearly.letter.address import Address
from dearly.letter.envelope import Way
from dearly.letter.errors import CarrierTrouble, DearlyError, NotFound, Refused, Usage
from dearly.letter.suggestion import Suggestion, Told
from dearly.seal.trust import examine
from tests.support.desks import MAIL_PASSWORD, FakeTokens, MemoryWays, Person, a_mail_account, a_town
from tests.support.drawers import run
from tests.support.memory_mail import MailboxInMemory

ADA = "ada@letters.test"
CLIENT = OAuthClient("fake-client", "https://provider.test/authorize", "https://provider.test/token", "mail")


def stated(kind: Protocol, text: str, security: Security | None = None) -> Server:
    return account.stated(kind, text, security, ADA)


@pytest.mark.parametrize(
    ("text", "security", "expected"),
    [
        ("imap.letters.test", None, ("imap.letters.test", 993, Security.TLS)),
        ("IMAP.letters.test:1993", None, ("imap.letters.test", 1993, Security.TLS)),
        ("imap.letters.test:143", None, ("imap.letters.test", 143, Security.STARTTLS)),
        ("imap.letters.test", Security.STARTTLS, ("imap.letters.test", 143, Security.STARTTLS)),
        ("127.0.0.1:4143", Security.PLAIN, ("127.0.0.1", 4143, Security.PLAIN)),
        ("[::1]:4143", Security.PLAIN, ("::1", 4143, Security.PLAIN)),
    ],
)
def test_servers_as_people_name_them(text: str, security: Security | None, expected: tuple[str, int, Security]) -> None:
    made = stated(Protocol.IMAP, text, security)
    assert (made.host, made.port, made.security) == expected


@pytest.mark.parametrize(
    "text", ["", ":993", "a b", "imap.letters.test:0", "imap.letters.test:70000", "user@host", "host:12x", "host\n:1"]
)
def test_what_is_no_server(text: str) -> None:
    with pytest.raises(Usage) as bad:
        stated(Protocol.IMAP, text)
    assert bad.value.code == "bad_server"


@pytest.mark.parametrize("text", ["https://ada:fake-secret@mail.test/", "imaps://ada:fake-secret@mail.test"])
def test_a_password_in_an_address_is_not_repeated(text: str) -> None:
    for kind in (Protocol.JMAP, Protocol.IMAP):
        with pytest.raises(Usage) as wrong:
            stated(kind, text)
        assert "fake-secret" not in wrong.value.told + repr(wrong.value)


def test_unencrypted_lines_stay_on_this_machine() -> None:
    with pytest.raises(Usage) as bad:
        stated(Protocol.SMTP, "smtp.letters.test", Security.PLAIN)
    assert bad.value.code == "insecure_account"
    with pytest.raises(Usage) as bad:
        stated(Protocol.JMAP, "http://jmap.letters.test/")
    assert bad.value.code == "insecure_account"


def test_jmap_by_url_or_host() -> None:
    assert stated(Protocol.JMAP, "jmap.letters.test").url == "https://jmap.letters.test/.well-known/jmap"
    made = stated(Protocol.JMAP, "http://127.0.0.1:8080/jmap/session")
    assert (made.host, made.port, made.security) == ("127.0.0.1", 8080, Security.PLAIN)
    for bad in ("ftp://a.test", "https://", "https://u:p@a.test/", "https://a.test:99999/"):
        with pytest.raises(Usage):
            stated(Protocol.JMAP, bad)


def test_an_account_is_kept_and_speaks_for_its_address(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            made = await ada.gets_mail()
            (one,) = await account.list_all(ada.desk)
            assert one.address == ADA
            assert (one.incoming, one.outgoing) == ("imap imap.letters.test:993 tls", "smtp smtp.letters.test:465 tls")
            assert MAIL_PASSWORD not in repr(one)
            assert (await account.show(ada.desk, "ADA@letters.test"))[1] == made
            assert (await account.check(ada.desk, ADA)).fine
            assert (await account.list_all(ada.desk))[0].spoken == town.clock.now()
            card = await setup.my_card(ada.desk)
            assert card.addresses == (ADA,)
            own = await ada.desk.drawer.read(_own_certificate)
            assert examine(own, town.clock.now()).addresses == (Address.parse(ADA),)
            # Another server: what the old one said of where we were is forgotten; the account is the same one.
            await ada.desk.drawer.write(lambda db: arrivals.save_cursor(db, Way.MAIL, ADA, "7", town.clock.now()))
            await account.add(ada.desk, replace(made, strangers=False), "another fake password")
            assert await _cursor(ada) == "7"
            moved = replace(made, incoming=stated(Protocol.POP3, "pop.letters.test"))
            await account.add(ada.desk, moved, "another fake password")
            assert await _cursor(ada) == ""
            assert len(await account.list_all(ada.desk)) == 1
            # Changed without a secret, the one that there is stays.
            await account.add(ada.desk, moved, "")
            kept = await ada.desk.drawer.read(lambda db: accounts.account(db, Way.MAIL, ADA))
            assert kept is not None
            assert kept.secret == "another fake password"
            # A wrong password is told in words, and nothing is kept by trying.
            tried = await account.try_out(ada.desk, made, "wrong")
            assert not tried.fine
            assert not (await account.check(ada.desk, ADA)).fine

            for bad, secret, code in (
                (replace(made, incoming=None, outgoing=None), "x", "no_server"),
                (a_mail_account("other@letters.test"), "", "no_secret"),
                (replace(made, address=Address.parse("a@b.office.invalid")), "x", "not_a_mail_address"),
                (replace(made, sign_in=SignIn.OAUTH, oauth=CLIENT), "no tokens", "no_secret"),
                (made, "fake\r\nQUIT", "bad_password"),
                (made, "fake\udcff", "bad_password"),
            ):
                with pytest.raises(Usage) as wrong:
                    await account.add(ada.desk, bad, secret)
                assert wrong.value.code == code
            with pytest.raises(NotFound):
                await account.check(ada.desk, "nobody@letters.test")
            assert await account.find(ada.desk, ADA) == []
            ways = ada.desk.ways
            assert isinstance(ways, MemoryWays)
            ways.known = [Suggestion(Told.PROVIDER, made, (SignIn.PASSWORD,), ())]
            assert [one.account for one in await account.find(ada.desk, ADA)] == [made]

    run(play())


def test_the_same_address_in_other_letters_is_the_same_account(tmp_path: Path) -> None:
    """F37: two accounts for one mailbox would each close the other's line."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            made = await ada.gets_mail()
            (before,) = await account.list_all(ada.desk)
            again = replace(made, address=Address.parse("ADA@Letters.Test"), strangers=False)
            assert (await account.add(ada.desk, again, "")).uid == before.uid
            (now,) = await account.list_all(ada.desk)
            assert (now.uid, now.address, now.strangers) == (before.uid, ADA, False)

    run(play())


def test_a_secret_that_is_kept_goes_nowhere_else(tmp_path: Path) -> None:
    """A23: changed without a secret, an account whose servers are other ones asks for it anew."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            made = await ada.gets_mail()
            assert made.incoming is not None
            elsewhere = replace(made, outgoing=Server(Protocol.SMTP, "smtp.other.test", 465, Security.TLS, ADA))
            jmap = replace(
                made, incoming=replace(stated(Protocol.JMAP, "imap.letters.test"), url="https://other.test/")
            )
            for other in (elsewhere, replace(jmap, outgoing=None)):
                for act in (account.add, account.try_out):
                    with pytest.raises(Usage) as wrong:
                        await act(ada.desk, other, "")
                    assert wrong.value.code == "no_secret"
            assert (await account.show(ada.desk, ADA))[1] == made
            await account.add(ada.desk, replace(made, incoming=replace(made.incoming, host="SMTP.letters.test")), "")

    run(play())


def test_a_token_is_renewed_once_whoever_asks_for_it(tmp_path: Path) -> None:
    """A round and a check at the same time: what a token is renewed by may be good once only."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            ways = ada.desk.ways
            assert isinstance(ways, MemoryWays)
            made: MailAccount = replace(a_mail_account(ADA), sign_in=SignIn.OAUTH, oauth=CLIENT)
            ways.tokens = [FakeTokens("fake-1"), FakeTokens("fake-2"), FakeTokens("fake-3")]
            await account.add(ada.desk, made, await account.sign_in(ada.desk, made, lambda _url: None))
            town.clock.pass_(hours=1)
            both = [credentials.OfDrawer(ada.desk, ADA) for _who in range(2)]
            assert await asyncio.gather(*(one.password() for one in both)) == ["fake-2", "fake-2"]
            assert len(ways.tokens) == 1

    run(play())


def test_a_token_that_a_round_renews_meanwhile_is_not_put_back(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            ways = ada.desk.ways
            assert isinstance(ways, MemoryWays)
            made: MailAccount = replace(a_mail_account(ADA), sign_in=SignIn.OAUTH, oauth=CLIENT)
            town.mail.box(ADA)
            ways.tokens = [FakeTokens("fake-1"), FakeTokens("fake-2")]
            await account.add(ada.desk, made, await account.sign_in(ada.desk, made, lambda _url: None))
            town.clock.pass_(hours=1)
            async with ada.desk.turn:  # a round is being made
                changing = asyncio.create_task(account.add(ada.desk, replace(made, strangers=False), ""))
                while not ada.desk.turn._waiters:
                    await asyncio.sleep(0)
                    await ada.desk.drawer.read(lambda db: db.value("SELECT 1"))
                assert await credentials.OfDrawer(ada.desk, ADA).password() == "fake-2"
            await changing
            kept = await ada.desk.drawer.read(lambda db: accounts.account(db, Way.MAIL, ADA))
            assert kept is not None
            assert json.loads(kept.secret)["access"] == "fake-2"
            assert not account.settings_of(kept).strangers

    run(play())


def test_a_token_that_was_renewed_is_kept_where_nobody_waits_for_it_any_more(tmp_path: Path) -> None:
    """The provider takes the one before it no more: a round that is cancelled just then must not lose the new one."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            ways = ada.desk.ways
            assert isinstance(ways, MemoryWays)
            made: MailAccount = replace(a_mail_account(ADA), sign_in=SignIn.OAUTH, oauth=CLIENT)
            ways.tokens = [FakeTokens("fake-1"), FakeTokens("fake-2", refresh="fake-refresh-2")]
            await account.add(ada.desk, made, await account.sign_in(ada.desk, made, lambda _url: None))
            town.clock.pass_(hours=1)
            asking = asyncio.create_task(credentials.OfDrawer(ada.desk, ADA).password())
            failpoint.listen(lambda step: asking.cancel() and None if step == "token.renewed" else None)
            try:
                with pytest.raises(asyncio.CancelledError):
                    await asking
            finally:
                failpoint.listen(None)
            kept = await ada.desk.drawer.read(lambda db: accounts.account(db, Way.MAIL, ADA))
            assert kept is not None
            assert json.loads(kept.secret)["refresh"] == "fake-refresh-2"
            assert await credentials.OfDrawer(ada.desk, ADA).password() == "fake-2"

    run(play())


def test_a_line_that_is_signed_in_is_let_go_of_with_its_account(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            made = await ada.gets_mail()
            kept = await ada.desk.drawer.read(lambda db: account.named(db, ADA))
            first = await account.carrier(ada.desk, kept)
            assert isinstance(first, MailboxInMemory)
            await account.add(ada.desk, made, "another fake password")
            assert first.closed, "it is signed in with what is good no more"
            second = await account.carrier(ada.desk, kept)
            assert isinstance(second, MailboxInMemory)
            await account.remove(ada.desk, ADA)
            assert second.closed

    run(play())


def _own_certificate(db: Db) -> bytes:
    return keyring.own_key(db).certificate


async def _cursor(ada: Person) -> str:
    return await ada.desk.drawer.read(lambda db: arrivals.cursor(db, Way.MAIL, ADA))


def test_an_address_that_is_left(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            with pytest.raises(Refused) as only:
                await account.remove(ada.desk, ADA, leave=True)
            assert only.value.code == "last_address"
            assert len(await account.list_all(ada.desk)) == 1
            await ada.gets_mail("ada@second.test")
            town.clock.pass_(hours=1)
            assert (await account.remove(ada.desk, ADA, leave=True)).left
            assert (await setup.my_card(ada.desk)).addresses == ("ada@second.test",)
            facts = examine(await ada.desk.drawer.read(_own_certificate), town.clock.now())
            assert facts.addresses == (Address.parse("ada@second.test"),)
            secret = await ada.desk.drawer.read(
                lambda db: db.value("SELECT secret FROM accounts WHERE place = ?", (ADA,))
            )
            assert secret == ""
            # A relay makes another one.
            view = await account.add_relay(ada.desk, "https://relay.test")
            assert view.address.endswith("@relay.test")
            # And an address that was left can be ours again.
            town.clock.pass_(hours=1)
            await ada.gets_mail()
            facts = examine(await ada.desk.drawer.read(_own_certificate), town.clock.now())
            assert Address.parse(ADA) in facts.addresses

    run(play())


def test_tokens_are_renewed_where_they_lie(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            ways = ada.desk.ways
            assert isinstance(ways, MemoryWays)
            made: MailAccount = replace(a_mail_account(ADA), sign_in=SignIn.OAUTH, oauth=CLIENT)
            town.mail.box(ADA)
            shown: list[str] = []
            ways.tokens = [FakeTokens("fake-1"), FakeTokens("fake-2"), FakeTokens("fake-3")]
            secret = await account.sign_in(ada.desk, made, shown.append)
            assert shown == [f"https://provider.test/authorize?client_id=fake-client&login_hint={ADA}"]
            assert (await account.try_out(ada.desk, made, secret)).fine
            await account.add(ada.desk, made, secret)
            asks = credentials.OfDrawer(ada.desk, ADA)
            assert await asks.password() == "fake-1"
            town.clock.pass_(minutes=57)
            assert await asks.password() == "fake-1"
            town.clock.pass_(minutes=2)  # its time is nearly over
            assert await asks.password() == "fake-2"
            await asks.refused()  # the server does not take it, whatever its time
            assert await asks.password() == "fake-3"
            kept = await ada.desk.drawer.read(lambda db: accounts.account(db, Way.MAIL, ADA))
            assert kept is not None
            assert json.loads(kept.secret)["access"] == "fake-3"
            await asks.refused()
            with pytest.raises(CarrierTrouble) as again:
                await asks.password()
            assert again.value.code == "sign_in_again"
            assert ADA in again.value.message
            report = await rounds.make_round(ada.desk)
            assert any("sign in again" in trouble for trouble in report.troubles)
            with pytest.raises(Usage) as without:
                await account.sign_in(ada.desk, replace(made, oauth=None), shown.append)
            assert without.value.code == "bad_oauth_client"
            await account.remove(ada.desk, ADA)
            with pytest.raises(DearlyError):
                await asks.password()

    run(play())
