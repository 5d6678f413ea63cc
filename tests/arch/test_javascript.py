"""The script of the pages: typed, and importing nothing but itself and what the map of the writing page names."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from tools.vendor import ENTRIES, OURS

from tests.support.browser import without

ROOT = Path(__file__).parents[2]
STATIC = ROOT / "src/dearly/web/static"
MODULES = sorted(path for path in STATIC.rglob("*.js") if "vendor" not in path.parts)

_SPECIFIER = re.compile(r"""\b(?:from|import)\s*\(?\s*["']([^"']+)["']""")

NEVER = (
    "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "prompt(", "alert(",
    "localStorage", "sessionStorage", "indexedDB", "serviceWorker", "WebSocket",
)  # fmt: skip


def test_every_module_is_sound_in_its_types() -> None:
    compiler = ROOT / "node_modules/.bin/tsc"
    if not compiler.exists():
        without("TypeScript is not there (npm ci)")
    done = subprocess.run([compiler, "-p", ROOT / "jsconfig.json"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_check_is_the_strict_one() -> None:
    options = json.loads((ROOT / "jsconfig.json").read_text())["compilerOptions"]
    assert options["checkJs"] and options["strict"] and options["noEmit"]


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_a_module_takes_only_what_is_there(module: Path) -> None:
    text = module.read_text("utf-8")
    assert text.startswith("// @ts-check\n")
    code = re.sub(r"^\s*(?://|\*|/\*).*$", "", text, flags=re.MULTILINE)
    for name in _SPECIFIER.findall(code):
        if name.startswith("."):
            assert (module.parent / name).is_file(), name
        else:
            assert name in ENTRIES or name in OURS, name
    for word in NEVER:
        assert word not in code, word
