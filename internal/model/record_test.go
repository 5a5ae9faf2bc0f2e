package model

import (
	"fmt"
	"math"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// tape keeps the records of a step with what their operands held when they were read
// and written.
type tape struct {
	m       *Model
	taped   []sums
	written map[*Act]bool // whole activations that a record wrote to
	added   map[*Act]bool // to which adapters were added, behind the products
	err     error
}

type sums struct {
	o       Operation
	in, out []uint64
}

// record is Step.Record. The outputs of the record before are whole by then.
func (p *tape) record(o Operation) {
	p.settle()
	x := sums{o: o}
	for _, a := range o.Operands().In {
		if !p.written[a.whole()] && !p.given(o) && p.err == nil {
			p.err = fmt.Errorf("%T reads an activation that no record wrote", o)
		}
		x.in = append(x.in, sumOf(a))
	}
	_, low := o.(*lowUps)
	for _, a := range o.Operands().Out {
		p.written[a.whole()] = true
		p.added[a.whole()] = p.added[a.whole()] || low
	}
	p.taped = append(p.taped, x)
}

// given says whether an operation reads what Draft was handed.
func (p *tape) given(o Operation) bool {
	n, ok := o.(*normRows)
	return ok && p.m.drafts() && n.n == &p.m.net.(*deepseek).mtp.hnorm
}

// settle notes the outputs of the last record.
func (p *tape) settle() {
	if len(p.taped) == 0 {
		return
	}
	x := &p.taped[len(p.taped)-1]
	x.out = nil
	for _, a := range x.o.Operands().Out {
		x.out = append(x.out, sumOf(a))
	}
}

// check returns an error where an operand does not hold what it held, and begins anew.
func (p *tape) check() error {
	p.settle()
	err := p.err
	for i, x := range p.taped {
		o := x.o.Operands()
		for k, a := range o.In {
			if sumOf(a) != x.in[k] && err == nil {
				err = fmt.Errorf("record %d, %T: input %d did not stay", i, x.o, k)
			}
		}
		_, product := x.o.(*products)
		for k, a := range o.Out {
			if sumOf(a) != x.out[k] && err == nil && !(product && p.added[a.whole()]) {
				err = fmt.Errorf("record %d, %T: output %d did not stay", i, x.o, k)
			}
		}
	}
	if len(p.taped) == 0 && err == nil {
		err = fmt.Errorf("no operation was recorded")
	}
	*p = tape{m: p.m, written: map[*Act]bool{}, added: map[*Act]bool{}}
	return err
}

// sumOf returns a checksum of an activation's bits.
func sumOf(a *Act) uint64 {
	h := uint64(14695981039346656037)
	for t := range a.T {
		for _, v := range a.Row(t) {
			h = (h ^ uint64(math.Float32bits(v))) * 1099511628211
		}
	}
	return h
}

// TestRecorded records the steps of every architecture: the same bits, and all inputs
// and outputs are still there when the step is over.
func TestRecorded(t *testing.T) {
	for _, name := range goldenModels {
		if name == "gemma3" {
			continue // gemma3-text in another envelope
		}
		model, _ := loadExpectation(t, name)
		for _, form := range forms(model) {
			for _, dt := range []tensor.DType{tensor.F32, tensor.Q8_0} {
				if quick() && dt == tensor.F32 && form == Absorbed {
					continue
				}
				t.Run(fmt.Sprint(name, " ", form, " ", dt), func(t *testing.T) {
					g, err := model.GGUF(dt, tiny.Split)
					holdRecorded(t, openGGUF(t, g, err, Options{Latent: form, MTP: model.Config.NextN > 0}))
				})
			}
		}
	}
}

func holdRecorded(t *testing.T, m *Model) {
	t.Helper()
	sequences, plans := mixedLengths(m.Config.VocabSize, 50, 20, 1), []plan{whole, pieces(16), tail(3)}
	if quick() {
		sequences, plans = mixedLengths(m.Config.VocabSize, 12, 1), []plan{pieces(7)}
	}
	for _, p := range plans {
		r := newRunner(t, m, m.DefaultCache(), 2)
		want := r.run(t, sequences, p)
		rec := &tape{m: m, written: map[*Act]bool{}, added: map[*Act]bool{}}
		r.step.Record = rec.record
		r.after = func() {
			if err := rec.check(); err != nil {
				t.Fatal(err)
			}
		}
		got := r.run(t, sequences, p)
		r.step.Record, r.after = nil, nil
		again := r.run(t, sequences, p)
		for what, x := range map[string]result{"recorded": got, "after recording": again} {
			if err := sameBits(x.logits, want.logits); err != nil {
				t.Fatalf("%s: %v", what, err)
			}
			if m.drafts() {
				if err := sameBits(x.drafts, want.drafts); err != nil {
					t.Fatalf("%s: drafts: %v", what, err)
				}
			}
		}
	}
}
