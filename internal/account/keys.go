package account

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
)

// idPrefix is how the ids of keys begin.
const idPrefix = "key_"

// maxKeys bounds the keys, revoked ones included: all of them are kept in memory.
const maxKeys = 100_000

const columns = `id, name, hash, hint, scopes, rpm, tpm, concurrent, monthly_tokens, models, created_at, expires_at, revoked_at`

// readKeys reads all keys.
func readKeys(ctx context.Context, db *database.DB) ([]*stored, error) {
	rows, err := db.QueryContext(ctx, `SELECT `+columns+` FROM keys ORDER BY rowid`)
	if err != nil {
		return nil, fmt.Errorf("account: %w", db.Wrap(err))
	}
	defer rows.Close()
	var list []*stored
	for rows.Next() {
		k, err := scanKey(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("account: %w", db.Wrap(err))
		}
		list = append(list, k)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("account: %w", db.Wrap(err))
	}
	return list, nil
}

func scanKey(scan func(...any) error) (*stored, error) {
	var k stored
	var sum []byte
	var scopes, models string
	var created int64
	var expires, revoked sql.NullInt64
	l := &k.Limits
	err := scan(&k.ID, &k.Name, &sum, &k.Hint, &scopes, &l.RequestsPerMinute, &l.TokensPerMinute, &l.Concurrent, &l.MonthlyTokens, &models, &created, &expires, &revoked)
	if err != nil {
		return nil, err
	}
	if k.Scopes, err = ParseScopes(scopes); err != nil || len(sum) != len(k.hash) {
		return nil, fmt.Errorf("%w: key %s", database.ErrDamaged, k.ID)
	}
	copy(k.hash[:], sum)
	if models != "" {
		l.Models = strings.Split(models, ",")
	}
	k.Created = time.Unix(created, 0).UTC()
	for _, x := range []struct {
		to   *time.Time
		from sql.NullInt64
	}{{&k.Expires, expires}, {&k.Revoked, revoked}} {
		if x.from.Valid {
			*x.to = time.Unix(x.from.Int64, 0).UTC()
		}
	}
	return &k, nil
}

// List returns all keys in the order in which they were made, revoked ones included.
func (a *Accounts) List(ctx context.Context) ([]Key, error) {
	list, err := readKeys(ctx, a.db)
	if err != nil {
		return nil, err
	}
	keys := make([]Key, len(list))
	for i, k := range list {
		keys[i] = k.Key
	}
	return keys, nil
}

// Create makes a key and returns its text, which is nowhere else and cannot be had again.
// The caller of ctx is written into the audit. The error wraps ErrTaken or ErrValue, or is
// one of the file.
func (a *Accounts) Create(ctx context.Context, n NewKey) (Key, string, error) {
	now := a.now()
	if err := n.check(now); err != nil {
		return Key{}, "", err
	}
	text := newText()
	sum := hashOf(text)
	k := Key{
		ID: idPrefix + strings.ToLower(rand.Text()[:16]), Name: n.Name, Hint: text[:shown], Scopes: n.Scopes, Limits: n.Limits,
		Created: now.UTC().Truncate(time.Second), Expires: n.Expires,
	}
	var expires sql.NullInt64
	if !n.Expires.IsZero() {
		expires = sql.NullInt64{Int64: n.Expires.Unix(), Valid: true}
		k.Expires = time.Unix(expires.Int64, 0).UTC()
	}
	l := &k.Limits
	err := a.change(ctx, entry{action: "key.create", subject: k.ID, detail: k}, func(tx *sql.Tx) error {
		var there int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM keys`).Scan(&there); err != nil {
			return err
		}
		if there >= maxKeys {
			return fmt.Errorf("there are %d keys, %d is the most", there, maxKeys)
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO keys (`+columns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)`,
			k.ID, k.Name, sum[:], k.Hint, k.Scopes.String(), l.RequestsPerMinute, l.TokensPerMinute, l.Concurrent, l.MonthlyTokens,
			strings.Join(l.Models, ","), k.Created.Unix(), expires)
		if database.IsTaken(err) {
			return fmt.Errorf("%w: %q", ErrTaken, n.Name)
		}
		return err
	})
	if err != nil {
		return Key{}, "", err
	}
	return k, text, nil
}

// Revoke takes a key back for good, by its name or id. Requests that are under way go on
// to their end. The error wraps ErrUnknown, or is one of the file.
func (a *Accounts) Revoke(ctx context.Context, name string) (Key, error) {
	var revoked *stored
	err := a.change(ctx, entry{action: "key.revoke"}, func(tx *sql.Tx) error {
		row := tx.QueryRowContext(ctx, `UPDATE keys SET revoked_at = ? WHERE (name = ? OR id = ?) AND revoked_at IS NULL RETURNING `+columns,
			a.now().Unix(), name, name)
		var err error
		revoked, err = scanKey(row.Scan)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("%w: %q", ErrUnknown, name)
		}
		return err
	}, func(e *entry) { e.subject, e.detail = revoked.ID, map[string]string{"name": revoked.Name} })
	if err != nil {
		return Key{}, err
	}
	return revoked.Key, nil
}

// change changes keys, and writes an entry of the audit with it; fill may complete the
// entry behind the change.
func (a *Accounts) change(ctx context.Context, e entry, do func(*sql.Tx) error, fill ...func(*entry)) error {
	err := a.db.Update(ctx, func(tx *sql.Tx) error {
		if err := do(tx); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE key_changes SET count = count + 1`); err != nil {
			return err
		}
		for _, f := range fill {
			f(&e)
		}
		return a.addEntry(ctx, tx, &e)
	})
	if err == nil {
		a.tell(&e)
		return nil
	}
	if errors.Is(err, ErrTaken) || errors.Is(err, ErrUnknown) {
		return fmt.Errorf("account: %w", err)
	}
	return fmt.Errorf("account: %w", a.db.Wrap(err))
}
