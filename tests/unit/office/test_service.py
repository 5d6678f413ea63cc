"""Serving: where it may listen, TLS, how it begins and ends, and what it writes down."""

from __future__ import annotations

import asyncio
import json
import logging
import signal
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from dearly.letter.errors import InUse, Refused, Usage
from dearly.office.service import serve
from dearly.office.sqlite import SqliteStore
from tests.support.offices import MachineChance, MachineClock, an_office, parcel, start_process


def certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "office.letters.test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert, private = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert, private


async def attempt(folder: Path, **where: object) -> None:
    store = SqliteStore.create(folder, MachineChance())
    try:
        async with serve(store, clock=MachineClock(), chance=MachineChance(), **where):  # type: ignore[arg-type]
            pass
    finally:
        await store.close()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "office.letters.test", ""])
def test_plain_http_on_loopback_only(tmp_path: Path, host: str) -> None:
    with pytest.raises(Refused) as trouble:
        asyncio.run(attempt(tmp_path, host=host))
    assert trouble.value.code == "plain_http"
    assert trouble.value.hint


def test_places_where_it_cannot_listen(tmp_path: Path) -> None:
    with an_office() as office, pytest.raises(InUse):
        asyncio.run(attempt(tmp_path, port=office.port))
    nothing = tmp_path / "nothing.pem"
    with pytest.raises(Usage) as trouble:
        asyncio.run(attempt(tmp_path, tls=(nothing, nothing)))
    assert trouble.value.code == "bad_certificate"
    cert, _key = certificate(tmp_path)
    with pytest.raises(Usage):
        asyncio.run(attempt(tmp_path, tls=(cert, cert)))


def test_tls(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path)
    with an_office(tls=(cert, key)) as office:
        assert office.url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(cert))
        with httpx.Client(verify=trusting) as http:
            assert http.get(f"https://localhost:{office.port}/health").json() == {"status": "ok"}
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(cert)
        old.check_hostname = False
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            old.maximum_version = ssl.TLSVersion.TLSv1_1
        with httpx.Client(verify=old) as http, pytest.raises(httpx.ConnectError):
            http.get(f"https://localhost:{office.port}/health")


def test_inside_a_loop_that_runs_already(tmp_path: Path) -> None:
    """It answers when the block is entered, leaves signals alone, and has let go of its port when the block is left."""

    async def go() -> None:
        store = SqliteStore.create(tmp_path, MachineChance())
        handler = signal.getsignal(signal.SIGTERM)
        for _time in range(2):
            async with serve(store, clock=MachineClock(), chance=MachineChance()) as server:
                assert signal.getsignal(signal.SIGTERM) is handler
                async with httpx.AsyncClient() as http:
                    assert (await http.get(f"{server.url}/health")).status_code == 200
            async with httpx.AsyncClient() as http:
                with pytest.raises(httpx.ConnectError):
                    await http.get(f"{server.url}/health")
        with pytest.raises(LookupError):
            async with serve(store, clock=MachineClock(), chance=MachineChance()):
                raise LookupError
        await store.close()

    asyncio.run(go())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    process = start_process(tmp_path)
    httpx.get(f"{process.url}/health")
    assert process.end(number) == 0
    # Closed in order: everything is in the one file.
    assert sorted(p.name for p in tmp_path.iterdir()) == ["office.db"]


def test_the_log_names_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """Acts, statuses and milliseconds; no address, subject, id, token or key."""
    with caplog.at_level(logging.DEBUG), an_office() as office:
        ada, bert = office.member("ada"), office.member("bert")
        data = parcel(ada.address, bert.address, subject="a-subject-of-ada")
        made = ada.hand_over(data, bert, key="a-key-of-ada")
        bert.download(bert.letterbox()[0]["blobId"])
        ada.upload(data)
        office.http.get("/jmap/session", headers={"authorization": "Bearer a-wrong-token"})
        office.http.get("/some/secret/path?secret=1")
        ours = [r.getMessage() for r in caplog.records if r.name.startswith(("dearly", "uvicorn"))]
    assert any(json.loads(line)["act"] == "api" for line in ours)
    whole = "\n".join(ours)
    ids = [made[1][1]["created"]["e1"]["id"], ada.uid, ada.token, "a-wrong-token", "secret"]
    for word in ("ada", "bert", "a-subject", "a-key", office.store.domain, "127.0.0.1", *ids):
        assert word not in whole
