package selftest

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/quant"
	"github.com/blitz-r1/blitz/internal/sample"
	"github.com/blitz-r1/blitz/internal/tensor"
	"github.com/blitz-r1/blitz/internal/weights"
)

// Profile names the numeric profile that this program computes (docs/CANON.md), and
// ProfileDigest is what Run returns where it does. A change of the digest is another
// profile, unless it comes of an operation or an input that Run did not have.
const (
	Profile       = "canon-1"
	ProfileDigest = "sha256:8513320c950a0e7043e6e34009438dde418ddceef1856a7e283d4b0d988a4257"
)

// Operation is one line of a self-test: the digest of all its output bits.
type Operation struct {
	Op     string `json:"op"`
	Digest string `json:"digest"`
}

// Result is the self-test of one implementation.
type Result struct {
	Digest     string
	Operations []Operation
}

// Run feeds every operation on the implementation in use, odd sizes included, and
// returns the digests of what came out. CANON section 8.
func Run() Result {
	var r Result
	all := sha256.New()
	for _, op := range digested {
		d := &digester{hash: sha256.New(), gen: newGenerator()}
		op.run(d)
		sum := d.hash.Sum(nil)
		all.Write(sum)
		r.Operations = append(r.Operations, Operation{op.name, fmt.Sprintf("sha256:%x", sum)})
	}
	r.Digest = fmt.Sprintf("sha256:%x", all.Sum(nil))
	return r
}

// digester collects output bits and makes inputs.
type digester struct {
	hash hash.Hash
	gen  *generator
}

// add takes float32 outputs in; any NaN is the same NaN.
func (d *digester) add(y ...float32) {
	var b [4]byte
	for _, v := range y {
		bits := math.Float32bits(v)
		if v != v {
			bits = 0x7fc00000
		}
		binary.LittleEndian.PutUint32(b[:], bits)
		d.hash.Write(b[:])
	}
}

func (d *digester) addInts(y ...int32) {
	for _, v := range y {
		binary.Write(d.hash, binary.LittleEndian, v)
	}
}

// sizes are lengths of vectors: odd ones, those around the width of every
// register, and real widths.
var sizes = []int{1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 63, 64, 65, 96, 128, 255, 257, 576, 1000}

// wide returns n numbers of very different magnitudes.
func (d *digester) wide(n int) []float32 {
	x := d.gen.floats(n)
	for i, s := range d.gen.floats(n) {
		x[i] *= kernel.Exp(20 * s)
	}
	return x
}

var digested = []struct {
	name string
	run  func(*digester)
}{
	{"fma", digestFMA},
	{"lane_sum", func(d *digester) {
		for _, n := range sizes {
			x := d.wide(n)
			d.add(kernel.LaneSum(x), kernel.LaneDot(x, d.gen.floats(n)), kernel.Max(x))
		}
	}},
	{"exp", digestUnary(kernel.ExpAll)},
	{"sigmoid", digestUnary(kernel.SigmoidAll)},
	{"tanh", digestUnary(kernel.TanhAll)},
	{"silu", digestUnary(kernel.SiluAll)},
	{"gelu", digestUnary(kernel.GeluAll)},
	{"gated", func(d *digester) {
		for _, n := range sizes {
			x, up, y := d.wide(n), d.gen.floats(n), make([]float32, n)
			kernel.SiluMul(y, x, up)
			d.add(y...)
			kernel.GeluMul(y, x, up)
			d.add(y...)
		}
	}},
	{"log", func(d *digester) {
		for _, x := range d.wide(2000) {
			d.add(kernel.Log(max(x, -x)))
		}
	}},
	{"rmsnorm", digestNorm(func(y, x, w []float32) { kernel.RMSNorm(y, x, w, 1e-6) })},
	{"layernorm", digestNorm(func(y, x, w []float32) { kernel.LayerNorm(y, x, w, x, 1e-5) })},
	{"softmax", digestUnary(kernel.Softmax)},
	{"add", func(d *digester) {
		for _, n := range sizes {
			x, y := d.wide(n), d.gen.floats(n)
			kernel.Add(y, y, x)
			kernel.AddScaled(y, x, 0.3)
			kernel.Div(x, x, 3)
			d.add(append(x, y...)...)
		}
	}},
	{"rope", digestRope},
	{"q8x32", digestQ8},
	{"product", digestProduct},
	{"float_product", digestFloatProduct},
	{"attention", digestAttention},
	{"latent", digestLatent},
	{"sparse", digestSparse},
	{"router", digestRouter},
	{"sample", digestSample},
	{"rows", digestRows},
	{"indexer", digestIndexer},
}

