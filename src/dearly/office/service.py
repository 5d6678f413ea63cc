"""Serving the office: by itself until a signal comes, or inside a loop that runs already.

    async with serve(store, clock=clock, chance=chance) as server:
        server.url

The block is entered when the office answers, and left when every request under way has had its answer. Plain HTTP is
served on loopback only; anywhere else a certificate is needed, or a reverse proxy on this machine that has one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from dearly.letter.clock import Chance, Clock
from dearly.letter.errors import CarrierTrouble, DearlyError, InUse, Refused, Usage
from dearly.letter.words import _
from dearly.office import stores
from dearly.office.app import create_app
from dearly.office.gates import MOST_HEAD, is_loopback, protocol
from dearly.office.limits import DEFAULT, Limits
from dearly.office.relaying import Relaying
from dearly.office.smarthost import PACE, Pace, Relay
from dearly.office.store import Store

log = logging.getLogger("dearly.office")

_FIRST_SWEEP_SECONDS, _SWEEP_SECONDS = 60.0, 3600.0
_STOP_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Server:
    """An office that answers. `url`: scheme, host and port."""

    url: str
    port: int


class _Uvicorn(uvicorn.Server):
    """Leaves signals alone: whoever embeds the office closes its own things first (uvicorn would raise them again)."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@asynccontextmanager
async def serve(
    store: Store,
    *,
    clock: Clock,
    chance: Chance,
    host: str = "127.0.0.1",
    port: int = 0,
    tls: tuple[Path, Path] | None = None,
    limits: Limits = DEFAULT,
    relay: Relay | None = None,
    pace: Pace = PACE,
) -> AsyncIterator[Server]:
    """The office on `host` and `port` (0: any free one) while the block runs. The store stays the caller's; `relay`,
    the smarthost if there is one, is closed here. `pace`: how it is used.

    `tls`: certificate chain and key as PEM files. Raises `Refused` (plain_http) for plain HTTP beyond loopback, `InUse`
    (port_taken), `Usage` for a host or certificate that cannot be used."""
    if tls is None and not is_loopback(host):
        raise Refused(
            "plain_http",
            _("Without a certificate the office listens on this machine only."),
            _("Give --tls-cert and --tls-key, or let a reverse proxy on this machine speak TLS."),
        )
    relaying = Relaying(store, relay, clock, chance, limits, pace) if relay is not None else None
    app = create_app(store, clock=clock, chance=chance, limits=limits, relaying=relaying)
    config = _config(app, tls, limits)
    listener = _listen(host, port)
    server = _Uvicorn(config)
    # A task of its own context: a cancelled caller stops the office below, not in the middle of an answer.
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="office")
    try:
        await _either(server.ready.wait(), serving)
        beside = [asyncio.create_task(_sweep(store, clock), name="office-sweep")]
        if relaying is not None:
            beside.append(asyncio.create_task(relaying.run(), name="office-relaying"))
        try:
            taken = listener.getsockname()[1]
            shown = f"[{host}]" if ":" in host else host
            yield Server(f"{'https' if tls else 'http'}://{shown}:{taken}", taken)
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            server.should_exit = True  # beside what follows, which may take as long
            if relaying is not None:
                await relaying.close(_STOP_SECONDS)
    finally:
        server.should_exit = True
        with suppress(asyncio.CancelledError):
            await asyncio.shield(serving)
        listener.close()


async def run(
    where: stores.Where,
    *,
    clock: Clock,
    chance: Chance,
    host: str,
    port: int,
    tls: tuple[Path, Path] | None = None,
    limits: Limits = DEFAULT,
    url: str = "",
    relay: Relay | None = None,
    pace: Pace = PACE,
    ready: Callable[[Server], Awaitable[None] | None] = lambda _server: None,
) -> None:
    """The office over that store (made if it is not there), until SIGTERM or SIGINT; then an orderly end. `relay`: the
    smarthost, if there is one, used at that `pace`.

    `url`: where people reach it, if that is not where it listens: invitations say it. `ready` is called once it
    answers. Raises as `stores.create` and `serve` do."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    store = stores.create(where, chance, limits=limits)
    try:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        async with serve(
            store, clock=clock, chance=chance, host=host, port=port, tls=tls, limits=limits, relay=relay, pace=pace
        ) as server:
            reached = url or server.url
            await store.write(lambda shelf: shelf.serving(reached))
            log.info(json.dumps({"event": "serving", "tls": tls is not None}))
            called = ready(server)
            if called is not None:
                await called
            await stop.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
        await store.close()
        log.info(json.dumps({"event": "stopped"}))


def _config(app: Callable[..., Awaitable[None]], tls: tuple[Path, Path] | None, limits: Limits) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=protocol(limits),
        ws="none",
        lifespan="off",
        loop="none",
        log_config=None,
        log_level="critical",  # its traces could quote a request; what the office has to say it says itself
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(limits.idle_seconds),
        timeout_graceful_shutdown=_STOP_SECONDS,
        h11_max_incomplete_event_size=MOST_HEAD,
        ssl_certfile=tls[0] if tls else None,
        ssl_keyfile=tls[1] if tls else None,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as e:
        why = getattr(e, "strerror", None) or type(e).__name__
        raise Usage("bad_certificate", _("The certificate or its key cannot be used: {why}.").format(why=why)) from None
    if config.ssl is not None:
        config.ssl.minimum_version = ssl.TLSVersion.TLSv1_2
    return config


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, proto, _name, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, proto)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(512)
            listener.setblocking(False)
        except BaseException:
            listener.close()
            raise
    except socket.gaierror:
        raise Usage("bad_host", _("“{host}” is no address of this machine.").format(host=host)) from None
    except (OSError, OverflowError) as e:
        why = getattr(e, "strerror", None) or type(e).__name__
        words = _("The office cannot listen on port {port}: {why}.").format(port=port, why=why)
        raise InUse("port_taken", words, _("Choose another port.")) from None
    return listener


async def _either(ready: Awaitable[object], serving: asyncio.Task[None]) -> None:
    """Wait until it is ready; raise what went wrong if it ends instead."""
    waiting = asyncio.ensure_future(ready)
    try:
        await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waiting.cancel()
    if serving.done():
        error = serving.exception()
        raise CarrierTrouble("not_serving", _("The office could not start.")) from error


async def _sweep(store: Store, clock: Clock) -> None:
    """Once an hour, let go of what has had its time; in small portions, between which others are served."""
    await asyncio.sleep(_FIRST_SWEEP_SECONDS)  # the first minute belongs to those who waited for the office
    while True:
        try:
            while await store.write(lambda shelf: shelf.sweep(clock.now(), 200)):  # noqa: ASYNC110  not a poll
                await asyncio.sleep(0.05)
        except DearlyError as e:
            log.error(json.dumps({"event": "trouble", "kind": e.code, "where": "sweep"}))  # noqa: TRY400  no trace
        await asyncio.sleep(_SWEEP_SECONDS)
