"""What a page sends: small forms, files, and JSON; all of it in memory, and never more than its route takes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from dearly.letter.errors import Refused, Usage
from dearly.letter.words import _

MOST_FIELDS = 200
_FIGURES = 18
FORM, MULTIPART, JSON, OCTETS = (
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "application/json",
    "application/octet-stream",
)
KINDS = (FORM, MULTIPART, JSON, OCTETS)
"""All that our pages send."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a page sent. `name` and `media_type` are the browser's words for it."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form."""

    fields: tuple[tuple[str, str | Upload], ...]

    def text(self, name: str, default: str = "") -> str:
        """The text of a field; the default where it is not there. Line ends are single line feeds."""
        for key, value in self.fields:
            if key == name and isinstance(value, str):
                # HTML 4.10.22.4: forms send CR LF; a page is kept with LF.
                return value.replace("\r\n", "\n")
        return default

    def given(self, name: str) -> str | None:
        """As `text`, and None where the form has no such field: that says nothing, while an empty one says «empty»."""
        return self.text(name) if any(key == name for key, _value in self.fields) else None

    def all(self, name: str) -> list[str]:
        """Every text under one name."""
        return [value for key, value in self.fields if key == name and isinstance(value, str)]

    def file(self, name: str) -> Upload | None:
        """The file of a field, where one was chosen."""
        return next((v for key, v in self.fields if key == name and isinstance(v, Upload) and (v.name or v.data)), None)

    def files(self, name: str) -> list[Upload]:
        """Every file under one name."""
        return [v for key, v in self.fields if key == name and isinstance(v, Upload) and (v.name or v.data)]


class _InMemory(MultiPartParser):
    """Never rolls a file over to the disk: nothing readable lies outside the drawer."""

    spool_max_size = 1 << 40


async def body(request: Request, most: int) -> bytes:
    """The whole body. Raises `Refused` (too_large) for more than `most` octets."""
    parts, size = [], 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > most:
                raise Refused(
                    "too_large",
                    _("This is larger than the {most} MB that fit here.").format(most=max(1, most // 1_000_000)),
                    _("Take something smaller."),
                )
            parts.append(part)
    except ClientDisconnect:
        raise Usage("cut_off", _("The page went away before all of it had come.")) from None
    return b"".join(parts)


def kind(request: Request) -> str:
    """The media type of what is sent, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_form(request: Request, most: int) -> Form:
    """A form as HTML sends it. Raises `Usage` (bad_form), `Refused` (too_large)."""
    sent = await body(request, most)
    try:
        if kind(request) == FORM:
            pairs = parse_qsl(
                sent.decode("utf-8"),
                keep_blank_values=True,
                max_num_fields=MOST_FIELDS,
                encoding="utf-8",
                errors="strict",
            )
            return Form(tuple(pairs))
        if kind(request) == MULTIPART:
            return Form(await _parts(request, sent))
    except (ValueError, MultiPartException):
        pass
    raise Usage("bad_form", _("What this page sent cannot be read as a form."), _("Load the page again."))


async def _parts(request: Request, sent: bytes) -> tuple[tuple[str, str | Upload], ...]:
    async def stream() -> Any:
        yield sent

    parser = _InMemory(request.headers, stream(), max_files=50, max_fields=MOST_FIELDS, max_part_size=len(sent) + 1)
    found: list[tuple[str, str | Upload]] = []
    try:
        for key, value in (await parser.parse()).multi_items():
            if isinstance(value, UploadFile):
                found.append((key, Upload(value.filename or "", value.content_type or "", await value.read())))
            else:
                found.append((key, value))
    finally:
        # Also those of a form that breaks off, which the parser does not hand over.
        for file in parser._files_to_close_on_error:
            file.close()
    return tuple(found)


def whole(text: str) -> int | None:
    """A number as our pages write them: figures alone, and no more of them than the drawer counts with."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _FIGURES else None


def read_json(sent: bytes) -> dict[str, Any]:
    """A JSON object. Raises `Usage` (bad_form)."""
    try:
        value = json.loads(sent)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise unreadable()
    return value


def unreadable() -> Usage:
    """What is said to a script that sends something else than ours do."""
    return Usage("bad_form", _("What this page sent cannot be read."), _("Load the page again."))
