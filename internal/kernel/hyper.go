package kernel

import "math"

// Hyper-connections (Zhu et al. 2024; manifold-constrained, DeepSeek-AI 2025): a layer has n
// streams instead of one residual. What goes into a sublayer is a weighted sum of them, and
// what comes out goes back to each, while the streams are mixed.

// HyperMix makes the weights of a sublayer from what its matrix gives: of streams that are
// read (pre), of the output for each stream (post), and of streams for each other (comb, row:
// where from, made doubly stochastic by Sinkhorn's iterations).
type HyperMix struct {
	N          int        // streams
	Scale      [3]float32 // of pre, post and comb
	Base       []float32  // [(2+N)N]
	Eps        float32
	Iterations int
}

// Mix writes mix = pre [N], post [N], comb [N, N]; m [(2+N)N], mix may be m.
func (h *HyperMix) Mix(mix, m []float32) {
	n := h.N
	for i := range mix {
		mix[i] = FMA(m[i], h.Scale[min(i/n, 2)], h.Base[i])
	}
	SigmoidAll(mix[:2*n], mix[:2*n])
	for i := range n {
		mix[i] += h.Eps
		mix[n+i] *= 2
	}
	c := mix[2*n:]
	for j := range n {
		row := c[j*n:][:n]
		Softmax(row, row)
		for k := range row {
			row[k] += h.Eps
		}
	}
	var column lanes
	for i := range h.Iterations {
		for j := 0; i > 0 && j < n; j++ {
			row := c[j*n:][:n]
			sum := LaneSum(row) + h.Eps
			for k := range row {
				row[k] /= sum
			}
		}
		for k := range n {
			column = lanes{}
			for j := range n {
				column[j%16] += c[j*n+k]
			}
			sum := column.fold() + h.Eps
			for j := range n {
				c[j*n+k] /= sum
			}
		}
	}
}

// Pre writes mix = sigmoid(fma(m, scale, base)) + eps, the weights of the last sum; m, base,
// mix [N], mix may be m.
func Pre(mix, m, base []float32, scale, eps float32) {
	for i := range mix {
		mix[i] = FMA(m[i], scale, base[i])
	}
	SigmoidAll(mix, mix)
	for i := range mix {
		mix[i] += eps
	}
}

// Collapse writes x = Σ pre_i S_i, i ascending by fused multiply-adds from +0.
//
//	x [H]   pre [N]   streams [N, H]
func Collapse(x, pre, streams []float32) {
	clear(x)
	for i, p := range pre {
		AddScaled(x, streams[i*len(x):][:len(x)], p)
	}
}

// expandRun is how many numbers of each stream Expand makes at once.
const expandRun = 64

// Expand writes S'_k = post_k y, rounded, then fma(comb_jk, S_j, ·), j ascending.
//
//	out, streams [N, H]   y [H]   post [N]   comb [N, N]   tmp [N*64]   out may be streams
func Expand(out, streams, y, post, comb, tmp []float32) {
	n, H := len(post), len(y)
	for at := 0; at < H; at += expandRun {
		run := min(expandRun, H-at)
		for k, p := range post {
			row := tmp[k*expandRun:][:run]
			Scale(row, y[at:at+run], p)
			for j := range n {
				AddScaled(row, streams[j*H+at:][:run], comb[j*n+k])
			}
		}
		for k := range post {
			copy(out[k*H+at:][:run], tmp[k*expandRun:][:run])
		}
	}
}

// ExpandScratch returns how many numbers Expand needs for n streams.
func ExpandScratch(n int) int { return n * expandRun }

// Pool writes e = Σ p_t v_t / Σ p_t with p the softmax of s over the rows, for each dimension
// apart: rows ascending, p = exp(s - max), sums by addition and by fused multiply-adds.
//
//	e [D]   s, v: rows of D   tmp [3D]
func Pool(e []float32, s, v [][]float32, tmp []float32) {
	D := len(e)
	top, p, sum := tmp[:D], tmp[D:2*D], tmp[2*D:3*D]
	fill(top, float32(math.Inf(-1)))
	for _, row := range s {
		for d, x := range row[:D] {
			top[d] = max(top[d], x)
		}
	}
	clear(e)
	clear(sum)
	for t, row := range s {
		for d, x := range row[:D] {
			p[d] = x - top[d]
		}
		ExpAll(p, p)
		Add(sum, sum, p)
		MulAdd(e, p, v[t][:D])
	}
	for d, l := range sum {
		e[d] *= 1 / l
	}
}
