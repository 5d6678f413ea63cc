"""`write` and what is done with a draft: edit, enclose, read over, put away, drop, versions."""

from __future__ import annotations

import click

from dearly.cli.as_json import many, plain
from dearly.cli.as_text import Page
from dearly.cli.command import Number, command, option
from dearly.cli.errand import STOPPED, Errand
from dearly.cli.given import day, enclosures, letter_text
from dearly.cli.names import later
from dearly.letter.address import clean
from dearly.letter.errors import Exit, Usage
from dearly.letter.words import _


@command(
    "write",
    later(
        """Begin a letter to one or several people.

        The text comes from a file or from standard input. It becomes a draft: nothing leaves before it is posted.

        With --again it is a letter that came back, which is written anew to another address: the same text and
        enclosures, as a new letter. The one that came back stays as it is."""
    ),
    "dearly write Bert --from-file letter.txt --subject 'The garden'",
    "dearly write bert@new.test --again 7",
)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@option("--from-file", "source", metavar="FILE", help=later("The text of the letter; “-” is standard input."))
@option("--subject", default="", metavar="TEXT", help=later("What it is about. It is sealed like the text."))
@option(
    "--enclose", "files", multiple=True, metavar="FILE", help=later("A file to put in. May be given several times.")
)
@option("--again", "number", type=Number(), metavar="N", help=later("Write letter N anew, which did not get there."))
def write(
    errand: Errand,
    names: tuple[str, ...],
    source: str | None,
    subject: str,
    files: tuple[str, ...],
    number: int | None,
) -> int:
    """Make a draft."""
    from dearly.desk import write as verbs

    if number is not None:
        if source is not None or subject or files:
            raise Usage(
                "again_as_it_was",
                _("A letter that is written anew begins as it was."),
                _("Change it then, with “dearly edit” and “dearly enclose”."),
            )
        return _anew(errand, number, names)
    enclosed = enclosures(errand, files)
    errand.ahead(source, lambda desk: desk.drawer.read(lambda db: verbs.recipients(db, names)))
    text = letter_text(errand, source)
    draft = errand.with_desk(lambda desk: verbs.write(desk, names, text, subject, enclosed))
    errand.tell(
        draft,
        lambda: Page(errand.terminal).prose(
            _("Draft {number} lies on the desk.").format(number=draft.number),
            _(
                "“dearly read-over {number}” shows it as its reader will see it; “dearly post {number}” posts it."
            ).format(number=draft.number),
        ),
    )
    return STOPPED if errand.terminal.stopped else Exit.DONE


def _anew(errand: Errand, number: int, names: tuple[str, ...]) -> int:
    from dearly.desk.anew import anew

    draft = errand.with_desk(lambda desk: anew(desk, number, names))
    errand.tell(
        draft,
        lambda: Page(errand.terminal).prose(
            _("Draft {number} lies on the desk, to {address}: a new letter with the words of letter {before}.").format(
                number=draft.number, address=", ".join(map(clean, draft.to)), before=number
            ),
            _("That one stays as it is; “dearly drop {number}” tries no further with it.").format(number=number),
        ),
    )
    return Exit.DONE


@command("drafts", later("The letters that you have begun, those put away among them."), "dearly drafts")
def drafts(errand: Errand) -> None:
    """List drafts."""
    from dearly.desk import lists

    found = errand.look(lists.written)
    errand.tell(many("letters", found), lambda: Page(errand.terminal).letters(found, _("No draft lies on the desk.")))


@command(
    "edit",
    later(
        """Change the text, the subject or the names of a draft.

        The text that was there before is kept: “dearly versions N” shows it."""
    ),
    "dearly edit 1 --from-file letter.txt",
)
@click.argument("number", type=Number(), metavar="N")
@option("--from-file", "source", metavar="FILE", help=later("The new text; “-” is standard input."))
@option("--subject", metavar="TEXT", help=later("The new subject."))
@option("--to", "names", multiple=True, metavar="NAME", help=later("Who it is for, instead of before."))
def edit(errand: Errand, number: int, source: str | None, subject: str | None, names: tuple[str, ...]) -> int:
    """Change a draft."""
    from dearly.desk import write as verbs

    if source is None and subject is None and not names:
        raise Usage("nothing_to_change", _("Say what is to be changed."), _("Give --from-file, --subject or --to."))
    if source is not None:
        errand.ahead(source, lambda desk: verbs.versions(desk, number))
    text = letter_text(errand, source) if source is not None else None
    draft = errand.with_desk(lambda desk: verbs.edit(desk, number, text=text, subject=subject, to=names or None))
    errand.tell(draft, _("Draft {number} is changed.").format(number=number))
    return STOPPED if errand.terminal.stopped else Exit.DONE


