-- The drawer, schema version 1: every table and column explained.
--
-- A test compares this file with the tables that the migrations really make, so it is never behind them.
--
-- Rules that hold everywhere. Times (at, made, since, until, ...) are whole seconds since 1970-01-01 UTC. Digests are
-- SHA-256, 32 octets. A uid is 16 random octets that name a thing outside this file too; integer keys never leave it.
-- Foreign keys are enforced. A column's meaning never changes; a new meaning is a new column. Nothing here is readable
-- without the key: SQLite3MultipleCiphers encrypts and authenticates every page (ChaCha20-Poly1305).

-- Small named values: of the person (JSON), and of the drawer itself.
CREATE TABLE settings (
  -- what it is called in the code that reads it
  name  TEXT NOT NULL PRIMARY KEY,
  -- JSON; for the drawer's own values (uid, incarnation, incarnation_place) plain text
  value TEXT NOT NULL
) STRICT;

-- An append-only list of digests over what was posted, arrived, filed and erased. A part that was put back to an older
-- state no longer fits the rest; the last link is also kept outside the database.
CREATE TABLE chain (
  -- 1, 2, 3, ... without a gap
  id      INTEGER PRIMARY KEY,
  -- posted, arrived, filed, erased (a tombstone)
  kind    TEXT    NOT NULL CHECK (kind IN ('posted', 'arrived', 'filed', 'erased')),
  -- SHA-256: letters.content_sha256; of an arrival arrivals.raw_sha256
  subject BLOB    NOT NULL CHECK (length(subject) = 32),
  -- when, by the clock of this machine: a claim, the order is id
  at      INTEGER NOT NULL,
  -- SHA-256 over the digest before and this row
  digest  BLOB    NOT NULL CHECK (length(digest) = 32)
) STRICT;
CREATE INDEX chain_of ON chain (subject);

-- The one drawer-wide sequence. Whatever a person writes or is sent has a number for ever; none comes twice, also not
-- after the thing itself is gone.
CREATE TABLE numbers (
  -- as people and the command line know it
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  -- random; names the thing outside this drawer, as a draft and as a letter
  uid    BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
  -- as what it began: a draft, an arrival, an import
  origin TEXT    NOT NULL CHECK (origin IN ('draft', 'arrival', 'import')),
  -- when it was given
  made   INTEGER NOT NULL
) STRICT;

-- Bytes kept whole, each content once: enclosures, arrivals, sealed forms, HTML of other programs. Nothing here is
-- without a row that refers to it.
CREATE TABLE objects (
  -- for references inside this file only
  id      INTEGER PRIMARY KEY,
  -- of the bytes before packing; checked at every reading
  sha256  BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32),
  -- octets before packing
  size    INTEGER NOT NULL,
  -- how body is stored: as it is, as one zstd frame, or as a place within another object, in base64
  packing TEXT    NOT NULL CHECK (packing IN ('plain', 'zstd', 'within')),
  -- the bytes, packed; of those within another object where they begin and end there (two big-endian integers)
  body    BLOB    NOT NULL,
  -- of an enclosure of a letter that was imported: the original that it stands in, so that it is not kept twice
  within  INTEGER REFERENCES objects (id),
  CHECK ((packing = 'within') = (within IS NOT NULL))
) STRICT;
CREATE INDEX objects_within ON objects (within) WHERE within IS NOT NULL;

-- The address book: persons, households and circles. Someone with letters is never deleted, only hidden.
CREATE TABLE persons (
  -- for references inside this file only
  id          INTEGER PRIMARY KEY,
  -- random; names the person outside this drawer
  uid         BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
  -- what the entry stands for
  kind        TEXT    NOT NULL CHECK (kind IN ('person', 'household', 'circle')),
  -- as the person at the desk wrote it
  name        TEXT    NOT NULL,
  -- NFKC, case and blanks folded: what names are found by
  name_key    TEXT    NOT NULL,
  -- YYYY-MM-DD or --MM-DD (RFC 6350 6.2.5); NULL: not known
  birthday    TEXT,
  -- the person's own words about them
  note        TEXT    NOT NULL DEFAULT '',
  -- 1: removed, kept because of letters; or merged into another
  hidden      INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),
  -- the entry that this one turned out to be; its uid leads there
  merged_into INTEGER REFERENCES persons (id),
  -- when it was put into the book
  made        INTEGER NOT NULL,
  -- when name, birthday, note or kind were last changed
  changed     INTEGER NOT NULL
) STRICT;
CREATE INDEX persons_by_name ON persons (name_key);
CREATE INDEX persons_merged ON persons (merged_into) WHERE merged_into IS NOT NULL;

