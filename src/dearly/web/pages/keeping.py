"""Keeping: the passphrase, the recovery kit, backups, and a look whether all is as it was written."""

from __future__ import annotations

from starlette.responses import Response, StreamingResponse

from dearly.desk import checking, keep
from dearly.letter.errors import DearlyError, Refused, Usage
from dearly.letter.words import _
from dearly.web.once import Once
from dearly.web.pages.locked import chosen_passphrase
from dearly.web.visit import Pages, Visit

routes = Pages()

LARGEST_CHECKED = 90 << 20
"""Octets of a backup that the browser can bring back to be looked at. Larger ones the command line opens."""


@routes.get("/settings/passphrase")
async def passphrase(visit: Visit) -> Response:
    """Room for the old one and the new one."""
    return visit.show("settings-passphrase.html", changed=False)


@routes.post("/settings/passphrase")
async def change(visit: Visit) -> Response:
    """Let another passphrase open the drawer."""
    form = await visit.form()
    async with visit.face.threshold.passphrases as patience:
        try:
            new = chosen_passphrase(form.text("passphrase"), form.text("again"))
            await keep.lock_change(visit.desk, form.text("old"), new)
        except DearlyError as error:
            if error.code == "wrong_passphrase":
                patience.wrong()
                error = Usage("wrong_passphrase", _("That is not the passphrase that opens the desk now."))
            return visit.show("settings-passphrase.html", status=400, said=error, changed=False)
        patience.right()
    return visit.show("settings-passphrase.html", changed=True)


@routes.get("/settings/kit")
async def ask_for_kit(visit: Visit) -> Response:
    """The kit wants the passphrase once more."""
    return visit.show("settings-kit.html", sheet=None)


@routes.post("/settings/kit")
async def kit(visit: Visit) -> Response:
    """The sheet, to be printed; it is shown once, and kept nowhere."""
    form = await visit.form()
    async with visit.face.threshold.passphrases as patience:
        try:
            sheet = await keep.sheet(visit.desk, form.text("passphrase"))
        except DearlyError as error:
            if error.code == "wrong_passphrase":
                patience.wrong()
                error = Usage("wrong_passphrase", _("That is not the passphrase that opens the desk."))
            return visit.show("settings-kit.html", status=400, said=error, sheet=None)
        patience.right()
    return Once(visit.show("settings-kit.html", sheet=sheet).body)


@routes.post("/settings/backup")
async def backup(visit: Visit) -> Response:
    """Everything in one locked file, to the browser's downloads."""
    copy = await keep.copy_out(visit.desk)
    headers = {"content-disposition": f'attachment; filename="{copy.name}"', "content-length": str(copy.size)}
    return StreamingResponse(copy.pieces(), media_type="application/octet-stream", headers=headers)


@routes.get("/settings/backup/check")
async def ask_for_backup(visit: Visit) -> Response:
    """Bring a backup to be opened."""
    return visit.show("settings-backup.html", made=None)


@routes.post("/settings/backup/check", body=LARGEST_CHECKED)
async def check_backup(visit: Visit) -> Response:
    """Open it fully, say whether it is whole, and throw the copy away."""
    try:
        form = await visit.form()
        file = form.file("backup")
        if file is None:
            raise Usage("no_backup", _("No backup was chosen."), _("Choose the file that you keep."))
        made = await keep.check_copy(visit.desk, file.data, form.text("passphrase"))
    except DearlyError as error:
        if error.code == "wrong_passphrase":
            error = Usage(
                "wrong_passphrase",
                _("That passphrase does not open this backup."),
                _("A backup keeps the passphrase of the day it was made."),
            )
        elif error.code == "too_large":
            error = Refused(
                "too_large",
                _("This backup is too large to be looked at in the browser."),
                _("At the command line: dearly backup FILE --verify"),
            )
        return visit.show("settings-backup.html", status=400, said=error, made=None)
    return visit.show("settings-backup.html", made=made)


@routes.post("/settings/check")
async def check(visit: Visit) -> Response:
    """Look at every page of the drawer, and at the limits of the processes that open letters."""
    found = await checking.check(visit.desk, lambda _what, _done, _total: None)
    return visit.show("settings-check.html", found=found, whole=all(one.ok for one in found))
