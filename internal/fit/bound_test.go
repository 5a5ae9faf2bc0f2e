package fit

import (
	"errors"
	"path/filepath"
	"testing"

	"github.com/blitz-r1/blitz"
	"github.com/blitz-r1/blitz/internal/golden/tiny"
	"github.com/blitz-r1/blitz/internal/tensor"
)

// needsIn returns what a golden model needs where there is so much room, 0 for what there
// is.
func needsIn(t *testing.T, name string, o *blitz.Options, room int64) *Needs {
	t.Helper()
	m, err := tiny.Load(filepath.Join("..", "model", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "tiny.gguf")
	if err := m.WriteGGUF(path, tensor.F32); err != nil {
		t.Fatal(err)
	}
	files, err := blitz.OpenFiles(path)
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	n, err := Of(files, o, 0)
	if err != nil {
		t.Fatal(err)
	}
	if room > 0 {
		n.Room = room
		if err := n.fillCaches(); err != nil {
			t.Fatal(err)
		}
	}
	return n
}

// TestBound: experts are bounded where not all weights fit, by what is left beside the rest,
// the cache and the reserve; not where all fit, nor where not even the least does.
func TestBound(t *testing.T) {
	n := needsIn(t, "deepseek-v3", nil, 0)
	cache := n.Cache("").Bytes
	others := n.Weights - n.Experts
	least := n.survey.LeastExperts()
	for _, c := range []struct{ room, want int64 }{
		{n.Weights + cache, 0},
		{n.Weights + cache - 1, n.Weights + cache - 1 - (n.Weights+cache-1)/expertReserve - others - cache},
		{(others + cache + least) * expertReserve / (expertReserve - 2), -1},
		{others + cache + least, 0},
		{1, 0},
	} {
		n := needsIn(t, "deepseek-v3", nil, c.room)
		if err := n.Bound(""); err != nil {
			t.Fatal(err)
		}
		want := c.want
		if want < 0 {
			want = c.room - c.room/expertReserve - others - cache
		}
		if n.ExpertMemory != want {
			t.Errorf("in %d bytes experts get %d, want %d", c.room, n.ExpertMemory, want)
		}
		fits := want > 0 || c.room >= n.Weights+cache
		if err := n.Check(""); (err == nil) != fits || err != nil && !errors.Is(err, blitz.ErrNoRoom) {
			t.Errorf("in %d bytes: %v, want it to fit: %v", c.room, err, fits)
		}
		if want > 0 && (n.Held() != others+want || n.Cache("").Total != others+want+cache) {
			t.Errorf("in %d bytes the weights take %d, with the cache %d", c.room, n.Held(), n.Cache("").Total)
		}
	}
}

// TestBoundAsked: what the user says holds, and says nothing of a model without experts, or
// with fewer.
func TestBoundAsked(t *testing.T) {
	for _, c := range []struct {
		name        string
		asked, want int64
	}{{"deepseek-v3", 1 << 20, 1 << 20}, {"deepseek-v3", 1 << 40, 0}, {"llama", 1 << 20, 0}} {
		n := needsIn(t, c.name, &blitz.Options{ExpertMemory: c.asked}, 0)
		if n.ExpertMemory != c.want {
			t.Errorf("%s, asked for %d bytes: experts get %d, want %d", c.name, c.asked, n.ExpertMemory, c.want)
		}
		n.Room = 1
		if err := errors.Join(n.fillCaches(), n.Bound("")); err != nil || n.ExpertMemory != c.want {
			t.Errorf("%s: a bound changes what was asked for to %d, %v", c.name, n.ExpertMemory, err)
		}
	}
}

// TestOnDisk: of a cache that fits only with some experts on the disk it is said how many stay
// in memory, and how long a context may be.
func TestOnDisk(t *testing.T) {
	all := needsIn(t, "deepseek-v3", nil, 0)
	c := all.Cache("")
	others, least := all.Weights-all.Experts, all.survey.LeastExperts()
	room := (others+least+all.Experts)/2 + c.Bytes
	for _, x := range []struct {
		room int64
		some bool // experts have to be on the disk
	}{{all.Weights + c.Bytes, false}, {room, true}, {others, false}} {
		n := needsIn(t, "deepseek-v3", nil, x.room)
		got := n.Cache("")
		want := int64(0)
		if x.some {
			want = n.expertRoom() - c.Bytes
		}
		if got.ExpertMemory != want {
			t.Errorf("in %d bytes experts would get %d, want %d", x.room, got.ExpertMemory, want)
		}
		if x.some && (got.LongestOnDisk < n.Context || got.Longest > got.LongestOnDisk || got.Fits) {
			t.Errorf("in %d bytes: %+v, want the whole context to fit with experts on the disk", x.room, got)
		}
		if !x.some && x.room > others && got.LongestOnDisk != 0 {
			t.Errorf("in %d bytes all fits, and %d positions would with experts on the disk", x.room, got.LongestOnDisk)
		}
	}
	if n := needsIn(t, "llama", nil, 1<<10); n.Cache("").ExpertMemory != 0 || n.Cache("").LongestOnDisk != 0 {
		t.Errorf("a model without experts: %+v", n.Cache(""))
	}
}
