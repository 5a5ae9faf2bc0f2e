// Package attach lets a program use the engine of this user's server: a blitz.Far over
// HTTP. Both ends of the wire are here, so that neither can be changed alone.
package attach

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"time"

	"github.com/blitz-r1/blitz"
)

// Paths of the server.
const (
	EnginePath = "/blitz/engine"
	AnswerPath = "/blitz/answer"
)

// maxLine bounds a line of the server's answer, in bytes.
const maxLine = 4 << 20

// Wanted is what EnginePath is asked for.
type Wanted struct {
	Model string `json:"model"`
}

// Engine is what EnginePath answers, once the model is in memory.
type Engine struct {
	blitz.FarFacts
	Name   string        `json:"name"`
	Digest string        `json:"digest"` // tells the model's bytes
	Wait   time.Duration `json:"wait_ns"`
}

// Question is what AnswerPath is asked for.
type Question struct {
	Model   string           `json:"model"`
	Request blitz.FarRequest `json:"request"`
}

// Line is a line of its answer.
type Line struct {
	blitz.FarStep
	Error *Refusal `json:"error,omitempty"`
}

// Refusal says why there is no answer.
type Refusal struct {
	Message string `json:"message"`
	Context bool   `json:"context,omitempty"` // the prompt is too long
	NoRoom  bool   `json:"no_room,omitempty"`
}

// RefusalOf returns what the other end is told of an error.
func RefusalOf(err error) *Refusal {
	return &Refusal{Message: err.Error(), Context: errors.Is(err, blitz.ErrContext), NoRoom: errors.Is(err, blitz.ErrNoRoom)}
}

// err is the error as it was at the server.
func (r *Refusal) err() error {
	switch {
	case r.Context:
		return fmt.Errorf("the server: %s: %w", r.Message, blitz.ErrContext)
	case r.NoRoom:
		return fmt.Errorf("the server: %s: %w", r.Message, blitz.ErrNoRoom)
	}
	return fmt.Errorf("the server: %s", r.Message)
}

// Far is the engine of a model in this user's server.
type Far struct {
	client *http.Client
	engine Engine
}

// Open has the server load a model, and returns its engine there.
func Open(ctx context.Context, c *http.Client, model string) (*Far, error) {
	f := &Far{client: c}
	body, err := f.post(ctx, EnginePath, Wanted{Model: model})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if err := json.NewDecoder(io.LimitReader(body, maxLine)).Decode(&f.engine); err != nil {
		return nil, fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	if f.engine.Context < 1 {
		return nil, errors.New("the server's answer has no context: it may be of another version")
	}
	return f, nil
}

// Engine returns what the server said of the engine.
func (f *Far) Engine() Engine { return f.engine }

// Facts returns what the engine is.
func (f *Far) Facts() blitz.FarFacts { return f.engine.FarFacts }

// Answer has the engine answer.
func (f *Far) Answer(ctx context.Context, r *blitz.FarRequest) iter.Seq2[blitz.FarStep, error] {
	return func(yield func(blitz.FarStep, error) bool) {
		body, err := f.post(ctx, AnswerPath, Question{f.engine.Name, *r})
		if err != nil {
			yield(blitz.FarStep{}, err)
			return
		}
		defer body.Close()
		lines := bufio.NewScanner(body)
		lines.Buffer(nil, maxLine)
		for lines.Scan() {
			var l Line
			err := json.Unmarshal(lines.Bytes(), &l)
			if err == nil && l.Error != nil {
				err = l.Error.err()
			}
			if !yield(l.FarStep, err) || err != nil {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(blitz.FarStep{}, fmt.Errorf("the server broke off: %w", err))
		}
	}
}

// post sends v and returns the body of the answer.
func (f *Far) post(ctx context.Context, path string, v any) (io.ReadCloser, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://localhost"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("the server does not answer: %w", err)
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	var refusal struct {
		Error string `json:"error"`
	}
	if json.NewDecoder(io.LimitReader(answer.Body, maxLine)).Decode(&refusal) != nil || refusal.Error == "" {
		refusal.Error = answer.Status
	}
	return nil, fmt.Errorf("the server refuses: %s", refusal.Error)
}
