"""How a command comes to its desk: passphrases, patience, and the process that holds the drawer."""

import asyncio
from pathlib import Path

import pytest
from tests.support.door import FakeTerminal
from tests.unit.cli.conftest import PASSPHRASE

from dearly.cli import errand as errands
from dearly.letter.errors import InUse, Locked


@pytest.fixture(autouse=True)
def nobody_twice(verb):
    return verb("joining", "alike", [])


def test_the_passphrase_is_asked_once_and_without_echo(dearly, fake) -> None:
    code, terminal = dearly(["people", "alike"])
    assert code == 0
    assert len(terminal.prompts) == 1
    assert fake.opened == [Path("/the/default/drawer")]


def test_never_asked_on_the_loop(dearly, fake) -> None:
    class Careful(FakeTerminal):
        def ask_secret(self, prompt: str) -> str | None:
            with pytest.raises(RuntimeError):
                asyncio.get_running_loop()
            return super().ask_secret(prompt)

    assert dearly(["people", "alike"], Careful(secrets=[PASSPHRASE]))[0] == 0


def test_a_mistyped_passphrase_may_be_typed_again(dearly) -> None:
    code, terminal = dearly(["people", "alike"], FakeTerminal(secrets=["wrong", "wrong too", PASSPHRASE]))
    assert (code, len(terminal.prompts)) == (0, 3)
    assert "does not open this drawer" in terminal.complained


def test_but_not_for_ever(dearly) -> None:
    code, terminal = dearly(["people", "alike", "--json"], FakeTerminal(secrets=["wrong"] * 9))
    assert (code, len(terminal.prompts)) == (3, errands.TRIES)
    assert '"wrong_passphrase"' in terminal.complained


def test_nobody_to_ask(dearly) -> None:
    code, terminal = dearly(["people", "alike"], FakeTerminal())
    assert code == 3
    assert "--passphrase-file" in terminal.complained


@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_passphrase_from_a_file(dearly, how: str) -> None:
    terminal = FakeTerminal(files={"p": PASSPHRASE.encode() + b"\n"})
    argv = ["people", "alike"]
    if how == "option":
        argv = ["--passphrase-file", "p", *argv]
    else:
        terminal.env["DEARLY_PASSPHRASE_FILE"] = "p"
    assert dearly(argv, terminal)[0] == 0
    assert terminal.prompts == []


def test_a_wrong_passphrase_from_a_file_is_not_asked_for_again(dearly, fake) -> None:
    terminal = FakeTerminal(files={"p": b"wrong\n"}, secrets=[PASSPHRASE])
    assert dearly(["--passphrase-file", "p", "people", "alike"], terminal)[0] == 3
    assert terminal.prompts == []


@pytest.mark.parametrize(
    ("argv", "env", "folder"),
    [
        (["--drawer", "mine", "people", "alike"], {}, "/home/ada/mine"),
        (["--drawer=/there", "people", "alike"], {"DEARLY_DRAWER": "/other"}, "/there"),
        (["people", "alike"], {"DEARLY_DRAWER": "other"}, "/home/ada/other"),
        (["people", "alike"], {"DEARLY_DRAWER": ""}, "/the/default/drawer"),
    ],
)
def test_which_drawer_is_meant(dearly, fake, argv: list[str], env: dict[str, str], folder: str) -> None:
    assert dearly(argv, FakeTerminal(secrets=[PASSPHRASE], env=env, cwd="/home/ada"))[0] == 0
    assert fake.opened == [Path(folder)]


def _held() -> InUse:
    return InUse("drawer_in_use", "Another process holds this drawer.")


def test_a_drawer_that_is_held_for_a_moment_is_waited_for(dearly, fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "_PAUSE", 0)
    # The first opening only finds out that a passphrase is wanted.
    fake.trouble = [errands._Wanted(), _held(), _held()]
    code, terminal = dearly(["people", "alike"], elsewhere=lambda: None)
    assert (code, len(terminal.prompts)) == (0, 1)


