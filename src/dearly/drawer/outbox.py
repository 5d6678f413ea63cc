"""The outbox: sealed forms, one journey for each recipient and way, and what the person may do with a posted letter.

The rules are `letter.journey`'s; here they are only applied to rows. Posting is one transaction: from its commit on,
the letter leaves exactly as often as the journeys say. A form's bytes are final and serve every attempt. This is the
face of the outbox; attempts and what came of them are `attempts`'.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dearly.drawer import chain, drafts, filing, objects
from dearly.drawer.attempts import (
    begin_attempt,
    due,
    end_attempt,
    next_due,
    own_copy_found,
    record_evidence,
    report,
    ripen,
    settle_unfinished,
    travelling,
    uncertain,
)
from dearly.drawer.connection import Db
from dearly.drawer.persons import known
from dearly.drawer.rows import LAST, sound, stamp
from dearly.drawer.travels import (
    Ready,
    Travel,
    happen,
    happen_if_it_may,
    of_recipient,
    read,
    ready,
    store,
)
from dearly.letter.address import Address
from dearly.letter.content import Letter, LetterId
from dearly.letter.envelope import SealedLetter, Way
from dearly.letter.errors import NotFound, Refused
from dearly.letter.journey import Act, Hold, State, advance
from dearly.letter.journey import Why as HeldWhy
from dearly.letter.words import _

__all__ = [
    "SEAL_WITHIN",
    "Form",
    "Leg",
    "Posted",
    "Ready",
    "Travel",
    "act",
    "add_forms",
    "begin_attempt",
    "by_key",
    "by_letter_id",
    "carry",
    "current",
    "due",
    "end_attempt",
    "form_by_way",
    "form_of",
    "forms_by_seal",
    "hold",
    "hold_all_restored",
    "listing",
    "needs_sealing",
    "next_due",
    "own_copy_found",
    "post",
    "put_off",
    "quantum_safe",
    "ready",
    "record_evidence",
    "report",
    "ripen",
    "settle_unfinished",
    "stuck",
    "take_back",
    "travelling",
    "travels",
    "uncertain",
]

SEAL_WITHIN = timedelta(days=7)
"""A letter is sealed when it leaves within this time; one dated further is stored unsealed, and sealed then."""

_PENDING = "j.state IN ('waiting', 'dated', 'held', 'trying', 'came_back', 'uncertain')"


@dataclass(frozen=True, slots=True)
class Form:
    """A sealed form to be stored: what a carrier will get. `place`: the account it leaves by. `certificates`:
    fingerprints it is sealed to, ours too; empty for a postcard. `inner_sha256`: of the signed bytes."""

    way: Way
    place: str
    sealed: SealedLetter
    certificates: tuple[str, ...] = ()
    inner_sha256: bytes | None = None
    quantum_safe: bool = False


@dataclass(frozen=True, slots=True)
class Leg:
    """A journey to begin. `state`: WAITING, DATED or HELD (then `reason` says why). `person`: id in the address
    book."""

    recipient: Address
    person: int | None
    way: Way
    place: str
    not_before: datetime
    state: State = State.WAITING
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Posted:
    """`again`: this draft had been posted before; nothing was done, and `number` is that letter's (F48)."""

    number: int
    again: bool


def post(
    db: Db,
    number: int,
    letter: Letter,
    legs: Sequence[Leg],
    forms: Sequence[Form],
    *,
    based_on: int,
    postcard: bool = False,
    now: datetime,
) -> Posted:
    """Post a draft: letter, forms, journeys and the link of the chain, all in the caller's one transaction.

    A leg is joined to the form of its way and place whose envelope names it; without one it must be DATED or HELD.
    Raises `RevisionMismatch` when the draft changed since `based_on`, `NotFound` as `drafts.load`; a draft posted
    before gives that letter, whatever is asked now."""
    if db.value("SELECT state FROM drafts WHERE number = ?", (number,)) == "posted":
        return Posted(number, again=True)
    page = drafts.load(db, number)
    if page.revision != based_on:
        raise drafts.RevisionMismatch(page.revision)
    drafts.became_letter(db, number, now)
    meant = {leg.recipient.key: leg.person for leg in legs}
    persons = [meant.get(who.address.key) or known(db, who) for who in letter.to]
    digest = filing.file_sent(db, number, letter, persons=persons, postcard=postcard, now=now)
    for leg in legs:
        assert leg.state in {State.WAITING, State.DATED, State.HELD}
        db.run(
            "INSERT INTO journeys (letter, address, address_key, person_id, way, place, state, since, not_before,"
            " reason, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)",
            (
                number,
                str(leg.recipient),
                leg.recipient.key,
                leg.person,
                leg.way.value,
                leg.place,
                leg.state.value,
                stamp(now),
                stamp(leg.not_before),
                leg.reason,
            ),
        )
    for form in forms:
        _join(db, number, form, now)
    assert all(travel.form or travel.journey.state is not State.WAITING for travel in travels(db, number))
    chain.append(db, chain.Kind.POSTED, digest, now)
    return Posted(number, again=False)


