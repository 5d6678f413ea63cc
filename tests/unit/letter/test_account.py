"""A mail account as a value: what of it is shown."""

from __future__ import annotations

from dearly.letter.account import MailAccount, OAuthClient, SignIn
from dearly.letter.address import Address


def test_the_clients_secret_stands_in_no_representation() -> None:
    client = OAuthClient("fake-client", "https://a.test/", "https://b.test/", "mail", "fake-client-secret")
    made = MailAccount(Address.parse("ada@letters.test"), None, None, SignIn.OAUTH, oauth=client)
    assert "fake-client-secret" not in repr(client) + repr(made) + str(made)
    assert MailAccount.of_details(made.address, made.details()) == made, "and is kept all the same"
