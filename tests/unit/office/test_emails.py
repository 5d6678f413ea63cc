"""Mailboxes, Emails and Threads over the wire (RFC 8621 2-4)."""

from __future__ import annotations

from typing import Any

import pytest

from dearly.office.limits import DEFAULT
from tests.support.offices import OLDEST, Member, parcel


def fill(ada: Member, bert: Member, how_many: int) -> list[bytes]:
    parcels = [parcel(ada.address, bert.address) for _n in range(how_many)]
    for data in parcels:
        ada.hand_over(data, bert)
    return parcels


def test_mailboxes(ada: Member, bert: Member) -> None:
    fill(ada, bert, 2)
    got = bert.call("Mailbox/get", ids=None)
    inbox, sent = got["list"]
    assert (inbox["role"], inbox["totalEmails"], inbox["unreadEmails"]) == ("inbox", 2, 2)
    assert (sent["role"], sent["totalEmails"]) == ("sent", 0)
    assert not inbox["myRights"]["mayAddItems"]
    some = bert.call("Mailbox/get", ids=["sent", "nothing", "sent"], properties=["role"])
    assert some["list"] == [{"id": "sent", "role": "sent"}]
    assert some["notFound"] == ["nothing"]
    assert bert.call("Mailbox/query")["ids"] == ["inbox", "sent"]
    assert bert.call("Mailbox/query", filter={"role": "inbox"}, calculateTotal=True)["total"] == 1
    assert bert.call("Mailbox/query", filter={"parentId": "inbox"})["ids"] == []
    assert bert.call("Mailbox/query", filter={"parentId": None, "hasAnyRole": True, "name": "letter"})["ids"] == [
        "inbox"
    ]
    assert bert.call("Mailbox/query", filter={"hasAnyRole": False})["ids"] == []
    turned = bert.call("Mailbox/query", sort=[{"property": "sortOrder", "isAscending": False}])
    assert turned["ids"] == ["sent", "inbox"]
    changed = bert.call("Mailbox/changes", sinceState="0")
    assert changed["updated"] == ["inbox", "sent"]
    assert changed["newState"] == got["state"]
    assert bert.call("Mailbox/changes", sinceState=got["state"])["updated"] == []


def test_an_email_as_it_is_seen(ada: Member, bert: Member) -> None:
    (data,) = fill(ada, bert, 1)
    (email,) = bert.letterbox()
    assert email["mailboxIds"] == {"inbox": True}
    assert email["size"] == len(data)
    assert email["from"] == [{"name": None, "email": str(ada.address)}]
    assert email["to"] == [{"name": None, "email": str(bert.address)}]
    assert email["subject"] == "[...]"
    assert email["sentAt"] == "2026-11-22T12:00:00Z"
    assert email["messageId"][0].endswith("@letters.test")
    # Of what is inside, the office says nothing.
    assert email["preview"] == ""
    assert email["textBody"] == email["htmlBody"] == email["attachments"] == []
    assert bert.download(email["blobId"]) == data
    asked = ["header:subject", "header:To:asText:all", "header:none", "headers", "threadId"]
    (shown,) = bert.call("Email/get", ids=[email["id"]], properties=asked)["list"]
    assert shown["header:subject"] == " [...]"
    assert shown["header:To:asText:all"] == [f"<{bert.address}>"]
    assert shown["header:none"] is None
    assert shown["headers"][0] == {"name": "From", "value": f" <{ada.address}>"}
    (thread,) = bert.call("Thread/get", ids=[shown["threadId"]])["list"]
    assert thread == {"id": shown["threadId"], "emailIds": [email["id"]]}
    assert bert.call("Thread/get", ids=["Tnone", "Xnone"])["notFound"] == ["Tnone", "Xnone"]
    assert bert.call("Email/get", ids=["none"])["notFound"] == ["none"]
    for wrong in ("header:", "header:a b", "header:x:asDate", "body"):
        assert bert.wrong("Email/get", ids=[], properties=[wrong]) == "invalidArguments"


