"""Finding a provider's settings: who is asked, in which order, what each is told (A42), and what comes of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

import pytest

from dearly.carriers.mail.discover import DIRECTORY, Net, guesses, look_up
from dearly.carriers.mail.oauth import KNOWN
from dearly.carriers.mail.srv import services
from dearly.exchange import autoconfig
from dearly.letter.account import Protocol, Security, SignIn
from dearly.letter.address import Address
from dearly.letter.suggestion import Settings, Suggestion, Told
from tests.support.discovering import LIST, OWN, SRV, document
from tests.support.fake_dns import Zone, fake_dns
from tests.support.scripted_http import Respond, leading, telling, web

ADA = Address.parse("ada+post@letters.test")
BOTH = ("/mail/config-v1.1.xml?emailaddress=ada%2Bpost%40letters.test", "/.well-known/autoconfig/mail/config-v1.1.xml")


async def read(data: bytes) -> Settings:
    return autoconfig.read(data)


@dataclass
class Found:
    suggestions: list[Suggestion]
    seen: list[tuple[str, str]]
    asked: list[tuple[str, str]]
    unencrypted: list[str] = field(default_factory=list)

    @property
    def told(self) -> list[tuple[str, str]]:
        """Who told it, and the incoming server's host."""
        return [(one.told.value, one.account.incoming.host if one.account.incoming else "") for one in self.suggestions]


@pytest.mark.parametrize("where", ["10.1.2.3", "127.0.0.1", "169.254.169.254", "fd00::1", "::1"])
@pytest.mark.parametrize("at_home", [False, True])
def test_a_document_leads_into_no_private_network_but_ones_own(where: str, at_home: bool) -> None:
    """A23: a name may lead anywhere, and its certificate says nothing of that."""
    inside = "inside.letters.test"
    sites = {OWN: leading(f"https://{inside}/x.xml"), inside: telling(document("in.letters.test"))}

    async def addresses(host: str) -> list[str]:
        return ["93.184.216.34", where] if host == inside else [where if at_home else "93.184.216.34"]

    async def whole() -> tuple[list[Suggestion], list[tuple[str, str]]]:
        async with web(sites) as world, fake_dns({}) as dns:
            net = Net(world.transport, dns.resolver, addresses=addresses)
            return await look_up(ADA, read, net=net), world.seen

    found, seen = asyncio.run(whole())
    assert [one.told for one in found] == ([Told.PROVIDER] if at_home else [])
    assert any(host == inside for host, _path in seen) == at_home


def find(
    sites: Mapping[str, Respond],
    zone: Zone | None = None,
    *,
    address: Address = ADA,
    directory: bool = True,
    names: Mapping[str, str] | None = None,
) -> Found:
    async def whole() -> Found:
        async with AsyncExitStack() as stack:
            world = await stack.enter_async_context(web(sites, names))
            dns = await stack.enter_async_context(fake_dns(zone or {}))
            net = Net(world.transport, dns.resolver)
            suggestions = await look_up(address, read, directory=directory, net=net)
            return Found(suggestions, world.seen, dns.asked, world.unencrypted)

    return asyncio.run(whole())


