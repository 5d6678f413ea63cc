"""Providers of invented people, as their web servers, the public directory and DNS tell of them."""

from __future__ import annotations

from tests.support.fake_dns import Zone

OWN = "autoconfig.letters.test"
LIST = "autoconfig.thunderbird.net"
"""The hosts that are asked for Ada's settings."""

SRV: Zone = {
    ("_submissions._tcp.letters.test", "SRV"): ["0 1 465 smtp.letters.test."],
    ("_imaps._tcp.letters.test", "SRV"): ["0 1 993 imap.letters.test."],
}


def document(host: str) -> bytes:
    """Settings whose servers are `host`."""
    return (
        '<clientConfig version="1.1"><emailProvider id="x"><incomingServer type="imap">'
        f"<hostname>{host}</hostname><port>993</port><socketType>SSL</socketType></incomingServer>"
        f'<outgoingServer type="smtp"><hostname>{host}</hostname><port>465</port><socketType>SSL</socketType>'
        "</outgoingServer></emailProvider></clientConfig>"
    ).encode()