def add_forms(db: Db, number: int, forms: Sequence[Form], now: datetime) -> None:
    """Seal later, or anew: join forms to the journeys that have none, or whose form no attempt has used yet (a key was
    changed or chosen). Raises `Refused` (already_collected) where one has, `NotFound` (no_letter)."""
    travels(db, number)
    for form in forms:
        if not _join(db, number, form, now):
            raise _collected()
    unused = db.all(
        "SELECT id, object_id FROM sealed_forms WHERE letter = ?"
        " AND NOT EXISTS (SELECT 1 FROM journeys WHERE form = sealed_forms.id)"
        " AND NOT EXISTS (SELECT 1 FROM attempts WHERE form = sealed_forms.id)",
        (number,),
    )
    for form_id, object_id in unused:
        _drop_form(db, form_id, object_id)


def needs_sealing(db: Db, now: datetime, within: timedelta = SEAL_WITHIN) -> list[Travel]:
    """Journeys without a form that leave within this time, the earliest first."""
    return read(
        db,
        "WHERE j.state IN ('waiting', 'trying', 'dated') AND j.form IS NULL AND j.not_before <= ?"
        " ORDER BY j.not_before, j.id",
        (stamp(now + within),),
    )


def form_by_way(db: Db, number: int, way: Way) -> Ready | None:
    """The sealed form in which a letter goes by this way, with all its journeys; None where there is none (yet)."""
    found = [travel for travel in travels(db, number) if travel.way is way and travel.form is not None]
    if not found or found[0].form is None:
        return None
    return ready(db, found[0].form, [travel for travel in found if travel.form == found[0].form])


def forms_by_seal(db: Db, seal_sha256: bytes) -> list[int]:
    """Numbers of our letters with a form that has this sealed slice: an arrival with it is our own copy."""
    return [
        n
        for (n,) in db.each(
            "SELECT DISTINCT letter FROM sealed_forms WHERE seal_sha256 = ? ORDER BY letter", (seal_sha256,)
        )
    ]


def by_key(db: Db, key: str | None) -> int | None:
    """Number of the letter of ours that went under this key of an envelope (`SealedLetter.key`)."""
    row = db.one("SELECT letter FROM sealed_forms WHERE key = ?", (key,))
    return None if row is None else int(row[0])


def by_letter_id(db: Db, letter_id: LetterId | None) -> int | None:
    """Number of the letter of ours with this id."""
    row = db.one("SELECT number FROM letters WHERE letter_id = ? AND direction = 'out'", (letter_id,))
    return None if row is None else int(row[0])


def postcards(db: Db, letter_id: LetterId) -> list[int]:
    """Numbers of our postcards with this id."""
    return [
        n
        for (n,) in db.each(
            "SELECT number FROM letters WHERE letter_id = ? AND direction = 'out' AND postcard = 1", (sound(letter_id),)
        )
    ]


def quantum_safe(db: Db, form: int) -> bool:
    """Whether a form is sealed to ML-KEM keys only."""
    return bool(db.value("SELECT quantum_safe FROM sealed_forms WHERE id = ?", (form,)))


def of_letter(db: Db, number: int) -> list[Travel]:
    """The journeys of one letter, in the order of its recipients; none for one that came, or that left from another
    desk and was brought in from an archive."""
    return read(db, "WHERE j.letter = ? ORDER BY j.id", (number,))


def travels(db: Db, number: int) -> list[Travel]:
    """As `of_letter`, for a letter that was posted here. Raises `NotFound` (no_letter) when it has none."""
    found = of_letter(db, number)
    if not found:
        raise NotFound(
            "no_letter",
            _("There is no letter of yours with the number {n}.").format(n=number),
            _("“dearly outbox” lists what was posted."),
        )
    return found


def listing(db: Db, *, pending: bool = False, limit: int = 200, before: int | None = None) -> list[Travel]:
    """Journeys of at most `limit` letters, the last posted letter first. `pending`: only what has not left or needs an
    answer (waiting, dated, held, trying, came back, uncertain). `before`: number of the last letter of the page
    before."""
    condition = _PENDING if pending else "1"
    letters = db.all(
        f"SELECT DISTINCT j.letter FROM journeys j WHERE {condition} AND j.letter < ?"  # noqa: S608  a constant
        " ORDER BY j.letter DESC LIMIT ?",
        (LAST if before is None else before, limit),
    )
    if not letters:
        return []
    page = (letters[-1][0], letters[0][0])
    return read(db, f"WHERE {condition} AND j.letter BETWEEN ? AND ? ORDER BY j.letter DESC, j.id", page)


