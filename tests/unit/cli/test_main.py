"""The group of commands: help, usage, versions, languages, and what is imported when."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from tests.support.door import FakeTerminal

from dearly import __version__
from dearly.cli.command import Group, Option
from dearly.cli.main import desk, languages
from dearly.cli.names import HERE, OWNED
from dearly.desk.values import LetterView
from dearly.letter.errors import Refused
from dearly.letter.words import _, speaking
from dearly.web.appearance import LOCALES


def _walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _walk(found, (*path, name))
    else:
        yield path, command


COMMANDS = dict(_walk(desk))


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_every_command_has_help_with_an_example_and_json(dearly, path: tuple[str, ...]) -> None:
    code, terminal = dearly([*path, "--help"], FakeTerminal())
    assert (code, terminal.complained) == (0, "")
    assert f"Usage: dearly {' '.join(path)}" in terminal.said
    assert "Example" in terminal.said
    assert "  --json " in terminal.said
    examples = COMMANDS[path].examples
    assert examples
    for example in examples:
        assert example in terminal.said
        assert " ".join(path) in example
    for line in terminal.said.splitlines():
        assert len(line) <= 80, line


def test_every_option_is_explained_in_the_language_of_the_person() -> None:
    with speaking(["de"], LOCALES):
        for path, command in COMMANDS.items():
            for param in command.params:
                record = param.get_help_record(click.Context(command)) if isinstance(param, Option) else None
                if record is not None:
                    assert record[1].removesuffix("  [nötig]") == _(param.help) != param.help, (path, param.name)


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_no_parameter_takes_a_secret(path: tuple[str, ...]) -> None:
    """Passphrases and kits come from files or prompts; an invitation, good once, is the only exception."""
    for param in COMMANDS[path].params:
        name = (param.name or "").replace("_", "")
        assert "password" not in name
        assert "passphrase" not in name or "file" in name
        if isinstance(param, click.Option):
            assert "--kit" not in param.opts


def test_groups_have_help_too(dearly) -> None:
    for name in desk.list_commands(click.Context(desk)):
        command = desk.get_command(click.Context(desk), name)
        if isinstance(command, Group):
            code, terminal = dearly([name, "--help"], FakeTerminal())
            assert code == 0
            assert all(f"  {sub}" in terminal.said for sub in command.commands)


def test_dearly_alone_gives_a_way_in(dearly, fake, monkeypatch) -> None:
    monkeypatch.setenv("DEARLY_BROWSER", "none")
    code, terminal = dearly([], FakeTerminal())
    assert code == 0
    assert "http://0123456789abcdef.localhost:8765/" in terminal.said
    assert "bcdf-ghjk" in terminal.said
    assert fake.visited == [Path("/the/default/drawer")]
    code, terminal = dearly(["--drawer", "/else", "--json"], FakeTerminal())
    assert json.loads(terminal.said) == {
        "url": "http://0123456789abcdef.localhost:8765/",
        "code": "bcdf-ghjk",
        "file": "/run/way.html",
    }
    assert fake.visited[-1] == Path("/else")


def test_dearly_alone_hands_a_file_to_the_browser(dearly, monkeypatch, tmp_path) -> None:
    told = tmp_path / "told"
    program = tmp_path / "a browser"
    program.write_text(f"#!/bin/sh\necho \"$@\" > '{told}.new' && mv '{told}.new' '{told}'\n")
    program.chmod(0o700)
    monkeypatch.setenv("DEARLY_BROWSER", f"'{program}' --new-window %s")
    _code, terminal = dearly([], FakeTerminal())
    assert "opens in the browser" in terminal.said
    end = time.monotonic() + 60
    while not told.exists() and time.monotonic() < end:
        time.sleep(0.01)
    assert told.read_text() == "--new-window /run/way.html\n"


def test_version(dearly) -> None:
    assert dearly(["--version"], FakeTerminal())[1].said == f"dearly {__version__}\n"
    assert json.loads(dearly(["--json", "--version"], FakeTerminal())[1].said) == {"version": __version__}


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["pots"], "Do you mean “post”?"),
        (["zzz"], "There is no command “zzz”."),
        (["evil\x1b[2J"], "“evil[2J”"),
        (["post"], "N is missing."),
        (["post", "x"], "“x” is not a number."),
        (["post", "0"], "“0” is not a number."),
        (["post", "-1"], "“-1” is not a number."),
        (["post", "1", "--at-onc"], "Do you mean “--at-once”?"),
        (["post", "1", "--at-once", "--on", "2031-05-01"], "not both"),
        (["post", "1", "--on", "soon"], "is not a day"),
        (["post", "1", "--by", "pigeon"], "“pigeon” is not possible here; these are: office, mail, hand."),
        (["post", "1", "--by", "folder"], "these are: office, mail, hand."),
        (["post", "1", "--drawer", "x"], "“dearly --drawer … post”"),
        (["people", "list", "--passphrase-file=x"], "“dearly --passphrase-file … people list”"),
        (["post", "1", "2"], "2"),
        (["people"], "Another word belongs here: add, list"),
        (["people", "ad"], "Do you mean “add”?"),
        (["edit", "1"], "Say what is to be changed"),
        (["people", "edit", "Bert"], "Say what is to be changed"),
        (["setup"], "--name is missing."),
        (["setup", "--name", "Ada", "--office", "http://x"], "--invite"),
        (["setup", "--name", "Ada", "--local-office", "--office", "http://x", "--invite", "t"], "not both at once"),
        (["setup", "--name", "A\nB"], "line break"),
        (["setup", "--name", " "], "A name is needed"),
        (["setup", "--name", "Ada", "--own", "ada"], "is not an address"),
        (["office", "serve", "--store", "s", "--listen", "x:1", "--tls-cert", "c"], "TLS needs both"),
        (["office", "serve", "--store", "s", "--listen", "x:1", "--smarthost-user", "u"], "Give --smarthost URL"),
        (["office", "serve", "--store", "s", "--listen", "x:1", "--smarthost", "smtps://m"], "--smarthost-from"),
        (["keys", "pin", "Bert", "--fingerprint", "abc"], "16"),
        (["completion", "tcsh"], "tcsh"),
    ],
)
def test_usage_errors_say_what_is_wrong(dearly, argv: list[str], says: str) -> None:
    code, terminal = dearly(argv, FakeTerminal())
    assert code == 2
    assert says in " ".join(terminal.complained.split())
    assert terminal.said == ""
    code, terminal = dearly([*argv, "--json"], FakeTerminal())
    error = json.loads(terminal.complained)["error"]
    assert (code, error["exit"]) == (2, 2)


def test_errors_of_verbs_come_through(dearly, verb) -> None:
    verb("post", "post", Refused("impossible_step", "That cannot be done.", "Do something else."))
    code, terminal = dearly(["post", "1", "--json"])
    assert code == 11
    assert json.loads(terminal.complained)["error"]["code"] == "impossible_step"


def test_a_broken_verb_is_one_calm_sentence(dearly, verb) -> None:
    verb("post", "post", KeyError("the text of a letter"))
    code, terminal = dearly(["post", "1"])
    assert code == 1
    assert "the text of a letter" not in terminal.complained
    assert "Traceback" not in terminal.complained


def test_arguments_reach_the_verbs(dearly, verb) -> None:
    from datetime import date

    from dearly.letter.envelope import Way

    posted = verb("post", "post", [])
    dearly(["post", "7", "--on", "2031-05-01", "--by", "hand", "--unsealed"])
    assert posted == [((7,), {"at_once": False, "on": date(2031, 5, 1), "by": Way.HAND, "unsealed": True})]
    pinned = verb("keys", "pin", Refused("stop", "Stop."))
    dearly(["keys", "pin", "Bert", "--fingerprint", "0123 4567 89AB CDEF", "--verified"])
    assert pinned == [(("Bert", "0123456789abcdef"), {"verified": True})]
    ended = verb("people", "edit_person", Refused("stop", "Stop."))
    dearly(["people", "edit", "Bert", "--address", "b@x.test", "--end", "a@x.test"])
    assert ended == [(("Bert",), {"name": None, "add": ("b@x.test",), "end": ("a@x.test",)})]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(dearly, shell: str) -> None:
    code, terminal = dearly(["completion", shell], FakeTerminal())
    assert code == 0
    assert "_DEARLY_COMPLETE" in terminal.said


def test_completion_answers_without_a_drawer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from dearly.cli.commands.completion import complete

    monkeypatch.setenv("COMP_WORDS", "dearly lett")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert complete("bash_complete") == 0
    assert capsys.readouterr().out == "plain,letterbox\n"


@pytest.mark.parametrize(
    ("env", "found"),
    [
        ({}, []),
        ({"LANG": "de_DE.UTF-8"}, ["de_DE.UTF-8"]),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, []),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C.UTF-8"}, []),
        ({"LANG": "de", "LANGUAGE": "fr:en:de"}, ["fr"]),
        ({"LANG": "en_GB.UTF-8"}, []),
        ({"LANG": "POSIX"}, []),
        ({"LC_MESSAGES": "cs", "LANG": "de"}, ["cs"]),
        ({"LANG": "enm"}, ["enm"]),
    ],
)
def test_languages(env: dict[str, str], found: list[str]) -> None:
    assert languages(env) == found


def test_every_command_is_owned_or_not() -> None:
    names = set(desk.list_commands(click.Context(desk)))
    assert names == OWNED | HERE
    assert not OWNED & HERE


def _imports(*argv: str) -> set[str]:
    """Modules imported by a whole run of a command."""
    code = (
        "import sys; sys.argv = ['dearly', *sys.argv[1:]]\n"
        "from dearly.__main__ import main\n"
        "code = main()\n"
        "print('|'.join(sys.modules), file=sys.stderr)\n"
        "sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *argv], capture_output=True, text=True, check=True)
    return set(done.stderr.strip().splitlines()[-1].split("|"))


def test_help_imports_little() -> None:
    """What `--help` costs beyond click is what these would add."""
    imported = _imports("--help")
    heavy = "asyncio dataclasses socket json pathlib hashlib rich apsw pysequoia httpx starlette cryptography getpass"
    assert not imported & set(heavy.split())
    assert not {
        name for name in imported if name.startswith(("dearly.desk", "dearly.cli.commands", "dearly.door.client"))
    }


def test_help_of_a_command_imports_only_its_own() -> None:
    imported = _imports("post", "--help")
    assert {n for n in imported if n.startswith("dearly.cli.commands.")} == {"dearly.cli.commands.post"}
    assert not imported & {"asyncio", "rich", "apsw", "pysequoia", "dearly.desk.desk", "dearly.desk.post"}


def test_a_letter_is_written_anew_as_it_was(dearly, verb) -> None:
    when = datetime(2026, 3, 1, 12, tzinfo=UTC)
    draft = LetterView(7, "out", "Bert", "", ("bert@new.test",), when, "", "draft", "Dear Bert")
    calls = verb("anew", "anew", draft)
    code, terminal = dearly(["write", "bert@new.test", "--again", "4"])
    assert (code, calls) == (0, [((4, ("bert@new.test",)), {})])
    assert "to bert@new.test: a new letter with the words of letter 4." in " ".join(terminal.said.split())
    for more in (["--subject", "Rain"], ["--from-file", "x"], ["--enclose", "x"]):
        code, terminal = dearly(["write", "Bert", "--again", "4", *more, "--json"])
        assert (code, json.loads(terminal.complained)["error"]["code"]) == (2, "again_as_it_was")
    assert len(calls) == 1
