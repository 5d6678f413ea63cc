"""jmapc, a JMAP client that we did not write, logs in to an office over TLS, lists, downloads, hands over and marks.

It is run as a program of its own, and nothing of ours imports it."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from dearly.office.store import INBOX
from tests.peers.conftest import without
from tests.support.authority import Authority
from tests.support.offices import Member, Office, an_office, parcel

PROGRAM = """
import json, sys
import jmapc
from jmapc import Address, Client, EmailBodyPart, EmailQueryFilterCondition, EmailSubmission, Envelope, Ref
from jmapc.methods import *

host, token, to, folder = sys.argv[1:]
client = Client.create_with_api_token(host=host, api_token=token)
said = {"account": client.account_id, "username": client.jmap_session.username}

said["echo"] = client.request(CoreEcho(data={"hello": "office"}), raise_errors=True).data
boxes = client.request(MailboxGet(ids=None), raise_errors=True).data
said["mailboxes"] = {b.role: [b.id, b.total_emails, b.unread_emails] for b in boxes}
said["identity"] = [i.email for i in client.request(IdentityGet(ids=None), raise_errors=True).data]

inbox = said["mailboxes"]["inbox"][0]
query, got = client.request([
    EmailQuery(filter=EmailQueryFilterCondition(in_mailbox=inbox)),
    EmailGet(ids=Ref("/ids")),
], raise_errors=True)
emails = got.response.data
said["emails"] = sorted([e.id, e.blob_id, e.subject, e.mail_from[0].email, e.size] for e in emails)
said["state"] = got.response.state
threads = client.request(ThreadGet(ids=[e.thread_id for e in emails]), raise_errors=True).data
said["threads"] = sorted(t.email_ids for t in threads)
for n, e in enumerate(emails):
    part = EmailBodyPart(blob_id=e.blob_id, name="letter.eml", type="message/rfc822")
    client.download_attachment(part, f"{folder}/{e.blob_id}")

blob = client.upload_blob(f"{folder}/answer.eml")
said["uploaded"] = [blob.id, blob.size]
new = {"e": {"blobId": blob.id, "mailboxIds": {"sent": True}}}
method = CustomMethod(data={"accountId": client.account_id, "emails": new})
method.jmap_method = "Email/import"
method.using = {"urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"}
imported = client.request(method, raise_errors=True).data["created"]["e"]["id"]
submitted = client.request(EmailSubmissionSet(create={"s": EmailSubmission(
    email_id=imported,
    identity_id="self",
    envelope=Envelope(mail_from=Address(email=said["username"]), rcpt_to=[Address(email=to)]),
)}), raise_errors=True)
said["submitted"] = submitted.created["s"].id if submitted.created else submitted.not_created
marked = client.request(EmailSet(update={emails[0].id: {"keywords/$seen": True}}), raise_errors=True)
said["marked"] = list(marked.updated)
changes = client.request(EmailChanges(since_state=said["state"]), raise_errors=True)
said["changes"] = [changes.created, changes.updated, changes.destroyed]
said["wrong"] = type(client.request(EmailQuery(filter=EmailQueryFilterCondition(text="words")))).__name__
print(json.dumps(said))
"""


@pytest.fixture
def office(tmp_path: Path) -> Iterator[tuple[Office, dict[str, str]]]:
    """Over TLS, with what lets another program trust it."""
    authority = Authority()
    issued = authority.issue("localhost")
    files = {"authority.pem": authority.pem.encode(), "cert.pem": issued.certificate, "key.pem": issued.key}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with an_office(tls=(tmp_path / "cert.pem", tmp_path / "key.pem")) as running:
        yield running, os.environ | {"REQUESTS_CA_BUNDLE": str(tmp_path / "authority.pem"), "NO_PROXY": "localhost"}


def test_jmapc(office: tuple[Office, dict[str, str]], tmp_path: Path) -> None:
    if importlib.util.find_spec("jmapc") is None:
        without("jmapc is not installed (make test)")
    running, env = office
    ada, bert = running.member("ada"), running.member("bert")
    letters = [parcel(ada.address, bert.address, size) for size in (3_000, 400_000)]
    for data in letters:
        ada.hand_over(data, bert)
    answer = parcel(bert.address, ada.address)
    (tmp_path / "answer.eml").write_bytes(answer)
    said = jmapc(running, bert, ada, tmp_path, env)

    assert (said["account"], said["username"]) == (bert.uid, str(bert.address))
    assert said["echo"] == {"hello": "office"}
    assert said["mailboxes"] == {"inbox": [INBOX, 2, 2], "sent": ["sent", 0, 0]}
    assert said["identity"] == [str(bert.address)]
    mine = sorted([e["id"], e["blobId"], e["subject"], str(ada.address), e["size"]] for e in bert.letterbox())
    assert said["emails"] == mine
    assert said["threads"] == sorted([e[0]] for e in mine)
    assert sorted((tmp_path / e[1]).read_bytes() for e in mine) == sorted(letters)
    assert said["uploaded"][1] == len(answer)
    assert [ada.download(e["blobId"]) for e in ada.letterbox()] == [answer]
    assert said["marked"][0] in {e[0] for e in mine}
    created, updated, destroyed = said["changes"]
    assert (len(created), updated, destroyed) == (1, said["marked"], [])
    assert said["wrong"] == "Error"


def jmapc(running: Office, who: Member, to: Member, folder: Path, env: dict[str, str]) -> Any:
    words = [sys.executable, "-c", PROGRAM, f"localhost:{running.port}", who.token, str(to.address), str(folder)]
    done = subprocess.run(words, capture_output=True, text=True, env=env, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
