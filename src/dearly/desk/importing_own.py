"""What Dearly itself wrote out: a bundle, or another drawer, opened with its own passphrase. Everything in it comes
back as it was (F44): letters with all that was known of them, drafts with their versions, the address book,
certificates, parcels that were never opened.

Whether the other drawer was *our own* makes a difference: only then does what was decided there about other people's
keys count here, and come our old keys along. A bundle names its owner's key, but anybody can write that down; so it is
our own when a secret key in it is one of ours, or when the person says so. Of anybody else's drawer keys are seen for
the first time, and no seal counts for more than that.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from functools import partial

from dearly.desk import certificates, importing_sealed, indexing, joining, newcomers
from dearly.desk.app import Progress
from dearly.desk.desk import Desk
from dearly.desk.importing_done import Done, left
from dearly.desk.importing_own_sources import Piece, Source
from dearly.desk.importing_refiling import refiled
from dearly.desk.importing_source import Skipped
from dearly.drawer import accounts, importing_book, importing_log, importing_whole, keyring, objects
from dearly.drawer.connection import Db
from dearly.drawer.importing_log import Import, Tally
from dearly.drawer.importing_values import Content, PackedEnclosure
from dearly.drawer.importing_whole import Other
from dearly.exchange.archive import Archive
from dearly.letter.address import Address, Correspondent, clean
from dearly.letter.content import LetterId
from dearly.letter.errors import Damaged, DearlyError, NotFound, Usage
from dearly.letter.failpoint import reach
from dearly.letter.leaving import (
    Leaving,
    LeavingCertificate,
    Named,
    Owner,
)
from dearly.letter.sealing import PROVEN, Seal, Signed
from dearly.letter.words import _

_DIGEST = re.compile(r"[0-9a-f]{64}")


async def run_own(desk: Desk, archive: Archive, source: Source, progress: Progress, *, ours: bool = False) -> Done:
    """Take all of it in, from where it stopped the last time. `ours`: the person says that it is their own.

    Raises `Damaged` (bundle_damaged, bundle_cut ...), `Locked` (wrong_key_passphrase)."""
    now = desk.clock.now()
    book, tally = await source.book(), await source.tally()
    total = tally.letters + tally.envelopes + tally.drafts
    ours = await _own_keys(desk, source, book.owner, ours=ours)
    kept = await _certificates(desk, book.certificates, progress)

    whose = "ours" if ours else "theirs"

    def begin(db: Db) -> tuple[Import, dict[str, int], frozenset[str]]:
        people = importing_book.take(db, book, kept, ours=ours, now=now, chance=desk.chance)
        mine = frozenset(one.key for one in accounts.own_addresses(db, left=True))
        importing_log.prepare(db)
        return importing_log.begin(db, archive.source, archive.place, archive.format, whose, now), people, mine

    log, people, mine = await desk.drawer.write(begin)
    # It may have been taken in as somebody else's before.
    was = [where for one in book.owner.addresses if (where := _address(one.text)) is not None] if ours else []
    again = await refiled(desk, was)

    def meet(db: Db, who: Correspondent) -> int:
        return newcomers.person_of(db, desk, who).id

    other = Other(archive.place, ours, people, meet, indexing.index, now, desk.chance)
    erased = missed = 0
    async with desk.drawer.writing_much(), aclosing(source.pieces(log.cursor)) as pieces:
        async for piece in pieces:
            contents = await asyncio.to_thread(
                lambda found: [_content(one, None if ours else mine) for one in found], piece.letters
            )
            log, counts = await desk.drawer.write(partial(_file, other=other, log=log, piece=piece, contents=contents))
            reach("import.after-commit")
            erased += counts["erased"]
            missed += piece.torn
            progress(_("Taking in letters"), log.tally.found, max(total, log.tally.found))
    if not source.whole:
        raise Damaged(
            "bundle_cut",
            _("This bundle is cut short: what is in it was taken in, the rest is missing."),
            _("Import another copy of it, under the same name; it goes on where this one ends."),
        )

    def end(db: Db) -> None:
        if ours:
            importing_book.take_erased(db, book.erased)
        importing_log.end(db, log, desk.clock.now())

    await desk.drawer.write(end)
    while await desk.drawer.write(importing_log.tidy):
        pass
    with suppress(NotFound):  # before there is a key of our own
        await importing_sealed.open_kept(desk)
    told = log.tally
    return Done(
        told.found,
        told.taken,
        told.already_here,
        told.not_letters,
        told.failed,
        {},
        erased,
        missed=missed,
        skipped=tuple(
            Skipped(where, _("This is not as it was written, and was passed over.")) for where in source.torn
        ),
        refiled=again,
        alike=await joining.alike(desk),
        left=await left(desk, archive),
    )


async def _own_keys(desk: Desk, source: Source, owner: Owner, *, ours: bool) -> bool:
    """Keep our own keys of then, for what was sealed to them; whether this was a drawer of ours."""
    secrets = [secret for key in owner.keys if (secret := await source.secret(desk, key)) is not None]
    here = {key.fingerprint for key in await desk.drawer.read(keyring.own_keys)}
    ours = ours or any(secret.fingerprint in here for secret in secrets)
    old = [replace(one, retired=one.retired or desk.clock.now()) for one in secrets if ours]

    def keep(db: Db) -> None:
        for one in old:
            keyring.add_old_key(db, one, one.retired or desk.clock.now())

    if old:
        await desk.drawer.write(keep)
        await desk.keyholder.forget()
    return ours


async def _certificates(
    desk: Desk, found: Sequence[LeavingCertificate], progress: Progress
) -> list[LeavingCertificate]:
    """Keep other people's certificates, each examined in the child; those that are none are left out."""
    kept = []
    for n, one in enumerate(found):
        with suppress(DearlyError):
            facts = await certificates.take_in(desk, one.body, clean(one.source))
            kept.append(replace(one, fingerprint=facts.fingerprint))
        progress(_("Taking in keys"), n + 1, len(found))
    return kept


