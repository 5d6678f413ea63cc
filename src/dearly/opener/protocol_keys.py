"""What the keyholder is asked (`protocol`)."""

from __future__ import annotations

from dataclasses import dataclass, field

from dearly.opener.protocol import Operation
from dearly.seal.values import Sealed, SealPlan, SessionKey


@dataclass(frozen=True, slots=True)
class SealThis:
    """Sign `data` with our key and seal it to the plan."""

    data: bytes = field(repr=False)
    plan: SealPlan


@dataclass(frozen=True, slots=True)
class SecretFile:
    """A file with a secret key of another program, and its passphrase if one was given."""

    data: bytes = field(repr=False)
    passphrase: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class OldKeyRead:
    """Such a key, proven, for opening old letters. `secret`: as the drawer keeps it. `addresses`: that it names."""

    fingerprint: str
    secret: bytes = field(repr=False)
    public: bytes = field(repr=False)
    addresses: tuple[str, ...]


OWN: Operation[bytes, str] = Operation("own", bytes, str)
SESSION_KEYS: Operation[tuple[bytes, ...], tuple[SessionKey, ...]] = Operation(
    "session_keys", tuple[bytes, ...], tuple[SessionKey, ...]
)
OLD_KEY: Operation[SecretFile, OldKeyRead] = Operation("old_key", SecretFile, OldKeyRead)
SEAL: Operation[SealThis, Sealed] = Operation("seal", SealThis, Sealed)
