"""What a mail carrier signs in with: read from the drawer each time it is asked for, and never kept outside.

A password is kept as it is. For OAuth 2 the secret is JSON: the token in use, until when it is good, and the one by
which a new one is got; a new one is kept before it is used, so that nothing is signed in with that would be lost.

Many providers take a token to renew by once only (RFC 9700 4.14.2): between their answer and our commit the drawer
holds one that is good no more. So renewing, once begun, is brought to its end also where whoever asked for it is
cancelled. Only a process that is killed in just that moment has the person sign in again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from dearly.desk.desk import Desk
from dearly.desk.ways import Tokens
from dearly.drawer import accounts
from dearly.letter.account import MailAccount, OAuthClient, SignIn
from dearly.letter.envelope import Way
from dearly.letter.errors import CarrierTrouble, Usage
from dearly.letter.failpoint import reach
from dearly.letter.words import _

EARLY = timedelta(minutes=2)
"""A token is renewed when less than this is left of its time."""


def as_kept(tokens: Tokens, now: datetime) -> str:
    """Tokens as the drawer keeps them."""
    until = now + timedelta(seconds=tokens.lasts)
    return json.dumps({"access": tokens.access, "refresh": tokens.refresh, "until": until.isoformat()})


def _read(secret: str) -> tuple[str, str, datetime]:
    """Token in use, token for a new one, and until when the first is good."""
    try:
        kept = json.loads(secret)
        return str(kept["access"]), str(kept["refresh"]), datetime.fromisoformat(kept["until"])
    except (ValueError, KeyError, TypeError):
        raise Usage(
            "no_secret", _("What was kept of signing in cannot be read."), _("Sign in at your provider once more.")
        ) from None


class Given:
    """The secret of an account that is only tried. Raises `Usage` (no_secret) for tokens that are none."""

    def __init__(self, account: MailAccount, secret: str) -> None:
        self._secret = _read(secret)[0] if account.sign_in is SignIn.OAUTH else secret

    async def password(self) -> str:
        """The password or token."""
        return self._secret

    async def refused(self) -> None:
        """Nothing else can be tried."""


class OfDrawer:
    """The secret of the mail account at `place`, as the drawer has it at the moment of asking."""

    def __init__(self, desk: Desk, place: str) -> None:
        self._desk, self._place = desk, place
        # One for each account, whoever asks: whoever shows a token to renew by a second time has the provider take all
        # of them for stolen.
        self._renewing = desk.renewing.setdefault(place, asyncio.Lock())

    async def password(self) -> str:
        """The password, or a token that is good for a while yet. Raises `CarrierTrouble` (sign_in_again, and what
        renewing comes to)."""
        kept = await self._kept()
        account = MailAccount.of_details(kept.address, kept.details)
        if account.sign_in is SignIn.PASSWORD:
            return kept.secret
        async with self._renewing:  # two lines of one account, or a round and a check, ask at the same time
            kept = await self._kept()
            access, renew_by, until = self._tokens(kept)
            if until > self._desk.clock.now() + EARLY:
                return access
            return await _to_its_end(self._renew(kept, account.oauth, renew_by, account.ca))

    async def refused(self) -> None:
        """A token counts as over, whatever its time; a password is the person's to change."""
        kept = await self._kept()
        if MailAccount.of_details(kept.address, kept.details).sign_in is SignIn.OAUTH:
            access, renew_by, _until = self._tokens(kept)
            over = json.dumps({"access": access, "refresh": renew_by, "until": _LONG_AGO.isoformat()})
            await self._desk.drawer.write(lambda db: accounts.keep_secret(db, kept, over))

    async def _renew(self, kept: accounts.Account, client: OAuthClient | None, renew_by: str, ca: str | None) -> str:
        if client is None or not renew_by:
            raise self._again()
        try:
            tokens = await self._desk.ways.refresh(client, renew_by, ca)
        except CarrierTrouble as trouble:
            raise (self._again() if trouble.code == "sign_in_again" else trouble) from None
        reach("token.renewed")
        new = as_kept(tokens, self._desk.clock.now())
        await self._desk.drawer.write(lambda db: accounts.keep_secret(db, kept, new))
        return tokens.access

    async def _kept(self) -> accounts.Account:
        kept = await self._desk.drawer.read(lambda db: accounts.account(db, Way.MAIL, self._place))
        if kept is None:
            raise self._again()
        return kept

    def _tokens(self, kept: accounts.Account) -> tuple[str, str, datetime]:
        try:
            return _read(kept.secret)
        except Usage:
            raise self._again() from None

    def _again(self) -> CarrierTrouble:
        return CarrierTrouble(
            "sign_in_again",
            _("The provider of {address} wants you to sign in again.").format(address=self._place),
            _("“dearly account add {address}” does that; the letters wait meanwhile.").format(address=self._place),
        )


async def _to_its_end(renewing: Coroutine[Any, Any, str]) -> str:
    """What `renewing` gives. Where the caller is cancelled, it ends first: its own time-out bounds that."""
    task = asyncio.create_task(renewing)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({task})
        if not task.cancelled():
            task.exception()  # nobody is left to hear of it
        raise


_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
