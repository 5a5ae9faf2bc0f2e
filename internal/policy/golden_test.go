package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// goldenCase is a line of testdata/cases.jsonl.
type goldenCase struct {
	Title string
	Case  json.RawMessage
	Want  struct {
		Error                  bool
		Loss, KL, ClipFraction float64
		Clip                   float64 `json:"clip_fraction"`
		DLogp                  [][]float64
		Advantages             []*float64
		Kept                   []bool
		Tokens                 int
	}
}

func goldenCases(t testing.TB) (all []goldenCase) {
	t.Helper()
	b, err := os.ReadFile("testdata/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var c goldenCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

// near allows for the twelve digits that the golden values have.
func near(a, b, top float64) bool { return math.Abs(a-b) <= 1e-9*math.Abs(b)+1e-10*top+1e-11 }

// TestGolden compares with losses and gradients of an independent program in float64.
func TestGolden(t *testing.T) {
	for _, c := range goldenCases(t) {
		var r *Result
		l, b, err := ParseLine(c.Case)
		if err == nil {
			r, err = l.Compute(b)
		}
		if c.Want.Error || err != nil {
			if (err != nil) != c.Want.Error {
				t.Errorf("%s: error %v, want one: %v", c.Title, err, c.Want.Error)
			}
			continue
		}
		w := &c.Want
		if !near(r.Loss, w.Loss, 0) || !near(r.KL, w.KL, 0) || !near(r.ClipFraction, w.Clip, 0) || r.Tokens != w.Tokens || !slices.Equal(r.Kept, w.Kept) {
			t.Errorf("%s: got loss %v, kl %v, clipped %v, %d tokens, kept %v; want %v, %v, %v, %d, %v",
				c.Title, r.Loss, r.KL, r.ClipFraction, r.Tokens, r.Kept, w.Loss, w.KL, w.Clip, w.Tokens, w.Kept)
		}
		for i, a := range w.Advantages {
			if a != nil && (!near(r.Advantages[i], *a, 0) || *a == 0 && r.Advantages[i] != 0) || (a == nil) != r.skipped[i] {
				t.Errorf("%s: advantage %d is %v, want %v", c.Title, i, r.Advantages[i], a)
			}
		}
		for i, row := range w.DLogp {
			top := 0.0
			for _, v := range row {
				top = max(top, math.Abs(v))
			}
			for k, v := range row {
				if !near(r.DLogp[i][k], v, top) || v == 0 && r.DLogp[i][k] != 0 {
					t.Errorf("%s: gradient of sequence %d, token %d is %v, want %v", c.Title, i, k, r.DLogp[i][k], v)
				}
			}
		}
	}
}

// TestFiniteDifferences holds every gradient of the golden batches against the loss. Tokens
// where a clip or a limit begins within the step are left out, and constant weights.
func TestFiniteDifferences(t *testing.T) {
	const h = 1e-6
	checked := 0
	for _, c := range goldenCases(t) {
		l, b, err := ParseLine(c.Case)
		if err != nil || l.Clip.NoLow || bytes.Contains(c.Case, []byte(`"cispo"`)) || strings.Contains(c.Title, "e^100") {
			continue
		}
		r, err := l.Compute(b)
		if err != nil {
			continue
		}
		for i, row := range b.LogpNew {
			for k, v := range row {
				if !isFinite(v) {
					continue
				}
				at := func(x float64) float64 {
					row[k] = x
					defer func() { row[k] = v }()
					y, err := l.Compute(b)
					if err != nil {
						t.Fatal(err)
					}
					return y.Loss
				}
				right, left := (at(v+h)-r.Loss)/h, (r.Loss-at(v-h))/h
				if math.Abs(right-left) > 1e-4 { // a corner
					continue
				}
				if checked++; math.Abs((right+left)/2-r.DLogp[i][k]) > 1e-6 {
					t.Errorf("%s: gradient of sequence %d, token %d is %v, differences say %v", c.Title, i, k, r.DLogp[i][k], (right+left)/2)
				}
			}
		}
	}
	if checked < 1000 {
		t.Errorf("%d gradients were compared, want 1000", checked)
	}
}

// small is a batch of one group.
func small() *Batch {
	return &Batch{
		Groups: []int{2}, Rewards: []float64{1, 0},
		LogpNew: [][]float64{{-1, -0.5}, {-2}}, LogpOld: [][]float64{{-1.1, -0.4}, {-2.5}}, LogpRef: [][]float64{{-1, -1}, {-1}},
	}
}

// TestRefused names what is wrong with a loss or a batch.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		change func(l *Loss, b *Batch)
		want   string
		is     error
	}{
		{func(l *Loss, b *Batch) { b.Groups = []int{1} }, "groups have 1 sequences, logp_new 2", ErrShape},
		{func(l *Loss, b *Batch) { b.Groups = []int{math.MaxInt, math.MaxInt, 4} }, "group 0", ErrShape},
		{func(l *Loss, b *Batch) { b.Groups = []int{-1, 3} }, "group 0", ErrShape},
		{func(l *Loss, b *Batch) { b.Rewards = b.Rewards[:1] }, "rewards has 1", ErrShape},
		{func(l *Loss, b *Batch) { b.LogpOld[1] = nil }, "logp_old[1] has 0 tokens", ErrShape},
		{func(l *Loss, b *Batch) { b.Mask = [][]bool{{true}} }, "mask has 1", ErrShape},
		{func(l *Loss, b *Batch) { b.Correct = []bool{true} }, "correct has 1", ErrShape},
		{func(l *Loss, b *Batch) { b.LogpRef = nil }, "logp_ref", ErrReference},
		{func(l *Loss, b *Batch) { l.FilterTruncated = true }, "truncated", ErrTruncated},
		{func(l *Loss, b *Batch) { b.LogpNew[1][0] = math.Inf(-1) }, "logp_new[1][0] is -Inf", ErrNotFinite},
		{func(l *Loss, b *Batch) { b.Rewards[1] = math.NaN() }, "rewards[1] is NaN", ErrNotFinite},
		{func(l *Loss, b *Batch) { b.Rewards = []float64{math.MaxFloat64, -math.MaxFloat64} }, "divided by +Inf", ErrNotFinite},
		{func(l *Loss, b *Batch) {
			l.Scale, b.Rewards = ScaleNone, []float64{1e308, -1e307}
			b.LogpNew[1][0] = 10
		}, "", ErrNotFinite},
		{func(l *Loss, b *Batch) { l.Scale = "mean" }, "scale", nil},
		{func(l *Loss, b *Batch) { l.Level = "" }, "level", nil},
		{func(l *Loss, b *Batch) { l.Norm = "x" }, "norm", nil},
		{func(l *Loss, b *Batch) { l.Norm = NormConstant }, "max_tokens", nil},
		{func(l *Loss, b *Batch) { l.StdDDoF = 2 }, "std_ddof", nil},
		{func(l *Loss, b *Batch) { l.StdEps = math.NaN() }, "std_eps", nil},
		{func(l *Loss, b *Batch) { l.Clip.Low = -1 }, "eps_low", nil},
		{func(l *Loss, b *Batch) { l.Clip.High = math.Inf(1) }, "eps_high", nil},
		{func(l *Loss, b *Batch) { l.Beta = -1 }, "beta", nil},
		{func(l *Loss, b *Batch) { l.Cap = 0 }, "cap", nil},
		{func(l *Loss, b *Batch) { l.Overlong = Overlong{Max: 3, Cache: 4} }, "overlong", nil},
		{func(l *Loss, b *Batch) { l.OffPolicy, l.OffPolicyDelta = true, math.NaN() }, "off_policy_delta", nil},
		{func(l *Loss, b *Batch) { l.Level = LevelSequence; _ = l.UseKL("unbiased") }, "kl is unbiased", nil},
	} {
		l, b := GRPO(), small()
		c.change(&l, b)
		_, err := l.Compute(b)
		if err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
			t.Errorf("error %v, want %q and %v", err, c.want, c.is)
		}
	}
}

