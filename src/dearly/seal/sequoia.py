"""The one place that calls pysequoia: it judges certificates and signatures, and makes the PKESK packets.

Its exceptions carry stack traces and one text for many causes; none of them leaves this module, and their text is
never shown. It knows the time of day only from the machine, so `now` is not handed to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache

import pysequoia

from dearly.seal.packets import Packet, read


class NotTaken(Exception):
    """Sequoia does not take it, for a reason that it does not tell apart."""


@contextmanager
def _guarded() -> Iterator[None]:
    """Turns whatever the library raises into `NotTaken`, a panic in it as well; want of memory stays what it is."""
    try:
        yield
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001  it promises no classes
        raise NotTaken from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":
            raise
        raise NotTaken from None


@lru_cache(maxsize=128)
def certificate(data: bytes) -> pysequoia.Cert:
    """Parsed once. Raises `NotTaken`."""
    with _guarded():
        return pysequoia.Cert.from_bytes(data)


def standing(data: bytes) -> tuple[bool, datetime | None]:
    """(revoked, when its primary key expires or None) of a certificate. Raises `NotTaken`."""
    with _guarded():
        cert = certificate(data)
        return cert.is_revoked, cert.expiration


def shell(views: Sequence[bytes]) -> list[Packet]:
    """An empty message sealed to these certificates: PKESK packets in their order, then one SEIPD packet.

    We take the session key from our own PKESK and throw the rest of the container away. Each view has one encryption
    key left, because Sequoia seals to all of them, and to expired ones when there is no other. Raises `NotTaken`."""
    with _guarded():
        return read(pysequoia.encrypt(b"", recipients=[certificate(v) for v in views], armor=False), most=4096)


def under_passphrase(data: bytes, passphrase: str) -> bytes:
    """`data` as an armored OpenPGP message that the passphrase opens in every program: AES-256, a key stretched by 65
    million octets of SHA-256 (RFC 9580 3.7.1.3), integrity protected. Raises `NotTaken`."""
    with _guarded():
        return bytes(pysequoia.encrypt(data, passwords=[passphrase]))


def signers(data: bytes, signature: bytes, certificates: Mapping[str, Sequence[bytes]]) -> tuple[str, ...]:
    """Fingerprints (lower-case hex) of the certificates for which one signature packet over `data` holds.

    `certificates`: by every key id and fingerprint in them, so that only owners of an id asked for are handed over;
    all owners, because a stranger can put anyone's key into a certificate of his own."""

    def store(ids: list[str]) -> list[pysequoia.Cert]:
        asked = dict.fromkeys(data for i in ids for data in certificates.get(i.lower(), ()))
        return [certificate(data) for data in asked]

    try:
        with _guarded():
            # One packet alone: of several, the library would read the first and pass over the rest.
            result = pysequoia.verify(data, store=store, signature=pysequoia.Sig.from_bytes(signature))
            return tuple(dict.fromkeys(s.certificate.lower() for s in result.valid_sigs))
    except NotTaken:
        return ()
