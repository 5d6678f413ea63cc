"""The same letters as other programs keep them and as Dearly writes them out, in any order, some of them erased in
between: 0 doubled, 0 lost, 0 come back. And an id is a claim: what says anything else is another letter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from itertools import permutations
from pathlib import Path

import pytest

from dearly.desk import erasing, exporting, importing
from dearly.desk.importing import Choices, Done
from tests.support.archives import ADA, BERT, letter, maildir, mbox
from tests.support.desks import Person, Town, a_town
from tests.support.drawers import run

ENCLOSING = b"""From: Bert <bert@letters.test>
To: Ada <ada@letters.test>
Cc: Clara <clara@letters.test>
Date: Mon, 4 May 2009 10:00:00 +0000
Subject: =?utf-8?q?With_l=C3=A9gumes?=
Message-ID: <enclosing@letters.test>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

See what is <b>enclosed</b>, and ![this](http://elsewhere.test/y.png). D\xc3\xa9j\xc3\xa0 vu.
--b
Content-Type: text/plain; name=a.txt
Content-Disposition: attachment; filename=a.txt
Content-Transfer-Encoding: base64

aGVsbG8gd29ybGQ=
--b--
"""
PAINTED = b"""From: Clara <clara@letters.test>
To: Ada <ada@letters.test>
Date: Mon, 4 May 2009 11:00:00 +0200
Subject: Painted
Message-ID: <painted@letters.test>
MIME-Version: 1.0
Content-Type: text/html; charset=utf-8

<p>Dear <i>Ada</i>,<br>one<br>two</p>
"""
RECEIVED = [
    letter(1),
    letter(2, message_id=None),
    letter(3, answers="letter-1@letters.test"),
    ENCLOSING,
    PAINTED,
    letter(5, text="From the harbour\n>From quoted\n\n-- \nBert\n"),
    letter(6, text="blanks at the end  \n\n\n"),
    letter(8).replace(b"\nDate:", b"\nX-Date:"),
    letter(9, text=" "),
]
SENT = [letter(4, sender=ADA, to=BERT)]
ALL = len(RECEIVED) + len(SENT)

DRESSES = ("maildir", "mbox", "eml", "bundle", "drawer", "markdown", "opened")
SOME = [
    ("maildir", "eml"),
    ("mbox", "bundle"),
    ("markdown", "maildir"),
    ("eml", "markdown"),
    ("opened", "mbox"),
    ("drawer", "opened"),
]


async def _take(who: Person, path: Path) -> Done:
    archive = importing.open_archive(path)
    if archive.format in ("bundle", "drawer"):
        word = "fake passphrase for tests" if archive.format == "drawer" else None
        return await importing.run_ours(who.desk, archive, word, lambda *_: None)
    everything = Choices(take=frozenset(importing.REASONS))
    return await importing.run(who.desk, archive, everything, lambda *_: None)


async def _letters(who: Person) -> list[tuple[int, str, int]]:
    return [
        (number, subject, twin)
        for number, subject, twin in await who.desk.drawer.read(
            lambda db: db.all("SELECT number, subject, twin FROM letters ORDER BY subject, number")
        )
    ]


async def _ada(town: Town, name: str) -> Person:
    """A new drawer of Ada's."""
    one = await town.person(name)
    await one.gets_mail("ada@letters.test")
    return one


@asynccontextmanager
async def _wardrobe(place: Path) -> AsyncIterator[tuple[Town, Mapping[str, Path]]]:
    """The letters in every dress."""
    dressed = {"maildir": maildir(place / "Mail", RECEIVED), "mbox": mbox(place / "all.mbox", RECEIVED + SENT)}
    maildir(dressed["maildir"], SENT, sub=".Sent")
    dressed["eml"] = place / "eml"
    dressed["eml"].mkdir()
    for n, one in enumerate(RECEIVED + SENT):
        (dressed["eml"] / f"{n}.eml").write_bytes(one.replace(b"\n", b"\r\n"))
    async with a_town(place) as town:
        other = await _ada(town, "Other")
        await _take(other, dressed["maildir"])
        for name in ("bundle", "markdown", "opened"):
            wish = exporting.wish("maildir", opened=True) if name == "opened" else exporting.wish(name)
            dressed[name] = place / f"out-{name}"
            await exporting.export(other.desk, dressed[name], wish, lambda *_: None)
        await other.desk.close()
        yield town, dressed | {"drawer": other.folder}


async def _met_again(town: Town, first: Path, second: Path, name: str) -> None:
    """Take in the first, erase every third letter, take in the second."""
    ada = await _ada(town, name)
    await _take(ada, first)
    all_ = await _letters(ada)
    assert len(all_) == ALL
    for number, _subject, _twin in all_[::3]:
        await erasing.erase(ada.desk, number)
    kept = await _letters(ada)
    done = await _take(ada, second)
    assert await _letters(ada) == kept
    assert (done.taken, done.failed, done.found) == (0, 0, ALL)
    assert (done.already_here, done.erased) == (len(kept), ALL - len(kept))
    await ada.desk.close()


def test_in_whatever_dress_it_comes_it_is_one_letter(tmp_path: Path) -> None:
    async def play() -> None:
        async with _wardrobe(tmp_path) as (town, dressed):
            for first, second in SOME:
                await _met_again(town, dressed[first], dressed[second], f"{first} {second}")

    run(play)


@pytest.mark.long
@pytest.mark.parametrize("first", DRESSES)
def test_in_every_order(tmp_path: Path, first: str) -> None:
    async def play() -> None:
        async with _wardrobe(tmp_path) as (town, dressed):
            for second in DRESSES:
                await _met_again(town, dressed[first], dressed[second], f"{first} {second}")
            for n, (second, third) in enumerate(permutations([one for one in DRESSES if one != first], 2)):
                ada = await _ada(town, f"three {n}")
                for one in (first, second, third):
                    await _take(ada, dressed[one])
                assert [twin for _number, _subject, twin in await _letters(ada)] == [0] * ALL, (second, third)
                await ada.desk.close()

    run(play)


def test_what_says_anything_else_under_the_same_id_is_another_letter(tmp_path: Path) -> None:
    """As a text file and as a mail; and what was changed is a letter of its own, that is taken once."""

    async def play() -> None:
        async with _wardrobe(tmp_path) as (town, dressed):
            ada = await _ada(town, "Ada")
            await _take(ada, dressed["maildir"])
            changed = 0
            for file in dressed["markdown"].rglob("*.md"):
                text = file.read_text()
                if "letter-3@" in text:
                    file.write_text(text.replace("all is well", "all is hell"))
                elif "letter-5@" in text:
                    file.write_text(text.replace("2009-05-09", "2009-05-10"))
                elif "painted@" in text:
                    file.write_text(text.replace("clara@letters.test", "dora@letters.test"))
                else:
                    continue
                changed += 1
            mail = dressed["eml"] / "0.eml"
            mail.write_bytes(mail.read_bytes().replace(b"letter 1.", b"letter 7."))
            assert changed == 3
            done = await _take(ada, dressed["markdown"])
            assert (done.taken, done.already_here) == (3, ALL - 3)
            assert (await _take(ada, dressed["eml"])).taken == 1
            twins = [subject for _number, subject, twin in await _letters(ada) if twin]
            assert twins == [
                "Letter 1",
                "Letter 1",
                "Letter 3",
                "Letter 3",
                "Letter 5",
                "Letter 5",
                "Painted",
                "Painted",
            ]
            for name in ("markdown", "eml"):
                assert (await _take(ada, dressed[name])).taken == 0
            assert len(await _letters(ada)) == ALL + 4

    run(play)


def test_an_enclosure_that_a_text_names_and_that_is_not_there_is_told(tmp_path: Path) -> None:
    async def play() -> None:
        file = tmp_path / "1987-05-12.md"
        file.write_text("---\nfrom: Clara\nenclosures: [pressed.jpg, flower.jpg]\n---\nDear Ada, see the flower.\n")
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            done = await _take(ada, file)
            assert (done.taken, done.missed, done.failed) == (1, 0, 0)
            (told,) = done.skipped
            assert told.what == file.name
            assert told.why == "Files that it names as enclosed are not there: pressed.jpg, flower.jpg."

    run(play)
