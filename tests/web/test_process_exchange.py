"""Two people on one machine, from nothing to a letter that is read, by forms alone: no script, no account, no terminal
but the one in which `dearly` was typed."""

from __future__ import annotations

import re
from html import unescape

import pytest

from tests.support.commands import Machine
from tests.support.sitting import Visit, a_machine, sit_down, text_of

pytestmark = pytest.mark.long  # the exchange stands in test_exchange, which is part of every run

WORDS = "plum ladder engine marmalade"


def first_day(machine: Machine, name: str) -> Visit:
    visit = sit_down(machine, name.lower())
    visit.come_in()
    visit.post("/welcome", name=name, place="Bergen", passphrase=WORDS, again=WORDS)
    visit.post("/welcome/kit", have="yes")
    visit.post("/welcome/post", post="local")
    assert visit.at == "/"
    return visit


def fields_of(page: str, action: str) -> dict[str, str]:
    """The fields of a form as they stand: what is hidden, what is chosen, what is written."""
    (form,) = re.findall(rf'<form[^>]*action="{action}"[^>]*>(.*?)</form>', page, re.DOTALL)
    found = {}
    for tag in re.findall(r"<input[^>]*>", form):
        about = {key: unescape(value) for key, value in re.findall(r'([\w-]+)="([^"]*)"', tag)}
        if "name" in about and (about.get("type") not in ("radio", "checkbox") or re.search(r"\bchecked\b", tag)):
            found[about["name"]] = about.get("value", "") or found.get(about["name"], "")
    for name, text in re.findall(r'<textarea[^>]*name="([^"]+)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        found[name] = unescape(text)
    return found


def test_two_people_on_one_machine() -> None:
    with a_machine() as machine:
        ada, bert = first_day(machine, "Ada"), first_day(machine, "Bert")
        for drawer, other in (("ada", "bert"), ("bert", "ada")):
            card = machine.run("--drawer", other, "address", "--vcard", "-").out
            machine.write("card.vcf", card)
            assert machine.run("--drawer", drawer, "people", "add", other.title(), "--vcard", "card.vcf").code == 0

        (uid,) = set(re.findall(r"/people/([0-9a-f]{32})", ada.get("/people").text))
        page = ada.post("/page/new", to=uid)
        number = int(re.fullmatch(r"/page/(\d+)", ada.at)[1])
        written = fields_of(page.text, f"/page/{number}/save") | {"text": "Dear Bert,\n\nmarkerquince\n"}
        ada.post(f"/page/{number}/save", **{name: value for name, value in written.items() if name != "token"})
        envelope = ada.get(f"/page/{number}/envelope")
        closing = fields_of(envelope.text, f"/page/{number}/post") | {"when": "once"}
        closing.pop("token")
        posted = ada.post(f"/page/{number}/post", **closing)
        assert ada.at == f"/posted/{number}", (closing, text_of(posted)[:900])
        ada.post("/round")
        bert.get("/letterbox")
        bert.post("/round")
        box = bert.get("/letterbox")
        (came,) = set(re.findall(r"/letterbox/(\d+)/open", box.text))
        letter = bert.post(f"/letterbox/{came}/open")
        assert "markerquince" in letter.text
        assert "Bergen" in letter.text
