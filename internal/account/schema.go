package account

import "github.com/blitz-r1/blitz/internal/database"

// Tables is how the tables of this package come to be; whoever opens the file for it
// names them.
var Tables = database.Migration{Owner: "account", Steps: []string{`
CREATE TABLE keys (
	id             TEXT PRIMARY KEY,
	name           TEXT NOT NULL,
	hash           BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
	hint           TEXT NOT NULL,             -- its first characters
	scopes         TEXT NOT NULL,             -- with commas between
	rpm            INTEGER NOT NULL,          -- 0 in any limit: none
	tpm            INTEGER NOT NULL,
	concurrent     INTEGER NOT NULL,
	monthly_tokens INTEGER NOT NULL,
	models         TEXT NOT NULL,             -- patterns with commas between; '': all
	created_at     INTEGER NOT NULL,          -- seconds of Unix time
	expires_at     INTEGER,
	revoked_at     INTEGER
) STRICT;
CREATE UNIQUE INDEX key_names ON keys (name) WHERE revoked_at IS NULL;

CREATE TABLE key_changes (count INTEGER NOT NULL) STRICT;
INSERT INTO key_changes VALUES (0);

CREATE TABLE usage (
	key       TEXT NOT NULL,                  -- '': the owner, without one
	day       TEXT NOT NULL,                  -- 2026-11-29, UTC
	model     TEXT NOT NULL,
	requests  INTEGER NOT NULL,
	failed    INTEGER NOT NULL,
	prompt    INTEGER NOT NULL,               -- tokens
	cached    INTEGER NOT NULL,               -- of the prompt
	answer    INTEGER NOT NULL,               -- reasoning included
	reasoning INTEGER NOT NULL,
	micros    INTEGER NOT NULL,
	PRIMARY KEY (key, day, model)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	at      INTEGER NOT NULL,
	actor   TEXT NOT NULL,
	action  TEXT NOT NULL,
	subject TEXT NOT NULL,
	detail  TEXT NOT NULL                     -- JSON
) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
`, `
CREATE TABLE sessions (
	hash       BLOB PRIMARY KEY CHECK (length(hash) = 32), -- of the cookie's text
	key        TEXT NOT NULL,                 -- its id
	created_at INTEGER NOT NULL,
	used_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_of_keys ON sessions (key, used_at);

CREATE TABLE session_secret (secret BLOB NOT NULL CHECK (length(secret) = 32)) STRICT;
INSERT INTO session_secret VALUES (randomblob(32));
`}}
