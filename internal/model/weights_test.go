package model

import (
	"fmt"
	"math"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestRecordedWeights holds every weight that a record names to the numbers of the tensor that
// its Param names, in both forms of files, and wants every tensor named by some record.
func TestRecordedWeights(t *testing.T) {
	for _, name := range goldenModels {
		if name == "gemma3" {
			continue // gemma3-text in another envelope
		}
		model, _ := loadExpectation(t, name)
		for _, form := range forms(model) {
			o := Options{Latent: form, MTP: model.Config.NextN > 0}
			c, err := model.Checkpoint(tensor.F32)
			m := openCheckpoint(t, c, err, o)
			t.Run(fmt.Sprint(name, " ", form, " checkpoint"), func(t *testing.T) { holdWeights(t, m, c.Tensors) })
			for _, how := range []tiny.Spelling{tiny.Split, tiny.Unsplit} {
				g, err := model.GGUF(tensor.F32, how)
				m := openGGUF(t, g, err, o)
				t.Run(fmt.Sprint(name, " ", form, " GGUF ", how), func(t *testing.T) { holdWeights(t, m, g.Tensors) })
			}
		}
	}
}

// weightReader holds weights to the tensors of a file.
type weightReader struct {
	t      *testing.T
	stored map[string][]float32
	named  map[string]bool
	read   map[*Param]bool
	plus   float32 // Gemma's checkpoints store how far norms are from it
}

func holdWeights(t *testing.T, m *Model, tensors []tiny.Stored) {
	p := &weightReader{t: t, stored: map[string][]float32{}, named: map[string]bool{}, read: map[*Param]bool{}}
	for _, x := range tensors {
		p.stored[x.Name] = decodeF32(x.Data)
	}
	if _, hf := p.stored["model.norm.weight"]; hf && m.Config.ModelType == "gemma3_text" {
		p.plus = 1
	}
	r := newRunner(t, m, m.DefaultCache(), 1)
	r.step.Record = p.record
	r.run(t, mixedLengths(m.Config.VocabSize, 40, 20), whole)
	for name := range p.stored {
		if !p.named[name] && name != "rope_freqs.weight" { // that is no weight
			t.Errorf("no record names the tensor %s", name)
		}
	}
}

// record reads the weights of an operation.
func (p *weightReader) record(o Operation) {
	p.t.Helper()
	before := len(p.read)
	switch o := o.(type) {
	case *embedRows:
		p.matrix(&o.e.Param, &o.e.Matrix)
	case *normRows:
		p.vector(&o.n.Param, o.n.W, p.plus)
	case *layerNormRows:
		p.vector(&o.n.Param, o.n.W, 0)
		p.vector(&o.n.BiasParam, o.n.B, 0)
	case *routeRows:
		if o.e.Choose.Bias != nil {
			p.vector(&o.e.BiasParam, o.e.Choose.Bias, 0)
		}
	case *products:
		for i := range o.list {
			w := o.list[i].w
			p.matrix(&w.Param, &w.Matrix)
			if w.Bias != nil {
				p.vector(&w.BiasParam, w.Bias[:w.Rows], 0)
			}
		}
	}
	for _, w := range o.Operands().Weights {
		if !p.read[w] {
			p.t.Fatalf("%T names a weight %+v that was not read", o, *w)
		}
	}
	if len(p.read) > before && len(o.Operands().Weights) == 0 {
		p.t.Fatalf("%T does not name its weights", o)
	}
}

func (p *weightReader) vector(w *Param, got []float32, plus float32) {
	p.t.Helper()
	if p.read[w] {
		return
	}
	if w.Rows != 1 || w.Cols != len(got) || w.Turned {
		p.t.Fatalf("a vector of %d numbers is %+v", len(got), *w)
	}
	for i, v := range p.rows(w)[0] {
		p.same(w, 0, i, got[i], v+plus)
	}
}

func (p *weightReader) matrix(w *Param, m *kernel.Matrix) {
	p.t.Helper()
	if p.read[w] {
		return
	}
	rows := p.rows(w)
	if got, want := [2]int{m.Rows, m.Cols}, [2]int{w.Rows, w.Cols}; !w.Turned && got != want || w.Turned && got != [2]int{want[1], want[0]} {
		p.t.Fatalf("a matrix of shape %v is %+v", got, *w)
	}
	got := make([]float32, m.Cols)
	for r := range m.Rows {
		m.Row(got, r)
		for c, v := range got {
			if w.Turned {
				p.same(w, r, c, v, rows[c][r])
			} else {
				p.same(w, r, c, v, rows[r][c])
			}
		}
	}
}

func (p *weightReader) same(w *Param, r, c int, got, want float32) {
	if math.Float32bits(got) != math.Float32bits(want) {
		p.t.Fatalf("%+v: row %d column %d is %v, the file has %v", *w, r, c, got, want)
	}
}

// rows returns the numbers that a Param names.
func (p *weightReader) rows(w *Param) (rows [][]float32) {
	p.t.Helper()
	stored, ok := p.stored[w.Tensor]
	if !ok || (w.First+w.Rows)*w.Cols > len(stored) || w.Rows < 1 {
		p.t.Fatalf("the file has no %+v", *w)
	}
	p.named[w.Tensor], p.read[w] = true, true
	for r := range w.Rows {
		rows = append(rows, stored[(w.First+r)*w.Cols:][:w.Cols])
	}
	return rows
}
