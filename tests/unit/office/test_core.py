"""The protocol itself, over the wire: session, errors, limits, references (RFC 8620)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dearly.office.jmap import BLOB, CORE, MAIL, METHODS, SUBMISSION
from dearly.office.limits import DEFAULT
from dearly.office.submissions import ONCE
from tests.support.offices import Member, Office, an_office, parcel


def test_session(office: Office, ada: Member) -> None:
    """RFC 8620 2, RFC 8621 1.3, RFC 9404 3.1: everything that clients look for."""
    session = ada.session()
    assert set(session["capabilities"]) == {CORE, MAIL, SUBMISSION, BLOB, ONCE}
    core = session["capabilities"][CORE]
    assert set(core) == {
        "maxSizeUpload",
        "maxConcurrentUpload",
        "maxSizeRequest",
        "maxConcurrentRequests",
        "maxCallsInRequest",
        "maxObjectsInGet",
        "maxObjectsInSet",
        "collationAlgorithms",
    }
    assert core["maxSizeUpload"] == 70_000_000
    (uid,) = session["accounts"]
    account = session["accounts"][uid]
    assert account["name"] == session["username"] == str(ada.address)
    assert account["isPersonal"]
    assert not account["isReadOnly"]
    assert set(account["accountCapabilities"]) == {MAIL, SUBMISSION, BLOB, ONCE}
    assert account["accountCapabilities"][BLOB]["maxDataSources"] >= 64
    assert set(session["primaryAccounts"].values()) == {uid}
    for name in ("apiUrl", "downloadUrl", "uploadUrl", "eventSourceUrl"):
        assert session[name].startswith(office.url + "/")
    for variable in ("accountId", "blobId", "name", "type"):
        assert f"{{{variable}}}" in session["downloadUrl"]
    for variable in ("types", "closeafter", "ping"):
        assert f"{{{variable}}}" in session["eventSourceUrl"]
    same = office.http.get("/jmap/session", headers=ada.headers)
    assert same.json() == session
    assert same.headers["cache-control"] == "no-store"


def test_session_addresses_are_those_the_client_uses(office: Office, ada: Member) -> None:
    def base(**headers: str) -> str:
        answer = office.http.get("/jmap/session", headers=ada.headers | headers)
        return answer.json()["apiUrl"] if answer.status_code == 200 else str(answer.status_code)

    assert base(host="office.letters.test") == "http://office.letters.test/jmap/api"
    # A reverse proxy on this machine has ended TLS.
    forwarded = {"x-forwarded-proto": "https"}
    assert base(host="office.letters.test", **forwarded) == "https://office.letters.test/jmap/api"
    assert base(host="evil/path?x=") == "400"
    assert base(host='a"b') == "400"


def test_no_push_and_it_says_so(office: Office, ada: Member) -> None:
    answer = office.http.get("/jmap/events?types=*&closeafter=no&ping=0", headers=ada.headers)
    assert answer.status_code == 501
    assert answer.json()["detail"]


def test_health_and_headers(office: Office, ada: Member) -> None:
    answer = office.http.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    assert "server" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert office.http.get("/nothing").status_code == 404
    assert office.http.get("/jmap/api").status_code == 405


def test_echo_and_created_ids(ada: Member) -> None:
    """RFC 8620 4 and 3.3."""
    given = {"hello": True, "list": [1, None, "ü\u0000"]}
    answer = ada.post([["Core/echo", given, "b3ff"]], createdIds={"k": "v"}).json()
    assert answer["methodResponses"] == [["Core/echo", given, "b3ff"]]
    assert answer["createdIds"] == {"k": "v"}
    assert answer["sessionState"] == ada.session()["state"]
    assert "createdIds" not in ada.post([["Core/echo", {}, "0"]]).json()


@pytest.mark.parametrize("name", sorted(METHODS))
def test_every_method_needs_its_capability(ada: Member, name: str) -> None:
    """RFC 8620 3.6.2 unknownMethod."""
    others = [uri for uri in (CORE, MAIL, SUBMISSION, BLOB, ONCE) if uri != METHODS[name].needs]
    answer = ada.post([[name, {"accountId": ada.uid}, "0"]], using=others).json()
    assert answer["methodResponses"] == [["error", {"type": "unknownMethod"}, "0"]]


@pytest.mark.parametrize("name", sorted(set(METHODS) - {"Core/echo"}))
def test_every_method_refuses_bad_arguments(ada: Member, bert: Member, name: str) -> None:
    """RFC 8620 3.6.2 accountNotFound and invalidArguments."""
    if METHODS[name].act.__name__ == "never_calculated":
        assert ada.wrong(name) == "cannotCalculateChanges"
        return
    required: dict[str, Any] = {
        "create": {"Blob/upload": {}}.get(name),
        "emails": {} if name == "Email/import" else None,
        "ids": [] if name == "Blob/get" else None,
        "sinceState": "0" if name.endswith("/changes") else None,
    }
    fine = {k: v for k, v in required.items() if v is not None}
    assert ada.wrong(name, accountId=bert.uid, **fine) == "accountNotFound"
    assert ada.wrong(name, accountId=7, **fine) == "invalidArguments"
    assert ada.wrong(name, notAnArgument=1, **fine) == "invalidArguments"
    if name.endswith("/get"):
        assert ada.wrong(name, ids="x") == "invalidArguments"
        assert ada.wrong(name, ids=[], properties=["nonsense"]) == "invalidArguments"
        too_many = [f"x{n}" for n in range(DEFAULT.get + 1)]
        assert ada.wrong(name, ids=too_many) == "requestTooLarge"
    if name.endswith("/set"):
        assert ada.wrong(name, ifInState="never") == "stateMismatch"
        assert ada.wrong(name, destroy=[f"x{n}" for n in range(DEFAULT.set + 1)]) == "requestTooLarge"
        assert ada.wrong(name, create={"not an id": {}}) == "invalidArguments"
        assert ada.wrong(name, update={"x": 1}) == "invalidArguments"
    if name.endswith("/changes"):
        assert ada.wrong(name, sinceState="999999") == "cannotCalculateChanges"
        assert ada.wrong(name, sinceState="x") == "cannotCalculateChanges"
        assert ada.wrong(name, sinceState="²") == "cannotCalculateChanges"
        assert ada.wrong(name, sinceState="0", maxChanges=0) == "invalidArguments"
    if name.endswith("/query"):
        assert ada.wrong(name, filter={"nonsense": 1}) in ("unsupportedFilter", "invalidArguments")
        assert ada.wrong(name, filter={"operator": "AND", "conditions": []}) == "unsupportedFilter"
        assert ada.wrong(name, sort=[{"property": "nonsense"}]) == "unsupportedSort"
        assert ada.wrong(name, sort=[{"property": ["x"]}]) == "unsupportedSort"
        assert ada.wrong(name, anchor="nothing") == "anchorNotFound"
        assert ada.wrong(name, position=1.5) == "invalidArguments"


def test_unknown_method_stops_nothing(ada: Member) -> None:
    answers = ada.calls(("Nothing/get", {}), ("Mailbox/get", {"ids": None}), ("Mailbox/set", {}))
    assert [name for name, _a in answers] == ["error", "Mailbox/get", "error"]


def test_references_over_the_wire(ada: Member, bert: Member) -> None:
    """RFC 8620 3.7."""
    for _n in range(3):
        ada.hand_over(parcel(ada.address, bert.address), bert)
    (_q, query), (_g, got), (_b, blobs) = bert.calls(
        ("Email/query", {"filter": {"inMailbox": "inbox"}}),
        ("Email/get", {"#ids": ref("c0", "Email/query", "/ids"), "properties": ["blobId"]}),
        ("Blob/get", {"#ids": ref("c1", "Email/get", "/list/*/blobId"), "properties": ["size"]}),
    )
    assert [e["id"] for e in got["list"]] == query["ids"]
    assert [b["id"] for b in blobs["list"]] == [e["blobId"] for e in got["list"]]
    assert (
        bert.calls(("Email/get", {"#ids": ref("zz", "Email/query", "/ids")}))[0][1]["type"] == "invalidResultReference"
    )


def ref(of: str, name: str, path: str) -> dict[str, str]:
    return {"resultOf": of, "name": name, "path": path}


def test_references_cannot_multiply(ada: Member) -> None:
    """Each call quotes the one before twice: without a bound the last would hold 2 to the 60th strings."""
    calls: list[Any] = [["Core/echo", {"a": "x" * 1000}, "c0"]]
    for n in range(1, 60):
        calls.append(
            ["Core/echo", {"#a": ref(f"c{n - 1}", "Core/echo", ""), "#b": ref(f"c{n - 1}", "Core/echo", "")}, f"c{n}"]
        )
    answer = ada.post(calls)
    assert answer.status_code == 200
    assert len(answer.content) < 3 * DEFAULT.answer
    assert answer.json()["methodResponses"][-1][1]["type"] in ("requestTooLarge", "invalidResultReference")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "notJSON"),
        (b"[]", "notRequest"),
        (b'{"using":["urn:x"],"methodCalls":[]}', "unknownCapability"),
        (json.dumps({"using": [CORE], "methodCalls": [["Core/echo", {}, "0"]] * 65}).encode(), "limit"),
    ],
)
def test_request_level_errors(office: Office, ada: Member, body: bytes, kind: str) -> None:
    """RFC 8620 3.6.1: problem documents."""
    answer = office.http.post("/jmap/api", content=body, headers=ada.headers | {"content-type": "application/json"})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:ietf:params:jmap:error:" + kind


def test_another_content_type(office: Office, ada: Member) -> None:
    answer = office.http.post("/jmap/api", content=b"{}", headers=ada.headers | {"content-type": "text/plain"})
    assert answer.json()["type"].endswith(":notJSON")
    typed = {"content-type": "application/JSON; charset=utf-8"}
    answer = office.http.post("/jmap/api", content=b'{"using":[],"methodCalls":[]}', headers=ada.headers | typed)
    assert answer.status_code == 200


def test_too_large_a_request(office: Office, ada: Member) -> None:
    typed = ada.headers | {"content-type": "application/json"}
    stated = office.http.post("/jmap/api", content=b" " * (DEFAULT.request + 1), headers=typed)
    streamed = office.http.post("/jmap/api", content=iter([b" " * 1_000_000] * 11), headers=typed)
    for answer in (stated, streamed):
        assert answer.status_code == 413
        assert answer.json()["limit"] == "maxSizeRequest"


def test_tokens(office: Office, ada: Member) -> None:
    for headers in (
        {},
        {"authorization": "Bearer"},
        {"authorization": f"Basic {ada.token}"},
        {"authorization": f"Bearer {ada.token}x"},
    ):
        for path in ("/jmap/session", "/.well-known/jmap", "/jmap/events", f"/jmap/download/{ada.uid}/B1/x"):
            assert office.http.get(path, headers=headers).status_code in (401, 429)
        assert office.http.post("/jmap/api", json={}, headers=headers).status_code in (401, 429)
        assert office.http.post(f"/jmap/upload/{ada.uid}", content=b"x", headers=headers).status_code in (401, 429)
    assert office.http.get("/jmap/session", headers={"authorization": f"bearer  {ada.token}"}).status_code == 200


def test_what_kind_of_token_is_wanted() -> None:
    with an_office() as office:
        answer = office.http.get("/jmap/session")
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_wrong_tokens_are_slowed_and_right_ones_are_not(office: Office, ada: Member) -> None:
    wrong = {"authorization": "Bearer wrong"}
    statuses = [office.http.get("/jmap/session", headers=wrong).status_code for _n in range(DEFAULT.failures + 2)]
    assert statuses[-1] == 429
    assert office.http.get("/jmap/session", headers=wrong).headers["retry-after"]
    assert ada.session()
