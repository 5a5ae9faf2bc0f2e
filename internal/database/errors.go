package database

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	code "modernc.org/sqlite/lib"
)

var (
	// ErrDamaged is wrapped by errors about a file that is no SQLite file, or a broken one.
	ErrDamaged = errors.New("the file is damaged")
	// ErrForeign is wrapped by errors about a SQLite file of another program.
	ErrForeign = errors.New("the file is another program's")
	// ErrNewer is wrapped by errors about a file that a newer version wrote.
	ErrNewer = errors.New("the file is of a newer version")
	// ErrFull is wrapped by errors about a disk without room.
	ErrFull = errors.New("the disk is full")
	// ErrBusy is wrapped by errors about a file that another process holds too long.
	ErrBusy = errors.New("another process holds the file")
	// ErrExists is wrapped by errors about a backup whose place is taken.
	ErrExists = errors.New("is there already")
)

// Wrap gives an error of SQLite the file's name and, where it has one, a sentinel of this
// package. nil stays nil, and what has a sentinel stays as it is.
func (db *DB) Wrap(err error) error { return wrap(db.path, err) }

func wrap(path string, err error) error {
	if err == nil {
		return nil
	}
	for _, known := range []error{ErrDamaged, ErrForeign, ErrNewer, ErrFull, ErrBusy, ErrExists} {
		if errors.Is(err, known) {
			return err
		}
	}
	switch resultCode(err) {
	case code.SQLITE_CORRUPT, code.SQLITE_NOTADB, code.SQLITE_FORMAT:
		return fmt.Errorf("database: %s: %w (%w)", path, ErrDamaged, err)
	case code.SQLITE_FULL:
		return fmt.Errorf("database: %s: %w (%w)", path, ErrFull, err)
	case code.SQLITE_BUSY, code.SQLITE_LOCKED:
		return fmt.Errorf("database: %s: %w (%w)", path, ErrBusy, err)
	}
	return fmt.Errorf("database: %s: %w", path, err)
}

// resultCode returns the primary result code of SQLite, 0 of another error.
func resultCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Code() & 0xff
}

func isBusy(err error) bool {
	c := resultCode(err)
	return c == code.SQLITE_BUSY || c == code.SQLITE_LOCKED
}

// IsTaken says whether an error is that of a value which has to be there once and is
// there already.
func IsTaken(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code() == code.SQLITE_CONSTRAINT_UNIQUE || e.Code() == code.SQLITE_CONSTRAINT_PRIMARYKEY)
}

// IsIndexDamaged says whether an error is that of a full-text index that does not fit to
// what it is told.
func IsIndexDamaged(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == code.SQLITE_CORRUPT_VTAB
}
