"""A form with files that is read as it comes: nothing of it is kept here, whatever it weighs.

The first field must be the session's token, and small fields come before the files, as they stand in the page: so it is
known who sends before the first octet of a file is taken.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from dearly.letter.errors import Refused, Usage
from dearly.letter.words import _

MOST_FIELD = 4_096
MOST_FIELDS = 20


@dataclass(frozen=True, slots=True)
class Begins:
    """A part of the form begins. `file`: the browser's name for it, None for a field."""

    name: str
    file: str | None


class Ends:
    """A part of the form ends."""


class Incoming:
    """A multipart form (RFC 7578) on its way. `fields`: those that came before the first file."""

    def __init__(self, request: Request, most: int) -> None:
        """`most`: octets of the whole. Raises `Usage` (bad_form)."""
        _kind, options = parse_options_header(request.headers.get("content-type", ""))
        self._stream, self._most = request.stream(), most
        self._events: deque[Begins | bytes | Ends] = deque()
        """What was read and not asked for yet."""
        self._head, self._value = b"", b""
        self._about: dict[bytes, str] = {}
        self._whole = False
        self._size = 0
        self.fields: dict[str, str] = {}
        try:
            self._parser = MultipartParser(
                options.get(b"boundary", b""),
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._header_name,
                    "on_header_value": self._header_value,
                    "on_header_end": self._header,
                    "on_headers_finished": self._headed,
                    "on_part_data": lambda data, start, end: self._events.append(bytes(data[start:end])),
                    "on_part_end": lambda: self._events.append(Ends()),
                    "on_end": self._end,
                },
            )
        except FormParserError:
            raise _bad_form() from None

    async def begin(self) -> None:
        """Read the fields up to the first file, or to the end. Raises `Usage` (bad_form, cut_off), `Refused`
        (too_large)."""
        name, value = "", b""
        while (event := await self._next()) is not None:
            match event:
                case Begins(file=str()):
                    self._events.appendleft(event)
                    return
                case Begins():
                    name, value = event.name, b""
                case bytes():
                    value += event
                case Ends():
                    self.fields[name] = value.decode("utf-8", "replace")
            if len(value) > MOST_FIELD or len(self.fields) > MOST_FIELDS:
                raise _bad_form()

    async def files(self) -> AsyncIterator[tuple[str, AsyncIterator[bytes]]]:
        """Every file: its name, and its octets, which must be taken before the next one is asked for. Raises as
        `begin`."""
        while (event := await self._next()) is not None:
            if isinstance(event, Begins) and event.file is not None:
                yield event.file, self._octets()

    async def pass_by(self) -> None:
        """Take the rest, and forget it: an answer before the end would be cut off on its way."""
        async for _name, octets in self.files():
            async for _some in octets:
                pass

    async def _octets(self) -> AsyncIterator[bytes]:
        while isinstance(event := await self._next(), bytes):
            yield event

    async def _next(self) -> Begins | bytes | Ends | None:
        """The next event; None at the end of the form."""
        while not self._events and not self._whole:
            try:
                some = await anext(self._stream)
            except StopAsyncIteration:
                raise _bad_form() from None
            except ClientDisconnect:
                raise Usage("cut_off", _("The page went away before all of it had come.")) from None
            self._size += len(some)
            if self._size > self._most:
                raise Refused(
                    "too_large",
                    _("This is larger than the {most} GB that are taken at once.").format(most=self._most // 10**9),
                    _("Give the path of what lies on this machine instead."),
                )
            try:
                self._parser.write(some)
            except FormParserError:
                raise _bad_form() from None
        return self._events.popleft() if self._events else None

    def _begin(self) -> None:
        self._head, self._value, self._about = b"", b"", {}

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._head += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header(self) -> None:
        if self._head.lower() == b"content-disposition":
            _kind, options = parse_options_header(self._value)
            self._about = {key: value.decode("utf-8", "replace") for key, value in options.items()}
        self._head, self._value = b"", b""

    def _headed(self) -> None:
        self._events.append(Begins(self._about.get(b"name", ""), self._about.get(b"filename")))

    def _end(self) -> None:
        self._whole = True


def _bad_form() -> Usage:
    return Usage("bad_form", _("What this page sent cannot be read as a form."), _("Load the page again."))
