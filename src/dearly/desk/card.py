"""Act 11: the card that one gives to others, as a file, as a picture with a code, and as words read aloud.

The file holds the whole key. A code of squares cannot: with its ML-KEM subkey a key is about 2,400 characters, and a
code of that size is hard to photograph. So the code holds the same card with the short form of the same key (same
fingerprint, same signatures, without the ML-KEM subkey): letters can be sealed to it at once, every telephone knows it
for a card, and the whole key comes by itself with the first letter.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field

import segno

from dearly.desk import keys, people, setup
from dearly.desk.desk import Desk
from dearly.desk.values import MyCard, PersonView
from dearly.drawer import accounts, keyring
from dearly.drawer.connection import Db
from dearly.exchange import vcard
from dearly.letter.envelope import Way
from dearly.letter.errors import Usage
from dearly.letter.words import _
from dearly.seal.keys import OwnKey

_LARGEST_VERSION = 30
"""Of a code (ISO/IEC 18004): 137 squares a side. Beyond that telephones of today often fail."""


@dataclass(frozen=True, slots=True)
class CallingCard:
    """One's own card in all its forms. `words`: of the key. `code`: the text in the code; None where it does not fit,
    for somebody with very many addresses."""

    card: MyCard
    words: tuple[str, ...]
    code: str | None = field(repr=False)


async def calling_card(desk: Desk) -> CallingCard:
    """The card. Raises `NotFound` (no_own_key) before set-up."""
    card = await setup.my_card(desk)

    def read(db: Db) -> tuple[bytes, str | None]:
        urls = [account.details["url"] for account in accounts.list_all(db) if account.way is Way.OFFICE]
        return keyring.own_key(db).secret, next((url for url in urls if url.startswith("http")), None)

    secret, url = await desk.drawer.read(read)
    short = OwnKey.from_bytes(secret).plain_certificate
    text = vcard.write_card(card.name, card.addresses, short, url)
    return CallingCard(card, await keys.words_of(card.fingerprint), text if _code(text) else None)


def code_svg(text: str) -> str:
    """A code as one SVG element to stand in a page: dark on light in any theme, no style, no size of its own."""
    code = _code(text)
    assert code is not None
    return str(code.svg_inline(omitsize=True, border=3, dark="#000", light="#fff", svgclass="squares", lineclass=None))


def code_png(text: str) -> bytes:
    """A code as a picture to be sent."""
    code = _code(text)
    assert code is not None
    out = io.BytesIO()
    code.save(out, kind="png", scale=8, border=4)
    return out.getvalue()


def _code(text: str) -> segno.QRCode | None:
    for level in ("m", "l"):
        try:
            code = segno.make_qr(text, error=level, encoding="utf-8", boost_error=False)
        except segno.DataOverflowError:
            continue
        if int(code.version) <= _LARGEST_VERSION:
            return code
    return None


async def add_from_picture(desk: Desk, picture: bytes, name: str = "") -> PersonView:
    """Put somebody into the address book by a picture of the code on their card. `name` as for `people.add`.

    Raises `Usage` (no_code, no_card_in_code, and as `people.add`), `Refused` (not_a_picture, ...)."""
    for text in await desk.opener.read_codes(picture):
        if text.lstrip("\ufeff \r\n").upper().startswith("BEGIN:VCARD"):
            return await people.add(desk, name, vcard=text.encode())
    raise Usage(
        "no_card_in_code",
        _("The code in this picture is not a card."),
        _("The code on a card of Dearly is at the bottom of its page “Your card”."),
    )
