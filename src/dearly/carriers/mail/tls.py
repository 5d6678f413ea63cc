"""Whom a mail server's certificate has to be from, and how a line is made unreadable to others (RFC 8314, RFC 9325)."""

from __future__ import annotations

import ssl
from contextlib import suppress

from dearly.carriers.base import said
from dearly.letter.errors import CarrierTrouble, DearlyError, Usage
from dearly.letter.words import _


def context(ca: str | None) -> ssl.SSLContext:
    """TLS 1.2 or later, the certificate verified, the host's name in it compared (RFC 9525).

    `ca`: PEM text of a private authority, which alone is trusted then; None for the well-known ones.
    Raises `Usage` (bad_ca_file)."""
    if ca is None:
        made = ssl.create_default_context()
    else:
        made = _of_authority(ca)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    return made


def _of_authority(ca: str) -> ssl.SSLContext:
    # The library takes an empty text for «the well-known ones», and one that is not ASCII for a programmer's mistake.
    if ca.isascii() and ca.strip():
        with suppress(ssl.SSLError, ValueError):
            return ssl.create_default_context(cadata=ca)
    raise Usage(
        "bad_ca_file",
        _("There is no certificate of an authority in what was given as one."),
        _("Give the PEM file of the authority that signed the server's certificate."),
    )


def trouble(host: str, port: int, error: ssl.SSLError) -> DearlyError | None:
    """What a failed handshake means for the person; None where it only broke off, and may succeed the next time."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return CarrierTrouble(
            "server_untrusted",
            _("The certificate of {host} is not to be trusted: {why}.").format(
                host=host, why=said(error.verify_message)
            ),
            _("Do not go on unless you know why. A private mail server needs the file of its authority."),
        )
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return None
    return CarrierTrouble(
        "no_encryption",
        _("{host} does not speak TLS at port {port} as it has to.").format(host=host, port=port),
        _("Look whether the port and the kind of encryption are those that the provider names."),
        retry=True,
    )
