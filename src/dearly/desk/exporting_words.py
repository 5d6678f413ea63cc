"""What is said of an export: before anything leaves the lock, and to whoever finds the folder in thirty years."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dearly.letter.words import _

_PLAIN = frozenset({"markdown", "html", "bundle"})
_ORIGINALS = frozenset({"maildir", "mbox"})


def before(formats: Sequence[str], opened: bool, secret_keys: bool, synced_by: str | None) -> list[str]:
    """The sentences that a person should read first."""
    chosen = set(formats)
    said = []
    if chosen & _PLAIN or (opened and chosen & _ORIGINALS):
        said.append(_("What you export leaves the lock: whoever can read that folder can read every letter in it."))
    elif chosen & _ORIGINALS:
        said.append(
            _(
                "Letters are copied byte for byte. What was sealed stays sealed, and can be read only with your key;"
                " what came unsealed, and who wrote to whom and when, stands there in clear."
            )
        )
        said.append(_("Copies that can be read without a key are made only where you ask for them."))
    elif chosen & {"cmif", "vcard"}:
        said.append(_("Who your people are, and who wrote to whom, leaves the lock and stands there in clear."))
    if secret_keys:
        said.append(
            _(
                "Your secret keys go along, under a passphrase of their own. Whoever has the folder and that passphrase"
                " can open every letter sealed to you, and write as you."
            )
        )
    if synced_by is not None:
        said.append(
            _("That folder seems to be synchronised by {tool}: what is in it leaves this machine, too.").format(
                tool=synced_by
            )
        )
    return said


def readme(formats: Sequence[str], owner: str, made: datetime, *, opened: bool) -> str:
    """The README of an export: what each file is, and how it is read without Dearly."""
    several = len(formats) > 1
    parts = [
        _title(owner),
        _(
            "Copied out of Dearly, a program for letters, on {day}. Dearly is not needed for reading any of this.\n"
            "SHA256SUMS lists every file with its digest: “sha256sum -c SHA256SUMS” shows whether all of them are\n"
            "still as they were written."
        ).format(day=f"{made:%Y-%m-%d}"),
    ]
    for name in formats:
        title = f"{name}/" if several else name
        parts.append(f"{title}\n{'-' * len(title)}\n{_format(name, opened)}")
    return "\n\n".join(parts) + "\n"


def in_bundle(owner: str, made: datetime) -> str:
    """The README inside a bundle."""
    return (
        _title(owner)
        + "\n\n"
        + _(
            "A bundle, made by Dearly on {day}: everything in its drawer, for “dearly import”. To read it without:\n"
            "\n"
            "  owner.json, people.jsonl, certificates.jsonl   whose letters these are, and the address book\n"
            "  letters/*.jsonl      a letter a line, as JSON (UTF-8), by date; its text is “text”\n"
            "  envelopes/*.jsonl    what was never opened, or could not be, as it came\n"
            "  drafts/*.jsonl       drafts, with their earlier versions\n"
            '  blobs/NAME           what a line names as {{"blob": NAME}}: enclosures, original bytes, long texts;\n'
            "                       NAME is the SHA-256 of the file\n"
            "  end.json             how many there are of each; where it is missing, the bundle is not whole\n"
        ).format(day=f"{made:%Y-%m-%d}")
    )


def _title(owner: str) -> str:
    return _("LETTERS OF {name}").format(name=owner.upper()) if owner else _("LETTERS")


def _format(name: str, opened: bool) -> str:
    said = {
        "maildir": _(
            "Every letter as one file, byte for byte as it came or went (RFC 5322), in two Maildirs: received and\n"
            "sent. Mail programs read them (mutt, Thunderbird with an add-on, mu, notmuch), and any editor does.\n"
            "received/new holds envelopes that were never opened."
        ),
        "mbox": _(
            "The letters one after the other in two files, received.mboxrd and sent.mboxrd: each begins with a line\n"
            "“From ”, a line of a letter that begins so (or with “>” and so) has one “>” more before it, and one line\n"
            "end stands behind each. Most mail programs read such files, some only when they end in .mbox."
        ),
        "markdown": _(
            "Every letter as one text file, by years. Between the two lines “---” stands what is known of it; behind\n"
            "them its text. What was enclosed lies in the folder of the same name. Any editor reads it. In letters of\n"
            "others a “\\” stands before what could be taken for HTML or for a picture from elsewhere. drafts holds\n"
            "what was not posted, unopened what was never opened, as it came."
        ),
        "html": _(
            "Open index.html in any browser: all correspondences, by year, and a search. It reaches for nothing\n"
            "outside this folder. The folder files holds what was enclosed."
        ),
        "vcard": _(
            "people.vcf is the address book, as vCard 4.0 (RFC 6350), with everybody's OpenPGP certificate. Address\n"
            "books of telephones and mail programs take it in. X-DEARLY-ADDRESS are addresses of other times."
        ),
        "cmif": _(
            "letters.cmif.xml lists who wrote to whom, when and from where, without text: TEI XML in the\n"
            "Correspondence Metadata Interchange Format, which archives and correspsearch.net read."
        ),
        "keys": _(
            "OpenPGP certificates (RFC 9580): own-*.asc are those of the owner of these letters, people those of the\n"
            "others. A file own-*.secret.pgp is a secret key under a passphrase: “gpg -d FILE | gpg --import” or\n"
            "“sq decrypt FILE” takes it out. With it the sealed letters in maildir and mbox can be read, by a program\n"
            "that knows the key's kinds: where all readers had such keys, a letter is sealed with ML-KEM-768+X25519\n"
            "(RFC 9980)."
        ),
        "bundle": _(
            "letters.dearly.tar holds everything, for “dearly import”: letters as they came and went, their texts,\n"
            "drafts, the address book, certificates. It is a tar file of JSON lines and of files named by their\n"
            "SHA-256; a README in it says how it is read."
        ),
    }[name]
    if name in ("maildir", "mbox"):
        said += "\n" + (
            _(
                "These are opened copies: made of what was kept when a letter was opened, not what travelled. The\n"
                "line “Letter-Opened-Copy” in each says what its seal was worth then."
            )
            if opened
            else _(
                "What was sealed is still sealed, and is read with the owner's OpenPGP key. A letter that has no\n"
                "original (never sent by mail) is an opened copy, and says so in “Letter-Opened-Copy”."
            )
        )
    return said