def _file(
    db: Db, *, other: Other, log: Import, piece: Piece, contents: Sequence[Content]
) -> tuple[Import, Counter[str]]:
    counts: Counter[str] = Counter()
    for letter, content in zip(piece.letters, contents, strict=True):
        counts[importing_whole.take_letter(db, other, letter, content)] += 1
    never = _("It was never opened where it comes from.")
    for one in piece.envelopes:
        counts[importing_whole.take_envelope(db, other, one, never)] += 1
    for draft in piece.drafts:
        importing_whole.take_draft(db, other, draft)
    found = len(piece.letters) + len(piece.envelopes) + piece.torn
    more = Tally(found, counts["taken"], counts["already_here"], counts["erased"], counts["failed"] + piece.torn)
    on = importing_log.advance(db, log, piece.cursor, more)
    reach("import.before-commit")
    return on, counts


def _content(letter: Leaving, mine: frozenset[str] | None) -> Content:
    """What the drawer keeps of a letter. `mine`: our addresses; whose a letter of anybody else's drawer is, they alone
    say, wherever it lay there. None: it was our own drawer."""
    ours, text = mine is None, letter.text
    direction = letter.direction
    if mine is not None:
        wrote = _people(letter.who("from"))[:1]
        direction = "out" if any(one.address.key in mine for one in wrote) else "in"
    try:
        seal = Seal(letter.seal) if letter.seal else None
        signature = Signed(letter.signature) if letter.signature else Signed.NONE
    except ValueError:  # the word of a newer version
        seal, signature = (Seal.NEVER_SEALED if letter.direction == "in" else None), Signed.NONE
    if direction != letter.direction:
        seal = Seal.NEVER_SEALED if direction == "in" else None
    if seal in PROVEN and not ours:
        seal = Seal.SIGNED_FIRST_SEEN
    if signature is Signed.HOLDS and not ours:
        signature = Signed.UNKNOWN  # it is looked at here when somebody reads the letter
    inner = letter.inner_sha256
    posted = [one.inner_sha256 for one in letter.originals if one.state == "posted"]
    if direction != letter.direction:
        # What they posted: by its signed bytes it is the letter that came to us; else by all that it says.
        inner, posted = next(filter(None, (*posted, inner, letter.content_sha256)), ""), []
    return Content(
        direction=direction,
        letter_id=LetterId(letter.letter_id),
        # Of a letter that we posted the forms themselves bear it.
        inner_sha256=bytes.fromhex(inner) if _DIGEST.fullmatch(inner) and not posted else None,
        senders=_people(letter.who("from"))[:1],
        to=_people(letter.who("to")),
        cc=_people(letter.who("cc")),
        date=letter.date,
        subject=letter.subject,
        text=text,
        packed_text=objects.pack_text(text),
        html=None if letter.html is None else objects.pack(letter.html.encode()),
        enclosures=tuple(
            PackedEnclosure(one.name, one.media_type, objects.pack(one.data), one.cid) for one in letter.enclosures
        ),
        in_reply_to=None if letter.in_reply_to is None else LetterId(letter.in_reply_to),
        references=tuple(LetterId(one) for one in letter.references),
        letter_no=letter.letter_no,
        commonmark=letter.commonmark,
        postcard=(letter.postcard or letter.seal == Seal.NEVER_SEALED) and direction == "out",
        signature=signature,
        seal=seal,
        quantum_safe=letter.quantum_safe,
        signer=letter.signer or None,
        signed_at=letter.signed_at,
        reply=letter.reply if ours and letter.reply in ("later", "not_needed", "rest") else None,
        reply_on=letter.reply_on or None if ours else None,
    )


def _people(named: Sequence[Named]) -> tuple[Correspondent, ...]:
    return tuple(Correspondent(clean(one.name), where) for one in named if (where := _address(one.address)) is not None)


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except Usage:
        return None
