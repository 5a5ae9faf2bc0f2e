package cluster

import (
	"context"
	"slices"
	"sort"
	"sync"
	"time"
)

// Memory is the queue of one node, in its process: it listens nowhere, and is gone with it.
// What it takes is bounded by what waits, and by what nobody has forgotten (Forget).
type Memory struct {
	// Keep is for how long keys are kept; 0: until they are removed. It is set before use.
	Keep time.Duration

	mu      sync.Mutex
	lines   map[string]*memoryLine
	seen    map[string]time.Time // when ids were submitted lately, by line
	lately  []memoryID           // they, oldest first
	buckets map[Bucket]map[string]memoryValue
	order   map[Bucket][]memoryKey // keys, as they came
	number  uint64                 // of the latest of them
	changed chan struct{}          // closed and made anew with each change
	bytes   int                    // of all messages that wait
	closed  bool
}

// memoryID is an id that was submitted.
type memoryID struct {
	name string
	at   time.Time
}

// memoryKey is a key of a bucket.
type memoryKey struct {
	number uint64 // the later a key came the greater
	key    string
	at     time.Time
}

// memoryValue is what a bucket has under a key.
type memoryValue struct {
	number uint64 // of the coming of the key
	value  []byte
}

// memoryLine is the messages of a line of a pool.
type memoryLine struct {
	waiting []*memoryMessage // that may be delivered, oldest first
	later   []*memoryMessage // that are to come again
	working int
}

// memoryMessage is a message.
type memoryMessage struct {
	text  []byte
	id    string
	count int
	ready time.Time // not before
}

// maxWaiting bounds the messages of a Memory that wait, in bytes.
const maxWaiting = 1 << 30

// NewMemory returns an empty queue.
func NewMemory() *Memory {
	m := &Memory{lines: map[string]*memoryLine{}, seen: map[string]time.Time{}, buckets: map[Bucket]map[string]memoryValue{}, order: map[Bucket][]memoryKey{}, changed: make(chan struct{})}
	for _, b := range buckets {
		m.buckets[b] = map[string]memoryValue{}
	}
	return m
}

// tell wakes all who wait. The lock is held.
func (m *Memory) tell() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// line returns a line. The lock is held.
func (m *Memory) line(of Line, pool string) *memoryLine {
	name := string(of) + "." + pool
	l := m.lines[name]
	if l == nil {
		l = &memoryLine{}
		m.lines[name] = l
	}
	return l
}

// Submit is that of Queue.
func (m *Memory) Submit(_ context.Context, to Line, pool, id string, text []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	name := string(to) + "." + pool + "." + id
	now := time.Now()
	for len(m.lately) > 0 && now.Sub(m.lately[0].at) > remembered {
		if old := m.lately[0]; m.seen[old.name].Equal(old.at) { // else it was forgotten, and came again
			delete(m.seen, old.name)
		}
		m.lately = m.lately[1:]
	}
	switch {
	case m.closed:
		return ErrClosed
	case !m.seen[name].IsZero():
		return nil
	case m.bytes+len(text) > maxWaiting:
		return ErrFull
	}
	m.seen[name] = now
	m.lately = append(m.lately, memoryID{name, now})
	m.bytes += len(text)
	l := m.line(to, pool)
	l.waiting = append(l.waiting, &memoryMessage{text: text, id: id})
	m.tell()
	return nil
}

// take returns a message that may be delivered, nil where there is none, and when the next
// one may be. The lock is held.
func (l *memoryLine) take(now time.Time) (x *memoryMessage, next time.Time) {
	for i, w := range l.later {
		if !w.ready.After(now) {
			l.later = slices.Delete(l.later, i, i+1)
			return w, next
		}
		if next.IsZero() || w.ready.Before(next) {
			next = w.ready
		}
	}
	if len(l.waiting) == 0 {
		return nil, next
	}
	x = l.waiting[0]
	l.waiting[0] = nil
	l.waiting = l.waiting[1:]
	return x, next
}

