package kernel

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

// TestHyperMix holds the weights of hyper-connections to their formula in float64, columns of
// the comb to sums of one, and all implementations to the same bits.
func TestHyperMix(t *testing.T) {
	for _, n := range []int{1, 2, 4, 7, 17} {
		h := HyperMix{N: n, Scale: [3]float32{1.1, 0.9, 1.3}, Base: small((2 + n) * n), Eps: 1e-6, Iterations: 20}
		m := small((2 + n) * n)
		want := make([]float32, len(m))
		portably(func() { h.Mix(want, m) })
		exact := hyperMix64(&h, m)
		for i, v := range want {
			if math.Abs(float64(v)-exact[i]) > 1e-5 {
				t.Fatalf("%d streams: number %d is %v, want %v", n, i, v, exact[i])
			}
		}
		for k := range n {
			sum := 0.0
			for j := range n {
				sum += float64(want[2*n+j*n+k])
			}
			if math.Abs(sum-1) > 1e-4 {
				t.Errorf("%d streams: column %d sums to %v", n, k, sum)
			}
		}
		onEach(t, func(t *testing.T) {
			got, check := guarded(len(m))
			h.Mix(got, m)
			check(t, "mix")
			same(t, fmt.Sprintf("%d streams", n), got, want)
		})
	}
}

// hyperMix64 is HyperMix.Mix in float64.
func hyperMix64(h *HyperMix, m []float32) []float64 {
	n := h.N
	x, eps := make([]float64, len(m)), float64(h.Eps)
	for i := range m {
		x[i] = float64(m[i])*float64(h.Scale[min(i/n, 2)]) + float64(h.Base[i])
	}
	for i := range n {
		x[i] = 1/(1+math.Exp(-x[i])) + eps
		x[n+i] = 2 / (1 + math.Exp(-x[n+i]))
	}
	c := x[2*n:]
	divide := func(at, step int) {
		sum := eps
		for i := range n {
			sum += c[at+i*step]
		}
		for i := range n {
			c[at+i*step] /= sum
		}
	}
	for j := range n {
		sum := 0.0
		for k := range n {
			c[j*n+k] = math.Exp(c[j*n+k])
			sum += c[j*n+k]
		}
		for k := range n {
			c[j*n+k] = c[j*n+k]/sum + eps
		}
	}
	for i := range h.Iterations {
		for j := 0; i > 0 && j < n; j++ {
			divide(j*n, 1)
		}
		for k := range n {
			divide(k, n)
		}
	}
	return x
}

// TestStreams holds what is read of streams and written to them to their formulas, in place
// too, and all implementations to the same bits.
func TestStreams(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {2, 15}, {4, 64}, {4, 65}, {4, 130}, {3, 200}} {
		n, H := size[0], size[1]
		S, y, pre, post, comb := small(n*H), small(H), small(n), small(n), small(n*n)
		wantX, wantS := make([]float32, H), make([]float32, n*H)
		tmp := make([]float32, ExpandScratch(n))
		portably(func() {
			Collapse(wantX, pre, S)
			Expand(wantS, S, y, post, comb, tmp)
		})
		for h := range H {
			x := 0.0
			for i := range n {
				x += float64(pre[i]) * float64(S[i*H+h])
			}
			near64(t, "collapse", wantX[h], x)
			for k := range n {
				s := float64(post[k]) * float64(y[h])
				for j := range n {
					s += float64(comb[j*n+k]) * float64(S[j*H+h])
				}
				near64(t, "expand", wantS[k*H+h], s)
			}
		}
		onEach(t, func(t *testing.T) {
			x, check := guarded(H)
			Collapse(x, pre, S)
			check(t, "collapse")
			same(t, "collapse", x, wantX)
			out, check := guarded(n * H)
			copy(out, S)
			Expand(out, out, y, post, comb, tmp)
			check(t, "expand")
			same(t, "expand in place", out, wantS)
		})
	}
}

func near64(t *testing.T, what string, got float32, want float64) {
	t.Helper()
	if math.Abs(float64(got)-want) > 1e-5*(1+math.Abs(want)) {
		t.Fatalf("%s: %v, want %v", what, got, want)
	}
}

// TestPool holds pooled rows to a softmax a dimension in float64, and all implementations to
// the same bits.
func TestPool(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {4, 16}, {8, 33}, {128, 17}} {
		n, D := size[0], size[1]
		var s, v [][]float32
		for range n {
			s, v = append(s, small(D)), append(v, small(D))
		}
		want, tmp := make([]float32, D), make([]float32, 3*D)
		portably(func() { Pool(want, s, v, tmp) })
		for d := range D {
			sum, e := 0.0, 0.0
			for t := range n {
				p := math.Exp(float64(s[t][d]))
				sum, e = sum+p, e+p*float64(v[t][d])
			}
			near64(t, "pool", want[d], e/sum)
		}
		onEach(t, func(t *testing.T) {
			got, check := guarded(D)
			Pool(got, s, v, tmp)
			check(t, "pool")
			same(t, "pool", got, want)
		})
	}
}

