"""Files of letters on their way out to the person's own folders: never shown, never run, never under a foreign type."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response

LOCKED_UP = "default-src 'none'; sandbox; frame-ancestors 'none'"
"""Content-Security-Policy of a file, should a browser look into it all the same."""


def to_be_saved(data: bytes, name: str) -> Response:
    """A file as a download (A32, A33). `name` is cleaned already."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\%' else "_" for char in name)
    headers = {
        "content-security-policy": LOCKED_UP,
        # RFC 6266 4.3 and Appendix D: a name in ASCII for whoever knows no other.
        "content-disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}",
    }
    return Response(data, media_type="application/octet-stream", headers=headers)
