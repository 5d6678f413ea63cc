"""Settings of mail providers: what is taken from them for an address, and documents that mean harm (A41)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from time import process_time
from unicodedata import category

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dearly.exchange.autoconfig import MOST_BYTES, MOST_DEPTH, MOST_ELEMENTS, MOST_SERVERS, read
from dearly.letter.account import Protocol, Security, SignIn
from dearly.letter.address import Address
from dearly.letter.errors import Usage
from dearly.letter.suggestion import OAuthHint, Offer, Settings, Suggestion, Told, suggest
from tests.support.often import examples

ADA = Address.parse("ada@letters.test")
PASSWORD, OAUTH = SignIn.PASSWORD, SignIn.OAUTH


def server(kind: str, host: str, port: int, how: str = "SSL", *ways: str, user: str = "%EMAILADDRESS%") -> str:
    element = "outgoingServer" if kind == "smtp" else "incomingServer"
    said = "".join(f"<authentication>{way}</authentication>" for way in ways or ("password-cleartext",))
    return (
        f'<{element} type="{kind}"><hostname>{host}</hostname><port>{port}</port><socketType>{how}</socketType>'
        f"<username>{user}</username>{said}</{element}>"
    )


def document(*servers: str, more: str = "", name: str = "Letters &amp; Co", head: str = "") -> bytes:
    return (
        f'{head}<clientConfig version="1.1"><emailProvider id="letters.test"><domain>letters.test</domain>'
        f"<displayName>{name}</displayName>{''.join(servers)}</emailProvider>{more}</clientConfig>"
    ).encode()


IMAP = server("imap", "imap.letters.test", 993)
SMTP = server("smtp", "smtp.letters.test", 465)


def suggested(*servers: str, more: str = "", address: Address = ADA) -> tuple[Suggestion, ...]:
    return suggest(address, Told.PROVIDER, read(document(*servers, more=more)))


def short(suggestions: tuple[Suggestion, ...]) -> list[tuple[str, ...]]:
    """Each as "protocol host:port security user" for both its servers."""
    return [
        tuple(
            f"{one.protocol} {one.host}:{one.port} {one.security} {one.user}"
            for one in (suggestion.account.incoming, suggestion.account.outgoing)
            if one is not None
        )
        for suggestion in suggestions
    ]


def test_a_whole_provider() -> None:
    hint = (
        "<oAuth2><issuer>letters.test</issuer><scope>mail offline</scope>"
        "<authURL>https://sign.letters.test/a?b=c</authURL><tokenURL>https://sign.letters.test/t</tokenURL></oAuth2>"
    )
    found = read(
        document(
            server("pop3", "pop.letters.test", 995),
            server("imap", "imap.letters.test", 993, "SSL", "OAuth2", "password-cleartext"),
            server("smtp", "smtp.letters.test", 465, "SSL", "OAuth2", "password-cleartext"),
            more=hint,
            head='<?xml version="1.0" encoding="UTF-8"?>\n<!-- ours -->\n<?xml-stylesheet href="a.xsl"?>\n',
        )
    )
    where = OAuthHint("letters.test", "https://sign.letters.test/a?b=c", "https://sign.letters.test/t", "mail offline")
    both = (OAUTH, PASSWORD)
    assert found == Settings(
        "Letters & Co",
        (
            Offer(Protocol.POP3, "pop.letters.test", 995, Security.TLS, "%EMAILADDRESS%", (PASSWORD,)),
            Offer(Protocol.IMAP, "imap.letters.test", 993, Security.TLS, "%EMAILADDRESS%", both),
        ),
        (Offer(Protocol.SMTP, "smtp.letters.test", 465, Security.TLS, "%EMAILADDRESS%", both),),
        where,
    )
    imap, pop = suggest(ADA, Told.PROVIDER, found)
    assert imap.account.incoming is not None
    assert imap.account.incoming.protocol is Protocol.IMAP, "IMAP before POP3, whatever stands first"
    assert (imap.sign_in, imap.oauth, imap.elsewhere, imap.name) == ((PASSWORD, OAUTH), where, (), "Letters & Co")
    assert imap.account.sign_in is PASSWORD, "what needs no client id comes first"
    assert pop.sign_in == (PASSWORD,), "only what both servers take"
    assert pop.oauth is None


@pytest.mark.parametrize(
    ("servers", "expected"),
    [
        (
            [
                server("imap", "a.letters.test", 143, "STARTTLS"),
                IMAP,
                server("smtp", "b.letters.test", 587, "STARTTLS"),
            ],
            ["imap imap.letters.test:993 tls ada@letters.test", "smtp b.letters.test:587 starttls ada@letters.test"],
        ),
        (
            [server("imap", "one.letters.test", 993), IMAP, SMTP],
            ["imap one.letters.test:993 tls ada@letters.test", "smtp smtp.letters.test:465 tls ada@letters.test"],
        ),
        (
            [server("imap", "mail.%EMAILDOMAIN%", 993, user="%EMAILLOCALPART%"), SMTP.replace("ADDRESS", "DOMAIN")],
            ["imap mail.letters.test:993 tls ada", "smtp smtp.letters.test:465 tls letters.test"],
        ),
        (
            [server("imap", "127.0.0.1", 1143, "plain"), server("smtp", "localhost", 1025, "plain")],
            ["imap 127.0.0.1:1143 plain ada@letters.test", "smtp localhost:1025 plain ada@letters.test"],
        ),
        (  # no port, no user: the usual ones
            [
                "<incomingServer type=' IMAP '><hostname> IMAP.Letters.Test. </hostname>"
                "<socketType>STARTTLS</socketType></incomingServer>",
                "<outgoingServer type='smtp'><hostname>bücher.letters.test</hostname><port></port>"
                "<socketType>ssl</socketType></outgoingServer>",
            ],
            [
                "imap imap.letters.test:143 starttls ada@letters.test",
                "smtp xn--bcher-kva.letters.test:465 tls ada@letters.test",
            ],
        ),
    ],
)
def test_which_servers(servers: list[str], expected: list[str]) -> None:
    assert short(suggested(*servers)) == [tuple(expected)]


def test_two_ways_that_do_not_meet_are_no_account() -> None:
    halves = suggested(IMAP, server("smtp", "smtp.letters.test", 465, "SSL", "OAuth2"))
    assert [(half.account.incoming is None, half.account.outgoing is None) for half in halves] == [
        (False, True),
        (True, False),
    ], "shown as the halves that they are"
    (both,) = suggested(
        server("imap", "a.letters.test", 993, "SSL", "OAuth2"), IMAP, server("smtp", "b.letters.test", 465)
    )
    assert both.account.incoming is not None
    assert both.account.incoming.host == "imap.letters.test"


def test_jmap_by_url_and_as_it_was_before() -> None:
    by_url = (
        '<incomingServer type="jmap"><url>https://jmap.letters.test/session</url><authentication>basic</authentication>'
        "</incomingServer>"
    )
    for element, url in (
        (by_url, "https://jmap.letters.test/session"),
        (server("jmap", "jmap.letters.test", 443), "https://jmap.letters.test:443/.well-known/jmap"),
    ):
        imap, jmap = suggested(element, IMAP, SMTP)
        assert imap.account.outgoing is not None
        assert jmap.account.incoming is not None
        assert (jmap.account.incoming.url, jmap.account.incoming.port, jmap.account.outgoing) == (url, 443, None)
    assert len(suggested(by_url.replace("https", "http"), IMAP, SMTP)) == 1


def test_servers_elsewhere_are_pointed_out() -> None:
    (found,) = suggested(server("imap", "imap.host.test", 993), server("smtp", "letters.test.host.test", 465))
    assert found.elsewhere == ("imap.host.test", "letters.test.host.test")
    (found,) = suggested(server("imap", "letters.test", 993), server("smtp", "notletters.test", 465))
    assert found.elsewhere == ("notletters.test",)


NOT_USABLE = {
    "not encrypted, far away": server("imap", "imap.letters.test", 143, "plain"),
    "not encrypted by a name that looks near": server("imap", "localhost.letters.test", 143, "plain"),
    "a kind that we do not know": server("exchange", "imap.letters.test", 443),
    "a way to sign in that we do not know": server("imap", "imap.letters.test", 993, "SSL", "NTLM", "GSSAPI"),
    "no way to sign in": server("imap", "imap.letters.test", 993, "SSL", "none"),
    "security that we do not know": server("imap", "imap.letters.test", 993, "SSLv2"),
    "no host": server("imap", "", 993),
    "two hosts": server("imap", "a.letters.test b.letters.test", 993),
    "a host with a path": server("imap", "imap.letters.test/x", 993),
    "a host with a user": server("imap", "ada@imap.letters.test", 993),
    "a host with a line end": server("imap", "imap.letters.test&#13;&#10;x", 993),
    "an address of version 6": server("imap", "[::1]", 993, "plain"),
    "a port beyond": server("imap", "imap.letters.test", 65_536),
    "port 0": server("imap", "imap.letters.test", 0),
    "a port in other digits": server("imap", "imap.letters.test", 993).replace("993", "٩٩٣"),
    "a port of a thousand digits": server("imap", "imap.letters.test", 993).replace("993", "9" * 1000),
    "a user of a thousand letters": server("imap", "imap.letters.test", 993, user="u" * 1000),
    "a host of a thousand letters": server("imap", "h" * 1000 + ".test", 993),
    "not where servers stand": f"<x>{IMAP}</x>",
}


@pytest.mark.parametrize("element", NOT_USABLE.values(), ids=NOT_USABLE.keys())
def test_what_could_not_be_used_is_passed_over(element: str) -> None:
    assert short(suggested(element, IMAP, SMTP)) == [
        ("imap imap.letters.test:993 tls ada@letters.test", "smtp smtp.letters.test:465 tls ada@letters.test")
    ]
    assert suggested(element) == ()


def test_a_user_is_cleaned_and_what_is_put_in_is_not_read_again() -> None:
    odd = Address.parse("%EMAILDOMAIN%@letters.test")
    (found,) = suggested(IMAP.replace("%EMAILADDRESS%", "a\u202e%EMAILLOCALPART%\u200b"), SMTP, address=odd)
    assert found.account.incoming is not None
    assert found.account.incoming.user == "a%EMAILDOMAIN%"


@pytest.mark.parametrize(
    "hint",
    [
        "<authURL>http://sign.letters.test/a</authURL><tokenURL>https://sign.letters.test/t</tokenURL>",
        "<authURL>https://sign.letters.test/a</authURL>",
        "<authURL>https://ada:x@sign.letters.test/a</authURL><tokenURL>https://sign.letters.test/t</tokenURL>",
        "<authURL>https://sign.letters.test/a b</authURL><tokenURL>https://sign.letters.test/t</tokenURL>",
        "<authURL>https://sign.letters.test:x/</authURL><tokenURL>https://sign.letters.test/t</tokenURL>",
        "<authURL>javascript:alert(1)</authURL><tokenURL>https://sign.letters.test/t</tokenURL>",
        f"<authURL>https://sign.letters.test/{'a' * 500}</authURL><tokenURL>https://sign.letters.test/t</tokenURL>",
        "<authURL>https://a.test/</authURL><tokenURL>https://a.test/</tokenURL><scope>ma\u0434il</scope>",
    ],
)
def test_hints_for_signing_in_that_are_none(hint: str) -> None:
    assert read(document(IMAP, SMTP, more=f"<oAuth2>{hint}</oAuth2>")).oauth is None


def laughs() -> bytes:
    """Ten entities, each ten times the one before: 10^10 characters from a few hundred."""
    said = ['<!ENTITY l0 "ha">', *(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 11))]
    return document(IMAP, name="&l10;", head=f"<!DOCTYPE clientConfig [{''.join(said)}]>")


REFUSED = {
    "nothing": b"",
    "no XML": b"It works!",
    "HTML": b"<!doctype html><html><body>Not found</body></html>",
    "another document": b"<autodiscover><emailProvider/></autodiscover>",
    "no provider": b"<clientConfig version='1.1'/>",
    "cut": document(IMAP, SMTP)[:-40],
    "something after it": document(IMAP) + b"<x/>",
    "two roots": document(IMAP) * 2,
    "a document type": document(IMAP, head="<!DOCTYPE clientConfig>"),
    "a document type elsewhere": document(IMAP, head='<!DOCTYPE c SYSTEM "https://elsewhere.test/x.dtd">'),
    "a file by entity": document(name="&f;", head='<!DOCTYPE c [<!ENTITY f SYSTEM "file:///etc/hostname">]>'),
    "parameters of entities": document(IMAP, head='<!DOCTYPE c [<!ENTITY % f SYSTEM "https://elsewhere.test/">%f;]>'),
    "a billion laughs": laughs(),
    "an entity that is none": document(IMAP, name="&nothing;"),
    "too deep": b"<a>" * (MOST_DEPTH + 1) + b"</a>" * (MOST_DEPTH + 1),
    "much too deep": b"<a>" * 9_000 + b"</a>" * 9_000,
    "too many elements": document(IMAP, more="<a/>" * MOST_ELEMENTS),
    "too large": document(IMAP, more=" " * MOST_BYTES),
    "zeros": b"\0" * 1000,
    "half of UTF-16": b"\xff\xfe" + document(IMAP),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED.keys())
def test_refused(data: bytes) -> None:
    began = process_time()
    with pytest.raises(Usage) as refused:
        read(data)
    assert refused.value.code == "bad_settings"
    assert process_time() - began < 1
    for leaked in ("file:", "elsewhere", "root"):
        assert leaked not in refused.value.told


@pytest.mark.parametrize(
    "data",
    [
        document(IMAP, SMTP, name="Größe").decode().encode("utf-16"),
        b"\xef\xbb\xbf" + document(IMAP, SMTP, name="Größe"),
        document(IMAP, SMTP, name="Größe", head='<?xml version="1.0" encoding="iso-8859-1"?>')
        .decode()
        .encode("cp1252"),
        document(IMAP, SMTP, name="Größe", head='<?xml version="1.0" encoding="utf-7"?>'),
        document(IMAP, SMTP, name="Größe", head='<?xml version="1.0" encoding="rot13"?>'),
    ],
    ids=["UTF-16", "with a mark", "Latin", "claims UTF-7", "claims rot13"],
)
def test_charsets(data: bytes) -> None:
    found = read(data)
    assert found.name == "Größe"
    assert len(found.incoming) == 1


def test_long_and_many() -> None:
    found = read(document(*(server("imap", f"i{n}.letters.test", 993) for n in range(90)), name="n" * 30_000))
    assert len(found.incoming) == MOST_SERVERS
    assert len(found.name) <= 100
    assert read(document(IMAP, name="\u202eevil\u0008 name".replace("\u0008", ""))).name == "evil name"


def test_a_second_provider_in_the_document_is_nobody() -> None:
    two = document(IMAP).replace(b"</emailProvider>", f"</emailProvider><emailProvider>{SMTP}</emailProvider>".encode())
    assert read(two).outgoing == ()


def test_the_answer_of_the_process_that_read_it_is_looked_at_again() -> None:
    """It met a foreign document: what it says is believed no more than the document."""
    good = read(document(IMAP, SMTP))
    (offer,) = good.incoming
    for bad in (
        replace(offer, host="imap.letters.test\r\nx"),
        replace(offer, host=""),
        replace(offer, port=0),
        replace(offer, port=99_999),
        replace(offer, url="http://a.test"),
        replace(offer, user="a\nb"),
        replace(offer, user="u" * 400),
    ):
        found = suggest(ADA, Told.PROVIDER, replace(good, incoming=(bad,)))
        assert [one.account.incoming for one in found if one.account.incoming is not None] == []


@settings(max_examples=examples(150))
@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: document(IMAP, name=text)))
def test_any_octets_are_settings_or_refused(data: bytes) -> None:
    with suppress(Usage):
        suggest(ADA, Told.PROVIDER, read(data))


@given(st.text(max_size=60), st.text(max_size=60), st.integers(-1, 70_000), st.text(max_size=60))
@example("imap.letters.test", "\U00012544", 993, "")  # assigned to no character yet: such a name may be one some day
def test_any_texts_in_a_server_make_an_account_or_none(host: str, user: str, port: int, url: str) -> None:
    offer = Offer(Protocol.IMAP, host, port, Security.TLS, user, (PASSWORD,), url)
    for one in suggest(ADA, Told.DNS, Settings("", (offer,), ())):
        incoming = one.account.incoming
        assert incoming is not None
        assert incoming.host.isascii()
        kinds = {category(char) for char in incoming.user}
        assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}, "nothing that ends a line, or hides or turns what is shown"
