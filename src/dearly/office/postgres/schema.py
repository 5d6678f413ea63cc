"""The tables of the office in PostgreSQL.

Every table begins with what it is distributed by: the account, or what an account is found by (a token, an
invitation). No sequence, no foreign key and no unique index goes across accounts, and no statement joins what lies
with different ones; so an engine that spreads a database over machines by its keys (Citus, YugabyteDB) may spread
this one by account. A parcel lies with each account that holds it, never shared: nothing that one account does can
take bytes away from another.

An account's number is made of its address (`number_of`), so that finding it needs no second table.
"""

from __future__ import annotations

import hashlib

VERSION = 2


def number_of(key: str) -> int:
    """The number of the account with this `Address.key`: 63 bits of its SHA-256. Where two addresses met in one
    number, which nobody will see, the second would be refused as taken."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big") >> 1


TABLES = (
    "facts",
    "accounts",
    "tokens",
    "invitations",
    "blobs",
    "pieces",
    "emails",
    "gone",
    "submissions",
    "outgoing",
)

OUTGOING = """
CREATE TABLE outgoing (                         -- what waits to be handed on to the world, and was within the hour
    account bigint NOT NULL,
    uid text NOT NULL,
    submission text NOT NULL,                   -- its uid
    recipient text NOT NULL,                    -- as in the submission
    blob text NOT NULL,                         -- '' once it is done
    size bigint NOT NULL,                       -- of the blob
    since bigint NOT NULL,
    due bigint NOT NULL,                        -- when something is to be done about it (store.Step)
    step text NOT NULL,
    holder text NOT NULL,                       -- who claimed it last
    tries integer NOT NULL,
    PRIMARY KEY (account, uid)
);
CREATE INDEX outgoing_due ON outgoing (due);
CREATE INDEX outgoing_blob ON outgoing (account, blob);
"""

SCHEMA = """
CREATE TABLE facts (                            -- few and small: the domain, the version, the address it is reached at
    name text PRIMARY KEY,
    value text NOT NULL
);

CREATE TABLE accounts (
    account bigint PRIMARY KEY,                 -- number_of(key)
    uid text NOT NULL,                          -- the JMAP account id
    address text NOT NULL,                      -- as it is shown
    key text COLLATE "C" NOT NULL,              -- Address.key
    token bytea NOT NULL,                       -- SHA-256 of the bearer token
    joined bigint NOT NULL,
    email_seq bigint NOT NULL,                  -- counts every change of its emails
    known_from bigint NOT NULL,                 -- since which email_seq every destroyed email is still in gone
    submission_seq bigint NOT NULL,
    submissions_from bigint NOT NULL,           -- since which submission_seq none was let go of
    held bigint NOT NULL,                       -- bytes of its uploads and emails
    quota bigint                                -- how many those may be; NULL: the office's own limit
);

-- Four bytes of a token's SHA-256 are looked up; the whole of it is then compared in constant time.
CREATE TABLE tokens (
    head bytea NOT NULL,
    account bigint NOT NULL,
    token bytea NOT NULL,
    uid text NOT NULL,
    address text NOT NULL,
    joined bigint NOT NULL,
    PRIMARY KEY (head, account)
);

CREATE TABLE invitations (
    token bytea PRIMARY KEY,                    -- SHA-256
    name text NOT NULL,
    until bigint NOT NULL,
    account bigint                              -- who used it
);

CREATE TABLE blobs (
    account bigint NOT NULL,
    blob text NOT NULL,                         -- "B" and the SHA-256
    size bigint NOT NULL,
    sender text NOT NULL,                       -- Address.key of the outer From
    at bigint,                                  -- when it was uploaded; NULL once an email took the upload's place
    data bytea NOT NULL,                        -- the first MiB; the others are in pieces
    PRIMARY KEY (account, blob)
);
ALTER TABLE blobs ALTER COLUMN data SET STORAGE EXTERNAL;  -- what is sealed does not compress
CREATE INDEX blobs_at ON blobs (at) WHERE at IS NOT NULL;

CREATE TABLE pieces (
    account bigint NOT NULL,
    blob text NOT NULL,
    place integer NOT NULL,                     -- 1 is the second MiB
    data bytea NOT NULL,
    PRIMARY KEY (account, blob, place)
);
ALTER TABLE pieces ALTER COLUMN data SET STORAGE EXTERNAL;

CREATE TABLE emails (
    account bigint NOT NULL,
    uid text NOT NULL,
    mailbox text NOT NULL,
    blob text NOT NULL,
    size bigint NOT NULL,
    sender text NOT NULL,
    received bigint NOT NULL,
    leaves bigint,                              -- when it may go; NULL while it waits
    keywords text NOT NULL,                     -- sorted, one space between
    created bigint NOT NULL,                    -- email_seq then
    changed bigint NOT NULL,
    PRIMARY KEY (account, uid)
);
CREATE UNIQUE INDEX emails_created ON emails (account, created);
CREATE INDEX emails_changed ON emails (account, changed) WHERE changed > created;
CREATE INDEX emails_blob ON emails (account, blob);
CREATE INDEX emails_leaves ON emails (leaves) WHERE leaves IS NOT NULL;

CREATE TABLE gone (
    account bigint NOT NULL,
    destroyed bigint NOT NULL,                  -- email_seq then
    uid text NOT NULL,
    created bigint NOT NULL,
    at bigint NOT NULL,
    PRIMARY KEY (account, destroyed)
);
CREATE INDEX gone_at ON gone (at);

CREATE TABLE submissions (
    account bigint NOT NULL,
    uid text NOT NULL,
    key text NOT NULL,                          -- the client's onceKey, or "=" and a derived one
    email text NOT NULL,
    blob text NOT NULL,
    sender text NOT NULL,
    at bigint NOT NULL,
    deliveries text NOT NULL,                   -- JSON: [recipient, accepted, reply] of each
    created bigint NOT NULL,                    -- submission_seq then
    changed bigint NOT NULL,
    PRIMARY KEY (account, uid),
    UNIQUE (account, key)
);
CREATE INDEX submissions_created ON submissions (account, created);
CREATE INDEX submissions_at ON submissions (at);
"""
SCHEMA += OUTGOING

STEPS = {1: OUTGOING}
"""From each older version to the next one. An older program may go on over what this one brings, as long as nothing
waits to go out to the world."""
