// Package fit says whether a model fits into memory, and the longest context that does,
// before its weights are read.
package fit

import (
	"cmp"
	"fmt"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/fault"
	"github.com/blitz-r1/blitz/internal/machine"
)

// Needs is what a model takes in memory, beside what there is of it.
type Needs struct {
	Name         string   `json:"-"`                             // of the file or folder
	Weights      int64    `json:"weights_bytes"`                 // as they are packed
	Experts      int64    `json:"experts_bytes,omitempty"`       // of them, which need not all be in memory
	ExpertMemory int64    `json:"expert_memory_bytes,omitempty"` // that they may take; 0: all are in memory
	MLA          string   `json:"mla,omitempty"`                 // form of latent attention, where the model has it
	Context      int      `json:"context"`                       // positions that the caches are for
	ModelContext int      `json:"model_context"`                 // that the model was made for
	Room         int64    `json:"room_bytes,omitempty"`          // for weights and caches; 0: the system does not say
	Caches       []Cache  `json:"caches"`                        // by kind, the model's default first
	Assumed      []string `json:"assumed,omitempty"`             // what the file does not tell

	survey *blitz.Needs
}

// Cache is what one kind of cache takes.
type Cache struct {
	Kind    string `json:"kind"`
	Bytes   int64  `json:"bytes"`
	Total   int64  `json:"total_bytes"`     // with the weights
	Fits    bool   `json:"fits"`            // true where the room is unknown
	Longest int    `json:"longest_context"` // that fits beside the weights, 0: none
	// Where weights and cache do not fit and would with some experts on the disk: the memory
	// that experts then get, and the longest context that leaves them enough.
	ExpertMemory  int64 `json:"expert_memory_bytes,omitempty"`
	LongestOnDisk int   `json:"longest_context_experts_on_disk,omitempty"`
}

// Of returns what a model needs that is opened with these options, for a context
// of that many positions, 0 for the default. No weights are read.
func Of(files *blitz.Files, o *blitz.Options, context int) (*Needs, error) {
	s, err := files.Needs(o)
	if err != nil {
		return nil, err
	}
	n := &Needs{
		Name: s.Name(), Weights: s.WeightBytes(), MLA: s.Form(), Context: cmp.Or(context, s.DefaultContext()),
		ModelContext: s.MaxContext(), Room: MemoryLimit(), Assumed: s.Assumed(), Experts: s.ExpertBytes(), survey: s,
	}
	if o != nil && o.ExpertMemory < n.Experts {
		n.ExpertMemory = o.ExpertMemory
	}
	return n, n.fillCaches()
}

// fillCaches finds out what caches need beside the weights.
func (n *Needs) fillCaches() error {
	n.Caches = nil
	for _, kind := range n.survey.Caches() {
		c, err := n.ofCache(n.survey, kind)
		if err != nil {
			return err
		}
		n.Caches = append(n.Caches, c)
	}
	return nil
}

// Held returns what of the weights is in memory.
func (n *Needs) Held() int64 {
	if n.ExpertMemory == 0 {
		return n.Weights
	}
	return n.Weights - n.Experts + n.ExpertMemory
}

// expertReserve is the share of the room that a bound leaves free which is not the user's:
// such a model takes all that it is given.
const expertReserve = 16

// Bound bounds the memory of experts, where all weights beside a kind of cache do not fit
// and they would with some experts on the disk: by what is free beside the rest, less a
// reserve.
func (n *Needs) Bound(kind string) error {
	c := n.Cache(kind)
	if c.ExpertMemory == 0 {
		return nil // it fits, or does not even so
	}
	n.ExpertMemory = c.ExpertMemory
	return n.fillCaches()
}

// expertRoom returns what there is for experts and a cache, where some experts may be on the
// disk.
func (n *Needs) expertRoom() int64 { return n.Room - n.Room/expertReserve - (n.Weights - n.Experts) }

// onDisk fills in what a cache that does not fit would leave to experts, were some of them on
// the disk.
func (n *Needs) onDisk(s *blitz.Needs, c *Cache) (err error) {
	if n.Experts == 0 || n.ExpertMemory > 0 || c.Fits {
		return nil
	}
	least := s.LeastExperts()
	left := n.expertRoom() - c.Bytes
	if c.LongestOnDisk, err = s.Longest(c.Kind, n.expertRoom()-least); err != nil || left < least {
		return err
	}
	c.ExpertMemory = min(left, n.Experts-1)
	return nil
}