def test_a_drawer_that_stays_held(dearly, fake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(errands, "PATIENCE", 0)
    fake.trouble = [errands._Wanted(), *[_held() for _ in range(99)]]
    assert dearly(["people", "alike"], elsewhere=lambda: None)[0] == 8


def test_a_drawer_whose_owner_answers_now(dearly, fake) -> None:
    fake.trouble = [errands._Wanted(), _held()]
    assert dearly(["people", "alike"], elsewhere=lambda: 42)[0] == 42


def test_what_was_begun_is_not_begun_again(dearly, fake, verb) -> None:
    """A drawer that is taken away in the middle of an act: the act may have happened."""
    calls = verb("joining", "alike", _held())
    assert dearly(["people", "alike"], elsewhere=lambda: 42)[0] == 8
    assert len(calls) == 1


def test_in_the_owner_nobody_else_is_asked(dearly, fake) -> None:
    fake.trouble = [_held()]
    assert dearly(["people", "alike"], in_owner=True)[0] == 8


def test_a_new_passphrase_is_typed_twice(dearly, fake, verb) -> None:
    verb("setup", "begin", _card())
    fake.exists = False
    code, terminal = dearly(
        ["setup", "--name", "Ada", "--own", "ada@letters.test"], FakeTerminal(secrets=["x y", "x y"])
    )
    assert (code, len(terminal.prompts)) == (0, 2)
    assert fake.created == [(Path("/the/default/drawer"), "x y")]


def _card():
    from dearly.desk.values import MyCard

    return MyCard("Ada", ("ada@letters.test",), "ab" * 20, "BEGIN:VCARD")


@pytest.mark.parametrize(("typed", "says"), [(["x y", "x z"], "not the same"), ([""], "empty"), ([], "no terminal")])
def test_a_new_passphrase_that_cannot_be_one(dearly, fake, typed: list[str], says: str) -> None:
    fake.exists = False
    code, terminal = dearly(["setup", "--name", "Ada"], FakeTerminal(secrets=typed))
    assert code == 2
    assert says in terminal.complained
    assert fake.created == []


def test_an_existing_drawer_keeps_its_passphrase(dearly, fake, verb) -> None:
    verb("setup", "begin", _card())
    code, terminal = dearly(["setup", "--name", "Ada"])
    assert (code, len(terminal.prompts)) == (0, 1)
    assert fake.created == []


def test_watching_ends_when_nobody_reads(dearly, monkeypatch: pytest.MonkeyPatch) -> None:
    async def watch(_desk: object, _each: object) -> None:
        for call in terminal.gone:
            call()
        await asyncio.sleep(60)

    monkeypatch.setattr("dearly.desk.rounds.watch", watch)
    terminal = FakeTerminal(secrets=[PASSPHRASE])
    assert dearly(["round", "--watch"], terminal)[0] == 0
    assert terminal.complained == ""


def test_an_act_is_not_cut_off_when_nobody_reads(dearly, monkeypatch: pytest.MonkeyPatch) -> None:
    done = []

    async def post(*_: object, **__: object) -> list[object]:
        assert not terminal.gone
        await asyncio.sleep(0)
        done.append(True)
        return []

    monkeypatch.setattr("dearly.desk.post.post", post)
    terminal = FakeTerminal(secrets=[PASSPHRASE])
    assert dearly(["post", "1"], terminal)[0] == 0
    assert done


def test_locking_what_is_locked(dearly, fake, tmp_path: Path) -> None:
    code, terminal = dearly(["--drawer", str(tmp_path), "lock"])
    assert (code, terminal.said, terminal.prompts) == (0, "The drawer is locked.\n", [])
    assert dearly(["--drawer", str(tmp_path / "nothing"), "lock"])[0] == 4


def test_lock_says_first_what_leaves_when(dearly, fake) -> None:
    fake.leaving = ["One letter is waiting to leave."]
    code, terminal = dearly(["lock"], in_owner=True)
    assert (code, terminal.complained, terminal.said) == (
        0,
        "One letter is waiting to leave.\n",
        "The drawer is locked.\n",
    )


def test_changing_the_passphrase_asks_for_the_old_one_always(dearly, verb) -> None:
    calls = verb("keep", "lock_change", None)
    code, terminal = dearly(["lock-change"], FakeTerminal(secrets=[PASSPHRASE, "new one", "new one"]))
    assert code == 0, terminal.complained
    assert calls == [((PASSPHRASE, "new one"), {})]
    code, terminal = dearly(["lock-change"], FakeTerminal(secrets=[PASSPHRASE, "new one", "new one"]), in_owner=True)
    assert len(terminal.prompts) == 3


@pytest.mark.parametrize("in_owner", [False, True])
def test_the_old_passphrase_is_proven_before_a_new_one_is_thought_of(dearly, fake, monkeypatch, in_owner) -> None:
    changed = []

    async def lock_change(_desk: object, old: str, new: str) -> None:
        if old != PASSPHRASE:
            raise Locked("wrong_passphrase", "That passphrase does not open this drawer.")
        changed.append(new)

    monkeypatch.setattr("dearly.desk.keep.lock_change", lock_change)
    terminal = FakeTerminal(secrets=["wrong", PASSPHRASE, "a longer new one", "a longer new one"])
    assert dearly(["lock-change"], terminal, in_owner=in_owner)[0] == 0
    assert changed[-1] == "a longer new one"
    assert ["New" in prompt for prompt in terminal.prompts] == [False, False, True, False]


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["restore", "nothing.backup", "--to", "new"], 4),
        (["restore", "there.txt", "--to", "full"], 11),
        (["backup", "nothing.backup", "--verify"], 4),
        (["backup", "there.txt"], 11),
        (["backup", "nowhere/there.txt"], 4),
        (["kit", "--out", "there.txt"], 11),
        (["hand", "in", "nothing.letter"], 4),
        (["hand", "in", "full"], 2),
    ],
)
def test_files_are_looked_at_before_the_passphrase_is_asked_for(dearly, tmp_path: Path, argv, code: int) -> None:
    (tmp_path / "there.txt").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "something").touch()
    ended, terminal = dearly(argv, FakeTerminal(secrets=[PASSPHRASE], cwd=str(tmp_path)))
    assert (ended, terminal.prompts) == (code, [])
    assert terminal.complained


