"""docs/commands.md is what the commands say of themselves.

    DEARLY_UPDATE=1 pytest tests/docs/test_commands.py

writes it anew after a command has changed.
"""

import os
import re
import shlex
from dataclasses import fields
from pathlib import Path

import click
import pytest
from tests.unit.cli.test_main import COMMANDS

from dearly.cli import words_of_letters
from dearly.cli.main import desk
from dearly.cli.names import SECTIONS
from dearly.desk import offices, values
from dearly.letter.errors import DearlyError, Exit
from dearly.letter.journey import State
from dearly.letter.sealing import Seal

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "docs" / "commands.md"
PAGES = [ROOT / "README.md", *sorted(page for page in (ROOT / "docs").glob("*.md") if page != MANUAL)]

HEAD = """\
# Commands

This page is written by the commands themselves (tests/docs/test_commands.py); `dearly COMMAND --help` says the same.

`dearly [--drawer DIR] [--passphrase-file FILE] COMMAND`

{options}

Secrets come from a file that only you can read, from standard input (`-`), or from a prompt without echo; never from
an argument, which every user of the machine can see. Text for people is in the language of the environment
(`LANGUAGE`, `LC_ALL`, `LC_MESSAGES`, `LANG`) and in local time.

`dearly` without a command opens the desk in the browser (docs/desk.md) and prints the way in, as JSON `url`, `code` and
`file`: the file leads a browser there within a minute, the code is typed at the address within ten. `DEARLY_BROWSER`
names the browser to open, and `none` opens none; `DEARLY_WEB_HOST=127.0.0.1` serves under that address where a browser
does not find names that end in `.localhost`.

A command runs in the process that holds the drawer open, where there is one (`dearly unlock`); otherwise it opens the
drawer itself for as long as it takes.

## For scripts

`--json` gives one JSON object on one line. One thing is an object (`{{"number": 3, ...}}`), several are a list
with how many they are (`{{"letters": [...], "total": 2}}`). Keys and values of enumerations never change with the
language. Times are RFC 3339 in UTC, days `YYYY-MM-DD`. Keys may be added; none changes its meaning.

| thing | keys |
|---|---|
| letter, draft | {letter} |
| envelope in the letterbox | {envelope} |
| row of the outbox | {row} |
| person | {person}; a key: {key} |
| version of a draft | {version} |
| round | {round} |
| own card | {card} |
| finding of `check` | {finding} |
| invitation | {invitation} |
| account of an office | {account} |

`state` of a letter of yours: `draft`, `put_away`, {states}; of one that came: `unopened`, `opened`, `unreadable`.

`seal` of a letter that came, and beside it `quantum_safe`:

{seals}

A trouble is one JSON object on standard error,
`{{"error": {{"code": ..., "message": ..., "hint": ..., "exit": ...}}}}`, and the exit code tells its kind:

| code | kind |
|---|---|
{exits}
"""


def _keys(value: type) -> str:
    return ", ".join(f"`{f.name.rstrip('_')}`" for f in fields(value) if f.repr)


def _options(command: click.Command) -> str:
    context = click.Context(command, info_name="dearly")
    rows = [p.get_help_record(context) for p in command.params if isinstance(p, click.Option)]
    return "\n".join(f"- `{row[0]}`: {row[1]}" for row in rows if row is not None)


def _exits() -> str:
    said = {Exit.DONE: "done"}
    for kind in (DearlyError, *DearlyError.__subclasses__()):
        said[kind.exit] = (kind.__doc__ or "").strip().split("\n\n")[0].rstrip(".")
    said[Exit.OUR_FAULT] = "A fault in Dearly"
    return "\n".join(f"| {int(code)} | {said[code][:1].lower()}{said[code][1:]} |" for code in Exit)


def _section(path: tuple[str, ...]) -> str:
    command = COMMANDS[path]
    context = click.Context(command, info_name="dearly " + " ".join(path))
    usage = command.get_usage(context).removeprefix("Usage: ").replace("\n", " ")
    paragraphs = [re.sub(r"\s+", " ", p).strip() for p in re.split(r"\n\s*\n", command.help or "")]
    examples = "\n".join(command.examples)
    return "\n\n".join(
        [
            f"### {' '.join(path)}",
            f"`{re.sub(r' +', ' ', usage)}`",
            *paragraphs,
            *([_options(command)] if len(command.params) > 1 else []),
            f"```\n{examples}\n```",
        ]
    )


def manual() -> str:
    """The page as it should be."""
    head = HEAD.format(
        options=_options(desk),
        letter=_keys(values.LetterView),
        envelope=_keys(values.EnvelopeView),
        row=_keys(values.OutboxRow),
        person=_keys(values.PersonView),
        key=_keys(values.KeyView),
        version=_keys(values.VersionView),
        round=_keys(values.RoundReport),
        card=_keys(values.MyCard),
        finding=_keys(values.Finding),
        invitation=_keys(offices.Invitation),
        account=_keys(offices.OfficeAccount),
        states=", ".join(f"`{state}`" for state in State),
        seals="\n".join(f"- `{seal}`: {words_of_letters.of_seal(seal)}" for seal in Seal),
        exits=_exits(),
    )
    parts = [head.rstrip()]
    for heading, rows in SECTIONS:
        parts.append(f"## {heading}")
        for name, _module, _line in rows:
            parts += [_section(path) for path in COMMANDS if path[0] == name]
    return "\n\n".join(parts) + "\n"


def test_the_manual_is_what_the_commands_say() -> None:
    if os.environ.get("DEARLY_UPDATE"):
        MANUAL.write_text(manual(), encoding="utf-8")
    assert MANUAL.read_text(encoding="utf-8") == manual(), "run it once with DEARLY_UPDATE=1"


def test_every_command_is_in_the_manual() -> None:
    text = MANUAL.read_text(encoding="utf-8")
    for path, command in COMMANDS.items():
        assert f"\n### {' '.join(path)}\n" in text
        assert all(example in text for example in command.examples)


def _typed_in(page: Path) -> list[str]:
    """The lines of a document that begin with `dearly`, without comments and without options in brackets."""
    text = re.sub(r"\s*\\\n\s*", " ", page.read_text(encoding="utf-8"))  # a line that goes on is one
    found = re.findall(r"^(?: {4})?dearly (.+)$", text, re.MULTILINE)
    return [re.sub(r"\s+#\s.*|\s*\[--.*?\]", "", line) for line in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_whatever_a_document_shows_can_be_typed(page: Path) -> None:
    """Its command exists, and takes these words and options; nothing is carried out."""
    for line in _typed_in(page):
        words = shlex.split(line)
        path = tuple(words[:2]) if tuple(words[:2]) in COMMANDS else tuple(words[:1])
        assert path in COMMANDS, (page.name, line)
        numbers = ["1" if word == "N" else word for word in words[len(path) :]]
        try:
            COMMANDS[path].make_context("dearly", numbers)
        except click.ClickException as error:
            pytest.fail(f"{page.name}: dearly {line}: {error.format_message()}")


def test_the_hints_of_errors_name_commands_that_exist() -> None:
    """Every “dearly ...” in a sentence of the program can be typed."""
    names = {path[0] for path in COMMANDS}
    source = ROOT / "src" / "dearly"
    for file in source.rglob("*.py"):
        for name in re.findall(r"“dearly ([a-z-]+)", file.read_text(encoding="utf-8")):
            assert name in names, (file.name, name)
