"""Correspondences: all of them in one quiet list, and each as a book that is read, searched, leafed through, printed.

Nothing here needs a script. A book is read by stretches; a day to go to, and words to look for, are sent and never
stand in an address.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from markupsafe import Markup
from starlette.responses import Response

from dearly.desk import correspondence as shelf
from dearly.desk.correspondence import Chapter, Thread, Voice
from dearly.letter.errors import DearlyError, Usage
from dearly.letter.words import _
from dearly.web import when
from dearly.web.dates import Dates
from dearly.web.forms import whole
from dearly.web.pages.ledger import missing
from dearly.web.visit import Pages, Visit

routes = Pages()

OLD = timedelta(days=365)
"""From then on nobody is told that nothing has gone back: most such letters are from an archive, and wait no more."""

LONGEST = 200
"""Characters that are looked for."""


@dataclass(frozen=True, slots=True)
class LineShown:
    """A correspondence in the list. `said`: who wrote last, and when. `rest`: what was decided, "" for nothing.
    `years`: over which it goes."""

    uid: str
    name: str
    said: str
    rest: str
    years: str


@dataclass(frozen=True, slots=True)
class VoiceShown:
    """A letter in the book. `day`: as it stands beside the name; `silence`: what is said before it, "" for nothing."""

    voice: Voice
    html: Markup
    name: str
    day: str
    silence: str
    note: str


@dataclass(frozen=True, slots=True)
class YearShown:
    """The letters of one year, as far as they are in this stretch. `silence`: what is said before the year."""

    year: int
    silence: str
    voices: tuple[VoiceShown, ...]


@routes.get("/letters")
async def letters(visit: Visit) -> Response:
    """All correspondences."""
    found = await shelf.threads(visit.desk, visit.request.query_params.get("after") or None)
    today = visit.desk.clock.local().date()
    lines = [_line(line, today) for line in found.lines]
    return visit.show("letters.html", lines=lines, more=found.more)


def _line(line: Thread, today: date) -> LineShown:
    ago = when.ago((today - line.last.date()).days)
    old = today - line.last.date() > OLD
    if line.ours:
        said, rest = _("You wrote last, {ago}.").format(ago=ago), ""
    else:
        said = _("{name} wrote last, {ago}.").format(name=_first_name(line.name, line.kind), ago=ago)
        rest = {
            "later": _("You put the answer by for later."),
            "not_needed": _("No answer needed."),
            "rest": _("You let it rest."),
        }.get(line.reply, "" if old else _("Nothing has gone back yet."))
    first, last = line.first.year, line.last.year
    return LineShown(line.uid, line.name, said, rest, str(first) if first == last else f"{first}–{last}")


@routes.get("/letters/{uid}")
async def book(visit: Visit, uid: str) -> Response:
    """A stretch of a correspondence. `at`: number of the letter it begins with; `year`; `order=newest`; `print=year` or
    `print=all`."""
    asked = visit.request.query_params
    newest_first = asked.get("order") == "newest"
    for_print = asked.get("print", "")
    year = whole(asked.get("year", ""))
    at = whole(asked.get("at", ""))
    if for_print == "all" and at is None:
        year = 1
    chapter = await shelf.book(
        visit.desk,
        uid,
        at=at,
        year=None if year is None else min(max(year, 1), 9999),
        newest_first=newest_first and not for_print,
        limit=shelf.MOST_PRINTED if for_print in ("all", "year") else shelf.STRETCH,
    )
    if for_print == "year" and year is not None:
        chapter = _only(chapter, year)
    return _shown(visit, chapter, for_print=for_print if for_print in ("all", "year") else "")


def _only(chapter: Chapter, year: int) -> Chapter:
    kept = tuple(one for one in chapter.letters if one.date.year == year)
    return replace(chapter, letters=kept, on=chapter.on if len(kept) == len(chapter.letters) else None)


def _shown(visit: Visit, chapter: Chapter, *, for_print: str = "", said: DearlyError | None = None) -> Response:
    years = list(_years(chapter, visit.dates))
    return visit.show(
        "book.html",
        status=400 if said else 200,
        said=said,
        chapter=chapter,
        years=years,
        for_print=for_print,
        order="newest" if chapter.newest_first else "oldest",
        missing=missing(chapter.missing),
    )


def _years(chapter: Chapter, dates: Dates) -> Iterator[YearShown]:
    """The stretch by years. A silence between two years is said between them."""
    voices: list[VoiceShown] = []
    year, before = 0, ""
    for voice in chapter.letters:
        silence = _silence(voice, chapter)
        if voice.date.year != year:
            if voices:
                yield YearShown(year, before, tuple(voices))
            voices, year, before, silence = [], voice.date.year, silence, ""
        voices.append(_voice(voice, chapter, dates, silence))
    if voices:
        yield YearShown(year, before, tuple(voices))


def _silence(voice: Voice, chapter: Chapter) -> str:
    """What is said where long nothing came. Read backwards it stands after the letter, so it is not said before."""
    if chapter.newest_first or voice.since is None or voice.since < shelf.SILENCE.days:
        return ""
    return silence(voice.since)


def silence(days: int) -> str:
    """So long without a letter, as one would say it."""
    months = round(days / 30.4)
    if months < 11:
        return _("Nothing for {n} months.").format(n=when.number(months))
    if months < 15:
        return _("Nothing for a year.")
    if months < 21:
        return _("Nothing for a year and a half.")
    return _("Nothing for {n} years.").format(n=when.number(round(months / 12)))


def _voice(voice: Voice, chapter: Chapter, dates: Dates, silence: str) -> VoiceShown:
    note = ""
    if voice.paper:
        note = _("on paper")
    elif voice.postcard:
        note = _("a postcard")
    return VoiceShown(
        voice=voice,
        html=Markup(voice.html),  # noqa: S704  made by the limited child for our pages (opener.showing)
        name=_first_name(voice.writer, chapter.kind if voice.ours else "person"),
        day=dates.day_of_year(voice.date.replace(tzinfo=None)),
        silence=silence,
        note=note,
    )


def _first_name(name: str, kind: str) -> str:
    """How one who writes is called in the book: by the first of several names, but a house by all of them."""
    return name if kind != "person" or "@" in name else (name.split() or [name])[0]


@routes.post("/letters/{uid}/day")
async def to_day(visit: Visit, uid: str) -> Response:
    """Open the book at a day."""
    form = await visit.form()
    order = "&order=newest" if form.text("order") == "newest" else ""
    try:
        day = date.fromisoformat(form.text("day").strip())
    except ValueError:
        chapter = await shelf.book(visit.desk, uid, newest_first=bool(order))
        wrong = Usage("bad_date", _("That is no day that a calendar has."), _("Write it as 2026-11-22."))
        return _shown(visit, chapter, said=wrong)
    number = await shelf.on_day(visit.desk, uid, day)
    return visit.go(f"/letters/{uid}" if number is None else f"/letters/{uid}?at={number}{order}#letter-{number}")


@routes.post("/letters/{uid}/find")
async def find(visit: Visit, uid: str) -> Response:
    """Words in the letters of this book. `before`: letter to go on before."""
    form = await visit.form()
    query = form.text("q")[:LONGEST].strip()
    if not query:
        return visit.go(f"/letters/{uid}")
    found = await shelf.earlier(visit.desk, uid, query, whole(form.text("before")))
    rows = [
        (one, _first_name(one.writer, "person"), visit.dates.day(one.date.replace(tzinfo=None)))
        for one in found.letters
    ]
    return visit.show("book-found.html", found=found, rows=rows, query=query)
