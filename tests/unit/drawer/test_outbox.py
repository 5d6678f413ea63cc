"""The outbox: posted once, attempted only as the journeys allow, taken back whole, held when in doubt."""

from __future__ import annotations

from datetime import timedelta

import pytest

from dearly.drawer import accounts, chain, drafts, letters, outbox
from dearly.drawer.connection import Db
from dearly.letter.address import Address
from dearly.letter.content import Draft, Enclosure
from dearly.letter.envelope import Way
from dearly.letter.errors import NotFound, Refused
from dearly.letter.journey import (
    Accepted,
    Act,
    Bounced,
    Delivered,
    Found,
    NothingProven,
    NotThere,
    State,
    TryLater,
    Turned,
    Unknown,
)
from dearly.letter.journey import Why as HeldWhy
from tests.support.contents import BERT, CLARA, DAY, PLACE, chance, finished, form, known, leg, page, posted
from tests.support.times import NOON

TABLES = ("letters", "parties", "sealed_forms", "sealed_to", "form_recipients", "journeys", "enclosures", "objects")


def _states(db: Db, number: int) -> list[State]:
    return [travel.journey.state for travel in outbox.travels(db, number)]


def _attempt(db: Db, number: int, *outcomes: object, now: object = NOON) -> list[outbox.Travel]:
    (ready,) = [r for r in outbox.due(db, now) if r.number == number]  # type: ignore[arg-type]  # a datetime
    attempt = outbox.begin_attempt(db, ready, NOON)
    said = dict(zip(ready.sealed.envelope.recipients, outcomes, strict=False))
    return outbox.end_attempt(db, attempt, said, NOON)  # type: ignore[arg-type]  # outcomes


def test_posted_and_due(db: Db) -> None:
    bert = known(db, BERT)
    there = page(db)
    before = chain.head(db).count
    sealed = form("1", BERT)
    travel = outbox.Leg(BERT.address, bert.id, Way.OFFICE, PLACE, NOON + timedelta(hours=1))
    assert outbox.post(db, there.number, finished(there.draft), [travel], [sealed], based_on=1, now=NOON) == (
        outbox.Posted(there.number, again=False)
    )
    assert chain.head(db).count == before + 1
    assert outbox.due(db, NOON + timedelta(minutes=59)) == []
    assert outbox.next_due(db) == NOON + timedelta(hours=1)
    (ready,) = outbox.due(db, NOON + timedelta(hours=1))
    assert ready.sealed == sealed.sealed.__class__(
        sealed.sealed.envelope,
        finished(there.draft).letter_id,
        sealed.sealed.data,
        sealed.sealed.seal_sha256,
        sealed.sealed.key,
    )
    assert (ready.certificates, ready.way, ready.place) == (sealed.certificates, Way.OFFICE, PLACE)
    (row,) = outbox.listing(db)
    assert (row.number, row.person, row.person_id, row.journey.state) == (
        there.number,
        BERT.name,
        bert.id,
        State.WAITING,
    )
    assert letters.our_numbers(db, bert.id) == [1]
    assert outbox.quantum_safe(db, ready.form) is False
    assert outbox.forms_by_seal(db, sealed.sealed.seal_sha256) == [there.number]


def test_posting_twice_posts_once(db: Db) -> None:
    """F48: whatever the second click brings, also another form and another revision."""
    there = page(db)
    first = outbox.post(db, there.number, finished(there.draft), [leg()], [form("1", BERT)], based_on=1, now=NOON)
    again = outbox.post(
        db, there.number, finished(there.draft, "2@x"), [leg()], [form("2", BERT)], based_on=9, now=NOON
    )
    assert (first.again, again.again, again.number) == (False, True, first.number)
    assert [db.value(f"SELECT count(*) FROM {t}") for t in ("letters", "sealed_forms", "journeys")] == [1, 1, 1]


