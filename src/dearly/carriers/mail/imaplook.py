"""Looking for our own copy of a letter: in the letterbox, in our own folder, and where the provider keeps what left.

Each transaction of submission carries one recipient and ourselves (RFC 5321 3.3), so each one that was accepted leaves
a copy with us. The copies of one letter are all alike; they are told apart by the way they came, the oldest Received
field (RFC 5321 4.4), because a server may put one and the same transaction down twice. Only as many different ways as
there are recipients prove that all transactions were accepted; fewer prove nothing about any single one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING

from dearly.carriers.base import MOST_HEAD
from dearly.carriers.mail import plan
from dearly.carriers.mail.imapvalues import INBOX, Declined
from dearly.letter.envelope import SealedLetter

if TYPE_CHECKING:
    from dearly.carriers.mail.imapline import Line

_SENT = ("sent", "sent items", "sent messages", "sent mail", "sent-mail")
"""What such a folder is called where the server does not say which one it is (RFC 6154)."""
_MOST_ALIKE = 24
_RECEIVED = re.compile(rb"(?im)^received:[^\r\n]*(?:\r?\n[ \t][^\r\n]*)*")
_ARMOR = re.compile(
    rb"-----BEGIN PGP MESSAGE-----\r?\n(?:[!-~]+: [^\r\n]*\r?\n)*\r?\n([A-Za-z0-9+/=\r\n]+)-----END PGP MESSAGE-----"
)


def proven(line: Line, letter: SealedLetter, own: str | None) -> bool:
    """Whether every transaction of this letter is proven to have been accepted."""
    came = set().union(*(_ways(line, name, letter) for name in (INBOX, own) if name))
    needed = len(letter.envelope.recipients)
    if len(came) >= needed:
        return True
    # What the provider keeps of what left is no more than the same transactions seen from the other side: never added.
    sent = sent_folder(line)
    return sent is not None and len(_ways(line, sent, letter)) >= needed


def sent_folder(line: Line) -> str | None:
    """Where the provider keeps what left: by its special use (RFC 6154), else by a name that is usual."""
    folders = line.folders()
    for flags, _delimiter, name in folders:
        if any(flag.lower() == b"\\sent" for flag in flags):
            return name
    for flags, delimiter, name in folders:
        last = name.rpartition(delimiter)[2] if delimiter else name
        if last.casefold() in _SENT and not any(flag.lower() == b"\\noselect" for flag in flags):
            return name
    return None


def _ways(line: Line, name: str, letter: SealedLetter) -> set[bytes]:
    """By how many ways copies of this letter came into this mailbox."""
    try:
        line.examine(name)
        found = line.search("HEADER", "Message-ID", f"<{letter.letter_id}>")[: 4 * _MOST_ALIKE]
        sizes = line.sizes(found)
        # A copy has some header fields more, or its line ends counted otherwise.
        weight = len(letter.data)
        alike = {uid: size for uid, size in sizes.items() if weight // 2 <= size <= weight + 65_536}
        ways = set()
        for uid in list(alike)[:_MOST_ALIKE]:
            data = line.bodies({uid: alike[uid]}).get(uid)
            if data and same(data, letter):
                ways.add(way(data))
    except Declined:
        return set()
    return ways


def same(data: bytes, letter: SealedLetter) -> bool:
    """Whether a message is this letter: its body to the last octet, or what is sealed in it. Its header may grow."""
    ours, theirs = letter.data.partition(b"\r\n\r\n")[2], data.partition(b"\r\n\r\n")[2]
    return bool(ours) and (ours == theirs or _sealed(theirs) == letter.seal_sha256)


def _sealed(body: bytes) -> bytes:
    """SHA-256 of what is sealed in a body, b"" where nothing is."""
    armor = _ARMOR.search(body)
    if armor is None:
        return b""
    text = armor[1].split(b"\r\n=" if b"\r\n" in armor[1] else b"\n=")[0]  # the checksum stands on a line of its own
    try:
        return hashlib.sha256(base64.b64decode(b"".join(text.split()), validate=True)).digest()
    except binascii.Error:
        return b""


def way(data: bytes) -> bytes:
    """What tells one transaction from another: the first hop's own line; b"" where there is none."""
    head = data[: plan.CHUNK * MOST_HEAD].partition(b"\r\n\r\n")[0]
    hops = _RECEIVED.findall(head)
    return b" ".join(hops[-1].split()) if hops else b""
