package model

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// TestReplay computes every operation of every architecture once more from its record
// alone, as its formula is written, in float64: a record says all that a backward needs
// to know of an operation.
func TestReplay(t *testing.T) {
	for _, name := range goldenModels {
		if name == "gemma3" {
			continue // gemma3-text in another envelope
		}
		model, _ := loadExpectation(t, name)
		for _, form := range forms(model) {
			t.Run(fmt.Sprint(name, " ", form), func(t *testing.T) {
				g, err := model.GGUF(tensor.F32, tiny.Split)
				m := openGGUF(t, g, err, Options{Latent: form, MTP: model.Config.NextN > 0})
				r := newRunner(t, m, m.DefaultCache(), 2)
				var records []Operation
				r.step.Record = func(o Operation) { records = append(records, o) }
				r.after = func() {
					for i, o := range records {
						holdRecord(t, fmt.Sprintf("record %d, %T", i, o), o)
					}
					records = nil
				}
				wanted := 5
				if m.drafts() {
					wanted = 40
				}
				r.run(t, mixedLengths(m.Config.VocabSize, 40, 9, 1), func(_, _, left int) (int, int) { return left, min(left, wanted) })
			})
		}
	}
}

// replayLimit is how far an operation may be off, of the largest number of its output.
const replayLimit = 1e-4

// holdRecord holds the outputs of a record to what its operands give.
func holdRecord(t *testing.T, what string, o Operation) {
	t.Helper()
	want := replay(o)
	outs := o.Operands().Out
	if len(want) != len(outs) {
		t.Fatalf("%s: %d outputs, want %d", what, len(outs), len(want))
	}
	for k, y := range outs {
		large, n := 0.0, 0
		for _, w := range want[k] {
			if w == w {
				large, n = max(large, math.Abs(w)), n+1
			}
		}
		if n == 0 && y.T > 0 {
			t.Fatalf("%s: nothing of output %d is computed again", what, k)
		}
		for i, w := range want[k] {
			got := float64(y.Row(i / y.D)[i%y.D])
			if w == w && !(math.Abs(got-w) <= replayLimit*large) {
				t.Fatalf("%s: output %d row %d element %d is %v, want %v", what, k, i/y.D, i%y.D, got, w)
			}
		}
	}
}

// replay returns the outputs of an operation, NaN for what others write of them.
func replay(o Operation) [][]float64 {
	switch o := o.(type) {
	case *embedRows:
		return rowsOf(o.y, func(t int, y []float64) {
			row := make([]float32, len(y))
			o.e.Row(row, int(o.tokens[t]))
			for i, v := range row {
				y[i] = float64(v)
				if o.e.Scale != 0 {
					y[i] *= float64(o.e.Scale)
				}
			}
		})
	case *wantedRows:
		return rowsOf(o.y, func(t int, y []float64) { put(y, o.x.Row(int(o.which[t]))) })
	case *joinRows:
		return rowsOf(o.y, func(t int, y []float64) { put(y, o.a.Row(t)); put(y[o.a.D:], o.b.Row(t)) })
	case *normRows:
		return rowsOf(o.y, func(t int, y []float64) {
			for D, at := len(o.n.W), 0; at < len(y); at += D {
				replayNorm(y[at:at+D], o.x.Row(t)[at:], 0, o.n.Eps, o.n.W, nil)
			}
		})
	case *layerNormRows:
		return rowsOf(o.y, func(t int, y []float64) {
			mean := 0.0
			for _, v := range o.x.Row(t) {
				mean += float64(v) / float64(len(y))
			}
			replayNorm(y, o.x.Row(t), mean, o.n.Eps, o.n.W, o.n.B)
		})
	case *addRows:
		return each(o.sum, func(t, i int) float64 { return number(o.x, t, i) + number(o.y, t, i) })
	case *scaleRows:
		return each(o.y, func(t, i int) float64 { return number(o.x, t, i) * float64(o.a) * float64(o.b) })
	case *softcapRows:
		cap := float64(o.cap)
		return each(o.y, func(t, i int) float64 { return cap * math.Tanh(number(o.x, t, i)/cap) })
	case *gateRows:
		return each(o.y, func(t, i int) float64 {
			g := number(o.gate, t, i)
			if o.act == GeluTanh {
				return g / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(g+0.044715*g*g*g))) * number(o.up, t, i)
			}
			return g / (1 + math.Exp(-g)) * number(o.up, t, i)
		})
	case *ropeRows:
		return rowsOf(o.y, func(t int, y []float64) { replayRope(o, t, y) })
	case *products:
		return replayProducts(o)
	case *attend:
		return rowsOf(o.out, func(t int, y []float64) {
			for h := range o.a.H {
				replayHead(o, t, h, y[h*o.a.DV:][:o.a.DV])
			}
		})
	case *absorbedRows:
		return append(rowsOf(o.query, func(t int, y []float64) {
			for h := range o.l.H {
				put(y[h*o.key.D+latentWidth(o.l.C, 0):], o.q.Row(t)[h*(o.l.P+o.l.R)+o.l.P:][:o.l.R])
			}
		}), rowsOf(o.key, func(t int, y []float64) {
			put(y, o.cKV.Row(t))
			put(y[latentWidth(o.l.C, 0):], o.kR.Row(t))
		})...)
	case *expandedRows:
		return rowsOf(o.key, func(t int, y []float64) {
			for h := range o.l.H {
				put(y[h*(o.l.P+o.l.R)+o.l.P:], o.kR.Row(t))
			}
		})
	case *routeRows:
		return rowsOf(o.r.weights, func(t int, y []float64) { replayRouter(o, t, y) })
	case *gatherRows:
		var all [][]float64
		for i, id := range o.r.used {
			from, _ := o.r.rows(id)
			all = append(all, rowsOf(o.parts[i], func(t int, y []float64) { put(y, o.x.Row(int(o.r.token[from+t]))) })...)
		}
		return all
	case *sumRows:
		return each(o.y, func(t, i int) (y float64) {
			for k := range o.r.K {
				y += number(o.r.weights, t, k) * number(o.x, int(o.r.rowOf[t*o.r.K+k]), i)
			}
			return y
		})
	case *prepareRows, *storeRows, *storeIndexRows, *choose:
		return nil // what they write is no activation
	}
	panic(fmt.Sprintf("%T is not computed again", o))
}

