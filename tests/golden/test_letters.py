"""Every form of letter that we write, byte for byte, and what reading makes of it.

After a change that is meant: `DEARLY_UPDATE_GOLDEN=1 pytest tests/golden`, then read the difference.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from dearly.letter.content import Enclosure, LetterId
from dearly.mime.pgpmime import wrap
from dearly.mime.read import outline, readable
from dearly.mime.write import render
from tests.support import parcels
from tests.support.letters import ADA, BERT, BINARY, CERTIFICATE, CLARA, DORA, PICTURE, RECIPE, a_letter

FOLDER = Path(__file__).parent / "letters"
UPDATE = os.environ.get("DEARLY_UPDATE_GOLDEN") == "1"

MARKED_UP = """# News

Dear *Bert*, the list:

1. plums
2. a **ladder**, see [here](https://letters.test/ladder)

> What ladder?

| when | what |
|------|-----:|
| May  |    3 |

    code stays

---

![from elsewhere](https://letters.test/elsewhere.png)
"""
WITH_PICTURE = "Dear Bert,\n\nthe harbour:\n\n![The harbour at noon](cid:harbour@letters.test)\n\nYours Ada\n"
HARD = (
    "From here on\n.\n..dots\nblank at the end \ntab at the end\t\n\n-- \nFrom \x00\x07 and = signs =3D\n"
    + "a long line " * 90
    + "\n"
    + "x" * 1200
    + "\nno end"
)

LETTERS = {
    "plain": render(a_letter(), autocrypt=(ADA.address, CERTIFICATE)),
    "marked-up": render(a_letter(MARKED_UP)),
    "picture": render(a_letter(WITH_PICTURE, enclosures=(PICTURE,))),
    "enclosure": render(a_letter(enclosures=(RECIPE,))),
    "all-together": render(
        a_letter(WITH_PICTURE, to=(BERT, CLARA, DORA), enclosures=(PICTURE, RECIPE, BINARY)),
        autocrypt=(ADA.address, CERTIFICATE),
    ),
    "all-together-binary": render(a_letter(WITH_PICTURE, enclosures=(PICTURE, RECIPE, BINARY)), binary=True),
    "answer": render(
        a_letter(
            "> the harvest is in\n\nHere too.\n",
            sender=BERT,
            to=(ADA,),
            subject="Re: Of the harvest",
            in_reply_to=LetterId("aaaaaaaaaaaaaaaaaaaaaaaaaa@letters.test"),
            references=(LetterId("first@letters.test"), LetterId("aaaaaaaaaaaaaaaaaaaaaaaaaa@letters.test")),
            letter_id=LetterId("bbbbbbbbbbbbbbbbbbbbbbbbbb@letters.test"),
        )
    ),
    "non-ascii": render(
        a_letter(
            "Grüße, 日本語の手紙, Привет, שלום, 👩‍🌾 e\u0301\n",
            sender=DORA,
            to=(
                replace(BERT, name="ベルト"),
                replace(CLARA, name='Clara "C." \\ O\'Hara, of the very long name ' + "ü" * 60),
            ),
            subject="Grüße aus 日本 — und noch viel mehr, als in eine einzige Zeile des Briefkopfs passt",
            enclosures=(
                Enclosure(
                    "Äpfel und Birnen; «ganz» lange Liste, für den Herbst und den Winter.txt", "text/plain", b"x"
                ),
                Enclosure('a "quoted" name.pdf', "application/pdf", b"%PDF"),
            ),
            letter_id=LetterId("cccccccccccccccccccccccccc@xn--grn-hoa.test"),
        )
    ),
    "hard-text": render(a_letter(HARD)),
    "unsealed": render(a_letter(), autocrypt=(ADA.address, CERTIFICATE), hp=False),
    "first-by-mail": render(a_letter(), autocrypt=(ADA.address, CERTIFICATE), outside=True),
    "for-several": render(
        a_letter(to=(BERT, CLARA), letter_no=None),
        autocrypt=(ADA.address, CERTIFICATE),
        gossip=[(BERT.address, CERTIFICATE[:40]), (CLARA.address, CERTIFICATE[:60])],
        group="abcdefghijklmnopqrstuvwx",
    ),
    "for-a-chat": render(
        a_letter("Dear Bert,\n\na line of dashes:\n\n-- \nthat is all -- or --\n\n--\nAda\n"), chat=True
    ),
    "sealed-first-by-mail": wrap(
        a_letter(), parcels.armored(parcels.sealed_bytes()), ADA.address, (ADA.address, CERTIFICATE)
    ),
    "sealed": wrap(a_letter(to=(BERT, DORA)), parcels.armored(parcels.sealed_bytes()), ADA.address),
}


@pytest.mark.parametrize("name", LETTERS)
def test_bytes(name: str) -> None:
    path = FOLDER / f"{name}.eml"
    if UPDATE:
        path.write_bytes(LETTERS[name])
    assert LETTERS[name] == path.read_bytes()


@pytest.mark.parametrize("name", LETTERS)
def test_reading(name: str) -> None:
    path = FOLDER / f"{name}.txt"
    told = _told(LETTERS[name])
    if UPDATE:
        path.write_text(told, encoding="utf-8")
    assert told == path.read_text(encoding="utf-8")


def test_no_file_is_left_over() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(LETTERS)


def _told(raw: bytes) -> str:
    found = outline(raw)
    body = readable(raw, found)
    lines = [
        f"from {', '.join(map(str, found.froms))}",
        f"to {', '.join(map(str, found.to))}",
        f"date {found.date and found.date.isoformat()}",
        f"subject {found.subject}",
        f"id {found.message_id} answering {found.in_reply_to} after {list(found.references)}",
        f"number {found.letter_no} format {found.letter_format} hp {found.hp}",
        *(f"outer {name}: {value}" for name, value in found.hp_outer),
        *(f"autocrypt {len(value)} characters" for value in found.autocrypt),
        *(
            f"{'  ' * one.depth}{one.content_type} {one.cte} {one.disposition or ''} {one.cid or ''}".rstrip()
            for one in found.parts
        ),
        *(f"enclosure {one.name} {one.media_type} {len(one.data)} {one.cid or ''}".rstrip() for one in body.enclosures),
        f"html {body.html is not None}",
        f"text {body.text!r}",
    ]
    return "\n".join(lines) + "\n"