def hold(db: Db, number: int, why: HeldWhy, now: datetime, recipient: Address | None = None) -> list[Travel]:
    """Keep it here until the person decides: one recipient's or all that can still be held; those."""
    held = (happen_if_it_may(db, t, Hold(why), now) for t in of_recipient(travels(db, number), recipient))
    return [travel for travel in held if travel is not None]


def hold_all_restored(db: Db, now: datetime) -> list[Travel]:
    """The drawer was restored or copied: every waiting, dated, trying or uncertain journey is held (F49); those."""
    leaving = {State.WAITING, State.DATED, State.TRYING, State.UNCERTAIN}
    pending = read(db, f"WHERE {_PENDING} AND j.letter > ? ORDER BY j.letter, j.id", (-LAST,))
    return [happen(db, t, Hold(HeldWhy.RESTORED), now) for t in pending if t.journey.state in leaving]


def act(db: Db, number: int, what: Act, now: datetime, recipient: Address | None = None) -> list[Travel]:
    """RELEASE, POST_AGAIN or GIVE_UP by the person: for one recipient, or for all for whom it is possible now; those.
    Raises `Refused` (impossible_step) when it is for none, `NotFound` (no_letter)."""
    assert what in {Act.RELEASE, Act.POST_AGAIN, Act.GIVE_UP}
    asked = of_recipient(travels(db, number), recipient)
    changed = [travel for travel in (happen_if_it_may(db, t, what, now) for t in asked) if travel is not None]
    if not changed:
        if not asked:
            raise NotFound("no_recipient", _("This letter does not go to that address."))
        happen(db, asked[0], what, now)  # raises, and says what it is instead
    return changed


_RESTING = frozenset({State.HELD, State.TRYING, State.UNCERTAIN, State.CAME_BACK})
_STUCK = _RESTING | {State.GIVEN_UP}


def stuck(travels: Sequence[Travel]) -> list[Travel]:
    """Those of a letter's journeys that did not get there, or of which nobody can say it, and whose recipients are
    brought it by nobody's hand either."""
    carried = {travel.journey.recipient.key for travel in travels if travel.way is Way.HAND}
    return [t for t in travels if t.journey.state in _STUCK and t.journey.recipient.key not in carried]


def current(travels: Sequence[Travel]) -> list[Travel]:
    """A letter's journeys without those that ended vainly and were followed by another to the same recipient."""
    over = {State.GIVEN_UP, State.CAME_BACK}
    going = {t.journey.recipient.key for t in travels if t.journey.state not in over}
    return [t for t in travels if t.journey.state not in over or t.journey.recipient.key not in going]


def carry(db: Db, number: int, form: Form, now: datetime) -> list[Travel]:
    """Bring a letter by hand to those to whom it did not get otherwise (`stuck`), in this form: their other journey is
    given up. Where somebody else is brought it by hand already, in that form. The new journeys. Raises `NotFound`
    (no_letter)."""
    there = travels(db, number)
    over = stuck(there)
    assert over
    before = next((t.form for t in there if t.way is Way.HAND and t.form is not None), None)
    for travel in over:
        if travel.journey.state is not State.GIVEN_UP:
            happen(db, travel, Act.GIVE_UP, now)
        recipient = travel.journey.recipient
        db.run(
            "INSERT INTO journeys (letter, address, address_key, person_id, way, place, form, state, since, not_before,"
            " reason, attempts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0)",
            (
                number,
                str(recipient),
                recipient.key,
                travel.person_id,
                Way.HAND.value,
                form.place,
                before,
                State.WAITING.value,
                stamp(now),
                stamp(now),
            ),
        )
        if before is not None:
            db.run(
                "INSERT INTO form_recipients (form, position, address)"
                " SELECT ?1, max(position) + 1, ?2 FROM form_recipients WHERE form = ?1",
                (before, str(recipient)),
            )
    if before is None:
        _join(db, number, form, now)
    keys = {travel.journey.recipient.key for travel in over}
    return [t for t in travels(db, number) if t.way is Way.HAND and t.journey.recipient.key in keys]


def form_of(db: Db, travel: Travel) -> Form | None:
    """The sealed form that a journey has, with its bytes; None where it has none. Raises `Damaged` (object_damaged)."""
    if travel.form is None:
        return None
    it = ready(db, travel.form, [travel])
    row = db.one("SELECT inner_sha256, quantum_safe FROM sealed_forms WHERE id = ?", (travel.form,))
    assert row is not None
    return Form(it.way, it.place, it.sealed, it.certificates, row[0], bool(row[1]))


