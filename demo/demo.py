"""A letter from a blank page to an answer, in the terminal: two people, two locked drawers, one post office.

Everything is real and runs here: the same `dearly` commands that a person would type, an office on this machine's
loopback, two encrypted drawers in a temporary folder that is removed at the end. After each step the demo shows what
an onlooker would see there.

    python demo/demo.py [--letter FILE]

FILE is plain text; lines `From:`, `To:`, `Place:` and `Date:` at its head are taken as what they say.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import sqlite3
import string
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEARLY = [sys.executable, "-m", "dearly"]

LETTER = """\
From: Ada
To: Bert
Place: the house by the canal

Dear Bert,

this letter is early, I know. I have been putting it off for years, so it may be
early once.

I have moved again. From the new window I see a canal, a heron, and a man who
repairs accordions. In the evenings he plays the ones that are done, to be sure.
You would like it here.

What I could not say on the telephone is short: I was wrong that winter, and you
were right to go. I do not ask for anything. Write when you like, or do not.

Your
Ada
"""

STATES = {
    "waiting": "waiting for collection",
    "trying": "not handed over yet, and tried again",
    "on_its_way": "on its way",
    "held_for_them": "handed over; it lies ready for its reader",
    "uncertain": "handed over, perhaps: the answer was not clear",
    "came_back": "came back",
    "held": "held here until its writer decides",
}

SEALS = {
    "signed_first_seen": "whole, and signed with the key of the card that was given",
    "signed_pinned": "whole, and signed with the key that is known",
    "signed_verified": "whole, and signed with the key that was checked in person",
}

INDENT = " " * 4

PRINTABLE = set((string.ascii_letters + string.digits + string.punctuation + " ").encode())

ANSWER = """\
Dear {to},

your letter lay in the box on Friday. I have read it twice, and then once aloud.

Come home. The kettle is where it always was.

