"""A command run through the door behaves as if it ran where it was typed."""

import asyncio
import os
import threading
from pathlib import Path

import pytest
from tests.support.door import FakeTerminal, owner

from dearly.door import client, server
from dearly.door.client import call
from dearly.door.frames import VERSION
from dearly.door.remote import RemoteTerminal
from dearly.letter.errors import DearlyError, InUse, Usage


def test_words_and_exit_code_come_through(drawer: Path) -> None:
    seen = {}

    def serve(argv: list[str], terminal: RemoteTerminal) -> int:
        seen.update(argv=argv, cwd=terminal.cwd, env=terminal.env, columns=terminal.columns, tty=terminal.out_tty)
        terminal.out("Grüße, ")
        terminal.err("nebenbei\n")
        terminal.out("Ada 💌\n" * 50_000)
        return 7

    here = FakeTerminal(columns=40, cwd="/home/ada", env={"LANG": "de_DE.UTF-8", "SECRET": "no"}, tty=True)
    with owner(drawer, serve):
        assert call(str(drawer), ["show", "3", "\udcff"], here) == 7
    assert here.said == "Grüße, " + "Ada 💌\n" * 50_000
    assert here.complained == "nebenbei\n"
    assert seen["argv"] == ["show", "3", "\udcff"]
    assert (seen["cwd"], seen["columns"], seen["tty"]) == ("/home/ada", 40, True)
    assert seen["env"] == {"LANG": "de_DE.UTF-8"}


def test_nobody_answers(drawer: Path) -> None:
    assert call(str(drawer), ["outbox"], FakeTerminal()) is None


def test_a_dead_owners_socket_is_nobody_and_is_replaced(drawer: Path) -> None:
    with owner(drawer, lambda *_: 0) as first:
        path = Path(first.door.path)
        kept = path.with_suffix(".kept")
        path.rename(kept)
    kept.rename(path)
    assert call(str(drawer), ["outbox"], FakeTerminal()) is None
    with owner(drawer, lambda *_: 5):
        assert call(str(drawer), ["outbox"], FakeTerminal()) == 5
    assert not path.exists()


def test_the_socket_is_for_this_user_alone(drawer: Path) -> None:
    with owner(drawer, lambda *_: 0) as one:
        assert Path(one.door.path).stat().st_mode & 0o777 == 0o600


def test_a_successors_socket_stays(drawer: Path) -> None:
    with owner(drawer, lambda *_: 1) as first:
        path = Path(first.door.path)
        path.unlink()
        with owner(drawer, lambda *_: 2):
            first.close()
            assert path.exists()
            assert call(str(drawer), ["outbox"], FakeTerminal()) == 2


def test_secrets_are_asked_where_the_person_is(drawer: Path) -> None:
    answers = []

    def serve(_argv: list[str], terminal: RemoteTerminal) -> int:
        answers.extend(terminal.ask_secret("Passphrase: ") for _ in range(2))
        return 0

    here = FakeTerminal(secrets=["fake pass phrase ü"])
    with owner(drawer, serve):
        assert call(str(drawer), ["unlock"], here) == 0
    assert answers == ["fake pass phrase ü", None]
    assert here.prompts == ["Passphrase: "] * 2


def test_what_may_be_seen_is_asked_there_too(drawer: Path) -> None:
    answers = []

    def serve(_argv: list[str], terminal: RemoteTerminal) -> int:
        answers.extend((terminal.ask("Use these? "), terminal.ask_secret("Password: "), terminal.ask("Again? ")))
        return 0

    here = FakeTerminal(secrets=["fake phrase"], lines=["yes ü"])
    with owner(drawer, serve):
        assert call(str(drawer), ["account", "add"], here) == 0
    assert answers == ["yes ü", "fake phrase", None]
    assert here.prompts == ["Use these? ", "Password: ", "Again? "]


def test_a_secret_too_long_for_a_frame_is_none(drawer: Path) -> None:
    answers = []
    with owner(drawer, lambda _argv, terminal: answers.append(terminal.ask_secret("?")) or 0):
        assert call(str(drawer), ["unlock"], FakeTerminal(secrets=["x" * 70_000])) == 0
    assert answers == [None]


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 3_000_000])
def test_files_and_input_are_read_where_the_person_is(drawer: Path, size: int) -> None:
    got = []
    content = os.urandom(size)

    def serve(_argv: list[str], terminal: RemoteTerminal) -> int:
        got.append(terminal.read("-", 4_000_000))
        got.append(terminal.read("letter.txt", 4_000_000))
        return 0

    here = FakeTerminal(files={"-": content, "letter.txt": content}, modes={"letter.txt": 0o640})
    with owner(drawer, serve):
        assert call(str(drawer), ["write", "Bert"], here) == 0
    assert got == [(content, None), (content, 0o640)]


def test_trouble_with_a_file_comes_through(drawer: Path) -> None:
    met = []

    def serve(_argv: list[str], terminal: RemoteTerminal) -> int:
        try:
            terminal.read("nothing.txt", 100)
        except OSError as trouble:
            met.append(type(trouble))
        return 0

    with owner(drawer, serve):
        assert call(str(drawer), ["write", "Bert"], FakeTerminal()) == 0
    assert met == [FileNotFoundError]


def test_more_than_the_limit_shows_as_more(drawer: Path) -> None:
    got = []
    with owner(drawer, lambda _argv, terminal: got.append(len(terminal.read("-", 1000)[0])) or 0):
        assert call(str(drawer), ["write", "Bert"], FakeTerminal(files={"-": b"x" * 5000})) == 0
    assert got == [1001]


