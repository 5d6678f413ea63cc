"""Copies of letters that Dearly itself wrote out: as a text file, or as a message with its text in the clear.

Such a copy has other bytes than the letter, but it names the letter's id and says the same. The id is a claim that
anybody can make (decision 9): a copy is known by all that it says, and one that says anything else is another letter.
What was taken in as a copy first is the same letter, too, when the original comes later.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from dearly.drawer import objects
from dearly.drawer.connection import Db
from dearly.drawer.enclosed import IN_LETTER
from dearly.drawer.importing_values import Content
from dearly.drawer.rows import stamp
from dearly.letter.address import clean
from dearly.letter.content import LetterId, bare
from dearly.letter.errors import Damaged


@dataclass(frozen=True, slots=True)
class Words:
    """What a letter says, however it is written down: of which second (None: it does not say), between whom (role and
    address key), about what, with which enclosures (digests), and its text (`bare`)."""

    date: int | None
    parties: frozenset[tuple[str, str]]
    subject: str
    enclosed: tuple[bytes, ...]
    text: str = field(repr=False)

    def same(self, other: Words, copy: bool) -> bool:
        """Whether this is the `other` letter. A copy may lack enclosures, which a person has not kept beside it."""
        if copy and not set(self.enclosed) <= set(other.enclosed):
            return False
        if None in (self.date, other.date):  # what was written out has the day that was guessed here
            other = replace(other, date=self.date)
        return self == (replace(other, enclosed=self.enclosed) if copy else other)


def words_of(letter: Content, *, dated: bool) -> Words:
    """What this letter says. `dated`: whether its date is the writer's word."""
    named = (("from", letter.senders), ("to", letter.to), ("cc", letter.cc))
    return Words(
        stamp(letter.date) if dated else None,
        frozenset((role, who.address.key) for role, people in named for who in people),
        _line(letter.subject),
        tuple(sorted(one.data.sha256 for one in letter.enclosures)),
        bare(letter.text),
    )


def here(db: Db, letter_id: LetterId, letter: Content, *, copy: bool, dated: bool = True) -> int | None:
    """Number of the letter with this id that says just this; None where none does. `copy`: whether this one is a copy;
    an original is compared with those alone that came as copies, and with postcards of ours, in which nothing is
    signed: other originals are told apart by their signed bytes (`filing.same`). `dated`: as `words_of`."""
    wanted: Words | None = None
    for number, by_words in db.all(
        "SELECT number, (direction = 'out' AND postcard = 1 AND inner_sha256 IS NULL)"
        " OR EXISTS (SELECT 1 FROM arrivals a WHERE a.letter = l.number AND a.raw_sha256 = l.inner_sha256)"
        " FROM letters l WHERE letter_id = ? ORDER BY number",
        (letter_id,),
    ):
        if copy or by_words:
            wanted = wanted or words_of(letter, dated=dated)
            there = _words_here(db, number)
            if there is not None and wanted.same(there, copy):
                return int(number)
    return None


def _words_here(db: Db, number: int) -> Words | None:
    """What the letter with this number says; None where its text is damaged."""
    date, subject, body = db.all(
        # An original of which a letter was made has a reason only where it says of what day the letter is not.
        "SELECT iif(EXISTS (SELECT 1 FROM arrivals WHERE letter = ?1 AND state = 'imported' AND reason <> ''), NULL,"
        " date), subject, body FROM letters WHERE number = ?1",
        (number,),
    )[0]
    try:
        text = objects.unpack_text(body)
    except Damaged:
        return None
    parties = db.each("SELECT role, address_key FROM parties WHERE letter = ?", (number,))
    enclosed = tuple(sorted(one.sha256 for one in IN_LETTER.listed(db, number)))
    return Words(date, frozenset((role, key) for role, key in parties), _line(subject), enclosed, bare(text))


def _line(subject: str) -> str:
    return " ".join(clean(subject).split())
