package history

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
)

// Options of a Store.
type Options struct {
	Now func() time.Time // nil: time.Now
	Log *slog.Logger     // nil: none
}

// Store is the chats of all tenants. Any goroutine may use it.
type Store struct {
	db      *database.DB
	clock   func() time.Time
	log     *slog.Logger
	wake    chan struct{} // holds one word that there is something to tend
	end     func()        // ends tending, and waits for it
	writers *writers
	// order holds a token while something is changed and told to the subscribers, so
	// that they hear of changes in the order in which they were made.
	order chan struct{}
	last  Time // the newest moment that was given out; with the token

	importing chan struct{} // holds a token while something is imported
	staged    atomic.Int64  // the import that is under way; 0: none

	mu     sync.Mutex
	heard  map[string]map[int]func(Change) // by tenant
	known  map[string]int64                // the revision of each tenant that has subscribers
	nextID int
}

// Open makes the chats of a file ready, which was opened with Tables. Answers that a process
// left running which has ended are interrupted; those of other stores that are open are not.
func Open(ctx context.Context, db *database.DB, o Options) (*Store, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &Store{
		db: db, clock: o.Now, log: o.Log, wake: make(chan struct{}, 1), order: make(chan struct{}, 1), importing: make(chan struct{}, 1),
		heard: map[string]map[int]func(Change){}, known: map[string]int64{},
	}
	if err := s.checkIndexes(ctx); err != nil {
		return nil, err
	}
	if err := s.enter(ctx); err != nil {
		return nil, err
	}
	watch, err := db.Watch(ctx)
	if err != nil {
		s.writers.close()
		return nil, s.wrap(err)
	}
	open, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { s.tend(open) })
	wg.Go(func() {
		defer watch.Close()
		s.listen(open, watch)
	})
	s.end = sync.OnceFunc(func() {
		cancel()
		wg.Wait()
		s.writers.close()
	})
	return s, nil
}

// enter makes the store one of the writers, and ends what dead ones left.
func (s *Store) enter(ctx context.Context) (err error) {
	s.writers, err = openWriters(s.db.Path() + writersFolder)
	if errors.Is(err, errNoLocks) {
		s.log.Warn("another server with this history would take the answers under way here for interrupted", "error", err)
		s.writers, err = &writers{own: rand.Text()}, nil
	}
	if err != nil {
		return s.wrap(err)
	}
	if err := errors.Join(s.writers.sweep(), s.endOrphans(ctx)); err != nil {
		s.writers.close()
		return s.wrap(err)
	}
	return nil
}

// Close ends what happens in the background. Answers that still run are taken for
// interrupted from then on. It may be called twice.
func (s *Store) Close() { s.end() }

// poke has what is to be tended looked for.
func (s *Store) poke() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// change is a transaction that changes what a tenant has.
type change struct {
	*sql.Tx
	ctx      context.Context
	writer   string // whose answers and imports are begun
	tenant   int64
	revision int64 // of what the tenant has
	now      Time
	said     []Change // what the subscribers are told behind it
	stale    bool     // an index has to be made anew

	prepared map[string]*sql.Stmt // of many changes at once
}

// update changes what a tenant has, all or nothing, and tells the subscribers.
func (s *Store) update(ctx context.Context, tenant string, do func(*change) error) error {
	if tenant == "" {
		return fmt.Errorf("history: want a tenant")
	}
	select {
	case s.order <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("history: waiting to write: %w", context.Cause(ctx))
	}
	defer func() { <-s.order }()
	s.last = max(TimeOf(s.clock()), s.last+1)
	c := &change{ctx: ctx, writer: s.writers.own, now: s.last}
	err := s.db.Update(ctx, func(tx *sql.Tx) error {
		c.Tx, c.said = tx, nil
		err := tx.QueryRowContext(ctx, `INSERT INTO chat_tenants (name, revision) VALUES (?, 1) ON CONFLICT DO UPDATE SET revision = revision + 1 RETURNING n, revision`, tenant).Scan(&c.tenant, &c.revision)
		if err != nil {
			return err
		}
		return do(c)
	})
	if err != nil {
		return s.wrap(err)
	}
	if c.stale {
		s.poke()
	}
	s.tell(tenant, s.missed(tenant, c.revision, c.said))
	return nil
}

// exec runs a statement of a change.
func (c *change) exec(statement string, args ...any) error {
	_, err := c.ExecContext(c.ctx, statement, args...)
	return err
}

// run is exec for statements of which a change has many.
func (c *change) run(statement string, args ...any) error {
	s, err := c.prepare(statement)
	if err != nil {
		return err
	}
	_, err = s.ExecContext(c.ctx, args...)
	return err
}

// insert is run for an insertion of one row, and returns its number. RETURNING would give
// that, too, but has SQLite begin a savepoint, for which FTS5 writes what it gathered: a
// piece of the index for each message, all of which are joined later.
func (c *change) insert(statement string, args ...any) (int64, error) {
	s, err := c.prepare(statement)
	if err != nil {
		return 0, err
	}
	done, err := s.ExecContext(c.ctx, args...)
	if err != nil {
		return 0, err
	}
	return done.LastInsertId()
}

// number runs a query for a number, of which a change has many.
func (c *change) number(statement string, args ...any) (n int64, err error) {
	s, err := c.prepare(statement)
	if err != nil {
		return 0, err
	}
	err = s.QueryRowContext(c.ctx, args...).Scan(&n)
	return n, err
}

func (c *change) prepare(statement string) (*sql.Stmt, error) {
	if s := c.prepared[statement]; s != nil {
		return s, nil
	}
	s, err := c.PrepareContext(c.ctx, statement)
	if err != nil {
		return nil, err
	}
	if c.prepared == nil {
		c.prepared = map[string]*sql.Stmt{}
	}
	c.prepared[statement] = s
	return s, nil
}

// close lets go of the statements. The end of the transaction does the same.
func (c *change) close() {
	for _, s := range c.prepared {
		s.Close()
	}
}

// row runs a query of a change that has one row.
func (c *change) row(query string, args ...any) *sql.Row {
	return c.QueryRowContext(c.ctx, query, args...)
}

// wrap names the package in errors of the file; those of this package stay as they are.
func (s *Store) wrap(err error) error {
	if err == nil || isOwn(err) {
		return err
	}
	return fmt.Errorf("history: %w", s.db.Wrap(err))
}
