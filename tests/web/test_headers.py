"""What every answer says to the browser: pages, files, refusals, what goes wrong (rule 7 of test_security_rules)."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator

import pytest

from tests.support.browser import Home
from tests.support.crawling import Answer, Wire, acts, crawl, pointed_at, seen_from
from tests.support.furnished import NAMES, OUTSIDE, Furnished
from tests.web.conftest import DeskOf

PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; font-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'; frame-src 'none'"
)
FRAME = "default-src 'none'; img-src data:; style-src 'none'; sandbox; frame-ancestors 'self'"
EXACT = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-embedder-policy": "require-corp",
    "cache-control": "no-store",
}
NEVER = ("server", "date", "etag", "last-modified", "expires", "x-powered-by", "service-worker-allowed")


def complaints(answer: Answer) -> list[str]:
    """What an answer says that it should not, or fails to say."""
    found = [f"{name}: {answer.all(name)}" for name, value in EXACT.items() if answer.all(name) != [value]]
    found += [f"{name} is said" for name in NEVER if answer.all(name)]
    found += [f"{name} is said" for name, _value in answer.fields if name.startswith("access-control")]
    found += [f"cookie {c}" for c in answer.all("set-cookie") if not c.startswith("__Host-desk=")]
    features = " ".join(answer.all("permissions-policy"))
    if "camera=()" not in features or "geolocation=()" not in features or re.search(r"=\((?!\))", features):
        found.append(f"permissions-policy: {features}")
    return found + _policy(answer)


def _policy(answer: Answer) -> list[str]:
    policies, framed = answer.all("content-security-policy"), answer.all("x-frame-options")
    if policies == [FRAME]:
        return [] if framed == [] else ["the frame cannot be framed"]
    if len(policies) != 1 or framed != ["DENY"]:
        return [f"policy {policies}, frame {framed}"]
    if "sandbox" in policies[0] and policies[0].startswith("default-src 'none'"):
        return []  # an enclosure, which is saved and never shown
    plain = re.sub(r" 'sha256-[A-Za-z0-9+/]{43}='", "", policies[0]).replace("frame-src 'self'", "frame-src 'none'")
    return [] if plain == PAGE else [f"policy {policies}"]


@pytest.fixture(scope="module")
def found(furnished: Furnished) -> dict[str, Answer]:
    """Every page that can be reached from anywhere at a desk with everything on it."""
    key, _token = furnished.home.session()
    session = {"Host": furnished.home.host, "Cookie": f"__Host-desk={key}"}
    routes = [act.path for act in acts(furnished) if act.method == "GET"]
    return crawl(furnished.home, session, [*furnished.paths.values(), *routes])


def pages(found: dict[str, Answer]) -> Iterator[tuple[str, Answer]]:
    return ((path, answer) for path, answer in found.items() if answer.is_page)


def test_the_crawler_sees_the_desk(found: dict[str, Answer]) -> None:
    assert found["/"].status == 200
    assert found["/static/style.css"].status == 200
    assert sum(answer.status == 200 for answer in found.values()) > 10


def test_every_answer_says_how_little_may_be_done_with_it(found: dict[str, Answer]) -> None:
    assert {path: wrong for path, answer in found.items() if (wrong := complaints(answer))} == {}


def test_every_link_leads_somewhere(found: dict[str, Answer]) -> None:
    assert {path: answer.status for path, answer in found.items() if answer.status >= 500} == {}
    linked = {
        (path, address)
        for path, answer in pages(found)
        for node, name, address in pointed_at(answer.page)
        if name in ("href", "src")
        and address.startswith("/")
        and not address.endswith("/picture/there")  # it is none, and its words stand there instead
    }
    lost = {(path, address) for path, address in linked if found[address.partition("#")[0]].status >= 400}
    assert lost == set()


def test_there_is_no_script_or_style_in_a_page(found: dict[str, Answer]) -> None:
    """But the import map, which the policy knows by its hash."""
    wrong = []
    for path, answer in pages(found):
        for node in answer.page.css("script:not([src]), style"):
            if node.attributes.get("type") not in ("importmap", "application/json"):
                wrong.append((path, node.html))
        wrong += [(path, node.html) for node in answer.page.css("[style]")]
        wrong += [
            (path, name)
            for node in answer.page.css("*")
            for name, value in node.attributes.items()
            if name.startswith("on") or (value or "").strip().lower().startswith("javascript:")
        ]
    assert wrong == []


def test_nothing_points_outside(found: dict[str, Answer], furnished: Furnished) -> None:
    """But the words of a letter that lead out, and those only by a link that says nothing of where it stood."""
    wrong = []
    for path, answer in pages(found):
        for node, name, address in pointed_at(answer.page):
            outside = re.match(r"(?:[a-z][a-z0-9+.-]*:|//|\\)", address, re.IGNORECASE)
            if not outside or address.startswith(("data:image/", "blob:")):
                continue
            leads = node.tag == "a" and name == "href" and re.match(r"(https?://|mailto:)", address)
            if not leads or "noreferrer" not in (node.attributes.get("rel") or ""):
                wrong.append((path, name, address))
    assert wrong == []
    assert any(OUTSIDE in answer.text for _path, answer in pages(found)), "no letter with links was read"


def test_every_form_carries_the_token_and_is_not_remembered(found: dict[str, Answer]) -> None:
    wrong = []
    for path, answer in pages(found):
        for form in answer.page.css("form"):
            method = (form.attributes.get("method") or "get").lower()
            if method == "dialog":
                continue
            if method != "post":
                # It may only look, and nothing that a person types may stand in an address.
                typed = form.css("textarea, select, input:not([type=hidden])")
                wrong += [(path, "typed into an address", field.html) for field in typed]
                continue
            if form.css_first('input[type="hidden"][name="token"]') is None:
                wrong.append((path, "without a token", form.attributes.get("action")))
            if form.attributes.get("autocomplete") != "off":
                wrong.append((path, "remembered", form.attributes.get("action")))
        for field in answer.page.css("textarea, input"):
            kind = (field.attributes.get("type") or "text").lower()
            if kind in ("hidden", "checkbox", "radio", "submit", "button", "file", "range"):
                continue
            if field.attributes.get("autocomplete") not in ("off", "current-password", "new-password"):
                wrong.append((path, "a field that is remembered", field.attributes.get("name")))
    assert wrong == []


def test_titles_and_addresses_name_nobody(found: dict[str, Answer]) -> None:
    """They lie in the browser's history (decision: titles name the act)."""
    words = [word for name in NAMES for word in name.split()] + ["Ada"]
    for path, answer in pages(found):
        title = answer.page.css_first("title")
        if title is None:
            assert "/frame" in path
            continue
        assert not [word for word in words if word in title.text()], path
    for path in found:
        named = re.sub(r"[0-9a-f]{16,}", "", path.lower())  # chance writes names into uids, too
        assert not [word for word in words if word.lower() in named], path


