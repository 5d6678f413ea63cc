"""What the signed part says beside its text: taken apart with bounds, and only where a signature holds (A14)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.support.letters import ADA, BERT, CLARA, a_letter
from tests.support.opening import around, here, letter
from tests.support.openpgp import address, literal, person, seal_raw, signed

from dearly.letter.address import Address, Correspondent
from dearly.mime import write
from dearly.mime.read import outline
from dearly.mime.write import render
from dearly.opener import gossip
from dearly.opener.gossip import MOST_GOSSIPED
from dearly.opener.values import Chat
from dearly.seal import trust


def _minimised(keydata: bytes, _address: Address) -> bytes | None:
    return keydata or None


def _chat(fields: str) -> Chat | None:
    return gossip.chat(outline(f"From: bert@letters.test\r\n{fields}\r\n\r\nDear Ada.".encode()))


def test_only_other_readers_and_no_more_than_a_bound() -> None:
    given = [(who.address, bytes([number])) for number, who in enumerate((ADA, BERT, CLARA), 1)]
    found = outline(render(a_letter(sender=BERT, to=(ADA, CLARA)), gossip=given))
    (one,) = gossip.gossiped(found, [ADA.address], _minimised, bytes.hex)
    assert (one.address, one.certificate, one.fingerprint) == (CLARA.address, b"\3", "03")
    many = [(address(f"nobody{number}"), b"x") for number in range(MOST_GOSSIPED)]
    found = outline(render(a_letter(sender=BERT, to=(ADA, CLARA)), gossip=[*many, *given]))
    assert gossip.gossiped(found, [ADA.address], _minimised, bytes.hex) == ()


def test_nothing_where_no_signature_holds() -> None:
    """The same part: signed by whom we can check, by whom we cannot, and by nobody."""
    clara = (address("clara"), trust.minimise(person("clara").certificate, address("clara")))
    what = replace(letter(), to=(Correspondent("Bert", address("bert")), Correspondent("Clara", address("clara"))))
    part = write.render(what, gossip=[clara], chat=True)
    by_ada = around(
        seal_raw(signed(part, person("ada"), person("bert")), person("bert")), write.outer_headers(what, address("ada"))
    )
    opened = here(by_ada, known=[person("ada").certificate])
    (one,) = opened.gossiped
    assert (one.address, one.certificate, one.fingerprint) == (*clara, person("clara").fingerprint)
    assert opened.chat == Chat(None, "", None, False)
    for raw, known in ((by_ada, []), (around(seal_raw(literal(part), person("bert"))), [person("ada").certificate])):
        opened = here(raw, known=known)
        assert opened.letter is not None
        assert (opened.gossiped, opened.chat) == ((), None)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("Subject: a", None),
        ("Chat-Version: 1.0", Chat(None, "", None, False)),
        ("Chat-Version: 1.0\r\nChat-Is-Post-Message: 1", Chat(None, "", None, True)),
        ("Chat-Is-Post-Message: 1", None),
        ("Chat-Version: 1.0\r\nChat-Post-Message-ID: no id", Chat(None, "", None, False)),
        ("Chat-Version: 1.0\r\nChat-Post-Message-ID: <a@b> <c@d>", Chat(None, "", None, False)),
        (
            'Chat-Version: 1.0\r\nChat-Post-Message-ID: <a@b>\r\nChat-Post-Message-Metadata: {"size":7,\r\n'
            ' "filename":"..\\u202egpj.exe"}',
            Chat("a@b", "..gpj.exe", 7, False),  # type: ignore[arg-type]  # a LetterId is a str
        ),
        (
            'Chat-Version: 1.0\r\nChat-Post-Message-ID: <a@b>\r\nChat-Post-Message-Metadata: {"size":-7,"filename":7}',
            Chat("a@b", "", None, False),  # type: ignore[arg-type]  # a LetterId is a str
        ),
        (
            "Chat-Version: 1.0\r\nChat-Post-Message-ID: <a@b>\r\nChat-Post-Message-Metadata: " + "[" * 4000,
            Chat("a@b", "", None, False),  # type: ignore[arg-type]  # a LetterId is a str
        ),
    ],
)
def test_what_a_chat_announces(fields: str, expected: Chat | None) -> None:
    assert _chat(fields) == expected
