"""Every route, and every way to ask for it wrongly: all are refused, and nothing on the desk is changed by any of them.

(A38, A39; rules 2, 3, 5 and 13 of test_security_rules: what another site or another program of this machine can do.)
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.support.browser import Home
from tests.support.crawling import FORM, Act, Wire, acts, differences, everything, form, seen_from
from tests.support.furnished import Furnished

REFUSED = {401, 403, 405, 421}
LED = {"/locked", "/launch", "/welcome"}

OPEN_TO_ALL = {
    "/launch", "/locked", "/locked/kit", "/locked/close", "/unlock", "/presence", "/keys", "/answer/{key}", "/welcome",
    "/welcome/strength", "/static/{path:path}",
}  # fmt: skip
"""Where somebody without a seat may look or ask; each of them has tests of its own."""


@dataclass(frozen=True)
class Wrong:
    """A wrong way to ask: the fields that differ from what our own page sends; None leaves a field out."""

    name: str
    fields: tuple[tuple[str, str | None], ...]

    def asked(self, right: list[tuple[str, str]]) -> list[tuple[str, str]]:
        replaced = {name for name, _value in self.fields}
        return [(n, v) for n, v in right if n not in replaced] + [(n, v) for n, v in self.fields if v is not None]


def names(home: Home) -> list[Wrong]:
    """Wrong names (rule 2)."""
    name, _, port = home.host.partition(":")
    wrong = {
        "foreign": "elsewhere.invalid",
        "foreign, our port": f"elsewhere.invalid:{port}",
        "another desk": f"0123456789abcdef.localhost:{port}",
        "plain loopback": f"127.0.0.1:{port}",
        "localhost": f"localhost:{port}",
        "version 6": f"[::1]:{port}",
        "without port": name,
        "other port": f"{name}:{int(port) - 1}",
        "suffix": f"{home.host}.elsewhere.invalid",
        "suffix before port": f"{name}.elsewhere.invalid:{port}",
        "prefix": f"x{home.host}",
        "below": f"x.{home.host}",
        "upper case": home.host.upper(),
        "trailing dot": f"{name}.:{port}",
        "somebody at": f"x@{home.host}",
        "list": f"{home.host}, {home.host}",
        "empty": "",
    }
    return [
        *(Wrong(f"Host {kind}", (("Host", value),)) for kind, value in wrong.items()),
        # Two names, and none, are no HTTP/1.1 (RFC 9112 3.2): http11 says so before there is a request.
    ]


def origins(home: Home) -> list[Wrong]:
    """Requests that change something, from elsewhere (rule 3)."""
    name, _, port = home.host.partition(":")
    wrong = [
        None, "null", "", "https://elsewhere.invalid", f"https://{home.host}", f"http://{name}",
        f"http://{name}:{int(port) + 1}", f"http://localhost:{port}", f"http://127.0.0.1:{port}", home.origin.upper(),
        home.origin + "/", home.origin + ".elsewhere.invalid", f"http://x.{home.host}",
    ]  # fmt: skip
    return [
        *(Wrong(f"Origin {value}", (("Origin", value),)) for value in wrong),
        Wrong("two origins", (("Origin", home.origin), ("Origin", home.origin))),
        *(Wrong(f"Sec-Fetch-Site {s}", (("Sec-Fetch-Site", s),)) for s in ("cross-site", "same-site", "none", "x")),
    ]


def right(home: Home, act: Act, key: str, token: str) -> list[tuple[str, str]]:
    """What our own page sends."""
    fields = [("Host", home.host), ("Cookie", f"__Host-desk={key}")]
    if act.method == "GET":
        return [*fields, *seen_from()]
    more = [("Origin", home.origin), ("Sec-Fetch-Site", "same-origin"), ("Content-Type", FORM), ("Dearly-Token", token)]
    return fields + more


@pytest.fixture(autouse=True)
def unchanged(furnished: Furnished) -> Iterator[None]:
    """Whatever these tests ask for, the desk is as before, open, and under the same sessions."""
    home = furnished.home
    before, state, opening = home.run(everything(home.desk)), home.keeper.state, home.keeper.opening
    sessions = set(home.face.sessions._by_key)
    yield
    assert (home.keeper.state, home.keeper.opening) == (state, opening)
    assert differences(before, home.run(everything(home.desk))) == []
    assert sessions <= set(home.face.sessions._by_key)


def refused(home: Home, act: Act, wrong: Wrong, expected: set[int], key: str, token: str) -> list[str]:
    body = form(home, token) if act.method == "POST" else b""
    answer = Wire(home).ask(act.method, act.path, wrong.asked(right(home, act, key, token)), body)
    fine = answer.status in expected and not answer.all("set-cookie") and len(answer.body) < 200
    return [] if fine else [f"{act.method} {act.route}, {wrong.name}: {answer.status}"]


def test_no_route_answers_to_another_name(furnished: Furnished) -> None:
    home = furnished.home
    key, token = home.session()
    found = [
        m for act in acts(furnished) for wrong in names(home) for m in refused(home, act, wrong, {421}, key, token)
    ]
    assert not found, "\n".join(map(str, found))
    for version in (b"GET / HTTP/1.0\r\n\r\n",):
        assert _raw(home, version).startswith(b"HTTP/1.1 421 ")
    for twice in ("GET / HTTP/1.1\r\nHost: {0}\r\nHost: {0}\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"):
        assert _raw(home, twice.format(home.host).encode()).startswith(b"HTTP/1.1 400 ")
    # An address in the request line does not stand in for the name (RFC 9112 3.2.2).
    assert _raw(home, f"GET {home.origin}/ HTTP/1.1\r\nHost: x\r\n\r\n".encode()).startswith(b"HTTP/1.1 421 ")


def _raw(home: Home, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", home.port), timeout=10) as wire:
        wire.sendall(sent)
        wire.shutdown(socket.SHUT_WR)
        came = b""
        while more := wire.recv(65536):
            came += more
        return came


def test_no_act_is_done_for_another_origin(furnished: Furnished) -> None:
    home = furnished.home
    key, token = home.session()
    posts = [act for act in acts(furnished) if act.method == "POST"]
    assert [m for act in posts for wrong in origins(home) for m in refused(home, act, wrong, {403}, key, token)] == []


def test_nothing_is_a_part_of_another_sites_page(furnished: Furnished) -> None:
    """A link may lead here from elsewhere; a picture, a script, a frame or a fetch may not have what it finds."""
    home = furnished.home
    key, token = home.session()
    kinds = [
        ("no-cors", "image"),
        ("no-cors", "script"),
        ("cors", "empty"),
        ("navigate", "iframe"),
        ("no-cors", "style"),
    ]
    looks = [act for act in acts(furnished) if act.method == "GET"]
    assert [
        m
        for act in looks
        for site in ("cross-site", "same-site")
        for mode, dest in kinds
        for m in refused(
            home,
            act,
            Wrong(f"{site} {mode}", (("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", mode), ("Sec-Fetch-Dest", dest))),
            {403},
            key,
            token,
        )
    ] == []


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY"])
def test_other_methods_do_nothing(furnished: Furnished, method: str) -> None:
    home = furnished.home
    key, token = home.session()
    for act in acts(furnished):
        fields = right(home, Act("POST", act.route, act.path), key, token)
        answer = Wire(home).ask(method, act.path, fields)
        assert answer.status in (404, 405), act
    # Nor do they when a field or a form says that another was meant.
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"):
        answer = Wire(home).ask("GET", "/lock", [("Host", home.host), ("Cookie", f"__Host-desk={key}"), (name, "POST")])
        assert answer.status == 200  # the page that asks how to lock; `unchanged` sees that nothing was


def test_without_a_session_nothing_is_shown_or_done(furnished: Furnished) -> None:
    """None, one that never was, one that ended, and another desk's."""
    home = furnished.home
    key, token = home.session()
    other, _token = home.quarter.bare("other").session()
    cookies = [None, "__Host-desk=", "__Host-desk=" + "A" * 43, f"__Host-desk={other}", f"desk={key}",
               f"__host-desk={key}", f"__Host-desk={key}x"]  # fmt: skip
    found = []
    for act in acts(furnished):
        if act.route in OPEN_TO_ALL and act.method == "GET":
            continue
        for cookie in cookies:
            asked = Wrong(f"cookie {cookie}", (("Cookie", cookie),)).asked(right(home, act, key, token))
            answer = Wire(home).ask(act.method, act.path, asked, form(home, token) if act.method == "POST" else b"")
            led = answer.status == 303 and answer.one("location") in LED
            if not (led or answer.status in REFUSED or (act.route in OPEN_TO_ALL and answer.status == 400)):
                found.append((act, cookie, answer.status))
    assert not found, "\n".join(map(str, found))


