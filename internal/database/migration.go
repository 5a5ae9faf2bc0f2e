package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
)

// Migration is how the tables of one owner, a package, come to be: Steps[i] brings them
// from version i to i+1. A step that was released is never changed; new ones are put
// behind it.
type Migration struct {
	Owner string
	Steps []string // SQL, any number of statements each
}

// What the file says of itself.
const (
	applicationID = 0x426c747a // "Bltz"
	layout        = 1          // of the table of versions
)

const versionsTable = `CREATE TABLE versions (owner TEXT PRIMARY KEY, version INTEGER NOT NULL) STRICT, WITHOUT ROWID;`

// migrate brings the tables of an owner to their newest version. Other processes wait:
// the steps, and the copy that is made before, happen while nobody else can write.
func (db *DB) migrate(ctx context.Context, o Migration) error {
	if current, err := db.version(ctx, db.DB, o); err != nil || current == len(o.Steps) {
		return err
	}
	return db.Update(ctx, func(tx *sql.Tx) error {
		current, err := db.version(ctx, tx, o)
		if err != nil || current == len(o.Steps) { // somebody else was faster
			return err
		}
		if current > 0 {
			if err := db.keepCopy(ctx, o.Owner, current); err != nil {
				return err
			}
		}
		for i := current; i < len(o.Steps); i++ {
			if _, err := tx.ExecContext(ctx, o.Steps[i]); err != nil {
				return fmt.Errorf("database: %s: %s: version %d to %d: %w", db.path, o.Owner, i, i+1, err)
			}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO versions VALUES (?, ?) ON CONFLICT DO UPDATE SET version = excluded.version`, o.Owner, len(o.Steps))
		return db.Wrap(err)
	})
}

// queryer is a pool or a transaction.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// version returns the version of an owner's tables, 0 where there are none. In a
// transaction, a file without anything gets its table of versions.
func (db *DB) version(ctx context.Context, q queryer, o Migration) (int, error) {
	var id, form, tables, known int
	err := q.QueryRowContext(ctx, `SELECT
		(SELECT * FROM pragma_application_id), (SELECT * FROM pragma_user_version),
		(SELECT count(*) FROM sqlite_schema), (SELECT count(*) FROM sqlite_schema WHERE name = 'versions')`).Scan(&id, &form, &tables, &known)
	tx, writes := q.(*sql.Tx)
	switch {
	case err != nil:
		return 0, db.Wrap(err)
	case id == 0 && tables == 0 && writes:
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d; %s", applicationID, layout, versionsTable))
		return 0, db.Wrap(err)
	case id == 0 && tables == 0:
		return 0, nil
	case id != applicationID || known == 0:
		return 0, fmt.Errorf("database: %s: %w: application id %#x, want %#x", db.path, ErrForeign, id, applicationID)
	case form > layout:
		return 0, fmt.Errorf("database: %s: %w: layout %d, this program knows %d", db.path, ErrNewer, form, layout)
	}
	var version int
	err = q.QueryRowContext(ctx, `SELECT version FROM versions WHERE owner = ?`, o.Owner).Scan(&version)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, nil
	case err != nil:
		return 0, db.Wrap(err)
	case version < 0:
		return 0, fmt.Errorf("database: %s: %w: version %d of %s", db.path, ErrDamaged, version, o.Owner)
	case version > len(o.Steps):
		return 0, fmt.Errorf("database: %s: %w: %s has version %d, this program knows %d", db.path, ErrNewer, o.Owner, version, len(o.Steps))
	}
	return version, nil
}

// keepCopy puts a copy of the file beside it, as it is before an owner's tables leave a
// version. A former copy of the same version, of a migration that did not come to its
// end, is replaced.
func (db *DB) keepCopy(ctx context.Context, owner string, version int) error {
	place := fmt.Sprintf("%s.%s-%d", db.path, owner, version)
	made, err := db.copyBeside(ctx, place)
	if err != nil {
		return err
	}
	if err := os.Rename(made, place); err != nil {
		return errors.Join(fmt.Errorf("database: %w", err), os.Remove(made))
	}
	return syncFolder(place)
}
