"""The Autocrypt header field (Autocrypt Level 1.1), out and in, as strict as the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dearly.letter.address import Address


@dataclass(frozen=True, slots=True)
class AutocryptHeader:
    """A well-formed Autocrypt value. `keydata` is unexamined foreign bytes; `mutual` is prefer-encrypt=mutual."""

    addr: Address
    keydata: bytes = field(repr=False)
    mutual: bool


def header(address: Address, certificate: bytes) -> str:
    """The value for our own Autocrypt field, with blanks in the key data where it may be folded."""
    raise NotImplementedError


def parse(value: str) -> AutocryptHeader | None:
    """The field's meaning, or None where any of it breaks the rules (an unknown critical attribute included).

    That `addr` is the From address is the caller's to ask: `for_sender` does."""
    raise NotImplementedError


def for_sender(values: Sequence[str], sender: Address) -> AutocryptHeader | None:
    """The one valid header among these that speaks for `sender`; None when there is none or more than one (2.3)."""
    raise NotImplementedError
