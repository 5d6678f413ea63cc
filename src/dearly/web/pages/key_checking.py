"""Keys of others: reading words to each other, and deciding for a key or against it."""

from __future__ import annotations

from starlette.responses import Response

from dearly.desk import keys
from dearly.desk.person import KeyEntry, Whole
from dearly.letter.errors import DearlyError, NotFound, Usage
from dearly.letter.words import _
from dearly.web import key_words
from dearly.web.pages.people import beside_list, whole
from dearly.web.visit import Pages, Visit

routes = Pages()


@routes.get("/people/{uid}/check/{fingerprint}")
async def check(visit: Visit, uid: str, fingerprint: str) -> Response:
    """The words of both keys, side by side."""
    who = await whole(visit, uid)
    return await _checking(visit, who, _key(who, fingerprint))


@routes.post("/people/{uid}/check/{fingerprint}")
async def checked(visit: Visit, uid: str, fingerprint: str) -> Response:
    """What came of it."""
    who, form = await whole(visit, uid), await visit.form()
    key = _key(who, fingerprint)
    try:
        match form.text("words"):
            case "same":
                await keys.pin(visit.desk, who.uid, key.fingerprint, verified=True, where=form.text("where"))
            case "different":
                held = await keys.set_aside(visit.desk, who.uid, key.fingerprint)
                return await beside_list(visit, "key-different.html", who=who, held=len(held))
            case "later":
                pass
            case _:
                raise Usage("no_choice", _("Nothing was chosen."), _("Say whether the words were the same."))
    except DearlyError as error:
        return await _checking(visit, who, key, error)
    return visit.go(f"/people/{who.uid}")


@routes.post("/people/{uid}/key/{fingerprint}")
async def decide(visit: Visit, uid: str, fingerprint: str) -> Response:
    """Take a key into use without comparing words, or set it aside."""
    who, form = await whole(visit, uid), await visit.form()
    key = _key(who, fingerprint)
    match form.text("act"):
        case "use":
            await keys.pin(visit.desk, who.uid, key.fingerprint, verified=False)
        case "leave":
            await keys.set_aside(visit.desk, who.uid, key.fingerprint)
    return visit.go(f"/people/{who.uid}")


async def _checking(visit: Visit, who: Whole, key: KeyEntry, said: DearlyError | None = None) -> Response:
    return await beside_list(
        visit,
        "key-check.html",
        status=400 if said else 200,
        said=said,
        who=who,
        key=key,
        shown_key=key_words.of(who, key, visit.dates),
        theirs=await keys.words_of(key.fingerprint),
        ours=await keys.own_words(visit.desk),
        groups_of_four=key_words.in_groups,
    )


def _key(who: Whole, fingerprint: str) -> KeyEntry:
    found = next((key for key in who.keys if key.fingerprint == fingerprint), None)
    if found is None:
        raise NotFound("unknown_key", _("No such key of {name} is known.").format(name=who.name))
    return found
