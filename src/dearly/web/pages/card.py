"""One's own card: as a file, as a picture with a code, on paper, and as words."""

from __future__ import annotations

import re

from starlette.responses import Response

from dearly.desk import card as cards
from dearly.desk.card import CallingCard
from dearly.letter.errors import NotFound
from dearly.letter.words import _
from dearly.web import key_words
from dearly.web.visit import Pages, Visit

routes = Pages()


@routes.get("/card")
async def card(visit: Visit) -> Response:
    """The card as it is given to others."""
    try:
        own = await cards.calling_card(visit.desk)
    except NotFound:
        return visit.show("card.html", own=None, code="", fingerprint="")
    return visit.show(
        "card.html",
        own=own,
        code=cards.code_svg(own.code) if own.code else "",
        fingerprint=key_words.in_groups(own.card.fingerprint),
    )


@routes.get("/card/file")
async def file(visit: Visit) -> Response:
    """The card as a .vcf, with the whole key."""
    own = await cards.calling_card(visit.desk)
    return _attachment(own.card.vcard.encode(), "text/vcard; charset=utf-8", f"{_file_name(own)}.vcf")


@routes.get("/card/picture")
async def picture(visit: Visit) -> Response:
    """The code of the card as a picture, to be sent."""
    own = await cards.calling_card(visit.desk)
    if own.code is None:
        raise NotFound("no_code", _("Your card is too long for a code."), _("Give it as a file."))
    return _attachment(cards.code_png(own.code), "image/png", f"{_file_name(own)}.png")


def _file_name(own: CallingCard) -> str:
    """The part of the first address before the @, which is plain already."""
    local = own.card.addresses[0].partition("@")[0] if own.card.addresses else ""
    return re.sub(r"[^a-z0-9.-]", "", local.lower()).strip(".-")[:40] or "card"


def _attachment(data: bytes, media_type: str, name: str) -> Response:
    return Response(data, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}"'})
