"""Pictures and enclosures in a real browser: laid in with the editor, with the form alone, and seen by the other."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from dearly.desk import page as pages
from tests.support.axe import axe
from tests.support.browser import sheet, shoot
from tests.support.pictures import CORNERS, alike, corners, file, held, scene
from tests.web.conftest import Call, DeskOf, Sit


@pytest.mark.long
def test_a_picture_is_laid_in_and_seen_at_the_other_desk(desk_of: DeskOf, sit: Sit, call: Call, tmp_path: Path) -> None:
    ada, bert = desk_of("Ada"), desk_of("Bert")
    number = ada.run(ada.person.write("Bert", "Dear Bert\n\n"))
    photograph = tmp_path / "garden.jpg"
    photograph.write_bytes(file(held(6, scene(900, 600)), orientation=6))
    page = sit(ada, f"/page/{number}")
    sheet(page)
    page.locator("#picture-file").set_input_files(photograph)
    page.get_by_label("What is to be seen in the picture").fill("The blue door")
    page.get_by_role("button", name="Write it under the picture").click()
    page.wait_for_timeout(200)

    async def kept() -> str:
        return (await pages.page(ada.desk, number)).text

    for _turn in range(100):
        text = ada.run(kept())
        if "![The blue door](cid:" in text:
            break
        page.wait_for_timeout(100)
    assert "![The blue door](cid:" in text
    page.goto(ada.url(f"/page/{number}/read-over"))
    expect(page.get_by_alt_text("The blue door")).to_have_js_property("naturalWidth", 900)

    ada.run(ada.person.post(number))
    ada.run(ada.person.round())
    bert.run(bert.person.round())
    (envelope,) = bert.run(bert.person.letterbox())
    bert.run(bert.person.open(envelope.number))
    page = sit(bert, f"/letter/{envelope.number}")
    picture = page.get_by_alt_text("The blue door")
    expect(picture).to_have_js_property("naturalWidth", 900)
    source = picture.get_attribute("src")
    assert source is not None
    assert alike(corners(call(bert).get(source).content), CORNERS)


@pytest.mark.parametrize(
    "js", [pytest.param(True, id="with a script"), pytest.param(False, id="without", marks=pytest.mark.long)]
)
def test_what_goes_along(desk_of: DeskOf, sit: Sit, tmp_path: Path, js: bool) -> None:
    ada, _bert = desk_of("Ada"), desk_of("Bert")
    number = ada.run(ada.person.write("Bert", "Dear Bert"))
    (tmp_path / "list.pdf").write_bytes(b"%PDF-1.4 fake")
    (tmp_path / "garden.png").write_bytes(file(kind="PNG"))
    (tmp_path / "no.png").write_bytes(b"<svg/>")
    page = sit(ada, f"/page/{number}/enclosed", js=js)
    expect(page.get_by_text("Nothing is enclosed.")).to_be_visible()
    page.get_by_label("Enclose a file").set_input_files(tmp_path / "list.pdf")
    page.get_by_role("button", name="Enclose", exact=True).click()
    expect(page.locator(".going-along .name")).to_have_text("list.pdf")
    page.get_by_label("Lay in a picture").set_input_files(tmp_path / "garden.png")
    page.get_by_label("What is to be seen in it").fill("The garden")
    page.get_by_role("button", name="Lay it at the end of the text").click()
    expect(page.locator(".going-along img")).to_have_js_property("naturalWidth", 96)
    if js:
        axe(page)
        shoot(page, "enclosed")
    page.get_by_label("Lay in a picture").set_input_files(tmp_path / "no.png")
    page.get_by_role("button", name="Lay it at the end of the text").click()
    expect(page.get_by_text("This is no picture that can be shown in a letter")).to_be_visible()
    page.get_by_role("button", name="Take it out (list.pdf)").click()
    expect(page.get_by_text("Nothing is enclosed.")).to_be_visible()
