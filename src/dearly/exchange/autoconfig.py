"""A mail provider's settings as XML: clientConfig 1.1, as Thunderbird's autoconfig and its directory have it, and its
descendant draft-ietf-mailmaint-autoconfig (JMAP by URL, oAuth2). What it names beside mail is passed over.

Foreign XML: no DOCTYPE and so no entities, bounded in size, depth and number of elements. Expat alone does it; nothing
is ever fetched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from urllib.parse import urlsplit
from xml.parsers import expat

from dearly.letter.account import PORTS, Protocol, Security, SignIn
from dearly.letter.address import clean
from dearly.letter.errors import Usage
from dearly.letter.suggestion import DOMAIN, LONGEST_USER, OAuthHint, Offer, Settings, host_name, https
from dearly.letter.words import _

MOST_BYTES = 64 * 1024
"""Octets. A provider's document with a dozen servers and instructions in many languages has less than a third."""

MOST_ELEMENTS = 2_000
MOST_DEPTH = 16
MOST_SERVERS = 20
LONGEST_TEXT = 2_000
LONGEST_NAME = 100

_PROVIDER = ("clientConfig", "emailProvider")
_INCOMING = (*_PROVIDER, "incomingServer")
_OUTGOING = (*_PROVIDER, "outgoingServer")
_OAUTH = (("clientConfig", "oAuth2"), (*_PROVIDER, "oAuth2"))

_SECURITY = {"ssl": Security.TLS, "tls": Security.TLS, "starttls": Security.STARTTLS, "plain": Security.PLAIN}
_SIGN_IN = {
    "password-cleartext": SignIn.PASSWORD,
    "plain": SignIn.PASSWORD,  # of versions before 1.1
    "password-encrypted": SignIn.PASSWORD,
    "secure": SignIn.PASSWORD,  # of versions before 1.1
    "basic": SignIn.PASSWORD,  # of JMAP, RFC 7617
    "http-basic": SignIn.PASSWORD,
    "oauth2": SignIn.OAUTH,
}
_INCOMING_KINDS = {"imap": Protocol.IMAP, "pop3": Protocol.POP3, "jmap": Protocol.JMAP}
_OUTGOING_KINDS = {"smtp": Protocol.SMTP}

Texts = Mapping[str, list[str]]
"""The texts of an element's children, by name, in their order."""


