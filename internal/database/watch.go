package database

import (
	"context"
	"database/sql"
	"sync"
)

// Watch tells whether anybody, of this process or another, has committed something.
type Watch struct {
	db   *DB
	mu   sync.Mutex
	conn *sql.Conn
	stmt *sql.Stmt
	seen int64
}

// Watch starts to watch. A watch holds a connection until it is closed.
func (db *DB) Watch(ctx context.Context) (*Watch, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, db.Wrap(err)
	}
	stmt, err := conn.PrepareContext(ctx, `PRAGMA data_version`)
	if err != nil {
		conn.Close()
		return nil, db.Wrap(err)
	}
	return &Watch{db: db, conn: conn, stmt: stmt}, nil
}

// Changed says whether something was committed since it was called last. The first call
// says yes.
func (w *Watch) Changed() (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var version int64
	if err := w.stmt.QueryRow().Scan(&version); err != nil {
		return false, w.db.Wrap(err)
	}
	changed := version != w.seen
	w.seen = version
	return changed, nil
}

// Close ends the watch.
func (w *Watch) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stmt.Close()
	return w.conn.Close()
}
