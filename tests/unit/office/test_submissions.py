"""Handing over: once for each key, to known people only, bound to the account (RFC 8621 7)."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from dearly.office.jmap import BLOB, CORE, MAIL, SUBMISSION
from dearly.office.limits import DEFAULT
from tests.support.offices import Member, Office, handing_over, parcel

MANY = [{"email": f"p{n}@letters.test"} for n in range(101)]


def sent(answers: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    """The created submission of `hand_over`."""
    name, answer = answers[2]
    assert name == "EmailSubmission/set", answer
    assert answer["created"], answer
    return answer["created"]["s1"]


def refused(answers: list[tuple[str, dict[str, Any]]]) -> dict[str, Any]:
    name, answer = answers[2]
    assert name == "EmailSubmission/set", answer
    assert answer["created"] is None
    return answer["notCreated"]["s1"]


def test_accepted_is_delivered(ada: Member, bert: Member) -> None:
    data = parcel(ada.address, bert.address)
    made = sent(ada.hand_over(data, bert, key="k1"))
    assert made["undoStatus"] == "final"
    status = made["deliveryStatus"][str(bert.address)]
    assert status["delivered"] == "yes"
    assert status["displayed"] == "unknown"
    assert status["smtpReply"].startswith("250 2.1.5 ")
    (email,) = bert.letterbox()
    assert bert.download(email["blobId"]) == data
    (shown,) = ada.call("EmailSubmission/get", ids=None)["list"]
    assert shown["onceKey"] == "k1"
    assert shown["envelope"]["mailFrom"]["email"] == str(ada.address)
    assert [r["email"] for r in shown["envelope"]["rcptTo"]] == [str(bert.address)]
    assert shown["sendAt"].endswith("Z")
    assert ada.call("Identity/get", ids=None)["list"][0]["email"] == str(ada.address)


def test_the_same_key_twice_is_one_parcel(ada: Member, bert: Member) -> None:
    """F05, F06: a client that lost the answer asks again."""
    data = parcel(ada.address, bert.address)
    first = sent(ada.hand_over(data, bert, key="k1"))
    again = sent(ada.hand_over(data, bert, key="k1"))
    assert again == first
    assert len(bert.letterbox()) == 1
    assert ada.call("EmailSubmission/query", filter={"onceKeys": ["k1"]})["ids"] == [first["id"]]
    assert ada.call("EmailSubmission/query", filter={"onceKeys": ["k2"]})["ids"] == []
    # Another key is another parcel, even with the same bytes: that is the person's own act.
    assert sent(ada.hand_over(data, bert, key="k2"))["id"] != first["id"]
    assert len(bert.letterbox()) == 2


def test_without_a_key_one_is_derived(ada: Member, bert: Member, clara: Member) -> None:
    data = parcel(ada.address, bert.address)
    first = sent(ada.hand_over(data, bert))
    assert sent(ada.hand_over(data, bert)) == first
    assert sent(ada.hand_over(data, clara))["id"] != first["id"]
    assert len(bert.letterbox()) == len(clara.letterbox()) == 1
    (shown,) = ada.call("EmailSubmission/get", ids=[first["id"]])["list"]
    assert shown["onceKey"] is None


def test_a_key_is_for_one_letter_and_its_recipients(ada: Member, bert: Member, clara: Member) -> None:
    data = parcel(ada.address, bert.address)
    first = sent(ada.hand_over(data, bert, key="k1"))
    other_bytes = refused(ada.hand_over(parcel(ada.address, bert.address), bert, key="k1"))
    other_people = refused(ada.hand_over(data, bert, clara, key="k1"))
    for error in (other_bytes, other_people):
        assert error["type"] == "alreadyExists"
        assert error["existingId"] == first["id"]
    assert len(bert.letterbox()) == 1
    assert clara.letterbox() == []
    # A key is the account's own: Clara's k1 has nothing to do with Ada's.
    assert sent(clara.hand_over(parcel(clara.address, bert.address), bert, key="k1"))["id"] != first["id"]


def test_parallel_requests_with_one_key(office: Office, ada: Member, bert: Member) -> None:
    """F48."""
    data = parcel(ada.address, bert.address)
    made = [
        [n, {"accountId": ada.uid} | a, str(i)]
        for i, (n, a) in enumerate(handing_over(ada, data, [str(bert.address)], "k1"))
    ]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _n: ada.post(made).json()["methodResponses"], range(8)))
    ids = {a[2][1]["created"]["s1"]["id"] for a in answers}
    assert len(ids) == 1
    assert len(bert.letterbox()) == 1


def test_each_recipient_in_words(office: Office, ada: Member, bert: Member) -> None:
    unknown = f"nobody@{bert.address.domain}"
    made = sent(
        ada.hand_over(parcel(ada.address, bert.address), bert, unknown, "far@example.org", "no address", key="k")
    )
    status = made["deliveryStatus"]
    assert status[str(bert.address)]["delivered"] == "yes"
    assert status[unknown]["smtpReply"].startswith("550 5.1.1 ")
    assert status["far@example.org"]["smtpReply"].startswith("550 5.1.2 ")
    assert "example.org" in status["far@example.org"]["smtpReply"]
    assert status["no address"]["smtpReply"].startswith("550 5.1.3 ")
    assert {s["delivered"] for r, s in status.items() if r != str(bert.address)} == {"no"}


def test_nobody_takes_it(ada: Member, bert: Member) -> None:
    unknown = f"nobody@{bert.address.domain}"
    error = refused(ada.hand_over(parcel(ada.address, unknown), unknown, key="k1"))
    assert error["type"] == "invalidRecipients"
    assert error["invalidRecipients"] == [unknown]
    assert "nobody" in error["description"]
    assert ada.call("EmailSubmission/query", filter={"onceKeys": ["k1"]})["ids"] == []


def test_refused_recipients_are_tried_again(office: Office, ada: Member, bert: Member) -> None:
    late = f"late{ada.uid.lower()}"
    data = parcel(ada.address, bert.address)
    address = f"{late}@{bert.address.domain}"
    first = sent(ada.hand_over(data, bert, address, key="k"))
    assert first["deliveryStatus"][address]["delivered"] == "no"
    state = ada.call("EmailSubmission/get", ids=[])["state"]
    assert ada.call("EmailSubmission/changes", sinceState="0")["created"] == [first["id"]]
    newcomer = office.member(late)
    again = sent(ada.hand_over(data, bert, address.upper(), key="k"))
    assert again["id"] == first["id"]
    assert again["deliveryStatus"][address.upper()]["delivered"] == "yes"
    assert len(newcomer.letterbox()) == len(bert.letterbox()) == 1
    changed = ada.call("EmailSubmission/changes", sinceState=state)
    assert (changed["created"], changed["updated"]) == ([], [first["id"]])
    assert changed["newState"] == ada.call("EmailSubmission/get", ids=[])["state"] != state
    whole = ada.call("EmailSubmission/changes", sinceState="0", maxChanges=1)
    assert (whole["created"], whole["hasMoreChanges"]) == ([first["id"]], True)


def test_two_spellings_are_one_recipient(ada: Member, bert: Member) -> None:
    shouted = str(bert.address).upper()
    data = parcel(ada.address, bert.address)
    assert len(sent(ada.hand_over(data, bert, shouted, key="k"))["deliveryStatus"]) == 1
    sent(ada.hand_over(data, shouted, key="k"))
    assert len(bert.letterbox()) == 1


def test_nobody_writes_in_anothers_name(ada: Member, bert: Member) -> None:
    """Outer From and envelope are bound to the account."""
    assert refused(ada.hand_over(parcel(bert.address, bert.address), bert))["type"] == "forbiddenFrom"
    two = parcel(f"{ada.address}>, <{bert.address}", bert.address)
    assert refused(ada.hand_over(two, bert))["type"] == "forbiddenFrom"
    calls = handing_over(ada, parcel(ada.address, bert.address), [str(bert.address)])
    calls[2][1]["create"]["s1"]["envelope"]["mailFrom"]["email"] = str(bert.address)
    assert refused(ada.calls(*calls))["type"] == "forbiddenMailFrom"
    calls[2][1]["create"]["s1"]["envelope"]["mailFrom"]["email"] = ""
    assert refused(ada.calls(*calls))["type"] == "forbiddenMailFrom"
    assert bert.letterbox() == []


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"identityId": "other"}, "invalidProperties"),
        ({"emailId": "none"}, "invalidProperties"),
        ({"emailId": "#none"}, "invalidProperties"),
        ({"emailId": 1}, "invalidProperties"),
        ({"onceKey": ""}, "invalidProperties"),
        ({"onceKey": "x" * 65}, "invalidProperties"),
        ({"onceKey": "=x"}, "invalidProperties"),
        ({"onceKey": "a\nb"}, "invalidProperties"),
        ({"undoStatus": "pending"}, "invalidProperties"),
        ({"envelope": {"mailFrom": {"email": "ADA"}, "rcptTo": []}}, "noRecipients"),
        ({"envelope": {"mailFrom": {"email": "ADA"}}}, "invalidProperties"),
        ({"envelope": {"mailFrom": None, "rcptTo": []}}, "invalidProperties"),
        ({"envelope": {"mailFrom": {"email": "ADA"}, "rcptTo": [{"email": 7}]}}, "invalidProperties"),
        ({"envelope": {"mailFrom": {"email": "ADA"}, "rcptTo": [{"email": "x" * 400}]}}, "invalidProperties"),
        ({"envelope": {"mailFrom": {"email": "ADA", "parameters": {"X": "9"}}, "rcptTo": []}}, "invalidProperties"),
        ({"envelope": {"mailFrom": {"email": "ADA"}, "rcptTo": MANY}}, "tooManyRecipients"),
    ],
)  # fmt: skip
def test_what_cannot_be_submitted(ada: Member, bert: Member, change: dict[str, Any], error: str) -> None:
    calls = handing_over(ada, parcel(ada.address, bert.address), [str(bert.address)])
    submission = calls[2][1]["create"]["s1"]
    submission |= copy.deepcopy(change)  # both stores are asked with the same one
    if (submission["envelope"].get("mailFrom") or {}).get("email") == "ADA":
        submission["envelope"]["mailFrom"] = {**submission["envelope"]["mailFrom"], "email": str(ada.address)}
    assert refused(ada.calls(*calls))["type"] == error
    assert bert.letterbox() == []


def test_envelope_from_the_header(ada: Member, bert: Member, clara: Member) -> None:
    """RFC 8621 7: where none is given, it is made of the header."""
    calls = handing_over(ada, parcel(ada.address, f"{bert.address}>, Clara <{clara.address}"), [])
    calls[2][1]["create"]["s1"]["envelope"] = None
    assert set(sent(ada.calls(*calls))["deliveryStatus"]) == {str(bert.address), str(clara.address)}
    assert len(bert.letterbox()) == len(clara.letterbox()) == 1


def test_the_key_needs_its_capability(ada: Member, bert: Member) -> None:
    calls = [
        [n, {"accountId": ada.uid} | a, str(i)]
        for i, (n, a) in enumerate(handing_over(ada, parcel(ada.address, bert.address), [str(bert.address)], "k"))
    ]
    plain = [CORE, MAIL, SUBMISSION, BLOB]
    answer = ada.post(calls, using=plain).json()["methodResponses"][2][1]
    assert answer["notCreated"]["s1"]["properties"] == ["onceKey"]
    query = ["EmailSubmission/query", {"accountId": ada.uid, "filter": {"onceKeys": ["k"]}}, "0"]
    assert ada.post([query], using=plain).json()["methodResponses"][0][1]["type"] == "unsupportedFilter"


def test_queries(ada: Member, bert: Member, clara: Member) -> None:
    first = sent(ada.hand_over(parcel(ada.address, bert.address), bert, key="k1"))
    second = sent(ada.hand_over(parcel(ada.address, clara.address), clara, key="k2"))
    shown = ada.call("EmailSubmission/get", ids=[first["id"], "none"])
    assert shown["notFound"] == ["none"]
    email = shown["list"][0]["emailId"]
    filters: list[tuple[dict[str, Any], list[str]]] = [
        ({}, [first["id"], second["id"]]),
        ({"onceKeys": ["k2", "k1", "k3"]}, [first["id"], second["id"]]),
        ({"onceKeys": ["k1"], "emailIds": ["none"]}, []),
        ({"emailIds": [email]}, [first["id"]]),
        ({"threadIds": [shown["list"][0]["threadId"]]}, [first["id"]]),
        ({"identityIds": ["self"]}, [first["id"], second["id"]]),
        ({"identityIds": ["other"]}, []),
        ({"undoStatus": "final"}, [first["id"], second["id"]]),
        ({"undoStatus": "pending"}, []),
        ({"before": "2000-01-01T00:00:00Z"}, []),
        ({"after": "2000-01-01T00:00:00Z"}, [first["id"], second["id"]]),
    ]
    for condition, ids in filters:
        assert sorted(ada.call("EmailSubmission/query", filter=condition)["ids"]) == sorted(ids), condition
    for by in ("emailId", "threadId", "sentAt"):
        assert len(ada.call("EmailSubmission/query", sort=[{"property": by, "isAscending": False}])["ids"]) == 2
    too_many = [f"k{n}" for n in range(DEFAULT.get + 1)]
    assert ada.wrong("EmailSubmission/query", filter={"onceKeys": too_many}) == "requestTooLarge"


def test_nothing_is_unsent_and_no_proof_destroyed(ada: Member, bert: Member) -> None:
    uid = sent(ada.hand_over(parcel(ada.address, bert.address), bert))["id"]
    answer = ada.call("EmailSubmission/set", update={uid: {"undoStatus": "canceled"}, "none": {}})
    assert {k: e["type"] for k, e in answer["notUpdated"].items()} == {uid: "cannotUnsend", "none": "notFound"}
    answer = ada.call("EmailSubmission/set", update={uid: {"emailId": "x"}}, destroy=["none"])
    assert answer["notUpdated"][uid]["type"] == "invalidProperties"
    assert answer["notDestroyed"]["none"]["type"] == "notFound"
    assert ada.call("EmailSubmission/set", destroy=[uid])["notDestroyed"][uid]["type"] == "forbidden"


def test_on_success(ada: Member, bert: Member) -> None:
    """RFC 8621 7.5: an implicit Email/set follows, with the same call id."""
    calls = handing_over(ada, parcel(ada.address, bert.address), [str(bert.address)], "k")
    calls[2][1]["onSuccessDestroyEmail"] = ["#s1", "#none"]
    answers = ada.calls(*calls)
    assert [n for n, _a in answers] == ["Blob/upload", "Email/import", "EmailSubmission/set", "Email/set"]
    assert len(answers[3][1]["destroyed"]) == 1
    assert ada.call("Email/query")["ids"] == []
    # Once more, as after a lost answer: the submission is the first one, and the fresh copy goes as well.
    again = ada.calls(*calls)
    assert again[2][1]["created"]["s1"]["id"] == answers[2][1]["created"]["s1"]["id"]
    assert ada.call("Email/query")["ids"] == []
    assert len(bert.letterbox()) == 1
    calls = handing_over(ada, parcel(ada.address, bert.address), [str(bert.address)], "k2")
    calls[2][1]["onSuccessUpdateEmail"] = {"#s1": {"keywords/$seen": True}}
    answers = ada.calls(*calls)
    assert list(answers[3][1]["updated"].values()) == [None]
    calls[2][1]["create"]["s1"]["identityId"] = "other"
    assert len(ada.calls(*calls)) == 3


def test_a_letter_to_oneself(ada: Member) -> None:
    data = parcel(ada.address, ada.address)
    sent(ada.hand_over(data, ada, key="k"))
    assert [ada.download(e["blobId"]) for e in ada.letterbox()] == [data]


def test_fifty_in_one_request(ada: Member, bert: Member) -> None:
    calls: dict[str, dict[str, Any]] = {}
    parcels = [parcel(ada.address, bert.address) for _n in range(50)]
    for n, data in enumerate(parcels):
        for (name, arguments), part in zip(
            handing_over(ada, data, [str(bert.address)], f"k{n}", str(n)), ("create", "emails", "create"), strict=True
        ):
            calls.setdefault(name, {part: {}})[part] |= arguments[part]
    answers = ada.calls(*calls.items())
    assert len(answers[2][1]["created"]) == 50
    assert len(ada.call("EmailSubmission/query", filter={"onceKeys": [f"k{n}" for n in range(60)]})["ids"]) == 50
    box = [e["blobId"] for e in bert.letterbox()]
    got = bert.call("Blob/get", ids=box, properties=["data:asText"])["list"]
    assert [b["data:asText"].encode() for b in got] == parcels
