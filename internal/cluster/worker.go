package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blitz-r1/blitz/internal/signed"
)

// Runner computes jobs. Any goroutine may use it.
type Runner interface {
	// Check says why a job cannot be computed here, whoever asks for it: a Refusal.
	Check(j *Job) error
	// Run computes a job. A Refusal says that the job is at fault, another error that
	// another time or node may do better.
	Run(ctx context.Context, j *Job) (*Result, error)
}

// Worker takes messages of a pool, computes them, and creates results.
type Worker struct {
	Queue  Queue
	Pool   string
	Node   string // id of the key that Run signs with
	Peers  *Peers
	Runner Runner
	Slots  int           // messages of a line that are worked on at once
	Wait   time.Duration // until a message that nobody holds is delivered again
	Audits bool          // computes audited jobs of other nodes again, too
	// Report, where not nil, is told what goes wrong. Several goroutines call it.
	Report func(format string, args ...any)

	Counts Counts
}

// Counts are what a worker did.
type Counts struct {
	Done, Audited, Faults, Dead, Failed atomic.Int64
}

// stored bounds how long a worker tries to write down what it has, where the queue does not
// answer: behind it the message is left to be delivered again.
const stored = 2 * time.Minute

// Run works until the context is done, and returns its error, or that of a queue that was
// closed.
func (w *Worker) Run(ctx context.Context) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var all sync.WaitGroup
	for _, line := range w.lines() {
		for range max(w.Slots, 1) {
			all.Go(func() {
				stop(w.work(ctx, line))
			})
		}
	}
	all.Wait()
	return context.Cause(ctx)
}

// lines returns what the worker takes messages from.
func (w *Worker) lines() []Line {
	if w.Audits {
		return []Line{Jobs, Audits}
	}
	return []Line{Jobs}
}

// work takes one message after the other, until the queue has an error.
func (w *Worker) work(ctx context.Context, line Line) error {
	for {
		d, err := w.Queue.Receive(ctx, line, w.Pool)
		if err != nil {
			return err
		}
		w.take(ctx, line, d)
	}
}

// report reports what went wrong with a message.
func (w *Worker) report(format string, args ...any) {
	if w.Report != nil {
		w.Report(format, args...)
	}
}

// take works on one message. What it does not end is delivered again.
func (w *Worker) take(ctx context.Context, line Line, d Delivery) {
	j, err := w.read(d)
	if err != nil {
		w.drop(ctx, line, d, j, err)
		return
	}
	held, let := context.WithCancel(ctx)
	var holding sync.WaitGroup
	holding.Go(func() { w.hold(held, d) })
	defer holding.Wait()
	defer let()
	if line == Jobs {
		err = w.job(ctx, d, j)
	} else {
		err = w.audit(ctx, d, j)
	}
	switch {
	case err == nil:
	case signed.ReasonOf(err) != "":
		w.drop(ctx, line, d, j, err)
	case ctx.Err() != nil:
		_ = d.Again(0) // who does not hear it has the wait
	case d.Count() >= deliveries(line):
		w.Counts.Failed.Add(1)
		w.drop(ctx, line, d, j, &signed.Refusal{Reason: Deliveries, Detail: err.Error()})
	default:
		w.Counts.Failed.Add(1)
		w.report("job %.12s: %v", j.ID, err)
		_ = d.Again(w.Wait / 4)
	}
}

// deadPlace returns where a message is written down that is not delivered again. That of an
// audit stands in its place, and passes for none (CheckAudit): somebody waits for it.
func deadPlace(line Line, d Delivery, j *Job) (in Bucket, key string) {
	key = deadKey(d, j)
	if line == Audits && j != nil && key == j.ID {
		return Audited, key
	}
	return Lost, key
}

// deadKey returns under which key a message is written down that is not delivered again: the
// id of a job, where its bytes are those of the id; else their sum.
func deadKey(d Delivery, j *Job) string {
	if j != nil && bytes.Equal(j.Text(), d.Text()) {
		return j.ID
	}
	return sumOf(d.Text())
}

// read reads a message, and checks that it is a job that can be computed here. The error is a
// Refusal; a job that cannot be is returned, too.
func (w *Worker) read(d Delivery) (*Job, error) {
	j, err := ParseJob(d.Text())
	if err != nil {
		return nil, err
	}
	if id, _, _ := strings.Cut(d.ID(), "/"); signed.IsDigest(id) && id != j.ID {
		return j, signed.Refuse(signed.Digest, "the job is %s, it was submitted as %s", j.ID, id)
	}
	return j, w.Runner.Check(j)
}

// hold says that the message is being worked on, until it is not.
func (w *Worker) hold(ctx context.Context, d Delivery) {
	t := time.NewTicker(max(w.Wait/3, time.Millisecond))
	defer t.Stop()
	for {
		select {
		case <-t.C:
			_ = d.Hold() // who does not hear it delivers it again
		case <-ctx.Done():
			return
		}
	}
}

