"""Writing a letter anew that did not get there: a new page with its words, to another address."""

from __future__ import annotations

from starlette.responses import Response

from dearly.desk import anew as verbs
from dearly.desk import person
from dearly.desk.anew import Elsewhere
from dearly.desk.person import AddressKind, AddressWish
from dearly.letter.errors import DearlyError, Usage
from dearly.letter.words import _
from dearly.web.forms import Form
from dearly.web.visit import Pages, Visit

routes = Pages()

NEW = "new"
NOT_TO_THEM = "none"


@routes.get("/posted/{number:int}/anew")
async def choose(visit: Visit, number: int) -> Response:
    """To which address of theirs."""
    return await _show(visit, number, {})


@routes.post("/posted/{number:int}/anew")
async def write(visit: Visit, number: int) -> Response:
    """Begin the page."""
    form = await visit.form()
    wanted = {name: value for name, value in form.fields if isinstance(value, str)}
    try:
        to = [await _address(visit, form, one) for one in await verbs.elsewhere(visit.desk, number)]
        page = await verbs.anew(visit.desk, number, [where for where in to if where])
    except DearlyError as said:
        return await _show(visit, number, wanted, said)
    return visit.go(f"/page/{page.number}")


async def _address(visit: Visit, form: Form, one: Elsewhere) -> str:
    """The address that was chosen for one of them, put into the address book where it is new; "" for none."""
    chosen = form.text(f"to {one.address}", NEW)
    if chosen == NOT_TO_THEM:
        return ""
    if chosen in one.others:
        return chosen
    typed = form.text(f"new {one.address}").strip()
    if not typed:
        raise Usage(
            "no_address",
            _("No other address of {name} is named.").format(name=one.name or one.address),
            _("Write it into the field, or choose one that is known."),
        )
    if one.uid and typed.casefold() not in {where.casefold() for where in (one.address, *one.others)}:
        await person.add_address(visit.desk, one.uid, AddressWish(AddressKind.EMAIL, typed))
    return typed


async def _show(visit: Visit, number: int, wanted: dict[str, str], said: DearlyError | None = None) -> Response:
    return visit.show(
        "anew.html",
        status=200 if said is None else 409,
        said=said,
        number=number,
        readers=await verbs.elsewhere(visit.desk, number),
        wanted=wanted,
    )
