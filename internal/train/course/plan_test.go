package course

import (
	"errors"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/dataset"
)

// TestEmptySplit refuses runs of which a side of the split is empty.
func TestEmptySplit(t *testing.T) {
	s, set := toySettings(), toySet(8)
	set.Validation, set.Train = set.Train, dataset.Samples{}
	if _, err := NewPlan(set, s); !errors.Is(err, ErrDoomed) || !strings.Contains(err.Error(), "no sample is left to train on") {
		t.Errorf("nothing to train on: error %v", err)
	}
	set = toySet(8)
	set.Validation = dataset.Samples{}
	if _, err := NewPlan(set, s); !errors.Is(err, ErrDoomed) || !strings.Contains(err.Error(), "none of 0 rows falls into it") {
		t.Errorf("nothing to validate: error %v", err)
	}
	s.Validation = 0
	if _, err := NewPlan(set, s); err != nil {
		t.Errorf("no validation: %v", err)
	}
}
