"""Nothing of one account can be reached by another: ids, blobs, tokens, states, keys."""

from __future__ import annotations

import itertools
import json
from typing import Any

from dearly.office.jmap import METHODS
from tests.support.offices import Member, Office, parcel


def belongings(ada: Member, bert: Member) -> dict[str, str]:
    data = parcel(ada.address, bert.address)
    made = ada.hand_over(data, bert, key="a-key-of-ada")
    upload = ada.upload(parcel(ada.address, bert.address))
    return {
        "blob": upload,
        "email": made[1][1]["created"]["e1"]["id"],
        "thread": made[1][1]["created"]["e1"]["threadId"],
        "submission": made[2][1]["created"]["s1"]["id"],
    }


def test_ids_of_another_are_not_found(office: Office, ada: Member, bert: Member, clara: Member) -> None:
    hers = belongings(ada, bert)
    for name, kind in (("Email/get", "email"), ("Thread/get", "thread"), ("EmailSubmission/get", "submission")):
        assert ada.call(name, ids=[hers[kind]])["notFound"] == []
        for other in (bert, clara):
            assert other.call(name, ids=[hers[kind]])["notFound"] == [hers[kind]]
    assert ada.call("Blob/get", ids=[hers["blob"]])["notFound"] == []
    for other in (bert, clara):
        assert other.call("Blob/get", ids=[hers["blob"]])["notFound"] == [hers["blob"]]
        path = f"/jmap/download/{{}}/{hers['blob']}/x"
        for account in (ada.uid, other.uid):
            assert office.http.get(path.format(account), headers=other.headers).status_code == 404
        assert other.call("EmailSubmission/query", filter={"onceKeys": ["a-key-of-ada"]})["ids"] == []
        assert other.call("EmailSubmission/query", filter={"emailIds": [hers["email"]]})["ids"] == []
        assert other.wrong("Email/query", anchor=hers["email"]) == "anchorNotFound"


def test_things_of_another_cannot_be_used(ada: Member, bert: Member) -> None:
    hers = belongings(ada, bert)
    one = {"blobId": hers["blob"], "mailboxIds": {"sent": True}}
    assert bert.call("Email/import", emails={"x": one})["notCreated"]["x"]["type"] == "blobNotFound"
    part = {"data": [{"blobId": hers["blob"]}]}
    assert bert.call("Blob/upload", create={"x": part})["notCreated"]["x"]["type"] == "blobNotFound"
    change = bert.call("Email/set", update={hers["email"]: {"keywords": {}}}, destroy=["none"])
    assert change["notUpdated"][hers["email"]]["type"] == "notFound"
    assert bert.call("Email/set", destroy=[hers["email"]])["notDestroyed"][hers["email"]]["type"] == "notFound"
    envelope = {"mailFrom": {"email": str(bert.address)}, "rcptTo": [{"email": str(bert.address)}]}
    submission = {"identityId": "self", "emailId": hers["email"], "envelope": envelope}
    wrong = bert.call("EmailSubmission/set", create={"x": submission})["notCreated"]["x"]
    assert wrong["properties"] == ["emailId"]
    destroyed = bert.call("EmailSubmission/set", destroy=[hers["submission"]])
    assert destroyed["notDestroyed"][hers["submission"]]["type"] == "notFound"
    assert ada.call("Email/get", ids=[hers["email"]])["notFound"] == []


def test_every_method_refuses_anothers_account(ada: Member, bert: Member) -> None:
    fine: dict[str, Any] = {"sinceState": "0", "ids": [], "create": {}, "emails": {}}
    for name, method in METHODS.items():
        if name == "Core/echo" or method.act.__name__ == "never_calculated":
            continue
        for arguments in ({}, fine, {"ids": []}, {"sinceState": "0"}, {"create": {}}, {"emails": {}}):
            assert bert.wrong(name, **(arguments | {"accountId": ada.uid})) in ("accountNotFound", "invalidArguments")


def test_uploading_the_same_bytes_gives_nothing_away(ada: Member, bert: Member, clara: Member) -> None:
    """Equal bytes lie in the store once, and still each account sees its own only."""
    data = parcel(ada.address, bert.address)
    mine, theirs = ada.upload(data), clara.upload(data)
    assert mine == theirs
    assert bert.call("Blob/get", ids=[mine])["notFound"] == [mine]
    uid = ada.call("Email/import", emails={"x": {"blobId": mine, "mailboxIds": {"sent": True}}})["created"]["x"]["id"]
    ada.call("Email/set", destroy=[uid])
    assert ada.call("Blob/get", ids=[mine])["notFound"] == [mine]
    assert clara.download(theirs) == data


def test_changes_of_one_do_not_show_at_another(ada: Member, bert: Member, clara: Member) -> None:
    before = clara.call("Email/get", ids=[])["state"], clara.call("EmailSubmission/get", ids=[])["state"]
    belongings(ada, bert)
    after = clara.call("Email/get", ids=[])["state"], clara.call("EmailSubmission/get", ids=[])["state"]
    assert before == after


