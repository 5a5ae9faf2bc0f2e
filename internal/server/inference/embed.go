package inference

import (
	"context"
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
	Pooling    blitz.Pooling
	Dimensions int  // that are kept, and scaled to length 1 again; 0: all
	Truncate   bool // what does not fit into the context is cut off, in place of an error
	Param      string
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
	for _, in := range r.Inputs {
		ids := in.Tokens
		if ids == nil {
			var err error
			if ids, err = encode(e.Model(), in.Text); err != nil {
				return err
			}
		}
		if len(ids) == 0 {
			return wire.Refuse(r.Param, "%s is empty", r.Param)
		}
		if r.Truncate && len(ids) > e.Context() {
			ids = ids[:e.Context()]
		}
		v, err := e.Embed(ctx, ids, &blitz.EmbedOptions{Pooling: r.Pooling, Tenant: tenant, Batch: isInBatch(ctx), Adapter: l.Adapter()})
		if err != nil {
			return err
		}
		if r.Dimensions > len(v) {
			return wire.Refuse("dimensions", "dimensions is %d, the model has %d", r.Dimensions, len(v))
		}
		if r.Dimensions > 0 {
			v = v[:r.Dimensions]
			scale(v)
		}
		out.Vectors = append(out.Vectors, v)
		out.Tokens += len(ids)
	}
	return nil
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
