"""The session with a JMAP server, and one request of method calls (RFC 8620 2 and 3).

Everything a server says is read with suspicion: a value of the wrong kind is no value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dearly.carriers.base import said
from dearly.carriers.jmap.line import HASTY, Cut, Line, NotDone
from dearly.letter.address import Address
from dearly.letter.envelope import Way
from dearly.letter.errors import CarrierTrouble, Usage
from dearly.letter.words import _

CORE = "urn:ietf:params:jmap:core"
MAIL = "urn:ietf:params:jmap:mail"
SUBMISSION = "urn:ietf:params:jmap:submission"
BLOB = "urn:ietf:params:jmap:blob"
ONCE = "https://dearly.invalid/jmap/once"
"""Our own capability: submissions carry a key of the client's, and the same key is accepted once (see the package)."""
WORLD = "https://dearly.invalid/jmap/world"
"""Our own capability too: the office hands letters on to e-mail addresses (see the package)."""

Call = tuple[str, dict[str, Any], str]


@dataclass(frozen=True, slots=True)
class Session:
    """What of a Session object (RFC 8620 2) is used. `blobs`: whether RFC 9404 is spoken; `once`: whether `ONCE` is.
    `world`: the mail server by which the office hands letters on (`WORLD`), "" for none."""

    state: str
    api: str
    upload: str
    download: str
    account: str
    using: tuple[str, ...]
    most_request: int
    most_get: int
    most_set: int
    most_inline: int
    """Bytes of the largest blob that may be uploaded inside a request."""
    blobs: bool
    digests: bool
    once: bool
    posts: bool
    world: str


@dataclass(frozen=True, slots=True)
class Bearings:
    """Where things are in the account: mailboxes by role, and the identity that may send as our address; or None."""

    inbox: str | None
    sent: str | None
    identity: str | None


class MethodFailed(Exception):
    """The server answered one call with an error (RFC 8620 3.6.2)."""

    def __init__(self, kind: str, words: str) -> None:
        super().__init__(kind)
        self.kind, self.words = kind, words or said(kind) or _("no reason was given")


class Answers:
    """The responses to one request, by call id."""

    def __init__(self, responses: Sequence[object]) -> None:
        self._by_id: dict[tuple[str, str], dict[str, Any]] = {}
        for response in responses:
            match response:
                case [str(name), dict(arguments), str(call_id)]:
                    self._by_id.setdefault((call_id, name), arguments)

    def of(self, call_id: str, name: str) -> dict[str, Any]:
        """The answer to a call. Raises `MethodFailed`, and `Cut` when there is none."""
        if (found := self._by_id.get((call_id, name))) is not None:
            return found
        if (error := self._by_id.get((call_id, "error"))) is not None:
            raise MethodFailed(text(error.get("type")), said(error.get("description")))
        raise Cut(_("The answer is not complete."))


