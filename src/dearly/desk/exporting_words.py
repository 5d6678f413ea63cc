"""What is said of an export: before anything leaves the lock, and to whoever finds the folder in thirty years."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from dearly.drawer.exporting_survey import Survey
from dearly.letter.words import _, ngettext

_TEXTS = ("html", "markdown", "bundle")
_MAIL = ("maildir", "mbox")


def before(formats: Sequence[str], opened: bool, secret_keys: bool, synced_by: str | None, found: Survey) -> list[str]:
    """The sentences that a person should read first: what leaves in clear, format by format, with its numbers."""
    said = []
    mail, texts = _named(formats, _MAIL), _named(formats, _TEXTS)
    if texts or (mail and opened):
        said.append(_("What you export leaves the lock: whoever can read that folder can read every letter in it."))
    if texts:
        said.append(_everything(found).format(n=found.letters, formats=texts))
    if texts and found.drafts and {"markdown", "bundle"} & set(formats):
        drafts = ngettext("{formats}: one draft, too.", "{formats}: {n} drafts, too.", found.drafts)
        said.append(drafts.format(n=found.drafts, formats=_named(formats, ("markdown", "bundle"))))
    if "bundle" in formats:
        said.append(
            _("bundle: besides, every earlier version of what you wrote, and your address book with your notes.")
        )
    if mail:
        said += _of_mail(mail, opened, found)
    if found.envelopes and (mail or texts):
        kept = ngettext(
            "One envelope that was never opened, or cannot be, goes along as it came.",
            "{n} envelopes that were never opened, or cannot be, go along as they came.",
            found.envelopes,
        )
        said.append(kept.format(n=found.envelopes))
    if "vcard" in formats:
        people = ngettext(
            "vcard: one entry of your address book, with addresses and notes, in clear.",
            "vcard: {n} entries of your address book, with addresses and notes, in clear.",
            found.people,
        )
        said.append(people.format(n=found.people))
    if "cmif" in formats:
        letters = ngettext(
            "cmif: who wrote to whom, when and from where, of one letter, in clear; no text.",
            "cmif: who wrote to whom, when and from where, of {n} letters, in clear; no text.",
            found.letters,
        )
        said.append(letters.format(n=found.letters))
    if "keys" in formats and found.certificates:
        keys = ngettext(
            "keys: besides your own certificates one of somebody else, with the name it is known by.",
            "keys: besides your own certificates {n} of other people, with the names they are known by.",
            found.certificates,
        )
        said.append(keys.format(n=found.certificates))
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


def _named(formats: Sequence[str], among: Sequence[str]) -> str:
    return ", ".join(name for name in formats if name in among)


def _everything(found: Survey) -> str:
    return ngettext(
        "{formats}: the text of one letter, and what is enclosed in it, in clear.",
        "{formats}: the texts of all {n} letters, and what is enclosed in them, in clear.",
        found.letters,
    )


def _of_mail(mail: str, opened: bool, found: Survey) -> list[str]:
    if opened:
        return [_everything(found).format(n=found.letters, formats=mail)]
    said = []
    if found.sealed:
        sealed = ngettext(
            "{formats}: one letter was sealed, and stays sealed: it can be read only with your key.",
            "{formats}: {n} letters were sealed, and stay sealed: they can be read only with your key.",
            found.sealed,
        )
        said.append(sealed.format(n=found.sealed, formats=mail))
    if found.clear:
        clear = ngettext(
            "{formats}: one letter travelled unsealed, and stands there in clear.",
            "{formats}: {n} letters travelled unsealed, and stand there in clear.",
            found.clear,
        )
        said.append(clear.format(n=found.clear, formats=mail))
    if found.without:
        without = ngettext(
            "{formats}: one letter has no original (not sealed yet, on paper, a text or a scan): a copy of it stands"
            " there in clear.",
            "{formats}: {n} letters have no original (not sealed yet, on paper, texts and scans): copies of them stand"
            " there in clear.",
            found.without,
        )
        said.append(without.format(n=found.without, formats=mail))
    if found.letters:
        said.append(_("{formats}: who wrote to whom, and when, stands in clear on every letter.").format(formats=mail))
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
            "  door.jsonl, erased.jsonl                       answers to strangers; digests of what was erased\n"
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
