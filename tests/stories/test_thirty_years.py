"""Act 10 and F44: everything Ada has, out of the lock in one act, read by what everybody has, and read back whole.

One export of all formats serves every test here: what differs is who looks at it.
"""

from __future__ import annotations

import asyncio
import json
import mailbox
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest
import vobject
from playwright.sync_api import sync_playwright

from dearly.desk import exporting, importing, people, setup
from dearly.drawer.letters import content_digest
from dearly.exchange import mboxrd
from dearly.exchange.bundle_reading import Bundle, Torn
from dearly.letter.content import Enclosure
from dearly.letter.leaving import Leaving
from dearly.seal.armor import dearmor
from dearly.seal.keys import OwnKey
from tests.support import pictures
from tests.support.browser import engine
from tests.support.desks import Person, a_town

PICTURE = pictures.file(pictures.scene(60, 40))
PDF = b"%PDF-1.4 not really"
POSTCARD = (
    b"From: Clara <clara@letters.test>\r\nTo: ada@letters.test\r\nCc: dora@letters.test\r\n"
    b"Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n"
    b"Message-ID: <c1@letters.test>\r\nDate: Sun, 01 Mar 1998 10:00:00 +0100\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n\r\nDear Ada,\r\n\r\nFrom the sea: <img src=http://far.test/x.gif>\r\n"
    b"![seen](http://far.test/y.gif)\r\n>From here on it rains.\r\nFrom then on too.\r\n\r\nClara\r\n"
)
SECRET = "fake words for the keys"


@dataclass
class Scene:
    """What was there, and where it went. `raw`: original bytes by number; `digests`: of every letter."""

    folder: Path
    done: exporting.Exported
    raw: dict[int, list[bytes]]
    digests: dict[int, str]
    told: list[tuple[str, int, int]]


async def _live(place: Path) -> Scene:
    async with a_town(place) as town:
        ada, bert = await town.with_mail("Ada", "Bert")
        await people.add(ada.desk, "Clara", addresses=["clara@letters.test"])
        town.mail.box("ada@letters.test").append(POSTCARD)
        first = await ada.write(
            "Bert",
            "Lisbon, 1 March 2026\n\nDear Bert,\n\n"
            "the *harvest* is in:\n\n![the field](cid:field@letters.test)\n\nAda\n",
            "Of the harvest",
            Enclosure("field.jpg", "image/jpeg", PICTURE, "field@letters.test"),
            Enclosure("../CON.pdf", "application/pdf", PDF),
        )
        await ada.post(first)
        await ada.round()
        town.clock.pass_(days=30)
        await bert.round()
        (envelope,) = await bert.letterbox()
        letter = await bert.open(envelope.number)
        await bert.post(
            await bert.answer(letter.number, "Dear Ada,\n\ncome home. See https://example.org/a_b.\n\nBert\n")
        )
        await bert.round()
        await ada.round()
        for envelope in await ada.letterbox():
            await ada.open(envelope.number)
        town.clock.pass_(days=1)
        await bert.post(await bert.write("Ada", "Not opened yet.\n", "Later"))
        await bert.round()
        await ada.round()
        await ada.write("Clara", "Dear Clara,\n\nI have begun\n", "Begun")
        told: list[tuple[str, int, int]] = []
        wish = exporting.wish("all", secret_under=SECRET)
        done = await exporting.export(ada.desk, place / "out", wish, lambda *said: told.append(said))
        return Scene(place / "out", done, *await _what_is_there(ada), told)


async def _what_is_there(who: Person) -> tuple[dict[int, list[bytes]], dict[int, str]]:
    from dearly.drawer import arrivals, objects

    def read(db):  # type: ignore[no-untyped-def]
        raw: dict[int, list[bytes]] = {}
        for (number,) in db.all("SELECT number FROM arrivals WHERE state NOT IN ('own', 'report')"):
            of = db.value("SELECT coalesce(letter, number) FROM arrivals WHERE number = ?", (number,))
            raw.setdefault(of, []).append(arrivals.raw(db, number))
        for number, object_id in db.all("SELECT letter, object_id FROM sealed_forms"):
            raw.setdefault(number, []).append(objects.get(db, object_id))
        digests = {n: content_digest(db, n).hex() for (n,) in db.all("SELECT number FROM letters")}
        return raw, digests

    return await who.desk.drawer.read(read)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return asyncio.run(_live(tmp_path_factory.mktemp("thirty")))


def test_it_says_what_it_did(scene: Scene) -> None:
    assert (scene.done.letters, scene.done.damaged) == (3, ())
    files = [path for path in scene.folder.rglob("*") if path.is_file()]
    assert len(files) == scene.done.files + 1  # and the list of them
    assert sum(p.stat().st_size for p in files if p.name != "SHA256SUMS") == scene.done.bytes
    assert scene.told[-1][1:] == (5, 5)  # three letters, an envelope, a draft
    assert not list(scene.folder.parent.glob("*.partial"))
    assert {oct(p.stat().st_mode & 0o777) for p in scene.folder.rglob("*")} == {"0o600", "0o700"}


