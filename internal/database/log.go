package database

import (
	"context"
	"fmt"
)

// EmptyLog writes the log into the file and empties it, so that what was deleted is in
// neither of them. Where somebody reads or writes it is left for another time, and done
// is false.
func (db *DB) EmptyLog(ctx context.Context) (done bool, err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return false, db.Wrap(err)
	}
	defer conn.Close()
	if _, err := conn.ExecContext(ctx, `PRAGMA busy_timeout = 0`); err != nil { // nobody is waited for
		return false, db.Wrap(err)
	}
	defer conn.ExecContext(context.WithoutCancel(ctx), fmt.Sprintf(`PRAGMA busy_timeout = %d`, patience.Milliseconds()))
	var busy, frames, moved int
	if err := conn.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil {
		return false, db.Wrap(err)
	}
	return busy == 0, nil
}