def read(data: bytes) -> Settings:
    """What the document says. Raises `Usage` (bad_settings) when it is not one, is too large, or tries more than a
    plain document does. Servers that we could not use at all are left out."""
    if len(data) > MOST_BYTES:
        raise _bad(_("it is larger than {n} KB").format(n=MOST_BYTES // 1024))
    document = _Document()
    document.parse(_text(data))
    offers = [_offer(kind, texts, _INCOMING_KINDS) for kind, texts in document.incoming[:MOST_SERVERS]]
    ways_out = [_offer(kind, texts, _OUTGOING_KINDS) for kind, texts in document.outgoing[:MOST_SERVERS]]
    return Settings(
        name=clean(_first(document.provider, "displayName"))[:LONGEST_NAME],
        incoming=tuple(offer for offer in offers if offer is not None),
        outgoing=tuple(offer for offer in ways_out if offer is not None),
        oauth=_oauth(document.oauth),
    )


def _text(data: bytes) -> str:
    """As text, whatever charset it claims: two are met, and expat is never asked to look for others."""
    try:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


class _Document:
    """Texts picked out while expat walks: nothing of the tree is kept."""

    def __init__(self) -> None:
        self.provider: dict[str, list[str]] = defaultdict(list)
        self.oauth: dict[str, list[str]] = defaultdict(list)
        self.incoming: list[tuple[str, Texts]] = []
        self.outgoing: list[tuple[str, Texts]] = []
        self._server: dict[str, list[str]] | None = None
        self._path: list[str] = []
        self._said: list[str] = []
        self._size = self._elements = self._providers = 0

    def parse(self, text: str) -> None:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._characters
        parser.StartDoctypeDeclHandler = _no_doctype
        parser.EntityDeclHandler = _no_entities
        try:
            parser.Parse(text, True)
        except (expat.ExpatError, UnicodeEncodeError):
            raise _bad(_("it is no whole XML document")) from None
        if not self._providers:
            raise _bad(_("it names no mail provider"))

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._path.append(name)
        self._elements += 1
        if len(self._path) > MOST_DEPTH or self._elements > MOST_ELEMENTS:
            raise _bad(_("it is nested too deeply, or holds too many elements"))
        self._said, self._size = [], 0
        path = tuple(self._path)
        if path == _PROVIDER:
            self._providers += 1
        elif path in (_INCOMING, _OUTGOING) and self._providers == 1:  # of a second provider nothing is known
            self._server = defaultdict(list)
            servers = self.incoming if path == _INCOMING else self.outgoing
            servers.append((attributes.get("type", ""), self._server))

    def _end(self, name: str) -> None:
        self._path.pop()
        parent, text = tuple(self._path), "".join(self._said).strip()
        self._said, self._size = [], 0
        if parent in (_INCOMING, _OUTGOING) and self._server is not None:
            self._server[name].append(text)
        elif parent == _PROVIDER and self._providers == 1:
            self.provider[name].append(text)
        elif parent in _OAUTH:
            self.oauth[name].append(text)
        if (*parent, name) in (_INCOMING, _OUTGOING):
            self._server = None

    def _characters(self, text: str) -> None:
        self._size += len(text)
        if self._size <= LONGEST_TEXT:  # a longer one is nothing that we could use
            self._said.append(text)


def _no_doctype(*_declared: object) -> None:
    raise _bad(_("it declares a document type, which a plain one does not"))


def _no_entities(*_declared: object) -> None:
    raise _bad(_("it declares entities, which a plain one does not"))


def _offer(kind: str, texts: Texts, kinds: Mapping[str, Protocol]) -> Offer | None:
    """A server, if it can be used; a host may be named by the address's domain."""
    protocol = kinds.get(kind.strip().lower())
    sign_in = _sign_in(texts)
    if protocol is None or not sign_in:
        return None
    user = clean(_first(texts, "username")) or "%EMAILADDRESS%"
    if len(user) > LONGEST_USER:
        return None
    if protocol is Protocol.JMAP and https(url := _first(texts, "url")):
        parts = urlsplit(url)
        return Offer(protocol, parts.hostname or "", parts.port or 443, Security.TLS, user, sign_in, url)
    security = next((found for one in texts.get("socketType", ()) if (found := _SECURITY.get(one.lower()))), None)
    host = host_name(_first(texts, "hostname"), templates=True)
    port = _port(_first(texts, "port"))
    if security is None or host is None or port is None:
        return None
    if protocol is not Protocol.JMAP:
        return Offer(protocol, host, port or PORTS[protocol, security], security, user, sign_in)
    if security is not Security.TLS or DOMAIN in host:
        return None
    port = port or 443
    return Offer(protocol, host, port, security, user, sign_in, f"https://{host}:{port}/.well-known/jmap")


def _sign_in(texts: Texts) -> tuple[SignIn, ...]:
    """What it takes of what we can do; a document that says nothing of it means a password."""
    said = texts.get("authentication") or ["password-cleartext"]
    return tuple(dict.fromkeys(way for one in said if (way := _SIGN_IN.get(one.lower()))))


def _port(text: str) -> int | None:
    """0 where none is said; None for what is no port."""
    if not text:
        return 0
    port = int(text) if len(text) <= 5 and text.isascii() and text.isdecimal() else 0
    return port if 0 < port < 65_536 else None


def _oauth(texts: Texts) -> OAuthHint | None:
    authorize, token = _first(texts, "authURL"), _first(texts, "tokenURL")
    scope, issuer = _first(texts, "scope"), clean(_first(texts, "issuer"))[:LONGEST_NAME]
    if (
        not (https(authorize) and https(token))
        or len(scope) > LONGEST_TEXT
        or not (scope.isascii() and scope.isprintable())
    ):
        return None
    return OAuthHint(issuer, authorize, token, scope)


def _first(texts: Texts, name: str) -> str:
    return next((one for one in texts.get(name, ()) if one), "")


def _bad(why: str) -> Usage:
    return Usage("bad_settings", _("This is no description of a mail provider: {why}.").format(why=why))
