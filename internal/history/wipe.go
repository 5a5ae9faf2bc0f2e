package history

import (
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"strconv"
	"time"
)

// Bounds of what is wiped out at once, while others that write wait.
const (
	wipeAtOnce = 500     // messages, or chats
	wipeBytes  = 1 << 20 // of their text
)

// Empty wipes out what has been in the trash long enough, of all tenants: it is in no
// table, index, free page or log afterwards, unless somebody reads the log.
func (s *Store) Empty(ctx context.Context) error {
	some, err := s.wipe(ctx)
	if err != nil || !some {
		return err
	}
	return s.rewriteIndexes(ctx, 0)
}

// wipe wipes out what has been in the trash long enough, and says whether there was any.
func (s *Store) wipe(ctx context.Context) (some bool, err error) {
	before := TimeOf(s.clock()) - Time(kept.Milliseconds())
	if err := s.forgetStaged(ctx); err != nil {
		return false, s.wrap(err)
	}
	for more := true; more; {
		err := s.db.Update(ctx, func(tx *sql.Tx) (err error) {
			more, err = wipeSome(&change{Tx: tx, ctx: ctx}, before)
			return err
		})
		if err != nil {
			return some, s.wrap(err)
		}
		some = some || more
	}
	if some {
		_, err = s.db.EmptyLog(ctx)
	}
	return some, s.wrap(err)
}

