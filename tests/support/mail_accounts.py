"""Mail accounts of test people, and where their secrets come from."""

from __future__ import annotations

from dataclasses import dataclass, field

from dearly.letter.account import MailAccount, Protocol, Security, Server, SignIn
from dearly.letter.address import Address


@dataclass
class FakeCredentials:
    """Gives `secrets` one after the other: the next one after each refusal. `asked` and `refusals` count."""

    secrets: list[str] = field(default_factory=lambda: ["fake-password-for-tests"])
    asked: int = 0
    refusals: int = 0

    async def password(self) -> str:
        self.asked += 1
        return self.secrets[min(self.refusals, len(self.secrets) - 1)]

    async def refused(self) -> None:
        self.refusals += 1


def sending(
    address: Address,
    port: int,
    security: Security = Security.PLAIN,
    *,
    host: str = "127.0.0.1",
    user: str | None = None,
    ca: str | None = None,
    sign_in: SignIn = SignIn.PASSWORD,
) -> MailAccount:
    """An account that only sends, by SMTP at `host`. `user`: the address where nothing else is said, "" for nobody."""
    server = Server(Protocol.SMTP, host, port, security, str(address) if user is None else user)
    return MailAccount(address, None, server, sign_in, ca)