class Account:
    """An account on a JMAP server, over a line: its session, its bearings, its requests.

    `way`: OFFICE, or MAIL where it is a provider's, which has other people's letters and other programs too."""

    def __init__(self, line: Line, address: Address, way: Way = Way.OFFICE) -> None:
        self.line, self.address, self.way = line, address, way
        self._session: Session | None = None
        self._bearings: Bearings | None = None

    async def session(self) -> Session:
        """The session, asked for once. Raises `NotDone` and `CarrierTrouble`."""
        if self._session is None:
            self._session = self._read(await self.line.get_json(self.line.start))
            self._bearings = None
        return self._session

    def forget(self) -> None:
        """Ask for the session anew at the next request."""
        self._session = None

    async def ask(self, calls: Sequence[Call], patience: float = HASTY) -> Answers:
        """One request. Raises `NotDone`, `Cut`, and `CarrierTrouble` (then nothing was done)."""
        session = await self.session()
        request = {"using": session.using, "methodCalls": calls}
        try:
            answer = await self.line.post_json(session.api, request, patience)
        except (NotDone, CarrierTrouble):
            self.forget()  # the address may be out of date
            raise
        match answer:
            case {"methodResponses": list(responses)}:
                if answer.get("sessionState") != session.state:
                    self.forget()
                return Answers(responses)
        raise Cut(_("The answer of {host} cannot be read.").format(host=self.line.host))

    async def bearings(self) -> Bearings:
        """The bearings, asked for once in a session. Raises as `ask`, and `MethodFailed`."""
        session = await self.session()
        if self._bearings is None:
            named = {"accountId": session.account, "ids": None}
            calls: list[Call] = [("Mailbox/get", {**named, "properties": ["id", "role"]}, "m")]
            if session.posts:
                calls.append(("Identity/get", {**named, "properties": ["id", "email"]}, "i"))
            answers = await self.ask(calls)
            boxes = [m for m in objects(answers.of("m", "Mailbox/get").get("list")) if text(m.get("id"))]
            roles = {text(box.get("role")): text(box.get("id")) for box in boxes}
            identities = objects(answers.of("i", "Identity/get").get("list")) if session.posts else []
            mine = [text(one.get("id")) for one in identities if self._speaks_for_us(text(one.get("email")))]
            self._bearings = Bearings(
                roles.get("inbox"), roles.get("sent") or roles.get("drafts"), next(filter(None, mine), None)
            )
        return self._bearings

    def _speaks_for_us(self, email: str) -> bool:
        # RFC 8621 6: "*@example.org" is an identity for every address there.
        if email.startswith("*@"):
            return email[2:].lower() == self.address.domain
        try:
            return Address.parse(email).same(self.address)
        except Usage:
            return False

    def _read(self, value: object) -> Session:
        top = mapping(value)
        account = text(mapping(top.get("primaryAccounts")).get(MAIL))
        can = mapping(mapping(mapping(top.get("accounts")).get(account)).get("accountCapabilities"))
        core = mapping(mapping(top.get("capabilities")).get(CORE))
        if not account or MAIL not in can or not text(top.get("apiUrl")):
            words = _("{host} is no office: it does not answer as a JMAP server for mail.")
            if self.way is Way.MAIL:
                words = _("{host} does not answer as a JMAP server with a mailbox for us.")
            raise CarrierTrouble(
                "office_answer",
                words.format(host=self.line.host),
                _("Check the address."),
            )
        blob = mapping(can.get(BLOB))
        inline = blob.get("maxSizeBlobSet")
        resolve = self.line.resolve
        return Session(
            state=text(top.get("state")),
            api=resolve(self.line.start, text(top.get("apiUrl"))),
            upload=resolve(self.line.start, text(top.get("uploadUrl"))),
            download=resolve(self.line.start, text(top.get("downloadUrl"))),
            account=account,
            using=(CORE, *(uri for uri in (MAIL, SUBMISSION, BLOB, ONCE, WORLD) if uri in can)),
            # RFC 8620 2 suggests these as the least that a server should allow.
            most_request=number(core.get("maxSizeRequest"), 10_000_000),
            most_get=number(core.get("maxObjectsInGet"), 500),
            most_set=number(core.get("maxObjectsInSet"), 500),
            most_inline=0 if BLOB not in can else number(inline, 1_000_000) if inline is not None else 1 << 40,
            blobs=BLOB in can,
            digests="sha-256" in (blob.get("supportedDigestAlgorithms") or ()),
            once=ONCE in can,
            posts=SUBMISSION in can,
            world=said(mapping(can.get(WORLD)).get("smarthost")) if ONCE in can else "",
        )


def expand(template: str, **values: str) -> str:
    """A URI template of level 1 (RFC 6570), as uploadUrl and downloadUrl are."""
    for name, value in values.items():
        template = template.replace("{" + name + "}", quote(value, safe=""))
    return template


def text(value: object) -> str:
    """A string, or ""."""
    return value if isinstance(value, str) else ""


def number(value: object, otherwise: int) -> int:
    """A whole number above zero, or `otherwise`."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else otherwise


def mapping(value: object) -> Mapping[str, Any]:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[Mapping[str, Any]]:
    """The objects in an array."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def strings(value: object) -> list[str]:
    """The strings in an array."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
