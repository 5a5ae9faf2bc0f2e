package quantize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"github.com/blitz-r1/blitz/internal/message"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// Progress says how far Write is.
type Progress struct {
	Tensor  string // that was begun last
	Done    int64  // bytes of the new file
	Total   int64
	Resumed int64 // of Done, what an earlier try had written
}

// Memory for rows: so many numbers for all threads together, but no thread gets a piece
// smaller or larger than these unless a row is.
const (
	allPieces  = 1 << 26
	leastPiece = 1 << 16
	mostPiece  = 1 << 20
)

// saveEvery is how often what was written is brought to the disk and recorded.
const saveEvery = 500 * time.Millisecond

// Write writes the plan at path, or beside it where it is several files, on that many
// threads, 0 for all processors. report may be nil; it is called by one goroutine at a
// time. Until all is written the files have names that end in .part; a Write that was
// ended, by ctx too, goes on with them where it stopped.
//
// The errors wrap ErrOption, ErrRefused, ErrNoRoom, importance.ErrFormat or ctx's, or are
// of the file system.
func (p *Plan) Write(ctx context.Context, path string, threads int, report func(Progress)) error {
	if err := p.checkNeeds(); err != nil {
		return err
	}
	if err := p.checkEncoders(); err != nil {
		return err
	}
	names := p.Names(path)
	for i, name := range names {
		place, err := p.checkPlace(name)
		if err != nil {
			return err
		}
		names[i] = place
	}
	a, err := p.openPart(names)
	if err != nil {
		return err
	}
	defer a.close()
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	w := &writing{plan: p, part: a, report: report, piece: min(max(allPieces/threads, leastPiece), mostPiece)}
	w.start()
	err = w.run(ctx, threads)
	if err == nil {
		err = a.place()
	}
	switch {
	case errors.Is(err, ErrRefused):
		a.remove() // the same command would come to the same end
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT), errors.Is(err, syscall.EFBIG):
		return fail(ErrNoRoom, "%v; what was written is kept, and the same command goes on", err)
	}
	return err
}

// checkNeeds refuses types that are of no use without importances.
func (p *Plan) checkNeeds() error {
	if len(p.Needs) == 0 {
		return nil
	}
	var to tensor.DType
	for i := range p.Tensors {
		if p.Tensors[i].Name == p.Needs[0] {
			to = p.Tensors[i].To
		}
	}
	rest := ""
	if n := len(p.Needs) - 1; n > 0 {
		rest = fmt.Sprintf(", and so are %d more", n)
	}
	what := "an importance matrix (imatrix)"
	if m := p.options.Importance; m != nil {
		what = "an entry in the importance matrix " + message.Clean(m.Name())
	}
	return fail(ErrRefused, "tensor %s: %s is of no use without %s%s", message.Clean(p.Needs[0]), to, what, rest)
}

// checkEncoders refuses types that can be read alone.
func (p *Plan) checkEncoders() error {
	for i := range p.Tensors {
		if t := &p.Tensors[i]; t.encoded && !quant.Encodes(t.To) {
			return fail(ErrOption, "%s: type %s can be read and not be written, want another --type or --tensor-type", p.at(t), t.To)
		}
	}
	return nil
}

// checkPlace returns where a file goes: name, or what it links to.
func (p *Plan) checkPlace(name string) (string, error) {
	st, err := os.Stat(name)
	switch {
	case err == nil && st.IsDir():
		return "", fail(ErrOption, "%s: is a folder, want the name of a file", name)
	case err == nil && !st.Mode().IsRegular():
		return "", fail(ErrOption, "%s: is no regular file", name)
	case err == nil:
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return "", err
		}
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(name)); err != nil {
			return "", err
		}
	default:
		return "", err
	}
	for _, src := range p.source.Files() {
		if same(name, src) || same(name+partSuffix, src) {
			return "", fail(ErrOption, "%s: is a file of the model that is read, want another OUT", name)
		}
	}
	return name, nil
}

// writing is a Write that runs: threads take pieces in the order of the files, and each
// writes its own to its place.
type writing struct {
	plan   *Plan
	part   *part
	report func(Progress)
	piece  int // numbers of a piece

	mu       sync.Mutex
	tensor   int // the next piece: of this tensor
	row      int
	given    []*piece // those that were taken, from the first one that is not written
	left     []int    // rows of each tensor that are not written
	progress Progress
	reported time.Time
	err      error
}

// piece is some rows of a tensor.
type piece struct {
	tensor, first, count int
	done                 bool
}

// start begins behind what the part has already.
func (w *writing) start() {
	w.tensor, w.row = w.part.next.Tensor, w.part.next.Row
	w.progress.Total = w.plan.Bytes
	w.left = make([]int, len(w.plan.Tensors))
	for i := range w.plan.Tensors {
		t := &w.plan.Tensors[i]
		w.left[i] = t.rows()
		switch row := int64(t.To.RowBytes(t.columns())); {
		case i < w.tensor:
			w.left[i] = 0
			w.progress.Resumed += row * int64(t.rows())
		case i == w.tensor:
			w.row = min(w.row, t.rows())
			w.left[i] -= w.row
			w.progress.Resumed += row * int64(w.row)
		}
	}
	w.progress.Done = w.progress.Resumed
}

