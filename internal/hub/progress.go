package hub

import "time"

// Stage is what a pull, an import or a check is doing.
type Stage string

// The stages, in the order in which they come.
const (
	Waiting   Stage = "waiting"   // for another blitz that pulls the same name
	Asking    Stage = "asking"    // the source, before bytes flow
	Fetching  Stage = "fetching"  // bytes from the network
	Unpacking Stage = "unpacking" // a model out of the files that carried it
	Copying   Stage = "copying"   // or linking, and digesting a user's file
	Verifying Stage = "verifying" // stored bytes against their digests
	Storing   Stage = "storing"   // the commit
)

// Progress says how far a stage is.
type Progress struct {
	Stage Stage
	What  string // a package, file or name
	Item  int    // this is item 2 …
	Items int    // … of 4; 0 when there is one
	Done  int64  // bytes
	Total int64  // bytes; 0 when not known
}

// meter reports progress at most ten times a second, and every change of
// stage or of what is worked on. It is used by one goroutine at a time.
type meter struct {
	report func(Progress) // may be nil
	last   Progress
	at     time.Time
}

func (m *meter) set(p Progress) {
	if m == nil || m.report == nil {
		return
	}
	same := p.Stage == m.last.Stage && p.What == m.last.What && p.Item == m.last.Item
	finished := p.Total > 0 && p.Done == p.Total && m.last.Done != p.Done
	if same && !finished && (p == m.last || time.Since(m.at) < 100*time.Millisecond) {
		return
	}
	m.last, m.at = p, time.Now()
	m.report(p)
}
