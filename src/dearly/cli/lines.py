"""Lines and sentences laid out for one terminal: for lists, and for the pages of `as_text`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dearly.cli.layout import wrap, zone_of

if TYPE_CHECKING:
    from dearly.cli.terminal import Terminal


class Lines:
    """A writer of text for one terminal: its width and its time zone."""

    def __init__(self, terminal: Terminal) -> None:
        self.columns = terminal.columns
        self.zone = zone_of(terminal.env.get("TZ"))
        self._for_eyes = terminal.out_tty
        self.rows = terminal.columns if terminal.out_tty else None
        self._strong = terminal.out_tty and not terminal.env.get("NO_COLOR") and terminal.env.get("TERM") != "dumb"

    def prose(self, *sentences: str) -> str:
        """Sentences as one paragraph."""
        return wrap(" ".join(s for s in sentences if s), self.columns)

    def line(self, text: str, indent: str = "", hang: str = "  ") -> str:
        """A line of a list or a head: wrapped under itself on a terminal, whole for whoever reads lines."""
        return (
            wrap(text, self.columns, indent, " " * len(indent) + hang, self.columns)
            if self._for_eyes
            else indent + text
        )

    def title(self, text: str) -> str:
        text = self.line(text)
        return f"\x1b[1m{text}\x1b[0m" if self._strong else text
