package fakehub

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Slow is a hub whose GGUF files come to their half and wait there, until they are let go.
type Slow struct {
	hub  *Hub
	free chan struct{}

	mu      sync.Mutex
	resumed []string
}

// NewSlow returns a slow hub of the files given.
func NewSlow(files map[string][]byte) *Slow { return &Slow{hub: New(files), free: make(chan struct{})} }

// Release lets the rest of all files go.
func (s *Slow) Release() { close(s.free) }

// Resumed returns the ranges that were asked for and do not begin at the beginning.
func (s *Slow) Resumed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.resumed)
}

// ServeHTTP answers what a client asks that pulls.
func (s *Slow) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, ".gguf") && r.Method == http.MethodGet {
		if asked := r.Header.Get("Range"); asked != "" && !strings.HasPrefix(asked, "bytes=0-") {
			s.mu.Lock()
			s.resumed = append(s.resumed, asked)
			s.mu.Unlock()
		}
		name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		w = &slowWriter{w, r, s, len(s.hub.files[name]) / 2}
	}
	s.hub.ServeHTTP(w, r)
}

// slowWriter writes so many bytes and then waits.
type slowWriter struct {
	http.ResponseWriter
	request *http.Request
	hub     *Slow
	left    int
}

func (w *slowWriter) Write(p []byte) (int, error) {
	first := min(len(p), w.left)
	n, err := w.ResponseWriter.Write(p[:first])
	w.left -= first
	if err != nil || first == len(p) {
		return n, err
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush() // who is gone is found by the next write
	select {
	case <-w.hub.free:
	case <-w.request.Context().Done():
		return n, w.request.Context().Err()
	}
	w.left = 1 << 62
	m, err := w.ResponseWriter.Write(p[first:])
	return n + m, err
}
