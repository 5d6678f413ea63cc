"""A process that serves several people speaks to each in their own language, also in the tasks begun for them."""

import asyncio
import threading
from pathlib import Path

import pytest

from dearly.letter import words
from dearly.letter.errors import Refused
from tests.support.catalogue import Sentence, compiled


@pytest.fixture
def catalogues(tmp_path: Path) -> Path:
    for language, word in (("de", "Guten Tag"), ("fr", "Bonjour")):
        folder = tmp_path / language / "LC_MESSAGES"
        folder.mkdir(parents=True)
        catalogue = {Sentence("Good day"): (word,), Sentence("{n} letter", "{n} letters"): (f"1 {word}", f"n {word}")}
        (folder / "dearly.mo").write_bytes(compiled(catalogue, language))
    return tmp_path


def test_inside_and_outside(catalogues: Path) -> None:
    with words.speaking(["de"], catalogues):
        assert words._("Good day") == "Guten Tag"
        assert words.ngettext("{n} letter", "{n} letters", 2) == "n Guten Tag"
        with words.speaking(["fr"], catalogues):
            assert words._("Good day") == "Bonjour"
        assert words._("Good day") == "Guten Tag"
    assert words._("Good day") == "Good day"


def test_languages_without_catalogue_are_english(catalogues: Path) -> None:
    for languages in ([], ["xx"]):
        with words.speaking(languages, catalogues):
            assert words._("Good day") == "Good day"


def test_two_clients_of_one_loop(catalogues: Path) -> None:
    """As in the owner of a drawer: each command in a thread of its own, its tasks on the one loop."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    both = threading.Barrier(2)
    heard: dict[str, list[str]] = {}

    async def verb() -> list[str]:
        first = words._("Good day")
        await asyncio.sleep(0.01)
        return [first, await asyncio.to_thread(words._, "Good day")]

    def command(language: str) -> None:
        with words.speaking([language], catalogues):
            both.wait(60)
            heard[language] = asyncio.run_coroutine_threadsafe(verb(), loop).result(10)

    clients = [threading.Thread(target=command, args=(language,)) for language in ("de", "fr")]
    for client in clients:
        client.start()
    for client in clients:
        client.join(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(5)
    loop.close()
    assert heard == {"de": ["Guten Tag"] * 2, "fr": ["Bonjour"] * 2}


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        ("mail.test says: 550 No such user here", "mail.test says: 550 No such user here."),
        ("It is full.", "It is full."),
        ("Who is there?", "Who is there?"),
        ("It said “no.”", "It said “no.”"),
        ("It said “no”", "It said “no”."),
        ("and so on…", "and so on…"),
        ("", ""),
    ],
)
def test_a_servers_words_end_before_ours_go_on(said: str, ended: str) -> None:
    assert words.ended(said) == ended
    assert Refused("not_written", said, "Try again.").told == f"{ended} Try again.".strip()
