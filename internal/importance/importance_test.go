package importance

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// sample has a plain entry and one of two experts, of which the second saw nothing.
func sample() *Matrix {
	return &Matrix{
		Entries: []Entry{
			{Name: "blk.0.attn_q.weight", Sums: []float32{8, 16, 0, 2}, Counts: []float32{4}},
			{Name: "blk.0.ffn_up_exps.weight", Sums: []float32{6, 3, 0, 0}, Counts: []float32{3, 0}},
		},
		Datasets: []string{"calibration.txt"}, Chunks: 7, ChunkSize: 512,
	}
}

func write(t *testing.T, m *Matrix, name string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := m.Write(path); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestBothFormsGiveTheSameWeights(t *testing.T) {
	want := map[string][]float32{"blk.0.attn_q.weight": {2, 4, 0, 0.5}, "blk.0.ffn_up_exps.weight": {2, 1, 1, 1}}
	for _, name := range []string{"m.gguf", "m.dat"} {
		f, err := Open(write(t, sample(), name))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		defer f.Close()
		for entry, w := range want {
			got, ok, err := f.Weights(entry)
			if err != nil || !ok || !slices.Equal(got, w) {
				t.Errorf("%s: weights of %s: %v, %v, %v, want %v", name, entry, got, ok, err, w)
			}
			if n, ok := f.Len(entry); !ok || n != len(w) {
				t.Errorf("%s: %d numbers of %s, want %d", name, n, entry, len(w))
			}
		}
		if _, ok, _ := f.Weights("blk.1.attn_q.weight"); ok {
			t.Errorf("%s: has weights of an entry that is not there", name)
		}
		if f.Chunks != 7 || !slices.Equal(f.Datasets, []string{"calibration.txt"}) || len(f.Names()) != 2 {
			t.Errorf("%s: %d chunks of %v, entries %v", name, f.Chunks, f.Datasets, f.Names())
		}
	}
}

// TestGoingOn reads a file to gather more on top of it.
func TestGoingOn(t *testing.T) {
	f, err := Open(write(t, sample(), "m.gguf"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := f.Matrix()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range sample().Entries {
		got := m.Entries[i]
		if got.Name != want.Name || !slices.Equal(got.Sums, want.Sums) || !slices.Equal(got.Counts, want.Counts) {
			t.Errorf("entry %d: got %v, want %v", i, got, want)
		}
	}
	if m.Chunks != 7 || m.ChunkSize != 512 {
		t.Errorf("%d chunks of %d tokens, want 7 of 512", m.Chunks, m.ChunkSize)
	}
}

// TestDatWithoutItsEnd reads what older programs wrote.
func TestDatWithoutItsEnd(t *testing.T) {
	b, err := os.ReadFile(write(t, sample(), "m.dat"))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "old.dat")
	if err := os.WriteFile(path, b[:len(b)-8-len("calibration.txt")], 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if len(f.Names()) != 2 || f.Chunks != 0 {
		t.Errorf("entries %v, %d chunks, want 2 and none", f.Names(), f.Chunks)
	}
}

func TestRefused(t *testing.T) {
	dat, err := os.ReadFile(write(t, sample(), "m.dat"))
	if err != nil {
		t.Fatal(err)
	}
	inside := func(at int, bytes ...byte) []byte {
		return slices.Replace(slices.Clone(dat), at, at+len(bytes), bytes...)
	}
	cases := map[string][]byte{
		"empty":                      {},
		"text":                       []byte("hello world, this is no importance matrix"),
		"cut":                        dat[:len(dat)/2],
		"no entries":                 inside(0, 0, 0, 0, 0),
		"two billion entries":        inside(0, 0xff, 0xff, 0xff, 0x7f),
		"a negative count":           inside(0, 0xff, 0xff, 0xff, 0xff),
		"a name of 2 GB":             inside(4, 0xff, 0xff, 0xff, 0x7f),
		"a name of -1 bytes":         inside(4, 0xff, 0xff, 0xff, 0xff),
		"two billion numbers":        inside(8+19+4, 0xff, 0xff, 0xff, 0x7f),
		"-1 numbers":                 inside(8+19+4, 0xff, 0xff, 0xff, 0xff),
		"a data set of -1 bytes":     inside(len(dat)-19, 0xff, 0xff, 0xff, 0xff),
		"GGUF of nothing":            []byte("GGUF"),
		"the same entry once more":   append(append([]byte{2, 0, 0, 0}, dat[4:8+19+8+16]...), dat[4:8+19+8+16]...),
		"three bytes behind its end": append(slices.Clone(dat[:len(dat)-23]), 1, 2, 3),
	}
	for what, b := range cases {
		path := filepath.Join(t.TempDir(), "bad.dat")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, ErrFormat) && what != "GGUF of nothing" || err == nil {
			t.Errorf("%s: %v, want a refusal", what, err)
		}
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, x := range []float32{nan, inf, -1} {
		for _, name := range []string{"m.gguf", "m.dat"} {
			m := sample()
			m.Entries[0].Sums[2] = x
			if _, err := Open(write(t, m, name)); !errors.Is(err, ErrFormat) {
				t.Errorf("%s with %g: %v, want a refusal", name, x, err)
			}
		}
		m := sample()
		m.Entries[1].Counts[0] = x
		if _, err := Open(write(t, m, "m.gguf")); !errors.Is(err, ErrFormat) {
			t.Errorf("a count of %g: %v, want a refusal", x, err)
		}
	}
	m := sample()
	m.Entries[0].Counts = []float32{1e-38}
	m.Entries[0].Sums[1] = 1e38
	if _, err := Open(write(t, m, "m.gguf")); !errors.Is(err, ErrFormat) {
		t.Errorf("a mean that is infinite: %v, want a refusal", err)
	}
	if _, err := Open(filepath.Join(t.TempDir(), "nowhere.dat")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v, want that it is not there", err)
	}
	if err := (&Matrix{Entries: []Entry{{Name: "x", Sums: make([]float32, 3), Counts: make([]float32, 2)}}}).Write(filepath.Join(t.TempDir(), "m.gguf")); err == nil {
		t.Error("sums that no count fits were written")
	}
}

func FuzzOpen(f *testing.F) {
	for _, name := range []string{"m.gguf", "m.dat"} {
		path := filepath.Join(f.TempDir(), name)
		if err := sample().Write(path); err != nil {
			f.Fatal(err)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "fuzz")
		if err := os.WriteFile(path, b, 0o644); err != nil {
			t.Fatal(err)
		}
		file, err := Open(path)
		if err != nil {
			return
		}
		defer file.Close()
		for _, name := range file.Names() {
			w, ok, err := file.Weights(name)
			if n, has := file.Len(name); err != nil || !ok || !has || n != len(w) {
				t.Fatalf("%q: %d weights of %d, %v", name, len(w), n, err)
			}
			for i, x := range w {
				if !(x >= 0 && x <= math.MaxFloat32) {
					t.Fatalf("%q: weight %d is %g", name, i, x)
				}
			}
		}
	})
}
