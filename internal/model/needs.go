package model

import (
	"math"
	"sort"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/kvcache"
)

// Needs is what a model takes in memory, known before its weights are read.
type Needs struct {
	Config Config
	Name   string // of the file or folder, as messages have it
	// WeightBytes is what the packed weights will take.
	WeightBytes int64
	// ExpertBytes is what of that are experts, which need not all be in memory; LeastExperts
	// is the smallest Options.ExpertMemory that does.
	ExpertBytes, LeastExperts int64

	bound *Model // without weights
}

// Survey binds a model as Open does, reads no weights, and tells what it needs. Its
// errors are those of Open, but for ErrNoRoom.
func Survey(files *checkpoint.Checkpoint, o Options) (*Needs, error) {
	m, b, err := bindFiles(files, o)
	if err != nil {
		return nil, err
	}
	n := &Needs{Config: m.Config, Name: b.src.name(), WeightBytes: b.bytes(), ExpertBytes: b.expertBytes(), bound: m}
	n.LeastExperts = b.leastExperts()
	return n, nil
}

// DefaultCache returns the kind of cache for a user who did not choose.
func (n *Needs) DefaultCache() kernel.CacheKind { return n.bound.DefaultCache() }

// IsLatent says whether the model has multi-head latent attention, in one of two
// forms.
func (n *Needs) IsLatent() bool { return n.Config.latent() }

// CacheBytes returns the most that the cache of one sequence takes on its way to that
// many positions, in steps of at most step; math.MaxInt where there is no such number.
func (n *Needs) CacheBytes(kind kernel.CacheKind, positions, step int) (int, error) {
	c, err := n.cache(kind)
	if err != nil {
		return 0, err
	}
	return c.Bytes(positions, step), nil
}

// Positions returns the longest context, up to the model's own, whose cache takes at
// most room bytes, in steps of at most step.
func (n *Needs) Positions(kind kernel.CacheKind, room int64, step int) (int, error) {
	c, err := n.cache(kind)
	if err != nil {
		return 0, err
	}
	return sort.Search(n.Config.MaxPositionEmbeddings, func(i int) bool { return int64(c.Bytes(i+1, step)) > room }), nil
}

// cache returns an empty cache of the model's layers.
func (n *Needs) cache(kind kernel.CacheKind) (*kvcache.Cache, error) {
	return kvcache.New(n.bound.CacheLayers(kind), math.MaxInt)
}
