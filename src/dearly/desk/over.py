"""Act 3, reading over: the page on paper as its reader will have it, and what a friend would say beside it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from dearly.desk import dateline, page
from dearly.desk.desk import Desk
from dearly.desk.notices import notices
from dearly.desk.values import EnclosureView
from dearly.drawer import drafts as pages
from dearly.letter.content import Draft
from dearly.opener.showing import Sheet

WORDS_ALOUD = 130
"""Words that are read aloud in a minute, unhurried."""

WORDS_ON_A_SHEET = 330
"""Words that stand on a printed sheet, about."""


@dataclass(frozen=True, slots=True)
class OnPaper:
    """A page as its reader will have it. `html`: made by the limited child, fit for a page of ours; `beside`: what lies
    with the letter and is not in its text; `pictures`: how many are in it, `weight` octets together. `posted` False:
    it is a draft still. `notices`: what a friend would say."""

    view: page.PageView
    html: str
    beside: tuple[EnclosureView, ...]
    pictures: int
    weight: int
    notices: tuple[str, ...]
    sheets: int
    minutes: int


async def read_over(desk: Desk, number: int) -> OnPaper:
    """The page as it would be posted today. Nothing is kept or changed by looking. Raises `NotFound`, `Damaged`."""
    view = await page.page(desk, number)
    enclosed = await desk.drawer.read(lambda db: pages.load(db, number).enclosed)
    draft = await desk.drawer.read(lambda db: pages.whole(db, number))
    html, placed = await _on_paper(desk, number, draft, view.today)
    inside = {one.position for one in enclosed if one.cid in placed}
    return OnPaper(
        view=view,
        html=html,
        beside=tuple(
            EnclosureView(one.name, one.media_type, one.size) for one in enclosed if one.position not in inside
        ),
        pictures=len(inside),
        weight=sum(one.size for one in enclosed if one.position in inside),
        notices=tuple(notices(draft, addressed=True)),
        sheets=-(-view.words // WORDS_ON_A_SHEET) + len(inside) // 3,
        minutes=round(view.words / WORDS_ALOUD),
    )


async def on_paper(desk: Desk, number: int, text: str) -> str:
    """A text of this page, such as an earlier state, as paper shows it."""
    draft = await desk.drawer.read(lambda db: pages.whole(db, number))
    html, _placed = await _on_paper(desk, number, Draft(text=text, enclosures=draft.enclosures), date.min)
    return html


async def _on_paper(desk: Desk, number: int, draft: Draft, day: date) -> tuple[str, frozenset[str]]:
    text = dateline.headed(draft.place, day, draft.text)
    cids = tuple(one.cid for one in draft.enclosures if one.cid is not None)
    (shown,) = await desk.opener.paper(
        [Sheet(text, commonmark=True, pictures=cids, pictures_at=f"/page/{number}/picture/")]
    )
    return shown.html, frozenset(shown.placed)
