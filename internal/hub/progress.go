package hub

import (
	"fmt"
	"sync"
	"time"
)

// Stage is what a pull, an import or a check is doing.
type Stage string

// The stages, in the order in which they come.
const (
	Waiting   Stage = "waiting"   // for another blitz that pulls the same name
	Pausing   Stage = "pausing"   // before another try; What says why
	Asking    Stage = "asking"    // the source, before bytes flow
	Fetching  Stage = "fetching"  // bytes from the network
	Unpacking Stage = "unpacking" // a model out of the files that carried it
	Copying   Stage = "copying"   // or linking, and digesting a user's file
	Verifying Stage = "verifying" // stored bytes against their digests
	Storing   Stage = "storing"   // the commit
	Noting    Stage = "noting"    // nothing: What says what is worth knowing of the model that comes
)

// Progress says how far a stage is.
type Progress struct {
	Stage Stage
	What  string // a package, file or name
	Item  int    // this is item 2 …
	Items int    // … of 4; 0 when there is one
	Done  int64  // bytes
	Total int64  // bytes; 0 when not known

	Version string        // commit, tag or digest of what is fetched, once it is known
	Speed   float64       // bytes a second over the last seconds; 0 when not known
	Left    time.Duration // until Done is Total at this speed; 0 when not known
}

// meter reports progress at most ten times a second, and every change of
// stage or of what is worked on. Several goroutines may use it.
type meter struct {
	mu     sync.Mutex
	report func(Progress) // may be nil
	last   Progress
	at     time.Time

	version string // of what is fetched
	speed   Speed
}

func (m *meter) set(p Progress) {
	if m == nil || m.report == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	same := p.Stage == m.last.Stage && p.What == m.last.What && p.Item == m.last.Item
	finished := p.Total > 0 && p.Done == p.Total && m.last.Done != p.Done
	if same && !finished && (p == m.last || time.Since(m.at) < 100*time.Millisecond) {
		return
	}
	m.last, m.at = p, time.Now()
	if !same {
		m.speed = Speed{}
	}
	m.speed.Add(m.at, p.Done)
	p.Version = m.version
	if p.Speed = m.speed.Rate(); p.Speed > 0 && p.Total > p.Done {
		p.Left = time.Duration(float64(p.Total-p.Done) / p.Speed * float64(time.Second))
	}
	m.report(p)
}

// note tells what is worth knowing of the model that comes, a line each.
func (m *meter) note(lines []string) {
	for _, line := range lines {
		m.set(Progress{Stage: Noting, What: line})
	}
}

// wait tells of a pause before another try.
func (m *meter) wait(pause time.Duration, why error) {
	m.set(Progress{Stage: Pausing, What: fmt.Sprintf("%v: %v", pause.Round(time.Second/10), why)})
}

// speedWindow is the time over which speed is measured.
const speedWindow = 5 * time.Second

// Speed measures bytes a second over the last seconds.
type Speed struct {
	at   []time.Time
	done []int64
}

// Add notes how many bytes are done at a time.
func (s *Speed) Add(now time.Time, done int64) {
	s.at, s.done = append(s.at, now), append(s.done, done)
	for len(s.at) > 2 && now.Sub(s.at[1]) > speedWindow {
		s.at, s.done = s.at[1:], s.done[1:]
	}
}

// Rate returns bytes a second, 0 while there is too little to tell.
func (s *Speed) Rate() float64 {
	last := len(s.at) - 1
	if last < 1 {
		return 0
	}
	d := s.at[last].Sub(s.at[0]).Seconds()
	if d < 0.2 {
		return 0
	}
	return max(0, float64(s.done[last]-s.done[0])/d)
}
