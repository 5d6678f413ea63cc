"""Taking in a folder of a mail account: which account, which of its folders. It is only read; nothing there is changed.

The account is one of this desk, or one that is only lent for this: its password stays in memory until the work with it
is put aside or the drawer is closed, or for some minutes where no folder is chosen, and is never written down, nor sent
back to a page.
"""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from dearly.desk import account as accounts
from dearly.desk import importing
from dearly.desk.importing import Lent
from dearly.letter.account import MailAccount, Protocol
from dearly.letter.errors import DearlyError, NotFound, Usage
from dearly.letter.words import _
from dearly.web.forms import Form
from dearly.web.import_sources import Mailbox
from dearly.web.pages.archive import begin_look
from dearly.web.visit import Pages, Visit, told_by

routes = Pages()

FORGOTTEN_AFTER = 600.0
"""Seconds for which it is known which account was asked, where no folder of it is chosen."""

_KEPT = "archive_mailbox"
OTHER = "other"
_TYPED = ("address", "server", "user")
_WRONG = {
    "bad_address": "address",
    "not_a_mail_address": "address",
    "account_here": "address",
    "no_server": "server",
    "bad_server": "server",
    "mail_unreachable": "server",
    "no_secret": "password",
    "sign_in_refused": "password",
}
"""Which field an error speaks of."""


@routes.get("/import/mailbox")
async def choose(visit: Visit, said: DearlyError | None = None) -> Response:
    """Which account."""
    found = [one.address for one in await accounts.list_all(visit.desk) if one.incoming.startswith("imap ")]
    form = await visit.form() if visit.request.method == "POST" else None
    chosen = form.text("account") if form is not None else found[0] if found else OTHER
    return visit.show(
        "import-mailbox.html",
        status=400 if said else 200,
        said=said,
        accounts=found,
        chosen=chosen,
        wrong=_WRONG.get(said.code, "") if said and chosen in ("", OTHER) else "",
        given={name: form.text(name) if form is not None else "" for name in _TYPED},
    )


@routes.post("/import/mailbox")
@told_by(choose)
async def ask(visit: Visit) -> Response:
    """Ask the server which folders there are."""
    form = await visit.form()
    whose = _lent(form) if form.text("account") in ("", OTHER) else form.text("account")
    folders = await importing.shelves(visit.desk, whose)
    _keep(visit, whose)
    return _folders(visit, whose, folders)


@routes.post("/import/mailbox/look")
@told_by(choose)
async def look(visit: Visit) -> Response:
    """Look through one of them: its headers."""
    opening, whose = visit.face.extra.get(_KEPT, (0, None))
    if whose is None or opening != visit.keeper.opening:
        raise NotFound("nothing_planned", _("No account was asked just now."), _("Choose one first."))
    folder = (await visit.form()).text("folder")
    if not folder:
        raise Usage("no_folder", _("No folder is chosen."), _("Choose one of those that there are."))
    answer = begin_look(visit, Mailbox(whose, folder))
    visit.face.extra.pop(_KEPT, None)
    return answer


def _folders(visit: Visit, whose: str | Lent, folders: list[str]) -> Response:
    return visit.show("import-folders.html", address=Mailbox(whose, "").address, folders=folders)


def _keep(visit: Visit, whose: str | Lent) -> None:
    """Which account it was, for a while, and only as long as the desk is open as it is now."""
    extra, kept = visit.face.extra, (visit.keeper.opening, whose)
    extra[_KEPT] = kept

    def forget() -> None:
        if extra.get(_KEPT) is kept:
            del extra[_KEPT]

    asyncio.get_running_loop().call_later(FORGOTTEN_AFTER, forget)


def _lent(form: Form) -> Lent:
    """An account that is only lent. Raises `Usage`."""
    address = accounts.mail_address(form.text("address").strip())
    text, user = form.text("server").strip(), form.text("user").strip() or str(address)
    if not text:
        raise Usage("no_server", _("No server is named."), _("Its help pages name the server for IMAP."))
    server = accounts.stated(Protocol.IMAP, text, None, user)
    password = form.text("password")
    if not password:
        raise Usage("no_secret", _("There is no password."), _("Give the one by which other programs sign in there."))
    return Lent(MailAccount(address, server, None), password)
