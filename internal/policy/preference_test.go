package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"
)

// preferenceCase is a line of testdata/preferences.jsonl: what the methods dpo_loss and
// kto_loss of TRL v0.12.0 give in float64.
type preferenceCase struct {
	Kind, Title         string
	Beta                float64
	LabelSmoothing      float64 `json:"label_smoothing"`
	Desirable           int     // the first answers are
	DesirableWeight     float64 `json:"desirable_weight"`
	UndesirableWeight   float64 `json:"undesirable_weight"`
	Chosen, Rejected    []float64
	RefChosen           []float64 `json:"ref_chosen"`
	RefRejected         []float64 `json:"ref_rejected"`
	Answers, Mismatched []float64
	RefAnswers          []float64 `json:"ref_answers"`
	RefMismatched       []float64 `json:"ref_mismatched"`
	Want                struct {
		Loss, Margin, Accuracy, KL float64
		ChosenRewards              []float64 `json:"chosen_rewards"`
		RejectedRewards            []float64 `json:"rejected_rewards"`
	}
}

func (c *preferenceCase) dpo() (*DPO, *Answers, *Answers) {
	return &DPO{c.Beta, c.LabelSmoothing}, &Answers{c.Chosen, c.RefChosen}, &Answers{c.Rejected, c.RefRejected}
}

func (c *preferenceCase) kto() (*KTO, *Answers, []bool, *Answers) {
	desirable := make([]bool, len(c.Answers))
	for i := range c.Desirable {
		desirable[i] = true
	}
	return &KTO{c.Beta, c.DesirableWeight, c.UndesirableWeight}, &Answers{c.Answers, c.RefAnswers}, desirable, &Answers{c.Mismatched, c.RefMismatched}
}

