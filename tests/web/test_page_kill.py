"""F01 at the writing page: the process is killed while somebody types. What was said to be kept is kept."""

from __future__ import annotations

import os
import random
import re
import signal
import threading
from collections.abc import Iterator
from html import unescape

import httpx
import pytest

from tests.support.commands import Machine
from tests.support.machines import cheap_drawer
from tests.support.sitting import a_machine, at_the_desk, processes, until


@pytest.fixture
def machine() -> Iterator[Machine]:
    with a_machine() as machine:
        cheap_drawer(machine, "ada")
        assert machine.run("setup", "--name", "Ada", "--local-office", drawer="ada").code == 0
        yield machine


def test_killed_while_typing(machine: Machine) -> None:
    chance = random.Random(1)
    path, text = "", ""
    for _turn in range(3):
        visit = at_the_desk(machine, "ada")
        if not path:
            visit.post("/page/new")
            path = visit.at
        shown = visit.get(path).text
        on_page = re.search(r'<textarea id="text"[^>]*>\n(.*?)</textarea>', shown, re.DOTALL)
        revision = re.search(r'name="revision" value="(\d+)"', shown)
        assert on_page
        assert revision
        # What was kept last, or what was just being kept: never less, and never a mixture.
        there = unescape(on_page[1])
        assert there.startswith(text)
        assert len(there) <= len(text) + len("word 99 ")
        text, at = there, int(revision[1])
        (process,) = processes(machine)
        killer = threading.Timer(chance.uniform(0.1, 0.5), os.kill, (process, signal.SIGKILL))
        killer.start()
        try:
            for n in range(100):
                answer = visit.send(f"{path}/save", {"revision": at, "text": f"{text}word {n} "})
                assert answer.status_code == 200
                text, at = f"{text}word {n} ", answer.json()["revision"]
        except httpx.TransportError:
            pass
        killer.join()
        until(lambda: not processes(machine))
    assert len(text) > len("word 0 ")