// run has threads write all pieces, and meanwhile records what is on the disk. Where it
// is stopped it records that too.
func (w *writing) run(ctx context.Context, threads int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var workers sync.WaitGroup
	for range threads {
		workers.Go(func() {
			if err := w.work(ctx); err != nil {
				w.stop(err)
				cancel(err)
			}
		})
	}
	over, saved := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(saved)
		tick := time.NewTicker(saveEvery)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
				if err := w.save(); err != nil {
					w.stop(err)
					cancel(err)
					return
				}
			}
		}
	}()
	workers.Wait()
	close(over)
	<-saved
	if w.err != nil {
		_ = w.save() // what stopped it says more
	}
	return w.err
}

// stop keeps the first error.
func (w *writing) stop(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err == nil {
		w.err = err
	}
}

// save brings what is written to the disk, and then says so.
func (w *writing) save() error {
	w.mu.Lock()
	tensor, row := w.tensor, w.row
	if len(w.given) > 0 {
		tensor, row = w.given[0].tensor, w.given[0].first
	}
	w.mu.Unlock()
	if err := w.part.sync(); err != nil {
		return err
	}
	return w.part.save(tensor, row)
}

// work writes pieces until there are none.
func (w *writing) work(ctx context.Context) error {
	var e encoder
	for {
		p := w.take()
		if p == nil {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		b, err := e.encode(ctx, w.plan, p)
		if err != nil {
			return err
		}
		t := &w.plan.Tensors[p.tensor]
		row := int64(t.To.RowBytes(t.columns()))
		if _, err := w.part.files[t.file].WriteAt(b, t.offset+int64(p.first)*row); err != nil {
			return err
		}
		w.finish(p, len(b))
	}
}

// take returns the next piece, nil behind the last.
func (w *writing) take() *piece {
	w.mu.Lock()
	defer w.mu.Unlock()
	for w.err == nil && w.tensor < len(w.plan.Tensors) {
		t := &w.plan.Tensors[w.tensor]
		count := min(max(w.piece/max(t.columns(), 1), 1), t.rows()-w.row)
		if t.elements() == 0 || count <= 0 {
			w.tensor, w.row = w.tensor+1, 0
			continue
		}
		p := &piece{tensor: w.tensor, first: w.row, count: count}
		w.row += count
		w.given = append(w.given, p)
		w.progress.Tensor = t.Name
		return p
	}
	return nil
}

// finish takes note of a piece that was written.
func (w *writing) finish(p *piece, bytes int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p.done = true
	for len(w.given) > 0 && w.given[0].done {
		w.given = w.given[1:]
	}
	if w.left[p.tensor] -= p.count; w.left[p.tensor] == 0 {
		w.plan.source.Done(p.tensor)
		w.plan.Tensors[p.tensor].weights.release()
	}
	w.progress.Done += int64(bytes)
	if now := time.Now(); w.report != nil && now.Sub(w.reported) >= 100*time.Millisecond {
		w.reported = now
		w.report(w.progress)
	}
}

// encoder is a thread's memory.
type encoder struct {
	numbers []float32
	bytes   []byte
}

// encode returns the bytes of a piece, until its next call.
func (e *encoder) encode(ctx context.Context, p *Plan, piece *piece) ([]byte, error) {
	t := &p.Tensors[piece.tensor]
	columns := t.columns()
	row := t.To.RowBytes(columns)
	b := grow(&e.bytes, piece.count*row)
	if !t.encoded {
		if err := p.source.Bytes(ctx, piece.tensor, piece.first, b); err != nil {
			return nil, err
		}
		if at := quant.NotFinite(t.To, b); at >= 0 {
			return nil, fail(ErrRefused, "%s: row %d: element %d is NaN or infinite, want finite numbers", p.at(t), piece.first+at/max(columns, 1), at%max(columns, 1))
		}
		return b, nil
	}
	numbers := grow(&e.numbers, piece.count*columns)
	if err := p.source.Rows(ctx, piece.tensor, piece.first, numbers); err != nil {
		return nil, err
	}
	perExpert := t.rows() / t.experts()
	var importance []float32
	for r := range piece.count {
		n := piece.first + r
		if r == 0 || n%perExpert == 0 {
			var err error
			if importance, err = t.weights.of(n / perExpert); err != nil {
				return nil, err
			}
		}
		err := quant.EncodeRow(b[r*row:][:row], t.To, numbers[r*columns:][:columns], importance)
		if errors.Is(err, quant.ErrValue) {
			return nil, fail(ErrRefused, "%s: row %d: %v", p.at(t), n, err)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", p.at(t), err)
		}
	}
	return b, nil
}

// grow returns a slice of n elements that is kept in *s.
func grow[T any](s *[]T, n int) []T {
	if cap(*s) < n {
		*s = make([]T, n)
	}
	return (*s)[:n]
}
