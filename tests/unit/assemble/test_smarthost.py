"""The mail server for letters to the world, of what an operator says."""

from __future__ import annotations

from pathlib import Path

import pytest

from dearly.assemble import smarthost
from dearly.desk.offices import ToWorld
from dearly.letter.account import Security
from dearly.letter.errors import Usage


def what(how: ToWorld) -> str:
    with pytest.raises(Usage) as caught:
        smarthost.relay(how)
    return caught.value.code


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://mail.test", ("mail.test", 465, Security.TLS)),
        ("smtps://mail.test:4650/", ("mail.test", 4650, Security.TLS)),
        ("smtp+starttls://mail.test", ("mail.test", 587, Security.STARTTLS)),
        ("smtp://127.0.0.1:25", ("127.0.0.1", 25, Security.PLAIN)),
        ("smtp://[::1]:25", ("[::1]", 25, Security.PLAIN)),
    ],
)
def test_how_it_is_named(url: str, server: tuple[str, int, Security]) -> None:
    made = smarthost._server(url, "post")
    assert (made.host, made.port, made.security) == server
    assert smarthost.relay(ToWorld(url, "post@mail.test")).host == server[0]


def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert what(ToWorld("smtp://mail.test", "post@mail.test")) == "insecure_account"
    for url in (
        "mail.test",
        "https://mail.test",
        "smtps://",
        "smtps://post:secret@mail.test",
        "smtps://m:x",
        "smtps://m/x",
    ):
        assert what(ToWorld(url, "post@mail.test")) == "bad_smarthost"
    assert what(ToWorld("smtps://mail.test", "nobody")) == "bad_address"
    assert what(ToWorld("smtps://mail.test", "post@mail.test", ca=tmp_path / "none")) == "cannot_read"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    monkeypatch.delenv(smarthost.PASSWORD, raising=False)
    assert what(ToWorld("smtps://mail.test", "post@mail.test", "post")) == "no_smarthost_password"


def test_where_its_password_comes_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(smarthost.PASSWORD, "fake from the environment")
    assert smarthost._password() == "fake from the environment"
    (tmp_path / smarthost.CREDENTIAL).write_text("fake from systemd\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert smarthost._password() == "fake from systemd"
    assert "fake" not in repr(ToWorld("smtps://mail.test", "post@mail.test", "post", "fake"))
