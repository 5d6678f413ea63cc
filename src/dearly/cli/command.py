"""How a command is declared: help that is translated when it is shown, an example, `--json`, and the errand handed in.

Help, usage and version go to the errand's terminal, never to `sys.stdout`: the command may run for a client far away.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import update_wrapper
from typing import TYPE_CHECKING, Any, TypeVar

import click

from dearly.cli.names import later
from dearly.letter.words import _

Function = TypeVar("Function", bound=Callable[..., int | None])

if TYPE_CHECKING:
    _Int = click.ParamType[int]
    _Choice = click.Choice[str]
else:
    # The class takes a type argument from click 8.5 on; 8.3 and 8.4 run as well.
    _Int = click.ParamType
    _Choice = click.Choice


class Option(click.Option):
    """An option whose help is translated when it is shown."""

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The spelling and the help, for the list of options."""
        record = super().get_help_record(ctx)
        if record is None:
            return None
        said = _(self.help or "")
        return record[0], f"{said}  {_('[required]')}" if self.required else said


def _help(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        ctx.obj.terminal.out(ctx.get_help() + "\n")
        ctx.exit()


class _Shown(click.Command):
    """Help in the person's language and with examples."""

    examples: tuple[str, ...] = ()

    def get_help_option(self, ctx: click.Context) -> click.Option | None:  # noqa: ARG002 (click's signature)
        """`--help`, which speaks to the errand's terminal."""
        if self._help_option is None:
            self._help_option = Option(
                ["--help", "_help"],
                is_flag=True,
                expose_value=False,
                is_eager=True,
                help=later("Show this help."),
                callback=_help,
            )
        return self._help_option

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The line of usage."""
        pieces = " ".join(self.collect_usage_pieces(ctx))
        formatter.write_usage(ctx.command_path, pieces, prefix=_("Usage: "))

    def format_help_text(
        self,
        ctx: click.Context,  # noqa: ARG002 (click's signature)
        formatter: click.HelpFormatter,
    ) -> None:
        """What the command does, then its examples."""
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(_(inspect.cleandoc(self.help or "")))
        if self.examples:
            with formatter.section(_("Example") if len(self.examples) == 1 else _("Examples")):
                for example in self.examples:
                    formatter.write(f"{'':{formatter.current_indent}}{example}\n")

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options."""
        records = (param.get_help_record(ctx) for param in self.get_params(ctx) if isinstance(param, click.Option))
        with formatter.section(_("Options")):
            formatter.write_dl([record for record in records if record is not None])


class Command(_Shown):
    """One command."""


class Group(_Shown, click.Group):
    """Commands under one word, such as `people`."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The options, then the commands in their order."""
        _Shown.format_options(self, ctx, formatter)
        with formatter.section(_("Commands")):
            rows = [(name, _(inspect.cleandoc(c.help or "")).split("\n\n")[0]) for name, c in self.commands.items()]
            formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """The arguments after the group's own options. Raises `UsageError` where no command follows."""
        if not args and not self.invoke_without_command:
            raise click.UsageError(
                _("Another word belongs here: {names}.").format(names=", ".join(self.list_commands(ctx))), ctx
            )
        return super().parse_args(ctx, args)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Names in the order of their making."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that `args` begin with."""
        if self.get_command(ctx, args[0]) is None and not ctx.resilient_parsing:
            raise unknown_command(ctx, args[0], self.list_commands(ctx))
        return super().resolve_command(ctx, args)


class Number(_Int):
    """The number of a letter, a draft or a version: 1, 2, 3 …"""

    name = "number"

    def convert(self, value: Any, _param: click.Parameter | None, _ctx: click.Context | None) -> int:
        """The number. Raises `Usage` (bad_number)."""
        if isinstance(value, int):
            return value
        if re.fullmatch(r"[1-9][0-9]{0,17}", value):
            return int(value)
        from dearly.letter.address import clean
        from dearly.letter.errors import Usage

        raise Usage(
            "bad_number",
            _("“{value}” is not a number.").format(value=clean(value)[:40]),
            _("Letters are named by number: “dearly drafts”, “dearly outbox” and “dearly letterbox” list them."),
        )


class OneOf(_Choice):
    """One of a few words."""

    def convert(self, value: Any, _param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The word. Raises `UsageError`."""
        if value in self.choices:
            return str(value)
        from dearly.letter.address import clean

        known = ", ".join(self.choices)
        raise click.UsageError(
            _("“{value}” is not possible here; these are: {known}.").format(value=clean(str(value))[:40], known=known),
            ctx,
        )


def unknown_command(ctx: click.Context, name: str, known: list[str]) -> click.UsageError:
    """The error for a command that does not exist, with the nearest that does."""
    from difflib import get_close_matches

    from dearly.letter.address import clean

    message = _("There is no command “{name}”.").format(name=clean(name)[:40])
    near = get_close_matches(name, known, 1)
    if near:
        message += " " + _("Do you mean “{name}”?").format(name=near[0])
    return click.UsageError(message, ctx)


def _json(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        ctx.obj.json = True


def json_option() -> Option:
    """`--json`, which every command has."""
    return Option(
        ["--json", "_json"],
        is_flag=True,
        expose_value=False,
        is_eager=True,
        help=later("Answer in JSON, for scripts."),
        callback=_json,
    )


def option(*names: str, **settings: Any) -> Callable[[Function], Function]:
    """Declare an option of the command below."""
    return click.option(*names, cls=Option, **settings)


def command(
    name: str, help_: str, *examples: str, group: Group | None = None
) -> Callable[[Callable[..., int | None]], Command]:
    """Declare a command. `help_`: what it does, marked by `later`. `examples`: lines that can be typed as they stand.

    The function gets the `Errand` first, then its parameters by name; it may give an exit code."""

    def declare(function: Callable[..., int | None]) -> Command:
        def run(**given: Any) -> int | None:
            return function(click.get_current_context().obj, **given)

        made = click.command(name, cls=Command, help=help_)(update_wrapper(run, function))
        made.params.append(json_option())
        made.examples = examples
        if group is not None:
            group.add_command(made, name)
        return made

    return declare


def group(name: str, help_: str) -> Group:
    """A word under which commands stand."""
    return Group(name, help=help_, no_args_is_help=False)
