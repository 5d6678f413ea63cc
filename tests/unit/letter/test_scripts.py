"""A21: names in several scripts are noticed, and ordinary ones of every script are not."""

from __future__ import annotations

import pytest

from dearly.letter.address import Address
from dearly.letter.scripts import ascii_form, in_doubt, mixed

ORDINARY = [
    "Ada Lovelace", "Jürgen Müller-Lüdenscheidt", "Søren Å. Ørsted", "Łukasz", "Nguyễn Thị Minh Khai", "Ада Лавлейс",
    "Ελένη", "עדה", "آدا", "अदा", "เอดา", "에이다", "林 太郎 はやし タロー", "Ada 林", "Ada (김)", "O'Neill, 3rd ½",
    "e\u0301", "Ａｄａ", "", "😀 Ada", "Mª José", "李ㄌㄧˇ",
]  # fmt: skip
IMITATED = [
    "\u0410da",
    "P\u0430ypal",
    "B\u03bfb",
    "Be\u0433t",
    "Ada \u0421\u043b\u0430\u0440\u0430 K",
    "\u13aada",
    "A\u0501a",
]


@pytest.mark.parametrize("name", ORDINARY)
def test_what_people_are_called(name: str) -> None:
    assert not mixed(name)
    assert in_doubt(name, "ada@letters.test") == ""


@pytest.mark.parametrize("name", IMITATED)
def test_what_imitates(name: str) -> None:
    assert mixed(name)
    assert in_doubt(name, "ada@letters.test") == "ada@letters.test"
    assert in_doubt(name, "") == ""


def test_addresses_in_other_scripts_have_a_form_that_shows_it() -> None:
    cyrillic = Address.parse("\u0430da@letters.test")
    assert ascii_form(cyrillic) == "\\u{430}da@letters.test" == in_doubt("Ada", str(cyrillic))
    assert ascii_form(Address.parse("ada@exämple.test")) == "ada@xn--exmple-cua.test"
    assert in_doubt("Ada", "ada@exämple.test") == ""
    assert in_doubt("Ada", "ada@p\u0430ypal.test") == "ada@xn--pypal-4ve.test"
