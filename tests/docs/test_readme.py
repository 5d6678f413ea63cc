"""What the README promises: its commands run, in their order, for two people on one machine; its files exist."""

from __future__ import annotations

import re
import shlex
import tomllib
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.support.commands import Machine, Person
from tests.support.machines import cheap_drawer

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(heading: str) -> list[str]:
    """The `dearly` lines of the first block under a heading, without their comments."""
    block = re.search(rf"^## {heading}$.*?^```\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert block is not None
    return [line.split(" #")[0].strip() for line in block[1].splitlines() if line.startswith("dearly ")]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("desk", [pytest.param("open"), pytest.param("locked", marks=pytest.mark.long)])
def test_its_letter_is_written_posted_and_answered(tmp_path: Path, desk: str) -> None:
    """With both desks open, as they are where somebody writes; and with each command opening its drawer by itself."""
    machine = Machine(tmp_path, afresh=True)
    machine.write("letter.txt", "Dear Bert,\n\nall is well.\n\nAda\n")
    for name in ("ada", "bert"):
        cheap_drawer(machine, name)
    ada, bert = machine.person("ada"), machine.person("bert")
    lines = commands("Write a letter")
    assert len(lines) >= 9
    with ExitStack() as stack:
        for who in (ada, bert) if desk == "open" else ():
            assert who("unlock").code == 0
            stack.callback(who, "lock")
        play(lines, ada, bert)


def play(lines: list[str], ada: Person, bert: Person) -> None:
    for line in lines:
        words = line.removeprefix("dearly ")
        if words.startswith("people add Bert"):
            assert bert("setup --name Bert --local-office").code == 0
            assert bert("address --vcard bert.vcf").code == 0
        if words == "letterbox":  # by now Bert has found the letter and answered
            answer(ada, bert)
        done = ada(words, given="Dear Bert,\n\nuntil soon.\n" if words.startswith("answer") else "")
        assert done.code == 0, f"{line}: {done.err}"


def answer(ada: Person, bert: Person) -> None:
    """Ada's letter leaves at once; Bert takes her card, opens the letter, and answers."""
    assert ada("take-back 1").code == 0
    for who, line in (
        (ada, "post 1 --at-once"),
        (ada, "round"),
        (bert, "people add Ada --vcard ada.vcf"),
        (bert, "round"),
        (bert, "open 1"),
    ):
        done = who(line)
        assert done.code == 0, done.err
    assert bert("answer 1", given="Dear Ada,\n\ncome home.\n").code == 0
    assert bert("post 2 --at-once").code == 0
    assert bert("round").code == 0
    assert ada("round").code == 0


def test_every_other_command_it_names_is_one() -> None:
    from dearly.cli.names import SECTIONS

    known = {name for _heading, rows in SECTIONS for name, _module, _line in rows}
    named = set(re.findall(r"`dearly ([a-z-]+)", README)) | {shlex.split(c)[1] for c in commands("Write a letter")}
    assert named <= known | {"setup"}


def test_every_page_it_links_to_is_there() -> None:
    links = re.findall(r"\]\(([^)h][^)]*)\)", README)
    assert len(links) >= 8
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_dependency_is_named_with_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for requirement in project["dependencies"]:
        name = re.match(r"[\w-]+", requirement)[0]
        assert f"pypi.org/project/{name}/" in README, name
