package batch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/newfile"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Bounds of what is kept.
const (
	maxFile      = 256 << 20 // bytes of a file
	maxFiles     = 10_000    // of a tenant
	maxBytes     = 4 << 30   // of a tenant's files
	maxLabel     = 255       // bytes of a file's name
	folderName   = "files"
	partialEnd   = ".partial"
	filePrefix   = "file-"
	usualKeep    = 30 * 24 * time.Hour // of results
	leastKeep    = time.Hour
	mostKeep     = 30 * 24 * time.Hour
	batchPurpose = "batch"
	outPurpose   = "batch_output"
)

// restAge is how old the rest of an upload, or of results, is at least.
const restAge = 24 * time.Hour

// file is a file that is kept.
type file struct {
	ID        string `json:"id"`
	Object    string `json:"object"`
	Bytes     int64  `json:"bytes"`
	CreatedAt int64  `json:"created_at"`
	ExpiresAt *int64 `json:"expires_at"`
	Filename  string `json:"filename"`
	Purpose   string `json:"purpose"`
	Status    string `json:"status"`
}

// files keeps files: contents in a folder, all else in the database.
type files struct {
	db     *database.DB
	folder string
	now    func() time.Time
}

// openFiles makes the folder where it is missing, and sweeps away what no row knows: the
// rests of uploads and results that did not come to their end.
func openFiles(ctx context.Context, db *database.DB, home string, now func() time.Time) (*files, error) {
	f := &files{db, filepath.Join(home, folderName), now}
	if err := os.MkdirAll(f.folder, 0o700); err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	names, err := os.ReadDir(f.folder)
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	for _, name := range names {
		id := name.Name()
		if !strings.HasPrefix(id, filePrefix) || name.IsDir() {
			continue // not ours
		}
		if st, err := name.Info(); err != nil || now().Sub(st.ModTime()) < restAge {
			continue // another process may be writing it
		}
		var known int
		if err := db.QueryRowContext(ctx, `SELECT count(*) FROM files WHERE id = ?`, id).Scan(&known); err != nil {
			return nil, db.Wrap(err)
		}
		if known == 0 {
			if err := os.Remove(f.path(id)); err != nil {
				return nil, fmt.Errorf("batch: %w", err)
			}
		}
	}
	return f, nil
}

// path returns where the contents of a file are. An id is one that this package made.
func (f *files) path(id string) string { return filepath.Join(f.folder, id) }

// write puts contents into the folder, for good, and returns their size. There is no row
// yet.
func (f *files) write(id string, fill func(io.Writer) error) (int64, error) {
	partial := f.path(id) + partialEnd
	out, err := os.OpenFile(partial, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, fmt.Errorf("batch: %w", err)
	}
	size, err := f.finish(out, id, fill(out))
	if err != nil {
		return 0, errors.Join(err, out.Close(), os.Remove(partial))
	}
	return size, nil
}

// finish syncs and names what was written.
func (f *files) finish(out *os.File, id string, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	if err := out.Sync(); err != nil {
		return 0, fmt.Errorf("batch: %w", err)
	}
	st, err := out.Stat()
	if err != nil {
		return 0, fmt.Errorf("batch: %w", err)
	}
	if err := out.Close(); err != nil {
		return 0, fmt.Errorf("batch: %w", err)
	}
	if err := os.Rename(out.Name(), f.path(id)); err != nil {
		return 0, fmt.Errorf("batch: %w", err)
	}
	if err := newfile.SyncFolder(f.folder); err != nil {
		return 0, fmt.Errorf("batch: %w", err)
	}
	return st.Size(), nil
}