def test_a_page_that_changed_is_not_posted(db: Db) -> None:
    there = page(db)
    drafts.save(db, there.number, Draft((BERT,), text="other"), based_on=1, now=NOON)
    with pytest.raises(drafts.RevisionMismatch):
        outbox.post(db, there.number, finished(there.draft), [leg()], [form("1", BERT)], based_on=1, now=NOON)
    drafts.enclose(db, there.number, [Enclosure("a", "text/plain", b"a")], NOON)
    with pytest.raises(drafts.RevisionMismatch):
        outbox.post(db, there.number, finished(there.draft), [leg()], [form("1", BERT)], based_on=2, now=NOON)
    assert drafts.load(db, there.number).state == "page"


def test_what_is_not_sealed_cannot_wait(db: Db) -> None:
    there = page(db, "text", BERT, CLARA)
    with pytest.raises(AssertionError):
        outbox.post(
            db, there.number, finished(there.draft), [leg(), leg(CLARA)], [form("1", BERT)], based_on=1, now=NOON
        )


def test_each_recipient_for_itself(db: Db) -> None:
    """F08: only those who did not get it are tried again, with the same bytes and the same key."""
    number = posted(db, BERT, CLARA)
    (first,) = outbox.due(db, NOON)
    assert first.sealed.envelope.recipients == (BERT.address, CLARA.address)
    travels = _attempt(db, number, Accepted(), TryLater("busy"))
    assert [t.journey.state for t in travels] == [State.ON_ITS_WAY, State.TRYING]
    assert outbox.due(db, NOON) == []
    assert outbox.next_due(db) == NOON + timedelta(minutes=1)
    (again,) = outbox.due(db, NOON + timedelta(minutes=1))
    assert again.sealed.envelope.recipients == (CLARA.address,)
    assert (again.sealed.data, again.sealed.key) == (first.sealed.data, first.sealed.key)


@pytest.mark.parametrize(
    ("outcome", "state", "reason"),
    [
        (Accepted(), State.ON_ITS_WAY, ""),
        (Turned("no such box"), State.CAME_BACK, "no such box"),
        (TryLater("busy"), State.TRYING, "busy"),
        (Unknown("cut"), State.UNCERTAIN, "cut"),
    ],
)
def test_outcomes_are_recorded(db: Db, outcome: object, state: State, reason: str) -> None:
    number = posted(db)
    (travel,) = _attempt(db, number, outcome)
    assert (travel.journey.state, travel.journey.reason, travel.journey.attempts) == (state, reason, 1)
    assert outbox.travels(db, number) == [travel]
    assert db.all("SELECT outcome, why FROM attempt_journeys") == [
        (
            {"Accepted": "accepted", "Turned": "turned", "TryLater": "try_later"}.get(
                type(outcome).__name__, "unknown"
            ),
            reason,
        )
    ]
    (attempt,) = db.all("SELECT id FROM attempts")
    assert outbox.end_attempt(db, attempt[0], {BERT.address: Turned("late")}, NOON) == []
    assert outbox.travels(db, number) == [travel]


def test_no_word_for_a_recipient_is_no_answer(db: Db) -> None:
    number = posted(db, BERT, CLARA)
    _attempt(db, number, Accepted())
    assert _states(db, number) == [State.ON_ITS_WAY, State.UNCERTAIN]


def test_only_those_whose_time_has_come(db: Db) -> None:
    """Two recipients of one form, of whom one is to wait: the carrier is not given the other's name."""
    number = posted(db, BERT, CLARA)
    db.run("UPDATE journeys SET not_before = not_before + 60 WHERE address_key = ?", (CLARA.address.key,))
    (ready,) = outbox.due(db, NOON)
    assert ready.sealed.envelope.recipients == (BERT.address,)
    attempt = outbox.begin_attempt(db, ready, NOON)
    (other,) = outbox.due(db, NOON + timedelta(minutes=1))
    assert other.sealed.envelope.recipients == (CLARA.address,)
    outbox.end_attempt(db, attempt, {BERT.address: Accepted(), CLARA.address: Accepted()}, NOON)
    assert _states(db, number) == [State.ON_ITS_WAY, State.WAITING]