def test_sha256sum_takes_the_list(scene: Scene) -> None:
    order = ["sha256sum", "-c", "--quiet", "--strict", "SHA256SUMS"]
    assert subprocess.run(order, cwd=scene.folder, check=True, capture_output=True).stdout == b""


def test_the_maildirs_hold_the_bytes(scene: Scene) -> None:
    found = []
    for box in ("received", "sent"):
        folder = mailbox.Maildir(scene.folder / "maildir" / box, create=False)
        found += [folder.get_bytes(key) for key in folder.iterkeys()]
    assert sorted(found) == sorted(one for of in scene.raw.values() for one in of)
    assert len(list((scene.folder / "maildir/received/new").iterdir())) == 1


def test_the_mbox_gives_every_byte_back(scene: Scene) -> None:
    found = []
    for box in ("received", "sent"):
        data = (scene.folder / "mbox" / f"{box}.mboxrd").read_bytes()
        theirs = mailbox.mbox(scene.folder / "mbox" / f"{box}.mboxrd", create=False)
        assert len(theirs) == len(re.findall(rb"(?m)^From ", data))
        theirs.close()
        found += [mboxrd.unquote(one.partition(b"\n")[2])[:-1] for one in re.split(rb"(?m)^(?=From )", data)[1:]]
    assert sorted(found) == sorted(one for of in scene.raw.values() for one in of)