func preferenceCases(t *testing.T) (all []preferenceCase) {
	t.Helper()
	b, err := os.ReadFile("testdata/preferences.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var c preferenceCase
		if err := json.Unmarshal(line, &c); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	return all
}

func meanOf(x []float64) (m float64) {
	for _, v := range x {
		m += v / float64(len(x))
	}
	return m
}

// TestPreferencesOfTRL compares with what TRL computes.
func TestPreferencesOfTRL(t *testing.T) {
	kinds := map[string]int{}
	for _, c := range preferenceCases(t) {
		kinds[c.Kind]++
		w := &c.Want
		var loss float64
		var got Rewards
		if c.Kind == "dpo" {
			l, chosen, rejected := c.dpo()
			r, err := l.Compute(chosen, rejected)
			if err != nil {
				t.Fatal(err)
			}
			loss, got = r.Loss, r.Rewards
			if !near(got.Margin(), w.Margin, 0) || got.Accuracy != w.Accuracy {
				t.Errorf("%+v: margin %v, accuracy %v", c, got.Margin(), got.Accuracy)
			}
		} else {
			r, err := func() (*KTOResult, error) { l, a, d, m := c.kto(); return l.Compute(a, d, m) }()
			if err != nil {
				t.Fatal(err)
			}
			loss, got = r.Loss, r.Rewards
			if !near(got.KL, w.KL, 0) || got.Preferreds != len(w.ChosenRewards) || got.Others != len(w.RejectedRewards) {
				t.Errorf("%+v: %+v", c, got)
			}
		}
		if !near(loss, w.Loss, 0) || !near(got.Preferred, meanOf(w.ChosenRewards), 0) || !near(got.Other, meanOf(w.RejectedRewards), 0) {
			t.Errorf("%+v: loss %v, rewards %+v", c, loss, got)
		}
	}
	if kinds["dpo"] < 5 || kinds["kto"] < 5 {
		t.Errorf("only %v cases", kinds)
	}
}

// TestPreferencesByHand compares with values that are worked out on paper.
func TestPreferencesByHand(t *testing.T) {
	same := &Answers{[]float64{-3, -7}, []float64{-3, -7}}
	r, err := (&DPO{Beta: 0.3}).Compute(same, same)
	if err != nil {
		t.Fatal(err)
	}
	if !near(r.Loss, math.Ln2, 0) || !near(r.DChosen[0], -0.3/2/2, 0) || !near(r.DReject[1], 0.3/2/2, 0) || r.Rewards.Accuracy != 0 {
		t.Errorf("a model that is its reference: %+v, want ln 2 and ∓beta/2 of each of two pairs", r)
	}
	// u = ln 3, so that σ(u) = 3/4.
	pair := &Answers{[]float64{-1}, []float64{-1 - math.Log(3)}}
	r, err = (&DPO{Beta: 1, LabelSmoothing: 0.25}).Compute(pair, &Answers{[]float64{-2}, []float64{-2}})
	if err != nil {
		t.Fatal(err)
	}
	if want := 0.75*math.Log(4./3) + 0.25*math.Log(4); !near(r.Loss, want, 0) || math.Abs(r.DChosen[0]) > 1e-15 || !near(r.Rewards.Margin(), math.Log(3), 0) || r.Rewards.Accuracy != 1 {
		t.Errorf("%+v, want the loss %v, and no gradient: a pair is as sure as its label", r, want)
	}
	k, err := (&KTO{Beta: 0.5, Desirable: 1, Undesirable: 3}).Compute(same, []bool{true, false}, &Answers{[]float64{-9}, []float64{-8}})
	if err != nil {
		t.Fatal(err)
	}
	if k.Rewards.KL != 0 || !near(k.Loss, (0.5+1.5)/2, 0) || !near(k.DLogp[0], -0.5/4/2, 0) || !near(k.DLogp[1], 3*0.5/4/2, 0) {
		t.Errorf("a model that is its reference: %+v", k)
	}
	// The reference point is 2: σ(beta (2+ln 3-2)) = 3/4.
	k, err = (&KTO{Beta: 1, Desirable: 1, Undesirable: 1}).Compute(&Answers{[]float64{2 + math.Log(3)}, []float64{0}}, []bool{true}, &Answers{[]float64{-1, -1}, []float64{-4, -2}})
	if err != nil {
		t.Fatal(err)
	}
	if k.Rewards.KL != 2 || !near(k.Loss, 0.25, 0) || !near(k.DLogp[0], -3./16, 0) || k.Rewards.Accuracy != 1 {
		t.Errorf("%+v, want KL 2, loss 1/4, gradient -3/16", k)
	}
}

// TestPreferenceGradients compares with finite differences.
func TestPreferenceGradients(t *testing.T) {
	const h = 1e-5
	hold := func(name string, x, got []float64, loss func() float64) {
		t.Helper()
		for i := range x {
			at := x[i]
			x[i] = at + h
			up := loss()
			x[i] = at - h
			down := loss()
			x[i] = at
			if want := (up - down) / (2 * h); math.Abs(got[i]-want) > 1e-8+1e-6*math.Abs(want) {
				t.Errorf("%s %d: gradient %v, want %v", name, i, got[i], want)
			}
		}
	}
	for _, c := range preferenceCases(t) {
		if c.Kind == "dpo" {
			l, chosen, rejected := c.dpo()
			loss := func() float64 {
				r, err := l.Compute(chosen, rejected)
				if err != nil {
					t.Fatal(err)
				}
				return r.Loss
			}
			r, err := l.Compute(chosen, rejected)
			if err != nil {
				t.Fatal(err)
			}
			hold("chosen", chosen.New, r.DChosen, loss)
			hold("rejected", rejected.New, r.DReject, loss)
			continue
		}
		l, answers, desirable, mismatched := c.kto()
		r, err := l.Compute(answers, desirable, mismatched)
		if err != nil {
			t.Fatal(err)
		}
		hold("answer", answers.New, r.DLogp, func() float64 {
			r, err := l.Compute(answers, desirable, mismatched)
			if err != nil {
				t.Fatal(err)
			}
			return r.Loss
		})
	}
}

// TestSigmoid holds both ends, where exponentials are none any more.
func TestSigmoid(t *testing.T) {
	for _, x := range []float64{-1e300, -800, -745, -30, -1, -1e-9, 0, 1e-9, 0.5, 1, 40, 745, 800, 1e300} {
		s, log := sigmoid(x)
		want := 1 / (1 + math.Exp(-x))
		wantLog := -math.Log1p(math.Exp(-x))
		if x < 0 {
			want, wantLog = math.Exp(x)/(1+math.Exp(x)), x-math.Log1p(math.Exp(x))
		}
		if math.Abs(s-want) > 1e-15*want+1e-320 || math.Abs(log-wantLog) > 1e-15*math.Abs(wantLog) {
			t.Errorf("of %g: %g, %g, want %g, %g", x, s, log, want, wantLog)
		}
	}
}

func TestPreferencesRefuse(t *testing.T) {
	one := &Answers{[]float64{-1}, []float64{-1}}
	nan := &Answers{[]float64{math.NaN()}, []float64{-1}}
	dpo := func(l DPO, a, b *Answers) error { _, err := l.Compute(a, b); return err }
	kto := func(l KTO, a *Answers, d []bool, m *Answers) error { _, err := l.Compute(a, d, m); return err }
	good := KTO{0.1, 1, 1}
	for _, c := range []struct {
		err, want error
		words     string
	}{
		{dpo(DPO{0, 0}, one, one), ErrPreference, "beta is 0"},
		{dpo(DPO{math.Inf(1), 0}, one, one), ErrPreference, "beta is +Inf"},
		{dpo(DPO{1, 0.5}, one, one), ErrPreference, "label smoothing is 0.5"},
		{dpo(DPO{1, 0}, one, &Answers{}), ErrShape, "rejected has 0 answers"},
		{dpo(DPO{1, 0}, &Answers{}, &Answers{}), ErrShape, "no pairs"},
		{dpo(DPO{1, 0}, one, nan), ErrNotFinite, "rejected[0] is NaN"},
		{kto(KTO{0.1, 0, 0}, one, []bool{true}, one), ErrPreference, "are 0"},
		{kto(KTO{0.1, -1, 1}, one, []bool{true}, one), ErrPreference, "desirable weight is -1"},
		{kto(good, one, nil, one), ErrShape, "0 labels"},
		{kto(good, one, []bool{true}, &Answers{}), ErrShape, "0 mismatched"},
		{kto(good, one, []bool{true}, nan), ErrNotFinite, "mismatched[0]"},
	} {
		if !errors.Is(c.err, c.want) || !strings.Contains(c.err.Error(), c.words) {
			t.Errorf("error %v, want %v with %q", c.err, c.want, c.words)
		}
	}
}
