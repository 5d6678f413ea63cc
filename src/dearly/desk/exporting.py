"""Act 10, export: everything out of the lock in one act, in formats that are read without Dearly.

What leaves the lock in clear is said before it does (`before`). The drawer is read in short pieces while the desk goes
on; all formats are written from the one reading, into a folder that gets its name only when all is on the disk. A
letter that is damaged in the drawer keeps no other from leaving, and is named (F19).
"""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from html import escape
from pathlib import Path
from typing import TypeVar

from dearly.desk import exporting_words, saving
from dearly.desk.app import Progress
from dearly.desk.desk import Desk
from dearly.desk.exporting_formats import FORMATS, Format, Ground
from dearly.drawer import exporting, exporting_book, surroundings
from dearly.drawer.connection import Db
from dearly.drawer.exporting_survey import Survey, survey
from dearly.drawer.folder import DATABASE
from dearly.drawer.keyring import own_keys
from dearly.exchange.export_html import PICTURES_AT, links_at, pictures
from dearly.exchange.export_tree import Tree
from dearly.letter.errors import Damaged, DearlyError, NoSpace, Refused, Usage
from dearly.letter.leaving import Book, Leaving, LeavingDraft, LeavingKey, Original
from dearly.letter.words import _
from dearly.mime.plain import shown
from dearly.opener.showing import Paper, Sheet
from dearly.seal import sequoia

__all__ = ["Exported", "Survey", "Wish", "before", "export", "survey", "wish"]

T = TypeVar("T")
N = TypeVar("N", Leaving, Original, LeavingDraft)

_PAPERS = 50
"""Letters that are put on paper together, and characters of them."""
_PAPER_TEXT = 1_000_000


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be exported. `formats`: names out of FORMATS; several lie in folders of their own. `opened`: copies in
    the clear where originals are sealed. `secret_under`: the passphrase that our secret keys go along under, None where
    they stay here."""

    formats: tuple[str, ...]
    opened: bool = False
    secret_under: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, into which folder. `letters`: how many, where there are letters in it at all; envelopes that
    were not opened are not counted. `damaged`:
    numbers of what could not be read out of the drawer."""

    path: str
    letters: int
    files: int
    bytes: int
    damaged: tuple[int, ...] = ()


def wish(name: str, *, opened: bool = False, secret_under: str | None = None) -> Wish:
    """The wish for one format by its name, or for "all". Raises `Usage` (bad_format, no_secret_keys_there)."""
    if name != "all" and name not in FORMATS:
        raise Usage("bad_format", _("There is no format “{name}”.").format(name=name), ", ".join((*FORMATS, "all")))
    formats = tuple(FORMATS) if name == "all" else (name,)
    if secret_under is not None and not {"keys", "bundle"} & set(formats):
        raise Usage(
            "no_secret_keys_there",
            _("Secret keys can only go along with the keys, or in a bundle."),
            _("Leave --secret-keys out, or choose the format keys, bundle or all."),
        )
    return Wish(formats, opened, secret_under)


def before(target: Path, wish: Wish, found: Survey) -> list[str]:
    """What has to be said before anything leaves the lock, in sentences; `found`: what `survey` counted. Raises as
    `export` where it would refuse."""
    target = _place(target)
    return exporting_words.before(
        wish.formats, wish.opened, wish.secret_under is not None, surroundings.synced_by(target), found
    )


async def export(desk: Desk, target: Path, wish: Wish, progress: Progress) -> Exported:
    """Write everything into the folder `target`, which must be empty or not be there. Cancelled or failed, there is
    nothing of it.

    Raises `Refused` (not_empty, name_taken, export_in_drawer), `NotFound` (no_such_folder), `InUse` (export_running),
    `NoSpace` (disk_full, not_written)."""
    target = _place(target)
    try:
        return await _Export(desk, target, wish, progress).run()
    except OSError as trouble:
        raise _not_written(trouble, target) from None


def _place(target: Path) -> Path:
    target = saving.into(target.absolute())
    if any((above / DATABASE).exists() for above in (target, *target.parents)):
        raise Refused(
            "export_in_drawer",
            _("An export inside the drawer's own folder would be lost with it."),
            _("Choose another place."),
        )
    return target


