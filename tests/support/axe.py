"""axe-core over a page: the rules of WCAG 2.2 A and AA that a machine can judge, and axe's own good practice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from tests.support.browser import ROOT, without

_AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def source(file: Path = _AXE) -> str:
    """The script of axe-core, or the end of the test where npm has not fetched it (`make test-web` does)."""
    if not file.exists():
        without("axe-core is not there (npm ci)")
    return file.read_text(encoding="utf-8")


def violations(page: Page, *, without_rules: tuple[str, ...] = ()) -> list[str]:
    """What axe finds wrong, one line for each element. The page's own policy allows no such script: it is evaluated by
    the debugger, which stands outside of it. The frame of a letter that was laid out elsewhere runs no script, so axe
    is not in it, and is told not to ask: the browser would complain that its question cannot be delivered."""
    page.evaluate(source())
    result: dict[str, Any] = page.evaluate(
        "([tags, off]) => axe.run(document, {runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'],"
        " preload: false, iframes: false, rules: Object.fromEntries(off.map(id => [id, {enabled: false}]))})",
        [_TAGS, list(without_rules)],
    )
    return [
        f"{found['id']}: {found['help']}: {' '.join(map(str, node['target']))}: {_why(node)}"
        for found in result["violations"]
        for node in found["nodes"]
    ]


def _why(node: dict[str, Any]) -> str:
    checks = [*node["any"], *node["all"], *node["none"]]
    return "; ".join(check["message"] for check in checks)[:300]


def axe(page: Page, *, without_rules: tuple[str, ...] = ()) -> None:
    """Fail where axe-core finds anything wrong."""
    found = violations(page, without_rules=without_rules)
    if found:
        raise AssertionError("\n".join([page.url, *found]))
