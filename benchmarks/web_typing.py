"""What a key costs while one writes: the sheet beside a bare textarea with the same text, in Chromium.

    python -m benchmarks.web_typing [--keys N]

Processor time of the page's main thread for each key (script, style, layout and painting), in drafts of 20,000 and of
200,000 words, at the end and in the middle, in turns. A bare textarea runs no script and lays out its whole text at
every key: the ratio is therefore of the whole, and the script's part stands beside it. The goal is for 20,000 words.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from typing import Any

from playwright.sync_api import CDPSession, Page, sync_playwright
from tests.support.browser import launch
from tests.support.sheets import Sheet, a_sheet

from dearly.web import vendor

GOAL = 1.5
"""At most this many times the cost of a key in a bare textarea, at 20,000 words."""

FORMS = ("bare textarea", "field with its tools", "sheet")
_PARTS = ("TaskDuration", "ScriptDuration", "LayoutDuration", "RecalcStyleDuration")


def letter(words: int) -> str:
    """A text with paragraphs of a letter's length, emphasis, quotations and lists in it."""
    choice = random.Random(words)
    stock = ["".join(choice.choices("etaoinshrdlucmfwyp", k=choice.randint(2, 9))) for _ in range(4000)]
    parts = []
    while words > 0:
        many = min(words, choice.randint(40, 140))
        words -= many
        paragraph = choice.choices(stock, k=many)
        if many > 50:
            paragraph[20:23] = [f"*{' '.join(paragraph[20:23])}*"]
            paragraph[40] = f"**{paragraph[40]}**"
        parts.append(choice.choice(["", "", "", "", "", "> ", "- "]) + " ".join(paragraph))
    return "\n\n".join(parts)


def _open(sheet: Sheet, window: Page, form: str, text: str) -> float:
    """Seconds until one can write."""
    sheet.text, sheet.bare, sheet.rich = text, form == FORMS[0], form == FORMS[2]
    start = time.monotonic()
    window.goto(sheet.origin + "/page/7")
    if not sheet.bare:
        window.wait_for_selector("[data-ready]")
    # Two frames on: it is laid out and painted.
    window.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    took = time.monotonic() - start
    window.wait_for_timeout(1500)
    return took


def _caret(window: Page, form: str, place: int) -> None:
    if form == FORMS[0]:
        window.evaluate(
            "place => { const it = document.getElementById('text'); it.focus(); it.setSelectionRange(place, place); }",
            place,
        )
    else:
        window.evaluate("place => { editor.focus(); editor.set(editor.text(), place); }", place)
    window.wait_for_timeout(700)


def _metrics(session: CDPSession) -> dict[str, float]:
    found: list[dict[str, Any]] = session.send("Performance.getMetrics")["metrics"]
    return {entry["name"]: entry["value"] for entry in found if entry["name"] in _PARTS}


def _type(window: Page, session: CDPSession, keys: int) -> dict[str, float]:
    """Seconds for each key, by part."""
    before = _metrics(session)
    for n in range(keys):
        window.keyboard.press("etaoin "[n % 7])
        window.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    window.wait_for_timeout(300)
    after = _metrics(session)
    return {part: (after[part] - before[part]) / keys for part in _PARTS}


def measure(sheet: Sheet, window: Page, words: int, keys: int) -> None:
    """Print what opening and a key cost at this length."""
    text = letter(words)
    opened: dict[str, float] = {}
    costs: dict[str, list[dict[str, float]]] = {form: [] for form in FORMS}
    for _round in range(2):
        for form in FORMS:
            opened[form] = min(opened.get(form, 1e9), _open(sheet, window, form, text))
            session = window.context.new_cdp_session(window)
            session.send("Performance.enable", {"timeDomain": "threadTicks"})
            for place in (len(text), text.index("\n\n", len(text) // 2)):
                _caret(window, form, place)
                _type(window, session, 5)
                costs[form].append(_type(window, session, keys))
            session.detach()
    for place, where in enumerate(("at the end", "in the middle")):
        print(f"{words:7,} words, {where}")
        found = {
            form: {part: statistics.median(run[part] for run in runs[place::2]) for part in _PARTS}
            for form, runs in costs.items()
        }
        for form, cost in found.items():
            total = cost["TaskDuration"]
            ratio = "" if form == FORMS[0] else f"{total / found[FORMS[0]]['TaskDuration']:5.2f} x bare textarea"
            goal = f"   goal {GOAL}" if form == FORMS[2] and words == 20_000 else ""
            print(
                f"  {form:22} {total * 1e3:7.2f} ms a key (script {cost['ScriptDuration'] * 1e3:5.2f}, layout "
                f"{cost['LayoutDuration'] * 1e3:6.2f}, style {cost['RecalcStyleDuration'] * 1e3:5.2f})  {ratio}{goal}"
            )
    print("  to open: " + ", ".join(f"{form} {seconds:.2f} s" for form, seconds in opened.items()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=40)
    keys: int = parser.parse_known_args()[0].keys
    if vendor.importmap() is None:
        print("The sheet's files are not there (make vendor).")
        return 1
    with a_sheet() as sheet, sync_playwright() as playwright:
        browser = launch(playwright)
        try:
            window = browser.new_context(reduced_motion="reduce").new_page()
            for words in (20_000, 200_000):
                measure(sheet, window, words, keys)
        finally:
            browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
