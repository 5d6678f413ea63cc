"""A letter over HTTP: what is shown when, what stands beside it, and what may be done after it."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from dearly.desk import ledger, people, reading
from dearly.letter.content import Enclosure
from dearly.seal.armor import armor
from dearly.seal.keys import OwnKey
from tests.support import openpgp as pgp
from tests.support.desks import Person, a_town
from tests.support.forging import Forger, own_key, parcel
from tests.support.furnished import HOSTILE, hostile_parcels, png
from tests.support.hostile import reaches_out
from tests.support.web import Web, at_desk

FRAME = "default-src 'none'; img-src data:; style-src 'none'; sandbox; frame-ancestors 'self'"


async def _opened(ada: Person, *parcels: bytes) -> list[int]:
    for raw in parcels:
        ada.town.post.lay(await ada.address(), raw)
    found: list[int] = []
    while more := (await ada.round()).arrived:
        found += more
    return [(await ada.open(number)).number for number in found]


async def _sent(ada: Person, bert: Person, text: str, *enclosures: Enclosure) -> int:
    await bert.post(await bert.write("Ada", text, "The mill", *enclosures))
    await bert.round()
    (number,) = (await ada.round()).arrived
    await ada.open(number)
    return number


def _paper(text: str) -> str:
    return text[text.index('<div class="letter">') : text.index("</article>")]


def test_a_letter_read(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            first = await _sent(ada, bert, "Dear Ada,\n\nthe *first* one.\n\nYours,\n\nBert\n")
            mine = await ada.answer(first, "Dear Bert,\n\nthank you.\n")
            await ada.post(mine)
            await ada.round()
            second = await _sent(ada, bert, "Dear Ada,\n\n![The mill](cid:mill)\n",
                                 Enclosure("mill.png", "image/png", png(), "mill"),
                                 Enclosure("invoice.pdf.exe", "application/pdf", b"MZ"))  # fmt: skip
            async with at_desk(ada.desk) as web:
                text = (await web.get(f"/letter/{first}")).text
                assert "<title>A letter · Dearly</title>" in text
                assert "<em>first</em>" in _paper(text)
                outside = text[text.index("<aside") : text.index("</aside>")]
                assert "bert@<wbr>town.office.invalid" in outside
                assert 'data-seal="new"' in outside
                assert "Sealed with a key" in outside
                assert "seal" not in _paper(text), "nothing of ours stands on the paper"
                assert "The first letter between you." in outside
                assert f'href="/letter/{mine}" rel="next"' in outside
                assert "You have answered it." in text
                ours = (await web.get(f"/letter/{mine}")).text
                assert f'href="/posted/{mine}"' in ours
                assert f'href="/letter/{first}" rel="prev"' in ours
                assert "/answer" not in ours
                await _enclosures(web, second)
                found = await reading.paper_many(ada.desk, [second, first, mine])
                assert ["mill" in one.html for one in found] == [True, False, False]
                assert "thank you" in found[2].html

    asyncio.run(play())


async def _enclosures(web: Web, number: int) -> None:
    text = (await web.get(f"/letter/{number}")).text
    assert f'src="/letter/{number}/picture/mill"' in _paper(text)
    assert "<bdi>invoice.pdf.exe</bdi>" in text, "all of a double extension is shown"
    assert "Ends in <bdi>.exe</bdi>" in text
    (at,) = re.findall(rf'"(/letter/{number}/enclosure/\d+/[0-9a-f]{{32}})"', text)
    file = await web.get(at)
    assert file.content == b"MZ"
    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"] == (
        "attachment; filename=\"invoice.pdf.exe\"; filename*=UTF-8''invoice.pdf.exe"
    )
    assert file.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in file.headers["content-security-policy"]
    place, ticket = at.rsplit("/", 1)
    for wrong in (f"{place}/{'0' * 32}", f"{place[:-1]}0/{ticket}", f"{place}/{ticket[:-1]}"):
        assert (await web.get(wrong)).status_code == 404, "no file is found by guessing"


def test_answering(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await _sent(ada, bert, "Dear Ada,\n\nwill you come?\n")
            async with at_desk(ada.desk) as web:
                await _marked(web, ada, number)
                begun = await web.post(f"/letter/{number}/answer")
                page = int(begun.headers["location"].removeprefix("/page/"))
                assert "will you come" not in (await ada.show(page)).text
                begun = await web.post(f"/letter/{number}/answer", {"quote": "yes"})
                page = int(begun.headers["location"].removeprefix("/page/"))
                assert "> will you come?" in (await ada.show(page)).text
                assert (await reading.read(ada.desk, number)).reply is None, "answered, it is not for later any more"
                assert (await web.post(f"/letter/{page}/answer")).status_code == 404

    asyncio.run(play())


def test_a_card_says_that_it_came_and_leaves_the_answer_for_later(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await _sent(ada, bert, "Dear Ada,\n\nwill you come?\n")
            async with at_desk(ada.desk) as web:
                assert "Write “It came, I need time”" in (await web.get(f"/letter/{number}")).text
                begun = await web.post(f"/letter/{number}/card")
                again = await web.post(f"/letter/{number}/card")
                assert again.headers["location"] == begun.headers["location"], "pressed twice, it is one card"
                page = int(begun.headers["location"].removeprefix("/page/").removesuffix("/envelope"))
                assert (await web.get(f"/page/{page}/envelope")).status_code == 200, "it lies in its envelope already"
                assert (await ada.show(page)).text.strip() == "It came, I need time."
                await ada.post(page)
                (line,) = await ledger.ledger(ada.desk)
                assert (line.standing, line.number) == (ledger.Standing.LATER, number), "the answer is still to come"
                assert (await web.post(f"/letter/{page}/card")).status_code == 400, "their own letter gets no card"

    asyncio.run(play())


async def _marked(web: Web, ada: Person, number: int) -> None:
    for reply, word in (("not_needed", "It needs no answer."), ("later", "Kept for later.")):
        answer = await web.post(f"/letter/{number}/mark", {"reply": reply})
        assert answer.headers["location"] == f"/letter/{number}"
        assert word in (await web.get(f"/letter/{number}")).text
        assert (await reading.read(ada.desk, number)).reply == reply
    assert "For later" in (await web.get("/letterbox")).text
    await web.post(f"/letter/{number}/mark", {"reply": ""})
    assert (await reading.read(ada.desk, number)).reply is None
    assert "For later" not in (await web.get("/letterbox")).text
    assert (await web.post(f"/letter/{number}/mark", {"reply": "burn"})).status_code == 400
    await web.post(f"/letter/{number}/mark", {"reply": "later"})


def test_a_doubtful_seal_asks_first(tmp_path: Path) -> None:
    """Mallory has a key of her own and writes as Bert, whose key Ada knows (A07)."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            forger = Forger("Bert", await bert.address(), OwnKey.generate([pgp.address("eve")], town.clock.now()))
            letter = forger.letter(ada, await ada.address(), "SECRET-WISH\n", "1@letters.test")
            reader = await own_key(ada)
            raw = parcel(letter, forger.sealed(forger.part(letter), reader, [reader], letter))
            (number,) = await _opened(ada, raw)
            async with at_desk(ada.desk) as web:
                text = (await web.get(f"/letter/{number}")).text
                assert "SECRET-WISH" not in text
                assert "Read it all the same" in text
                assert "/answer" not in text
                assert "enclosure" not in text
                text = (await web.get(f"/letter/{number}?look=all-the-same")).text
                assert "SECRET-WISH" in _paper(text)
                assert 'data-seal="' in text[text.index("<aside") : text.index("</aside>")]
                assert (await reading.paper_many(ada.desk, [number]))[0].html == "", "nor in the book"

    asyncio.run(play())


