"""Make the letters in tests/peers/fixtures/deltachat anew, with the real Delta Chat:

    python -m tests.peers.make_deltachat_fixtures

Run it as root, from the top of the project, after `sh tests/debian.sh`; it takes some ten seconds. Everything in that
folder is replaced: a new fake key, a new account, new letters, and the README that names the versions.
"""

from __future__ import annotations

import asyncio
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from dearly.exchange import vcard
from dearly.letter.address import Address, Correspondent
from dearly.letter.content import Letter, LetterId
from dearly.mime import pgpmime, write
from dearly.seal import openpgp, trust
from dearly.seal.keys import OwnKey
from tests.peers.mailserver import MailServer
from tests.support.deltachat import DeltaChat, program

FOLDER = Path(__file__).parent / "fixtures" / "deltachat"
OWN_KEY, CERTIFICATE, CARD = "fake-own-key-of-ada.pgp", "bert.pgp", "bert.vcf"

ADA = Correspondent("Ada", Address.parse("ada@letters.test"))
BERT = Correspondent("Bert", Address.parse("bert@letters.test"))
OURS = LetterId("theletterthatbertanswered@letters.test")
ENCLOSED_NAME = "every octet.bin"
ENCLOSED = bytes(range(256)) * 600
"""More than the 140,000 octets from which on Delta Chat makes two messages of one; and it packs well."""


class Made(NamedTuple):
    """One message. `text` as it has to be read, and what it is."""

    file: str
    text: str
    subject: str
    what: str


LETTERS = (
    Made(
        "first-letter.eml",
        "Dear Ada,\n\nfünf Äpfel, and your card came.\n\nYours\nBert",
        "Message from Bert",
        "Bert's first letter, to a key that he has from our vCard alone",
    ),
    Made("short.eml", "Come home.", "Message from Bert", "a few words; nobody gave it a subject, so Delta Chat did"),
    Made(
        "announced.eml",
        "Here are the figures.",
        "Message from Bert",
        "the text of a letter with an enclosure above 140,000 octets (a pre-message)",
    ),
    Made("enclosed.eml", "", "Message from Bert", "the enclosure of that letter, alone (a post-message)"),
    Made(
        "answer.eml",
        "> Of the harvest – Dear Bert,\n> \n> the *harvest* is in.\n> \n> Yours\n> Ada\n\nSo is ours.",
        "Re: Of the harvest",
        "his answer to a letter that Dearly sealed, quoting it",
    ),
    Made("reaction.eml", "\N{HEAVY BLACK HEART}\N{VARIATION SELECTOR-16}", "Re: Of the harvest", "a heart for it"),
)

_README = """\
# Letters that Delta Chat made

Made on {day} with Delta Chat core {core} (deltachat-rpc-server from PyPI), which posted them by Postfix {postfix} to a
Dovecot {dovecot} mailbox. The `.eml` files are byte for byte what Dovecot kept there (a Maildir, so with bare LF).
All people, keys and passwords were made for this and are in use nowhere; `{own_key}` is a secret key
on purpose.

| file | what it is |
|---|---|
{rows}
| `{own_key}` | Ada's key, as `OwnKey.to_bytes` writes it: opens all of them |
| `{card}`, `{certificate}` | the visiting card that Delta Chat gives of Bert, and the certificate in it |

To make them anew (as root, on Debian): `python -m tests.peers.make_deltachat_fixtures`
"""


async def make(server: MailServer, folder: Path) -> None:
    """Play the letters, and put everything into `folder`."""
    now = datetime.now(UTC).replace(microsecond=0)
    own = OwnKey.generate([ADA.address], now)
    with tempfile.TemporaryDirectory() as place:
        async with DeltaChat(program(), Path(place) / "accounts") as chat:
            bert = await chat.account("bert", server)
            card = await bert.card()
            (certificate,) = vcard.read_card(card).certificates
            contact = await bert.take(vcard.write_card(ADA.name, [str(ADA.address)], own.certificate, None))
            first, short, announced = LETTERS[:3]
            await bert.write(contact, first.text)
            await bert.write(contact, short.text)
            (enclosed := Path(place) / ENCLOSED_NAME).write_bytes(ENCLOSED)
            await bert.write(contact, announced.text, enclosed)
            await server.arrived("ada", 4)  # so that they stand in the order in which they were written
            server.deliver(_our_letter(own, certificate, now), str(BERT.address), str(ADA.address))
            letter = await bert.letter()
            await bert.write(contact, "So is ours.", answers=letter.number)
            await server.arrived("ada", 5)
            await bert.call("send_reaction", letter.number, [LETTERS[5].text])
            found = await server.arrived("ada", len(LETTERS))
            core = await chat.version()
    _write(folder, {CARD: card, CERTIFICATE: certificate, OWN_KEY: own.to_bytes()})
    _write(folder, {made.file: raw for made, raw in zip(LETTERS, found, strict=True)})
    postfix, dovecot = server.versions()
    rows = "\n".join(f"| `{made.file}` | {made.what} |" for made in LETTERS)
    names = {"own_key": OWN_KEY, "card": CARD, "certificate": CERTIFICATE}
    versions = {"core": core, "postfix": postfix, "dovecot": dovecot}
    text = _README.format(day=now.date().isoformat(), rows=rows, **names, **versions)
    (folder / "README.md").write_text(text, encoding="utf-8")


def _our_letter(own: OwnKey, certificate: bytes, now: datetime) -> bytes:
    """A letter as a desk posts it."""
    text = "Dear Bert,\n\nthe *harvest* is in.\n\nYours\nAda\n"
    letter = Letter(OURS, ADA, (BERT,), now, "Of the harvest", text, letter_no=1)
    plan = trust.plan({BERT.address: trust.minimise(certificate, BERT.address)}, now)
    mime = write.render(letter, autocrypt=(ADA.address, own.certificate), binary=plan.binary)
    return pgpmime.wrap(letter, openpgp.seal(mime, own, plan).armored, ADA.address)


def _write(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (folder / name).write_bytes(data)


def main() -> None:
    """Make them all."""
    with MailServer() as server:
        asyncio.run(make(server, FOLDER))


if __name__ == "__main__":
    main()
