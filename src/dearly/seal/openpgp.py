"""Sealing and opening letters with OpenPGP (RFC 9580 10.3): the face of this room.

Opening is four steps, because bytes from outside and our private keys never meet in one process: `outer` (child),
`session_keys` (keyholder), `unpack` (child), `verify` (child). Nothing is returned that was not proven whole.
"""

from dearly.seal.detached import detached
from dearly.seal.judging import Verified, verify
from dearly.seal.opening import LIMIT, Outer, Unpacked, outer, passphrase_keys, session_keys, unpack
from dearly.seal.sealing import seal
from dearly.seal.values import Sealed, SessionKey

__all__ = [
    "LIMIT",
    "Outer",
    "Sealed",
    "SessionKey",
    "Unpacked",
    "Verified",
    "detached",
    "outer",
    "passphrase_keys",
    "seal",
    "session_keys",
    "unpack",
    "verify",
]
