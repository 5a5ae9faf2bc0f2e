package ollama

import (
	"net/http"

	"github.com/blitz-r1/blitz/internal/server/wire"
)

// status is a line of what takes long.
type status struct {
	Status    string `json:"status"`
	Digest    string `json:"digest,omitempty"`
	Total     int64  `json:"total,omitempty"`
	Completed int64  `json:"completed,omitempty"`
}

// steps tells a client how far something is, in lines, or at its end alone.
type steps struct {
	w      http.ResponseWriter
	lines  *wire.Lines // nil: only the end
	last   status
	failed error // the client is gone
}

func newSteps(w http.ResponseWriter, stream bool) *steps {
	s := &steps{w: w}
	if stream {
		s.lines = wire.NewLines(w)
	}
	return s
}

// tell writes a line, unless it says what the last one did.
func (s *steps) tell(line status) {
	if s.lines == nil || line == s.last || s.failed != nil {
		return
	}
	s.last = line
	s.failed = s.lines.Send(line)
}

// end writes how it ended, and returns the error that has to be the answer itself.
func (s *steps) end(err error) error {
	switch {
	case err == nil && s.lines != nil:
		s.tell(status{Status: "success"})
	case err == nil:
		wire.WriteJSON(s.w, http.StatusOK, status{Status: "success"})
	case s.lines != nil && s.lines.Begun():
		_ = s.lines.Send(errorLine(wire.AsError(err))) // nobody else can be told
	default:
		return err
	}
	return nil
}
