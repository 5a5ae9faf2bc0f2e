package history

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/blitz-r1/blitz/internal/filelock"
)

// writers are the stores, of this process and of others, that have a file open. Each holds
// the lock of a file of its own, in a folder beside the database, which the system lets go
// of when its process ends, however that ends: who holds it lives.
type writers struct {
	folder string
	own    string   // the name of this one
	file   *os.File // nil: files have no locks here, and all others are taken for dead
}

// writersFolder is what the name of the folder ends in, behind that of the database.
const writersFolder = ".writers"

// errNoLocks is wrapped by the error of a file system without locks.
var errNoLocks = errors.New("history: files cannot be locked")

// openWriters makes a writer. The error may wrap errNoLocks.
func openWriters(folder string) (*writers, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	for {
		w := &writers{folder: folder, own: rand.Text()}
		f, err := os.OpenFile(w.path(w.own), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		w.file = f
		err = filelock.Try(f)
		if err == nil && w.isThere() {
			return w, nil
		}
		w.close()
		if err != nil && !errors.Is(err, filelock.ErrLocked) {
			return nil, fmt.Errorf("%w: %s: %w", errNoLocks, folder, err)
		} // else another one took it for that of a dead writer
	}
}

func (w *writers) path(name string) string { return filepath.Join(w.folder, name) }

// isThere says whether the file that is locked is the one that others find.
func (w *writers) isThere() bool {
	ours, err := w.file.Stat()
	found, err2 := os.Stat(w.path(w.own))
	return err == nil && err2 == nil && os.SameFile(ours, found)
}

// close ends the writer.
func (w *writers) close() {
	if w.file == nil {
		return
	}
	w.file.Close()
	_ = os.Remove(w.path(w.own)) // an empty file that is left is swept at the next start
}

// lives says whether a writer does. What is left of one that does not is removed.
func (w *writers) lives(name string) (bool, error) {
	if name == w.own {
		return true, nil
	}
	if w.file == nil || checkID("writer", name) != nil { // "" is of a version without writers
		return false, nil
	}
	f, err := os.OpenFile(w.path(name), os.O_RDWR, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	err = filelock.Try(f)
	f.Close()
	switch {
	case errors.Is(err, filelock.ErrLocked):
		return true, nil
	case err != nil:
		return false, err
	}
	if err := os.Remove(w.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	return false, nil
}

// sweep removes what dead writers left.
func (w *writers) sweep() error {
	if w.file == nil {
		return nil
	}
	entries, err := os.ReadDir(w.folder)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if _, err := w.lives(e.Name()); err != nil {
			return err
		}
	}
	return nil
}

// endOrphans interrupts the answers, and gives up the imports, whose writer is dead.
func (s *Store) endOrphans(ctx context.Context) error {
	names, err := s.others(ctx)
	if err != nil {
		return s.wrap(err)
	}
	for _, name := range names {
		alive, err := s.writers.lives(name)
		if err != nil {
			return s.wrap(err)
		}
		if alive {
			continue
		}
		err = s.db.Update(ctx, func(tx *sql.Tx) error { return (&change{Tx: tx, ctx: ctx}).endOrphansOf(name) })
		if err != nil {
			return s.wrap(err)
		}
		s.poke()
	}
	return nil
}

// others returns the other writers that have an answer or an import under way.
func (s *Store) others(ctx context.Context) ([]string, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT writer FROM chat_messages WHERE status = 'running' AND writer <> ?1
		UNION SELECT writer FROM chats WHERE staged <> 0 AND gone = 0 AND writer <> ?1`, s.writers.own)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, rows.Err()
}

// endOrphansOf is endOrphans for one writer. Whoever looks at the chats hears of it as of
// what another process changes.
func (c *change) endOrphansOf(writer string) error {
	list, err := readMessages(c.ctx, c.Tx, false, `m.status = 'running' AND m.writer = ?`, writer)
	if err != nil {
		return err
	}
	changed := map[int64]bool{}
	for _, old := range list {
		if err := c.row(`SELECT c.tenant FROM chats c JOIN chat_messages m ON m.chat = c.n WHERE m.n = ?`, old.n).Scan(&c.tenant); err != nil {
			return err
		}
		m := old.Message
		m.Status = Interrupted
		if err := c.rewrite(&there{stored: old}, &m); err != nil {
			return err
		}
		changed[c.tenant] = true
	}
	for tenant := range changed {
		if err := c.exec(`UPDATE chat_tenants SET revision = revision + 1 WHERE n = ?`, tenant); err != nil {
			return err
		}
	}
	return c.exec(`UPDATE chats SET gone = 1 WHERE staged <> 0 AND gone = 0 AND writer = ?`, writer)
}
