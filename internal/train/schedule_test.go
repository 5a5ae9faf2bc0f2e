package train

import (
	"errors"
	"math"
	"strings"
	"testing"
)

// TestRates holds rates to values worked out by hand from the definitions.
func TestRates(t *testing.T) {
	for _, c := range []struct {
		s    Schedule
		want []float64
	}{
		{Schedule{Kind: "constant", LR: 4, Warmup: 4}, []float64{1, 2, 3, 4, 4, 4}},
		{Schedule{Kind: "cosine", LR: 2, MinLR: 1, Warmup: 1, Steps: 3}, []float64{2, 1.5, 1, 1, 1}},
		{Schedule{Kind: "cosine", LR: 2, Steps: 6}, []float64{1 + math.Sqrt(3)/2, 1.5, 1, 0.5, 1 - math.Sqrt(3)/2, 0}},
		{Schedule{Kind: "wsd", LR: 3, MinLR: 1, Warmup: 1, Decay: 2, Steps: 5}, []float64{3, 3, 3, 2, 1, 1}},
		{Schedule{Kind: "wsd", LR: 4, Decay: 4, Steps: 4, Shape: "sqrt"}, []float64{2, 4 - 4*math.Sqrt(0.5), 4 - 4*math.Sqrt(0.75), 0}},
		{Schedule{Kind: "wsd", LR: 4, Decay: 2, Steps: 3, Shape: "cosine"}, []float64{4, 2, 0}},
	} {
		if err := c.s.Check(); err != nil {
			t.Fatal(err)
		}
		for i, want := range c.want {
			if got := c.s.Rate(i); math.Abs(got-want) > 1e-12 {
				t.Errorf("%+v: step %d has rate %v, want %v", c.s, i, got, want)
			}
		}
	}
}

// TestRefusedSchedules wants the setting named.
func TestRefusedSchedules(t *testing.T) {
	for want, s := range map[string]Schedule{
		"poly":   {Kind: "poly", LR: 1, Steps: 1},
		"lr":     {Kind: "constant", LR: -1, Steps: 1},
		"min_lr": {Kind: "cosine", LR: 1, MinLR: math.NaN(), Steps: 1},
		"steps":  {Kind: "cosine", LR: 1},
		"warmup": {Kind: "cosine", LR: 1, Warmup: 3, Steps: 2},
		"decay":  {Kind: "wsd", LR: 1, Warmup: 1, Steps: 2, Decay: 2},
		"shape":  {Kind: "wsd", LR: 1, Steps: 2, Decay: 1, Shape: "square"},
	} {
		if err := s.Check(); !errors.Is(err, ErrSettings) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want ErrSettings and %s", s, err, want)
		}
	}
}
