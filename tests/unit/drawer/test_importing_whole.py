"""What another drawer says of a letter is a claim: by its id alone nothing of it comes to a letter that is here."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from dearly.drawer import attempts, importing_whole, outbox, people
from dearly.drawer.connection import Db
from dearly.drawer.drawer import Drawer
from dearly.drawer.importing_whole import Other
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import LetterId
from dearly.letter.leaving import Leaving, LeavingDraft, LeavingJourney, Named, Original
from tests.unit.drawer.test_importing import NOW, imported, play, take

UID = "ab" * 16
STATES = ("waiting", "trying", "uncertain", "on_its_way", "came_back", "given_up", "held_for_them")


def other(drawer: Drawer, *, ours: bool) -> Other:
    def meet(db: Db, who: Correspondent) -> int:
        where = [people.NewAddress(str(who.address))]
        return people.add(db, str(who.address), where, now=NOW, chance=drawer.chance).id

    return Other("a bundle", ours, {}, meet, lambda _db, _number: None, NOW, drawer.chance)


def further(data: bytes, *, of: str = UID) -> Original:
    """A copy of the first letter, as a bundle says."""
    return Original(
        data, "mail", "there", NOW, False, "imported", letter_id="letter-1@letters.test", letter=of, direction="in"
    )


def leaving(uid: str, text: str, *originals: Original) -> Leaving:
    """The first letter, as a bundle says."""
    named = (Named("from", "Bert", "bert@letters.test"), Named("to", "Ada", "ada@letters.test"))
    inner = hashlib.sha256(text.encode()).hexdigest()
    return Leaving(
        1, uid, "in", "letter-1@letters.test", None, NOW, NOW, "Letter 1", text, False, named, seal="never_sealed",
        inner_sha256=inner, originals=originals,
    )  # fmt: skip


def of_letters(db: Db) -> dict[int, int]:
    """How many originals each letter has."""
    return dict(db.each("SELECT letter, count(*) FROM arrivals WHERE letter IS NOT NULL GROUP BY letter"))


@pytest.mark.parametrize("ours", [False, True])
def test_a_further_copy_comes_to_the_letter_that_it_is_of(tmp_path: Path, ours: bool) -> None:
    async def scene(drawer: Drawer) -> None:
        whose = other(drawer, ours=ours)
        said = leaving(UID, "As it was.", further(b"first"))

        def work(db: Db) -> list[str]:
            content = imported(1, text="As it was.").content
            assert content is not None
            return [
                importing_whole.take_letter(db, whose, said, content),
                importing_whole.take_envelope(db, whose, further(b"second"), "why"),
            ]

        assert await drawer.write(work) == ["taken", "already_here"]
        assert list((await drawer.read(of_letters)).values()) == [2]

    play(tmp_path, scene)


def test_nothing_is_a_copy_of_a_letter_for_claiming_its_id(tmp_path: Path) -> None:
    async def scene(drawer: Drawer) -> None:
        await take(drawer, imported(1))

        def work(db: Db) -> str:
            return importing_whole.take_envelope(db, other(drawer, ours=False), further(b"something else"), "why")

        assert await drawer.write(work) == "failed"
        assert list((await drawer.read(of_letters)).values()) == [1]

    play(tmp_path, scene)


def test_of_two_letters_with_one_id_none_gets_a_copy_that_may_be_the_others(tmp_path: Path) -> None:
    async def scene(drawer: Drawer) -> None:
        await take(drawer, imported(1))
        await take(drawer, imported(1, text="Something else, under the same id."))

        def work(db: Db) -> str:
            return importing_whole.take_envelope(db, other(drawer, ours=True), further(b"whose copy?"), "why")

        assert await drawer.write(work) == "failed"
        assert sorted((await drawer.read(of_letters)).values()) == [1, 1]

    play(tmp_path, scene)


def test_anybody_who_has_read_the_uid_of_a_letter_cannot_pass_off_another_as_it(tmp_path: Path) -> None:
    """Uids are in every bundle that one gives away."""

    async def scene(drawer: Drawer) -> None:
        await take(drawer, imported(1))

        def post(db: Db) -> str:
            db.run("UPDATE numbers SET origin = 'arrival'")
            return str(db.value("SELECT hex(n.uid) FROM letters l JOIN numbers n ON n.number = l.number")).lower()

        uid = await drawer.write(post)
        content = imported(1, text="Bert owes a thousand.").content
        assert content is not None
        false = leaving(uid, "Bert owes a thousand.", further(b"false"))

        def work(db: Db) -> list[str]:
            whose = other(drawer, ours=False)
            return [
                importing_whole.take_letter(db, whose, false, content),
                importing_whole.take_envelope(db, whose, further(b"false, too", of=uid), "why"),
            ]

        assert await drawer.write(work) == ["taken", "failed"]
        draft = LeavingDraft(7, uid, "posted", "", "What Bert wrote at first", NOW)

        def begun(db: Db) -> list[bool]:
            whose = other(drawer, ours=False)
            return [importing_whole.take_draft(db, whose, replace(draft, state=one)) for one in ("posted", "page")]

        assert await drawer.write(begun) == [False, False]
        assert await drawer.read(lambda db: db.all("SELECT twin FROM letters")) == [(1,), (1,)]
        assert sorted((await drawer.read(of_letters)).values()) == [1, 1]

    play(tmp_path, scene)


def test_what_somebody_else_posted_is_no_copy_of_ours_and_nobody_is_asked_about_it(tmp_path: Path) -> None:
    seal = hashlib.sha256(b"of a letter that is under way").digest()

    async def scene(drawer: Drawer) -> None:
        posted = Original(b"sealed", "mail", "", NOW, True, "posted", seal_sha256=seal.hex())
        office = [LeavingJourney("clara@x.test", "office", "ours", one, NOW, NOW, 1, form=0) for one in STATES]
        journeys = tuple(replace(one, address=f"{one.state}@x.test") for one in office)
        letter = replace(leaving(UID, "Letter 1.", posted), direction="out", inner_sha256="", journeys=journeys)
        content = imported(1).content
        assert content is not None
        theirs = replace(content, direction="out", inner_sha256=None)
        await drawer.write(lambda db: importing_whole.take_letter(db, other(drawer, ours=False), letter, theirs))
        assert await drawer.read(lambda db: outbox.forms_by_seal(db, seal)) == []
        assert await drawer.read(lambda db: db.value("SELECT count(*) FROM sealed_forms")) == 1

        def asked(db: Db) -> list[outbox.Ready]:
            """Of what our own office, or our mailbox, would be asked at every round."""
            since = NOW - timedelta(days=1)
            found = outbox.travelling(db, place="ours", since=since) + attempts.given_up(db, place="ours", since=since)
            return found + outbox.uncertain(db)

        assert await drawer.read(lambda db: db.value("SELECT count(*) FROM journeys")) == len(STATES)
        assert await drawer.read(asked) == []

    play(tmp_path, scene)


@pytest.mark.parametrize("ours", [False, True])
def test_only_our_own_drawer_says_whose_an_address_was(tmp_path: Path, ours: bool) -> None:
    """Of anybody else's, a letter from an address that is not Clara's is none of hers, whatever stands in it."""

    async def scene(drawer: Drawer) -> None:
        content = imported(1).content
        assert content is not None
        draft = LeavingDraft(
            7, "cd" * 16, "page", "", "Dear Clara", NOW, (Named("to", "Clara", "eve@evil.test", person="c"),)
        )
        letter = leaving(UID, "Letter 1.", replace(further(b"raw"), person="c", from_address="eve@evil.test"))
        letter = replace(letter, named=(Named("from", "Clara", "eve@evil.test", person="c"), *letter.named[1:]))
        eve = Correspondent("Clara", Address.parse("eve@evil.test"))
        out = replace(
            letter, uid="ef" * 16, letter_id="out@x.test", direction="out", inner_sha256="", originals=(),
            named=(Named("from", "Bert", "bert@letters.test"), Named("to", "Clara", "eve@evil.test", person="c")),
            journeys=(LeavingJourney("eve@evil.test", "paper", "", "on_its_way", NOW, NOW, 0, person="c"),),
        )  # fmt: skip

        def work(db: Db) -> set[str]:
            clara = people.add(db, "Clara", [people.NewAddress("clara@letters.test")], now=NOW, chance=drawer.chance).id
            whose = replace(other(drawer, ours=ours), people={"c": clara})
            importing_whole.take_letter(db, whose, letter, replace(content, senders=(eve,)))
            posted = replace(content, letter_id=LetterId("out@x.test"), direction="out", to=(eve,), inner_sha256=None)
            importing_whole.take_letter(db, whose, out, posted)
            assert importing_whole.take_draft(db, whose, draft)
            tables = ("parties", "arrivals", "draft_recipients", "journeys", "correspondences")
            return {table for table in tables if db.one(f"SELECT 1 FROM {table} WHERE person_id = ?", (clara,))}

        everywhere = {"parties", "arrivals", "draft_recipients", "journeys", "correspondences"}
        assert await drawer.write(work) == (everywhere if ours else set())

    play(tmp_path, scene)
