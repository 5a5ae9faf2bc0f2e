//go:build amd64 && !purego

package quant

import (
	"bytes"
	"testing"
)

// TestFitRoutines encodes seeded tensors with each set of routines and without, and
// wants the same bytes.
func TestFitRoutines(t *testing.T) {
	best := fitRoutines
	if best == fitPortable {
		t.Skip("the routines need AVX2; run on a processor that has it, or under qemu-x86_64 -cpu max")
	}
	defer func() { fitRoutines = best }()
	for _, kind := range codebookTypes {
		for _, name := range seededNames {
			x := seeded(11, name)[:4*seededColumns]
			for _, w := range [][]float32{nil, seededImportance(11, name, len(x))} {
				want, got := make([]byte, kind.RowBytes(len(x))), make([]byte, kind.RowBytes(len(x)))
				for fitRoutines = fitPortable; fitRoutines <= best; fitRoutines++ {
					out := got
					if fitRoutines == fitPortable {
						out = want
					}
					if err := EncodeRow(out, kind, x, w); err != nil {
						t.Fatal(err)
					}
					if fitRoutines != fitPortable && !bytes.Equal(got, want) {
						t.Errorf("%s %s, weighted %t: routines %d give other bytes", kind, name, w != nil, fitRoutines)
					}
				}
			}
		}
	}
}

// BenchmarkEncodeIQRoutines is BenchmarkEncodeIQ with each set of routines.
func BenchmarkEncodeIQRoutines(b *testing.B) {
	best := fitRoutines
	defer func() { fitRoutines = best }()
	for fitRoutines = fitPortable; fitRoutines <= best; fitRoutines++ {
		b.Run([]string{"Portable", "AVX2", "AVX512"}[fitRoutines], BenchmarkEncodeIQ)
	}
}