// rowsOf computes the rows of one output.
func rowsOf(a *Act, row func(t int, y []float64)) [][]float64 {
	y := make([]float64, a.T*a.D)
	for i := range y {
		y[i] = math.NaN()
	}
	for t := range a.T {
		row(t, y[t*a.D:(t+1)*a.D])
	}
	return [][]float64{y}
}

// each computes the numbers of one output.
func each(a *Act, f func(t, i int) float64) [][]float64 {
	return rowsOf(a, func(t int, y []float64) {
		for i := range y {
			y[i] = f(t, i)
		}
	})
}

func number(a *Act, t, i int) float64 { return float64(a.Row(t)[i]) }

func put(y []float64, x []float32) {
	for i, v := range x {
		y[i] = float64(v)
	}
}

// replayNorm is (x - mean) / sqrt(mean((x - mean)²) + eps) * w + b.
func replayNorm(y []float64, x []float32, mean float64, eps float32, w, b []float32) {
	ss := 0.0
	for i := range y {
		ss += (float64(x[i]) - mean) * (float64(x[i]) - mean)
	}
	for i := range y {
		y[i] = (float64(x[i]) - mean) / math.Sqrt(ss/float64(len(y))+float64(eps)) * float64(w[i])
		if b != nil {
			y[i] += float64(b[i])
		}
	}
}

func replayRope(o *ropeRows, t int, y []float64) {
	put(y, o.x.Row(t))
	r, D := o.rope, len(y)/o.heads
	turned := r.of(int(o.limits[t]))
	for at := o.at; at < len(y); at += D {
		for i, f := range turned.freq {
			a, b := at+i, at+i+r.Dim/2
			if r.config.Pairs {
				a, b = at+2*i, at+2*i+1
			}
			sin, cos := math.Sincos(float64(o.positions[t]) * f)
			y[a], y[b] = turned.factor*(y[a]*cos-y[b]*sin), turned.factor*(y[a]*sin+y[b]*cos)
		}
	}
}

func replayProducts(o *products) (all [][]float64) {
	for _, p := range o.list {
		rows := make([][]float32, p.w.Rows)
		for r := range rows {
			rows[r] = make([]float32, p.w.Cols)
			p.w.Row(rows[r], r)
		}
		all = append(all, each(p.y, func(t, r int) (y float64) {
			for k, w := range rows[r] {
				y += float64(w) * number(p.x, t, k)
			}
			if p.w.Bias != nil {
				y += float64(p.w.Bias[r])
			}
			return y
		})...)
	}
	return all
}

// replayHead is the attention of one head of row t, whose segment begins at position 0.
func replayHead(o *attend, t, h int, y []float64) {
	a := o.a
	group := h / (a.H / a.HKV)
	var scores []float64
	var rows []int
	for r := range o.k.T {
		if o.segment[r] != o.segment[t] || o.positions[r] > o.positions[t] || a.Window > 0 && int(o.positions[t]-o.positions[r]) >= a.Window {
			continue
		}
		if o.chosen != nil && o.chosen.positions[t] != nil && !slices.Contains(o.chosen.positions[t], o.positions[r]) {
			continue
		}
		score := 0.0
		for i := range a.DK {
			score += number(o.q, t, h*a.DK+i) * number(o.k, r, group*a.DK+i) * float64(a.Scale)
		}
		if c := float64(a.Cap); c > 0 {
			score = c * math.Tanh(score/c)
		}
		scores, rows = append(scores, score), append(rows, r)
	}
	sum := 0.0
	for _, s := range scores {
		sum += math.Exp(s)
	}
	clear(y)
	for n, r := range rows {
		for i := range y {
			v := 0.0
			if o.v != nil {
				v = number(o.v, r, group*a.DV+i)
			} else {
				v = number(o.k, r, i)
			}
			y[i] += math.Exp(scores[n]) / sum * v
		}
	}
}

// replayRouter is the weights of the chosen experts.
func replayRouter(o *routeRows, t int, y []float64) {
	total := 0.0
	for i := range o.logits.D {
		total += math.Exp(number(o.logits, t, i))
	}
	sum := 0.0
	for k := range y {
		score := math.Exp(number(o.logits, t, int(o.r.ids[t*o.r.K+k])))
		if o.e.Choose.Sigmoid {
			y[k] = score / (1 + score)
		} else {
			y[k] = score / total
		}
		sum += y[k]
	}
	for k := range y {
		if o.e.Choose.Normalise {
			y[k] /= sum
		}
		y[k] *= float64(o.e.Choose.Factor)
	}
}