def test_released_before_it_is_sealed(db: Db) -> None:
    """It waits to be sealed, and is not given to a carrier without its form."""
    there = page(db)
    held = outbox.Leg(BERT.address, None, Way.OFFICE, PLACE, NOON, State.HELD, "key_changed")
    outbox.post(db, there.number, finished(there.draft), [held], [], based_on=1, now=NOON)
    outbox.act(db, there.number, Act.RELEASE, NOON)
    assert outbox.due(db, NOON) == []
    assert [t.number for t in outbox.needs_sealing(db, NOON)] == [there.number]
    outbox.add_forms(db, there.number, [form("now", BERT)], NOON)
    assert [r.number for r in outbox.due(db, NOON)] == [there.number]


def test_one_attempt_at_a_time(db: Db) -> None:
    posted(db)
    (ready,) = outbox.due(db, NOON)
    outbox.begin_attempt(db, ready, NOON)
    assert outbox.due(db, NOON) == []
    with pytest.raises(Refused) as caught:
        outbox.begin_attempt(db, ready, NOON)
    assert caught.value.code == "impossible_step"


def test_what_was_taken_back_meanwhile_is_not_begun(db: Db) -> None:
    number = posted(db)
    (ready,) = outbox.due(db, NOON)
    outbox.take_back(db, number, NOON)
    with pytest.raises(Refused):
        outbox.begin_attempt(db, ready, NOON)
    assert db.value("SELECT count(*) FROM attempts") == 0


def test_what_was_held_or_sealed_anew_meanwhile_is_not_begun(db: Db) -> None:
    held, anew = posted(db, seed="held"), posted(db, seed="anew")
    ready = {r.number: r for r in outbox.due(db, NOON)}
    outbox.hold(db, held, HeldWhy.KEY_CHANGED, NOON)
    outbox.add_forms(db, anew, [form("other bytes", BERT)], NOON)
    for number in (held, anew):
        with pytest.raises(Refused):
            outbox.begin_attempt(db, ready[number], NOON)
    (fresh,) = outbox.due(db, NOON)
    assert fresh.sealed.data == form("other bytes", BERT).sealed.data
    assert db.value("SELECT count(*) FROM sealed_forms WHERE letter = ?", (anew,)) == 1


def test_an_attempt_that_never_ended_is_in_doubt(db: Db) -> None:
    """F06: after a crash it is looked for, and never handed over again by itself."""
    number = posted(db, BERT, CLARA)
    (ready,) = outbox.due(db, NOON)
    attempt = outbox.begin_attempt(db, ready, NOON)
    settled = outbox.settle_unfinished(db, NOON)
    assert [t.journey.state for t in settled] == [State.UNCERTAIN] * 2
    assert outbox.settle_unfinished(db, NOON) == []
    assert outbox.due(db, NOON + 900 * DAY) == []
    assert outbox.next_due(db) is None
    assert outbox.end_attempt(db, attempt, {BERT.address: TryLater("x")}, NOON) == []
    (look,) = outbox.uncertain(db)
    assert look.sealed.envelope.recipients == (BERT.address, CLARA.address)
    assert outbox.uncertain(db, after=look.form) == []
    changed = outbox.record_evidence(db, look, {BERT.address: Found(), CLARA.address: NothingProven()}, NOON)
    assert [t.journey.state for t in changed] == [State.ON_ITS_WAY, State.UNCERTAIN]
    (look,) = outbox.uncertain(db)
    assert look.sealed.envelope.recipients == (CLARA.address,)
    outbox.record_evidence(db, look, {CLARA.address: NotThere()}, NOON)
    assert _states(db, number) == [State.ON_ITS_WAY, State.TRYING]
    (again,) = outbox.due(db, NOON)
    assert again.sealed.envelope.recipients == (CLARA.address,)


def test_our_own_copy_proves_it(db: Db) -> None:
    number = posted(db, seed="own")
    digest = form("own", BERT).sealed.seal_sha256
    assert outbox.own_copy_found(db, digest, NOON) == []
    assert _states(db, number) == [State.WAITING]
    _attempt(db, number, Unknown("cut"))
    assert [t.number for t in outbox.own_copy_found(db, digest, NOON)] == [number]
    assert _states(db, number) == [State.ON_ITS_WAY]


