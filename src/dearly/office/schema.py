"""The tables of the office's SQLite store, and the one number that says which shape they have."""

from __future__ import annotations

APPLICATION_ID = 0x0FF1CE01
VERSION = 3

OUTGOING = """
-- What waits to be handed on to the world, and, without its bytes, what was queued within the hour.
CREATE TABLE outgoing (
    account INTEGER NOT NULL,
    uid TEXT NOT NULL,
    submission TEXT NOT NULL,                   -- its uid
    recipient TEXT NOT NULL,                    -- as in the submission
    blob INTEGER,                               -- NULL once it is done
    size INTEGER NOT NULL,                      -- of the blob
    since INTEGER NOT NULL,
    due INTEGER NOT NULL,                       -- when something is to be done about it (store.Step)
    step TEXT NOT NULL,
    holder TEXT NOT NULL,                       -- who claimed it last
    tries INTEGER NOT NULL,
    PRIMARY KEY (account, uid)
) STRICT, WITHOUT ROWID;
CREATE INDEX outgoing_due ON outgoing (due);
CREATE INDEX outgoing_blob ON outgoing (blob) WHERE blob IS NOT NULL;
"""

SCHEMA = """
CREATE TABLE facts (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    number INTEGER PRIMARY KEY AUTOINCREMENT,   -- never given again
    uid TEXT NOT NULL UNIQUE,                   -- the JMAP account id
    address TEXT NOT NULL,                      -- as it is shown
    key TEXT NOT NULL UNIQUE,                   -- Address.key
    token BLOB NOT NULL,                        -- SHA-256 of the bearer token
    joined INTEGER NOT NULL,
    email_seq INTEGER NOT NULL DEFAULT 0,       -- counts every change of its emails
    known_from INTEGER NOT NULL DEFAULT 0,      -- since which email_seq every destroyed email is still in gone
    submission_seq INTEGER NOT NULL DEFAULT 0,
    submissions_from INTEGER NOT NULL DEFAULT 0, -- since which submission_seq none was let go of
    held INTEGER NOT NULL DEFAULT 0,            -- bytes of its uploads and emails
    quota INTEGER                               -- how many those may be; NULL: the office's own limit
) STRICT;
-- Only four bytes are looked up; the whole digest is then compared in constant time.
CREATE INDEX accounts_token ON accounts (substr(token, 1, 4));

CREATE TABLE invitations (
    token BLOB PRIMARY KEY,                     -- SHA-256
    name TEXT NOT NULL,                         -- before the @
    until INTEGER NOT NULL,
    account INTEGER                             -- who used it
) STRICT, WITHOUT ROWID;

CREATE TABLE blobs (
    number INTEGER PRIMARY KEY,
    uid TEXT NOT NULL UNIQUE,                   -- "B" and the SHA-256
    size INTEGER NOT NULL,
    sender TEXT NOT NULL                        -- Address.key of the outer From
) STRICT;

-- A blob in pieces of 1 MiB, so that any part of a large one is one look-up: number = blob * 1024 + place.
CREATE TABLE pieces (
    number INTEGER PRIMARY KEY,
    data BLOB NOT NULL
) STRICT;

-- Few and short-lived: an Email takes an upload's place, or a day does. So the sweep may read all of them.
CREATE TABLE uploads (
    blob INTEGER NOT NULL,
    account INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (blob, account)
) STRICT, WITHOUT ROWID;

CREATE TABLE emails (
    number INTEGER PRIMARY KEY,
    account INTEGER NOT NULL,
    uid TEXT NOT NULL,
    mailbox TEXT NOT NULL,
    blob INTEGER NOT NULL,
    size INTEGER NOT NULL,
    received INTEGER NOT NULL,
    leaves INTEGER,                             -- when it may go: fetched or sent long enough ago; NULL while waiting
    keywords TEXT NOT NULL,                     -- sorted, one space between
    created INTEGER NOT NULL,                   -- email_seq then
    changed INTEGER NOT NULL,
    UNIQUE (account, uid)
) STRICT;
CREATE UNIQUE INDEX emails_created ON emails (account, created);
CREATE INDEX emails_changed ON emails (account, changed) WHERE changed > created;
CREATE INDEX emails_blob ON emails (blob);
CREATE INDEX emails_leaves ON emails (leaves) WHERE leaves IS NOT NULL;

CREATE TABLE gone (
    account INTEGER NOT NULL,
    destroyed INTEGER NOT NULL,                 -- email_seq then
    uid TEXT NOT NULL,
    created INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (account, destroyed)
) STRICT, WITHOUT ROWID;
CREATE INDEX gone_at ON gone (at);

CREATE TABLE submissions (
    number INTEGER PRIMARY KEY,                 -- in the order of at
    account INTEGER NOT NULL,
    uid TEXT NOT NULL,
    key TEXT NOT NULL,                          -- the client's onceKey, or "=" and a derived one
    email TEXT NOT NULL,
    blob TEXT NOT NULL,
    sender TEXT NOT NULL,
    at INTEGER NOT NULL,
    deliveries TEXT NOT NULL,                   -- JSON: [recipient, accepted, reply] of each
    created INTEGER NOT NULL,                   -- submission_seq then
    changed INTEGER NOT NULL,
    UNIQUE (account, uid),
    UNIQUE (account, key)
) STRICT;
"""
SCHEMA += OUTGOING

STEPS = {1: "ALTER TABLE accounts ADD COLUMN quota INTEGER", 2: OUTGOING}
"""From each older version to the next one. What an older Dearly made is opened by going up the steps."""
