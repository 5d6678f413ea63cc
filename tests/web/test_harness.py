"""The harness itself: a desk that answers in a browser, and pages that are caught doing what they may not."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.support.browser import Windows
from tests.web.conftest import Call, DeskOf, Sit


def test_somebody_sits_at_a_desk(desk_of: DeskOf, sit: Sit) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    assert ada.host != bert.host
    page = sit(ada)
    expect(page).to_have_url(ada.url("/"))
    assert page.locator("main").count() == 1


def test_a_request_carries_exactly_our_origin(desk_of: DeskOf, sit: Sit) -> None:
    """Referrer-Policy no-referrer alone makes Chromium say `Origin: null` for a form; with the page's own word for it
    (same-origin) the origin is exact, and no other host is ever told where somebody came from."""
    page = sit(desk_of("Ada"))
    assert page.locator('meta[name="referrer"]').get_attribute("content") == "same-origin"
    seen: list[tuple[str | None, ...]] = []
    page.context.on(
        "request",
        lambda r: (
            seen.append(tuple(r.all_headers().get(name) for name in ("origin", "sec-fetch-site")))
            if r.method == "POST"
            else None
        ),
    )
    page.evaluate(
        "() => { const form = document.createElement('form'); form.method = 'post'; form.action = '/letterbox';"
        " document.body.append(form); form.submit(); }"
    )
    page.wait_for_load_state()
    page.wait_for_timeout(100)
    assert seen[0][0] == desk_of("Ada").origin


def test_what_a_page_may_not_do_is_seen(desk_of: DeskOf, sit: Sit, windows: Windows) -> None:
    page = sit(desk_of("Ada"))
    page.evaluate("() => { new Image().src = 'https://elsewhere.test/x.png' }")
    page.wait_for_timeout(200)
    assert any("elsewhere.test" in trouble for trouble in windows.troubles)
    windows.troubles.clear()


def test_without_a_session_there_is_nothing(desk_of: DeskOf, call: Call) -> None:
    answer = call(desk_of("Ada"), seated=False).get("/")
    assert answer.status_code == 303
    assert re.fullmatch(r"/(launch|locked)", answer.headers["location"])
