"""Coming in and going out: launches, wrong tries, and which pages are open.

A *launch* is a way in that `dearly` asks for: a secret in a file that this user alone can read, and a code for typing.
Either is good once, and for a short while.
"""

from __future__ import annotations

import asyncio
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from dearly.desk.keeper import Keeper

SECRET_SECONDS = 60.0
CODE_SECONDS = 600.0
GRACE_SECONDS = 60.0
"""For how long the desk stays open after its last page was closed."""

LETTERS = "bcdfghjkmnpqrstvwxyz"
"""Of codes: no vowels, so that no words come about; no l, which may be taken for a figure."""

MOST_TRIES = 10
"""Wrong codes after which every code is void: `dearly` gives a new one."""

_MOST_LAUNCHES = 8
_MOST_PAGES = 500
_PAGE_SECONDS = 24 * 3600.0
"""After which a page that says nothing any more counts as gone: its window may have been killed."""


Visitor = tuple[int, str, str]
"""A session without the desk: its seat, its cookie's value, its token."""


@dataclass(frozen=True, slots=True)
class Launch:
    """One way in. `secret` travels in a file, `code` stands in the terminal. `opening`: of the desk when it was made; a
    lock that fell since ends what it would have given."""

    secret: str = field(default_factory=lambda: secrets.token_urlsafe(32), repr=False)
    code: str = field(default_factory=lambda: "".join(secrets.choice(LETTERS) for _n in range(8)), repr=False)
    made: float = field(default_factory=time.monotonic)
    opening: int = 0

    @property
    def shown_code(self) -> str:
        """The code in two halves, as it is easier to read and to type."""
        return f"{self.code[:4]}-{self.code[4:]}"


class Launches:
    """The ways in that are still good. `taken` is called when one was used; `opening` tells that of the desk."""

    def __init__(
        self, taken: Callable[[Launch], None] = lambda _launch: None, opening: Callable[[], int] = lambda: 0
    ) -> None:
        self._open: list[Launch] = []
        self._taken, self._opening = taken, opening
        self._wrong = 0

    def new(self) -> Launch:
        """One more; the oldest goes where there are too many."""
        launch = Launch(opening=self._opening())
        self._open = [*self._open, launch][-_MOST_LAUNCHES:]
        self._wrong = 0
        return launch

    def take_secret(self, secret: str) -> Launch | None:
        """The launch of this secret, if it is good. It is not, from then on."""
        return self._take(secret, lambda launch: launch.secret, SECRET_SECONDS)

    def take_code(self, code: str) -> Launch | None:
        """The launch of this code, if it is good; typed in any case, with or without what stands between. It is not,
        from then on."""
        typed = "".join(letter for letter in code.lower() if letter.isalnum())
        launch = self._take(typed, lambda launch: launch.code, CODE_SECONDS)
        if launch is not None:
            self._wrong = 0
            return launch
        self._wrong += 1
        if self._wrong >= MOST_TRIES:
            self._open.clear()
        return None

    def _take(self, given: str, part: Callable[[Launch], str], seconds: float) -> Launch | None:
        now, octets = time.monotonic(), given.encode("utf-8", "surrogatepass")
        # Every one is compared, in constant time: how long it takes says nothing.
        fitting = [one for one in self._open if hmac.compare_digest(part(one).encode(), octets)]
        good = [one for one in fitting if now - one.made <= seconds]
        for launch in fitting:
            self._open.remove(launch)
            self._taken(launch)
        return good[0] if good else None


class Patience:
    """A growing wait after wrong tries, one try at a time, whoever makes them. Right ones are never made to wait."""

    FIRST, MOST = 1.0, 30.0

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._wrong = 0
        self._until = 0.0

    async def __aenter__(self) -> Patience:
        await self._turn.acquire()
        try:
            await asyncio.sleep(max(0.0, self._until - time.monotonic()))
        except BaseException:
            self._turn.release()
            raise
        return self

    async def __aexit__(self, *_why: object) -> None:
        self._turn.release()

    def wrong(self) -> None:
        """This try was wrong: the next one waits. The first slip costs nothing."""
        self._wrong += 1
        if self._wrong > 1:
            self._until = time.monotonic() + min(self.MOST, self.FIRST * 2 ** (self._wrong - 2))

    def right(self) -> None:
        """Start afresh."""
        self._wrong, self._until = 0, 0.0


class Presence:
    """Which pages are open, as their script tells. When the last one has gone, `lock` is called after a while.

    A browser without scripts tells nothing: then there is only the time without use."""

    def __init__(self, lock: Callable[[], None], opening: Callable[[], int], grace: float | None = None) -> None:
        self._lock, self._opening, self._grace = lock, opening, grace
        self._pages: dict[str, tuple[float, int, bool]] = {}
        """By the page's own number: when it was heard of last, in which opening, and whether it is one of the desk."""
        self._falling: asyncio.TimerHandle | None = None
        self.heard = time.monotonic()
        """When anything was asked for last."""

    def asked(self) -> None:
        """Something was asked for: whoever does is not gone."""
        self.heard = time.monotonic()
        if self._falling is not None:
            self._falling.cancel()
            self._falling = None

    def here(self, page: str, *, seated: bool = True) -> None:
        """This page is open. `seated`: it is one of the desk; a lock page keeps the process, and no desk open."""
        if seated:
            self.asked()
        self.heard = time.monotonic()
        while len(self._pages) >= _MOST_PAGES:
            del self._pages[next(iter(self._pages))]
        self._pages[page] = self.heard, self._opening(), seated

    def gone(self, page: str) -> None:
        """This page was closed, or left for another one."""
        self.heard = time.monotonic()
        gone = self._pages.pop(page, None)
        if gone is not None and gone[2] and not self._at_desk:
            grace = GRACE_SECONDS if self._grace is None else self._grace
            self._falling = asyncio.get_running_loop().call_later(grace, self._lock)

    @property
    def any(self) -> bool:
        """Whether a page is open, as far as one knows. A lock sends every page away: what was open before is not."""
        since, opening = time.monotonic() - _PAGE_SECONDS, self._opening()
        self._pages = {page: seen for page, seen in self._pages.items() if seen[0] > since and seen[1] == opening}
        return bool(self._pages)

    @property
    def _at_desk(self) -> bool:
        """Whether a page of the desk is open."""
        return self.any and any(seated for _heard, _opening, seated in self._pages.values())


class Threshold:
    """What the pages before the desk keep for the life of the process."""

    def __init__(
        self,
        keeper: Keeper,
        taken: Callable[[Launch], None] = lambda _launch: None,
        visitors: Sequence[Visitor] = (),
    ) -> None:
        self.visitors: Callable[[], Sequence[Visitor]] = lambda: visitors
        """Browsers that have come to the lock page and may do nothing yet: what they are typing into it stays good when
        the process begins anew. The web puts its own in the place of those that it was given."""
        self.launches = Launches(taken, lambda: keeper.opening)
        self.presence = Presence(keeper.soft_lock, lambda: keeper.opening)
        self.codes, self.passphrases = Patience(), Patience()
