package openai

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Tables is how the tables of stored responses come to be; whoever opens the file for
// Stored names them. Items are kept once, in the order of the conversation: what a
// response was asked (side 0) and what it answered (side 1).
var Tables = database.Migration{Owner: "responses", Steps: []string{`
CREATE TABLE responses (
	id         TEXT PRIMARY KEY,
	tenant     TEXT NOT NULL,
	previous   TEXT NOT NULL,     -- the response that it goes on from; '': none
	created_at INTEGER NOT NULL,  -- seconds of Unix time
	used_at    INTEGER NOT NULL,  -- when it, or one that goes on from it, was asked for last
	bytes      INTEGER NOT NULL,
	body       BLOB NOT NULL      -- JSON, as it was answered
) STRICT;
CREATE INDEX responses_by_use ON responses (tenant, used_at);
CREATE INDEX responses_by_age ON responses (used_at);

CREATE TABLE response_items (
	response TEXT NOT NULL REFERENCES responses (id) ON DELETE CASCADE,
	side     INTEGER NOT NULL,
	place    INTEGER NOT NULL,
	id       TEXT NOT NULL,
	body     BLOB NOT NULL,       -- JSON
	PRIMARY KEY (response, side, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX response_items_by_id ON response_items (id);
`}}

// Bounds of what is stored. What goes beyond them is let go, that first which was not
// used for the longest time.
const (
	storedTime  = 30 * 24 * time.Hour // since the last use of a conversation
	storedCount = 10_000              // responses of a tenant
	storedBytes = 256 << 20           // of a tenant
	storedTurns = 1024                // responses that a conversation may have
)

// Stored keeps responses, for the tenant that asked for each alone. Any goroutine may use
// it.
type Stored struct {
	db  *database.DB
	now func() time.Time
	// the bounds, which tests lower
	count, bytes, turns int
}

// NewStored returns what keeps responses in a file that was opened with Tables.
func NewStored(db *database.DB) *Stored {
	return &Stored{db: db, now: time.Now, count: storedCount, bytes: storedBytes, turns: storedTurns}
}

// storedItem is an item with its id.
type storedItem struct {
	id   string
	body []byte
}

// record is a response as it is stored.
type record struct {
	id, tenant, previous string
	before               []string // all that it goes on from
	body                 []byte
	input, output        []storedItem
}

func (r *record) size() int {
	n := len(r.body)
	for _, list := range [][]storedItem{r.input, r.output} {
		for _, item := range list {
			n += len(item.body)
		}
	}
	return n
}

// put stores a response for good: when it returns, an end of the program does not lose
// it. What it goes on from was used.
func (s *Stored) put(ctx context.Context, r *record) error {
	now := s.now().Unix()
	return s.update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO responses VALUES (?, ?, ?, ?, ?, ?, ?)`, r.id, r.tenant, r.previous, now, now, r.size(), r.body)
		if err != nil {
			return err
		}
		for side, list := range [][]storedItem{r.input, r.output} {
			for place, item := range list {
				if _, err := tx.ExecContext(ctx, `INSERT INTO response_items VALUES (?, ?, ?, ?, ?)`, r.id, side, place, item.id, item.body); err != nil {
					return err
				}
			}
		}
		for _, id := range r.before {
			if _, err := tx.ExecContext(ctx, `UPDATE responses SET used_at = ? WHERE id = ?`, now, id); err != nil {
				return err
			}
		}
		return s.sweep(ctx, tx, r.tenant)
	})
}

// sweep lets go what is old, and what a tenant has too much of.
func (s *Stored) sweep(ctx context.Context, tx *sql.Tx, tenant string) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM responses WHERE used_at < ?`, s.now().Add(-storedTime).Unix()); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `
		WITH ranked AS (
			SELECT id, row_number() OVER latest AS number, sum(bytes) OVER latest AS total FROM responses WHERE tenant = ?
			WINDOW latest AS (ORDER BY used_at DESC, rowid DESC)
		)
		DELETE FROM responses WHERE id IN (SELECT id FROM ranked WHERE number > ? OR total > ? AND number > 1)`, tenant, s.count, s.bytes)
	return err
}