def test_a_token_opens_one_account_and_only_while_it_is_the_token(office: Office, ada: Member, bert: Member) -> None:
    from dearly.office import accounts

    assert office.http.get("/jmap/session", headers=ada.headers).json()["username"] == str(ada.address)
    renewed = office.do(accounts.renew_token(office.store, str(ada.address)))
    assert office.http.get("/jmap/session", headers=ada.headers).status_code in (401, 429)
    ada.token = renewed.token
    assert list(ada.session()["accounts"]) == [ada.uid]
    belongings(ada, bert)
    office.do(accounts.remove(office.store, str(ada.address)))
    assert office.http.get("/jmap/session", headers=ada.headers).status_code in (401, 429)
    assert len(bert.letterbox()) == 1
    assert bert.download(bert.letterbox()[0]["blobId"])


def everything_of(member: Member) -> str:
    """All that a member can see, as text."""
    emails = member.call("Email/get", ids=None, properties=["id", "blobId", "mailboxIds", "keywords", "headers"])
    blobs = member.call("Blob/get", ids=[e["blobId"] for e in emails["list"]], properties=["data:asText", "size"])
    return json.dumps(
        [emails, blobs, member.call("EmailSubmission/get", ids=None), member.call("Mailbox/get", ids=None)]
    )


def test_every_method_with_anothers_things(ada: Member, bert: Member, clara: Member) -> None:
    """Whatever of Ada's stands wherever in Clara's call: she learns nothing of it, and nothing of Ada's changes."""
    hers = belongings(ada, bert)
    ids = list(hers.values())
    before = everything_of(ada), everything_of(bert)
    envelope = {"mailFrom": {"email": str(ada.address)}, "rcptTo": [{"email": str(clara.address)}]}
    mine = envelope | {"mailFrom": {"email": str(clara.address)}}
    creates: list[dict[str, Any]] = [
        {"data": [{"blobId": hers["blob"]}]},
        {"blobId": hers["blob"], "mailboxIds": {"sent": True}},
        *(
            {"identityId": "self", "emailId": hers["email"], "envelope": e, "onceKey": "a-key-of-ada"}
            for e in (envelope, mine)
        ),
        {"identityId": ada.uid, "emailId": hers["email"], "envelope": envelope},
    ]
    tried: list[dict[str, Any]] = [
        {"ids": ids},
        {"sinceState": "0"},
        {"sinceQueryState": "0"},
        {"destroy": ids},
        {"update": {i: {"keywords/$seen": True, "undoStatus": "canceled"} for i in ids}},
        {"onSuccessDestroyEmail": ids, "onSuccessUpdateEmail": {i: {"keywords": {}} for i in ids}},
        *({"create": {"x": c}} for c in creates),
        *({"emails": {"x": c}} for c in creates),
        {"filter": {"inMailbox": "inbox"}, "anchor": hers["email"]},
        {"filter": {"onceKeys": ["a-key-of-ada"], "emailIds": ids, "threadIds": ids}},
        {"filter": {"emailIds": ids}},
    ]
    for name, arguments in itertools.product([n for n in METHODS if n != "Core/echo"], tried):
        answer = clara.post([[name, arguments | {"accountId": clara.uid}, "0"]])
        assert answer.status_code == 200
        ((_said, told, _id),) = answer.json()["methodResponses"]
        assert not told.get("list") or name.startswith(("Mailbox/", "Identity/"))
        done = told.get("created") or told.get("updated") or told.get("destroyed") or told.get("ids")
        assert not done or name.startswith("Mailbox/")
        for private in (str(ada.address), "-----BEGIN PGP", ada.uid):
            assert private not in answer.text
    assert (everything_of(ada), everything_of(bert)) == before


def test_addresses_of_another_with_ones_own_token(office: Office, ada: Member, bert: Member, clara: Member) -> None:
    hers = belongings(ada, bert)
    data = parcel(ada.address, bert.address)
    for what in hers.values():
        for account in (ada.uid, bert.uid, clara.uid, "A0"):
            path = f"/jmap/download/{account}/{what}/x?accept=message/rfc822"
            assert office.http.get(path, headers=clara.headers).status_code == 404
    for account in (ada.uid, "A0"):
        assert office.http.post(f"/jmap/upload/{account}", content=data, headers=clara.headers).status_code == 404
    for token in ("-", ada.uid, ada.token[:-1], ada.token + "A", ada.token.swapcase(), f"{ada.token} {clara.token}"):
        for path in ("/jmap/session", f"/jmap/download/{ada.uid}/{hers['blob']}/x"):
            fields = {"authorization": f"Bearer {token}"}
            assert office.http.get(path, headers=fields).status_code in (401, 429)
