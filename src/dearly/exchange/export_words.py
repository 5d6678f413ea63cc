"""What an export says of a letter in words: what its seal was worth, and by which way it went. The sentences are the
desk's own."""

from __future__ import annotations

from dearly.letter.envelope import Way
from dearly.letter.leaving import Leaving
from dearly.letter.sealing import Seal
from dearly.letter.words import _


def seal(letter: Leaving) -> str:
    """What the seal was worth when the letter was opened; "" for one of ours that was sealed."""
    if letter.direction == "out":
        return _("Not sealed. This is a postcard.") if letter.postcard else ""
    return (
        {
            Seal.SIGNED_VERIFIED: _("Sealed with the key you checked in person."),
            Seal.SIGNED_PINNED: _("Sealed with a key seen before, not yet checked."),
            Seal.SIGNED_FIRST_SEEN: _("Sealed with a key seen for the first time, not yet checked."),
            Seal.SIGNED_CHANGED_KEY: _("The seal is not from the key you know."),
            Seal.NEVER_SEALED: _("Not sealed."),
            Seal.SIGNATURE_BAD: _("The seal is broken. Its signature does not fit this letter."),
            Seal.SIGNED_BY_OTHER: _("The seal is somebody else’s."),
            Seal.NOT_FOR_US: _("This letter was sealed for somebody else."),
            Seal.HEADERS_DIFFER: _("The envelope says something else than the letter."),
            Seal.UNSIGNED: _("Sealed, but by nobody: it is not signed."),
            Seal.SIGNER_UNKNOWN: _("Sealed with a key that nobody at this desk knows."),
            Seal.SIGNER_REVOKED: _("Sealed with a key that its owner has withdrawn."),
            Seal.SIGNER_EXPIRED: _("Sealed with a key whose time was over."),
        }.get(Seal(letter.seal), "")
        if letter.seal
        else ""
    )


def way(name: str) -> str:
    """By which way, as it stands on a stamp."""
    return {
        Way.MAIL: _("by mail"),
        Way.OFFICE: _("by the office"),
        Way.HAND: _("by hand"),
        Way.FOLDER: _("by a shared folder"),
        Way.PAPER: _("on paper"),
    }[Way(name)]
