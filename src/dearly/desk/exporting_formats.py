"""The formats of an export, one class each: what it needs of a letter, and where it puts what it makes of it.

All formats that were asked for are filled side by side from one reading of the drawer. Their methods are plain and may
take a while (they write onto a disk), so `exporting` calls them apart from the loop. What is not theirs they pass over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar

from babel import Locale, UnknownLocaleError
from babel.dates import format_date

from dearly.desk import exporting_words
from dearly.drawer.exporting import Want
from dearly.exchange import export_cmif, export_markdown, export_vcard, mboxrd
from dearly.exchange.bundle import NAME, BundleWriter
from dearly.exchange.export_html import HtmlArchive
from dearly.exchange.export_names import enclosure_names, letter_stem, slug
from dearly.exchange.export_opened import opened_copy
from dearly.exchange.export_tree import Tree
from dearly.letter.leaving import Book, Leaving, LeavingDraft, Original
from dearly.letter.words import language
from dearly.opener.showing import Paper
from dearly.seal.armor import armor


@dataclass(frozen=True, slots=True)
class Ground:
    """What every format stands on. `opened`: copies in the clear instead of originals, where there is a choice."""

    tree: Tree
    root: str
    book: Book
    made: datetime
    opened: bool


class Format:
    """What is common: nothing is wanted, nothing is made. `reads`: whether it is about letters at all; `past`: whether
    drafts of letters and earlier versions are wanted too; `papers`: whether letters are to be put on paper first."""

    want: ClassVar[Want] = Want()
    reads = True
    past = False
    papers = False

    def __init__(self, ground: Ground) -> None:
        self.ground = ground

    def begin(self) -> None:
        """Before the first letter."""

    def letters(self, piece: Sequence[Leaving], papers: Sequence[Paper]) -> None:
        """The next letters, by date; `papers` for each where they were asked for."""

    def envelopes(self, piece: Sequence[Original]) -> None:
        """The next parcels that no letter was made of, and further copies of letters (those with `letter`)."""

    def drafts(self, piece: Sequence[LeavingDraft]) -> None:
        """The next drafts."""

    def end(self) -> None:
        """After everything."""


def messages(letter: Leaving, *, opened: bool) -> list[tuple[bytes, datetime]]:
    """A letter as whole messages: the originals, or where an opened copy was asked for, or nothing else is there, that.

    Of a letter of ours the forms in which it was posted; of theirs every parcel that it came in."""
    kept = [
        (one.data, one.at)
        for one in letter.originals
        if (one.state == "posted" if letter.direction == "out" else one.state not in ("own", "report"))
    ]
    if letter.direction == "out" and not kept:  # imported, as it once went
        kept = [(one.data, one.at) for one in letter.originals if one.state == "imported"]
    kept = [(data, at) for data, at in kept if not _is_no_message(letter, data)]
    return kept if kept and not opened else [(opened_copy(letter), letter.date)]


def _is_no_message(letter: Leaving, data: bytes) -> bool:
    """Whether what is kept as an original is none that a mail program reads: texts and scans are their own originals,
    and their digest is what the letter is known by."""
    return bool(letter.inner_sha256) and hashlib.sha256(data).hexdigest() == letter.inner_sha256


_LOOKED_AT = ("unreadable", "imported")
"""States of parcels that are no unopened envelopes."""


def alone(piece: Sequence[Original]) -> list[Original]:
    """Those that no letter was made of."""
    return [one for one in piece if not one.letter]


def boxed(piece: Sequence[Original], *, opened: bool) -> Iterator[tuple[Original, str]]:
    """Parcels with the box that they lie in, as `messages` has it for the copies that stand with their letter."""
    for one in piece:
        if one.direction != "out":
            if not (opened and one.letter):
                yield one, "received"
        elif one.state == "imported" and not opened:
            yield one, "sent"


class Maildir(Format):
    """Two Maildirs, received and sent: a file a letter, byte for byte."""

    want = Want(enclosures=True, originals=True, html=True)

    def begin(self) -> None:
        self._info = ":2,S" if self._takes_colons() else "!2,S"
        for box in ("received", "sent"):
            for folder in ("cur", "new", "tmp"):
                self.ground.tree.make_folder(f"{self.ground.root}{box}/{folder}")

    def letters(self, piece: Sequence[Leaving], _papers: Sequence[Paper]) -> None:
        for letter in piece:
            box = "sent" if letter.direction == "out" else "received"
            for n, (data, at) in enumerate(messages(letter, opened=self.ground.opened)):
                name = f"{int(at.timestamp())}.{letter.number}_{n}.{letter.uid[:12]},S={len(data)}{self._info}"
                self.ground.tree.write(f"{self.ground.root}{box}/cur/{name}", data)

    def envelopes(self, piece: Sequence[Original]) -> None:
        for one, box in boxed(piece, opened=self.ground.opened):
            folder, info = ("cur", self._info) if one.letter or one.state in _LOOKED_AT else ("new", "")
            name = f"{int(one.at.timestamp())}.{one.number}_0.{one.uid[:12]},S={len(one.data)}{info}"
            self.ground.tree.write(f"{self.ground.root}{box}/{folder}/{name}", one.data)

    def _takes_colons(self) -> bool:
        """Whether the disk takes the colon before the flags (FAT and exFAT do not)."""
        probe = self.ground.tree.folder / "colon:"
        try:
            probe.touch(mode=0o600)
            probe.unlink()
        except OSError:
            return False
        return True


class Mbox(Format):
    """Two files, received and sent, with one letter after the other."""

    want = Want(enclosures=True, originals=True, html=True)

    def begin(self) -> None:
        self._boxes = {box: self.ground.tree.begin(f"{self.ground.root}{box}.mboxrd") for box in ("received", "sent")}

    def letters(self, piece: Sequence[Leaving], _papers: Sequence[Paper]) -> None:
        for letter in piece:
            box = self._boxes["sent" if letter.direction == "out" else "received"]
            writer = next((one.address for one in letter.who("from")), "")
            for data, at in messages(letter, opened=self.ground.opened):
                box.write(mboxrd.entry(data, writer, at))

    def envelopes(self, piece: Sequence[Original]) -> None:
        for one, box in boxed(piece, opened=self.ground.opened):
            self._boxes[box].write(mboxrd.entry(one.data, one.from_address, one.at))

    def end(self) -> None:
        for one in self._boxes.values():
            self.ground.tree.complete(one)


class Markdown(Format):
    """A Markdown file a letter, by years, its enclosures beside it; drafts; and what was not opened, as it came."""

    want = Want(enclosures=True)

    def letters(self, piece: Sequence[Leaving], _papers: Sequence[Paper]) -> None:
        for letter in piece:
            stem = letter_stem(letter)
            names = enclosure_names(letter.enclosures)
            place = f"{self.ground.root}{letter.date.year:04}"
            text = export_markdown.letter_file(letter, self.ground.book.owner.name, stem, names)
            self.ground.tree.write(f"{place}/{stem}.md", text.encode())
            for one, name in zip(letter.enclosures, names, strict=True):
                self.ground.tree.write(f"{place}/{stem}/{name}", one.data)

    def envelopes(self, piece: Sequence[Original]) -> None:
        for one in alone(piece):
            self.ground.tree.write(self.ground.root + envelope_name(one), one.data)

    def drafts(self, piece: Sequence[LeavingDraft]) -> None:
        for draft in piece:
            if draft.state == "posted":
                continue
            names = enclosure_names(draft.enclosures)
            stem = f"draft-{draft.number}"
            text = export_markdown.draft_file(draft, stem, names)
            self.ground.tree.write(f"{self.ground.root}drafts/{stem}.md", text.encode())
            for one, name in zip(draft.enclosures, names, strict=True):
                self.ground.tree.write(f"{self.ground.root}drafts/{stem}/{name}", one.data)


class Html(Format):
    """The static archive."""

    want = Want(enclosures=True, html=True)
    papers = True

    def begin(self) -> None:
        ground = self.ground
        self._archive = HtmlArchive(ground.tree, ground.root, ground.book.owner, ground.made, language(), _days())

    def letters(self, piece: Sequence[Leaving], papers: Sequence[Paper]) -> None:
        for letter, paper in zip(piece, papers, strict=True):
            self._archive.add(letter, paper.html, paper.links)

    def envelopes(self, piece: Sequence[Original]) -> None:
        for one in alone(piece):
            name = envelope_name(one)
            self.ground.tree.write(self.ground.root + name, one.data)
            self._archive.add_envelope(one, name)

    def end(self) -> None:
        self._archive.end()


class Vcard(Format):
    """The address book as one file of cards."""

    reads = False

    def begin(self) -> None:
        keys = {one.fingerprint: one.body for one in self.ground.book.certificates}
        cards = [one for one in self.ground.book.people if one.merged_into is None]
        text = "".join(export_vcard.card(one, keys, self.ground.made) for one in cards)
        self.ground.tree.write(f"{self.ground.root}people.vcf", text.encode())


class Cmif(Format):
    """The list of letters for scholars."""

    def begin(self) -> None:
        self._out = self.ground.tree.begin(f"{self.ground.root}letters.cmif.xml")
        self._out.write(export_cmif.head(self.ground.book.owner, self.ground.made))

    def letters(self, piece: Sequence[Leaving], _papers: Sequence[Paper]) -> None:
        self._out.write(export_cmif.letters(piece, self.ground.book.owner))

    def end(self) -> None:
        self._out.write(export_cmif.tail())
        self.ground.tree.complete(self._out)


class Keys(Format):
    """Certificates in armor: our own, and everybody else's; our secret keys where they were asked for."""

    reads = False

    def begin(self) -> None:
        write, root = self.ground.tree.write, self.ground.root
        for key in self.ground.book.owner.keys:
            stem = f"own-{key.fingerprint[:16]}"
            write(f"{root}{stem}.asc", armor(key.certificate, "PUBLIC KEY BLOCK"))
            if key.secret is not None:
                write(f"{root}{stem}.secret.pgp", key.secret)
        whose = {b.fingerprint: person.name for person in self.ground.book.people for b in person.bindings}
        for one in self.ground.book.certificates:
            stem = "-".join(filter(None, (slug(whose.get(one.fingerprint, ""), 40), one.fingerprint[:16])))
            write(f"{root}people/{stem}.asc", armor(one.body, "PUBLIC KEY BLOCK"))