// TestSiluClamped holds DeepSeek-V4's gate to its formula beyond both limits, in place too.
func TestSiluClamped(t *testing.T) {
	const limit = 1.5
	for _, n := range []int{0, 1, 16, 33, swigluRun - 1, 2*swigluRun + 5} {
		gate, up := small(n), small(n)
		for i := range gate {
			gate[i], up[i] = 3*gate[i], 3*up[i]
		}
		want := make([]float32, n)
		portably(func() { SiluClamped(want, gate, up, limit) })
		for i := range n {
			g, u := min(float64(gate[i]), limit), max(min(float64(up[i]), limit), -limit)
			near64(t, "gate", want[i], g/(1+math.Exp(-g))*u)
		}
		onEach(t, func(t *testing.T) {
			got, check := guarded(n)
			copy(got, gate)
			SiluClamped(got, got, up, limit)
			check(t, "gate")
			same(t, "gate", got, want)
		})
	}
}

// TestAttendEntries holds attention over a window and entries to that over all of them as
// positions of one sequence: to float64's, with pages of few entries, chosen ones and all.
func TestAttendEntries(t *testing.T) {
	const D, W, pos, each = 32, 20, 300, 2
	for kind := CacheF32; kind <= CacheQ8; kind++ {
		for _, n := range []int{0, 1, 5, 37, 300} {
			rows, entries := make([][]float32, pos+1), make([][]float32, n)
			pages := [][]byte{make([]byte, kind.RowPageBytes(D)), make([]byte, kind.RowPageBytes(D))}
			for i := range rows {
				rows[i] = small(D)
				kind.StoreRow(pages[i/PagePositions], i%PagePositions, rows[i], D)
			}
			more := make([][]byte, (n+each-1)/each)
			for i := range entries {
				if i%each == 0 {
					more[i/each] = make([]byte, kind.RowBytes(each, D))
				}
				entries[i] = small(D)
				kind.StoreRow(more[i/each], i%each, entries[i], D)
			}
			var chosen []int32
			for i := 0; i < n; i += 3 {
				chosen = append(chosen, int32(i))
			}
			a := Attention{Kind: kind, KeyDim: D, ValueDim: D, Scale: 0.2, Latent: true, Window: W, Rows: true}
			for _, c := range [][]int32{nil, chosen} {
				see := n
				seen := slices.Clone(rows[pos-W+1:])
				for i := range entries {
					if c == nil || slices.Contains(c, int32(i)) {
						seen = append(seen, entries[i])
					}
				}
				if c != nil {
					see = len(c)
				}
				q := small(2 * D)
				run := func() []float32 {
					out := make([]float32, 2*D)
					var s AttendScratch
					queries := s.Queries(2)
					for h := range queries {
						queries[h] = Query{Q: q[h*D:][:D], Out: out[h*D:][:D], Pos: pos, Sink: 0.3}
					}
					a.AttendEntries(queries, Pages{Splits: pages}, Pages{Splits: more, Chosen: c, Each: each}, see, &s)
					return out
				}
				var want []float32
				portably(func() { want = run() })
				limit := map[CacheKind]float64{CacheF32: 1e-5, CacheF16: 2e-3, CacheBF16: 2e-2, CacheQ8: 3e-2}[kind]
				for h := range 2 {
					exact := attend64(q[h*D:][:D], seen, 0.2, 0.3)
					for d := range D {
						if math.Abs(float64(want[h*D+d])-exact[d]) > limit {
							t.Fatalf("%s, %d entries: %v, want %v", kind, see, want[h*D+d], exact[d])
						}
					}
				}
				onEach(t, func(t *testing.T) { same(t, fmt.Sprintf("%s, %d entries", kind, see), run(), want) })
			}
		}
	}
}

// attend64 is attention of one query over rows that are keys and values, with a sink.
func attend64(q []float32, rows [][]float32, scale, sink float64) []float64 {
	out, sum := make([]float64, len(q)), math.Exp(sink)
	for _, row := range rows {
		dot := 0.0
		for d, x := range row {
			dot += float64(q[d]) * float64(x)
		}
		p := math.Exp(dot * scale)
		sum += p
		for d, x := range row {
			out[d] += p * float64(x)
		}
	}
	for d := range out {
		out[d] /= sum
	}
	return out
}

// TestRootOfSoftplus holds V4's router to its formula: small scores are kept.
func TestRootOfSoftplus(t *testing.T) {
	r := Router{Softplus: true, TopK: 2, Normalise: true, Factor: 1.5}
	logits := []float32{-80, 1, -90, 3, 0.5}
	score := make([]float32, len(logits))
	r.Scores(score, logits)
	for i, z := range logits {
		if want := math.Sqrt(math.Log1p(math.Exp(float64(z)))); math.Abs(float64(score[i])-want) > 1e-6*want {
			t.Errorf("score of %v is %v, want %v", z, score[i], want)
		}
	}
	ids, weights := []int32{0, 0}, make([]float32, 2)
	r.Route(ids, weights, logits, new(RouteScratch))
	if !slices.Equal(ids, []int32{1, 3}) || math.Abs(float64(weights[0]+weights[1])-1.5) > 1e-6 {
		t.Errorf("chosen %v by %v", ids, weights)
	}
	r.Weigh([]int32{0, 2}, weights, logits, new(RouteScratch))
	if a, b := math.Exp(-40), math.Exp(-45); math.Abs(float64(weights[0])-1.5*a/(a+b+1e-20)) > 1e-5 || weights[0] <= weights[1] {
		t.Errorf("weights of a table's experts: %v", weights)
	}
}
