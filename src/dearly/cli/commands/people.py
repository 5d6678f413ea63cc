"""`people`: the address book."""

from __future__ import annotations

import click

from dearly.cli.as_json import many
from dearly.cli.as_text import Page
from dearly.cli.command import command, group, option
from dearly.cli.errand import Errand
from dearly.cli.given import MOST_CARD, read, shown
from dearly.cli.names import later
from dearly.letter.address import clean
from dearly.letter.errors import Usage
from dearly.letter.words import _

people = group("people", later("The address book: who you write to, at which addresses, with which keys."))


@command(
    "add",
    later(
        """Add someone to the address book.

        Their card brings their key along; with it, letters can be sealed to them. If they are there already, what is
        new is added."""
    ),
    "dearly people add Bert --vcard bert.vcf",
    "dearly people add Clara --address clara@letters.test",
    group=people,
)
@click.argument("name", metavar="NAME")
@option("--address", "addresses", multiple=True, metavar="ADDR", help=later("An address. May be given several times."))
@option("--vcard", metavar="FILE", help=later("Their card, as a file; “-” is standard input."))
def add(errand: Errand, name: str, addresses: tuple[str, ...], vcard: str | None) -> None:
    """Add a person."""
    from dearly.desk import people as verbs

    card = read(errand, vcard, MOST_CARD, shown(vcard))[0] if vcard is not None else None
    person = errand.with_desk(lambda desk: verbs.add(desk, name, addresses=addresses, vcard=card))
    errand.tell(person, lambda: Page(errand.terminal).person(person))


@command("list", later("Everybody in the address book."), "dearly people list", group=people)
def list_(errand: Errand) -> None:
    """List all."""
    from dearly.desk import people as verbs

    found = errand.look(verbs.everybody)
    errand.tell(many("people", found), lambda: Page(errand.terminal).people(found))


@command("show", later("One person, with addresses and keys."), "dearly people show Bert", group=people)
@click.argument("name", metavar="NAME")
def show(errand: Errand, name: str) -> None:
    """Show a person."""
    from dearly.desk import people as verbs

    person = errand.with_desk(lambda desk: verbs.show_person(desk, name))
    errand.tell(person, lambda: Page(errand.terminal).person(person))


@command(
    "edit",
    later(
        """Change a name, add an address, or end one.

        An address that is ended stays with the letters that went there, and is not used for new ones."""
    ),
    "dearly people edit Clara --address clara@home.test --end clara@letters.test",
    group=people,
)
@click.argument("name", metavar="NAME")
@option("--name", "new_name", metavar="NAME", help=later("The new name."))
@option("--address", "added", multiple=True, metavar="ADDR", help=later("An address to add."))
@option("--end", "ended", multiple=True, metavar="ADDR", help=later("An address that is not used any more."))
def edit(errand: Errand, name: str, new_name: str | None, added: tuple[str, ...], ended: tuple[str, ...]) -> None:
    """Change a person."""
    from dearly.desk import people as verbs

    if new_name is None and not added and not ended:
        raise Usage("nothing_to_change", _("Say what is to be changed."), _("Give --name, --address or --end."))
    person = errand.with_desk(lambda desk: verbs.edit_person(desk, name, name=new_name, add=added, end=ended))
    errand.tell(person, lambda: Page(errand.terminal).person(person))


@command(
    "merge",
    later(
        """Make one person of two entries.

        Addresses, keys and letters of the second go to the first, whose name stays."""
    ),
    "dearly people merge Clara 'Clara Moor'",
    group=people,
)
@click.argument("keep", metavar="NAME")
@click.argument("other", metavar="OTHER")
def merge(errand: Errand, keep: str, other: str) -> None:
    """Merge two people."""
    from dearly.desk import people as verbs

    person = errand.with_desk(lambda desk: verbs.merge(desk, keep, other))
    errand.tell(person, lambda: Page(errand.terminal).person(person))


@command(
    "alike",
    later(
        """Who may be in the address book twice.

        Nothing is joined by itself: “dearly people merge” makes one person of two entries, and “dearly people apart”
        says that they are two."""
    ),
    "dearly people alike",
    group=people,
)
def alike(errand: Errand) -> None:
    """List entries that look alike."""
    from dearly.desk import joining as verbs

    found = errand.with_desk(verbs.alike)
    errand.tell(many("pairs", found), lambda: Page(errand.terminal).alike(found))


@command(
    "apart",
    later("Two entries that look alike are two people."),
    "dearly people apart Clara 'Clara Moor'",
    group=people,
)
@click.argument("one", metavar="NAME")
@click.argument("other", metavar="OTHER")
def apart(errand: Errand, one: str, other: str) -> None:
    """Keep two people apart."""
    from dearly.desk import joining as verbs

    errand.with_desk(lambda desk: verbs.keep_apart(desk, one, other))
    said = _("{one} and {other} are two people.").format(one=clean(one), other=clean(other))
    errand.tell({"apart": [one, other]}, said)


@command(
    "remove",
    later(
        """Take someone out of the address book.

        The letters with them stay in the drawer."""
    ),
    "dearly people remove Dora",
    group=people,
)
@click.argument("name", metavar="NAME")
def remove(errand: Errand, name: str) -> None:
    """Remove a person."""
    from dearly.desk import people as verbs

    gone = errand.with_desk(lambda desk: verbs.remove(desk, name))
    said = _("{name} is no longer in the address book.").format(name=clean(name))
    if not gone:
        said += " " + _("The letters with them stay, under the name that they had.")
    errand.tell({"removed": name, "letters_stay": not gone}, said)
