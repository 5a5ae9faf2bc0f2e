package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// ErrNATS is wrapped by errors of a NATS cluster that cannot be used as it is.
var ErrNATS = errors.New("this NATS cluster cannot be used")

// JetStream is a queue of NATS: a stream of jobs and one of audits, and buckets, of three
// replicas each. Nothing but jobs and results goes through it.
type JetStream struct {
	nc       *nats.Conn
	js       jetstream.JetStream
	wait     time.Duration // until a message is delivered again
	replicas int
	note     func(format string, args ...any)

	mu        sync.Mutex
	moved     time.Time // when another server was last asked
	consumers map[string]jetstream.Consumer
	kvs       map[Bucket]jetstream.KeyValue
}

// JetStreamOptions say how a queue of NATS is used.
type JetStreamOptions struct {
	Wait time.Duration // until a message that nobody holds is delivered again; 0: 30 s
	// Note, where not nil, is told what somebody should know who runs this.
	Note func(format string, args ...any)
}

// NewJetStream returns the queue of a NATS cluster, which it makes where it is not there yet,
// and else checks. It waits for the cluster until the context is done. The queue closes the
// connection. The error wraps ErrNATS.
func NewJetStream(ctx context.Context, nc *nats.Conn, o JetStreamOptions) (*JetStream, error) {
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(tryFor))
	if err != nil {
		return nil, err
	}
	q := &JetStream{
		nc: nc, js: js, wait: o.Wait, replicas: 3, note: o.Note,
		consumers: map[string]jetstream.Consumer{}, kvs: map[Bucket]jetstream.KeyValue{},
	}
	if q.wait == 0 {
		q.wait = 30 * time.Second
	}
	if q.note == nil {
		q.note = func(string, ...any) {}
	}
	for _, line := range []Line{Jobs, Audits} {
		if err := q.ensureStream(ctx, line); err != nil {
			return nil, err
		}
	}
	for _, b := range buckets {
		if err := q.ensureBucket(ctx, b); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// triesOfServer is after how many tries another server is asked.
const triesOfServer = 3

// How long one try of a call may take, and how long is waited until the next.
const (
	tryFor     = 5 * time.Second
	tryAgainIn = 200 * time.Millisecond
)

// Bounds of streams.
const (
	maxJobBytes = 1 << 30
	jobsKept    = 30 * 24 * time.Hour // that no node takes
	remembered  = 10 * time.Minute    // ids of messages
)

// kept says for how long a bucket keeps a key, and how many bytes of them. What is full takes
// no more until something is old.
var kept = map[Bucket]struct {
	time  time.Duration
	bytes int64
}{
	Results: {30 * 24 * time.Hour, 1 << 30},
	Audited: {30 * 24 * time.Hour, 1 << 30},
	Faults:  {365 * 24 * time.Hour, 256 << 20}, // proofs
	Lost:    {30 * 24 * time.Hour, 64 << 20},
}

func streamName(of Line) string { return "BLITZ_" + strings.ToUpper(string(of)) }

func subject(of Line, pool string) string { return "blitz." + string(of) + "." + pool }

// Codes of JetStream's errors that are no passing ones.
const (
	codeReplicas     = 10074 // more than one, of a server without a cluster
	codeStoreFailed  = 10077
	codeNotEnabled   = 10039
	codeNotEnabledJS = 10076
)

// persist tries until there is an answer that does not pass by itself.
func (q *JetStream) persist(ctx context.Context, what string, try func(ctx context.Context) error) error {
	before := q.nc.LastError()
	for n := 1; ; n++ {
		once, stop := context.WithTimeout(ctx, tryFor)
		err := try(once)
		stop()
		if err == nil || !passes(err) {
			return err
		}
		if q.nc.IsClosed() {
			return ErrClosed
		}
		if n%triesOfServer == 0 {
			q.move() // this server may be cut off from the others
		}
		if last := q.nc.LastError(); last != before && errors.Is(last, nats.ErrPermissionViolation) {
			return refused(what, fmt.Errorf("this is not allowed (docs/CLUSTER.md lists what has to be): %w", last)) // a refusal is told beside the call, which times out
		}
		select {
		case <-time.After(tryAgainIn):
		case <-ctx.Done():
			return fmt.Errorf("%s: %w (%w)", what, ctx.Err(), err)
		}
	}
}

// move has another server be asked, where there is one: once for all calls that fail together.
func (q *JetStream) move() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.nc.Servers()) > 1 && time.Since(q.moved) > tryFor {
		q.moved = time.Now()
		_ = q.nc.ForceReconnect()
	}
}

