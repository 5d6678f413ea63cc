"""`export`: everything out of the lock, in formats that are read without Dearly."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from dearly.cli.command import OneOf, command, option
from dearly.cli.errand import Errand
from dearly.cli.given import is_yes, new_passphrase, shown
from dearly.cli.lines import Lines
from dearly.cli.names import later
from dearly.cli.progress import progress
from dearly.letter.errors import Exit, Usage
from dearly.letter.words import _, ngettext

if TYPE_CHECKING:
    from dearly.desk.app import Progress
    from dearly.desk.exporting import Exported

FORMATS = ("maildir", "mbox", "markdown", "html", "bundle", "vcard", "cmif", "keys", "all")


@command(
    "export",
    later(
        """Copy all letters into a folder, to be read without Dearly.

        maildir and mbox hold the letters as they came and went, so what was sealed stays sealed. markdown, html and
        bundle hold their texts, and can be read by whoever gets hold of them. vcard is the address book, cmif a list
        of who wrote to whom, keys are the certificates. Nothing in the drawer is changed."""
    ),
    "dearly export letters-2026 --format html",
    "dearly export everything --format all --yes",
)
@click.argument("folder", metavar="DIR")
@option("--format", "format_", required=True, type=OneOf(FORMATS), help=later("In which form; “all” for every one."))
@option("--opened", is_flag=True, help=later("In maildir and mbox: copies that can be read without a key."))
@option("--secret-keys", is_flag=True, help=later("Take your own secret keys along, under a new passphrase."))
@option(
    "--new-passphrase-file",
    metavar="FILE",
    help=later("The passphrase for the secret keys, in a file that only you can read, or “-”. Else it is asked for."),
)
@option("--yes", is_flag=True, help=later("Do not ask."))
def export(
    errand: Errand,
    folder: str,
    format_: str,
    opened: bool,
    secret_keys: bool,
    new_passphrase_file: str | None,
    yes: bool,
) -> int:
    """Export."""
    from dearly.desk import exporting as verbs

    target = errand.path(folder)
    wish = verbs.wish(format_, opened=opened, secret_under="" if secret_keys else None)
    verbs.before(target, wish, verbs.Survey())  # refused, where it is, before any passphrase is typed
    _ask(errand, verbs.before(target, wish, errand.look(verbs.survey)), yes)
    if secret_keys:
        wish = replace(wish, secret_under=new_passphrase(errand, new_passphrase_file))
    with progress(errand.terminal, quiet=errand.json) as tell:
        done = errand.with_desk(lambda desk: verbs.export(desk, target, wish, _with_rate(tell)), stoppable=True)
    errand.tell(done, lambda: _said(errand, done, folder))
    return Exit.DAMAGED if done.damaged else Exit.DONE


def _ask(errand: Errand, sentences: list[str], yes: bool) -> None:
    """Say what leaves the lock, and ask; a script has said --yes. Raises `Usage` (not_confirmed)."""
    for sentence in sentences:
        errand.aside(sentence)
    if yes or not sentences:
        return
    answer = errand.terminal.ask(_("Go on? Type “yes”: "))
    if answer is None:
        raise Usage(
            "not_confirmed",
            _("Nobody is there to be asked whether these letters may leave the lock."),
            _("Say so with --yes."),
        )
    if not is_yes(answer):
        raise Usage("not_confirmed", _("Nothing was copied."))


def _with_rate(tell: Progress) -> Progress:
    """The same, with how many letters are written in a second."""
    begun = time.monotonic()

    def say(what: str, done: int, total: int) -> None:
        spent = time.monotonic() - begun
        rate = _("{n} a second").format(n=round(done / spent)) if spent > 1 else ""
        tell(f"{what}  {rate}".rstrip(), done, total)

    return say


def _said(errand: Errand, done: Exported, folder: str) -> str:
    said = ngettext(
        "One letter is in “{folder}”; README.txt there says what each file is.",
        "{n} letters are in “{folder}”; README.txt there says what each file is.",
        done.letters,
    )
    if not done.letters:
        said = _("It is in “{folder}”; README.txt there says what each file is.")
    lines = [said.format(n=done.letters, folder=shown(folder))]
    if done.damaged:
        numbers = ", ".join(map(str, done.damaged))
        lines.append(_("Damaged in the drawer, and so not in it: {numbers}.").format(numbers=numbers))
    return Lines(errand.terminal).prose(*lines)
