"""Troubles as words and exit codes: the one place where the command line turns an error into either."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import click

from dearly.letter.errors import DearlyError, Exit
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.cli.terminal import Terminal


def trouble(terminal: Terminal, error: Exception, *, as_json: bool) -> int:
    """Tell the person of `error` on standard error; the exit code.

    Of an error that nobody foresaw only its kind is told: its own words, and a trace of it, might quote a letter. The
    trace (never with values of variables) is shown where DEARLY_DEBUG=1 asks for it."""
    if isinstance(error, DearlyError):
        code, message, hint, number = error.code, error.message, error.hint, int(error.exit)
    elif isinstance(error, click.UsageError):
        code, message, hint, number = "usage", _usage(error), _where_help_is(error), int(Exit.USAGE)
    else:
        code, number = "our_fault", int(Exit.OUR_FAULT)
        message = _("Something went wrong that should not have ({kind}). It is a fault in Dearly, not in what you did.")
        message = message.format(kind=type(error).__name__)
        hint = _("Nothing that was kept is lost. Setting DEARLY_DEBUG=1 shows where it happened.")
        if terminal.env.get("DEARLY_DEBUG") == "1":
            import traceback

            terminal.err("".join(traceback.format_exception(error)))
    if as_json:
        terminal.err(json.dumps({"error": {"code": code, "message": message, "hint": hint, "exit": number}}) + "\n")
    else:
        from dearly.cli.layout import wrap

        terminal.err(wrap("\n".join(text for text in (message, hint) if text), terminal.columns) + "\n")
    return number


def _usage(error: click.UsageError) -> str:
    """What is wrong with the command as typed."""
    match error:
        case click.NoSuchOption() if error.option_name in ("--drawer", "--passphrase-file"):
            words = (error.ctx.command_path if error.ctx else "dearly").split()
            shape = f"{words[0]} {error.option_name} … {' '.join(words[1:])}"
            return _("{name} stands before the command: “{shape}”.").format(name=error.option_name, shape=shape)
        case click.NoSuchOption() if re.fullmatch(r"-\d+", error.option_name):
            return _("“{value}” is not a number.").format(value=error.option_name)
        case click.NoSuchOption():
            said = _("There is no option {name} here.").format(name=error.option_name)
            if error.possibilities:
                said += " " + _("Do you mean “{name}”?").format(name=sorted(error.possibilities)[0])
            return said
        case click.MissingParameter():
            param = error.param
            name = (
                (param.make_metavar(error.ctx) if isinstance(param, click.Argument) else param.opts[0])
                if param and error.ctx
                else ""
            )
            return _("{name} is missing.").format(name=name)
    return error.format_message()


def _where_help_is(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx is not None else "dearly"
    return _("“{command} --help” shows how it is meant.").format(command=path)
