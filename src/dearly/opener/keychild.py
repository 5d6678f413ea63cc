"""The keyholder's process: our key and nothing foreign but PKESK bodies and minimised certificates.

Run as `python -I -m dearly.opener.keychild`. The key comes with the first request, never by argument, file or
environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from dearly.letter.address import Address
from dearly.letter.errors import DearlyError
from dearly.letter.words import _
from dearly.opener import limits, serving
from dearly.opener.protocol import SealThis
from dearly.opener.serving import Run
from dearly.seal import openpgp, trust
from dearly.seal.keys import OwnKey


def _warm_up() -> None:
    """Once through everything, with keys that are thrown away, so that nothing is left to be loaded later."""
    when, nobody = datetime(2020, 1, 1, tzinfo=UTC), Address("nobody", "seal.invalid")
    own = OwnKey.from_bytes(OwnKey.generate([nobody], when).to_bytes())
    other = OwnKey.generate([nobody], when)
    sealed = openpgp.seal(b"x", own, trust.plan({nobody: other.certificate}, when))
    openpgp.session_keys(openpgp.outer(sealed.armored).pkesks, own)


def _operations() -> Mapping[str, Run]:
    _warm_up()
    held: list[OwnKey] = []

    def own(secret: bytes, _ask: Any) -> str:
        held[:] = [OwnKey.from_bytes(secret)]
        return held[0].fingerprint

    def key() -> OwnKey:
        if not held:
            raise DearlyError("no_own_key", _("There is no key of ours yet."))
        return held[0]

    def session_keys(pkesks: tuple[bytes, ...], _ask: Any) -> tuple[openpgp.SessionKey, ...]:
        return openpgp.session_keys(pkesks, key())

    def seal(what: SealThis, _ask: Any) -> openpgp.Sealed:
        return openpgp.seal(what.data, key(), what.plan)

    return {"own": own, "session_keys": session_keys, "seal": seal}


if __name__ == "__main__":
    serving.serve(_operations, limits.KEYHOLDER_MEMORY)
