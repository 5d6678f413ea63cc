"""What the writing page has from npm, where it was laid in (tools/vendor.py): the import map, with the
hash that lets it stand in the page.

    found = vendor.importmap()
    visit.show("page.html", importmap=found.text if found else "", scripts=found.source if found else "")

An import map can only stand in the page itself (HTML Standard, 8.1.5.6), and our policy lets no script stand there. The
map is therefore allowed by its hash, on that page alone.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

STATIC = Path(__file__).parent / "static"
_PREFIX = "/static/"


class ImportMap(NamedTuple):
    """`text`: exactly what stands between the tags of `<script type="importmap">`. `source`: for script-src (CSP 3)."""

    text: Markup
    source: str


def importmap(static: Path = STATIC) -> ImportMap | None:
    """The map of the modules that are there; None where they are not, or not all of them."""
    return _read(static)


@cache
def _read(static: Path) -> ImportMap | None:
    try:
        imports = json.loads((static / "vendor/importmap.json").read_text("utf-8"))["imports"]
        whole = all(_is_there(static, address) for address in imports.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not whole:
        return None
    # Written again from what was understood: no line of the file can end the element that it stands in.
    text = json.dumps({"imports": imports}, separators=(",", ":"), sort_keys=True).replace("<", "\\u003c")
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return ImportMap(Markup(text), f"'sha256-{digest}'")  # noqa: S704 (no "<" is left in it)


def _is_there(static: Path, address: str) -> bool:
    return address.startswith(_PREFIX) and ".." not in address and (static / address.removeprefix(_PREFIX)).is_file()
