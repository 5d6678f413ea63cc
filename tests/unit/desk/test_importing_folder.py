"""A folder of an account, taken in from its server, where nothing is changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from dearly.desk import importing
from dearly.desk.importing import Choices
from dearly.desk.importing_folder import MailFolder
from dearly.desk.open import correspondence, letterbox
from dearly.letter.errors import CarrierTrouble
from tests.faults.test_mail_in_imap import untouched
from tests.support.archives import ADA, BERT, letter
from tests.support.desks import a_town
from tests.support.drawers import run
from tests.support.mailboxes import account, mailbox
from tests.support.scripted_imap import Folder, scripted_imap


def test_a_folder_is_leafed_through_and_left_as_it_is(tmp_path: Path) -> None:
    async def play() -> None:
        async with scripted_imap() as server, a_town(tmp_path) as town:
            sent, old = server.folders.setdefault("Sent", Folder()), server.folders.setdefault("Old/2009", Folder())
            for n in range(1, 104):
                old.lay(letter(n, end="\r\n"))
            sent.lay(letter(200, sender=ADA, to=BERT, end="\r\n"))
            ada = await town.person("Ada")
            await ada.gets_mail()
            box = mailbox(account(server.port))
            server.folders["Nothing"] = Folder(attributes=r"\Noselect")
            assert await box.shelves() == ["INBOX", "Old/2009", "Sent"]
            fetched = 0
            for name, many in (("Old/2009", 103), ("Sent", 1)):
                folder = MailFolder(box, "ada@letters.test", name)
                plan = await importing.plan(ada.desk, folder, Choices(), lambda *_: None)
                assert (plan.letters, plan.format) == (many, "imap")
                assert folder.weight == sum(len(message.data) for message in server.folders[name].messages)
                assert len(server.bodies) == fetched, "a plan fetches no bodies"
                done = await importing.run(ada.desk, folder, Choices(), lambda *_: None)
                assert (done.found, done.taken) == (many, many)
                fetched = len(server.bodies)
                assert fetched
                again_planned = await importing.plan(ada.desk, folder, Choices(), lambda *_: None)
                assert (again_planned.letters, again_planned.already_here) == (0, many), "known by their ids"
            again = await importing.run(
                ada.desk, MailFolder(box, "ada@letters.test", "Sent"), Choices(), lambda *_: None
            )
            assert (again.taken, again.already_here) == (0, 1)
            with pytest.raises(CarrierTrouble):
                await importing.run(ada.desk, MailFolder(box, "a@letters.test", "None"), Choices(), lambda *_: None)
            await box.close()
            told = await correspondence(ada.desk, "Bert")
            assert [one.direction for one in told].count("out") == 1 and len(told) == 104
            assert await letterbox(ada.desk) == []
            assert untouched(server)

    run(play)
