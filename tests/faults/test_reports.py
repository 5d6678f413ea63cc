"""F09: a letter that comes back later says so, with the reason; and no report moves a letter that it may not (A45)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dearly.desk.reports import Settled
from dearly.drawer import outbox, people
from dearly.drawer.connection import Db
from dearly.letter.envelope import Way
from dearly.letter.journey import Act, State, Unknown
from tests.support.contents import BERT, CLARA, contents_of, known
from tests.support.reports import Desk, a_report, about, in_one_text, loose
from tests.support.times import NOON


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Db]:
    with contents_of(tmp_path) as inside:
        yield inside


def test_a_letter_that_could_not_be_delivered_came_back(db: Db) -> None:
    desk = Desk(db, BERT, CLARA)
    why = about("failed", Diagnostic_Code="smtp; 550 5.1.1 no such person here", Remote_MTA="dns; mx.letters.test")
    assert desk.settle(a_report(why, envelope_id=desk.key, letter_id="")) == Settled(desk.number)
    assert desk.states() == [State.CAME_BACK, State.ON_ITS_WAY]
    assert desk.reasons()[0] == "mx.letters.test says: 550 5.1.1 no such person here"
    # Its text is kept, and posting it again is an act like any other.
    outbox.act(db, desk.number, Act.POST_AGAIN, NOON, BERT.address)
    assert desk.states() == [State.TRYING, State.ON_ITS_WAY]


def test_by_the_id_of_the_letter_alone(db: Db) -> None:
    """A server that was not asked for a report, or that lost the envelope's id on the way."""
    desk = Desk(db)
    assert desk.settle(a_report(about("failed"), letter_id=desk.letter_id)) == Settled(desk.number)
    assert desk.states() == [State.CAME_BACK]
    assert desk.reasons() == ["mail.letters.test says: 5.1.1"]


def test_a_forwarded_letter_is_known_by_its_first_address(db: Db) -> None:
    desk = Desk(db)
    moved = about("failed", "bert@elsewhere.test", Original_Recipient="rfc822; Bert@Letters.Test")
    assert desk.settle(a_report(moved, envelope_id=desk.key)) == Settled(desk.number)
    assert desk.states() == [State.CAME_BACK]


def test_delivered_is_believed_with_the_envelopes_id_alone(db: Db) -> None:
    desk = Desk(db)
    assert desk.settle(a_report(about("delivered"), letter_id=desk.letter_id)) == Settled(desk.number)
    assert desk.states() == [State.ON_ITS_WAY]
    assert desk.settle(a_report(about("delivered"), letter_id="", envelope_id=desk.key)) == Settled(desk.number)
    assert desk.states() == [State.HELD_FOR_THEM]


def test_passed_on_to_a_server_that_says_nothing_is_no_delivery(db: Db) -> None:
    desk = Desk(db)
    for action in ("relayed", "expanded"):
        assert desk.settle(a_report(about(action), envelope_id=desk.key)) == Settled(desk.number)
        assert desk.states() == [State.ON_ITS_WAY]


def test_a_late_letter_is_still_on_its_way(db: Db) -> None:
    desk = Desk(db)
    since = outbox.travels(db, desk.number)[0].journey.since
    late = about("delayed", Diagnostic_Code="smtp; connect to mx.letters.test: no answer")
    assert desk.settle(a_report(late, envelope_id=desk.key)) == Settled(desk.number)
    (travel,) = outbox.travels(db, desk.number)
    assert (travel.journey.state, travel.journey.since) == (State.ON_ITS_WAY, since)
    assert travel.journey.reason == "mail.letters.test says: connect to mx.letters.test: no answer"
    desk.settle(a_report(about("delivered"), envelope_id=desk.key))
    assert (desk.states(), desk.reasons()) == ([State.HELD_FOR_THEM], [""])