@pytest.mark.skipif(shutil.which("notmuch") is None, reason="notmuch is not installed")
def test_notmuch_reads_the_maildirs(scene: Scene, tmp_path: Path) -> None:
    config = tmp_path / "config"
    mail = tmp_path / "mail"
    shutil.copytree(scene.folder / "maildir", mail)
    config.write_text(f"[database]\npath={mail}\n[user]\nprimary_email=ada@letters.test\n")
    env = {"NOTMUCH_CONFIG": str(config), "HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run(["notmuch", "new"], env=env, check=True, capture_output=True)
    found = subprocess.run(["notmuch", "count", "*"], env=env, check=True, capture_output=True, text=True).stdout
    assert int(found) == 4  # three letters and the envelope
    sea = subprocess.run(["notmuch", "count", "rains"], env=env, check=True, capture_output=True, text=True).stdout
    assert int(sea) == 1


def test_markdown_says_what_is_known_and_lets_nothing_through(scene: Scene) -> None:
    files = {path.name: path for path in (scene.folder / "markdown").rglob("*.md")}
    ours = next(path for name, path in files.items() if name.startswith("2026-03-01-to-bert-"))
    head, text = ours.read_text().split("---\n", 2)[1:]
    said = dict(line.split(": ", 1) for line in head.splitlines())
    assert list(said)[:5] == ["letter_id", "number", "letter_no", "direction", "from"]
    assert json.loads(said["from"]) == "Ada <ada@letters.test>"
    assert json.loads(said["way"]) == "mail"
    assert json.loads(said["enclosures"]) == [f"{ours.stem}/field.jpg", f"{ours.stem}/_CON.pdf"]
    assert f"![the field]({ours.stem}/field.jpg)" in text
    assert (ours.parent / ours.stem / "field.jpg").read_bytes() == PICTURE
    theirs = next(path for name, path in files.items() if name.startswith("1998-03-01-from-clara-")).read_text()
    assert "\\<img src=http" in theirs
    assert "\\![seen](http" in theirs
    assert json.loads(dict(line.split(": ", 1) for line in theirs.splitlines()[1:10])["subject"]) == "Grüße"
    assert "I have begun" in (scene.folder / "markdown" / "drafts").glob("*.md").__next__().read_text()
    assert len(list((scene.folder / "markdown" / "unopened").iterdir())) == 1


def test_the_cards_are_cards(scene: Scene) -> None:
    text = (scene.folder / "vcard" / "people.vcf").read_text()
    cards = {card.fn.value: card for card in vobject.readComponents(text)}
    assert set(cards) == {"Bert", "Clara"}
    assert text.count("KEY:data:application/pgp-keys;base64,") == 1
    assert cards["Clara"].email.value == "clara@letters.test"


def test_the_list_for_scholars_has_its_shape(scene: Scene) -> None:
    tei = "{http://www.tei-c.org/ns/1.0}"
    root = ET.parse(scene.folder / "cmif" / "letters.cmif.xml").getroot()
    assert root.tag == f"{tei}TEI"
    statement = root.find(f"{tei}teiHeader/{tei}fileDesc/{tei}publicationStmt")
    assert statement is not None
    assert [one.tag.removeprefix(tei) for one in statement] == ["publisher", "idno", "date", "availability"]
    described = root.findall(f"{tei}teiHeader/{tei}profileDesc/{tei}correspDesc")
    assert len(described) == 3
    first = described[0]
    assert [one.get("type") for one in first] == ["sent", "received"]
    assert [one.text for one in first.iter(f"{tei}persName")] == ["Clara", "Ada", "dora@letters.test"]
    assert first[0].find(f"{tei}date").get("when") == "1998-03-01"  # type: ignore[union-attr]  # or it fails
    assert b"harvest" not in (scene.folder / "cmif" / "letters.cmif.xml").read_bytes()


@pytest.mark.skipif(shutil.which("gpg") is None, reason="GnuPG is not installed")
def test_gnupg_opens_what_the_secret_key_is_locked_in(scene: Scene, tmp_path: Path) -> None:
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--pinentry-mode", "loopback", "--passphrase"]
    (secret,) = (scene.folder / "keys").glob("own-*.secret.pgp")
    key = subprocess.run([*gpg, SECRET, "-d", str(secret)], check=True, capture_output=True).stdout
    assert subprocess.run([*gpg, "another", "-d", str(secret)], check=False, capture_output=True).returncode
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    own = OwnKey.from_bytes(key)
    assert own.fingerprint.startswith(secret.name.split("-")[1].split(".")[0])
    assert dearmor((scene.folder / "keys" / f"own-{own.fingerprint[:16]}.asc").read_bytes()) == own.certificate


def test_the_archive_reaches_for_nothing(scene: Scene) -> None:
    pages = list((scene.folder / "html").rglob("*.html"))
    assert len(pages) == 3  # the first, Bert's, and Clara's of 1998
    for page in pages:
        text = page.read_text()
        assert "Content-Security-Policy" in text
        for tag, target in re.findall(r'<(\w+) [^>]*(?:src|href)="([^"#]+)', text):
            # A link of a letter stands under it as it reads; nothing is fetched by itself.
            assert (tag, target[:4]) == ("a", "http") or (page.parent / target).exists(), (page, target)


def test_the_bundle_gives_every_letter_back(scene: Scene) -> None:
    with Bundle.open(scene.folder / "bundle" / "letters.dearly.tar") as bundle:
        assert bundle.whole
        letters = [one for _cursor, one in bundle.letters()]
        assert not any(isinstance(one, Torn) for one in letters)
        found = {one.number: one for one in letters if isinstance(one, Leaving)}
        assert {number: one.content_sha256 for number, one in found.items()} == scene.digests
        raw = {n: [o.data for o in one.originals if o.state not in ("own", "report")] for n, one in found.items()}
        for _cursor, one in bundle.envelopes():
            assert not isinstance(one, Torn)
            raw[one.number] = [one.data]
        assert {n: sorted(of) for n, of in raw.items()} == {n: sorted(of) for n, of in scene.raw.items()}
        drafts = [one for _cursor, one in bundle.drafts() if not isinstance(one, Torn)]
        assert {one.state for one in drafts} == {"page", "posted"}
        owner = bundle.book().owner
        assert owner.name == "Ada"
        assert all(key.secret is not None and SECRET.encode() not in key.secret for key in owner.keys)


def test_no_secret_key_leaves_unasked(scene: Scene) -> None:
    for path in scene.folder.rglob("*"):
        if path.is_file():
            assert b"BEGIN PGP PRIVATE KEY" not in path.read_bytes()


def test_imported_into_a_new_drawer_every_byte_is_there(scene: Scene, tmp_path: Path) -> None:
    """F44. What is sealed stays so: the new drawer has no key, and keeps the bytes for the day when it has."""
    out = scene.folder

    async def play() -> dict[str, list[bytes]]:
        found = {}
        async with a_town(tmp_path) as town:
            for name in ("maildir", "mbox"):
                dora = await town.person(f"Dora {name}")
                await setup.begin(dora.desk, "Dora", ["dora@letters.test"])
                archive = importing.open_archive(out / name)
                done = await importing.run(dora.desk, archive, importing.Choices(), lambda *_: None)
                assert (done.found, done.locked, done.taken) == (4, 3, 1)
                raw, _digests = await _what_is_there(dora)
                found[name] = [one for of in raw.values() for one in of]
        return found

    found = asyncio.run(play())
    there = sorted(one for of in scene.raw.values() for one in of)
    assert {name: sorted(of) for name, of in found.items()} == {"maildir": there, "mbox": there}


@pytest.mark.long
def test_a_browser_reads_the_archive_from_the_disk(scene: Scene) -> None:
    """A29: what the pages ask for, and the search, in a real Chromium that opens a file."""
    with sync_playwright() as tool, tool.chromium.launch(executable_path=engine()) as chrome:
        page = chrome.new_page()
        asked: list[str] = []
        said: list[str] = []
        page.on("request", lambda one: asked.append(one.url))
        page.on("console", lambda one: said.append(one.text))
        page.goto((scene.folder / "html" / "index.html").as_uri())
        for words, count in (("harv", 2), ("GRUSSE clara", 1), ("nowhere", 0), ("example.org", 1)):
            page.get_by_role("searchbox").fill(words)
            page.locator("[data-said]").filter(has_text=re.compile("letter", re.IGNORECASE)).wait_for()
            page.wait_for_timeout(300)
            assert page.locator("[data-found] li").count() == count, words
        page.get_by_role("searchbox").fill("field")
        page.locator("[data-found] a").first.click()
        page.wait_for_url("**/letters/bert-*/2026.html#l*")
        assert page.evaluate("[...document.images].map((one) => one.naturalWidth)") == [60]
        assert {url.partition(":")[0] for url in asked} == {"file"}
        assert said == []
