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
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TypeVar

from dearly.desk import certificates, importing_sealed, indexing, joining, newcomers
from dearly.desk.app import Progress
from dearly.desk.desk import Desk
from dearly.desk.importing_run import Done, left
from dearly.drawer import exporting, exporting_book, importing_book, importing_log, importing_whole, keyring, objects
from dearly.drawer.connection import Db
from dearly.drawer.drawer import Drawer
from dearly.drawer.importing import Content, PackedEnclosure
from dearly.drawer.importing_log import Import, Tally
from dearly.drawer.importing_whole import Other
from dearly.exchange.archive import Archive
from dearly.exchange.bundle_reading import Bundle, Torn
from dearly.letter.address import Address, Correspondent, clean
from dearly.letter.content import Enclosure, LetterId
from dearly.letter.errors import Damaged, DearlyError, NotFound, Usage
from dearly.letter.failpoint import reach
from dearly.letter.leaving import (
    Book,
    Leaving,
    LeavingCertificate,
    LeavingDraft,
    LeavingKey,
    Named,
    Original,
    Owner,
)
from dearly.letter.sealing import PROVEN, Seal, Signed
from dearly.letter.words import _
from dearly.opener.bulk import HEAVIEST_STACK

T = TypeVar("T")

_DIGEST = re.compile(r"[0-9a-f]{64}")

_TOGETHER = 50
"""Letters in one transaction, if they are not heavier together than a stack of mails may be (`HEAVIEST_STACK`)."""

_LETTERS, _ENVELOPES, _DRAFTS = "letters|", "envelopes|", "drafts|"
"""What a cursor begins with."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some of it. `cursor`: where to go on. `torn`: pieces that are not as they were written."""

    cursor: str
    letters: Sequence[Leaving] = ()
    envelopes: Sequence[Original] = ()
    drafts: Sequence[LeavingDraft] = ()
    torn: int = 0


class BundleSource:
    """What is in a bundle. `passphrase`: of the secret keys in it, None to leave them where they are."""

    def __init__(self, bundle: Bundle, passphrase: str | None = None) -> None:
        self._bundle = bundle
        self._passphrase = passphrase

    async def book(self) -> Book:
        """Whose it is, and all in it that is not letters. Raises `Damaged` (bundle_damaged)."""
        return await asyncio.to_thread(self._bundle.book)

    async def secret(self, desk: Desk, key: LeavingKey) -> keyring.StoredKey | None:
        """A secret key of its owner, proven. Raises `Locked` (wrong_key_passphrase)."""
        if key.secret is None or self._passphrase is None:
            return None
        read = await desk.keyholder.read_old_key(key.secret, self._passphrase)
        return keyring.StoredKey(read.fingerprint, read.secret, read.public, key.made, key.retired)

    async def tally(self) -> exporting.Tally:
        """How many things are in it."""
        counts = self._bundle.counts
        return exporting.Tally(counts.letters, counts.envelopes, counts.drafts, 0)

    async def pieces(self, cursor: str) -> AsyncGenerator[_Piece, None]:
        """Everything behind `cursor`."""
        bundle = self._bundle
        kind, bar, at = cursor.partition("|")
        kind += bar
        if kind in ("", _LETTERS):
            async for on, letters, torn in _pieces(bundle.letters(at)):
                yield _Piece(_LETTERS + on, letters=letters, torn=torn)
        if kind in ("", _LETTERS, _ENVELOPES):
            async for on, parcels, torn in _pieces(bundle.envelopes(at if kind == _ENVELOPES else "")):
                yield _Piece(_ENVELOPES + on, envelopes=parcels, torn=torn)
        async for on, drafts, torn in _pieces(bundle.drafts(at if kind == _DRAFTS else "")):
            yield _Piece(_DRAFTS + on, drafts=drafts, torn=torn)

    @property
    def whole(self) -> bool:
        """Whether its end is there."""
        return self._bundle.whole

    async def close(self) -> None:
        """Let go of it."""
        self._bundle.close()


class DrawerSource:
    """What is in another drawer, open beside ours. Nothing is changed in it."""

    whole = True

    def __init__(self, drawer: Drawer) -> None:
        self._drawer = drawer

    async def book(self) -> Book:
        """Whose it is, and all in it that is not letters."""
        return await self._drawer.read(partial(exporting_book.book, drawer=self._drawer.uid))

    async def secret(self, desk: Desk, key: LeavingKey) -> keyring.StoredKey | None:  # noqa: ARG002 - as a bundle's
        """A secret key of its owner."""
        keys = await self._drawer.read(keyring.own_keys)
        return next((one for one in keys if one.fingerprint == key.fingerprint), None)

    async def tally(self) -> exporting.Tally:
        """How many things are in it."""
        return await self._drawer.read(exporting.tally)

    async def pieces(self, cursor: str) -> AsyncGenerator[_Piece, None]:
        """Everything behind `cursor`."""
        read = self._drawer.read
        everything = exporting.Want(enclosures=True, originals=True, html=True)
        kind, _bar, at = cursor.partition("|")
        key = int(at) if at and kind + "|" == _LETTERS else None
        while kind + "|" in ("|", _LETTERS) and (
            some := await read(partial(exporting.after, key=key, limit=_TOGETHER))
        ):
            letters = await read(partial(exporting.load, numbers=[n for _key, n in some], want=everything))
            key = {number: place for place, number in some}[letters[-1].number]
            yield _Piece(f"{_LETTERS}{key}", letters=letters)
        behind = int(at) if at and kind + "|" == _ENVELOPES else 0
        while kind + "|" != _DRAFTS and (numbers := await read(partial(exporting.envelope_numbers, behind=behind))):
            parcels = await read(partial(exporting.envelopes, numbers=numbers))
            behind = parcels[-1].number
            yield _Piece(f"{_ENVELOPES}{behind}", envelopes=parcels)
        behind = int(at) if at and kind + "|" == _DRAFTS else 0
        while numbers := await read(partial(exporting.draft_numbers, behind=behind, posted=True)):
            drafts = await read(partial(exporting.drafts, numbers=numbers, past=True))
            behind = drafts[-1].number
            yield _Piece(f"{_DRAFTS}{behind}", drafts=drafts)

    async def close(self) -> None:
        """Let go of it."""
        await self._drawer.close()


