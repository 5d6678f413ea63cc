"""What a stack of imported letters has to know of the drawer before it is put in: which of them are here, who is who,
and which places in the archive are free. Each is asked once for the whole stack, and then kept up by hand.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from dearly.drawer import arrivals, chain, filing, importing_copies
from dearly.drawer.connection import Db
from dearly.drawer.importing_values import Content, Imported
from dearly.drawer.rows import PER_DAY, name_key
from dearly.letter.address import Correspondent
from dearly.letter.content import LetterId


class Known:
    """Letters by the ids that they claim, those of this stack too, and what was erased of them."""

    def __init__(self, db: Db, ids: frozenset[LetterId], erased: frozenset[bytes]) -> None:
        self._db = db
        self._before = ids
        self._erased = erased
        self._now: dict[LetterId, list[tuple[int, Imported]]] = {}

    def erased(self, one: Imported) -> bool:
        """Whether this is another copy of a letter that was erased here."""
        known = self._erased.intersection(_tombstones(one))
        letter = one.content
        if letter is None or known != {filing.claimed(id_of(one, letter))}:
            return bool(known)
        # Its id alone proves nothing (decision 9).
        return chain.known(self._db, chain.Kind.ERASED, filing.said(id_of(one, letter), letter.text))

    def same(self, one: Imported, letter: Content) -> int | None:
        """Number of the letter in this original: with the same id and the same signed bytes, ours too; or, where one of
        the two is a copy that Dearly wrote out, saying the same (`importing_copies`)."""
        letter_id, inner_sha256 = id_of(one, letter), letter.inner_sha256
        there = self._now.get(letter_id, [])
        found = next((n for n, was in there if was.content and was.content.inner_sha256 == inner_sha256), None)
        if found is None and letter_id in self._before:
            if inner_sha256 is not None:
                found = filing.same(self._db, letter_id, inner_sha256)
            if found is None:
                dated = not one.reason
                found = importing_copies.here(self._db, letter_id, letter, copy=one.copy, dated=dated)
        if found is None and any(one.copy or was.copy for _number, was in there):
            said = _words(one, letter)
            alike = (n for n, was in there if was.content and said.same(_words(was, was.content), one.copy))
            found = next(alike, None)
        return found

    def add(self, one: Imported, letter: Content, number: int) -> bool:
        """Note one more; whether there is another letter with the same id."""
        letter_id = id_of(one, letter)
        twin = letter_id in self._before or letter_id in self._now
        self._now.setdefault(letter_id, []).append((number, one))
        return twin


def _words(one: Imported, letter: Content) -> importing_copies.Words:
    return importing_copies.words_of(letter, dated=not one.reason)


def id_of(one: Imported, letter: Content) -> LetterId:
    """The id of the letter in an original: its own, or one that is made for it (F39)."""
    return letter.letter_id or filing.own_id(letter.inner_sha256 or one.raw.sha256, letter.subject)


def known_letters(db: Db, stack: Sequence[Imported]) -> Known:
    """What is here of the ids that these letters claim, and what was erased."""
    claimed = {id_of(one, one.content) for one in stack if one.content is not None}
    ids = {
        LetterId(letter_id)
        for table in ("letters", "pieces")
        for (letter_id,) in db.each(
            f"SELECT letter_id FROM {table} WHERE letter_id IN (SELECT value FROM json_each(?))",  # noqa: S608  constants
            (json.dumps(sorted(claimed)),),
        )
    }
    wanted = json.dumps([digest.hex() for one in stack for digest in _tombstones(one)])
    erased = db.all(
        "SELECT subject FROM chain WHERE kind = 'erased' AND subject IN (SELECT unhex(value) FROM json_each(?))",
        (wanted,),
    )
    return Known(db, frozenset(ids), frozenset(subject for (subject,) in erased))


def _tombstones(one: Imported) -> list[bytes]:
    """What would stand in the chain, had this letter been erased here (`erasing`); its original's own digest aside."""
    found = [] if one.seal_sha256 is None else [one.seal_sha256]
    letter = one.content
    if letter is not None:
        letter_id = id_of(one, letter)
        found.append(filing.claimed(letter_id))
        if letter.inner_sha256 is not None:
            found.append(filing.identity(letter_id, letter.inner_sha256))
    return found