def test_what_is_heard_later(db: Db) -> None:
    number = posted(db, BERT, CLARA)
    assert outbox.report(db, number, BERT.address, Delivered(), NOON) == []
    _attempt(db, number, Accepted(), Accepted())
    assert [r.number for r in outbox.travelling(db, place=PLACE, since=NOON)] == [number]
    assert outbox.travelling(db, place=PLACE, since=NOON + DAY) == []
    assert outbox.travelling(db, place="elsewhere", since=NOON) == []
    outbox.report(db, number, Address.parse("BERT@letters.test"), Delivered(), NOON)
    outbox.report(db, number, CLARA.address, Bounced("the box is full"), NOON)
    outbox.report(db, number, Address.parse("nobody@letters.test"), Delivered(), NOON)
    assert _states(db, number) == [State.HELD_FOR_THEM, State.CAME_BACK]
    assert outbox.travelling(db, place=PLACE, since=NOON) == []
    assert [t.journey.recipient for t in outbox.listing(db, pending=True)] == [CLARA.address]


def test_an_answer_that_comes_after_the_person_gave_up(db: Db) -> None:
    number = posted(db)
    _attempt(db, number, TryLater("busy"))
    (ready,) = outbox.due(db, NOON + DAY)
    attempt = outbox.begin_attempt(db, ready, NOON + DAY)
    outbox.act(db, number, Act.GIVE_UP, NOON + DAY)
    (travel,) = outbox.end_attempt(db, attempt, {BERT.address: TryLater("busy")}, NOON + DAY)
    assert travel.journey.state is State.GIVEN_UP
    assert _states(db, number) == [State.GIVEN_UP]


def test_an_acceptance_after_all_is_believed(db: Db) -> None:
    number = posted(db)
    _attempt(db, number, TryLater("busy"))
    (ready,) = outbox.due(db, NOON + DAY)
    attempt = outbox.begin_attempt(db, ready, NOON + DAY)
    outbox.hold(db, number, HeldWhy.TOO_BIG, NOON + DAY)
    (travel,) = outbox.end_attempt(db, attempt, {BERT.address: Accepted()}, NOON + DAY)
    assert travel.journey.state is State.ON_ITS_WAY


def test_taken_back_whole(db: Db) -> None:
    known(db, BERT)
    before = {t: db.value(f"SELECT count(*) FROM {t}") for t in TABLES}
    picture = Enclosure("garden.jpg", "image/jpeg", b"not really")
    there = drafts.new(db, Draft((BERT,), "Rain", "Dear Bert", (picture,)), now=NOON, chance=chance)
    letter = finished(drafts.whole(db, there.number))
    outbox.post(db, there.number, letter, [leg()], [form("1", BERT)], based_on=1, now=NOON)
    back = outbox.take_back(db, there.number, NOON)
    assert (back.number, back.state, back.draft, back.uid) == (there.number, "page", there.draft, there.uid)
    assert drafts.whole(db, there.number).enclosures == (picture,)
    after = {t: db.value(f"SELECT count(*) FROM {t}") for t in TABLES}
    assert after == before | {"objects": before["objects"] + 1}
    assert db.all("SELECT kind FROM chain ORDER BY id DESC LIMIT 2") == [("erased",), ("posted",)]
    # The form that posted it, sent again by the browser, posts nothing.
    with pytest.raises(drafts.RevisionMismatch):
        outbox.post(db, there.number, letter, [leg()], [form("1", BERT)], based_on=1, now=NOON)
    again = outbox.post(db, there.number, letter, [leg()], [form("1", BERT)], based_on=back.revision, now=NOON + DAY)
    assert again == outbox.Posted(there.number, again=False)


