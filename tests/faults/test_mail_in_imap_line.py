"""Coming to an IMAP server and signing in, where the server or somebody on the line means ill (A23, A24).

Every play asserts what was sent: no secret leaves before the line is as the account says.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from pathlib import Path

import pytest

from dearly.carriers.mail.imapline import Line
from dearly.letter.account import Protocol, Security, Server, SignIn
from dearly.letter.errors import CarrierTrouble
from tests.support.authority import Authority
from tests.support.fake_letters import fake_letter
from tests.support.mailboxes import Secrets, account, mailbox, whole_round
from tests.support.scripted_imap import PASSWORD, ScriptedImap, scripted_imap, server_context
from tests.support.times import FixedClock

LETTER = fake_letter(1).data


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def tls(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    return server_context(authority.issue("localhost", "127.0.0.1"), tmp_path_factory.mktemp("tls"))


def refused(server: ScriptedImap, **how: object) -> CarrierTrouble:
    """The trouble that comes of collecting there."""
    implicit = how.get("security") is Security.TLS
    secrets = how.pop("secrets", None) or Secrets()
    assert isinstance(secrets, Secrets)

    async def scene() -> CarrierTrouble:
        async with scripted_imap(server, implicit=implicit):
            server.inbox.lay(LETTER)
            box = mailbox(account(server.port, **how), secrets=secrets)  # type: ignore[arg-type]
            with pytest.raises(CarrierTrouble) as trouble:
                await box.collect("")
            await box.close()
            return trouble.value

    return asyncio.run(scene())


def let_in(server: ScriptedImap, **how: object) -> None:
    """The letter comes."""
    implicit = how.get("security") is Security.TLS
    secrets = how.pop("secrets", None) or Secrets()
    assert isinstance(secrets, Secrets)

    async def scene() -> None:
        async with scripted_imap(server, implicit=implicit):
            server.inbox.lay(LETTER)
            box = mailbox(account(server.port, **how), secrets=secrets)  # type: ignore[arg-type]
            parcels, _heads, _cursor, _left = await whole_round(box)
            assert [parcel.data for parcel in parcels] == [LETTER]
            await box.close()

    asyncio.run(scene())


def test_tls_from_the_first_octet_by_a_private_authority(authority: Authority, tls: ssl.SSLContext) -> None:
    let_in(ScriptedImap(tls=tls), security=Security.TLS, ca=authority.pem)


def test_starttls(authority: Authority, tls: ssl.SSLContext) -> None:
    server = ScriptedImap(tls=tls, capabilities="IMAP4rev1 STARTTLS LOGINDISABLED", after_tls="IMAP4rev1 AUTH=PLAIN")
    let_in(server, security=Security.STARTTLS, ca=authority.pem)
    assert server.asked.index("STARTTLS") < next(n for n, a in enumerate(server.asked) if a.startswith("AUTHENTICATE"))


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_certificate_of_another_authority_is_not_trusted(tls: ssl.SSLContext, security: Security) -> None:
    server = ScriptedImap(tls=tls, capabilities="IMAP4rev1 STARTTLS")
    trouble = refused(server, security=security, ca=Authority().pem)
    assert (trouble.code, trouble.retry, server.secrets) == ("server_untrusted", False, [])


@pytest.mark.parametrize("security", [Security.TLS, Security.STARTTLS])
def test_a_certificate_for_another_name_is_not_trusted(
    tmp_path: Path, authority: Authority, security: Security
) -> None:
    tls = server_context(authority.issue("elsewhere.test"), tmp_path)
    server = ScriptedImap(tls=tls, capabilities="IMAP4rev1 STARTTLS")
    trouble = refused(server, security=security, ca=authority.pem)
    assert (trouble.code, server.secrets) == ("server_untrusted", [])


def test_a_server_without_tls_where_it_has_to_be(authority: Authority) -> None:
    async def scene() -> CarrierTrouble:
        async with scripted_imap() as server:
            box = mailbox(account(server.port, security=Security.TLS, ca=authority.pem), patience=2)
            with pytest.raises(CarrierTrouble) as trouble:
                await box.collect("")
            assert server.secrets == []
            return trouble.value

    assert asyncio.run(scene()).code == "no_encryption"


def test_starttls_that_somebody_took_off_the_list_is_missed(authority: Authority) -> None:
    server = ScriptedImap(capabilities="IMAP4rev1 AUTH=PLAIN")
    trouble = refused(server, security=Security.STARTTLS, ca=authority.pem)
    assert (trouble.code, server.secrets) == ("no_encryption", [])
    assert "STARTTLS" in trouble.message


def test_starttls_that_is_refused(authority: Authority) -> None:
    server = ScriptedImap(capabilities="IMAP4rev1 STARTTLS", on={"STARTTLS": lambda _s, _w: b"{tag} NO not today\r\n"})
    secrets = Secrets()
    assert refused(server, security=Security.STARTTLS, ca=authority.pem, secrets=secrets).code == "no_encryption"
    assert (server.secrets, secrets.refusals) == ([], 0)


@pytest.mark.parametrize(
    "injected",
    [b"* CAPABILITY IMAP4rev1 LOGINDISABLED\r\n", b"* PREAUTH\r\n", b"* 1 EXISTS\r\n* BYE\r\n", b"x"],
)
def test_what_is_slipped_in_before_the_line_is_secured_breaks_it(
    injected: bytes, authority: Authority, tls: ssl.SSLContext
) -> None:
    server = ScriptedImap(tls=tls, capabilities="IMAP4rev1 STARTTLS AUTH=PLAIN", injected=injected)
    trouble = refused(server, security=Security.STARTTLS, ca=authority.pem)
    assert trouble.code in ("mail_answer", "no_encryption")
    assert server.secrets == []


def test_what_the_server_could_before_tls_does_not_count_after_it(authority: Authority, tls: ssl.SSLContext) -> None:
    server = ScriptedImap(tls=tls, capabilities="IMAP4rev1 STARTTLS AUTH=PLAIN", after_tls="IMAP4rev1 LOGINDISABLED")
    trouble = refused(server, security=Security.STARTTLS, ca=authority.pem)
    assert (trouble.code, server.secrets) == ("no_encryption", [])


@pytest.mark.parametrize("security", [Security.PLAIN, Security.STARTTLS, Security.TLS])
def test_preauth_is_refused(security: Security, authority: Authority, tls: ssl.SSLContext) -> None:
    """Else a man in the middle would skip STARTTLS, and show us letters of his own."""
    server = ScriptedImap(tls=tls, greeting="* PREAUTH welcome back", capabilities="IMAP4rev1 STARTTLS AUTH=PLAIN")
    trouble = refused(server, security=security, ca=authority.pem)
    assert trouble.code == "no_encryption"
    assert server.asked == ["CAPABILITY"]


def test_alerts_are_not_shown_and_what_the_server_says_is_shown_as_its_own() -> None:
    alert = b"* OK [ALERT] Call 0900-FAKE at once\r\n* NO [ALERT] or else\r\n"
    server = ScriptedImap(on={"AUTHENTICATE": lambda _s, _w: alert + b"{tag} NO [ALERT] \x1b[31mpay\x07 first\r\n"})
    trouble = refused(server)
    assert "0900" not in trouble.told
    assert "or else" not in trouble.told
    assert trouble.message.endswith("does not let bert sign in: [31mpay first")


@pytest.mark.parametrize(
    "referral",
    [
        b"{tag} NO [REFERRAL imap://other.test/] not here\r\n",
        b"* BYE [REFERRAL imap://other.test/] gone\r\n",
        b"* OK [REFERRAL imap://other.test/] better there\r\n{tag} NO [REFERRAL imap://other.test/] no\r\n",
    ],
)
def test_referrals_are_not_followed(referral: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[object] = []
    connect = __import__("socket").create_connection
    monkeypatch.setattr("socket.create_connection", lambda to, *rest: (reached.append(to), connect(to, *rest))[1])
    server = ScriptedImap(on={"AUTHENTICATE": lambda _s, _w: referral})
    trouble = refused(server)
    assert trouble.code in ("sign_in_later", "mail_answer")
    assert set(reached) == {("127.0.0.1", server.port)}


def test_a_mailbox_referral_is_not_followed() -> None:
    server = ScriptedImap(on={"EXAMINE": lambda _s, _w: b"{tag} NO [REFERRAL imap://other.test/INBOX] there\r\n"})
    assert refused(server).code == "mail_answer"


def test_a_wrong_password_is_said_once_and_not_tried_again() -> None:
    secrets = Secrets(["wrong"])
    server = ScriptedImap()
    trouble = refused(server, secrets=secrets)
    assert (trouble.code, trouble.retry, secrets.refusals) == ("sign_in_refused", False, 1)
    assert server.secrets == ["\0bert\0wrong"]


@pytest.mark.parametrize("code", [b"UNAVAILABLE", b"INUSE", b"LIMIT", b"CONTACTADMIN"])
def test_a_server_with_troubles_of_its_own_does_not_make_the_password_wrong(code: bytes) -> None:
    secrets = Secrets()
    server = ScriptedImap(on={"AUTHENTICATE": lambda _s, _w: b"{tag} NO [" + code + b"] come back\r\n"})
    trouble = refused(server, secrets=secrets)
    assert (trouble.code, trouble.retry, secrets.refusals) == ("sign_in_later", True, 0)


def test_a_server_that_takes_no_password_gets_none() -> None:
    server = ScriptedImap(capabilities="IMAP4rev1 LOGINDISABLED")
    assert refused(server).code == "no_encryption"
    assert server.secrets == []


@pytest.mark.parametrize("capabilities", ["IMAP4rev1", "IMAP4rev1 LITERAL+", "IMAP4rev1 AUTH=PLAIN"])
@pytest.mark.parametrize("password", [PASSWORD, "Grüße 你好", 'quo"te\\back slash', " ", "NIL", "{5}", "(a b)"])
def test_every_password_that_a_server_can_have_given_out(capabilities: str, password: str) -> None:
    if "LITERAL+" in capabilities:  # our server knows the plain form only; what matters is that nothing else is used
        capabilities = "IMAP4rev1"
    server = ScriptedImap(capabilities=capabilities, password=password)
    let_in(server, secrets=Secrets([password]))


@pytest.mark.parametrize("secret", ["a\r\nA1 DELETE INBOX", "a\nb", "a\0b", "a\ud800"])
@pytest.mark.parametrize("how", list(SignIn))
def test_no_command_can_be_smuggled_in_with_a_secret(secret: str, how: SignIn) -> None:
    server = ScriptedImap(capabilities="IMAP4rev1 AUTH=XOAUTH2")
    assert refused(server, secrets=Secrets([secret]), how=how).code.startswith("sign_in_")
    assert server.secrets == []


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER", "XOAUTH2 AUTH=OAUTHBEARER"])
def test_oauth_and_a_token_that_has_just_expired(mechanism: str) -> None:
    server = ScriptedImap(capabilities=f"IMAP4rev1 AUTH={mechanism}")
    secrets = Secrets(["expired", server.token])
    let_in(server, secrets=secrets, how=SignIn.OAUTH)
    assert secrets.refusals == 1
    again = ScriptedImap(capabilities=f"IMAP4rev1 AUTH={mechanism}")
    assert refused(again, secrets=Secrets(["expired"]), how=SignIn.OAUTH).code == "sign_in_again"
    assert len(again.secrets) == 2


def test_a_server_without_oauth_gets_no_token() -> None:
    server = ScriptedImap(capabilities="IMAP4rev1 AUTH=PLAIN")
    assert refused(server, how=SignIn.OAUTH).code == "no_sign_in"
    assert server.secrets == []


def test_endless_challenges_are_left() -> None:
    server = ScriptedImap(on={"AUTHENTICATE": lambda _s, _w: b"+ \r\n" * 10_000})
    assert refused(server).code == "mail_answer"


def test_nobody_there() -> None:
    async def scene() -> CarrierTrouble:
        async with scripted_imap() as server:
            port = server.port
        box = mailbox(account(port))
        with pytest.raises(CarrierTrouble) as trouble:
            await box.collect("")
        await box.close()
        return trouble.value

    trouble = asyncio.run(scene())
    assert (trouble.code, trouble.retry) == ("mail_unreachable", True)


def test_a_name_of_this_machine_that_leads_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without encryption nothing is said to another machine, whatever the account's host is called."""
    monkeypatch.setattr("dearly.carriers.mail.imapwire.on_this_machine", lambda host: host != "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as there:
        server = Server(Protocol.IMAP, "localhost", there.getsockname()[1], Security.PLAIN, "bert")
        line = Line(server, None, 5.0)
        with pytest.raises(CarrierTrouble) as trouble:
            line.open()
        line.settle()
        assert trouble.value.code == "mail_unreachable"
        talk, _from = there.accept()
        with talk:
            assert talk.recv(1) == b""


@pytest.mark.parametrize("greeting", ["* BYE too busy", "* NO way", "220 smtp.letters.test ESMTP", "+OK POP3", ""])
def test_a_greeting_that_is_none(greeting: str) -> None:
    server = ScriptedImap(greeting=greeting)
    assert refused(server).code == "mail_answer"
    assert server.secrets == []


def test_neither_secrets_nor_letters_go_into_any_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for capabilities in ("IMAP4rev1", "IMAP4rev1 AUTH=PLAIN"):
        let_in(ScriptedImap(capabilities=capabilities, password="Geheimniß"), secrets=Secrets(["Geheimniß"]))
    told = caplog.text + "".join(repr(record.args) for record in caplog.records)
    assert "Geheim" not in told
    assert "PGP" not in told


def test_after_the_machine_has_slept_a_new_line_is_opened() -> None:
    """F47. The old one may hang in the air, and nothing on it tells."""

    async def scene() -> None:
        async with scripted_imap() as server:
            clock = FixedClock()
            box = mailbox(account(server.port), clock=clock)
            _parcels, _heads, cursor, _left = await whole_round(box)
            _parcels, _heads, cursor, _left = await whole_round(box, cursor)
            assert server.connections == 1
            clock.pass_(minutes=20)
            server.inbox.lay(LETTER)
            parcels, _heads, _cursor, _left = await whole_round(box, cursor)
            assert (len(parcels), server.connections) == (1, 2)
            await box.close()

    asyncio.run(scene())


def test_a_line_that_the_server_let_fall_asleep_is_opened_anew() -> None:
    async def scene() -> None:
        async with scripted_imap() as server:
            server.inbox.lay(LETTER)
            box = mailbox(account(server.port))
            _parcels, _heads, cursor, _left = await whole_round(box)
            server.drop()
            await asyncio.sleep(0.05)
            server.inbox.lay(LETTER)
            parcels, _heads, _cursor, _left = await whole_round(box, cursor)
            assert len(parcels) == 1
            assert server.connections == 2
            await box.close()

    asyncio.run(scene())
