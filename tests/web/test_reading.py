"""Reading in a real browser: hostile letters ask nobody for anything, cannot look like the desk, and hide nothing."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass

import pytest
from playwright.sync_api import Page

from dearly.desk import strangers
from tests.support import parcels
from tests.support.axe import violations
from tests.support.browser import Home, Windows, shoot, tab_to
from tests.support.furnished import hostile_parcels
from tests.support.hostile import OUT, VECTORS
from tests.web.conftest import DeskOf, Sit

HEAD = (
    "From: Mallory <mallory@elsewhere.invalid>\r\nTo: ada@letters.test\r\nDate: Mon, 02 Feb 2026 15:04:05 +0000\r\n"
    "Message-ID: <{}@elsewhere.invalid>\r\nSubject: {}\r\n"
)
FAKE = """<aside class="outside"><h1>Irma Halloway</h1><div class="seal" data-seal="checked"
style="position:fixed;top:90px;left:90px;z-index:99"><p class="seal-word">Sealed with the key you checked in
person.</p></div></aside><p class="dateline">x</p><div style="position:absolute;left:-900px;width:3000px">""" + (
    "W" * 3000
)


@dataclass
class Trap:
    """A server that nobody may ever speak to. `calls`: how often somebody did."""

    port: int
    calls: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@pytest.fixture
def trap() -> Iterator[Trap]:
    """A listening trap."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        found = Trap(server.getsockname()[1])

        def listen() -> None:
            with suppress(OSError):
                while True:
                    connection, _address = server.accept()
                    found.calls += 1
                    connection.close()

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield found
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


def _letter(n: str, body: str, kind: str = "text/html", subject: str = "x") -> bytes:
    part = f"MIME-Version: 1.0\r\nContent-Type: {kind}; charset=utf-8\r\n\r\n{body}\r\n"
    return (HEAD.format(n, subject) + part).encode()


def _lay(home: Home, *raws: bytes) -> list[int]:
    """Parcels in the letterbox, let in and opened; their numbers."""

    async def play() -> list[int]:
        person = home.person
        for raw in raws:
            person.town.post.lay(await person.address(), raw)
        numbers: list[int] = []
        while more := (await person.round()).arrived:
            numbers += more
        for number in numbers:
            if next(one for one in await person.letterbox() if one.number == number).at_door:
                await strangers.let_in(person.desk, number)
        return [(await person.open(number)).number for number in numbers]

    return home.run(play())


def _from(home: Home, other: Home, text: str) -> int:
    """A letter from one desk at another, opened; its number."""

    async def write() -> None:
        await other.person.post(await other.person.write(home.person.name, text, "Subject"))
        await other.person.round()

    async def fetch() -> int:
        (number,) = (await home.person.round()).arrived
        return number

    home.run(write())
    return home.run(fetch())


@pytest.mark.parametrize("single", [False, pytest.param(True, marks=pytest.mark.long)])
def test_hostile_letters_ask_nobody(desk_of: DeskOf, sit: Sit, windows: Windows, trap: Trap, single: bool) -> None:
    """A29, A30: every vector, as clean text, in the locked frame and as CommonMark; with scripts and without. All in
    one letter, and `single`, some in letters of their own."""
    ada = desk_of("Ada")
    vectors = [
        vector.replace(OUT, trap.url).replace("elsewhere.invalid", f"127.0.0.1:{trap.port}") for vector in VECTORS
    ]
    whole = "<p>before</p>" + "\n".join(vectors) + "<p>after</p>"
    numbers = _lay(
        ada,
        _letter("all", whole),
        *(_letter(f"v{n}", f"<p>before</p>{vector}") for n, vector in enumerate(vectors[::6]) if single),
        _letter("text", "\n\n".join(vectors), "text/plain"),
    )
    for js in (True, False):
        page = sit(ada, "/letterbox", js=js)
        for number in numbers:
            for look in ("", "?look=laid-out"):
                page.goto(f"/letter/{number}{look}")
                page.wait_for_load_state("networkidle")
                assert page.title() == "A letter · Dearly"
                assert page.url == ada.url(f"/letter/{number}{look}")
        page.goto(f"/letter/{numbers[0]}/frame")
    assert trap.calls == 0
    assert not [url for url in windows.asked if str(trap.port) in url]


