"""Our own copies by mail: a copy proves only what it can prove, however many come, how often, and by which ways (F05).

Each recipient's transaction that a server took brings one copy of its own into our mailbox. Which of them a copy is of
cannot be seen. So nobody may ever be shown as reached whom no transaction reached; and when all copies are there,
nobody may be left in doubt.
"""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from dearly.drawer import arrivals, outbox
from dearly.drawer.connection import Db
from dearly.letter.address import Address
from dearly.letter.envelope import Parcel, Source, Way
from dearly.letter.journey import Accepted, Act, Found, NothingProven, Outcome, State, TryLater, Turned, Unknown
from tests.support.contents import BERT, CLARA, DORA, PLACE, form, memory, parcel, posted, took_in
from tests.support.times import NOON

PEOPLE = (BERT, CLARA, DORA)
# What a server did with one transaction, and what we heard of it.
FATES: dict[str, tuple[bool, Outcome]] = {
    "taken": (True, Accepted()),
    "taken, unheard": (True, Unknown("cut")),
    "lost": (False, Unknown("cut")),
    "busy": (False, TryLater("busy")),
    "turned": (False, Turned("no such box")),
}
SEAL = form("own").sealed.seal_sha256


class Mail:
    """The world: which transactions were really taken, and the copies that lie in our mailbox."""

    def __init__(self, db: Db, people: int) -> None:
        self.db, self.now = db, NOON
        self.number = posted(db, *PEOPLE[:people], seed="own", way=Way.MAIL)
        self.reached: set[Address] = set()
        self.copies = 0

    def hand_over(self, fates: dict[Address, str]) -> None:
        for ready in outbox.due(self.db, self.now):
            attempt = outbox.begin_attempt(self.db, ready, self.now)
            outcomes: dict[Address, Outcome] = {}
            for travel in ready.travels:
                who = travel.journey.recipient
                taken, outcomes[who] = FATES[fates[who]]
                self.copies += taken
                self.reached |= {who} if taken else set()
            outbox.end_attempt(self.db, attempt, outcomes, self.now)
        self.now += timedelta(days=1)

    def again(self) -> None:
        """The person posts again what is uncertain or came back."""
        if {State.UNCERTAIN, State.CAME_BACK} & set(self.states().values()):
            outbox.act(self.db, self.number, Act.POST_AGAIN, self.now)

    def copy(self, which: int, *, validity: str = "1", place: str = PLACE, way: Way = Way.MAIL, uid: str = "") -> None:
        """One of the copies is fetched: from our mailbox, or from where it was forwarded or carried to."""
        self._fetched(parcel(f"copy {which}", uid=uid or str(which), way=way, place=place, validity=validity))

    def came(self, data: bytes, uid: str) -> None:
        """A copy with these octets is fetched from our mailbox."""
        self._fetched(Parcel(data, Source(Way.MAIL, PLACE, "1", uid)))

    def _fetched(self, seen: Parcel) -> None:
        number = took_in(self.db, seen)
        if number is not None:
            state = arrivals.ArrivalState.OWN
            arrivals.put_aside(self.db, number, state, self.now, letter=self.number, seal_sha256=SEAL)
        outbox.own_copy_found(self.db, SEAL, self.now, seen.source.way)

    def look(self) -> None:
        """We look for our copies there, as a carrier by mail does: as many as names in the envelope prove all of it."""
        for ready in outbox.uncertain(self.db):
            there = Found() if self.copies >= len(ready.sealed.envelope.recipients) else NothingProven()
            evidence = dict.fromkeys(ready.sealed.envelope.recipients, there)
            outbox.record_evidence(self.db, ready, evidence, self.now)

    def states(self) -> dict[Address, State]:
        return {travel.journey.recipient: travel.journey.state for travel in outbox.travels(self.db, self.number)}

    def nobody_is_shown_as_reached_who_was_not(self) -> None:
        shown = {who for who, state in self.states().items() if state is State.ON_ITS_WAY}
        assert shown <= self.reached, (shown, self.reached)


FATE = st.sampled_from(sorted(FATES))
ROUNDS = st.lists(st.tuples(FATE, FATE, FATE), min_size=1, max_size=4)
NOISE = st.sampled_from(["once", "numbered anew", "another uid", "forwarded", "by hand"])


