"""The opener itself: a process that parses foreign bytes, holds no key, and can do nothing but compute.

Run as `python -I -m dearly.opener.child letters|cards|settings|showing|trying`. The reader of visiting cards is a kind
of its own: the library behind it takes as long to import as all else together; and so is what makes letters fit to be
shown, and the reader of providers' settings, so that no XML meets a process which letters go through.
`trying` is the kind that tests its own limits.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

from dearly.letter.errors import DearlyError, Usage
from dearly.mime import transfer
from dearly.opener import reading, serving, sifting, stacks, warm
from dearly.opener.protocol import Operation
from dearly.opener.protocol_letters import (
    CERTIFICATE,
    CERTIFICATES,
    EXAMINE,
    FIND,
    HEADS,
    KEYS,
    MERGE,
    MINIMISE,
    OPEN,
    OUTLINE,
    OUTLINES,
    PLAN,
    READ,
    Bytes,
    Certificate,
    Merge,
    Minimise,
    Plan,
)
from dearly.opener.serving import Run
from dearly.opener.values import Outside
from dearly.seal import trust
from dearly.seal.keys import OwnKey
from dearly.seal.several import several
from dearly.seal.values import SealPlan

Operations = Mapping[Operation[Any, Any], Run]


def _certificate(what: Bytes, _: Any) -> Certificate:
    minimised = trust.minimise(what.data, None)
    return Certificate(minimised, trust.examine(minimised, what.now))


def _certificates(what: Bytes, _: Any) -> tuple[Certificate, ...]:
    found: dict[str, Certificate] = {}
    for one in several(what.data):
        with suppress(DearlyError):
            read = _certificate(Bytes(one, what.now), None)
            found.setdefault(read.facts.fingerprint, read)
    return tuple(found.values())


def _leaving_nothing(run: Run) -> Run:
    """The same, and nothing of a letter is remembered for the next request: that one may be hostile."""

    def forgetting(what: Any, ask: Any) -> Any:
        try:
            return run(what, ask)
        finally:
            transfer.forget()

    return forgetting


def _letters() -> Operations:
    warm.letters()
    operations: Operations = {
        OPEN: reading.open_parcel,
        OUTLINE: lambda raw, _: reading.look(raw),
        OUTLINES: lambda raws, _: tuple(map(_look_at, raws)),
        HEADS: lambda headers, _: sifting.facts(headers),
        READ: lambda stack, _: stacks.read(stack),
        CERTIFICATE: _certificate,
        CERTIFICATES: _certificates,
        EXAMINE: lambda what, _: trust.examine(what.data, what.now),
        MINIMISE: _minimise,
        MERGE: _merge,
        PLAN: _plan,
    }
    return {operation: _leaving_nothing(run) for operation, run in operations.items()}


def _look_at(raw: bytes) -> Outside | None:
    """None for one that is to be asked about alone, where what is wrong with it is said."""
    try:
        return reading.look(raw)
    except DearlyError:
        return None


def _minimise(what: Minimise, _: Any) -> bytes:
    return trust.minimise(what.certificate, what.keep, only=what.only)


def _merge(what: Merge, _: Any) -> bytes:
    return trust.merge(what.old, what.new)


def _plan(what: Plan, _: Any) -> SealPlan:
    return trust.plan({wanted.address: wanted.certificate for wanted in what.wanted}, what.now)


def _cards() -> Operations:
    from dearly.exchange import vcard
    from dearly.opener.protocol_apart import CARD

    own = OwnKey.generate([warm.NOBODY], warm.WHEN)
    vcard.read_card(vcard.write_card("Nobody", [str(warm.NOBODY)], own.certificate, None).encode())
    trust.examine(trust.minimise(own.certificate, None), warm.WHEN)

    def card(what: Bytes, _: Any) -> vcard.Card:
        read = vcard.read_card(what.data)
        kept = []
        for certificate in read.certificates:
            try:
                kept.append(trust.minimise(certificate, None))
            except DearlyError:
                continue
        return replace(read, certificates=tuple(kept))

    return {CARD: card}


def _settings() -> Operations:
    from dearly.exchange import autoconfig
    from dearly.opener.protocol_apart import SETTINGS

    with suppress(Usage):  # refused, and what it needs is imported by then
        autoconfig.read(b"<clientConfig><oAuth2><authURL>https://nobody.test</authURL></oAuth2></clientConfig>")
    return {SETTINGS: lambda data, _: autoconfig.read(data)}


def _showing() -> Operations:
    from dearly.opener import foreign, paper
    from dearly.opener.protocol_shown import FRAME, PAPER

    warm.showing()
    return {
        PAPER: lambda what, _: tuple(paper.paper(sheet) for sheet in what.sheets),
        FRAME: lambda what, _: foreign.document(what),
    }


def _trying() -> Operations:
    import tempfile

    from dearly.opener import trying
    from dearly.opener.protocol_trying import EXEC, SPIN, TRY

    written = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - open for the life of the process, that is the test
    return {
        **_letters(),
        TRY: lambda what, _: trying.attempt(what, written),
        EXEC: lambda what, _: trying.attempt_exec(what),
        SPIN: lambda what, _: trying.spin(what),
    }


if __name__ == "__main__":
    kinds = {"letters": _letters, "cards": _cards, "settings": _settings, "showing": _showing, "trying": _trying}
    serving.serve(kinds[sys.argv[1]], questions=(KEYS, FIND))
