"""The command line: one group of commands, each imported only when it is used.

`run` is the only way in. It runs the same way in a process of its own and inside the process that holds the drawer:
all it may touch comes in as arguments.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

import click

import dearly
from dearly.cli.command import Group, Option, json_option
from dearly.cli.errand import STOPPED, Elsewhere, Errand, Left, Stopped
from dearly.cli.names import SECTIONS, later
from dearly.letter import words
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.cli.terminal import Terminal
    from dearly.desk.app import App


def run(
    argv: Sequence[str],
    terminal: Terminal,
    make_app: Callable[[], App],
    *,
    in_owner: bool = False,
    elsewhere: Callable[[], int | None] | None = None,
) -> int:
    """Run one command; its exit code. Raises nothing but `KeyboardInterrupt`.

    `in_owner`: this is the process that holds the drawer. `elsewhere`: asked when another process turns out to hold
    it: the exit code of the command as run there, None if it does not answer."""
    with words.speaking(languages(terminal.env), os.path.join(os.path.dirname(dearly.__file__), "locale")):  # noqa: PTH118, PTH120 (pathlib costs a tenth of this start)
        errand = Errand(terminal, make_app, in_owner=in_owner, elsewhere=elsewhere)
        try:
            return _invoke(list(argv), errand)
        except Exception as error:  # noqa: BLE001 (the last place before the person: whatever it is becomes words)
            from dearly.cli.shown import trouble

            return trouble(terminal, error, as_json=errand.json or "--json" in argv)


def _invoke(argv: list[str], errand: Errand) -> int:
    try:
        with desk.make_context("dearly", argv, obj=errand, terminal_width=errand.terminal.columns) as context:
            code = desk.invoke(context)
    except click.exceptions.Exit as done:
        return done.exit_code
    except Elsewhere as there:
        return there.code
    except Left:
        return 0
    except Stopped:
        return STOPPED
    return code if isinstance(code, int) else 0


def languages(env: dict[str, str]) -> list[str]:
    """The languages that an environment asks for before English, best first, in gettext's order of variables."""
    asked = next((env[name] for name in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG") if env.get(name)), "")
    # English needs no catalogue, and C means it.
    return list(takewhile(lambda tag: not re.match(r"en\b|en_|C\b|POSIX", tag), filter(None, asked.split(":"))))


class _Desk(Group):
    """All commands, in sections. Their modules are imported one by one, when used."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Names in the order of the list."""
        return [name for _heading, rows in SECTIONS for name, _module, _line in rows]

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported."""
        from importlib import import_module
        from keyword import iskeyword

        for _heading, rows in SECTIONS:
            for name, module, _line in rows:
                if name == cmd_name:
                    known = import_module(f"dearly.cli.commands.{module}")
                    found = getattr(known, name.replace("-", "_") + "_" * iskeyword(name))
                    assert isinstance(found, click.Command)
                    return found
        return None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The commands in their sections, then the options."""
        width = max(len(name) for name in self.list_commands(ctx))
        for heading, rows in SECTIONS:
            with formatter.section(_(heading)):
                formatter.write_dl([(f"{name:<{width}}", _(line)) for name, _module, line in rows])
        super(Group, self).format_options(ctx, formatter)


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        ctx.obj.tell({"version": dearly.__version__}, f"dearly {dearly.__version__}")
        ctx.exit()


def _begin(drawer: str | None, passphrase_file: str | None) -> None:
    ctx = click.get_current_context()
    errand: Errand = ctx.obj
    errand.drawer = drawer or errand.drawer
    errand.passphrase_file = passphrase_file or errand.passphrase_file
    if ctx.invoked_subcommand is None:
        from dearly.cli.browser import sit_down

        sit_down(errand)


desk = _Desk(
    "dearly",
    callback=_begin,
    invoke_without_command=True,
    help=later(
        """A desk for private, slow, long letters between people who matter to each other.

        Without a command it opens the desk in the browser; on the first day that is where the drawer is made. It prints
        the address and a code as well, for a browser that has to be led there by hand. DEARLY_BROWSER names the browser
        to open, and “none” opens none."""
    ),
    params=[
        Option(["--drawer"], metavar="DIR", help=later("The drawer to use; DEARLY_DRAWER does the same.")),
        Option(
            ["--passphrase-file"],
            metavar="FILE",
            help=later(
                "A file with the passphrase that only you can read, or “-” for standard input;"
                " DEARLY_PASSPHRASE_FILE does the same."
            ),
        ),
        json_option(),
        Option(
            ["--version"],
            is_flag=True,
            expose_value=False,
            is_eager=True,
            callback=_version,
            help=later("Show which version this is."),
        ),
    ],
)
