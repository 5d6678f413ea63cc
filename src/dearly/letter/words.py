"""Every text that a person reads passes through here (gettext), from whichever room it comes.

`_` translates at the moment a sentence is made. Until `speak` is called, and for languages that have no
catalogue, the sentence is the English one in the source. A process that serves several clients says what each of them
reads inside `speaking`, in their language.
"""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_catalogue: gettext.NullTranslations = gettext.NullTranslations()
_here: ContextVar[gettext.NullTranslations | None] = ContextVar("catalogue of this command", default=None)


def speak(languages: list[str] | None, folder: str | Path) -> None:
    """Choose the language of all later sentences.

    `languages`: tags such as ["de", "en"], best first, or None for what the environment names (LANGUAGE, LC_ALL,
    LC_MESSAGES, LANG). `folder`: where `<tag>/LC_MESSAGES/dearly.mo` lie. A language without catalogue gives English.
    """
    global _catalogue
    _catalogue = gettext.translation("dearly", str(folder), languages=languages, fallback=True)


@contextmanager
def speaking(languages: list[str], folder: str | Path) -> Iterator[None]:
    """Choose the language of the sentences made inside, here and in the tasks begun from here. As `speak` otherwise."""
    token = _here.set(gettext.translation("dearly", str(folder), languages=languages, fallback=True))
    try:
        yield
    finally:
        _here.reset(token)


def _(sentence: str) -> str:
    """The sentence in the person's language."""
    return (_here.get() or _catalogue).gettext(sentence)


def language() -> str:
    """The language that is spoken now, as a tag; "en" where there is no catalogue."""
    return (_here.get() or _catalogue).info().get("language") or "en"


def ended(sentence: str) -> str:
    """The sentence with a full stop, where it ends in a server's words that have none: another one may follow."""
    return sentence if not sentence or sentence.rstrip('”’»“")')[-1:] in ".!?…" else f"{sentence}."


def ngettext(one: str, many: str, n: int) -> str:
    """The sentence for n things, in the person's language."""
    return (_here.get() or _catalogue).ngettext(one, many, n)
