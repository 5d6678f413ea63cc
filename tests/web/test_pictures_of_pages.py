"""Pictures of the pages, to be looked at by a person: `DEARLY_PICTURES=1 make test-web` lays them into docs/pictures.

They are of a desk as somebody has it, not of the traps that other tests lay out. Without the setting these tests
see only that every page can be shown at each width without anything standing over its edge.
"""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from playwright.sync_api import Page

from dearly.desk import account, keys, people, post, write
from dearly.letter.content import Enclosure
from tests.support.browser import Home, Quarter, shoot
from tests.web.conftest import Sit

pytestmark = pytest.mark.long  # its pages are before axe-core at every width as well

LETTER = """Dear Irma,

the mill has stood still since Tuesday, and it is strange how loud the brook is now that nothing answers it. I \
walked up after supper with the lantern you left here, and found the door as we had closed it, with the chalk still on \
the lintel.

You asked whether I would keep the garden. I have thought about it for three weeks, which is why this letter is late, \
and I believe that I will. Not all of it: *the upper beds*, and the two apple trees that your father grafted.

> Leave the third tree to the birds, you wrote.

So I shall. Tell me when you come, and whether the boy comes too.
"""
OURS = (
    "it snows, and the post comes on skis.",
    "the clock in the hall has stopped, and nobody has missed it.",
    "I found your father's pruning book behind the flour.",
    "the mill will be shut on Tuesday. I shall go up and look.",
)
THEIRS = (
    "here it rains, and the boy asks what snow weighs.",
    "leave the clock as it is; we shall all be younger for it.",
    "keep the book. He would have liked to know that it smells of bread.",
)
ANSWER = """Dear Ada,

your letter lay in the box when I came in from the rain, and I read it standing, in my wet coat.

Keep the upper beds, and let the rest go back to grass. What a garden wants is somebody who looks at it in the \
morning; the work comes by itself. I enclose the list that my father made of the trees, and the year of each.

We come in the second week of March, and the boy comes too. He asks every day whether the brook is still there.

Yours,

Irma
"""


@pytest.fixture(scope="module")
def pages(quarter: Quarter) -> tuple[Home, dict[str, str]]:
    """A desk in use, and what is taken a picture of."""
    quarter.town.clock.at -= timedelta(days=200)
    ada, irma = quarter.home("Ada"), quarter.home("Irma")
    quarter.home("Tobias")
    return ada, quarter.run(_in_use(ada, irma))


async def _in_use(home: Home, friend: Home) -> dict[str, str]:
    ada, irma, clock = home.person, friend.person, home.person.town.clock
    key = (await people.show_person(home.desk, "Irma")).keys[0]
    await keys.pin(home.desk, "Irma", key.fingerprint, verified=True)
    for n in range(4):
        await ada.post(await ada.write("Irma", f"Dear Irma,\n\n{OURS[n]}\n"))
        await ada.round()
        clock.pass_(days=17)
        (number,) = (await irma.round()).arrived
        await irma.open(number)
        words = ANSWER if n == 3 else f"Dear Ada,\n\n{THEIRS[n]}\n"
        enclosed = [Enclosure("trees.txt", "text/plain", b"1911 Boskoop\n1924 Gravensteiner\n")] if n == 3 else []
        await irma.post(await irma.write("Ada", words, "", *enclosed))
        await irma.round()
        (came,) = (await ada.round()).arrived
        await ada.open(came)
        clock.pass_(days=23)
    away = await ada.write("Tobias", "Dear Tobias,\n\nI do not know yet how to begin.\n")
    await write.put_away(home.desk, away, clock.local().date() + timedelta(days=12))
    await ada.write("Tobias", "Dear Tobias,\n\nthe parcel came, and nothing was broken.\n")
    draft = await ada.write("Irma", "Dear Irma,\n\n")
    for part in (LETTER[:300], LETTER[:700], LETTER):
        clock.pass_(hours=23)
        await write.edit(home.desk, draft, text=part)
    clock.at = clock.at.replace(hour=14, minute=42)
    await write.edit(home.desk, draft, text=LETTER + "\n")
    await post.post(
        home.desk, await ada.write("Tobias", "Dear Tobias,\n\nthe books came on Monday, all nine of them.\n")
    )
    await irma.post(await irma.write("Ada", "Dear Ada,\n\none thing more.\n"))
    await irma.round()
    await ada.round()
    uid = (await people.show_person(home.desk, "Irma")).uid
    await ada.gets_mail()
    kept = await account.check(home.desk, "ada@letters.test")
    assert kept.fine
    (mail,) = await account.list_all(home.desk)
    return {
        "desk": "/",
        "page": f"/page/{draft}",
        "read-over": f"/page/{draft}/read-over",
        "envelope": f"/page/{draft}/envelope",
        "letterbox": "/letterbox",
        "letter": f"/letter/{came}",
        "book": f"/letters/{uid}",
        "person": f"/people/{uid}",
        "card": "/card",
        "account": f"/settings/mail/{mail.uid}",
    }


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 1280), (False, 390)], ids=["day", "lamp", "narrow"])
def test_pages(pages: tuple[Home, dict[str, str]], sit: Sit, dark: bool, width: int) -> None:
    home, paths = pages
    page = sit(home, dark=dark, width=width, height=900 if width > 400 else 844)
    for name, path in paths.items():
        page.goto(path)
        page.wait_for_load_state("load")
        assert _fits(page), f"{name} stands over the edge at {width}"
        if width == 1280 and not dark and os.environ.get("DEARLY_PICTURES") == "1":
            page.wait_for_timeout(300)
        if (name in ("desk", "page", "letter", "envelope")) or (not dark and width > 400):
            shoot(page, f"{name}-{'lamp' if dark else 'narrow' if width < 400 else 'day'}", quality=55)


def _fits(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1"))
