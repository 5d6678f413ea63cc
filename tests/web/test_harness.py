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
    with page.expect_request(lambda request: request.method == "POST") as asked:
        page.evaluate(
            "() => { const form = document.createElement('form'); form.method = 'post'; form.action = '/letterbox';"
            " document.body.append(form); form.submit(); }"
        )
    assert asked.value.all_headers()["origin"] == desk_of("Ada").origin


def test_what_a_page_may_not_do_is_seen(desk_of: DeskOf, sit: Sit, windows: Windows) -> None:
    page = sit(desk_of("Ada"))
    with page.expect_request("https://elsewhere.test/x.png"):
        page.evaluate("() => { new Image().src = 'https://elsewhere.test/x.png' }")
    assert any("elsewhere.test" in trouble for trouble in windows.troubles)
    windows.troubles.clear()


def test_without_a_session_there_is_nothing(desk_of: DeskOf, call: Call) -> None:
    answer = call(desk_of("Ada"), seated=False).get("/")
    assert answer.status_code == 303
    assert re.fullmatch(r"/(launch|locked)", answer.headers["location"])