def test_query(ada: Member, bert: Member) -> None:
    fill(ada, bert, 5)
    bert.hand_over(parcel(bert.address, ada.address, 9_000), ada)
    everything = bert.call("Email/query", calculateTotal=True)
    assert everything["total"] == 6
    inbox = {"inMailbox": "inbox"}
    oldest = bert.call("Email/query", filter=inbox, sort=OLDEST)["ids"]
    assert len(oldest) == 5
    assert bert.call("Email/query", filter=inbox)["ids"] == oldest[::-1]
    windows: list[tuple[dict[str, Any], list[str]]] = [
        ({"position": 1, "limit": 2}, oldest[1:3]),
        ({"position": -2}, oldest[-2:]),
        ({"position": -99, "limit": 1}, oldest[:1]),
        ({"position": 99}, []),
        ({"anchor": oldest[2], "anchorOffset": -1, "limit": 3}, oldest[1:4]),
        ({"limit": 0}, []),
    ]
    for window, ids in windows:
        assert bert.call("Email/query", filter=inbox, sort=OLDEST, **window)["ids"] == ids
    small = bert.call("Email/get", ids=[oldest[0]], properties=["size"])["list"][0]["size"]
    filters: list[tuple[dict[str, Any], int]] = [
        ({"inMailboxOtherThan": ["inbox"]}, 1),
        ({"minSize": small + 3_000}, 1),
        ({"maxSize": small + 3_000}, 5),
        ({"before": "2000-01-01T00:00:00Z"}, 0),
        ({"after": "2000-01-01T00:00:00Z"}, 6),
        ({"hasKeyword": "$seen"}, 0),
        ({"notKeyword": "$SEEN"}, 6),
    ]
    for condition, how_many in filters:
        assert len(bert.call("Email/query", filter=condition)["ids"]) == how_many, condition
    assert bert.wrong("Email/query", filter={"text": "secret"}) == "unsupportedFilter"
    assert bert.wrong("Email/query", filter={"inMailbox": 1}) == "invalidArguments"
    assert bert.wrong("Email/query", sort=[{"property": "size"}]) == "unsupportedSort"


def test_changes(ada: Member, bert: Member) -> None:
    """RFC 8620 5.2."""
    start = bert.call("Email/get", ids=[])["state"]
    fill(ada, bert, 4)
    created = bert.call("Email/changes", sinceState=start)
    first, second, third, _fourth = created["created"]
    assert created["updated"] == created["destroyed"] == []
    state = created["newState"]
    bert.call("Email/set", update={first: {"keywords/$seen": True}}, destroy=[second])
    changed = bert.call("Email/changes", sinceState=state)
    assert (changed["created"], changed["updated"], changed["destroyed"]) == ([], [first], [second])
    threads = bert.call("Thread/changes", sinceState=state)
    assert (threads["updated"], threads["destroyed"]) == ([], ["T" + second[1:]])
    # What came and went in between was never known.
    whole = bert.call("Email/changes", sinceState=start)
    assert second not in whole["created"] + whole["destroyed"]
    # In small steps one gets to the same.
    seen, since, more = [], start, True
    while more:
        part = bert.call("Email/changes", sinceState=since, maxChanges=1)
        seen += part["created"]
        since, more = part["newState"], part["hasMoreChanges"]
    assert sorted(seen) == sorted(whole["created"])
    assert since == whole["newState"] == bert.call("Email/get", ids=[])["state"]
    assert bert.call("Email/changes", sinceState=since)["created"] == []
    assert third in seen


def test_set(ada: Member, bert: Member) -> None:
    fill(ada, bert, 2)
    one, two = bert.call("Email/query", sort=OLDEST)["ids"]
    before = bert.call("Email/get", ids=[])["state"]
    done = bert.call("Email/set", ifInState=before, update={one: {"keywords/$seen": True, "keywords/Family": True}})
    assert done["updated"] == {one: None}
    assert done["oldState"] == before != done["newState"]
    (email,) = bert.call("Email/get", ids=[one], properties=["keywords"])["list"]
    assert email["keywords"] == {"$seen": True, "family": True}
    assert bert.call("Mailbox/get", ids=["inbox"])["list"][0]["unreadEmails"] == 1
    assert bert.call("Email/query", filter={"hasKeyword": "$seen"})["ids"] == [one]
    again = bert.call("Email/set", update={one: {"keywords": {"$seen": True, "family": True}}})
    assert again["oldState"] == again["newState"]
    assert bert.call("Email/set", update={one: {"keywords/$seen": None}})["updated"]
    assert bert.wrong("Email/set", ifInState=before) == "stateMismatch"
    gone = bert.call("Email/set", destroy=[two, two, "none"], update={two: {"keywords": {}}})
    assert gone["destroyed"] == [two]
    assert gone["notDestroyed"] == {"none": {"type": "notFound"}}
    assert gone["notUpdated"] == {two: {"type": "willDestroy"}}


