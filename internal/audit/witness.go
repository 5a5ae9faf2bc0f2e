package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/blitz-r1/blitz/internal/signed"
	"github.com/blitz-r1/blitz/internal/transparency"
)

// Witness is a C2SP witness of logs: it cosigns what goes on from what it has seen. Its
// state is on the disk before it answers.
type Witness struct {
	signer *transparency.Signer
	logs   map[string][]*transparency.Verifier
	path   string // of the state

	mu    sync.Mutex // from look to write
	state map[string]seenLog
	fault error // the state cannot be written
}

// seenLog is what a witness has of a log, as its file has it.
type seenLog struct {
	Size int64  `json:"size"`
	Root string `json:"root"`
}

// maxState bounds the file of a witness's state.
const maxState = 16 << 20

// NewWitness returns the witness with a state file, which is made where it is missing.
func NewWitness(s *transparency.Signer, logs []*transparency.Verifier, state string) (*Witness, error) {
	w := &Witness{signer: s, logs: map[string][]*transparency.Verifier{}, path: state, state: map[string]seenLog{}}
	for _, v := range logs {
		w.logs[v.Name()] = append(w.logs[v.Name()], v)
	}
	text, err := readFile(state, maxState)
	if errors.Is(err, fs.ErrNotExist) {
		return w, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &w.state); err != nil {
		return nil, signed.Refuse(signed.Form, "%s: %v", state, err)
	}
	for origin, have := range w.state {
		if _, ok := transparency.ParseHash(have.Root); !ok || have.Size < 0 {
			return nil, signed.Refuse(signed.Form, "%s: %q has no size and root", state, origin)
		}
	}
	return w, nil
}

// ServeHTTP answers POST /add-checkpoint.
func (w *Witness) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/add-checkpoint" {
		http.NotFound(out, r)
		return
	}
	if r.Method != http.MethodPost {
		http.Error(out, "POST alone", http.StatusMethodNotAllowed)
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(out, r.Body, transparency.MaxAddCheckpoint))
	if err != nil {
		http.Error(out, "the request is too long, or broke off", http.StatusBadRequest)
		return
	}
	reply, err := w.add(string(text))
	if err != nil {
		http.Error(out, "the witness cannot keep its state", http.StatusInternalServerError)
		return
	}
	kind := "text/plain; charset=utf-8"
	if reply.Status == transparency.StatusOtherSize {
		kind = transparency.ContentTypeTreeSize
	}
	out.Header().Set("Content-Type", kind)
	out.WriteHeader(reply.Status)
	_, _ = io.WriteString(out, reply.Body)
}

// add decides on a request, and has what it cosigns on the disk before it says so.
func (w *Witness) add(request string) (transparency.Reply, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fault != nil {
		return transparency.Reply{}, w.fault
	}
	reply := transparency.AddCheckpoint(w.signer, request, w.logs, func(origin string) (transparency.Seen, bool) {
		have, ok := w.state[origin]
		root, _ := transparency.ParseHash(have.Root)
		return transparency.Seen{Size: have.Size, Root: root}, ok
	}, time.Now())
	if reply.Status != transparency.StatusCosigned {
		return reply, nil
	}
	w.state[reply.Origin] = seenLog{reply.Seen.Size, reply.Seen.Root.String()}
	text, err := json.MarshalIndent(w.state, "", "  ")
	if err == nil {
		err = writeSynced(w.path, append(text, '\n'), 0o600)
	}
	if err == nil {
		err = syncFolder(filepath.Dir(w.path))
	}
	if err != nil {
		w.fault = fmt.Errorf("the state of the witness, %s, cannot be written: %w", w.path, err)
		return transparency.Reply{}, w.fault
	}
	return reply, nil
}
