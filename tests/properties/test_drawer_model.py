"""Drafts, arrivals and letters against plain dictionaries: whatever is done in whatever order, nothing is lost."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from dearly.drawer import arrivals, damage, drafts, letters, objects
from dearly.drawer.arrivals import ArrivalState
from dearly.drawer.connection import Db
from dearly.letter.content import Draft, Enclosure
from dearly.letter.sealing import PROVEN, Seal
from tests.support.contents import BERT, chance, known, memory, outside, parcel, received, took_in
from tests.support.often import examples
from tests.support.times import NOON

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
SEEDS = st.sampled_from("abcd")


class Pages(RuleBasedStateMachine):
    """Two windows on a few drafts."""

    def __init__(self) -> None:
        super().__init__()
        self._memory = memory()
        self.db: Db = self._memory.__enter__()
        self.pages: dict[int, tuple[int, Draft]] = {}
        self.versions: dict[int, list[str]] = {}
        self.seen: dict[int, int] = {}
        self.highest = 0

    def teardown(self) -> None:
        self._memory.__exit__(None, None, None)

    @rule(text=TEXTS, subject=st.text("abc é☃", max_size=5))
    def begin(self, text: str, subject: str) -> None:
        draft = Draft((BERT,), subject, text)
        there = drafts.new(self.db, draft, now=NOON, chance=chance)
        assert there.number > self.highest
        self.highest = there.number
        self.pages[there.number] = (1, draft)
        self.versions[there.number] = []

    @precondition(lambda self: self.pages)
    @rule(data=st.data(), text=TEXTS, stale=st.integers(0, 3))
    def save(self, data: st.DataObject, text: str, stale: int) -> None:
        number = data.draw(st.sampled_from(sorted(self.pages)))
        revision, was = self.pages[number]
        draft = Draft((BERT,), was.subject, text, was.enclosures)
        if stale == 3:
            with pytest.raises(drafts.RevisionMismatch) as mismatch:
                drafts.save(self.db, number, draft, based_on=revision - 1, now=NOON)
            assert mismatch.value.current == revision
            return
        new = drafts.save(self.db, number, draft, based_on=revision, now=NOON)
        assert new == revision + (text != was.text)
        before, after = len(was.text.split()), len(text.split())
        if 2 * after < before and (before > drafts.FEW_WORDS or not after) and self.versions[number][-1:] != [was.text]:
            self.versions[number].append(was.text)
        self.pages[number] = (new, draft)

    @precondition(lambda self: self.pages)
    @rule(data=st.data())
    def cut(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.pages)))
        draft = self.pages[number][1]
        kept = self.versions[number]
        same = (kept and kept[-1] == draft.text) or (not kept and not draft.text and not draft.subject)
        assert (drafts.cut_version(self.db, number, drafts.Why.READ_OVER, NOON) is None) == bool(same)
        if not same:
            kept.append(draft.text)

    @precondition(lambda self: any(self.versions.values()))
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(n for n, kept in self.versions.items() if kept)))
        kept = self.versions[number]
        version = data.draw(st.integers(1, len(kept)))
        revision, was = self.pages[number]
        drafts.restore(self.db, number, version, based_on=revision, now=NOON)
        text = kept[version - 1]
        if kept[-1] != was.text:
            kept.append(was.text)
        self.pages[number] = (revision + 1, Draft((BERT,), was.subject, text, was.enclosures))

    @precondition(lambda self: self.pages)
    @rule(data=st.data(), content=st.sampled_from([b"", b"tea", b"rain" * 500]))
    def enclose(self, data: st.DataObject, content: bytes) -> None:
        number = data.draw(st.sampled_from(sorted(self.pages)))
        revision, was = self.pages[number]
        one = Enclosure("list.txt", "text/plain", content)
        drafts.enclose(self.db, number, [one], NOON)
        self.pages[number] = (revision + 1, Draft(was.to, was.subject, was.text, (*was.enclosures, one)))

    @precondition(lambda self: any(d.enclosures for _r, d in self.pages.values()))
    @rule(data=st.data())
    def take_out(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(n for n, (_r, d) in self.pages.items() if d.enclosures)))
        revision, was = self.pages[number]
        position = data.draw(st.integers(0, len(was.enclosures) - 1))
        drafts.take_out_enclosure(self.db, number, position, NOON)
        left = was.enclosures[:position] + was.enclosures[position + 1 :]
        self.pages[number] = (revision + 1, Draft(was.to, was.subject, was.text, left))

    @precondition(lambda self: self.pages)
    @rule(data=st.data())
    def drop(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.pages)))
        drafts.drop(self.db, number)
        del self.pages[number], self.versions[number]

    @invariant()
    def everything_is_there(self) -> None:
        assert {line.number for line in drafts.list_all(self.db)} == set(self.pages)
        for number, (revision, draft) in self.pages.items():
            assert drafts.load(self.db, number).revision == revision
            assert drafts.whole(self.db, number) == draft
            kept = [drafts.version_text(self.db, number, n + 1) for n in range(len(self.versions[number]))]
            assert kept == self.versions[number]
        held = {e.data for _r, d in self.pages.values() for e in d.enclosures}
        assert self.db.value("SELECT count(*) FROM objects") == len(held)


class Letterbox(RuleBasedStateMachine):
    """Letters that come again and again, by other ways, under false ids, in any order of taking in and opening.

    A letter is its id and its inner bytes; the cover is what was fetched."""

    def __init__(self) -> None:
        super().__init__()
        self._memory = memory()
        self.db: Db = self._memory.__enter__()
        self.bert = known(self.db, BERT).id
        self.covers: dict[str, int] = {}
        self.letters: dict[tuple[str, str], int] = {}
        self.proven: set[int] = set()
        self.opened: dict[int, int] = {}

    def teardown(self) -> None:
        self._memory.__exit__(None, None, None)

    @rule(seed=SEEDS, cover=st.sampled_from("xyz"), uid=st.sampled_from("12"))
    def take_in(self, seed: str, cover: str, uid: str) -> None:
        number = took_in(self.db, parcel(seed + cover, uid=uid))
        assert (number is None) == (seed + cover in self.covers)
        if number is not None:
            assert number > max(self.covers.values(), default=0)
            self.covers[seed + cover] = number

    @precondition(lambda self: self.covers)
    @rule(data=st.data(), sender=st.sampled_from([BERT, None]))
    def sort(self, data: st.DataObject, sender: object) -> None:
        for number in arrivals.unsorted(self.db):
            seed = next(name for name, n in self.covers.items() if n == number)[0]
            who = BERT if sender else None
            found = outside(who, seed=seed, person=self.bert if who else None)
            state = arrivals.put_in_letterbox(self.db, number, found, NOON)
            assert state in {ArrivalState.UNOPENED, ArrivalState.SAME}

    @precondition(lambda self: self.covers)
    @rule(
        data=st.data(),
        seal=st.sampled_from([Seal.SIGNED_PINNED, Seal.SIGNER_UNKNOWN, Seal.HEADERS_DIFFER]),
        forged=st.booleans(),
    )
    def open(self, data: st.DataObject, seal: Seal, forged: bool) -> None:
        name = data.draw(st.sampled_from(sorted(self.covers)))
        number = self._envelope(self.covers[name])
        if number in self.opened:
            return
        letter_id = "id@letters.test" if forged else f"{name[0]}@letters.test"
        it = received(name[0], letter_id=letter_id, seal=seal, person=self.bert)
        filed = letters.file_received(self.db, self.covers[name], it, NOON)
        identity = (letter_id, name[0])
        assert filed.first == (identity not in self.letters)
        assert filed.number == self.letters.setdefault(identity, number)
        assert filed.twin == (len([1 for claimed, _inner in self.letters if claimed == letter_id]) > 1)
        self.opened[number] = filed.number
        if seal in PROVEN:
            self.proven.add(filed.number)

    def _envelope(self, number: int) -> int:
        return int(self.db.value("SELECT coalesce(same_as, number) FROM arrivals WHERE number = ?", (number,)))

    @invariant()
    def nothing_is_lost(self) -> None:
        for name, number in self.covers.items():
            assert arrivals.raw(self.db, number) == parcel(name).data
        there = {line.number for line in letters.correspondence(self.db, self.bert)}
        assert there == set(self.letters.values())
        for number in self.covers.values():
            if self._envelope(number) in self.opened:
                assert letters.letter(self.db, number).number == self.opened[self._envelope(number)]
        for letter in self.letters.values():
            assert (letters.letter(self.db, letter).seal in PROVEN) == (letter in self.proven)
        assert damage.damaged(self.db) == []

    @invariant()
    def every_arrival_has_one_place(self) -> None:
        listed = [a.number for a in arrivals.letterbox(self.db)]
        copies = [n for (n,) in self.db.all("SELECT number FROM arrivals WHERE state = 'same'")]
        assert sorted(listed + copies + arrivals.unsorted(self.db)) == sorted(self.covers.values())


for machine in (Pages, Letterbox):
    machine.TestCase.settings = settings(max_examples=examples(30), stateful_step_count=25, deadline=None)
TestPages = Pages.TestCase
TestLetterbox = Letterbox.TestCase


@given(st.lists(st.binary(max_size=2000), max_size=8))
@settings(deadline=None)
def test_objects_against_a_dict(contents: list[bytes]) -> None:
    with memory() as db:
        model = {objects.put(db, data): data for data in contents}
        assert len(model) == len(set(contents))
        assert {number: objects.get(db, number) for number in model} == model
        digests = {bytes(digest) for (digest,) in db.all("SELECT sha256 FROM objects")}
        assert digests == {hashlib.sha256(data).digest() for data in contents}


@given(TEXTS, st.none() | TEXTS)
@settings(deadline=None)
def test_any_text_is_packed_and_unpacked(text: str, base: str | None) -> None:
    assert objects.unpack_text(objects.pack_text(text, base), base) == text
