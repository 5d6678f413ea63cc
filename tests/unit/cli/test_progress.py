"""How far long work is: shown to a person who waits, and to nobody else."""

import pytest
from tests.support.door import FakeTerminal

from dearly.cli import progress as lines
from dearly.cli.progress import progress


def _work(terminal: FakeTerminal, *, quiet: bool = False) -> None:
    with progress(terminal, quiet=quiet) as tell:
        for done in range(0, 1001, 10):
            tell("Copying", done, 1000)


def test_short_work_shows_nothing() -> None:
    terminal = FakeTerminal(tty=True)
    _work(terminal)
    assert terminal.complained == ""


def test_long_work_shows_how_far_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "PATIENCE", 0)
    terminal = FakeTerminal(tty=True, columns=60)
    _work(terminal)
    assert "Copying" in terminal.complained
    assert terminal.said == ""
    assert terminal.complained.count("Copying") < 20


@pytest.mark.parametrize("quiet", [True, False])
def test_scripts_and_files_see_nothing(monkeypatch: pytest.MonkeyPatch, quiet: bool) -> None:
    monkeypatch.setattr(lines, "PATIENCE", 0)
    for terminal in (FakeTerminal(), FakeTerminal(tty=True, env={"TERM": "dumb"})):
        _work(terminal, quiet=quiet)
        assert terminal.complained == ""
    loud = FakeTerminal(tty=True)
    _work(loud, quiet=True)
    assert loud.complained == ""


def test_a_process_that_serves_others_keeps_its_streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar never takes over standard output or standard error of the process."""
    import sys

    monkeypatch.setattr(lines, "PATIENCE", 0)
    before = (sys.stdout, sys.stderr)
    with progress(FakeTerminal(tty=True), quiet=False) as tell:
        tell("Copying", 1, 0)
        assert (sys.stdout, sys.stderr) == before
