package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Bounds of sessions.
const (
	sessionLife   = 30 * 24 * time.Hour // behind the last use
	sessionTouch  = time.Hour           // a use within it is not written down
	maxSessions   = 64                  // of one key; the one that was unused the longest ends for a new one
	maxTokenBytes = 256
)

// SignIn begins a session with a key: the text that it returns stands for the key from
// then on, in one browser, until SignOut, 30 days without use, or the end of the key. from
// is where the person is, whose wrong keys are counted. The error is that of Find, or a
// *LimitError.
func (a *Accounts) SignIn(ctx context.Context, from, key string) (c Caller, token string, err error) {
	now := a.now()
	if wait := a.attempts.wait(from, now); wait > 0 {
		return c, "", &LimitError{Name: "wrong keys a minute", Limit: maxAttempts, Wait: wait}
	}
	if c, err = a.Find(key); err != nil {
		if errors.Is(err, ErrUnknown) || errors.Is(err, ErrRevoked) || errors.Is(err, ErrExpired) {
			a.attempts.count(from, now)
		}
		return Caller{}, "", err
	}
	token = rand.Text() + rand.Text() // 256 bits
	sum := hashOf(token)
	err = a.db.Update(ctx, func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE used_at < ?`, now.Add(-sessionLife).Unix()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE key = ?1 AND hash NOT IN (SELECT hash FROM sessions WHERE key = ?1 ORDER BY used_at DESC LIMIT ?2)`, c.ID, maxSessions-1)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO sessions VALUES (?, ?, ?, ?)`, sum[:], c.ID, now.Unix(), now.Unix())
		return err
	})
	if err != nil {
		return Caller{}, "", fmt.Errorf("account: session: %w", a.db.Wrap(err))
	}
	return c, token, nil
}

// Resume returns the caller whose session it is. The error wraps ErrUnknown where there is
// no such session (any more), or ErrRevoked or ErrExpired of its key, or is one of the file.
func (a *Accounts) Resume(ctx context.Context, token string) (Caller, error) {
	if token == "" || len(token) > maxTokenBytes {
		return Caller{}, fmt.Errorf("account: session: %w", ErrUnknown)
	}
	sum, now := hashOf(token), a.now()
	var key string
	var used int64
	err := a.db.QueryRowContext(ctx, `SELECT key, used_at FROM sessions WHERE hash = ?`, sum[:]).Scan(&key, &used)
	switch {
	case errors.Is(err, sql.ErrNoRows) || err == nil && now.Sub(time.Unix(used, 0)) > sessionLife:
		return Caller{}, fmt.Errorf("account: session: %w", ErrUnknown)
	case err != nil:
		return Caller{}, fmt.Errorf("account: session: %w", a.db.Wrap(err))
	}
	c, err := a.Recall(key)
	if err == nil && now.Sub(time.Unix(used, 0)) > sessionTouch {
		a.touch(ctx, sum, now)
	}
	return c, err
}

// touch writes down that a session was used. A file that cannot be written shortens its
// life, and hinders nobody.
func (a *Accounts) touch(ctx context.Context, sum hash, now time.Time) {
	err := a.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE sessions SET used_at = ? WHERE hash = ?`, now.Unix(), sum[:])
		return err
	})
	if err != nil {
		a.log.Warn("the use of a session cannot be written", "error", err)
	}
}

// SignOut ends a session. One that there is not is ended already.
func (a *Accounts) SignOut(ctx context.Context, token string) error {
	sum := hashOf(token)
	err := a.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM sessions WHERE hash = ?`, sum[:])
		return err
	})
	if err != nil {
		return fmt.Errorf("account: session: %w", a.db.Wrap(err))
	}
	return nil
}

// Word returns the word that a page has to know to change something for the caller of ctx:
// only what may read the server's answers does, and no page of another site. It is of the
// session, or of who needs none, and outlives a restart.
func (a *Accounts) Word(ctx context.Context) string {
	of := "caller " + CallerOf(ctx).Tenant()
	if token := SessionOf(ctx); token != "" {
		sum := hashOf(token)
		of = "session " + hex.EncodeToString(sum[:])
	}
	mac := hmac.New(sha256.New, a.secret)
	mac.Write([]byte(of))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// Knows says whether a text is the Word of ctx.
func (a *Accounts) Knows(ctx context.Context, word string) bool {
	return subtle.ConstantTimeCompare([]byte(word), []byte(a.Word(ctx))) == 1
}

func (a *Accounts) readSecret(ctx context.Context) error {
	if err := a.db.QueryRowContext(ctx, `SELECT secret FROM session_secret`).Scan(&a.secret); err != nil {
		return fmt.Errorf("account: session: %w", a.db.Wrap(err))
	}
	return nil
}
