"""A folder of our own at the server, and what other programs may do there meanwhile (F32, F36)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable

import pytest

from dearly.letter.errors import CarrierTrouble
from tests.support.cutting_proxy import Side, cutting_proxy
from tests.support.fake_letters import fake_letter
from tests.support.mailboxes import account, mailbox, whole_round
from tests.support.scripted_imap import Folder, ScriptedImap, scripted_imap

LETTERS = [fake_letter(n).data for n in range(4)]
BASE = "IMAP4rev1 AUTH=PLAIN"


def run(scene: Callable[[ScriptedImap], Awaitable[None]], capabilities: str) -> ScriptedImap:
    async def whole() -> ScriptedImap:
        async with scripted_imap(ScriptedImap(capabilities=capabilities)) as server:
            for data in LETTERS:
                server.inbox.lay(data)
            await scene(server)
            return server

    return asyncio.run(whole())


def lying(server: ScriptedImap, folder: str) -> list[bytes]:
    return [message.data for message in server.folders[folder].messages] if folder in server.folders else []


@pytest.mark.parametrize(
    "can", [" ".join(can) for n in range(4) for can in itertools.combinations(("MOVE", "UIDPLUS", "NAMESPACE"), n)]
)
def test_what_was_taken_in_is_moved_and_nobody_elses_mark_is_carried_out(can: str) -> None:
    async def scene(server: ScriptedImap) -> None:
        box = mailbox(account(server.port, folder="Dearly"))
        parcels, _heads, cursor, _left = await whole_round(box)
        assert len(parcels) == 4
        # Another program has marked the last one, which we do not move, as deleted; that is its own affair.
        server.inbox.messages[3].flags.add(r"\Deleted")
        await box.acknowledge([parcel.source for parcel in parcels[:2]])
        await box.acknowledge([parcel.source for parcel in parcels[:2]])
        assert lying(server, "Dearly") == LETTERS[:2]
        safe = "MOVE" in can or "UIDPLUS" in can
        assert lying(server, "INBOX") == (LETTERS[2:] if safe else LETTERS)
        assert [m.flags for m in server.inbox.messages if m.data == LETTERS[3]] == [{r"\Deleted"}]
        again, _heads, cursor, _left = await whole_round(box, cursor)
        # Where the server tells the new UIDs, what we moved is not fetched again.
        assert [parcel.data for parcel in again] == ([] if "UIDPLUS" in can else LETTERS[:2])
        again, _heads, cursor, _left = await whole_round(box, cursor)
        assert again == []
        await box.close()

    server = run(scene, f"{BASE} {can}")
    assert not any(line.upper().split()[0] in ("EXPUNGE", "CLOSE", "DELETE") for line in server.asked)


def test_without_a_folder_nothing_is_asked_at_all() -> None:
    async def scene(server: ScriptedImap) -> None:
        box = mailbox(account(server.port))
        parcels, _heads, _cursor, _left = await whole_round(box)
        asked = len(server.asked)
        await box.acknowledge([parcel.source for parcel in parcels])
        assert len(server.asked) == asked
        await box.close()

    run(scene, f"{BASE} MOVE UIDPLUS")


def test_a_mailbox_that_is_another_by_now_is_left_alone() -> None:
    """F27: the UIDs that were taken in name others by now."""

    async def scene(server: ScriptedImap) -> None:
        box = mailbox(account(server.port, folder="Dearly"))
        parcels, _heads, _cursor, _left = await whole_round(box)
        server.inbox.validity += 1
        await box.acknowledge([parcel.source for parcel in parcels])
        assert (lying(server, "INBOX"), lying(server, "Dearly")) == (LETTERS, [])
        await box.close()

    run(scene, f"{BASE} MOVE UIDPLUS")


def test_what_another_desk_has_moved_there_comes_once() -> None:
    async def scene(server: ScriptedImap) -> None:
        server.folders["Dearly"] = Folder(validity=50)
        server.folders["Dearly"].lay(fake_letter(9).data)
        box = mailbox(account(server.port, folder="Dearly"))
        parcels, _heads, cursor, _left = await whole_round(box)
        assert [parcel.data for parcel in parcels] == [*LETTERS, fake_letter(9).data]
        assert len({parcel.source for parcel in parcels}) == 5
        again, _heads, _cursor, _left = await whole_round(box, cursor)
        assert again == []
        assert await box.fetch([parcels[4].source]) == (parcels[4],)
        await box.close()

    run(scene, f"{BASE} MOVE UIDPLUS")


@pytest.mark.parametrize(
    ("prefix", "delimiter", "name"), [("INBOX.", ".", "INBOX.Post.Dearly"), ("", "/", "Post/Dearly")]
)
def test_a_folder_where_the_server_keeps_folders(prefix: str, delimiter: str, name: str) -> None:
    async def scene(server: ScriptedImap) -> None:
        server.prefix, server.delimiter = prefix, delimiter
        box = mailbox(account(server.port, folder="Post/Dearly"))
        parcels, _heads, _cursor, _left = await whole_round(box)
        await box.acknowledge([parcel.source for parcel in parcels])
        assert lying(server, name) == LETTERS
        await box.close()

    run(scene, f"{BASE} MOVE UIDPLUS NAMESPACE")


@pytest.mark.parametrize("name", ["UID MOVE", "CREATE", "SELECT"])
def test_a_server_that_will_not_is_said_and_everything_stays(name: str) -> None:
    async def scene(server: ScriptedImap) -> None:
        box = mailbox(account(server.port, folder="Dearly"))
        parcels, _heads, cursor, _left = await whole_round(box)
        server.on[name] = lambda _s, _w: b"{tag} NO [OVERQUOTA] no room\r\n"
        with pytest.raises(CarrierTrouble) as trouble:
            await box.acknowledge([parcel.source for parcel in parcels])
        assert "no room" in trouble.value.message
        assert lying(server, "INBOX") == LETTERS
        server.on.clear()
        await box.acknowledge([parcel.source for parcel in parcels])
        assert (lying(server, "INBOX"), lying(server, "Dearly")) == ([], LETTERS)
        assert (await box.collect(cursor)).parcels == ()
        await box.close()

    run(scene, f"{BASE} MOVE UIDPLUS")


@pytest.mark.parametrize("every", [False, pytest.param(True, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
@pytest.mark.parametrize("can", ["MOVE UIDPLUS", "UIDPLUS", ""])
def test_cut_while_moving_nothing_is_lost_and_nothing_lies_twice(can: str, every: bool) -> None:
    async def scene(server: ScriptedImap) -> None:
        async with cutting_proxy(server.port) as proxy:
            box = mailbox(account(proxy.port, folder="Dearly"))
            parcels, _heads, _cursor, _left = await whole_round(box)
            sources = [parcel.source for parcel in parcels]
            proxy.fresh()
            await box.acknowledge(sources)
            lengths = {side: len(proxy.said[side]) for side in Side}
            for side in Side:
                for place in range(0, lengths[side], 1 if every else max(1, lengths[side] // 20)):
                    _as_before(server)
                    proxy.cut(side, place)
                    try:
                        await box.acknowledge(sources)
                    except CarrierTrouble:
                        await box.acknowledge(sources)
                    assert lying(server, "Dearly") == LETTERS, (side, place)
                    assert lying(server, "INBOX") == ([] if can else LETTERS), (side, place)
            await box.close()

    def _as_before(server: ScriptedImap) -> None:
        server.folders["Dearly"] = Folder(validity=60)
        server.inbox.messages.clear()
        for uid, data in enumerate(LETTERS, 1):
            server.inbox.lay(data, uid=uid)

    run(scene, f"{BASE} {can}")
