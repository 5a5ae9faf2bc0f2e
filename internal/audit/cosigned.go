package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/transparency"
)

// AskedWitness is a witness that cosigns a log's checkpoints.
type AskedWitness struct {
	URL string // of the witness, without /add-checkpoint
	Key *transparency.Verifier
}

// Asking says whom a log asks.
type Asking struct {
	Witnesses []AskedWitness
	Client    *http.Client // nil: one that waits for askPatience
	Log       *slog.Logger
	Pause     time.Duration // between two checkpoints that are shown; 0: askPause
}

const (
	askPause    = time.Second
	askPatience = 10 * time.Second
	maxReply    = 64 << 10 // bytes
)

// cosignedName is the newest checkpoint that a witness cosigned; the one that is served may
// be newer.
const cosignedName = "cosigned"

// Ask shows witnesses the checkpoints of a log as it grows, until ctx is done, and has it
// serve what they cosigned. One that does not answer holds up nothing.
func (w *Writer) Ask(ctx context.Context, o Asking) {
	if o.Client == nil {
		o.Client = &http.Client{Timeout: askPatience}
	}
	if o.Pause == 0 {
		o.Pause = askPause
	}
	for ctx.Err() == nil {
		if err := w.askAll(ctx, &o); err != nil && ctx.Err() == nil {
			o.Log.Warn("a witness did not cosign the log", "error", err)
		}
		select {
		case <-ctx.Done():
		case <-time.After(o.Pause):
		}
	}
}

// askAll shows the newest checkpoint to all witnesses that have not cosigned it.
func (w *Writer) askAll(ctx context.Context, o *Asking) error {
	shown := w.Checkpoint()
	lines := make([]string, len(o.Witnesses))
	faults := make([]error, len(o.Witnesses))
	var asked sync.WaitGroup
	for i := range o.Witnesses {
		if one := &o.Witnesses[i]; !hasSigned(shown, one.Key) {
			asked.Go(func() { lines[i], faults[i] = w.ask(ctx, o.Client, one, shown) })
		}
	}
	asked.Wait()
	more := strings.Join(lines, "")
	if more == "" {
		return errors.Join(faults...)
	}
	return errors.Join(append(faults, w.cosign(shown, more))...)
}

// hasSigned says whether a witness's line stands on a note, which was checked before.
func hasSigned(note []byte, v *transparency.Verifier) bool {
	_, signatures, _ := bytes.Cut(note, []byte("\n\n"))
	return bytes.Contains(signatures, []byte("\u2014 "+v.Name()+" "))
}

// ask shows a witness a checkpoint, with the proof that it goes on from what the witness
// has, and returns its cosignature's line.
func (w *Writer) ask(ctx context.Context, client *http.Client, to *AskedWitness, shown []byte) (line string, err error) {
	log, err := at(w.dir, shown)
	if err != nil {
		return "", err
	}
	old := log.Size // perhaps it has this one
	for range 3 {
		status, body, err := post(ctx, client, to.URL+"/add-checkpoint", log, old)
		if err != nil {
			return "", fmt.Errorf("%s: %w", to.Key.Name(), err)
		}
		switch status {
		case transparency.StatusCosigned:
			trust := transparency.Trust{Origin: log.Origin, Logs: []*transparency.Verifier{w.Verifier()}, Witnesses: []*transparency.Verifier{to.Key}, Quorum: 1}
			if _, err := trust.Open(append(bytes.Clone(shown), body...)); err != nil || strings.Count(body, "\n") != 1 {
				return "", fmt.Errorf("%s: what it answers is no cosignature of its key: %w", to.Key.Name(), errors.Join(err, errReply))
			}
			return body, nil
		case transparency.StatusOtherSize:
			size, ok := transparency.ParseSize(strings.TrimSuffix(body, "\n"))
			if !ok || size > log.Size {
				return "", fmt.Errorf("%s: it has seen %.40q leaves, the log has %d: %w", to.Key.Name(), body, log.Size, errReply)
			}
			old = size
		default:
			return "", fmt.Errorf("%s: status %d, %.200q: %w", to.Key.Name(), status, body, errReply)
		}
	}
	return "", fmt.Errorf("%s: it has another size each time: %w", to.Key.Name(), errReply)
}

// errReply is an answer of a witness that is no use.
var errReply = errors.New("no cosignature")

// post sends a checkpoint that is to go on from so many leaves.
func post(ctx context.Context, client *http.Client, url string, log *Reader, old int64) (status int, body string, err error) {
	var proof []tlog.Hash
	if old > 0 && old < log.Size {
		if _, proof, err = log.ProveSince(old); err != nil {
			return 0, "", err
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(transparency.FormatAdd(old, proof, log.Note())))
	if err != nil {
		return 0, "", err
	}
	answer, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(io.LimitReader(answer.Body, maxReply))
	return answer.StatusCode, string(text), err
}

// cosign has the log keep a checkpoint with lines of witnesses.
func (w *Writer) cosign(shown []byte, lines string) error {
	p := &Pending{cosigned: append(bytes.Clone(shown), lines...), there: make(chan struct{})}
	w.put(p)
	_, err := p.Wait()
	return err
}

// keepCosigned keeps a checkpoint that witnesses cosigned, and serves it where it is still
// the newest. The writing goroutine calls it.
func (w *Writer) keepCosigned(note []byte) error {
	c, err := unverified(note)
	if err != nil {
		return err
	}
	private := filepath.Join(w.dir, privateName)
	if err := writeSynced(filepath.Join(private, cosignedName), note, 0o600); err != nil {
		return err
	}
	if err := syncFolder(private); err != nil || c.Size != w.tree.size {
		return err
	}
	if err := writeSynced(filepath.Join(w.dir, CheckpointName), note, 0o644); err != nil {
		return err
	}
	w.mu.Lock()
	w.note = note
	w.mu.Unlock()
	return syncFolder(w.dir)
}

// ReadCosigned opens a log to read from it as witnesses cosigned it last; false: none did.
func ReadCosigned(dir string) (r *Reader, ok bool, err error) {
	note, err := readFile(filepath.Join(dir, privateName, cosignedName), transparency.MaxNote)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err == nil {
		r, err = at(dir, note)
	}
	return r, err == nil, err
}

// ReadFor opens a log to prove a leaf: as witnesses cosigned it last, where that has the
// leaf, else as it is.
func ReadFor(dir string, index int64) (*Reader, error) {
	r, ok, err := ReadCosigned(dir)
	if err != nil || ok && index < r.Size {
		return r, err
	}
	return Read(dir)
}

// DefaultRetention is how long receipts are kept: half a year.
const DefaultRetention = 182 * 24 * time.Hour

// KeepFor erases receipts that are older than an age, now and every hour until ctx is done.
func (w *Writer) KeepFor(ctx context.Context, age time.Duration, log *slog.Logger) {
	for ctx.Err() == nil {
		now := time.Now()
		erased, err := Retain(w.dir, now.Add(-age), now)
		if err != nil {
			log.Error("old receipts cannot be erased", "error", err)
		}
		if erased > 0 {
			log.Info("old receipts were erased", "receipts", erased)
		}
		select {
		case <-ctx.Done():
		case <-time.After(retainPause):
		}
	}
}

// retainPause is how often old receipts are looked for.
const retainPause = time.Hour
