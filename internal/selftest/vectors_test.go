package selftest

import (
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
)

// onEach runs f on every implementation of this machine.
func onEach(t *testing.T, f func(t *testing.T)) {
	before := kernel.Current()
	defer kernel.UseImpl(before)
	for _, i := range kernel.Implementations() {
		t.Run(i.String(), func(t *testing.T) {
			kernel.UseImpl(i)
			f(t)
		})
	}
}

func TestVectors(t *testing.T) {
	v, err := LoadVectors("testdata/vectors.npz")
	if err != nil {
		t.Fatal(err)
	}
	onEach(t, func(t *testing.T) {
		n, errs := v.Check()
		for _, err := range errs {
			t.Error(err)
		}
		if n < 150 {
			t.Errorf("compared %d outputs, want at least 150", n)
		}
	})
}
