"""Pictures and files with a page: made anew, in the text or left out, and all the way to another desk."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from dearly.desk import enclosing, pictures
from dearly.desk import page as pages
from dearly.drawer import drafts, letters
from dearly.drawer.connection import Db
from dearly.letter.content import MOST_ENCLOSED, Draft, Enclosure
from dearly.letter.errors import NotFound, Refused
from tests.support.desks import Person, a_town
from tests.support.pictures import CORNERS, alike, corners, file, held, hostile, scene


def in_town(place: Path, play: Callable[[Person, Person], Awaitable[None]]) -> None:
    async def run() -> None:
        async with a_town(place) as town:
            ada, bert = await town.settle("Ada", "Bert")
            await play(ada, bert)

    asyncio.run(run())


def test_a_picture_goes_with_its_words_and_arrives_as_it_was_seen(tmp_path: Path) -> None:
    async def play(ada: Person, bert: Person) -> None:
        number = await ada.write("Bert", "")
        photograph = file(held(6, scene(300, 200)), orientation=6)
        laid = await pictures.lay_in(ada.desk, number, "Garden 1.HEIC.jpeg", photograph)
        assert (laid.name, laid.media_type) == ("Garden 1.HEIC.jpg", "image/jpeg")
        assert (laid.width, laid.height) == (300, 200)
        unplaced = await pictures.lay_in(ada.desk, number, "second.png", file(kind="PNG"))
        shown = pictures.words_for(laid.cid, "The [garden] at *last*")
        await ada.desk.drawer.write(lambda db: _write(db, number, f"Dear Bert\n\n{shown}\n\nAda", ada))
        page = await pages.page(ada.desk, number)
        assert await pictures.not_in_text(ada.desk, number) == {unplaced.cid}
        assert len(page.enclosed) == 2

        await enclosing.enclose(ada.desk, number, [Enclosure("list.pdf", "", b"%PDF-1.4 fake")])
        await ada.post(number)
        await ada.round()
        await bert.round()
        (envelope,) = await bert.letterbox()
        opened = await bert.open(envelope.number)
        assert "![The \\[garden\\] at \\*last\\*](cid:" in opened.text

        filed = await bert.desk.drawer.read(lambda db: letters.letter(db, envelope.number))
        assert [(one.name, one.media_type, one.cid) for one in filed.enclosed] == [
            ("Garden 1.HEIC.jpg", "image/jpeg", laid.cid),
            ("list.pdf", "application/pdf", None),
        ]
        seen = await pictures.in_letter(bert.desk, envelope.number, laid.cid, pictures.Shown())
        assert alike(corners(seen.data), CORNERS)
        html = (await bert.desk.drawer.read(lambda db: letters.html(db, envelope.number))) or ""
        assert html == "", "a letter of our own kind is its text"

        with pytest.raises(NotFound):
            await pictures.in_letter(bert.desk, envelope.number, unplaced.cid, pictures.Shown())
        with pytest.raises(NotFound):
            await pictures.in_letter(bert.desk, envelope.number, "nobody@nowhere", pictures.Shown())

    in_town(tmp_path, play)


def _write(db: Db, number: int, text: str, who: Person) -> None:
    page = drafts.load(db, number)
    drafts.save(
        db,
        number,
        Draft(page.draft.to, page.draft.subject, text),
        based_on=page.revision,
        now=who.desk.clock.now(),
    )


def test_laying_in_leaves_the_revision_to_whoever_writes(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person) -> None:
        number = await ada.write("Bert", "Dear Bert")
        before = await pages.page(ada.desk, number)
        laid = await pictures.lay_in(ada.desk, number, "a", file())
        await enclosing.enclose(ada.desk, number, [Enclosure("x.txt", "", b"x")])
        kept = await pages.autosave(ada.desk, number, before.revision, text=f"![](cid:{laid.cid})")
        assert kept.revision == before.revision + 1
        there = await enclosing.enclosed(ada.desk, number)
        assert [one.name for one in there.files] == ["a.jpg", "x.txt"]
        assert there.weight + there.room == MOST_ENCLOSED
        await enclosing.take_out(ada.desk, number, 0, "a.jpg")
        with pytest.raises(NotFound):
            await enclosing.take_out(ada.desk, number, 0, "a.jpg")
        assert (await enclosing.file(ada.desk, number, 0)).data == b"x"
        with pytest.raises(NotFound):
            await pictures.in_page(ada.desk, number, laid.cid)

    in_town(tmp_path, play)


def test_what_is_no_picture_or_too_much_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    async def play(ada: Person, _bert: Person) -> None:
        number = await ada.write("Bert", "Dear Bert")
        for name, data in hostile().items():
            with pytest.raises(Refused):
                await pictures.lay_in(ada.desk, number, name, data)
        with pytest.raises(Refused) as refused:
            await enclosing.enclose(ada.desk, number, [Enclosure("x", "", bytes(MOST_ENCLOSED + 1))])
        assert refused.value.code == "too_large"
        assert (await enclosing.enclosed(ada.desk, number)).files == ()
        with pytest.raises(NotFound):
            await pictures.lay_in(ada.desk, number + 1, "a", file())

    in_town(tmp_path, play)


def test_a_foreign_picture_is_never_shown_as_it_came(tmp_path: Path) -> None:
    tail = b"<script>alert(1)</script>"

    async def play(ada: Person, bert: Person) -> None:
        hostile_picture = Enclosure("x.png", "image/png", file(kind="PNG") + tail, "here@there")
        number = await ada.write("Bert", "![](cid:here@there)", "", hostile_picture)
        await ada.post(number)
        await ada.round()
        await bert.round()
        (envelope,) = await bert.letterbox()
        await bert.open(envelope.number)
        shown = pictures.Shown()
        first = await pictures.in_letter(bert.desk, envelope.number, "here@there", shown)
        assert tail not in first.data
        assert alike(corners(first.data), CORNERS)
        # The second look costs no decoding.
        await bert.desk.opener.close()
        assert await pictures.in_letter(bert.desk, envelope.number, "here@there", shown) is first

    in_town(tmp_path, play)


def test_only_the_last_few_pictures_stay_in_memory() -> None:
    shown = pictures.Shown()
    size = pictures.MOST_KEPT // 5
    for n in range(8):
        shown.put(bytes([n]) * 32, pictures.ShownPicture(bytes([n]) * size, "image/png"))
    assert shown.weight <= pictures.MOST_KEPT
    assert [digest[0] for digest in shown.kept] == [3, 4, 5, 6, 7]
    assert shown.get(b"\3" * 32) is not None
    shown.put(b"\x09" * 32, pictures.ShownPicture(bytes(size), "image/png"))
    assert shown.get(b"\3" * 32) is not None, "it was looked at"
    shown.put(b"\x0a" * 32, pictures.ShownPicture(bytes(pictures.MOST_KEPT), "image/png"))
    assert shown.get(b"\x0a" * 32) is None, "one that would push out all others is not kept"


def test_pictures_in_code_and_in_nothing_stay_behind() -> None:
    one, two = (Enclosure("a.png", "image/png", b"x", cid) for cid in ("one@dearly", "two@dearly"))
    plain = Enclosure("b.txt", "text/plain", b"x")
    draft = Draft(text="`![](cid:one@dearly)` and ![words](cid:two@dearly)", enclosures=(one, plain, two))
    assert pictures.left_out(draft) == (one,)
    assert pictures.as_posted(draft).enclosures == (plain, two)
