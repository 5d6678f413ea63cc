"""F43 and A01 for what a browser hands over: the process is killed while it comes, or while it waits to be taken in.

Nothing of it can be read on the disk before or after, nothing is left of it, and the desk goes on."""

from __future__ import annotations

import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.commands import Machine
from tests.support.machines import cheap_drawer
from tests.support.sitting import COOKIE, Visit, a_machine, at_the_desk, processes, text_of, until
from tests.support.sweep import found, names_with, shapes
from tests.web.test_handing_over import BOUNDARY, letters, part

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not hasattr(os, "O_TMPFILE"), reason="elsewhere a file without a name is not shown by /proc"),
]

MARKER = b"the walnut tree behind the mill"
ENOUGH = 3 << 20
"""Octets that have come before the kill: several writes of the spool."""


@pytest.fixture
def machine() -> Iterator[Machine]:
    with a_machine() as machine:
        cheap_drawer(machine, "ada")
        assert machine.run("setup", "--name", "Ada", "--local-office", drawer="ada").code == 0
        yield machine


def _form(visit: Visit) -> bytes:
    """An mbox of some megabytes in which every letter has the marker."""
    some = letters(0, 40, text=f"Dear Ada,\n\n{MARKER.decode()}\n" + "still stands. " * 9_000 + "\n")
    assert some.count(MARKER) == 40
    assert len(some) > ENOUGH
    return part("token", visit.token.encode()) + part("files", some, "old.mbox") + f"--{BOUNDARY}--\r\n".encode()


def _sent(visit: Visit, form: bytes, until_there: int) -> socket.socket:
    """The form on its way, as far as `until_there`; the line stays open."""
    line = socket.create_connection(("127.0.0.1", visit.port))
    head = (
        f"POST /import/files HTTP/1.1\r\nHost: {visit.host}\r\nOrigin: {visit.origin}\r\n"
        f"Cookie: {COOKIE}={visit.cookie}\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(form)}\r\n\r\n"
    )
    line.sendall(head.encode() + form[:until_there])
    return line


def _spools(process: int, folder: Path) -> list[bytes]:
    """What lies beside the drawer without a name, octet by octet as the disk has it."""
    held = []
    for number in os.listdir(f"/proc/{process}/fd"):
        place = Path(f"/proc/{process}/fd/{number}")
        if re.match(f"{re.escape(str(folder.resolve()))}/.*deleted", os.readlink(place)):
            held.append(place.read_bytes())
    return held


@pytest.mark.parametrize("when", ["coming", "planned"])
def test_killed_with_an_upload(machine: Machine, when: str) -> None:
    folder = machine.folder / "ada"
    visit = at_the_desk(machine, "ada")
    (process,) = processes(machine)
    before = {one.name for one in folder.iterdir()}
    form = _form(visit)
    with _sent(visit, form, len(form) if when == "planned" else len(form) - 1_000):
        until(lambda: sum(map(len, _spools(process, folder))) > ENOUGH)
        if when == "planned":
            until(lambda: "Take them in" in visit.get("/import").text)
        spooled = b"".join(_spools(process, folder))
        assert not [shape for shape in shapes(MARKER) if shape in spooled], "sealed while it is there"
        assert found([folder], {"letter": MARKER}) == [], "and nowhere else beside the drawer"
        os.kill(process, signal.SIGKILL)
        until(lambda: not processes(machine))

    assert found([machine.folder], {"letter": MARKER}) == []
    assert names_with([machine.folder], ["spool", "old.mbox"]) == []
    assert {one.name for one in folder.iterdir()} <= before | {"drawer.db-wal", "drawer.db-shm"}

    visit = at_the_desk(machine, "ada")
    assert "Take them in" not in visit.get("/import").text, "it is handed over anew, or not at all"
    form = _form(visit)
    with _sent(visit, form, len(form)) as line:
        assert line.recv(1 << 16).startswith(b"HTTP/1.1 303")
    until(lambda: "40 letters would be taken in" in text_of(visit.get("/import")))
    visit.post("/import/run")
    until(lambda: "40 letters were taken in" in text_of(visit.get("/import")))
