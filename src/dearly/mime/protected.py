"""Header protection (RFC 9788): whether what stands outside a sealed letter is what the signed part says of it (A05)."""

from __future__ import annotations

from dearly.letter.sealing import Headers
from dearly.mime.outline import Outline


def compare_headers(inner: Outline, outer: Outline) -> Headers:
    """Whether From, To, Date and Message-ID of the outside agree with the signed part.

    Where the signed part lists what was put outside (HP-Outer, RFC 9788 2.2), the outside is compared with that
    list; else with the inner fields themselves. A field that the writer left out of the outside, or made neutral, is
    no difference. ABSENT: the signed part names no sender at all."""
    raise NotImplementedError
