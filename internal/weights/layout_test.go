package weights

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// packedSums are sums over the packed form of random rows of each type, in the form that
// kernel.WeightLayout names: images on disk hold such bytes. Where one changes, the name
// has to.
var packedSums = map[string]string{
	"rows16 6": "bfd61e15c6ea624d",
}

// TestWeightLayout packs rows of every type.
func TestWeightLayout(t *testing.T) {
	types := []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.F8E4M3, tensor.F8E5M2, tensor.F64, tensor.IQ6_K}
	for dt := range formats {
		types = append(types, dt)
	}
	slices.Sort(types)
	all := sha256.New()
	for _, dt := range types {
		const rows, cols = 33, 512
		rng := rand.New(rand.NewPCG(9, uint64(dt)))
		m, err := New("test", dt, rows, cols)
		if err != nil {
			t.Fatal(err)
		}
		m.Data = tensor.Aligned(m.Bytes())
		new(Packer).Pack(&m, Source{Type: dt, Data: randomBlocks(rng, dt, rows, cols), Factor: 1}, 0, m.Blocks())
		fmt.Fprintf(all, "%s %x\n", dt, sha256.Sum256(m.Data))
	}
	m, err := NewFloat("test", tensor.MXFP4, 33, 512)
	if err != nil {
		t.Fatal(err)
	}
	Pack(&m, Source{Type: tensor.MXFP4, Data: randomBlocks(rand.New(rand.NewPCG(9, 10)), tensor.MXFP4, 33, 512), Factor: 1})
	fmt.Fprintf(all, "float MXFP4 %x\n", sha256.Sum256(m.Data))
	if got, want := fmt.Sprintf("%x", all.Sum(nil)[:8]), packedSums[kernel.WeightLayout]; got != want {
		t.Errorf("packed rows have the sum %s, want %s: give kernel.WeightLayout another name for another form, and its sum here", got, want)
	}
}

// TestPackedSize holds the packed form of types with a codebook or tables to a quarter more
// than what files store.
func TestPackedSize(t *testing.T) {
	for _, dt := range []tensor.DType{tensor.IQ1_S, tensor.IQ1_M, tensor.IQ2_XXS, tensor.IQ2_XS, tensor.IQ2_S, tensor.IQ3_XXS, tensor.IQ3_S, tensor.IQ4_K, tensor.IQ4_KS, tensor.IQ4_KSS} {
		const rows, cols = 256, 4096
		m, err := New("test", dt, rows, cols)
		if err != nil {
			t.Fatal(err)
		}
		if got, stored := m.Bytes(), rows*dt.RowBytes(cols); 4*got > 5*stored {
			t.Errorf("%s: packed rows take %d bytes, %.3f times the %d that files store", dt, got, float64(got)/float64(stored), stored)
		}
	}
}
