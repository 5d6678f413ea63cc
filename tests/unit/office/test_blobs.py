"""Parcels in and out: upload and download (RFC 8620 6), and many in one request (RFC 9404)."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest

from dearly.office.limits import DEFAULT
from tests.support.offices import Member, Office, parcel


def test_upload_and_download(office: Office, ada: Member, bert: Member) -> None:
    data = parcel(ada.address, bert.address)
    answer = office.http.post(f"/jmap/upload/{ada.uid}", content=data, headers=ada.headers)
    assert answer.status_code == 201
    made = answer.json()
    assert made["accountId"] == ada.uid
    assert made["size"] == len(data)
    assert made["blobId"] == "B" + hashlib.sha256(data).hexdigest()
    path = f"/jmap/download/{ada.uid}/{made['blobId']}/a%20letter%0d%0aX-Y:%20z.eml"
    got = office.http.get(path + "?accept=message/rfc822", headers=ada.headers)
    assert got.content == data
    assert got.headers["content-type"] == "message/rfc822"
    assert got.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20letter%0D%0AX-Y%3A%20z.eml"
    assert "x-y" not in got.headers
    assert "sandbox" in got.headers["content-security-policy"]
    odd = office.http.get(path + "?accept=text/html%0d%0aX:y", headers=ada.headers)
    assert odd.headers["content-type"] == "application/octet-stream"


@pytest.mark.parametrize("size", [1 << 20, (1 << 20) + 1, 5_000_000])
def test_large_parcels(ada: Member, bert: Member, size: int) -> None:
    data = parcel(ada.address, bert.address, size)
    blob = ada.upload(data)
    assert ada.download(blob) == data
    for offset, length in ((0, 10), ((1 << 20) - 5, 10), (len(data) - 7, 7), (1 << 19, 1 << 19)):
        (got,) = ada.call("Blob/get", ids=[blob], offset=offset, length=length, properties=["data:asText"])["list"]
        assert got["data:asText"].encode() == data[offset : offset + length]


def test_what_cannot_be_uploaded(office: Office, ada: Member, bert: Member) -> None:
    data = parcel(ada.address, bert.address)

    def upload(content: Any, account: str = ada.uid, **headers: str) -> tuple[int, str]:
        answer = office.http.post(f"/jmap/upload/{account}", content=content, headers=ada.headers | headers)
        assert answer.headers["content-type"] == "application/problem+json"
        return answer.status_code, answer.json().get("code", answer.json().get("limit"))

    assert upload(b"Dear Bert, in clear text") == (422, "not_sealed")
    assert upload(data.replace(b"\r\n", b"\n")) == (422, "bare_line_end")
    assert upload(data, account=bert.uid)[0] == 404
    assert upload(b"") == (422, "not_sealed")
    stated = office.http.build_request("POST", f"/jmap/upload/{ada.uid}", content=b"x", headers=ada.headers)
    stated.headers["content-length"] = str(DEFAULT.upload + 1)
    stated.headers["expect"] = "100-continue"
    # Refused by what it states, before a byte of it is read.
    import socket

    with socket.create_connection(("127.0.0.1", office.port)) as line:
        line.sendall(b"POST " + stated.url.raw_path + b" HTTP/1.1\r\n")
        line.sendall(b"".join(k + b": " + v + b"\r\n" for k, v in stated.headers.raw) + b"\r\n")
        answer = line.recv(100_000)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"connection: close" in answer


def test_blob_upload(ada: Member, bert: Member) -> None:
    """RFC 9404 4.1."""
    data = parcel(ada.address, bert.address)
    encoded = base64.b64encode(data).decode()
    half = len(data) // 2
    made = ada.call(
        "Blob/upload",
        create={
            "text": {"data": [{"data:asText": data.decode()}], "type": "message/rfc822"},
            "base64": {"data": [{"data:asBase64": encoded}]},
            "both": {
                "data": [
                    {"data:asText": data[:half].decode()},
                    {"data:asBase64": base64.b64encode(data[half:]).decode()},
                ]
            },
            "parts": {"data": [{"blobId": "#text", "length": half}, {"blobId": "#text", "offset": half}]},
        },
    )
    assert made["notCreated"] is None
    assert {b["id"] for b in made["created"].values()} == {"B" + hashlib.sha256(data).hexdigest()}
    assert ada.download(made["created"]["parts"]["id"]) == data


def test_what_blob_upload_refuses(ada: Member, bert: Member) -> None:
    text = parcel(ada.address, bert.address).decode()
    wrong: dict[str, tuple[Any, str]] = {
        "clear": ([{"data:asText": "Dear Bert"}], "invalidProperties"),
        "lf": ([{"data:asText": text.replace("\r\n", "\n")}], "invalidProperties"),
        "empty": ([], "invalidProperties"),
        "base64": ([{"data:asBase64": "a*b"}], "invalidProperties"),
        "two": ([{"data:asText": "a", "data:asBase64": "YQ=="}], "invalidProperties"),
        "none": ([{}], "invalidProperties"),
        "shape": ("x", "invalidProperties"),
        "blob": ([{"blobId": "B" + "0" * 64}], "blobNotFound"),
        "creation": ([{"blobId": "#later"}], "blobNotFound"),
        "many": ([{"data:asText": ""}] * 65, "tooLarge"),
    }
    answer = ada.call("Blob/upload", create={k: {"data": d} for k, (d, _e) in wrong.items()})
    assert {k: e["type"] for k, e in answer["notCreated"].items()} == {k: e for k, (_d, e) in wrong.items()}
    assert answer["notCreated"]["clear"]["reason"] == "not_sealed"
    assert answer["created"] is None
    blob = ada.upload(text.encode())
    beyond = ada.call("Blob/upload", create={"x": {"data": [{"blobId": blob, "offset": 5, "length": len(text)}]}})
    assert beyond["notCreated"]["x"]["type"] == "invalidProperties"


def test_blob_get(ada: Member, bert: Member) -> None:
    """RFC 9404 4.2."""
    data = parcel(ada.address, bert.address)
    blob = ada.upload(data)
    every = ["data:asText", "data:asBase64", "size", "digest:sha-256", "digest:sha"]
    answer = ada.call("Blob/get", ids=[blob, "Bnone"], properties=every)
    assert answer["notFound"] == ["Bnone"]
    assert "state" not in answer
    (got,) = answer["list"]
    assert got["data:asText"].encode() == base64.b64decode(got["data:asBase64"]) == data
    assert base64.b64decode(got["digest:sha-256"]) == hashlib.sha256(data).digest()
    assert base64.b64decode(got["digest:sha"]) == hashlib.sha1(data).digest()
    (plain,) = ada.call("Blob/get", ids=[blob])["list"]
    assert set(plain) == {"id", "size", "data:asText"}
    (part,) = ada.call("Blob/get", ids=[blob], offset=10, length=5, properties=["data", "digest:sha-256"])["list"]
    assert part["data:asText"].encode() == data[10:15]
    assert base64.b64decode(part["digest:sha-256"]) == hashlib.sha256(data[10:15]).digest()
    (beyond,) = ada.call("Blob/get", ids=[blob], offset=len(data) - 3, length=9)["list"]
    assert beyond["isTruncated"]
    (far,) = ada.call("Blob/get", ids=[blob], offset=len(data) + 9)["list"]
    assert far["isTruncated"]
    assert far["data:asText"] == ""
    for wrong in ({"properties": ["digest:md5"]}, {"offset": -1}, {"length": "x"}, {"ids": [1]}):
        assert ada.wrong("Blob/get", **({"ids": [blob]} | wrong)) == "invalidArguments"


def test_one_answer_is_bounded(ada: Member, bert: Member) -> None:
    blobs = [ada.upload(parcel(ada.address, bert.address, 6_000_000)) for _n in range(3)]
    assert ada.wrong("Blob/get", ids=blobs) == "requestTooLarge"
    assert len(ada.call("Blob/get", ids=blobs[:2])["list"]) == 2
    assert len(ada.call("Blob/get", ids=blobs, properties=["size"])["list"]) == 3
