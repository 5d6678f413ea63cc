"""F44: what Dearly wrote out comes back whole: a bundle, or another drawer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dearly.desk import exporting, importing, write
from dearly.desk.open import letterbox
from dearly.drawer import chain
from dearly.drawer.connection import Db
from dearly.letter.content import Enclosure
from dearly.letter.errors import Locked
from tests.support.archives import ADA, BERT, letter, maildir
from tests.support.desks import Person, a_town
from tests.support.drawers import PASSPHRASE, run


async def _what_is_here(person: Person) -> dict[str, Any]:
    def look(db: Db) -> dict[str, Any]:
        return {
            "letters": db.all("SELECT content_sha256, seal, letter_no, reply FROM letters ORDER BY content_sha256"),
            "people": db.all("SELECT name FROM persons WHERE hidden = 0 ORDER BY name"),
            "with": db.all(
                "SELECT p.name, count(*) FROM correspondences c JOIN persons p ON p.id = c.person_id"
                " GROUP BY 1 ORDER BY 1"
            ),
        }

    return await person.desk.drawer.read(look)


async def _originals(person: Person) -> set[bytes]:
    return {
        bytes(one)
        for (one,) in await person.desk.drawer.read(
            lambda db: db.all(
                "SELECT o.sha256 FROM objects o WHERE o.id IN (SELECT object_id FROM arrivals)"
                " OR o.id IN (SELECT object_id FROM sealed_forms)"
            )
        )
    }


async def _a_life(ada: Person, bert: Person, place: Path) -> None:
    """A sealed letter both ways, one from an archive, and one that was never opened."""
    await ada.post(await ada.write("Bert", "Dear Bert", "First", Enclosure("a.txt", "text/plain", b"enclosed " * 50)))
    await ada.round()
    await bert.round()
    (came,) = await bert.letterbox()
    await bert.open(came.number)
    await bert.post(await bert.answer(came.number, "Dear Ada"))
    await bert.post(await bert.write("Ada", "Not opened for a while"))
    await bert.round()
    await ada.round()
    await ada.open(min(one.number for one in await ada.letterbox()))
    old = maildir(place / "Maildir", [letter(1), letter(2, sender=ADA, to=BERT)])
    await importing.run(ada.desk, importing.open_archive(old), importing.Choices(), lambda *_: None)
    await write.write(ada.desk, ["Bert"], "A draft stays behind")


@pytest.mark.parametrize("by", ["bundle", "drawer"])
def test_everything_comes_back(tmp_path: Path, by: str) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, bert = await town.settle("Ada", "Bert")
            await _a_life(ada, bert, tmp_path)
            before, originals = await _what_is_here(ada), await _originals(ada)
            out = tmp_path / "out"
            await exporting.export(
                ada.desk, out, exporting.wish("bundle", opened=False, secret_under=None), lambda *_: None
            )
            await ada.desk.close()
            new = await town.person("New")
            archive = importing.open_archive(out if by == "bundle" else ada.folder)
            assert archive.format == by
            if by == "drawer":
                with pytest.raises(Locked):
                    await importing.run_ours(new.desk, archive, "other fake words", lambda *_: None)
            done = await importing.run_ours(new.desk, archive, PASSPHRASE, lambda *_: None)
            assert (done.taken, done.failed) == (4, 1)
            assert await _what_is_here(new) == before
            assert await _originals(new) >= originals
            assert await letterbox(new.desk) == []
            assert await new.desk.drawer.read(chain.verify) is None
            again = await importing.run_ours(new.desk, archive, PASSPHRASE, lambda *_: None)
            assert (again.taken, again.failed) == (0, 0)
            assert again.already_here == again.found

    run(play)
