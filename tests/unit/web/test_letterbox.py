"""The letterbox over HTTP: what lies there, what is opened, who stands at the door, what was taken in by hand."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from dearly.desk import account, letterbox, strangers
from dearly.drawer import arrivals, keyring, knocks, people
from tests.support.desks import Person, a_town
from tests.support.memory_mailbox import a_mail
from tests.support.web import Web, at_desk

STRANGER = (
    b"From: =?utf-8?q?Zo=C3=AB?= <zoe@elsewhere.invalid>\r\nTo: ada@letters.test\r\n"
    b"Date: Mon, 02 Feb 2026 15:04:05 +0000\r\nMessage-ID: <%d@elsewhere.invalid>\r\nSubject: Hello\r\n\r\nDear Ada\r\n"
)


async def _comes(ada: Person, *parcels: bytes) -> list[int]:
    for raw in parcels:
        ada.town.post.lay(await ada.address(), raw)
    found: list[int] = []
    while more := (await ada.round()).arrived:
        found += more
    return found


async def _letter(ada: Person, bert: Person, text: str = "Dear Ada,\n\nhello.\n") -> int:
    await bert.post(await bert.write("Ada", text, "The mill"))
    await bert.round()
    (number,) = (await ada.round()).arrived
    return number


async def _state(ada: Person, number: int) -> str:
    return await ada.desk.drawer.read(lambda db: arrivals.arrival(db, number).state.value)


def test_nothing_today(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            (ada,) = await town.settle("Ada")
            async with at_desk(ada.desk) as web:
                page = await web.get("/letterbox")
                assert page.status_code == 200
                assert "Nothing today" in page.text
                assert "What is on its way will find you." in page.text
                assert 'action="/round"' in page.text
            bare = await town.person("Dora")
            async with at_desk(bare.desk) as web:
                text = (await web.get("/letterbox")).text
                assert "no post yet" in text
                assert 'action="/round"' not in text

    asyncio.run(play())


def test_opening_is_an_act(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await _letter(ada, bert)
            async with at_desk(ada.desk) as web:
                text = (await web.get("/letterbox")).text
                assert "From Bert" in text
                assert "bert@town.office.invalid" in text
                assert "Sealed." in text
                assert "hello" not in text
                closed = await web.get(f"/letter/{number}")
                assert (closed.status_code, closed.headers["location"]) == (303, "/letterbox")
                assert (await web.get(f"/letterbox/{number}/open")).status_code == 405
                assert await _state(ada, number) == "unopened"
                opened = await web.post(f"/letterbox/{number}/open")
                assert (opened.status_code, opened.headers["location"]) == (303, f"/letter/{number}")
                again = await web.post(f"/letterbox/{number}/open")
                assert again.headers["location"] == f"/letter/{number}"
                text = (await web.get("/letterbox")).text
                assert "Nothing today" in text
                assert "Opened lately" in text
                assert f'href="/letter/{number}"' in text

    asyncio.run(play())


def test_three_answers_at_the_door(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            (ada,) = await town.settle("Ada")
            one, two = await _comes(ada, STRANGER % 1, STRANGER % 2)
            async with at_desk(ada.desk) as web:
                text = (await web.get("/letterbox")).text
                assert "Someone you have not written with" in text
                assert text.count("Zoë</bdi>, <bdi>zoe@elsewhere.invalid") == 1, "one stranger, one envelope"
                assert "Another letter from the same address" in text
                unopened = await web.post(f"/letterbox/{one}/open")
                assert unopened.status_code == 409
                await _left(web, ada, one)
                await _refused(web, ada, one, two)
                await _let_in(web, ada, one, two)

    asyncio.run(play())


async def _left(web: Web, ada: Person, one: int) -> None:
    answer = await web.post(f"/letterbox/{one}/leave")
    assert answer.headers["location"] == "/letterbox#at-door"
    assert await _state(ada, one) == "unopened"
    assert (await letterbox.look(ada.desk)).at_door


async def _refused(web: Web, ada: Person, one: int, two: int) -> None:
    answer = await web.post(f"/letterbox/{one}/refuse")
    assert answer.headers["location"] == f"/letterbox?refused={one}"
    text = (await web.get(answer.headers["location"])).text
    assert "Turned away, now and later." in text
    assert "Nothing today" in text
    assert [await _state(ada, n) for n in (one, two)] == ["refused", "refused"]
    assert not await _comes(ada, STRANGER % 3), "later ones are turned away as well"
    assert await ada.desk.drawer.read(lambda db: arrivals.raw(db, one)) == STRANGER % 1, "and kept"
    text = (await web.get("/letterbox/refused")).text
    assert text.count("zoe@elsewhere.invalid") >= 3
    assert (await web.post(f"/letterbox/{one}/open")).status_code == 404
    # It can be taken back at once, and everything of theirs stands there again.
    await web.post(f"/letterbox/{one}/leave")
    found = await letterbox.look(ada.desk)
    assert len(found.at_door) == 3
    assert not found.turned_away


async def _let_in(web: Web, ada: Person, one: int, two: int) -> None:
    assert (await web.post(f"/letterbox/{one}/let-in")).headers["location"] == "/letterbox"
    found = await letterbox.look(ada.desk)
    assert not found.at_door
    assert {lying.envelope.person for lying in found.waiting} == {"Zoë"}
    for what in ("let-in", "refuse", "leave"):
        assert (await web.post(f"/letterbox/{two}/{what}")).status_code == 409, "it is not at the door any more"
    assert await _state(ada, two) == "unopened"

    def keys(db: object) -> list[object]:
        return list(keyring.bindings(db, people.find(db, "Zoë").id))  # type: ignore[arg-type]  # the drawer's own Db

    assert await ada.desk.drawer.read(keys) == [], "letting in is not pinning a key"
    assert (await web.post(f"/letterbox/{one}/open")).status_code == 303, "it is an ordinary letter now"
    assert "Dear Ada" in (await web.get(f"/letter/{one}")).text


def test_a_friends_letter_cannot_be_refused(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await _letter(ada, bert)
            async with at_desk(ada.desk) as web:
                for what in ("refuse", "let-in", "leave"):
                    assert (await web.post(f"/letterbox/{number}/{what}")).status_code == 409
                assert (await web.post("/letterbox/999/refuse")).status_code == 404
            assert await _state(ada, number) == "unopened"
            assert await _letter(ada, bert), "later ones come in as well"

    asyncio.run(play())


def test_what_cannot_be_opened_is_shown_as_such(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            await bert.post(await bert.write("Ada", "Dear Ada,\n\nhello.\n"))
            await bert.round()
            ((_number, whole),) = await _lying(ada)
            torn = whole[: len(whole) // 2] + whole[len(whole) // 2 + 200 :]
            (number,) = await _comes(ada, torn.replace(b"Message-ID: <", b"Message-ID: <torn"))
            async with at_desk(ada.desk) as web:
                await web.post(f"/letterbox/{number}/open")
                text = (await web.get("/letterbox")).text
                assert "Kept as it came" in text
                assert "A parcel from Bert could not be opened" in text
                page = await web.get(f"/letter/{number}")
                assert page.status_code == 200
                assert "It is kept exactly as it came." in page.text
                (at,) = set(re.findall(rf'"(/letterbox/{number}/original/[0-9a-f]+)"', page.text))
                file = await web.get(at)
                assert file.content == await ada.desk.drawer.read(lambda db: arrivals.raw(db, number))
                assert file.headers["content-disposition"].startswith(f'attachment; filename="letter-{number}.eml"')
                assert (await web.get(at[:-1] + ("0" if at[-1] != "0" else "1"))).status_code == 404
                assert (await web.post(f"/letterbox/{number}/open")).headers["location"] == f"/letter/{number}"

    asyncio.run(play())


async def _lying(ada: Person) -> list[tuple[int, bytes]]:
    numbers = (await ada.round()).arrived
    return [(n, await ada.desk.drawer.read(lambda db, n=n: arrivals.raw(db, n))) for n in numbers]  # type: ignore[misc]  # bound now


def test_a_file_is_taken_in_and_never_lies_on_the_disk(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            number = await _letter(ada, bert)
            file = await ada.desk.drawer.read(lambda db: arrivals.raw(db, number))
            dora = await town.person("Dora")
            async with at_desk(dora.desk) as web:
                taken = await web.post("/letterbox/take-in", files={"letter": ("x.eml", file)})
                assert taken.status_code == 303, taken.text
                assert re.fullmatch(r"/letterbox#n\d+", taken.headers["location"])
                again = await web.post("/letterbox/take-in", files={"letter": ("x.eml", file)})
                assert again.headers["location"] == taken.headers["location"], "taken in once"
                assert "bert@town.office.invalid" in (await web.get("/letterbox")).text
                for wrong in (b"not a letter", b"Dearly-File: v=1; len"):
                    answer = await web.post("/letterbox/take-in", files={"letter": ("x", wrong)})
                    assert answer.status_code == 409
                    assert 'class="word"' in answer.text
                assert (await web.post("/letterbox/take-in")).status_code == 409, "no file was chosen"

    asyncio.run(play())


def test_a_knock_is_shown_and_its_letter_fetched_when_it_is_let_in(tmp_path: Path) -> None:
    """A stranger in a mailbox that holds more than letters: what the header says, and the address in ASCII (A21)."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.with_mail("Ada", "Bert")
            town.mail.box("ada@letters.test").extend(
                (
                    a_mail("Bert <b\u0435rt@elsewhere.test>", subject="<b>Old</b> days"),
                    a_mail(number=2, subject=""),
                )
            )
            await ada.round()
            zoe, bert = [one.number for one in await strangers.at_door(ada.desk)]
            async with at_desk(ada.desk) as web:
                text = (await web.get("/letterbox")).text
                assert "&lt;b&gt;Old&lt;/b&gt; days" in text
                assert "b\\u{435}rt@elsewhere.test" in text, "what only looks like Bert's address is written out"
                assert "Somebody in your address book has this name, but not this address." in text
                assert "22 November 2026" in text
                assert "There is no subject line." in text
                assert text.count("It is fetched when you let it in.") == 2
                assert "do you remember" not in text
                assert (await web.get(f"/letter/{zoe}")).status_code == 409
                assert (await web.post(f"/letterbox/{zoe}/open")).status_code == 409
                await _left_and_refused(web, bert)
                assert (await web.post(f"/letterbox/{zoe}/let-in")).status_code == 303
                text = (await web.get("/letterbox")).text
                assert "From Zoë Wood" in text
                opened = await web.post(f"/letterbox/{zoe}/open")
                assert "do you remember" in (await web.get(opened.headers["location"])).text

    asyncio.run(play())


