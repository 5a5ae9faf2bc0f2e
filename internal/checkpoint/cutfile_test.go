package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCutFile: a part of a file that was cut is named, with what to do, alone and in a folder.
func TestCutFile(t *testing.T) {
	for name, want := range map[string]string{
		"m.Q4_K_M.gguf.part1of2":     "part 1 of 2 of m.Q4_K_M.gguf, which was cut: join them, as with: cat m.Q4_K_M.gguf.part1of2 m.Q4_K_M.gguf.part2of2 > m.Q4_K_M.gguf",
		"m.gguf.PART07of12":          "cat m.gguf.PART1of12 m.gguf.PART2of12 m.gguf.PART3of12 … m.gguf.PART12of12 > m.gguf",
		"m.gguf-split-b":             "m.gguf-split-b is a part of m.gguf, which was cut: join all its parts in their order to that",
		"model.safetensors.part1of3": "part 1 of 3 of model.safetensors",
	} {
		folder := t.TempDir()
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte("GGUF"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, p := range []string{path, folder} {
			c, err := Open(p)
			if err == nil {
				c.Close()
			}
			if !errors.Is(err, ErrFiles) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %v with %q", p, err, ErrFiles, want)
			}
		}
	}
	for _, name := range []string{"m-00001-of-00002.gguf", "part1of2.gguf", "m.gguf.part1of0", "m.gguf.part1of99999999999999999999", "partners.gguf", "m.gguf.parts"} {
		if got := cutPart(name); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}
