package hub

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz/internal/checkpoint"
	"github.com/blitz-r1/blitz/internal/countdown"
)

// TestWithin finds the model in the program in a store that has one of its name, as an older
// program may have stored it: that one has no say, and can be removed.
func TestWithin(t *testing.T) {
	s := newStore(t)
	path := write(t, filepath.Join(t.TempDir(), "tiny.gguf"), tinyGGUF(t, 1, 8))
	m, err := s.Import(t.Context(), path, "tiny", nil)
	if err != nil {
		t.Fatal(err)
	}
	older := *m
	older.Name = Name{"Countdown", DefaultTag}
	text, err := encodeManifest(&older)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.manifestPath(older.Name.Key()), text, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"countdown", "COUNTDOWN:latest", "countdown:Latest"} {
		got, err := s.Get(name)
		if err != nil || !got.IsWithin() {
			t.Fatalf("%s: got %+v, %v", name, got, err)
		}
		if at, err := s.Path(got); err != nil || at != countdown.Path {
			t.Errorf("%s is at %s, %v", name, at, err)
		}
		if damaged, err := s.Check(t.Context(), got, nil); err != nil || len(damaged) > 0 {
			t.Errorf("%s: %v, %v", name, damaged, err)
		}
	}
	forged := *m // what another name's manifest says of the program is not believed
	forged.Origin.Source = countdown.Path
	if forged.IsWithin() {
		t.Error("a stored model is taken for the one in the program")
	}
	for what, err := range map[string]error{
		"import": second(s.Import(t.Context(), path, "countdown:v2", nil)), "copy": second(s.Copy(t.Context(), "tiny", "countdown")),
		"rename": second(s.rename(t.Context(), m.Name, Name{"countdown", "x"}, true)), "pull": second(s.Pull(t.Context(), Source{Kind: KindPip, Name: "countdown"}, nil)),
		"pull as": second(s.PullAs(t.Context(), Source{Kind: KindPip, Name: "tiny"}, "countdown", nil)), "derive": second(s.Derive(t.Context(), "tiny", "countdown", Variant{System: "x"})),
	} {
		if !errors.Is(err, ErrReserved) {
			t.Errorf("%s: got %v, want ErrReserved", what, err)
		}
	}
	for what, err := range map[string]error{
		"copy": second(s.Copy(t.Context(), "countdown", "mine")), "pull": second(s.Pull(t.Context(), Source{Kind: KindName, Name: "countdown"}, nil)),
	} {
		if !errors.Is(err, ErrWithin) {
			t.Errorf("%s: got %v, want ErrWithin", what, err)
		}
	}
	if _, err := s.Remove(t.Context(), "countdown"); err != nil {
		t.Error(err)
	}
	if _, err := s.Remove(t.Context(), "countdown"); !errors.Is(err, ErrWithin) {
		t.Errorf("got %v, want ErrWithin", err)
	}
	if list, err := s.List(); err != nil || len(list) != 1 {
		t.Errorf("%d models are stored, error %v, want tiny", len(list), err)
	}
}

// TestExportWithin writes the files of the model in the program: their root is its own.
func TestExportWithin(t *testing.T) {
	s := newStore(t)
	m, err := Within()
	if err != nil {
		t.Fatal(err)
	}
	to, err := s.Export(t.Context(), m, filepath.Join(t.TempDir(), "files"), false, nil)
	if err != nil {
		t.Fatal(err)
	}
	var roots []checkpoint.Digest
	for _, path := range []string{to, countdown.Path} {
		c, err := checkpoint.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		for _, root := range []func() (checkpoint.Digest, error){
			func() (checkpoint.Digest, error) { d, _, err := c.Root(t.Context(), ""); return d, err },
			func() (checkpoint.Digest, error) { return c.Reread(t.Context(), "") },
		} {
			d, err := root()
			if err != nil {
				t.Fatal(err)
			}
			roots = append(roots, d)
		}
	}
	for _, root := range roots {
		if root != roots[0] {
			t.Errorf("the roots are %v", roots)
		}
	}
}

// second returns what is not the model.
func second(_ *Model, err error) error { return err }