class Bundle(Format):
    """The one file that can be imported again without any loss."""

    want = Want(enclosures=True, originals=True, html=True)
    past = True

    def begin(self) -> None:
        self._out = self.ground.tree.begin(f"{self.ground.root}{NAME}")
        self._writer = BundleWriter(self._out, self.ground.made)
        self._writer.begin(
            exporting_words.in_bundle(self.ground.book.owner.name, self.ground.made),
            self.ground.book,
        )

    def letters(self, piece: Sequence[Leaving], _papers: Sequence[Paper]) -> None:
        self._writer.letters(piece)

    def envelopes(self, piece: Sequence[Original]) -> None:
        self._writer.envelopes(piece)

    def drafts(self, piece: Sequence[LeavingDraft]) -> None:
        self._writer.drafts(piece)

    def end(self) -> None:
        self._writer.end()
        self.ground.tree.complete(self._out)


FORMATS: dict[str, type[Format]] = {
    "maildir": Maildir,
    "mbox": Mbox,
    "markdown": Markdown,
    "html": Html,
    "vcard": Vcard,
    "cmif": Cmif,
    "keys": Keys,
    "bundle": Bundle,
}


def envelope_name(one: Original) -> str:
    """The name of a parcel that was not opened, beside formats that hold none."""
    return f"unopened/{one.at.date().isoformat()}-{one.number}.eml"


def _days() -> Days:
    try:
        return Days(Locale.parse(language(), sep="_"))
    except (UnknownLocaleError, ValueError):
        return Days(Locale("en"))


@dataclass(frozen=True, slots=True)
class Days:
    """Says a day in words: 12 May 1998."""

    locale: Locale = field(repr=False)

    def __call__(self, when: datetime) -> str:
        style = "d MMMM y" if self.locale.language == "en" else "long"
        with suppress(ValueError, OverflowError):
            return format_date(when.date(), style, locale=self.locale)
        return when.date().isoformat()
