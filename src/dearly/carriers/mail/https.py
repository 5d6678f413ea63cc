"""One question to a web server, bounded in every way: of finding settings, of signing in, and of relays.

The certificate is verified wherever the address begins with https; that it does is the caller's to see to. No cookies,
no proxies of the environment, no redirect followed here. None of the HTTP library's errors leaves this module.
"""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from dearly.carriers.base import said
from dearly.carriers.mail import tls
from dearly.letter.words import _

if TYPE_CHECKING:
    import httpx

MOST = 64 * 1024

for _name in ("httpx", "httpcore"):  # they would write addresses asked for, and headers, into whatever log there is
    logging.getLogger(_name).setLevel(logging.CRITICAL + 1)


@dataclass(frozen=True, slots=True)
class Answer:
    """`location`: of a redirect, else ""."""

    status: int
    location: str
    body: bytes = field(repr=False)


class Silent(Exception):
    """No complete answer. `why`: for a person. `untrusted`: the certificate is not to be trusted."""

    def __init__(self, why: str, *, untrusted: bool = False) -> None:
        super().__init__(why)
        self.why, self.untrusted = why, untrusted


async def ask(
    method: str,
    url: str,
    *,
    seconds: float,
    form: Mapping[str, str] | None = None,
    accept: str = "*/*",
    ca: str | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Answer:
    """One exchange, its answer at most `MOST` octets, all of it within `seconds`. `form`: posted as a web form. `ca`:
    PEM of the only authority that is trusted. `transport`: of a test. Raises `Silent`, and `Usage` (bad_ca_file)."""
    import httpx

    headers = {"Accept": accept, "Accept-Encoding": "identity", "User-Agent": "Dearly", "Connection": "close"}
    host = said(urlsplit(url).hostname)
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(
                headers=headers,
                verify=tls.context(ca) if transport is None else True,
                transport=transport,
                trust_env=False,
                follow_redirects=False,
                # Connecting, and the TLS after it, must have ended by themselves before the whole time is over: the
                # library leaves a socket open that is given up in the midst of that.
                timeout=httpx.Timeout(seconds, connect=0.4 * seconds),
            ) as client,
            client.stream(method, url, data=form) as answer,
        ):
            return await _whole(answer, host)
    except (TimeoutError, httpx.TimeoutException):
        raise Silent(_("{host} did not answer in time.").format(host=host)) from None
    except httpx.RemoteProtocolError:  # also where it sends us on to what is no web address
        raise Silent(_("The answer of {host} cannot be read.").format(host=host)) from None
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError) as trouble:
        raise _silent(trouble, host) from None


async def _whole(answer: httpx.Response, host: str) -> Answer:
    body = bytearray()
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise Silent(_("The answer of {host} cannot be read.").format(host=host))
    async for piece in answer.aiter_raw():
        body += piece
        if len(body) > MOST:
            raise Silent(_("The answer of {host} is larger than any such answer is.").format(host=host))
    return Answer(answer.status_code, answer.headers.get("location", ""), bytes(body))


def _silent(trouble: BaseException, host: str) -> Silent:
    cause: BaseException | None = trouble
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            why = said(cause.verify_message)
            return Silent(
                _("The certificate of {host} is not to be trusted: {why}.").format(host=host, why=why), untrusted=True
            )
        cause = cause.__cause__ or cause.__context__
    return Silent(_("There is no connection to {host}.").format(host=host))


def json_object(body: bytes) -> Mapping[str, Any]:
    """The JSON object that `body` is; {} for anything else."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
