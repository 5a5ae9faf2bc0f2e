package account

import (
	"context"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
)

// Options say how accounts are kept.
type Options struct {
	Log *slog.Logger     // gets a line for each entry of the audit; nil: none
	Now func() time.Time // nil: time.Now
}

// Accounts are the keys, their usage and the audit. Any goroutine may use them.
type Accounts struct {
	db    *database.DB
	log   *slog.Logger
	now   func() time.Time
	watch *database.Watch

	looking sync.Mutex // one look at the file at a time: nobody goes on with a view that is old
	seen    int64      // key_changes when the view was read
	stale   bool       // the view has to be read

	mu      sync.Mutex
	view    view
	gauges  map[string]*gauge // of the keys that were used, by their ids
	ledger  ledger
	flushed sync.Mutex // one flush at a time

	secret   []byte // of the words against forgery; see Word
	attempts attempts

	stop chan struct{}
	done chan struct{}
}

// view is the keys as they were read last.
type view struct {
	byHash map[hash]*stored
	list   []*stored // in the order in which they were made
}

// stored is a key with its hash.
type stored struct {
	Key
	hash hash
}

// Open returns the accounts of a file that was opened with Tables. Close writes what was
// not written yet; the file stays open.
func Open(ctx context.Context, db *database.DB, o Options) (*Accounts, error) {
	a := &Accounts{
		db: db, log: o.Log, now: o.Now, stale: true,
		gauges: map[string]*gauge{}, ledger: newLedger(), stop: make(chan struct{}), done: make(chan struct{}),
	}
	if a.log == nil {
		a.log = slog.New(slog.DiscardHandler)
	}
	if a.now == nil {
		a.now = time.Now
	}
	var err error
	if a.watch, err = db.Watch(ctx); err != nil {
		return nil, err
	}
	err = a.look()
	if err == nil {
		err = a.readMonth(ctx)
	}
	if err == nil {
		err = a.readSecret(ctx)
	}
	if err != nil {
		a.watch.Close()
		return nil, err
	}
	go a.writeAlong()
	return a, nil
}

// Close writes what is not written yet.
func (a *Accounts) Close() error {
	close(a.stop)
	<-a.done
	err := a.Flush(context.Background())
	a.watch.Close()
	return err
}

// look reads the keys anew where somebody changed them: it asks the file for its version,
// which takes some microseconds.
func (a *Accounts) look() error {
	a.looking.Lock()
	defer a.looking.Unlock()
	changed, err := a.watch.Changed()
	if err != nil {
		return fmt.Errorf("account: %w", err)
	}
	if !changed && !a.stale {
		return nil
	}
	first := a.stale && a.view.byHash == nil
	a.stale = true
	var count int64
	if err := a.db.QueryRow(`SELECT count FROM key_changes`).Scan(&count); err != nil {
		return fmt.Errorf("account: %w", a.db.Wrap(err))
	}
	if first || count != a.seen {
		list, err := readKeys(context.Background(), a.db)
		if err != nil {
			return err
		}
		a.show(list)
	}
	// What was committed between the two reads is seen by the next look.
	a.seen, a.stale = count, false
	return nil
}

// show makes a list of keys the view, and lets go of what was counted for others.
func (a *Accounts) show(list []*stored) {
	v := view{byHash: make(map[hash]*stored, len(list)), list: list}
	live := map[string]bool{}
	for _, k := range list {
		v.byHash[k.hash] = k
		live[k.ID] = k.Revoked.IsZero()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.view = v
	for id, g := range a.gauges {
		if !live[id] && g.running == 0 {
			delete(a.gauges, id)
		}
	}
}

// Find returns who a key belongs to, as things stand at this moment in all processes. The
// error wraps ErrUnknown, ErrRevoked or ErrExpired, or is one of the file.
func (a *Accounts) Find(text string) (Caller, error) {
	if err := a.look(); err != nil {
		return Caller{}, err
	}
	if len(text) > maxText {
		return Caller{}, fmt.Errorf("account: %w", ErrUnknown)
	}
	sum := hashOf(text)
	a.mu.Lock()
	k := a.view.byHash[sum]
	a.mu.Unlock()
	if k == nil || subtle.ConstantTimeCompare(k.hash[:], sum[:]) != 1 {
		return Caller{}, fmt.Errorf("account: %w", ErrUnknown)
	}
	return a.live(k)
}

// live returns the caller of a key that counts.
func (a *Accounts) live(k *stored) (Caller, error) {
	switch k.State(a.now()) {
	case "revoked":
		return Caller{}, fmt.Errorf("account: %w", ErrRevoked)
	case "expired":
		return Caller{}, fmt.Errorf("account: %w", ErrExpired)
	}
	return k.caller(), nil
}

// Recall returns the caller that a Tenant names, for what is done when they are not there
// any more. The error is that of Find.
func (a *Accounts) Recall(tenant string) (Caller, error) {
	switch tenant {
	case ownerName:
		return Owner(), nil
	case anyoneName:
		return Anyone(), nil
	}
	if err := a.look(); err != nil {
		return Caller{}, err
	}
	a.mu.Lock()
	i := slices.IndexFunc(a.view.list, func(k *stored) bool { return k.ID == tenant })
	var k *stored
	if i >= 0 {
		k = a.view.list[i]
	}
	a.mu.Unlock()
	if k == nil {
		return Caller{}, fmt.Errorf("account: %w", ErrUnknown)
	}
	return a.live(k)
}

// AnyLive says whether there is a key that counts, in any process' eyes.
func (a *Accounts) AnyLive() (bool, error) {
	if err := a.look(); err != nil {
		return false, err
	}
	now := a.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, k := range a.view.list {
		if k.State(now) == "live" {
			return true, nil
		}
	}
	return false, nil
}

// Database returns the file.
func (a *Accounts) Database() *database.DB { return a.db }
