package compressed

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/safetensors"
)

// FuzzOpen: whatever a configuration and tensors say, matrices are refused or written whole.
func FuzzOpen(f *testing.F) {
	for _, name := range slices.Sorted(maps.Keys(ofTools)) {
		b, err := os.ReadFile(filepath.Join("testdata", name+".safetensors"))
		if err != nil {
			f.Fatal(err)
		}
		for _, other := range []string{name, "gptq3", "awq4", "ct4", "nvfp4", "mxfp4", "modelopt"} { // what a file is not, too
			f.Add([]byte(`{"quantization_config": `+ofTools[other].config+`}`), b)
		}
	}
	f.Fuzz(func(t *testing.T, config, file []byte) {
		s, err := safetensors.Parse("fuzz", file)
		if err != nil {
			return
		}
		c, err := Open(s, config)
		if c == nil {
			return
		}
		if err != nil {
			t.Fatalf("both a checkpoint and %v", err)
		}
		for _, name := range c.Names() {
			m, _ := c.Matrix(name)
			first := len(config) % m.Rows
			n := min(m.Rows-first, 16)
			_ = m.Write(make([]byte, n*m.Type.RowBytes(m.Cols)), first, n) // scales may be refused
		}
	})
}
