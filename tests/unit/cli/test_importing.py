"""Taking in what Dearly itself wrote: whose it was is asked where nobody has said it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.support.door import FakeTerminal

from dearly.cli.commands import importing as commands
from dearly.desk import importing


@pytest.mark.parametrize(
    ("lines", "said", "ours", "asked"),
    [
        (["yes", "yes"], False, True, 2),
        (["yes", "no"], False, False, 2),
        (["yes", ""], False, False, 2),
        (["yes"], True, True, 1),
    ],
)
def test_whether_it_is_ones_own_is_asked(
    lines: list[str], said: bool, ours: bool, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: list[bool] = []
    monkeypatch.setattr(importing, "run_ours", lambda *_given, ours: got.append(ours))
    terminal = FakeTerminal(lines=lines, tty=True)
    errand: Any = SimpleNamespace(
        terminal=terminal,
        json=False,
        aside=lambda text: terminal.err(text + "\n"),
        with_desk=lambda work, stoppable: work(None),
    )
    archive: Any = SimpleNamespace(place="old.bundle", format="bundle")
    commands._run_ours(errand, archive, None, ours=said, sure=False)
    assert got == [ours]
    assert len(terminal.prompts) == asked
    assert ("counts as received" in terminal.complained) is (not said)