// TestLinesRefused names what is wrong with a line.
func TestLinesRefused(t *testing.T) {
	const rest = `, "groups": [1], "rewards": [1], "logp_new": [[-1]], "logp_old": [[-1]]`
	for _, c := range [][2]string{
		{`[]`, "want an object"},
		{`{}`, "kind is missing"},
		{`{"kind": "grpo"}`, "groups is missing"},
		{`{"kind": "grpo"` + rest + `, "masks": []}`, `"masks" is not known`},
		{`{"kind": "grpo", "settings": []` + rest + `}`, "settings: want an object"},
		{`{"kind": "grpo", "settings": {"eps": 1}` + rest + `}`, `"eps" is not known`},
		{`{"kind": "grpo", "settings": {"beta": "0"}` + rest + `}`, "beta"},
		{`{"kind": "grpo", "settings": {"Beta": 0}` + rest + `}`, `"Beta" is not known`},
		{`{"kind": "grpo", "settings": {"kl": "k2"}` + rest + `}`, "kl is"},
		{`{"kind": "grpo", "settings": {"overlong": {"max": 3}}` + rest + `}`, "overlong is"},
		{`{"kind": "grpo", "groups": [1], "rewards": [1], "logp_new": [[null]], "logp_old": [[-1]]}`, "logp_new[0][0] is null"},
		{`{"kind": "grpo", "groups": [1], "rewards": [1], "logp_new": [null], "logp_old": [[-1]]}`, "null is no list"},
		{`{"kind": "grpo", "groups": [1], "rewards": [1], "logp_new": [["-1"]], "logp_old": [[-1]]}`, "no number"},
		{`{"kind": "grpo", "groups": [1], "rewards": [[1]], "logp_new": [[-1]], "logp_old": [[-1]]}`, "no number"},
		{`{"kind": "grpo", "groups": [1.5], "rewards": [1], "logp_new": [[-1]], "logp_old": [[-1]]}`, "groups"},
		{`{"kind": "grpo"` + rest + `, "mask": [[2]]}`, "neither 0 nor 1"},
	} {
		if _, _, err := ParseLine([]byte(c[0])); err == nil || !strings.Contains(err.Error(), c[1]) {
			t.Errorf("%s: error %v, want %q in it", c[0], err, c[1])
		}
	}
}