@command("enclose", later("Put files into a draft."), "dearly enclose 1 garden.jpg")
@click.argument("number", type=Number(), metavar="N")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
def enclose(errand: Errand, number: int, files: tuple[str, ...]) -> None:
    """Enclose files."""
    from dearly.desk import write as verbs

    enclosed = enclosures(errand, files)
    draft = errand.with_desk(lambda desk: verbs.enclose(desk, number, enclosed))
    errand.tell(draft, lambda: Page(errand.terminal).letter(draft))


@command(
    "read-over",
    later(
        """See a draft as its reader will see it.

        It also says what the seal will be worth, by which way it would go, and what a friend might notice."""
    ),
    "dearly read-over 1",
)
@click.argument("number", type=Number(), metavar="N")
def read_over(errand: Errand, number: int) -> None:
    """Read a draft over."""
    from dearly.desk import write as verbs

    seen = errand.with_desk(lambda desk: verbs.read_over(desk, number))
    value = {**plain(seen.letter), "way": seen.way, "notices": seen.notices, "envelope": seen.seal}
    errand.tell(value, lambda: Page(errand.terminal).read_over(seen))


@command(
    "put-away",
    later(
        """Put a draft into the drawer.

        With a day, it lies on the desk again from then on. Nothing asks about it meanwhile."""
    ),
    "dearly put-away 1 --until 2031-05-01",
)
@click.argument("number", type=Number(), metavar="N")
@option("--until", metavar="DATE", help=later("The day on which it lies on the desk again, such as 2031-05-01."))
def put_away(errand: Errand, number: int, until: str | None) -> None:
    """Put a draft away."""
    from dearly.desk import write as verbs

    date = day(until)
    draft = errand.with_desk(lambda desk: verbs.put_away(desk, number, date))
    errand.tell(draft, _("Draft {number} is put away.").format(number=number))


@command(
    "drop",
    later(
        """Throw a draft away, or give up a letter that does not get on.

        A draft is gone with all its versions. A letter that was posted and is held, was tried in vain or came back is
        given up: it stays in the correspondence, and nothing more is tried."""
    ),
    "dearly drop 3",
)
@click.argument("number", type=Number(), metavar="N")
def drop(errand: Errand, number: int) -> None:
    """Drop a draft or give a letter up."""
    from dearly.desk import write as verbs

    errand.with_desk(lambda desk: verbs.drop(desk, number))
    errand.tell({"number": number, "dropped": True}, _("{number} is dropped.").format(number=number))


@command(
    "versions",
    later(
        """Earlier states of a draft.

        One is kept at a pause, when the draft is put away or read over, and before an earlier one is taken back."""
    ),
    "dearly versions 1",
)
@click.argument("number", type=Number(), metavar="N")
@option("--text", "wanted", type=Number(), metavar="VERSION", help=later("Show the whole text of this one."))
def versions(errand: Errand, number: int, wanted: int | None) -> None:
    """List versions."""
    from dearly.desk import write as verbs
    from dearly.letter.errors import NotFound

    found = errand.with_desk(lambda desk: verbs.versions(desk, number))
    if wanted is None:
        errand.tell(many("versions", found), lambda: Page(errand.terminal).versions(found))
        return
    one = next((v for v in found if v.version == wanted), None)
    if one is None:
        raise NotFound(
            "no_such_version",
            _("Draft {number} has no version {version}.").format(number=number, version=wanted),
            _("“dearly versions {number}” lists those there are.").format(number=number),
        )
    errand.tell(one, lambda: Page(errand.terminal).text(one.text))
