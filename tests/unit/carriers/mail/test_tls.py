"""Whom a mail server's certificate has to be from (docs/threats.md A23)."""

from __future__ import annotations

import ssl

import pytest

from dearly.carriers.mail.tls import context, trouble
from dearly.letter.errors import Usage
from tests.support.authority import Authority


def test_every_context_verifies_and_compares_names() -> None:
    for made in (context(None), context(Authority().pem)):
        assert made.verify_mode is ssl.CERT_REQUIRED
        assert made.check_hostname
        assert made.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_private_authority_is_trusted_alone() -> None:
    made = context(Authority("Ada's own").pem)
    assert [dict(part[0] for part in ca["subject"]) for ca in made.get_ca_certs()] == [{"commonName": "Ada's own"}]
    assert len(context(None).get_ca_certs()) != 1


@pytest.mark.parametrize("ca", ["", " \n", "not a certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n", "ä", "/etc/ssl"])
def test_what_is_no_authority_is_refused(ca: str) -> None:
    with pytest.raises(Usage) as told:
        context(ca)
    assert told.value.code == "bad_ca_file"


def test_a_line_that_broke_is_no_reason_for_suspicion() -> None:
    assert trouble("mail.letters.test", 465, ssl.SSLEOFError(8, "EOF")) is None
    wrong = trouble("mail.letters.test", 465, ssl.SSLError(1, "WRONG_VERSION_NUMBER"))
    assert wrong is not None
    assert wrong.code == "no_encryption"
    assert "465" in wrong.message
