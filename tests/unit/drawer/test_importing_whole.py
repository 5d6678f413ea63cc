"""What another drawer says of a letter is a claim: by its id alone nothing of it comes to a letter that is here."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from dearly.drawer import importing_whole, outbox, people
from dearly.drawer.connection import Db
from dearly.drawer.drawer import Drawer
from dearly.drawer.importing_whole import Other
from dearly.letter.address import Correspondent
from dearly.letter.leaving import Leaving, Named, Original
from tests.unit.drawer.test_importing import NOW, imported, play, take

UID = "ab" * 16


def other(drawer: Drawer, *, ours: bool) -> Other:
    def meet(db: Db, who: Correspondent) -> int:
        return people.add(db, str(who.address), now=NOW, chance=drawer.chance).id

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
        assert await drawer.read(lambda db: db.all("SELECT twin FROM letters")) == [(1,), (1,)]
        assert sorted((await drawer.read(of_letters)).values()) == [1, 1]

    play(tmp_path, scene)


def test_what_somebody_else_posted_is_no_copy_of_ours_when_it_comes_by_post(tmp_path: Path) -> None:
    seal = hashlib.sha256(b"of a letter that is under way").digest()

    async def scene(drawer: Drawer) -> None:
        posted = Original(b"sealed", "mail", "", NOW, True, "posted", seal_sha256=seal.hex())
        letter = replace(leaving(UID, "Letter 1.", posted), direction="out", inner_sha256="")
        content = imported(1).content
        assert content is not None
        theirs = replace(content, direction="out", inner_sha256=None)
        await drawer.write(lambda db: importing_whole.take_letter(db, other(drawer, ours=False), letter, theirs))
        assert await drawer.read(lambda db: outbox.forms_by_seal(db, seal)) == []
        assert await drawer.read(lambda db: db.value("SELECT count(*) FROM sealed_forms")) == 1

    play(tmp_path, scene)
