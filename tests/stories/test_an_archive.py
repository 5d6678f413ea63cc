"""Act 10: Ada takes in what she and Bert wrote to each other in twenty years, in two programs; as it is typed."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dearly.cli.main import run as run_command
from dearly.desk.app import App
from dearly.desk.desk import Desk
from dearly.desk.open import correspondence, letterbox
from tests.support import old_keys
from tests.support.archives import ADA, BERT, letter, maildir, mbox
from tests.support.desks import a_town
from tests.support.door import FakeTerminal
from tests.support.drawers import run
from tests.support.times import CountedChance


@dataclass
class Home:
    """Ada's machine: each command opens her drawer, and closes it."""

    folder: Path
    opened: int = 0

    @asynccontextmanager
    async def desk(self, *_: Any) -> AsyncIterator[Desk]:
        async with a_town(self.folder) as town:
            desk = (await town.person("Ada")).desk
            self.opened += 1
            desk.chance = CountedChance(f"opened {self.opened}")
            yield desk

    def types(self, words: str, **terminal: Any) -> tuple[int, str]:
        """The exit code, and all that was said, in one line."""
        app: Any = SimpleNamespace(
            folder=self.folder / "ada",
            look=lambda _folder, _secret, _work: None,  # whatever is asked is asked of the desk
            open_desk=self.desk,
            run=asyncio.run,
        )
        told = FakeTerminal(cwd=str(self.folder), **terminal)
        make: Callable[[], App] = lambda: app  # noqa: E731  a factory, as the program hands one in
        code = run_command(words.split(), told, make)
        return code, " ".join(f"{told.said} {told.complained}".split())


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    place = tmp_path_factory.mktemp("machine")
    came = [letter(n) for n in range(1, 40, 2)]
    went = [letter(n, sender=ADA, to=BERT, answers=f"letter-{n - 1}@letters.test") for n in range(2, 40, 4)]
    maildir(maildir(place / "Maildir", came[:12]), went[:5], sub=".Sent")
    box = mbox(place / "old", came[10:] + went)
    (place / "old.mbox.gz").write_bytes(gzip.compress(box.read_bytes()))

    async def set_up() -> None:
        async with a_town(place) as town:
            await (await town.person("Ada")).gets_mail()

    run(set_up())
    return Home(place)


def test_what_two_programs_kept_becomes_one_correspondence(home: Home) -> None:
    code, said = home.types("import Maildir --plan")
    assert code == 0, said
    assert "17 letters would be taken" in said and "5 of them are from you, 12 came" in said
    code, said = home.types("import Maildir", tty=True, lines=["no"])
    assert (code, "Nothing was done" in said) == (2, True)
    code, said = home.types("import Maildir", tty=True, lines=["yes"])
    assert (code, "17 letters were taken in." in said) == (0, True)
    code, said = home.types("import Maildir old.mbox.gz --json")
    figures = json.loads(said)
    assert code == 0, said
    assert {key: figures[key] for key in ("found", "taken", "already_here", "not_letters", "failed")} == {
        "found": 17 + 20,
        "taken": 13,
        "already_here": 17 + 7,
        "not_letters": 0,
        "failed": 0,
    }

    async def look() -> None:
        async with home.desk() as desk:
            told = await correspondence(desk, "Bert")
            assert [one.direction for one in told].count("in") == 20
            assert [one.direction for one in told].count("out") == 10
            assert [one.date for one in told] == sorted(one.date for one in told)
            assert await letterbox(desk) == []

    run(look())


def test_a_scan_and_a_text_say_whose_they_are(home: Home) -> None:
    (home.folder / "scan.pdf").write_bytes(b"%PDF-1.4\nnot really\n%%EOF\n")
    (home.folder / "note.md").write_text(
        "---\nfrom: Ada <ada@letters.test>\nto: Clara\ndate: 1963-02-01\nsubject: Snow\n---\n\n"
        "Dear Clara,\n\nIt snows.\n"
    )
    code, said = home.types("import scan.pdf")
    assert (code, "does not say who wrote it" in said) == (2, True), said
    code, said = home.types("import scan.pdf --from Clara --date 1962-05 --place Bergen --json")
    assert (code, json.loads(said)["taken"]) == (0, 1)
    code, said = home.types("import note.md --json")
    assert (code, json.loads(said)["taken"]) == (0, 1)
    code, said = home.types("import note.md scan.pdf --from Clara --date 1962 --json")
    assert (code, json.loads(said)["already_here"]) == (0, 2)

    async def look() -> None:
        async with home.desk() as desk:
            scan, note = await correspondence(desk, "Clara")
            assert (scan.direction, scan.date.isoformat()[:7], scan.way) == ("in", "1962-05", "paper")
            assert [one.name for one in scan.enclosures] == ["scan.pdf"]
            assert (note.direction, note.subject, note.person) == ("out", "Snow", "Clara")
            assert "It snows." in note.text

    run(look())


def test_what_cannot_be_opened_and_who_is_there_twice_is_said(home: Home) -> None:
    assert "Whatever was taken in could be opened and read." in home.types("import --left")[1]
    twice = [letter(1, sender="Clara Moor <clara@letters.test>"), letter(2, sender='"Moor, Clara" <c@work.test>')]
    maildir(home.folder / "Odd", [*twice, old_keys.mail(old_keys.SEALED_TO_CURVE, 1)])
    code, said = home.types("import Odd --yes")
    assert code == 0, said
    assert "Perhaps the same person twice in your address book" in said and "Clara Moor" in said
    assert "dearly import --left" in said
    code, said = home.types("import --left")
    assert (code, "It is sealed, and its key is not here." in said) == (0, True)
    code, said = home.types("import Odd --json")
    (told,) = json.loads(said)["archives"]
    assert [one["reason"] for one in told["left"]] == ["It is sealed, and its key is not here."]
    assert [pair["keep"]["name"] for pair in told["alike"]] == ["Clara Moor"]
    code, said = home.types(f"show {told['left'][0]['number']}")
    assert (code, "its key is not here" in said) == (0, True)