def test_a_page_names_its_language_and_parts(found: dict[str, Answer]) -> None:
    for path, answer in pages(found):
        if "/frame" in path or answer.status != 200:
            continue
        assert answer.page.css_first("html").attributes.get("lang"), path
        assert len(answer.page.css("main")) == 1, path
        assert len(answer.page.css("h1")) == 1, path


@pytest.mark.parametrize(
    ("what", "status"),
    [
        ("GET /nowhere", 404),
        ("GET /static/nowhere.css", 404),
        ("GET /static/..%2fapp.py", 404),
        ("GET /static//etc/passwd", 404),
        ("GET /page/999999", 404),
        ("GET /letters/nobody", 404),
        ("GET /page/x", 404),
        ("DELETE /", 405),
        ("PUT /letterbox", 405),
        ("OPTIONS /", 405),
        ("TRACE /", 405),
        ("HEAD /", 200),
    ],
)
def test_refusals_say_it_too(furnished: Furnished, what: str, status: int) -> None:
    home = furnished.home
    key, _token = home.session()
    method, path = what.split()
    answer = Wire(home).ask(method, path, [("Host", home.host), ("Cookie", f"__Host-desk={key}"), *seen_from()])
    assert (answer.status, complaints(answer)) == (status, [])


def test_wrong_names_say_it_too(furnished: Furnished) -> None:
    answer = Wire(furnished.home).ask("GET", "/", [("Host", "127.0.0.1")])
    assert (answer.status, complaints(answer)) == (421, [])


def test_what_is_too_large_says_it_too(furnished: Furnished) -> None:
    home = furnished.home
    key, token = home.session()
    fields = [
        ("Host", home.host), ("Origin", home.origin), ("Cookie", f"__Host-desk={key}"), ("Dearly-Token", token),
    ]  # fmt: skip
    large = [*fields, ("Content-Type", "application/x-www-form-urlencoded")]
    answer = Wire(home).ask("POST", "/page/new", large, b"to=" + b"x" * (2 << 20))
    assert complaints(answer) == []
    assert answer.status in (409, 413)
    with socket.create_connection(("127.0.0.1", home.port)) as wire:
        head = "".join(f"{name}: {value}\r\n" for name, value in large)
        wire.sendall(
            f"POST /page/new HTTP/1.1\r\n{head}Connection: close\r\nContent-Length: 999999999999\r\n\r\n".encode()
        )
        answer = _read(wire)
    assert (answer.status, complaints(answer)) == (413, [])


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100 + b"\r\n\r\n",
    ],
)
def test_what_is_not_http_is_told_so_no_more_than_that(furnished: Furnished, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", furnished.home.port), timeout=10) as wire:
        wire.sendall(sent)
        answer = _read(wire)
    assert (answer.status, complaints(answer)) == (400, [])
    assert len(answer.body) < 200


def _read(wire: socket.socket) -> Answer:
    came = b""
    wire.settimeout(10)
    while more := wire.recv(65536):
        came += more
    head, _, body = came.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    fields = [(name.lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Answer(int(first.split()[1]), fields, body)


def test_our_own_faults_say_it_too_and_quote_nothing(desk_of: DeskOf, monkeypatch: pytest.MonkeyPatch) -> None:
    home: Home = desk_of("Fault")
    key, _token = home.session()

    async def fails(*_given: object) -> None:
        raise RuntimeError("SECRET-MARKER")

    monkeypatch.setattr(type(home.desk.drawer), "read", fails)
    answer = Wire(home).ask("GET", "/letterbox", [("Host", home.host), ("Cookie", f"__Host-desk={key}"), *seen_from()])
    assert (answer.status, complaints(answer)) == (500, [])
    assert b"SECRET" not in answer.body
    assert b"Traceback" not in answer.body
