"""Pictures and files brought to the writing page in Chromium: pasted, dropped, chosen; and web pages pasted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import unquote

import pytest
from playwright.sync_api import Page

from tests.support.axe import axe
from tests.support.browser import Windows
from tests.support.furnished import png
from tests.support.sheets import TOKEN, Sheet, a_sheet, open_sheet, put, text, until

pytestmark = pytest.mark.long  # one upload in a browser stands in test_pictures, which is part of every run

BOTH = pytest.mark.parametrize("rich", [True, False], ids=["sheet", "field"])
Open = Callable[..., Page]
WORDS = "#picture-words"


@pytest.fixture(scope="module")
def sheet() -> Iterator[Sheet]:
    with a_sheet() as sheet:
        yield sheet


@pytest.fixture
def page(windows: Windows, sheet: Sheet) -> Open:
    return partial(open_sheet, windows, sheet)


def choose(page: Page, *files: tuple[str, str, bytes]) -> None:
    with page.expect_file_chooser() as chooser:
        page.click('[data-tool="picture"]')
    chooser.value.set_files([{"name": name, "mimeType": kind, "buffer": data} for name, kind, data in files])


def bring(page: Page, how: str, files: list[tuple[str, str]], words: str = "") -> Any:
    """Paste or drop files in the middle of the editor; whether the page took them."""
    return page.evaluate(
        """([how, files, words]) => {
          const data = new DataTransfer();
          for (const [name, type] of files) data.items.add(new File(["not much"], name, {type}));
          if (words) data.setData("text/plain", words);
          const box = editor.element.getBoundingClientRect();
          const at = {bubbles: true, cancelable: true, clientX: box.x + 2, clientY: box.y + 8};
          const event = how === "paste" ? new ClipboardEvent("paste", {...at, clipboardData: data})
                                        : new DragEvent("drop", {...at, dataTransfer: data});
          editor.element.dispatchEvent(event);
          return event.defaultPrevented;
        }""",
        [how, files, words],
    )


@BOTH
def test_a_picture_is_chosen_laid_in_and_named(page: Open, sheet: Sheet, rich: bool) -> None:
    window = page("", rich=rich)
    put(window, "Dear Bert,\n\nlook.|")
    choose(window, ("Häfen (2).png", "image/png", png()))
    window.wait_for_selector(WORDS)
    assert window.evaluate("document.activeElement.id") == "picture-words"
    axe(window)
    window.keyboard.type("A harbour [at dawn]")
    window.keyboard.press("Enter")
    assert text(window) == "Dear Bert,\n\nlook.\n\n![A harbour \\[at dawn\\]](cid:p1)\n\n"
    path, headers, body = sheet.sent[0]
    assert path == "/page/7/picture"
    assert body == png()
    assert unquote(headers["dearly-name"]) == "Häfen (2).png"
    assert headers["dearly-token"] == TOKEN
    assert headers["content-type"] == "application/octet-stream"
    assert window.evaluate("editor.element.contains(document.activeElement)")
    window.keyboard.type("There.")
    assert text(window).endswith("(cid:p1)\n\nThere.")
    if rich:
        picture = window.locator(".cm-picture img")
        assert picture.get_attribute("alt") == "A harbour [at dawn]"
        assert picture.get_attribute("src") == "/page/7/picture/p1"
        until(window, "document.querySelector('.cm-picture img').naturalWidth === 640")
        axe(window)


@BOTH
def test_its_words_may_stay_empty(page: Open, rich: bool) -> None:
    window = page("", rich=rich)
    choose(window, ("x.png", "image/png", png()))
    window.wait_for_selector(WORDS)
    window.keyboard.press("Escape")
    assert text(window) == "![](cid:p1)\n\n"
    assert window.locator("#picture-slip").is_hidden()


@BOTH
@pytest.mark.parametrize("how", ["paste", "drop"])
def test_pictures_are_pasted_and_dropped(page: Open, sheet: Sheet, rich: bool, how: str) -> None:
    window = page("Dear Bert,", rich=rich)
    assert bring(window, how, [("a.png", "image/png"), ("b.jpg", "image/jpeg")])
    until(window, "editor.text().includes('cid:p2')")
    assert text(window).count("![](cid:") == 2
    assert [path for path, *_rest in sheet.sent] == ["/page/7/picture"] * 2
    assert "Dear Bert," in text(window)


@BOTH
def test_words_that_come_with_a_picture_of_them_are_taken_as_words(page: Open, sheet: Sheet, rich: bool) -> None:
    window = page("", rich=rich)
    bring(window, "paste", [("image.png", "image/png")], "a table's words")
    window.wait_for_timeout(200)
    assert sheet.sent == []


@BOTH
def test_whoever_writes_on_keeps_the_caret(page: Open, sheet: Sheet, rich: bool) -> None:
    window = page("", rich=rich)
    window.route("**/page/7/picture", lambda route: (window.wait_for_timeout(300), route.continue_()))
    bring(window, "paste", [("a.png", "image/png")])
    window.keyboard.type("I go on")
    until(window, "editor.text().includes('cid:p1')")
    window.keyboard.type(" writing")
    assert window.locator("#picture-slip").is_visible()
    assert "I go on" in text(window)
    assert "writing" in text(window)
    assert "writing" not in window.input_value(WORDS)


@BOTH
def test_a_picture_that_does_not_fit_is_offered_smaller(page: Open, sheet: Sheet, rich: bool) -> None:
    window = page("", rich=rich)
    sheet.answers.append((409, {"error": {"code": "too_large", "message": "It does not fit.", "hint": ""}}))
    choose(window, ("big.png", "image/png", png()))
    window.wait_for_selector("#large-slip")
    assert "“big.png”" in window.inner_text("#large-said")
    axe(window)
    window.keyboard.press("Enter")
    window.wait_for_selector(WORDS)
    assert [path for path, *_rest in sheet.sent] == ["/page/7/picture", "/page/7/picture?reduce=1"]
    assert "cid:p2" in text(window)


@pytest.mark.parametrize(
    ("act", "sent"), [("keep", ["/page/7/picture?reduce=1"]), ("whole", ["/page/7/picture"]), ("leave", [])]
)
def test_of_a_heavy_picture_is_asked_first(page: Open, sheet: Sheet, act: str, sent: list[str]) -> None:
    window = page("", rich=False)
    choose(window, ("heavy.png", "image/png", png() + bytes(7_000_000)))
    window.wait_for_selector("#large-slip")
    assert sheet.sent == []
    window.click(f'#large-slip [data-act="{act}"]')
    if sent:
        window.wait_for_selector(WORDS)
    assert [path for path, *_rest in sheet.sent] == sent


@BOTH
def test_what_the_desk_refuses_is_said_in_its_words(page: Open, sheet: Sheet, rich: bool) -> None:
    window = page("Dear Bert,", rich=rich)
    error = {"code": "too_many_pixels", "message": "Too many pixels.", "hint": "Save it smaller."}
    sheet.answers.append((409, {"error": error}))
    choose(window, ("x.png", "image/png", png()))
    until(window, "document.getElementById('editor-said').textContent.includes('Too many')")
    assert window.inner_text("#editor-said") == "Too many pixels. Save it smaller."
    assert window.get_attribute("#editor-said", "role") == "status"
    assert text(window) == "Dear Bert,"


def test_a_desk_that_does_not_answer_is_said_too(page: Open) -> None:
    window = page("Dear Bert,")
    window.route("**/page/7/picture", lambda route: route.abort())
    choose(window, ("x.png", "image/png", png()))
    until(window, "document.getElementById('editor-said').textContent.includes('did not answer')")
    assert text(window) == "Dear Bert,"


@BOTH
def test_other_files_are_offered_as_enclosures(page: Open, sheet: Sheet, rich: bool) -> None:
    window = page("Dear Bert,", rich=rich)
    bring(window, "drop", [("recipe.pdf", "application/pdf")])
    window.wait_for_selector("#enclose-slip")
    assert sheet.sent == []
    axe(window)
    window.keyboard.press("Enter")
    until(window, "document.getElementById('editor-said').textContent.includes('goes along')")
    assert sheet.sent[0][0] == "/page/7/enclose"
    assert sheet.sent[0][1]["dearly-name"] == "recipe.pdf"
    assert text(window) == "Dear Bert,"


def test_a_picture_of_a_kind_that_is_not_shown_is_offered_as_an_enclosure(page: Open, sheet: Sheet) -> None:
    window = page()
    sheet.answers.append((409, {"error": {"code": "not_a_picture", "message": "", "hint": ""}}))
    choose(window, ("x.heic", "image/heic", b"heic"))
    window.wait_for_selector("#enclose-slip")
    window.click('#enclose-slip [data-act="keep"]')
    until(window, "document.getElementById('editor-said').textContent.includes('goes along')")
    assert [path for path, *_rest in sheet.sent] == ["/page/7/picture", "/page/7/enclose"]


def test_a_file_dropped_beside_the_sheet_does_not_take_the_letter_away(page: Open, sheet: Sheet) -> None:
    window = page("Dear Bert,")
    taken = window.evaluate(
        """() => { const data = new DataTransfer(); data.items.add(new File(["x"], "x.html", {type: "text/html"}));
        const event = new DragEvent("drop", {bubbles: true, cancelable: true, dataTransfer: data});
        document.body.dispatchEvent(event); return event.defaultPrevented; }"""
    )
    assert taken
    assert window.locator("#enclose-slip").is_visible()


HOSTILE = """<h1>Hello</h1><p onclick="alert(1)">from <b>elsewhere</b><img src="http://elsewhere.test/pixel.png">
<img src="x" onerror="document.title='taken'"><script>document.title='taken'</script>
<style>@import url(http://elsewhere.test/s.css)</style><a href="javascript:alert(1)">here</a></p>"""


@BOTH
def test_of_a_pasted_web_page_only_the_words_come(page: Open, windows: Windows, sheet: Sheet, rich: bool) -> None:
    elsewhere = windows.browser.new_context(java_script_enabled=False).new_page()
    elsewhere.set_content(HOSTILE)
    elsewhere.keyboard.press("Control+a")
    elsewhere.keyboard.press("Control+c")
    elsewhere.context.close()
    window = page("", rich=rich)
    asked = len(windows.asked)
    window.keyboard.press("Control+v")
    until(window, "editor.text().includes('from elsewhere')")
    window.wait_for_timeout(300)
    assert windows.asked[asked:] == []
    assert "<" not in text(window)
    assert "elsewhere.test" not in text(window)
    assert window.title().startswith("The desk")
    assert window.locator(".editor img, .editor a, .editor script, .editor style").count() == 0


@BOTH
def test_source_that_names_pictures_elsewhere_asks_for_none(page: Open, windows: Windows, rich: bool) -> None:
    window = page("", rich=rich)
    asked = len(windows.asked)
    for words in ("![x](http://elsewhere.test/a.png)", "![x](//elsewhere.test/b.png)", '<img src="http://elsewhere.test/c">',
                  "![x](cid:../../../static/x.png)", "![x](cid://elsewhere.test/d)"):  # fmt: skip
        window.keyboard.insert_text(words + "\n\n")
    window.wait_for_timeout(300)
    assert all(address.startswith(window.url + "/picture/") for address in windows.asked[asked:])


def test_the_words_under_a_picture_are_changed_by_typing_and_its_id_is_passed_in_one_step(page: Open) -> None:
    window = page("![A harbour](cid:p1)")
    window.keyboard.press("Home")
    for _step in range(11):
        window.keyboard.press("ArrowRight")
    window.keyboard.type(", early")
    assert text(window) == "![A harbour, early](cid:p1)"
    assert window.get_attribute(".cm-picture img", "alt") == "A harbour, early"
    window.keyboard.press("End")
    window.keyboard.press("ArrowLeft")
    window.keyboard.press("ArrowLeft")
    assert window.evaluate("editor.caret()") == len("![A harbour, early](")
    window.keyboard.press("Control+a")
    window.keyboard.press("Delete")
    assert text(window) == ""
    assert window.locator(".cm-picture").count() == 0
