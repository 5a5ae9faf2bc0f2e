package account

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// ledger is the usage that is not in the file yet, and what was used of each month.
// Accounts.mu guards it.
type ledger struct {
	pending, writing map[string]lines // by the ids of keys
	written          map[string]spent // tokens of a month that are in the file
}

// lines are the usage of one key.
type lines map[line]*Usage

type line struct{ day, model string }

type spent struct {
	month  string
	tokens int64
}

func newLedger() ledger {
	return ledger{pending: map[string]lines{}, written: map[string]spent{}}
}

// The forms of days and months.
const (
	dayForm   = time.DateOnly
	monthForm = "2006-01"
)

// add counts usage of a key.
func (l *ledger) add(key string, now time.Time, u Usage) {
	l.addTo(key, line{now.UTC().Format(dayForm), u.Model}, u)
}

func (l *ledger) addTo(key string, at line, u Usage) {
	if l.pending[key] == nil {
		l.pending[key] = lines{}
	}
	if sum := l.pending[key][at]; sum != nil {
		sum.add(u)
		return
	}
	l.pending[key][at] = &u
}

// month returns the tokens that a key used in the month of a moment.
func (l *ledger) month(key string, now time.Time) int64 {
	month := now.UTC().Format(monthForm)
	var n int64
	if w := l.written[key]; w.month == month {
		n = w.tokens
	}
	for _, m := range []map[string]lines{l.pending, l.writing} {
		for at, u := range m[key] {
			if at.day[:len(month)] == month {
				n += u.tokens()
			}
		}
	}
	return n
}

// flushPause is how long usage waits to be written: so much of it a kill may take.
const flushPause = time.Second

// writeAlong writes usage until Close.
func (a *Accounts) writeAlong() {
	defer close(a.done)
	tick := time.NewTicker(flushPause)
	defer tick.Stop()
	failed := false
	for {
		select {
		case <-tick.C:
		case <-a.stop:
			return
		}
		err := a.Flush(context.Background())
		if err != nil && !failed {
			a.log.Error("usage cannot be written; it is kept and tried again", "error", err)
		}
		failed = err != nil
	}
}

// Flush writes the usage that is not in the file yet. What cannot be written is kept. The
// end of ctx does not end it: nobody would know then whether it was written.
func (a *Accounts) Flush(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	a.flushed.Lock()
	defer a.flushed.Unlock()
	a.mu.Lock()
	writing := a.ledger.pending
	if len(writing) == 0 {
		a.mu.Unlock()
		return nil
	}
	a.ledger.writing, a.ledger.pending = writing, map[string]lines{}
	a.mu.Unlock()

	month := a.now().UTC().Format(monthForm)
	sums := map[string]spent{}
	err := a.db.Update(ctx, func(tx *sql.Tx) error {
		for key, l := range writing {
			for at, u := range l {
				if err := writeLine(ctx, tx, key, at, u); err != nil {
					return err
				}
			}
			n, err := readSpent(ctx, tx, key, month)
			if err != nil {
				return err
			}
			sums[key] = spent{month, n}
		}
		return nil
	})

	a.mu.Lock()
	defer a.mu.Unlock()
	a.ledger.writing = nil
	if err != nil {
		for key, l := range writing {
			for at, u := range l {
				a.ledger.addTo(key, at, *u)
			}
		}
		return fmt.Errorf("account: usage: %w", a.db.Wrap(err))
	}
	for key, s := range sums {
		a.ledger.written[key] = s
	}
	return nil
}

func writeLine(ctx context.Context, tx *sql.Tx, key string, at line, u *Usage) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO usage VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
		requests = requests + excluded.requests, failed = failed + excluded.failed,
		prompt = prompt + excluded.prompt, cached = cached + excluded.cached,
		answer = answer + excluded.answer, reasoning = reasoning + excluded.reasoning, micros = micros + excluded.micros`,
		key, at.day, at.model, u.Requests, u.Failed, u.Prompt, u.Cached, u.Answer, u.Reasoning, u.Time.Microseconds())
	return err
}

func readSpent(ctx context.Context, tx *sql.Tx, key, month string) (n int64, err error) {
	err = tx.QueryRowContext(ctx, `SELECT coalesce(sum(prompt + answer), 0) FROM usage WHERE key = ? AND day >= ?`, key, month).Scan(&n)
	return n, err
}

// readMonth reads what was used of this month before.
func (a *Accounts) readMonth(ctx context.Context) error {
	month := a.now().UTC().Format(monthForm)
	rows, err := a.db.QueryContext(ctx, `SELECT key, sum(prompt + answer) FROM usage WHERE day >= ? GROUP BY key`, month)
	if err != nil {
		return fmt.Errorf("account: usage: %w", a.db.Wrap(err))
	}
	defer rows.Close()
	for rows.Next() {
		var key string
		s := spent{month: month}
		if err := rows.Scan(&key, &s.tokens); err != nil {
			return fmt.Errorf("account: usage: %w", a.db.Wrap(err))
		}
		a.ledger.written[key] = s
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("account: usage: %w", a.db.Wrap(err))
	}
	return nil
}
