"""Taking in an archive and copying everything out, in the browser."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from dearly.desk.exporting import Survey, Wish, before
from dearly.desk.exporting_formats import FORMATS
from dearly.desk.importing_nearby import nearby
from dearly.letter.errors import Usage
from dearly.web import paths
from dearly.web.hints import names_command
from dearly.web.pages.work import left
from tests.support import archives
from tests.support.axe import violations
from tests.support.desks import Person, a_town
from tests.support.web import Web, at_desk
from tests.web.conftest import DeskOf, Sit

ME = "ada@letters.test"


def words(text: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", text[text.index("<main") : text.index("</main>")]).split())


def an_archive(place: Path, letters: int = 8) -> Path:
    """Letters to and fro with Bert, a newsletter, and somebody with two addresses."""
    data = [
        archives.letter(n, sender=archives.ADA if n % 2 else archives.BERT, to=archives.BERT if n % 2 else archives.ADA)
        for n in range(letters)
    ]
    data.append(archives.letter(letters, sender="Shop <news@shop.test>", more="List-Id: <news.shop.test>"))
    data += [archives.letter(letters + 1 + n, sender=f"Clara Moor <clara{n}@letters.test>") for n in range(2)]
    place.mkdir(exist_ok=True)
    return archives.mbox(place / "letters.mbox", data)


async def at_its_end(web: Web, answer: httpx.Response) -> httpx.Response:
    """The page that tells what came of long work."""
    for _ in range(3000):
        if answer.status_code == 303:
            answer = await web.get(answer.headers["location"])
        elif 'id="how-far"' in answer.text:
            await asyncio.sleep(0.02)
            answer = await web.get("/work")
        else:
            return answer
    raise AssertionError("it has no end")


def at_home(place: Path, play: Callable[[Person, Web], Awaitable[None]]) -> None:
    async def run() -> None:
        (place / "town").mkdir()
        async with a_town(place / "town") as town:
            (ada,) = await town.settle("Ada")
            async with at_desk(ada.desk) as web:
                await play(ada, web)

    asyncio.run(run())


def test_an_archive_is_planned_decided_and_taken_in(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        place = an_archive(tmp_path)
        plan = words((await at_its_end(web, await web.post("/import/look", {"path": f"file://{place}"}))).text)
        for said in (
            "10 letters would be taken in",
            "Nothing has been changed yet.",
            "They are of the year 2009.",
            f"Were these addresses yours? Letters from them count as written by you. {ME}",
            "newsletters, lists, and what programs send 1 in this archive",
            "Bert bert@letters.test 4",
            "Under one name, but with several addresses: Clara Moor.",
        ):
            assert said in plan, said
        assert words((await web.get("/import")).text) == plan, "it is there when one comes back"
        assert (await web.get("/letters")).text.count("<h2") <= 1, "a plan changes nothing"

        done = await at_its_end(web, await web.post("/import/run", {"mine": ME, "take": "newsletter"}))
        assert "11 letters were taken in" in words(done.text)
        assert "Somebody may be in the address book twice." in words(done.text)
        assert words((await web.get("/letterbox")).text).count("Bert") == 0, "nothing of it lies in the letterbox"
        hits = (await web.post("/search", {"q": "from:me letter"})).text
        (letter, *_) = re.findall(r'<h2><a href="/letter/(\d+)"', hits)
        assert "It did not leave from this desk." in words((await web.get(f"/letter/{letter}")).text)

        pairs = (await web.get("/twice")).text
        keep, other = (re.search(rf'name="{name}" value="(\w+)"', pairs) for name in ("keep", "other"))
        assert keep is not None
        assert other is not None
        form = {"keep": keep[1], "other": other[1]}
        assert (await web.post("/twice", form | {"are": "three"})).status_code == 400
        await web.post("/twice", form | {"are": "one"})
        assert "Nobody seems to be in the address book twice." in words((await web.get("/twice")).text)

        await web.post("/import/other")
        again = words((await at_its_end(web, await web.post("/import/look", {"path": str(place)}))).text)
        assert "There is nothing new in it" in again
        assert "are here already" in again

    at_home(tmp_path, play)


def test_what_cannot_be_taken_is_said_and_a_scan_is_told_about(tmp_path: Path) -> None:
    async def play(_ada: Person, web: Web) -> None:
        for path in ("", "/nowhere/at/all", str(tmp_path / "town")):
            answer = await web.post("/import/look", {"path": path})
            answer = await at_its_end(web, answer)
            assert 'class="word"' in answer.text, path
            assert "Take in letters of other times" in words(answer.text)
        assert "No archive was looked through" in words((await web.post("/import/run")).text)

        scan = tmp_path / "scan.jpg"
        scan.write_bytes(b"\xff\xd8\xff\xe0" + bytes(200) + b"\xff\xd9")
        await at_its_end(web, await web.post("/import/look", {"path": str(scan)}))
        unsaid = await at_its_end(web, await web.post("/import/run", {"sender": "them"}))
        assert "Say below who the other one is, and which of you wrote." in words(unsaid.text)
        said = {"sender": "me", "who": "Clara", "date": "1962-05", "place": "Kiel"}
        assert "One letter was taken in" in words((await at_its_end(web, await web.post("/import/run", said))).text)
        assert "To Clara" in words((await web.post("/search", {"q": "is:paper"})).text)

    at_home(tmp_path, play)


def test_one_thing_at_a_time_that_is_left_stopped_and_gone_on_with(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        place = an_archive(tmp_path, 120)
        await at_its_end(web, await web.post("/import/look", {"path": str(place)}))
        await web.post("/import/run")
        keeper = web.face.keeper
        uses = keeper.uses  # type: ignore[attr-defined]  # of the keeper of the tests
        watched = await web.get("/work")
        assert "<progress" in watched.text
        assert "You may leave this page" in words(watched.text)
        assert keeper.uses == uses, "who watches is not at the desk"  # type: ignore[attr-defined]  # as above
        assert (await web.get("/export")).headers["location"] == "/work"
        busy = await web.post("/export/run", {"path": str(tmp_path / "out"), "format": "html"})
        assert "Something long is being done" in words(busy.text)
        assert (await web.post("/work/stop")).headers["location"] == "/import"
        stopped = words((await web.get("/import")).text)
        assert "It has stopped" in stopped
        assert "takes nothing twice" in stopped
        done = await at_its_end(web, await web.post("/import/run"))
        assert "122 letters were taken in" in words(done.text)
        # What goes on ends with the desk.
        await web.post("/import/other")
        await web.post("/import/look", {"path": str(place)})
        await ada.desk.close()
        assert not ada.desk.work.running

    at_home(tmp_path, play)


def test_everything_is_copied_out_after_it_was_said_what_that_means(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        await ada.write("bert@letters.test", "A page.")
        target = tmp_path / "out"
        some = {"path": str(target), "format": ["html", "keys"]}
        assert "No format is ticked." in words((await web.post("/export", {"path": str(target)})).text)
        assert "No place is named." in words((await web.post("/export", {"format": "html"})).text)
        inside = await web.post("/export", some | {"path": str(ada.desk.drawer.folder / "out")})
        assert inside.status_code == 400
        html = {"path": str(target), "format": "html", "secret": "yes"}
        assert "Secret keys can only go along with the keys" in words((await web.post("/export", html)).text)
        asked = words((await web.post("/export", some | {"secret": "yes"})).text)
        assert "leaves the lock" in asked
        assert not re.search(r"\b(html|bundle): ", asked), "formats are called as they are ticked"
        assert re.search(r"(Pages for a browser|A bundle for Dearly)[^.]*: ", asked)
        assert "A passphrase for the secret keys" in asked
        short = await web.post("/export/run", some | {"secret": "yes", "passphrase": "short", "again": "short"})
        assert short.status_code == 400
        assert not target.exists(), "nothing before it is said that it may"

        words_ = {"passphrase": "fake long enough words", "again": "fake long enough words"}
        done = await at_its_end(web, await web.post("/export/run", some | {"secret": "yes"} | words_))
        assert "README.txt there says what each file is." in words(done.text)
        assert f"open {target}/html/index.html with a browser" in words(done.text)
        assert (target / "html" / "index.html").is_file()
        assert list((target / "keys").glob("own-*.secret.pgp"))
        again = await at_its_end(web, await web.post("/export/run", some))
        assert again.status_code == 400, "the folder is not empty any more"
        await web.post("/export/other")
        assert "Copy all letters out" in words((await web.get("/export")).text)

    at_home(tmp_path, play)


def test_what_is_said_before_names_no_command(tmp_path: Path) -> None:
    for name in FORMATS:
        for opened in (True, False):
            for secret in (None, ""):
                said = before(
                    tmp_path / "new", Wish((name,), opened=opened, secret_under=secret), Survey(9, 2, 2, 2, 2, 2, 2)
                )
                assert [sentence for sentence in said if names_command(sentence)] == []


def test_paths_as_people_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert paths.typed(" ~/Mail dir ") == tmp_path / "Mail dir"
    assert paths.typed("letters.mbox") == tmp_path / "letters.mbox"
    assert paths.typed("file:///srv/a%20b.mbox") == Path("/srv/a b.mbox")
    assert paths.typed('"/srv/x"') == Path("/srv/x")
    assert paths.shown(tmp_path / "Mail") == "~/Mail"
    assert paths.shown(Path("/srv/x")) == "/srv/x"
    for wrong in ("", " ", "\0", "a\0b"):
        with pytest.raises(Usage):
            paths.typed(wrong)
    assert nearby(tmp_path) == []
    (tmp_path / "Maildir").mkdir()
    (tmp_path / "Downloads").mkdir()
    (tmp_path / "Downloads" / "takeout-2026.zip").touch()
    assert [path.name for path in nearby(tmp_path)] == ["Maildir", "takeout-2026.zip"]


def test_the_time_that_is_left() -> None:
    assert [left(seconds) for seconds in (3, 55, 200, 7000)] == [
        "Less than a minute is left.",
        "About a minute is left.",
        "About 4 minutes are left.",
        "About 2 hours are left.",
    ]


@pytest.mark.parametrize(
    "js", [pytest.param(True, id="script"), pytest.param(False, id="no-script", marks=pytest.mark.long)]
)
def test_an_archive_in_a_window(desk_of: DeskOf, sit: Sit, tmp_path: Path, js: bool) -> None:
    home = desk_of("Ada" if js else "Dora")
    place = an_archive(tmp_path, 40 if js else 20)
    page = sit(home, "/settings", js=js)
    page.get_by_role("link", name="Take in letters").click()
    if js:
        assert violations(page) == []  # axe is a script itself
        page.get_by_label("Files of yours").set_input_files([place, an_archive(tmp_path / "more", 1)])
        expect(page.locator("#chosen")).to_contain_text("2 files, ")
        page.get_by_role("button", name="Look through them").press("Enter")
    else:
        page.get_by_label("Files of yours").set_input_files(place)
        page.get_by_role("button", name="Look through them").click()
        expect(page.locator("h1")).to_contain_text("letters would be taken in", timeout=20_000)
        page.get_by_role("button", name="Choose something else").click()
        page.get_by_label("A folder or a file, as a path").fill(str(place))
        page.get_by_role("button", name="Look through it").click()
    expect(page.locator("h1")).to_contain_text("letters would be taken in", timeout=20_000)
    if js:
        assert violations(page) == []
    page.get_by_label(ME).press("Space")
    page.get_by_role("button", name="Take them in").press("Enter")
    expect(page.locator("h1")).to_contain_text("letters were taken in", timeout=30_000)
    page.get_by_role("button", name="Take in something else").click()
    expect(page.locator("h1")).to_have_text("Take in letters of other times")
