package quantize

import (
	"fmt"
	"strings"
	"sync"

	"github.com/blitz-r1/blitz/internal/importance"
	"github.com/blitz-r1/blitz/internal/message"
)

// weights are the importances of a matrix, or of each expert's: read when the first of
// its rows is encoded, and let go behind the last.
type weights struct {
	file    *importance.File
	names   []string // one entry for all, or one for each expert
	columns int

	mu     sync.Mutex
	values []float32 // [experts, columns]
}

// of returns the weights of the row of a matrix; nil for a matrix without.
func (w *weights) of(expert int) ([]float32, error) {
	if w == nil {
		return nil, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.values == nil {
		if err := w.read(); err != nil {
			return nil, err
		}
	}
	return w.values[expert*w.columns:][:w.columns], nil
}

func (w *weights) read() error {
	for _, name := range w.names {
		values, ok, err := w.file.Weights(name)
		if err != nil {
			return err
		}
		if !ok {
			values = make([]float32, w.columns)
			for i := range values {
				values[i] = 1
			}
		}
		if len(w.names) == 1 {
			w.values = values
			return nil
		}
		w.values = append(w.values, values...)
	}
	return nil
}

// release lets the weights go.
func (w *weights) release() {
	if w != nil {
		w.mu.Lock()
		w.values = nil
		w.mu.Unlock()
	}
}

// weigh finds the importances of all matrices that are encoded, and lists those that
// need some and have none.
func (p *Plan) weigh() error {
	m := p.options.Importance
	found, without := 0, 0
	for i := range p.Tensors {
		t := &p.Tensors[i]
		if !t.encoded || !t.To.IsQuantised() {
			continue
		}
		var err error
		if t.weights, err = p.find(t); err != nil {
			return err
		}
		k := kindOf(t.Name)
		switch {
		case t.weights != nil:
			found++
		case needsImportance(t.Name, t.To, p.options.Mix):
			p.Needs = append(p.Needs, t.Name)
			without++
		case k != embeddingKind && k != outputKind:
			without++
		}
	}
	switch {
	case m != nil && found == 0 && without > 0:
		return &importance.Error{File: m.Name(), Reason: fmt.Sprintf("has entries for none of the matrices of %s: it is of another model", message.Clean(p.source.Name()))}
	case m != nil && without > 0:
		p.Notes = append(p.Notes, fmt.Sprintf("%s has no entries for %d of %d matrices: all errors in them weigh alike", message.Clean(m.Name()), without, found+without))
	}
	return nil
}

// find returns the importances of a matrix; nil where there are none.
func (p *Plan) find(t *Planned) (*weights, error) {
	m := p.options.Importance
	if m == nil {
		return nil, nil
	}
	experts := t.experts()
	w := &weights{file: m, columns: t.columns()}
	if n, ok := m.Len(t.Name); ok {
		want := t.columns() * experts
		if n == want {
			w.names = []string{t.Name}
			return w, nil
		}
		if kindOf(t.Name) == embeddingKind { // what is gathered of an embedding are not its columns
			return nil, nil
		}
		return nil, &importance.Error{File: m.Name(), Entry: t.Name, Reason: fmt.Sprintf("%d numbers, want %d for %d columns of %d experts: it is of another model, or of another program's", n, want, t.columns(), experts)}
	}
	return p.findExperts(t, w, experts)
}

// maxExperts bounds how many entries are looked for.
const maxExperts = 1 << 14

// findExperts finds the importances of experts that have entries of their own, as files
// from before experts were one tensor have: blk.0.ffn_up.3.weight.
func (p *Plan) findExperts(t *Planned, w *weights, experts int) (*weights, error) {
	stem, ok := strings.CutSuffix(t.Name, "_exps.weight")
	if !ok || experts > maxExperts {
		return nil, nil
	}
	some := false
	for e := range experts {
		name := fmt.Sprintf("%s.%d.weight", stem, e)
		n, ok := w.file.Len(name)
		if ok && n != w.columns {
			return nil, &importance.Error{File: w.file.Name(), Entry: name, Reason: fmt.Sprintf("%d numbers, want %d columns", n, w.columns)}
		}
		some = some || ok
		w.names = append(w.names, name)
	}
	if !some {
		return nil, nil
	}
	return w, nil
}

// experts returns how many matrices a tensor is.
func (t *Tensor) experts() int {
	if t.axes() < 3 {
		return 1
	}
	n := 1
	for _, d := range t.Shape[:len(t.Shape)-2] {
		n *= d
	}
	return n
}
