"""What a mailbox is given: a secret, and somebody who decides by the headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dearly.carriers.base import Head, Verdict


class Kept:
    """Credentials that hold `secrets`, the next of them after each refusal; the last one for ever."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = list(secrets)
        self.refusals = 0

    async def password(self) -> str:
        return self.secrets[0]

    async def refused(self) -> None:
        self.refusals += 1
        if len(self.secrets) > 1:
            self.secrets.pop(0)


class Judge:
    """A sieve that follows `rule`, and keeps every head that it was shown."""

    def __init__(self, rule: Callable[[Head], Verdict] = lambda head: Verdict.TAKE) -> None:
        self.rule = rule
        self.shown: list[Head] = []

    async def __call__(self, heads: Sequence[Head]) -> Sequence[Verdict]:
        self.shown += heads
        return [self.rule(head) for head in heads]


def by_subject(head: Head) -> Verdict:
    """As the Subject says: `take`, `door`, and everything else is left."""
    line = next((one for one in head.data.split(b"\r\n") if one.lower().startswith(b"subject:")), b"")
    word = line.partition(b":")[2].strip().decode()
    return Verdict(word) if word in ("take", "door") else Verdict.LEAVE
