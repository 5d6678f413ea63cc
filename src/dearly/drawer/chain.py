"""The chain: an append-only list of digests over what was posted, arrived, filed and erased.

Wanted SQL in the first migration:

    CREATE TABLE chain (
      id      INTEGER PRIMARY KEY,                           -- 1, 2, 3, ... without a gap
      kind    TEXT    NOT NULL CHECK (kind IN ('posted', 'arrived', 'filed', 'erased')),
      subject BLOB    NOT NULL CHECK (length(subject) = 32), -- SHA-256 of what it speaks of
      at      INTEGER NOT NULL,                              -- unix seconds, by the clock of this machine
      digest  BLOB    NOT NULL CHECK (length(digest) = 32)   -- SHA-256 over the digest before and this row
    ) STRICT;
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
"""
