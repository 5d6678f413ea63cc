"""A lifetime of invented letters, for tests and measurements that need many: the same ones every time.

Letter `n` depends only on the seed and on `n`, so a short archive is the beginning of a long one, and ten more letters
can be put on top of a hundred thousand. Nothing is anybody's: words are made of syllables after a language's habits,
between the small words that a language cannot do without. What the archives of programs have is all here: five scripts'
worth of languages and ten charsets, threads, both directions, letters with a twin in HTML, pictures, encoded headers.

    python -m tests.support.lifetime FOLDER 2000        # a Maildir
"""

from __future__ import annotations

import base64
import bisect
import quopri
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from functools import cache
from itertools import accumulate
from multiprocessing import Pool
from pathlib import Path

ME = ("Ada Moor", "ada@letters.test")
"""Whose letters these are."""

PLANTED = {"heliotropium": 997, "under the old walnut tree": 211, "Geburtstagsüberraschung": 503, "紫陽花日和": 1009}
"""Words, each with the number of letters among which it stands once."""

_BLOCK = 12
"""So many letters are a few threads with one person each."""

_BEGAN, _YEARS = datetime(2004, 3, 1, tzinfo=UTC), 20
_WORDS = 6000


@dataclass(frozen=True, slots=True)
class _Tongue:
    """A language: how often it is written (of 100), its small words, its syllables (none: a script without spaces), its
    signs, and the charset that its older programs used."""

    share: int
    small: str
    onsets: str = ""
    vowels: str = ""
    ends: str = ""
    signs: str = ""
    charset: str = "utf-8"


_TONGUES = {
    "en": _Tongue(
        44,
        "the of and to a in that I was you it for my we on with is have but not this be at had me as so they when are"
        " all from would there your been again dear garden house letter mother evening summer winter",
        "b d f g h k l m n p r s t w br cl dr fl gr pl sh st th tr",
        "a e i o u ai ea ee oo ou",
        "- - d l m n r s t ck nd ng nt st",
    ),
    "de": _Tongue(
        15,
        "der die und das ich in zu ist du den nicht es mit wir auf ein eine für von dass sich war wie im auch noch so"
        " als mir dir hat habe aber nach schon über liebe Brief Garten Haus Mutter Abend Sommer können",
        "b d f g h k l m n r s t w br fr gr kl pf sch sp st tr z",
        "a e i o u ä ö ü au ei eu ie",
        "- - n r s t ch ld nd ng nt ß st",
        charset="iso-8859-15",
    ),
    "fr": _Tongue(
        14,
        "de la le et les je que à un une est pas il elle en ne ce dans qui pour sur nous vous mon ma au avec plus se tu"
        " comme mais très tout chère lettre jardin maison mère soir été déjà où après",
        "b c d f g j l m n p r s t v bl br ch cr gl pr qu tr",
        "a e i o u é è ê ai au eau oi ou",
        "- - - l n r s t lle nne que re",
        charset="windows-1252",
    ),
    "es": _Tongue(
        9,
        "de la que el en y a los se un una con no por mi te lo para me más como pero su al del yo está todo cuando ya"
        " muy carta jardín casa madre tarde noche después también aquí año querida",
        "b c d f g j l m n p r s t v ll ñ br cl gr pr tr",
        "a e i o u á é í ó ie ue",
        "- - - d l n r s ción",
        charset="iso-8859-1",
    ),
    "pl": _Tongue(
        7,
        "i w nie się na to że z do jest jak ale co tak za po już mnie ty o przez tylko był była czy jeszcze list ogród"
        " dom matka wieczór lato zima potem także tutaj droga kochana",
        "b c d g k l ł m n p r s t w z ż cz kr prz rz sz śl tr",
        "a ą e ę i o ó u y",
        "- - c ch k ł m n ń sz ść",
        charset="iso-8859-2",
    ),
    "ja": _Tongue(
        6,
        "の に は を が と も で から まで です ます 手紙 庭 母 家 夏 冬",
        signs="あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをん春秋山川花雨雪空海友心話朝夜町村道旅月星光影",
        charset="iso-2022-jp",
    ),
    "zh": _Tongue(
        5,
        "的 了 在 是 我 你 他 她 不 有 和 就 都 信 家 母亲 花园 夏天 冬天",
        signs="春秋山川花雨雪空海友心话朝夜城村路旅月星光影书读写想念说听看来去回忆远近明天昨年时候声音门窗灯火茶饭",
        charset="gb18030",
    ),
}
_FIRST = [
    "Bert",
    "Clara",
    "Dora",
    "Emil",
    "Fanny",
    "Gustav",
    "Hanne",
    "Ignác",
    "Jürgen",
    "Kasia",
    "Léonie",
    "Márton",
    "Nils",
    "Oda",
    "Pélagie",
    "健",
    "小红",
]
_LAST = [
    "Aalto",
    "Brøgger",
    "Dąbrowski",
    "Eklöf",
    "Fournier",
    "Grün",
    "Hölzl",
    "Ibáñez",
    "Kováč",
    "Núñez",
    "佐藤",
    "王",
]


