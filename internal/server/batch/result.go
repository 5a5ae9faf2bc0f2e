package batch

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/receipts"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// result is a line of the results.
type result struct {
	ID       string        `json:"id"`
	CustomID string        `json:"custom_id"`
	Response *lineResponse `json:"response"`
	Error    *resultError  `json:"error"`
}

type lineResponse struct {
	Status    int             `json:"status_code"`
	RequestID string          `json:"request_id"`
	Body      json.RawMessage `json:"body"`
	Receipt   string          `json:"receipt,omitempty"` // what the head of the answer names
}

// resultError is why a line has no response.
type resultError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func (l *line) result() *result { return &result{ID: wire.NewID("batch_req_"), CustomID: l.customID} }

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// maxAnswer bounds the answer to a line, in bytes.
const maxAnswer = 64 << 20

var errLarge = errors.New("batch: the answer is too large")

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	if r.body.Len()+len(p) > maxAnswer {
		return 0, errLarge
	}
	return r.body.Write(p)
}

// answer has the server answer a line, and keeps the result. A server that is full, or
// a limit that is reached, is waited for. Nothing is kept where ctx ends before.
func (b *Batches) answer(ctx context.Context, x *batch, l *line) {
	out := l.result()
	as, err := b.o.As(inference.InBatch(ctx, x.id+"/"+strconv.Itoa(l.number)), x.tenant)
	for err == nil {
		rec := b.ask(as, x.endpoint, l.body)
		if ctx.Err() != nil && rec.status != http.StatusOK {
			return
		}
		if wait, again := retry(rec); again {
			select {
			case <-time.After(wait):
				continue
			case <-ctx.Done():
				return
			case <-b.taking.Done():
				return
			}
		}
		if !json.Valid(rec.body.Bytes()) {
			err = fmt.Errorf("batch: an answer of status %d and %d bytes is no JSON: %w", rec.status, rec.body.Len(), errLarge)
			break
		}
		out.Response = &lineResponse{rec.status, rec.header.Get("X-Request-Id"), rec.body.Bytes(), rec.header.Get(receipts.Header)}
		break
	}
	if err != nil {
		out.Error = &resultError{"not_answered", message(err)}
	}
	b.persist(x.id, l.number, append(wire.Marshal(out), '\n'), out.Response == nil || out.Response.Status >= http.StatusBadRequest)
}

// message returns what a client is told of an error.
func message(err error) string {
	switch e := wire.AsError(err); {
	case errors.Is(err, errLarge):
		return "the answer is too large for a batch"
	default:
		return e.Message
	}
}

// ask sends a line through the server.
func (b *Batches) ask(ctx context.Context, endpoint string, body []byte) (rec *recorder) {
	rec = &recorder{header: http.Header{}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+endpoint, bytes.NewReader(body))
	if err != nil {
		panic(err) // the endpoint is one of ours
	}
	r.Header.Set("Content-Type", "application/json")
	defer func() {
		if fault := recover(); fault != nil {
			// The frame of the server wrote down what it was; here it is an answer that broke off.
			rec = &recorder{header: http.Header{}, status: http.StatusInternalServerError}
			rec.body.Write(wire.Marshal(map[string]any{"error": map[string]any{"message": "the server failed to answer", "type": "server_error", "param": nil, "code": nil}}))
		}
	}()
	b.handler.ServeHTTP(rec, r)
	return rec
}

// Bounds of how long a full server is left alone.
const (
	usualWait = 2 * time.Second
	maxWait   = 30 * time.Second
)

// retry says whether a line is to be sent again, and after what time.
func retry(rec *recorder) (time.Duration, bool) {
	if rec.status != http.StatusTooManyRequests && rec.status != http.StatusServiceUnavailable {
		return 0, false
	}
	wait := usualWait
	if n, err := strconv.Atoi(rec.header.Get("Retry-After")); err == nil {
		wait = min(time.Duration(max(n, 1))*time.Second, maxWait)
	}
	return wait, true
}

// persist keeps a result. What cannot be written is tried again until the server ends.
func (b *Batches) persist(id string, number int, text []byte, isFailed bool) {
	for {
		err := b.record(context.WithoutCancel(b.taking), id, number, text, isFailed)
		if err == nil {
			return
		}
		b.o.Log.Error("a result cannot be kept", "batch", id, "line", number, "error", err)
		select {
		case <-time.After(patience):
		case <-b.taking.Done():
			return
		}
	}
}

