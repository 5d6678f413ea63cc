"""Collecting from the letterbox of a JMAP account (RFC 8621 4).

The first time the letterbox is walked from its oldest Email on; from then on `Email/changes` names what is new. The
cursor says how far: the state to ask changes from, the Email that the walk has come to, what is named but not fetched
yet, and what is owed because it did not come whole. All of it the server's to change: where it no longer knows a state
or an Email, the walk begins anew, and the drawer takes nothing twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, Protocol

from dearly.carriers.base import MOST_PARCEL, Collected
from dearly.carriers.jmap.blobs import fetch
from dearly.carriers.jmap.line import Cut, NotDone
from dearly.carriers.jmap.session import Account, Answers, Call, MethodFailed, mapping, objects, strings, text
from dearly.letter.envelope import Parcel, Source
from dearly.letter.errors import CarrierTrouble
from dearly.letter.words import _

_PAGE = 200
"""Ids named at once. With the longest ids that a server may give (RFC 8620 1.2: 255), a cursor stays below 64 KiB."""
_MOST_OWED = 20
"""What did not come whole; while there is as much, nothing new is looked at."""
_TOGETHER = 8_000_000
"""Bytes of parcels fetched at once; one parcel may be larger."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """`state` is "" before the first walk; `walk` is None when it has ended, else the last Email it came to, or ""."""

    account: str
    state: str = ""
    walk: str | None = ""
    named: tuple[str, ...] = ()
    owed: tuple[str, ...] = ()

    def text(self) -> str:
        """As the drawer keeps it."""
        return json.dumps(["1", self.account, self.state, self.walk, self.named, self.owed], separators=(",", ":"))

    @classmethod
    def read(cls, kept: str, account: str) -> Cursor:
        """The cursor in `kept`; a fresh one when it is of another making, or of another account."""
        try:
            value = json.loads(kept)
        except (ValueError, RecursionError):
            return cls(account)
        match value:
            case ["1", str(of), str(state), str() | None as walk, list(named), list(owed)] if of == account:
                return cls(account, state, walk, tuple(strings(named)), tuple(strings(owed)))
        return cls(account)


@dataclass(frozen=True, slots=True)
class Listed:
    """What has to be known of an Email to fetch it."""

    uid: str
    blob: str
    size: int
    received: str


class Sift(Protocol):
    """Who decides what is fetched, where a letterbox holds more than letters for us. Without one, everything is."""

    since: str
    """What came before is not looked at: a UTCDate (RFC 8620 1.4)."""

    async def choose(self, listed: Sequence[Listed]) -> list[Listed]:
        """Of these, in their order, what is to be fetched. Raises as `Account.ask`."""


async def collect(account: Account, kept: str, sift: Sift | None = None) -> Collected:
    """The next batch. Raises `CarrierTrouble`."""
    with troubles(account):
        return await _collect(account, kept, sift)


async def fetch_these(account: Account, uids: Sequence[str]) -> tuple[Parcel, ...]:
    """Of these Emails what is there, in whichever mailbox, and comes whole. Raises `CarrierTrouble`."""
    with troubles(account):
        listed = await _facts(account, uids, None)
        now, later = _portion(listed)
        parcels: list[Parcel] = []
        while now:
            parcels += await _parcels(account, now)
            now, later = _portion(later)
        return tuple(parcels)


async def _collect(account: Account, kept: str, sift: Sift | None) -> Collected:
    session = await account.session()
    inbox = (await account.bearings()).inbox
    if inbox is None:
        raise _trouble(_("There is no letterbox at {host}.").format(host=account.line.host))
    cursor = Cursor.read(kept, session.account)
    listed: list[Listed] = []
    more = False
    full = len(cursor.owed) >= _MOST_OWED
    if full:
        pass  # what is new waits until some of this has come, for it could not be remembered
    elif cursor.named:
        # Whether there was more to name is not known any more: ask once again after these.
        listed, more = await _facts(account, cursor.named, inbox), True
    else:
        cursor, listed, more = await _name(account, cursor, inbox, sift)
        if sift is not None:
            listed = await sift.choose(listed)
    tried = not listed and not more
    owed, room = cursor.owed, _MOST_OWED - len(cursor.owed)
    if tried and cursor.owed:
        listed, owed, room = await _facts(account, cursor.owed, inbox), (), _MOST_OWED
    now, later = _portion(listed[:room])
    later += listed[room:]
    parcels = await _parcels(account, now)
    came = {parcel.source.uid for parcel in parcels}
    named = tuple(e.uid for e in later)
    if tried:
        # What was tried in vain comes last the next time, so that it keeps nothing else back.
        owed, named = named, cursor.named if full else ()
    owed = tuple(dict.fromkeys((*owed, *(e.uid for e in now if e.uid not in came))))
    still = len(owed) >= _MOST_OWED
    more = not still if full else more or bool(named) or (bool(owed) and not tried)
    cursor = replace(cursor, named=named, owed=owed)
    return Collected(parcels, cursor.text(), more, len(owed), still)


async def _parcels(account: Account, listed: Sequence[Listed]) -> tuple[Parcel, ...]:
    """Those that come whole. What is too large is not asked for."""
    session = await account.session()
    got = await fetch(account, {e.blob: e.size for e in listed if e.size <= MOST_PARCEL})
    place = str(account.address)
    return tuple(
        Parcel(got[e.blob], Source(account.way, place, session.account, e.uid)) for e in listed if e.blob in got
    )


def _portion(listed: Sequence[Listed]) -> tuple[list[Listed], list[Listed]]:
    """What is fetched now, and what the next batch begins with."""
    weight = 0
    for n, email in enumerate(listed):
        weight += email.size if email.size <= MOST_PARCEL else 0
        if n and weight > _TOGETHER:
            return list(listed[:n]), list(listed[n:])
    return list(listed), []


async def _name(account: Account, cursor: Cursor, inbox: str, sift: Sift | None) -> tuple[Cursor, list[Listed], bool]:
    """Go on from `cursor`: what is new, oldest first, and whether there is more to name."""
    if cursor.walk is not None:
        return await _walk(account, cursor, inbox, sift)
    most = min(_PAGE, (await account.session()).most_get)
    named = {"accountId": cursor.account}
    calls: list[Call] = [
        ("Email/changes", {**named, "sinceState": cursor.state, "maxChanges": most}, "c"),
        _get(cursor.account, "g", of="c", name="Email/changes", path="/created"),
        _get(cursor.account, "u", of="c", name="Email/changes", path="/updated"),
    ]
    answers = await account.ask(calls)
    try:
        changes = answers.of("c", "Email/changes")
    except MethodFailed as failed:
        if failed.kind != "cannotCalculateChanges":
            raise
        return await _walk(account, Cursor(cursor.account, owed=cursor.owed), inbox, sift)
    created = _emails(answers, "g", inbox)
    # Moved into the letterbox, by another program: also new. What carries our mark we have; a provider has none.
    updated = _emails(answers, "u", inbox, unseen=sift is None)
    state, more = text(changes.get("newState")), changes.get("hasMoreChanges") is True
    if not state or (more and state == cursor.state):
        raise Cut(_("The answer is not complete."))
    return replace(cursor, state=state), sorted(created + updated, key=lambda e: e.received), more


async def _walk(account: Account, cursor: Cursor, inbox: str, sift: Sift | None) -> tuple[Cursor, list[Listed], bool]:
    """One page of the letterbox from its oldest Email on. The state is taken before, so that nothing slips through."""
    limit = min(_PAGE, (await account.session()).most_get)
    named = {"accountId": cursor.account}
    query: dict[str, Any] = {
        **named,
        "filter": {"inMailbox": inbox} | ({"after": sift.since} if sift is not None else {}),
        "sort": [{"property": "receivedAt", "isAscending": True}],
        "limit": limit,
    }
    if cursor.walk:
        query |= {"anchor": cursor.walk, "anchorOffset": 1}
    calls: list[Call] = [
        ("Email/get", {**named, "ids": [], "properties": ["id"]}, "s"),
        ("Email/query", query, "q"),
        _get(cursor.account, "g", of="q", name="Email/query", path="/ids"),
    ]
    answers = await account.ask(calls)
    state = cursor.state or text(answers.of("s", "Email/get").get("state"))
    try:
        found = answers.of("q", "Email/query")
    except MethodFailed as failed:
        if failed.kind != "anchorNotFound" or not cursor.walk:
            raise
        return await _walk(account, replace(cursor, walk=""), inbox, sift)
    ids = strings(found.get("ids"))
    if not state or not isinstance(found.get("ids"), list):
        raise Cut(_("The answer is not complete."))
    enforced = found.get("limit")
    ended = len(ids) < (enforced if isinstance(enforced, int) else limit) or not ids
    order = {uid: n for n, uid in enumerate(ids)}
    listed = sorted(_emails(answers, "g", inbox), key=lambda e: order.get(e.uid, 0))
    return replace(cursor, state=state, walk=None if ended else ids[-1]), listed, not ended


_FACTS = ["id", "blobId", "size", "mailboxIds", "keywords", "receivedAt"]


def _get(account: str, call_id: str, *, of: str, name: str, path: str) -> Call:
    """Email/get of the ids in an earlier answer (RFC 8620 3.7)."""
    reference = {"resultOf": of, "name": name, "path": path}
    return ("Email/get", {"accountId": account, "#ids": reference, "properties": _FACTS}, call_id)


async def _facts(account: Account, ids: Sequence[str], inbox: str | None) -> list[Listed]:
    """What is still there of these, in their order; in the letterbox, or anywhere."""
    asked = {"accountId": (await account.session()).account, "ids": ids, "properties": _FACTS}
    there = {e.uid: e for e in _emails(await account.ask([("Email/get", asked, "g")]), "g", inbox)}
    return [there[uid] for uid in ids if uid in there]


def _emails(answers: Answers, call_id: str, inbox: str | None, *, unseen: bool = False) -> list[Listed]:
    """The Emails of an answer that lie in the letterbox (None: anywhere). Raises `Cut` when one cannot be read."""
    answer = answers.of(call_id, "Email/get")
    if not isinstance(answer.get("list"), list):
        raise Cut(_("The answer is not complete."))
    found = []
    for one in objects(answer["list"]):
        match one:
            case {"id": str(uid), "blobId": str(blob), "size": int(size)} if uid and blob and size >= 0:
                there = inbox is None or mapping(one.get("mailboxIds")).get(inbox) is True
                if there and not (unseen and _seen(one)):
                    found.append(Listed(uid, blob, size, text(one.get("receivedAt"))))
            case _:
                raise Cut(_("The answer is not complete."))
    return found


def _seen(email: Mapping[str, Any]) -> bool:
    return mapping(email.get("keywords")).get("$seen") is True


async def acknowledge(account: Account, sources: Sequence[Source]) -> None:
    """Set `$seen` on these. Raises `CarrierTrouble`."""
    with troubles(account):
        session = await account.session()
        ids = [s.uid for s in sources if s.validity == session.account and s.place == str(account.address)]
        most = min(session.most_set, 400)
        for start in range(0, len(ids), most):
            update = {uid: {"keywords/$seen": True} for uid in ids[start : start + most]}
            answers = await account.ask([("Email/set", {"accountId": session.account, "update": update}, "a")])
            try:
                answers.of("a", "Email/set")  # what is gone, or may not be marked, stays as it is
            except MethodFailed as failed:
                if failed.kind not in ("accountReadOnly", "forbidden"):
                    raise


@contextmanager
def troubles(account: Account) -> Iterator[None]:
    """What goes wrong inside the block, as a person is told of it."""
    try:
        yield
    except NotDone as trouble:
        raise _trouble(trouble.why, reached=trouble.answered) from None
    except Cut as cut:
        raise _trouble(cut.why) from None
    except MethodFailed as failed:
        why = _("{host} could not answer: {words}.").format(host=account.line.host, words=failed.words)
        raise _trouble(why) from None


def _trouble(why: str, *, reached: bool = True) -> CarrierTrouble:
    return CarrierTrouble(
        "office_answer" if reached else "office_unreachable",
        why,
        _("Nothing is lost; it is tried again at the next round."),
        retry=True,
    )
