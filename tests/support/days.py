"""A day in the life of a letter, on real parts: two encrypted drawers on disk, a real office process on loopback.

`day` runs it whole and is meant to be killed anywhere. `finish` goes on from whatever the disk holds, as two people
would: look what is there, do what is left. `prepare` makes the world once; each test gets a copy of it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from dearly.assemble.machine import CHANCE, CLOCK
from dearly.assemble.ways import MachineWays
from dearly.desk import answer, people, post, rounds, setup, waking, write
from dearly.desk import open as opening
from dearly.desk.desk import Desk
from dearly.desk.values import LetterView
from dearly.drawer.drawer import Drawer
from dearly.letter.content import Enclosure
from tests.support.drawers import PASSPHRASE, cheap_cost
from tests.support.killer import say
from tests.support.lasting import LentOpener, lent_keyholder_of
from tests.support.offices import OfficeProcess, start_process
from tests.support.ports import free_port

TEXT = "Dear Bert, markerquince lies under the third stone.\n"
REPLY = "Dear Ada, markermedlar was not there any more.\n"
SUBJECT = "markerdamson"
ENCLOSURE = Enclosure("markersloe.txt", "text/plain", b"markerbullace\r\n" * 20)

MARKERS = {
    "text": b"markerquince",
    "answer": b"markermedlar",
    "subject": b"markerdamson",
    "name of enclosure": b"markersloe",
    "enclosure": b"markerbullace",
    "passphrase": PASSPHRASE.encode(),
}


@asynccontextmanager
async def desk_in(place: Path, name: str) -> AsyncIterator[Desk]:
    """The desk of `name`, made where it is not there yet; its children are lent from desk to desk."""
    folder, state = place / name, place / "state"
    more = {"clock": CLOCK, "chance": CHANCE, "state": state}
    if folder.exists():
        drawer = await Drawer.open(folder, PASSPHRASE, **more)
    else:
        drawer = await Drawer.create(folder, PASSPHRASE, cost=cheap_cost(), **more)
    ways = MachineWays(place / "local")
    desk = Desk(drawer, lambda: LentOpener(size=1), lent_keyholder_of, ways, CLOCK, CHANCE, state)
    try:
        await waking.wake(desk)
        yield desk
    finally:
        await desk.close()


def office(place: Path, **more: object) -> OfficeProcess:
    """The office of this world, at the port that its people know."""
    return start_process(place / "office", port=json.loads((place / "port").read_text()), **more)


async def prepare(place: Path) -> None:
    """Ada and Bert, each with a box at the office and the other's card."""
    from dearly.office import accounts
    from dearly.office.sqlite import SqliteStore

    (place / "port").write_text(json.dumps(free_port()))
    store = SqliteStore.create(place / "office", CHANCE)
    invitations = {name: await accounts.invite(store, name, CLOCK) for name in ("ada", "bert")}
    await store.close()
    running = office(place)
    try:
        cards = {}
        for name, invitation in invitations.items():
            async with desk_in(place, name) as desk:
                await setup.begin(desk, name.title())
                cards[name] = (await setup.join_office(desk, running.url, invitation)).vcard.encode()
        for name, other in (("ada", "bert"), ("bert", "ada")):
            async with desk_in(place, name) as desk:
                await people.add(desk, other.title(), vcard=cards[other])
    finally:
        running.end()


async def day(place: str) -> None:
    """Ada writes and posts; Bert opens and answers; Ada opens. What is said is acknowledged."""
    async with desk_in(Path(place), "ada") as ada:
        number = (await write.write(ada, ["Bert"], TEXT, SUBJECT, [ENCLOSURE])).number
        say("written")
        await post.post(ada, number, at_once=True)
        say("posted")
        await rounds.make_round(ada)
        say("handed over")
    async with desk_in(Path(place), "bert") as bert:
        await rounds.make_round(bert)
        say("fetched")
        (envelope,) = await opening.letterbox(bert)
        await opening.open_letter(bert, envelope.number)
        say("opened")
        reply = await answer.answer(bert, envelope.number, REPLY)
        await post.post(bert, reply.number, at_once=True)
        await rounds.make_round(bert)
        say("answered")
    async with desk_in(Path(place), "ada") as ada:
        await rounds.make_round(ada)
        (envelope,) = await opening.letterbox(ada)
        await opening.open_letter(ada, envelope.number)
        say("done")


async def write_and_post(place: str) -> None:
    """The first part of the day, with an office that may not answer."""
    async with desk_in(Path(place), "ada") as ada:
        number = (await write.write(ada, ["Bert"], TEXT, SUBJECT, [ENCLOSURE])).number
        await post.post(ada, number, at_once=True)
        await rounds.make_round(ada)


async def finish(place: Path, said: list[str]) -> tuple[list[LetterView], list[LetterView]]:
    """Do what is left, and give both correspondences: Ada's with Bert, Bert's with Ada."""
    async with desk_in(place, "ada") as ada:
        drafts, sent = await write.drafts(ada), await opening.correspondence(ada, "Bert")
        if "written" in said:
            assert len(drafts) + len([one for one in sent if one.direction == "out"]) == 1, "the draft was lost"
        if "posted" in said:
            assert not drafts, "posted, and a draft again"
        if not drafts and not sent:
            drafts = [await write.write(ada, ["Bert"], TEXT, SUBJECT, [ENCLOSURE])]
        for draft in drafts:
            await post.post(ada, draft.number, at_once=True)
        await rounds.make_round(ada)
    async with desk_in(place, "bert") as bert:
        await rounds.make_round(bert)
        for envelope in await opening.letterbox(bert):
            await opening.open_letter(bert, envelope.number)
        theirs = await opening.correspondence(bert, "Ada")
        replies = await write.drafts(bert)
        if not replies and not any(one.direction == "out" for one in theirs):
            (got,) = [one for one in theirs if one.direction == "in"]
            replies = [await answer.answer(bert, got.number, REPLY)]
        for draft in replies:
            await post.post(bert, draft.number, at_once=True)
        await rounds.make_round(bert)
        theirs = await opening.correspondence(bert, "Ada")
    async with desk_in(place, "ada") as ada:
        await rounds.make_round(ada)
        for envelope in await opening.letterbox(ada):
            await opening.open_letter(ada, envelope.number)
        ours = await opening.correspondence(ada, "Bert")
    return ours, theirs
