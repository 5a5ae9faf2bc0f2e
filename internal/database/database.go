// Package database keeps what a server has to remember in one SQLite file: keys, usage,
// stored answers. Several processes may have it open at once.
package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// FileName is what the file is called in the folder of the store.
const FileName = "server.db"

// patience is how long a connection waits for the locks of others.
const patience = 10 * time.Second

// Connections of a pool: readers, and one writer. SQLite lets one write at a time.
const (
	maxOpen = 8
	maxIdle = 4
)

// DB is the open file. Its methods may be used by several goroutines. Reading goes
// through the embedded pool, writing through Update.
type DB struct {
	*sql.DB
	path    string
	writing chan struct{} // holds one token while this process writes
}

// Open opens the file at path, which is made where it is missing, readable by its owner
// alone, and brings the tables of the given owners to their newest version. The error is
// ErrDamaged, ErrForeign or ErrNewer where the file is at fault.
func Open(ctx context.Context, path string, owners ...Migration) (*DB, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	if err := makeFile(path); err != nil {
		return nil, fmt.Errorf("database: %w", err)
	}
	pool, err := sql.Open("sqlite", source(path))
	if err != nil {
		return nil, fmt.Errorf("database: %s: %w", path, err)
	}
	pool.SetMaxOpenConns(maxOpen)
	pool.SetMaxIdleConns(maxIdle)
	db := &DB{DB: pool, path: path, writing: make(chan struct{}, 1)}
	if err := db.prepare(ctx, owners); err != nil {
		pool.Close()
		return nil, err
	}
	return db, nil
}

// Path returns where the file is.
func (db *DB) Path() string { return db.path }

// prepare looks at the file and migrates it.
func (db *DB) prepare(ctx context.Context, owners []Migration) error {
	if err := db.connect(ctx); err != nil {
		return db.Wrap(err)
	}
	for _, o := range owners {
		if err := db.migrate(ctx, o); err != nil {
			return db.Wrap(err)
		}
	}
	return nil
}

// connect makes the first connection. Two processes that make a file at the same moment
// are in each other's way while they switch it to its log, which SQLite does not wait for.
func (db *DB) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		err := db.PingContext(ctx)
		if !isBusy(err) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// makeFile makes the file and its folder where they are missing: SQLite would make it
// readable by all. Its log gets the same mode. A file that is there is not opened, for
// closing it would end the locks that this process may hold on it already.
func makeFile(path string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	st, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case !st.Mode().IsRegular():
		return &fs.PathError{Op: "open", Path: path, Err: errors.New("is no file")}
	case runtime.GOOS != "windows" && st.Mode().Perm()&0o077 != 0:
		return os.Chmod(path, 0o600)
	}
	return nil
}

// source is the URI of the file with what every connection is set to.
func source(path string) string {
	return uri(path, url.Values{
		"_busy_timeout": {fmt.Sprint(patience.Milliseconds())},
		"_journal_mode": {"WAL"},
		"_synchronous":  {"FULL"},
		"_foreign_keys": {"on"},
		"_pragma":       {"trusted_schema(0)", "cell_size_check(1)", "secure_delete(1)"}, // what is deleted leaves nothing behind
		"_txlock":       {"immediate"},
		"_defensive":    {"1"},
		"_dqs":          {"0"},
		"_error_rc":     {"1"},
	})
}

func uri(path string, query url.Values) string {
	path = filepath.ToSlash(path)
	if path[0] != '/' { // C:/…
		path = "/" + path
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	return u.String()
}

// Update runs change in a transaction that writes, alone among all writers, and commits
// it. An error of change undoes it.
func (db *DB) Update(ctx context.Context, change func(*sql.Tx) error) error {
	select {
	case db.writing <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("database: %s: waiting to write: %w", db.path, context.Cause(ctx))
	}
	defer func() { <-db.writing }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return db.Wrap(err)
	}
	defer tx.Rollback()
	if err := change(tx); err != nil {
		return err
	}
	return db.Wrap(tx.Commit())
}