// passes says whether an error may pass: no answer, no leader, no room on a disk.
func passes(err error) bool {
	var api *jetstream.APIError
	switch {
	case errors.Is(err, jetstream.ErrKeyExists), errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, nats.ErrPermissionViolation),
		errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrConnectionClosed):
		return false
	case errors.As(err, &api):
		return api.Code == 503 && !isFull(err) && api.ErrorCode != codeNotEnabled || api.Code == 500 && api.ErrorCode != codeReplicas
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrBucketNotFound), errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, jetstream.ErrStreamNameAlreadyInUse), errors.Is(err, jetstream.ErrBucketExists):
		return false
	}
	return true
}

// isFull says whether a stream has no room for more messages.
func isFull(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && api.ErrorCode == codeStoreFailed && strings.Contains(api.Description, "maximum")
}

// refused says what NATS does not allow, and what is needed.
func refused(what string, err error) error {
	return fmt.Errorf("%s: %w: %w", what, err, ErrNATS)
}

// ensureStream makes the stream of a line, or checks the one that is there.
func (q *JetStream) ensureStream(ctx context.Context, line Line) error {
	name := streamName(line)
	return q.ensure(ctx, "the stream "+name, func(ctx context.Context) error {
		s, err := q.js.Stream(ctx, name)
		if err != nil {
			return err
		}
		c := s.CachedInfo().Config
		if c.Retention != jetstream.WorkQueuePolicy || c.Storage != jetstream.FileStorage {
			return refused("the stream "+name, fmt.Errorf("it is of retention %v and storage %v, want a work queue in files", c.Retention, c.Storage))
		}
		q.noteReplicas("the stream "+name, c.Replicas)
		return nil
	}, func(ctx context.Context) error {
		_, err := q.js.CreateStream(ctx, jetstream.StreamConfig{
			Name: name, Subjects: []string{subject(line, "*")}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage, Replicas: q.replicas,
			Duplicates: remembered, MaxMsgSize: MaxMessage, MaxBytes: maxJobBytes, MaxAge: jobsKept, Discard: jetstream.DiscardNew,
		})
		return err
	})
}

// ensureBucket makes a bucket, or checks the one that is there.
func (q *JetStream) ensureBucket(ctx context.Context, b Bucket) error {
	return q.ensure(ctx, "the bucket "+string(b), func(ctx context.Context) error {
		kv, err := q.js.KeyValue(ctx, string(b))
		if err != nil {
			return err
		}
		st, err := kv.Status(ctx)
		if err != nil {
			return err
		}
		if st.History() != 1 {
			return refused("the bucket "+string(b), fmt.Errorf("its history is %d, want 1", st.History()))
		}
		if st.TTL() == 0 {
			q.note("the bucket %s keeps all for ever: its disk fills", b)
		}
		if s, ok := st.(interface{ StreamInfo() *jetstream.StreamInfo }); ok {
			q.noteReplicas("the bucket "+string(b), s.StreamInfo().Config.Replicas)
		}
		q.mu.Lock()
		defer q.mu.Unlock()
		q.kvs[b] = kv
		return nil
	}, func(ctx context.Context) error {
		_, err := q.js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: string(b), History: 1, Storage: jetstream.FileStorage, Replicas: q.replicas, MaxValueSize: MaxMessage, TTL: kept[b].time, MaxBytes: kept[b].bytes,
		})
		return err
	})
}

