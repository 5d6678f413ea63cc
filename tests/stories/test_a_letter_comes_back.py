"""F09, whole: a letter went by mail, and days later a server says that it could not be delivered. The outbox says so,
and who says it; the letterbox is not troubled; the text is kept, and posted again if the writer wants."""

from __future__ import annotations

import hashlib
from datetime import UTC
from pathlib import Path

from babel import Locale

from dearly.desk import fetch, home, post
from dearly.drawer import arrivals, outbox
from dearly.drawer.connection import Db
from dearly.letter.envelope import Parcel, Source, Way
from dearly.letter.journey import Accepted, Act
from dearly.web import journeys
from dearly.web.dates import Dates
from tests.support.contents import ADA, BERT, CLARA, posted
from tests.support.desks import Person, a_town
from tests.support.drawers import run
from tests.support.reports import a_report, about
from tests.support.times import NOON


async def comes_in(person: Person, raw: bytes) -> tuple[int, ...]:
    """Fetched from the mailbox, and looked at; numbers of what is now in the letterbox."""
    source = Source(Way.MAIL, str(ADA.address), "1", hashlib.sha256(raw).hexdigest()[:8])

    def take_in(db: Db) -> None:
        arrivals.take_in(db, Parcel(raw, source), hashlib.sha256(raw).digest(), now=NOON, chance=person.desk.chance)

    await person.desk.drawer.write(take_in)
    return (await fetch.sort(person.desk)).new


def test_a_letter_comes_back(tmp_path: Path) -> None:
    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada = await town.person("Ada")

            def send(db: Db) -> int:
                number = posted(db, BERT, CLARA, way=Way.MAIL)
                (ready,) = outbox.due(db, NOON)
                attempt = outbox.begin_attempt(db, ready, NOON)
                outcomes = {who: Accepted() for who in ready.sealed.envelope.recipients}
                outbox.end_attempt(db, attempt, outcomes, NOON)
                return number

            number = await ada.desk.drawer.write(send)
            key = await ada.desk.drawer.read(lambda db: db.value("SELECT key FROM sealed_forms"))
            late = about("delayed", Diagnostic_Code="smtp; nobody answers at letters.test")
            assert await comes_in(ada, a_report(late, envelope_id=key)) == ()
            rows = {row.recipient: row for row in await post.outbox(ada.desk)}
            assert rows["bert@letters.test"].state == "on_its_way"
            assert rows["bert@letters.test"].reason == "mail.letters.test says: nobody answers at letters.test"
            told = journeys.told(await home.posted(ada.desk, number), NOON, Dates(Locale("en"), UTC))
            assert "nobody answers at letters.test" in told.steps[0].more

            gone = about("failed", Diagnostic_Code="smtp; 550 nobody of that name")
            assert await comes_in(ada, a_report(gone, envelope_id=key)) == ()
            rows = {row.recipient: row for row in await post.outbox(ada.desk)}
            assert rows["bert@letters.test"].state == "came_back"
            assert rows["bert@letters.test"].reason == "mail.letters.test says: 550 nobody of that name"
            assert rows["clara@letters.test"].state == "on_its_way"
            assert await ada.letterbox() == []
            assert "it rains" in (await ada.show(number)).text
            await ada.desk.drawer.write(lambda db: outbox.act(db, number, Act.POST_AGAIN, NOON, BERT.address))
            assert {row.state for row in await post.outbox(ada.desk)} == {"trying", "on_its_way"}

    run(play())


def test_through_a_mailbox_that_holds_more_than_letters(tmp_path: Path) -> None:
    """The whole way: sealed, posted by mail, and the report found among other mail by the sieve and the next round."""

    async def play() -> None:
        async with a_town(tmp_path) as town:
            ada, _bert = await town.with_mail("Ada", "Bert")
            number = await ada.write("Bert", "Dear Bert, the pears are ripe.\n", "Pears")
            await ada.post(number)
            await ada.round()
            assert await ada.state(number) == "on_its_way"
            letter_id = (await ada.show(number)).letter_id
            assert letter_id is not None
            gone = about("failed", Diagnostic_Code="smtp; 550 nobody of that name")
            others = about("failed", "zoe@elsewhere.test")
            town.mail.box("ada@letters.test").extend(
                [a_report(others, letter_id="of-another-program@letters.test"), a_report(gone, letter_id=letter_id)]
            )
            report = await ada.round()
            assert report.arrived == ()
            (row,) = await post.outbox(ada.desk)
            assert (row.state, row.reason) == ("came_back", "mail.letters.test says: 550 nobody of that name")
            assert await ada.letterbox() == []
            assert (await ada.show(number)).text == "Dear Bert, the pears are ripe.\n"

    run(play())
