"""What works at an IMAP server, in words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING

from dearly.carriers.base import Check
from dearly.carriers.mail import imaplook
from dearly.carriers.mail.imapvalues import INBOX
from dearly.letter.account import Security, Server
from dearly.letter.errors import DearlyError
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.carriers.mail.imapcollect import Asks
    from dearly.carriers.mail.imapline import Line

_STEPS = {"mail_unreachable": 0, "mail_answer": 0, "server_untrusted": 1, "no_encryption": 1, "bad_ca_file": 1}
"""At which step a trouble shows; at signing in, where it is none of these."""


async def check(
    server: Server, folder: str, act: Callable[[], AbstractAsyncContextManager[None]], ask: Asks
) -> list[Check]:
    """Reached, secured, signed in, the letterbox, a folder of our own, where copies of what left lie."""
    reached = Check(
        "incoming.reached", True, _("{host} answers at port {port}.").format(host=server.host, port=server.port)
    )
    if server.security is Security.PLAIN:
        words = _("The line to {host} is not encrypted; it does not leave this machine.")
    else:
        words = _("The line to {host} is encrypted, and its certificate is good.")
    done = [reached, Check("incoming.secured", True, words.format(host=server.host))]
    done.append(Check("incoming.sign_in", True, _("{user} can sign in.").format(user=server.user)))
    try:
        async with act():
            await ask(lambda line: line.can("MOVE"))
    except DearlyError as trouble:
        step = _STEPS.get(trouble.code, 2)
        return [*done[:step], Check(done[step].what, False, trouble.told)]
    try:
        async with act():
            return done + await ask(lambda line: _inside(line, folder))
    except DearlyError as trouble:
        return [*done, Check("incoming.letterbox", False, trouble.told)]


def _inside(line: Line, folder: str) -> list[Check]:
    line.examine(INBOX)
    found = [Check("incoming.letterbox", True, _("The inbox can be read; nothing in it is changed."))]
    if folder:
        if line.can("MOVE"):
            words = _("What was taken in is moved to the folder “{folder}”.")
        elif line.can("UIDPLUS"):
            words = _("What was taken in is copied to the folder “{folder}”, and then taken out of the inbox.")
        else:
            words = _(
                "What was taken in is copied to the folder “{folder}”. It stays in the inbox too: this server knows"
                " no way to take out one message alone."
            )
        found.append(Check("incoming.folder", True, words.format(folder=folder)))
    sent = imaplook.sent_folder(line)
    if sent is None:
        words = _("There is no folder of letters that left, so proof that one did is looked for in the inbox alone.")
    else:
        words = _("Proof that a letter left is looked for in the inbox and in “{folder}”.").format(folder=sent)
    return [*found, Check("incoming.sent", True, words)]
