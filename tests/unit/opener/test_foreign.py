"""HTML of other programs for the locked frame: structure, the letter's own pictures, and nothing else (A29, A30)."""

from __future__ import annotations

import re

import pytest
from tests.support.furnished import HOSTILE
from tests.support.hostile import each, reaches_out

from dearly.opener.foreign import document
from dearly.opener.showing import Foreign, Picture


def inside(html: str, *pictures: Picture) -> str:
    """What stands in the body of the frame."""
    made = document(Foreign(html, pictures, "en"))
    assert made.startswith("<!doctype html>")
    return made[made.index("<body>") + 6 : made.rindex("</body>")]


@pytest.mark.parametrize("vector", [*each(), HOSTILE], ids=lambda vector: vector[:40])
def test_nothing_reaches_out(vector: str) -> None:
    made = inside(vector)
    assert not reaches_out(made), made
    assert not re.search(r"<[^>]*\b(?:href|cite|action)\b", made)


def test_it_is_as_it_was_after_sanitising_twice() -> None:
    for vector in each():
        once = inside(vector)
        assert inside(once) == once, "what a browser reads is what was sanitised"


def test_structure_stays() -> None:
    made = inside(
        "<h1>A</h1><table width=500><tr><td colspan=2 align=center style='color:red'>b</td></tr></table><p dir=rtl>c"
    )
    assert made == (
        '<h1>A</h1><table width="500"><tbody><tr><td colspan="2" align="center">b</td></tr></tbody></table>'
        '<p dir="rtl">c</p>'
    )


def test_own_pictures_stand_in_it() -> None:
    given = (Picture("a@b", "image/png", b"x"), Picture("d", "image/svg+xml", b"<svg/>"))
    made = inside("<img src='cid:a%40b' alt=x width=10><img src=cid:c><img src=CID:d>", *given)
    assert made == '<img src="data:image/png;base64,eA==" alt="x" width="10"><img><img>'


def test_what_is_hidden_stays_away() -> None:
    assert "SECRET-MARKER" not in inside(HOSTILE)
    made = inside(
        "<style>.a{display:none} @media print{.b{font-size:0}}</style><p class=a>1<p class=b>2<p hidden>3<p>4"
    )
    assert made == "<p>4</p>"


def test_what_is_not_worth_a_tree_is_text() -> None:
    made = inside("<div>" * 5000 + "x<img src=//elsewhere.invalid/1>")
    assert made == "<pre>x\n</pre>"


def test_after_what_is_dropped_the_letter_goes_on() -> None:
    assert "A quotation." in inside(HOSTILE)
    assert inside("<noscript><p>read me</p></noscript>") == "<p>read me</p>"