def test_renewing_an_open_drawer_is_refused(dearly) -> None:
    assert dearly(["lock-change", "--renew"], in_owner=True)[0] == 11


def test_renewing_alone_keeps_the_passphrase(dearly, verb) -> None:
    calls = verb("keep", "lock_change", None)
    code, terminal = dearly(["lock-change", "--renew"])
    assert (code, len(terminal.prompts), calls) == (0, 1, [])
    assert "kit" in terminal.said


def test_what_the_desk_noticed_is_said_once_and_beside_the_answer(dearly, fake, verb) -> None:
    verb("joining", "alike", [])
    fake.notices = ["It was put back to an older state."]
    for expected in (1, 0):
        code, terminal = dearly(["people", "alike"])
        assert code == 0
        assert terminal.complained.count("older state") == expected
        assert "older state" not in terminal.said
    fake.notices = ["It was put back to an older state."]
    _code, terminal = dearly(["people", "alike", "--json"])
    assert "older state" not in terminal.complained + terminal.said


def _letter():
    from datetime import UTC, datetime

    from dearly.desk.values import LetterView

    return LetterView(5, "out", "Bert", "", ("b@letters.test",), datetime(2026, 1, 1, tzinfo=UTC), "", "draft", "Dear")


def _at_a_desk(text: bytes, *, stopped: bool, secrets: int = 1) -> FakeTerminal:
    terminal = FakeTerminal(files={"-": text}, secrets=[PASSPHRASE] * secrets)
    terminal.in_tty, terminal.stopped = True, stopped
    return terminal


@pytest.fixture
def desk_is_asked(fake, monkeypatch: pytest.MonkeyPatch) -> None:
    async def nothing(_look: object) -> None:
        """The address book knows everybody."""

    fake.drawer = type("Drawer", (), {"read": staticmethod(nothing)})()


