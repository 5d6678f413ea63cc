"""Header protection (RFC 9788): whether the outside of a sealed letter agrees with what was signed (A05, A19)."""

from __future__ import annotations

from collections.abc import Iterable

from dearly.letter.address import Correspondent
from dearly.letter.sealing import Headers
from dearly.mime.addresses import correspondents, one_sender
from dearly.mime.dates import read_date
from dearly.mime.outline import Outline


def compare_headers(inner: Outline, outer: Outline) -> Headers:
    """Whether From, To, Date and Message-ID of the outside agree with the signed part.

    Where the signed part lists what was put outside (HP-Outer, RFC 9788 2.2), the outside is compared with that
    list; else with the inner fields themselves. A field that the writer left out of the outside, or made neutral, is
    no difference. ABSENT: the signed part names no sender at all."""
    if inner.from_fields == 0:
        return Headers.ABSENT
    if not inner.froms or outer.from_fields > 1:
        return Headers.DIFFER
    recorded: dict[str, list[str]] = {}
    for name, value in inner.hp_outer:
        recorded.setdefault(name, []).append(value)
    agree = (
        _from_agrees(inner, outer, recorded)
        and _to_agrees(inner, outer, recorded)
        and _date_agrees(inner, outer, recorded)
        and _id_agrees(inner, outer, recorded)
    )
    return Headers.MATCH if agree else Headers.DIFFER


def _from_agrees(inner: Outline, outer: Outline, recorded: dict[str, list[str]]) -> bool:
    """A letter cannot hide its sender outside: what stands there is the recorded one, or else the inner one."""
    if outer.from_fields == 0:
        return "from" not in recorded
    expected = one_sender(recorded["from"]) if "from" in recorded else inner.froms
    return _keys(expected) == _keys(outer.froms) != frozenset()


def _to_agrees(inner: Outline, outer: Outline, recorded: dict[str, list[str]]) -> bool:
    if "to" in recorded:
        return _keys(correspondents(recorded["to"])) == _keys(outer.to)
    # Recorded without To: the writer left it out. Nobody named outside: made neutral.
    return bool(recorded) or not outer.to or _keys(inner.to) == _keys(outer.to)


def _date_agrees(inner: Outline, outer: Outline, recorded: dict[str, list[str]]) -> bool:
    if "date" in recorded:
        return read_date(recorded["date"][0]) == outer.date
    return bool(recorded) or outer.date is None or inner.date is None or inner.date == outer.date


def _id_agrees(inner: Outline, outer: Outline, recorded: dict[str, list[str]]) -> bool:
    if "message-id" in recorded:
        return recorded["message-id"][0].strip().removeprefix("<").removesuffix(">") == (outer.message_id or "")
    return bool(recorded) or None in (outer.message_id, inner.message_id) or outer.message_id == inner.message_id


def _keys(people: Iterable[Correspondent]) -> frozenset[str]:
    return frozenset(one.address.key for one in people)
