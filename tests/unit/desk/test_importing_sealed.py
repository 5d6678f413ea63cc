"""Old sealed mail: kept unopened while its key is not here, and opened when the key is given."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from dearly.desk import importing, keys
from dearly.desk.importing import About, Choices
from dearly.desk.open import correspondence, letterbox
from dearly.drawer import keyring
from dearly.letter.errors import CannotSealOrOpen, Locked
from dearly.seal import oldkeys
from tests.support import old_keys
from tests.support.archives import letter, maildir
from tests.support.desks import a_town
from tests.support.drawers import run


def test_what_is_sealed_waits_for_its_key(tmp_path: Path) -> None:
    async def play() -> None:
        sealed = [old_keys.mail(old_keys.SEALED_TO_CURVE, 1), old_keys.mail(old_keys.SEALED_TO_RSA, 2)]
        source = maildir(tmp_path / "Maildir", sealed)
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            archive = importing.open_archive(source)
            assert (await importing.plan(ada.desk, archive, Choices(), lambda *_: None)).sealed == 2
            done = await importing.run(ada.desk, archive, Choices(), lambda *_: None)
            assert (done.found, done.taken, done.failed, done.locked) == (2, 0, 2, 2)
            reasons = await ada.desk.drawer.read(lambda db: db.all("SELECT reason FROM arrivals"))
            assert reasons == [("It is sealed, and its key is not here.",)] * 2
            with pytest.raises(Locked) as locked:
                await keys.take_secret(ada.desk, old_keys.CURVE.encode(), None)
            assert locked.value.code == "key_locked"
            taken = await keys.take_secret(ada.desk, old_keys.CURVE.encode(), old_keys.WORDS)
            assert (taken.opened, taken.still_sealed, taken.addresses) == (1, 1, ("cv@letters.test",))
            assert (await keys.take_secret(ada.desk, old_keys.RSA.encode(), old_keys.WORDS)).opened == 1
            told = await correspondence(ada.desk, "Bert")
            assert [one.text.strip() for one in told] == [
                "An old secret: the key lies under the third stone.",
                "Another old secret.",
            ]
            assert await letterbox(ada.desk) == []
            again = await importing.run(ada.desk, archive, Choices(), lambda *_: None)
            assert (again.taken, again.already_here) == (0, 2)
            own, *older = await ada.desk.drawer.read(keyring.own_keys)
            assert own.retired is None and all(one.retired is not None for one in older) and len(older) == 2

    run(play)


def test_an_altered_key_is_not_taken() -> None:
    """A37: a public half that was put beside another secret half."""
    whole = oldkeys.import_key(old_keys.RSA.encode(), old_keys.WORDS)
    bare = bytearray(whole.to_bytes())
    assert oldkeys.import_key(bytes(bare), None).fingerprint == whole.fingerprint
    at = bare.index(whole.keys[1].public.material[10:40])
    bare[at] ^= 1
    with pytest.raises(CannotSealOrOpen):
        oldkeys.import_key(bytes(bare), None)


def test_words_that_do_not_fit_are_said() -> None:
    with pytest.raises(Locked) as locked:
        oldkeys.import_key(old_keys.CURVE.encode(), "other fake words")
    assert locked.value.code == "wrong_key_passphrase"
    with pytest.raises(CannotSealOrOpen):
        oldkeys.import_key(hashlib.sha256(b"no key").digest(), None)


def test_what_was_opened_or_has_no_date_is_found_at_once(tmp_path: Path) -> None:
    """F22: the words of a letter are in the index from the transaction on in which it was filed."""

    async def play() -> None:
        undated = letter(7, text="A walnut without a day.\n").replace(b"Date:", b"X-Date:")
        source = maildir(tmp_path / "Maildir", [old_keys.mail(old_keys.SEALED_TO_CURVE, 1), undated])
        note = tmp_path / "note.txt"
        note.write_text("from: Clara\ndate: 1962\n\nA text about a walnut tree.\n")
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")
            await ada.gets_mail()
            for path in (source, note):
                archive = importing.open_archive(path)
                await importing.run(ada.desk, archive, Choices(about=About(sender="Clara", date="1962")), _quiet)
            await keys.take_secret(ada.desk, old_keys.CURVE.encode(), old_keys.WORDS)
            late = "SELECT count(*) FROM letters WHERE indexer_version = 0"
            assert await ada.desk.drawer.read(lambda db: db.value(late)) == 0
            found = "SELECT count(*) FROM search WHERE search MATCH ?"
            counts = [await ada.desk.drawer.read(lambda db, w=w: db.value(found, (w,))) for w in ("walnut", "secret")]
            assert counts == [2, 1]

    run(play)


def _quiet(*_: object) -> None:
    """Nobody looks at how far it is."""