def with_new_key(db: Db, travel: Travel, key: str, now: datetime) -> None:
    """Give a journey the same sealed form under a new key: what it goes by is a handing over of its own from now on,
    and no carrier takes it for the one before."""
    (form,) = db.all(
        "INSERT INTO sealed_forms"
        " (letter, way, place, key, sender, object_id, seal_sha256, inner_sha256, quantum_safe, made)"
        " SELECT letter, way, place, ?, sender, object_id, seal_sha256, inner_sha256, quantum_safe, ?"
        " FROM sealed_forms WHERE id = ? RETURNING id",
        (key, stamp(now), travel.form),
    )[0]
    db.run(
        "INSERT INTO sealed_to (form, position, fingerprint) SELECT ?, position, fingerprint FROM sealed_to"
        " WHERE form = ?",
        (form, travel.form),
    )
    db.run(
        "INSERT INTO form_recipients (form, position, address) VALUES (?, 0, ?)", (form, str(travel.journey.recipient))
    )
    db.run("UPDATE journeys SET form = ? WHERE id = ?", (form, travel.id))


def put_off(db: Db, number: int, not_before: datetime) -> list[Travel]:
    """Let it leave at another time, as long as no attempt was made; the journeys that wait for it. Raises `Refused`
    (already_collected)."""
    waiting = [t for t in travels(db, number) if t.journey.state in {State.WAITING, State.DATED}]
    if not waiting or any(t.journey.attempts for t in waiting):
        raise _collected()
    return [store(db, t, replace(t.journey, not_before=not_before)) for t in waiting]


def take_back(db: Db, number: int, now: datetime) -> drafts.OnPage:
    """Undo the posting: letter, forms and journeys are gone, the draft lies on the page again with its number.

    Allowed only while no attempt exists: raises `Refused` (already_collected) else, `NotFound` (no_letter)."""
    there = travels(db, number)
    if (
        db.one("SELECT 1 FROM attempts a JOIN sealed_forms f ON f.id = a.form WHERE f.letter = ?", (number,))
        is not None
    ):
        raise _tried(number) if {t.journey.state for t in there} & _RESTING else _collected()
    for travel in there:
        if travel.journey.state is not State.GIVEN_UP:
            advance(travel.journey, Act.TAKE_BACK, now)  # asked before anything is touched: for one it may be too late
    db.run("DELETE FROM journeys WHERE letter = ?", (number,))
    for form, object_id in db.all("SELECT id, object_id FROM sealed_forms WHERE letter = ?", (number,)):
        _drop_form(db, form, object_id)
    filing.erase(db, number, now)
    return drafts.back_on_page(db, number, now)


def _join(db: Db, number: int, form: Form, now: datetime) -> int:
    """Store a form and join the journeys that it serves and that have used no other; how many."""
    sealed = form.sealed
    form_id = db.insert(
        "INSERT INTO sealed_forms"
        " (letter, way, place, key, sender, object_id, seal_sha256, inner_sha256, quantum_safe, made)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            number,
            form.way.value,
            form.place,
            sealed.key,
            str(sealed.envelope.sender),
            objects.put(db, sealed.data),
            sealed.seal_sha256,
            form.inner_sha256,
            form.quantum_safe,
            stamp(now),
        ),
    )
    db.many(
        "INSERT INTO sealed_to (form, position, fingerprint) VALUES (?, ?, ?)",
        [(form_id, position, one) for position, one in enumerate(form.certificates)],
    )
    db.many(
        "INSERT INTO form_recipients (form, position, address) VALUES (?, ?, ?)",
        [(form_id, position, str(one)) for position, one in enumerate(sealed.envelope.recipients)],
    )
    return sum(
        db.run(
            "UPDATE journeys SET form = ? WHERE letter = ? AND address_key = ? AND way = ? AND place = ?"
            " AND attempts = 0",
            (form_id, number, recipient.key, form.way.value, form.place),
        )
        for recipient in sealed.envelope.recipients
    )


def _drop_form(db: Db, form: int, object_id: int) -> None:
    db.run("DELETE FROM sealed_to WHERE form = ?", (form,))
    db.run("DELETE FROM form_recipients WHERE form = ?", (form,))
    db.run("DELETE FROM sealed_forms WHERE id = ?", (form,))
    objects.release(db, object_id)


def _tried(number: int) -> Refused:
    return Refused(
        "already_collected",
        _("An attempt was made to hand this letter over, so it cannot be taken back."),
        _("“dearly drop {number}” tries no further for those who do not have it.").format(number=number),
    )


def _collected() -> Refused:
    return Refused(
        "already_collected",
        _("This letter has already been collected and cannot be taken back."),
        _("What has left cannot be called back; you can write another letter."),
    )