def test_foreign_letters(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            (ada,) = await town.settle("Ada")
            numbers = await _opened(ada, *hostile_parcels())
            async with at_desk(ada.desk) as web:
                shown = {number: (await web.get(f"/letter/{number}")).text for number in numbers}
                for number, text in shown.items():
                    paper = _paper(text)
                    assert "SECRET-MARKER" not in text
                    assert not reaches_out(paper.replace("<article", ""), f"/letter/{number}/"), paper
                    await _locked_frame(web, number, "look=laid-out" in text)
                (mixed,) = [text for text in shown.values() if "passwd" in text]
                for name in ("passwd", "invoicefdp.html", "_CON.svg"):
                    assert f"<bdi>{name}</bdi>" in mixed
                assert "../" not in mixed
                await _links(web, next(n for n, text in shown.items() if "Show it as it was laid out" in text))

    asyncio.run(play())


async def _locked_frame(web: Web, number: int, laid_out: bool) -> None:
    frame = await web.get(f"/letter/{number}/frame")
    page = await web.get(f"/letter/{number}?look=laid-out")
    if not laid_out:
        assert frame.status_code == 404
        assert "<iframe" not in page.text
        assert "frame-src 'none'" in page.headers["content-security-policy"]
        return
    assert frame.headers["content-security-policy"] == FRAME
    assert "x-frame-options" not in frame.headers
    assert frame.headers["x-content-type-options"] == "nosniff"
    assert frame.headers["cache-control"] == "no-store"
    assert not reaches_out(frame.text[frame.text.index("<body>") + 6 :], "data:image/png;base64,")
    assert "SECRET-MARKER" not in frame.text
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-frame-options"] == "DENY"
    assert re.search(rf'<iframe src="/letter/{number}/frame" sandbox ', page.text)
    plain = await web.get(f"/letter/{number}")
    assert "frame-src 'none'" in plain.headers["content-security-policy"]


async def _links(web: Web, number: int) -> None:
    page = await web.get(f"/letter/{number}/link/0")
    assert page.status_code == 200
    assert "This link leads out of the desk" in page.text
    assert "<bdi>elsewhere.invalid</bdi>" in page.text
    assert 'href="https://elsewhere.invalid/bank" target="_blank" rel="noopener noreferrer"' in page.text
    assert (await web.get(f"/letter/{number}/link/99")).status_code == 404
    assert "elsewhere" not in str(page.url)


def test_a_link_in_other_letters_than_it_seems(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await _sent(ada, bert, "[apple.com](http://аррӏе.com/) <mailto:zoe@letters.test>\n")
            async with at_desk(ada.desk) as web:
                assert "(xn--80ak6aa92e.com)" in (await web.get(f"/letter/{number}")).text
                text = (await web.get(f"/letter/{number}/link/0")).text
                assert "letters of another script" in text
                assert "The line to it is open" in text
                text = (await web.get(f"/letter/{number}/link/1")).text
                assert 'name="to" value="zoe@letters.test"' in text
                assert "mailto:" not in text

    asyncio.run(play())


def test_the_quote_is_what_was_shown(tmp_path: Path) -> None:
    """A04: what a letter hides comes neither into the quote of an answer nor onto the paper."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            (ada,) = await town.settle("Ada")
            numbers = await _opened(ada, hostile_parcels()[0])
            async with at_desk(ada.desk) as web:
                begun = await web.post(f"/letter/{numbers[0]}/answer", {"quote": "yes"})
                text = (await ada.show(int(begun.headers["location"].removeprefix("/page/")))).text
                assert "> Dear Ada, here is a letter from a shop." in text
                assert "SECRET-MARKER" in HOSTILE
                assert "SECRET-MARKER" not in text

    asyncio.run(play())


def test_what_is_no_letter(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.settle("Ada", "Bert")
            page = await ada.write("Bert", "Dear Bert\n")
            async with at_desk(ada.desk) as web:
                assert (await web.get(f"/letter/{page}")).headers["location"] == f"/page/{page}"
                assert (await web.get("/letter/999")).status_code == 404
                for path in ("frame", "link/0", f"enclosure/0/{'0' * 32}"):
                    assert (await web.get(f"/letter/999/{path}")).status_code == 404

    asyncio.run(play())


def test_a_key_that_a_letter_brings(tmp_path: Path) -> None:
    """It is offered beside the paper, and taken by an act; then it lies with its person."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            clara = pgp.person("clara")
            key = Enclosure("clara.asc", "application/pgp-keys", armor(clara.certificate, "PUBLIC KEY BLOCK"))
            number = await _sent(ada, bert, "Dear Ada,\n\nhere is a key.\n", key)
            async with at_desk(ada.desk) as web:
                text = (await web.get(f"/letter/{number}")).text
                outside = text[text.index("<aside") : text.index("</aside>")]
                assert "It brings a key for clara@letters.test." in outside
                act = f"/letter/{number}/key/{clara.fingerprint}"
                assert f'action="{act}"' in outside
                assert (await web.post(f"/letter/{number}/key/{'0' * 40}")).status_code == 404
                taken = await web.post(act)
                person = await people.show_person(ada.desk, "clara@letters.test")
                assert taken.headers["location"] == f"/people/{person.uid}"
                assert [key.state for key in person.keys] == ["first_seen"]
                text = (await web.get(f"/letter/{number}")).text
                assert "It is the key that is in use." in text
                assert act not in text

    asyncio.run(play())