def run(act: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(act)


def test_the_provider_is_asked_first_and_then_nobody_else() -> None:
    found = find(
        {
            OWN: telling(document("own.letters.test")),
            "letters.test": telling(document("known.letters.test")),
            LIST: telling(document("listed.letters.test")),
        }
    )
    assert found.told == [("provider", "own.letters.test")]
    assert sorted(found.seen) == [(OWN, BOTH[0]), ("letters.test", BOTH[1])]
    assert found.suggestions[0].elsewhere == ()


def test_the_well_known_place_where_the_other_has_nothing() -> None:
    for other in ({}, {OWN: telling(b"", 404)}, {OWN: telling(b"<html>Welcome!</html>")}):
        found = find({**other, "letters.test": telling(document("known.letters.test"))})
        assert found.told == [("provider", "known.letters.test")]


def test_the_directory_is_told_the_domain_and_never_the_address() -> None:
    found = find({LIST: telling(document("imap.listed.test"))})
    assert found.told == [("directory", "imap.listed.test")]
    assert found.suggestions[0].elsewhere == ("imap.listed.test",)
    assert found.seen == [(LIST, "/v1.1/letters.test")]
    assert f"https://{LIST}/v1.1/" == DIRECTORY


def test_the_directory_is_not_asked_where_the_person_does_not_want_it() -> None:
    found = find({LIST: telling(document("imap.listed.test"))}, SRV, directory=False)
    assert found.told == [("dns", "imap.letters.test")]
    assert found.seen == []
    assert ("letters.test", "MX") not in found.asked


def test_the_directory_once_more_for_whoever_takes_the_mail() -> None:
    def listed(request: Any) -> Any:
        known = request.path == "/v1.1/host.test"
        return telling(document("imap.host.test"))(request) if known else telling(b"", 404)(request)

    zone: Zone = {("letters.test", "MX"): ["20 b.elsewhere.test.", "10 mx1.in.host.test."]}
    found = find({LIST: listed}, zone)
    assert found.told == [("host", "imap.host.test")]
    assert found.seen == [(LIST, "/v1.1/letters.test"), (LIST, "/v1.1/in.host.test"), (LIST, "/v1.1/host.test")]
    assert found.suggestions[0].elsewhere == ("imap.host.test",)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("mx.host.test", ["host.test"]),
        ("mx.host.co.uk", ["host.co.uk"]),
        ("mx.in.host.com.au", ["in.host.com.au", "host.com.au"]),
        ("a.b.c.d.host.test", ["c.d.host.test", "d.host.test", "host.test"]),
        ("mx.me.uk", ["me.uk"]),
        ("host.test", []),
        ("test", []),
    ],
)
def test_whose_a_mail_server_may_be(host: str, expected: list[str]) -> None:
    assert guesses(host) == expected


def test_what_dns_says_comes_after_what_the_web_says_and_not_twice() -> None:
    found = find({OWN: telling(document("own.letters.test"))}, SRV)
    assert found.told == [("provider", "own.letters.test"), ("dns", "imap.letters.test")]
    same = {
        ("_submissions._tcp.letters.test", "SRV"): ["0 1 465 own.letters.test."],
        ("_imaps._tcp.letters.test", "SRV"): ["0 1 993 own.letters.test."],
    }
    assert find({OWN: telling(document("own.letters.test"))}, same).told == [("provider", "own.letters.test")]


def test_service_records() -> None:
    zone: Zone = {
        ("_submissions._tcp.letters.test", "SRV"): ["0 1 0 ."],  # RFC 6186 3.4: none
        ("_submission._tcp.letters.test", "SRV"): ["10 1 587 late.letters.test.", "5 1 587 SMTP.Letters.test."],
        ("_imaps._tcp.letters.test", "SRV"): ["0 1 993 light.letters.test.", "0 9 993 heavy.letters.test."],
        ("_imap._tcp.letters.test", "SRV"): ["0 1 143 imap.letters.test."],
        ("_pop3s._tcp.letters.test", "SRV"): ["0 1 0 zero.host.test.", "1 1 995 pop.host.test."],
        ("_jmap._tcp.letters.test", "SRV"): ["0 1 8443 jmap.letters.test."],
    }
    imap, jmap, pop = find({}, zone).suggestions
    assert imap.told is Told.DNS
    assert imap.account.incoming is not None
    assert imap.account.outgoing is not None
    assert (imap.account.incoming.host, imap.account.incoming.security) == ("heavy.letters.test", Security.TLS)
    assert (imap.account.outgoing.host, imap.account.outgoing.security) == ("smtp.letters.test", Security.STARTTLS)
    assert imap.account.incoming.user == str(ADA)
    assert imap.elsewhere == ()
    assert jmap.account.incoming is not None
    assert jmap.account.incoming.protocol is Protocol.JMAP
    assert jmap.account.incoming.url == "https://jmap.letters.test:8443/.well-known/jmap"
    assert pop.elsewhere == ("pop.host.test",), "RFC 6186 6: pointed out"