def test_without_the_token_nothing_is_done(furnished: Furnished) -> None:
    """A cookie alone is not enough: none, another session's, and one that is where it does not count."""
    home = furnished.home
    key, token = home.session()
    _key, other = home.session()
    found = []
    for act in acts(furnished):
        if act.method != "POST":
            continue
        base = [(n, v) for n, v in right(home, act, key, token) if n not in ("Dearly-Token", "Content-Type")]
        tries = {
            "none": (act.path, [("Content-Type", FORM)], b""),
            "empty": (act.path, [("Content-Type", FORM)], b"token="),
            "another's": (act.path, [("Content-Type", FORM)], form(home, other)),
            "the cookie": (act.path, [("Content-Type", FORM)], form(home, key)),
            "in the address": (f"{act.path}?token={token}", [("Content-Type", FORM)], b""),
            "in plain text": (act.path, [("Content-Type", "text/plain")], form(home, token)),
            "in JSON": (act.path, [("Content-Type", "application/json")], b'{"token":"%s"}' % token.encode()),
            "another's, in a field": (act.path, [("Content-Type", FORM), ("Dearly-Token", other)], form(home, token)),
            "in a field, for a kind that is none of ours": (
                act.path,
                [("Content-Type", "text/plain"), ("Dearly-Token", token)],
                b"x",
            ),
            "in a field, without a kind": (act.path, [("Dearly-Token", token)], b"x"),
        }
        for name, (path, more, body) in tries.items():
            answer = Wire(home).ask("POST", path, [*base, *more], body)
            if answer.status not in (400, 401, 403, 415) or answer.all("set-cookie"):
                found.append(f"{act.path}, {name}: {answer.status}")
    assert not found, "\n".join(map(str, found))


def test_looking_changes_nothing(furnished: Furnished) -> None:
    """Every page that is looked at, from the desk to the enclosure: `unchanged` compares every row."""
    home = furnished.home
    key, token = home.session()
    for act in acts(furnished):
        if act.method == "GET":
            Wire(home).ask("GET", act.path, right(home, act, key, token))
    for path in furnished.paths.values():
        Wire(home).ask("GET", path, right(home, Act("GET", path, path), key, token))
