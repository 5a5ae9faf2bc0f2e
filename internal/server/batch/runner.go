package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
	"github.com/blitz-r1/blitz/internal/filelock"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Options say what batches are made of.
type Options struct {
	Database *database.DB // opened with Tables
	Home     string       // where the folder of the files is; one process runs its batches
	// Tenant returns whose a request is: files and batches are for their tenant alone.
	Tenant func(ctx context.Context) string
	// As returns a context in which the server takes a request for the tenant's own. The
	// error says why the tenant may ask nothing any more.
	As  func(ctx context.Context, tenant string) (context.Context, error)
	Log *slog.Logger
	Now func() time.Time // nil: time.Now
}

// Bounds of what runs at once.
const (
	maxRunning = 8  // batches
	maxAtOnce  = 32 // lines, all batches together
)

// Batches keeps files and runs batches. Any goroutine may use it.
type Batches struct {
	o       Options
	db      *database.DB
	files   *files
	handler http.Handler // answers lines

	wake     chan struct{}           // holds one word that there may be something to run
	slots    chan struct{}           // of lines
	taking   context.Context         // until no more lines are taken
	stop     context.CancelFunc      // ends taking
	asking   context.Context         // of lines that are being answered
	abort    context.CancelCauseFunc // ends asking
	ended    sync.WaitGroup          // the runner and all batches
	mu       sync.Mutex
	underWay map[string]running
	turn     *os.File // locked while this process runs the batches; the runner's
}

// running is a batch that runs.
type running struct {
	tenant string
	cancel context.CancelCauseFunc
}

// Causes of the end of lines that are being answered.
var (
	errCancelled = errors.New("batch: cancelled")
	errExpired   = errors.New("batch: expired")
	errStopped   = errors.New("batch: the server ends")
)

// Open makes files and batches ready: requests are answered, and nothing runs before
// Start.
func Open(ctx context.Context, o Options) (*Batches, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	f, err := openFiles(ctx, o.Database, o.Home, o.Now)
	if err != nil {
		return nil, err
	}
	b := &Batches{o: o, db: o.Database, files: f, wake: make(chan struct{}, 1), slots: make(chan struct{}, maxAtOnce), underWay: map[string]running{}}
	b.taking, b.stop = context.WithCancel(context.Background())
	b.asking, b.abort = context.WithCancelCause(context.Background())
	return b, nil
}

// Start runs batches, those first that an earlier process left, line by line through a
// handler.
func (b *Batches) Start(handler http.Handler) {
	b.handler = handler
	b.ended.Go(b.run)
}

// Close takes no more lines, waits for those that are being answered until ctx ends, and
// then lets them go: the next start answers them again. It may be called twice.
func (b *Batches) Close(ctx context.Context) error {
	b.stop()
	done := make(chan struct{})
	go func() {
		b.ended.Wait()
		b.endTurn()
		close(done)
	}()
	defer b.abort(errStopped)
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		b.abort(errStopped)
		<-done
		return context.Cause(ctx)
	}
}

// poke says that there may be something to run.
func (b *Batches) poke() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// How often what is too old is let go, and how often it is seen what other processes have
// made, cancelled or left.
const (
	housekeeping = time.Minute
	glance       = 2 * time.Second
)

// run starts batches while others come to their end.
func (b *Batches) run() {
	tick, look := time.NewTicker(housekeeping), time.NewTicker(glance)
	defer tick.Stop()
	defer look.Stop()
	b.sweep()
	for b.taking.Err() == nil {
		if err := b.startAll(); err != nil {
			b.o.Log.Error("batches cannot be run", "error", err)
		}
		select {
		case <-b.wake:
		case <-look.C:
		case <-tick.C:
			b.sweep()
		case <-b.taking.Done():
		}
	}
}

// lockName is the file whose lock the process has that runs the batches of a folder.
const lockName = "batches.lock"

// isOurTurn says whether this process runs the batches, which one of those that share the
// folder does. When that ends, another takes its place. Where files have no locks, every
// process takes it that it is alone.
func (b *Batches) isOurTurn() (bool, error) {
	if b.turn != nil {
		return true, nil
	}
	f, err := os.OpenFile(filepath.Join(b.o.Home, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return false, fmt.Errorf("batch: %w", err)
	}
	if err := filelock.Try(f); errors.Is(err, filelock.ErrLocked) {
		return false, f.Close()
	}
	b.turn = f
	return true, nil
}

// endTurn lets another process run the batches.
func (b *Batches) endTurn() {
	if b.turn != nil {
		b.turn.Close()
		b.turn = nil
	}
}

func (b *Batches) sweep() {
	if err := errors.Join(b.files.expire(b.taking), b.purge(b.taking)); err != nil && b.taking.Err() == nil {
		b.o.Log.Error("old files and batches cannot be let go", "error", err)
	}
}

// startAll starts batches as long as there is room: of the tenant that has the fewest
// running, the oldest first.
func (b *Batches) startAll() error {
	if ours, err := b.isOurTurn(); err != nil || !ours {
		return err
	}
	for {
		list, err := b.query(b.taking, `ended_at = 0`)
		if err != nil {
			return err
		}
		b.follow(list)
		x, ctx := b.claim(list)
		if x == nil {
			return nil
		}
		b.ended.Go(func() {
			b.attend(ctx, x)
			b.leave(x.id)
		})
	}
}

// claim returns the next batch of a list, and the context that its lines are answered in.
func (b *Batches) claim(list []*batch) (*batch, context.Context) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.underWay) >= maxRunning {
		return nil, nil
	}
	share := map[string]int{}
	for _, r := range b.underWay {
		share[r.tenant]++
	}
	var next *batch
	for _, x := range list {
		if _, ok := b.underWay[x.id]; !ok && (next == nil || share[x.tenant] < share[next.tenant]) {
			next = x
		}
	}
	if next == nil {
		return nil, nil
	}
	ctx, cancel := context.WithCancelCause(b.asking)
	b.underWay[next.id] = running{next.tenant, cancel}
	return next, ctx
}