@pytest.mark.parametrize(
    ("patch", "error"),
    [
        ({"subject": "x"}, "invalidProperties"),
        ({"keywords": 1}, "invalidProperties"),
        ({"keywords/a b": True}, "invalidProperties"),
        ({"keywords/x": False}, "invalidProperties"),
        ({"keywords": {}, "keywords/x": True}, "invalidPatch"),
        ({"keywords": {f"k{n}": True for n in range(99)}}, "invalidProperties"),
        ({"mailboxIds": {}}, "invalidProperties"),
        ({"mailboxIds": {"inbox": True, "sent": True}}, "invalidProperties"),
        ({"mailboxIds": {"sent": True}}, "forbidden"),
        ({"mailboxIds": {"nowhere": True}}, "invalidProperties"),
    ],
)
def test_what_may_not_be_set(ada: Member, bert: Member, patch: dict[str, Any], error: str) -> None:
    fill(ada, bert, 1)
    (uid,) = bert.call("Email/query")["ids"]
    assert bert.call("Email/set", update={uid: patch})["notUpdated"][uid]["type"] == error
    assert bert.letterbox()[0]["keywords"] == {}


def test_emails_are_only_imported(ada: Member) -> None:
    made = ada.call("Email/set", create={"x": {"subject": "clear text"}})
    assert made["notCreated"]["x"]["type"] == "forbidden"


def test_import(ada: Member, bert: Member) -> None:
    """RFC 8621 4.8."""
    blob = ada.upload(parcel(ada.address, bert.address))
    state = ada.call("Email/get", ids=[])["state"]
    good = {"blobId": blob, "mailboxIds": {"sent": True}, "keywords": {"$Draft": True}}
    made = ada.call("Email/import", emails={"a": good}, ifInState=state)
    assert made["notCreated"] is None
    assert made["created"]["a"]["blobId"] == blob
    (email,) = ada.call("Email/get", ids=[made["created"]["a"]["id"]], properties=["keywords", "mailboxIds"])["list"]
    assert email["keywords"] == {"$draft": True}
    assert ada.wrong("Email/import", emails={}, ifInState=state) == "stateMismatch"
    wrong: dict[str, tuple[dict[str, Any], str]] = {
        "b": ({**good, "blobId": "B" + "0" * 64}, "blobNotFound"),
        "c": ({**good, "blobId": "#nothing"}, "blobNotFound"),
        "d": ({**good, "mailboxIds": {"inbox": True}}, "forbidden"),
        "e": ({**good, "mailboxIds": {}}, "invalidProperties"),
        "f": ({"blobId": blob}, "invalidProperties"),
        "g": ({**good, "keywords": ["x"]}, "invalidProperties"),
        "h": ({**good, "receivedAt": "yesterday"}, "invalidProperties"),
        "i": ({**good, "more": 1}, "invalidProperties"),
    }
    answer = ada.call("Email/import", emails={k: v for k, (v, _e) in wrong.items()})
    assert {k: e["type"] for k, e in answer["notCreated"].items()} == {k: e for k, (_v, e) in wrong.items()}
    many = {f"x{n}": good for n in range(DEFAULT.set + 1)}
    assert ada.wrong("Email/import", emails=many) == "requestTooLarge"


def test_the_hour_is_the_offices_own(ada: Member, bert: Member) -> None:
    blob = ada.upload(parcel(ada.address, bert.address))
    one = {"blobId": blob, "mailboxIds": {"sent": True}, "receivedAt": "1999-01-01T00:00:00Z"}
    uid = ada.call("Email/import", emails={"a": one})["created"]["a"]["id"]
    (email,) = ada.call("Email/get", ids=[uid], properties=["receivedAt"])["list"]
    assert email["receivedAt"] > "2020"