{name}
"""


@dataclass(frozen=True)
class Written:
    """A letter to try things with: who writes it to whom, what it is about, and its text."""

    sender: str
    recipient: str
    subject: str
    text: str


def read_letter(text: str) -> Written:
    """The head lines and the text of a letter file; what is missing is filled in."""
    head: dict[str, str] = {}
    lines = text.splitlines()
    while lines and (found := re.fullmatch(r"(From|To|Place|Date): *(.+)", lines[0])):
        head[found[1]] = found[2].strip()
        lines.pop(0)
    where = ", ".join(head[k] for k in ("Place", "Date") if k in head)
    body = "\n".join(lines).strip("\n")
    subject = f"From {head['Place'].split(',')[0]}" if "Place" in head else "A letter"
    return Written(
        head.get("From", "Ada"), head.get("To", "Bert"), subject, f"{where}\n\n{body}\n" if where else body + "\n"
    )


class Person:
    """Somebody with a drawer of their own, who types `dearly` commands."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        folder.mkdir()
        self.drawer = folder / "drawer"
        self.passphrase = folder / "passphrase"
        self.passphrase.write_text(f"not a real passphrase of {name}\n")
        self.passphrase.chmod(0o600)

    def dearly(self, *words: str, typed: str | None = None, show: bool = True) -> Any:
        """Run one command as this person; its answer as JSON. The command is printed as one would type it."""
        if show:
            say(f"    {self.name.split()[0]} $ dearly {' '.join(shown(word) for word in words)}")
        done = subprocess.run(
            [*DEARLY, "--drawer", self.drawer, "--passphrase-file", self.passphrase, *words, "--json"],
            input=typed or "",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            sys.exit(f"dearly {words[0]} ended with {done.returncode}:\n{done.stderr}")
        return json.loads(done.stdout or "null")


def shown(word: str) -> str:
    """A word of a command as typed: quoted where needed, long paths shortened to their name, invitations cut."""
    if re.fullmatch(r"[\w-]{30,}", word):
        return word[:6] + "…"
    word = Path(word).name if os.sep in word and not word.startswith("http") else word
    return f'"{word}"' if " " in word else word


def say(text: str = "") -> None:
    """One line to the terminal, at once."""
    print(text, flush=True)


def tell(text: str) -> None:
    """A paragraph in plain words."""
    say()
    say(textwrap.fill(text, 88))


def onlooker(what: str, data: bytes, words: list[str], rows: Sequence[bytes]) -> None:
    """Show bytes as somebody without a key would see them, and whether any word of the letter is among them."""
    say(f"    An onlooker sees {what}, {len(data):,} bytes:")
    for row in rows:
        say("      | " + "".join(chr(b) if b in PRINTABLE else "·" for b in row))
    found = [word for word in words if word.encode() in data]
    say(f"      | words of the letter in it: {', '.join(found) if found else 'none'}")
    if found:
        sys.exit("The letter can be read where it must not be.")


@contextmanager
def office(store: Path) -> Iterator[str]:
    """A post office on loopback, for as long as the block lasts; gives its address."""
    process = subprocess.Popen(
        [*DEARLY, "office", "serve", "--store", store, "--listen", "127.0.0.1:0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


def invite(store: Path, name: str) -> str:
    """An invitation's token, from the operator of the office."""
    done = subprocess.run(
        [*DEARLY, "office", "invite", name, "--store", store, "--json"], capture_output=True, text=True, check=True
    )
    return str(json.loads(done.stdout)["token"])


def stored_parcel(store: Path) -> bytes:
    """The parcel that lies in the office's store, as its operator can read it."""
    db = sqlite3.connect(f"file:{store / 'office.db'}?mode=ro", uri=True)
    try:
        pieces: list[bytes] = [row[0] for row in db.execute("SELECT data FROM pieces ORDER BY number")]
    finally:
        db.close()
    return b"".join(pieces)


def play(letter: Written, place: Path) -> None:
    """The whole way of one letter and its answer."""
    words = [w for w in dict.fromkeys(re.findall(r"[A-Za-z]{7,}", letter.text)) if w.isalpha()][:200]
    writer, friend = Person(letter.sender, place / "one"), Person(letter.recipient, place / "two")
    store = place / "office"
    with office(store) as url:
        tell(f"A post office has opened on this machine, at {url}. It has no key to anything.")
        tell(f"{writer.name} and {friend.name} each set up a desk: a locked drawer, a key, an address at the office.")
        for person in (writer, friend):
            person.dearly("setup", "--name", person.name, "--office", url, "--invite", invite(store, person.name))
            person.dearly("unlock", show=False)
        try:
            for person, other in ((writer, friend), (friend, writer)):
                card = place / f"{other.folder.name}.vcf"
                other.dearly("address", "--vcard", str(card), show=False)
                person.dearly("people", "add", other.name, "--vcard", str(card))
            exchange(letter, writer, friend, store, words)
        finally:
            for person in (writer, friend):
                person.dearly("lock", show=False)


def exchange(letter: Written, writer: Person, friend: Person, store: Path, words: list[str]) -> None:
    """Write, read over, post, collect, open, answer, open."""
    tell(f"{writer.name} writes {len(letter.text.split())} words to {friend.name}. The page is kept in the drawer.")
    page = writer.folder / "letter.txt"
    page.write_text(letter.text)
    draft = writer.dearly("write", friend.name, "--subject", letter.subject, "--from-file", str(page))
    number = str(draft["number"])
    locked(writer, words)

    tell(f"{writer.name} reads the letter over, as {friend.name} will see it.")
    over = writer.dearly("read-over", number)
    say(textwrap.indent(textwrap.fill(over["envelope"], 84), "    "))

    tell("It is posted. “Posted” means: sealed, and safe in the outbox. Nothing has left the house yet.")
    writer.dearly("post", number, "--at-once")
    say(f"    In the outbox: {outbox(writer)}.")

    tell("The collection: the sealed letter is handed to the office, where it waits. It may wait for weeks.")
    writer.dearly("round")
    say(f"    In the outbox: {outbox(writer)}.")
    parcel = stored_parcel(store)
    lines = parcel.splitlines()
    armor = lines.index(b"-----BEGIN PGP MESSAGE-----")
    head = [line for line in lines[:8] if line.startswith((b"From", b"To", b"Date", b"Subject"))]
    onlooker("what the office keeps", parcel, words, [*head, b"", *lines[armor : armor + 4]])

    tell(f"One Friday {friend.name} goes to the letterbox.")
    friend.dearly("round")
    envelope = friend.dearly("letterbox")["letters"][0]
    say(f"    An envelope from {envelope['from']}, unopened, by way of the {envelope['way']}.")
    opened = friend.dearly("open", str(envelope["number"]))
    sealed = "and made to hold against quantum computers" if opened["quantum_safe"] else "by today's means"
    say(
        textwrap.fill(
            f"The seal: {SEALS.get(opened['seal'], 'not as it should be')}, {sealed}.",
            84,
            initial_indent=INDENT,
            subsequent_indent=INDENT,
        )
    )
    if opened["text"].strip() != letter.text.strip():
        sys.exit("The letter that came is not the letter that was written.")
    quoted = page_of(letter.text)
    say("\n".join(quoted[:14]) + ("\n      > …" if len(quoted) > 14 else ""))

    tell(f"{friend.name} answers. An answer to a sealed letter is sealed.")
    text = ANSWER.format(to=writer.name.split()[0], name=friend.name.split()[0])
    answer = friend.dearly("answer", str(envelope["number"]), "--from-file", "-", typed=text)
    friend.dearly("post", str(answer["number"]), "--at-once")
    friend.dearly("round")

    tell(f"And {writer.name}, who has looked into the letterbox every evening:")
    writer.dearly("round")
    envelope = writer.dearly("letterbox")["letters"][0]
    opened = writer.dearly("open", str(envelope["number"]))
    say("\n".join(page_of(opened["text"])))
    if opened["text"].strip() != text.strip():
        sys.exit("The answer that came is not the answer that was written.")


def page_of(text: str) -> list[str]:
    """The lines of a letter as quoted here: its own, and wrapped where they are longer than the page."""
    lines = (textwrap.wrap(line, 80) or [""] for line in text.strip().splitlines())
    return [f"      > {line}".rstrip() for wrapped in lines for line in wrapped]


def outbox(person: Person) -> str:
    """Where this person's letter is, in words."""
    return STATES[person.dearly("outbox", show=False)["letters"][0]["state"]]


def locked(person: Person, words: list[str]) -> None:
    """Show a drawer as it lies on the disk, its write-ahead log included."""
    files = [file for file in sorted(person.drawer.iterdir()) if file.is_file()]
    data = b"".join(file.read_bytes() for file in files)
    start = len(data) // 2
    onlooker(f"{person.name}'s locked drawer", data, words, [data[start : start + 64], data[start + 64 : start + 128]])


def main() -> None:
    """Play the demo in a temporary folder."""
    parser = argparse.ArgumentParser(description="A letter from a blank page to an answer.")
    parser.add_argument("--letter", type=Path, help="a text file to send in place of the built-in letter")
    asked = parser.parse_args()
    try:
        letter = read_letter(asked.letter.read_text(encoding="utf-8") if asked.letter else LETTER)
    except FileNotFoundError:
        sys.exit(
            f"There is no file {asked.letter}: check the name, or leave LETTER= out for the letter that comes along."
        )
    except IsADirectoryError:
        sys.exit(f"{asked.letter} is a folder: name the file of the letter in it.")
    except UnicodeDecodeError:
        sys.exit(f"{asked.letter} is not written in UTF-8: save the letter as a UTF-8 text file.")
    except OSError as trouble:
        sys.exit(f"{asked.letter} cannot be read: {trouble.strerror}.")
    started = time.monotonic()
    place = Path(tempfile.mkdtemp(prefix="dearly-demo-"))
    try:
        play(letter, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    say()
    took = time.monotonic() - started
    say(f"That was a letter and its answer: {took:.0f} seconds for the machine. People may take weeks.")


if __name__ == "__main__":
    main()
