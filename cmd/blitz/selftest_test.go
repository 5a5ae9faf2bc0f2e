package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/blitz-r1/blitz/internal/kernel"
	"github.com/blitz-r1/blitz/internal/selftest"
)

// A digest that is not the profile's is a fault even where all implementations agree,
// and there is one of them.
func TestSelftestVerdict(t *testing.T) {
	before := kernel.Current()
	defer kernel.UseImpl(before)
	one := kernel.Implementations()[:1]
	r, err := runSelftest(t.Context(), one, nil, selftest.ProfileDigest)
	if err != nil {
		t.Fatal(err)
	}
	if r.Verdict != "ok" || len(r.faults) > 0 {
		t.Errorf("verdict %q, %q; want ok", r.Verdict, r.faults)
	}
	var out bytes.Buffer
	if err := r.write(&out, false, false); err != nil || strings.Count(out.String(), "\n") != 1 || !strings.HasPrefix(out.String(), "ok: canon-1 of portable, ") {
		t.Errorf("printed %q (%v), want one line with the verdict", out.String(), err)
	}
	out.Reset()
	if err := r.write(&out, true, false); err != nil || strings.Count(out.String(), "\n") != len(r.Operations)+2 {
		t.Errorf("printed %q (%v), want a line for each operation and implementation, and the verdict", out.String(), err)
	}
	if r, err = runSelftest(t.Context(), one, nil, "sha256:00"); err != nil {
		t.Fatal(err)
	}
	if want := "portable: digest " + r.Digest + ", that of canon-1 is sha256:00"; len(r.faults) != 1 || r.faults[0] != want || !strings.Contains(r.Verdict, "does not give the bits of canon-1: 1 fault") {
		t.Errorf("verdict %q, %q; want a fault", r.Verdict, r.faults)
	}
}
