"""Octets to text, in the order: as declared, as browsers mean what is declared, strict UTF-8, windows-1252.

Only the charsets of this table are ever asked for by a foreign name: Python's codec registry also knows things that
are no charsets. Never raises.
"""

from __future__ import annotations

from functools import lru_cache

# What is declared (lower case, without separators) -> codecs to try in order. Where the WHATWG Encoding Standard gives
# a label a wider meaning than its name says, the wider one stands: senders mean it.
_KNOWN: dict[str, tuple[str, ...]] = {
    "usascii": ("ascii",),
    "ascii": ("ascii",),
    "utf8": ("utf-8",),
    "unicode11utf8": ("utf-8",),
    "utf16": ("utf-16",),
    "utf16le": ("utf-16-le",),
    "utf16be": ("utf-16-be",),
    "utf32": ("utf-32",),
    "utf7": ("utf-7",),
    "unicode11utf7": ("utf-7",),
    "iso88591": ("cp1252", "latin-1"),
    "latin1": ("cp1252", "latin-1"),
    "windows1252": ("cp1252", "latin-1"),
    "cp1252": ("cp1252", "latin-1"),
    "iso88599": ("cp1254", "iso8859-9"),
    "tis620": ("cp874",),
    "iso885911": ("cp874",),
    "windows874": ("cp874",),
    "iso88598i": ("iso8859-8",),
    "iso88598e": ("iso8859-8",),
    "macintosh": ("mac-roman",),
    "xmaccyrillic": ("mac-cyrillic",),
    "koi8r": ("koi8-r",),
    "koi8u": ("koi8-u",),
    "gb2312": ("gb18030",),
    "gbk": ("gb18030",),
    "gb18030": ("gb18030",),
    "cp936": ("gb18030",),
    "hzgb2312": ("hz",),
    "big5": ("big5hkscs", "cp950"),
    "cp950": ("cp950", "big5hkscs"),
    "big5hkscs": ("big5hkscs",),
    "shiftjis": ("cp932", "shift_jisx0213"),
    "sjis": ("cp932", "shift_jisx0213"),
    "windows31j": ("cp932",),
    "cp932": ("cp932",),
    "eucjp": ("euc-jp", "euc_jisx0213"),
    "iso2022jp": ("iso2022_jp", "iso2022_jp_ext", "iso2022_jp_2004"),
    "iso2022jp2": ("iso2022_jp_2",),
    "euckr": ("cp949",),
    "ksc56011987": ("cp949",),
    "cp949": ("cp949",),
    "iso2022kr": ("iso2022_kr",),
    **{f"iso8859{n}": (f"iso8859-{n}",) for n in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{f"windows125{n}": (f"cp125{n}",) for n in (0, 1, 3, 4, 5, 6, 7, 8)},
    **{f"cp125{n}": (f"cp125{n}",) for n in (0, 1, 3, 4, 5, 6, 7, 8)},
    **{name: (name,) for name in ("cp437", "cp850", "cp852", "cp855", "cp857", "cp858", "cp862", "cp866")},
}
_MULTIBYTE = frozenset({"utf-8", "gb18030", "big5hkscs", "cp950", "cp932", "euc-jp", "iso2022_jp", "cp949"})


@lru_cache(maxsize=256)
def _codecs(declared: str) -> tuple[str, ...]:
    name = "".join(char for char in declared.lower() if char.isascii() and char.isalnum())
    return _KNOWN.get(name.removeprefix("cs"), _KNOWN.get(name, ()))


def decode(data: bytes, declared: str | None) -> str:
    """`data` as text."""
    codecs = _codecs(declared[:40]) if declared else ()
    for codec in (*codecs, "utf-8"):
        try:
            return data.decode(codec)
        except UnicodeDecodeError:
            continue
    if codecs and codecs[0] in _MULTIBYTE:
        # Mostly right and damaged in places, rather than wholly another charset.
        text = data.decode(codecs[0], "replace")
        beyond_ascii = len(text) - len(text.encode("ascii", "ignore"))
        if text.count("\ufffd") * 4 <= beyond_ascii:
            return text
    return data.decode("cp1252", "replace")
