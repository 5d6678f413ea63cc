"""What an import would come to, and what it came to, in the sentences of the desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dearly.desk.importing import Done, Plan, Someone
from dearly.letter.address import clean
from dearly.letter.words import _, ngettext

NO_MAIL = frozenset({"bundle", "text", "scan", "scans"})
"""Formats whose plan cannot tell which letters are from us."""

_MOST_SENDERS = 10

Counted = tuple[int, Callable[[int], str]]


def planned(plan: Plan) -> list[str]:
    """The plan, but for what is left out and who they are."""
    said = []
    if plan.going_on:
        said.append(_("It was begun before, and goes on where it stopped."))
    if plan.anew:
        said.append(
            _(
                "It was begun before with other choices, and is gone through from its beginning: nothing is taken"
                " twice, and what was taken in then stays."
            )
        )
    if plan.refiled:
        said.append(
            ngettext(
                "One letter that lies here as received is from an address that you name as yours; it is filed as sent.",
                "{n} letters that lie here as received are from addresses that you name as yours;"
                " they are filed as sent.",
                plan.refiled,
            ).format(n=plan.refiled)
        )
    if plan.letters and plan.format not in NO_MAIL:
        both = _("{sent} of them are from you, {received} came.")
        none = _("None of them is from you, as far as the desk knows your addresses.")
        said.append((both if plan.sent else none).format(sent=plan.sent, received=plan.letters - plan.sent))
    if plan.by_sender:
        n = sum(one.letters for one in plan.by_sender)
        said.append(
            ngettext(
                "One counts as sent only because it names you as its sender: {addresses}.",
                "{n} count as sent only because they name you as their sender: {addresses}.",
                n,
            ).format(n=n, addresses=_senders(plan.by_sender))
        )
    if len(plan.years) > 1:
        said.append(_("They are of the years {first} to {last}.").format(first=min(plan.years), last=max(plan.years)))
    elif plan.years:
        said.append(_("They are of the year {year}.").format(year=min(plan.years)))
    return said + _each(
        (
            (plan.already_here, lambda n: ngettext("One is here already.", "{n} are here already.", n)),
            (
                plan.erased,
                lambda n: ngettext(
                    "One was erased here and does not come back.", "{n} were erased here and do not come back.", n
                ),
            ),
            (
                plan.sealed,
                lambda n: ngettext(
                    "One is sealed; it is kept unopened where its key is not here.",
                    "{n} are sealed; they are kept unopened where their keys are not here.",
                    n,
                ),
            ),
            (
                plan.unsaid,
                lambda n: ngettext(
                    "One does not say whose it is, or of when; you are asked for that.",
                    "{n} do not say whose they are, or of when; you are asked for that.",
                    n,
                ),
            ),
            (plan.failed, lambda n: ngettext("One cannot be read.", "{n} cannot be read.", n)),
        )
    )


def _senders(named: Sequence[Someone]) -> str:
    """Addresses, each with how many letters are from it."""
    shown = ", ".join(f"{clean(one.address)} ({one.letters})" for one in named[:_MOST_SENDERS])
    return f"{shown}, …" if len(named) > _MOST_SENDERS else shown


def done(came: Done) -> list[str]:
    """What came of it; the last sentence may lead to `came.skipped`."""
    taken = ngettext("One letter was taken in.", "{n} letters were taken in.", came.taken)
    said = [taken.format(n=came.taken) if came.taken else _("No letter was taken in.")]
    return said + _each(
        (
            (came.already_here, lambda n: ngettext("One was here already.", "{n} were here already.", n)),
            (
                came.refiled,
                lambda n: ngettext(
                    "One that lay here as received is filed as sent now.",
                    "{n} that lay here as received are filed as sent now.",
                    n,
                ),
            ),
            (
                came.locked,
                lambda n: ngettext(
                    "One is sealed, and kept unopened: its key is not here.",
                    "{n} are sealed, and kept unopened: their keys are not here.",
                    n,
                ),
            ),
            (
                max(0, came.failed - came.locked - came.missed),
                lambda n: ngettext(
                    "One could not be read, and is kept as it is.",
                    "{n} could not be read, and are kept as they are.",
                    n,
                ),
            ),
            (
                came.erased,
                lambda n: ngettext(
                    "One was erased here and did not come back.", "{n} were erased here and did not come back.", n
                ),
            ),
            (
                came.missed,
                lambda n: ngettext(
                    "One could not be taken, and stays where it lies:",
                    "{n} could not be taken, and stay where they lie:",
                    n,
                ),
            ),
        )
    )


def _each(counted: Sequence[Counted]) -> list[str]:
    return [say(n).format(n=n) for n, say in counted if n]
