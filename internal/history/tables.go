package history

import "github.com/blitz-r1/blitz/internal/database"

// Tables is how the tables of this package come to be; whoever opens the file for it
// names them. Times are milliseconds of Unix time. gone is when something was put into
// the trash, 0 for never.
var Tables = database.Migration{Owner: "history", Steps: []string{`
CREATE TABLE chat_tenants (
	n        INTEGER PRIMARY KEY,
	name     TEXT NOT NULL UNIQUE,
	revision INTEGER NOT NULL       -- counts the changes
) STRICT;

CREATE TABLE chats (
	n          INTEGER PRIMARY KEY AUTOINCREMENT,
	tenant     INTEGER NOT NULL REFERENCES chat_tenants (n),
	id         TEXT NOT NULL,       -- the client's
	staged     INTEGER NOT NULL,    -- the import that it is part of and that is not over; 0: none
	gone       INTEGER NOT NULL,
	pinned     INTEGER NOT NULL,
	folder     TEXT NOT NULL,
	created    INTEGER NOT NULL,
	updated    INTEGER NOT NULL,
	leaf       TEXT NOT NULL,
	title      TEXT NOT NULL,
	cuts       TEXT NOT NULL,       -- JSON; '': none
	parameters TEXT NOT NULL,       -- JSON
	UNIQUE (tenant, id, staged)
) STRICT;
CREATE INDEX chats_listed ON chats (tenant, updated) WHERE staged = 0 AND gone = 0 AND pinned = 0 AND folder = '';
CREATE INDEX chats_kept ON chats (tenant, updated) WHERE staged = 0 AND gone = 0 AND (pinned = 1 OR folder <> '');
CREATE INDEX chats_gone ON chats (gone) WHERE gone <> 0;
CREATE INDEX chats_staged ON chats (staged) WHERE staged <> 0;

CREATE TABLE chat_messages (
	n         INTEGER PRIMARY KEY AUTOINCREMENT,
	chat      INTEGER NOT NULL REFERENCES chats (n) ON DELETE CASCADE,
	id        TEXT NOT NULL,        -- the client's
	parent    TEXT NOT NULL,
	gone      INTEGER NOT NULL,
	files     INTEGER NOT NULL,     -- how many
	role      TEXT NOT NULL,
	status    TEXT NOT NULL,
	created   INTEGER NOT NULL,
	content   TEXT NOT NULL,
	reasoning TEXT NOT NULL,
	rest      TEXT NOT NULL,        -- JSON; '': none
	UNIQUE (chat, id)
) STRICT;
CREATE INDEX chat_messages_by_chat ON chat_messages (chat);
CREATE INDEX chat_messages_running ON chat_messages (chat) WHERE status = 'running';
CREATE INDEX chat_messages_gone ON chat_messages (gone) WHERE gone <> 0;

CREATE TABLE chat_files (
	message INTEGER NOT NULL REFERENCES chat_messages (n) ON DELETE CASCADE,
	place   INTEGER NOT NULL,
	name    TEXT NOT NULL,
	bytes   INTEGER NOT NULL,
	tokens  INTEGER NOT NULL,
	text    TEXT NOT NULL,
	UNIQUE (message, place)
) STRICT;

CREATE TABLE chat_presets (
	tenant     INTEGER NOT NULL REFERENCES chat_tenants (n),
	name       TEXT NOT NULL,
	parameters TEXT NOT NULL,       -- JSON
	PRIMARY KEY (tenant, name)
) STRICT, WITHOUT ROWID;

-- The text is not kept a second time. What is taken out stays until the index is written
-- anew: to take it out at once, FTS5 would read through all places of each of its words.
CREATE VIRTUAL TABLE chat_title_words USING fts5 (words, content = '', columnsize = 0, tokenize = 'ascii', prefix = '1 2 3');
CREATE VIRTUAL TABLE chat_message_words USING fts5 (words, content = '', columnsize = 0, tokenize = 'ascii');

CREATE TABLE chat_indexes (
	name    TEXT PRIMARY KEY,       -- of the table of words
	version TEXT NOT NULL,          -- of what is taken for a word
	todo    INTEGER NOT NULL        -- those up to this number are not in the index yet
) STRICT;
INSERT INTO chat_indexes VALUES ('chat_title_words', '', 0), ('chat_message_words', '', 0);
`, `
-- The writer that an answer was begun by, and an import; '': none.
ALTER TABLE chat_messages ADD COLUMN writer TEXT NOT NULL DEFAULT '';
ALTER TABLE chats ADD COLUMN writer TEXT NOT NULL DEFAULT '';
`}}
