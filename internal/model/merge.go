package model

import (
	"fmt"

	"github.com/blitz-r1/blitz/internal/adapter"
	"github.com/blitz-r1/blitz/internal/checkpoint"
)

// Merge adds an adapter to the weights that a model's files hold: W + s B A, computed in
// float64 and rounded once.
type Merge struct {
	parts map[string][]mergePart // by the name of the tensor
}

// mergePart is rows of a stored tensor that a module adds to.
type mergePart struct {
	stored Param
	site   site
	m      *adapter.Module
}

// NewMerge finds out which tensors of a model's files an adapter, whose numbers are read,
// is added to; those of all modules of multi-token prediction too. The error wraps
// adapter.ErrFormat where it is of another model, and is else one of Survey's.
func NewMerge(files *checkpoint.Checkpoint, a *adapter.Adapter) (*Merge, error) {
	m, _, err := bindAll(files, nil)
	if err != nil {
		return nil, err
	}
	sites, _ := m.sites()
	x := &Merge{parts: map[string][]mergePart{}}
	for i := range a.Modules {
		module := &a.Modules[i]
		name := plainModule(module.Name)
		if name == "lm_head" && m.Config.TieWordEmbeddings {
			return nil, fmt.Errorf("model: adapter %s: module %s: the model's head is its table of tokens (tie_word_embeddings), which a merge would change too: %w", a.Name(), module.Name, adapter.ErrFormat)
		}
		if err := checkModule(a, module, sites[name], nil); err != nil {
			return nil, err
		}
	}
	if err := a.Read(); err != nil {
		return nil, err
	}
	for i := range a.Modules {
		module := &a.Modules[i]
		for _, s := range sites[plainModule(module.Name)] {
			p := s.linear.Param
			x.parts[p.Tensor] = append(x.parts[p.Tensor], mergePart{p, s, module})
		}
	}
	return x, nil
}

// Has says whether the adapter adds to a tensor.
func (x *Merge) Has(tensor string) bool { return len(x.parts[tensor]) > 0 }

// Add adds to rows of a tensor, from its row first on. Rows go over all axes but the last.
//
//	rows [n, cols]
func (x *Merge) Add(tensor string, first int, rows []float32, cols int) {
	sum := make([]float64, cols)
	for i := range x.parts[tensor] {
		p := &x.parts[tensor][i]
		from, to := max(first, p.stored.First), min(first+len(rows)/cols, p.stored.First+p.stored.Rows)
		for row := from; row < to; row++ {
			clear(sum)
			p.row(sum, row-p.stored.First)
			at := rows[(row-first)*cols:][:cols]
			for j, v := range sum {
				at[j] = float32(float64(at[j]) + float64(float64(p.m.Scale)*v))
			}
		}
	}
}

// row adds row i of B A to sum, as the tensor has it. Products are rounded before they are
// added, on every machine.
//
//	sum [cols]
func (p *mergePart) row(sum []float64, i int) {
	m := p.m
	if p.stored.Turned != p.site.turned { // stored across: row i is column i of the layer
		for j := range sum {
			b := m.B[(p.site.first+j)*m.Rank:][:m.Rank]
			for k, x := range b {
				sum[j] += float64(float64(x) * float64(m.A[k*m.In+i]))
			}
		}
		return
	}
	if h := p.site.halves; h > 0 {
		i = i/h*h + half(i%h, h)
	}
	for k, x := range m.B[(p.site.first+i)*m.Rank:][:m.Rank] {
		for j, y := range m.A[k*m.In:][:m.In] {
			sum[j] += float64(float64(x) * float64(y))
		}
	}
}