class People:
    """Who in the address book is meant by whom a stack of letters names."""

    def __init__(
        self, db: Db, letters: Sequence[Content], meet: Callable[[Db, Correspondent], int], now: datetime
    ) -> None:
        self._db, self._meet, self._now = db, meet, now
        named = {who.address.key for one in letters for group in (one.senders, one.to, one.cc) for who in group}
        self._found: dict[str, list[tuple[str, int]]] = defaultdict(list)
        for key, person in {pair for one in letters for pair in one.known}:
            self._found[key].append(("", person))
        wanted = json.dumps(sorted(named - self._found.keys()))
        # In the order of `persons.person_of_address`.
        for key, name, person in db.each(
            "SELECT a.address_key, p.name_key, p.id FROM addresses a"
            " JOIN person_addresses e ON e.address_id = a.id JOIN persons p ON p.id = e.person_id"
            " WHERE a.address_key IN (SELECT value FROM json_each(?)) AND a.kind <> 'postal' AND p.hidden = 0"
            " ORDER BY e.until IS NOT NULL, p.kind <> 'household', e.id",
            (wanted,),
        ):
            self._found[key].append((name, person))
        self._ours = {
            key
            for (key,) in db.each(
                "SELECT address_key FROM own_addresses WHERE address_key IN (SELECT value FROM json_each(?))", (wanted,)
            )
        }

    def of(self, who: Correspondent) -> int | None:
        """Id of the person in the book whom a letter names so."""
        here = self._found.get(who.address.key)
        if not here:
            return None
        if len(here) > 1:
            name = name_key(who.name)
            return next((person for known, person in here if known == name), here[0][1])
        return here[0][1]

    def meet(self, letter: Content) -> None:
        """Whoever wrote this letter, or got it from us, comes into the book now, unless they are there or it is us.
        The other readers of a letter that came do not."""
        for who in (*letter.to, *letter.cc) if letter.direction == "out" else letter.senders:
            if self.of(who) is None and who.address.key not in self._ours:
                self._found[who.address.key].append((name_key(who.name), self._meet(self._db, who)))
                if letter.direction == "in":
                    arrivals.heard_of(self._db, who.address, self._now)


class Places:
    """Free places in the archive (`filing.sort_key`) for letters of these seconds, given out one after the other."""

    def __init__(self, db: Db, seconds: Iterable[int]) -> None:
        self._db = db
        firsts = sorted({filing.place_of(second) for second in seconds})
        self._last: dict[int, int] = {
            first: last
            for first, last in db.each(
                "SELECT value, (SELECT max(sort_key) FROM letters WHERE sort_key >= value AND sort_key < value + ?)"
                " FROM json_each(?)",
                (filing.PER_SECOND, json.dumps(firsts)),
            )
            if last is not None
        }
        self._ends: dict[int, int] = {}
        self._given: set[int] = set()

    def __call__(self, second: int) -> int:
        """The next place for a letter of this second."""
        first = filing.place_of(second)
        place = self._last.get(first, first - 1) + 1
        if place >= first + filing.PER_SECOND:
            return self._at_the_end_of_the_day(first)
        self._last[first] = place
        self._given.add(place)
        return place

    def _at_the_end_of_the_day(self, first: int) -> int:
        """More letters of one second than there are places: behind everything of that day, or before its very end."""
        day = first - first % PER_DAY
        end = day + PER_DAY
        if day not in self._ends:
            found = self._db.value("SELECT max(sort_key) FROM letters WHERE sort_key >= ? AND sort_key < ?", (day, end))
            self._ends[day] = max(day if found is None else int(found), day + filing.AFTER_DAY - 1)
        place = self._ends[day] + 1
        if place < end:
            self._ends[day] = place
        else:
            place = end - 1
            while place in self._given or self._db.one("SELECT 1 FROM letters WHERE sort_key = ?", (place,)):
                place -= 1
        self._given.add(place)
        return place
