"""What a method has at hand, and the parts that the standard methods share (RFC 8620 5)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from dearly.letter.clock import Chance
from dearly.letter.words import _
from dearly.office.limits import Limits
from dearly.office.readers import (
    Arguments,
    count,
    flag,
    ident,
    ident_or_new,
    list_of,
    map_of,
    mapping,
    or_null,
    text,
    whole,
)
from dearly.office.refusals import MethodError, SetError
from dearly.office.smarthost import World
from dearly.office.store import Account, Blob, Changes, Email, Shelf, Submission

T = TypeVar("T")

Answer = dict[str, Any]


@dataclass(slots=True)
class Context:
    """One request of one account within one transaction. `created`: creation ids and what they became.
    `world`: the smarthost, if there is one. `after`: responses that follow the one being made (RFC 8621 7.5, the
    implicit Email/set). `blobs`, `emails`,
    `people` and `handed` (submissions by key): what this request has just made or looked up, so that a batch does not
    ask the store for each again."""

    shelf: Shelf
    account: Account
    limits: Limits
    now: datetime
    chance: Chance
    using: frozenset[str]
    created: dict[str, str] = field(default_factory=dict)
    world: World | None = None
    second: str = ""
    after: list[tuple[str, Answer]] = field(default_factory=list)
    spent: int = 0
    blobs: dict[str, Blob] = field(default_factory=dict)
    emails: dict[str, Email] = field(default_factory=dict)
    people: dict[str, Account | None] = field(default_factory=dict)
    handed: dict[str, Submission | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.second = f"{int(self.now.timestamp()):09x}"

    def spend(self, size: int) -> None:
        """Count bytes towards the answer; raises `MethodError` when it grows too large."""
        self.spent += size
        if self.spent > self.limits.answer:
            raise MethodError("requestTooLarge", _("The answer would be too large; ask for less at once."))

    def new(self, letter: str) -> str:
        """A new id: the second, so that new rows lie side by side, and 96 bits of chance."""
        return f"{letter}{self.second}{self.chance.token(12).hex()}"

    def blob(self, uid: str) -> Blob | None:
        """As `Shelf.blob` for the account."""
        return self.blobs.get(uid) or self.shelf.blob(self.account, uid)

    def email(self, uid: str) -> Email | None:
        """As `Shelf.emails` for one of the account's."""
        return self.emails.get(uid) or self.shelf.emails(self.account, [uid]).get(uid)

    def person(self, key: str) -> Account | None:
        """As `Shelf.account`."""
        if key not in self.people:
            self.people[key] = self.shelf.account(key)
        return self.people[key]

    def look_up_handed(self, keys: Iterable[str]) -> None:
        """Ask for the submissions with these keys, all at once."""
        new = [key for key in keys if key not in self.handed]
        self.handed |= dict.fromkeys(new)
        self.handed |= {s.key: s for s in self.shelf.submissions_keyed(self.account, new)}

    def real(self, identifier: str) -> str | None:
        """What an id, or a creation id behind "#", stands for."""
        return self.created.get(identifier[1:]) if identifier.startswith("#") else identifier

    def own(self, arguments: Arguments) -> str:
        """Takes `accountId`, which can only be the caller's own (RFC 8620 3.6.2 accountNotFound)."""
        if arguments.take("accountId", ident) != self.account.uid:
            raise MethodError("accountNotFound")
        return self.account.uid


def moment(value: datetime) -> str:
    """A UTCDate (RFC 8620 1.4)."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seq(state: str) -> int:
    """The number in a state string of ours. Raises `MethodError` (cannotCalculateChanges)."""
    if not state.isdecimal() or not state.isascii() or len(state) > 15:
        raise MethodError("cannotCalculateChanges")
    return int(state)


def wanted(arguments: Arguments, known: Sequence[str], defaults: Sequence[str] | None = None) -> list[str]:
    """Takes `properties` (RFC 8620 5.1); `id` is always among them."""
    names = arguments.take("properties", or_null(list_of(text)), None)
    if names is None:
        return list(defaults or known)
    if not set(names) <= set(known):
        raise MethodError("invalidArguments", _("There is no such property: properties."))
    return ["id", *(n for n in dict.fromkeys(names) if n != "id")]


def get(c: Context, arguments: Arguments) -> list[str] | None:
    """Takes `ids` of a /get, without doubles; None for all."""
    ids = arguments.take("ids", or_null(list_of(ident)), None)
    if ids is not None and len(ids) > c.limits.get:
        raise MethodError("requestTooLarge")
    return None if ids is None else list(dict.fromkeys(ids))


def got(c: Context, state: str, objects: Iterable[Answer], ids: Sequence[str] | None) -> Answer:
    """The response to a /get."""
    found = list(objects)
    have = {o["id"] for o in found}
    missing = [i for i in ids or () if i not in have]
    return {"accountId": c.account.uid, "state": state, "list": found, "notFound": missing}


def changes(c: Context, given: Mapping[str, Any], look: Callable[[int, int], Changes | None]) -> Answer:
    """A whole /changes (RFC 8620 5.2), `look(since, most)` being where they come from."""
    a = Arguments(given)
    account = c.own(a)
    since = a.take("sinceState", text)
    most = a.take("maxChanges", or_null(count), None)
    a.done()
    if most == 0:
        raise MethodError("invalidArguments", "maxChanges")
    found = look(seq(since), min(most or 10_000, 10_000))
    if found is None:
        raise MethodError("cannotCalculateChanges")
    return {
        "accountId": account,
        "oldState": since,
        "newState": str(found.until),
        "hasMoreChanges": found.more,
        "created": list(found.created),
        "updated": list(found.updated),
        "destroyed": list(found.destroyed),
    }


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a query's result that is asked for (RFC 8620 5.5)."""

    position: int
    anchor: str | None
    offset: int
    limit: int | None
    total: bool


