"""Visiting cards out and in; hostile ones (A15, A24, A34)."""

from __future__ import annotations

import base64
import logging
from time import process_time

import pytest

from dearly.exchange.vcard import MOST_BYTES, Card, read_card, write_card
from dearly.letter.errors import Usage

CERTIFICATE = bytes(range(256)) * 8
KEY = base64.b64encode(CERTIFICATE).decode()


def card(*lines: str, version: str = "4.0") -> bytes:
    return "\r\n".join(["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD", ""]).encode()


@pytest.mark.parametrize(
    "name", ["Ada", "Löve, Ada; the \\ second", "日本 語 👩\u200d🌾", "x" * 190, "", "a\\nb", "é" * 100]
)
def test_out_and_in(name: str) -> None:
    written = write_card(
        name, ["ada@letters.test", "ada@x.office.invalid"], CERTIFICATE, "https://office.test/a,b;c?d=e"
    )
    assert read_card(written.encode()) == Card(
        name.replace("\u200d", ""),
        ("ada@letters.test", "ada@x.office.invalid"),
        (CERTIFICATE,),
        "https://office.test/a,b;c?d=e",
    )
    assert all(len(line.encode()) <= 75 for line in written.split("\r\n"))
    assert "\n" not in written.replace("\r\n", "")


def test_little_is_enough() -> None:
    assert read_card(write_card("Ada", [], None, None).encode()) == Card("Ada", ())
    assert read_card(write_card("Ada", ["ada@letters.test"], None, None).encode()).certificates == ()


@pytest.mark.parametrize("text", ["a\r\nEMAIL:eve@evil.test", "a\nb", "a\0b", "a\u2028b"])
def test_no_text_becomes_a_line(text: str) -> None:
    for arguments in ((text, [], None, None), ("x", [text], None, None), ("x", [], None, text)):
        with pytest.raises(Usage):
            write_card(*arguments)


FOREIGN = {
    "as Delta Chat writes": (
        card("EMAIL:ada@letters.test", "FN:Ada", f"KEY:data:application/pgp-keys;base64\\,{KEY}", "REV:x"),
        True,
    ),
    "version 3": (
        card(
            "N:Love;Ada;;;",
            "FN:Ada",
            "EMAIL;TYPE=INTERNET:ada@letters.test",
            f"KEY;TYPE=PGP;ENCODING=b:{KEY}",
            version="3.0",
        ),
        True,
    ),
    "with groups and parameters": (
        card(
            "item1.FN;X-A=b:Ada",
            "item1.EMAIL;PREF=1;TYPE=home:mailto:ada@letters.test",
            f"KEY;PREF=1:data:application/pgp-keys;base64,{KEY}",
        ),
        True,
    ),
    "LF line ends": (
        card("FN:Ada", "EMAIL:ada@letters.test", f"KEY:data:application/pgp-keys;base64,{KEY}").replace(b"\r\n", b"\n"),
        True,
    ),
    "a byte order mark": (
        b"\xef\xbb\xbf" + card("FN:Ada", "EMAIL:ada@letters.test", f"KEY:data:application/pgp-keys;base64,{KEY}"),
        True,
    ),
    "something before": (
        b"hello\r\n" + card("FN:Ada", "EMAIL:ada@letters.test", f"KEY:data:application/pgp-keys;base64,{KEY}"),
        True,
    ),
    "a second card": (
        card("FN:Ada", "EMAIL:ada@letters.test")
        + card("FN:Eve", "EMAIL:eve@evil.test", f"KEY:data:application/pgp-keys;base64,{KEY}"),
        False,
    ),
    "a link to a key": (
        card("FN:Ada", "EMAIL:ada@letters.test", "KEY;MEDIATYPE=application/pgp-keys:https://evil.test/k"),
        False,
    ),
    "another kind of key": (
        card("FN:Ada", "EMAIL:ada@letters.test", f"KEY:data:application/x-x509-user-cert;base64,{KEY}"),
        False,
    ),
    "a key that is no base64": (
        card("FN:Ada", "EMAIL:ada@letters.test", "KEY:data:application/pgp-keys;base64,!!!"),
        False,
    ),
    "a name in parts": (card("N:;Ada;;;", "EMAIL:ada@letters.test"), False),
    "a nested card": (
        card(
            "FN:Ada",
            "EMAIL:ada@letters.test",
            "BEGIN:VCARD",
            "EMAIL:eve@evil.test",
            f"KEY:data:application/pgp-keys;base64,{KEY}",
            "END:VCARD",
        ),
        False,
    ),
}


