"""Octets to and from a JMAP account: inside the request where RFC 9404 is spoken, else by upload and download.

Nothing is believed to be whole that is not as long as the server says, and, where it can say so, of the same digest.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from dearly.carriers.jmap.line import Cut, NotDone
from dearly.carriers.jmap.session import Account, MethodFailed, expand, mapping, objects, text
from dearly.letter.words import _

MEDIA_TYPE = "message/rfc822"

_INLINE = 1_000_000
"""Bytes of the largest blob that is fetched inside an answer: a larger one is worth a download of its own."""
_TOGETHER = 6_000_000
"""Bytes of blobs in one answer; the office gives at most 16 MB."""
_DIGESTED = 12_000_000
"""Bytes of the largest blob of which only the digest is asked for."""

_PLAIN = re.compile(rb"[ -~\r\n\t]*\Z")


def source(data: bytes) -> dict[str, str]:
    """A DataSourceObject (RFC 9404 4.1): as text what no JSON library can have an opinion about, else base64."""
    if _PLAIN.match(data):
        return {"data:asText": data.decode("ascii")}
    return {"data:asBase64": base64.b64encode(data).decode("ascii")}


async def upload(account: Account, data: bytes) -> str:
    """Upload by itself (RFC 8620 6.1); the blob id. Raises as `Line.post_bytes`, and `Cut` when it is not whole."""
    session = await account.session()
    url = expand(session.upload, accountId=session.account)
    answer = mapping(await account.line.post_bytes(url, data, MEDIA_TYPE))
    if not text(answer.get("blobId")) or answer.get("size") != len(data):
        raise Cut(_("{host} did not take the letter in whole.").format(host=account.line.host))
    return text(answer.get("blobId"))


async def fetch(account: Account, wanted: Mapping[str, int]) -> dict[str, bytes]:
    """The blobs that come whole, of those wanted (blob id -> size as the server states it).

    Raises `NotDone` (the server cannot be reached) and `CarrierTrouble`."""
    session = await account.session()
    got: dict[str, bytes] = {}
    small = {blob: size for blob, size in wanted.items() if size <= _INLINE} if session.blobs else {}
    for batch in _batches(small, session.most_get):
        got |= await _inside(account, {blob: small[blob] for blob in batch})
    for blob, size in wanted.items():
        if blob not in got:  # also what came short inside an answer: once more, by the other way
            data = await _download(account, blob, size)
            if data is not None:
                got[blob] = data
    return got


def _batches(sizes: Mapping[str, int], most: int) -> Iterator[list[str]]:
    batch: list[str] = []
    weight = 0
    for blob, size in sizes.items():
        if batch and (weight + size > _TOGETHER or len(batch) == most):
            yield batch
            batch, weight = [], 0
        batch.append(blob)
        weight += size
    if batch:
        yield batch


async def _inside(account: Account, sizes: Mapping[str, int]) -> dict[str, bytes]:
    """Blob/get (RFC 9404 4.2)."""
    listed = await _blob_get(account, list(sizes), ["data", "size"])
    found: dict[str, bytes] = {}
    for one in listed:
        blob = text(one.get("id"))
        data = _octets(one)
        if blob in sizes and data is not None and _whole(data, sizes[blob], one):
            found[blob] = data
    return found


async def _download(account: Account, blob: str, size: int) -> bytes | None:
    """RFC 8620 6.2; None when it is not whole, or there no more."""
    session = await account.session()
    url = expand(session.download, accountId=session.account, blobId=blob, type=MEDIA_TYPE, name="letter.eml")
    try:
        data = await account.line.get_bytes(url, size)
    except Cut:
        return None  # nor may one parcel that always breaks the line hold up the others
    except NotDone as trouble:
        if trouble.answered:
            return None
        raise
    if len(data) != size:
        return None
    if session.blobs and session.digests and size <= _DIGESTED:
        stated = await _blob_get(account, [blob], ["size"])
        if not stated or not _whole(data, size, stated[0]):
            return None
    return data


async def _blob_get(account: Account, ids: Sequence[str], properties: list[str]) -> list[Mapping[str, Any]]:
    session = await account.session()
    if session.digests:
        properties = [*properties, "digest:sha-256"]
    asked = {"accountId": session.account, "ids": ids, "properties": properties}
    try:
        return objects((await account.ask([("Blob/get", asked, "b")])).of("b", "Blob/get").get("list"))
    except (Cut, MethodFailed):
        return []


def _octets(one: Mapping[str, Any]) -> bytes | None:
    if one.get("isTruncated"):
        return None
    if isinstance(as_text := one.get("data:asText"), str):
        return as_text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text(one.get("data:asBase64")), validate=True)
    except (binascii.Error, ValueError):
        return None


def _whole(data: bytes, size: int, stated: Mapping[str, Any]) -> bool:
    """Whether `data` is what the server says the blob is."""
    digest = stated.get("digest:sha-256")
    if digest is not None and digest != base64.b64encode(hashlib.sha256(data).digest()).decode():
        return False
    return len(data) == size and stated.get("size", size) == size
