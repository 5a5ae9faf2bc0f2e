package host

import (
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/hub"
)

// usePause is how long nothing is written of a further use of a model.
const usePause = time.Minute

// uses notes in the store when models are used, each at most once a minute.
type uses struct {
	mu   sync.Mutex
	last map[hub.Digest]time.Time // by the key of the name
}

func (u *uses) note(store *hub.Store, m *hub.Model) {
	key, now := m.Name.Key(), time.Now()
	u.mu.Lock()
	fresh := now.Sub(u.last[key]) < usePause
	if !fresh {
		if u.last == nil {
			u.last = map[hub.Digest]time.Time{}
		}
		u.last[key] = now
	}
	u.mu.Unlock()
	if !fresh {
		store.Touch(m)
	}
}
