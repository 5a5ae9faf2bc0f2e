package inference

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/host"
	"github.com/blitz-r1/blitz/internal/server/wire"
)

// Embedding is what an embedding is asked for.
type Embedding struct {
	Model      string
	KeepAlive  *time.Duration
	Inputs     []Prompt
	Length     blitz.Length
	Dimensions int  // that are kept, and scaled to length 1 again; 0: all
	Truncate   bool // what does not fit into the context is cut off, in place of an error
	Param      string
	Type       blitz.InputType
	Prompt     string // the name of what goes before each text; "": as Type says
}

// Embeddings are vectors of length 1, one for each input.
type Embeddings struct {
	Model   string      // its name in the store
	Vectors [][]float32 // [inputs][D]
	Tokens  int         // of all inputs
	Load    time.Duration
}

// Embed returns the embeddings of texts. The error is a *wire.Error.
func (s *Service) Embed(ctx context.Context, r *Embedding) (*Embeddings, error) {
	b, err := s.begin(ctx, r.Model, host.Ask{KeepAlive: r.KeepAlive}, 1)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Deadline)
	defer cancel()
	out := &Embeddings{Model: b.name, Load: b.lease.Wait()}
	err = out.fill(ctx, b.lease, r, s.o.Meter.Tenant(ctx))
	b.done(Use{Prompt: out.Tokens, Err: err})
	if err != nil {
		return nil, answerError(err)
	}
	return out, nil
}

func (out *Embeddings) fill(ctx context.Context, l *host.Lease, r *Embedding, tenant string) error {
	e := l.Engine()
	if n := e.Model().Dimensions(); r.Dimensions > n {
		return wire.Refuse("dimensions", "dimensions is %d, the model has %d", r.Dimensions, n)
	}
	prompt, err := r.prompt(e.Model())
	if err != nil {
		return err
	}
	var texts [][]int32
	for i, in := range r.Inputs {
		ids := in.Tokens
		switch {
		case ids != nil && r.Prompt != "":
			return wire.Refuse("prompt_name", "prompt_name goes before texts, and %s has tokens", r.Param)
		case ids == nil:
			if ids, err = encode(e.Model(), prompt+in.Text); err != nil {
				return err
			}
		}
		if len(ids) == 0 {
			return wire.Refuse(r.Param, "%s is empty", r.Param)
		}
		switch fits := len(ids) <= e.Context(); {
		case fits:
		case r.Truncate:
			ids = truncate(e.Model(), ids, e.Context(), in.Tokens == nil)
		case len(r.Inputs) > 1:
			return about(&blitz.ContextError{Prompt: len(ids), Context: e.Context()}, fmt.Sprintf("%s[%d]", r.Param, i))
		default:
			return about(&blitz.ContextError{Prompt: len(ids), Context: e.Context()}, r.Param)
		}
		texts = append(texts, ids)
		out.Tokens += len(ids)
	}
	out.Vectors, err = e.EmbedAll(ctx, texts, &blitz.EmbedOptions{
		Pooling: blitz.PoolModel, Length: r.Length, Tenant: tenant, Batch: isInBatch(ctx), Adapter: l.Adapter(),
	})
	if err != nil {
		out.Tokens = 0
		return err
	}
	if r.Dimensions == 0 {
		return nil
	}
	for i, v := range out.Vectors {
		out.Vectors[i] = v[:r.Dimensions]
		scale(out.Vectors[i])
	}
	return nil
}

// prompt returns what goes before each text.
func (r *Embedding) prompt(m *blitz.Model) (text string, err error) {
	if r.Prompt == "" {
		text, err = m.EmbedPrompt(r.Type)
	} else {
		text, err = m.NamedPrompt(r.Prompt)
	}
	if errors.Is(err, blitz.ErrNoPrompt) {
		return "", wire.Refuse("prompt_name", "%v", err)
	}
	return text, err
}

// truncate returns the first n tokens of a text; what the model puts behind one stays.
func truncate(m *blitz.Model, ids []int32, n int, ended bool) []int32 {
	if !ended {
		return ids[:n]
	}
	_, end := m.Tokenizer().Around()
	if len(end) >= n {
		return ids[:n]
	}
	return append(ids[:n-len(end):n-len(end)], end...)
}

// scale makes a vector one of length 1.
func scale(v []float32) {
	sum := 0.0
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 {
		return
	}
	for i, x := range v {
		v[i] = float32(float64(x) / math.Sqrt(sum))
	}
}
