"""A desk joins an office in one step, by the invitation as it was sent, and its letters go that way."""

from __future__ import annotations

import pytest

from tests.support.offices import an_office
from tests.support.sitting import a_machine, sit_down

pytestmark = pytest.mark.long  # the same verb is joined by the command line in tests/contracts

WORDS = "plum ladder engine marmalade"


@pytest.mark.parametrize("chosen", ["office", "local"])
def test_an_invitation_is_pasted_as_it_is(chosen: str) -> None:
    """Also where the other choice still stands: who pastes an invitation means it."""
    with an_office() as office, a_machine() as machine:
        visit = sit_down(machine, "ada")
        visit.come_in()
        visit.post("/welcome", name="Ada", place="Bergen", passphrase=WORDS, again=WORDS)
        visit.post("/welcome/kit", have="yes")
        visit.post("/welcome/post", post=chosen, url=f"{office.url}/#invite={office.invite('ada')}")
        assert visit.at == "/"
        assert f"ada@{office.store.domain}" in machine.run("address", "--json", drawer="ada").json["addresses"]
        ((account, _holding),) = office.do(office.store.read(lambda shelf: shelf.accounts()))
        assert account.address.local == "ada"
