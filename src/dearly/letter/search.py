"""The words of a letter as an index keeps them: made by the room `terms`, kept by the drawer, asked by the desk.

Each column is folded words (case, accents and width do not count) with blanks between them, so that whoever keeps them
needs no rule for cutting words.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Entry:
    """What a letter is found by. `version`: of the indexer that made it; a letter whose entry is older is indexed anew.

    `subject`, `people` (names and addresses), `body`, `files` (names of enclosures): words in their order. `stems`: of
    words of subject and body, each once and only where it differs from its word; in no order. `facets`: marks that
    narrow a search (who wrote, who reads, which year, what it has)."""

    version: int
    subject: str = field(repr=False)
    people: str = field(repr=False)
    body: str = field(repr=False)
    files: str = field(repr=False)
    stems: str = field(repr=False)
    facets: str = field(repr=False)
