"""The recovery kit: the data key itself, on paper, so that the kit and `drawer.db` alone are enough to come back.

The key (32 octets) and three octets of its own check are written in base32 (RFC 4648 6), seven lines of eight letters;
each line has a check word over its number and its letters, so that a slip in copying is found in its line:

    3   QZ4T KXWA   blue-lamp

Whoever holds the kit and a copy of the file reads everything: it belongs where the passports are.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dearly.drawer import surroundings
from dearly.drawer.connection import DataKey, translate
from dearly.drawer.folder import DATABASE, write_whole
from dearly.drawer.kit_words import word
from dearly.letter.errors import Refused, Usage
from dearly.letter.words import _, ngettext

LINES, PER_LINE = 7, 5
if TYPE_CHECKING:
    from dearly.drawer.drawer import Drawer

_MARK = "DEARLY-KIT-1:"
_SLIPS = str.maketrans("018", "OIB")
"""Digits that are not in the alphabet, and the letters that they are taken for."""


def code_lines(key: DataKey) -> tuple[str, ...]:
    """The seven lines, without their numbers: eight letters in two groups, and the check word."""
    octets = key + _check(key)
    lines = []
    for number in range(1, LINES + 1):
        part = octets[(number - 1) * PER_LINE : number * PER_LINE]
        letters = base64.b32encode(part).decode()
        lines.append(f"{letters[:4]} {letters[4:]}   {_check_word(number, part)}")
    return tuple(lines)


def of(drawer: Drawer) -> str:
    """The kit of an open drawer, as text. Whoever asks for it should have proven the passphrase just now."""
    return text(drawer.store.key, drawer.uid, drawer.clock.now())


def text(key: DataKey, uid: str, made: datetime) -> str:
    """The whole kit as plain text, for a file or a printer: what it is, what to do, the code, and the QR code."""
    numbered = "\n".join(f"    {number}   {line}" for number, line in enumerate(code_lines(key), 1))
    return _(
        "RECOVERY KIT FOR A DRAWER OF DEARLY\n"
        "\n"
        "Made {day} for the drawer {uid}.\n"
        "\n"
        "With this sheet and the file drawer.db, every letter can be read, without a passphrase.\n"
        "Print it, keep it where your passports are, and delete the file.\n"
        "If the passphrase or the key files are lost: dearly restore-with-kit\n"
        "\n"
        "{code}\n"
        "\n"
        "Type the letters in any case, with or without spaces. The two words at the end of a line\n"
        "show whether it was copied rightly.\n"
        "\n"
        "{picture}"
    ).format(day=f"{made:%Y-%m-%d}", uid=uid[:8], code=numbered, picture=qr_text(key))


def qr_svg(key: DataKey) -> str:
    """The code as a QR picture, one SVG element to stand in a page."""
    import segno  # slow to import, and every opening of a drawer passes here

    return str(segno.make(_payload(key), error="q", micro=False).svg_inline(scale=4))


def qr_text(key: DataKey) -> str:
    """The code as a QR picture of block characters, dark on light, for a terminal or a text file."""
    import segno

    out = io.StringIO()
    matrix = [list(row) for row in segno.make(_payload(key), error="m", micro=False).matrix_iter(border=2)]
    for upper, lower in zip(matrix[::2], [*matrix[1::2], [0] * len(matrix[0])], strict=False):
        out.write("".join(" ▀▄█"[(a & 1) | (b & 1) << 1] for a, b in zip(upper, lower, strict=True)).rstrip() + "\n")
    return out.getvalue()


def read(typed: str) -> DataKey:
    """The data key in a kit: the printed text, its seven lines as somebody typed them, or what a QR reader gives.

    Raises `Usage` (kit_wrong) that names every line which is not as it was printed."""
    lines = _lines(typed)
    wrong, octets = [], b""
    for number in range(1, LINES + 1):
        part = _part(number, lines.get(number, ""))
        if part is None:
            wrong.append(number)
        octets += part or b""
    if wrong:
        message = ngettext(
            "Line {lines} of the kit is not as it was printed.",
            "Lines {lines} of the kit are not as they were printed.",
            len(wrong),
        )
        raise Usage(
            "kit_wrong",
            message.format(lines=", ".join(str(number) for number in wrong)),
            _("Look at each letter and at the two words that end the line, and type it again."),
        )
    return _proven(octets)


def write(path: Path, content: str) -> None:
    """Write the kit's text for its owner alone. Raises `Refused` (kit_in_drawer, synced_folder, file_exists)."""
    place = path.absolute()
    if any((above / DATABASE).exists() for above in place.parents):
        raise Refused(
            "kit_in_drawer",
            _("A kit inside the drawer's folder would be lost with it, or stolen with it."),
            _("Write it to another place, best to a stick, and print it."),
        )
    surroundings.refuse_synced(place.parent)
    if place.exists():
        raise Refused("file_exists", _("“{name}” exists already.").format(name=path), _("Choose another name."))
    try:
        write_whole(place, content.encode())
    except OSError as error:
        raise translate(error) from error


def _payload(key: DataKey) -> str:
    return _MARK + base64.b32encode(key + _check(key)).decode()


def _proven(octets: bytes) -> DataKey:
    key = DataKey(octets[:32])
    if octets[32:] != _check(key):
        raise Usage(
            "kit_wrong",
            _("The lines of this kit do not belong together."),
            _("Take all seven lines from the same sheet."),
        )
    return key


def _lines(typed: str) -> dict[int, str]:
    """What stands in each of the seven lines, by number; lines without a number count from the first one on."""
    squeezed = "".join(typed.split()).upper()
    if _MARK in squeezed:
        letters = squeezed.partition(_MARK)[2][: LINES * 8]
        return {n: f"{letters[(n - 1) * 8 : n * 8]} {_own_word(n, letters[(n - 1) * 8 : n * 8])}" for n in range(1, 8)}
    numbered = {int(m[1]): m[2] for m in re.finditer(r"^\s*([1-7])[.):]?\s+(\S.*)$", typed, re.MULTILINE)}
    if numbered:
        return numbered
    return dict(enumerate((line for line in typed.splitlines() if line.strip()), 1))


def _part(number: int, line: str) -> bytes | None:
    """The octets of a line, or None when it does not fit its own check word."""
    letters, tokens = "", [token for token in re.split(r"[\s-]+", line) if token]
    while tokens and len(letters) < 8:
        letters += tokens.pop(0)
    part = _octets(letters)
    said = "-".join(tokens).lower()
    return part if part is not None and said == _check_word(number, part) else None


def _octets(letters: str) -> bytes | None:
    try:
        part = base64.b32decode(letters.upper().translate(_SLIPS))
    except binascii.Error:
        return None
    return part if len(part) == PER_LINE else None


def _own_word(number: int, letters: str) -> str:
    """A QR code has its own error correction and carries no words."""
    part = _octets(letters)
    return "" if part is None else _check_word(number, part)


def _check(key: bytes) -> bytes:
    return hashlib.sha256(b"dearly kit 1" + key).digest()[:3]


def _check_word(number: int, part: bytes) -> str:
    return word(int.from_bytes(hashlib.sha256(b"dearly kit line %d" % number + part).digest()[:2], "big") & 1023)
