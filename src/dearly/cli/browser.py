"""`dearly` alone: opening the desk in the browser."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.cli.errand import Errand

NONE = "none"
"""As the value of DEARLY_BROWSER: print the way in, and open nothing."""


def sit_down(errand: Errand) -> None:
    """Ask for a way in, open the browser with it, and say how to come in without."""
    way = errand.app.visit(errand.folder)
    value = {"url": way.url, "code": way.code, "file": str(way.file)}
    opened = not errand.json and _open(way.file)
    if opened:
        first = _("Your desk opens in the browser. If it does not:")
    else:
        first = _("Your desk is here:")
    code = _("The code {code} lets you in; it is good once, and for {minutes} minutes.")
    elsewhere = _(
        "Where the browser does not find that address, DEARLY_WEB_HOST=127.0.0.1 gives the next desk another."
    )
    said = [first, "", f"    {way.url}", "", code.format(code=way.code, minutes=way.minutes)]
    errand.tell(value, "\n".join(said if opened else [*said, elsewhere]))


def _open(file: Path) -> bool:
    """Hand the file to the person's browser, and do not wait for it; whether there is one to hand it to.

    The file's name tells nothing: what lets in stands inside it, and only this user reads it."""
    program = _program()
    if program is None:
        return False
    try:
        process = subprocess.Popen(
            [*program, str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError:
        return False
    process.returncode = 0  # it is meant to outlive us: nobody waits for it
    return True


def _program() -> list[str] | None:
    chosen = os.environ.get("DEARLY_BROWSER") or os.environ.get("BROWSER", "").partition(os.pathsep)[0]
    if chosen:
        return None if chosen == NONE else shlex.split(chosen.replace("%s", ""))
    if sys.platform == "darwin":
        return ["open"]
    # Without a display there is none; a browser for the terminal would take the terminal away.
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return None
    for name in ("xdg-open", "sensible-browser", "x-www-browser"):
        if shutil.which(name):
            return [name]
    return None