// drop writes down why a message is not delivered again, and ends it.
func (w *Worker) drop(ctx context.Context, line Line, d Delivery, j *Job, err error) {
	in, key := deadPlace(line, d, j)
	ctx, stop := context.WithTimeout(ctx, stored)
	defer stop()
	w.Counts.Dead.Add(1)
	var r *signed.Refusal
	errors.As(err, &r)
	w.report("message %.12s: dropped: %v", key, err)
	if err := w.Queue.Create(ctx, in, key, newDead(r.Reason, r.Detail)); err != nil && !errors.Is(err, ErrExists) && !errors.Is(err, ErrFull) {
		w.report("message %.12s: %v", key, err)
		return // it comes again
	}
	if err := d.Drop(string(r.Reason)); err != nil {
		w.report("message %.12s: %v", key, err)
	}
}

// job computes a job, and creates its result.
func (w *Worker) job(ctx context.Context, d Delivery, j *Job) error {
	mine, err := w.Runner.Run(ctx, j)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, stored)
	defer stop()
	err = w.Queue.Create(ctx, Results, j.ID, mine.Text())
	if errors.Is(err, ErrExists) {
		var there []byte
		if there, err = w.Queue.Get(ctx, Results, j.ID); err == nil {
			_, err = w.compare(ctx, j, there, mine)
		}
	}
	if err != nil {
		return unrefused(err)
	}
	w.Counts.Done.Add(1)
	return unrefused(d.Done(ctx))
}

// unrefused returns an error of the queue, which is no fault of the job.
func unrefused(err error) error {
	if signed.ReasonOf(err) != "" {
		return fmt.Errorf("the queue: %s", err.Error())
	}
	return err
}

// compare compares the result that is there with one's own, and writes a fault down where it
// is another.
func (w *Worker) compare(ctx context.Context, j *Job, there []byte, mine *Result) (equal bool, err error) {
	reason, why := Compare(j, there, mine, w.Peers)
	if reason == "" {
		return true, nil
	}
	w.Counts.Faults.Add(1)
	w.report("job %.12s: fault: %s: %v", j.ID, reason, why)
	err = w.Queue.Create(ctx, Faults, j.ID, newFault(j.ID, reason, there, mine))
	if errors.Is(err, ErrExists) {
		err = nil
	}
	return false, err
}

// Compare says in what the result that is there is wrong, beside one that was computed here:
// "" where they are equal; Signature where it is none of a peer, or none of the job; Output
// where it is another answer. why says more.
func Compare(j *Job, there []byte, mine *Result, peers *Peers) (reason signed.Reason, why error) {
	r, err := ParseResult(there)
	if err != nil {
		return signed.Signature, err
	}
	s, err := r.Verify(j, peers)
	if err != nil {
		return signed.Signature, err
	}
	own, err := mine.Receipt.Statement()
	if err != nil {
		return signed.Signature, err
	}
	if !Equal(s, own) {
		return signed.Output, fmt.Errorf("%s and %s have two answers", r.Node, mine.Node)
	}
	return "", nil
}

// audit computes a job that is done again, where another node did it.
func (w *Worker) audit(ctx context.Context, d Delivery, j *Job) error {
	there, err := w.Queue.Get(ctx, Results, j.ID)
	switch {
	case errors.Is(err, ErrAbsent):
		return fmt.Errorf("it is to be audited, and there is no result")
	case err != nil:
		return unrefused(err)
	}
	if r, err := ParseResult(there); err == nil && r.Node == w.Node {
		if d.Count() < deliveries(Audits) {
			return d.Again(w.Wait / 16) // nobody audits himself
		}
		// There is nobody else: what stands as the audit then passes for none (CheckAudit).
		if err := exists(w.Queue.Create(ctx, Audited, j.ID, there)); err != nil {
			return unrefused(err)
		}
		return unrefused(d.Done(ctx))
	}
	mine, err := w.Runner.Run(ctx, j)
	if err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, stored)
	defer stop()
	if _, err := w.compare(ctx, j, there, mine); err != nil {
		return unrefused(err)
	}
	if err := w.Queue.Create(ctx, Audited, j.ID, mine.Text()); err != nil && !errors.Is(err, ErrExists) {
		return unrefused(err)
	}
	w.Counts.Audited.Add(1)
	return unrefused(d.Done(ctx))
}

// CheckAudit checks that what stands as the audit of a result is one: of the same job, by
// another peer who may audit. equal says whether it is the same answer. The error is a
// Refusal.
func CheckAudit(j *Job, result, audit []byte, peers *Peers) (equal bool, err error) {
	a, err := ParseResult(audit)
	if err != nil {
		return false, err
	}
	if _, err := a.Verify(j, peers); err != nil {
		return false, err
	}
	if !peers.ByKey(a.Node).May(Audit) {
		return false, signed.Refuse(signed.Key, "%s may not audit", a.Node)
	}
	if r, err := ParseResult(result); err == nil && r.Node == a.Node {
		return false, signed.Refuse(signed.Key, "%s audited itself", a.Node)
	}
	reason, _ := Compare(j, result, a, peers)
	return reason == "", nil
}
