"""Archives that come by the browser: files that are handed over, folders of a mailbox, what was left as it came."""

from __future__ import annotations

import asyncio
import gzip
import io
import os
import re
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from dearly.carriers.base import Credentials
from dearly.carriers.mail.mailbox import Mailbox
from dearly.letter.account import MailAccount, Security
from dearly.web.pages import archive_left, archive_mailbox
from tests.support import archives
from tests.support.desks import Person
from tests.support.mailboxes import take_all
from tests.support.scripted_imap import PASSWORD, USER, Folder, scripted_imap
from tests.support.web import Web
from tests.web.test_archive import ME, at_home, at_its_end, words

BOUNDARY = "x-a-boundary-x"


def letters(first: int, many: int, **more: str) -> bytes:
    return b"".join(
        b"From x Thu Jan  1 00:00:00 2009\n" + archives.letter(n, **more) + b"\n" for n in range(first, first + many)
    )


def part(name: str, data: bytes, file: str | None = None) -> bytes:
    named = f'; filename="{file}"' if file is not None else ""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{named}\r\n\r\n'
    return head.encode() + data + b"\r\n"


async def sent(web: Web, pieces: list[bytes | Exception]) -> httpx.Response:
    """As a browser sends a form, piece by piece; an exception is a window that was closed."""

    async def stream() -> AsyncIterator[bytes]:
        for piece in pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    return await web.client.post(
        "/import/files",
        content=stream(),
        headers={"origin": web.face.origin, "content-type": f"multipart/form-data; boundary={BOUNDARY}"},
    )


def nameless(ada: Person) -> list[Path]:
    """What this process has open beside the drawer without a name: on Linux it is shown as deleted."""
    places = [Path(f"/proc/self/fd/{number}") for number in os.listdir("/proc/self/fd")]
    return [one for one in places if re.search(f"^{re.escape(str(ada.desk.drawer.folder))}/.*deleted", _target(one))]


def _target(place: Path) -> str:
    try:
        return str(place.readlink())
    except OSError:  # it was the listing itself
        return ""