func (b *Batches) leave(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.underWay[id].cancel(nil)
	delete(b.underWay, id)
	b.poke()
}

// follow ends the lines of batches that another process has cancelled.
func (b *Batches) follow(list []*batch) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, x := range list {
		if r, ok := b.underWay[x.id]; ok && x.status == cancelling {
			r.cancel(errCancelled)
		}
	}
}

// interrupt ends the lines of a batch that was cancelled.
func (b *Batches) interrupt(id string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if r, ok := b.underWay[id]; ok {
		r.cancel(errCancelled)
	}
	b.poke()
}

// patience is how long a batch that met with a fault of the machine is left alone.
const patience = 5 * time.Second

// attend brings a batch as far as it gets.
func (b *Batches) attend(ctx context.Context, x *batch) {
	err := b.advance(ctx, x)
	if err == nil || b.taking.Err() != nil {
		return
	}
	b.o.Log.Error("a batch cannot go on", "batch", x.id, "error", err)
	select {
	case <-time.After(patience):
	case <-b.taking.Done():
	}
}

// advance takes the steps that a batch has yet to take.
func (b *Batches) advance(ctx context.Context, x *batch) error {
	if x.status == validating {
		if err := b.validate(ctx, x); err != nil || x.isOver() || b.isEnding() {
			return err
		}
	}
	if x.status == inProgress {
		if err := b.answerAll(ctx, x); err != nil || b.isEnding() {
			return err
		}
	}
	return b.finalize(x)
}

// isEnding says whether the next start is to go on.
func (b *Batches) isEnding() bool { return b.taking.Err() != nil }

// validate looks through the lines of a batch.
func (b *Batches) validate(ctx context.Context, x *batch) error {
	v, err := b.look(ctx, x)
	switch {
	case ctx.Err() != nil && err != nil:
		return nil // it was cancelled, or the server ends
	case err != nil:
		return err
	}
	now := b.o.Now().Unix()
	if len(v.errors) == 0 {
		x.status, x.total, x.started = inProgress, int64(v.total), now
	} else {
		x.status, x.endedAt = broken, now
		x.errors = string(wire.Marshal(lineErrors{"list", v.errors}))
	}
	err = b.exec(context.WithoutCancel(ctx), `UPDATE batches SET status = ?, total = ?, errors = ?, started_at = ?, ended_at = ? WHERE id = ? AND status = ?`,
		x.status, x.total, x.errors, x.started, x.endedAt, x.id, validating)
	if err != nil {
		return err
	}
	return b.reload(x)
}

// look looks through the lines of a batch.
func (b *Batches) look(ctx context.Context, x *batch) (*validation, error) {
	in, err := os.Open(b.files.path(x.input))
	if errors.Is(err, fs.ErrNotExist) {
		v := &validation{}
		v.add("file_not_found", 0, "the file is gone", "input_file_id")
		return v, nil
	}
	if err != nil {
		return nil, fmt.Errorf("batch: %w", err)
	}
	defer in.Close()
	v, err := validate(ctx, in, x.endpoint)
	if err != nil {
		return nil, fmt.Errorf("batch: %s: %w", x.input, err)
	}
	return v, nil
}

// reload reads a batch anew: it may have been cancelled.
func (b *Batches) reload(x *batch) error {
	now, err := b.get(context.Background(), x.tenant, x.id)
	if err == nil {
		*x = *now
	}
	return err
}

// answerAll answers the lines that have no result yet, several at once, until all have
// one, the time is over, or it is told to end.
func (b *Batches) answerAll(ctx context.Context, x *batch) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(x.expires-b.o.Now().Unix())*time.Second, errExpired)
	defer cancel()
	done, err := b.answered(context.Background(), x.id)
	if err != nil {
		return err
	}
	in, err := os.Open(b.files.path(x.input))
	if err != nil {
		return fmt.Errorf("batch: %w", err)
	}
	defer in.Close()
	var lines sync.WaitGroup
	defer lines.Wait()
	for r := newLineReader(in); ; {
		text, err := r.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("batch: %s, line %d: %w", x.input, r.number+1, err)
		}
		if done[r.number] {
			continue
		}
		l, err := readLine(text, r.number, x.endpoint)
		if err != nil {
			return fmt.Errorf("batch: %s, line %d, which was looked at before: %w", x.input, r.number, err)
		}
		if !b.slot(ctx) {
			return nil
		}
		lines.Go(func() {
			defer func() { <-b.slots }()
			b.answer(ctx, x, l)
		})
	}
}

// slot waits for the turn of a line. It says no where that is not to come any more.
func (b *Batches) slot(ctx context.Context) bool {
	select {
	case b.slots <- struct{}{}:
	case <-ctx.Done():
		return false
	case <-b.taking.Done():
		return false
	}
	if ctx.Err() != nil || b.isEnding() { // it came at the same moment
		<-b.slots
		return false
	}
	return true
}