// forgetStaged puts what this store staged of imports that were given up into the trash.
func (s *Store) forgetStaged(ctx context.Context) error {
	const left = ` staged <> 0 AND gone = 0 AND writer = ? AND staged <> ?`
	var some bool
	err := s.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM chats WHERE`+left+`)`, s.writers.own, s.staged.Load()).Scan(&some)
	if err != nil || !some {
		return err
	}
	return s.db.Update(ctx, func(tx *sql.Tx) error { // an import notes itself before it writes
		_, err := tx.ExecContext(ctx, `UPDATE chats SET gone = 1 WHERE`+left, s.writers.own, s.staged.Load())
		return err
	})
}

// wipeSome wipes out some messages and chats, and says whether there was anything.
func wipeSome(c *change, before Time) (bool, error) {
	done, size, err := c.wipeMessages(`gone <> 0 AND gone <= ?`, before, wipeAtOnce)
	for err == nil && done < wipeAtOnce && size < wipeBytes {
		var n int64
		err = c.row(`SELECT n FROM chats WHERE gone <> 0 AND gone <= ? LIMIT 1`, before).Scan(&n)
		if errors.Is(err, sql.ErrNoRows) {
			return done > 0, nil
		}
		if err != nil {
			break
		}
		// A chat goes as soon as it is empty: what is left of many would be looked through each time.
		messages, bytes := 0, int64(0)
		if messages, bytes, err = c.wipeMessages(`chat = ?`, n, wipeAtOnce-done); err == nil && messages == 0 {
			messages, err = 1, c.wipeChat(n)
		}
		done, size = done+messages, size+bytes
	}
	return err == nil && done > 0, err
}

// wipeMessages wipes out messages that a condition holds for, no more than most and than may
// be at once, and returns how many and of how many bytes.
func (c *change) wipeMessages(condition string, of any, most int) (done int, size int64, err error) {
	numbers, size, err := c.toWipe(`SELECT n, octet_length(content) + octet_length(reasoning) FROM chat_messages WHERE `+condition+` LIMIT ?`, of, most)
	for _, n := range numbers {
		if err == nil {
			err = c.wipeMessage(n)
		}
	}
	return len(numbers), size, err
}

// toWipe returns the numbers of messages that a query gives with their sizes, as many as are
// wiped out at once, and the sum of the sizes.
func (c *change) toWipe(query string, args ...any) (numbers []int64, total int64, err error) {
	rows, err := c.QueryContext(c.ctx, query, args...)
	if err != nil {
		return nil, 0, err
	}
	defer rows.Close()
	for total < wipeBytes && rows.Next() {
		var n, size int64
		if err := rows.Scan(&n, &size); err != nil {
			return nil, 0, err
		}
		numbers = append(numbers, n)
		total += size
	}
	return numbers, total, rows.Err()
}

// wipeMessage wipes out a message.
func (c *change) wipeMessage(n int64) error {
	list, err := readMessages(c.ctx, c.Tx, false, `m.n = ?`, n)
	if err != nil || len(list) == 0 {
		return err
	}
	if c.tenant, err = c.number(`SELECT c.tenant FROM chats c JOIN chat_messages m ON m.chat = c.n WHERE m.n = ?`, n); err != nil {
		return err
	}
	if err := c.unindexMessage(n, &list[0].Message); err != nil {
		return err
	}
	return c.run(`DELETE FROM chat_messages WHERE n = ?`, n)
}

// wipeChat wipes out a chat without messages.
func (c *change) wipeChat(n int64) error {
	var title string
	if err := c.row(`SELECT tenant, title FROM chats WHERE n = ?`, n).Scan(&c.tenant, &title); err != nil {
		return err
	}
	if title != "" { // an import gives it at the end
		if err := c.unindex(titleIndex, n, title); err != nil {
			return err
		}
	}
	return c.exec(`DELETE FROM chats WHERE n = ?`, n)
}

// mergeAtOnce is how many pages of the index are written while others that write wait.
const mergeAtOnce = 64

// rewriteIndexes writes the indexes anew, with a pause behind each step: what was taken
// out of them is gone then.
func (s *Store) rewriteIndexes(ctx context.Context, pause time.Duration) error {
	for _, i := range []index{titleIndex, messageIndex} {
		if err := s.rewriteIndex(ctx, i, pause); err != nil {
			return s.wrap(err)
		}
	}
	_, err := s.db.EmptyLog(ctx)
	return s.wrap(err)
}

func (s *Store) rewriteIndex(ctx context.Context, i index, pause time.Duration) error {
	// A part is written anew only when it is joined to another one: a row of no tenant is one.
	row := wordsRow(0, 1+rand.Int64N(maxRow))
	if _, err := s.counted(ctx, i.insert(), row, "x"); err != nil {
		return err
	}
	pages := -mergeAtOnce // at first: all parts are to be joined
	for {
		written, err := s.counted(ctx, i.command("merge", strconv.Itoa(pages)))
		if err != nil {
			return err
		}
		if written < 2 { // as the documentation of FTS5 has it
			break
		}
		pages = mergeAtOnce
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}
	}
	_, err := s.counted(ctx, i.remove(), row, "x")
	return err
}

// counted runs a statement, and returns how many rows it changed, those of the tables
// behind an index included.
func (s *Store) counted(ctx context.Context, statement string, args ...any) (changed int, err error) {
	err = s.db.Update(ctx, func(tx *sql.Tx) error {
		var before, after int
		if err := tx.QueryRowContext(ctx, `SELECT total_changes()`).Scan(&before); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, statement, args...); err != nil {
			return err
		}
		err := tx.QueryRowContext(ctx, `SELECT total_changes()`).Scan(&after)
		changed = after - before
		return err
	})
	return changed, err
}

// tend makes the index anew where it has to be, and wipes out what is in the trash when
// its time has come, until the store is closed. The index of a large history takes long
// to be written: that is done for a small part of the time.
func (s *Store) tend(ctx context.Context) {
	const share = 20
	var stale bool     // words may have stayed behind in the index
	var rest time.Time // until then it is left alone
	for {
		some, err := s.wipe(ctx)
		err = errors.Join(err, s.Reindex(ctx))
		if stale = stale || some; stale && err == nil && !time.Now().Before(rest) {
			begin := time.Now()
			err = s.rewriteIndexes(ctx, 20*time.Millisecond)
			rest = time.Now().Add(share * time.Since(begin))
			stale = err != nil
		}
		wait := kept
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.log.Error("the trash of the chats could not be emptied", "error", err)
		default:
			wait = s.due(ctx)
			if stale {
				wait = min(wait, max(time.Until(rest), time.Second))
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-time.After(wait):
		}
	}
}

// due returns how long it is until something in the trash is wiped out.
func (s *Store) due(ctx context.Context) time.Duration {
	var chat, message sql.NullInt64
	err := s.db.QueryRowContext(ctx, `SELECT (SELECT min(gone) FROM chats WHERE gone <> 0), (SELECT min(gone) FROM chat_messages WHERE gone <> 0)`).Scan(&chat, &message)
	if err != nil {
		return kept
	}
	wait := time.Hour // others that use the file wipe out what they delete
	for _, gone := range []sql.NullInt64{chat, message} {
		if gone.Valid {
			wait = min(wait, Time(gone.Int64).Time().Add(kept).Sub(s.clock()))
		}
	}
	return max(wait, time.Second)
}