@pytest.mark.parametrize("form", ["report", "loose"])
def test_that_it_is_late_proves_an_uncertain_letter_with_the_envelopes_id_alone(db: Db, form: str) -> None:
    """F05: anybody who has the letter, another of its readers above all, could write the rest."""
    desk = Desk(db, taken=False)
    (ready,) = outbox.due(db, NOON)
    attempt = outbox.begin_attempt(db, ready, NOON)
    outbox.end_attempt(db, attempt, {BERT.address: Unknown("cut")}, NOON)
    late = about("delayed")
    if form == "report":
        forged = a_report(late, letter_id=desk.letter_id)
    else:
        forged = loose("<bert@letters.test>: not yet", desk.letter_id, subject="Warning: message delayed 4 hours")
    assert desk.settle(forged) == Settled(desk.number)
    assert (desk.states(), desk.reasons()) == ([State.UNCERTAIN], ["cut"])
    assert desk.settle(a_report(late, envelope_id=desk.key)) == Settled(desk.number)
    assert desk.states() == [State.ON_ITS_WAY]


def test_the_same_report_twice_is_one(db: Db) -> None:
    desk = Desk(db)
    for _time in range(2):
        assert desk.settle(a_report(about("failed"), envelope_id=desk.key)) == Settled(desk.number)
        assert desk.states() == [State.CAME_BACK]


def test_programs_that_write_no_report(db: Db) -> None:
    desk = Desk(db, BERT, CLARA)
    assert desk.settle(loose(letter_id=desk.letter_id)) == Settled(desk.number)
    assert desk.states() == [State.CAME_BACK, State.ON_ITS_WAY]
    assert desk.reasons()[0].startswith("Delivery failed, as mail.letters.test says: Sorry, no mailbox here")
    later = loose("clara@letters.test: not yet", desk.letter_id, subject="Warning: message delayed 4 hours")
    assert desk.settle(later) == Settled(desk.number)
    assert desk.states()[1] is State.ON_ITS_WAY


def test_a_bounce_in_one_text(db: Db) -> None:
    desk = Desk(db, BERT, CLARA)
    assert desk.settle(in_one_text("other@letters.test")) is None
    assert desk.settle(in_one_text(desk.letter_id, who="dora@letters.test")) is None
    assert desk.states() == [State.ON_ITS_WAY, State.ON_ITS_WAY]
    assert desk.settle(in_one_text(desk.letter_id)) == Settled(desk.number)
    assert desk.states() == [State.CAME_BACK, State.ON_ITS_WAY]  # Clara is named in the letter alone
    assert desk.reasons()[0] == "Delivery failed, as mail.letters.test says: No mailbox of this name. (#5.1.1)"


def unmoved(db: Db) -> dict[str, bytes]:
    """What must change nothing, by name. The letter of `Desk` is number 1."""
    failed = about("failed")
    return {
        "another letter": a_report(failed, letter_id="somebody-elses@letters.test"),
        "no letter": a_report(failed, letter_id=""),
        "another envelope": a_report(failed, envelope_id="00" * 16, letter_id=""),
        "somebody it did not go to": a_report(about("failed", "clara@letters.test")),
        "nobody": a_report(about("failed", "not an address")),
        "nobody who can be told": a_report(about("failed", "bert@letters.test, clara@letters.test")),
        "not failed, by its own code": a_report(about("failed", Status="2.0.0")),
        "not delivered, by its own code": a_report(about("delivered", Status="5.0.0"), envelope_id="KEY"),
        "a word that is none": a_report(about("vanished")),
        "no groups": a_report(),
        "no status at all": a_report(status=b"\x00\xff" * 40),
        "read, it says": a_report(status=b"Original-Message-ID: <letter-1@letters.test>\r\n", kind="disposition-x"),
        "a friend who sends it back": loose(sender="clara@letters.test"),
        "a vacation": loose(sender="bert@letters.test", text="I am away. bert@letters.test"),
        "a bounce of something else": loose(letter_id="other@letters.test"),
        "a bounce to somebody else": loose("<clara@letters.test>: no"),
        "two letters at once": a_report(failed, envelope_id="KEY", letter_id="letter-2@letters.test"),
        "one text of a friend": in_one_text(sender="clara@letters.test"),
        "one text about something else": in_one_text("other@letters.test"),
        "one text, and no letter": in_one_text(line="sealed"),
        "inside a letter": b'From: clara@letters.test\r\nContent-Type: multipart/mixed; boundary="OO"\r\n\r\n--OO\r\n'
        + a_report(failed)
        + b"\r\n--OO--\r\n",
    }