// finalize writes the results into files, and ends the batch.
func (b *Batches) finalize(x *batch) error {
	ctx := context.Background()
	if err := b.exec(ctx, `UPDATE batches SET status = ?, finalizing_at = ? WHERE id = ? AND status = ?`, finalizing, b.o.Now().Unix(), x.id, inProgress); err != nil {
		return err
	}
	if err := b.reload(x); err != nil || x.isOver() {
		return err
	}
	status, code, why := completed, "", ""
	switch {
	case x.done+x.failed == x.total && x.total > 0:
	case x.cancelling != 0:
		status, code, why = cancelled, "batch_cancelled", "the batch was cancelled before this line was answered"
	default:
		status, code, why = expired, "batch_expired", "the time of the batch was over before this line was answered"
	}
	good, err := b.results(ctx, x, "output", func(out io.Writer) error { return b.copyResults(ctx, out, x.id, false) })
	if err != nil {
		return err
	}
	bad, err := b.results(ctx, x, "error", func(out io.Writer) error {
		return errors.Join(b.copyResults(ctx, out, x.id, true), b.copyUnanswered(ctx, out, x, code, why))
	})
	if err == nil {
		err = b.end(ctx, x, status, good, bad)
	}
	if err != nil {
		b.files.drop(good, bad)
	}
	if errors.Is(err, errOver) {
		return nil
	}
	return err
}

// errOver says that another process ended the batch meanwhile.
var errOver = errors.New("batch: it is over already")

// results writes a file of results; nil: there are none.
func (b *Batches) results(_ context.Context, x *batch, kind string, fill func(io.Writer) error) (*file, error) {
	now := b.o.Now().Unix()
	until := now + x.keep
	f := &file{ID: wire.NewID(filePrefix), Purpose: outPurpose, Filename: x.id + "_" + kind + ".jsonl", CreatedAt: now, ExpiresAt: &until}
	var err error
	if f.Bytes, err = b.files.write(f.ID, fill); err != nil {
		return nil, err
	}
	if f.Bytes == 0 {
		return nil, os.Remove(b.files.path(f.ID))
	}
	return f, nil
}

// copyResults writes the results that were kept, those of failed lines or the others.
func (b *Batches) copyResults(ctx context.Context, out io.Writer, id string, isFailed bool) error {
	rows, err := b.db.QueryContext(ctx, `SELECT result FROM batch_lines WHERE batch = ? AND failed = ? ORDER BY line`, id, isFailed)
	if err != nil {
		return b.db.Wrap(err)
	}
	defer rows.Close()
	for rows.Next() {
		var text sql.RawBytes
		if err := rows.Scan(&text); err != nil {
			return b.db.Wrap(err)
		}
		if _, err := out.Write(text); err != nil {
			return fmt.Errorf("batch: %w", err)
		}
	}
	return b.db.Wrap(rows.Err())
}

// copyUnanswered writes an error for each line that has no result.
func (b *Batches) copyUnanswered(ctx context.Context, out io.Writer, x *batch, code, why string) error {
	if code == "" || x.total == 0 { // all have one; or it ended before it was looked at
		return nil
	}
	done, err := b.answered(ctx, x.id)
	if err != nil {
		return err
	}
	in, err := os.Open(b.files.path(x.input))
	if err != nil {
		return fmt.Errorf("batch: %w", err)
	}
	defer in.Close()
	for r := newLineReader(in); ; {
		text, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("batch: %w", err)
		}
		if done[r.number] {
			continue
		}
		l, err := readLine(text, r.number, x.endpoint)
		if err != nil {
			return err
		}
		one := l.result()
		one.Error = &resultError{code, why}
		if _, err := out.Write(append(wire.Marshal(one), '\n')); err != nil {
			return fmt.Errorf("batch: %w", err)
		}
	}
}

// end makes the files of results known and the batch one that is over, all at once.
func (b *Batches) end(ctx context.Context, x *batch, status string, good, bad *file) error {
	return b.db.Update(ctx, func(tx *sql.Tx) error {
		var ids [2]string
		for i, f := range []*file{good, bad} {
			if f == nil {
				continue
			}
			ids[i] = f.ID
			if err := b.files.add(ctx, tx, x.tenant, f); err != nil {
				return b.db.Wrap(err)
			}
		}
		done, err := tx.ExecContext(ctx, `UPDATE batches SET status = ?, output_file = ?, error_file = ?, ended_at = ? WHERE id = ? AND ended_at = 0`,
			status, ids[0], ids[1], b.o.Now().Unix(), x.id)
		if err != nil {
			return b.db.Wrap(err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, errOver)
		}
		_, err = tx.ExecContext(ctx, `DELETE FROM batch_lines WHERE batch = ?`, x.id)
		return b.db.Wrap(err)
	})
}
