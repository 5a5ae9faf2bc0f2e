package fetch

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// A large file from this machine, digested while it comes: in several ranges,
// and from a server that knows none.
func BenchmarkFile(b *testing.B) {
	content := make([]byte, 256<<20)
	for i := range content {
		content[i] = byte(i * i >> 7)
	}
	for _, ranges := range []bool{true, false} {
		b.Run(map[bool]string{true: "ranges", false: "whole"}[ranges], func(b *testing.B) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if !ranges {
					r.Header.Del("Range")
				}
				http.ServeContent(w, r, "x", time.Unix(1, 0), bytes.NewReader(content))
			}))
			defer s.Close()
			client, err := New(Options{Base: s.URL})
			if err != nil {
				b.Fatal(err)
			}
			defer client.Close()
			f := File{URL: s.URL, Path: filepath.Join(b.TempDir(), "x"), Size: int64(len(content)), SHA256: sha256.Sum256(content)}
			b.SetBytes(int64(len(content)))
			for b.Loop() {
				if _, _, err := client.File(b.Context(), f, nil); err != nil {
					b.Fatal(err)
				}
				if err := os.Remove(f.Path); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