@pytest.mark.parametrize("case", FOREIGN)
def test_foreign_cards(case: str) -> None:
    data, has_key = FOREIGN[case]
    found = read_card(data)
    assert (found.name, found.addresses) == ("Ada", ("ada@letters.test",))
    assert found.certificates == ((CERTIFICATE,) if has_key else ())


def test_an_armored_key() -> None:
    armored = "-----BEGIN PGP PUBLIC KEY BLOCK-----\\n\\nAAAA\\n-----END PGP PUBLIC KEY BLOCK-----"
    (found,) = read_card(card("FN:Ada", f"KEY;TYPE=PGP:{armored}", version="3.0")).certificates
    assert found.startswith(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n")


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://office.test@evil.test/",
        "https://",
        "//x",
        "https://a b",
        "http://[",
        "https://évil.test",
    ],
)
def test_offices_that_are_none(url: str) -> None:
    assert read_card(card("FN:Ada", f"X-DEARLY-OFFICE:{url}")).office_url is None


def test_texts_are_cleaned_and_cut() -> None:
    found = read_card(
        card("FN:A\u202ed\x00a\\nB" + "x" * 500, *[f"EMAIL:a{n}@letters.test" for n in range(50)], "EMAIL:" + "x" * 400)
    )
    assert found.name.startswith("Ada B")
    assert len(found.name) == 200
    assert len(found.addresses) == 20


BAD = {
    "nothing": b"",
    "no card": b"hello",
    "a calendar": b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nRRULE:FREQ=SECONDLY\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
    "never ends": b"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ada\r\n",
    "a broken binary": card("FN:Ada", "KEY;ENCODING=b:A", version="3.0"),
    "too large": card("FN:Ada", "NOTE:" + "x" * MOST_BYTES),
    "only beginnings": b"BEGIN:VCARD\r\n" * 5000,
    "an empty card": b"BEGIN:VCARD\r\nEND:VCARD\r\n",
}


@pytest.mark.parametrize("case", BAD)
def test_bad_cards(case: str) -> None:
    with pytest.raises(Usage) as caught:
        read_card(BAD[case])
    assert caught.value.code == "bad_card"


FLOODS = {
    "notes": card("FN:Ada", *["NOTE:x"] * 30_000),
    "names": card("FN:Ada", *["FN:x"] * 40_000),
    "parts of a name": card("FN:Ada", "N:" + ";" * 300_000),
    "parameters": card("FN:Ada", "EMAIL" + ";A=b" * 70_000 + ":x"),
    "a folded picture": card("FN:Ada", "PHOTO;ENCODING=b:" + "A\r\n " * 70_000),
    "nested alarms": card("FN:Ada", *["BEGIN:VALARM"] * 9_000, "RRULE:FREQ=SECONDLY", *["END:VALARM"] * 9_000),
    "a rule without end": card("FN:Ada", "RRULE:FREQ=SECONDLY;COUNT=999999999"),
    "backslashes": card("FN:Ada", "KEY:" + "\\" * 300_000),
}


@pytest.mark.parametrize("case", FLOODS)
def test_floods_are_read_at_once(case: str) -> None:
    """A34: nothing is repeated, unfolded or fetched that was not asked for."""
    begun = process_time()
    assert read_card(FLOODS[case]).name == "Ada"
    assert process_time() - begun < 2


def test_nothing_foreign_is_logged(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        read_card(card("FN:Ada", "EMAIL;SECRET", 'EMAIL;A="SECRET:x', "KEY;:SECRET"))
    assert "SECRET" not in caplog.text + "".join(capfd.readouterr())
