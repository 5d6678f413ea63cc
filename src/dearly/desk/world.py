"""Letters to e-mail addresses by an office that hands them on: whether ours does, and what a writer has to know."""

from __future__ import annotations

from collections.abc import Sequence

from dearly.carriers.base import Posts, Relays
from dearly.desk.desk import Desk
from dearly.drawer import accounts
from dearly.letter.envelope import Way
from dearly.letter.errors import CarrierTrouble
from dearly.letter.words import _

_DETAIL = "world"


def hands_on(served: Sequence[accounts.Account]) -> accounts.Account | None:
    """The first account of ours at an office that hands letters on to e-mail addresses, as far as it has told us."""
    return next((one for one in served if one.way is Way.OFFICE and one.details.get(_DETAIL)), None)


async def note(desk: Desk, account: accounts.Account, office: Posts) -> None:
    """Keep what this office says of itself; what it does not say now stays as it was."""
    if not isinstance(office, Relays):
        return
    try:
        host = await office.relays()
    except CarrierTrouble:
        return
    if host != account.details.get(_DETAIL, ""):
        others = {name: value for name, value in account.details.items() if name != _DETAIL}
        details = others | ({_DETAIL: host} if host else {})
        await desk.drawer.write(lambda db: accounts.keep_details(db, account, details))
        if host:
            told = _("Your office hands letters on to e-mail addresses now, by the mail server {host}.").format(
                host=host
            )
            desk.notices.append(f"{told} {in_words()}")


def in_words() -> str:
    """What is said before a letter goes that way."""
    return _(
        "To an e-mail address it goes by your office and the mail server that the office uses; both see from whom it"
        " comes, to whom it goes, and when. No answer comes back that way, and once that server has taken it, nobody"
        " tells you if it fails later on."
    )
