"""Named steps at which a test may kill the process.

A step that stores or sends something says `reach("post.before-commit")`. In a release nothing listens and the call
is one comparison; the fault tests listen, loop over `FAILPOINTS`, and prove that nothing is lost or doubled when the
process ends there (docs/faults.md).
"""

from __future__ import annotations

from collections.abc import Callable

FAILPOINTS: frozenset[str] = frozenset(
    {
        "draft.before-commit",
        "draft.after-commit",
        "post.before-commit",
        "post.after-commit",
        "hand-over.attempt-recorded",
        "hand-over.answered",
        "hand-over.recorded",
        "hand.half-written",
        "hand.before-rename",
        "hand.after-rename",
        "account.before-commit",
        "account.after-commit",
        "token.renewed",
        "pop3.retrieved",
        "fetch.fetched",
        "fetch.committed",
        "fetch.acknowledged",
        "open.opened",
        "open.before-commit",
        "open.after-commit",
        "create.slots-written",
        "create.database-written",
        "passphrase.first-copy",
        "passphrase.second-copy",
        "renew.slots-pending",
        "renew.rekeyed",
        "renew.slots-final",
        "backup.half-written",
        "backup.before-rename",
        "restore.half-written",
        "restore.before-rename",
        "export.half-written",
        "export.before-rename",
        "export.after-rename",
        "import.before-commit",
        "import.after-commit",
        "erase.erased",
        "migrate.copied",
        "migrate.before-commit",
        "migrate.after-commit",
        "office.before-commit",
        "office.after-commit",
        "office.relay.claimed",
        "office.relay.handing",
        "office.relay.answered",
        "office.relay.settled",
        "office.move.portion",
        "office.move.copied",
        "office.move.closed",
        "office.move.before-ready",
        "office.move.ready",
        "office.move.moved",
    }
)

_listener: Callable[[str], None] | None = None


def reach(step: str) -> None:
    """Say that this step has been reached."""
    if _listener is not None:
        if step not in FAILPOINTS:
            raise AssertionError(f"unlisted failpoint {step}")
        _listener(step)


def listen(listener: Callable[[str], None] | None) -> None:
    """Let a test hear of every step; None ends it."""
    global _listener
    _listener = listener
