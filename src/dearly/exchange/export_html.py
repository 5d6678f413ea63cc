"""The static archive: pages that any browser opens from a disk, and will in thirty years. Nothing in them reaches out.

A page holds the letters of one correspondence and one year, at most `MOST_ON_PAGE` of them: a page of one letter would
make a hundred thousand files that take an hour to copy, a page of all years would not open. Letters are added by date;
each page is put together when the next one of its correspondence begins. A letter to several people stands whole in one
correspondence, and in the others as a line that leads there.

Text is put on paper by the limited child (`opener.paper`), which lets a small set of tags through; here it is placed,
never changed but for the file names of its own pictures. Links stand under the letter as they read, so that they are
seen before they are followed, and on paper too. Another program's own layout is not in the archive.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from importlib import resources
from typing import TYPE_CHECKING
from urllib.parse import quote

from dearly.exchange import export_words
from dearly.exchange.export_html_index import Index
from dearly.exchange.export_names import enclosure_names, letter_stem, link, slug
from dearly.letter.address import clean
from dearly.letter.leaving import Leaving, Named, Original, Owner
from dearly.letter.words import _, ngettext
from dearly.mime.plain import shown

if TYPE_CHECKING:
    from dearly.exchange.export_tree import Tree

MOST_ON_PAGE = 200

PICTURES_AT = "p/"
"""What the child puts before the quoted id of a picture."""

_PICTURES = {
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/webp": (b"RIFF",),
}
"""What is shown in a text, and how it begins: a picture that is something else is only a file beside the letter."""

_POLICY = (
    "default-src 'none'; img-src 'self' file:; style-src 'self' file:; script-src {script}; base-uri 'none';"
    " form-action 'none'"
)


def links_at(letter: Leaving) -> str:
    """What the child puts before the number of a link: a place further down, where the link stands as it reads."""
    return f"#l{letter.number}-to-"


def pictures(letter: Leaving) -> tuple[str, ...]:
    """Ids of the pictures that can stand in its text. Their bytes stay as they came: a browser is what is made for
    looking at foreign pictures."""
    return tuple(
        one.cid
        for one in letter.enclosures
        if one.cid is not None and one.data.startswith(_PICTURES.get(one.media_type.lower(), (b"\0none",)))
    )


@dataclass(slots=True)
class _Page:
    """A page whose letters are still being added. `entries`: day, who, subject and anchor of each."""

    year: int
    name: str
    entries: list[tuple[str, str, str, str]] = field(default_factory=list)


@dataclass(slots=True)
class _Shelf:
    """A correspondence. `years`: the pages of each year."""

    name: str
    folder: str
    letters: int = 0
    page: _Page | None = None
    before: str = ""
    years: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))


class HtmlArchive:
    """Fills the pages under `root` ("" or a folder that ends in “/”) of a tree. `day` says a day in words."""

    def __init__(
        self, tree: Tree, root: str, owner: Owner, made: datetime, language: str, day: Callable[[datetime], str]
    ) -> None:
        self._tree, self._root, self._owner, self._made = tree, root, owner, made
        self._language, self._day = language, day
        self._shelves: dict[str, _Shelf] = {}
        self._parts = tree.make_folder(f"{root}parts")
        self._index = Index(tree, f"{root}search")
        self._unopened: list[tuple[str, str, str]] = []
        for name in ("style.css", "search.js"):
            tree.write(root + name, (resources.files("dearly.exchange") / "page" / name).read_bytes())

    def add(self, letter: Leaving, paper: str, links: Sequence[str]) -> None:
        """The next letter by date. `paper`, `links`: its text as the child made it with `links_at` and `pictures`."""
        home, *elsewhere = self._homes(letter)
        page = self._page(home, letter.date.year)
        anchor = f"l{letter.number}"
        address = f"{self._shelves[home].folder}/{page.name}#{anchor}"
        names = self._save(letter)
        title = shown(letter.subject).strip()
        row = (letter.date.date().isoformat(), self._day(letter.date), self._who(letter), title)
        self._put(home, self._article(letter, paper, links, names), (*row[1:], anchor))
        self._index.add(
            [title, shown(letter.text), *(one.name for one in letter.enclosures), *map(_searched, letter.named)],
            [*row, f"letters/{address}"],
        )
        for uid in elsewhere:
            self._page(uid, letter.date.year)
            self._put(uid, self._stub(letter, f"../{address}"), (*row[1:], anchor))

    def add_envelope(self, original: Original, name: str) -> None:
        """A parcel that was not opened, and is in the archive as the file `name` under the root."""
        self._unopened.append((self._day(original.at), original.from_name or original.from_address, name))

    def end(self) -> None:
        """Write what is still open, and the first page."""
        for uid, shelf in self._shelves.items():
            self._close(uid, shelf, "")
        self._tree.drop_folder(self._parts)
        count = self._index.end()
        self._tree.write(self._root + "index.html", self._first(count).encode())

    def _homes(self, letter: Leaving) -> list[str]:
        """The correspondences that it belongs to, by uid; "" for those of nobody known."""
        for one in letter.others:
            if one.person and one.person not in self._shelves:
                folder = "-".join(filter(None, (slug(one.shown, 40), one.person[:8])))
                self._shelves[one.person] = _Shelf(one.shown, folder)
        homes = list(dict.fromkeys(one.person for one in letter.others if one.person)) or [""]
        if homes == [""]:
            self._shelves.setdefault("", _Shelf("", "others"))
        return homes

    def _page(self, uid: str, year: int) -> _Page:
        """The page on which the next letter of a correspondence stands."""
        shelf = self._shelves[uid]
        page = shelf.page
        if page is None or page.year != year or len(page.entries) >= MOST_ON_PAGE:
            nth = len(shelf.years[year])
            name = f"{year:04}.html" if nth == 0 else f"{year:04}-{nth + 1}.html"
            self._close(uid, shelf, name)
            shelf.years[year].append(name)
            page = shelf.page = _Page(year, name)
        return page

    def _put(self, uid: str, article: str, entry: tuple[str, str, str, str]) -> None:
        shelf = self._shelves[uid]
        assert shelf.page is not None
        shelf.letters += 1
        shelf.page.entries.append(entry)
        with (self._parts / (uid or "others")).open("a", encoding="utf-8") as part:
            part.write(article)

    def _close(self, uid: str, shelf: _Shelf, after: str) -> None:
        """Put the open page of a correspondence together; `after` is the name of the next one."""
        page = shelf.page
        if page is None:
            return
        part = self._parts / (uid or "others")
        name = shelf.name or _("Others")
        heading = _("{name}, {year}").format(name=name, year=page.year)
        turn = "".join(
            f'<a href="{target}" rel="{rel}">{words}</a>'
            for target, rel, words in ((shelf.before, "prev", _("Earlier")), (after, "next", _("Later")))
            if target
        )
        contents = "".join(
            f'<li><time>{escape(day)}</time><a href="#{anchor}">{escape(who)}</a>'
            + (f'<span class="subject" dir="auto">{escape(subject)}</span>' if subject else "")
            + "</li>"
            for day, who, subject, anchor in page.entries
        )
        main = (
            f'<h1 class="title" dir="auto">{escape(heading)}</h1>'
            f'<h2 class="label label-contents">{escape(_("On this page"))}</h2><ol class="contents">{contents}</ol>'
        )
        begin = self._begin(heading, "../../", script="'none'") + self._top("../../", turn) + f'<main id="main">{main}'
        out = self._tree.begin(f"{self._root}letters/{shelf.folder}/{page.name}")
        out.write(begin.encode())
        with part.open("rb") as articles:
            while data := articles.read(1 << 20):
                out.write(data)
        out.write(b"</main></body></html>\n")
        self._tree.complete(out)
        part.unlink()
        shelf.before, shelf.page = page.name, None

    def _article(self, letter: Leaving, paper: str, links: Sequence[str], names: Sequence[str]) -> str:
        folder = self._files(letter)
        for one, name in zip(letter.enclosures, names, strict=True):
            if one.cid is not None:
                placed = f'src="{escape(PICTURES_AT + quote(one.cid, safe=""))}"'
                paper = paper.replace(placed, f'src="../../{link(*folder.split("/"), name)}"')
        facts = [sentence for sentence in (export_words.seal(letter),) if sentence]
        facts += [_("The clean text of another program’s letter.")] if not letter.commonmark else []
        return (
            f'<article class="entry" id="l{letter.number}">{self._heading(letter)}'
            f'<div class="sheet" dir="auto">{paper}</div><div class="facts small">'
            + "".join(f"<p>{escape(one)}</p>" for one in facts)
            + _list("ul", _("Enclosed"), [(f"../../{link(*folder.split('/'), name)}", name, "") for name in names])
            + _list("ol", _("Links"), [(to, to, f"l{letter.number}-to-{n}") for n, to in enumerate(links)])
            + "</div></article>\n"
        )

    def _stub(self, letter: Leaving, address: str) -> str:
        words = escape(_("This letter stands in another correspondence."))
        return (
            f'<article class="entry elsewhere" id="l{letter.number}">{self._heading(letter)}'
            f'<p class="small"><a href="{escape(address)}">{words}</a></p></article>\n'
        )

    def _heading(self, letter: Leaving) -> str:
        title = shown(letter.subject).strip() or self._who(letter)
        ways = ", ".join(export_words.way(one) for one in letter.ways)
        said = " · ".join(filter(None, (self._who(letter), self._day(letter.date), letter.place, ways)))
        return f'<header><h2 dir="auto">{escape(title)}</h2><p class="who small">{escape(said)}</p></header>'

    def _who(self, letter: Leaving) -> str:
        """Who wrote to whom."""
        ours = {one.text.casefold() for one in self._owner.addresses}

        def name(one: Named) -> str:
            return self._owner.name if one.address.casefold() in ours and self._owner.name else clean(one.shown)

        writer = ", ".join(map(name, letter.who("from"))) or _("Somebody")
        readers = ", ".join(name(one) for one in (*letter.who("to"), *letter.who("cc")))
        return _("{writer} to {readers}").format(writer=writer, readers=readers) if readers else writer

    def _files(self, letter: Leaving) -> str:
        return f"files/{letter.date.year:04}/{letter_stem(letter)}"

    def _save(self, letter: Leaving) -> list[str]:
        # A foreign page would be one of this folder: it could load the index of words, and reach out besides.
        names = enclosure_names(letter.enclosures, beside_pages=True)
        for one, name in zip(letter.enclosures, names, strict=True):
            self._tree.write(f"{self._root}{self._files(letter)}/{name}", one.data)
        return names

    def _begin(self, title: str, up: str, script: str) -> str:
        return (
            f'<!doctype html>\n<html lang="{escape(self._language)}">\n<head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY.format(script=script)}">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            '<meta name="referrer" content="no-referrer"><meta name="robots" content="noindex">'
            f'<title>{escape(title)}</title><link rel="stylesheet" href="{up}style.css"></head>\n<body>'
        )

    def _top(self, up: str, turn: str) -> str:
        return (
            f'<a class="skip" href="#main">{escape(_("To the letters"))}</a><nav class="top">'
            f'<a href="{up}index.html">{escape(_("All letters"))}</a>'
            + (f'<span class="turn">{turn}</span>' if turn else "")
            + "</nav>"
        )

    def _first(self, count: int) -> str:
        title = _("Letters of {name}").format(name=self._owner.name) if self._owner.name else _("Letters")
        said = ngettext("One letter, copied on {day}.", "{n} letters, copied on {day}.", count).format(
            n=count, day=self._day(self._made)
        )
        shelves = sorted(
            (shelf for shelf in self._shelves.values() if shelf.letters),
            key=lambda one: (not one.name, one.name.casefold()),
        )
        return (
            self._begin(title, "", script="'self' file:")
            + f'<main id="main"><h1 class="title" dir="auto">{escape(title)}</h1><p class="lead">{escape(said)}</p>'
            + self._search()
            + f'<h2 class="label">{escape(_("Correspondences"))}</h2><ul class="shelves">'
            + "".join(map(_shelf, shelves))
            + "</ul>"
            + self._waiting()
            + '</main><script src="search.js"></script></body></html>\n'
        )

    def _search(self) -> str:
        said = {
            "none": _("No letter has these words."),
            "one": _("One letter."),
            "many": _("{n} letters, the newest first."),
            "trouble": _("The index could not be read. Is the folder “search” still beside this page?"),
        }
        data = "".join(f' data-{name}="{escape(words)}"' for name, words in said.items())
        return (
            f'<form class="look" role="search" data-search{data} hidden>'
            f'<label for="look">{escape(_("Words that stand in a letter, or the name of somebody"))}</label>'
            '<div><input id="look" type="search" autocomplete="off" spellcheck="false">'
            f"<button>{escape(_('Find'))}</button></div></form>"
            '<p class="said small" role="status" data-said></p><ol class="found" data-found></ol>'
            f'<button class="more" type="button" data-more hidden>{escape(_("More"))}</button>'
            f'<noscript><p class="small">{escape(_("The search needs JavaScript; everything else does not."))}'
            "</p></noscript>"
        )

    def _waiting(self) -> str:
        if not self._unopened:
            return ""
        rows = "".join(
            f'<li><time>{escape(day)}</time><a href="{link(*name.split("/"))}">{escape(clean(who) or name)}</a></li>'
            for day, who, name in self._unopened
        )
        return f'<h2 class="label">{escape(_("Not opened, as they came"))}</h2><ul class="contents">{rows}</ul>'


def _shelf(shelf: _Shelf) -> str:
    years = "".join(
        f'<li><a href="letters/{link(shelf.folder, name)}">{year}{f" ({n + 1})" if n else ""}</a></li>'
        for year, names in sorted(shelf.years.items())
        for n, name in enumerate(names)
    )
    return f'<li><h3 dir="auto">{escape(shelf.name or _("Others"))}</h3><ul class="years">{years}</ul></li>'


def _list(tag: str, words: str, rows: Sequence[tuple[str, str, str]]) -> str:
    if not rows:
        return ""
    items = "".join(
        f"<li{f' id={chr(34)}{anchor}{chr(34)}' if anchor else ''}>"
        f'<a href="{escape(to)}" rel="noopener noreferrer" dir="auto">{escape(name)}</a></li>'
        for to, name, anchor in rows
    )
    return f"<p>{escape(words)}</p><{tag}>{items}</{tag}>"


def _searched(one: Named) -> str:
    return f"{one.name} {one.known_as} {one.address}"
