"""How long it is since something, on a machine that sleeps and whose clock may be set."""

from __future__ import annotations

import time

from dearly.letter.clock import Clock


class Elapsed:
    """The time since it was made, or since `again`.

    The steady counter of the machine stands still while a laptop sleeps; the clock may be set back (F11). Whichever
    says more is believed: what locks a drawer may come too early, never too late."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.again()

    def again(self) -> None:
        """Count from now."""
        self._steady, self._at = time.monotonic(), self._clock.now()

    @property
    def seconds(self) -> float:
        """So far."""
        return max(time.monotonic() - self._steady, (self._clock.now() - self._at).total_seconds())
