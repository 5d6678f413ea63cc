"""Becoming a member of an office: an invitation for an account (POST /join, docs/office.md).

The token is made here and not by the office: who keeps it before asking may ask again after a lost answer, with the
same invitation and the same token, and comes to the same account (F05 for joining).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import urljoin

from dearly.carriers.jmap.line import WELL_KNOWN, Cut, Line, NotDone
from dearly.carriers.jmap.session import mapping, text
from dearly.letter.address import Address
from dearly.letter.errors import CarrierTrouble, DearlyError, Refused, Usage
from dearly.letter.words import _


@dataclass(frozen=True, slots=True)
class Membership:
    """What an office gave: the address there, and the `url` that `JmapCarrier` wants."""

    address: Address
    url: str


def new_token() -> str:
    """A bearer token of 256 bits from the machine's own source for keys. To be kept in the drawer before joining."""
    return secrets.token_urlsafe(32)


async def join(url: str, invitation: str, token: str, *, name: str | None = None, ca: str | None = None) -> Membership:
    """Use an invitation. `name`: what stands before the @, when one wants to be sure.

    Raises `Usage` as `JmapCarrier` does; `Refused` (no_invitation, invitation_used, invitation_expired, name_taken,
    other_name); `CarrierTrouble`, after which the same invitation and token may be tried again."""
    line = Line(url, "", ca)
    request = {"invite": invitation, "token": token} | ({"name": name} if name else {})
    try:
        status, value = await line.post_plain(urljoin(url, "/join"), request)
    except (NotDone, Cut) as trouble:
        raise _again("office_unreachable" if isinstance(trouble, NotDone) else "office_answer", trouble.why) from None
    finally:
        await line.close()
    answer = mapping(value)
    if status != 201:
        raise _refusal(text(answer.get("code")), line.host, status)
    try:
        address = Address.parse(text(answer.get("address")))
    except Usage:
        raise _again("office_answer", _("The answer of {host} cannot be read.").format(host=line.host)) from None
    return Membership(address, line.resolve(url, text(answer.get("sessionUrl")) or WELL_KNOWN))


def _refusal(code: str, host: str, status: int) -> DearlyError:
    """Our own words for each of the office's reasons; its words are never shown as ours (A23)."""
    why = {
        "no_invitation": _("This invitation is not known at {host}."),
        "invitation_used": _("This invitation has been used already."),
        "invitation_expired": _("This invitation is too old."),
        "name_taken": _("Somebody at {host} has this name already."),
        "other_name": _("This invitation is for another name."),
    }.get(code)
    if why is not None:
        return Refused(code, why.format(host=host), _("Ask whoever runs the office for a new one."))
    if status == 429 or status >= 500:
        return _again("office_answer", _("{host} cannot be joined just now.").format(host=host))
    return CarrierTrouble(
        "office_answer", _("{host} is no office that can be joined.").format(host=host), _("Check the address.")
    )


def _again(code: str, why: str) -> CarrierTrouble:
    return CarrierTrouble(code, why, _("Try again; the invitation is still good."), retry=True)