@pytest.mark.parametrize(("argv", "module"), [(["write", "Bert"], "write"), (["answer", "2"], "answer")])
@pytest.mark.parametrize("stopped", [True, False])
def test_a_letter_that_ctrl_c_ends_is_kept(dearly, verb, desk_is_asked, argv, module, stopped: bool) -> None:
    kept = verb(module, module, _letter())
    verb("open", "show", None)
    code, terminal = dearly(argv, _at_a_desk(b"Dear Bert,\nall is w\xc3", stopped=stopped))
    if not stopped:
        assert code == 2  # a letter that ends in half a character was not typed
        return
    assert code == errands.STOPPED
    assert "kept as a draft" in terminal.complained
    assert "Draft 5" in terminal.said
    assert kept[0][0][1] == "Dear Bert,\nall is w"


@pytest.mark.parametrize("typed", [b"", b"\n\n "])
def test_ctrl_c_before_anything_was_typed_keeps_nothing(dearly, verb, desk_is_asked, typed: bytes) -> None:
    kept = verb("write", "write", _letter())
    code, terminal = dearly(["write", "Bert"], _at_a_desk(typed, stopped=True))
    assert (code, kept, terminal.said) == (errands.STOPPED, [], "")
    assert "Stopped" not in terminal.complained


def test_half_a_passphrase_is_none(dearly, fake) -> None:
    terminal = _at_a_desk(PASSPHRASE.encode(), stopped=True)
    assert dearly(["--passphrase-file", "-", "people", "alike"], terminal)[0] == errands.STOPPED
    assert fake.opened == []


def test_who_types_a_letter_is_asked_for_the_passphrase_first(dearly, fake, verb, desk_is_asked) -> None:
    """And once: a letter is not lost to a passphrase that has slipped one's mind, or to a name that is none."""
    verb("write", "write", _letter())
    seen = []

    class Typist(FakeTerminal):
        def read(self, source: str, limit: int) -> tuple[bytes, int | None]:
            seen.append(len(fake.opened))
            return super().read(source, limit)

    terminal = Typist(files={"-": b"Dear Bert"}, secrets=[PASSPHRASE])
    terminal.in_tty = True
    assert dearly(["write", "Bert"], terminal)[0] == 0
    assert (seen, len(terminal.prompts)) == ([1], 1)


def test_a_third_wrong_passphrase_names_the_way_out(dearly) -> None:
    code, terminal = dearly(["people", "alike"], FakeTerminal(secrets=["wrong", "", "wrong"]))
    assert code == 3
    assert "Nothing was typed." in terminal.complained
    assert "dearly restore-with-kit" in " ".join(terminal.complained.split())


def test_an_open_desk_says_why_it_asks(dearly) -> None:
    _code, terminal = dearly(["people", "alike"], FakeTerminal(secrets=["wrong", PASSPHRASE]), in_owner=True)
    assert ["idle" in prompt for prompt in terminal.prompts] == [True, False]
    _code, terminal = dearly(["people", "alike"])
    assert "idle" not in terminal.prompts[0]


def test_a_mistyped_new_passphrase_is_asked_for_again(dearly, fake, verb) -> None:
    verb("setup", "begin", _card())
    fake.exists = False
    typed = ["garden kettle", "garden kettel", "garden kettle", "garden kettle"]
    code, terminal = dearly(["setup", "--name", "Ada", "--own", "a@letters.test"], FakeTerminal(secrets=typed))
    assert (code, fake.created) == (0, [(Path("/the/default/drawer"), "garden kettle")])
    assert "four or more" in terminal.complained
    assert "not the same" in terminal.complained
    assert "short" not in terminal.complained


def test_a_short_passphrase_gets_a_gentle_word(dearly, fake, verb) -> None:
    verb("setup", "begin", _card())
    fake.exists = False
    code, terminal = dearly(
        ["setup", "--name", "Ada", "--own", "a@letters.test"], FakeTerminal(secrets=["kettle", "kettle"])
    )
    assert (code, len(fake.created)) == (0, 1)
    assert "short" in terminal.complained
