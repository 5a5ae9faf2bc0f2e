package selftest

import (
	"slices"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/sample"
	"github.com/blitz-r1/blitz/internal/weights"
)

// operations computes the outputs of a case of reference vectors, by operation.
var operations = map[string]func(*caseReader) []output{
	"fma": func(c *caseReader) []output {
		a, b, d := c.f32("a"), c.f32("b"), c.f32("c")
		y := make([]float32, len(a))
		for i := range y {
			y[i] = kernel.FMA(a[i], b[i], d[i])
		}
		return []output{{"y", y}}
	},
	"lane_sum": func(c *caseReader) []output {
		x := c.f32("x")
		return []output{{"y", []float32{kernel.LaneSum(x)}}, {"dot", []float32{kernel.LaneDot(x, c.f32("w"))}}}
	},
	"exp":     unary(kernel.ExpAll),
	"sigmoid": unary(kernel.SigmoidAll),
	"tanh":    unary(kernel.TanhAll),
	"silu":    unary(kernel.SiluAll),
	"gelu":    unary(kernel.GeluAll),
	"log": unary(func(y, x []float32) {
		for i, v := range x {
			y[i] = kernel.Log(v)
		}
	}),
	"q8x32":         q8x32,
	"product":       product,
	"float_product": floatProduct,
	"rmsnorm": func(c *caseReader) []output {
		x := c.f32("x")
		y := make([]float32, len(x))
		kernel.RMSNorm(y, x, c.f32("w"), c.scalar("eps"))
		return []output{{"y", y}}
	},
	"layernorm": func(c *caseReader) []output {
		x := c.f32("x")
		y := make([]float32, len(x))
		kernel.LayerNorm(y, x, c.f32("w"), c.f32("b"), c.scalar("eps"))
		return []output{{"y", y}}
	},
	"rope_table": ropeTable,
	"rope":       rope,
	"softmax":    unary(kernel.Softmax),
	"router":     router,
	"expert_sum": expertSum,
	"attention":  attention,
	"mla":        mla,
	"indexer":    indexer,
	"penalties":  penalties,
	"logprobs": func(c *caseReader) []output {
		x := c.f32("x")
		y := make([]float32, len(x))
		sample.Logprobs(y, x)
		return []output{{"y", y}}
	},
	"sample":  draw,
	"float64": float64s,
	"generator": func(c *caseReader) []output {
		g := newGenerator()
		return []output{{"y", g.floats(c.num("n"))}}
	},
}

func unary(f func(y, x []float32)) func(*caseReader) []output {
	return func(c *caseReader) []output {
		x := c.f32("x")
		y := make([]float32, len(x))
		f(y, x)
		return []output{{"y", y}}
	}
}

func q8x32(c *caseReader) []output {
	x := c.f32("x")
	shape := c.in["x"].Shape
	T, K := 1, len(x)
	if len(shape) == 2 {
		T, K = shape[0], shape[1]
	}
	var a kernel.Q8
	a.Reset(T, K)
	for t := range T {
		a.Quantise(t, x[t*K:][:K])
	}
	q, scale, xsum := a.Groups()
	return []output{{"q", q}, {"scale", scale}, {"xsum", xsum}}
}

// quantised packs the integers of a vector and multiplies them with x [T, K].
func quantised(w []int8, s, m []float32, rows, K int, x []float32) []float32 {
	T := len(x) / max(K, 1)
	matrix := weights.FromInts(rows, K, w, s, m)
	var a kernel.Q8
	a.Reset(T, K)
	for t := range T {
		a.Quantise(t, x[t*K:][:K])
	}
	y := make([]float32, T*rows)
	kernel.Product(y, rows, &a, &matrix, 0, matrix.Blocks(), new(kernel.Scratch))
	return y
}

func product(c *caseReader) []output {
	shape := c.dims("w", 2)
	var m []float32
	if c.has("m") {
		m = c.f32("m")
	}
	return []output{{"y", quantised(c.i8("w"), c.f32("s"), m, shape[0], shape[1], c.f32("x"))}}
}

func floatProduct(c *caseReader) []output {
	w, x := c.dims("w", 2), c.dims("x", 2)
	y := make([]float32, x[0]*w[0])
	floatMultiply(y, c.f32("w"), c.f32("x"), w[0], w[1], x[0])
	return []output{{"y", y}}
}

// floatMultiply writes y [T, R] from w [R, K] and x [T, K].
func floatMultiply(y, w, x []float32, R, K, T int) {
	if K == 0 {
		return
	}
	matrix := weights.FromFloats(R, K, w)
	var a kernel.F32
	a.Reset(T, K)
	for t := range T {
		a.Set(t, x[t*K:][:K])
	}
	kernel.FloatProduct(y, R, &a, &matrix, 0, matrix.Blocks(), new(kernel.Scratch))
}

