"""MIME entities of ours (RFC 2045 3, 2046 5.1) as bytes, put together from the leaves up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from dearly.mime import fields
from dearly.mime.transfer import CRLF


@dataclass(frozen=True, slots=True)
class Entity:
    """A part to be written. `more` are further Content fields, already folded, each ending in CRLF."""

    media_type: str
    body: bytes = field(repr=False)
    parameters: tuple[tuple[str, str], ...] = ()
    more: tuple[bytes, ...] = ()

    def header(self, *extra: tuple[str, str]) -> bytes:
        """Its Content fields, with `extra` parameters on Content-Type."""
        value = self.media_type + "".join(fields.parameter(*pair) for pair in (*self.parameters, *extra))
        return fields.field("Content-Type", value) + b"".join(self.more)

    def whole(self) -> bytes:
        """Header section, empty line and body."""
        return self.header() + CRLF + self.body


def multipart(
    kind: str, children: Sequence[Entity], boundary: str, parameters: tuple[tuple[str, str], ...] = ()
) -> Entity:
    """A multipart of these. `boundary` must come from a digest over all that is inside, so that nothing inside holds
    it: then the same letter has the same bytes, and no search is needed."""
    line = b"--" + boundary.encode()
    pieces = [piece for child in children for piece in (line, CRLF, child.whole(), CRLF)]
    return Entity(f"multipart/{kind}", b"".join((*pieces, line, b"--\r\n")), (*parameters, ("boundary", boundary)))
