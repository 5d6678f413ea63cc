"""Whose signature it is: what a signer is worth for the sender whom the letter names. Pure.

`seal` proves that a certificate signed. The address book knows whose it is. This rule joins the two.
"""

from __future__ import annotations

from dearly.letter.sealing import Binding

_ORDER = (Binding.OTHER, Binding.CHANGED, Binding.FIRST_SEEN, Binding.PINNED, Binding.VERIFIED)


def recognise(standing: Binding | None, *, speaks_for_sender: bool) -> Binding:
    """The binding of one signer.

    `standing`: what the address book says of this certificate for the sender, None when it knows neither. A
    certificate that is another person's never counts for this one, whatever it claims (A07, A13): an address is easy
    to write, so a key known as Bert's does not become Ada's by saying so. One that was never seen counts only when it
    says itself that it is for the From address (`speaks_for_sender`: a User ID, or the Autocrypt field inside)."""
    if standing is None:
        return Binding.FIRST_SEEN if speaks_for_sender else Binding.OTHER
    if standing is Binding.CHANGED and not speaks_for_sender:
        return Binding.OTHER
    return standing


def best(bindings: dict[str, Binding]) -> tuple[Binding, str | None]:
    """The strongest of several signers' bindings and its fingerprint; (OTHER, None) when nobody signed."""
    fingerprint = max(bindings, key=lambda each: _ORDER.index(bindings[each]), default=None)
    return (Binding.OTHER, None) if fingerprint is None else (bindings[fingerprint], fingerprint)
