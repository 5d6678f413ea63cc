-- The drawer, schema version 1. Every table and column is explained in docs/schema.sql.

CREATE TABLE settings (
  name  TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;

CREATE TABLE chain (
  id      INTEGER PRIMARY KEY,
  kind    TEXT    NOT NULL CHECK (kind IN ('posted', 'arrived', 'filed', 'erased')),
  subject BLOB    NOT NULL CHECK (length(subject) = 32),
  at      INTEGER NOT NULL,
  digest  BLOB    NOT NULL CHECK (length(digest) = 32)
) STRICT;
CREATE INDEX chain_of ON chain (subject);

CREATE TABLE numbers (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  uid    BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
  origin TEXT    NOT NULL CHECK (origin IN ('draft', 'arrival', 'import')),
  made   INTEGER NOT NULL
) STRICT;

CREATE TABLE objects (
  id      INTEGER PRIMARY KEY,
  sha256  BLOB    NOT NULL UNIQUE CHECK (length(sha256) = 32),
  size    INTEGER NOT NULL,
  packing TEXT    NOT NULL CHECK (packing IN ('plain', 'zstd', 'within')),
  body    BLOB    NOT NULL,
  within  INTEGER REFERENCES objects (id),
  CHECK ((packing = 'within') = (within IS NOT NULL))
) STRICT;
CREATE INDEX objects_within ON objects (within) WHERE within IS NOT NULL;

-- People ------------------------------------------------------------------------------------------------------------

CREATE TABLE persons (
  id          INTEGER PRIMARY KEY,
  uid         BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
  kind        TEXT    NOT NULL CHECK (kind IN ('person', 'household', 'circle')),
  name        TEXT    NOT NULL,
  name_key    TEXT    NOT NULL,
  birthday    TEXT,
  note        TEXT    NOT NULL DEFAULT '',
  hidden      INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),
  merged_into INTEGER REFERENCES persons (id),
  made        INTEGER NOT NULL,
  changed     INTEGER NOT NULL
) STRICT;
CREATE INDEX persons_by_name ON persons (name_key);
CREATE INDEX persons_merged ON persons (merged_into) WHERE merged_into IS NOT NULL;