@pytest.mark.parametrize("outcome", [Accepted(), TryLater("busy"), Turned("no"), Unknown("cut"), None])
def test_not_taken_back_once_an_attempt_exists(db: Db, outcome: object) -> None:
    number = posted(db)
    if outcome is None:
        outbox.begin_attempt(db, outbox.due(db, NOON)[0], NOON)
    else:
        _attempt(db, number, outcome)
    with pytest.raises(Refused) as caught:
        outbox.take_back(db, number, NOON)
    assert caught.value.code == "already_collected"
    assert letters.letter(db, number).text


def test_held_or_given_up_before_any_attempt_may_be_taken_back(db: Db) -> None:
    held, given_up = posted(db, seed="a"), posted(db, seed="b")
    for number in (held, given_up):
        outbox.hold(db, number, HeldWhy.KEY_CHANGED, NOON)
    outbox.act(db, given_up, Act.GIVE_UP, NOON)
    assert {outbox.take_back(db, number, NOON).state for number in (held, given_up)} == {"page"}
    for number in (held, 99):
        with pytest.raises(NotFound):
            outbox.take_back(db, number, NOON)


def test_dated_far_ahead(db: Db) -> None:
    """Stored unsealed, sealed a week before, leaving on its day."""
    there, day = page(db), NOON + 400 * DAY
    outbox.post(db, there.number, finished(there.draft), [leg(at=day, state=State.DATED)], [], based_on=1, now=NOON)
    assert outbox.needs_sealing(db, day - 8 * DAY) == []
    (travel,) = outbox.needs_sealing(db, day - 7 * DAY)
    assert (travel.number, travel.form, travel.journey.state) == (there.number, None, State.DATED)
    assert letters.content(db, there.number).text == there.draft.text
    outbox.add_forms(db, there.number, [form("later", BERT)], day - 7 * DAY)
    assert outbox.needs_sealing(db, day) == []
    assert outbox.ripen(db, day - timedelta(seconds=1)) == []
    assert outbox.due(db, day) == []
    assert outbox.next_due(db) == day
    assert outbox.ripen(db, day) == [there.number]
    assert [r.number for r in outbox.due(db, day)] == [there.number]


def test_a_form_that_was_used_is_final(db: Db) -> None:
    number = posted(db)
    _attempt(db, number, TryLater("busy"))
    with pytest.raises(Refused) as caught:
        outbox.add_forms(db, number, [form("other", BERT)], NOON)
    assert caught.value.code == "already_collected"


def test_put_off(db: Db) -> None:
    number = posted(db)
    (travel,) = outbox.put_off(db, number, NOON + DAY)
    assert travel.journey.not_before == NOON + DAY
    assert outbox.due(db, NOON) == []
    _attempt(db, number, TryLater("busy"), now=NOON + DAY)
    with pytest.raises(Refused):
        outbox.put_off(db, number, NOON + 2 * DAY)


def test_a_restored_drawer_posts_nothing_by_itself(db: Db) -> None:
    """F49: waiting, dated, trying and uncertain ones are held; what left or ended stays what it is."""
    waiting, trying, uncertain, gone, back = (posted(db, seed=s) for s in "abcde")
    there, day = page(db), NOON + 400 * DAY
    outbox.post(db, there.number, finished(there.draft), [leg(at=day, state=State.DATED)], [], based_on=1, now=NOON)
    _attempt(db, trying, TryLater("busy"))
    _attempt(db, uncertain, Unknown("cut"))
    _attempt(db, gone, Accepted())
    _attempt(db, back, Turned("no"))
    held = outbox.hold_all_restored(db, NOON)
    assert {t.number for t in held} == {waiting, trying, uncertain, there.number}
    assert {(t.journey.state, t.journey.reason) for t in held} == {(State.HELD, "restored")}
    assert outbox.due(db, NOON + 900 * DAY) == []
    assert (_states(db, gone), _states(db, back)) == ([State.ON_ITS_WAY], [State.CAME_BACK])
    assert outbox.hold_all_restored(db, NOON) == []
    # Released by the person, a letter dated ahead keeps its day.
    outbox.act(db, there.number, Act.RELEASE, NOON + DAY)
    outbox.act(db, waiting, Act.RELEASE, NOON + DAY)
    assert outbox.next_due(db) == NOON + DAY
    assert [t.number for t in outbox.needs_sealing(db, day)] == [there.number]


