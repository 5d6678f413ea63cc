"""The bell: one process of a drawer, found in every state, answering one question at a time."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.door import short_folder

from dearly.door.bell import ring
from dearly.door.frames import pack_json, receive_from, unpack_json
from dearly.door.ringing import Bell, Held
from dearly.letter.errors import DearlyError, InUse, Locked


@pytest.fixture
def drawer(monkeypatch: pytest.MonkeyPatch) -> Any:
    with short_folder() as folder:
        (folder / "run").mkdir(mode=0o700)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder / "run"))
        yield folder / "ada"


def runtime(drawer: Path) -> Path:
    return drawer.parent / "run" / "dearly"


async def echo(question: dict[str, Any]) -> dict[str, Any]:
    if question["want"] == "trouble":
        raise Locked("wrong_passphrase", "No.", "Yes.", retry=True)
    if question["want"] == "fault":
        raise RuntimeError("markerquince")
    return {"heard": question["want"], "with": question.get("passphrase", "")}


def play(drawer: Path, work: Callable[[], Any]) -> Any:
    async def run() -> Any:
        bell = Bell(drawer, echo)
        await bell.open()
        try:
            return await asyncio.to_thread(work)
        finally:
            await bell.close()

    return asyncio.run(run())


def test_a_question_and_its_answer(drawer: Path) -> None:
    answer = play(drawer, lambda: ring(str(drawer), "unlock", passphrase="fake words"))
    assert answer == {"heard": "unlock", "with": "fake words"}
    assert list(runtime(drawer).iterdir()) == []


def test_nobody_is_there(drawer: Path) -> None:
    assert ring(str(drawer), "visit") is None
    runtime(drawer).mkdir(mode=0o700)
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(runtime(drawer) / "0123456789abcdef.bell"))
    dead.close()
    assert ring(str(drawer), "visit") is None


def test_its_trouble_is_raised_as_it_was(drawer: Path) -> None:
    with pytest.raises(Locked) as caught:
        play(drawer, lambda: ring(str(drawer), "trouble"))
    assert (caught.value.code, caught.value.hint, caught.value.retry) == ("wrong_passphrase", "Yes.", True)


def test_a_fault_is_told_by_its_kind_alone(drawer: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(DearlyError) as caught:
        play(drawer, lambda: ring(str(drawer), "fault"))
    assert caught.value.code == "our_fault"
    assert "markerquince" not in caplog.text + caught.value.message


def test_the_socket_is_for_its_user_alone(drawer: Path) -> None:
    def look() -> int:
        (place,) = runtime(drawer).glob("*.bell")
        return stat.S_IMODE(place.stat().st_mode)

    assert play(drawer, look) == 0o600


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (pack_json({"v": 1, "drawer": "/somewhere/else", "want": "visit"}), {"refused": "drawer"}),
        (pack_json({"v": 99, "want": "visit"}), {"refused": "version"}),
        (b"j\x00\x00\x00\x02[]", {"refused": "frame"}),
        (b"z\x00\x00\x00\x02{}", {"refused": "frame"}),
        (b"j\x7f\xff\xff\xff", {"refused": "frame"}),
    ],
)
def test_what_is_not_asked_rightly_is_refused(drawer: Path, sent: bytes, answer: dict[str, str]) -> None:
    def ask() -> dict[str, Any]:
        (place,) = runtime(drawer).glob("*.bell")
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(place))
            client.sendall(sent)
            return unpack_json(receive_from(client)[1])

    assert play(drawer, ask) == answer


def test_another_version_is_said(drawer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dearly.door.bell.VERSION", 2)
    with pytest.raises(InUse) as caught:
        play(drawer, lambda: ring(str(drawer), "visit"))
    assert caught.value.code == "owner_other_version"


def test_one_process_is_the_drawers(drawer: Path) -> None:
    held = Held.take(drawer)
    with pytest.raises(InUse) as caught:
        Held.take(drawer)
    assert caught.value.code == "desk_held"
    assert caught.value.retry
    held.release()
    assert list(runtime(drawer).iterdir()) == []
    again = Held.take(drawer)
    again.release()


def test_a_lock_whose_file_was_taken_away_meanwhile_is_none(drawer: Path) -> None:
    held = Held.take(drawer)
    held.path.unlink()
    other = Held.take(drawer)  # another file: the one that counts is the one that has the name
    assert os.fstat(other.descriptor).st_ino == other.path.stat().st_ino
    os.close(held.descriptor)
    other.release()


def test_who_rings_while_it_pauses_is_answered_by_the_next(drawer: Path) -> None:
    """As in an exec: the socket stays, the process behind it is another one."""

    async def run() -> Any:
        first = Bell(drawer, echo)
        await first.open()
        await first.pause()
        ringing = asyncio.create_task(asyncio.to_thread(ring, str(drawer), "visit"))
        await asyncio.sleep(0.1)
        assert first.listener is not None
        second = Bell(drawer, echo)
        await second.open(socket.socket(fileno=first.listener.detach()))
        try:
            return await ringing
        finally:
            await second.close()

    assert asyncio.run(run()) == {"heard": "visit", "with": ""}
