"""An old letter that GnuPG signed, taken in with an archive: nobody looks at its signature then; whoever reads it is
told what it is worth."""

from __future__ import annotations

from pathlib import Path

import pytest

from dearly.desk import certificates, importing
from dearly.desk import reading as desk_reading
from dearly.drawer import keyring, people
from dearly.drawer.connection import Db
from dearly.letter.address import Address
from dearly.letter.sealing import Seal, Signed
from tests.peers.test_signed_mail import ADA, PART, _two_parts
from tests.support.archives import maildir
from tests.support.desks import a_town
from tests.support.drawers import run
from tests.support.peers import GnuPG

HEAD = (
    b"From: Ada <ada@letters.test>\r\nTo: Bert <bert@letters.test>\r\nDate: Mon, 04 May 2009 09:30:00 +0000\r\n"
    b"Message-ID: <signed-%d@letters.test>\r\nSubject: Signed\r\nMIME-Version: 1.0\r\n"
)


def test_it_is_judged_when_it_is_read(gnupg: GnuPG, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    key = gnupg.make_key(ADA)
    whole = _two_parts(gnupg, PART)
    altered = whole.replace(b"From here", b"From there")
    source = maildir(tmp_path / "Maildir", [HEAD % 1 + whole, HEAD % 2 + altered, HEAD % 3 + whole])

    async def play() -> None:
        async with a_town(tmp_path) as town:
            bert = await town.person("Bert")
            await bert.gets_mail()
            archive = importing.open_archive(source)
            assert (await importing.run(bert.desk, archive, importing.Choices(), lambda *_: None)).taken == 3

            def noted(db: Db) -> list[tuple[int, str]]:
                return [tuple(row) for row in db.all("SELECT number, signature FROM letters ORDER BY letter_id")]

            before = await bert.desk.drawer.read(noted)
            assert [signed for _n, signed in before] == ["unknown"] * 3
            first, second, third = (number for number, _signed in before)
            assert (await desk_reading.read(bert.desk, third)).letter.signature is Signed.UNKNOWN
            facts = await certificates.take_in(bert.desk, key, "hand")
            now = town.clock.now()

            def known(db: Db) -> None:
                ada = people.find(db, "Ada")
                keyring.saw(db, ada.id, Address.parse("ada@letters.test"), facts.fingerprint, "hand", now)

            await bert.desk.drawer.write(known)
            holds = (await desk_reading.read(bert.desk, first)).letter
            assert (holds.signature, holds.seal) == (Signed.HOLDS, Seal.NEVER_SEALED)
            assert (await bert.show(second)).signature is Signed.BAD
            assert [signed for _n, signed in await bert.desk.drawer.read(noted)] == ["holds", "bad", "unknown"]
            # What is settled is not looked at again.
            monkeypatch.setattr(bert.desk.opener, "open_many", None)
            assert (await desk_reading.read(bert.desk, first)).letter.signature is Signed.HOLDS

    run(play)
