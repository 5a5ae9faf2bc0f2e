package model

import (
	"math"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestQuantisedTypes compares a llama in every quantised type with logits that an
// independent program computed in float64 on the decoded weights. What activations of
// eight bits alone cost stands beside them: twice that is allowed.
func TestQuantisedTypes(t *testing.T) {
	model, err := tiny.Load("testdata/quant")
	if err != nil {
		t.Fatal(err)
	}
	arrays, err := golden.LoadNPZ("testdata/quant/expect.npz")
	if err != nil {
		t.Fatal(err)
	}
	ids, idsErr := arrays["ids"].Int32s()
	rows, rowsErr := arrays["rows"].Int32s()
	if idsErr != nil || rowsErr != nil {
		t.Fatal(idsErr, rowsErr)
	}
	types := 0
	for key := range arrays {
		name, ok := strings.CutPrefix(key, "logits.")
		if !ok {
			continue
		}
		types++
		t.Run(name, func(t *testing.T) {
			want, wantErr := arrays[key].Float32s()
			act8, act8Err := arrays["act8."+name].Float32s()
			dt, known := tensor.ParseDType(name)
			if wantErr != nil || act8Err != nil || !known {
				t.Fatal(wantErr, act8Err, known)
			}
			g, err := model.RandomGGUF(dt)
			r := newRunner(t, openGGUF(t, g, err, Options{}), kernel.CacheF32, 1)
			got := r.run(t, [][]int32{ids}, whole).logits
			if off, limit := spreadOff(got[0], rows, want), 2*float64(act8[0])+1e-3; !(off <= limit) {
				t.Errorf("off by %.2g of the logits' spread, want at most %.2g", off, limit)
			}
			for _, p := range []plan{pieces(7), tail(3)} {
				if err := sameBits(r.run(t, [][]int32{ids}, p).logits, got); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if types < 25 {
		t.Errorf("%d types, want 25", types)
	}
}

// spreadOff returns the error of some rows, rms, by the deviation of the wanted logits
// from their rows' means.
//
//	got [T][V]   want [len(rows), V]
func spreadOff(got [][]float32, rows []int32, want []float32) float64 {
	V := len(want) / len(rows)
	var d2, s2 float64
	for i, row := range rows {
		w := want[i*V : (i+1)*V]
		var mean float64
		for _, v := range w {
			mean += float64(v) / float64(V)
		}
		for v := range w {
			d, s := float64(got[row][v])-float64(w[v]), float64(w[v])-mean
			d2, s2 = d2+d*d, s2+s*s
		}
	}
	return math.Sqrt(d2 / s2)
}