Source = BundleSource | DrawerSource


async def run_own(desk: Desk, archive: Archive, source: Source, progress: Progress, *, ours: bool = False) -> Done:
    """Take all of it in, from where it stopped the last time. `ours`: the person says that it is their own.

    Raises `Damaged` (bundle_damaged, bundle_cut ...), `Locked` (wrong_key_passphrase)."""
    now = desk.clock.now()
    book, tally = await source.book(), await source.tally()
    total = tally.letters + tally.envelopes + tally.drafts
    ours = await _own_keys(desk, source, book.owner, ours=ours)
    kept = await _certificates(desk, book.certificates, progress)

    whose = "ours" if ours else "theirs"

    def begin(db: Db) -> tuple[Import, dict[str, int]]:
        people = importing_book.take(db, book, kept, ours=ours, now=now, chance=desk.chance)
        importing_log.prepare(db)
        return importing_log.begin(db, archive.source, archive.place, archive.format, whose, now), people

    log, people = await desk.drawer.write(begin)

    def meet(db: Db, who: Correspondent) -> int:
        return newcomers.person_of(db, desk, who).id

    other = Other(archive.place, ours, people, meet, indexing.index, now, desk.chance)
    erased = 0
    async with desk.drawer.writing_much(), aclosing(source.pieces(log.cursor)) as pieces:
        async for piece in pieces:
            contents = await asyncio.to_thread(lambda found: [_content(one, ours=ours) for one in found], piece.letters)
            log, counts = await desk.drawer.write(partial(_file, other=other, log=log, piece=piece, contents=contents))
            reach("import.after-commit")
            erased += counts["erased"]
            progress(_("Taking in letters"), log.tally.found, max(total, log.tally.found))
    if not source.whole:
        raise Damaged(
            "bundle_cut",
            _("This bundle is cut short: what is in it was taken in, the rest is missing."),
            _("Import another copy of it, under the same name; it goes on where this one ends."),
        )
    await desk.drawer.write(lambda db: importing_log.end(db, log, desk.clock.now()))
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
    db: Db, *, other: Other, log: Import, piece: _Piece, contents: Sequence[Content]
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


def _content(letter: Leaving, *, ours: bool) -> Content:
    text = letter.text
    try:
        seal = Seal(letter.seal) if letter.seal else None
        signature = Signed(letter.signature) if letter.signature else Signed.NONE
    except ValueError:  # the word of a newer version
        seal, signature = (Seal.NEVER_SEALED if letter.direction == "in" else None), Signed.NONE
    if seal in PROVEN and not ours:
        seal = Seal.SIGNED_FIRST_SEEN
    inner = letter.inner_sha256
    posted = any(one.state == "posted" for one in letter.originals)
    return Content(
        direction=letter.direction,
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
        postcard=letter.postcard,
        signature=signature,
        seal=seal,
        quantum_safe=letter.quantum_safe,
        signer=letter.signer or None,
        signed_at=letter.signed_at,
        reply=letter.reply if letter.reply in ("later", "not_needed", "rest") else None,
        reply_on=letter.reply_on or None,
    )


def _people(named: Sequence[Named]) -> tuple[Correspondent, ...]:
    return tuple(Correspondent(clean(one.name), where) for one in named if (where := _address(one.address)) is not None)


def _address(text: str) -> Address | None:
    try:
        return Address.parse(text)
    except Usage:
        return None


async def _pieces(items: Iterator[tuple[str, T | Torn]]) -> AsyncGenerator[tuple[str, list[T], int], None]:
    """Some at a time, by number and weight: the cursor behind them, those that are whole, and how many are not."""
    while some := await asyncio.to_thread(lambda: _some(items)):
        whole = [one for _at, one in some if not isinstance(one, Torn)]
        yield some[-1][0], whole, len(some) - len(whole)


def _some(items: Iterator[tuple[str, T | Torn]]) -> list[tuple[str, T | Torn]]:
    """The next ones, one of them at least."""
    some: list[tuple[str, T | Torn]] = []
    weight = 0
    for one in islice(items, _TOGETHER):
        some.append(one)
        weight += _weight(one[1])
        if weight >= HEAVIEST_STACK:
            break
    return some


def _weight(one: object) -> int:
    """Octets and characters that it holds."""
    match one:
        case Leaving():
            held = sum(len(original.data) for original in one.originals)
            return held + _enclosed(one.enclosures) + len(one.text) + len(one.html or "")
        case LeavingDraft():
            return _enclosed(one.enclosures) + len(one.text) + sum(len(version.text) for version in one.versions)
        case Original():
            return len(one.data)
    return 0


def _enclosed(enclosures: Sequence[Enclosure]) -> int:
    return sum(len(one.data) for one in enclosures)
