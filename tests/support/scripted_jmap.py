"""A JMAP server of which a test says every word: for providers that are not our office, and for hostile ones.

`Scripted` speaks HTTP on loopback and answers as told. `Provider` is a plain RFC 8621 provider in it: without our
`ONCE`, and without RFC 9404 unless `blobs`; it doubles what is handed over twice, as such providers do.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
SUBMISSION = "urn:ietf:params:jmap:submission"
BLOB = "urn:ietf:params:jmap:blob"


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """`raw`: these octets, in place of an HTTP answer; then the connection ends."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes | None = None


class Scripted:
    """An HTTP/1.1 server whose answers come from `respond`. `seen`: every request."""

    def __init__(self, respond: Callable[[Request], Answer]) -> None:
        self.respond = respond
        self.seen: list[Request] = []
        self.url = ""
        self.port = 0
        self._writers: set[asyncio.StreamWriter] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, path, _version = head[0].split(" ")
                headers = {n.lower(): v.strip() for n, _c, v in (line.partition(":") for line in head[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                request = Request(method, path, headers, body)
                self.seen.append(request)
                answer = self.respond(request)
                if answer.raw is not None:
                    writer.write(answer.raw)
                    await writer.drain()
                    break
                told = {"Content-Length": str(len(answer.body)), **answer.headers}
                lines = [f"HTTP/1.1 {answer.status} X", *(f"{n}: {v}" for n, v in told.items()), "", ""]
                writer.write("\r\n".join(lines).encode() + answer.body)
                await writer.drain()
        writer.close()
        self._writers.discard(writer)

    def close(self) -> None:
        for writer in tuple(self._writers):
            writer.close()


@asynccontextmanager
async def scripted(respond: Callable[[Request], Answer]) -> AsyncIterator[Scripted]:
    """The server, up until the end of the block."""
    server = Scripted(respond)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    server.url = f"http://127.0.0.1:{server.port}"
    try:
        yield server
    finally:
        server.close()
        listening.close()
        await asyncio.sleep(0)


def as_json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


@dataclass
class Provider:
    """One account, `me`, at a provider. What is submitted lies in `submitted` as (recipient, octets)."""

    me: str = "ada@letters.test"
    authorization: str = "Bearer fake-token"
    blobs: bool = False
    digests: tuple[str, ...] = ("sha-256",)
    refuse_doubles: bool = False
    """Email/import of the same octets gives alreadyExists (RFC 8621 4.8)."""
    page: int = 500
    session_more: dict[str, Any] = field(default_factory=dict)
    override: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    """Method name -> its answer; a tuple (name, answer) replaces the name too, None leaves the answer out."""

    octets: dict[str, bytes] = field(default_factory=dict)
    emails: dict[str, dict[str, Any]] = field(default_factory=dict)
    submissions: dict[str, dict[str, Any]] = field(default_factory=dict)
    submitted: list[tuple[str, bytes]] = field(default_factory=list)
    log: list[tuple[str, str]] = field(default_factory=list)
    """(state, email id) of each arrival in the letterbox, for Email/changes."""
    forgets_before: int = 0
    """Email/changes from an older state cannot be calculated."""
    count: int = 0
    returns_copies: bool = False
    """What is addressed to `me` too comes back into the letterbox, with the field of a server that received it."""
    statuses: dict[str, dict[str, str]] = field(default_factory=dict)
    """Address -> DeliveryStatus, shown of every submission to it."""

    def lay(self, data: bytes, mailbox: str = "mb-inbox") -> str:
        """Something comes."""
        blob = self.keep(data)
        return self.add(blob, {mailbox: True}, {})

    def keep(self, data: bytes) -> str:
        blob = "blob" + hashlib.sha1(data).hexdigest()
        self.octets[blob] = data
        return blob

    def add(self, blob: str, mailboxes: dict[str, bool], keywords: dict[str, bool]) -> str:
        self.count += 1
        uid = f"e{self.count:05}"
        data = self.octets[blob]
        message_id = next((x[12:-1] for x in data.decode("latin-1").split("\r\n") if x.startswith("Message-ID:")), "")
        self.emails[uid] = {
            "id": uid,
            "blobId": blob,
            "size": len(data),
            "mailboxIds": mailboxes,
            "keywords": keywords,
            "receivedAt": f"2026-01-01T00:{self.count // 60 % 60:02}:{self.count % 60:02}Z",
            "header": message_id,
        }
        self.log.append((str(self.count), uid))
        return uid

    def respond(self, request: Request) -> Answer:
        if request.headers.get("authorization") != self.authorization:
            return Answer(401)
        if request.path == "/.well-known/jmap":
            return as_json(self.session())
        if request.path.startswith("/upload/"):
            return as_json({"accountId": "acc", "blobId": self.keep(request.body), "size": len(request.body)}, 201)
        if request.path.startswith("/download/"):
            blob = request.path.split("/")[2]
            return Answer(200, self.octets[blob]) if blob in self.octets else Answer(404)
        return self.api(json.loads(request.body))

    def session(self) -> dict[str, Any]:
        can: dict[str, Any] = {MAIL: {}, SUBMISSION: {}}
        if self.blobs:
            can[BLOB] = {"maxSizeBlobSet": 50_000, "supportedDigestAlgorithms": list(self.digests)}
        return {
            "capabilities": {CORE: {"maxObjectsInGet": self.page, "maxObjectsInSet": 10}},
            "accounts": {"acc": {"accountCapabilities": can}},
            "primaryAccounts": {MAIL: "acc", SUBMISSION: "acc"},
            "apiUrl": "/api",
            "uploadUrl": "/upload/{accountId}",
            "downloadUrl": "/download/{blobId}/{name}?type={type}&a={accountId}",
            "state": "s1",
        } | self.session_more

    def api(self, request: dict[str, Any]) -> Answer:
        made: dict[str, str] = {}
        responses: list[list[Any]] = []
        answers: dict[str, Any] = {}
        for name, arguments, call_id in request["methodCalls"]:
            for key in [k for k in arguments if k.startswith("#")]:
                value = answers.get(arguments[key]["resultOf"], {})
                arguments[key[1:]] = value.get(arguments.pop(key)["path"][1:], [])
            if name in self.override:
                answer = self.override[name](arguments)
                if answer is None:
                    continue
                shown, answer = answer if isinstance(answer, tuple) else (name, answer)
            else:
                shown, answer = name, getattr(self, name.replace("/", "_").lower())(arguments, made)
            if "error" in answer:
                shown, answer = "error", answer["error"]
            answers[call_id] = answer
            responses.append([shown, answer, call_id])
        return as_json({"methodResponses": responses, "sessionState": "s1"})

    # -- the methods, as little as they need to be

    def mailbox_get(self, a: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
        return {"list": [{"id": "mb-inbox", "role": "inbox"}, {"id": "mb-sent", "role": "sent"}]}

    def identity_get(self, a: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
        return {"list": [{"id": "id-other", "email": "someone@letters.test"}, {"id": "id-me", "email": self.me}]}

    def blob_upload(self, a: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
        created = {}
        for cid, value in a["create"].items():
            (one,) = value["data"]
            data = one["data:asText"].encode() if "data:asText" in one else base64.b64decode(one["data:asBase64"])
            made[cid] = self.keep(data)
            created[cid] = {"id": made[cid], "size": len(data)}
        return {"created": created}

    def blob_get(self, a: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
        listed = []
        for blob in a["ids"]:
            if blob in self.octets:
                data = self.octets[blob]
                listed.append(
                    {
                        "id": blob,
                        "size": len(data),
                        "data:asBase64": base64.b64encode(data).decode(),
                        "digest:sha-256": base64.b64encode(hashlib.sha256(data).digest()).decode(),
                    }
                )
        return {"list": listed}

    def email_import(self, a: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
        created: dict[str, Any] = {}
        refused: dict[str, Any] = {}
        for cid, value in a["emails"].items():
            blob = made.get(value["blobId"][1:], "") if value["blobId"].startswith("#") else value["blobId"]
            alike = [e["id"] for e in self.emails.values() if e["blobId"] == blob]
            if self.refuse_doubles and alike:
                refused[cid] = {"type": "alreadyExists", "existingId": alike[0]}
                continue
            made[cid] = self.add(blob, value["mailboxIds"], value["keywords"])
            created[cid] = {"id": made[cid], "blobId": blob, "size": len(self.octets[blob])}
        return {"created": created, "notCreated": refused}

    def email_set(self, a: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
        for uid in a.get("destroy", []):
            self.emails.pop(uid, None)
        refused = {}
        for uid, patch in a.get("update", {}).items():
            if uid not in self.emails:
                refused[uid] = {"type": "notFound"}
                continue
            for path in patch:
                self.emails[uid]["keywords"][path.partition("/")[2]] = True
            self.count += 1
            self.log.append((str(self.count), uid))
        return {"updated": {}, "notUpdated": refused}

    def emailsubmission_set(self, a: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
        created: dict[str, Any] = {}
        refused: dict[str, Any] = {}
        for cid, value in a["create"].items():
            email = made.get(value["emailId"][1:], "") if value["emailId"].startswith("#") else value["emailId"]
            to, *copies = value["envelope"]["rcptTo"]
            if email not in self.emails:
                refused[cid] = {"type": "invalidProperties", "properties": ["emailId"]}
            elif to["email"].startswith("dora"):
                refused[cid] = {
                    "type": "invalidRecipients",
                    "description": "nobody \x1b[31m\u202ehere\r\nhas that name",
                }
            else:
                self.count += 1
                uid = f"s{self.count}"
                self.submissions[uid] = {**value, "id": uid, "emailId": email, "undoStatus": "final"}
                self.submitted.append((to["email"], self.octets[self.emails[email]["blobId"]]))
                created[cid] = {"id": uid}
                assert [one["email"] for one in copies] in ([], [self.me])
                if copies and self.returns_copies:
                    stamp = f"Received: by provider; {self.count}\r\n".encode()
                    self.lay(stamp + self.octets[self.emails[email]["blobId"]])
        return {"created": created, "notCreated": refused}

    def emailsubmission_query(self, a: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
        return {"ids": [u for u, s in self.submissions.items() if s["emailId"] in a["filter"]["emailIds"]]}

    def emailsubmission_get(self, a: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
        listed = [self.submissions[uid] for uid in a["ids"] if uid in self.submissions]
        for submission in listed:
            addresses = [one["email"] for one in submission["envelope"]["rcptTo"]]
            known = {one: self.statuses[one] for one in addresses if one in self.statuses}
            submission.setdefault("deliveryStatus", known or None)
        return {"list": listed}

    def email_query(self, a: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
        wanted = a["filter"]
        if "header" in wanted:
            return {"ids": [e["id"] for e in self.emails.values() if wanted["header"][1] in e["header"]]}
        since = wanted.get("after", "")
        there = [e for e in self.emails.values() if e["receivedAt"] >= since]
        ids = [e["id"] for e in there if wanted["inMailbox"] in e["mailboxIds"]]
        start = 0
        if "anchor" in a:
            if a["anchor"] not in ids:
                return {"error": {"type": "anchorNotFound"}}
            start = ids.index(a["anchor"]) + a["anchorOffset"]
        return {"ids": ids[start : start + a["limit"]]}

    def email_get(self, a: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
        listed = [self.emails[i] for i in a["ids"] if i in self.emails]
        if "headers" in a["properties"]:
            listed = [{"id": e["id"], "headers": fields(self.octets[e["blobId"]])} for e in listed]
        return {"state": str(self.count), "list": listed}

    def email_changes(self, a: dict[str, Any], made: dict[str, str]) -> dict[str, Any]:
        since = int(a["sinceState"])
        if since < self.forgets_before:
            return {"error": {"type": "cannotCalculateChanges"}}
        fresh = [(state, uid) for state, uid in self.log if int(state) > since][: a["maxChanges"]]
        born = {uid: state for state, uid in reversed(self.log)}
        created = [uid for state, uid in fresh if born[uid] == state]
        updated = [uid for state, uid in fresh if uid not in created]
        until = fresh[-1][0] if fresh else str(self.count)
        more = any(int(state) > int(until) for state, _ in self.log)
        return {"created": created, "updated": updated, "destroyed": [], "newState": until, "hasMoreChanges": more}


def fields(data: bytes) -> list[dict[str, str]]:
    """The header of a message as a JMAP server shows it (EmailHeader, RFC 8621 4.1.3)."""
    header = data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    lines = header.replace("\r\n ", "\0 ").replace("\r\n\t", "\0\t").split("\r\n")
    pairs = [line.partition(":") for line in lines if ":" in line]
    return [{"name": name, "value": value.replace("\0", "\r\n")} for name, _colon, value in pairs]
