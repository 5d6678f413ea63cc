"""What a chatmail relay lets out of an account, stated anew from what chatmail/filtermail does (0.2 to 0.5).

`refusal(data, sender)` is None where the relay would take the mail, else the reply it gives. Read by Python's own
parser and not by ours, and as strictly as the relay where that is stricter than RFC 3156.
"""

from __future__ import annotations

import base64
import binascii
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import parseaddr

NOT_SEALED = "523 Encryption Needed: Invalid Unencrypted Mail"
BEGIN, END = "-----BEGIN PGP MESSAGE-----\r\n", "-----END PGP MESSAGE-----"
PKESK, SKESK, SEIPD = 1, 3, 18


def refusal(data: bytes, sender: str) -> str | None:
    message = message_from_bytes(data, policy=policy.default)
    assert isinstance(message, EmailMessage)
    _name, author = parseaddr(str(message.get("from", "")).strip())
    if author.lower() != sender.lower():
        return f"500 Invalid FROM <{author}> for <{sender}>"
    return None if _sealed(data, message) else NOT_SEALED


def _sealed(data: bytes, message: EmailMessage) -> bool:
    if message.get_content_type() != "multipart/encrypted" or not message.is_multipart():
        return False
    parts = list(message.iter_parts())
    if len(parts) != 2 or any(part.is_multipart() for part in parts):
        return False
    first, second = parts
    if first.get_content_type() != "application/pgp-encrypted" or str(first.get_payload()).strip() != "Version: 1":
        return False
    if second.get_content_type() != "application/octet-stream":
        return False
    armored = str(second.get_payload())
    return armored.encode() in data and _armor(armored)


def _armor(text: str) -> bool:
    if not text.startswith(BEGIN):
        return False
    while text.endswith("\r\n"):
        text = text.removesuffix("\r\n")
    if not text.endswith(END):
        return False
    text = text.removeprefix(BEGIN).removesuffix(END)
    if text.startswith(("Version: ", "Comment: ")):
        return False
    encoded, _cut, _checksum = text.rpartition("=")  # wherever the last one stands
    try:
        return _packets(base64.b64decode("".join(encoded.split()), validate=True))
    except (binascii.Error, IndexError):
        return False


def _packets(octets: bytes) -> bool:
    """Session keys, then one encrypted packet as the last one, all in the new format (RFC 9580 4.2.1)."""
    at = 0
    while at < len(octets):
        if octets[at] & 0xC0 != 0xC0:
            return False
        tag, at = octets[at] & 0x3F, at + 1
        while 224 <= octets[at] < 255:  # a partial length
            at += 1 + (1 << (octets[at] & 0x1F))
        first = octets[at]
        if first < 192:
            at += 1 + first
        elif first < 224:
            at += 2 + ((first - 192) << 8) + octets[at + 1] + 192
        else:
            at += 5 + int.from_bytes(octets[at + 1 : at + 5], "big")
        if at == len(octets):
            return tag == SEIPD
        if tag not in (PKESK, SKESK):
            return False
    return False
