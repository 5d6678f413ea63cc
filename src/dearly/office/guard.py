"""What stands around every request of the office: its headers, its problem documents, its one line of log."""

from __future__ import annotations

import asyncio
import json
import logging
import time

from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from dearly.letter.words import _
from dearly.office.limits import Limits
from dearly.office.metrics import Metrics

log = logging.getLogger("dearly.office")

HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
    "referrer-policy": "no-referrer",
}


class Guard:
    """Around everything: a time limit on slow readers, our errors as problem documents, and one line of log.

    The line says what was done and how it ended; never who, to whom, what about, nor any id, token or address."""

    def __init__(self, app: ASGIApp, limits: Limits, metrics: Metrics) -> None:
        self._app, self._limits, self._metrics = app, limits, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.monotonic()
        self._metrics.begun()
        status = 0
        head: Message = {}

        async def bounded(message: Message) -> None:
            nonlocal status, head
            if message["type"] == "http.response.start":
                head = message  # it leaves with the first piece of the body, under one timer
                return
            async with asyncio.timeout(3 * self._limits.body_seconds):
                if not status:
                    status = head["status"]
                    await send(head)
                await send(message)

        try:
            await self._app(scope, receive, bounded)
        except ClientDisconnect:
            pass  # nobody is there to be answered
        except Exception as e:  # noqa: BLE001  the last place that can answer; what it was goes to the log by name
            log.error(_line(event="trouble", kind=type(e).__name__, where=_where(e)))  # noqa: TRY400  a trace could quote mail
            if status:
                raise ConnectionError from None  # uvicorn closes the connection: half an answer must not look whole
            await problem(500, "about:blank", _("The office made a mistake."))(scope, receive, bounded)
        finally:
            done, spent = getattr(scope.get("endpoint"), "__name__", "other"), time.monotonic() - begun
            self._metrics.answered(done, status, spent)
            if log.isEnabledFor(logging.INFO):
                log.info(_line(event="answered", act=done, status=status, ms=round(spent * 1000)))


def _line(**what: object) -> str:
    return json.dumps(what)


def _where(error: BaseException) -> str:
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_name}:{trace.tb_lineno}" if trace else ""


def json_answer(value: object, status: int = 200) -> Response:
    return Response(json.dumps(value), status, HEADERS, "application/json")


def problem(status: int, kind: str, detail: str, headers: dict[str, str] | None = None, **more: object) -> Response:
    """RFC 9457."""
    value = {"type": kind, "status": status, "detail": detail, **more}
    return Response(json.dumps(value), status, HEADERS | (headers or {}), "application/problem+json")
