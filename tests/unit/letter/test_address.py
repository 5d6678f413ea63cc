"""Addresses: one strict grammar for everything that may stand in a header or an envelope of ours."""

import pytest

from dearly.letter.address import Address, clean, header_safe
from dearly.letter.errors import Usage


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ada@letters.test", "ada@letters.test"),
        ("Ada.Byron+desk@Letters.TEST", "Ada.Byron+desk@letters.test"),
        ("  ada@letters.test ", "ada@letters.test"),
        ("ada@bücher.test", "ada@xn--bcher-kva.test"),
        ("дора@letters.test", "дора@letters.test"),
        ("o'neil@a.b.c.letters.test", "o'neil@a.b.c.letters.test"),
    ],
)
def test_good(text: str, shown: str) -> None:
    assert str(Address.parse(text)) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "@letters.test",
        "ada@",
        "ada@@letters.test",
        "a b@letters.test",
        '"a b"@letters.test',
        "ada@letters..test",
        "ada@-letters.test",
        "ada.@letters.test",
        ".ada@letters.test",
        "ada@[127.0.0.1]",
        "ada@letters.test\r\nBcc: eve@letters.test",
        "ada\n@letters.test",
        "ada>@letters.test",
        "ada,eve@letters.test",
        "ada\u202e@letters.test",
        "ada\u2028@letters.test",
        "ada\x00@letters.test",
        "a" * 65 + "@letters.test",
        "ada@" + ".".join(["abcdefghij"] * 30),
    ],
)
def test_bad(text: str) -> None:
    with pytest.raises(Usage) as caught:
        Address.parse(text)
    assert caught.value.code == "bad_address"
    assert caught.value.hint
    assert not any(ord(c) < 32 for c in caught.value.message)


def test_two_spellings_are_one_letterbox() -> None:
    assert Address.parse("Ada@Letters.test").same(Address.parse("ada@letters.TEST"))
    assert Address.parse("Jose\u0301@letters.test").same(Address.parse("Jos\u00e9@letters.test"))
    assert not Address.parse("ada@letters.test").same(Address.parse("eve@letters.test"))


def test_shown_text_has_nothing_invisible() -> None:
    assert clean("Ada\u202e\u200b <x>\r\n\x07") == "Ada <x>"


@pytest.mark.parametrize("text", ["a\r\nb", "a\nb", "a\x0bb", "a\u2028b", "a\x00", "\x7f", "a\x85b"])
def test_header_text_is_one_line(text: str) -> None:
    with pytest.raises(Usage):
        header_safe(text, "subject")