def test_files_of_many_kinds_are_handed_over_planned_taken_in_and_gone(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        folder = ada.desk.drawer.folder
        before = sorted(folder.iterdir())
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as inside:
            inside.writestr("Takeout/Mail/All.mbox", letters(20, 3))
            inside.writestr("Takeout/archive_browser.html", b"<p>")
        files = [
            ("files", ("old.mbox", letters(0, 4))),
            ("files", ("C:\\Post\\packed.mbox.gz", gzip.compress(letters(10, 2)))),
            ("files", ("takeout-1.zip", packed.getvalue())),
            ("files", ("one.eml", archives.letter(30))),
            ("files", ("2009-05-01 Clara.md", b"---\nfrom: Clara\nto: Ada\nenclosures:\n  - a.pdf\n---\nDear Ada")),
            ("files", ("a.pdf", b"%PDF-1.4 a map")),
            ("files", ("holiday.xyz", b"\0\1\2")),
        ]
        answer = await web.post("/import/files", files=files)
        assert answer.headers["location"] == "/work", answer.text
        plan = words((await at_its_end(web, answer)).text)
        assert "11 letters would be taken in" in plan
        assert "From 2009-05-01 Clara.md and 6 more files, 4 kilobytes." in plan or "kilobytes" in plan
        assert "files that are no letters: 1" in plan
        assert sorted(folder.iterdir()) == before, "nothing has a name beside the drawer"
        marks = [b"Dear Ada", b"Message-ID", b"a map"]
        assert len(nameless(ada)) == 7
        for place in nameless(ada):
            waits = place.read_bytes()
            assert waits, place
            assert not any(mark in waits for mark in marks), "what waits is sealed"
        done = await at_its_end(web, await web.post("/import/run", {"mine": ME}))
        assert "11 letters were taken in" in words(done.text)
        assert nameless(ada) == [], "it is taken in, and gone"
        await web.post("/import/other")
        again = words((await at_its_end(web, await web.post("/import/files", files=files[:2]))).text)
        assert "There is nothing new in it" in again
        await web.post("/import/other")
        assert nameless(ada) == [], "put aside"
        await at_its_end(web, await web.post("/import/files", files=files[:2]))
        await ada.desk.close()
        assert nameless(ada) == [], "the drawer is closed"

    at_home(tmp_path, play)


def test_what_is_not_handed_over_whole_leaves_nothing(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        token, some = part("token", web.token.encode()), letters(0, 60)
        end = f"--{BOUNDARY}--\r\n".encode()
        wrong = {
            "without a token": [part("files", some, "a.mbox"), end],
            "a stale token": [part("token", b"0" * 40), part("files", some, "a.mbox"), end],
            "a token after the file": [part("files", some, "a.mbox"), token, end],
            "no file": [token, part("files", b"", ""), end],
            "no form": [token + b"garbage"],
            "breaks off": [token, part("files", some, "a.mbox")[:-900]],
            "a field for a book": [token, part("note", b"x" * 100_000), part("files", some, "a.mbox"), end],
            "no letters": [token, part("files", b"\0\1", "a.bin"), end],
            "a backup": [token, part("files", b"manifest.json\0" + bytes(100) + b"dearly-backup", "b"), end],
            "unpacks to nothing": [token, part("files", b"BZh9", "b.bz2"), end],
        }  # fmt: skip
        for name, pieces in wrong.items():
            answer = await sent(web, list(pieces))
            if answer.status_code == 303:
                answer = await at_its_end(web, answer)
            assert answer.status_code == 400, (name, answer.status_code, answer.text[:300])
            assert 'class="word"' in answer.text, name
            assert ada.desk.work.about is None, name
        assert nameless(ada) == []
        # Stopped, it waits to be gone on with.
        good = await sent(web, [token, part("files", some[:9], "a.mbox")[:-2] + some[9:] + b"\r\n", end])
        assert "60 letters would be taken in" in words((await at_its_end(web, good)).text)
        await web.post("/import/run")
        await web.post("/work/stop")
        assert "It has stopped" in words((await web.get("/import")).text)
        done = await at_its_end(web, await web.post("/import/run"))
        assert "60 letters were taken in" in words(done.text)

    at_home(tmp_path, play)


def test_a_folder_of_a_mailbox_is_chosen_from_a_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(ada: Person, web: Web) -> None:
        async with scripted_imap() as server:
            old = server.folders.setdefault("Old/2009", Folder())
            for n in range(3):
                old.lay(archives.letter(n, end="\r\n"))
            asked = {
                "address": "old@letters.test",
                "server": f"127.0.0.1:{server.port}",
                "user": USER,
                "password": PASSWORD,
            }
            for missing in asked.keys() - {"user"}:
                answer = await web.post("/import/mailbox", asked | {missing: ""})
                assert answer.status_code == 400, missing
                assert missing == "address" or 'value="old@letters.test"' in answer.text, "what was typed is kept"
                assert PASSWORD not in answer.text
            assert (await web.post("/import/mailbox/look", {"folder": "INBOX"})).status_code == 400

            lent: list[Mailbox] = []

            async def mail(account: MailAccount, secret: Credentials, _sieve: object) -> Mailbox:
                assert account.incoming is not None
                plain = replace(account.incoming, security=Security.PLAIN)
                lent.append(Mailbox(replace(account, incoming=plain), secret, take_all, ada.desk.clock))
                return lent[-1]

            async def forget(_address: object) -> None:
                await lent[-1].close()

            monkeypatch.setattr(ada.desk.ways, "mail", mail)
            monkeypatch.setattr(ada.desk.ways, "forget", forget)
            listed = await web.post("/import/mailbox", asked)
            assert re.findall(r'<option value="([^"]+)"', listed.text) == ["INBOX", "Old/2009"]
            assert PASSWORD not in listed.text
            plan = await at_its_end(web, await web.post("/import/mailbox/look", {"folder": "Old/2009"}))
            assert "3 letters would be taken in" in words(plan.text)
            assert "From old@letters.test/Old/2009." in words(plan.text)
            assert not server.bodies, "a plan needs no more than headers"
            done = await at_its_end(web, await web.post("/import/run", {"mine": ME}))
            assert "3 letters were taken in" in words(done.text)
            assert (await web.post("/import/mailbox/look", {"folder": "INBOX"})).status_code == 400, "it was lent once"
            assert len(lent) == 3
            monkeypatch.setattr(archive_mailbox, "FORGOTTEN_AFTER", 0.0)
            await web.post("/import/mailbox", asked)
            await asyncio.sleep(0.01)
            assert (await web.post("/import/mailbox/look", {"folder": "INBOX"})).status_code == 400, "and for a while"
            assert (await web.get("/settings")).text.count("old@letters.test") == 0

    at_home(tmp_path, play)


def test_what_was_left_as_it_came_is_leafed_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_left, "AT_ONCE", 4)

    async def play(ada: Person, web: Web) -> None:
        assert "Whatever was taken in could be opened and read." in words((await web.get("/import/left")).text)
        broken = [
            b"From: Old <old%d@letters.test>\nTo: ada@letters.test\nMessage-ID: <%d@x>\n" % (n, n)
            + b'Content-Type: multipart/encrypted; protocol="application/pgp-encrypted"; boundary=b\n\n'
            + b"--b\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--b\n"
            + b"Content-Type: application/octet-stream\n\n"
            + b"-----BEGIN PGP MESSAGE-----\n\n%d\n-----END PGP MESSAGE-----\n--b--\n" % n
            for n in range(7)
        ]
        place = archives.mbox(tmp_path / "sealed.mbox", broken)
        await at_its_end(web, await web.post("/import/look", {"path": str(place)}))
        done = (await at_its_end(web, await web.post("/import/run"))).text
        assert 'href="/import/left"' in done, words(done)
        first = (await web.get("/import/left")).text
        assert first.count('href="/letter/') == 4
        (onward,) = re.findall(r"/import/left\?before=\d+", first)
        second = (await web.get(onward)).text
        assert second.count('href="/letter/') == 3
        numbers = re.findall(r'href="/letter/(\d+)"', first + second)
        assert len(set(numbers)) == 7
        shown = await web.get(f"/letter/{numbers[0]}")
        assert shown.status_code == 200

    at_home(tmp_path, play)


def test_a_bundle_is_handed_over_and_said_to_be_ones_own(tmp_path: Path) -> None:
    async def play(ada: Person, web: Web) -> None:
        await at_its_end(
            web, await web.post("/import/look", {"path": str(archives.mbox(tmp_path / "a.mbox", [archives.letter(1)]))})
        )
        await at_its_end(web, await web.post("/import/run"))
        out = tmp_path / "out"
        await web.post("/export/run", {"path": str(out), "format": "bundle"})
        await at_its_end(web, await web.get("/work"))
        (bundle,) = out.rglob("*.dearly.tar")
        with bundle.open("rb") as file:
            answer = await web.post("/import/files", files=[("files", (bundle.name, file))])
        plan = await at_its_end(web, answer)
        assert "This bundle is my own." in words(plan.text)
        assert 'action="/import/whole"' in plan.text
        done = await at_its_end(web, await web.post("/import/whole", {"mine": "yes", "passphrase": ""}))
        assert "No letter was taken in One was here already." in words(done.text)
        assert nameless(ada) == []
        drawer = words((await web.post("/import/look", {"path": str(ada.desk.drawer.folder)})).text)
        assert f"{ada.desk.drawer.folder} is a drawer of Dearly." in drawer
        assert "This drawer is my own." in drawer

    at_home(tmp_path, play)
