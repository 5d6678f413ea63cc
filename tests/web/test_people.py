"""People in the browser: taken in from cards, dated addresses, keys checked by words that both desks show."""

from __future__ import annotations

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from dearly.desk import card, people, person
from tests.support.axe import violations
from tests.support.browser import Home
from tests.web.conftest import Call, DeskOf, Sit


def name_of(page: Page) -> str:
    return page.locator("h1").inner_text()


def card_of(home: Home) -> str:
    return home.run(card.calling_card(home.desk)).card.vcard


def uid_of(home: Home, name: str) -> str:
    return home.run(people.show_person(home.desk, name)).uid


def renamed(vcard: str, name: str) -> str:
    """Their card under another name, as if nobody of this desk knew them."""
    return re.sub(r"FN:.*", f"FN:{name}", vcard)


@pytest.mark.parametrize(
    "js", [pytest.param(True, id="script"), pytest.param(False, id="no-script", marks=pytest.mark.long)]
)
def test_someone_is_taken_in_by_a_card_as_file_as_text_and_as_a_picture(desk_of: DeskOf, sit: Sit, js: bool) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    fingerprint = card_of(bert)
    end = "with script" if js else "without"

    page = sit(ada, "/people/new", js=js)
    page.get_by_label("Or its text, pasted").fill(renamed(fingerprint, f"Pasted {end}"))
    page.get_by_role("button", name="Take in the card").click()
    assert name_of(page) == f"Pasted {end}"
    expect(page.locator(".seal-word")).to_contain_text("Seen for the first time, not yet checked.")

    page.goto("/people/new")
    data = renamed(fingerprint, f"File {end}").encode()
    page.get_by_label("The card as a file").set_input_files({"name": "b.vcf", "mimeType": "text/vcard", "buffer": data})
    page.get_by_label("What you call them").fill(f"My friend {end}")
    page.get_by_role("button", name="Take in the card").click()
    assert name_of(page) == f"My friend {end}"

    page.goto("/people/new")
    code = bert.run(card.calling_card(bert.desk)).code
    assert code is not None
    picture = io.BytesIO()
    taken = Image.open(io.BytesIO(card.code_png(renamed(code, f"Seen {end}")))).convert("RGB")
    taken.rotate(-5, expand=True, fillcolor="white").save(picture, "JPEG", quality=75)
    page.get_by_label("Or a picture of its code").set_input_files(
        {"name": "photo.jpg", "mimeType": "image/jpeg", "buffer": picture.getvalue()}
    )
    page.get_by_role("button", name="Take in the card").click()
    assert name_of(page) == f"Seen {end}"
    expect(page.locator(".folk-list [aria-current]")).to_have_text(f"Seen {end}")


