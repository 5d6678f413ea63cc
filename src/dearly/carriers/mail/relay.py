"""Chatmail relays: an account for the asking, and nothing but sealed mail through it."""

from __future__ import annotations

from dataclasses import dataclass, field

from dearly.letter.account import Server
from dearly.letter.address import Address


@dataclass(frozen=True, slots=True)
class RelayAccount:
    """What a relay gave: it exists once somebody signs in with it."""

    address: Address
    password: str = field(repr=False)
    incoming: Server
    outgoing: Server


async def sign_up(url: str, ca: str | None = None) -> RelayAccount:
    """A new account of the relay at `url`: https://DOMAIN, https://DOMAIN/new, DOMAIN, or what a QR code of a relay
    says (dcaccount:https://DOMAIN/new, dcaccount:DOMAIN). `ca`: PEM of a private authority.

    Raises `Usage` (bad_relay, insecure_relay), `CarrierTrouble` (relay_unreachable, relay_refused, relay_nonsense,
    untrusted)."""
    raise NotImplementedError