@given(people=st.integers(1, 3), rounds=ROUNDS, noise=st.lists(st.tuples(st.integers(0, 11), NOISE), max_size=12))
def test_nobody_is_proven_whom_nothing_reached(
    people: int, rounds: list[tuple[str, str, str]], noise: list[tuple[int, str]]
) -> None:
    with memory() as db:
        mail = Mail(db, people)
        coming = list(noise)
        for fates in rounds:
            mail.again()
            mail.hand_over(dict(zip((who.address for who in PEOPLE), fates, strict=True)))
            mail.nobody_is_shown_as_reached_who_was_not()
            mail.look()
            mail.nobody_is_shown_as_reached_who_was_not()
            for which, how in coming[: len(noise) // len(rounds) + 1]:
                if mail.copies == 0:
                    break
                _fetched(mail, which % mail.copies, how)
                mail.nobody_is_shown_as_reached_who_was_not()
            coming = coming[len(noise) // len(rounds) + 1 :]


def _fetched(mail: Mail, which: int, how: str) -> None:
    mail.copy(which)
    if how == "numbered anew":
        mail.copy(which, validity="2", uid=f"2{which}")
    elif how == "another uid":
        mail.copy(which, uid=f"9{which}")
    elif how == "forwarded":
        mail.copy(100 + which, place="ada@work.test")
    elif how == "by hand":
        mail.copy(200 + which, way=Way.HAND, place="a stick")


@given(people=st.integers(1, 3), rounds=ROUNDS)
def test_with_all_copies_here_nobody_reached_is_left_in_doubt(people: int, rounds: list[tuple[str, str, str]]) -> None:
    """Where nothing was lost on the way: every transaction that may have been taken was."""
    with memory() as db:
        mail = Mail(db, people)
        for fates in rounds:
            mail.again()
            told = ("taken, unheard" if fate == "lost" else fate for fate in fates)
            mail.hand_over(dict(zip((who.address for who in PEOPLE), told, strict=True)))
        for which in range(mail.copies):
            mail.copy(which)
        mail.nobody_is_shown_as_reached_who_was_not()
        assert State.UNCERTAIN not in mail.states().values()


def test_fewer_copies_than_transactions_prove_nothing() -> None:
    """The rule in one example: three readers, one answer cut, two copies."""
    with memory() as db:
        mail = Mail(db, 3)
        fates = ("taken", "taken, unheard", "taken")
        mail.hand_over(dict(zip((who.address for who in PEOPLE), fates, strict=True)))
        for which in range(2):
            mail.copy(which)
            assert mail.states()[CLARA.address] is State.UNCERTAIN
        mail.copy(2)
        assert mail.states()[CLARA.address] is State.ON_ITS_WAY


def test_one_reader_is_proven_by_any_copy() -> None:
    """Also after the person has posted it once more: then there are two transactions, and one copy is enough."""
    with memory() as db:
        mail = Mail(db, 1)
        mail.hand_over({BERT.address: "lost"})
        mail.again()
        mail.hand_over({BERT.address: "taken, unheard"})
        mail.copy(0)
        assert mail.states() == {BERT.address: State.ON_ITS_WAY}


def test_a_copy_by_another_way_proves_nothing_of_this_one() -> None:
    with memory() as db:
        mail = Mail(db, 1)
        mail.hand_over({BERT.address: "taken, unheard"})
        mail.copy(0, way=Way.HAND, place="a stick")
        assert mail.states() == {BERT.address: State.UNCERTAIN}


def test_one_transaction_that_a_server_put_down_twice_is_one() -> None:
    """A server killed between taking and filing files once more (RFC 1047): the copies differ in its own line alone.
    The first hop's line, which stands last, tells one transaction from another."""

    def copy(lmtp: str, queued: str) -> bytes:
        return (
            f"Return-Path: <ada@letters.test>\r\nReceived: from mail ([127.0.0.1])\r\n\tby mail with LMTP id {lmtp}\r\n"
            f"Received: from [127.0.0.1]\r\n\tby mail (Postfix) with ESMTPSA id {queued}\r\n"
            "Message-ID: <own@letters.test>\r\n\r\nReceived: nobody\r\n"
        ).encode()

    with memory() as db:
        mail = Mail(db, 2)
        mail.hand_over({BERT.address: "taken", CLARA.address: "lost"})
        for uid, data in (("1", copy("a", "first")), ("2", copy("b", "first"))):
            mail.came(data, uid)
            assert mail.states()[CLARA.address] is State.UNCERTAIN
        mail.came(copy("c", "second"), "3")
        assert mail.states()[CLARA.address] is State.ON_ITS_WAY
