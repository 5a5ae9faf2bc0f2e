package blitz

import (
	"github.com/blitz-r1/blitz/internal/engine"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/model"
)

// Needs is what a model takes in memory, known before its weights are read.
type Needs struct {
	n    *model.Needs
	form string
}

// Needs finds out what a model opened with these options takes; o may be nil. Its
// errors are those of Open, but for ErrNoRoom.
func (f *Files) Needs(o *Options) (*Needs, error) {
	if o == nil {
		o = &Options{}
	}
	form, err := latentForm(o.MLA)
	if err != nil {
		return nil, err
	}
	with := model.Options{Latent: form, Rope: model.RopeSetting(o.Rope), MTP: o.MTP}
	if o.Drafts != nil {
		with.Drafts = o.Drafts.c
	}
	n, err := model.Survey(f.c, with)
	if err != nil {
		return nil, err
	}
	return &Needs{n: n, form: form.String()}, nil
}

// Name returns what messages call the model.
func (n *Needs) Name() string { return n.n.Name }

// WeightBytes returns what the weights take, as they are packed.
func (n *Needs) WeightBytes() int64 { return n.n.WeightBytes }

// ExpertBytes returns what of the weights are experts, which need not all be in memory.
func (n *Needs) ExpertBytes() int64 { return n.n.ExpertBytes }

// LeastExperts returns the smallest Options.ExpertMemory that the model can be run with.
func (n *Needs) LeastExperts() int64 { return n.n.LeastExperts }

// MaxContext returns the positions that the model was made for.
func (n *Needs) MaxContext() int { return n.n.Config.MaxPositionEmbeddings }

// DefaultContext returns the positions of an engine whose user does not choose.
func (n *Needs) DefaultContext() int { return min(engine.DefaultContext, n.MaxContext()) }

// Form returns the form of latent attention, "" of a model that has another.
func (n *Needs) Form() string {
	if !n.n.IsLatent() {
		return ""
	}
	return n.form
}

// Assumed says what the files do not tell and was taken for granted, a sentence each.
func (n *Needs) Assumed() []string { return n.n.Config.Assumed }

// Caches returns the kinds of cache, the model's default first.
func (n *Needs) Caches() []string {
	kinds := []string{n.n.DefaultCache().String()}
	for _, kind := range []kernel.CacheKind{kernel.CacheQ8, kernel.CacheF16, kernel.CacheBF16, kernel.CacheF32} {
		if kind != n.n.DefaultCache() {
			kinds = append(kinds, kind.String())
		}
	}
	return kinds
}

// CacheBytes returns the most that the cache of one sequence takes on its way to that
// many positions; math.MaxInt where there is no such number.
func (n *Needs) CacheBytes(kind string, positions int) (int, error) {
	k, err := kernel.ParseCacheKind(kind)
	if err != nil {
		return 0, err
	}
	return n.n.CacheBytes(k, positions, engine.DefaultChunk)
}

// Longest returns the longest context, up to the model's own, whose cache takes at most
// room bytes.
func (n *Needs) Longest(kind string, room int64) (int, error) {
	k, err := kernel.ParseCacheKind(kind)
	if err != nil {
		return 0, err
	}
	return n.n.Positions(k, room, engine.DefaultChunk)
}