@dataclass(frozen=True, slots=True)
class Invented:
    """One letter: its bytes (RFC 5322, CRLF), when it was written, and whether `ME` wrote it."""

    data: bytes
    written: datetime
    ours: bool


def letter(number: int, seed: str = "one") -> Invented:
    """The letter with this number, from 0."""
    first, _length, with_whom, tongue = _thread(number, seed)
    turn = number - first
    chance = random.Random(f"{seed} letter {number}")
    thread = random.Random(f"{seed} thread {first}")
    began = _BEGAN + timedelta(days=thread.uniform(0, _YEARS * 365))
    zone = timezone(timedelta(hours=thread.choice((-5, 0, 1, 2, 9))))
    written = (began + timedelta(days=9 * turn + chance.uniform(0, 7))).astimezone(zone).replace(microsecond=0)
    ours = turn % 2 == 1
    them = somebody(with_whom)
    sender, reader = (ME, them) if ours else (them, ME)
    text = text_of(number, seed)
    subject = _words(tongue, thread, thread.randint(2, 5))
    head = [
        f"Received: from post.test ([192.0.2.{number % 250}]) by letters.test with ESMTPS; {format_datetime(written)}",
        f"Date: {format_datetime(written)}",
        f"From: {_encoded(sender[0], chance)} <{sender[1]}>",
        f"To: {_encoded(reader[0], chance)} <{reader[1]}>",
        f"Message-ID: {_id(seed, number)}",
        f"Subject: {_encoded(('Re: ' if turn else '') + subject, chance)}",
        "MIME-Version: 1.0",
    ]
    if chance.random() < 0.1:
        third = somebody(chance.randrange(60))
        head.append(f"Cc: {_encoded(third[0], chance)} <{third[1]}>")
    if turn:
        head.append(f"In-Reply-To: {_id(seed, number - 1)}")
        head.append("References: " + "\r\n ".join(_id(seed, earlier) for earlier in range(first, number)))
    body = _part("text/plain", text, tongue, chance)
    if number % 2 == 0:
        body = _joined("alternative", number, body, _part("text/html", _html(text), tongue, chance))
    if chance.random() < 0.05:
        body = _joined("mixed", number, body, _picture(number, chance))
    return Invented("\r\n".join(head).encode() + b"\r\n" + body, written, ours)


def text_of(number: int, seed: str = "one") -> str:
    """The text of that letter, as it was before it was written in a charset."""
    _first, _length, _whom, tongue = _thread(number, seed)
    return _planted(number, _text(tongue, random.Random(f"{seed} text {number}")))


def letters(count: int, start: int = 0, seed: str = "one") -> Iterator[Invented]:
    """Letters from `start` on."""
    return (letter(number, seed) for number in range(start, start + count))


