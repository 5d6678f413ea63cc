"""Kill a real process at a named step, and see what the disk holds afterwards.

    died = kill_at("post.before-commit", "tests.faults.test_x", "post_a_letter", folder)

runs `post_a_letter(folder)` of that module in a child process that sends itself SIGKILL when the step is reached:
nothing is flushed, closed or cleaned up. An async function is run to its end. What the function prints before it dies
(use `say`) is what was acknowledged to somebody, and comes back line by line.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

from dearly.letter import failpoint
from tests.support.forks import Forked

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Ended:
    """How the child ended. `killed`: at the step. `said`: the lines that it had said by then. `reached`: every step."""

    killed: bool
    said: list[str]
    reached: list[str]


def kill_at(step: str | None, module: str, function: str, *args: Any, nth: int = 1) -> Ended:
    """Run `module.function(*args)` in a child that is killed when `step` is reached for the nth time (None: never).

    Arguments are strings, numbers or paths. Raises AssertionError when the child fails in any other way."""
    ended = _begin(step, nth, module, function, args, stderr=PIPE)
    try:
        answer, complained = ended.communicate(timeout=220)
    finally:
        ended.kill()
    lines = answer.splitlines()
    said = [line[4:] for line in lines if line.startswith("say ")]
    reached = [line[8:] for line in lines if line.startswith("reached ")]
    if ended.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"the child failed by itself ({ended.returncode}):\n{complained}")
    return Ended(ended.returncode == -signal.SIGKILL, said, reached)


def begin(module: str, function: str, *args: Any) -> Popen[str]:
    """Begin `module.function(*args)` in a child, to be killed from outside at any moment. Its lines as `kill_at`'s."""
    return _begin(None, 1, module, function, args)


def _begin(step: str | None, nth: int, module: str, function: str, args: tuple[Any, ...], **more: Any) -> Popen[str]:
    plain = [str(a) if isinstance(a, Path) else a for a in args]
    order = ["tests.support.killer:main", json.dumps([step, nth, module, function, plain])]
    return Forked(order, cwd=ROOT, stdout=PIPE, text=True, **more)


def say(text: str) -> None:
    """In the child: acknowledge something. What is said is out before the next line runs."""
    os.write(1, f"say {text}\n".encode())


def main() -> None:
    """In the child."""
    step, nth, module, function, args = json.loads(sys.argv[1])
    left = nth

    def listener(reached: str) -> None:
        nonlocal left
        os.write(1, f"reached {reached}\n".encode())
        if reached == step:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    work = getattr(importlib.import_module(module), function)
    failpoint.listen(listener)
    done = work(*args)
    if inspect.iscoroutine(done):
        asyncio.run(done)