def test_the_frame_shows_structure_and_own_pictures(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    (number,) = _lay(ada, hostile_parcels()[1])
    page = sit(ada, f"/letter/{number}")
    shoot(page, "letter-foreign")
    page.get_by_role("link", name="Show it as it was laid out").click()
    frame = page.frame_locator("iframe[title='The letter as it was laid out']")
    assert frame.get_by_text("A quotation.").is_visible()
    picture = frame.locator("img[alt=here]")
    assert picture.evaluate("it => [it.naturalWidth, it.naturalHeight, it.src.slice(0, 11)]") == [12, 8, "data:image/"]
    assert page.frames[1].evaluate("() => [origin, document.referrer]") == ["null", ""]
    assert frame.locator("script, form, input, a[href], [style]").count() == 0
    page.get_by_role("link", name="Show it as clean text").click()
    assert page.locator("iframe").count() == 0


@pytest.mark.long
def test_a_fake_seal_stays_on_the_paper(desk_of: DeskOf, sit: Sit) -> None:
    """A08: whatever a letter says of its own seal, stands on the paper; the desk speaks outside of it, always there."""
    ada, bert = desk_of("Ada"), desk_of("Bert")
    honest = _from(ada, bert, "Dear Ada,\n\nhello.\n")
    ada.run(ada.person.open(honest))
    fakes = _lay(ada, _letter("f1", FAKE), _letter("f2", FAKE.replace("<", "&lt;"), "text/plain", "W" * 400))
    spots: dict[int, set[float]] = {}
    for width in (1280, 800, 360):
        for number in (honest, *fakes):
            for look in ("", "?look=laid-out"):
                page = sit(ada, f"/letter/{number}{look}", width=width)
                _apart(page)
                spots.setdefault(width, set()).add(page.locator("aside .seal").evaluate(_SPOT))
                page.context.close()
    assert all(len(found) == 1 for found in spots.values()), "the seal is always at the same spot"


_SPOT = "it => it.querySelector('svg').getBoundingClientRect().left"


def _apart(page: Page) -> None:
    assert page.locator("article .seal, article aside, article h1, article [style], article [data-seal]").count() == 0
    assert page.locator(".seal").count() == 1
    sheet, outside = page.locator("article.sheet").bounding_box(), page.locator("aside.outside").bounding_box()
    assert sheet is not None
    assert outside is not None
    beside = sheet["x"] >= outside["x"] + outside["width"] or sheet["y"] >= outside["y"] + outside["height"]
    assert beside, (sheet, outside)
    # Nothing of the letter is painted outside of its sheet, and nothing of it lies over what the desk says.
    assert page.locator("article.sheet").evaluate("it => getComputedStyle(it).contain") == "paint"
    assert page.locator("aside.outside").evaluate(
        """it => [...it.querySelectorAll('h1, .seal-word, .seal svg')].every(part => {
             const box = part.getBoundingClientRect();
             scrollTo(0, Math.max(0, box.top + scrollY - 100));
             const now = part.getBoundingClientRect();
             const top = document.elementFromPoint(now.left + now.width / 2, now.top + now.height / 2);
             return it.contains(top);
           })"""
    )
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "the page does not slide sideways"


def test_parts_are_shown_apart(desk_of: DeskOf, sit: Sit, windows: Windows, trap: Trap) -> None:
    """A01: a picture's address that begins in one part and ends in a later one takes nothing in between with it."""
    ada = desk_of("Ada")
    raw = parcels.multi(
        b"multipart/mixed",
        parcels.part(b"text/html", f'<p>before</p><img src="{trap.url}/?'.encode()),
        parcels.part(b"text/plain", b"SECRET-WISH\r\n"),
        parcels.part(b"text/html", b'"><p>after</p>'),
    )
    (number,) = _lay(ada, HEAD.format("a01", "x").encode() + raw[raw.index(b"MIME-Version") :])
    page = sit(ada, f"/letter/{number}")
    assert "SECRET-WISH" in page.locator(".letter").inner_text()
    page.goto(f"/letter/{number}?look=laid-out")
    assert "SECRET" not in page.frames[1].content()
    assert trap.calls == 0
    assert not [url for url in windows.asked if "SECRET" in url]


@pytest.mark.parametrize(
    "hiding",
    [
        "@media print{.a{display:none}}",
        pytest.param("@media (max-width:600px){.a{font-size:0}}", marks=pytest.mark.long),
        pytest.param(".a{opacity:0}", marks=pytest.mark.long),
    ],
)
def test_what_is_hidden_under_a_condition_is_hidden_under_all(desk_of: DeskOf, sit: Sit, hiding: str) -> None:
    """A04: text that one reader would see and another not is on no paper, and in no quote."""
    ada = desk_of("Ada")
    name = f"a04-{len(hiding)}"
    (number,) = _lay(ada, _letter(name, f"<style>{hiding}</style><p>Will you sign?</p><p class=a>HIDDEN-WISH</p>"))
    page = sit(ada, f"/letter/{number}")
    assert "HIDDEN-WISH" not in page.content()
    page.get_by_role("button", name="Answer and quote it").click()
    page.wait_for_url("**/page/*")
    assert "Will you sign?" in page.content()
    assert "HIDDEN-WISH" not in page.content()


def test_a_link_is_told_before_it_is_followed(desk_of: DeskOf, sit: Sit, trap: Trap) -> None:
    """A31."""
    ada = desk_of("Ada")
    (number,) = _lay(ada, _letter("link", f'<p><a href="{trap.url}/gift">www.your-bank.example</a></p>'))
    page = sit(ada, f"/letter/{number}", js=False)
    paper = page.locator(".letter")
    assert f"127.0.0.1:{trap.port}" in paper.inner_text()
    paper.get_by_role("link").click()
    assert page.get_by_role("heading", name="127.0.0.1").is_visible()
    assert page.get_by_text(f"{trap.url}/gift").is_visible()
    go = page.get_by_role("link", name="Go there")
    assert go.get_attribute("rel") == "noopener noreferrer"
    page.get_by_role("link", name="Back to the letter").click()
    assert page.url == ada.url(f"/letter/{number}")
    assert trap.calls == 0


def test_opening_reading_answering_by_keyboard_alone(desk_of: DeskOf, sit: Sit) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    number = _from(ada, bert, "Dear Ada,\n\nby the keys.\n")
    page = sit(ada, "/letterbox")
    tab_to(page, f"form[action='/letterbox/{number}/open'] button")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/letter/{number}")
    page.get_by_text("by the keys.").wait_for()
    tab_to(page, f"form[action='/letter/{number}/mark'] button")
    page.keyboard.press("Enter")
    page.get_by_text("Kept for later.").wait_for()
    page.wait_for_load_state()  # the keys are a script's, which runs when the text has long been there
    page.keyboard.press("a")
    page.wait_for_url("**/page/*")


def test_opening_reading_answering_without_script(desk_of: DeskOf, sit: Sit) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    number = _from(ada, bert, "Dear Ada,\n\nwithout script.\n")
    page = sit(ada, "/letterbox", js=False)
    page.locator(f"form[action='/letterbox/{number}/open'] button").click()
    assert page.get_by_text("without script.").is_visible()
    page.get_by_role("button", name="No answer needed").click()
    assert page.get_by_text("It needs no answer.").is_visible()
    page.get_by_role("button", name="It does after all").click()
    page.get_by_role("button", name="Answer and quote it").click()
    assert "> without script." in page.locator("textarea").first.input_value()


def test_the_envelope_is_lifted_and_the_letter_there(desk_of: DeskOf, sit: Sit) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    number = _from(ada, bert, "Dear Ada,\n\nslowly.\n")
    page = sit(ada, "/letterbox", still=False)
    page.evaluate(
        "() => { window.began = 0; new MutationObserver(() => { window.began ||= performance.now() })"
        ".observe(document.body, {subtree: true, attributeFilter: ['class']}); }"
    )
    page.locator(f"form[action='/letterbox/{number}/open'] button").click(no_wait_after=True)
    assert page.wait_for_function("() => document.querySelector('.envelope.opens') !== null", timeout=2_000)
    page.wait_for_url(f"**/letter/{number}")


def test_printed_it_is_the_letter_alone(desk_of: DeskOf, sit: Sit) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    number = _from(ada, bert, "Dear Ada,\n\non paper.\n")
    ada.run(ada.person.open(number))
    page = sit(ada, f"/letter/{number}")
    page.emulate_media(media="print")
    assert page.get_by_text("on paper.").is_visible()
    for other in ("header.top", "aside.outside", ".after-letter", "footer"):
        assert not page.locator(other).first.is_visible(), other


def test_right_to_left_letters(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    (number,) = _lay(ada, _letter("rtl", "שלום עליכם, 2026\n\nhello\n", "text/plain", "=?utf-8?b?16nXnNeV150=?="))
    page = sit(ada, f"/letter/{number}")
    assert page.locator(".letter p").evaluate_all("them => them.map(it => getComputedStyle(it).direction)") == [
        "rtl",
        "rtl",
        "ltr",
    ]
    page.context.close()


@pytest.mark.long
def test_every_state_is_accessible(desk_of: DeskOf, sit: Sit) -> None:
    """What the furnished desk does not show: a stranger, what was refused, a torn parcel, a link, the locked frame."""
    ada = desk_of("Ada")
    (html,) = _lay(ada, _letter("axe", '<h1>A</h1><p>x <a href="https://elsewhere.invalid">y</a></p>'))

    async def strange() -> tuple[int, int]:
        person = ada.person
        for n, raw in enumerate((_letter("s1", "x", "text/plain"), _letter("s2", "y", "text/plain"))):
            person.town.post.lay(await person.address(), raw.replace(b"mallory@", b"zoe%d@" % n))
        one, two = (await person.round()).arrived
        await strangers.refuse(person.desk, two)
        return one, two

    one, two = ada.run(strange())
    found = []
    for path in (
        "/letterbox",
        f"/letterbox?refused={two}",
        "/letterbox/refused",
        f"/letter/{html}/link/0",
        f"/letter/{html}?look=laid-out",
    ):
        for dark in (False, True):
            page = sit(ada, path, dark=dark, width=1280 if dark else 360)
            found += [f"{path}: {line}" for line in violations(page)]
            assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), path
            page.context.close()
    assert not found, "\n".join(found)
    assert one
