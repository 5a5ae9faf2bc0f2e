package cluster

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"
)

// Errors of queues.
var (
	ErrExists = errors.New("there is one under this key")
	ErrAbsent = errors.New("there is none under this key")
	ErrFull   = errors.New("the queue is full")
	ErrClosed = errors.New("the queue is closed")
)

// Line is what is delivered to whom.
type Line string

// The lines.
const (
	Jobs   Line = "jobs"   // to nodes that work
	Audits Line = "audits" // to nodes that audit: jobs that are done, to be computed again
)

// Bucket is a place in which a key is created once.
type Bucket string

// The buckets.
const (
	Results Bucket = "blitz_results" // by job
	Faults  Bucket = "blitz_faults"  // by job
	Lost    Bucket = "blitz_dead"    // by job, or by the sum of a message that is none
	Audited Bucket = "blitz_audits"  // by job: the result of who computed it again; by the sum of a seed: what it is for
)

// buckets are all of them.
var buckets = []Bucket{Results, Faults, Lost, Audited}

// MaxDeliver is how often a job is delivered until it is given up.
const MaxDeliver = 5

// maxAuditDeliver is how often an audit is: it may come to the node that it is of again and
// again.
const maxAuditDeliver = 100

// deliveries returns how often a message of a line is delivered until it is given up.
func deliveries(of Line) int {
	if of == Audits {
		return maxAuditDeliver
	}
	return MaxDeliver
}

// Queue moves jobs and keeps results. Any goroutine may use it. Errors of calls whose context
// is done are its error.
type Queue interface {
	// Submit puts a message into a line, once for each id within some minutes. It is
	// durable when the call returns. The error wraps ErrFull where there is no room.
	Submit(ctx context.Context, to Line, pool, id string, text []byte) error
	// Receive waits for a message.
	Receive(ctx context.Context, from Line, pool string) (Delivery, error)
	// Create keeps a value. The error wraps ErrExists where there is one under the key.
	Create(ctx context.Context, in Bucket, key string, value []byte) error
	// Get returns a value. The error wraps ErrAbsent.
	Get(ctx context.Context, in Bucket, key string) ([]byte, error)
	// Remove takes a key away, if it is there. Only what is alive again is: keys of Lost.
	Remove(ctx context.Context, in Bucket, key string) error
	// Watch tells each key that there is, once, then "", then each that comes, until the
	// context is done or each returns an error, which is returned.
	Watch(ctx context.Context, in Bucket, each func(key string) error) error
	// Depth returns how many messages of a line wait, and how many are being worked on.
	Depth(ctx context.Context, of Line, pool string) (waiting, working int, err error)
	// Close lets go of the queue. It may be called twice.
	Close()
}

// Delivery is a message that was received. It is delivered to another again if none of Done,
// Again and Drop is called, or Hold not often enough.
type Delivery interface {
	Text() []byte
	ID() string // with which it was submitted; "": none
	Count() int // how often it was delivered by now
	Hold() error
	Done(ctx context.Context) error
	Again(after time.Duration) error
	Drop(reason string) error
}

var poolName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// CheckPool says what is wrong with the name of a pool.
func CheckPool(name string) error {
	if !poolName.MatchString(name) {
		return fmt.Errorf("pool %.40q, want 1 to 32 letters, digits, - and _", name)
	}
	return nil
}
