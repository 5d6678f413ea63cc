"""What an export would take out of the lock, counted: what stays sealed, and what stands in clear."""

from __future__ import annotations

from dataclasses import dataclass

from dearly.drawer.connection import Db
from dearly.drawer.exporting_originals import ALONE

# What a mail program gets as the original of a letter (`desk.exporting_formats.messages`): of ours the forms in which
# it was posted, or the mail that was imported; of theirs every parcel. A text or a scan that was taken in is none.
_MAILS = """
SELECT f.letter AS letter, NOT EXISTS (SELECT 1 FROM sealed_to t WHERE t.form = f.id) AS clear FROM sealed_forms f
UNION ALL
SELECT a.letter, a.seal_sha256 IS NULL OR a.seal IS 'never_sealed' FROM arrivals a JOIN letters l ON l.number = a.letter
WHERE a.raw_sha256 IS NOT l.inner_sha256
  AND iif(l.direction = 'in', a.state NOT IN ('own', 'report'),
          a.state = 'imported' AND NOT EXISTS (SELECT 1 FROM sealed_forms f WHERE f.letter = l.number))
"""
_SEALED_OR_CLEAR = f"""
SELECT count(*) FILTER (WHERE NOT clear), count(*) FILTER (WHERE clear)
FROM (SELECT letter, max(clear) AS clear FROM ({_MAILS}) GROUP BY letter)
"""  # noqa: S608 (a constant of ours)


@dataclass(frozen=True, slots=True)
class Survey:
    """How much of each kind there is. Of the letters `sealed` have no original but sealed ones, `clear` one at least
    that was never sealed, and the others no original at all: written here and not sealed yet, on paper, from texts
    and scans. `envelopes`: parcels that no letter was made of, as they came. `drafts`: not posted."""

    letters: int = 0
    sealed: int = 0
    clear: int = 0
    envelopes: int = 0
    drafts: int = 0
    people: int = 0
    certificates: int = 0

    @property
    def without(self) -> int:
        """Letters without an original."""
        return self.letters - self.sealed - self.clear


def survey(db: Db) -> Survey:
    """Count it."""
    [(sealed, clear)] = db.all(_SEALED_OR_CLEAR)
    return Survey(
        letters=_count(db, "letters"),
        sealed=int(sealed),
        clear=int(clear),
        envelopes=_count(db, f"arrivals WHERE {ALONE} AND state NOT IN ('own', 'report')"),
        drafts=_count(db, "drafts WHERE state <> 'posted'"),
        people=_count(db, "persons WHERE merged_into IS NULL"),
        certificates=_count(db, "certificates"),
    )


def _count(db: Db, of: str) -> int:
    return int(db.value(f"SELECT count(*) FROM {of}"))  # noqa: S608 (a constant of this module's own)
