"""No page sends anybody to the command line: every hint that names a command is said otherwise there."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from dearly.letter import words
from dearly.letter.errors import DearlyError, NotFound, Refused, Usage
from dearly.web.appearance import LOCALES
from dearly.web.hints import hint, names_command, table, without_commands

SOURCE = Path(__file__).parents[3] / "src" / "dearly"

NEVER_IN_THE_BROWSER = {
    "assemble/behind.py": "raised by the command that starts the process, before there is a page",
    "assemble/smarthost.py": "raised by the command that serves an office, a process of its own",
    "cli": "the other face",
    "desk/exporting_words.py": "the README of an export; what is said before one names no command (test_archive)",
    "door/client.py": "raised in the command that asks the process, not in the process",
    "drawer/check.py": "a finding and no error; it says itself that a terminal is meant",
    "drawer/kit.py": "the sheet that is printed",
    "office": "a process of its own; its words reach whoever runs it",
}
"""Where sentences that name commands need no other words, and why."""

Functions = (ast.FunctionDef, ast.AsyncFunctionDef)


@cache
def _nodes() -> Mapping[str, list[ast.AST]]:
    """Everything that stands in each module, the module first."""
    files = sorted(SOURCE.rglob("*.py"))
    return {file.relative_to(SOURCE).as_posix(): list(ast.walk(ast.parse(file.read_text()))) for file in files}


def _kinds() -> set[str]:
    """The names of all error classes, wherever they are made."""
    found = {"DearlyError"}
    classes = [node for nodes in _nodes().values() for node in nodes if isinstance(node, ast.ClassDef)]
    before = 0
    while len(found) > before:
        before = len(found)
        found |= {c.name for c in classes if any(isinstance(b, ast.Name) and b.id in found for b in c.bases)}
    return found


def _codes(node: ast.AST, kinds: set[str], *, open_ones: bool) -> set[str]:
    """The codes of the errors that are made inside. `open_ones`: only of those whose hint is made elsewhere."""
    return {
        call.args[0].value
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in kinds
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and not (open_ones and _is_sentence(call.args[2]))
    }


def _is_sentence(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "_"


def _said(node: ast.AST) -> Iterator[str]:
    """The sentences inside that name a command."""
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("_", "ngettext"):
            for text in call.args:
                if isinstance(text, ast.Constant) and isinstance(text.value, str) and names_command(text.value):
                    yield text.value


@cache
def _named() -> Mapping[str, set[str]]:
    """Each sentence that names a command and may reach a page, with the codes of the errors that may carry it: of the
    error it is made in, or else of those in its function whose hint is made elsewhere."""
    kinds = _kinds()
    found: dict[str, set[str]] = {}
    for place, nodes in _nodes().items():
        if place in NEVER_IN_THE_BROWSER or place.split("/")[0] in NEVER_IN_THE_BROWSER or place == "web/hints.py":
            continue
        saying = [(call, sentence) for call in nodes if _is_sentence(call) for sentence in _said(call)]
        for node in nodes if saying else ():
            for child in ast.iter_child_nodes(node):
                child.parent = node  # type: ignore[attr-defined]  # the tree is this test's own
        for call, sentence in saying:
            around: ast.AST = call
            codes: set[str] = set()
            while not codes and not isinstance(around, ast.Module):
                around = around.parent  # type: ignore[attr-defined]  # as above
                if isinstance(around, ast.Tuple) and isinstance(around.elts[0], ast.Constant):
                    codes = {around.elts[0].value}  # (code, message, hint), of which an error is made
                elif isinstance(around, (ast.Call, *Functions)):
                    codes = _codes(around, kinds, open_ones=isinstance(around, Functions))
                if isinstance(around, Functions):
                    break
            found.setdefault(f"{place}: {sentence}", set()).update(codes)
    return found


def test_commands_are_recognised() -> None:
    assert names_command("“dearly outbox” shows how it gets on.")
    assert names_command("„dearly outbox“ zeigt, wie er vorankommt.")
    assert names_command("Let it go by hand (--by hand).")
    assert names_command("Give the password once more (dearly account add).")
    assert not names_command("Type “dearly” in a terminal for another.")
    assert not names_command("Write it as 1990-12-31, or --12-31 without the year.")


def test_what_stands_in_brackets_is_left_out() -> None:
    said = "Give the password once more (dearly account add). Use TLS (--security tls), or ask (them)."
    assert without_commands(said) == "Give the password once more. Use TLS, or ask (them)."


def test_every_hint_that_names_a_command_is_said_otherwise() -> None:
    named = _named()
    assert len(named) > 20, "the walk finds them"
    assert [sentence for sentence, codes in named.items() if not codes] == [], "no error is made of it; who shows it?"
    assert {code for codes in named.values() for code in codes} - set(table()) == set()


def test_nothing_is_kept_that_is_never_said() -> None:
    assert set(table()) - {code for codes in _named().values() for code in codes} == set()


def test_no_other_words_name_a_command() -> None:
    # One thing can only be done at the command line, and is said as such.
    assert [code for code, said in table().items() if names_command(said)] == ["too_large"]


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_said(language: str) -> None:
    with words.speaking([language], LOCALES):
        command = words._("“dearly outbox” lists what was posted.")
        assert names_command(command)
        assert hint(NotFound("no_letter", "There is no such letter.", command)) == table()["no_letter"]
        assert hint(Refused("of_another_kind", "That cannot be done.", command)) == ""
        assert hint(Usage("empty_name", "The name is empty.", "Think of one.")) == "Think of one."
        assert hint(DearlyError("no_letter", "There is no such letter.")) == ""
