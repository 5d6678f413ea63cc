"""Draws docs/demo.svg from the demo's own output: `python demo/demo.py | python demo/picture.py`."""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

LINES = 46
"""As many lines of the demo as a reader takes in at a glance."""

COMMAND = re.compile(r"(?<=\$ )dearly.*")


def main() -> None:
    """Read the demo's lines, write the picture. No font is fetched by whoever looks at it."""
    console = Console(record=True, width=94, file=io.StringIO())
    for line in sys.stdin.read().strip("\n").splitlines()[:LINES]:
        text = Text(re.sub(r"--invite \S+", "--invite …", line))
        text.highlight_regex(COMMAND, "bold")
        text.highlight_regex(r"^ +\|.*|^ +> .*", "cyan")
        console.print(text, overflow="ellipsis", no_wrap=True)
    svg = console.export_svg(title="make demo")
    svg = re.sub(r"@font-face \{.*?\}\s*|<!--.*?-->", "", svg, flags=re.DOTALL)
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
    Path("docs/demo.svg").write_text(svg.replace("Fira Code", "ui-monospace"), encoding="utf-8")


if __name__ == "__main__":
    main()
