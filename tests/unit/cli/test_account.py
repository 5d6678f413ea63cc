"""`account` as it is typed: what the options come to, what is asked, and what is never used without a yes."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from tests.support.door import FakeTerminal

from dearly.carriers.base import Check
from dearly.desk.account import AccountView, Checked
from dearly.letter.account import MailAccount, OAuthClient, Protocol, Security, Server, SignIn
from dearly.letter.address import Address
from dearly.letter.errors import NotFound
from dearly.letter.suggestion import OAuthHint, Suggestion, Told

ADA = "ada@letters.test"
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
VIEW = AccountView("00" * 16, ADA, "imap mail.test:993 tls", "", ADA, "password", "", True, NOON, None, ())
FINE = Checked(ADA, True, (Check("incoming.sign_in", True, "The server takes the password."),))
WRONG = Checked(ADA, False, (Check("incoming.sign_in", False, "The server does not take the password."),))
PASSPHRASE = "fake pass phrase"
WORD = "fake mail password"
IMAP = Server(Protocol.IMAP, "imap.letters.test", 993, Security.TLS, ADA)
FOUND = Suggestion(
    Told.DNS,
    MailAccount(Address.parse(ADA), IMAP, None),
    (SignIn.PASSWORD,),
    ("imap.hosting.test",),
    oauth=OAuthHint("i", "https://provider.test/authorize", "https://provider.test/token", "mail"),
)


@pytest.fixture
def desk(verb):
    class Verbs:
        show = verb("account", "show", NotFound("unknown_account", "None.", ""))
        find = verb("account", "find", [FOUND])
        tried = verb("account", "try_out", FINE)
        added = verb("account", "add", VIEW)
        relay = verb("account", "add_relay", VIEW)
        signed = verb("account", "sign_in", '{"access": "fake"}')

    return Verbs


def test_servers_as_they_are_named(dearly, desk) -> None:
    terminal = FakeTerminal(files={"word": WORD.encode() + b"\n"}, secrets=[PASSPHRASE])
    code, terminal = dearly(
        f"account add {ADA} --pop 127.0.0.1:4110 --smtp 127.0.0.1:4025 --security plain --user ada"
        f" --password-file word --folder Dearly --no-strangers".split(),
        terminal,
    )
    assert (code, terminal.complained) == (0, "")
    ((made, secret), _named) = desk.added[0]
    assert secret == WORD
    assert made.incoming == Server(Protocol.POP3, "127.0.0.1", 4110, Security.PLAIN, "ada")
    assert made.outgoing == Server(Protocol.SMTP, "127.0.0.1", 4025, Security.PLAIN, "ada")
    assert (made.folder, made.strangers, made.sign_in) == ("Dearly", False, SignIn.PASSWORD)
    assert "The server takes the password." in terminal.said
    assert WORD not in terminal.said
    assert desk.find == []


def test_what_was_found_is_shown_and_wants_a_yes(dearly, desk) -> None:
    code, terminal = dearly(["account", "add", ADA], FakeTerminal(secrets=[PASSPHRASE], lines=["no"]))
    assert code == 2
    assert "imap.letters.test:993" in terminal.complained
    assert "imap.hosting.test" in terminal.complained
    assert desk.added == []
    code, terminal = dearly(["account", "add", ADA, "--json"], FakeTerminal(secrets=[PASSPHRASE]))
    assert (code, json.loads(terminal.complained)["error"]["code"]) == (2, "not_agreed")
    code, terminal = dearly(["account", "add", ADA], FakeTerminal(secrets=[PASSPHRASE, WORD], lines=["yes"]))
    assert code == 0
    assert desk.added[0][0] == (FOUND.account, WORD)
    code, terminal = dearly(["account", "add", ADA, "--yes", "--json"], FakeTerminal(secrets=[PASSPHRASE, WORD]))
    assert code == 0
    assert json.loads(terminal.said)["checks"][0]["fine"] is True


def test_what_does_not_work_is_not_kept(dearly, desk, verb) -> None:
    verb("account", "try_out", WRONG)
    argv = ["account", "add", ADA, "--imap", "mail.test"]
    code, terminal = dearly(argv, FakeTerminal(secrets=[WORD, PASSPHRASE]))
    assert code == 6
    assert "does not take the password" in terminal.complained
    assert desk.added == []
    code, terminal = dearly([*argv, "--unchecked"], FakeTerminal(secrets=[WORD, PASSPHRASE]))
    assert code == 0
    assert len(desk.added) == 1


def test_an_account_that_is_here_signs_in_anew(dearly, desk, verb) -> None:
    client = OAuthClient("fake-client", "https://a.test", "https://t.test", "mail")
    made = MailAccount(Address.parse(ADA), IMAP, None, SignIn.OAUTH, oauth=client)
    verb("account", "show", (VIEW, made))
    code, _terminal = dearly(["account", "add", ADA])
    assert code == 0
    assert desk.signed[0][0][0] == made
    assert desk.find == []
    verb("account", "show", (VIEW, MailAccount(Address.parse(ADA), IMAP, None)))
    code, _terminal = dearly(["account", "add", ADA], FakeTerminal(secrets=[PASSPHRASE, WORD]))
    assert code == 0
    assert desk.added[-1][0][1] == WORD


def test_a_client_id_takes_what_was_found_for_the_rest(dearly, desk) -> None:
    code, _terminal = dearly(["account", "add", ADA, "--yes", "--oauth-client-id", "fake-client"])
    assert code == 0
    made = desk.signed[0][0][0]
    assert made.oauth == OAuthClient(
        "fake-client", "https://provider.test/authorize", "https://provider.test/token", "mail"
    )
    assert made.sign_in is SignIn.OAUTH


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["--relay", "relay.test", ADA], "relay_names_it"),
        ([], "no_address"),
        ([ADA, "--imap", "a.test", "--pop", "b.test"], "two_servers"),
        ([ADA, "--jmap", "a.test", "--smtp", "b.test"], "two_servers"),
        ([ADA, "--imap", "a b"], "bad_server"),
        ([ADA, "--smtp", "a.test", "--security", "plain"], "insecure_account"),
        (["ada@town.office.invalid"], "not_a_mail_address"),
        (["nobody"], "bad_address"),
        ([ADA, "--imap", "a.test"], "password_wanted"),
    ],
)
def test_what_cannot_be_meant(dearly, desk, argv: list[str], code: str) -> None:
    done, terminal = dearly(["account", "add", *argv, "--json"], FakeTerminal(secrets=[]))
    assert (done, json.loads(terminal.complained)["error"]["code"]) == (2, code)
    assert desk.added == desk.relay == []


def test_a_relay_and_checking_all(dearly, desk, verb) -> None:
    assert dearly(["account", "add", "--relay", "relay.test"])[0] == 0
    assert desk.relay[0][0] == ("relay.test", None)
    verb("account", "list_all", [VIEW])
    verb("account", "check", WRONG)
    code, terminal = dearly(["account", "check"])
    assert code == 6
    assert "! The server does not take the password." in terminal.said
