package blitz

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/hub"
)

// A stored model is opened by its name, another program's as well.
func TestOpenStored(t *testing.T) {
	home := t.TempDir()
	t.Setenv("BLITZ_HOME", home)
	s, err := hub.Open(home)
	if err != nil {
		t.Fatal(err)
	}
	folder := tinyFolder(t)
	if _, err := s.Import(t.Context(), folder, "tiny:v1", nil); err != nil {
		t.Fatal(err)
	}
	m, err := OpenStored(t.Context(), "tiny:v1", nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.VocabSize() == 0 {
		t.Error("the model has no vocabulary")
	}
	m.Close()
	if path, err := Find(t.Context(), folder, &FindOptions{Home: filepath.Join(home, "none")}); path != folder || err != nil {
		t.Errorf("a path: %q, %v", path, err)
	}
	for _, name := range []string{"tiny-god", "./nowhere.gguf"} {
		if _, err := OpenStored(t.Context(), name, nil); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v, want ErrNotFound", name, err)
		}
	}
	if _, err := OpenStored(t.Context(), "pip:nothing-of-that-name", nil); !errors.Is(err, ErrOffline) {
		t.Errorf("a source: %v, want ErrOffline", err)
	}
}