-- Who belongs to which household or circle.
CREATE TABLE memberships (
  -- the household or circle
  group_id  INTEGER NOT NULL REFERENCES persons (id),
  -- the person
  member_id INTEGER NOT NULL REFERENCES persons (id),
  -- when they were put into it
  since     INTEGER NOT NULL,
  -- when they left it; NULL: still there
  until     INTEGER,
  PRIMARY KEY (group_id, member_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_of ON memberships (member_id);

-- Every address in the book once, whoever has it.
CREATE TABLE addresses (
  -- for references inside this file only
  id          INTEGER PRIMARY KEY,
  -- random; names the address outside this drawer
  uid         BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
  -- by what kind of post it is reached
  kind        TEXT    NOT NULL CHECK (kind IN ('email', 'office', 'postal')),
  -- local@domain (domain in ASCII), or the lines of a postal address
  text        TEXT    NOT NULL,
  -- what two spellings of it have in common: look-ups use it
  address_key TEXT    NOT NULL,
  -- of an office address: where that office is
  office_url  TEXT,
  -- of a postal address: ISO 3166-1 alpha-2
  country     TEXT,
  -- when it was first written down
  made        INTEGER NOT NULL,
  UNIQUE (address_key, kind)
) STRICT;

-- Who is reached where, from when until when. A row that ended stays: it says whose old letters were.
CREATE TABLE person_addresses (
  -- for references inside this file only
  id         INTEGER PRIMARY KEY,
  -- who
  person_id  INTEGER NOT NULL REFERENCES persons (id),
  -- where
  address_id INTEGER NOT NULL REFERENCES addresses (id),
  -- the person's own order, 0 first
  position   INTEGER NOT NULL,
  -- a word for it, such as summer
  label      TEXT    NOT NULL DEFAULT '',
  -- in whose care it is (c/o)
  care_of    TEXT    NOT NULL DEFAULT '',
  -- good from; NULL: as long as we know
  since      INTEGER,
  -- good until (not counting that second); NULL: still good
  until      INTEGER,
  -- what comes before is kept there until then; NULL: nothing is held
  hold_until INTEGER
) STRICT;
CREATE INDEX person_addresses_of ON person_addresses (person_id, position);
CREATE INDEX person_addresses_at ON person_addresses (address_id);

-- Our own keys. The one in use is the one that was not retired; retired ones still open old letters.
CREATE TABLE own_keys (
  -- of the primary key, lower-case hex
  fingerprint TEXT    NOT NULL PRIMARY KEY,
  -- transferable secret key (RFC 9580 10.2), without a passphrase of its own: this file is its lock
  secret      BLOB    NOT NULL,
  -- transferable public key (RFC 9580 10.1), sent byte for byte as it stands here
  certificate BLOB    NOT NULL,
  -- when the key was made
  made        INTEGER NOT NULL,
  -- when an address was last added to it or revoked
  changed     INTEGER NOT NULL,
  -- when another key took its place; NULL: in use
  retired     INTEGER
) STRICT;

-- Other people's certificates: one merged copy of each (A16), reduced to its own signatures (A15).
CREATE TABLE certificates (
  -- of the primary key, lower-case hex
  fingerprint  TEXT    NOT NULL PRIMARY KEY,
  -- transferable public key (RFC 9580 10.1), merged and minimised
  body         BLOB    NOT NULL,
  -- where it was first seen: card, autocrypt, signature, gossip, enclosed, file, hand, ...
  source       TEXT    NOT NULL,
  -- when its owner made it, as its own signatures say
  created      INTEGER NOT NULL,
  -- until when it is good; NULL: no end
  expires      INTEGER,
  -- 1: its owner has revoked it
  revoked      INTEGER NOT NULL CHECK (revoked IN (0, 1)),
  -- 1: letters to it are sealed with ML-KEM-768+X25519 (RFC 9980)
  quantum_safe INTEGER NOT NULL CHECK (quantum_safe IN (0, 1)),
  -- when it came to this drawer
  first_seen   INTEGER NOT NULL,
  -- when body was last stored
  changed      INTEGER NOT NULL
) STRICT;

-- By which ids a signature may name a certificate.
CREATE TABLE certificate_keys (
  -- fingerprint or key id of any key in it, lower-case hex
  key_id      TEXT NOT NULL,
  -- the certificate
  fingerprint TEXT NOT NULL REFERENCES certificates (fingerprint),
  PRIMARY KEY (key_id, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE INDEX certificate_keys_of ON certificate_keys (fingerprint);

-- Whose certificate it is, and how sure we are. At most one of an address is in use (first_seen, pinned, verified).
CREATE TABLE bindings (
  -- for references inside this file only
  id          INTEGER PRIMARY KEY,
  -- whose it is said to be
  person_id   INTEGER NOT NULL REFERENCES persons (id),
  -- at which of their addresses
  address_key TEXT    NOT NULL,
  -- the certificate
  fingerprint TEXT    NOT NULL REFERENCES certificates (fingerprint),
  -- first_seen, pinned (by use), verified (in person), changed (seen while another is in use), left
  state       TEXT    NOT NULL CHECK (state IN ('first_seen', 'pinned', 'verified', 'changed', 'left')),
  -- what showed it: card, letter, autocrypt, gossip, enclosed, file, hand, ...
  source      TEXT    NOT NULL,
  -- when it was first seen there
  seen        INTEGER NOT NULL,
  -- when it came into this state
  since       INTEGER NOT NULL,
  -- where the two people compared it, in the person's own words; empty where nobody said
  place       TEXT    NOT NULL DEFAULT '',
  UNIQUE (person_id, address_key, fingerprint)
) STRICT;
CREATE UNIQUE INDEX bindings_current ON bindings (person_id, address_key)
  WHERE state IN ('first_seen', 'pinned', 'verified');
CREATE INDEX bindings_of_certificate ON bindings (fingerprint);

-- Keys that a letter gives, and that are not taken into use by that alone.
CREATE TABLE offered_keys (
  -- the letter
  letter      INTEGER NOT NULL REFERENCES letters (number),
  -- order, 0 first
  position    INTEGER NOT NULL,
  -- whose key it is said to be, local@domain
  address     TEXT    NOT NULL,
  -- what two spellings of it have in common
  address_key TEXT    NOT NULL,
  -- the certificate
  fingerprint TEXT    NOT NULL REFERENCES certificates (fingerprint),
  -- gossip: for another reader, from a verified writer; autocrypt: of the writer of an unsealed letter
  source      TEXT    NOT NULL CHECK (source IN ('gossip', 'autocrypt')),
  PRIMARY KEY (letter, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX offered_keys_of ON offered_keys (fingerprint);

-- Our own addresses.
CREATE TABLE own_addresses (
  -- for references inside this file only
  id          INTEGER PRIMARY KEY,
  -- random; names the address outside this drawer
  uid         BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
  -- local@domain
  text        TEXT    NOT NULL,
  -- what two spellings of it have in common
  address_key TEXT    NOT NULL UNIQUE,
  -- when it became ours
  since       INTEGER NOT NULL,
  -- when we left it; NULL: still ours
  until       INTEGER
) STRICT;

-- Places at carriers: how our addresses are served.
CREATE TABLE accounts (
  -- for references inside this file only
  id          INTEGER PRIMARY KEY,
  -- random; names the account outside this drawer
  uid         BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
  -- by which way it carries
  way         TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  -- what people and postmarks call it; never a secret
  place       TEXT    NOT NULL,
  -- the address that it serves
  own_address INTEGER NOT NULL REFERENCES own_addresses (id),
  -- JSON object of text: url, host, port, user, ca_file, ...
  details     TEXT    NOT NULL,
  -- token or password; empty once the account has ended
  secret      TEXT    NOT NULL,
  -- when it was added
  made        INTEGER NOT NULL,
  -- when it was given up; NULL: in use
  ended       INTEGER
) STRICT;
CREATE UNIQUE INDEX accounts_in_use ON accounts (way, place) WHERE ended IS NULL;
CREATE INDEX accounts_at ON accounts (own_address);

-- Letters: ours from the moment of posting, theirs from the moment of opening. The key is our number, never the id that
-- a letter claims.
CREATE TABLE letters (
  -- the number of the draft or arrival that it was
  number          INTEGER PRIMARY KEY REFERENCES numbers (number),
  -- out: written here; in: received
  direction       TEXT    NOT NULL CHECK (direction IN ('out', 'in')),
  -- Message-ID without the angle brackets: a claim. Of a letter without one: made from what it says
  letter_id       TEXT    NOT NULL,
  -- in: of the signed bytes; never sealed: of body, From, Date, Message-ID, To. With letter_id: the same letter
  inner_sha256    BLOB    CHECK (length(inner_sha256) = 32),
  -- of what it says, as filed; the chain knows it
  content_sha256  BLOB    NOT NULL CHECK (length(content_sha256) = 32),
  -- 1: another letter with this letter_id but other bytes is here
  twin            INTEGER NOT NULL DEFAULT 0 CHECK (twin IN (0, 1)),
  -- its number in the correspondence, as its writer counted; NULL: none was given
  letter_no       INTEGER,
  -- when it was written, as it says
  date            INTEGER NOT NULL,
  -- minutes east of UTC where it was written
  date_offset     INTEGER NOT NULL,
  -- day << 20 | n, day = date / 86400, n grows with the time: order in archive and search; key of the search rows
  sort_key        INTEGER NOT NULL UNIQUE,
  -- when it was posted or opened here
  filed           INTEGER NOT NULL,
  -- subject
  subject         TEXT    NOT NULL,
  -- its text (CommonMark, or clean text of another program), a zstd frame
  body            BLOB    NOT NULL,
  -- 0: in: the clean text of another program, no CommonMark
  commonmark      INTEGER NOT NULL DEFAULT 1 CHECK (commonmark IN (0, 1)),
  -- the HTML of another program, as it came; NULL: none
  html            INTEGER REFERENCES objects (id),
  -- letter_id of the letter that it answers; NULL: none
  in_reply_to     TEXT,
  -- out: 1: chosen to go unsealed
  postcard        INTEGER NOT NULL DEFAULT 0 CHECK (postcard IN (0, 1)),
  -- what the person decided about the answer; in: later, not_needed (no answer needed), rest (let it rest); out: rest,
  -- no answer is waited for any more; NULL: nothing
  reply           TEXT    CHECK (reply IN ('later', 'not_needed', 'rest')),
  -- day (YYYY-MM-DD) for which answering it was put off; NULL: none
  reply_on        TEXT,
  -- in: what the seal is worth (letter.sealing.Seal); out: NULL
  seal            TEXT,
  -- in, never sealed: what the signature that it carries comes to (letter.sealing.Signed); NULL: none
  signature       TEXT    CHECK (signature IN ('holds', 'bad', 'unknown', 'in_part')),
  -- in: 1: only ML-KEM keys could open it; NULL: never sealed, or ours
  quantum_safe    INTEGER CHECK (quantum_safe IN (0, 1)),
  -- in: fingerprint of the certificate whose signature holds; NULL: none
  signer          TEXT,
  -- in: when it was signed, as the signature says
  signed_at       INTEGER,
  -- by which version of the indexer its search row was made; 0: none yet
  indexer_version INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX letters_by_id ON letters (letter_id);
CREATE INDEX letters_answering ON letters (in_reply_to) WHERE in_reply_to IS NOT NULL;
CREATE INDEX letters_html ON letters (html) WHERE html IS NOT NULL;
CREATE INDEX letters_for_later ON letters (sort_key) WHERE reply = 'later';
CREATE INDEX letters_to_index ON letters (indexer_version, sort_key);

-- Whom a letter names.
CREATE TABLE parties (
  -- the letter
  letter      INTEGER NOT NULL REFERENCES letters (number),
  -- from, to or cc
  role        TEXT    NOT NULL CHECK (role IN ('from', 'to', 'cc')),
  -- order in that header, 0 first
  position    INTEGER NOT NULL,
  -- display name as it stands in the letter; may be empty
  name        TEXT    NOT NULL,
  -- local@domain
  address     TEXT    NOT NULL,
  -- what two spellings of it have in common
  address_key TEXT    NOT NULL,
  -- who that is in the address book; NULL: nobody known
  person_id   INTEGER REFERENCES persons (id),
  PRIMARY KEY (letter, role, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX parties_at ON parties (address_key);
CREATE INDEX parties_of ON parties (person_id) WHERE person_id IS NOT NULL;

-- One row for each person whose correspondence a letter belongs to: its writer, or whom it was written to.
CREATE TABLE correspondences (
  -- the person, household or circle
  person_id INTEGER NOT NULL REFERENCES persons (id),
  -- as in letters: so that a page of a correspondence needs no sorting
  sort_key  INTEGER NOT NULL,
  -- the letter
  letter    INTEGER NOT NULL REFERENCES letters (number),
  PRIMARY KEY (person_id, sort_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX correspondences_with ON correspondences (letter);

-- The letters that a letter refers to (RFC 5322 3.6.4 References).
CREATE TABLE letter_references (
  -- the letter
  letter    INTEGER NOT NULL REFERENCES letters (number),
  -- 0 is the oldest
  position  INTEGER NOT NULL,
  -- a claim, as all of them; it need not be here
  letter_id TEXT    NOT NULL,
  PRIMARY KEY (letter, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX letter_references_to ON letter_references (letter_id);

-- Files in a letter.
CREATE TABLE enclosures (
  -- the letter
  letter     INTEGER NOT NULL REFERENCES letters (number),
  -- order, 0 first
  position   INTEGER NOT NULL,
  -- its bytes
  object_id  INTEGER NOT NULL REFERENCES objects (id),
  -- file name as it stands in the letter
  name       TEXT    NOT NULL,
  -- such as image/jpeg, as the letter says
  media_type TEXT    NOT NULL,
  -- of a picture in the text: its Content-ID (RFC 2392); NULL: an enclosure
  cid        TEXT,
  PRIMARY KEY (letter, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX enclosures_of ON enclosures (object_id);

-- Enclosures that travel in a mail of their own behind the text (Delta Chat), so that two mails are one letter.
CREATE TABLE pieces (
  -- the letter; where the text has not come, it is the enclosure alone
  letter       INTEGER NOT NULL REFERENCES letters (number),
  -- Message-ID of the mail with the enclosure, as the signed text announces it
  letter_id    TEXT    NOT NULL,
  -- of that mail's signed bytes; NULL: it has not come
  inner_sha256 BLOB    CHECK (length(inner_sha256) = 32),
  -- file name, as announced; may be empty
  name         TEXT    NOT NULL DEFAULT '',
  -- octets, as announced; NULL: nothing was said
  size         INTEGER,
  PRIMARY KEY (letter, letter_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pieces_by_id ON pieces (letter_id);
CREATE INDEX pieces_waiting ON pieces (letter) WHERE inner_sha256 IS NULL;

-- Unfinished writing. A posted draft stays, so that it can be taken back and its versions can be read.
CREATE TABLE drafts (
  -- its number, also as a letter
  number        INTEGER PRIMARY KEY REFERENCES numbers (number),
  -- page: being written; away: put away; posted: see letters
  state         TEXT    NOT NULL CHECK (state IN ('page', 'away', 'posted')),
  -- grows with every change; a save that started from another revision is refused
  revision      INTEGER NOT NULL,
  -- subject
  subject       TEXT    NOT NULL,
  -- the text as last saved (CommonMark), a zstd frame
  body          BLOB    NOT NULL,
  -- words of the text
  words         INTEGER NOT NULL,
  -- about how many words were put in or taken out since the last version
  changed_words INTEGER NOT NULL,
  -- letter_id of the letter that it will answer; NULL: none
  in_reply_to   TEXT,
  -- number of that letter, when it is here
  answers       INTEGER REFERENCES letters (number),
  -- day (YYYY-MM-DD) for which it was put away; NULL: none
  look_again    TEXT,
  -- where it is written; with the day it becomes the first line of the letter. Empty: no such line
  place         TEXT    NOT NULL DEFAULT '',
  -- where the writer stopped, in UTF-16 code units from the beginning
  caret         INTEGER NOT NULL DEFAULT 0,
  -- what the editor needs to undo after a reload: its own JSON as a zstd frame; NULL: nothing
  history       BLOB,
  -- when it was last changed
  changed       INTEGER NOT NULL
) STRICT;
CREATE INDEX drafts_open ON drafts (number) WHERE state IN ('page', 'away');
CREATE INDEX drafts_lately ON drafts (changed) WHERE state = 'page';
CREATE INDEX drafts_answering ON drafts (answers) WHERE answers IS NOT NULL;

-- To whom a draft is to go.
CREATE TABLE draft_recipients (
  -- the draft
  draft       INTEGER NOT NULL REFERENCES drafts (number),
  -- order, 0 first
  position    INTEGER NOT NULL,
  -- display name; may be empty
  name        TEXT    NOT NULL,
  -- local@domain
  address     TEXT    NOT NULL,
  -- what two spellings of it have in common
  address_key TEXT    NOT NULL,
  -- who that is in the address book; NULL: nobody known
  person_id   INTEGER REFERENCES persons (id),
  PRIMARY KEY (draft, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX draft_recipients_at ON draft_recipients (address_key);
CREATE INDEX draft_recipients_of ON draft_recipients (person_id) WHERE person_id IS NOT NULL;

-- What a draft will refer to (RFC 5322 3.6.4 References).
CREATE TABLE draft_references (
  -- the draft
  draft     INTEGER NOT NULL REFERENCES drafts (number),
  -- 0 is the oldest
  position  INTEGER NOT NULL,
  -- a claim, as all of them
  letter_id TEXT    NOT NULL,
  PRIMARY KEY (draft, position)
) STRICT, WITHOUT ROWID;

-- Files enclosed so far.
CREATE TABLE draft_enclosures (
  -- the draft
  draft      INTEGER NOT NULL REFERENCES drafts (number),
  -- order, 0 first
  position   INTEGER NOT NULL,
  -- its bytes
  object_id  INTEGER NOT NULL REFERENCES objects (id),
  -- file name
  name       TEXT    NOT NULL,
  -- such as image/jpeg
  media_type TEXT    NOT NULL,
  -- of a picture in the text: its Content-ID (RFC 2392); NULL: an enclosure
  cid        TEXT,
  PRIMARY KEY (draft, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX draft_enclosures_of ON draft_enclosures (object_id);

-- Earlier states of a draft, append-only, each packed against the one before.
CREATE TABLE versions (
  -- the draft (or the letter that it became)
  draft   INTEGER NOT NULL REFERENCES drafts (number),
  -- 1, 2, 3, ... for each draft
  version INTEGER NOT NULL,
  -- when it was cut
  at      INTEGER NOT NULL,
  -- what was the occasion
  why     TEXT    NOT NULL CHECK (why IN ('pause', 'put_away', 'read_over', 'leaving', 'restore', 'words', 'posted', 'beside')),
  -- words of the text
  words   INTEGER NOT NULL,
  -- subject then
  subject TEXT    NOT NULL,
  -- the version whose text is needed for reading this one; NULL: none
  base    INTEGER,
  -- the text, a zstd frame with the text of base as its dictionary
  body    BLOB    NOT NULL,
  PRIMARY KEY (draft, version),
  FOREIGN KEY (draft, base) REFERENCES versions (draft, version)
) STRICT;
CREATE INDEX versions_on ON versions (draft, base) WHERE base IS NOT NULL;

-- A letter as carriers get it: final bytes, one form for each way and account, the same at every attempt.
CREATE TABLE sealed_forms (
  -- for references inside this file only
  id           INTEGER PRIMARY KEY,
  -- the letter
  letter       INTEGER NOT NULL REFERENCES letters (number),
  -- by which way it goes
  way          TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  -- by which account
  place        TEXT    NOT NULL,
  -- 32 hex digits: the idempotency key of its handing over
  key          TEXT    NOT NULL UNIQUE,
  -- envelope sender (RFC 5321 MAIL FROM), local@domain
  sender       TEXT    NOT NULL,
  -- the whole message
  object_id    INTEGER NOT NULL REFERENCES objects (id),
  -- of the decoded sealed slice (of the message for a postcard): our own copy is known by it
  seal_sha256  BLOB    NOT NULL CHECK (length(seal_sha256) = 32),
  -- of the signed bytes inside; NULL: not known
  inner_sha256 BLOB    CHECK (length(inner_sha256) = 32),
  -- 1: sealed to ML-KEM keys only
  quantum_safe INTEGER NOT NULL CHECK (quantum_safe IN (0, 1)),
  -- when it was sealed
  made         INTEGER NOT NULL
) STRICT;
CREATE INDEX sealed_forms_of ON sealed_forms (letter);
CREATE INDEX sealed_forms_by_seal ON sealed_forms (seal_sha256);
CREATE INDEX sealed_forms_object ON sealed_forms (object_id);

-- The certificates that a form is sealed to, ours too. Looked at once more before the first attempt.
CREATE TABLE sealed_to (
  -- the form
  form        INTEGER NOT NULL REFERENCES sealed_forms (id),
  -- order, 0 first
  position    INTEGER NOT NULL,
  -- of the certificate's primary key, lower-case hex
  fingerprint TEXT    NOT NULL,
  PRIMARY KEY (form, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX sealed_to_certificate ON sealed_to (fingerprint);

-- The envelope that a form was sealed for (RFC 5321 RCPT TO).
CREATE TABLE form_recipients (
  -- the form
  form        INTEGER NOT NULL REFERENCES sealed_forms (id),
  -- order, 0 first
  position    INTEGER NOT NULL,
  -- local@domain
  address     TEXT    NOT NULL,
  PRIMARY KEY (form, position)
) STRICT, WITHOUT ROWID;

-- One letter to one recipient by one way (letter.journey).
CREATE TABLE journeys (
  -- for references inside this file only
  id          INTEGER PRIMARY KEY,
  -- the letter
  letter      INTEGER NOT NULL REFERENCES letters (number),
  -- the recipient, local@domain
  address     TEXT    NOT NULL,
  -- what two spellings of it have in common
  address_key TEXT    NOT NULL,
  -- who that is in the address book; NULL: nobody known
  person_id   INTEGER REFERENCES persons (id),
  -- by which way
  way         TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  -- by which account
  place       TEXT    NOT NULL,
  -- the sealed form; NULL: dated far ahead, or held, and not sealed yet
  form        INTEGER REFERENCES sealed_forms (id),
  -- where it is, as far as is proven
  state       TEXT    NOT NULL CHECK (state IN ('waiting', 'dated', 'held', 'trying', 'on_its_way', 'held_for_them', 'came_back', 'uncertain', 'given_up', 'taken_back')),
  -- in this state since
  since       INTEGER NOT NULL,
  -- earliest time of the next attempt
  not_before  INTEGER NOT NULL,
  -- why it is held (letter.journey.Why), or a carrier's words; may be empty
  reason      TEXT    NOT NULL,
  -- how many attempts were ever recorded
  attempts    INTEGER NOT NULL,
  UNIQUE (letter, address_key, way)
) STRICT;
CREATE INDEX journeys_leaving ON journeys (not_before) WHERE state IN ('waiting', 'trying', 'dated');
CREATE INDEX journeys_pending ON journeys (letter)
  WHERE state IN ('waiting', 'dated', 'held', 'trying', 'came_back', 'uncertain');
CREATE INDEX journeys_uncertain ON journeys (form) WHERE state = 'uncertain';
CREATE INDEX journeys_on_their_way ON journeys (way, place, form) WHERE state = 'on_its_way';
CREATE INDEX journeys_of_form ON journeys (form) WHERE form IS NOT NULL;
CREATE INDEX journeys_to ON journeys (person_id) WHERE person_id IS NOT NULL;

-- Handings over, each recorded before it is made. One that never ended has an unknown outcome.
CREATE TABLE attempts (
  -- for references inside this file only
  id    INTEGER PRIMARY KEY,
  -- what was handed over
  form  INTEGER NOT NULL REFERENCES sealed_forms (id),
  -- when it was recorded
  begun INTEGER NOT NULL,
  -- when the outcome was recorded; NULL: not yet
  ended INTEGER
) STRICT;
CREATE INDEX attempts_of ON attempts (form);
CREATE INDEX attempts_open ON attempts (id) WHERE ended IS NULL;

-- What an attempt brought for each recipient.
CREATE TABLE attempt_journeys (
  -- the attempt
  attempt INTEGER NOT NULL REFERENCES attempts (id),
  -- the journey
  journey INTEGER NOT NULL REFERENCES journeys (id),
  -- accepted, try_later, turned or unknown; NULL: not ended
  outcome TEXT    CHECK (outcome IN ('accepted', 'try_later', 'turned', 'unknown')),
  -- in the carrier's words; may be empty
  why     TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (attempt, journey)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_journeys_of ON attempt_journeys (journey);

-- Parcels, byte for byte as they were fetched, each content once, and what became of them.
CREATE TABLE arrivals (
  -- given when it was taken in; the letter in it has the same
  number       INTEGER PRIMARY KEY REFERENCES numbers (number),
  -- of the bytes as fetched
  raw_sha256   BLOB    NOT NULL UNIQUE CHECK (length(raw_sha256) = 32),
  -- the bytes as fetched
  object_id    INTEGER NOT NULL REFERENCES objects (id),
  -- new: not sorted; unopened, opened, unreadable: in the letterbox; own: our copy; report: of a carrier; same: see
  -- same_as; refused: turned away; imported: from an archive, never in the letterbox (letter NULL: it could not be
  -- opened or read, reason says why; with a letter reason says where its date is from, if not from itself)
  state        TEXT    NOT NULL CHECK (state IN ('new', 'unopened', 'opened', 'unreadable', 'own', 'report', 'same', 'refused', 'imported')),
  -- 1: a stranger's, waiting at the door
  at_door      INTEGER NOT NULL DEFAULT 0 CHECK (at_door IN (0, 1)),
  -- when it was taken in
  arrived      INTEGER NOT NULL,
  -- when its outside was read
  sorted       INTEGER,
  -- when it was first opened
  opened       INTEGER,
  -- by which way it came first
  way          TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  -- from which account or place it came first
  place        TEXT    NOT NULL,
  -- name of the sender, as the outside claims
  from_name    TEXT    NOT NULL DEFAULT '',
  -- address of the sender, as the outside claims; empty: unreadable
  from_address TEXT    NOT NULL DEFAULT '',
  -- what two spellings of that address have in common
  from_key     TEXT    NOT NULL DEFAULT '',
  -- whose address that is in the book; NULL: nobody's
  person_id    INTEGER REFERENCES persons (id),
  -- Message-ID, as the outside claims
  letter_id    TEXT,
  -- of the decoded sealed slice; of our own copy of a postcard: of the form that it is of; NULL: not sealed
  seal_sha256  BLOB    CHECK (length(seal_sha256) = 32),
  -- never_sealed before opening, or NULL; after opening what it came to (letter.sealing.Seal)
  seal         TEXT,
  -- why it could not be opened
  reason       TEXT    NOT NULL DEFAULT '',
  -- number of the letter that it held; of ours for own and report
  letter       INTEGER REFERENCES letters (number),
  -- the arrival that this is another copy of, by its sealed slice, id and sender; or the other half of (pieces)
  same_as      INTEGER REFERENCES arrivals (number)
) STRICT;
CREATE INDEX arrivals_new ON arrivals (number) WHERE state = 'new';
CREATE INDEX arrivals_in_letterbox ON arrivals (number) WHERE state IN ('unopened', 'opened', 'unreadable');
CREATE INDEX arrivals_unopened ON arrivals (at_door, number) WHERE state = 'unopened';
CREATE INDEX arrivals_unreadable ON arrivals (number) WHERE state = 'unreadable';
CREATE INDEX arrivals_refused ON arrivals (number) WHERE state = 'refused';
CREATE INDEX arrivals_left ON arrivals (number) WHERE state = 'imported' AND letter IS NULL;
CREATE INDEX arrivals_object ON arrivals (object_id);
CREATE INDEX arrivals_by_seal ON arrivals (seal_sha256) WHERE seal_sha256 IS NOT NULL;
CREATE INDEX arrivals_from ON arrivals (from_key);
CREATE INDEX arrivals_of_person ON arrivals (person_id) WHERE person_id IS NOT NULL;
CREATE INDEX arrivals_of_letter ON arrivals (letter) WHERE letter IS NOT NULL;
CREATE INDEX arrivals_same ON arrivals (same_as) WHERE same_as IS NOT NULL;

-- Every place where an arrival lay.
CREATE TABLE postmarks (
  -- for references inside this file only
  id           INTEGER PRIMARY KEY,
  -- the arrival
  arrival      INTEGER NOT NULL REFERENCES arrivals (number),
  -- by which way
  way          TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  -- account or place
  place        TEXT    NOT NULL,
  -- as the carrier numbers (RFC 9051 UIDVALIDITY); may be empty
  validity     TEXT    NOT NULL,
  -- as the carrier numbers (RFC 9051 UID; JMAP Email id)
  uid          TEXT    NOT NULL,
  -- when it was fetched from there
  at           INTEGER NOT NULL,
  -- 1: the carrier was told that it is safe here
  acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged IN (0, 1)),
  UNIQUE (arrival, way, place, validity, uid)
) STRICT;
CREATE INDEX postmarks_to_acknowledge ON postmarks (way, place, uid) WHERE acknowledged = 0;

-- Where to go on collecting. Stored in the transaction that takes the parcels in.
CREATE TABLE cursors (
  -- by which way
  way    TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  -- account or place
  place  TEXT    NOT NULL,
  -- opaque; only the carrier that made it reads it
  cursor TEXT    NOT NULL,
  -- when
  saved  INTEGER NOT NULL,
  PRIMARY KEY (way, place)
) STRICT, WITHOUT ROWID;

-- What was answered at the door, and who is in the book and a stranger there all the same.
CREATE TABLE strangers (
  -- the stranger's address
  address_key  TEXT    NOT NULL PRIMARY KEY,
  -- let_in, or refused: nobody is told; NULL: nothing was answered, or the answer was taken back
  answer       TEXT    CHECK (answer IN ('let_in', 'refused')),
  -- 1: came into the book by letters of an archive, and counts as a stranger at the door until they are let in, or
  -- something goes from us to that address
  from_archive INTEGER NOT NULL DEFAULT 0 CHECK (from_archive IN (0, 1)),
  -- when
  at           INTEGER NOT NULL,
  CHECK (answer IS NOT NULL OR from_archive = 1)
) STRICT, WITHOUT ROWID;

-- Strangers at the door whose letters lie unfetched at a carrier: what their headers claim.
CREATE TABLE knocks (
  -- given when the header was kept; the letter has the same when it is fetched
  number       INTEGER PRIMARY KEY REFERENCES numbers (number),
  -- by which way it would come
  way          TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  -- at which account it lies
  place        TEXT    NOT NULL,
  -- as the carrier numbers (RFC 9051 UIDVALIDITY); may be empty
  validity     TEXT    NOT NULL,
  -- as the carrier numbers (RFC 9051 UID; JMAP Email id)
  uid          TEXT    NOT NULL,
  -- octets of the whole message, as the carrier states
  size         INTEGER NOT NULL,
  -- waiting: not answered; let_in: to be fetched; refused: turned away; gone: let in, but not there any more; fetched:
  -- among the arrivals
  state        TEXT    NOT NULL CHECK (state IN ('waiting', 'let_in', 'refused', 'gone', 'fetched')),
  -- when it came into this state
  since        INTEGER NOT NULL,
  -- when its header was kept
  at           INTEGER NOT NULL,
  -- name of the sender, as the header claims
  from_name    TEXT    NOT NULL,
  -- address of the sender, as the header claims
  from_address TEXT    NOT NULL,
  -- what two spellings of that address have in common
  from_key     TEXT    NOT NULL,
  -- Subject, as the header claims
  subject      TEXT    NOT NULL,
  -- Message-ID, as the header claims; NULL: none
  letter_id    TEXT,
  -- Date, as the header claims; NULL: none that can be read
  date         INTEGER,
  UNIQUE (way, place, validity, uid)
) STRICT;
CREATE INDEX knocks_standing ON knocks (state, number);
CREATE INDEX knocks_from ON knocks (from_key);

-- Archives that were, or are being, imported: where to go on when it is done again.
CREATE TABLE imports (
  -- for references inside this file only
  id           INTEGER PRIMARY KEY,
  -- what names the archive: SHA-256 over its format and where it is
  source       BLOB    NOT NULL UNIQUE CHECK (length(source) = 32),
  -- what the person calls it: name of the file or folder
  place        TEXT    NOT NULL,
  -- maildir, mbox, eml, text, ...
  format       TEXT    NOT NULL,
  -- a digest of what the person decided about it: with other choices it is begun anew
  choices      TEXT    NOT NULL,
  -- where to go on; only the reader of this format reads it. Empty: at the beginning
  cursor       TEXT    NOT NULL,
  -- when it was first begun
  begun        INTEGER NOT NULL,
  -- when it came to its end; NULL: not yet
  ended        INTEGER,
  -- how many items were looked at
  found        INTEGER NOT NULL DEFAULT 0,
  -- how many of them became letters
  taken        INTEGER NOT NULL DEFAULT 0,
  -- how many were here already
  already_here INTEGER NOT NULL DEFAULT 0,
  -- how many are no letters
  not_letters  INTEGER NOT NULL DEFAULT 0,
  -- how many were kept raw, because they could not be read or opened
  failed       INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Files of an archive with one letter in each, and what became of it: unchanged, they are not opened again.
CREATE TABLE import_files (
  -- for references inside this file only
  id       INTEGER PRIMARY KEY,
  -- the archive
  import   INTEGER NOT NULL REFERENCES imports (id),
  -- digest of its path inside, number on the disk, size and times of change: another one when the file has changed
  mark     BLOB    NOT NULL CHECK (length(mark) = 16),
  -- its octets, where they are here; erased with them, so that the file is looked at again
  arrival  INTEGER REFERENCES arrivals (number) ON DELETE CASCADE,
  -- else why it was left out: newsletter, draft, ...
  left_out TEXT,
  -- which version of Dearly judged so; another one judges anew
  version  TEXT,
  CHECK ((arrival IS NULL) = (left_out IS NOT NULL)),
  CHECK ((version IS NULL) = (left_out IS NULL))
) STRICT;
CREATE INDEX import_files_of ON import_files (import);
CREATE INDEX import_files_arrival ON import_files (arrival) WHERE arrival IS NOT NULL;

-- Entries of the address book that look alike, and of which the person said that they are not the same.
CREATE TABLE kept_apart (
  -- the one with the smaller id
  one   INTEGER NOT NULL REFERENCES persons (id),
  -- the other
  other INTEGER NOT NULL REFERENCES persons (id),
  -- when they said so
  at    INTEGER NOT NULL,
  PRIMARY KEY (one, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_apart_other ON kept_apart (other);

-- The words of each letter, for searching; rowid is letters.sort_key. What stands in it is made by the indexer
-- (letter.search.Entry): folded words with blanks between them. It holds no text, and can be made anew at any time.
CREATE VIRTUAL TABLE search USING fts5(
  -- of the subject
  subject,
  -- names and addresses of writer and readers
  people,
  -- of the text, in order
  body,
  -- of the names of enclosures
  files,
  -- stems of words of the text, where they differ from the words; in no order
  stems,
  -- marks for narrowing a search: who, to whom, which year, what it has
  facets,
  content = '',
  contentless_delete = 1,
  tokenize = 'ascii'
);
-- The dictionary of that index, for likely spellings.
CREATE VIRTUAL TABLE search_words USING fts5vocab(search, row);