def test_asking_on_the_loop_is_refused(drawer: Path) -> None:
    async def ask(terminal: RemoteTerminal) -> None:
        terminal.ask_secret("?")

    def serve(_argv: list[str], terminal: RemoteTerminal) -> int:
        with pytest.raises(RuntimeError, match="never asked on the loop"):
            one.do(ask(terminal))
        return 0

    with owner(drawer, serve) as one:
        assert call(str(drawer), ["unlock"], FakeTerminal(secrets=["x"])) == 0


def test_speaking_from_the_loop(drawer: Path) -> None:
    async def speak(terminal: RemoteTerminal) -> None:
        terminal.out("from the loop\n")

    with owner(drawer, lambda _argv, terminal: one.do(speak(terminal)) or 0) as one:
        here = FakeTerminal()
        assert call(str(drawer), ["round"], here) == 0
    assert here.said == "from the loop\n"


def test_two_clients_at_once(drawer: Path) -> None:
    both = threading.Barrier(2)

    def serve(argv: list[str], terminal: RemoteTerminal) -> int:
        both.wait(60)
        terminal.out(argv[0])
        return int(argv[0])

    terminals = [FakeTerminal(), FakeTerminal()]
    codes = [None, None]

    def ask(n: int) -> None:
        codes[n] = call(str(drawer), [str(n)], terminals[n])

    with owner(drawer, serve):
        threads = [threading.Thread(target=ask, args=(n,)) for n in (0, 1)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
    assert codes == [0, 1]
    assert [t.said for t in terminals] == ["0", "1"]


def test_another_drawers_owner_is_nobody(drawer: Path, runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with owner(drawer, lambda *_: 0) as one:
        monkeypatch.setattr(client, "places", lambda _drawer: [one.door.path])
        assert call(str(runtime / "other"), ["outbox"], FakeTerminal()) is None


def test_an_owner_of_another_version(drawer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with owner(drawer, lambda *_: 0):
        monkeypatch.setattr(client, "VERSION", VERSION + 1)
        with pytest.raises(InUse) as caught:
            call(str(drawer), ["outbox"], FakeTerminal())
    assert caught.value.code == "owner_other_version"


def test_too_many_clients(drawer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CLIENTS", 1)
    inside, go = threading.Event(), threading.Event()

    def serve(*_: object) -> int:
        inside.set()
        go.wait(60)
        return 0

    with owner(drawer, serve):
        first = threading.Thread(target=call, args=(str(drawer), ["round"], FakeTerminal()))
        first.start()
        assert inside.wait(60)
        with pytest.raises(InUse) as caught:
            call(str(drawer), ["outbox"], FakeTerminal())
        assert caught.value.code == "owner_busy"
        assert caught.value.retry
        go.set()
        first.join(10)
        assert call(str(drawer), ["outbox"], FakeTerminal()) == 0


def test_too_many_arguments(drawer: Path) -> None:
    with owner(drawer, lambda *_: 0), pytest.raises(Usage, match="more arguments"):
        call(str(drawer), ["x" * 5_000_000], FakeTerminal())


def test_a_command_that_breaks_does_not_break_the_owner(drawer: Path, caplog: pytest.LogCaptureFixture) -> None:
    def serve(argv: list[str], _terminal: RemoteTerminal) -> int:
        if argv == ["break"]:
            raise ValueError("the text of a letter")
        return 0

    with owner(drawer, serve):
        assert call(str(drawer), ["break"], FakeTerminal()) == 1
        assert call(str(drawer), ["outbox"], FakeTerminal()) == 0
    assert "the text of a letter" not in caplog.text


def test_closing_lets_a_command_finish(drawer: Path) -> None:
    inside, go = threading.Event(), threading.Event()

    def serve(_argv: list[str], terminal: RemoteTerminal) -> int:
        inside.set()
        go.wait(60)
        terminal.out("The drawer is locked.\n")
        return 3

    here, codes = FakeTerminal(), []
    with owner(drawer, serve) as one:
        thread = threading.Thread(target=lambda: codes.append(call(str(drawer), ["lock"], here)))
        thread.start()
        assert inside.wait(60)
        closing = asyncio.run_coroutine_threadsafe(one.door.close(10), one.loop)
        go.set()
        closing.result(15)
        thread.join(10)
    assert (codes, here.said) == ([3], "The drawer is locked.\n")


def test_closing_does_not_wait_for_ever(drawer: Path) -> None:
    inside, go = threading.Event(), threading.Event()

    def serve(*_: object) -> int:
        inside.set()
        go.wait(60)
        return 0

    met = []

    def ask() -> None:
        try:
            call(str(drawer), ["round", "--watch"], FakeTerminal())
        except DearlyError as error:
            met.append(error.code)

    with owner(drawer, serve) as one:
        thread = threading.Thread(target=ask)
        thread.start()
        assert inside.wait(60)
        one.do(one.door.close(0.1))
        thread.join(10)
        go.set()
    assert met == ["owner_ended"]


def test_a_reader_who_goes_away_is_told_to_who_wants_to_know(drawer: Path) -> None:
    told = threading.Event()

    class Reader(FakeTerminal):
        def out(self, text: str) -> None:
            """As `dearly round --watch | head -1`: after the first line nobody reads."""
            for call_ in self.gone:
                call_()

    def serve(_argv: list[str], terminal: RemoteTerminal) -> int:
        terminal.when_gone(told.set)
        terminal.out("one\n")
        assert told.wait(60)
        return terminal.ask_secret("still there?") == "yes"

    with owner(drawer, serve):
        assert call(str(drawer), ["round", "--watch"], Reader(secrets=["yes"])) == 1
