"""A writing page with nothing around it, for tests of the editor: the real templates, script, styles and gate, and a
desk that only remembers what it was sent."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import uvicorn
from babel import Locale
from markupsafe import Markup
from playwright.sync_api import Page
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from dearly.web import static_files, vendor
from dearly.web.app import environment
from dearly.web.gate import POLICY, Gate
from tests.support.browser import Windows, without
from tests.support.furnished import png

PAGE = """
{% extends "base.html" %}
{% block scripts %}
{% if not bare %}
{% if importmap %}<script type="importmap">{{ importmap }}</script>{% endif %}
<script type="application/json" id="editor-data">{{ brought|tojson }}</script>
<script type="module" src="/begin.js"></script>
{% endif %}
{% endblock %}
{% block top %}
<header class="writing-top"><div class="inner"><a class="back" href="/">{{ _("To the desk") }}</a>
{% include "editor_tools.html" %}
</div>{% include "editor_slips.html" %}</header>
{% endblock %}
{% block main %} class="room"{% endblock %}
{% block content %}
<h1 class="aloud">A letter</h1>
<form class="writing" method="post" action="/page/7/save" autocomplete="off"><div><div class="sheet">
<div class="letter editor"><label class="aloud" for="text">The letter</label>
<textarea id="text" name="text" data-page="7" autocomplete="off" spellcheck="true" rows="24">
{{ text }}</textarea></div></div>
<p class="acts"><button class="button" type="submit">Save</button></p></div></form>
{% endblock %}
"""
BEGIN = """
import { makeEditor } from "/static/editor.js";
window.editor = await makeEditor(document.getElementById("text"));
document.documentElement.dataset.ready = "";
"""
TOKEN = "not-a-secret-of-anyone"


@dataclass
class Sheet:
    """The desk behind the page: what it brings, how it answers, and what it was sent."""

    origin: str = ""
    text: str = ""
    brought: dict[str, Any] = field(default_factory=dict)
    rich: bool = True
    bare: bool = False
    """Whether the page has no script at all."""
    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    """To pictures and enclosures, in order; then pictures are taken."""
    sent: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    trusted: bool = False
    """Whether the page's policy wants Trusted Types as well."""


def _app(sheet: Sheet) -> Starlette:
    templates = environment()

    async def page(_request: Request) -> Response:
        found = vendor.importmap() if sheet.rich else None
        visit = SimpleNamespace(
            locale=Locale("en"),
            appearance=SimpleNamespace(theme="", size=""),
            session=SimpleNamespace(token=TOKEN),
        )
        text = templates.from_string(PAGE).render(
            visit=visit, said=None, token=lambda: Markup(), text=sheet.text, brought=sheet.brought,
            importmap=found.text if found else "", bare=sheet.bare,
        )  # fmt: skip
        policy = POLICY.format(scripts=f" {found.source}" if found else "", frames="'none'")
        if sheet.trusted:
            policy += "; require-trusted-types-for 'script'; trusted-types"
        return Response(text, media_type="text/html", headers={"content-security-policy": policy})

    async def sent(request: Request) -> Response:
        sheet.sent.append((str(request.url.path) + (f"?{request.url.query}" if request.url.query else ""),
                           dict(request.headers), await request.body()))  # fmt: skip
        if sheet.answers:
            status, answer = sheet.answers.pop(0)
            return JSONResponse(answer, status)
        return JSONResponse({"cid": f"p{len(sheet.sent)}", "width": 640, "height": 400, "name": "x.png"})

    async def shown(_request: Request) -> Response:
        return Response(png(640, 400, 190), media_type="image/png")

    async def begin(_request: Request) -> Response:
        return Response(BEGIN, media_type="text/javascript")

    return Starlette(
        routes=[
            Route("/page/7", page),
            Route("/begin.js", begin),
            Route("/page/7/{act:str}", sent, methods=["POST"]),
            Route("/page/7/picture/{cid}", shown),
            Route("/static/{path:path}", static_files.serve),
        ]
    )


@contextmanager
def a_sheet() -> Iterator[Sheet]:
    """Serve one on a port of its own."""
    sheet = Sheet()
    listening = socket.create_server(("127.0.0.1", 0))
    host = f"127.0.0.1:{listening.getsockname()[1]}"
    sheet.origin = f"http://{host}"
    config = uvicorn.Config(Gate(_app(sheet), host, most_body=96 << 20, streams={}), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: server.run(sockets=[listening]))
    thread.start()
    try:
        yield sheet
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def as_json(value: object) -> Any:
    """As a browser's `JSON.parse(JSON.stringify(...))`."""
    return json.loads(json.dumps(value))


def open_sheet(
    windows: Windows,
    sheet: Sheet,
    text: str = "",
    *,
    rich: bool = True,
    js: bool = True,
    brought: dict[str, Any] | None = None,
    **how: Any,
) -> Page:
    """A window with the page and this text, the caret in it; `rich` asks for the sheet. At the end of the test nothing
    may have broken the policy, thrown, or asked another host."""
    if rich and vendor.importmap() is None:
        without("the sheet's files are not there (make vendor)")
    sheet.text, sheet.rich, sheet.brought, sheet.trusted = text, rich, brought or {}, True
    sheet.sent.clear()
    sheet.answers.clear()
    context = windows.browser.new_context(java_script_enabled=js, reduced_motion="reduce", **how)
    context.set_default_timeout(10_000)
    windows.watch(context, sheet.origin)
    windows._open.callback(context.close)
    page = context.new_page()
    page.goto(sheet.origin + "/page/7")
    if js:
        page.wait_for_selector("[data-ready]")
        assert page.evaluate("editor.rich") == rich
        page.evaluate("editor.focus()")
    return page


def text(page: Page) -> str:
    """What the editor holds."""
    found = page.evaluate("editor.text()")
    assert isinstance(found, str)
    return found


def until(page: Page, expression: str, seconds: float = 10) -> None:
    """Wait until this is so. (Playwright's own wait evaluates in the page, which the page's policy forbids.)"""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"{expression} did not come true"
        page.wait_for_timeout(25)


def put(page: Page, marked: str) -> None:
    """Text with the selection between two bars, or the caret at one."""
    parts = marked.split("|")
    page.evaluate("([text, caret]) => editor.set(text, caret)", ["".join(parts), len(parts[0])])
    page.evaluate("editor.focus()")
    if len(parts) == 3:
        for _letter in parts[1]:
            page.keyboard.press("Shift+ArrowRight")
