"""The keyholder's process: our key and nothing foreign but PKESK bodies and minimised certificates.

Run as `python -I -m dearly.opener.keychild`. The key comes with the first request, never by argument, file or
environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dearly.letter.errors import DearlyError
from dearly.letter.words import _
from dearly.opener import serving, warm
from dearly.opener.protocol import SealThis
from dearly.opener.serving import Run
from dearly.seal import openpgp
from dearly.seal.keys import OwnKey


def _operations() -> Mapping[str, Run]:
    warm.keys()
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
    serving.serve(_operations)
