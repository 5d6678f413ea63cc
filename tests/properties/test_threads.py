"""Threads hold together: a correspondence is told in the order in which it was written, and each answer finds what it
answers, in whatever order the letters come, and whichever program wrote them."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from dearly.drawer import letters
from dearly.drawer.connection import Db
from tests.support.contents import BERT, arrived, known, memory
from tests.support.times import NOON

# (minutes after the one before, what it answers: how many letters back, or nothing)
_LETTERS = st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 3)), min_size=2, max_size=7)


def _told(db: Db, thread: list[tuple[int, int]], order: list[int]) -> tuple[list[str], dict[str, tuple[str, ...]]]:
    """The ids in the order told, and whom each is answered by, after these letters came in this order."""
    bert = known(db, BERT)
    date, written = NOON, []
    for n, (minutes, back) in enumerate(thread):
        date += timedelta(minutes=minutes, seconds=1)
        written.append((f"{n}@letters.test", date, f"{n - back}@letters.test" if 0 < back <= n else None))
    for n in order:
        letter_id, date, answers = written[n]
        arrived(db, str(n), person=bert.id, date=date, letter_id=letter_id, in_reply_to=answers)
    lines = [line.number for line in letters.correspondence(db, bert.id)]
    ids = {number: letters.letter(db, number).letter_id for number in lines}
    answered = {
        ids[number]: tuple(sorted(ids[one] for one in letters.letter(db, number).answered_by)) for number in lines
    }
    return [ids[number] for number in lines], answered


@given(_LETTERS, st.randoms(use_true_random=False))
def test_the_order_of_coming_changes_nothing(thread: list[tuple[int, int]], chance: object) -> None:
    straight = list(range(len(thread)))
    mixed = straight.copy()
    chance.shuffle(mixed)  # type: ignore[attr-defined]  # a random.Random
    with memory() as db:
        there = _told(db, thread, straight)
    with memory() as db:
        assert _told(db, thread, mixed) == there
    assert there[0] == [f"{n}@letters.test" for n in straight]
