"""The mail server by which an office hands letters on to the world, made of what its operator says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dearly.letter.account import PORTS, Protocol, Security, Server
from dearly.letter.address import Address, clean
from dearly.letter.errors import Usage
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.desk.offices import ToWorld
    from dearly.office.smarthost import Relay

_SECURITY = {"smtps": Security.TLS, "smtp+starttls": Security.STARTTLS, "smtp": Security.PLAIN}

PASSWORD = "DEARLY_SMARTHOST_PASSWORD"  # noqa: S105  the name of a variable
CREDENTIAL = "smarthost-password"
"""Where a password is that stands in no file of its own: a variable, or a credential that systemd hands over
(LoadCredential=), which wins."""


def relay(how: ToWorld) -> Relay:
    """The smarthost. Raises `Usage` (bad_smarthost, insecure_account, bad_address, no_smarthost_password,
    bad_ca_file)."""
    from dearly.carriers.mail.smarthost import Smarthost

    server = _server(how.url, how.user)
    sender = Address.parse(how.sender)
    password = (how.password or _password()) if how.user else ""
    return Smarthost(server, sender, lambda: password, _text(how.ca) if how.ca is not None else None)


def _server(url: str, user: str) -> Server:
    try:
        parts = urlsplit(url)
        security, host, port = _SECURITY.get(parts.scheme), parts.hostname, parts.port
    except ValueError:
        security, host, port = None, None, None
    more = "@" in url or "?" in url or "#" in url or (host is not None and parts.path not in ("", "/"))
    if security is None or not host or more:
        raise Usage(
            "bad_smarthost",
            _("“{url}” is not the address of a mail server.").format(url=clean(url.rpartition("@")[2])[:80]),
            _("It looks like smtps://mail.example.org, or smtp+starttls://mail.example.org:587."),
        )
    shown = f"[{host}]" if ":" in host else host
    return Server(Protocol.SMTP, shown, port or PORTS[Protocol.SMTP, security], security, user)


def _password() -> str:
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    if folder and (file := Path(folder) / CREDENTIAL).is_file():
        return _text(file).removesuffix("\n").removesuffix("\r")
    if given := os.environ.get(PASSWORD):
        return given
    raise Usage(
        "no_smarthost_password",
        _("There is no password for the mail server."),
        _(
            "Name its file with --smarthost-password-file, or give it as the credential “{name}” or in {variable}."
        ).format(name=CREDENTIAL, variable=PASSWORD),
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise Usage(
            "cannot_read", _("“{file}” cannot be read: {why}.").format(file=clean(file.name), why=why)
        ) from None