// ensure looks for something, and makes it where it is not there.
func (q *JetStream) ensure(ctx context.Context, what string, look, create func(ctx context.Context) error) error {
	for {
		err := q.persist(ctx, what, look)
		if !errors.Is(err, jetstream.ErrStreamNotFound) && !errors.Is(err, jetstream.ErrBucketNotFound) {
			return q.explain(what, err)
		}
		err = q.persist(ctx, what, create)
		var api *jetstream.APIError
		switch {
		case err == nil, errors.Is(err, jetstream.ErrStreamNameAlreadyInUse), errors.Is(err, jetstream.ErrBucketExists): // look at it
		case errors.As(err, &api) && api.ErrorCode == codeReplicas && q.replicas > 1:
			q.note("this NATS server has no cluster: one replica, which is lost with its disk")
			q.replicas = 1
		default:
			return q.explain(what, err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
}

// noteReplicas says that there are fewer than should be.
func (q *JetStream) noteReplicas(what string, n int) {
	if n < 3 {
		q.note("%s has %d replicas, want 3: what one server loses is lost", what, n)
	}
}

// explain says what an error of the beginning means.
func (q *JetStream) explain(what string, err error) error {
	var api *jetstream.APIError
	switch {
	case err == nil || errors.Is(err, ErrNATS):
		return err
	case errors.As(err, &api) && (api.ErrorCode == codeNotEnabled || api.ErrorCode == codeNotEnabledJS):
		return refused(what, fmt.Errorf("JetStream is not enabled: %w", err))
	}
	return refused(what, err)
}

// Submit is that of Queue.
func (q *JetStream) Submit(ctx context.Context, to Line, pool, id string, text []byte) error {
	m := &nats.Msg{Subject: subject(to, pool), Data: text, Header: nats.Header{}}
	m.Header.Set(nats.MsgIdHdr, id)
	err := q.persist(ctx, "submit", func(ctx context.Context) error {
		_, err := q.js.PublishMsg(ctx, m, jetstream.WithRetryAttempts(0))
		return err
	})
	if isFull(err) {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	return err
}

// consumer returns who receives the messages of a line of a pool.
func (q *JetStream) consumer(ctx context.Context, of Line, pool string) (jetstream.Consumer, error) {
	name := "workers-" + pool
	if of == Audits {
		name = "auditors-" + pool
	}
	q.mu.Lock()
	c := q.consumers[name]
	q.mu.Unlock()
	if c != nil {
		return c, nil
	}
	err := q.persist(ctx, "the consumer "+name, func(ctx context.Context) (err error) {
		c, err = q.js.CreateOrUpdateConsumer(ctx, streamName(of), jetstream.ConsumerConfig{
			Durable: name, FilterSubject: subject(of, pool), AckPolicy: jetstream.AckExplicitPolicy, AckWait: q.wait, MaxDeliver: deliveries(of),
			MaxAckPending: maxHeld, MaxWaiting: maxHeld,
		})
		return err
	})
	if err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.consumers[name] = c
	return c, nil
}

// maxHeld bounds the messages that all nodes of a pool work on at once: each asks for no more
// than it has slots.
const maxHeld = 4096

// askFor is how long one question for a message waits: one that got lost is asked anew.
const askFor = 10 * time.Second

// Receive is that of Queue.
func (q *JetStream) Receive(ctx context.Context, from Line, pool string) (Delivery, error) {
	for {
		c, err := q.consumer(ctx, from, pool)
		if err != nil {
			return nil, err
		}
		once, stop := context.WithTimeout(ctx, askFor)
		m, err := c.Next(jetstream.FetchContext(once))
		stop()
		switch {
		case err == nil:
			return &natsDelivery{m}, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case q.nc.IsClosed():
			return nil, ErrClosed
		case errors.Is(err, nats.ErrPermissionViolation):
			return nil, refused("receive", err)
		case errors.Is(err, jetstream.ErrConsumerDeleted), errors.Is(err, jetstream.ErrConsumerNotFound), errors.Is(err, nats.ErrNoResponders):
			q.mu.Lock()
			clear(q.consumers)
			q.mu.Unlock()
		case errors.Is(err, context.DeadlineExceeded), errors.Is(err, nats.ErrTimeout):
			continue
		}
		select {
		case <-time.After(tryAgainIn):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// bucket returns a bucket.
func (q *JetStream) bucket(b Bucket) jetstream.KeyValue {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.kvs[b]
}

// Create is that of Queue. A value that was written without an answer exists.
func (q *JetStream) Create(ctx context.Context, in Bucket, key string, value []byte) error {
	err := q.persist(ctx, string(in), func(ctx context.Context) error {
		_, err := q.bucket(in).Create(ctx, key, value)
		return err
	})
	switch {
	case errors.Is(err, jetstream.ErrKeyExists):
		return fmt.Errorf("%s: %.64s: %w", in, key, ErrExists)
	case isFull(err):
		return fmt.Errorf("%s: %w: %w", in, ErrFull, err)
	}
	return err
}

// Get is that of Queue.
func (q *JetStream) Get(ctx context.Context, in Bucket, key string) (value []byte, err error) {
	err = q.persist(ctx, string(in), func(ctx context.Context) error {
		e, err := q.bucket(in).Get(ctx, key)
		if err == nil {
			value = e.Value()
		}
		return err
	})
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, fmt.Errorf("%s: %.64s: %w", in, key, ErrAbsent)
	}
	return value, err
}

// Remove is that of Queue.
func (q *JetStream) Remove(ctx context.Context, in Bucket, key string) error {
	return q.persist(ctx, string(in), func(ctx context.Context) error { return q.bucket(in).Purge(ctx, key) })
}

// Watch is that of Queue. After a break in the connection keys may be told twice.
func (q *JetStream) Watch(ctx context.Context, in Bucket, each func(key string) error) error {
	for {
		var w jetstream.KeyWatcher
		err := q.persist(ctx, string(in), func(context.Context) (err error) {
			w, err = q.bucket(in).WatchAll(ctx, jetstream.IgnoreDeletes(), jetstream.MetaOnly())
			return err
		})
		if err != nil {
			return err
		}
		err = watch(ctx, w, each)
		_ = w.Stop()
		if !errors.Is(err, errUnwatched) {
			return err
		}
	}
}

// errUnwatched is a watch that ended by itself.
var errUnwatched = errors.New("the watch ended")

func watch(ctx context.Context, w jetstream.KeyWatcher, each func(key string) error) error {
	for {
		select {
		case e, ok := <-w.Updates():
			if !ok {
				return errUnwatched
			}
			key := ""
			if e != nil {
				key = e.Key()
			}
			if err := each(key); err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Depth is that of Queue.
func (q *JetStream) Depth(ctx context.Context, of Line, pool string) (waiting, working int, err error) {
	err = q.persist(ctx, "depth", func(ctx context.Context) error {
		c, err := q.consumer(ctx, of, pool)
		if err != nil {
			return err
		}
		i, err := c.Info(ctx)
		if err == nil {
			waiting, working = int(i.NumPending), i.NumAckPending
		}
		return err
	})
	return waiting, working, err
}

// Sweep gives up the messages of a line of a pool that were delivered as often as they may be,
// and that nobody ended: their nodes died of them, or with them.
func (q *JetStream) Sweep(ctx context.Context, of Line, pool string) error {
	s, err := q.js.Stream(ctx, streamName(of))
	if err != nil {
		return err
	}
	c, err := q.consumer(ctx, of, pool)
	if err != nil {
		return err
	}
	i, err := c.Info(ctx)
	if err != nil {
		return err
	}
	ended := i.AckFloor.Stream
	if i.NumAckPending == 0 { // the floor that is told moves with the next acknowledgement only
		ended = max(ended, i.Delivered.Stream)
	}
	for seq := s.CachedInfo().State.FirstSeq; seq <= ended; seq++ {
		m, err := s.GetMsg(ctx, seq, jetstream.WithGetMsgSubject(subject(of, pool)))
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && m.Sequence > ended {
			return nil
		}
		if err != nil {
			return err
		}
		if err := q.giveUp(ctx, of, s, m); err != nil {
			return err
		}
		seq = m.Sequence
	}
	return nil
}

// giveUp gives up one message. That of an audit stands in its place, and passes for none.
func (q *JetStream) giveUp(ctx context.Context, of Line, s jetstream.Stream, m *jetstream.RawStreamMsg) error {
	key, in := sumOf(m.Data), Lost
	if j, err := ParseJob(m.Data); err == nil {
		key = j.ID
		if of == Audits {
			in = Audited
		}
	}
	err := ErrAbsent
	if of == Jobs {
		_, err = q.Get(ctx, Results, key)
	}
	if errors.Is(err, ErrAbsent) {
		err = q.Create(ctx, in, key, newDead(Deliveries, fmt.Sprintf("delivered %d times, and not done", deliveries(of))))
	}
	if err != nil && !errors.Is(err, ErrExists) && !errors.Is(err, ErrFull) {
		return err
	}
	return s.DeleteMsg(ctx, m.Sequence)
}

// Close is that of Queue.
func (q *JetStream) Close() { q.nc.Close() }

// natsDelivery is a message of JetStream.
type natsDelivery struct{ m jetstream.Msg }

func (d *natsDelivery) Text() []byte { return d.m.Data() }
func (d *natsDelivery) ID() string   { return d.m.Headers().Get(nats.MsgIdHdr) }
func (d *natsDelivery) Hold() error  { return d.m.InProgress() }

func (d *natsDelivery) Count() int {
	i, err := d.m.Metadata()
	if err != nil {
		return 1
	}
	return int(min(i.NumDelivered, 1<<30))
}

func (d *natsDelivery) Done(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, tryFor)
	defer stop()
	return d.m.DoubleAck(ctx)
}

func (d *natsDelivery) Again(after time.Duration) error {
	if after <= 0 {
		return d.m.Nak()
	}
	return d.m.NakWithDelay(after)
}

func (d *natsDelivery) Drop(reason string) error { return d.m.TermWithReason(reason) }
