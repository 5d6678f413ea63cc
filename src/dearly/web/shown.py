"""Values in the words of the desk: seals, states, ways. A page says nothing of these in words of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from dearly.desk.values import EnvelopeView, LetterView
from dearly.letter.envelope import Way
from dearly.letter.sealing import Seal
from dearly.letter.words import _

SealState = Literal["checked", "new", "open", "broken"]


@dataclass(frozen=True, slots=True)
class SealShown:
    """A seal as it is drawn and said. `state`: how the wafer is drawn; `sentence` what the seal is worth; `more` what
    that means, and what may be done; `initial`: of whoever closed the letter, "" where nobody is known."""

    state: SealState
    sentence: str
    more: str
    initial: str


def way(way: Way) -> str:
    """By which way, as it stands on a stamp."""
    return {
        Way.MAIL: _("by mail"),
        Way.OFFICE: _("by the office"),
        Way.HAND: _("by hand"),
        Way.FOLDER: _("by a shared folder"),
        Way.PAPER: _("on paper"),
    }[way]


def listed(names: Sequence[str]) -> str:
    """Several names as a sentence says them; "" for none."""
    if len(names) < 2:
        return "".join(names)
    return _("{names} and {last}").format(names=", ".join(names[:-1]), last=names[-1])


POSTCARD = 420
"""Characters of a postcard that are drawn; all of it can be read by everybody all the same."""


def on_card(text: str) -> str:
    """What is drawn of the text of a postcard."""
    return text[:POSTCARD] + ("…" if len(text) > POSTCARD else "")


def initial(name: str) -> str:
    """The letter that stands on somebody's wafer."""
    return next((letter.upper() for letter in name if letter.isalnum()), "")


def seal_words(view: LetterView | EnvelopeView) -> SealShown:
    """What the seal of a letter that came is worth. Before it is opened, nobody can say."""
    name = view.person or view.from_
    if view.seal is None:
        return SealShown(
            "new",
            _("Sealed."),
            _("By whose key it was closed shows when it is opened."),
            initial(name),
        )
    state, sentence, more, known = _seal(view.seal, name)
    if isinstance(view, LetterView) and view.quantum_safe and known:
        more = f"{more} " + _("It is sealed to hold against quantum computers as well.")
    return SealShown(state, sentence, more, initial(name) if known else "")


def from_elsewhere() -> SealShown:
    """What is said of the seal of a letter of ours that was taken in from an archive."""
    return SealShown(
        "open",
        _("It did not leave from this desk."),
        _("You wrote it with another program, and it was taken in here. How it was closed then is not known."),
        "",
    )


def _seal(seal: Seal, name: str) -> tuple[SealState, str, str, bool]:
    """How it is drawn, what it is worth, what that means, and whether it shows who closed it."""
    match seal:
        case Seal.SIGNED_VERIFIED:
            return (
                "checked",
                _("Sealed with the key you checked in person."),
                _("Written by {name} and unchanged since. Nobody could read it on the way.").format(name=name),
                True,
            )
        case Seal.SIGNED_PINNED:
            return (
                "new",
                _("Sealed with a key seen before, not yet checked."),
                _(
                    "It is the key that {name}’s letters have come with so far. Compare its words with {name} once, and"
                    " you will know."
                ).format(name=name),
                True,
            )
        case Seal.SIGNED_FIRST_SEEN:
            return (
                "new",
                _("Sealed with a key seen for the first time, not yet checked."),
                _(
                    "It says it is {name}’s, and nothing speaks against it. Compare its words with {name} once, and you"
                    " will know."
                ).format(name=name),
                True,
            )
        case Seal.SIGNED_CHANGED_KEY:
            return (
                "new",
                _("The seal is not from the key you know."),
                _(
                    "The letter says it is from {name}. It was sealed with another key. That may be a new machine; it"
                    " may be someone else. Ask {name} by another way before you answer."
                ).format(name=name),
                True,
            )
        case Seal.NEVER_SEALED:
            return (
                "open",
                _("Not sealed. It came as a postcard."),
                _("Whoever carried it could read it, and could change it. Only its own words say who wrote it."),
                False,
            )
        case Seal.BROKEN:
            return (
                "broken",
                _("The seal is broken. This letter was changed after it was closed."),
                _("By accident or by somebody: nobody can tell. It is kept as it came, and its text is not shown."),
                False,
            )
        case Seal.SIGNATURE_BAD:
            return (
                "broken",
                _("The seal is broken. Its signature does not fit this letter."),
                _("Nobody can say that {name} wrote it like this. Ask {name} by another way.").format(name=name),
                False,
            )
        case Seal.SIGNED_BY_OTHER:
            return (
                "broken",
                _("The seal is somebody else’s."),
                _(
                    "The letter says it is from {name}. The key that closed it belongs to another, or does not speak"
                    " for this address. Ask {name} by another way."
                ).format(name=name),
                False,
            )
        case Seal.NOT_FOR_US:
            return (
                "broken",
                _("This letter was sealed for somebody else."),
                _(
                    "{name} wrote it, but did not address it to you: somebody sent it on. What it says was said to"
                    " another."
                ).format(name=name),
                True,
            )
        case Seal.HEADERS_DIFFER:
            return (
                "broken",
                _("The envelope says something else than the letter."),
                _(
                    "Who wrote it, to whom or when stands differently outside and inside the seal. Believe neither"
                    " before you have asked {name}."
                ).format(name=name),
                True,
            )
        case Seal.UNSIGNED:
            return (
                "new",
                _("Sealed, but by nobody: it is not signed."),
                _("Nobody could read it on the way. Nothing but its own words says who wrote it."),
                False,
            )
        case Seal.SIGNER_UNKNOWN:
            return (
                "new",
                _("Sealed with a key that nobody at this desk knows."),
                _("Nobody could read it on the way. {name}’s card would show whether the key is theirs.").format(
                    name=name
                ),
                False,
            )
        case Seal.SIGNER_REVOKED:
            return (
                "new",
                _("Sealed with a key that its owner has withdrawn."),
                _("{name} says that this key is not to be trusted any more. Ask by another way.").format(name=name),
                False,
            )
        case Seal.SIGNER_EXPIRED:
            return (
                "new",
                _("Sealed with a key whose time was over."),
                _("It may still be {name}’s. A new card from {name} would show it.").format(name=name),
                False,
            )
        case Seal.LOCKED:
            return (
                "new",
                _("Sealed to a key that does not lie in this drawer."),
                _(
                    "It may have been sealed to a key you had before, or to somebody else. It is kept as it came, for"
                    " the day when the key is found."
                ),
                False,
            )
        case Seal.TOO_BIG:
            return (
                "new",
                _("Sealed, and larger inside than this desk opens."),
                _(
                    "A small parcel that unfolds without end can choke a machine, so it stays closed. It is kept as"
                    " it came."
                ),
                False,
            )
        case Seal.UNSUPPORTED:
            return (
                "new",
                _("Sealed in a way that this version of Dearly cannot open."),
                _("It is kept as it came. A later version may be able to."),
                False,
            )
