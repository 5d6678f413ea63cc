"""Any request gets an answer that is never our mistake; and the store tells changes as a plain model does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from dearly.letter.address import Address
from dearly.office.blobs import uid_of
from dearly.office.db import Db
from dearly.office.jmap import KNOWN, METHODS
from dearly.office.limits import DEFAULT
from dearly.office.schema import SCHEMA
from dearly.office.shelf import SqliteShelf
from dearly.office.store import INBOX, Find
from tests.support.offices import Member, Office, an_office, parcel
from tests.support.often import examples
from tests.support.postgres import a_database

OFTEN = settings(
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def office(request: pytest.FixtureRequest) -> Iterator[Office]:
    with an_office(None if request.param == "sqlite" else a_database()) as running:
        yield running


@pytest.fixture(scope="module")
def ada(office: Office) -> Member:
    member = office.member("ada")
    for n in range(5):
        member.hand_over(parcel(member.address, member.address), member, key=f"k{n}")
    return member


NAMES = [
    "accountId", "ids", "properties", "filter", "sort", "position", "anchor", "anchorOffset", "limit", "calculateTotal",
    "collapseThreads", "sinceState", "maxChanges", "ifInState", "create", "update", "destroy", "emails", "offset",
    "length", "onSuccessUpdateEmail", "onSuccessDestroyEmail", "bodyProperties", "maxBodyValueBytes", "sortAsTree",
]  # fmt: skip
INSIDE = [
    "blobId", "mailboxIds", "keywords", "receivedAt", "identityId", "emailId", "envelope", "mailFrom", "rcptTo",
    "email", "parameters", "onceKey", "data", "data:asText", "data:asBase64", "offset", "length", "type", "property",
    "isAscending", "operator", "conditions", "inMailbox", "before", "after", "hasKeyword", "onceKeys", "emailIds",
    "undoStatus", "resultOf", "name", "path", "keywords/$seen", "mailboxIds/inbox", "inbox", "sent", "$seen",
]  # fmt: skip
words = st.sampled_from(
    [*NAMES, *INSIDE, "#a", "self", "0", "1", "receivedAt", "sentAt", "2026-01-01T00:00:00Z", "", "header:x"]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    words,
    st.text(max_size=12),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.one_of(words, st.text(max_size=6)), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def calls(draw: st.DrawFn) -> list[Any]:
    """Calls that come close to being right: real methods and names, ids that exist, anything as values."""
    made = []
    for n in range(draw(st.integers(1, 4))):
        arguments: dict[str, Any] = {}
        if draw(st.integers(0, 9)):
            arguments["accountId"] = "MINE"
        for name in draw(st.lists(st.sampled_from(NAMES), max_size=4)):
            prefix = "#" if draw(st.integers(0, 9)) == 0 else ""
            arguments[prefix + name] = draw(
                st.one_of(values, st.sampled_from([["EMAIL"], ["BLOB"], {"x": {"blobId": "BLOB"}}]))
            )
        made.append([draw(st.sampled_from(sorted(METHODS))), arguments, f"c{n}"])
    return made


def answered(ada: Member, body: bytes) -> None:
    answer = ada.office.http.post("/jmap/api", content=body, headers=ada.headers | {"content-type": "application/json"})
    assert answer.status_code < 500, answer.text
    assert "serverFail" not in answer.text
    if answer.status_code == 200:
        for name, arguments, _id in answer.json()["methodResponses"]:
            assert name in METHODS or name == "error"
            assert isinstance(arguments, dict)
    else:
        assert answer.headers["content-type"] == "application/problem+json"


@OFTEN
@given(calls())
def test_any_calls(ada: Member, made: list[Any]) -> None:
    ids = {"resultOf": "c0", "name": "Email/query", "path": "/ids"}
    first, got = ada.calls(("Email/query", {"limit": 1}), ("Email/get", {"#ids": ids, "properties": ["blobId"]}))
    email = got[1]["list"][0] if first[1]["ids"] else {"id": "none", "blobId": "none"}
    text = json.dumps({"using": sorted(KNOWN), "methodCalls": made})
    text = text.replace("MINE", ada.uid).replace("EMAIL", email["id"]).replace("BLOB", email["blobId"])
    answered(ada, text.encode())


@OFTEN
@given(values)
def test_any_json(ada: Member, value: Any) -> None:
    answered(ada, json.dumps(value).encode())
    answered(ada, json.dumps({"using": value, "methodCalls": value, "createdIds": value}).encode())


@OFTEN
@given(st.binary(max_size=200))
def test_any_bytes(ada: Member, body: bytes) -> None:
    answered(ada, body)
    for path in (f"/jmap/upload/{ada.uid}", "/join"):
        assert ada.office.http.post(path, content=body, headers=ada.headers).status_code < 500


@OFTEN
@given(st.data())
def test_any_change_to_a_sealed_parcel(ada: Member, data: st.DataObject) -> None:
    """One part of it replaced by anything: taken in only if it is still nothing but sealed, then byte for byte."""
    whole = parcel(ada.address, ada.address)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, min(len(whole), start + 40)))
    bent = whole[:start] + data.draw(st.binary(max_size=40)) + whole[end:]
    answer = ada.office.http.post(f"/jmap/upload/{ada.uid}", content=bent, headers=ada.headers)
    assert answer.status_code in (201, 422)
    if answer.status_code == 201:
        assert ada.download(answer.json()["blobId"]) == bent
        assert bent.count(b"\n") == bent.count(b"\r") == bent.count(b"\r\n")


@OFTEN
@given(st.text(st.characters(codec="utf-8", exclude_characters="/?#"), max_size=30))
def test_any_path(ada: Member, name: str) -> None:
    for path in (
        f"/{name}",
        f"/jmap/download/{ada.uid}/{name}/x",
        f"/jmap/upload/{name}",
        f"/jmap/download/{ada.uid}/B1/{name}",
    ):
        assert ada.office.http.get(quote(path), headers=ada.headers).status_code < 500


class ChangesModel(RuleBasedStateMachine):
    """Two clients that follow `email_changes`, one at once and one in steps of one id, know what is there."""

    emails = Bundle("emails")

    @initialize()
    def begin(self) -> None:
        self.db = Db(":memory:")
        self.db.execute(SCHEMA)
        self.shelf = SqliteShelf(self.db, DEFAULT, "letters.test")
        self.now = datetime(2026, 11, 22, tzinfo=UTC)
        self.ada = self.shelf.add_account("A1", Address("ada", "letters.test"), b"t" * 32, self.now)
        self.there: dict[str, tuple[str, ...]] = {}
        self.known: list[tuple[int, dict[str, tuple[str, ...]]]] = [(0, {}), (0, {})]

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.db.close()

    @rule(target=emails)
    def arrives(self) -> str:
        data = os.urandom(20)
        blob = self.shelf.keep(self.ada, uid_of(data), data, "", self.now)
        assert blob
        email = self.shelf.add_email(self.ada, "M" + os.urandom(8).hex(), INBOX, blob, (), self.now)
        assert email
        self.there[email.uid] = ()
        return email.uid

    @rule(uid=emails, keywords=st.sets(st.sampled_from(["$seen", "$flagged"])))
    def changes(self, uid: str, keywords: set[str]) -> None:
        email = self.shelf.emails(self.ada, [uid]).get(uid)
        assert (email is None) == (uid not in self.there)
        if email:
            self.shelf.change_email(self.ada, email, INBOX, sorted(keywords), self.now)
            self.there[uid] = tuple(sorted(keywords))

    @rule(uid=emails)
    def goes(self, uid: str) -> None:
        email = self.shelf.emails(self.ada, [uid]).get(uid)
        if email:
            self.shelf.remove_email(self.ada, email, self.now)
            del self.there[uid]

    @rule()
    def commits(self) -> None:
        self.shelf.flush()
        self.shelf = SqliteShelf(self.db, DEFAULT, "letters.test")

    @rule(who=st.integers(0, 1), most=st.sampled_from([1, 2, 500]), whole=st.booleans())
    def follows(self, who: int, most: int, whole: bool) -> None:
        more = True
        while more:
            since, known = self.known[who]
            found = self.shelf.email_changes(self.ada, since, most)
            assert found
            assert len(found.created) + len(found.updated) + len(found.destroyed) <= most
            assert found.until >= since
            emails = self.shelf.emails(self.ada, [*found.created, *found.updated])
            for uid in found.updated:
                assert uid in known
            for uid in found.destroyed:
                known.pop(uid, None)
            known |= {uid: email.keywords for uid, email in emails.items()}
            self.known[who] = (found.until, known)
            more = found.more and whole
        if not found.more:
            assert self.known[who][1] == self.there

    @invariant()
    def what_is_held_is_counted(self) -> None:
        if hasattr(self, "db"):
            ((_account, holding),) = self.shelf.accounts()
            found = self.shelf.emails(self.ada, list(self.shelf.find_emails(self.ada, Find())))
            assert set(found) == set(self.there)
            uploads = self.db.execute("SELECT count(*) FROM uploads").fetchone()[0]
            assert holding.bytes == 20 * (len(found) + uploads)


ChangesModel.TestCase.settings = settings(max_examples=examples(50), stateful_step_count=25, deadline=None)
TestChanges = ChangesModel.TestCase
