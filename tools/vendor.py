"""Lay in what the writing page takes from npm: `python tools/vendor.py`, after `npm ci`.

The modules are copied as their makers published them, one file each and nothing bundled, to
src/dearly/web/static/vendor, with a map that tells the browser where each is (HTML Standard, import maps) and their
licences. Nothing of it is committed; without it the page has its plain field.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
VENDOR = ROOT / "src/dearly/web/static/vendor"
ENTRIES = (
    "@codemirror/commands",
    "@codemirror/language",
    "@codemirror/state",
    "@codemirror/view",
    "@lezer/markdown",
)
"""What our own modules import; what those need is found by reading them."""

OURS = {"style-mod": "/static/editor/style-mod.js"}
"""Packages that a module of ours stands in for: see there why."""

_IMPORT = re.compile(r"""^\s*(?:import|export)\b[^'"]*?\bfrom\s*['"]([^'"]+)['"]|^\s*import\s*['"]([^'"]+)['"]""", re.M)


def module_of(package: Path) -> Path:
    """The module that a package exports, as Node resolves `import` (package.json "exports")."""
    about = json.loads((package / "package.json").read_text("utf-8"))
    exports = about.get("exports", about.get("module"))
    if isinstance(exports, dict):
        exports = exports.get(".", exports)
    if isinstance(exports, dict):
        exports = exports["import"]
    if isinstance(exports, dict):
        exports = exports["default"]
    assert isinstance(exports, str), package
    return package / exports


def closure(modules: Path) -> dict[str, Path]:
    """Every package that is needed, by its name. Raises `FileNotFoundError` where one is not installed."""
    found: dict[str, Path] = {}
    open_ = list(ENTRIES)
    while open_:
        name = open_.pop()
        if name in found or name in OURS:
            continue
        found[name] = module_of(modules / name)
        for match in _IMPORT.finditer(found[name].read_text("utf-8")):
            needed = match[1] or match[2]
            if needed.startswith("."):
                raise ValueError(f"{name} is more than one file")
            open_.append(needed)
    return dict(sorted(found.items()))


def lay_in(modules: Path, vendor: Path) -> list[str]:
    """Copy them, and write the map and the licences. Returns the packages' names."""
    found = closure(modules)
    shutil.rmtree(vendor, ignore_errors=True)
    vendor.mkdir(parents=True)
    imports, licences = dict(OURS), []
    for name, source in found.items():
        flat = name.lstrip("@").replace("/", "-") + ".js"
        shutil.copyfile(source, vendor / flat)
        imports[name] = f"/static/vendor/{flat}"
        about = json.loads((modules / name / "package.json").read_text("utf-8"))
        licences.append(f"{name} {about['version']}\n\n{(modules / name / 'LICENSE').read_text('utf-8').strip()}\n")
    (vendor / "LICENSES.txt").write_text(f"\n{'-' * 80}\n\n".join(licences), "utf-8")
    # Last: where the map is, everything is.
    (vendor / "importmap.json").write_text(json.dumps({"imports": dict(sorted(imports.items()))}, indent=1), "utf-8")
    return list(found)


def main() -> int:
    """Lay them in, or say in one line why not."""
    modules = ROOT / "node_modules"
    try:
        lay_in(modules, VENDOR)
    except FileNotFoundError as error:
        print(f"Not all of npm's packages are there ({error.filename}); the writing page will have its plain field.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
