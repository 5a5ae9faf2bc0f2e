package selftest

import "testing"

// TestDigest holds every implementation to the bits of the profile, and to those of
// every other, operation by operation.
func TestDigest(t *testing.T) {
	var first Result
	onEach(t, func(t *testing.T) {
		r := Run()
		if first.Operations == nil {
			first = r
		}
		for i, op := range r.Operations {
			if op != first.Operations[i] {
				t.Errorf("%s: got %s, want %s", op.Op, op.Digest, first.Operations[i].Digest)
			}
		}
		if r.Digest != ProfileDigest {
			t.Errorf("digest %s, want %s", r.Digest, ProfileDigest)
		}
	})
}
