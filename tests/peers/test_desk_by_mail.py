"""Two desks at one real mail server, by the commands that people type: the account, the cards, a letter, its answer;
and a letter whose fate nobody said, cleared up by our own copy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dearly.assemble.ways import MachineWays
from dearly.desk import account
from dearly.letter.account import MailAccount, Protocol, Security, Server
from dearly.letter.address import Address
from tests.peers.conftest import needs, needs_root
from tests.peers.mailserver import PASSWORD, PROGRAMS, MailServer
from tests.support.commands import Machine, Person
from tests.support.cutting_proxy import cutting_proxy
from tests.support.desks import a_town, befriend
from tests.support.door import short_folder
from tests.support.drawers import run
from tests.support.machines import cheap_drawer


@pytest.fixture(scope="module")
def server() -> Iterator[MailServer]:
    for program in PROGRAMS:
        needs(program)
    needs_root("Postfix")
    with MailServer() as running:
        yield running


def _sits_down(machine: Machine, server: MailServer, name: str, incoming: str) -> Person:
    cheap_drawer(machine, name)
    who = machine.person(name)
    assert who(f"setup --name {name.capitalize()}").code == 0
    added = who(
        f"account add {name}@letters.test {incoming} --smtp localhost:{server.submissions} --security tls"
        " --ca-file ca.pem --password-file mail.txt --json"
    )
    assert added.code == 0, added.err
    assert added.json["checks"]
    assert all(one["fine"] for one in added.json["checks"]), added.json["checks"]
    assert who(f"address --vcard {name}.vcf").code == 0
    return who


def test_by_commands(server: MailServer) -> None:
    with short_folder() as folder:
        machine = Machine(folder)
        machine.write("ca.pem", server.ca)
        machine.write("mail.txt", PASSWORD + "\n", mode=0o600)
        machine.write("wrong.txt", "fake but wrong\n", mode=0o600)
        ada = _sits_down(machine, server, "ada", f"--imap localhost:{server.imaps}")
        bert = _sits_down(machine, server, "bert", f"--pop localhost:{server.pop3s}")

        # A wrong password, and a certificate by nobody we know, are said in words, and nothing is kept.
        imap = f"--imap localhost:{server.imaps} --smtp localhost:{server.submissions}"
        wrong = ada(f"account add other@letters.test {imap} --ca-file ca.pem --password-file wrong.txt --json")
        assert (wrong.code, wrong.error["code"]) == (6, "account_not_working")
        untrusted = ada(f"account add other@letters.test {imap} --password-file mail.txt --json")
        assert (untrusted.code, untrusted.error["code"]) == (6, "account_not_working")
        assert [one["address"] for one in ada.json("account list")["accounts"]] == ["ada@letters.test"]
        assert ada("account check").code == 0

        assert ada("people add Bert --vcard bert.vcf").code == 0
        assert bert("people add Ada --vcard ada.vcf").code == 0
        number = ada.json("write Bert", given="Dear Bert,\n\nthe garden is in flower.\n")["number"]
        (row,) = ada.json(f"post {number} --at-once")["letters"]
        assert (row["way"], row["recipient"]) == ("mail", "bert@letters.test")
        assert ada.json("round")["handed_over"] == [number]
        run(server.arrived("bert"))
        assert all(b"garden" not in raw for raw in server.mailbox("bert"))

        (came,) = bert.json("round")["arrived"]
        letter = bert.json(f"open {came}")
        assert letter["text"] == "Dear Bert,\n\nthe garden is in flower.\n"
        assert (letter["seal"], letter["way"]) == ("signed_first_seen", "mail")
        answer = bert.json(f"answer {came}", given="Dear Ada,\n\nthen I come.\n")["number"]
        bert.json(f"post {answer} --at-once")
        assert bert.json("round")["handed_over"] == [answer]
        run(server.arrived("ada", 2))  # the answer, and the copy of her own letter
        (came,) = ada.json("round")["arrived"]
        assert ada.json(f"open {came}")["text"].endswith("then I come.\n")
        assert ada.json("round")["arrived"] == []
        (gone,) = [ada.json("account remove ada@letters.test")]
        assert gone["held"] == []
        assert ada.json("account list")["total"] == 0


def test_our_own_copy_says_what_became_of_a_letter(tmp_path: Path, server: MailServer) -> None:
    """The line is cut before the last reply: the letter lies once in Clara's mailbox, whatever Dora heard."""

    async def play() -> None:
        async with a_town(tmp_path, lambda: MachineWays(tmp_path / "none")) as town:
            dora, clara = await town.person("Dora"), await town.person("Clara")
            await account.add(clara.desk, _mailbox(server, "clara", server.smtp), PASSWORD)
            async with cutting_proxy(server.smtp) as proxy:
                await account.add(dora.desk, _mailbox(server, "dora", proxy.port), PASSWORD)
                await befriend(dora, clara)
                number = await dora.write("Clara", "Once, and only once.")
                await dora.post(number)
                proxy.cut_answer_to(b"\r\n.\r\n")
                await dora.round()
                await server.settled()
                assert await dora.state(number) in {"uncertain", "on_its_way"}
                report = await dora.round()
                assert report.arrived == ()  # her own copy is no letter that came
                assert await dora.state(number) == "on_its_way"
            assert len(server.mailbox("clara")) == 1
            (came,) = (await clara.round()).arrived
            assert (await clara.open(came)).text == "Once, and only once."

    run(play())


def _mailbox(server: MailServer, name: str, smtp: int) -> MailAccount:
    address = Address.parse(f"{name}@letters.test")
    incoming = Server(Protocol.IMAP, "localhost", server.imaps, Security.TLS, str(address))
    outgoing = Server(Protocol.SMTP, "127.0.0.1", smtp, Security.PLAIN, str(address))
    return MailAccount(address, incoming, outgoing, ca=server.ca)
