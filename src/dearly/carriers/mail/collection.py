"""The letters of one collection: whom each has yet to be handed over to, and what came of it so far.

No sockets but those of the `Line` that is given; used by one thread at a time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from dearly.carriers.mail.line import Line
from dearly.carriers.mail.transaction import LineGone, Load, SenderRefused, carry, load, turned_before, unfit
from dearly.letter.address import Address
from dearly.letter.envelope import SealedLetter
from dearly.letter.journey import Accepted, Outcome, TryLater, Turned, Unknown
from dearly.letter.words import _


class Collection:
    """`begun`: whether a server has given an answer to any of them, or may have taken one. `sender_refused`: its
    words where it takes nothing from a sender of theirs, else ""."""

    def __init__(
        self,
        letters: Sequence[SealedLetter],
        ourselves: Address,
        begins: Callable[[int], bool] | None = None,
        ended: Callable[[int, Mapping[Address, Outcome]], None] | None = None,
    ) -> None:
        """`begins` and `ended`: as `PostsInTurn`; called by the thread that hands over."""
        self._letters, self._ourselves = letters, ourselves
        self._begins, self._ended = begins, ended
        self._may_leave: set[int] = set()
        self._came: list[dict[Address, Outcome]] = [{} for _letter in letters]
        self._waits: deque[tuple[int, Address]] = deque()
        self._cargo: tuple[int, Load] | None = None
        self.begun = False
        self.sender_refused = ""
        for n, letter in enumerate(letters):
            why = unfit(letter.data)
            for recipient in letter.envelope.recipients:
                if why:
                    self._came[n][recipient] = Turned(why)
                else:
                    self._waits.append((n, recipient))

    @property
    def waits(self) -> bool:
        """Whether a letter has yet to be handed over to somebody."""
        return bool(self._waits)

    def later(self, why: str) -> None:
        """There is no line (any more): what still waits has certainly not left."""
        while self._waits:
            self._settle(TryLater(why))

    def over(self, line: Line) -> None:
        """Hand over what waits, until all is done or the line is of no more use. What waits then is for a new line; but
        where this one brought no answer to any letter, the next would not either, and all is for later."""
        answered, why = False, ""
        while self._waits and line.usable:
            n = self._waits[0][0]
            if not self._may_begin(n):
                continue
            try:
                came = self._next(line)
            except LineGone as gone:
                why = gone.why
                if gone.begun:
                    self._settle(TryLater(why))
                break
            except SenderRefused as refused:
                self.sender_refused = refused.words
                self._set_aside(self._letters[self._waits[0][0]].envelope.sender, refused.words)
                continue
            why = "" if isinstance(came, Accepted) else came.why
            answered = answered or line.usable or isinstance(came, Accepted)
            self.begun = self.begun or answered or isinstance(came, Unknown)
            self._settle(came)
            if self._ended is not None and all(other != n for other, _recipient in self._waits):
                self._ended(n, self._came[n])
        if not answered:
            self.later(why or _("The line broke."))

    def result(self) -> Sequence[Mapping[Address, Outcome]]:
        """One outcome for each recipient of each letter, once nothing waits."""
        return [
            {recipient: came[recipient] for recipient in letter.envelope.recipients}
            for letter, came in zip(self._letters, self._came, strict=True)
        ]

    def _may_begin(self, n: int) -> bool:
        """Whether this letter may leave; where it may not, it is let go of."""
        if n not in self._may_leave:
            if self._begins is not None and not self._begins(n):
                while self._waits and self._waits[0][0] == n:
                    self._settle(TryLater(""))
                return False
            self._may_leave.add(n)
        return True

    def _next(self, line: Line) -> Outcome:
        n, recipient = self._waits[0]
        if self._cargo is None or self._cargo[0] != n:
            self._cargo = n, load(self._letters[n])
        cargo = self._cargo[1]
        return turned_before(cargo, recipient, line.abilities) or carry(line, cargo, recipient, self._ourselves)

    def _settle(self, came: Outcome) -> None:
        n, recipient = self._waits.popleft()
        self._came[n][recipient] = came

    def _set_aside(self, sender: Address, why: str) -> None:
        """Nothing of this sender's goes over now."""
        kept: deque[tuple[int, Address]] = deque()
        for n, recipient in self._waits:
            if self._letters[n].envelope.sender == sender:
                self._came[n][recipient] = TryLater(why)
            else:
                kept.append((n, recipient))
        self._waits = kept
