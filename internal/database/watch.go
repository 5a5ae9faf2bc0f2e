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
	w := &Watch{db: db}
	if err := w.connect(ctx); err != nil {
		return nil, db.Wrap(err)
	}
	return w, nil
}

func (w *Watch) connect(ctx context.Context) error {
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	stmt, err := conn.PrepareContext(ctx, `PRAGMA data_version`)
	if err != nil {
		conn.Close()
		return err
	}
	w.conn, w.stmt, w.seen = conn, stmt, 0
	return nil
}

// Changed says whether something was committed since it was called last. The first call
// says yes.
func (w *Watch) Changed() (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var version int64
	err := w.stmt.QueryRow().Scan(&version)
	if err != nil { // the connection may have gone: one that is new knows nothing of the past
		w.disconnect()
		if err = w.connect(context.Background()); err == nil {
			err = w.stmt.QueryRow().Scan(&version)
		}
	}
	if err != nil {
		return false, w.db.Wrap(err)
	}
	changed := version != w.seen
	w.seen = version
	return changed, nil
}

// Close ends the watch.
func (w *Watch) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.disconnect()
}

func (w *Watch) disconnect() {
	_ = w.stmt.Close() // nothing was written
	_ = w.conn.Close()
}
