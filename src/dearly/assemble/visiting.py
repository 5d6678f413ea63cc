"""A way in for the browser, from the process of the drawer. Where that runs already, only the bell is rung."""

from __future__ import annotations

import time
from pathlib import Path

from dearly.desk.app import WayIn
from dearly.door.bell import ring
from dearly.letter.errors import InUse

_TRIES, _PAUSE = 50, 0.2


def visit(folder: Path) -> WayIn:
    """A way in; the process is started where there is none. Raises as `behind.keep_open`."""
    for _again in range(_TRIES):
        said = ring(str(folder), "visit")
        if said is not None:
            return WayIn(str(said["url"]), str(said["code"]), Path(str(said["file"])), int(said["minutes"]))
        _start(folder)
    from dearly.assemble import behind

    raise behind.silent()


def _start(folder: Path) -> None:
    import asyncio

    from dearly.assemble import behind

    try:
        asyncio.run(behind.stand_by(folder))
    except InUse as trouble:
        if trouble.code != "desk_held":
            raise
        time.sleep(_PAUSE)  # another command is starting it just now, or it is just ending
