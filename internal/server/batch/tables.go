package batch

import "github.com/blitz-r1/blitz/internal/database"

// Tables is how the tables of this package come to be; whoever opens the file for it
// names them. Times are seconds of Unix time, 0 for never.
var Tables = database.Migration{Owner: "batch", Steps: []string{`
CREATE TABLE files (
	id         TEXT PRIMARY KEY,   -- and the name in the folder
	tenant     TEXT NOT NULL,
	filename   TEXT NOT NULL,      -- a label
	purpose    TEXT NOT NULL,
	bytes      INTEGER NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX files_by_tenant ON files (tenant, created_at);

CREATE TABLE batches (
	id           TEXT PRIMARY KEY,
	tenant       TEXT NOT NULL,
	once         TEXT NOT NULL,    -- the client's word by which a request sent twice is known
	endpoint     TEXT NOT NULL,
	input_file   TEXT NOT NULL,
	window       TEXT NOT NULL,    -- as the client wrote it
	metadata     TEXT NOT NULL,    -- JSON
	status       TEXT NOT NULL,
	errors       TEXT NOT NULL,    -- JSON; '': none
	output_file  TEXT NOT NULL,
	error_file   TEXT NOT NULL,
	keep         INTEGER NOT NULL, -- seconds that the results are kept
	total        INTEGER NOT NULL,
	completed    INTEGER NOT NULL,
	failed       INTEGER NOT NULL,
	created_at   INTEGER NOT NULL,
	expires_at   INTEGER NOT NULL,
	started_at   INTEGER NOT NULL,
	finalizing_at INTEGER NOT NULL,
	cancelling_at INTEGER NOT NULL,
	ended_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX batches_by_tenant ON batches (tenant, created_at);
CREATE INDEX batches_by_status ON batches (status, created_at);
CREATE UNIQUE INDEX batches_once ON batches (tenant, once) WHERE once <> '';

CREATE TABLE batch_lines (
	batch  TEXT NOT NULL REFERENCES batches (id) ON DELETE CASCADE,
	line   INTEGER NOT NULL,
	failed INTEGER NOT NULL,
	result BLOB NOT NULL,          -- JSON, a line of the output or of the errors
	PRIMARY KEY (batch, line)
) STRICT, WITHOUT ROWID;
`}}