CREATE TABLE memberships (
  group_id  INTEGER NOT NULL REFERENCES persons (id),
  member_id INTEGER NOT NULL REFERENCES persons (id),
  since     INTEGER NOT NULL,
  until     INTEGER,
  PRIMARY KEY (group_id, member_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX memberships_of ON memberships (member_id);

CREATE TABLE addresses (
  id          INTEGER PRIMARY KEY,
  uid         BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
  kind        TEXT    NOT NULL CHECK (kind IN ('email', 'office', 'postal')),
  text        TEXT    NOT NULL,
  address_key TEXT    NOT NULL,
  office_url  TEXT,
  country     TEXT,
  made        INTEGER NOT NULL,
  UNIQUE (address_key, kind)
) STRICT;

CREATE TABLE person_addresses (
  id         INTEGER PRIMARY KEY,
  person_id  INTEGER NOT NULL REFERENCES persons (id),
  address_id INTEGER NOT NULL REFERENCES addresses (id),
  position   INTEGER NOT NULL,
  label      TEXT    NOT NULL DEFAULT '',
  care_of    TEXT    NOT NULL DEFAULT '',
  since      INTEGER,
  until      INTEGER,
  hold_until INTEGER
) STRICT;
CREATE INDEX person_addresses_of ON person_addresses (person_id, position);
CREATE INDEX person_addresses_at ON person_addresses (address_id);

-- Keys --------------------------------------------------------------------------------------------------------------

CREATE TABLE own_keys (
  fingerprint TEXT    NOT NULL PRIMARY KEY,
  secret      BLOB    NOT NULL,
  certificate BLOB    NOT NULL,
  made        INTEGER NOT NULL,
  changed     INTEGER NOT NULL,
  retired     INTEGER
) STRICT;

CREATE TABLE certificates (
  fingerprint  TEXT    NOT NULL PRIMARY KEY,
  body         BLOB    NOT NULL,
  source       TEXT    NOT NULL,
  created      INTEGER NOT NULL,
  expires      INTEGER,
  revoked      INTEGER NOT NULL CHECK (revoked IN (0, 1)),
  quantum_safe INTEGER NOT NULL CHECK (quantum_safe IN (0, 1)),
  first_seen   INTEGER NOT NULL,
  changed      INTEGER NOT NULL
) STRICT;

CREATE TABLE certificate_keys (
  key_id      TEXT NOT NULL,
  fingerprint TEXT NOT NULL REFERENCES certificates (fingerprint),
  PRIMARY KEY (key_id, fingerprint)
) STRICT, WITHOUT ROWID;
CREATE INDEX certificate_keys_of ON certificate_keys (fingerprint);

CREATE TABLE bindings (
  id          INTEGER PRIMARY KEY,
  person_id   INTEGER NOT NULL REFERENCES persons (id),
  address_key TEXT    NOT NULL,
  fingerprint TEXT    NOT NULL REFERENCES certificates (fingerprint),
  state       TEXT    NOT NULL CHECK (state IN ('first_seen', 'pinned', 'verified', 'changed', 'left')),
  source      TEXT    NOT NULL,
  seen        INTEGER NOT NULL,
  since       INTEGER NOT NULL,
  place       TEXT    NOT NULL DEFAULT '',
  UNIQUE (person_id, address_key, fingerprint)
) STRICT;
CREATE UNIQUE INDEX bindings_current ON bindings (person_id, address_key)
  WHERE state IN ('first_seen', 'pinned', 'verified');
CREATE INDEX bindings_of_certificate ON bindings (fingerprint);

CREATE TABLE offered_keys (
  letter      INTEGER NOT NULL REFERENCES letters (number),
  position    INTEGER NOT NULL,
  address     TEXT    NOT NULL,
  address_key TEXT    NOT NULL,
  fingerprint TEXT    NOT NULL REFERENCES certificates (fingerprint),
  source      TEXT    NOT NULL CHECK (source IN ('gossip', 'autocrypt')),
  PRIMARY KEY (letter, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX offered_keys_of ON offered_keys (fingerprint);

-- Our own addresses and accounts ------------------------------------------------------------------------------------

CREATE TABLE own_addresses (
  id          INTEGER PRIMARY KEY,
  uid         BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
  text        TEXT    NOT NULL,
  address_key TEXT    NOT NULL UNIQUE,
  since       INTEGER NOT NULL,
  until       INTEGER
) STRICT;

CREATE TABLE accounts (
  id          INTEGER PRIMARY KEY,
  uid         BLOB    NOT NULL UNIQUE CHECK (length(uid) = 16),
  way         TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  place       TEXT    NOT NULL,
  own_address INTEGER NOT NULL REFERENCES own_addresses (id),
  details     TEXT    NOT NULL,
  secret      TEXT    NOT NULL,
  made        INTEGER NOT NULL,
  ended       INTEGER
) STRICT;
CREATE UNIQUE INDEX accounts_in_use ON accounts (way, place) WHERE ended IS NULL;
CREATE INDEX accounts_at ON accounts (own_address);

-- Letters -----------------------------------------------------------------------------------------------------------

CREATE TABLE letters (
  number          INTEGER PRIMARY KEY REFERENCES numbers (number),
  direction       TEXT    NOT NULL CHECK (direction IN ('out', 'in')),
  letter_id       TEXT    NOT NULL,
  inner_sha256    BLOB    CHECK (length(inner_sha256) = 32),
  content_sha256  BLOB    NOT NULL CHECK (length(content_sha256) = 32),
  twin            INTEGER NOT NULL DEFAULT 0 CHECK (twin IN (0, 1)),
  letter_no       INTEGER,
  date            INTEGER NOT NULL,
  date_offset     INTEGER NOT NULL,
  sort_key        INTEGER NOT NULL UNIQUE,
  filed           INTEGER NOT NULL,
  subject         TEXT    NOT NULL,
  body            BLOB    NOT NULL,
  commonmark      INTEGER NOT NULL DEFAULT 1 CHECK (commonmark IN (0, 1)),
  html            INTEGER REFERENCES objects (id),
  in_reply_to     TEXT,
  postcard        INTEGER NOT NULL DEFAULT 0 CHECK (postcard IN (0, 1)),
  reply           TEXT    CHECK (reply IN ('later', 'not_needed', 'rest')),
  reply_on        TEXT,
  seal            TEXT,
  signature       TEXT    CHECK (signature IN ('holds', 'bad', 'unknown', 'in_part')),
  quantum_safe    INTEGER CHECK (quantum_safe IN (0, 1)),
  signer          TEXT,
  signed_at       INTEGER,
  indexer_version INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX letters_by_id ON letters (letter_id);
CREATE INDEX letters_answering ON letters (in_reply_to) WHERE in_reply_to IS NOT NULL;
CREATE INDEX letters_html ON letters (html) WHERE html IS NOT NULL;
CREATE INDEX letters_for_later ON letters (sort_key) WHERE reply = 'later';
CREATE INDEX letters_to_index ON letters (indexer_version, sort_key);

CREATE TABLE parties (
  letter      INTEGER NOT NULL REFERENCES letters (number),
  role        TEXT    NOT NULL CHECK (role IN ('from', 'to', 'cc')),
  position    INTEGER NOT NULL,
  name        TEXT    NOT NULL,
  address     TEXT    NOT NULL,
  address_key TEXT    NOT NULL,
  person_id   INTEGER REFERENCES persons (id),
  PRIMARY KEY (letter, role, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX parties_at ON parties (address_key);
CREATE INDEX parties_of ON parties (person_id) WHERE person_id IS NOT NULL;

CREATE TABLE correspondences (
  person_id INTEGER NOT NULL REFERENCES persons (id),
  sort_key  INTEGER NOT NULL,
  letter    INTEGER NOT NULL REFERENCES letters (number),
  PRIMARY KEY (person_id, sort_key)
) STRICT, WITHOUT ROWID;
CREATE INDEX correspondences_with ON correspondences (letter);

CREATE TABLE letter_references (
  letter    INTEGER NOT NULL REFERENCES letters (number),
  position  INTEGER NOT NULL,
  letter_id TEXT    NOT NULL,
  PRIMARY KEY (letter, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX letter_references_to ON letter_references (letter_id);

CREATE TABLE enclosures (
  letter     INTEGER NOT NULL REFERENCES letters (number),
  position   INTEGER NOT NULL,
  object_id  INTEGER NOT NULL REFERENCES objects (id),
  name       TEXT    NOT NULL,
  media_type TEXT    NOT NULL,
  cid        TEXT,
  PRIMARY KEY (letter, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX enclosures_of ON enclosures (object_id);

CREATE TABLE pieces (
  letter       INTEGER NOT NULL REFERENCES letters (number),
  letter_id    TEXT    NOT NULL,
  inner_sha256 BLOB    CHECK (length(inner_sha256) = 32),
  name         TEXT    NOT NULL DEFAULT '',
  size         INTEGER,
  PRIMARY KEY (letter, letter_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX pieces_by_id ON pieces (letter_id);
CREATE INDEX pieces_waiting ON pieces (letter) WHERE inner_sha256 IS NULL;

-- Drafts ------------------------------------------------------------------------------------------------------------

CREATE TABLE drafts (
  number        INTEGER PRIMARY KEY REFERENCES numbers (number),
  state         TEXT    NOT NULL CHECK (state IN ('page', 'away', 'posted')),
  revision      INTEGER NOT NULL,
  subject       TEXT    NOT NULL,
  body          BLOB    NOT NULL,
  words         INTEGER NOT NULL,
  changed_words INTEGER NOT NULL,
  in_reply_to   TEXT,
  answers       INTEGER REFERENCES letters (number),
  look_again    TEXT,
  place         TEXT    NOT NULL DEFAULT '',
  caret         INTEGER NOT NULL DEFAULT 0,
  history       BLOB,
  changed       INTEGER NOT NULL
) STRICT;
CREATE INDEX drafts_open ON drafts (number) WHERE state IN ('page', 'away');
CREATE INDEX drafts_lately ON drafts (changed) WHERE state = 'page';
CREATE INDEX drafts_answering ON drafts (answers) WHERE answers IS NOT NULL;

CREATE TABLE draft_recipients (
  draft       INTEGER NOT NULL REFERENCES drafts (number),
  position    INTEGER NOT NULL,
  name        TEXT    NOT NULL,
  address     TEXT    NOT NULL,
  address_key TEXT    NOT NULL,
  person_id   INTEGER REFERENCES persons (id),
  PRIMARY KEY (draft, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX draft_recipients_at ON draft_recipients (address_key);
CREATE INDEX draft_recipients_of ON draft_recipients (person_id) WHERE person_id IS NOT NULL;

CREATE TABLE draft_references (
  draft     INTEGER NOT NULL REFERENCES drafts (number),
  position  INTEGER NOT NULL,
  letter_id TEXT    NOT NULL,
  PRIMARY KEY (draft, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE draft_enclosures (
  draft      INTEGER NOT NULL REFERENCES drafts (number),
  position   INTEGER NOT NULL,
  object_id  INTEGER NOT NULL REFERENCES objects (id),
  name       TEXT    NOT NULL,
  media_type TEXT    NOT NULL,
  cid        TEXT,
  PRIMARY KEY (draft, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX draft_enclosures_of ON draft_enclosures (object_id);

CREATE TABLE versions (
  draft   INTEGER NOT NULL REFERENCES drafts (number),
  version INTEGER NOT NULL,
  at      INTEGER NOT NULL,
  why     TEXT    NOT NULL CHECK (why IN ('pause', 'put_away', 'read_over', 'leaving', 'restore', 'words', 'posted', 'beside')),
  words   INTEGER NOT NULL,
  subject TEXT    NOT NULL,
  base    INTEGER,
  body    BLOB    NOT NULL,
  PRIMARY KEY (draft, version),
  FOREIGN KEY (draft, base) REFERENCES versions (draft, version)
) STRICT;
CREATE INDEX versions_on ON versions (draft, base) WHERE base IS NOT NULL;

-- The outbox --------------------------------------------------------------------------------------------------------

CREATE TABLE sealed_forms (
  id           INTEGER PRIMARY KEY,
  letter       INTEGER NOT NULL REFERENCES letters (number),
  way          TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  place        TEXT    NOT NULL,
  key          TEXT    NOT NULL UNIQUE,
  sender       TEXT    NOT NULL,
  object_id    INTEGER NOT NULL REFERENCES objects (id),
  seal_sha256  BLOB    NOT NULL CHECK (length(seal_sha256) = 32),
  inner_sha256 BLOB    CHECK (length(inner_sha256) = 32),
  quantum_safe INTEGER NOT NULL CHECK (quantum_safe IN (0, 1)),
  made         INTEGER NOT NULL
) STRICT;
CREATE INDEX sealed_forms_of ON sealed_forms (letter);
CREATE INDEX sealed_forms_by_seal ON sealed_forms (seal_sha256);
CREATE INDEX sealed_forms_object ON sealed_forms (object_id);

CREATE TABLE sealed_to (
  form        INTEGER NOT NULL REFERENCES sealed_forms (id),
  position    INTEGER NOT NULL,
  fingerprint TEXT    NOT NULL,
  PRIMARY KEY (form, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX sealed_to_certificate ON sealed_to (fingerprint);

CREATE TABLE form_recipients (
  form        INTEGER NOT NULL REFERENCES sealed_forms (id),
  position    INTEGER NOT NULL,
  address     TEXT    NOT NULL,
  PRIMARY KEY (form, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE journeys (
  id          INTEGER PRIMARY KEY,
  letter      INTEGER NOT NULL REFERENCES letters (number),
  address     TEXT    NOT NULL,
  address_key TEXT    NOT NULL,
  person_id   INTEGER REFERENCES persons (id),
  way         TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  place       TEXT    NOT NULL,
  form        INTEGER REFERENCES sealed_forms (id),
  state       TEXT    NOT NULL CHECK (state IN ('waiting', 'dated', 'held', 'trying', 'on_its_way', 'held_for_them',
                                                'came_back', 'uncertain', 'given_up', 'taken_back')),
  since       INTEGER NOT NULL,
  not_before  INTEGER NOT NULL,
  reason      TEXT    NOT NULL,
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

CREATE TABLE attempts (
  id    INTEGER PRIMARY KEY,
  form  INTEGER NOT NULL REFERENCES sealed_forms (id),
  begun INTEGER NOT NULL,
  ended INTEGER
) STRICT;
CREATE INDEX attempts_of ON attempts (form);
CREATE INDEX attempts_open ON attempts (id) WHERE ended IS NULL;

CREATE TABLE attempt_journeys (
  attempt INTEGER NOT NULL REFERENCES attempts (id),
  journey INTEGER NOT NULL REFERENCES journeys (id),
  outcome TEXT    CHECK (outcome IN ('accepted', 'try_later', 'turned', 'unknown')),
  why     TEXT    NOT NULL DEFAULT '',
  PRIMARY KEY (attempt, journey)
) STRICT, WITHOUT ROWID;
CREATE INDEX attempt_journeys_of ON attempt_journeys (journey);

-- Arrivals ----------------------------------------------------------------------------------------------------------

CREATE TABLE arrivals (
  number       INTEGER PRIMARY KEY REFERENCES numbers (number),
  raw_sha256   BLOB    NOT NULL UNIQUE CHECK (length(raw_sha256) = 32),
  object_id    INTEGER NOT NULL REFERENCES objects (id),
  state        TEXT    NOT NULL CHECK (state IN ('new', 'unopened', 'opened', 'unreadable', 'own', 'report', 'same',
                                                 'refused', 'imported')),
  at_door      INTEGER NOT NULL DEFAULT 0 CHECK (at_door IN (0, 1)),
  arrived      INTEGER NOT NULL,
  sorted       INTEGER,
  opened       INTEGER,
  way          TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  place        TEXT    NOT NULL,
  from_name    TEXT    NOT NULL DEFAULT '',
  from_address TEXT    NOT NULL DEFAULT '',
  from_key     TEXT    NOT NULL DEFAULT '',
  person_id    INTEGER REFERENCES persons (id),
  letter_id    TEXT,
  seal_sha256  BLOB    CHECK (length(seal_sha256) = 32),
  seal         TEXT,
  reason       TEXT    NOT NULL DEFAULT '',
  letter       INTEGER REFERENCES letters (number),
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

CREATE TABLE postmarks (
  id           INTEGER PRIMARY KEY,
  arrival      INTEGER NOT NULL REFERENCES arrivals (number),
  way          TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  place        TEXT    NOT NULL,
  validity     TEXT    NOT NULL,
  uid          TEXT    NOT NULL,
  at           INTEGER NOT NULL,
  acknowledged INTEGER NOT NULL DEFAULT 0 CHECK (acknowledged IN (0, 1)),
  UNIQUE (arrival, way, place, validity, uid)
) STRICT;
CREATE INDEX postmarks_to_acknowledge ON postmarks (way, place, uid) WHERE acknowledged = 0;

CREATE TABLE cursors (
  way    TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  place  TEXT    NOT NULL,
  cursor TEXT    NOT NULL,
  saved  INTEGER NOT NULL,
  PRIMARY KEY (way, place)
) STRICT, WITHOUT ROWID;

CREATE TABLE strangers (
  address_key  TEXT    NOT NULL PRIMARY KEY,
  answer       TEXT    CHECK (answer IN ('let_in', 'refused')),
  from_archive INTEGER NOT NULL DEFAULT 0 CHECK (from_archive IN (0, 1)),
  at           INTEGER NOT NULL,
  CHECK (answer IS NOT NULL OR from_archive = 1)
) STRICT, WITHOUT ROWID;

CREATE TABLE knocks (
  number       INTEGER PRIMARY KEY REFERENCES numbers (number),
  way          TEXT    NOT NULL CHECK (way IN ('mail', 'office', 'hand', 'folder', 'paper')),
  place        TEXT    NOT NULL,
  validity     TEXT    NOT NULL,
  uid          TEXT    NOT NULL,
  size         INTEGER NOT NULL,
  state        TEXT    NOT NULL CHECK (state IN ('waiting', 'let_in', 'refused', 'gone', 'fetched')),
  since        INTEGER NOT NULL,
  at           INTEGER NOT NULL,
  from_name    TEXT    NOT NULL,
  from_address TEXT    NOT NULL,
  from_key     TEXT    NOT NULL,
  subject      TEXT    NOT NULL,
  letter_id    TEXT,
  date         INTEGER,
  UNIQUE (way, place, validity, uid)
) STRICT;
CREATE INDEX knocks_standing ON knocks (state, number);
CREATE INDEX knocks_from ON knocks (from_key);

CREATE TABLE imports (
  id           INTEGER PRIMARY KEY,
  source       BLOB    NOT NULL UNIQUE CHECK (length(source) = 32),
  place        TEXT    NOT NULL,
  format       TEXT    NOT NULL,
  choices      TEXT    NOT NULL,
  cursor       TEXT    NOT NULL,
  begun        INTEGER NOT NULL,
  ended        INTEGER,
  found        INTEGER NOT NULL DEFAULT 0,
  taken        INTEGER NOT NULL DEFAULT 0,
  already_here INTEGER NOT NULL DEFAULT 0,
  not_letters  INTEGER NOT NULL DEFAULT 0,
  failed       INTEGER NOT NULL DEFAULT 0
) STRICT;

-- Files that an archive had, each with one letter in it: `mark` is another one as soon as the file has changed.
CREATE TABLE import_files (
  id       INTEGER PRIMARY KEY,
  import   INTEGER NOT NULL REFERENCES imports (id),
  mark     BLOB    NOT NULL CHECK (length(mark) = 16),
  arrival  INTEGER REFERENCES arrivals (number) ON DELETE CASCADE,
  left_out TEXT,
  version  TEXT,
  CHECK ((arrival IS NULL) = (left_out IS NOT NULL)),
  CHECK ((version IS NULL) = (left_out IS NULL))
) STRICT;
CREATE INDEX import_files_of ON import_files (import);
CREATE INDEX import_files_arrival ON import_files (arrival) WHERE arrival IS NOT NULL;

CREATE TABLE kept_apart (
  one   INTEGER NOT NULL REFERENCES persons (id),
  other INTEGER NOT NULL REFERENCES persons (id),
  at    INTEGER NOT NULL,
  PRIMARY KEY (one, other)
) STRICT, WITHOUT ROWID;
CREATE INDEX kept_apart_other ON kept_apart (other);

CREATE VIRTUAL TABLE search USING fts5(
  subject,
  people,
  body,
  files,
  stems,
  facets,
  content = '',
  contentless_delete = 1,
  tokenize = 'ascii'
);
CREATE VIRTUAL TABLE search_words USING fts5vocab(search, row);
