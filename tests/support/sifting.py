"""What a mailbox is given: a secret, and somebody who decides by the headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dearly.carriers.base import Head, Judged, Verdict
from dearly.letter.address import Address, Correspondent
from dearly.letter.envelope import Heading


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

    def __init__(self, rule: Callable[[Head], Judged] = lambda head: Verdict.TAKE) -> None:
        self.rule = rule
        self.shown: list[Head] = []

    async def __call__(self, heads: Sequence[Head]) -> Sequence[Judged]:
        self.shown += heads
        return [self.rule(head) for head in heads]


def at_door(head: Head) -> Heading:
    """What is kept of a stranger's, whoever it is."""
    return Heading(head.source, head.size, Correspondent("", Address.parse("stranger@elsewhere.test")), "", None, None)


def by_subject(head: Head) -> Judged:
    """As the Subject says: `take`, `door`, and everything else is left."""
    line = next((one for one in head.data.split(b"\r\n") if one.lower().startswith(b"subject:")), b"")
    word = line.partition(b":")[2].strip().decode()
    return at_door(head) if word == "door" else Verdict.TAKE if word == "take" else Verdict.LEAVE
