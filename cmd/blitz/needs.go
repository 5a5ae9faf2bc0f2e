package main

import (
	"cmp"
	"fmt"
	"io"

	"github.com/blitz-r1/blitz"
)

// maxPositions bounds --ctx.
const maxPositions = 1 << 30

// needs is what a model takes in memory, beside what there is of it: what show and
// doctor print before anything is loaded.
type needs struct {
	Name         string      `json:"-"`                    // of the file or folder
	Weights      int64       `json:"weights_bytes"`        // as they are packed
	MLA          string      `json:"mla,omitempty"`        // form of latent attention, where the model has it
	Context      int         `json:"context"`              // positions that the caches are for
	ModelContext int         `json:"model_context"`        // that the model was made for
	Room         int64       `json:"room_bytes,omitempty"` // for weights and caches; 0: the system does not say
	Caches       []cacheNeed `json:"caches"`               // by kind, the model's default first
	Assumed      []string    `json:"assumed,omitempty"`    // what the file does not tell
}

// cacheNeed is what one kind of cache takes.
type cacheNeed struct {
	Kind    string `json:"kind"`
	Bytes   int64  `json:"bytes"`
	Total   int64  `json:"total_bytes"`     // with the weights
	Fits    bool   `json:"fits"`            // true where the room is unknown
	Longest int    `json:"longest_context"` // that fits beside the weights, 0: none
}

// needsOf returns what a model needs that is opened with these options, for a context
// of that many positions, 0 for the default. No weights are read.
func needsOf(files *blitz.Files, o *blitz.Options, context int) (*needs, error) {
	s, err := files.Needs(o)
	if err != nil {
		return nil, err
	}
	n := &needs{
		Name: s.Name(), Weights: s.WeightBytes(), MLA: s.Form(), Context: cmp.Or(context, s.DefaultContext()),
		ModelContext: s.MaxContext(), Room: memoryLimit(), Assumed: s.Assumed(),
	}
	for _, kind := range s.Caches() {
		c, err := n.ofCache(s, kind)
		if err != nil {
			return nil, err
		}
		n.Caches = append(n.Caches, c)
	}
	return n, nil
}

// ofCache returns what a kind of cache needs.
func (n *needs) ofCache(s *blitz.Needs, kind string) (cacheNeed, error) {
	bytes, err := s.CacheBytes(kind, n.Context)
	if err != nil {
		return cacheNeed{}, err
	}
	c := cacheNeed{Kind: kind, Bytes: int64(bytes), Total: n.Weights + int64(bytes), Fits: true, Longest: n.ModelContext}
	if c.Total < c.Bytes { // more than there are numbers for
		c.Total = c.Bytes
	}
	if n.Room > 0 {
		c.Fits = c.Total <= n.Room
		c.Longest, err = s.Longest(kind, n.Room-n.Weights)
	}
	return c, err
}

// cache returns the need of a kind of cache, "" for the default.
func (n *needs) cache(kind string) *cacheNeed {
	for i := range n.Caches {
		if n.Caches[i].Kind == kind {
			return &n.Caches[i]
		}
	}
	return &n.Caches[0]
}

// check returns an error, which has the table, where weights and that kind of cache do
// not fit.
func (n *needs) check(kind string) error {
	c := n.cache(kind)
	if err := n.checkWeights(); err != nil || c.Fits {
		return err
	}
	err := fmt.Errorf("%s: the weights take %s of memory and the cache (%s) of %d positions %s, there are %s: %w",
		n.Name, formatMemory(n.Weights), c.Kind, n.Context, formatMemory(c.Bytes), formatMemory(n.Room), blitz.ErrNoRoom)
	return &roomError{withHint(err, n.hint(c)), n}
}

// checkContext returns an error where the context is longer than what the model was
// made for.
func (n *needs) checkContext(verb string) error {
	if n.Context <= n.ModelContext {
		return nil
	}
	return usageError{fmt.Errorf("%s: --ctx is %d, the model was made for %d positions at most", verb, n.Context, n.ModelContext)}
}

// checkWeights is check without a cache.
func (n *needs) checkWeights() error {
	if n.Room == 0 || n.Weights <= n.Room {
		return nil
	}
	err := fmt.Errorf("%s: the weights take %s of memory, there are %s: %w", n.Name, formatMemory(n.Weights), formatMemory(n.Room), blitz.ErrNoRoom)
	return &roomError{err, n}
}

// hint says what to ask for instead of a cache that does not fit.
func (n *needs) hint(c *cacheNeed) string {
	for _, other := range n.Caches {
		if other.Fits {
			return "--cache " + other.Kind + " fits"
		}
	}
	if c.Longest > 0 {
		return fmt.Sprintf("--ctx %d fits", c.Longest)
	}
	return hintSmaller
}

// facts are the lines about the model as a whole.
func (n *needs) facts() [][]string {
	var rows [][]string
	for _, a := range n.Assumed {
		rows = append(rows, []string{"assumed", printable(a)})
	}
	rows = append(rows, []string{"weights", formatMemory(n.Weights) + " of memory"})
	if n.MLA != "" {
		rows = append(rows, []string{"attention", "latent, " + n.MLA})
	}
	room := "unknown"
	if n.Room > 0 {
		room = formatMemory(n.Room) + " for weights and caches"
	}
	return append(rows, []string{"room", room})
}

// table says what each kind of cache takes, and what of it fits.
func (n *needs) table() [][]string {
	rows := [][]string{{"CACHE", fmt.Sprintf("OF %d POSITIONS", n.Context), "WITH WEIGHTS", "FITS", "LONGEST CONTEXT"}}
	for i, c := range n.Caches {
		kind := c.Kind
		if i == 0 {
			kind += " (default)"
		}
		fits, longest := n.fit(&c)
		rows = append(rows, []string{kind, formatMemory(c.Bytes), formatMemory(c.Total), fits, longest})
	}
	return rows
}

// fit says in words whether a cache fits, and the longest context that does.
func (n *needs) fit(c *cacheNeed) (fits, longest string) {
	if n.Room == 0 {
		return "unknown", "unknown"
	}
	fits, longest = "no", "none"
	if c.Fits {
		fits = "yes"
	}
	if c.Longest > 0 {
		longest = fmt.Sprint(c.Longest)
	}
	return fits, longest
}

// write prints all of it.
func (n *needs) write(w io.Writer) error {
	if err := writeTable(w, n.facts()...); err != nil {
		return err
	}
	fmt.Fprintln(w)
	return writeTable(w, n.table()...)
}
