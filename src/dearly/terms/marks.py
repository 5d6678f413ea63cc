"""Marks: words of the index that no text can contain, for stems and for what narrows a search.

Each begins with a sign that is never part of a word, so that neither is found where the other was meant, and looking
for a word need not say in which column.
"""

from __future__ import annotations

import hashlib

STEM = "¬"
"""Before every stem."""

FACET = "§"
"""Before everything that narrows a search."""

ALL = "§a"
"""Every letter has it."""

ROLES = {"from": "f", "to": "t", "cc": "t"}
"""Who writes, who reads. Whoever is named in Cc is a reader too."""


def direction_mark(direction: str) -> str:
    """Of letters written here ("out"), or received ("in")."""
    return f"{FACET}d{direction}"


def year_mark(year: int) -> str:
    """Of letters of a year (UTC)."""
    return f"{FACET}y{year}"


def month_mark(year: int, month: int) -> str:
    """Of letters of a month (UTC)."""
    return f"{FACET}m{year}{month:02}"


def has_mark(has: str) -> str:
    """Of letters that have something (`entry.Has`)."""
    return f"{FACET}h{has}"


def language_mark(language: str) -> str:
    """Of letters whose stems were made by the rules of this language."""
    return f"{FACET}l{language}"


def address_mark(role: str, key: str) -> str:
    """Of letters that name an address (`Address.key`) in this role (f, t)."""
    return f"{FACET}{role}{hashlib.blake2s(key.encode(), digest_size=6).hexdigest()}"


def name_mark(role: str, word: str) -> str:
    """Of letters that name somebody in this role (f, t) with this folded word in name or address. No mark of an address
    is like it: those go on with a hexadecimal digit."""
    return f"{FACET}{role}n{word}"
