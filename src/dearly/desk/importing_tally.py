"""What taking an archive in would come to, counted header by header."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from dearly.desk.importing_source import BY_KIND, MOST_SKIPPED, Choices, Skipped, is_no_letter, left_out_by_place
from dearly.desk.importing_written import says_enough
from dearly.exchange.archive import Archive, Item, PassedOver, Written
from dearly.letter.address import Address, Correspondent, clean
from dearly.opener.bulk import NO_LETTERS, Kind, kind_by_header
from dearly.opener.heads import HeadFacts

_MOST_NAMED = 1000
"""People who are named in a plan, those with the most letters first."""

_OFTEN = 3
"""To so many letters, and to a third of all that came, goes an address that may be the person's own."""


@dataclass(frozen=True, slots=True)
class Someone:
    """Somebody in the letters of an archive. `letters`: how many are from them or to them."""

    name: str
    address: str
    letters: int


@dataclass(frozen=True, slots=True)
class Alike:
    """Several addresses under one name: perhaps one person, perhaps not."""

    name: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What taking this archive in would come to. `found`: all that lies in it. `letters`: to be taken; `sent` of them
    by us. `others`: letters that are neither from us nor to us. `sealed`: to be opened with a key; without it they are
    kept unopened. `already_here`, `erased` (here once, and erased since). `left_out`: how many, by reason
    (`REASONS`). `failed`: cannot be taken; `skipped` names them. `years`: letters of each year. `perhaps_mine`: own
    addresses that the desk does not know. `going_on`: it was begun before, and goes on where it stopped; `anew`: it was
    begun before with other choices, and is looked through from its beginning. `by_sender`: the own addresses for which
    alone letters count as sent, that lay in no folder of sent ones. `refiled`: letters that lie here as received, and
    are from an address that is named as ours now. `unsaid`: texts and scans that do not say whose they are, or when
    they were written, and of which the person has not said it."""

    place: str
    format: str
    found: int
    letters: int
    sent: int
    others: int
    sealed: int
    already_here: int
    erased: int
    left_out: dict[str, int]
    failed: int
    years: dict[int, int]
    people: tuple[Someone, ...] = field(repr=False)
    people_in_all: int
    perhaps_mine: tuple[str, ...]
    alike: tuple[Alike, ...]
    skipped: tuple[Skipped, ...]
    going_on: bool = False
    anew: bool = False
    by_sender: tuple[Someone, ...] = ()
    refiled: int = 0
    unsaid: int = 0


class Tally:
    """What was counted up to now."""

    def __init__(self, ours: frozenset[str], choices: Choices) -> None:
        self._ours, self._choices = ours, choices
        self._seen: set[bytes] = set()
        self._n: Counter[str] = Counter()
        self._left: Counter[str] = Counter()
        self._years: Counter[int] = Counter()
        self._letters: Counter[str] = Counter()
        self._wrote_sent: Counter[str] = Counter()
        self._named_to: Counter[str] = Counter()
        self._names: dict[str, tuple[str, str]] = {}
        self._by_sender: Counter[str] = Counter()
        self._skipped: list[Skipped] = []

    def count(
        self, item: Item, facts: HeadFacts, mark: bytes, here: frozenset[bytes], erased: frozenset[bytes]
    ) -> None:
        """`mark`: what an original is known by, as in `here` and `erased`."""
        self._n["found"] += 1
        sender = facts.sender
        if mark in erased:
            self._n["erased"] += 1
        elif mark in here or mark in self._seen:
            self._n["already_here"] += 1
        elif (why := self._why_not(item, facts)) is not None:
            self._left[why] += 1
        else:
            sent = bool(item.hints.sent) or (sender is not None and sender.address.key in self._ours)
            ours = sent or any(who.address.key in self._ours for who in (*facts.to, *facts.cc))
            if not ours:
                self._n["others"] += 1
            if not ours and self._choices.only_ours:
                self._left["others"] += 1
            else:
                self._letter(facts, sent=sent, by_folder=bool(item.hints.sent))
        self._seen.add(mark)

    def _why_not(self, item: Item, facts: HeadFacts) -> str | None:
        why = left_out_by_place(item.hints)
        if why is not None and why not in self._choices.take:
            return why
        kind = kind_by_header(facts)
        return BY_KIND[kind] if kind in NO_LETTERS and BY_KIND[kind] not in self._choices.take else None

    def _letter(self, facts: HeadFacts, *, sent: bool, by_folder: bool) -> None:
        self._n["letters"] += 1
        self._n["sent"] += sent
        if sent and not by_folder and facts.sender is not None:
            self._by_sender[facts.sender.address.key] += 1
        self._n["sealed"] += kind_by_header(facts) is Kind.SEALED
        if facts.date is not None:
            self._years[facts.date.year] += 1
        others: Sequence[Correspondent] = (*facts.to, *facts.cc) if sent else [facts.sender] if facts.sender else []
        for who in others:
            self._name(who)
            self._letters[who.address.key] += 1
        if facts.sender is not None:
            self._name(facts.sender)
            self._wrote_sent[facts.sender.address.key] += by_folder
        if not sent:
            for who in facts.to:
                self._name(who)
                self._named_to[who.address.key] += 1

    def _name(self, who: Correspondent) -> None:
        known = self._names.get(who.address.key)
        if known is None or (who.name and not known[0]):
            self._names[who.address.key] = (clean(who.name), str(who.address))

    def count_unchanged(self, by_reason: Counter[str]) -> None:
        self._n["found"] += by_reason.total()
        self._n["already_here"] += by_reason.pop("", 0)
        self._left += by_reason

    def count_other(self, one: Written | PassedOver) -> None:
        self._n["found"] += 1
        if isinstance(one, Written):
            if (why := left_out_by_place(one.hints)) is not None and why not in self._choices.take:
                self._left[why] += 1
                return
            self._n["letters"] += 1
            self._n["unsaid"] += not says_enough(one, self._choices.about)
            if one.said.date is not None:
                self._years[one.said.date.moment.year] += 1
        elif is_no_letter(one):
            self._left["empty" if one.code == "empty" else "not_a_letter"] += 1
        else:
            self._n["failed"] += 1
            if len(self._skipped) < MOST_SKIPPED:
                self._skipped.append(Skipped(one.shown, one.why))

    def _perhaps_mine(self) -> tuple[str, ...]:
        received = self._n["letters"] - self._n["sent"]
        found = [key for key, n in self._wrote_sent.most_common() if n]
        found += [key for key, n in self._named_to.most_common(_OFTEN) if n >= _OFTEN and 3 * n >= received]
        return tuple(self._names[key][1] for key in dict.fromkeys(found) if key not in self._ours)

    def _alike(self) -> tuple[Alike, ...]:
        by_name: defaultdict[str, list[str]] = defaultdict(list)
        for key in self._letters:
            name, address = self._names[key]
            if name and " " in name and key not in self._ours:
                by_name[" ".join(name.casefold().split())].append(address)
        return tuple(
            Alike(self._names[Address.parse(found[0]).key][0], tuple(sorted(found)))
            for found in by_name.values()
            if len(found) > 1
        )

    def plan(self, archive: Archive) -> Plan:
        people = [
            Someone(*self._names[key], letters) for key, letters in self._letters.most_common() if key not in self._ours
        ]
        return Plan(
            place=archive.place,
            format=archive.format,
            found=self._n["found"],
            letters=self._n["letters"],
            sent=self._n["sent"],
            others=self._n["others"],
            sealed=self._n["sealed"],
            already_here=self._n["already_here"],
            erased=self._n["erased"],
            left_out=dict(self._left.most_common()),
            failed=self._n["failed"],
            years=dict(sorted(self._years.items())),
            people=tuple(people[:_MOST_NAMED]),
            people_in_all=len(people),
            perhaps_mine=self._perhaps_mine(),
            alike=self._alike(),
            skipped=tuple(self._skipped),
            unsaid=self._n["unsaid"],
            by_sender=tuple(Someone(*self._names[key], n) for key, n in self._by_sender.most_common(_MOST_NAMED)),
        )
