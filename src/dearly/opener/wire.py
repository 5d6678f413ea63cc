"""Frozen values as frames, and back: the receiver names the type it expects and every field is checked against it.

A value becomes JSON in which every dataclass is the list of its fields; octets and long texts become blobs, named by
their number. What comes from a child is as foreign as the letter that it has just read: an unknown enum member, a
number where a text belongs, a naive time, a broken address or half a surrogate pair is a `BadFrame`.
"""

from __future__ import annotations

import types
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, NewType, Union, get_args, get_origin, get_type_hints

from dearly.letter.address import Address
from dearly.letter.errors import Usage
from dearly.opener.frames import BadFrame

Pack = Callable[[Any, list[bytes]], Any]
Unpack = Callable[[Any, tuple[bytes, ...]], Any]

_SHORT = 1024
"""Texts of more characters than this travel as blobs, so that the JSON stays small."""

_MOST_ITEMS = 20_000


def pack(kind: Any, value: Any, blobs: list[bytes]) -> Any:
    """`value`, declared as `kind`, as JSON; its octets are appended to `blobs`."""
    return _codec(kind)[0](value, blobs)


def unpack(kind: Any, data: Any, blobs: tuple[bytes, ...]) -> Any:
    """The value of type `kind` that `data` stands for. Raises `BadFrame` for anything else."""
    return _codec(kind)[1](data, blobs)


@cache
def _codec(kind: Any) -> tuple[Pack, Unpack]:
    if isinstance(kind, NewType):
        return _codec(kind.__supertype__)
    if kind in _PLAIN:
        return _PLAIN[kind]
    origin = get_origin(kind)
    if origin is tuple:
        items = get_args(kind)
        return _many(*_codec(items[0])) if items[-1] is Ellipsis else _few([_codec(item) for item in items])
    if origin in (Union, types.UnionType):
        inner = [arg for arg in get_args(kind) if arg is not types.NoneType]
        assert len(inner) == 1, "only X | None travels"
        return _maybe(*_codec(inner[0]))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return (lambda value, _: value.value), _enum(kind)
    if is_dataclass(kind) and isinstance(kind, type):
        return _record(kind)
    raise TypeError(f"{kind} does not travel")


def _record(kind: type) -> tuple[Pack, Unpack]:
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]
    pack_fields, unpack_fields = _few([_codec(hints[name]) for name in names])
    values_of = attrgetter(*names) if len(names) > 1 else lambda value: [getattr(value, name) for name in names]

    def packed(value: Any, blobs: list[bytes]) -> Any:
        return pack_fields(values_of(value), blobs)

    def unpacked(data: Any, blobs: tuple[bytes, ...]) -> Any:
        return kind(*unpack_fields(data, blobs))

    return packed, unpacked


def _few(codecs: list[tuple[Pack, Unpack]]) -> tuple[Pack, Unpack]:
    packs, unpacks = [pack for pack, _ in codecs], [unpack for _, unpack in codecs]

    def packed(value: Any, blobs: list[bytes]) -> Any:
        return [pack(item, blobs) for pack, item in zip(packs, value, strict=True)]

    def unpacked(data: Any, blobs: tuple[bytes, ...]) -> Any:
        if not isinstance(data, list) or len(data) != len(unpacks):
            raise BadFrame("not as many fields as expected")
        return tuple([unpack(item, blobs) for unpack, item in zip(unpacks, data, strict=True)])

    return packed, unpacked


def _many(pack_item: Pack, unpack_item: Unpack) -> tuple[Pack, Unpack]:
    def unpacked(data: Any, blobs: tuple[bytes, ...]) -> Any:
        if not isinstance(data, list) or len(data) > _MOST_ITEMS:
            raise BadFrame("not a list, or too long")
        return tuple([unpack_item(item, blobs) for item in data])

    return (lambda value, blobs: [pack_item(item, blobs) for item in value]), unpacked


def _maybe(pack_inner: Pack, unpack_inner: Unpack) -> tuple[Pack, Unpack]:
    return (
        lambda value, blobs: None if value is None else pack_inner(value, blobs),
        lambda data, blobs: None if data is None else unpack_inner(data, blobs),
    )


def _enum(kind: type[Enum]) -> Unpack:
    members = {member.value: member for member in kind}

    def unpacked(data: Any, _: tuple[bytes, ...]) -> Any:
        if not isinstance(data, str) or data not in members:
            raise BadFrame(f"not a {kind.__name__}")
        return members[data]

    return unpacked


def _exactly(kind: type) -> Unpack:
    def unpacked(data: Any, _: tuple[bytes, ...]) -> Any:
        if type(data) is not kind or (isinstance(data, int) and not -(2**63) <= data < 2**63):
            raise BadFrame(f"not {kind.__name__}")
        return data

    return unpacked


def _pack_bytes(value: bytes, blobs: list[bytes]) -> int:
    blobs.append(value)
    return len(blobs) - 1


def _unpack_bytes(data: Any, blobs: tuple[bytes, ...]) -> bytes:
    if type(data) is not int or not 0 <= data < len(blobs):
        raise BadFrame("no such blob")
    return blobs[data]


def _pack_str(value: str, blobs: list[bytes]) -> str | int:
    if len(value) > _SHORT:
        return _pack_bytes(value.encode(errors="replace"), blobs)
    return value if value.isascii() else value.encode(errors="replace").decode()


def _unpack_str(data: Any, blobs: tuple[bytes, ...]) -> str:
    try:
        if type(data) is int:
            return _unpack_bytes(data, blobs).decode()
        if type(data) is str:
            data.encode()
            return data
    except UnicodeError:
        pass
    raise BadFrame("not a text")


def _unpack_time(data: Any, _: tuple[bytes, ...]) -> datetime:
    try:
        time = datetime.fromisoformat(data)
    except (TypeError, ValueError):
        raise BadFrame("not a time") from None
    if time.tzinfo is None:
        raise BadFrame("a time without offset")
    return time


def _unpack_address(data: Any, _: tuple[bytes, ...]) -> Address:
    if type(data) is not str:
        raise BadFrame("not an address")
    return _parsed(data)


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Address:
    """Once for each of the people who write often."""
    try:
        return Address.parse(text)
    except Usage:
        raise BadFrame("not an address") from None


_PLAIN: dict[Any, tuple[Pack, Unpack]] = {
    bool: ((lambda value, _: value), _exactly(bool)),
    int: ((lambda value, _: value), _exactly(int)),
    bytes: (_pack_bytes, _unpack_bytes),
    str: (_pack_str, _unpack_str),
    datetime: ((lambda value, _: value.isoformat()), _unpack_time),
    Address: ((lambda value, _: str(value)), _unpack_address),
}


def ready(kind: Any) -> None:
    """Work out now how values of this type travel, not at the first one."""
    _codec(kind)
