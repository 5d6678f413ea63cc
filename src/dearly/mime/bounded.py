"""The office's own look at a parcel: is it sealed and nothing else? One pass, fixed caps, no parser behind it."""

from __future__ import annotations


def sealed_shape(raw: bytes) -> bool:
    """Whether these bytes are exactly a sealed letter as a chatmail relay demands it.

    CRLF line ends only; one multipart/encrypted with protocol application/pgp-encrypted; two parts, the first saying
    "Version: 1", the second one ASCII armor without armor headers, holding PKESK and SKESK packets and then one
    SEIPD packet to the end (RFC 3156 4, RFC 9580 4 and 6.2). Linear in the length of `raw`; opens nothing."""
    raise NotImplementedError
