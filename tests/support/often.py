"""How often something random is tried: in each run a part of what `make test-long` tries."""

from __future__ import annotations

import os

LONG = os.environ.get("DEARLY_TESTS_LONG") == "1"
"""Whether this is the long run."""


def examples(most: int) -> int:
    """Of so many examples, how many are tried in this run."""
    return most if LONG else min(most, max(25, most // 3))
