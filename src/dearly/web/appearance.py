"""In which language, light and size the face appears: what the person chose, else what the browser asks for."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path

from babel import Locale, UnknownLocaleError
from starlette.requests import Request

import dearly
from dearly.desk import settings
from dearly.desk.keeper import Keeper, State
from dearly.letter.errors import DearlyError

LOCALES = Path(dearly.__file__).parent / "locale"


@dataclass(frozen=True, slots=True)
class Appearance:
    """`languages`: what gettext is asked for, best first; empty for English. `theme`: "", "light" or "dark"; `size`:
    "", "small" or "large"."""

    languages: list[str]
    locale: Locale
    zone: tzinfo | None
    theme: str = ""
    size: str = ""

    @classmethod
    async def of(cls, request: Request, keeper: Keeper) -> Appearance:
        """The appearance for one request. What was chosen lies in the drawer: a closed one appears as the browser
        asks."""
        chosen = settings.Look()
        zone = None
        if keeper.state is State.OPEN:
            desk = keeper.desk
            zone = desk.clock.local().tzinfo
            with suppress(DearlyError):  # a drawer that is being closed just now, or a damaged one
                chosen = await settings.look(desk)
        wanted = [chosen.language] if chosen.language else _asked_for(request.headers.get("accept-language", ""))
        language = next((tag for tag in wanted if tag == "en" or (LOCALES / tag).is_dir()), "en")
        return cls([] if language == "en" else [language], _locale(language, wanted), zone, chosen.theme, chosen.size)


def _asked_for(header: str) -> list[str]:
    """Languages of an Accept-Language field (RFC 9110 12.5.4) by their first subtag, in the order written."""
    tags = [re.split(r"[-_;,]", part.strip().lower())[0] for part in header[:200].split(",")]
    return [tag for tag in tags if re.fullmatch(r"[a-z]{2,3}", tag)]


def _locale(language: str, _wanted: list[str]) -> Locale:
    try:
        return Locale.parse("en_GB" if language == "en" else language)
    except (UnknownLocaleError, ValueError):
        return Locale.parse("en_GB")