def test_where_to_sign_in_at_a_provider_that_we_know() -> None:
    ways = b"<authentication>OAuth2</authentication><authentication>password-cleartext</authentication>"
    listed = document("imap.gmail.com").replace(b"<socketType>", ways + b"<socketType>")
    (only,) = find({LIST: telling(listed)}).suggestions
    assert only.oauth == KNOWN["Google"]
    assert only.account.sign_in is SignIn.PASSWORD
    (without,) = find({LIST: telling(document("imap.gmail.com"))}).suggestions
    assert (without.oauth, without.sign_in) == (None, (SignIn.PASSWORD,)), "a document that says how is believed"
    zone: Zone = {
        ("_imaps._tcp.letters.test", "SRV"): ["0 1 993 outlook.office365.com."],
        ("_submission._tcp.letters.test", "SRV"): ["0 1 587 smtp.office365.com."],
    }
    (dns,) = find({}, zone).suggestions
    assert (dns.oauth, dns.sign_in) == (KNOWN["Microsoft"], (SignIn.PASSWORD, SignIn.OAUTH))


def test_nobody_knows() -> None:
    found = find({OWN: telling(b"", 500), LIST: telling(b"", 404)})
    assert found.suggestions == []
    assert find({}, {("letters.test", "MX"): ["0 ."]}).suggestions == []


def test_all_of_dns_is_asked_with_whole_names() -> None:
    found = find({}, SRV)
    assert {name for name, kind in found.asked if kind == "SRV"} == {
        f"_{service}._tcp.letters.test"
        for service in ("submissions", "submission", "imaps", "imap", "pop3s", "pop3", "jmap")
    }


def test_an_address_in_another_script() -> None:
    found = find({}, address=Address.parse("zoë@bücher.test"))
    assert ("_imaps._tcp.xn--bcher-kva.test", "SRV") in found.asked


def test_redirects_that_are_followed() -> None:
    sites = {
        OWN: leading("https://letters.test/moved"),
        "letters.test": leading("//settings.host.test/x.xml", 307),
        "settings.host.test": telling(document("imap.host.test")),
    }
    found = find(sites)
    assert found.told == [("provider", "imap.host.test")]
    assert [path for _host, path in found.seen if "ada" in path] == [BOTH[0]], "nobody else is told the address"


@pytest.mark.parametrize(
    "location",
    [
        "http://settings.host.test/x.xml",
        "//127.0.0.1/x.xml",
        "https://127.1/x.xml",
        "https://[::1]/x.xml",
        "https://localhost/x.xml",
        "https://ada:secret@settings.host.test/x.xml",
        "file:///etc/hostname",
        "https://settings.host.test:99999/",
        "https://settings.host.test/ x",
        f"/mail/config-v1.1.xml?{'x' * 500}",
        "",
        f"https://{OWN}{BOTH[0]}",  # round and round
    ],
)
def test_redirects_that_are_not_followed(location: str) -> None:
    settings = telling(document("imap.host.test"))
    found = find({OWN: leading(location), "settings.host.test": settings, "localhost": settings, "127.0.0.1": settings})
    assert found.suggestions == []
    assert found.unencrypted == []
    assert len(found.seen) <= 5


def test_certificates_are_verified() -> None:
    sites = {OWN: telling(document("own.letters.test"))}
    found = find(sites, names={OWN: "autoconfig.elsewhere.test"})
    assert found.suggestions == []
    assert found.seen == [], "not a word was said to whoever that is"


def test_the_address_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    find({OWN: telling(document("own.letters.test"))}, SRV)
    assert "ada" not in caplog.text


def test_no_resolver_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    import dns.asyncresolver
    import dns.resolver

    def none(*_given: object, **_named: object) -> None:
        raise dns.resolver.NoResolverConfiguration

    monkeypatch.setattr(dns.asyncresolver, "Resolver", none)
    assert run(services("letters.test")) is None
