"""The editor in Chromium, as the plain field and as the sheet: what it gives the page, and writing with it by key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from playwright.sync_api import Page

from tests.support.axe import axe
from tests.support.browser import Windows
from tests.support.sheets import Sheet, a_sheet, as_json, open_sheet, put, text, until

pytestmark = (
    pytest.mark.long
)  # every tool in both kinds of editor; test_page_writing writes on the real page in every run

BOTH = pytest.mark.parametrize("rich", [True, False], ids=["sheet", "field"])
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def sheet() -> Iterator[Sheet]:
    with a_sheet() as sheet:
        yield sheet


@pytest.fixture
def page(windows: Windows, sheet: Sheet) -> Open:
    return partial(open_sheet, windows, sheet)


@BOTH
def test_what_is_typed_is_the_source(page: Open, rich: bool) -> None:
    window = page("Dear Bert,\n\n", rich=rich)
    window.evaluate("window.heard = 0; editor.onchange(() => { heard += 1; })")
    window.evaluate("editor.set(editor.text(), editor.text().length)")
    window.keyboard.type("it *snows*.")
    assert text(window) == "Dear Bert,\n\nit *snows*."
    assert window.evaluate("editor.caret()") == window.evaluate("editor.length()") == len("Dear Bert,\n\nit *snows*.")
    assert window.evaluate("heard") >= 11
    window.evaluate("editor.insert(' Much.')")
    assert text(window).endswith("it *snows*. Much.")


@BOTH
def test_letters_beyond_the_first_plane_are_counted_as_the_page_keeps_them(page: Open, rich: bool) -> None:
    window = page("", rich=rich)
    window.keyboard.insert_text("𝄞𝄞")
    assert window.evaluate("editor.caret()") == 4
    window.evaluate("editor.set('x𝄞y', 3)")
    window.keyboard.insert_text("-")
    assert text(window) == "x𝄞-y"


@BOTH
def test_undoing_goes_back_over_what_the_tools_and_the_page_did(page: Open, rich: bool) -> None:
    window = page("one", rich=rich)
    put(window, "one| |two")
    window.keyboard.type(" and ")
    window.evaluate("editor.insert('**half** ')")
    for _step in range(8):
        window.keyboard.press("Control+z")
    assert text(window) == "one"


KEYS = [
    ("Control+i", "a |word| here", "a *word* here"),
    ("Control+b", "a |word| here", "a **word** here"),
    ("Control+b", "a wo|rd here", "a **word** here"),
    ("Control+b", "a **wo|rd** here", "a word here"),
    ("Control+i", "a **wo|rd** here", "a ***word*** here"),
    ("Control+i", "| spaced |", " *spaced* "),
    ("Control+i", "|one\n\ntwo|", "*one*\n\n*two*"),
    ("Control+i", "end |", "end **"),
    ("Enter", "Dear Bert,|", "Dear Bert,\n\n"),
    ("Enter", "- bread|", "- bread\n- "),
    ("Enter", "9. bread|", "9. bread\n10. "),
    ("Enter", "- bread\n- |", "- bread\n"),
    ("Enter", "> said|", "> said\n>\n> "),
    ("Enter", "> said\n> |", "> said\n"),
    ("Enter", "\n|", "\n\n"),
    ("Shift+Enter", "a line|", "a line  \n"),
]
TOOLS = [
    ("emphasis", "a |word| here", "a *word* here"),
    ("strong", "a wo|rd here", "a **word** here"),
    ("heading", "A wo|rd\nand more", "# A word\nand more"),
    ("heading", "# A wo|rd", "A word"),
    ("quote", "one\ntw|o", "one\n> two"),
    ("quote", "|one\n\ntwo|", "> one\n>\n> two"),
    ("list", "|one\ntwo|", "- one\n- two"),
    ("list", "|- one\n- two|", "one\ntwo"),
    ("list", "# o|ne", "- one"),
]


@BOTH
def test_keys(page: Open, rich: bool) -> None:
    window = page("", rich=rich)
    for keys, before, after in KEYS:
        put(window, before)
        window.keyboard.press(keys)
        assert text(window) == after, (keys, before)
        window.keyboard.press("Control+z")
        assert text(window) == before.replace("|", ""), (keys, before)


@BOTH
def test_tools(page: Open, rich: bool) -> None:
    window = page("", rich=rich)
    for tool, before, after in TOOLS:
        put(window, before)
        window.click(f'[data-tool="{tool}"]')
        assert text(window) == after, (tool, before)
        assert window.evaluate("editor.element.contains(document.activeElement)")
        window.keyboard.press("Control+z")
        assert text(window) == before.replace("|", ""), (tool, before)


@BOTH
def test_the_tools_say_what_holds_where_the_caret_is(page: Open, rich: bool) -> None:
    window = page("", rich=rich)

    def pressed() -> list[str]:
        window.wait_for_timeout(250)
        return [str(b.get_attribute("data-tool")) for b in window.query_selector_all('[aria-pressed="true"]')]

    for marked, held in {
        "plain wo|rds": [],
        "*soft*, **lo|ud**": ["strong"],
        "***bo|th***": ["emphasis", "strong"],
        "> - **in a| quote**": ["strong", "quote", "list"],
        "# He|ad": ["heading"],
        "see [th|is](https://letters.test)": ["link"],
        "2 * 3 *| 4": [],
        "`*co|de*`": [],
        r"\*no\| t\*": [],
    }.items():
        put(window, marked)
        assert pressed() == held, marked


@BOTH
def test_the_toolbar_is_one_stop_and_arrows_go_through_it(page: Open, rich: bool) -> None:
    window = page("words", rich=rich)
    window.keyboard.press("Shift+Tab")
    seen = []
    for _key in range(8):
        seen.append(window.evaluate("document.activeElement.dataset.tool ?? document.activeElement.dataset.switch"))
        window.keyboard.press("ArrowRight")
    assert seen == ["emphasis", "strong", "heading", "quote", "list", "link", "picture", "focus"]
    window.keyboard.press("End")
    assert window.evaluate("document.activeElement.dataset.switch") == "focus"
    window.keyboard.press("Tab")
    assert window.evaluate("editor.element.contains(document.activeElement)")


@BOTH
def test_tab_leaves_the_letter(page: Open, rich: bool) -> None:
    window = page("words", rich=rich)
    window.keyboard.press("Tab")
    assert window.evaluate("document.activeElement.type") == "submit"
    assert text(window) == "words"


@BOTH
def test_a_link_is_set_changed_and_taken_away_by_key(page: Open, rich: bool) -> None:
    window = page("", rich=rich)
    put(window, "see |the river| again")
    window.keyboard.press("Control+k")
    axe(window)
    window.keyboard.type("letters.test/a_(b)")
    window.keyboard.press("Enter")
    assert text(window) == "see [the river](https://letters.test/a_%28b%29) again"
    put(window, "see [the ri|ver](https://letters.test) again")
    window.keyboard.press("Control+k")
    assert window.input_value("#link-address") == "https://letters.test"
    window.keyboard.type("ada@letters.test")
    window.keyboard.press("Enter")
    assert text(window) == "see [the river](mailto:ada@letters.test) again"
    put(window, "see [the ri|ver](https://letters.test) again")
    window.click('[data-tool="link"]')
    window.click('#link-slip [data-act="remove"]')
    assert text(window) == "see the river again"
    window.keyboard.press("Control+k")
    window.keyboard.press("Escape")
    assert text(window) == "see the river again"
    assert window.evaluate("editor.element.contains(document.activeElement)")


@BOTH
def test_no_link_leads_to_script(page: Open, rich: bool) -> None:
    window = page("", rich=rich)
    put(window, "|here|")
    window.keyboard.press("Control+k")
    window.keyboard.type("javascript:alert(1)")
    window.keyboard.press("Enter")
    assert "](https://" in text(window)


def test_undoing_outlives_the_window(page: Open) -> None:
    window = page("Dear Bert,")
    window.keyboard.press("Control+End")
    window.keyboard.type(" it snows")
    window.click('[data-tool="quote"]')
    kept = as_json(window.evaluate("editor.history()"))
    now, caret = text(window), window.evaluate("editor.caret()")
    assert now == "> Dear Bert, it snows"

    again = page(now, brought={"history": kept, "caret": caret})
    assert again.evaluate("editor.caret()") == caret
    again.keyboard.press("Control+z")
    assert text(again) == "Dear Bert, it snows"
    again.keyboard.press("Control+z")
    assert text(again) == "Dear Bert,"
    again.keyboard.press("Control+Shift+z")
    assert text(again) == "Dear Bert, it snows"


@pytest.mark.parametrize("damage", ["other text", "no json", "no list", "strange steps"])
def test_a_history_that_does_not_fit_is_left_alone(page: Open, damage: str) -> None:
    window = page("Dear Bert,")
    window.keyboard.type("So, ")
    kept = as_json(window.evaluate("editor.history()"))
    now = text(window)
    if damage == "other text":
        now = "So, Dear Bart,"
    elif damage == "no json":
        kept = "undo"
    elif damage == "no list":
        kept["done"] = {"a": 1}
    else:
        kept["done"] = [{"changes": [[-4, "x"]]}, 7]
    again = page(now, brought={"history": kept})
    again.keyboard.press("Control+z")
    assert text(again) == now


def test_the_history_grows_to_its_bound_and_no_further(page: Open) -> None:
    window = page("")
    window.evaluate("""() => {
      for (let i = 0; i < 60; i += 1) {
        editor.set(editor.text() + "x".repeat(20000));
        editor.set(editor.text().slice(0, -20000));
      }
      editor.set("the last");
    }""")
    kept = window.evaluate("editor.history()")
    size = window.evaluate("kept => JSON.stringify(kept).length", kept)
    assert 300_000 < size < 530_000
    again = page(text(window), brought={"history": kept})
    again.keyboard.press("Control+z")
    assert text(again) != "the last"


def test_words_take_their_shape_and_marks_stay(page: Open) -> None:
    window = page("# Head\n\n*soft* **loud** [words](https://letters.test)\n\n> said\n\n- one\n\nשלום\n\n<b>no</b>")
    shape = """(wanted) => { const walk = document.createTreeWalker(document.querySelector('.cm-content'), 4);
        while (walk.nextNode()) if (walk.currentNode.data.trim() === wanted) break;
        const s = getComputedStyle(walk.currentNode.parentElement);
        return [s.fontStyle, s.fontWeight, s.direction, s.textDecorationLine]; }"""
    assert window.evaluate(shape, "soft")[0] == "italic"
    assert window.evaluate(shape, "loud")[1] == "600"
    assert window.evaluate(shape, "words")[3] == "underline"
    assert window.evaluate(shape, "said")[0] == "italic"
    assert window.evaluate(shape, "שלום")[2] == "rtl"
    assert window.evaluate(shape, "<b>no</b>")[1] == "400"
    assert window.locator(".cm-content").inner_text().count("**") == 2


def test_a_screen_reader_meets_a_text_field(page: Open) -> None:
    window = page("Dear Bert,")
    field = window.get_by_role("textbox", name="The letter")
    assert field.count() == 1
    about = {name: field.get_attribute(name) for name in ("aria-multiline", "contenteditable", "spellcheck")}
    assert about == {"aria-multiline": "true", "contenteditable": "true", "spellcheck": "true"}
    axe(window)


def test_focus_lets_all_but_the_paragraph_step_back(page: Open) -> None:
    window = page("one\n\ntwo\nmore\n\nthree *soft*")
    window.evaluate("editor.set(editor.text(), 6)")
    tops = "[...document.querySelectorAll('.cm-line')].map(l => l.getBoundingClientRect().top)"
    before = window.evaluate(tops)
    window.click('[data-switch="focus"]')
    colours = "[...document.querySelectorAll('.cm-line')].map(l => getComputedStyle(l).color)"
    window.wait_for_timeout(100)
    shown = window.evaluate(colours)
    assert shown[2] == shown[3] != shown[0] == shown[5]
    assert window.evaluate(tops) == before
    axe(window)
    window.keyboard.press("Control+End")
    window.wait_for_timeout(100)
    moved = window.evaluate(colours)
    assert moved[5] == shown[2]
    assert moved[2] == shown[0]
    window.keyboard.press("Escape")
    window.wait_for_timeout(100)
    assert len(set(window.evaluate(colours))) == 1
    assert window.get_attribute('[data-switch="focus"]', "aria-pressed") == "false"


@BOTH
def test_the_form_sends_the_text_that_is_there(page: Open, sheet: Sheet, rich: bool) -> None:
    window = page("Dear Bert,", rich=rich)
    window.keyboard.press("Control+End")
    window.keyboard.type(" yes")
    window.click("button[type=submit]")
    window.wait_for_url("**/save")
    assert b"text=Dear+Bert%2C+yes" in sheet.sent[-1][2]


def test_without_script_there_is_a_field_and_no_tools(page: Open) -> None:
    window = page("Dear Bert,", js=False, rich=False)
    assert window.locator("textarea").is_visible()
    assert not window.locator("#tools").is_visible()
    assert window.input_value("textarea") == "Dear Bert,"


def test_where_a_module_is_missing_the_field_is_there(page: Open, windows: Windows, sheet: Sheet) -> None:
    sheet.text, sheet.rich, sheet.brought = "Dear Bert,", True, {}
    context = windows.browser.new_context()
    windows._open.callback(context.close)
    window = context.new_page()
    window.route("**/vendor/codemirror-view.js", lambda route: route.abort())
    window.goto(sheet.origin + "/page/7")
    window.wait_for_selector("[data-ready]")
    assert window.evaluate("editor.rich") is False
    assert window.locator("textarea").is_visible()


def test_the_caret_is_where_it_was_and_in_view(page: Open) -> None:
    words = "\n\n".join(f"Paragraph {n} of many, all of them about nothing much." for n in range(300))
    at = words.index("Paragraph 200")
    window = page(words, brought={"caret": at})
    window.wait_for_timeout(200)
    top = window.evaluate("""() => [...document.querySelectorAll('.cm-line')].find(
        line => line.textContent.startsWith('Paragraph 200')).getBoundingClientRect().top""")
    assert 60 < top < 720
    window.keyboard.type("Here: ")
    assert "Here: Paragraph 200" in text(window)


def test_two_hundred_thousand_words_are_written_on(page: Open, windows: Windows) -> None:
    paragraph = "so much to say about nothing at all *again* " * 10
    window = page("\n\n".join([paragraph.strip()] * 2222), brought={"caret": 900_000})
    assert window.evaluate("editor.length()") > 900_000
    # Only what is in view is there.
    until(window, "document.querySelectorAll('.cm-line').length > 5")
    assert window.locator(".cm-line").count() < 200
    window.keyboard.type("Here. ")
    assert text(window)[900_000:900_006] == "Here. "
    window.keyboard.press("Control+End")
    window.keyboard.type(" The end.")
    assert text(window).endswith("again* The end.")
    until(window, "getComputedStyle([...document.querySelectorAll('.cm-em')].at(-1)).fontStyle === 'italic'")
    window.keyboard.press("Control+Home")
    window.keyboard.press("Control+i")
    assert text(window).startswith("**so much")


def test_one_endless_line_is_written_on(page: Open) -> None:
    window = page("words without any end " * 20_000)
    window.keyboard.press("Control+End")
    window.keyboard.type("but this")
    assert text(window).endswith("any end but this")
