"""Signing in with OAuth 2 as an installed program: RFC 6749 4.1, RFC 7636 (S256), RFC 8252 (loopback redirect).

The person signs in at the provider, in their browser; we never see the password. The browser is sent back to a port of
127.0.0.1 that exists for this one sign-in, with a code that is worth nothing without the verifier which we kept.
Tokens are shown in no text, no log and no URL.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from dearly.letter.account import OAuthClient

PATIENCE = 300.0
"""Seconds that a person has to sign in."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """`access`: what servers take, good for `lasts` seconds from now. `refresh`: what a new one is got with; "" where
    the provider gave none (then the person signs in again)."""

    access: str = field(repr=False)
    lasts: int
    refresh: str = field(repr=False)


async def authorize(
    client: OAuthClient,
    open_browser: Callable[[str], None],
    *,
    user: str = "",
    ca: str | None = None,
    patience: float = PATIENCE,
) -> Tokens:
    """Let the person sign in. `open_browser` is called once, with the provider's address; it holds no secret, but
    better not put it into an argument list, which other people of this machine may read. `user`: whom the provider
    should expect (login_hint). `ca`: PEM of a private authority.

    Raises `Usage` (bad_oauth_client) for a client that cannot be meant; `CarrierTrouble`: sign_in_refused (the person
    or the provider said no), sign_in_timed_out, sign_in_failed (no sense in what the provider answers; retry says
    whether it may pass)."""
    raise NotImplementedError


async def refresh(client: OAuthClient, refresh_token: str, *, ca: str | None = None) -> Tokens:
    """New tokens for an old refresh token; `refresh` is the old one where the provider gave no other (RFC 6749 6).

    Raises `CarrierTrouble`: sign_in_again where the provider does not take it any more, else sign_in_failed."""
    raise NotImplementedError
