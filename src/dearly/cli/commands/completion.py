"""`completion`: the script by which a shell completes commands and options. It never looks into a drawer."""

from __future__ import annotations

import click

from dearly.cli.command import OneOf, command
from dearly.cli.errand import Errand
from dearly.cli.names import later

VARIABLE = "_DEARLY_COMPLETE"


@command(
    "completion",
    later(
        """Print the script that completes commands in your shell.

        For bash, put `eval "$(dearly completion bash)"` into ~/.bashrc, for zsh likewise into ~/.zshrc; for fish, run
        `dearly completion fish > ~/.config/fish/completions/dearly.fish`."""
    ),
    "dearly completion bash",
)
@click.argument("shell", type=OneOf(["bash", "zsh", "fish"]))
def completion(errand: Errand, shell: str) -> None:
    """Print the script."""
    from click.shell_completion import get_completion_class

    from dearly.cli.main import desk

    kind = get_completion_class(shell)
    assert kind is not None
    made = kind(desk, {}, "dearly", VARIABLE)
    # Not `made.source()`: that looks for the shell's version, which says nothing about the machine it is printed for.
    script = made.source_template % made.source_vars()
    errand.tell({"shell": shell, "script": script}, lambda: script)


def complete(instruction: str) -> int:
    """Answer a shell that asks for completions. The environment says what has been typed so far."""
    from click.shell_completion import shell_complete

    from dearly.cli.main import desk

    return shell_complete(desk, {}, "dearly", VARIABLE, instruction)
