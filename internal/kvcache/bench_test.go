package kvcache

import "testing"

// benchmarkLayers are those of a small model with windows: six layers, one of which
// looks at everything.
func benchmarkLayers() []Layer {
	layers := make([]Layer, 6)
	for i := range layers {
		layers[i] = Layer{Bytes: 64, Window: 512}
	}
	layers[5].Window = 0
	return layers
}

// BenchmarkMatch finds 32,768 tokens; bytes are those of the tokens.
func BenchmarkMatch(b *testing.B) {
	const n = 32 << 10
	c := mustNew(b, 1<<30, benchmarkLayers()...)
	text := count(0, n+1)
	computed(b, c, text[:n]).Free()
	b.SetBytes(4 * n)
	b.ReportAllocs()
	for b.Loop() {
		s := c.Match("", text)
		if s.Len() != n {
			b.Fatalf("got %d positions, want %d", s.Len(), n)
		}
		s.Free()
	}
}

// BenchmarkAppend is the cache's part of a decode step, at every length up to 32,768;
// bytes are those of the token.
func BenchmarkAppend(b *testing.B) {
	c := mustNew(b, 1<<30, benchmarkLayers()...)
	s := c.Sequence()
	token := []int32{0}
	b.SetBytes(4)
	b.ReportAllocs()
	for b.Loop() {
		if s.Len() == 32<<10 {
			s.Truncate(0)
			c.Drop()
			s.Free()
			s = c.Sequence()
		}
		if err := s.Reserve(1); err != nil {
			b.Fatal(err)
		}
		s.Append(token)
		token[0]++
	}
}

// BenchmarkPrefill appends 32,768 tokens, 512 at a time.
func BenchmarkPrefill(b *testing.B) {
	const n = 32 << 10
	c := mustNew(b, 1<<30, benchmarkLayers()...)
	text := count(0, n)
	b.SetBytes(4 * n)
	b.ReportAllocs()
	for b.Loop() {
		s := c.Sequence()
		for at := 0; at < n; at += 512 {
			if err := s.Reserve(512); err != nil {
				b.Fatal(err)
			}
			s.Append(text[at : at+512])
		}
		s.Free()
		c.Drop()
	}
}

// BenchmarkPage is what a step does for every layer and split.
func BenchmarkPage(b *testing.B) {
	c := mustNew(b, 1<<30, benchmarkLayers()...)
	s := computed(b, c, count(0, 32<<10))
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n += len(s.Page(5, 100))
	}
	if n == 0 {
		b.Fatal("no bytes")
	}
}
