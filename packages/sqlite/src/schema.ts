/** The database's schema, as the steps that lead to it; `user_version` counts those that are done. Steps are only ever added. */
export const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE blobs (id INTEGER PRIMARY KEY AUTOINCREMENT, uses INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE chunks (
    blob INTEGER NOT NULL REFERENCES blobs(id) ON DELETE CASCADE, number INTEGER NOT NULL, bytes BLOB NOT NULL,
    PRIMARY KEY (blob, number)
  );
  -- A small object's bytes stand inline; a large one's are chunks, which copies share.
  CREATE TABLE objects (
    key TEXT PRIMARY KEY COLLATE BINARY, etag TEXT NOT NULL, size INTEGER NOT NULL, content_type TEXT, modified INTEGER NOT NULL,
    inline BLOB, blob INTEGER REFERENCES blobs(id)
  );
  CREATE INDEX objects_blob ON objects (blob);
  CREATE TABLE changes (
    position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, body TEXT,
    receives INTEGER NOT NULL DEFAULT 0, acknowledged INTEGER
  );
  CREATE INDEX changes_waiting ON changes (name, position) WHERE acknowledged IS NULL;
  CREATE INDEX changes_acknowledged ON changes (acknowledged) WHERE acknowledged IS NOT NULL;
  CREATE TABLE dead_letters (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, body TEXT NOT NULL, reason TEXT NOT NULL, receives INTEGER NOT NULL, at INTEGER NOT NULL
  );
  CREATE TABLE outcomes (id TEXT PRIMARY KEY, name TEXT NOT NULL, body TEXT, at INTEGER NOT NULL);
  CREATE INDEX outcomes_at ON outcomes (at);
  CREATE TABLE events (position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, body TEXT NOT NULL);
  CREATE TABLE tokens (
    hash TEXT PRIMARY KEY, user TEXT NOT NULL, readonly INTEGER NOT NULL, label TEXT NOT NULL, created TEXT NOT NULL
  );
  CREATE INDEX tokens_user ON tokens (user);
  CREATE TABLE users (name TEXT PRIMARY KEY, email TEXT NOT NULL, salt BLOB NOT NULL, hash BLOB NOT NULL, created INTEGER NOT NULL)
  `,
  // `limits`: the limits of a token as JSON, all but `readonly`.
  "ALTER TABLE tokens ADD COLUMN expires TEXT; ALTER TABLE tokens ADD COLUMN limits TEXT",
  // `file`: where a large object's bytes are. What `blobs` and `chunks` hold is moved there (chunks.ts); both are empty from then on.
  `
  ALTER TABLE objects ADD COLUMN file TEXT;
  CREATE INDEX objects_file ON objects (file) WHERE file IS NOT NULL;
  CREATE TABLE probes (bytes BLOB NOT NULL)
  `,
  // Every name that ever held a token: nobody else can register it. Rows are never deleted.
  `CREATE TABLE token_holders (name TEXT PRIMARY KEY) WITHOUT ROWID;
  INSERT INTO token_holders SELECT DISTINCT user FROM tokens`,
  "ALTER TABLE tokens ADD COLUMN last_used TEXT",
  "ALTER TABLE users ADD COLUMN fullname TEXT",
];