def test_what_is_too_large_is_said_and_not_offered_to_be_let_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a stranger with two letters, the one stands there that can be let in."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.with_mail("Ada", "Bert")
            town.mail.box("ada@letters.test").extend(
                (
                    a_mail("yan@elsewhere.test", number=1, text="x" * 9_000),
                    a_mail("Zoe <zoe@elsewhere.test>", number=2),
                    a_mail("Zoe <zoe@elsewhere.test>", number=3, text="x" * 9_000),
                )
            )
            await ada.round()
            monkeypatch.setattr(knocks, "LARGEST_PARCEL", 8_000)
            at_door = await strangers.at_door(ada.desk)
            assert len(at_door) == 3
            async with at_desk(ada.desk) as web:
                text = (await web.get("/letterbox")).text
            assert text.count("It is too large to be fetched") == 1
            assert text.count("It is fetched when you let it in.") == 1
            (small,) = (one.number for one in at_door if not one.too_large)
            assert re.findall(r"/letterbox/(\d+)/let-in", text) == [str(small)]

    asyncio.run(play())


async def _left_and_refused(web: Web, number: int) -> None:
    assert (await web.post(f"/letterbox/{number}/leave")).status_code == 303
    answer = await web.post(f"/letterbox/{number}/refuse")
    text = (await web.get(answer.headers["location"])).text
    assert "Turned away, now and later." in text
    assert "Old" not in text
    assert "It lies at ada@letters.test" in (await web.get("/letterbox/refused")).text


def test_an_envelope_names_the_address_it_came_to(tmp_path: Path) -> None:
    """Each the one of its account, whichever address was the first; also when that account is gone."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            first = str(await ada.address())
            for address in ("ada@letters.test", "other@letters.test"):
                await ada.gets_mail(address)
            await _letter(ada, bert)
            for n, (box, stranger) in enumerate((("ada", "Zoe"), ("other", "Yann"))):
                raw = a_mail(f"{stranger} <{stranger.lower()}@elsewhere.test>", f"{box}@letters.test", number=n)
                town.mail.box(f"{box}@letters.test").append(raw)
            await ada.round()
            found = await letterbox.look(ada.desk)
            assert [one.ours for one in found.waiting] == [first]
            assert {one.claimed: one.ours for one in found.at_door} == {
                "Zoe": "ada@letters.test",
                "Yann": "other@letters.test",
            }
            await account.remove(ada.desk, "other@letters.test")
            async with at_desk(ada.desk) as web:
                text = re.sub(r"<wbr>|</?bdi>", "", (await web.get("/letterbox")).text)
                for where in (first, "ada@letters.test", "other@letters.test"):
                    assert where in text

    asyncio.run(play())
