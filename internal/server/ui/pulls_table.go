package ui

import (
	"context"
	"database/sql"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
)

// Tables are what the page keeps in the server's database beside the chats: pulls that are
// not done.
var Tables = database.Migration{Owner: "ui", Steps: []string{`
CREATE TABLE ui_pulls (
	id TEXT PRIMARY KEY,
	begun INTEGER NOT NULL, -- in milliseconds
	name TEXT NOT NULL,
	failed TEXT NOT NULL,   -- why; '': it did not
	done INTEGER NOT NULL,  -- bytes
	total INTEGER NOT NULL
) STRICT;
`}}

// pullTable is the table of pulls.
type pullTable struct{ db *database.DB }

// put writes a pull down.
func (t *pullTable) put(p Pull) error {
	return t.db.Update(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`INSERT INTO ui_pulls (id, begun, name, failed, done, total) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (id) DO UPDATE SET failed = excluded.failed, done = excluded.done, total = excluded.total`,
			p.ID, time.Now().UnixMilli(), p.Name, p.Error, p.Done, p.Total)
		return t.db.Wrap(err)
	})
}

// remove takes a pull out.
func (t *pullTable) remove(id string) error {
	return t.db.Update(context.Background(), func(tx *sql.Tx) error {
		_, err := tx.Exec(`DELETE FROM ui_pulls WHERE id = ?`, id)
		return t.db.Wrap(err)
	})
}

// all returns the pulls in the order in which they were begun, none of which runs.
func (t *pullTable) all() ([]*pull, error) {
	rows, err := t.db.Query(`SELECT id, name, failed, done, total FROM ui_pulls ORDER BY begun, id LIMIT ?`, maxPulls)
	if err != nil {
		return nil, t.db.Wrap(err)
	}
	defer rows.Close()
	var list []*pull
	for rows.Next() {
		p := &pull{Pull: Pull{State: pullPaused, Left: -1}}
		if err := rows.Scan(&p.ID, &p.Name, &p.Error, &p.Done, &p.Total); err != nil {
			return nil, t.db.Wrap(err)
		}
		if p.Error != "" {
			p.State = pullFailed
		}
		list = append(list, p)
	}
	return list, t.db.Wrap(rows.Err())
}
