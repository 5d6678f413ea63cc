"""Carriers are kept for as long as they are right, and closed when they are not."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from dearly.assemble.local_office import LocalOffice
from dearly.assemble.ways import MachineWays
from dearly.carriers.base import Head, Judged, Verdict
from dearly.carriers.jmap import JmapCarrier
from dearly.carriers.mail.carrier import MailCarrier
from dearly.desk.ways import LOCAL, Joined
from dearly.letter.account import MailAccount, Protocol, Security, Server
from dearly.letter.address import Address
from tests.support.drawers import run
from tests.support.sifting import Kept

ADA = Joined(LOCAL, Address.parse("ada@letters.test"), "fake-token-" + "0" * 40)
BERT = Joined("https://office.test", Address.parse("bert@letters.test"), "fake-token-" + "1" * 40)


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> list[JmapCarrier]:
    found = []
    real = JmapCarrier.close

    async def close(self: JmapCarrier) -> None:
        found.append(self)
        await real(self)

    monkeypatch.setattr(JmapCarrier, "close", close)
    return found


def test_the_local_office_moves(tmp_path: Path, closed: list[JmapCarrier], monkeypatch: pytest.MonkeyPatch) -> None:
    urls = ["http://127.0.0.1:1001", "http://127.0.0.1:1001", "http://127.0.0.1:1002"]

    async def url(_self: LocalOffice) -> str:
        return urls.pop(0)

    monkeypatch.setattr(LocalOffice, "url", url)

    async def play() -> None:
        ways = MachineWays(tmp_path)
        first, again, other = [await ways.office(ADA) for _ in range(3)]
        assert first is again
        assert other is not first
        assert closed == [first]
        away = await ways.office(BERT)
        await ways.close()
        assert set(map(id, closed)) == {id(first), id(other), id(away)}

    run(play())


def test_a_mail_account_that_is_given_up_is_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone: list[MailCarrier] = []

    async def close(self: MailCarrier) -> None:
        gone.append(self)

    async def leave(heads: Sequence[Head]) -> Sequence[Judged]:
        return [Verdict.LEAVE] * len(heads)

    monkeypatch.setattr(MailCarrier, "close", close)
    server = Server(Protocol.IMAP, "imap.letters.test", 993, Security.TLS, "ada")
    account = MailAccount(Address.parse("ada@letters.test"), server, None)

    async def play() -> None:
        ways = MachineWays(tmp_path)
        carrier = await ways.mail(account, Kept("fake"), leave)
        await ways.forget(Address.parse("bert@letters.test"))
        assert gone == []
        await ways.forget(Address.parse("Ada@Letters.test"))
        assert gone == [carrier]
        assert await ways.mail(account, Kept("fake"), leave) is not carrier
        await ways.close()
        assert len(gone) == 2

    run(play())


def test_a_new_token(tmp_path: Path, closed: list[JmapCarrier]) -> None:
    async def play() -> None:
        ways = MachineWays(tmp_path)
        old = await ways.office(BERT)
        new = await ways.office(Joined(BERT.url, BERT.address, "fake-token-" + "2" * 40))
        assert new is not old
        assert closed == [old]
        await ways.close()

    run(play())


def test_one_that_cannot_be_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All the others are closed nevertheless."""
    tried = []

    async def close(self: JmapCarrier) -> None:
        tried.append(self.place)
        raise RuntimeError

    async def close_local(_self: LocalOffice) -> None:
        tried.append("local")

    monkeypatch.setattr(JmapCarrier, "close", close)
    monkeypatch.setattr(LocalOffice, "close", close_local)

    async def play() -> None:
        ways = MachineWays(tmp_path)
        await ways.office(BERT)
        await ways.office(Joined(BERT.url, ADA.address, ADA.token))
        with pytest.raises(RuntimeError):
            await ways.close()
        assert sorted(tried) == ["ada@letters.test", "bert@letters.test", "local"]

    run(play())
