"""Where the socket lies: found from the drawer alone, safe from others, short enough, and nameless."""

import os
import re
from pathlib import Path

import platformdirs
import pytest

from dearly.door import place


def test_both_sides_find_the_same_place(runtime: Path, drawer: Path) -> None:
    path = place.make_place(str(drawer))
    assert path in place.places(str(drawer))
    assert Path(path).parent == runtime / "dearly"
    assert Path(path).parent.stat().st_mode & 0o777 == 0o700


def test_found_by_any_spelling_of_the_drawer(runtime: Path, drawer: Path) -> None:
    (runtime / "link").symlink_to(drawer)
    made = place.make_place(str(drawer))
    assert place.places(str(runtime / "link"))[0] == made
    assert place.places(f"{drawer}/../{drawer.name}/")[0] == made


def test_found_without_the_environment_where_it_fell_back(
    runtime: Path, drawer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    path = place.make_place(str(drawer))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime))
    assert path in place.places(str(drawer))


def test_the_name_says_nothing(drawer: Path) -> None:
    path = place.make_place(str(drawer))
    assert re.fullmatch(r"[0-9a-f]{16}\.sock", Path(path).name)
    assert Path(path).name != Path(place.make_place(str(drawer) + "2")).name


@pytest.mark.parametrize("mode", [0o755, 0o770, 0o701, 0o777])
def test_a_folder_open_to_others_is_not_used(runtime: Path, drawer: Path, mode: int) -> None:
    (runtime / "dearly").mkdir()
    (runtime / "dearly").chmod(mode)
    assert not Path(place.make_place(str(drawer))).is_relative_to(runtime)
    assert not any(Path(p).is_relative_to(runtime) for p in place.places(str(drawer)))


def test_a_link_in_place_of_the_folder_is_not_followed(runtime: Path, drawer: Path) -> None:
    (runtime / "elsewhere").mkdir(mode=0o700)
    (runtime / "dearly").symlink_to(runtime / "elsewhere")
    assert not Path(place.make_place(str(drawer))).is_relative_to(runtime)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_user_is_not_used(runtime: Path, drawer: Path) -> None:
    (runtime / "dearly").mkdir(mode=0o700)
    os.chown(runtime / "dearly", 65534, 65534)
    assert not Path(place.make_place(str(drawer))).is_relative_to(runtime)


def test_too_long_a_path_is_passed_over(runtime: Path, drawer: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = runtime / ("d" * 90)
    deep.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(deep))
    path = place.make_place(str(drawer))
    assert len(os.fsencode(path)) <= place.LONGEST
    assert not Path(path).is_relative_to(deep)


def test_no_folder_at_all(monkeypatch: pytest.MonkeyPatch, drawer: Path) -> None:
    monkeypatch.setattr(place, "_folders", lambda: ["/nowhere/that/is"])
    assert place.make_place(str(drawer)) is None
    assert place.places(str(drawer)) == []


@pytest.mark.parametrize("data", [None, "/var/data", "relative"])
def test_the_default_drawer_is_the_platforms(monkeypatch: pytest.MonkeyPatch, data: str | None) -> None:
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    if data is not None:
        monkeypatch.setenv("XDG_DATA_HOME", data)
    found = place.default_drawer(os.environ)
    if data != "relative":
        assert found == platformdirs.user_data_dir("dearly")
    else:
        assert found == str(Path.home() / ".local/share/dearly")
