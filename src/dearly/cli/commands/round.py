"""`round`: collecting the outbox and looking into the letterbox."""

from __future__ import annotations

from dearly.cli.as_text import Page
from dearly.cli.command import command, option
from dearly.cli.errand import Errand
from dearly.cli.names import later
from dearly.desk.values import RoundReport
from dearly.letter.errors import Exit


@command(
    "round",
    later(
        """Collect the outbox and look into the letterbox, now.

        An open drawer makes its rounds by itself, at a few set hours of the day. With --watch this command stays and
        tells of each of them, until you end it with Ctrl-C."""
    ),
    "dearly round",
)
@option("--watch", is_flag=True, help=later("Stay, and tell of every round."))
def round(errand: Errand, watch: bool) -> int:  # noqa: A001 (the command's name)
    """Make a round. What did not work is told in the report, and by the exit code."""
    from dearly.desk import rounds as verbs

    page = Page(errand.terminal)

    def each(report: RoundReport) -> None:
        errand.tell(report, lambda: page.round(report))

    if watch:
        errand.with_desk(lambda desk: verbs.watch(desk, each), stoppable=True)
        return Exit.DONE
    report = errand.with_desk(verbs.make_round)
    each(report)
    return Exit.CARRIER if report.troubles else Exit.DONE