def test_what_is_no_card_is_said_beside_its_field_and_nobody_is_added(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    before = ada.run(person.everybody(ada.desk))
    page = sit(ada, "/people/new")
    page.get_by_role("button", name="Take in the card").click()
    expect(page.locator(".word .said")).to_contain_text("There is no card here yet.")
    page.get_by_label("Or its text, pasted").fill("BEGIN:VCARD\nno end <script>alert(1)</script>")
    page.get_by_role("button", name="Take in the card").click()
    expect(page.locator("#card-wrong")).to_contain_text("not a visiting card")
    assert page.get_by_label("Or its text, pasted").input_value().startswith("BEGIN:VCARD\nno end <script>")
    page.get_by_label("Or a picture of its code").set_input_files(
        {"name": "x.png", "mimeType": "image/png", "buffer": b"not a picture"}
    )
    page.get_by_role("button", name="Take in the card").click()
    expect(page.locator("#picture-wrong")).to_be_visible()
    expect(page.get_by_label("Or a picture of its code")).to_have_attribute("aria-invalid", "true")
    page.get_by_label("Name, as it stands on an envelope").fill("Ada's friend")
    page.get_by_label("Address with an @").fill("nowhere")
    page.get_by_role("button", name="Put into the book").click()
    expect(page.locator("#address-wrong")).to_contain_text("is not an address")
    assert page.get_by_label("Name, as it stands on an envelope").input_value() == "Ada's friend"
    assert ada.run(person.everybody(ada.desk)) == before


@pytest.mark.parametrize(
    "js", [pytest.param(True, id="script"), pytest.param(False, id="no-script", marks=pytest.mark.long)]
)
def test_an_address_with_its_days_is_added_changed_and_ended(desk_of: DeskOf, sit: Sit, js: bool) -> None:
    ada = desk_of("Ada")
    page = sit(ada, "/people/new", js=js)
    name = f"Clara Moor {'with' if js else 'without'}"
    page.get_by_label("Name, as it stands on an envelope").fill(name)
    page.get_by_label("Address with an @").fill("clara@letters.test")
    page.get_by_role("button", name="Put into the book").click()
    assert name_of(page) == name
    page.get_by_role("link", name="Add an address").click()
    page.get_by_label("A place with a door").check()
    page.get_by_label("The address", exact=True).fill("Strandgade 3\n3770 Allinge")
    page.get_by_label("Care of").fill("Brandvik")
    page.get_by_label("From").fill("2026-02-20")
    page.get_by_label("Until, that day included").fill("2026-02-10")
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#until-wrong")).to_contain_text("would end before it begins")
    page.get_by_label("Until, that day included").fill("2026-03-10")
    page.get_by_role("button", name="Keep it").click()
    row = page.locator(".ledger > div", has_text="Strandgade")
    expect(row.locator("dt")).to_have_text("20 February to 10 March")
    expect(row).to_contain_text("c/o Brandvik")
    row.get_by_role("link", name="Change").click()
    page.get_by_role("button", name="End this address").click()
    expect(page.locator(".ledger > .past")).to_contain_text("it stays with the letters that went there")


def test_name_birthday_and_note_in_ones_own_words(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    desk_of("Bert")
    page = sit(ada, f"/people/{uid_of(ada, 'Bert')}/edit")
    page.get_by_label("Birthday").fill("9 March")
    page.get_by_label("In your own words").fill("Likes <b>the mill</b>.\nNever before ten.")
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator("#birthday-wrong")).to_be_visible()
    page.get_by_label("Birthday").fill("--03-09")
    page.get_by_role("button", name="Keep it").click()
    expect(page.locator(".note")).to_have_text("Likes <b>the mill</b>.\nNever before ten.")
    expect(page.locator("main .ledger")).to_contain_text("9 March")


def test_two_people_read_the_same_words_and_the_key_counts_as_checked(desk_of: DeskOf, sit: Sit) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    here, there = sit(ada, f"/people/{uid_of(ada, 'Bert')}"), sit(bert, f"/people/{uid_of(bert, 'Ada')}")
    for page in (here, there):
        page.get_by_role("link", name=re.compile("Read the words to each other|Check again")).click()

    def lists(page: Page) -> tuple[list[str], list[str]]:
        theirs, ours = page.locator(".word-list").all()
        return theirs.locator("li").all_inner_texts(), ours.locator("li").all_inner_texts()

    (bert_must, ada_reads), (ada_must, bert_reads) = lists(here), lists(there)
    assert (bert_must, ada_must) == (bert_reads, ada_reads)
    assert len(set(bert_must)) >= 5
    assert set(bert_must).isdisjoint(ada_must)
    assert here.get_by_label("Not compared yet").is_checked()  # the careful answer is the preset one
    here.get_by_label("They were the same").check()
    here.get_by_label("Where you compared them").fill("Lübeck")
    here.get_by_role("button", name="Write it down").click()
    expect(here.locator(".seal[data-seal=checked] .seal-word")).to_have_text(
        "Checked in person, in Lübeck, on 1 March 2026."
    )
    expect(here.locator(".key-words")).to_have_text(", ".join(bert_must))


def test_words_that_differ_set_the_key_aside(desk_of: DeskOf, sit: Sit) -> None:
    ada, clara = desk_of("Ada"), desk_of("Clara")
    ada.run(people.add(ada.desk, "Clara", vcard=card_of(clara).encode()))
    number = ada.run(ada.person.write("Clara", "Dear Clara"))
    ada.run(ada.person.post(number, at_once=False))
    page = sit(ada, f"/people/{uid_of(ada, 'Clara')}", js=False)
    page.get_by_role("link", name="Read the words to each other").click()
    page.get_by_label("They were not the same").check()
    page.get_by_role("button", name="Write it down").click()
    expect(page.locator("h1")).to_contain_text("The words were not the same")
    expect(page.locator(".word")).to_contain_text("One letter to Clara is held")
    page.get_by_role("link", name="Back to the entry").click()
    expect(page.locator(".seal-word").first).to_have_text("No key of Clara is known.")
    assert ada.run(ada.person.state(number)) == "held"


def test_the_card_is_saved_and_printed(desk_of: DeskOf, sit: Sit) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    page = sit(ada, "/card")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save it as a file").click()
    assert saved.value.suggested_filename == "ada.vcf"
    text = saved.value.path().read_bytes().decode()
    assert text == card_of(ada)
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save the code as a picture").click()
    bert.run(card.add_from_picture(bert.desk, saved.value.path().read_bytes(), "Ada by code"))
    used = bert.run(person.whole(bert.desk, uid_of(bert, "Ada by code"))).keys
    assert [key.fingerprint for key in used] == [ada.run(card.calling_card(ada.desk)).card.fingerprint]
    # The code on the page is the code in the picture: a camera would read it from the screen.
    shot = page.locator(".code").screenshot()
    (seen,) = bert.run(bert.desk.opener.read_codes(shot))
    assert seen == ada.run(card.calling_card(ada.desk)).code
    page.emulate_media(media="print")
    expect(page.locator(".calling-card")).to_be_visible()
    for gone in (".top", "h1", ".facts", ".foot"):
        expect(page.locator(gone).first).to_be_hidden()


def test_two_entries_become_one_and_one_is_taken_out(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    for name in ("Dora", "D. Winter"):
        ada.run(people.add(ada.desk, name, addresses=[f"{name[0].lower()}{len(name)}@letters.test"]))
    page = sit(ada, f"/people/{uid_of(ada, 'Dora')}/more")
    page.get_by_label("Dora is the same as").select_option("D. Winter")
    page.get_by_role("button", name="Make one of the two").click()
    expect(page.locator("main .ledger")).to_contain_text("d9@letters.test")
    page.get_by_role("link", name="More", exact=True).click()
    page.get_by_role("button", name="Take Dora out of the book").click()
    expect(page.locator(".word")).to_contain_text("Nothing was done.")
    page.get_by_label("I mean it.").check()
    page.get_by_role("button", name="Take Dora out of the book").click()
    assert page.url.endswith("/people")
    assert "Dora" not in page.locator(".folk-list").inner_text()


def test_among_many_people_a_name_is_found_and_a_page_stays_together(desk_of: DeskOf, sit: Sit) -> None:
    ada = desk_of("Ada")
    for n in range(30):
        ada.run(people.add(ada.desk, f"{'Zoë' if n == 7 else 'Clara'} Number {n}"))
    ada.run(people.add(ada.desk, "Øyvind"))
    page = sit(ada, "/people/new")
    title, card = page.locator("h1").bounding_box(), page.locator("#by-card").bounding_box()
    assert title and card and card["y"] - title["y"] < 250, "the list beside it does not pull the page apart"
    names = page.locator(".folk-list li").all_inner_texts()
    assert names.index("Øyvind") < names.index("Zoë Number 7"), "Ø stands with O, where one looks for it"
    page.get_by_label("Find a name").fill("oy")
    assert page.locator(".folk-list li:visible").all_inner_texts() == ["Øyvind"]
    page.get_by_label("Find a name").fill("7 zoe")
    assert page.locator(".folk-list li:visible").all_inner_texts() == ["Zoë Number 7"]
    page.get_by_label("Find a name").fill("zoe 8")
    expect(page.locator(".folk-list [role=status]")).to_have_text("Nobody of this name is in the book.")
    assert page.locator(".folk-list li:visible").count() == 0


def test_a_person_is_asked_for_by_uid_alone(desk_of: DeskOf, call: Call) -> None:
    ada = desk_of("Ada")
    desk_of("Bert")
    client = call(ada)
    assert client.get(f"/people/{uid_of(ada, 'Bert')}").status_code == 200
    for wrong in ("Bert", "bert@town.office.invalid", "0" * 32, "..%2f..", f"{uid_of(ada, 'Bert')}/address/99"):
        assert client.get(f"/people/{wrong}").status_code == 404
    assert client.get(f"/people/{uid_of(ada, 'Bert')}/check/{'0' * 40}").status_code == 404


@pytest.mark.long
@pytest.mark.parametrize("dark", [False, True], ids=["day", "lamp"])
def test_axe_finds_nothing(desk_of: DeskOf, sit: Sit, dark: bool) -> None:
    ada = desk_of("Ada")
    desk_of("Bert")
    who = ada.run(person.whole(ada.desk, uid_of(ada, "Bert")))
    paths = [
        "/people",
        "/people/new",
        "/card",
        *(f"/people/{who.uid}{end}" for end in ("", "/edit", "/address", "/more")),
    ]
    for path in (*paths, f"/people/{who.uid}/check/{who.keys[0].fingerprint}"):
        page = sit(ada, path, dark=dark)
        assert violations(page) == [], path
        page.context.close()
