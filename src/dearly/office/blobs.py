"""Blob/upload and Blob/get (RFC 9404): many parcels in one request, in both directions."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from dearly.letter.errors import Refused
from dearly.letter.words import _
from dearly.office import outer
from dearly.office.context import Answer, Context, got
from dearly.office.imports import over_quota
from dearly.office.readers import Arguments, Properties, count, ident_or_new, list_of, map_of, mapping, or_null, text
from dearly.office.refusals import MethodError, SetError
from dearly.office.store import Blob

TYPE = "message/rfc822"
DIGESTS = ("sha-256", "sha")


def uid_of(data: bytes) -> str:
    """The blob id of these bytes."""
    return "B" + hashlib.sha256(data).hexdigest()


def keep(c: Context, uid: str, data: bytes, sender: str) -> Blob:
    """Keep an examined parcel for the account. Raises `SetError` (overQuota)."""
    blob = c.shelf.keep(c.account, uid, data, sender, c.now)
    if blob is None:
        raise over_quota()
    c.blobs[uid] = blob
    return blob


def blob_upload(c: Context, given: dict[str, Any]) -> Answer:
    """Blob/upload (RFC 9404 4.1). What is not a sealed letter is refused before it is written anywhere."""
    a = Arguments(given)
    account = c.own(a)
    creates = a.take("create", map_of(mapping))
    a.done()
    if len(creates) > c.limits.set:
        raise MethodError("requestTooLarge")
    created: dict[str, Answer] = {}
    refused: dict[str, Answer] = {}
    for cid, properties in creates.items():
        try:
            blob = _upload(c, properties)
            c.created[cid] = blob.uid
            created[cid] = {"id": blob.uid, "type": TYPE, "size": blob.size}
        except SetError as e:
            refused[cid] = e.answer()
    return {"accountId": account, "created": created or None, "notCreated": refused or None}


def _upload(c: Context, properties: dict[str, Any]) -> Blob:
    p = Properties(properties)
    sources = p.take("data", list_of(mapping))
    p.take("type", or_null(text), None)
    p.done()
    if len(sources) > c.limits.sources:
        raise SetError("tooLarge", _("There are too many data sources."))
    data = b"".join([_source(c, s) for s in sources])
    try:
        sender = outer.sender_of(data, c.limits)
    except Refused as e:
        kind = "tooLarge" if e.code == "too_large" else "invalidProperties"
        raise SetError(kind, e.told, properties=["data"], reason=e.code) from None
    return keep(c, uid_of(data), data, sender)


def _source(c: Context, properties: dict[str, Any]) -> bytes:
    p = Properties(properties)
    match [n for n in ("data:asText", "data:asBase64", "blobId") if n in properties]:
        case ["data:asText"]:
            data = p.take("data:asText", text).encode()
        case ["data:asBase64"]:
            data = p.take("data:asBase64", _base64)
        case ["blobId"]:
            return _part(c, p)
        case _:
            raise SetError("invalidProperties", _("A data source is text, base64 or a blob."), properties=["data"])
    p.done()
    return data


def _base64(value: object) -> bytes:
    try:
        return base64.b64decode(text(value), validate=True)
    except binascii.Error:
        raise ValueError("not base64") from None


def _part(c: Context, p: Properties) -> bytes:
    wanted = p.take("blobId", ident_or_new)
    offset = p.take("offset", or_null(count), None) or 0
    length = p.take("length", or_null(count), None)
    p.done()
    real = c.real(wanted)
    blob = c.blob(real) if real else None
    if blob is None:
        raise SetError("blobNotFound", blobId=wanted)
    if offset + (length or 0) > blob.size:
        raise SetError("invalidProperties", properties=["offset", "length"])
    size = blob.size - offset if length is None else length
    if c.spent + size > c.limits.answer:
        raise SetError("tooLarge", _("Together these are too large for one request."))
    c.spent += size
    return c.shelf.read(c.account, blob.uid, offset, length) or b""


_PROPERTIES = {"data", "data:asText", "data:asBase64", "size", "isEncodingProblem", "isTruncated"}


def blob_get(c: Context, given: dict[str, Any]) -> Answer:
    """Blob/get (RFC 9404 4.2). More bytes than one answer carries are `requestTooLarge`: download those."""
    a = Arguments(given)
    c.own(a)
    ids = list(dict.fromkeys(a.take("ids", list_of(ident_or_new))))
    names = a.take("properties", or_null(list_of(text)), None) or ["data", "size"]
    offset = a.take("offset", or_null(count), None) or 0
    length = a.take("length", or_null(count), None)
    a.done()
    if len(ids) > c.limits.get:
        raise MethodError("requestTooLarge")
    digests = {n for n in names if n.startswith("digest:")}
    if not set(names) <= _PROPERTIES | {"id"} | {f"digest:{d}" for d in DIGESTS}:
        raise MethodError("invalidArguments", _("There is no such property: properties."))
    real = {wanted: c.real(wanted) or "" for wanted in ids}
    there = c.shelf.blobs(c.account, list(real.values()))
    found = {wanted: there[real[wanted]] for wanted in ids if real[wanted] in there}
    data = _data(c, found.values(), offset, length) if not set(names) <= {"size", "id"} else {}
    shown = [
        {"id": wanted} | _shown(blob, data.get(blob.uid), set(names), digests, offset, length)
        for wanted, blob in found.items()
    ]
    answer = got(c, "", shown, ids)
    del answer["state"]  # RFC 9404 4.2: blobs do not change, so there is none
    return answer


def _data(c: Context, blobs: Iterable[Blob], offset: int, length: int | None) -> Mapping[str, bytes]:
    """The part that is asked for, of each; all together no more than one answer carries."""
    for blob in blobs:
        c.spend(max(0, min(blob.size - offset, blob.size if length is None else length)))
    if offset == 0 and length is None:
        return c.shelf.wholes(c.account, list({blob.uid: None for blob in blobs}))
    return {blob.uid: c.shelf.read(c.account, blob.uid, offset, length) or b"" for blob in blobs}


def _shown(
    blob: Blob, data: bytes | None, names: set[str], digests: set[str], offset: int, length: int | None
) -> Answer:
    shown: Answer = {"size": blob.size} if "size" in names else {}
    if data is None:
        return shown
    if offset > blob.size or offset + (length or 0) > blob.size:
        shown["isTruncated"] = True
    for name in digests:
        algorithm = hashlib.sha1(data, usedforsecurity=False) if name == "digest:sha" else hashlib.sha256(data)
        shown[name] = base64.b64encode(algorithm.digest()).decode()
    as_text: str | None = None
    if "data" in names or "data:asText" in names:
        try:
            as_text = data.decode("utf-8")
        except UnicodeDecodeError:
            shown["isEncodingProblem"] = True
    if "data:asText" in names or ("data" in names and as_text is not None):
        shown["data:asText"] = as_text
    if "data:asBase64" in names or ("data" in names and as_text is None):
        shown["data:asBase64"] = base64.b64encode(data).decode()
    return shown
