"""The header fields Autocrypt and Autocrypt-Gossip (Autocrypt Level 1.1), out and in, as strict as the text."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from dearly.letter.address import Address
from dearly.letter.errors import Usage

_NAME = re.compile(r"[A-Za-z0-9_-]+\Z")
_BLANK = re.compile(r"[ \t\r\n]+")


@dataclass(frozen=True, slots=True)
class AutocryptHeader:
    """A well-formed Autocrypt value. `keydata` is unexamined foreign bytes; `mutual` is prefer-encrypt=mutual."""

    addr: Address
    keydata: bytes = field(repr=False)
    mutual: bool


def header(address: Address, certificate: bytes) -> str:
    """The value for our own Autocrypt field, with blanks in the key data where it may be folded."""
    return f"addr={address}; prefer-encrypt=mutual; keydata= {_folded(certificate)}"


def gossip(address: Address, certificate: bytes) -> str:
    """The value of an Autocrypt-Gossip field for another reader of the same letter. Without prefer-encrypt, which is
    for its owner alone to say (Autocrypt 1.1, "Key Gossip")."""
    return f"addr={address}; keydata= {_folded(certificate)}"


def _folded(certificate: bytes) -> str:
    data = base64.b64encode(certificate).decode()
    return " ".join(data[i : i + 76] for i in range(0, len(data), 76))


def parse(value: str) -> AutocryptHeader | None:
    """The field's meaning, or None where any of it breaks the rules (an unknown critical attribute included).

    That `addr` is the From address is the caller's to ask: `for_sender` does."""
    attributes: dict[str, str] = {}
    for piece in value.rstrip(" \t\r\n;").split(";"):
        name, equals, text = piece.partition("=")
        name = name.strip(" \t\r\n").lower()
        if not equals or not _NAME.match(name) or name in attributes:
            return None
        # Level 1.1: a name without leading underscore is critical, and a reader who does not know it stops.
        if name not in ("addr", "prefer-encrypt", "keydata") and not name.startswith("_"):
            return None
        attributes[name] = text.strip(" \t\r\n")
    if "addr" not in attributes or "keydata" not in attributes:
        return None
    try:
        address = Address.parse(attributes["addr"])
        keydata = base64.b64decode(_BLANK.sub("", attributes["keydata"]), validate=True)
    except (Usage, binascii.Error, ValueError):
        return None
    if not keydata:
        return None
    # Every other value of prefer-encrypt means "no preference".
    return AutocryptHeader(address, keydata, attributes.get("prefer-encrypt") == "mutual")


def for_sender(values: Sequence[str], sender: Address) -> AutocryptHeader | None:
    """The one valid header among these that speaks for `sender`; None when there is none or more than one."""
    valid = [found for found in map(parse, values) if found is not None and found.addr.same(sender)]
    return valid[0] if len(valid) == 1 else None
