"""What was taken in and is no letter yet: named with its reason, shown as such, and in every export byte for byte. And
who is in the book twice after a run is told, and stays twice."""

from __future__ import annotations

import tarfile
from pathlib import Path

from dearly.desk import exporting, importing
from dearly.desk.importing import Choices
from dearly.exchange import mbox
from tests.support import old_keys
from tests.support.archives import letter, maildir
from tests.support.desks import a_town
from tests.support.drawers import run


def test_what_is_kept_as_it_came_is_named_shown_and_exported(tmp_path: Path) -> None:
    sealed = old_keys.mail(old_keys.SEALED_TO_CURVE, 1)
    source = maildir(tmp_path / "Maildir", [letter(1), sealed])

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            archive = importing.open_archive(source)
            done = await importing.run(ada.desk, archive, Choices(), lambda *_: None)
            (left,) = done.left
            assert (left.reason, left.sealed) == ("It is sealed, and its key is not here.", True)
            assert left.size == len(sealed)
            assert await importing.left(ada.desk) == [left]
            shown = await ada.show(left.number)
            assert (shown.state, left.reason in shown.notes or left.reason in shown.text) == ("unreadable", True)
            for name in ("maildir", "mbox", "bundle"):
                wish = exporting.wish(name)
                await exporting.export(ada.desk, tmp_path / name, wish, lambda *_: None)
            files = [path.read_bytes() for path in (tmp_path / "maildir").rglob("*") if path.is_file()]
            assert sealed in files
            assert sealed in _mails(tmp_path / "mbox" / "received.mboxrd")
            with tarfile.open(tmp_path / "bundle" / "letters.dearly.tar") as tar:
                blobs = [tar.extractfile(one) for one in tar if one.name.startswith("blobs/")]
                assert sealed in [one.read() for one in blobs if one is not None]

    run(play)


def test_who_is_there_twice_is_told_and_stays_twice(tmp_path: Path) -> None:
    letters = [letter(1, sender="Clara Moor <clara@letters.test>"), letter(2, sender='"Moor, Clara" <c@work.test>')]
    source = maildir(tmp_path / "Maildir", letters)

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            done = await importing.run(ada.desk, importing.open_archive(source), Choices(), lambda *_: None)
            (pair,) = done.alike
            assert {pair.keep.name, pair.other.name} == {"Clara Moor", "Moor, Clara"}
            assert {*pair.keep.addresses, *pair.other.addresses} == {"clara@letters.test", "c@work.test"}
            count = "SELECT count(*) FROM persons WHERE merged_into IS NULL AND hidden = 0"
            assert await ada.desk.drawer.read(lambda db: db.value(count)) == 2

    run(play)


def _mails(file: Path) -> list[bytes]:
    with file.open("rb") as stream:
        return [one.data for one in mbox.pieces(stream, dialect=mbox.MBOXRD) if one.data is not None]
