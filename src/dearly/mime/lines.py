"""Text written as lines with prefixes: quotes, lists, tables and preformatted text, empty lines between what stands
apart. It knows nothing of HTML; `visible` walks and tells it what comes."""

from __future__ import annotations

import re

_WHITE = re.compile(r"[ \t\n\r\f]+")


class Lines:
    """Lines as they are being written."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._line: list[str] = []
        self._prefixes: list[str] = []
        self._first_prefix: str | None = None
        self._apart: str | None = None
        self._empty_lines = 0
        self._preformatted = 0
        self._lists: list[int | None] = []
        self._cells: list[int] = []

    def text(self) -> str:
        """All lines, ending with "\\n" unless there is nothing."""
        self.end_line()
        text = "\n".join(self._out).strip("\n")
        return f"{text}\n" if text else ""

    def write(self, text: str) -> None:
        """More of the line; white space counts once, or as it is in preformatted text."""
        if self._preformatted:
            first, *rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            self._line.append(first)
            for line in rest:
                self.end_line(keep_empty=True)
                self._line.append(line)
            return
        text = _WHITE.sub(" ", text)
        if not self._line or self._line[-1].endswith(" "):
            text = text.lstrip(" ")
        if text:
            self._line.append(text)

    def end_line(self, *, keep_empty: bool = False) -> None:
        """The next text stands on a new line. `keep_empty`: an empty line is one too, but never three of them."""
        line = "".join(self._line).rstrip()
        self._line.clear()
        prefix = "".join(self._prefixes)
        if line:
            if self._apart is not None and self._out and not self._empty_lines:
                # Between two quotes of different depth the empty line belongs to the outer one.
                self._out.append(min(self._apart, prefix, key=len).rstrip())
            self._out.append((prefix if self._first_prefix is None else self._first_prefix) + line)
            self._apart, self._first_prefix, self._empty_lines = None, None, 0
        elif keep_empty and self._out and self._empty_lines < 2:
            self._out.append(prefix.rstrip())
            self._empty_lines += 1

    def apart(self) -> None:
        """An empty line before the next text, unless there is one, or a list goes on."""
        self.end_line()
        if self._first_prefix is None and not self._lists:
            prefix = "".join(self._prefixes)
            self._apart = prefix if self._apart is None else min(self._apart, prefix, key=len)

    def open_quote(self) -> None:
        self._prefixes.append("> ")

    def open_list(self, number: int | None) -> None:
        """`number`: of the first item, or None for dashes."""
        self._lists.append(number)

    def close_list(self) -> None:
        if self._lists:
            self._lists.pop()

    def open_item(self) -> None:
        number = self._lists[-1] if self._lists else None
        mark = "- " if number is None else f"{number}. "
        if number is not None:
            self._lists[-1] = number + 1
        self._first_prefix = "".join(self._prefixes) + mark
        self._prefixes.append(" " * len(mark))

    def close_prefix(self) -> None:
        """The quote or item that was opened last ends."""
        if self._prefixes:
            self._prefixes.pop()
        self._first_prefix = None

    def open_preformatted(self) -> None:
        self._preformatted += 1

    def close_preformatted(self) -> None:
        self._preformatted -= 1

    def open_row(self) -> None:
        self._cells.append(0)

    def open_cell(self) -> None:
        """Cells of one row stand beside each other as long as each is one line."""
        if self._cells:
            if self._cells[-1] and self._line:
                self._line.append("| " if self._line[-1].endswith(" ") else " | ")
            self._cells[-1] += 1

    def close_row(self) -> None:
        if self._cells:
            self._cells.pop()
