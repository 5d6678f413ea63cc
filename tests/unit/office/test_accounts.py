"""Invitations, joining and tokens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from dearly.letter.errors import NotFound, Refused, Usage
from dearly.office import accounts
from dearly.office.shelf import SqliteShelf
from tests.support.offices import MachineChance, Member, Office, parcel


def test_joining_by_the_front_door(office: Office) -> None:
    invitation = office.invite("dora")
    answer = office.http.post("/join", json={"invite": invitation})
    assert answer.status_code == 201
    joined = answer.json()
    assert set(joined) == {"token", "address", "apiUrl", "sessionUrl"}
    assert joined["address"] == f"dora@{office.store.domain}"
    assert office.store.domain.endswith(".office.invalid")
    assert len(joined["token"]) >= 43
    session = office.http.get(joined["sessionUrl"], headers={"authorization": f"Bearer {joined['token']}"})
    assert session.json()["apiUrl"] == joined["apiUrl"]
    again = office.http.post("/join", json={"invite": invitation})
    assert again.status_code == 410
    assert again.json()["code"] == "invitation_used"
    assert "token" not in again.json()


def test_joining_again_after_a_lost_answer(office: Office) -> None:
    """With a token of one's own, the same request comes to the same account."""
    invitation, token = office.invite("eva"), accounts.new_token()
    answers = [office.http.post("/join", json={"invite": invitation, "token": token}) for _n in range(2)]
    assert [a.status_code for a in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["token"] == token
    other = office.http.post("/join", json={"invite": invitation, "token": accounts.new_token()})
    assert other.status_code == 410


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"7",
        b'{"invite": 7}',
        b'{"invite": "x", "more": 1}',
        b'{"invite": "x", "token": "short"}',
        b'{"invite": "x", "name": 5}',
    ],
)
def test_what_is_no_request_to_join(office: Office, body: bytes) -> None:
    assert office.http.post("/join", content=body).status_code == 400


def test_refused_invitations(office: Office) -> None:
    assert office.http.post("/join", json={"invite": "never given"}).status_code in (403, 429)
    invitation = office.invite("frida")
    with pytest.raises(Refused) as trouble:
        office.do(accounts.join(office.store, invitation, office.clock, MachineChance(), name="ada"))
    assert trouble.value.code == "other_name"
    office.clock.ahead = timedelta(days=7, seconds=5)
    try:
        with pytest.raises(Refused) as trouble:
            office.do(accounts.join(office.store, invitation, office.clock, MachineChance()))
        assert trouble.value.code == "invitation_expired"
    finally:
        office.clock.ahead = timedelta()
    assert office.do(accounts.join(office.store, invitation, office.clock, MachineChance(), name="Frida"))


def test_a_name_is_somebodys_alone(office: Office, ada: Member) -> None:
    with pytest.raises(Refused) as trouble:
        office.invite(ada.address.local.upper())
    assert trouble.value.code == "name_taken"
    first, second = office.invite("gerda"), office.invite("GERDA")
    office.do(accounts.join(office.store, first, office.clock, MachineChance()))
    assert office.http.post("/join", json={"invite": second}).status_code == 409
    with pytest.raises(Usage):
        office.invite("not a name")


def test_listing_renewing_and_removing(office: Office, ada: Member, bert: Member) -> None:
    ada.hand_over(parcel(ada.address, bert.address), bert)
    listed = {a.address: h for a, h in office.do(accounts.accounts(office.store))}
    assert (listed[bert.address].parcels, listed[bert.address].unfetched) == (1, 1)
    assert listed[bert.address].bytes == listed[ada.address].bytes > 1_000
    renewed = office.do(accounts.renew_token(office.store, bert.address.local))
    assert renewed.token not in repr(renewed)
    bert.token = renewed.token
    assert len(bert.letterbox()) == 1
    office.do(accounts.remove(office.store, str(bert.address)))
    assert bert.address not in {a.address for a, _h in office.do(accounts.accounts(office.store))}
    with pytest.raises(NotFound):
        office.do(accounts.renew_token(office.store, str(bert.address)))
    with pytest.raises(NotFound):
        office.do(accounts.remove(office.store, "nobody"))
    # A newcomer with the name of someone who left begins with nothing.
    newcomer = office.member(bert.address.local)
    assert newcomer.uid != bert.uid
    assert newcomer.letterbox() == []


def test_a_renewed_token_is_joined_with_once(office: Office, ada: Member) -> None:
    """As with an invitation, at the desk that lost the old one: it comes to the same account and what lies there."""
    renewed, other = office.do(accounts.renew_token(office.store, str(ada.address))).token, accounts.new_token()
    assert office.http.post("/join", json={"invite": ada.token, "token": other}).status_code == 403
    asked = {"invite": renewed, "token": other}
    assert office.http.post("/join", json=asked | {"name": "bert"}).status_code >= 400
    answers = [office.http.post("/join", json=asked) for _n in range(2)]  # the first answer may be lost
    assert [answer.status_code for answer in answers] == [201, 201]
    assert {answer.json()["address"] for answer in answers} == {str(ada.address)}
    assert office.http.post("/join", json=asked | {"token": accounts.new_token()}).status_code == 403
    ada.token = other
    assert ada.session()["username"] == str(ada.address)


def test_tokens_are_not_in_the_store(office: Office, ada: Member) -> None:
    invitation = office.invite("hanna")
    tables = office.do(office.store.read(everything))
    whole = "\n".join(tables)
    assert str(ada.address) in whole
    assert ada.token not in whole
    assert invitation not in whole


def everything(shelf: Any) -> list[str]:
    """Every row of every table, as text."""
    if isinstance(shelf, SqliteShelf):
        names = [name for (name,) in shelf._db.all("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return [str(row) for name in names for row in shelf._db.all(f"SELECT * FROM {name}")]
    from dearly.office.postgres.schema import TABLES

    return [str(row) for table in TABLES for row in shelf._all(f"SELECT * FROM {table}")]