def maildir(folder: Path, count: int, start: int = 0, seed: str = "one", jobs: int = 2) -> int:
    """Write them as a Maildir (LF at line ends, as Maildirs have); how many octets."""
    for part in ("cur", "new", "tmp"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    steps = [(folder, at, min(500, start + count - at), seed) for at in range(start, start + count, 500)]
    if jobs < 2 or len(steps) < 2:
        return sum(map(_write, steps))
    with Pool(jobs) as pool:
        return sum(pool.imap_unordered(_write, steps))


def _write(step: tuple[Path, int, int, str]) -> int:
    folder, start, count, seed = step
    size = 0
    for number, it in enumerate(letters(count, start, seed), start):
        data = it.data.replace(b"\r\n", b"\n")
        name = f"{int(it.written.timestamp())}.N{number:07d}.letters.test:2,S"
        (folder / "cur" / name).write_bytes(data)
        size += len(data)
    return size


def _thread(number: int, seed: str) -> tuple[int, int, int, str]:
    """First letter and length of the thread of a letter, the number of whom it is with, and its language."""
    block = number // _BLOCK
    chance = random.Random(f"{seed} block {block}")
    first = block * _BLOCK
    while True:
        length = min(1 + int(chance.expovariate(0.6)), 9, (block + 1) * _BLOCK - first)
        whom, tongue = min(int(chance.expovariate(0.06)), 59), _tongue(chance)
        if number < first + length:
            return first, length, whom, tongue
        first += length


def _tongue(chance: random.Random) -> str:
    names = list(_TONGUES)
    shares = list(accumulate(tongue.share for tongue in _TONGUES.values()))
    return names[bisect.bisect(shares, chance.randrange(shares[-1]))]


@cache
def somebody(number: int) -> tuple[str, str]:
    """Name and address of one of the sixty people."""
    name = f"{_FIRST[number % len(_FIRST)]} {_LAST[number * 5 % len(_LAST)]}"
    return name, f"friend{number:02d}@{('post', 'home', 'work')[number % 3]}.test"


@cache
def vocabulary(name: str) -> Sequence[str]:
    """The words of a language, the most frequent first."""
    tongue, chance = _TONGUES[name], random.Random(f"words {name}")
    words = dict.fromkeys(tongue.small.split())
    onsets, vowels, ends = (
        [one.strip("-") for one in part.split()] for part in (tongue.onsets, tongue.vowels, tongue.ends)
    )
    while len(words) < _WORDS:
        if tongue.signs:
            word = "".join(chance.choices(tongue.signs, k=chance.choice((1, 2, 2, 3))))
        else:
            syllables = 1 + (len(words) > 200) + (chance.random() < 0.4)
            word = "".join(
                chance.choice(onsets) + chance.choice(vowels) + chance.choice(ends) for _ in range(syllables)
            )
        words[word.capitalize() if name == "de" and chance.random() < 0.3 else word] = None
    return tuple(words)


_WEIGHTS = tuple(accumulate(1 / (rank + 2.5) for rank in range(_WORDS)))
"""How often words are used: the second half as often as the first (Zipf)."""


def _words(tongue: str, chance: random.Random, count: int) -> str:
    return _blank(tongue).join(chance.choices(vocabulary(tongue), cum_weights=_WEIGHTS, k=count))


def _blank(tongue: str) -> str:
    return "" if _TONGUES[tongue].signs else " "


def _text(tongue: str, chance: random.Random) -> str:
    """Three to eight thousand octets of sentences in paragraphs, in lines of 72 (36 where signs are wide)."""
    signs = bool(_TONGUES[tongue].signs)
    words = chance.choices(vocabulary(tongue), cum_weights=_WEIGHTS, k=chance.randint(3000, 8000) // 6)
    for _ in range(len(words) // 140 + 1):  # names, numbers and slips of the pen are in no dictionary
        words[chance.randrange(len(words))] = _unheard(chance)
    paragraphs, at = [], 0
    while at < len(words):
        sentences = []
        while at < len(words) and (len(sentences) < 4 or chance.random() < 0.6):
            count = chance.randint(5, 18)
            sentence = _blank(tongue).join(words[at : at + count])
            sentences.append(sentence + ("。" if signs else "."))
            at += count
        paragraphs.append(_lines(_blank(tongue).join(sentences), signs))
    return "\r\n\r\n".join(paragraphs) + "\r\n"


def _unheard(chance: random.Random) -> str:
    if chance.random() < 0.3:
        return str(chance.randrange(3000))
    return "".join(chance.choice("bdfgklmnprst") + chance.choice("aeiou") for _ in range(chance.randint(2, 4)))


def _lines(paragraph: str, signs: bool) -> str:
    if signs:
        return "\r\n".join(paragraph[at : at + 36] for at in range(0, len(paragraph), 36))
    lines, line = [], ""
    for word in paragraph.split(" "):
        if line and len(line) + len(word) >= 72:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    return "\r\n".join([*lines, line])


def _planted(number: int, text: str) -> str:
    """With the words that stand in this letter, each in a line of its own, so that no line end comes between them."""
    lines = text.split("\r\n")
    for word, every in PLANTED.items():
        if number % every == every // 2:
            lines.insert(number % len(lines), word)
    return "\r\n".join(lines)


def _html(text: str) -> str:
    paragraphs = text.strip().split("\r\n\r\n")
    return "<html><body>\r\n" + "\r\n".join(f"<p>{one}</p>" for one in paragraphs) + "\r\n</body></html>\r\n"


def _part(kind: str, text: str, tongue: str, chance: random.Random) -> bytes:
    charset = "us-ascii" if text.isascii() and chance.random() < 0.6 else "utf-8"
    older = _TONGUES[tongue].charset
    if charset == "utf-8" and chance.random() < 0.3:
        try:
            text.encode(older)
        except UnicodeEncodeError:
            pass
        else:
            charset = older
    data = text.encode(charset)
    if charset in ("us-ascii", "iso-2022-jp"):
        encoding = "7bit"
    elif _TONGUES[tongue].signs and chance.random() < 0.7:
        encoding, data = "base64", base64.encodebytes(data).replace(b"\n", b"\r\n")
    elif chance.random() < 0.7:
        encoding, data = "quoted-printable", quopri.encodestring(data.replace(b"\r\n", b"\n")).replace(b"\n", b"\r\n")
    else:
        encoding = "8bit"
    head = f'Content-Type: {kind}; charset="{charset}"\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n'
    return head.encode() + data


def _joined(kind: str, number: int, *parts: bytes) -> bytes:
    line = f"=_{kind}_{number:07d}"
    whole = b"".join(f"--{line}\r\n".encode() + part + b"\r\n" for part in parts)
    return f'Content-Type: multipart/{kind}; boundary="{line}"\r\n\r\n'.encode() + whole + f"--{line}--\r\n".encode()


def _picture(number: int, chance: random.Random) -> bytes:
    """50 to 500 kB that nothing can pack, in the name of a picture."""
    data = base64.encodebytes(chance.randbytes(chance.randint(50_000, 500_000))).replace(b"\n", b"\r\n")
    name = f"picture-{number}.jpg"
    head = f'Content-Type: image/jpeg; name="{name}"\r\nContent-Disposition: attachment; filename="{name}"\r\n'
    return head.encode() + b"Content-Transfer-Encoding: base64\r\n\r\n" + data


def _encoded(text: str, chance: random.Random) -> str:
    """As a header carries it (RFC 2047): pieces of at most 75 octets."""
    if text.isascii():
        return text
    pieces = [text[at : at + 8] for at in range(0, len(text), 8)]
    if chance.random() < 0.5:
        coded = (f"=?utf-8?B?{base64.b64encode(piece.encode()).decode()}?=" for piece in pieces)
    else:
        coded = (
            "=?utf-8?Q?" + "".join("_" if c == " " else "".join(f"={o:02X}" for o in c.encode()) for c in piece) + "?="
            for piece in pieces
        )
    return "\r\n ".join(coded)


def _id(seed: str, number: int) -> str:
    return f"<{seed}.{number}@letters.test>"


if __name__ == "__main__":
    print(maildir(Path(sys.argv[1]), int(sys.argv[2])), "octets")
