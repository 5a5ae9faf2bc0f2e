package history

import (
	"context"
	"time"

	"github.com/blitz-r1/blitz/internal/database"
)

// Change is something that happened to what a tenant has. One of its parts is set.
type Change struct {
	Chat       *Chat     // a chat that is new or changed
	Gone       string    // a chat that is deleted
	In         string    // the chat that Messages and Removed are of
	Messages   []Message // new or changed ones, without the text of files
	Removed    []string  // messages that are deleted
	Presets    bool      // the presets changed
	Everything bool      // more than is said: read all anew
}

// Subscribe has hear called with each change of a tenant's chats, in the order in which
// they are made, until the returned function is called. Of what other processes change it
// hears within a second, and not what it was. hear must not wait, nor change
// anything through the Store.
func (s *Store) Subscribe(tenant string, hear func(Change)) (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nextID++
	id := s.nextID
	if s.heard[tenant] == nil {
		s.heard[tenant] = map[int]func(Change){}
	}
	s.heard[tenant][id] = hear
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.heard[tenant], id)
		if len(s.heard[tenant]) == 0 {
			delete(s.heard, tenant)
			delete(s.known, tenant)
		}
	}
}

// tell tells the subscribers of a tenant.
func (s *Store) tell(tenant string, said []Change) {
	if len(said) == 0 {
		return
	}
	s.mu.Lock()
	hearers := make([]func(Change), 0, len(s.heard[tenant]))
	for _, h := range s.heard[tenant] {
		hearers = append(hearers, h)
	}
	s.mu.Unlock()
	for _, h := range hearers {
		for _, c := range said {
			h(c)
		}
	}
}

// missed returns what is to be told of a change that brought a tenant to a revision: where
// another process made changes before it, it is everything.
func (s *Store) missed(tenant string, revision int64, said []Change) []Change {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.heard[tenant] == nil {
		return said
	}
	before, ok := s.known[tenant]
	s.known[tenant] = revision
	if ok && before != revision-1 {
		said = append(said, Change{Everything: true})
	}
	return said
}

// listenEvery is how often it is looked whether another process changed something.
const listenEvery = time.Second

// orphansAgain is how long orphans are left alone behind an error, such as of a full disk.
const orphansAgain = time.Minute

// listen tells the subscribers of what other processes change, and ends what dead ones left,
// until ctx ends.
func (s *Store) listen(ctx context.Context, watch *database.Watch) {
	tick := time.NewTicker(listenEvery)
	defer tick.Stop()
	changed := false
	var rest time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if now := time.Now(); !now.Before(rest) {
			if err := s.endOrphans(ctx); err != nil && ctx.Err() == nil {
				s.log.Error("what a process that is gone left under way could not be ended", "error", err)
				rest = now.Add(orphansAgain)
			}
		}
		some, err := watch.Changed()
		changed = changed || some || err != nil
		if changed && s.hearOthers(ctx) == nil {
			changed = false
		}
	}
}

// hearOthers tells the subscribers of each tenant whose chats another process changed.
func (s *Store) hearOthers(ctx context.Context) error {
	select {
	case s.order <- struct{}{}: // what this process changes is known
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-s.order }()
	for _, tenant := range s.subscribed() {
		var revision int64
		err := s.db.QueryRowContext(ctx, `SELECT coalesce(max(revision), 0) FROM chat_tenants WHERE name = ?`, tenant).Scan(&revision)
		if err != nil {
			return err
		}
		if s.isNews(tenant, revision) {
			s.tell(tenant, []Change{{Everything: true}})
		}
	}
	return nil
}

// subscribed returns the tenants that have subscribers.
func (s *Store) subscribed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []string
	for tenant := range s.heard {
		list = append(list, tenant)
	}
	return list
}

// isNews notes the revision of a tenant, and says whether it is another one than before.
func (s *Store) isNews(tenant string, revision int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	before, ok := s.known[tenant]
	s.known[tenant] = revision
	return ok && before != revision
}
