"""Every page and every act of the face: found in its table of routes and by following what its pages point at."""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser, LexborNode
from starlette.routing import Route

from dearly.desk.desk import Desk
from dearly.drawer.connection import Db
from dearly.web.app import routes
from tests.support.browser import Home
from tests.support.furnished import Furnished

Fields = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Answer:
    """What came back. `fields`: the header as it was sent, names in small letters, in order and with repetitions."""

    status: int
    fields: list[tuple[str, str]]
    body: bytes = field(repr=False)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    def one(self, name: str) -> str:
        """The value of a field that stands there once."""
        (value,) = self.all(name)
        return value

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def is_page(self) -> bool:
        return any("text/html" in value for value in self.all("content-type"))

    @property
    def page(self) -> LexborHTMLParser:
        return LexborHTMLParser(self.text)


class Wire:
    """One connection to a desk, on which a request says exactly what it is told to say, Host included."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._wire = http.client.HTTPConnection("127.0.0.1", home.port, timeout=30)

    def ask(self, method: str, path: str, fields: Fields, body: bytes = b"") -> Answer:
        """Send a request with these fields and no others but Content-Length."""
        self._wire.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in fields:
            self._wire.putheader(name, value)
        if body or method == "POST":
            self._wire.putheader("Content-Length", str(len(body)))
        try:
            self._wire.endheaders(body)
            came = self._wire.getresponse()
            return Answer(came.status, [(name.lower(), value) for name, value in came.getheaders()], came.read())
        finally:
            self._wire.close()

    def get(self, path: str, session: Mapping[str, str]) -> Answer:
        """Look at a page as a browser does that has this session."""
        return self.ask("GET", path, [*session.items(), *seen_from()])


FORM = "application/x-www-form-urlencoded"


def seen_from(site: str = "same-origin") -> Fields:
    """What a browser says of where a look at a page comes from."""
    return [("Sec-Fetch-Site", site), ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]


def form(home: Home, token: str, **values: str) -> bytes:
    """The body of one of our forms."""
    return urlencode({"token": token, **values}).encode()


@dataclass(frozen=True)
class Act:
    """A route: what is done, and a path at which there is something to do it to."""

    method: str
    route: str
    path: str


def acts(furnished: Furnished | None) -> list[Act]:
    """Every route of the face but the files, with its gaps filled from what lies on the desk."""
    found = []
    for route in routes():
        assert isinstance(route, Route), f"{route} is no plain route: it would not be tested"
        for method in sorted((route.methods or set()) - {"HEAD"}):
            found.append(Act(method, route.path, filled(route.path, furnished)))
    return found


def filled(path: str, furnished: Furnished | None) -> str:
    """A route's path with numbers and uids of what is there."""
    place = path.split("/")[1]
    numbers = {"page": "draft", "posted": "waiting", "letter": "opened", "letterbox": "letterbox"}

    def value(gap: re.Match[str]) -> str:
        name, kind = gap.group(1), gap.group(2)
        if name == "path":
            return "style.css"
        if furnished is None:
            return "1"
        if name in ("number", "n") and place in numbers:
            there = getattr(furnished, numbers[place])
            return str(there[0] if isinstance(there, tuple) else there)
        if "uid" in name or (kind != "int" and place in ("letters", "people")):
            return furnished.irma
        return "1"

    return re.sub(r"\{(\w+)(?::(\w+))?\}", value, path)


POINTERS = ("href", "src", "action", "formaction", "data", "poster", "cite", "background", "ping", "srcset")


def pointed_at(page: LexborHTMLParser) -> Iterator[tuple[LexborNode, str, str]]:
    """Everything in a page that points somewhere: the element, the attribute, the address as it stands there."""
    for name in POINTERS:
        for node in page.css(f"[{name}]"):
            yield node, name, node.attributes.get(name) or ""


def crawl(home: Home, session: Mapping[str, str], starts: Sequence[str], most: int = 400) -> dict[str, Answer]:
    """Every page that can be reached by links, pictures, scripts and looking forms from these."""
    wire, waiting, seen = Wire(home), list(dict.fromkeys(starts)), dict[str, Answer]()
    while waiting:
        path = waiting.pop(0)
        if path in seen:
            continue
        assert len(seen) < most, "the desk has no end"
        seen[path] = answer = wire.get(path, session)
        if location := answer.all("location"):
            waiting += _ours(home, path, location)
        if answer.is_page:
            page = answer.page
            for node, name, address in pointed_at(page):
                if name in ("href", "src", "data") or (name == "action" and not _posts(node)):
                    waiting += _ours(home, path, [address])
    return seen


def _posts(node: LexborNode) -> bool:
    return (node.attributes.get("method") or "get").lower() != "get"


def _ours(home: Home, path: str, addresses: Sequence[str]) -> list[str]:
    found = []
    for address in addresses:
        parts = urlsplit(urljoin(home.origin + path, address))
        if parts.scheme == "http" and parts.netloc == home.host:
            found.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return found


async def everything(desk: Desk) -> dict[str, list[str]]:
    """Every row of every table of the drawer."""

    def work(db: Db) -> dict[str, list[str]]:
        names = [name for (name,) in db.all("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        return {name: sorted(map(repr, db.all(f'SELECT * FROM "{name}"'))) for name in names}

    return await desk.drawer.read(work)


def differences(before: Mapping[str, list[str]], after: Mapping[str, list[str]]) -> list[str]:
    """The tables that are not as they were."""
    return [name for name in before | after if before.get(name) != after.get(name)]
