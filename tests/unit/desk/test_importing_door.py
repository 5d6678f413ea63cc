"""Whoever is known by letters of an archive alone is a stranger at the door; whom we wrote to is not."""

from __future__ import annotations

from pathlib import Path

from dearly.desk import importing
from dearly.desk.importing import Choices
from dearly.drawer import knocks
from dearly.drawer.connection import Db
from tests.support.archives import ADA, BERT, CLARA, letter, maildir
from tests.support.desks import a_town
from tests.support.drawers import run


def test_an_imported_letter_opens_no_door(tmp_path: Path) -> None:
    async def play() -> None:
        source = maildir(tmp_path / "Maildir", [letter(1), letter(2, sender=CLARA)])
        maildir(source, [letter(3, sender=ADA, to=BERT)], sub=".Sent")
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            await importing.run(ada.desk, importing.open_archive(source), Choices(), lambda *_: None)

            def known(db: Db) -> frozenset[str]:
                return knocks.known(db, ["bert@letters.test", "clara@letters.test"], []).people

            assert await ada.desk.drawer.read(known) == {"bert@letters.test"}
            assert await ada.desk.drawer.read(lambda db: knocks.heard_of(db, "clara@letters.test"))
            assert not await ada.desk.drawer.read(lambda db: knocks.heard_of(db, "bert@letters.test"))

    run(play)
