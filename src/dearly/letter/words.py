"""Every text that a person reads passes through here (gettext), from whichever room it comes.

`_` translates at the moment a sentence is made. Until `speak` is called, and for languages that have no
catalogue, the sentence is the English one in the source.
"""

from __future__ import annotations

import gettext
from pathlib import Path

_catalogue: gettext.NullTranslations = gettext.NullTranslations()


def speak(languages: list[str] | None, folder: Path) -> None:
    """Choose the language of all later sentences.

    `languages`: tags such as ["de", "en"], best first, or None for what the environment names (LANGUAGE, LC_ALL,
    LC_MESSAGES, LANG). `folder`: where `<tag>/LC_MESSAGES/dearly.mo` lie. A language without catalogue gives English.
    """
    global _catalogue
    _catalogue = gettext.translation("dearly", str(folder), languages=languages, fallback=True)


def _(sentence: str) -> str:
    """The sentence in the person's language."""
    return _catalogue.gettext(sentence)


def ngettext(one: str, many: str, n: int) -> str:
    """The sentence for n things, in the person's language."""
    return _catalogue.ngettext(one, many, n)
