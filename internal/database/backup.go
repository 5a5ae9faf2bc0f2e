package database

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// Backup writes the file as it is at one moment to another one, while others read and
// write it. The copy is there whole or not at all, and nothing that stands at its place
// is overwritten: the error is then ErrExists.
func (db *DB) Backup(ctx context.Context, to string) error {
	to, err := filepath.Abs(to)
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("database: backup: %s %w", to, ErrExists)
	}
	made, err := db.copyBeside(ctx, to)
	if err != nil {
		return err
	}
	defer os.Remove(made)
	if err := place(made, to); err != nil {
		return err
	}
	return syncFolder(to)
}

// copyBeside writes a checked copy of the file, readable by its owner alone, beside the
// place it is meant for, and returns its path.
func (db *DB) copyBeside(ctx context.Context, place string) (string, error) {
	made := place + "." + rand.Text()[:8] + ".partial"
	f, err := os.OpenFile(made, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("database: backup: %w", err)
	}
	defer f.Close()
	if _, err = db.ExecContext(ctx, `VACUUM INTO ?`, made); err == nil { // an empty file is taken as it is
		err = check(ctx, made)
	}
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("database: backup to %s: %w", place, wrap(db.path, err)), f.Close(), os.Remove(made))
	}
	return made, nil
}

// check reads a copy through.
func check(ctx context.Context, path string) error {
	db, err := sql.Open("sqlite", uri(path, url.Values{"mode": {"ro"}, "immutable": {"1"}, "_defensive": {"1"}, "_pragma": {"trusted_schema(0)"}}))
	if err != nil {
		return err
	}
	defer db.Close()
	var said string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return fmt.Errorf("%w: %s", ErrDamaged, said)
	}
	return nil
}

// place gives a file its name, which nobody else may have.
func place(made, to string) error {
	err := os.Link(made, to)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("database: backup: %s %w", to, ErrExists)
	}
	// A file system without links: between look and rename another may come.
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("database: backup: %s %w", to, ErrExists)
	}
	if err := os.Rename(made, to); err != nil {
		return fmt.Errorf("database: backup: %w", err)
	}
	return nil
}

// syncFolder makes the name of a file last through a power cut.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("database: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !cannotSync(err) {
		return fmt.Errorf("database: %w", err)
	}
	return nil
}