def test_acts_of_the_person(db: Db) -> None:
    number = posted(db, BERT, CLARA)
    with pytest.raises(Refused) as caught:
        outbox.act(db, number, Act.POST_AGAIN, NOON)
    assert caught.value.code == "impossible_step"
    _attempt(db, number, Turned("no"), Accepted())
    assert [t.journey.recipient for t in outbox.act(db, number, Act.POST_AGAIN, NOON)] == [BERT.address]
    assert _states(db, number) == [State.TRYING, State.ON_ITS_WAY]
    with pytest.raises(Refused):
        outbox.act(db, number, Act.GIVE_UP, NOON, CLARA.address)
    assert len(outbox.act(db, number, Act.GIVE_UP, NOON, BERT.address)) == 1
    for missing, error in ((Address.parse("nobody@letters.test"), "no_recipient"),):
        with pytest.raises(NotFound) as unknown:
            outbox.act(db, number, Act.GIVE_UP, NOON, missing)
        assert unknown.value.code == error
    with pytest.raises(NotFound):
        outbox.act(db, 99, Act.GIVE_UP, NOON)


def test_letters_by_hand_leave_only_by_hand(db: Db) -> None:
    number = posted(db, way=Way.HAND)
    assert outbox.due(db, NOON + DAY) == []
    assert outbox.next_due(db) is None
    assert outbox.form_by_way(db, number, Way.OFFICE) is None
    ready = outbox.form_by_way(db, number, Way.HAND)
    assert ready is not None
    outbox.end_attempt(db, outbox.begin_attempt(db, ready, NOON), {BERT.address: Accepted()}, NOON)
    assert _states(db, number) == [State.ON_ITS_WAY]
    again = outbox.form_by_way(db, number, Way.HAND)
    assert again is not None
    with pytest.raises(Refused):
        outbox.begin_attempt(db, again, NOON)


def test_one_silent_account_does_not_hold_up_another(db: Db) -> None:
    """The oldest letters of one place do not fill every batch while another place could take its own."""
    accounts.add(db, Way.OFFICE, PLACE, BERT.address, {}, "", now=NOON, chance=chance)
    for n in range(25):
        there = page(db)
        letter = finished(there.draft, f"{n}@letters.test")
        place = "elsewhere" if n == 24 else PLACE
        outbox.post(
            db,
            there.number,
            letter,
            [leg(at=NOON + timedelta(seconds=n), place=place)],
            [form(str(n), BERT, place=place)],
            based_on=1,
            now=NOON,
        )
    found = outbox.due(db, NOON + DAY, limit=3)
    assert [r.place for r in found] == [PLACE] * 3 + ["elsewhere"]
    assert found == sorted(found, key=lambda r: r.travels[0].journey.not_before)


def test_listed_in_pages(db: Db) -> None:
    numbers = [posted(db, BERT, CLARA, seed=str(n)) for n in range(5)]
    listed: list[int] = []
    while rows := outbox.listing(db, limit=2, before=listed[-1] if listed else None):
        listed += dict.fromkeys(t.number for t in rows)
    assert listed == numbers[::-1]
    _attempt(db, numbers[3], Accepted(), Unknown("cut"))
    pending = [(t.number, t.journey.recipient) for t in outbox.listing(db, pending=True)]
    assert (numbers[3], CLARA.address) in pending
    assert len(pending) == 9


def test_two_ways_for_one_letter(db: Db) -> None:
    there = page(db)
    legs = [leg(), leg(way=Way.HAND, place="")]
    forms = [form("office", BERT), form("hand", BERT, way=Way.HAND, place="")]
    outbox.post(db, there.number, finished(there.draft), legs, forms, based_on=1, now=NOON)
    assert len({t.form for t in outbox.travels(db, there.number)}) == 2
    outbox.own_copy_found(db, bytes(32), NOON)
    assert _states(db, there.number) == [State.WAITING] * 2