// add makes the row of a file whose contents were written.
func (f *files) add(ctx context.Context, tx *sql.Tx, tenant string, x *file) error {
	expires := int64(0)
	if x.ExpiresAt != nil {
		expires = *x.ExpiresAt
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO files VALUES (?, ?, ?, ?, ?, ?, ?)`, x.ID, tenant, x.Filename, x.Purpose, x.Bytes, x.CreatedAt, expires)
	return err
}

// room says whether a tenant may have one more file.
func (f *files) room(ctx context.Context, tenant string) error {
	var count, bytes int64
	if err := f.db.QueryRowContext(ctx, `SELECT count(*), coalesce(sum(bytes), 0) FROM files WHERE tenant = ?`, tenant).Scan(&count, &bytes); err != nil {
		return failed(f.db.Wrap(err))
	}
	if count >= maxFiles || bytes >= maxBytes {
		return &wire.Error{
			Kind: wire.Conflict, Param: "file",
			Message: fmt.Sprintf("there are %d files of %d MiB, want fewer than %d of %d MiB: delete some", count, bytes>>20, maxFiles, maxBytes>>20),
		}
	}
	return nil
}

const fileColumns = `id, filename, purpose, bytes, created_at, expires_at`

// scanFile reads a row of fileColumns.
func scanFile(scan func(...any) error) (*file, error) {
	x := &file{Object: "file", Status: "processed"}
	var expires int64
	if err := scan(&x.ID, &x.Filename, &x.Purpose, &x.Bytes, &x.CreatedAt, &expires); err != nil {
		return nil, err
	}
	if expires != 0 {
		x.ExpiresAt = &expires
	}
	return x, nil
}

// get returns a file of a tenant's.
func (f *files) get(ctx context.Context, tenant, id string) (*file, error) {
	row := f.db.QueryRowContext(ctx, `SELECT `+fileColumns+` FROM files WHERE id = ? AND tenant = ? AND (expires_at = 0 OR expires_at > ?)`, id, tenant, f.now().Unix())
	x, err := scanFile(row.Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, &wire.Error{Kind: wire.NotFound, Param: "file_id", Message: "there is no file " + wire.Quote(id)}
	case err != nil:
		return nil, failed(f.db.Wrap(err))
	}
	return x, nil
}

// list returns the files of a tenant's in the order in which they came; purpose "": all.
func (f *files) list(ctx context.Context, tenant, purpose string) ([]*file, error) {
	rows, err := f.db.QueryContext(ctx, `
		SELECT `+fileColumns+` FROM files WHERE tenant = ? AND (? = '' OR purpose = ?) AND (expires_at = 0 OR expires_at > ?) ORDER BY created_at, rowid`,
		tenant, purpose, purpose, f.now().Unix())
	if err != nil {
		return nil, failed(f.db.Wrap(err))
	}
	defer rows.Close()
	list := []*file{}
	for rows.Next() {
		x, err := scanFile(rows.Scan)
		if err != nil {
			return nil, failed(f.db.Wrap(err))
		}
		list = append(list, x)
	}
	if err := rows.Err(); err != nil {
		return nil, failed(f.db.Wrap(err))
	}
	return list, nil
}

// remove deletes a file of a tenant's. One that a batch has yet to read stays.
func (f *files) remove(ctx context.Context, tenant, id string) error {
	if _, err := f.get(ctx, tenant, id); err != nil {
		return err
	}
	err := f.db.Update(ctx, func(tx *sql.Tx) error {
		var readers int
		err := tx.QueryRowContext(ctx, `SELECT count(*) FROM batches WHERE input_file = ? AND ended_at = 0`, id).Scan(&readers)
		if err == nil && readers > 0 {
			return &wire.Error{Kind: wire.Conflict, Param: "file_id", Message: "a batch that is under way reads the file: cancel it first"}
		}
		if err == nil {
			_, err = tx.ExecContext(ctx, `DELETE FROM files WHERE id = ? AND tenant = ?`, id, tenant)
		}
		return err
	})
	if err != nil {
		return told(f.db.Wrap(err))
	}
	if err := os.Remove(f.path(id)); err != nil {
		return failed(err) // the next start sweeps it away
	}
	return nil
}

// expire deletes what is to be kept no longer.
func (f *files) expire(ctx context.Context) error {
	var gone []string
	err := f.db.Update(ctx, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `
			DELETE FROM files WHERE expires_at > 0 AND expires_at <= ? AND id NOT IN (SELECT input_file FROM batches WHERE ended_at = 0) RETURNING id`, f.now().Unix())
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			gone = append(gone, id)
		}
		return rows.Err()
	})
	for _, id := range gone {
		err = errors.Join(err, os.Remove(f.path(id)))
	}
	return err
}

// failed is an error of the store, of which a client learns nothing.
func failed(err error) error {
	return &wire.Error{Kind: wire.Internal, Message: "the store of files and batches failed", Err: err}
}

// told returns an error that is for a client as it is, and hides others.
func told(err error) error {
	var known *wire.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return failed(err)
}

// drop removes files that have no row, as far as they are there; what stays is swept away
// at the next start.
func (f *files) drop(list ...*file) {
	for _, x := range list {
		if x != nil {
			_ = os.Remove(f.path(x.ID))
		}
	}
}