func digestFMA(d *digester) {
	a, b, c := d.wide(3000), d.wide(3000), d.wide(3000)
	for i := range a {
		d.add(kernel.FMA(a[i], b[i], c[i]), kernel.FMA(a[i], b[i], -float32(a[i]*b[i])))
	}
	y := make([]float32, len(a))
	for i, s := range b[:8] {
		copy(y, c)
		kernel.AddScaled(y[:len(y)-i], a[:len(y)-i], s)
		d.add(y...)
	}
}

func digestUnary(f func(y, x []float32)) func(*digester) {
	return func(d *digester) {
		for _, n := range sizes {
			x, y := d.wide(n), make([]float32, n)
			f(y, x)
			d.add(y...)
		}
		edge := []float32{0, float32(math.Copysign(0, -1)), 88.72283, 88.7229, -87.33654, -87.4, 1e-45, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
		for i := range edge { // one at a time, since a softmax mixes them
			x := []float32{edge[i], 1}
			y := make([]float32, 2)
			f(y, x)
			d.add(y...)
		}
	}
}

func digestNorm(f func(y, x, w []float32)) func(*digester) {
	return func(d *digester) {
		for _, n := range sizes {
			x, w, y := d.wide(n), d.gen.floats(n), make([]float32, n)
			f(y, x, w)
			d.add(y...)
		}
	}
}

func digestRope(d *digester) {
	for _, n := range []int{2, 6, 32, 64, 80, 128} {
		cos, sin := make([]float32, n/2), make([]float32, n/2)
		freq := kernel.RopeFrequencies(n, 10000)
		for _, pos := range []int{0, 1, 77, 4095, 131071} {
			for i, f := range freq {
				s, c := kernel.SinCos64(float64(float64(pos) * f))
				cos[i], sin[i] = float32(c), float32(s)
			}
			mul, cross := make([]float32, n), make([]float32, n)
			kernel.InterleaveRope(mul, cross, cos, sin)
			x := d.gen.floats(n)
			kernel.RopeHalves(x, cos, sin)
			d.add(x...)
			kernel.RopePairs(x, mul, cross)
			d.add(x...)
		}
	}
}

func digestQ8(d *digester) {
	for _, n := range sizes {
		for _, T := range []int{1, 2, 5, 17} {
			var a kernel.Q8
			a.Reset(T, n)
			for t := range T {
				a.Quantise(t, d.wide(n))
			}
			q, scale, xsum := a.Groups()
			for _, v := range q {
				d.hash.Write([]byte{byte(v)})
			}
			d.add(scale...)
			d.add(xsum...)
		}
	}
}

// quantisedTypes are all that weights have.
var quantisedTypes = []tensor.DType{
	tensor.Q4_0, tensor.Q4_1, tensor.Q5_0, tensor.Q5_1, tensor.Q8_0, tensor.Q2_K, tensor.Q3_K, tensor.Q4_K,
	tensor.Q5_K, tensor.Q6_K, tensor.IQ2_XXS, tensor.IQ2_XS, tensor.IQ2_S, tensor.IQ3_XXS, tensor.IQ3_S, tensor.IQ1_S,
	tensor.IQ1_M, tensor.IQ4_NL, tensor.IQ4_XS, tensor.TQ1_0, tensor.TQ2_0, tensor.MXFP4, tensor.NVFP4, tensor.Q1_0, tensor.Q2_0,
}

// digestProduct multiplies random blocks of every type with one token, a few, and
// more than a tile of them.
func digestProduct(d *digester) {
	for i, t := range quantisedTypes {
		rows := []int{1, 16, 17, 47}[i%4]
		cols := max(256, t.Block()) * (1 + i%2)
		raw := make([]byte, rows*t.RowBytes(cols))
		for j := range raw {
			raw[j] = byte(d.gen.next()) &^ 0x40 // so that no scale is infinite, wherever it stands
		}
		m, err := weights.FromBlocks(t, rows, cols, raw)
		if err != nil {
			panic(err)
		}
		for _, T := range []int{1, 3, 19} {
			var a kernel.Q8
			a.Reset(T, cols)
			for k := range T {
				a.Quantise(k, d.gen.floats(cols))
			}
			y := make([]float32, T*rows)
			kernel.Product(y, rows, &a, &m, 0, m.Blocks(), new(kernel.Scratch))
			d.add(y...)
		}
		row := make([]float32, cols)
		m.Row(row, rows-1)
		d.add(row...)
	}
}

func digestFloatProduct(d *digester) {
	for _, t := range []tensor.DType{tensor.F32, tensor.F16, tensor.BF16, tensor.F8E4M3} {
		for _, shape := range [][3]int{{1, 1, 1}, {5, 33, 2}, {16, 64, 4}, {130, 40, 1}, {200, 17, 7}, {33, 96, 21}} {
			R, K, T := shape[0], shape[1], shape[2]
			m := d.floatMatrix(t, R, K)
			m.Bias = d.gen.floats(m.Blocks() * kernel.RowBlock)
			var a kernel.F32
			a.Reset(T, K)
			for k := range T {
				a.Set(k, d.gen.floats(K))
			}
			y := make([]float32, T*R)
			kernel.FloatProduct(y, R, &a, &m, 0, m.Blocks(), new(kernel.Scratch))
			d.add(y...)
		}
	}
}

// floatMatrix packs random weights; F8 ones have scales.
func (d *digester) floatMatrix(t tensor.DType, R, K int) kernel.Matrix {
	src := weights.Source{Type: t, Data: make([]byte, R*t.RowBytes(K)), Factor: 1}
	if t == tensor.F8E4M3 {
		for i := range src.Data {
			src.Data[i] = byte(d.gen.next()) &^ 0x40
		}
		src.Scales = &weights.BlockScale{Data: d.gen.floats((R/128 + 1) * (K/128 + 1)), Cols: K/128 + 1, Height: 128}
	} else if err := quant.Encode(src.Data, t, d.gen.floats(R*K)); err != nil {
		panic(err)
	}
	m, err := weights.New("random", t, R, K)
	if err != nil {
		panic(err)
	}
	weights.Pack(&m, src)
	return m
}

func digestRouter(d *digester) {
	for _, r := range []kernel.Router{
		{TopK: 6, Factor: 1},
		{TopK: 8, Sigmoid: true, Groups: 8, GroupsKept: 4, Normalise: true, Factor: 2.5},
		{TopK: 3, Groups: 4, GroupsKept: 2, Factor: 16},
	} {
		for _, E := range []int{16, 64, 72, 256} {
			if r.Sigmoid {
				r.Bias = d.gen.floats(E)
			}
			ids, w := make([]int32, r.TopK), make([]float32, r.TopK)
			r.Route(ids, w, d.gen.floats(E), new(kernel.RouteScratch))
			d.addInts(ids...)
			d.add(w...)
		}
	}
}

func digestSample(d *digester) {
	for _, V := range []int{1, 17, 1000, 5003} {
		x := d.gen.floats(V)
		kernel.Scale(x, x, 9)
		y := make([]float32, V)
		sample.Logprobs(y, x)
		d.add(y...)
		for _, set := range []sample.Settings{
			{},
			{Temperature: 1, TopP: 1},
			{Temperature: 0.7, TopK: 20, TopP: 0.8},
			{Temperature: 1.3, TopP: 1, MinP: 0.1},
			{Temperature: 2, TopP: 0.95, Penalties: sample.Penalties{Repetition: 1.2, Frequency: 0.1, Presence: 0.2}, Seed: 7},
		} {
			if set.Repetition == 0 {
				set.Repetition = 1
			}
			s := sample.New(set, []int32{0})
			for range 20 {
				id, err := s.Next(x, nil)
				if err != nil {
					panic(err)
				}
				d.addInts(id)
			}
		}
	}
}
