"""`keys`: by which keys a person is known, and how far."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from dearly.cli.as_text import Page
from dearly.cli.command import command, group, option
from dearly.cli.errand import Errand
from dearly.cli.names import later
from dearly.letter.errors import Usage
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.desk.desk import Desk
    from dearly.desk.values import PersonView

keys = group("keys", later("The keys by which someone's letters are known."))


@command(
    "show",
    later(
        """The keys of a person, and how far each is known.

        Each key has six pairs of words. Read them to each other, face to face or on the telephone: the words that your
        desk shows for them must be the ones that theirs shows as its own. Then pin the key with --verified."""
    ),
    "dearly keys show Bert",
    group=keys,
)
@click.argument("name", metavar="NAME")
def show(errand: Errand, name: str) -> None:
    """Show someone's keys, and the words of our own."""
    from dearly.desk import keys as verbs

    async def look(desk: Desk) -> tuple[PersonView, tuple[str, ...]]:
        return await verbs.show_keys(desk, name), await verbs.own_words(desk)

    person, own = errand.with_desk(look)
    page = Page(errand.terminal)
    errand.tell(person, lambda: "\n\n".join([page.person(person), *([page.own_words(own)] if own else [])]))


@command(
    "pin",
    later(
        """Decide which key is a person's.

        Compare the words (“dearly keys show NAME”) or the fingerprint with them, face to face or on the telephone; then
        pin it with --verified. Without a fingerprint it is about the only key that is known of them."""
    ),
    "dearly keys pin Bert --verified",
    group=keys,
)
@click.argument("name", metavar="NAME")
@option("--fingerprint", metavar="HEX", help=later("The fingerprint of the key; spaces in it do not matter."))
@option("--verified", is_flag=True, help=later("You have compared it with them."))
def pin(errand: Errand, name: str, fingerprint: str | None, verified: bool) -> None:
    """Pin a key."""
    from dearly.desk import keys as verbs

    if fingerprint is not None:
        fingerprint = re.sub(r"[\s:]", "", fingerprint).lower()
        if not re.fullmatch(r"[0-9a-f]{16,64}", fingerprint):
            raise Usage(
                "bad_fingerprint",
                _("This is not the beginning of a fingerprint."),
                _("Give at least the first 16 of its hexadecimal digits; “dearly keys show NAME” shows them."),
            )
    person = errand.with_desk(lambda desk: verbs.pin(desk, name, fingerprint, verified=verified))
    errand.tell(person, lambda: Page(errand.terminal).person(person))