class _Export:
    """One export on its way."""

    def __init__(self, desk: Desk, target: Path, wish: Wish, progress: Progress) -> None:
        self._desk, self._target, self._wish, self._progress = desk, target, wish, progress
        self._formats: list[Format] = []
        self._damaged: list[int] = []
        self._letters = self._done = self._total = 0

    async def run(self) -> Exported:
        # Entered and left on the loop's own thread: both are short, and leaving must happen whatever else does.
        with Tree(self._target) as tree:
            await self._begin(tree)
            if any(one.reads for one in self._formats):
                await self._all_letters()
                await self._all_envelopes()
                await self._all_drafts()
            for one in self._formats:
                await _apart(one.end)
            await _apart(tree.finish)
            return Exported(str(self._target), self._letters, tree.files, tree.octets, tuple(self._damaged))

    async def _begin(self, tree: Tree) -> None:
        drawer, wish = self._desk.drawer, self._wish
        book = await self._book()
        tally = await drawer.read(exporting.tally)
        self._total = tally.letters + tally.envelopes + tally.drafts
        made = self._desk.clock.local().replace(microsecond=0)
        several = len(wish.formats) > 1
        for name in wish.formats:
            root = f"{name}/" if several else ""
            ground = Ground(tree, root, book, made, wish.opened)
            self._formats.append(FORMATS[name](ground))
        readme = exporting_words.readme(wish.formats, book.owner.name, made, opened=wish.opened)
        await _apart(lambda: tree.write("README.txt", readme.encode()))
        for one in self._formats:
            await _apart(one.begin)
        if any(one.reads for one in self._formats):
            self._tell(0)

    async def _book(self) -> Book:
        def read(db: Db) -> tuple[Book, dict[str, bytes]]:
            return exporting_book.book(db, self._desk.drawer.uid), {key.fingerprint: key.secret for key in own_keys(db)}

        book, secrets = await self._desk.drawer.read(read)
        under = self._wish.secret_under
        if under is None:
            return book

        def locked() -> tuple[LeavingKey, ...]:
            return tuple(
                replace(key, secret=sequoia.under_passphrase(secrets[key.fingerprint], under))
                for key in book.owner.keys
            )

        return replace(book, owner=replace(book.owner, keys=await _apart(locked)))

    async def _all_letters(self) -> None:
        wants = [one.want for one in self._formats]
        want = exporting.Want(*(any(getattr(w, name) for w in wants) for name in ("enclosures", "originals", "html")))
        key: int | None = None
        while places := await self._desk.drawer.read(partial(exporting.after, key=key)):
            numbers = [number for _key, number in places]
            key = places[-1][0]
            while numbers:
                piece, taken = await self._readable(numbers, partial(exporting.load, want=want))
                numbers = numbers[taken:]
                self._letters += len(piece)
                papers = await self._papers(piece) if any(one.papers for one in self._formats) else []
                await self._write([partial(one.letters, piece, papers) for one in self._formats], taken)

    async def _all_envelopes(self) -> None:
        behind = 0
        while numbers := await self._desk.drawer.read(partial(exporting.envelope_numbers, behind=behind)):
            behind = numbers[-1]
            while numbers:
                piece, taken = await self._readable(numbers, exporting.envelopes)
                numbers = numbers[taken:]
                outside = [one for one in piece if one.state not in ("own", "report")]
                await self._write(
                    [partial(one.envelopes, piece if one.past else outside) for one in self._formats], taken
                )

    async def _all_drafts(self) -> None:
        past = any(one.past for one in self._formats)
        behind = 0
        while numbers := await self._desk.drawer.read(partial(exporting.draft_numbers, behind=behind, posted=past)):
            behind = numbers[-1]
            while numbers:
                piece, taken = await self._readable(numbers, partial(exporting.drafts, past=past))
                numbers = numbers[taken:]
                await self._write([partial(one.drafts, piece) for one in self._formats], taken)

    async def _readable(
        self, numbers: Sequence[int], load: Callable[[Db, Sequence[int]], list[N]]
    ) -> tuple[list[N], int]:
        """The first of these, as many as make a piece, and how many of the numbers that settles. One that is damaged is
        noted and left out (F19)."""
        try:
            found = await self._desk.drawer.read(lambda db: load(db, numbers))
        except Damaged:
            if len(numbers) > 1:
                return await self._readable(numbers[: len(numbers) // 2], load)
            self._damaged.append(numbers[0])
            return [], 1
        return found, numbers.index(found[-1].number) + 1 if found else len(numbers)

    async def _write(self, acts: Sequence[Callable[[], None]], done: int) -> None:
        for n, act in enumerate(acts, 2):
            await _apart(act)
            self._tell(done * n // (len(acts) + 1))
        self._done = min(self._done + done, self._total)

    def _tell(self, more: int) -> None:
        """Show how far it is: `more` letters beyond the pieces that are done."""
        self._progress(_("Writing letters"), min(self._done + more, self._total), self._total)

    async def _papers(self, piece: Sequence[Leaving]) -> list[Paper]:
        found: list[Paper] = []
        waiting: list[Leaving] = []
        for one in piece:
            waiting.append(one)
            if len(waiting) >= _PAPERS or sum(len(w.text) for w in waiting) > _PAPER_TEXT:
                found += await self._on_paper(waiting)
                waiting = []
                # Putting them on paper counts as much as writing one format.
                self._tell(len(found) // (len(self._formats) + 1))
        return found + (await self._on_paper(waiting) if waiting else [])

    async def _on_paper(self, some: Sequence[Leaving]) -> list[Paper]:
        """Letters on paper; one that no child can bear stands as its bare text."""
        with suppress(DearlyError):
            return list(await self._desk.opener.paper([_sheet(one) for one in some]))
        if len(some) > 1:
            return [paper for one in some for paper in await self._on_paper([one])]
        return [Paper(f"<pre>{escape(shown(some[0].text))}</pre>")]


def _sheet(letter: Leaving) -> Sheet:
    html = letter.html if letter.html is not None and "/…>" in letter.text else None
    return Sheet(letter.text, letter.commonmark, pictures(letter), PICTURES_AT, links_at(letter), html)


async def _apart(act: Callable[[], T]) -> T:
    """Run `act` on another thread and wait for it, also when nobody wants it any more: what it writes is taken away
    only after it has stopped writing."""
    task = asyncio.ensure_future(asyncio.to_thread(act))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _not_written(trouble: OSError, target: Path) -> NoSpace:
    if trouble.errno in (errno.ENOSPC, errno.EDQUOT):
        return NoSpace(
            "disk_full",
            _("The disk is full: the export was given up, and nothing of it is left there."),
            _("Make room there, or choose another place."),
            retry=True,
        )
    return NoSpace(
        "not_written",
        _("“{folder}” cannot be written: {why}.").format(folder=target, why=trouble.strerror or "?"),
        _("Choose another place, or look at the disk."),
    )
