"""Where a letter's header fields and parts lie: offsets only, one pass for each level, limits first (A27)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from dearly.mime import limits
from dearly.mime.encoded import parameters, raw_text
from dearly.mime.outline import Part

_NAME = re.compile(rb"([!-9;-~]{1,200})[ \t]*:")
_DELIMITER_END = re.compile(rb"(--)?[ \t]*\r?(?=\n|\Z)")
_BOM = b"\xef\xbb\xbf"
_MOST_NEAR_MISSES = 10_000
"""Lines that begin like a boundary and are none, before the letter counts as too tangled."""


class Section(NamedTuple):
    """A header section: (lower-case name, octets unfolded) in order, and where the body begins."""

    fields: list[tuple[str, bytes]]
    body: int

    def texts(self) -> Iterator[tuple[str, str]]:
        """Every field as (name, text), undecoded."""
        return ((name, raw_text(value)) for name, value in self.fields)

    def all(self, name: str) -> list[str]:
        """The texts of every field of this name, undecoded."""
        return [raw_text(value) for key, value in self.fields if key == name]

    def first(self, name: str) -> str:
        """The text of the first field of this name, undecoded, or ""."""
        for key, value in self.fields:
            if key == name:
                return raw_text(value)
        return ""


def section(raw: bytes, start: int, end: int) -> Section:
    """The header section at `start`. It ends at an empty line, or before the first line that cannot be a header.

    A stray line between header fields is passed over. Raises `Unreadable`."""
    fields: list[tuple[str, list[bytes], int]] = []
    at = start
    while at < end:
        line_end = raw.find(b"\n", at, end) + 1 or end
        found = _NAME.match(raw, at, line_end)
        folded = raw[at] in b" \t" and fields
        if found or folded:
            begun = at if found else fields[-1][2]
            if line_end - begun > limits.LONGEST_FIELD or line_end - start > limits.LONGEST_HEADER:
                raise limits.beyond("header_too_long")
        if found:
            if len(fields) >= limits.MOST_FIELDS:
                raise limits.beyond("too_many_headers")
            fields.append((found[1].decode().lower(), [raw[found.end() : line_end].rstrip(b"\r\n")], at))
        elif folded:
            fields[-1][1].append(raw[at:line_end].rstrip(b"\r\n"))
        elif line_end - at <= 2 and not raw[at:line_end].strip(b"\r\n"):
            at = line_end
            break
        elif not _NAME.match(raw, line_end, end):
            break
        at = line_end
    return Section([(name, b"".join(pieces).strip()) for name, pieces, _begun in fields], at)


def beginning(raw: bytes) -> int:
    """Where the letter's header begins: after a byte order mark, empty lines, or the From line of an mbox."""
    at = len(_BOM) if raw.startswith(_BOM) else 0
    while raw[at : at + 1] in (b"\r", b"\n") and at < 16:
        at += 1
    if raw.startswith((b"From ", b">From "), at):
        at = raw.find(b"\n", at) + 1 or len(raw)
    return at


def take_apart(raw: bytes) -> tuple[Section, tuple[Part, ...]]:
    """The letter's own header section and its parts in the order of the bytes. Raises `Unreadable`."""
    parts: list[Part] = []
    root: Section | None = None
    allowance = limits.MOST_SCANNED * max(len(raw), 1 << 20)
    fields = 0
    waiting = [(beginning(raw), len(raw), -1, 0)]
    while waiting:
        start, end, parent, depth = waiting.pop()
        if depth > limits.MOST_DEPTH:
            raise limits.beyond("too_deep")
        head = section(raw, start, end)
        root = root or head
        fields += len(head.fields)
        if fields > limits.MOST_FIELDS_TOGETHER:
            raise limits.beyond("too_many_headers")
        inside_digest = parent >= 0 and parts[parent].content_type == "multipart/digest"
        part, boundary = _part(head, start, end, parent, depth, "message/rfc822" if inside_digest else "text/plain")
        children: list[tuple[int, int]] = []
        # What is sealed further down is one closed thing, never a part of this letter's text (A01, A03, A06).
        if boundary and (parent < 0 or part.content_type != "multipart/encrypted"):
            allowance -= end - head.body
            if allowance < 0:
                raise limits.beyond("too_tangled")
            children = _between(raw, head.body, end, boundary, limits.MOST_PARTS - len(parts) - 1 - len(waiting))
        parts.append(replace(part, container=True) if children else part)
        waiting += [(*child, len(parts) - 1, depth + 1) for child in reversed(children)]
    assert root is not None, "there is always a root"
    return root, tuple(parts)


def _part(head: Section, start: int, end: int, parent: int, depth: int, default: str) -> tuple[Part, bytes]:
    content_type, params = parameters(head.first("content-type"))
    if "/" not in content_type:
        content_type = default
    disposition, more = parameters(head.first("content-disposition"))
    cid = head.first("content-id").strip().removeprefix("<").removesuffix(">")
    part = Part(
        start=start,
        body=head.body,
        end=end,
        parent=parent,
        depth=depth,
        container=False,
        content_type=content_type.split()[0],
        charset=params.get("charset", "").split(";")[0].strip().lower() or None,
        cte=(head.first("content-transfer-encoding").split("(")[0].strip().lower() or "7bit"),
        disposition=disposition or None,
        filename=more.get("filename") or params.get("name") or None,
        cid=cid or None,
        parameters=params,
    )
    is_multipart = part.content_type.startswith("multipart/")
    boundary = params.get("boundary", "").rstrip() if is_multipart else ""
    return part, boundary.encode("utf-8", "replace")[:200]


def _between(raw: bytes, start: int, end: int, boundary: bytes, most: int) -> list[tuple[int, int]]:
    """The stretches between the delimiter lines of this boundary (RFC 2046 5.1.1); the last may lack its end."""
    line = b"\n--" + boundary
    found: list[tuple[int, int]] = []
    begun = -1
    near_misses = 0
    at = raw.find(line, start - 1, end)
    while at >= 0:
        tail = _DELIMITER_END.match(raw, at + len(line), end)
        if tail is None:
            near_misses += 1
            if near_misses > _MOST_NEAR_MISSES:
                raise limits.beyond("too_tangled")
            at = raw.find(line, at + 1, end)
            continue
        if begun >= 0:
            found.append((begun, max(begun, at - 1 if raw[at - 1 : at] == b"\r" else at)))
            if len(found) > most:
                raise limits.beyond("too_many_parts")
        if tail[1]:
            return found
        begun = min(tail.end() + 1, end)
        at = raw.find(line, tail.end(), end)
    if begun >= 0:
        found.append((begun, end))
    return found
