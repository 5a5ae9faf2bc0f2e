package blitz

import (
	"slices"
	"testing"
)

// TestNeedsOffer: every kind of cache is offered, the default of the weights first.
func TestNeedsOffer(t *testing.T) {
	files, err := OpenFiles(tinyFolder(t))
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	n, err := files.Needs(nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := n.Caches(); !slices.Equal(got, []string{"f32", "q8", "f16", "bf16"}) {
		t.Errorf("caches %v, want the four, f32 first", got)
	}
	last := 0
	for _, kind := range []string{"q8", "f16", "f32"} {
		bytes, err := n.CacheBytes(kind, 32)
		if err != nil || bytes <= last {
			t.Errorf("%s takes %d bytes, %v, want more than %d", kind, bytes, err, last)
		}
		last = bytes
	}
	if longest, err := n.Longest("f32", int64(last)); err != nil || longest < 32 {
		t.Errorf("in the bytes of 32 positions %d fit, %v", longest, err)
	}
	if _, err := n.CacheBytes("q3", 1); err == nil {
		t.Error("a cache that there is none of: no error")
	}
	if _, err := n.Longest("q3", 1); err == nil {
		t.Error("a cache that there is none of: no error")
	}
}
