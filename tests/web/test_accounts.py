"""E-mail addresses in the browser: found, looked at, tried, kept, changed, taken away; without a script too."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from dearly.desk import account, people, post
from dearly.letter.account import SignIn
from dearly.letter.envelope import Way
from dearly.letter.suggestion import OAuthHint, Suggestion, Told
from tests.support.authority import Authority
from tests.support.axe import violations
from tests.support.browser import Home, tab_to
from tests.support.desks import MAIL_PASSWORD, FakeTokens, MemoryWays, a_mail_account
from tests.web.conftest import Call, DeskOf, Sit

LOOKED_AT = os.environ.get("DEARLY_LOOK")
"""A folder for pictures of what these tests see."""


def ways_of(home: Home) -> MemoryWays:
    ways = home.desk.ways
    assert isinstance(ways, MemoryWays)
    return ways


def knows(home: Home, address: str, *, elsewhere: tuple[str, ...] = ()) -> None:
    """Let a provider say how this address is reached, and have a mailbox there."""
    made = a_mail_account(address)
    mail = home.quarter.town.mail
    mail.box(made.address)
    mail.passwords[made.address.key] = MAIL_PASSWORD
    hint = OAuthHint("provider.test", "https://provider.test/authorize", "https://provider.test/token", "mail")
    both = (SignIn.PASSWORD, SignIn.OAUTH)
    ways_of(home).known = [Suggestion(Told.PROVIDER, made, both, elsewhere, "Letters & Co.", hint)]


def well(page: Page, name: str, *, narrow: bool = False) -> None:
    """Nothing that axe finds, nothing wider than the window; and a picture, where somebody wants to look."""
    if LOOKED_AT:
        page.screenshot(path=str(Path(LOOKED_AT) / f"{name}.png"), full_page=True)
    assert violations(page) == [], name
    if narrow:
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"), name


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), pytest.param(True, 390, marks=pytest.mark.long)])
def test_found_tried_and_kept(desk_of: DeskOf, sit: Sit, dark: bool, width: int) -> None:
    ada = desk_of(f"Ada{width}")
    address = f"ada{width}@letters.test"
    knows(ada, address, elsewhere=("imap.hosting.test",))
    page = sit(ada, "/settings/way", dark=dark, width=width)
    narrow, suffix = width < 400, f"-{width}"
    well(page, "way" + suffix, narrow=narrow)
    page.get_by_label("Your address").fill(address)
    page.get_by_role("button", name="Look how it is reached").click()
    expect(page.locator("h1")).to_contain_text(address)
    expect(page.locator("main")).to_contain_text("Letters & Co.")
    expect(page.locator("main")).to_contain_text("imap.hosting.test")
    assert page.get_by_label("Server", exact=True).input_value() == "imap.letters.test:993"
    assert page.get_by_label("Password", exact=True).get_attribute("type") == "password"
    well(page, "servers" + suffix, narrow=narrow)
    page.get_by_label("Password", exact=True).fill("not the one")
    page.get_by_role("button", name="Try it and keep it").click()
    expect(page.locator("main")).to_contain_text("does not take this password")
    assert page.get_by_label("Password", exact=True).input_value() == ""
    well(page, "refused" + suffix, narrow=narrow)
    assert ada.run(account.list_all(ada.desk)) == []
    page.get_by_label("Password", exact=True).fill(MAIL_PASSWORD)
    page.get_by_role("button", name="Try it and keep it").click()
    expect(page.locator("h1")).to_have_text(address)
    page.get_by_role("button", name="Try it now").click()
    expect(page.locator("main")).to_contain_text("Everything works")
    well(page, "account" + suffix, narrow=narrow)
    page.goto("/settings")
    expect(page.locator("main")).to_contain_text(address)
    well(page, "settings" + suffix, narrow=narrow)
    page.get_by_role("link", name=f"Look after it: {address}").click()
    page.get_by_role("link", name="Change it").click()
    page.get_by_label("Strangers may knock").uncheck()
    page.get_by_role("button", name="Try it and keep it").click()  # without the password: it stays
    expect(page.locator("main")).to_contain_text("May knock with a sealed letter only")
    page.get_by_role("link", name="Take it from this desk").click()
    well(page, "remove" + suffix, narrow=narrow)
    page.get_by_role("button", name="Take it from this desk").click()
    expect(page.locator("h1")).to_have_text("Settings")
    assert ada.run(account.list_all(ada.desk)) == []


def test_the_servers_by_hand_and_nobody_who_knows(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    page = sit(ada, "/settings/mail", js=False)
    page.get_by_label("Your address").fill("ada at letters.test")
    page.get_by_role("button", name="Look how it is reached").click()
    expect(page.locator(".wrong")).to_contain_text("there is no @ in it")
    page.get_by_label("Your address").fill("ada@nobody.test")
    page.get_by_role("button", name="Look how it is reached").click()
    expect(page.locator("main")).to_contain_text("Nobody says how it is reached")
    page.get_by_label("Server", exact=True).fill("imap.nobody.test")
    page.get_by_label("SMTP server").fill("smtp nobody")
    page.get_by_label("Password", exact=True).fill("fake password")
    page.get_by_role("button", name="Keep it untried").click()
    expect(page.locator(".said")).to_contain_text("not the name of a server")
    assert page.get_by_label("Server", exact=True).input_value() == "imap.nobody.test"
    page.get_by_label("SMTP server").fill("smtp.nobody.test:587")
    page.get_by_label("Password", exact=True).fill("fake password")
    page.get_by_role("button", name="Keep it untried").click()
    expect(page.locator("main")).to_contain_text("imap.nobody.test:993, by IMAP with TLS")
    expect(page.locator("main")).to_contain_text("smtp.nobody.test:587, by SMTP with STARTTLS")
    page.goto("/settings/mail")
    page.get_by_label("The relay").fill("relay.test")
    page.get_by_role("button", name="Have it make an address").click()
    expect(page.locator("h1")).to_contain_text("@relay.test")


def test_by_keys_alone(desk_of: DeskOf, sit: Sit) -> None:
    """From the settings to an account that is kept, changed and taken away, without a mouse."""
    ada = desk_of("Keys")
    knows(ada, "keys@letters.test")
    page = sit(ada, "/settings/way")
    tab_to(page, "#address")
    page.keyboard.type("keys@letters.test")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("keys@letters.test")
    for stop in ("#kind", "#incoming_security", "#incoming", "#outgoing", "#outgoing_security", "#user", "#password"):
        tab_to(page, stop, most=20 if stop == "#kind" else 1)  # as they stand on the page, and nothing between
    page.keyboard.type(MAIL_PASSWORD)
    tab_to(page, "[name=strangers]", most=1)
    page.keyboard.press("Space")
    tab_to(page, "summary", most=1)
    page.keyboard.press("Enter")
    tab_to(page, "#folder", most=1)
    page.keyboard.type("Dearly")
    tab_to(page, "button[value=keep]")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("keys@letters.test")
    expect(page.locator("main")).to_contain_text("May knock with a sealed letter only")
    expect(page.locator("main")).to_contain_text("folder Dearly")
    tab_to(page, "form.inline button")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("Everything works")
    tab_to(page, "a[href$='/remove']")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Take keys@letters.test from this desk?")
    tab_to(page, "[name=leave]")
    tab_to(page, "a.button", most=1)  # keeping it comes before taking it away
    tab_to(page, ".word button", most=1)
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Settings")
    assert ada.run(account.list_all(ada.desk)) == []


def test_an_authority_is_not_forgotten_when_something_else_was_wrong(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    knows(ada, "private@letters.test")
    pem = Authority().pem
    page = sit(ada, "/settings/mail", js=False)
    page.get_by_label("Your address").fill("private@letters.test")
    page.get_by_role("button", name="Look how it is reached").click()
    page.get_by_text("More, which few need").click()
    page.get_by_label("The provider’s own authority").set_input_files(
        {"name": "ca.pem", "mimeType": "application/x-pem-file", "buffer": pem.encode()}
    )
    page.get_by_label("Password", exact=True).fill("not the one")
    page.get_by_role("button", name="Try it and keep it").click()
    expect(page.locator("main")).to_contain_text("does not take this password")
    expect(page.get_by_label("Go on trusting the authority")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(MAIL_PASSWORD)
    page.get_by_role("button", name="Try it and keep it").click()
    expect(page.locator("h1")).to_have_text("private@letters.test")
    _view, made = ada.run(account.show(ada.desk, "private@letters.test"))
    assert (made.ca or "").split() == pem.split()
    page.get_by_role("link", name="Change it").click()
    page.get_by_label("Go on trusting the authority").uncheck()
    page.get_by_role("button", name="Try it and keep it").click()
    _view, made = ada.run(account.show(ada.desk, "private@letters.test"))
    assert made.ca is None


def test_signing_in_at_the_provider(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    knows(ada, "oauth@letters.test")
    ways_of(ada).tokens = [FakeTokens("fake-token")]
    page = sit(ada, "/settings/mail")
    well(page, "new")
    page.get_by_label("Your address").fill("oauth@letters.test")
    page.get_by_role("button", name="Look how it is reached").click()
    page.get_by_text("Signing in at the provider instead").click()
    page.get_by_label("Client id").fill("fake-client")
    assert page.get_by_label("Where one signs in").input_value() == "https://provider.test/authorize"
    page.get_by_role("button", name="Sign in at the provider").click()
    link = page.get_by_role("link", name="To their page")
    assert (link.get_attribute("href") or "").startswith("https://provider.test/authorize?")
    assert link.get_attribute("rel") == "noopener noreferrer"
    well(page, "sign-in")
    page.get_by_role("link", name="I have signed in").click()
    expect(page.locator("main")).to_contain_text("At the provider.")


def test_a_postcard_by_mail_where_the_page_said_so(desk_of: DeskOf, call: Call) -> None:
    ada = desk_of("Postcards")
    client = call(ada)
    ada.run(people.add(ada.desk, "Elsa", addresses=["elsa@letters.test"]))
    first, second = (ada.run(ada.person.write("Elsa", "Greetings from the sea.")) for _n in range(2))
    page = client.get(f"/page/{first}/envelope?close=open").text
    assert "A postcard goes from hand to hand alone" in page
    by_hand = _fields(page)
    ada.run(ada.person.gets_mail("cards@letters.test"))
    assert client.post(f"/page/{first}/post", data=by_hand).status_code == 303
    assert ada.run(_way(ada, first)) is Way.HAND  # as the page had said, though there is an account by now
    page = client.get(f"/page/{second}/envelope?close=open").text
    assert "Every server on the way can read it" in page
    assert client.post(f"/page/{second}/post", data=_fields(page)).status_code == 303
    assert ada.run(_way(ada, second)) is Way.MAIL


def _fields(page: str) -> dict[str, str]:
    """What the closing form sends beside its token."""
    form = page.partition('id="closing"')[2].partition("</form>")[0]
    hidden = re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form)
    return {name: value for name, value in hidden if name != "token"}


async def _way(home: Home, number: int) -> Way:
    (row,) = [row for row in await post.outbox(home.desk) if row.number == number]
    return row.way


def test_what_is_no_account(desk_of: DeskOf, call: Call) -> None:
    ada = desk_of("Ada")
    client = call(ada)
    assert client.get("/settings/mail/0123").status_code == 404
    assert client.post("/settings/mail/0123/check", data={"a": "b"}).status_code == 404
    assert client.get("/settings/mail/sign-in/0123").status_code == 404
    answer = client.post("/settings/mail", data={"address": "a@b.office.invalid", "incoming": "x"})
    assert answer.status_code == 400
    secret = "fake-password-that-stays"
    answer = client.post("/settings/mail", data={"address": "a@b.test", "kind": "imap", "password": secret})
    assert answer.status_code == 400
    assert secret not in answer.text
    made = replace(a_mail_account("kept@letters.test"), sign_in=SignIn.PASSWORD)
    view = ada.run(account.add(ada.desk, made, secret))
    for path in ("", "/change", "/remove"):
        answer = client.get(f"/settings/mail/{view.uid}{path}")
        assert answer.status_code == 200
        assert secret not in answer.text