// ofCache returns what a kind of cache needs.
func (n *Needs) ofCache(s *blitz.Needs, kind string) (Cache, error) {
	bytes, err := s.CacheBytes(kind, n.Context)
	if err != nil {
		return Cache{}, err
	}
	c := Cache{Kind: kind, Bytes: int64(bytes), Total: n.Held() + int64(bytes), Fits: true, Longest: n.ModelContext}
	if c.Total < c.Bytes { // more than there are numbers for
		c.Total = c.Bytes
	}
	if n.Room > 0 {
		c.Fits = c.Total <= n.Room
		if c.Longest, err = s.Longest(kind, n.Room-n.Held()); err == nil {
			err = n.onDisk(s, &c)
		}
	}
	return c, err
}

// Cache returns the need of a kind of cache, "" for the default.
func (n *Needs) Cache(kind string) *Cache {
	for i := range n.Caches {
		if n.Caches[i].Kind == kind {
			return &n.Caches[i]
		}
	}
	return &n.Caches[0]
}

// Check returns an Error where weights and that kind of cache do
// not fit.
func (n *Needs) Check(kind string) error {
	c := n.Cache(kind)
	if err := n.CheckWeights(); err != nil || c.Fits {
		return err
	}
	err := fmt.Errorf("%s: the weights take %s of memory and the cache (%s) of %d positions %s, there are %s: %w",
		n.Name, FormatMemory(n.Held()), c.Kind, n.Context, FormatMemory(c.Bytes), FormatMemory(n.Room), blitz.ErrNoRoom)
	return &Error{fault.WithHint(err, n.hint(c)), n}
}

// CheckContext returns an error where the context is longer than what the model was
// made for; verb is what it is asked by.
func (n *Needs) CheckContext(verb string) error {
	if n.Context <= n.ModelContext {
		return nil
	}
	return fault.Misuse(fmt.Errorf("%s: --ctx is %d, the model was made for %d positions at most", verb, n.Context, n.ModelContext))
}

// CheckWeights is Check without a cache.
func (n *Needs) CheckWeights() error {
	if n.Room == 0 || n.Held() <= n.Room {
		return nil
	}
	err := fmt.Errorf("%s: the weights take %s of memory, there are %s: %w", n.Name, FormatMemory(n.Held()), FormatMemory(n.Room), blitz.ErrNoRoom)
	if hint := n.diskHint(); hint != "" {
		err = fault.WithHint(err, hint)
	}
	return &Error{err, n}
}

// diskHint says what would let experts stay on the disk; "" where that would not do.
func (n *Needs) diskHint() string {
	for _, c := range n.Caches {
		if c.ExpertMemory > 0 {
			return fmt.Sprintf("--packed-cache %dGiB lets experts stay on the disk", n.Weights>>30+1)
		}
	}
	return ""
}

// hint says what to ask for instead of a cache that does not fit.
func (n *Needs) hint(c *Cache) string {
	for _, other := range n.Caches {
		if other.Fits {
			return "--cache " + other.Kind + " fits"
		}
	}
	if c.Longest > 0 {
		return fmt.Sprintf("--ctx %d fits", c.Longest)
	}
	return fault.HintSmaller
}

// Error is a model that does not fit, with what would.
type Error struct {
	err   error
	Needs *Needs
}

func (e *Error) Error() string { return e.err.Error() }
func (e *Error) Unwrap() error { return e.err }

// memoryReserve is what is left to the system of the memory that is free: a
// sixteenth, and at least so many bytes.
const memoryReserve = 64 << 20

// MemoryLimit returns how many bytes weights or caches may take: what is available at
// this moment less a reserve, 0 for any where the system does not say.
func MemoryLimit() int64 {
	free, ok := machine.AvailableMemory()
	if !ok {
		return 0
	}
	return max(1, free-max(free/16, memoryReserve))
}

// FormatMemory writes a count of bytes for people: "94.1 MiB", in powers of 1024 as
// memory is measured.
func FormatMemory(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	x, unit := float64(n)/1024, 0
	for x >= 1023.95 {
		x /= 1024
		unit++
	}
	return fmt.Sprintf("%.1f %ciB", x, "KMGTPE"[unit])
}