// FuzzLine never panics, and what comes out is finite.
func FuzzLine(f *testing.F) {
	for i, c := range goldenCases(f) {
		if i%5 == 0 {
			f.Add([]byte(c.Case))
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		l, b, err := ParseLine(line)
		if err != nil {
			return
		}
		r, err := l.Compute(b)
		if err != nil {
			return
		}
		if _, err := json.Marshal(r); err != nil {
			t.Error(err)
		}
	})
}

// TestSeries compares both forms of e^x-1 and e^x-x-1 where they meet, and the short ones
// with the first terms of their series.
func TestSeries(t *testing.T) {
	for _, x := range []float64{-0.5, 0.5, -0.49, 0.3} {
		if e := math.Exp(x); math.Abs(expm1(x)-(e-1)) > 1e-15 || math.Abs(k3(x)-(e-1-x)) > 1e-15 {
			t.Errorf("x %v: e^x-1 is %v, e^x-x-1 %v, want %v, %v", x, expm1(x), k3(x), e-1, e-1-x)
		}
	}
	for _, x := range []float64{1e-8, -1e-8} {
		if got, want := k3(x), x*x/2*(1+x/3); math.Abs(got/want-1) > 1e-14 {
			t.Errorf("x %v: e^x-x-1 is %v, want %v", x, got, want)
		}
	}
	if k3(0) != 0 || expm1(0) != 0 {
		t.Errorf("at 0: %v, %v", k3(0), expm1(0))
	}
}
