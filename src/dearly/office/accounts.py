"""Who may use the office: invitations, joining, tokens.

There are no passwords. An invitation is used once, within seven days, and gives an address and a bearer token of 256
bits; the store keeps only the SHA-256 of both, so whoever reads it can pose as nobody.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from dearly.letter.address import Address
from dearly.letter.clock import Chance, Clock
from dearly.letter.errors import NotFound, Refused, Usage
from dearly.letter.words import _
from dearly.office.limits import DEFAULT, Limits
from dearly.office.store import Account, Holding, Invitation, Shelf, Store

_TOKEN = re.compile(r"[A-Za-z0-9_-]{43,128}\Z")


@dataclass(frozen=True, slots=True)
class Joined:
    """What a new member keeps: the token is shown once and never again."""

    address: Address
    token: str = field(repr=False)


def new_token() -> str:
    """256 random bits, from the machine's own source for keys, in letters that need no escaping."""
    return secrets.token_urlsafe(32)


def digest(token: str) -> bytes:
    """By what a token is known to the store. No salt and no slow hash: it has 256 bits of chance already."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


async def invite(store: Store, name: str, clock: Clock, limits: Limits = DEFAULT) -> str:
    """A new invitation for `name` (what will stand before the @), as a token.

    Raises `Usage` (bad_address) and `Refused` (name_taken)."""
    token = new_token()
    until = clock.now() + limits.invitation

    def act(shelf: Shelf) -> None:
        address = Address.parse(f"{name}@{shelf.domain()}")
        _free(shelf, address)
        shelf.invite(digest(token), Invitation(address.local, until, None))

    await store.write(act)
    return token


async def join(
    store: Store, invitation: str, clock: Clock, chance: Chance, *, name: str | None = None, token: str | None = None
) -> Joined:
    """Use an invitation, or a token that was renewed, which is good for the same account and gives way to `token`.

    `name`: given only to be sure; another than the invitation's is refused. `token`: one that the member has made and
    kept already (43 to 128 letters of base64url, from 256 bits of chance). With it, joining may be repeated when the
    answer was lost, and comes to the same. Raises `Usage` (bad_token) and `Refused`: no_invitation, invitation_used,
    invitation_expired, name_taken."""
    if token is not None and not _TOKEN.match(token):
        raise Usage("bad_token", _("This is no token of 256 bits."))
    mine = token or new_token()
    now = clock.now()

    def act(shelf: Shelf) -> Joined:
        found = shelf.invitation(digest(invitation))
        member = _renewed(shelf, invitation, mine) if found is None and token is not None else None
        if member is not None:
            if name is not None and name.casefold() != member.address.local.casefold():
                raise Refused("other_name", _("This invitation is for another name."))
            shelf.set_token(member, digest(mine))
            return Joined(member.address, mine)
        if found is None:
            raise Refused("no_invitation", _("This invitation is not known here."), _("Ask for a new one."))
        if found.account is not None:
            member = shelf.account_of(digest(mine))
            if token is None or member is None or member.number != found.account:
                raise Refused("invitation_used", _("This invitation has been used."), _("Ask for a new one."))
            return Joined(member.address, mine)
        if found.until < now:
            raise Refused("invitation_expired", _("This invitation is too old."), _("Ask for a new one."))
        address = Address.parse(f"{found.name}@{shelf.domain()}")
        if name is not None and name.casefold() != address.local.casefold():
            raise Refused("other_name", _("This invitation is for another name."))
        _free(shelf, address)
        account = shelf.add_account("A" + chance.token(12).hex(), address, digest(mine), now)
        shelf.spend(digest(invitation), account)
        return Joined(address, mine)

    return await store.write(act)


def _renewed(shelf: Shelf, before: str, mine: str) -> Account | None:
    """Whose token `before` is, or was until it gave way to `mine`."""
    found = shelf.account_of(digest(mine)) or shelf.account_of(digest(before))
    # Once more, when nobody else can change the account: of two who ask, one comes too late.
    locked = shelf.account_numbered(found.number) if found is not None else None
    return locked and (shelf.account_of(digest(mine)) or shelf.account_of(digest(before)))


async def accounts(store: Store) -> Sequence[tuple[Account, Holding]]:
    """Everyone, and what lies here for them."""
    return await store.read(lambda shelf: shelf.accounts())


async def renew_token(store: Store, address: str) -> Joined:
    """A new token in place of the old one. Raises `NotFound` (no_account)."""
    token = new_token()

    def act(shelf: Shelf) -> Joined:
        account = _known(shelf, address)
        shelf.set_token(account, digest(token))
        return Joined(account.address, token)

    return await store.write(act)


async def set_quota(store: Store, address: str, most: int | None) -> None:
    """How many bytes may lie here for an account; None: the office's own limit. Raises `NotFound` (no_account)."""
    await store.write(lambda shelf: shelf.set_quota(_known(shelf, address), most))


async def remove(store: Store, address: str) -> None:
    """Close an account; what still waits here for it goes too. Raises `NotFound` (no_account)."""
    await store.write(lambda shelf: shelf.remove_account(_known(shelf, address)))


def _free(shelf: Shelf, address: Address) -> None:
    if shelf.account(address.key) is not None:
        raise Refused(
            "name_taken",
            _("{address} is somebody's already.").format(address=address),
            _("Choose another name."),
        )


def _known(shelf: Shelf, address: str) -> Account:
    """By the whole address, or by the name alone."""
    whole = address if "@" in address else f"{address}@{shelf.domain()}"
    account = shelf.account(Address.parse(whole).key)
    if account is None:
        raise NotFound("no_account", _("Nobody has that address here."), _("“dearly office accounts” lists everyone."))
    return account