func ropeTable(c *caseReader) []output {
	pos, d, theta := c.i32("pos"), c.num("d"), c.f64("theta")
	if len(theta) != 1 {
		c.fail("theta is no number")
		return nil
	}
	freq := kernel.RopeFrequencies(d, theta[0])
	var cos, sin []float32
	for _, p := range pos {
		for _, f := range freq {
			s, co := kernel.SinCos64(float64(float64(p) * f))
			cos, sin = append(cos, float32(co)), append(sin, float32(s))
		}
	}
	return []output{{"cos", cos}, {"sin", sin}}
}

func rope(c *caseReader) []output {
	x, cos, sin := c.f32("x"), c.f32("cos"), c.f32("sin")
	shape := c.dims("x", 2)
	P, d := shape[0], shape[1]
	for p := range P {
		row, co, si := x[p*d:][:d], cos[p*d/2:][:d/2], sin[p*d/2:][:d/2]
		if c.num("neox") == 1 {
			kernel.RopeHalves(row, co, si)
			continue
		}
		mul, cross := make([]float32, d), make([]float32, d)
		kernel.InterleaveRope(mul, cross, co, si)
		kernel.RopePairs(row, mul, cross)
	}
	return []output{{"y", x}}
}

func router(c *caseReader) []output {
	r := kernel.Router{
		Sigmoid: c.num("sigmoids") == 1, Groups: c.num("groups"), GroupsKept: c.num("groups_kept"),
		TopK: c.num("k"), Normalise: c.num("normalise") == 1, Factor: c.scalar("factor"),
	}
	if c.has("bias") {
		r.Bias = c.f32("bias")
	}
	ids, weights := make([]int32, r.TopK), make([]float32, r.TopK)
	r.Route(ids, weights, c.f32("logits"), new(kernel.RouteScratch))
	return []output{{"ids", ids}, {"weights", weights}}
}

func expertSum(c *caseReader) []output {
	weight, out := c.f32("weight"), c.f32("out")
	D := c.dims("out", 2)[1]
	y := make([]float32, D)
	for e, w := range weight {
		kernel.AddScaled(y, out[e*D:][:D], w)
	}
	if c.has("shared") {
		kernel.Add(y, y, c.f32("shared"))
	}
	return []output{{"y", y}}
}

func indexer(c *caseReader) []output {
	q, keys, w := c.f32("q"), c.f32("keys"), c.f32("w")
	shape := c.dims("keys", 2)
	n, D := shape[0], shape[1]
	index := newCache(kernel.Attention{Kind: kernel.CacheF32, KeyDim: D, Latent: true}, n) // keys alone
	for p := range n {
		index.store(p, keys[p*D:][:D], nil, 0)
	}
	score := indexScores(index, n, q, w)
	ids := new(kernel.IndexScratch).Choose(nil, score, c.num("k"))
	return []output{{"score", score}, {"ids", ids}}
}

// indexScores returns the scores of all n positions of a cache of index keys for one token.
//
//	q [N, D]   w [N]
func indexScores(index *cache, n int, q, w []float32) []float32 {
	x := kernel.Index{Kind: index.Kind, Heads: len(w), Dim: index.KeyDim}
	query := kernel.IndexQuery{Q: q, W: w, Score: make([]float32, n, kernel.IndexRoom(n))}
	new(kernel.Thread).Score(&x, []kernel.IndexQuery{query}, index.pages.Splits, 0, 0, len(index.pages.Splits))
	return query.Score
}

func penalties(c *caseReader) []output {
	x := c.f32("x")
	p := sample.Penalties{Repetition: c.scalar("repetition"), Presence: c.scalar("presence"), Frequency: c.scalar("frequency")}
	text, count := c.i32("text"), c.i32("count")
	for id := range x {
		p.Apply(x, int32(id), text[id] > 0, count[id])
	}
	return []output{{"y", x}}
}

func draw(c *caseReader) []output {
	x := c.f32("x")
	s := sample.Sampler{Settings: sample.Settings{
		Temperature: c.scalar("temperature"), TopK: c.num("top_k"), TopP: c.scalar("top_p"), MinP: c.scalar("min_p"),
	}}
	var tokens []int32
	for _, u := range c.f32("u") {
		tokens = append(tokens, s.Draw(slices.Clone(x), u))
	}
	return []output{{"token", tokens}}
}

func float64s(c *caseReader) []output {
	var log, exp, sin, cos []float64
	for _, v := range c.f64("x") {
		l := kernel.Log64(v)
		log = append(log, l)
		exp = append(exp, kernel.Exp64(-max(l, -l)))
	}
	for _, a := range c.f64("angle") {
		s, co := kernel.SinCos64(a)
		sin, cos = append(sin, s), append(cos, co)
	}
	return []output{{"log", log}, {"exp", exp}, {"sin", sin}, {"cos", cos}}
}
