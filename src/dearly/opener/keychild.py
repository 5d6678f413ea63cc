"""The keyholder's process: our keys and nothing foreign but PKESK bodies, minimised certificates, and a secret key that
the person takes in from another program.

Run as `python -I -m dearly.opener.keychild`. The key comes with the first request, never by argument, file or
environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from dearly.letter.address import Address
from dearly.letter.errors import DearlyError
from dearly.letter.words import _
from dearly.opener import limits, serving
from dearly.opener.protocol import Operation
from dearly.opener.protocol_keys import OLD_KEY, OWN, SEAL, SESSION_KEYS, OldKeyRead, SealThis, SecretFile
from dearly.opener.serving import Run
from dearly.seal import oldkeys, openpgp, trust
from dearly.seal.keys import OwnKey
from dearly.seal.oldkeys import OldKey
from dearly.seal.packets import Malformed


def _warm_up() -> None:
    """Once through everything, with keys that are thrown away, so that nothing is left to be loaded later."""
    when, nobody = datetime(2020, 1, 1, tzinfo=UTC), Address.parse("nobody@seal.invalid")
    own = OwnKey.from_bytes(OwnKey.generate([nobody], when).to_bytes())
    other = OwnKey.generate([nobody], when)
    sealed = openpgp.seal(b"x", own, trust.plan({nobody: other.certificate}, when))
    openpgp.session_keys(openpgp.outer(sealed.armored).pkesks, own)


def _operations() -> Mapping[Operation[Any, Any], Run]:
    _warm_up()
    held: list[OwnKey] = []
    older: list[OldKey] = []

    def own(ring: bytes, _ask: Any) -> str:
        try:
            first, *rest = oldkeys.split(ring)
        except (Malformed, ValueError):
            first, rest = ring, []
        held[:], older[:] = [OwnKey.from_bytes(first)], []
        for secret in rest:
            try:
                held.append(OwnKey.from_bytes(secret))
            except DearlyError:
                with suppress(Malformed):
                    older.append(OldKey.from_bytes(secret))
        return held[0].fingerprint

    def key() -> OwnKey:
        if not held:
            raise DearlyError("no_own_key", _("There is no key of ours yet."))
        return held[0]

    def session_keys(pkesks: tuple[bytes, ...], _ask: Any) -> tuple[openpgp.SessionKey, ...]:
        key()
        found = (openpgp.session_keys(pkesks, one) for one in held)
        return next(filter(None, found), ()) or oldkeys.session_keys(pkesks, older)

    def old_key(file: SecretFile, _ask: Any) -> OldKeyRead:
        secret = oldkeys.out_of_message(file.data, file.passphrase)
        with suppress(DearlyError):
            ours = OwnKey.from_bytes(secret)
            return OldKeyRead(ours.fingerprint, secret, ours.certificate, tuple(map(str, ours.addresses)))
        read = oldkeys.import_key(secret, file.passphrase)
        return OldKeyRead(read.fingerprint, read.to_bytes(), read.public, read.addresses)

    def seal(what: SealThis, _ask: Any) -> openpgp.Sealed:
        return openpgp.seal(what.data, key(), what.plan)

    return {OWN: own, SESSION_KEYS: session_keys, OLD_KEY: old_key, SEAL: seal}


if __name__ == "__main__":
    serving.serve(_operations, limits.KEYHOLDER_MEMORY)
