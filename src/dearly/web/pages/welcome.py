"""The first day: a name, a passphrase, the kit, a post; each a short page that can be left and come back to.

The drawer is made as soon as there is a name and a passphrase: from then on everything lies in it, and one may sit
down and write, whatever else is still to be done.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.responses import Response

from dearly.desk import first, setup
from dearly.desk.keeper import State
from dearly.letter.address import header_safe
from dearly.letter.errors import DearlyError, Usage
from dearly.letter.words import _
from dearly.web.pages.locked import chosen_passphrase, note_proof, proved_lately
from dearly.web.sessions import Seat
from dearly.web.visit import Pages, Visit, way_in

routes = Pages()

_BODY = 64 << 10


@routes.get("/welcome", seat=Seat.LAUNCHED)
async def welcome(visit: Visit) -> Response:
    """Name and passphrase."""
    return _begin(visit) or visit.show("welcome.html", **_empty())


def _begin(visit: Visit) -> Response | None:
    """Where to go instead, when there is a drawer already."""
    if visit.keeper.state is State.NONE:
        return None
    return visit.go("/" if visit.seated else way_in(visit))


def _empty() -> dict[str, Any]:
    return {"name": "", "place": "", "words": "", "weak": False}


@routes.post("/welcome", seat=Seat.LAUNCHED, body=_BODY)
async def begin(visit: Visit) -> Response:
    """Make the drawer."""
    if (elsewhere := _begin(visit)) is not None:
        return elsewhere
    form = await visit.form()
    name, place, word = form.text("name"), form.text("place"), form.text("passphrase")
    given = {**_empty(), "name": name, "place": place}
    try:
        if not header_safe(name, _("name")).strip():
            raise Usage("empty_name", _("The name is empty."), _("It stands on every envelope that you send."))
        header_safe(place, _("place"))
        chosen_passphrase(word, form.text("again"))
        strength = first.strength(word, name, place)
        if strength is first.Strength.WEAK and not form.text("weak"):
            # Said once; whoever types it again has decided.
            said = Usage("passphrase_weak", _STRENGTHS[strength](), _("Choose another one, or type this one again."))
            return visit.show("welcome.html", status=400, said=said, **{**given, "weak": True})
        await visit.keeper.create(name, word)
    except DearlyError as trouble:
        return visit.show("welcome.html", status=400, said=trouble, **given)
    visit.begin(Seat.DESK)
    note_proof(visit)
    await first.begin(visit.desk, place)
    return visit.carry(visit.go("/welcome/kit"))


_STRENGTHS: dict[first.Strength, Callable[[], str]] = {
    first.Strength.EMPTY: lambda: "",
    first.Strength.SHORT: lambda: _("Not long enough yet."),
    first.Strength.WEAK: lambda: _(
        "Somebody who has a copy of the drawer could guess this one, within days or even minutes."
    ),
    first.Strength.FAIR: lambda: _("Guessing this one would take years. One word more, and nobody will."),
    first.Strength.GOOD: lambda: _("Nobody will guess this one."),
}


@routes.post("/welcome/strength", seat=Seat.ANYONE, body=_BODY)
async def strength(visit: Visit) -> Response:
    """What a passphrase is worth, in words, while it is typed."""
    said = await visit.json()
    found = first.strength(*(str(said.get(key, ""))[:500] for key in ("passphrase", "name", "place")))
    return visit.reply({"words": _STRENGTHS[found]()})


@routes.get("/welcome/back", seat=Seat.LAUNCHED)
async def back(visit: Visit) -> Response:
    """For whoever has a backup or a kit of a drawer that was elsewhere."""
    return _begin(visit) or visit.show("welcome-back.html", folder=visit.keeper.folder, file="")


@routes.post("/welcome/back", seat=Seat.LAUNCHED, body=_BODY)
async def bring_back(visit: Visit) -> Response:
    """Make the drawer from a backup that lies on this machine."""
    if (elsewhere := _begin(visit)) is not None:
        return elsewhere
    form = await visit.form()
    file = form.text("file").strip().removeprefix("file://").strip("'\"")
    async with visit.face.threshold.passphrases as patience:
        try:
            if not Path(file).is_absolute():
                raise Usage("not_a_whole_name", _("The name of the file begins with a slash."), "")
            await visit.keeper.restore(Path(file), form.text("passphrase"))
        except DearlyError as trouble:
            if trouble.code == "wrong_passphrase":
                patience.wrong()
            return visit.show("welcome-back.html", status=400, folder=visit.keeper.folder, file=file, said=trouble)
        patience.right()
    return visit.seat(visit.go("/"), Seat.DESK)


@routes.get("/welcome/kit")
async def kit(visit: Visit) -> Response:
    """The recovery kit, once."""
    if first.KIT not in await first.to_do(visit.desk):
        return visit.go(await _next(visit))
    if not proved_lately(visit):
        return visit.go("/welcome/post")
    return visit.show("welcome-kit.html", sheet=await first.kit_sheet(visit.desk))


@routes.post("/welcome/kit/file")
async def kit_file(visit: Visit) -> Response:
    """The same as a file, as long as the sheet itself is shown: one is told where it belongs."""
    if first.KIT not in await first.to_do(visit.desk) or not proved_lately(visit):
        return visit.go("/settings")
    text = await first.kit_text(visit.desk)
    headers = {"content-disposition": 'attachment; filename="dearly-recovery-kit.txt"'}
    return Response(text.encode(), media_type="text/plain; charset=utf-8", headers=headers)


@routes.post("/welcome/kit")
async def kit_done(visit: Visit) -> Response:
    """It is on paper, or is to be printed another day."""
    await first.done(visit.desk, first.KIT)
    return visit.go(await _next(visit))


@routes.get("/welcome/post")
async def post(visit: Visit) -> Response:
    """By which post letters are to go."""
    if first.POST not in await first.to_do(visit.desk):
        return visit.go("/")
    return visit.show("welcome-post.html", **_no_post())


def _no_post() -> dict[str, Any]:
    return {"chosen": "local", "url": "", "invitation": ""}


@routes.post("/welcome/post", body=1 << 20)
async def join(visit: Visit) -> Response:
    """Join it, and sit down."""
    form = await visit.form()
    chosen, url, invitation = form.text("post"), form.text("url").strip(), form.text("invitation").strip()
    if chosen == "local" and "#invite=" in url:
        chosen = "office"  # who pastes an invitation means it, whichever choice still stands
    try:
        if chosen == "local":
            await setup.join_local_office(visit.desk)
        elif chosen == "office":
            authority = form.file("ca")
            await setup.join_by_invitation(visit.desk, url, invitation, authority.data if authority else b"")
        elif chosen == "hand":
            await setup.without_post(visit.desk)
    except DearlyError as trouble:
        values = {"chosen": chosen, "url": url, "invitation": invitation}
        return visit.show("welcome-post.html", status=400, said=trouble, **values)
    await first.done(visit.desk, first.POST)
    return visit.go("/settings/mail" if chosen == "mail" else "/")


async def _next(visit: Visit) -> str:
    steps = await first.to_do(visit.desk)
    return f"/welcome/{steps[0]}" if steps else "/"
