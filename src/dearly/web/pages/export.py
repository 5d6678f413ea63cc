"""Copying everything out of the lock: which formats, where to, what that means; then it runs, and can be stopped."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from starlette.responses import Response

from dearly.desk import exporting
from dearly.desk.app import Progress
from dearly.desk.exporting import Exported, Wish
from dearly.desk.exporting_formats import FORMATS
from dearly.letter.errors import DearlyError, Usage
from dearly.letter.words import _
from dearly.web import paths
from dearly.web.forms import Form
from dearly.web.pages.locked import chosen_passphrase
from dearly.web.pages.work import Begun, begin, going_on, put_aside
from dearly.web.visit import Pages, Visit, told_by

routes = Pages()

FIRST = ("html",)
"""What is ticked at first: the one that anybody can read."""

_WITH_SECRETS = frozenset({"keys", "bundle"})


@dataclass(frozen=True, slots=True)
class Copy(Begun):
    """Copying out. `path`: the folder; `wish`: without any passphrase."""

    page: ClassVar[str] = "/export"
    path: Path
    wish: Wish

    @property
    def title(self) -> str:
        return _("Copying the letters out")

    @property
    def if_stopped(self) -> str:
        return _("Nothing of it will be left in the folder.")


@routes.get("/export")
async def choose(visit: Visit, said: DearlyError | None = None) -> Response:
    """What, and where to; or what came of it."""
    work = visit.desk.work
    begun = work.about
    if said is None and going_on(visit):
        return visit.go("/work")
    copy = begun if isinstance(begun, Copy) else None
    if said is None and copy is not None and isinstance(work.result, Exported):
        pages = paths.shown(copy.path / "html" / "index.html") if "html" in copy.wish.formats else ""
        return visit.show("export-done.html", done=work.result, path=paths.shown(copy.path), pages=pages)
    if visit.request.method == "POST":
        form = await visit.form()
        wish, path = _wish(form), form.text("path")
    else:
        wish, path = (copy.wish, paths.shown(copy.path)) if copy is not None else (Wish(FIRST), "")
    said = said or (work.trouble if copy is not None else None)
    return visit.show(
        "export.html",
        status=400 if said else 200,
        said=said,
        stopped=copy is not None and work.stopped,
        formats=_formats(),
        wish=wish,
        path=path,
    )


@routes.post("/export")
@told_by(choose)
async def ask(visit: Visit) -> Response:
    """Say what leaves the lock, before it does."""
    form = await visit.form()
    wish, path = _checked(_wish(form)), paths.typed(form.text("path"))
    found = await visit.desk.drawer.read(exporting.survey)
    sentences = await asyncio.to_thread(exporting.before, path, wish, found)
    facts = [_as_chosen(sentence) for sentence in sentences]
    return visit.show("export-ask.html", wish=wish, path=path, shown_path=paths.shown(path), sentences=facts)


@routes.post("/export/run")
@told_by(choose)
async def run(visit: Visit) -> Response:
    """Copy it out."""
    form = await visit.form()
    wish, path = _checked(_wish(form)), paths.typed(form.text("path"))
    await asyncio.to_thread(exporting.before, path, wish, exporting.Survey())
    whole = wish
    if wish.secret_under is not None:
        whole = replace(wish, secret_under=chosen_passphrase(form.text("passphrase"), form.text("again")))
    desk = visit.desk

    async def work(progress: Progress) -> Exported:
        return await exporting.export(desk, path, whole, progress)

    return begin(visit, Copy(path, wish), work)


@routes.post("/export/other")
async def other(visit: Visit) -> Response:
    """Put what came of it aside."""
    return put_aside(visit, "/export")


def _wish(form: Form) -> Wish:
    """What was ticked. The passphrase for secret keys is asked for later: until then it is empty."""
    formats = tuple(name for name in FORMATS if name in form.all("format"))
    secret = "" if form.text("secret") == "yes" else None
    return Wish(formats, opened=form.text("opened") == "yes", secret_under=secret)


def _checked(wish: Wish) -> Wish:
    if not wish.formats:
        raise Usage("bad_format", _("No format is ticked."), _("Tick one at the least."))
    if wish.secret_under is not None and not _WITH_SECRETS & set(wish.formats):
        raise Usage(
            "no_secret_keys_there",
            _("Secret keys can only go along with the keys, or in a bundle."),
            _("Tick one of these two, or leave the secret keys here."),
        )
    return wish


def _as_chosen(sentence: str) -> str:
    """A fact about formats, with their names as they were ticked: at the command line they are called as one types
    them."""
    labels = {name: words for name, words, _more in _formats()}
    names, colon, rest = sentence.partition(": ")
    if not colon or not set(names.split(", ")) <= labels.keys():
        return sentence
    return f"{', '.join(labels[name] for name in names.split(', '))}{colon}{rest}"


def _formats() -> list[tuple[str, str, str]]:
    """Name, words, and what it is good for."""
    return [
        ("html", _("Pages for a browser"), _("All letters, with a search of their own. Nothing else is needed.")),
        ("markdown", _("Text files"), _("A letter each, by years, with what was enclosed. Any editor reads them.")),
        ("bundle", _("A bundle for Dearly"), _("Everything in one file, to be taken in by another desk.")),
        ("maildir", _("Maildir"), _("For mail programs: byte for byte as the letters came and went.")),
        ("mbox", _("mbox"), _("The same in two files, which most mail programs read.")),
        ("vcard", _("The address book"), _("As vCard, for telephones and mail programs.")),
        ("cmif", _("Who wrote to whom, and when"), _("As CMIF (TEI), for archives and research. Without texts.")),
        ("keys", _("Everybody’s keys"), _("Your certificates and those of the others.")),
    ]
