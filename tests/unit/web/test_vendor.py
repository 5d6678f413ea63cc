"""What is laid in from npm: the map of the modules, its hash, and nothing where anything is missing."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from tools import vendor as tool

from dearly.web import vendor

ROOT = Path(__file__).parents[3]
LOCK = json.loads((ROOT / "package-lock.json").read_text("utf-8"))


def _laid(folder: Path, imports: object) -> Path:
    (folder / "vendor").mkdir(parents=True)
    (folder / "vendor/a.js").write_text("export {};")
    (folder / "vendor/importmap.json").write_text(json.dumps({"imports": imports}))
    return folder


def test_the_hash_is_that_of_the_text_between_the_tags(tmp_path: Path) -> None:
    found = vendor.importmap(_laid(tmp_path, {"a": "/static/vendor/a.js"}))
    assert found is not None
    assert json.loads(found.text) == {"imports": {"a": "/static/vendor/a.js"}}
    digest = hashlib.sha256(found.text.encode()).digest()
    assert found.source == f"'sha256-{base64.b64encode(digest).decode()}'"


@pytest.mark.parametrize(
    "imports",
    [
        {"a": "/static/vendor/a.js", "b": "/static/vendor/b.js"},  # one is not there
        {"a": "https://elsewhere.test/a.js"},
        {"a": "//elsewhere.test/a.js"},
        {"a": "/static/../gate.py"},
        {"a": "/page/1"},
        {"a": 5},
        ["a"],
        None,
    ],
)
def test_a_map_that_is_not_whole_or_not_ours_is_none(tmp_path: Path, imports: object) -> None:
    assert vendor.importmap(_laid(tmp_path, imports)) is None


def test_without_the_files_there_is_no_map(tmp_path: Path) -> None:
    assert vendor.importmap(tmp_path) is None


def test_no_name_ends_the_element_that_the_map_stands_in(tmp_path: Path) -> None:
    found = vendor.importmap(_laid(tmp_path, {"</script><script>": "/static/vendor/a.js"}))
    assert found is not None
    assert "<" not in found.text
    assert list(json.loads(found.text)["imports"]) == ["</script><script>"]


def _package(modules: Path, name: str, source: str) -> None:
    (modules / name / "dist").mkdir(parents=True)
    about = {"name": name, "version": "1.2.3", "exports": {"import": "./dist/index.js", "require": "./dist/index.cjs"}}
    (modules / name / "package.json").write_text(json.dumps(about))
    (modules / name / "dist/index.js").write_text(source)
    (modules / name / "LICENSE").write_text(f"Licence of {name}")


def test_what_is_needed_is_found_by_reading_and_copied_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modules, laid = tmp_path / "node_modules", tmp_path / "static/vendor"
    monkeypatch.setattr(tool, "ENTRIES", ("@room/one",))
    _package(modules, "@room/one", "import { a,\n  b } from '@room/two';\nimport { S } from \"style-mod\";\n")
    _package(modules, "@room/two", "export * from 'three';\n// import x from 'four'\n")
    _package(modules, "three", "const from = 'five'; export default from;\n")
    assert tool.lay_in(modules, laid) == ["@room/one", "@room/two", "three"]
    imports = json.loads((laid / "importmap.json").read_text())["imports"]
    assert imports == {
        "@room/one": "/static/vendor/room-one.js",
        "@room/two": "/static/vendor/room-two.js",
        "style-mod": "/static/editor/style-mod.js",
        "three": "/static/vendor/three.js",
    }
    assert (laid / "room-one.js").read_bytes() == (modules / "@room/one/dist/index.js").read_bytes()
    assert all(f"Licence of {name}" in (laid / "LICENSES.txt").read_text() for name in ("@room/one", "three"))
    ours = laid.parent / "editor"
    ours.mkdir()
    (ours / "style-mod.js").write_text("export {};")
    assert vendor.importmap(laid.parent) is not None


def test_a_package_that_is_missing_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tool, "ENTRIES", ("not-there",))
    laid = _laid(tmp_path, {})
    with pytest.raises(FileNotFoundError):
        tool.lay_in(tmp_path / "node_modules", laid / "vendor")
    assert (laid / "vendor/a.js").exists()


def test_the_lock_names_no_host_and_every_package_by_its_hash() -> None:
    text = (ROOT / "package-lock.json").read_text("utf-8")
    assert "resolved" not in text
    assert not re.search(r"https?:", text)
    packages = {path: about for path, about in LOCK["packages"].items() if path}
    assert len(packages) > 12
    assert all(about["integrity"].startswith("sha512-") for about in packages.values())
    assert not any(about.get("hasInstallScript") for about in packages.values())


def test_the_lock_is_of_the_packages_that_are_asked_for() -> None:
    asked = json.loads((ROOT / "package.json").read_text("utf-8"))
    for kind in ("dependencies", "devDependencies"):
        assert LOCK["packages"][""][kind] == asked[kind]
    # What a desk is set up with is under MIT alone; the rest is for checking only.
    run = [about for path, about in LOCK["packages"].items() if path and not about.get("dev")]
    assert {about["license"] for about in run} == {"MIT"}


def test_the_wheel_carries_what_git_does_not() -> None:
    ignored = (ROOT / ".gitignore").read_text("utf-8").splitlines()
    assert "src/dearly/web/static/vendor/" in ignored
    assert 'artifacts = ["src/dearly/web/static/vendor/*"]' in (ROOT / "pyproject.toml").read_text("utf-8")
