"""The lock files install what pyproject.toml asks for, by hash, and name no host."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GROUPS = PROJECT["dependency-groups"]


def _name(requirement: str) -> str:
    return re.match(r"[A-Za-z0-9._-]+", requirement)[0].lower().replace("_", "-").replace(".", "-")


def _bound(requirement: str) -> tuple[str, tuple[int, ...]]:
    how, version = re.search(r"(>=|==)([\d.]+)", requirement).groups()
    return how, tuple(map(int, version.split(".")))


def _locked(text: str) -> dict[str, tuple[int, ...]]:
    return {
        _name(name): tuple(int(n) for n in re.findall(r"\d+", version)[:4])
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", text, re.MULTILINE)
    }


@pytest.mark.parametrize(
    ("file", "asked"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"] + GROUPS["build"]),
        (
            "requirements-dev.lock",
            PROJECT["project"]["dependencies"] + GROUPS["build"] + GROUPS["dev"] + GROUPS["peers"],
        ),
    ],
)
def test_lock_matches_pyproject(file: str, asked: list[str]) -> None:
    text = (ROOT / file).read_text()
    locked = _locked(text)
    for requirement in asked:
        how, version = _bound(requirement)
        have = locked[_name(requirement)]
        assert have >= version, requirement
        assert how == ">=" or have == version, requirement
    pins = re.split(r"\n(?=[A-Za-z0-9])", text.strip())
    assert len(pins) == len(locked)
    assert all("--hash=sha256:" in pin for pin in pins)


@pytest.mark.parametrize("file", ["requirements.lock", "requirements-dev.lock"])
def test_lock_names_no_host(file: str) -> None:
    text = (ROOT / file).read_text()
    assert "//" not in text
    assert "index" not in text.replace("importlib", "")


def test_both_locks_agree() -> None:
    run, dev = (_locked((ROOT / f).read_text()) for f in ("requirements.lock", "requirements-dev.lock"))
    assert run.items() <= dev.items()
