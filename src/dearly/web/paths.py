"""A path as a person types or pastes it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from dearly.letter.errors import Usage
from dearly.letter.words import _


def typed(text: str) -> Path:
    """The path that is meant: from the home folder on, unless it says otherwise; as a file manager copies it, too (RFC
    8089). Raises `Usage` (no_path)."""
    text = text.strip().strip("\"'")
    if text.lower().startswith("file:"):
        text = unquote(urlsplit(text).path)
    if not text or "\0" in text:
        raise Usage("no_path", _("No place is named."), _("Write where it lies, such as ~/Documents/letters."))
    home = Path.home()
    return home / text.removeprefix("~/") if text != "~" else home


def shown(path: Path) -> str:
    """The path as a person writes it."""
    home = Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) and path != home else str(path)
