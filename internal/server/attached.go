package server

import (
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/attach"
	"github.com/blitz-r1/blitz/internal/server/inference"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// attached returns the routes by which blitz run uses the server's models.
func (s *Site) attached() []wire.Route {
	return []wire.Route{
		{Pattern: "POST " + attach.EnginePath, Scope: wire.Admin, Handle: s.engine},
		{Pattern: "POST " + attach.AnswerPath, Scope: wire.Admin, Handle: s.answer},
	}
}

// readInto reads the body of a program of ours.
func readInto(r *http.Request, v any) error {
	body, err := wire.ReadBody(r, wire.MaxBody)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return &wire.Error{Kind: wire.Invalid, Message: "the request cannot be read: the programs may be of different versions", Err: err}
	}
	return nil
}

// engine loads a model and says what its engine is.
func (s *Site) engine(w http.ResponseWriter, r *http.Request) error {
	var wanted attach.Wanted
	if err := readInto(r, &wanted); err != nil {
		return err
	}
	l, err := s.service.Lease(r.Context(), wanted.Model, nil)
	if err != nil {
		return err
	}
	defer l.Release()
	e := l.Engine()
	wire.WriteJSON(w, http.StatusOK, attach.Engine{
		FarFacts: blitz.FarFacts{Context: e.Context(), Sequences: e.Sequences(), Threads: e.Threads(), Cache: e.Cache(), Form: l.Model().Form(), Rope: e.Rope()},
		Name:     l.Name(), Digest: l.Digest(), Wait: l.Wait(),
	})
	return nil
}

// answer answers a request whose words are tokens.
func (s *Site) answer(w http.ResponseWriter, r *http.Request) error {
	var q attach.Question
	if err := readInto(r, &q); err != nil {
		return err
	}
	end, err := s.meter.Begin(r.Context(), q.Model)
	if err != nil {
		return err
	}
	var use inference.Use
	defer func(began time.Time) {
		use.Time = time.Since(began)
		end(use)
	}(time.Now())
	l, err := s.service.Lease(r.Context(), q.Model, nil)
	if err != nil {
		return err
	}
	defer l.Release()
	use.Model = l.Name()
	a, err := l.Engine().Generate(r.Context(), q.Request.Request())
	lines := &lockedLines{lines: wire.NewLines(w)}
	if err != nil {
		use.Err = err
		lines.send(attach.Line{Error: attach.RefusalOf(err)})
		return nil
	}
	defer func() {
		u := a.Usage()
		use.Prompt, use.Cached, use.Reasoning, use.AnswerTokens = u.PromptTokens, u.CachedTokens, u.ReasoningTokens, u.AnswerTokens()
		use.Err = a.Err()
	}()
	defer a.Close()
	done := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() { lines.tellProgress(a, done) })
	defer telling.Wait()
	defer close(done)
	for step, err := range a.Steps() {
		l := attach.Line{FarStep: step}
		if err != nil {
			l.Error = attach.RefusalOf(err)
		}
		if lines.send(l) != nil {
			return nil // the program is gone
		}
	}
	return nil
}

// lockedLines are lines that two goroutines write.
type lockedLines struct {
	mu    sync.Mutex
	lines *wire.Lines
}

func (l *lockedLines) send(v attach.Line) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines.Send(v)
}

// progressPause is how often a program that waits is told how far its prompt is.
const progressPause = 200 * time.Millisecond

// tellProgress says how far the prompt is, until the first token comes.
func (l *lockedLines) tellProgress(a *blitz.Answer, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-time.After(progressPause):
		}
		p := a.Progress()
		if p.OutputTokens > 0 {
			return
		}
		if p.Queued {
			continue
		}
		if l.send(attach.Line{FarStep: blitz.FarStep{Progress: &p}}) != nil {
			return
		}
	}
}
