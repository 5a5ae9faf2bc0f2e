package batch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// maxUnderWay bounds the batches of a tenant that are not over.
const maxUnderWay = 100

// insert makes a batch, unless the client made it before under the same word.
func (b *Batches) insert(ctx context.Context, x *batch) (made *batch, err error) {
	err = b.db.Update(ctx, func(tx *sql.Tx) error {
		made, err = scanBatch(tx.QueryRowContext(ctx, `SELECT `+columns+` FROM batches WHERE tenant = ? AND once = ? AND once <> ''`, x.tenant, x.once).Scan)
		if err == nil || !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		made = x
		var known, underWay int
		err := tx.QueryRowContext(ctx, `SELECT
			(SELECT count(*) FROM files WHERE id = ? AND tenant = ? AND purpose = ? AND (expires_at = 0 OR expires_at > ?)),
			(SELECT count(*) FROM batches WHERE tenant = ? AND ended_at = 0)`, x.input, x.tenant, batchPurpose, x.created, x.tenant).Scan(&known, &underWay)
		switch {
		case err != nil:
			return err
		case known == 0:
			return &wire.Error{Kind: wire.NotFound, Param: "input_file_id", Message: "there is no file " + wire.Quote(x.input)}
		case underWay >= maxUnderWay:
			return &wire.Error{Kind: wire.RateLimit, RetryAfter: 30 * time.Second, Message: fmt.Sprintf("%d batches are under way, want fewer than %d", underWay, maxUnderWay)}
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO batches (`+columns+`) VALUES (?`+strings.Repeat(", ?", len(x.values())-1)+`)`, x.values()...)
		return err
	})
	if err != nil {
		return nil, told(b.db.Wrap(err))
	}
	return made, nil
}

// get returns a batch of a tenant's.
func (b *Batches) get(ctx context.Context, tenant, id string) (*batch, error) {
	x, err := scanBatch(b.db.QueryRowContext(ctx, `SELECT `+columns+` FROM batches WHERE id = ? AND tenant = ?`, id, tenant).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, &wire.Error{Kind: wire.NotFound, Param: "batch_id", Message: "there is no batch " + wire.Quote(id)}
	case err != nil:
		return nil, failed(b.db.Wrap(err))
	}
	return x, nil
}

// query returns the batches that a condition holds for, in the order in which they came.
func (b *Batches) query(ctx context.Context, condition string, args ...any) ([]*batch, error) {
	rows, err := b.db.QueryContext(ctx, `SELECT `+columns+` FROM batches WHERE `+condition+` ORDER BY created_at, rowid`, args...)
	if err != nil {
		return nil, b.db.Wrap(err)
	}
	defer rows.Close()
	list := []*batch{}
	for rows.Next() {
		x, err := scanBatch(rows.Scan)
		if err != nil {
			return nil, b.db.Wrap(err)
		}
		list = append(list, x)
	}
	return list, b.db.Wrap(rows.Err())
}

// exec changes a batch.
func (b *Batches) exec(ctx context.Context, statement string, args ...any) error {
	return b.db.Update(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, statement, args...)
		return b.db.Wrap(err)
	})
}

// cancel notes that a batch is not wanted any more.
func (b *Batches) cancel(ctx context.Context, tenant, id string) (*batch, error) {
	if _, err := b.get(ctx, tenant, id); err != nil {
		return nil, err
	}
	err := b.exec(ctx, `UPDATE batches SET status = ?, cancelling_at = ? WHERE id = ? AND ended_at = 0 AND status <> ?`, cancelling, b.o.Now().Unix(), id, cancelling)
	if err != nil {
		return nil, failed(err)
	}
	x, err := b.get(ctx, tenant, id)
	if err == nil && x.isOver() {
		return nil, &wire.Error{Kind: wire.Conflict, Message: "the batch is " + x.status + " and cannot be cancelled"}
	}
	return x, err
}

// purge forgets batches whose results were let go.
func (b *Batches) purge(ctx context.Context) error {
	return b.exec(ctx, `DELETE FROM batches WHERE ended_at > 0 AND ended_at + keep <= ?`, b.o.Now().Unix())
}

// answered returns the numbers of the lines that have a result.
func (b *Batches) answered(ctx context.Context, id string) (map[int]bool, error) {
	rows, err := b.db.QueryContext(ctx, `SELECT line FROM batch_lines WHERE batch = ?`, id)
	if err != nil {
		return nil, b.db.Wrap(err)
	}
	defer rows.Close()
	numbers := map[int]bool{}
	for rows.Next() {
		var n int
		if err := rows.Scan(&n); err != nil {
			return nil, b.db.Wrap(err)
		}
		numbers[n] = true
	}
	return numbers, b.db.Wrap(rows.Err())
}

// record keeps the result of a line for good, if it has none. The counts of the batch
// change with it.
func (b *Batches) record(ctx context.Context, id string, number int, result []byte, isFailed bool) error {
	return b.db.Update(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO batch_lines VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`, id, number, isFailed, result)
		if err != nil {
			return b.db.Wrap(err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return b.db.Wrap(err)
		}
		_, err = tx.ExecContext(ctx, `UPDATE batches SET completed = completed + ?, failed = failed + ? WHERE id = ?`, !isFailed, isFailed, id)
		return b.db.Wrap(err)
	})
}