def window(arguments: Arguments) -> Window:
    """Takes the arguments of a /query that say which part."""
    return Window(
        arguments.take("position", whole, 0),
        arguments.take("anchor", or_null(ident), None),
        arguments.take("anchorOffset", whole, 0),
        arguments.take("limit", or_null(count), None),
        arguments.take("calculateTotal", flag, False),
    )


def queried(c: Context, state: str, ids: Sequence[str], w: Window) -> Answer:
    """The response to a /query."""
    start = w.position if w.position >= 0 else max(0, len(ids) + w.position)
    if w.anchor is not None:
        if w.anchor not in ids:
            raise MethodError("anchorNotFound")
        start = max(0, list(ids).index(w.anchor) + w.offset)
    # Ids alone are small; still, nobody gets a million at once.
    most = 5_000 if w.limit is None else min(w.limit, 5_000)
    answer: Answer = {
        "accountId": c.account.uid,
        "queryState": state,
        "canCalculateChanges": False,
        "position": start if start < len(ids) else 0,
        "ids": list(ids[start : start + most]),
    }
    if w.limit is None or w.limit > most:
        answer["limit"] = most
    return answer | ({"total": len(ids)} if w.total else {})


def set_(
    c: Context,
    given: Mapping[str, Any],
    state: Callable[[], str],
    create: Callable[[str, dict[str, Any]], Answer],
    update: Callable[[str, dict[str, Any]], None],
    destroy: Callable[[str], None],
    more: Callable[[Arguments], T],
    most: int,
) -> tuple[Answer, T]:
    """A whole /set (RFC 8620 5.3) of at most `most` objects. The three acts raise `SetError` for what they refuse;
    `more` takes arguments that only this one has. Each object is done or refused by itself."""
    a = Arguments(given)
    account = c.own(a)
    if_in = a.take("ifInState", or_null(text), None)
    creates = a.take("create", or_null(map_of(mapping)), None) or {}
    updates = a.take("update", or_null(lambda v: {ident_or_new(k): mapping(p) for k, p in mapping(v).items()}), None)
    destroys = a.take("destroy", or_null(list_of(ident_or_new)), None) or []
    extra = more(a)
    a.done()
    old = state()
    if if_in is not None and if_in != old:
        raise MethodError("stateMismatch")
    if len(creates) + len(updates or {}) + len(destroys) > most:
        raise MethodError("requestTooLarge")
    done: dict[str, Any] = {"created": {}, "updated": {}, "destroyed": []}
    refused: dict[str, dict[str, Any]] = {"notCreated": {}, "notUpdated": {}, "notDestroyed": {}}
    for cid, properties in creates.items():
        try:
            done["created"][cid] = made = create(cid, properties)
            c.created[cid] = made["id"]
        except SetError as e:
            refused["notCreated"][cid] = e.answer()
    for uid, patch in (updates or {}).items():
        try:
            update(_there(c, uid, destroys), patch)
            done["updated"][c.real(uid)] = None
        except SetError as e:
            refused["notUpdated"][uid] = e.answer()
    for uid in dict.fromkeys(destroys):
        try:
            destroy(_there(c, uid, ()))
            done["destroyed"].append(c.real(uid))
        except SetError as e:
            refused["notDestroyed"][uid] = e.answer()
    answer = {"accountId": account, "oldState": old, "newState": state()}
    return answer | {k: v or None for k, v in (done | refused).items()}, extra


def _there(c: Context, identifier: str, going: Sequence[str]) -> str:
    if identifier in going:
        raise SetError("willDestroy")
    real = c.real(identifier)
    if real is None:
        raise SetError("notFound")
    return real