func (s *Stored) update(ctx context.Context, change func(*sql.Tx) error) error {
	err := s.db.Update(ctx, change)
	var told *wire.Error
	if err == nil || errors.As(err, &told) {
		return err
	}
	return storeError(s.db.Wrap(err))
}

func storeError(err error) error {
	return &wire.Error{Kind: wire.Internal, Message: "the store of responses failed", Err: err}
}

// errGone is a response that is not there, or is another tenant's.
func errGone(param, id string) error {
	return &wire.Error{Kind: wire.NotFound, Param: param, Message: "there is no response " + wire.Quote(id)}
}

// body returns a response as it was answered.
func (s *Stored) body(ctx context.Context, tenant, id string) (body []byte, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT body FROM responses WHERE id = ? AND tenant = ?`, id, tenant).Scan(&body)
	return body, found(err, "response_id", id)
}

// found gives what the file says of a response its form for clients.
func found(err error, param, id string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sql.ErrNoRows):
		return errGone(param, id)
	}
	return storeError(err)
}

// remove deletes a response.
func (s *Stored) remove(ctx context.Context, tenant, id string) error {
	return s.update(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `DELETE FROM responses WHERE id = ? AND tenant = ?`, id, tenant)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return errGone("response_id", id)
	})
}

// input returns the items that a response was asked.
func (s *Stored) input(ctx context.Context, tenant, id string) ([]storedItem, error) {
	if _, err := s.body(ctx, tenant, id); err != nil {
		return nil, err
	}
	return s.items(ctx, id, 0)
}

// items returns the items of a response, those of its sides up to last.
func (s *Stored) items(ctx context.Context, id string, last int) ([]storedItem, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT id, body FROM response_items WHERE response = ? AND side <= ? ORDER BY side, place`, id, last)
	if err != nil {
		return nil, storeError(err)
	}
	defer rows.Close()
	list := []storedItem{}
	for rows.Next() {
		var item storedItem
		if err := rows.Scan(&item.id, &item.body); err != nil {
			return nil, storeError(err)
		}
		list = append(list, item)
	}
	if err := rows.Err(); err != nil {
		return nil, storeError(err)
	}
	return list, nil
}

// item returns an item by its id.
func (s *Stored) item(ctx context.Context, tenant, id string) (body []byte, err error) {
	err = s.db.QueryRowContext(ctx, `
		SELECT i.body FROM response_items i JOIN responses r ON r.id = i.response WHERE i.id = ? AND r.tenant = ? LIMIT 1`, id, tenant).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &wire.Error{Kind: wire.NotFound, Param: "input", Message: "there is no item " + wire.Quote(id)}
	}
	if err != nil {
		return nil, storeError(err)
	}
	return body, nil
}

// talkBefore returns all items of a conversation up to a response, and the responses that
// it is made of, the last one first.
func (s *Stored) talkBefore(ctx context.Context, tenant, id string) (items []storedItem, before []string, err error) {
	const param = "previous_response_id"
	bytes := 0
	for next := id; next != ""; {
		var previous string
		err := s.db.QueryRowContext(ctx, `SELECT previous FROM responses WHERE id = ? AND tenant = ?`, next, tenant).Scan(&previous)
		if err := found(err, param, next); err != nil {
			return nil, nil, previousError(err)
		}
		list, err := s.items(ctx, next, 1)
		if err != nil {
			return nil, nil, err
		}
		for _, item := range list {
			bytes += len(item.body)
		}
		if before = append(before, next); len(before) > s.turns || bytes > wire.MaxBody {
			return nil, nil, wire.Refuse(param, "the conversation is too long to be gone on with, want at most %d responses and %d MiB", s.turns, wire.MaxBody>>20)
		}
		items = append(list, items...)
		next = previous
	}
	return items, before, nil
}

// previousError gives a response that is gone the word by which clients know that a
// conversation cannot be gone on with.
func previousError(err error) error {
	var e *wire.Error
	if errors.As(err, &e) && e.Kind == wire.NotFound {
		e.Code = "previous_response_not_found"
	}
	return err
}

// newStoredItem returns an item as it is stored.
func newStoredItem(id string, item any) storedItem { return storedItem{id, wire.Marshal(item)} }

// raw returns the item as it is written.
func (i storedItem) raw() json.RawMessage { return i.body }
