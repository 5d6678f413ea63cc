"""Signing in with OAuth 2 as an installed program: RFC 6749 4.1, RFC 7636 (S256), RFC 8252 (loopback redirect).

The person signs in at the provider, in their browser; we never see the password. The browser is sent back to a port of
127.0.0.1 that exists for this one sign-in, with a code that is worth nothing without the verifier which we kept.
Tokens are shown in no text, no log and no URL.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from dearly.carriers.base import said
from dearly.carriers.mail.https import Silent, ask, json_object
from dearly.carriers.mail.loopback import waiting
from dearly.letter.account import OAuthClient
from dearly.letter.errors import CarrierTrouble, DearlyError, Usage
from dearly.letter.suggestion import OAuthHint, https, within
from dearly.letter.words import _

if TYPE_CHECKING:
    import httpx

PATIENCE = 300.0
"""Seconds that a person has to sign in."""

SECONDS = 30.0
"""For one question to a provider."""

UNSAID = 600
"""Seconds that an access token is taken to be good for where the provider does not say (RFC 6749 5.1)."""

LONGEST_TOKEN = 16 * 1024

KNOWN: Mapping[str, OAuthHint] = {
    # Addresses only, as the providers publish them (seen in 2026); a client id is the person's to bring.
    "Google": OAuthHint(
        "accounts.google.com",
        "https://accounts.google.com/o/oauth2/v2/auth",
        "https://oauth2.googleapis.com/token",
        "https://mail.google.com/",
    ),
    "Microsoft": OAuthHint(
        "login.microsoftonline.com",
        "https://login.microsoftonline.com/common/oauth2/v2.0/authorize",
        "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        "https://outlook.office.com/IMAP.AccessAsUser.All https://outlook.office.com/SMTP.Send offline_access",
    ),
    "Fastmail": OAuthHint(
        "api.fastmail.com",
        "https://api.fastmail.com/oauth/authorize",
        "https://api.fastmail.com/oauth/refresh",
        "https://www.fastmail.com/dev/protocol-imap https://www.fastmail.com/dev/protocol-smtp",
    ),
}
_KNOWN_BY_HOST = {
    "gmail.com": "Google",
    "googlemail.com": "Google",
    "office365.com": "Microsoft",
    "outlook.com": "Microsoft",
    "outlook.office.com": "Microsoft",
    "fastmail.com": "Fastmail",
}
_LOCALHOST = frozenset({"login.microsoftonline.com"})
"""Providers that let any port pass for http://localhost, but for http://127.0.0.1 only in a registration edited by
hand. Everybody else is sent to 127.0.0.1, as RFC 8252 8.3 advises."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """`access`: what servers take, good for `lasts` seconds from now. `refresh`: what a new one is got with; "" where
    the provider gave none (then the person signs in again)."""

    access: str = field(repr=False)
    lasts: int
    refresh: str = field(repr=False)


def known(host: str) -> OAuthHint | None:
    """Where the provider of the mail server `host` signs people in, if it is one of the few that we know."""
    names = (name for domain, name in _KNOWN_BY_HOST.items() if within(host, domain))
    return next((KNOWN[name] for name in names), None)


async def authorize(
    client: OAuthClient,
    open_browser: Callable[[str], None],
    *,
    user: str = "",
    ca: str | None = None,
    patience: float = PATIENCE,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Tokens:
    """Let the person sign in. `open_browser` is called once, with the provider's address; it holds no secret, but
    better not put it into an argument list, which other people of this machine may read. `user`: whom the provider
    should expect (login_hint). `ca`: PEM of a private authority. `transport`: of a test.

    Raises `Usage` (bad_oauth_client) for a client that cannot be meant; `CarrierTrouble`: sign_in_refused (the person
    or the provider said no), sign_in_timed_out, sign_in_failed (no sense in what the provider answers; retry says
    whether it may pass)."""
    _check(client)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    provider = urlsplit(client.authorize_url).hostname or ""
    async with waiting(state, "localhost" if provider in _LOCALHOST else "127.0.0.1") as loopback:
        question = {
            "response_type": "code",
            "client_id": client.client_id,
            "redirect_uri": loopback.url,
            "scope": client.scope,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        if user:
            question["login_hint"] = user
        joint = "&" if urlsplit(client.authorize_url).query else "?"
        await asyncio.to_thread(open_browser, client.authorize_url + joint + urlencode(question))
        try:
            answer = await loopback.answer(patience)
        except TimeoutError:
            raise CarrierTrouble(
                "sign_in_timed_out",
                _("Nobody signed in at {provider} within {n} minutes.").format(
                    provider=said(provider), n=max(1, round(patience / 60))
                ),
                _("Begin once more, and sign in on the page that opens in your browser."),
                retry=True,
            ) from None
    if "error" in answer:
        raise _not_let(answer, provider)
    form = {
        "grant_type": "authorization_code",
        "code": answer["code"],
        "redirect_uri": question["redirect_uri"],
        "code_verifier": verifier,
    }
    return await _tokens(client, form, ca, transport, "sign_in_refused")


async def refresh(
    client: OAuthClient,
    refresh_token: str,
    *,
    ca: str | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Tokens:
    """New tokens for an old refresh token; `refresh` is the old one where the provider gave no other (RFC 6749 6).

    Raises `CarrierTrouble`: sign_in_again where the provider does not take it any more, else sign_in_failed."""
    _check(client)
    if not refresh_token:
        raise _again(client, "")
    form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
    tokens = await _tokens(client, form, ca, transport, "sign_in_again")
    return tokens if tokens.refresh else Tokens(tokens.access, tokens.lasts, refresh_token)


def _check(client: OAuthClient) -> None:
    """Raises `Usage` (bad_oauth_client)."""
    texts = client.client_id + client.secret
    visible = texts.isascii() and texts.isprintable() and " " not in texts
    scope_fine = client.scope.isascii() and client.scope.isprintable()
    if not client.client_id or not visible or not scope_fine:
        raise _bad_client(_("the client id, the secret or the scope holds characters that cannot stand there"))
    for url in (client.authorize_url, client.token_url):
        if not https(url):
            raise _bad_client(_("“{url}” is not an address that begins with https").format(url=said(url)))


def _bad_client(why: str) -> Usage:
    return Usage(
        "bad_oauth_client",
        _("Nobody can sign in this way: {why}.").format(why=why),
        _("Copy the client id and the addresses once more from where the provider shows them."),
    )


async def _tokens(
    client: OAuthClient, form: dict[str, str], ca: str | None, transport: httpx.AsyncBaseTransport | None, refused: str
) -> Tokens:
    """One question to the token endpoint (RFC 6749 4.1.3, 6). `refused`: the code of the error where the grant is not
    taken."""
    form["client_id"] = client.client_id
    if client.secret:
        form["client_secret"] = client.secret
    provider = said(urlsplit(client.token_url).hostname)
    try:
        answer = await ask(
            "POST", client.token_url, form=form, accept="application/json", seconds=SECONDS, ca=ca, transport=transport
        )
    except Silent as silent:
        raise CarrierTrouble("sign_in_failed", silent.why, retry=not silent.untrusted) from None
    given = json_object(answer.body)
    if answer.status != 200:
        raise _refused(client, answer.status, given, refused)
    access, again, lasts = given.get("access_token"), given.get("refresh_token", ""), given.get("expires_in", UNSAID)
    kind = given.get("token_type")
    if isinstance(lasts, str) and lasts.isascii() and lasts.isdecimal() and len(lasts) < 10:
        lasts = int(lasts)
    sensible = isinstance(kind, str) and kind.lower() == "bearer" and type(lasts) is int and lasts >= 0
    if not sensible or not _is_token(access) or not (again in ("", None) or _is_token(again)):
        raise CarrierTrouble(
            "sign_in_failed",
            _("{provider} answered the sign-in with something that is no permission to read mail.").format(
                provider=provider
            ),
            _("Look whether the address for tokens is right."),
        )
    return Tokens(str(access), min(int(lasts), 366 * 86_400), str(again or ""))


def _is_token(value: object) -> bool:
    """RFC 6749 A.12 and A.17: visible characters; without the space, which would end it in a header (RFC 6750 2.1)."""
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_TOKEN:
        return False
    return value.isascii() and value.isprintable() and " " not in value


def _refused(client: OAuthClient, status: int, given: Mapping[str, object], refused: str) -> DearlyError:
    """RFC 6749 5.2."""
    provider = said(urlsplit(client.token_url).hostname)
    error, words = said(given.get("error")), said(given.get("error_description"))
    if error == "invalid_grant":
        return _again(client, words) if refused == "sign_in_again" else _said_no(provider, words or error)
    if error in ("invalid_client", "unauthorized_client"):
        return CarrierTrouble(
            "sign_in_failed",
            _("{provider} does not know this client id, or not for this: {why}").format(
                provider=provider, why=words or error
            ),
            _("Look at the client id, and whether the provider wants a client secret with it."),
        )
    why = words or error or _("status {status}").format(status=status)
    return CarrierTrouble(
        "sign_in_failed",
        _("{provider} gave no permission to read mail: {why}").format(provider=provider, why=why),
        retry=status >= 500 or status == 429,
    )


def _not_let(answer: Mapping[str, str], provider: str) -> DearlyError:
    """RFC 6749 4.1.2.1."""
    error, words = said(answer["error"]), said(answer.get("error_description"))
    if error == "access_denied":
        return _said_no(said(provider), words)
    return CarrierTrouble(
        "sign_in_failed",
        _("{provider} did not let you sign in: {why}").format(provider=said(provider), why=words or error),
        _("Look at the client id and the scope that were given."),
        retry=error in ("server_error", "temporarily_unavailable"),
    )


def _said_no(provider: str, words: str) -> CarrierTrouble:
    told = _("{provider} gave no permission.").format(provider=provider)
    return CarrierTrouble(
        "sign_in_refused",
        f"{told} ({words})" if words else told,
        _("Begin once more, and agree on the page in your browser; or use an app password, if the provider has them."),
    )


def _again(client: OAuthClient, words: str) -> CarrierTrouble:
    told = _("{provider} wants you to sign in again.").format(provider=said(urlsplit(client.token_url).hostname))
    return CarrierTrouble("sign_in_again", f"{told} ({words})" if words else told, _("Sign in once more."))
