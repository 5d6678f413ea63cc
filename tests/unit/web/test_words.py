"""Every value has its words, and none of them says what cannot be known: that a letter was read, seen or delivered."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from babel import Locale

from dearly.desk.envelope import EnvelopeToClose, KeyOnEnvelope, ReaderToBe, WayOffer
from dearly.desk.home import PersonLine, PostedFacts, PostedView, Reader
from dearly.desk.values import LetterView
from dearly.letter.envelope import Way
from dearly.letter.journey import LEAVES, State, Why
from dearly.letter.rhythm import Band, Exchanged, Rhythm
from dearly.letter.sealing import PROVEN, Seal
from dearly.web import closing, journeys, rhythm_words, shown, when
from dearly.web.dates import Dates

ZONE = timezone(timedelta(hours=1))
NOW = datetime(2026, 11, 22, 16, 42, tzinfo=ZONE)
DATES = Dates(Locale.parse("en_GB"), ZONE)

_NEVER_SAID = re.compile(
    r"\b(seen by|delivered|has read|unread|please|oops|success|error|recipient)\b|!", re.IGNORECASE
)


def posted(state: State, way: Way = Way.OFFICE, reason: str = "", *, hours: float = 1, may: str = "") -> PostedView:
    leaves = NOW + timedelta(hours=hours) if (state in LEAVES or state is State.DATED) and way is not Way.HAND else None
    reader = Reader("Bert", "bert@letters.test", "ab" * 16, way, state, NOW, leaves, reason, "pinned")
    facts = PostedFacts(7, NOW, NOW, False, "ada@letters.test", "Ada", "Bergen", None, False)
    return PostedView(7, facts, (reader,), state, frozenset(may.split()))


@pytest.mark.parametrize("seal", Seal)
def test_every_seal(seal: Seal) -> None:
    view = LetterView(1, "in", "Bert", "bert@letters.test", (), NOW, "", "opened", "", seal=seal)
    said = shown.seal_words(view)
    assert said.sentence.endswith(".")
    assert said.more.endswith(".")
    assert not _NEVER_SAID.search(said.sentence + said.more)
    # Filled is only what was checked in person; a whole wafer only what proves its writer.
    assert (said.state == "checked") is (seal is Seal.SIGNED_VERIFIED)
    if seal in PROVEN:
        assert said.initial == "B"
    assert (said.state == "open") is (seal is Seal.NEVER_SEALED)


def test_an_unopened_letter_says_nothing_of_its_writer() -> None:
    view = LetterView(1, "in", "Bert", "bert@letters.test", (), NOW, "", "unopened", "")
    assert shown.seal_words(view).state == "new"


@pytest.mark.parametrize("way", [Way.OFFICE, Way.HAND])
@pytest.mark.parametrize("state", State)
def test_every_state(state: State, way: Way) -> None:
    told = journeys.told(posted(state, way, "box full", may="again"), NOW, DATES)
    words = [told.title, told.line, told.said, told.why, *(f"{step.what} {step.more}" for step in told.steps)]
    assert all(not _NEVER_SAID.search(text) for text in words), words
    assert told.line.endswith(".")
    assert not told.line.endswith("..")
    assert told.trouble is (state in (State.HELD, State.TRYING, State.CAME_BACK, State.UNCERTAIN))
    assert told.trouble or told.steps or state is State.TAKEN_BACK
    assert sum(step.now for step in told.steps) == bool(told.steps)
    assert journeys.state(posted(state, way).readers[0])


@pytest.mark.parametrize("why", Why)
def test_every_reason_to_hold(why: Why) -> None:
    told = journeys.told(posted(State.HELD, reason=why.value, may="again"), NOW, DATES)
    assert "Bert" in told.said
    assert "_" not in told.why
    assert told.why != journeys.told(posted(State.HELD, reason="?"), NOW, DATES).why
    assert told.again


def test_what_is_uncertain_is_not_posted_again_on_a_guess() -> None:
    fresh = posted(State.UNCERTAIN, may="again give_up")
    assert journeys.told(fresh, NOW, DATES).again == ""
    later = journeys.told(fresh, NOW + timedelta(days=2), DATES)
    assert later.again
    assert "twice" in later.why


def test_a_carriers_words_stand_as_a_quotation() -> None:
    told = journeys.told(posted(State.CAME_BACK, reason="552 mailbox full."), NOW, DATES)
    assert "“552 mailbox full.”" in told.why


def test_what_is_due_leaves_within_a_minute() -> None:
    told = journeys.told(posted(State.WAITING, hours=-1, may="take_back"), NOW, DATES)
    assert "within a minute" in told.line


@pytest.mark.parametrize(
    ("days", "words"),
    [
        (0, "today"),
        (1, "yesterday"),
        (2, "two days ago"),
        (11, "eleven days ago"),
        (13, "13 days ago"),
        (14, "two weeks ago"),
        (60, "two months ago"),
        (344, "eleven months ago"),
        (345, "a year ago"),
        (740, "two years ago"),
    ],
)
def test_how_long_ago(days: int, words: str) -> None:
    assert when.ago(days) == words


@pytest.mark.parametrize(
    ("away", "words"),
    [
        (0, "today"),
        (-1, "yesterday"),
        (1, "tomorrow"),
        (-3, "on Thursday"),
        (-13, "on 9 November"),
        (1600, "on 10 April 2031"),
    ],
)
def test_on_which_day(away: int, words: str) -> None:
    today = NOW.date()
    assert when.on(today + timedelta(days=away), today, DATES) == words


def test_the_hour_is_said_for_a_week() -> None:
    assert when.at(NOW + timedelta(hours=2), NOW, DATES) == "today at 18.42"
    assert when.at(NOW + timedelta(days=90), NOW, DATES) == "on 20 February 2027"
    assert when.at(datetime(2026, 11, 22, 23, 30, tzinfo=UTC), NOW, DATES) == "tomorrow at 0.30"


def test_when_a_page_was_begun() -> None:
    assert when.begun(NOW - timedelta(days=19), NOW, NOW, DATES) == "Begun on 3 November, taken up again today"
    assert when.begun(NOW, NOW, NOW, DATES) == "Begun today"


@pytest.mark.parametrize("hour", range(24))
def test_every_hour_has_a_name(hour: int) -> None:
    assert when.part_of_day(NOW.replace(hour=hour))


def line(
    rhythm: Rhythm, *, draft: int | None = None, view: PostedView | None = None, reply: str | None = None
) -> PersonLine:
    return PersonLine("ab" * 16, "Bert", rhythm, draft, view, reply)


def test_one_fact_about_each_person() -> None:
    ours = Exchanged(date(2026, 11, 11), ours=True)
    theirs = Exchanged(date(2026, 11, 2), ours=False)
    said = {
        "": rhythm_words.of(line(Rhythm()), NOW, DATES),
        "once": rhythm_words.of(line(Rhythm(ours, 11)), NOW, DATES),
        "early": rhythm_words.of(line(Rhythm(ours, 11, Band.MONTH, early=True), draft=3), NOW, DATES),
        "no page": rhythm_words.of(line(Rhythm(ours, 11, Band.MONTH, early=True)), NOW, DATES),
        "later": rhythm_words.of(line(Rhythm(theirs, 20, Band.WEEKS), reply="later"), NOW, DATES),
        "posted": rhythm_words.of(line(Rhythm(theirs, 20), view=posted(State.WAITING)), NOW, DATES),
        "held": rhythm_words.of(line(Rhythm(theirs, 20), view=posted(State.HELD)), NOW, DATES),
        "came back": rhythm_words.of(line(Rhythm(theirs, 20), view=posted(State.CAME_BACK)), NOW, DATES),
        "unclear": rhythm_words.of(line(Rhythm(theirs, 20), view=posted(State.UNCERTAIN)), NOW, DATES),
        "dated": rhythm_words.of(line(Rhythm(), view=posted(State.DATED, hours=24 * 400)), NOW, DATES),
        "by hand": rhythm_words.of(line(Rhythm(), view=posted(State.WAITING, Way.HAND)), NOW, DATES),
    }
    assert said == {
        "": "You have not written to each other yet.",
        "once": "You wrote eleven days ago.",
        "early": "You wrote eleven days ago. About a month lies between your letters, so this one is early.",
        "no page": "You wrote eleven days ago. About a month lies between your letters.",
        "later": "Bert wrote three weeks ago. You put the answer by for later. A few weeks lie between your letters.",
        "posted": "A letter is in the postbox.",
        "held": "A letter lies here that has not left.",
        "came back": "A letter came back today.",
        "unclear": "A letter may have left; the desk is finding out.",
        "dated": "A letter lies here that leaves on 27 December 2027.",
        "by hand": "A letter lies here for you to carry.",
    }


@pytest.mark.parametrize("band", Band)
def test_every_band(band: Band) -> None:
    assert rhythm_words.band(band).endswith(" between your letters.")
    assert rhythm_words.band(band, early=True).endswith(", so this one is early.")


KEY = KeyOnEnvelope("aa" * 32, "pinned", NOW - timedelta(days=400), "")


def reader(used: KeyOnEnvelope | None = KEY, newer: KeyOnEnvelope | None = None, trouble: str = "") -> ReaderToBe:
    ways = (WayOffer(Way.OFFICE), WayOffer(Way.HAND))
    return ReaderToBe("Bert", "bert@letters.test", "bert@letters.test", "ab" * 16, ways, used, newer, trouble)


@pytest.mark.parametrize(
    ("state", "drawn"), [("verified", "checked"), ("pinned", "new"), ("first_seen", "new")], ids=lambda value: value
)
def test_what_an_envelope_is_closed_with(state: str, drawn: str) -> None:
    said = closing.closing(reader(KeyOnEnvelope("aa" * 32, state, NOW, "Lübeck")), "Ada", NOW, DATES, {})
    assert (said.seal.state, said.seal.initial, said.possible, said.keys) == (drawn, "A", True, ())
    assert ("Lübeck" in said.seal.more) is (state == "verified")


@pytest.mark.parametrize("trouble", ["no_key", "key_revoked", "key_expired", "key_unusable", "bad_certificate"])
def test_what_cannot_be_sealed_says_what_can_be_done(trouble: str) -> None:
    said = closing.closing(reader(None, trouble=trouble), "Ada", NOW, DATES, {})
    assert (said.seal.state, said.possible) == ("open", False)
    assert "waits here" in said.seal.more


def test_of_a_new_key_the_careful_answer_is_set() -> None:
    newer = KeyOnEnvelope("bb" * 32, "changed", NOW - timedelta(days=8), "")
    said = closing.closing(reader(KEY, newer), "Ada", NOW, DATES, {})
    assert said.seal.sentence == "Bert has a new key, and it has not been checked."
    assert [(one.value, one.chosen) for one in said.keys] == [("new", False), ("old", False), ("keep", True)]
    # Where the old one was set aside there are two answers; what was chosen stays chosen when the page comes back.
    wanted = {"key bert@letters.test": "new", "way bert@letters.test": "hand"}
    said = closing.closing(reader(None, newer, "no_key"), "Ada", NOW, DATES, wanted)
    assert [(one.value, one.chosen) for one in said.keys] == [("new", True), ("keep", False)]
    assert [(one.value, one.chosen) for one in said.ways] == [("office", False), ("hand", True)]


def test_without_a_cooling_time_nothing_is_promised() -> None:
    there = EnvelopeToClose(1, 1, (reader(),), "Ada", "", "", False, NOW, NOW, 0, True, False)
    first, _day, _once = closing.times(there, "next", DATES)
    assert "take it back" not in first.more


def test_dates_in_german() -> None:
    dates = Dates(Locale.parse("de"), ZONE)
    said = datetime(2026, 11, 22, 8, 5, tzinfo=ZONE)
    assert dates.weekday(said) == "Sonntag, 22. November"
    assert (dates.day(said), dates.day_of_year(said)) == ("22. November 2026", "22. November")
    assert dates.clock(said) == "8.05"
