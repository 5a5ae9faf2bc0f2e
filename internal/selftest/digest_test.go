package selftest

import "testing"

// canon1 is the digest of the numeric profile canon-1. Another one is another profile,
// unless it comes of an operation or an input that Run did not have.
const canon1 = "sha256:975954fc9dbfb692279992d3b2b040f8ea00ac8a0efd65bac897301378eba53f"

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
		if r.Digest != canon1 {
			t.Errorf("digest %s, want %s", r.Digest, canon1)
		}
	})
}
