"""The terminal of a process: what it writes, reads and asks, and what it does when the other end goes away."""

import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dearly.door.terminal import CARRIED, LocalTerminal

_USE = "import sys; from dearly.door.terminal import LocalTerminal; t = LocalTerminal(); "


def _run(code: str, **how: object) -> subprocess.CompletedProcess[bytes]:
    how = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
    return subprocess.run([sys.executable, "-c", _USE + code], timeout=30, check=False, **how)


def test_it_carries_only_what_was_agreed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "de_DE.UTF-8")
    monkeypatch.setenv("SOME_TOKEN", "fake secret")
    terminal = LocalTerminal()
    assert terminal.env["LANG"] == "de_DE.UTF-8"
    assert set(terminal.env) <= set(CARRIED)
    assert terminal.cwd == os.getcwd()


def test_text_that_the_terminal_cannot_show_is_replaced() -> None:
    done = _run("t.out('ä\\udcff\\n')", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stdout) == (0, b"??\n")


def test_a_reader_who_went_away_is_told_once_and_is_no_error() -> None:
    near, far = os.pipe()
    os.close(near)
    done = _run(
        "t.when_gone(lambda: t.err('gone '))\n"
        "for _ in range(3): t.out('x' * 100_000)\n"
        "t.when_gone(lambda: t.err('at once'))",
        stdout=far,
    )
    os.close(far)
    assert (done.returncode, done.stderr) == (0, b"gone at once")


def test_a_full_disk_is_an_error() -> None:
    with Path("/dev/full").open("wb") as full:
        done = _run(
            "from dearly.letter.errors import NoSpace\n"
            "try: t.out('x')\n"
            "except NoSpace as e: t.err(e.code)\n"
            "t.out('and no more of it')",
            stdout=full,
        )
    assert (done.returncode, done.stderr) == (0, b"cannot_write_output")


def test_without_any_streams() -> None:
    """As a service without standard streams: nothing is said, nothing breaks."""
    code = "t.out('x'); t.err('y'); assert t.read('-', 10) == (b'', None); assert t.columns == 80"
    done = subprocess.run(["sh", "-c", f'exec {sys.executable} -c "{_USE + code}" <&- >&- 2>&-'], check=False)
    assert done.returncode == 0


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    done = subprocess.run(
        ["sh", "-c", f"mkdir gone && cd gone && rmdir ../gone && {sys.executable} -c '{_USE}t.out(t.cwd)'"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=False,
    )
    assert done.stdout == b"/", done.stderr


def test_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    terminal = LocalTerminal()
    file = tmp_path / "letter.txt"
    file.write_bytes(b"x" * 100)
    file.chmod(0o640)
    assert terminal.read("letter.txt", 1000) == (b"x" * 100, 0o640)
    assert terminal.read(str(file), 100) == (b"x" * 100, 0o640)
    assert len(terminal.read("letter.txt", 50)[0]) == 51
    monkeypatch.chdir("/")
    assert len(terminal.read("letter.txt", 1000)[0]) == 100
    with pytest.raises(IsADirectoryError):
        terminal.read(".", 10)
    with pytest.raises(FileNotFoundError):
        terminal.read("nothing", 10)
    with pytest.raises(NotADirectoryError):
        terminal.read("letter.txt/x", 10)


def test_a_pipe_has_no_mode(tmp_path: Path) -> None:
    """As with `--passphrase-file <(secret-tool ...)`: a pipe of one's own is nobody else's to read."""
    near, far = os.pipe()
    os.write(far, b"fake phrase\n")
    os.close(far)
    assert LocalTerminal().read(f"/dev/fd/{near}", 100) == (b"fake phrase\n", None)
    os.close(near)


def test_standard_input_can_be_read_again() -> None:
    """A command that moves to another process half-way reads the same there."""
    done = _run("assert t.read('-', 100) == t.read('-', 100) == (b'Dear Bert', None)", input=b"Dear Bert")
    assert done.returncode == 0, done.stderr


def test_nobody_to_ask() -> None:
    """Without a terminal a secret is not read from elsewhere."""
    done = _run(
        "t.out(repr((t.ask_secret('Passphrase: '), t.ask('Yes? '))))", input=b"not this\n", start_new_session=True
    )
    assert done.stdout == b"(None, None)"


def _at_a_terminal(code: str, typed: bytes, prompt: bytes = b"Passphrase: ") -> tuple[bytes, int]:
    """What a terminal shows when `code` runs at it and `typed` is typed at the prompt; the exit code."""
    child, handle = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-c", _USE + code])
    shown, sent, until = b"", False, time.monotonic() + 60
    while time.monotonic() < until:
        ready, _, _ = select.select([handle], [], [], 0.2)
        if ready:
            try:
                piece = os.read(handle, 1000)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        if not sent and shown.endswith(prompt):
            time.sleep(0.05)  # the prompt is shown just before the terminal is read
            os.write(handle, typed)
            sent = True
    os.close(handle)
    return shown, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_a_secret_is_not_echoed() -> None:
    code = "secret = t.ask_secret('Passphrase: '); sys.exit(0 if secret == 'fake phrase' else 9)"
    shown, ended = _at_a_terminal(code, b"fake phrase\n")
    assert ended == 0
    assert b"fake phrase" not in shown


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("ask", ["ask_secret", "ask"])
def test_an_end_of_input_at_the_prompt_is_no_answer(ask: str) -> None:
    code = f"said = t.{ask}('Passphrase: '); sys.exit(0 if said is None else 9)"
    assert _at_a_terminal(code, b"\x04")[1] == 0


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_an_answer_that_is_no_secret_is_seen() -> None:
    code = "said = t.ask('Use these? '); sys.exit(0 if said == 'yes ä' else 9)"
    shown, ended = _at_a_terminal(code, "yes ä\n".encode(), b"Use these? ")
    assert ended == 0
    assert "yes ä".encode() in shown


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
@pytest.mark.parametrize(
    ("typed", "kept", "stopped"),
    [
        (b"Dear Bert,\nall is w\x03", b"Dear Bert,\nall is w", True),
        (b"Dear Bert,\n\x03", b"Dear Bert,\n", True),
        (b"\x03", b"", True),
        (b"Dear Bert,\n\x04", b"Dear Bert,\n", False),
    ],
)
def test_what_was_typed_before_ctrl_c_is_not_lost(typed: bytes, kept: bytes, stopped: bool) -> None:
    code = (
        "import termios; before = termios.tcgetattr(0); t.out('Write: '); data = t.read('-', 1000)[0]; "
        f"sys.exit(0 if (data, t.stopped) == ({kept!r}, {stopped}) and termios.tcgetattr(0) == before else 9)"
    )
    assert _at_a_terminal(code, typed, b"Write: ")[1] == 0


@pytest.mark.parametrize(("named", "columns"), [("40", 40), ("0", 80), ("wide", 80), ("100000", 1000)])
def test_columns(named: str, columns: int) -> None:
    done = _run("t.out(str(t.columns))", env={**os.environ, "COLUMNS": named}, stdin=subprocess.DEVNULL)
    assert done.stdout == str(columns).encode()
