//go:build amd64 && !purego

package quant

import (
	"bytes"
	"testing"
)

// TestFitRoutines encodes seeded tensors with the assembly and without, and wants the
// same bytes.
func TestFitRoutines(t *testing.T) {
	if !hasFitRoutines {
		t.Skip("this processor has no AVX-512, which the assembly needs")
	}
	defer func() { hasFitRoutines = true }()
	for _, kind := range codebookTypes {
		for _, name := range seededNames {
			x := seeded(11, name)
			for _, w := range [][]float32{nil, seededImportance(11, name, len(x))} {
				var out [2][]byte
				for i := range out {
					hasFitRoutines = i == 1
					out[i] = make([]byte, kind.RowBytes(len(x)))
					if err := EncodeRow(out[i], kind, x, w); err != nil {
						t.Fatal(err)
					}
				}
				if !bytes.Equal(out[0], out[1]) {
					t.Errorf("%s %s, weighted %t: the assembly gives other bytes", kind, name, w != nil)
				}
			}
		}
	}
}
