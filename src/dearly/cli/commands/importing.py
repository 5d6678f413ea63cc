"""`import`: letters of a lifetime taken in, from wherever they lie."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from dearly.cli.as_json import many, plain
from dearly.cli.command import OneOf, command, option
from dearly.cli.errand import Errand
from dearly.cli.given import agree, is_yes, secret_from, shown
from dearly.cli.layout import table
from dearly.cli.lines import Lines
from dearly.cli.names import later
from dearly.cli.progress import progress
from dearly.letter.address import clean
from dearly.letter.errors import Usage
from dearly.letter.words import _, ngettext

if TYPE_CHECKING:
    from dearly.desk.desk import Desk
    from dearly.desk.importing import Archive, Choices, Done, Plan

FORMATS = ("auto", "maildir", "mbox", "mboxrd", "mboxo", "eml", "thunderbird", "takeout", "text", "scan", "scans")
REASONS = ("draft", "spam", "trash", "chat", "report", "newsletter", "calendar", "empty")

_MOST_PEOPLE = 10
"""People named in a plan."""


@command(
    "import",
    later(
        """Take in letters from another program: a folder, a mailbox file, texts, scans.

        A Maildir, an mbox, .eml files, a Thunderbird profile, a Takeout archive of Gmail, text and Markdown files, and
        scans of paper are known by themselves. The archive itself is only read. At a terminal you see first what would
        be taken, and are asked. What is no letter is left out; --with takes it nevertheless.

        It may be stopped at any time: the same command goes on where it was, and takes nothing twice."""
    ),
    "dearly import ~/Maildir --plan",
    "dearly import letters.mbox",
    "dearly import scan.pdf --from Clara --date 1962-05",
)
@click.argument("paths", metavar="[PATH...]", nargs=-1)
@option(
    "--format",
    "format_",
    type=OneOf(FORMATS),
    metavar="FORMAT",
    default="auto",
    help=later(
        "What it is, where it is not seen: maildir, mbox, mboxrd, mboxo, eml, thunderbird, takeout, text, scan, scans."
    ),
)
@option("--account", metavar="ADDRESS", help=later("Instead of a path: this e-mail account of yours."))
@option("--folder", metavar="NAME", default="INBOX", help=later("Which folder of it, as the server names it."))
@option("--plan", "only_plan", is_flag=True, help=later("Only say what would be taken."))
@option("--yes", is_flag=True, help=later("Do not ask first."))
@option("--mine", multiple=True, metavar="ADDRESS", help=later("An address that was yours; may be given repeatedly."))
@option(
    "--with", "take", multiple=True, type=OneOf(REASONS), help=later("Take this kind too; may be given repeatedly.")
)
@option("--only-mine", is_flag=True, help=later("Leave out letters that are neither from you nor to you."))
@option("--from", "sender", metavar="NAME", default="", help=later("Who wrote it, of a text or a scan."))
@option("--to", metavar="NAME", default="", help=later("Whom you wrote it to, of a text or a scan."))
@option("--date", metavar="DATE", default="", help=later("When it was written: 1962-05-03, 1962-05 or 1962."))
@option(
    "--its-passphrase-file",
    metavar="FILE",
    help=later(
        "The passphrase of another drawer, or of the secret keys in a bundle, in a file that only you can read, or “-”."
    ),
)
@option(
    "--my-drawer",
    is_flag=True,
    help=later(
        "This bundle or drawer is your own: what was written there is from you, and what you decided about the"
        " keys of others counts here, too."
    ),
)
@option("--left", is_flag=True, help=later("List what was taken in and could not be opened or read, with the reason."))
@option("--place", metavar="PLACE", default="", help=later("Where it was written."))
def import_(
    errand: Errand,
    paths: tuple[str, ...],
    format_: str,
    account: str | None,
    folder: str,
    only_plan: bool,
    yes: bool,
    mine: tuple[str, ...],
    take: tuple[str, ...],
    only_mine: bool,
    sender: str,
    to: str,
    date: str,
    place: str,
    its_passphrase_file: str | None,
    my_drawer: bool,
    left: bool,
) -> None:
    """Take in archives, one after the other."""
    from dearly.desk.importing import About, Choices, open_archive

    if left:
        _tell_left(errand)
        return

    choices = Choices(mine, frozenset(take), only_mine, About(sender, to, date, place))
    # What cannot be read is said before any passphrase is typed.
    if bool(paths) == (account is not None):
        raise Usage(
            "what_to_import",
            _("Say what is to be taken in: a path, or --account ADDRESS with --folder NAME."),
        )
    sources: list[Archive | tuple[str, str]] = [open_archive(errand.path(path), format_) for path in paths]
    if account is not None:
        sources.append((account, folder))
    told: list[Any] = []
    for archive in sources:
        if not isinstance(archive, tuple) and archive.format in ("bundle", "drawer") and not only_plan:
            word = _its_word(errand, archive, its_passphrase_file)
            done = _run_ours(errand, archive, word, ours=my_drawer, sure=yes)
            told.append(done)
            if not errand.json:
                errand.tell({}, lambda done=done: _done(errand, done))  # type: ignore[misc]  # bound now
            continue
        if only_plan:
            word = None if isinstance(archive, tuple) else _its_word(errand, archive, its_passphrase_file)
            plan = _plan(errand, archive, choices, word)
            told.append(plan)
            if not errand.json:
                errand.tell({}, lambda plan=plan: _planned(errand, plan))  # type: ignore[misc]  # bound now
            continue
        if errand.terminal.in_tty and not yes and not errand.json:
            choices = _agreed(errand, archive, choices)
        done = _run(errand, archive, choices)
        told.append(done)
        if not errand.json:
            errand.tell({}, lambda done=done: _done(errand, done))  # type: ignore[misc]  # bound now
    if errand.json:
        errand.tell(_together(told), "")


async def _opened(desk: Desk, source: Archive | tuple[str, str]) -> Archive:
    from dearly.desk.importing import mail_folder

    return await mail_folder(desk, *source) if isinstance(source, tuple) else source


def _plan(errand: Errand, archive: Archive | tuple[str, str], choices: Choices, passphrase: str | None = None) -> Plan:
    from dearly.desk.importing import plan

    async def look(desk: Desk) -> Plan:
        return await plan(desk, await _opened(desk, archive), choices, tell, passphrase=passphrase)

    with progress(errand.terminal, quiet=errand.json) as tell:
        return errand.with_desk(look, stoppable=True)


def _run(errand: Errand, archive: Archive | tuple[str, str], choices: Choices) -> Done:
    from dearly.desk.importing import run

    async def take_in(desk: Desk) -> Done:
        return await run(desk, await _opened(desk, archive), choices, tell)

    with progress(errand.terminal, quiet=errand.json) as tell:
        return errand.with_desk(take_in, stoppable=True)


def _its_word(errand: Errand, archive: Archive, source: str | None) -> str | None:
    """The passphrase of another drawer, asked for where no file says it; of the keys in a bundle, where a file does."""
    if archive.format not in ("bundle", "drawer"):
        return None
    if source is not None:
        return secret_from(errand, source, _("the passphrase of that drawer"))
    if archive.format == "bundle":
        return None
    return errand.terminal.ask_secret(_("Passphrase of “{place}”: ").format(place=shown(archive.place)))


def _run_ours(errand: Errand, archive: Archive, word: str | None, *, ours: bool, sure: bool) -> Done:
    """A bundle, or another drawer with its own passphrase, is taken as a whole."""
    from dearly.desk.importing import run_ours

    if errand.terminal.in_tty and not sure and not errand.json:
        agree(errand, "", _("Take in everything that is in “{place}”?").format(place=shown(archive.place)))
        if not ours:
            errand.aside(_("Of anybody else’s, all that was written there counts as received."))
            ours = is_yes(errand.terminal.ask(_("Is it your own? Type “yes”: ")))
    with progress(errand.terminal, quiet=errand.json) as tell:
        return errand.with_desk(lambda desk: run_ours(desk, archive, word, tell, ours=ours), stoppable=True)


def _agreed(errand: Errand, archive: Archive | tuple[str, str], choices: Choices) -> Choices:
    """Show the plan, and ask. Raises `Usage` (not_agreed)."""
    plan = _plan(errand, archive, choices)
    if plan.perhaps_mine:
        addresses = ", ".join(map(clean, plan.perhaps_mine))
        errand.aside(_("These addresses seem to be yours, too: {addresses}.").format(addresses=addresses))
        if is_yes(errand.terminal.ask(_("Were they? Type “yes”: "))):
            choices = replace(choices, mine=(*choices.mine, *plan.perhaps_mine))
            plan = _plan(errand, archive, choices)
    errand.terminal.err(_planned(errand, replace(plan, perhaps_mine=())) + "\n")
    agree(errand, "", _("Take them in?"))
    return choices


def _planned(errand: Errand, plan: Plan) -> str:
    """The plan in words."""
    from dearly.desk import importing_words

    page = Lines(errand.terminal)
    would = ngettext(
        "One letter would be taken from “{place}”.", "{n} letters would be taken from “{place}”.", plan.letters
    )
    if not plan.letters:
        would = _("There is nothing new in “{place}”.")
    said = [would.format(n=plan.letters, place=shown(plan.place)), *importing_words.planned(plan)]
    if plan.others:
        others = ngettext(
            "One is neither from you nor to you (--only-mine leaves it out).",
            "{n} are neither from you nor to you (--only-mine leaves them out).",
            plan.others,
        )
        said.append(others.format(n=plan.others))
    blocks = [page.prose(*said)]
    if plan.left_out:
        from dearly.desk.importing import in_words

        blocks.append(_("Left out, because they are no letters:"))
        blocks.append(_list((in_words(reason), str(n)) for reason, n in plan.left_out.items()))
    if plan.people:
        blocks.append(_("With whom:"))
        rows = [(clean(one.name) or clean(one.address), str(one.letters or "")) for one in plan.people[:_MOST_PEOPLE]]
        more = plan.people_in_all - len(rows)
        blocks.append(_list(rows) + (f"\n  {_('and {n} others').format(n=more)}" if more > 0 else ""))
    if plan.perhaps_mine:
        addresses = ", ".join(map(clean, plan.perhaps_mine))
        said_mine = _("These addresses seem to be yours, too: {addresses}.").format(addresses=addresses)
        blocks.append(page.prose(said_mine, _("If so, add --mine ADDRESS for each.")))
    if plan.alike:
        names = ", ".join(clean(one.name) for one in plan.alike[:_MOST_PEOPLE])
        blocks.append(
            page.prose(
                _("Under one name, but with several addresses: {names}.").format(names=names),
                _("They stay apart until you join them with “dearly people merge”."),
            )
        )
    blocks += [page.prose(f"{clean(one.what)}: {one.why}") for one in plan.skipped]
    return "\n\n".join(blocks)


def _done(errand: Errand, done: Done) -> str:
    """What came of it, in words."""
    from dearly.desk import importing_words

    page = Lines(errand.terminal)
    skipped = (page.prose(f"{clean(one.what)}: {one.why}") for one in done.skipped)
    blocks = [page.prose(*importing_words.done(done)), *skipped]
    if done.left_out:
        from dearly.desk.importing import in_words

        blocks.append(_("Left out, because they are no letters:"))
        blocks.append(_list((in_words(reason), str(n)) for reason, n in done.left_out.items()))
    if done.left:
        blocks.append(page.prose(_("“dearly import --left” lists what is kept as it came, with the reasons.")))
    if done.alike:
        pairs = [(clean(one.keep.name), clean(one.other.name)) for one in done.alike[:_MOST_PEOPLE]]
        blocks.append(
            page.prose(
                _("Perhaps the same person twice in your address book:"),
                _("They stay apart until you join them with “dearly people merge”."),
            )
        )
        blocks.append(_list(pairs))
    return "\n\n".join(blocks)


def _tell_left(errand: Errand) -> None:
    """What lies in the drawer as it came, without a letter."""
    from dearly.desk.importing import left

    found = errand.with_desk(left)

    def text() -> str:
        if not found:
            return _("Whatever was taken in could be opened and read.")
        page = Lines(errand.terminal)
        said = page.prose(
            ngettext(
                "One is kept as it came, byte for byte, and leaves with every export.",
                "{n} are kept as they came, byte for byte, and leave with every export.",
                len(found),
            ).format(n=len(found))
        )
        rows = [(str(one.number), clean(one.sender), clean(one.place), one.reason) for one in found]
        return said + "\n\n" + _list(rows)

    errand.tell(many("letters", found), text)


def _list(rows: Any) -> str:
    return "\n".join("  " + line for line in table(rows).splitlines())


def _together(told: list[Any]) -> dict[str, Any]:
    """The figures of all archives together, and what else is known of each."""
    numbers = [_figures(one) for one in told]
    sums = {key: sum(one[key] for one in numbers) for key in numbers[0]}
    archives = [{**plain(one), **({"people": plain(one.people)} if hasattr(one, "people") else {})} for one in told]
    return {**sums, "archives": archives}


def _figures(one: Any) -> dict[str, int]:
    """The figures of the contract: of a plan, what would come of it."""
    if hasattr(one, "letters"):
        return {
            "found": one.found,
            "taken": one.letters,
            "already_here": one.already_here,
            "not_letters": sum(one.left_out.values()) + one.erased,
            "failed": one.failed,
        }
    return {key: getattr(one, key) for key in ("found", "taken", "already_here", "not_letters", "failed")}
