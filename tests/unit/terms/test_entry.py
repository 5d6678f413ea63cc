"""What a letter is found by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from dearly.letter.address import Address, Correspondent
from dearly.terms import marks
from dearly.terms.entry import VERSION, Has, enclosed, entry

ADA = Correspondent("Ada Testerin", Address.parse("ada@letters.test"))
BERT = Correspondent("", Address.parse("bert@letters.test"))
WHEN = datetime(2012, 12, 31, 23, 30, tzinfo=timezone(timedelta(hours=-2)))


def test_an_entry() -> None:
    made = entry(
        "Über Gärten",
        "Ich war mit dir in den Gärten, und das ist nicht der Garten von gestern.",
        people=[("from", ADA), ("to", BERT), ("cc", ADA)],
        files=["plan_2.pdf"],
        direction="out",
        date=WHEN,
        has={Has.ENCLOSURE},
    )
    assert made.version == VERSION
    assert made.subject == "uber garten"
    assert made.body.split()[:3] == ["ich", "war", "mit"]
    assert made.people == "ada testerin ada letters test bert letters test"
    assert made.files == "plan 2 pdf"
    assert marks.STEM + "gart" in made.stems.split()
    facets = set(made.facets.split())
    assert {marks.ALL, "§dout", "§y2013", "§m201301", "§henclosure", "§lde"} <= facets
    assert {marks.address_mark("f", ADA.address.key), marks.address_mark("t", ADA.address.key)} <= facets
    assert marks.name_mark("f", "testerin") in facets


def test_no_text_can_contain_a_mark() -> None:
    made = entry("§a", "¬stem §dout", people=[], direction="in", date=datetime(2012, 1, 1, tzinfo=UTC))
    assert made.subject == "a"
    assert made.body == "stem dout"


def test_what_is_enclosed() -> None:
    assert enclosed(["image/png", "application/pdf"]) == {Has.ENCLOSURE, Has.PICTURE}
    assert enclosed([]) == set()
