package audit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/blitz-r1/blitz/internal/fetch"
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
	askMost     = 5 * time.Minute // between two tries of a witness that does not cosign
	askPatience = 10 * time.Second
	maxReply    = 64 << 10 // bytes
)

// cosignedName is the newest checkpoint that a witness cosigned; the one that is served may
// be newer.
const cosignedName = "cosigned"

// Ask shows witnesses the checkpoints of a log as it grows, until ctx is done, and has it
// serve what they cosigned. One that does not answer holds up nothing, and is asked the
// less often the longer that lasts.
func (w *Writer) Ask(ctx context.Context, o Asking) {
	a := w.newAsker(o)
	for ctx.Err() == nil {
		a.turn(ctx, time.Now())
		select {
		case <-ctx.Done():
		case <-time.After(a.Pause):
		}
	}
}

// asker shows checkpoints to witnesses. One goroutine uses it.
type asker struct {
	Asking
	log   *Writer
	asked []course
}

// course is how it went with a witness.
type course struct {
	faults int       // in a row
	next   time.Time // it is not asked before
}

func (w *Writer) newAsker(o Asking) *asker {
	if o.Client == nil {
		o.Client = fetch.Named(askPatience)
	}
	if o.Pause == 0 {
		o.Pause = askPause
	}
	return &asker{Asking: o, log: w, asked: make([]course, len(o.Witnesses))}
}

// turn shows the newest checkpoint to the witnesses that have not cosigned it, and whose
// time it is.
func (a *asker) turn(ctx context.Context, now time.Time) {
	shown := a.log.Checkpoint()
	lines := make([]string, len(a.Witnesses))
	faults := make([]error, len(a.Witnesses))
	var open sync.WaitGroup
	for i := range a.Witnesses {
		one := &a.Witnesses[i]
		if hasSigned(shown, one.Key) || now.Before(a.asked[i].next) {
			continue
		}
		open.Go(func() { lines[i], faults[i] = a.log.ask(ctx, a.Client, one, shown) })
	}
	open.Wait()
	if more := strings.Join(lines, ""); more != "" {
		if err := a.log.cosign(shown, more); err != nil && ctx.Err() == nil {
			a.Log.Error("what witnesses cosigned cannot be kept", "error", err)
		}
	}
	for i := range a.asked {
		if ctx.Err() == nil && (faults[i] != nil || lines[i] != "") {
			a.note(i, now, faults[i])
		}
	}
}

// note notes how it went with a witness: the pauses behind faults grow.
func (a *asker) note(i int, now time.Time, fault error) {
	x := &a.asked[i]
	if fault == nil {
		if x.faults > 0 {
			a.Log.Info("a witness cosigns again", "witness", a.Witnesses[i].Key.Name())
		}
		*x = course{}
		return
	}
	pause := askMost
	if x.faults < 16 {
		pause = min(a.Pause<<x.faults, askMost)
	}
	x.faults++
	x.next = now.Add(pause)
	a.Log.Warn("a witness did not cosign the log", "error", fault, "times", x.faults, "again_in", pause)
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
	text, err := fetch.ReadReply(answer, maxReply)
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
