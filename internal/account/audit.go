package account

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// Entry is a line of the audit: what somebody changed. It has no prompts and no keys.
type Entry struct {
	ID      int64           `json:"id"`
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`   // who: "owner", or a key's name and id
	Action  string          `json:"action"`  // such as key.create, model.delete
	Subject string          `json:"subject"` // the id of a key, the name of a model
	Detail  json.RawMessage `json:"detail"`  // an object, or null
}

// entry is a line that is about to be written.
type entry struct {
	at      time.Time
	actor   string
	action  string
	subject string
	detail  any
	text    []byte // detail as JSON
}

// maxDetail bounds what an entry says, in bytes.
const maxDetail = 16 << 10

// Audit writes down that the caller of ctx changed something. detail becomes JSON; nil is
// none.
func (a *Accounts) Audit(ctx context.Context, action, subject string, detail any) error {
	e := entry{action: action, subject: subject, detail: detail}
	err := a.db.Update(ctx, func(tx *sql.Tx) error { return a.addEntry(ctx, tx, &e) })
	if err != nil {
		return fmt.Errorf("account: audit: %w", a.db.Wrap(err))
	}
	a.tell(&e)
	return nil
}

func (a *Accounts) addEntry(ctx context.Context, tx *sql.Tx, e *entry) error {
	e.at, e.actor = a.now(), CallerOf(ctx).String()
	text, err := json.Marshal(e.detail)
	if err != nil {
		return err
	}
	if len(text) > maxDetail {
		return fmt.Errorf("the detail has %d bytes, want at most %d", len(text), maxDetail)
	}
	e.text = text
	_, err = tx.ExecContext(ctx, `INSERT INTO audit (at, actor, action, subject, detail) VALUES (?, ?, ?, ?, ?)`,
		e.at.Unix(), e.actor, e.action, e.subject, string(text))
	return err
}

// tell writes the entry into the log.
func (a *Accounts) tell(e *entry) {
	a.log.Info("audit", "actor", e.actor, "action", e.action, "subject", e.subject, "detail", string(e.text))
}

// Entries returns the newest entries of the audit, at most so many, newest first; before,
// where it is not 0, is an id that they come before.
func (a *Accounts) Entries(ctx context.Context, before int64, most int) ([]Entry, error) {
	rows, err := a.db.QueryContext(ctx, `SELECT id, at, actor, action, subject, detail FROM audit WHERE ? = 0 OR id < ? ORDER BY id DESC LIMIT ?`, before, before, most)
	if err != nil {
		return nil, fmt.Errorf("account: audit: %w", a.db.Wrap(err))
	}
	defer rows.Close()
	list := []Entry{}
	for rows.Next() {
		var e Entry
		var at int64
		var detail string
		if err := rows.Scan(&e.ID, &at, &e.Actor, &e.Action, &e.Subject, &detail); err != nil {
			return nil, fmt.Errorf("account: audit: %w", a.db.Wrap(err))
		}
		e.At, e.Detail = time.Unix(at, 0).UTC(), json.RawMessage(detail)
		list = append(list, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("account: audit: %w", a.db.Wrap(err))
	}
	return list, nil
}
