package weights

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// randomMatrix packs random blocks; scales may be anything, which costs nothing
// here.
func randomMatrix(tb testing.TB, t tensor.DType, rows, cols int) kernel.Matrix {
	rng := rand.New(rand.NewPCG(1, 2))
	src := make([]byte, t.RowBytes(cols)*rows)
	for i := range src {
		src[i] = byte(rng.Uint32())
	}
	if t.IsFloat() { // random bits would be subnormal now and then, which is slow
		w := make([]float32, rows*cols)
		for i := range w {
			w[i] = rng.Float32() - 0.5
		}
		if err := quant.Encode(src, t, w); err != nil {
			tb.Fatal(err)
		}
	}
	m, err := FromBlocks(t, rows, cols, src)
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func BenchmarkProduct(b *testing.B) {
	const rows, cols = 1536, 1536
	for _, dt := range []tensor.DType{
		tensor.Q4_0, tensor.Q4_1, tensor.Q4_K, tensor.Q5_K, tensor.Q6_K, tensor.Q8_0, tensor.Q2_K, tensor.Q3_K, tensor.IQ4_XS,
		tensor.IQ1_S, tensor.IQ1_M, tensor.IQ2_XXS, tensor.IQ2_XS, tensor.IQ2_S, tensor.IQ3_XXS, tensor.IQ3_S, tensor.F32, tensor.BF16,
	} {
		m := randomMatrix(b, dt, rows, cols)
		for _, T := range []int{1, 4, 16, 256} {
			b.Run(fmt.Sprintf("%s/T=%d", dt, T), func(b *testing.B) {
				x := make([]float32, cols)
				for i := range x {
					x[i] = float32(i%17) - 8
				}
				var q kernel.Q8
				var f kernel.F32
				q.Reset(T, cols)
				f.Reset(T, cols)
				for t := range T {
					q.Quantise(t, x)
					f.Set(t, x)
				}
				y := make([]float32, rows*T)
				var s kernel.Scratch
				b.SetBytes(int64(m.Bytes()))
				for b.Loop() {
					if m.IsFloat() {
						kernel.FloatProduct(y, rows, &f, &m, 0, m.Blocks(), &s)
					} else {
						kernel.Product(y, rows, &q, &m, 0, m.Blocks(), &s)
					}
				}
				b.ReportMetric(float64(rows)*cols*float64(T)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GMAC/s")
			})
		}
	}
}

// decodeItems multiplies one vector with a matrix, a run of row blocks an item.
type decodeItems struct {
	y     []float32
	q     *kernel.Q8
	f     *kernel.F32
	m     *kernel.Matrix
	chunk int
}

func (d *decodeItems) Do(item int, t *kernel.Thread) {
	b0 := item * d.chunk
	b1 := min(b0+d.chunk, d.m.Blocks())
	if d.m.IsFloat() {
		kernel.FloatProduct(d.y, d.m.Rows, d.f, d.m, b0, b1, &t.Scratch)
	} else {
		kernel.Product(d.y, d.m.Rows, d.q, d.m, b0, b1, &t.Scratch)
	}
}

// BenchmarkDecode multiplies one vector on all processors with matrices that are
// larger than caches: how near it comes to the machine's read bandwidth.
func BenchmarkDecode(b *testing.B) {
	const cols, bytes = 2048, 192 << 20
	workers := kernel.NewWorkers(runtime.GOMAXPROCS(0))
	defer workers.Close()
	for _, dt := range []tensor.DType{
		tensor.Q4_0, tensor.Q4_1, tensor.Q4_K, tensor.Q5_0, tensor.Q5_K, tensor.Q6_K, tensor.Q8_0, tensor.Q2_K, tensor.Q3_K, tensor.IQ4_XS,
		tensor.IQ1_S, tensor.IQ1_M, tensor.IQ2_XXS, tensor.IQ2_XS, tensor.IQ2_S, tensor.IQ3_XXS, tensor.IQ3_S, tensor.BF16, tensor.F32,
	} {
		b.Run(dt.String(), func(b *testing.B) {
			rows := bytes / dt.RowBytes(cols) &^ 15
			m := randomMatrix(b, dt, rows, cols)
			huge, err := tensor.Allocate(m.Bytes()) // as models have it
			if err != nil {
				b.Fatal(err)
			}
			defer huge.Free()
			copy(huge.Bytes(), m.Data)
			m.Data = huge.Bytes()
			x := make([]float32, cols)
			for i := range x {
				x[i] = float32(i%17) - 8
			}
			d := &decodeItems{y: make([]float32, rows), q: new(kernel.Q8), f: new(kernel.F32), m: &m, chunk: (512 << 10) / m.BlockBytes()}
			d.q.Reset(1, cols)
			d.q.Quantise(0, x)
			d.f.Reset(1, cols)
			d.f.Set(0, x)
			b.SetBytes(int64(m.Bytes()))
			for b.Loop() {
				workers.Run(d, (m.Blocks()+d.chunk-1)/d.chunk)
			}
		})
	}
}
