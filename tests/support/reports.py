"""Reports of mail servers as several programs write them, about letters of Ada's, and what a drawer makes of them."""

from __future__ import annotations

from dearly.desk import reports
from dearly.drawer import outbox
from dearly.drawer.connection import Db
from dearly.letter.envelope import Way
from dearly.letter.journey import Accepted, State
from dearly.opener import reading
from tests.support.contents import posted
from tests.support.times import NOON


def about(action: str, recipient: str = "bert@letters.test", **fields: str) -> bytes:
    """A group about one recipient (RFC 3464 2.3). Further fields by name, `_` for `-`."""
    code = {"failed": "5.1.1", "delayed": "4.4.1", "delivered": "2.0.0"}.get(action.lower(), "2.0.0")
    said = {"Final-Recipient": f"rfc822; {recipient}", "Action": action, "Status": code}
    said |= {"_".join(name.split("_")).replace("_", "-"): value for name, value in fields.items()}
    return "".join(f"{name}: {value}\r\n" for name, value in said.items() if value).encode()


def a_report(
    *groups: bytes,
    envelope_id: str = "",
    letter_id: str = "letter-1@letters.test",
    kind: str = "delivery-status",
    sender: str = "MAILER-DAEMON@mail.letters.test",
    returned: str = "text/rfc822-headers",
    status: bytes | None = None,
) -> bytes:
    """RFC 3464 in RFC 6522, as Postfix builds it."""
    head = f"Reporting-MTA: dns; mail.letters.test\r\nOriginal-Envelope-Id: {envelope_id}\r\n" if envelope_id else ""
    head = head or "Reporting-MTA: dns; mail.letters.test\r\n"
    body = head.encode() + b"".join(b"\r\n" + group for group in groups) if status is None else status
    back = f"Message-ID: <{letter_id}>\r\nSubject: [...]\r\n\r\n" if letter_id else "Subject: [...]\r\n\r\n"
    return (
        f"Return-Path: <>\r\nFrom: Mail Delivery System <{sender}>\r\nTo: ada@letters.test\r\n"
        "Subject: Undelivered Mail Returned to Sender\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type={kind}; boundary="RR"\r\n\r\nThis is a MIME message.\r\n\r\n'
        "--RR\r\nContent-Type: text/plain\r\n\r\nI am sorry to have to inform you.\r\n\r\n--RR\r\n"
        f"Content-Type: message/{'disposition-notification' if kind.startswith('disp') else 'delivery-status'}\r\n\r\n"
    ).encode() + (body + f"\r\n--RR\r\nContent-Type: {returned}\r\n\r\n{back}\r\n--RR--\r\n".encode())


def loose(
    text: str = "<bert@letters.test>:\r\nSorry, no mailbox here by that name. (#5.1.1)\r\n",
    letter_id: str = "letter-1@letters.test",
    sender: str = "MAILER-DAEMON@mail.letters.test",
    subject: str = "failure notice",
) -> bytes:
    """A bounce that knows no RFC 3464, with the letter that it brings back."""
    return (
        f"Return-Path: <>\r\nFrom: {sender}\r\nTo: ada@letters.test\r\nSubject: {subject}\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="LL"\r\n\r\n--LL\r\nContent-Type: text/plain\r\n\r\n'
        f"{text}\r\n--LL\r\nContent-Type: message/rfc822\r\n\r\nFrom: ada@letters.test\r\n"
        f"Message-ID: <{letter_id}>\r\nSubject: [...]\r\n\r\nsealed\r\n--LL--\r\n"
    ).encode()


def in_one_text(
    letter_id: str = "letter-1@letters.test",
    sender: str = "MAILER-DAEMON@mail.letters.test",
    who: str = "bert@letters.test",
    beginning: str = "Hi. This is the mail program at mail.letters.test.",
    line: str = "--- Below this line is a copy of the message.",
) -> bytes:
    """A bounce in the form of qmail (QSBMF): one text, with the letter as the last of it."""
    return (
        f"Return-Path: <>\r\nFrom: {sender}\r\nTo: ada@letters.test\r\nSubject: failure notice\r\n\r\n{beginning}\r\n"
        f"Nothing more is done.\r\n\r\n<{who}>:\r\nNo mailbox of this name.\r\n(#5.1.1)\r\n\r\n{line}\r\n\r\n"
        f"From: ada@letters.test\r\nMessage-ID: <{letter_id}>\r\nSubject: [...]\r\n\r\n"
        "<clara@letters.test>:\r\nsealed\r\n"
    ).encode()


class Desk:
    """A drawer with one letter of Ada's, on its way by mail to these people; and what reports do to it."""

    def __init__(self, db: Db, *to: object, way: Way = Way.MAIL, taken: bool = True) -> None:
        self.db = db
        self.number = posted(db, *to, way=way)  # type: ignore[arg-type]  # correspondents
        (row,) = db.all("SELECT key FROM sealed_forms WHERE letter = ?", (self.number,))
        self.key = str(row[0])
        self.letter_id = f"letter-{self.number}@letters.test"
        if taken:
            (ready,) = [one for one in outbox.due(db, NOON) if one.number == self.number]
            attempt = outbox.begin_attempt(db, ready, NOON)
            outbox.end_attempt(db, attempt, {who: Accepted() for who in ready.sealed.envelope.recipients}, NOON)

    def settle(self, raw: bytes) -> reports.Settled | None:
        """Let it come in."""
        return reports.settle(self.db, reading.look(raw), NOON)

    def states(self) -> list[State]:
        return [travel.journey.state for travel in outbox.travels(self.db, self.number)]

    def reasons(self) -> list[str]:
        return [travel.journey.reason for travel in outbox.travels(self.db, self.number)]