// Receive is that of Queue.
func (m *Memory) Receive(ctx context.Context, from Line, pool string) (Delivery, error) {
	for {
		m.mu.Lock()
		if m.closed {
			m.mu.Unlock()
			return nil, ErrClosed
		}
		l := m.line(from, pool)
		x, next := l.take(time.Now())
		changed := m.changed
		if x != nil {
			x.count++
			l.working++
			m.bytes -= len(x.text)
			m.mu.Unlock()
			return &memoryDelivery{m: m, l: l, x: x}, nil
		}
		m.mu.Unlock()
		var later <-chan time.Time
		if !next.IsZero() {
			later = time.After(time.Until(next))
		}
		select {
		case <-changed:
		case <-later:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Create is that of Queue.
func (m *Memory) Create(_ context.Context, in Bucket, key string, value []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, there := m.buckets[in][key]; there {
		return ErrExists
	}
	now := time.Now()
	if old := m.order[in]; m.Keep > 0 {
		for ; len(old) > 0 && now.Sub(old[0].at) > m.Keep; old = old[1:] {
			if m.buckets[in][old[0].key].number == old[0].number { // else it was removed, and came again
				delete(m.buckets[in], old[0].key)
			}
		}
		m.order[in] = old
	}
	m.number++
	m.buckets[in][key] = memoryValue{m.number, value}
	m.order[in] = append(m.order[in], memoryKey{m.number, key, now})
	m.tell()
	return nil
}

// Get is that of Queue.
func (m *Memory) Get(_ context.Context, in Bucket, key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, there := m.buckets[in][key]
	if !there {
		return nil, ErrAbsent
	}
	return v.value, nil
}

// Remove is that of Queue.
func (m *Memory) Remove(_ context.Context, in Bucket, key string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.buckets[in], key)
	if n := len(m.order[in]); n > 64 && n > 2*len(m.buckets[in]) {
		m.tidy(in)
	}
	return nil
}

// tidy forgets the order of keys that are gone. The lock is held.
func (m *Memory) tidy(in Bucket) {
	m.order[in] = slices.DeleteFunc(m.order[in], func(k memoryKey) bool { return m.buckets[in][k.key].number != k.number })
}

// Watch is that of Queue.
func (m *Memory) Watch(ctx context.Context, in Bucket, each func(key string) error) error {
	told, caughtUp := uint64(0), false
	for {
		m.mu.Lock()
		var keys []string
		order := m.order[in]
		first := sort.Search(len(order), func(i int) bool { return order[i].number > told })
		for _, k := range order[first:] {
			if m.buckets[in][k.key].number == k.number {
				keys = append(keys, k.key)
			}
		}
		changed, closed := m.changed, m.closed
		told = m.number
		m.mu.Unlock()
		for _, k := range keys {
			if err := each(k); err != nil {
				return err
			}
		}
		if !caughtUp {
			caughtUp = true
			if err := each(""); err != nil {
				return err
			}
		}
		if closed {
			return ErrClosed
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Depth is that of Queue.
func (m *Memory) Depth(_ context.Context, of Line, pool string) (waiting, working int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.line(of, pool)
	return len(l.waiting) + len(l.later), l.working, nil
}

// Forget takes all away that the queue keeps of a job, which may then be handed out anew.
func (m *Memory) Forget(id string) {
	for _, b := range buckets {
		_ = m.Remove(context.Background(), b, id) // which never fails
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for line := range m.lines {
		delete(m.seen, line+"."+id)
	}
}

// Close is that of Queue.
func (m *Memory) Close() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.closed = true
		m.tell()
	}
}

// memoryDelivery is a message that was received.
type memoryDelivery struct {
	m    *Memory
	l    *memoryLine
	x    *memoryMessage
	once sync.Once
}

func (d *memoryDelivery) Text() []byte { return d.x.text }
func (d *memoryDelivery) ID() string   { return d.x.id }
func (d *memoryDelivery) Count() int   { return d.x.count }
func (d *memoryDelivery) Hold() error  { return nil } // nobody else would get it

// end ends the delivery, once.
func (d *memoryDelivery) end(again bool, after time.Duration) {
	d.once.Do(func() {
		d.m.mu.Lock()
		defer d.m.mu.Unlock()
		d.l.working--
		if again {
			d.x.ready = time.Now().Add(after)
			d.l.later = append(d.l.later, d.x)
			d.m.bytes += len(d.x.text)
		}
		d.m.tell()
	})
}

func (d *memoryDelivery) Done(context.Context) error {
	d.end(false, 0)
	return nil
}

func (d *memoryDelivery) Again(after time.Duration) error {
	d.end(true, after)
	return nil
}

func (d *memoryDelivery) Drop(string) error {
	d.end(false, 0)
	return nil
}
