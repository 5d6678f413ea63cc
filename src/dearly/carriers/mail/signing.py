"""Signing in at an SMTP server (RFC 4954): PLAIN or LOGIN with a password, OAUTHBEARER or XOAUTH2 with a token.

Never CRAM: inside TLS it protects nothing more, and a server must keep the password readable for it.
"""

from __future__ import annotations

from dearly.carriers.mail.line import Gone, Line
from dearly.carriers.mail.replies import Reply
from dearly.letter.account import SignIn
from dearly.letter.errors import CarrierTrouble
from dearly.letter.words import _


class TokenRefused(Exception):
    """The server does not take this token; a newer one may do."""

    def __init__(self, reply: Reply) -> None:
        super().__init__()
        self.reply = reply


def sign_in(line: Line, how: SignIn, secret: str) -> None:
    """Sign in as the user of the line's server; where it has none, nothing is said.

    Raises `Gone` where it may be done later, `TokenRefused`, and `CarrierTrouble` (sign_in_refused, no_sign_in)."""
    user = line.server.user
    if not user:
        return
    if any(c in "\0\1\r\n" for c in user + secret):  # they would end a field of what is said (A24)
        raise _no_way(line)
    reply = _oauth(line, user, secret) if how is SignIn.OAUTH else _password(line, user, secret)
    if reply.code in (235, 503):  # 503: it says that we are signed in already (RFC 4954 4)
        return
    if reply.kind == 4:
        raise Gone(_("{host} does not let us sign in now: {words}").format(host=line.host, words=reply.words))
    if how is SignIn.OAUTH:
        raise TokenRefused(reply)
    raise refused(line.host, user, reply)


def refused(host: str, user: str, reply: Reply) -> CarrierTrouble:
    """For the person: a password that is wrong, or one that this provider wants made for a single program."""
    return CarrierTrouble(
        "sign_in_refused",
        _("{host} does not let {user} sign in: {words}").format(host=host, user=user, words=reply.words),
        _("Look at the user name and the password; some providers want a password made for this program alone."),
    )


def _password(line: Line, user: str, secret: str) -> Reply:
    offered = line.abilities.mechanisms
    if "PLAIN" in offered:  # RFC 4616
        return line.authenticate("PLAIN", f"\0{user}\0{secret}".encode(), b"")
    if "LOGIN" in offered:
        reply = line.ask("AUTH LOGIN")
        for word in (user, secret):
            if reply.kind == 3:
                reply = line.answer(word.encode())
        return reply
    raise _no_way(line)


def _oauth(line: Line, user: str, token: str) -> Reply:
    offered = line.abilities.mechanisms
    if "OAUTHBEARER" in offered:  # RFC 7628 3.1; the name as RFC 5801 4 writes it
        name = user.replace("=", "=3D").replace(",", "=2C")
        server = f"host={line.server.host}\1port={line.server.port}"
        first = f"n,a={name},\1{server}\1auth=Bearer {token}\1\1"
        # A refusal comes as a challenge with the reason in it, and is answered like this before it is one (3.2.3).
        return line.authenticate("OAUTHBEARER", first.encode(), b"\1")
    if "XOAUTH2" in offered:
        return line.authenticate("XOAUTH2", f"user={user}\1auth=Bearer {token}\1\1".encode(), b"")
    raise _no_way(line)


def _no_way(line: Line) -> CarrierTrouble:
    return CarrierTrouble(
        "no_sign_in",
        _("{host} offers no way to sign in that this account has.").format(host=line.host),
        _("Look whether the provider wants a password or a sign-in in the browser, and at which server and port."),
    )
