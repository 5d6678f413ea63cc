"""Signing in at an IMAP server (RFC 9051 6.2): PLAIN or LOGIN with a password, OAUTHBEARER or XOAUTH2 with a token.

Never CRAM: inside TLS it protects nothing more, and a server must keep the password readable for it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dearly.carriers.mail.imapvalues import Declined
from dearly.letter.account import SignIn
from dearly.letter.errors import CarrierTrouble
from dearly.letter.words import _

if TYPE_CHECKING:
    from dearly.carriers.mail.imapline import Line

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_SPLITS = re.compile(r"[\r\n\x00\ud800-\udfff]")
_NOT_THE_SECRET = ("UNAVAILABLE", "INUSE", "LIMIT", "SERVERBUG", "CONTACTADMIN", "PRIVACYREQUIRED", "REFERRAL")
"""RFC 5530: why signing in may fail that has nothing to do with name and password."""


def sign_in(line: Line, user: str, secret: str, how: SignIn) -> None:
    """Raises `Declined` where the server did not take name or secret, `CarrierTrouble` for every other reason why
    it cannot be done, and `Broken`."""
    if _CONTROL.search(user) or (how is SignIn.OAUTH and _CONTROL.search(secret)) or _SPLITS.search(secret):
        raise Declined("")  # nothing that a server could have given out, and no command may be smuggled in (A24)
    offered = {name.removeprefix("AUTH=") for name in line.capabilities() if name.startswith("AUTH=")}
    try:
        if how is SignIn.OAUTH:
            _bearer(line, user, secret, offered)
        elif "PLAIN" in offered:  # RFC 4616: it says which characters a password is of, LOGIN does not
            _authenticate(line, "PLAIN", f"\0{user}\0{secret}".encode())
        elif "LOGINDISABLED" in line.capabilities():
            raise line.insecure(_("{host} takes no password on this line."))
        else:
            _login(line, user, secret)
        line.client._cached_capabilities = None  # a server can more once it knows who asks (RFC 9051 6.1.1)
    except Declined as declined:
        if declined.code in _NOT_THE_SECRET:
            raise CarrierTrouble(
                "sign_in_later",
                _("{host} does not let us sign in now: {words}").format(
                    host=line.server.host, words=declined.words or declined.code
                ),
                _("Nothing is lost; it is tried again at the next round."),
                retry=True,
            ) from None
        raise


def _bearer(line: Line, user: str, token: str, offered: set[str]) -> None:
    if "OAUTHBEARER" in offered and "XOAUTH2" not in offered:  # RFC 7628 3.1
        name = user.replace("=", "=3D").replace(",", "=2C")
        _authenticate(line, "OAUTHBEARER", f"n,a={name},\1auth=Bearer {token}\1\1".encode(), last=b"\1")
    elif "XOAUTH2" in offered:
        _authenticate(line, "XOAUTH2", f"user={user}\1auth=Bearer {token}\1\1".encode())
    else:
        raise CarrierTrouble(
            "no_sign_in",
            _("{host} offers no way to sign in that this account has.").format(host=line.server.host),
            _("Look whether the provider wants a password or a sign-in in the browser, and at which server and port."),
        )


def _authenticate(line: Line, mechanism: str, response: bytes, last: bytes = b"") -> None:
    """`last`: what is said to a second challenge, which is how these mechanisms tell what was wrong."""
    said_once = False

    def answer(_challenge: bytes) -> bytes:
        nonlocal said_once
        if said_once:
            return last
        said_once = True
        return response

    with line.asking(lines=64_000):
        line.client.sasl_login(mechanism, answer)


def _login(line: Line, user: str, secret: str) -> None:
    """RFC 9051 6.2.3. Octets beyond ASCII go as literals, in UTF-8, for want of a better word of the standard."""
    with line.asking(lines=64_000):
        typ, data = line.client._raw_command(b"LOGIN", [_astring(user), _astring(secret)], uid=False)
        line.client._checkok("login", typ, data)
        line.client.wire.state = "AUTH"


def _astring(text: str) -> bytes:
    """A quoted string, or the octets themselves, which the library then sends as a literal (RFC 9051 4.3)."""
    octets = text.encode()
    return octets if not text.isascii() else b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