@pytest.mark.parametrize("name", unmoved(None))  # type: ignore[arg-type]  # only the names
def test_what_changes_nothing(db: Db, name: str) -> None:
    desk, other = Desk(db), Desk(db, CLARA)
    assert (desk.letter_id, other.letter_id) == ("letter-1@letters.test", "letter-2@letters.test")
    raw = unmoved(db)[name].replace(b"KEY", desk.key.encode())
    desk.settle(raw)
    assert (desk.states(), other.states()) == ([State.ON_ITS_WAY], [State.ON_ITS_WAY])
    assert (desk.reasons(), other.reasons()) == ([""], [""])


def test_a_letter_that_has_not_left_cannot_come_back(db: Db) -> None:
    waiting = Desk(db, taken=False)
    office = Desk(db, way=Way.OFFICE)
    for desk in (waiting, office):
        assert desk.settle(a_report(about("failed"), letter_id=desk.letter_id, envelope_id=desk.key)) is None
    assert (waiting.states(), office.states()) == ([State.WAITING], [State.ON_ITS_WAY])


def test_what_is_put_aside_and_what_the_person_sees(db: Db) -> None:
    """About mail that is not this desk's: aside, it may be spam. About ours, but to somebody unknown: seen."""
    desk = Desk(db)
    elsewhere = a_report(about("failed"), letter_id="other@letters.test")
    assert desk.settle(elsewhere) == Settled(None)
    assert desk.settle(a_report(about("failed", "moved@elsewhere.test"), letter_id=desk.letter_id)) is None
    assert desk.settle(a_report(about("delivered", "moved@elsewhere.test"), letter_id=desk.letter_id)) == Settled(1)
    read = a_report(
        status=b"Original-Message-ID: <letter-1@letters.test>\r\nDisposition: manual-action/MDN-sent; displayed\r\n",
        kind="disposition-notification",
    )
    assert desk.settle(read) == Settled(desk.number)
    assert desk.states() == [State.ON_ITS_WAY]
    other = read.replace(b"letter-1@", b"other@").replace(b"MAILER-DAEMON@mail.letters.test", b"clara@letters.test")
    assert desk.settle(loose(letter_id="other@letters.test")) is None
    # What somebody in the address book writes is never put aside by its form.
    known(db, CLARA)
    assert people.person_of_address(db, CLARA.address, "") is not None
    assert desk.settle(other) == Settled(None), "but a notice that something was read is never shown"
    assert desk.settle(elsewhere.replace(b"MAILER-DAEMON@mail.letters.test", b"clara@letters.test")) is None


def test_hostile_words_are_cleaned_and_bounded(db: Db) -> None:
    desk = Desk(db)
    words = "smtp; \u202e550\x1b[31m \u2028 your account is locked, sign in at evil.test " + "x" * 5000
    why = about("failed", Diagnostic_Code=words, Remote_MTA="dns; \u202email\x07.letters.test" + "y" * 900)
    assert desk.settle(a_report(why, envelope_id=desk.key)) == Settled(desk.number)
    (reason,) = desk.reasons()
    assert reason.isprintable()
    assert len(reason) < 450
    assert " says: 550" in reason


def test_a_report_about_a_thousand_people(db: Db) -> None:
    desk = Desk(db)
    crowd = [about("failed", f"{n}@elsewhere.test") for n in range(5000)]
    assert desk.settle(a_report(*crowd, about("failed"), envelope_id=desk.key)) is None
    assert desk.states() == [State.ON_ITS_WAY]
