package experts

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/blitz-r1/blitz/internal/tensor"
)

const piece = 64

// disk is a source in memory that can fail.
type disk struct {
	b     []byte
	mu    sync.Mutex
	reads map[int64]int // by where they begin
	fail  func(from int64) error
	gate  chan struct{} // each read takes one; nil: none has to
}

func (d *disk) ReadPieces(b []byte, from int64) error {
	if d.gate != nil {
		<-d.gate
	}
	if from%piece != 0 || len(b)%piece != 0 {
		return fmt.Errorf("%d bytes from %d are read, want whole pieces", len(b), from)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads[from]++
	if d.fail != nil {
		if err := d.fail(from); err != nil {
			return err
		}
	}
	copy(b, d.b[from:])
	return nil
}

// world is layers of experts on a disk, whose bytes tell which they are.
type world struct {
	disk   *disk
	layers [][]Region
}

// newWorld returns layers of E experts; every other layer's are larger.
func newWorld(layers, E int) *world {
	w := &world{disk: &disk{reads: map[int64]int{}}}
	at := int64(7)
	for l := range layers {
		var list []Region
		for range E {
			n := int64(200 + 300*(l%2))
			list = append(list, Region{at, n})
			at += n
		}
		w.layers = append(w.layers, list)
	}
	w.disk.b = make([]byte, at)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range w.disk.b {
		w.disk.b[i] = byte(rng.Uint32())
	}
	return w
}

func (w *world) options(memory int64, atOnce int) Options {
	numbers := make([]int, len(w.layers))
	for i := range numbers {
		numbers[i] = i + 10
	}
	return Options{Layers: w.layers, Numbers: numbers, Source: w.disk, Piece: piece, Memory: memory, AtOnce: atOnce, Readers: 3}
}

func (w *world) cache(t *testing.T, memory int64, atOnce int) *Cache {
	t.Helper()
	c, err := New(w.options(memory, atOnce))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// visit visits a layer, checks all that it is handed, and returns the runs.
func (w *world) visit(c *Cache, layer int, used ...int32) (runs int, err error) {
	var v Visit
	wanted := append([]int32{}, used...)
	v.Begin(c, layer, used)
	seen := map[int32]bool{}
	for at := 0; ; {
		from, to, err := v.Next()
		if err != nil {
			return runs, err
		}
		if from == to {
			break
		}
		if from != at {
			return runs, fmt.Errorf("experts from %d on were handed out, want from %d", from, at)
		}
		at = to
		runs++
		for i := from; i < to; i++ {
			r := w.layers[layer][used[i]]
			if !bytes.Equal(v.Data(i), w.disk.b[r.At:r.At+r.Bytes]) {
				return runs, fmt.Errorf("layer %d, expert %d holds other bytes", layer, used[i])
			}
			seen[used[i]] = true
		}
	}
	for _, id := range wanted {
		if !seen[id] {
			return runs, fmt.Errorf("layer %d: expert %d was not handed out", layer, id)
		}
	}
	if len(seen) != len(wanted) {
		return runs, fmt.Errorf("layer %d: %d experts were handed out, want %d", layer, len(seen), len(wanted))
	}
	return runs, nil
}

// all returns what all experts take in slots.
func (w *world) all() int64 { return Least(w.layers, piece, 1<<20) }

// idle waits until nothing is read.
func (c *Cache) idle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		busy := false
		for i := range c.classes {
			for k := range c.classes[i].slots {
				busy = busy || c.classes[i].slots[k].left > 0
			}
		}
		if !busy {
			return
		}
		c.news.Wait()
	}
}

// TestCounts: what has room is read once; of what has not, as much stays as there is room.
func TestCounts(t *testing.T) {
	const E = 32
	w := newWorld(4, E)
	var whole []int32
	for id := range int32(E) {
		whole = append(whole, id)
	}
	for _, part := range []int64{1, 2} {
		c := w.cache(t, w.all()/part, 2)
		for range 3 {
			for l := range w.layers {
				if _, err := w.visit(c, l, append([]int32{}, whole...)...); err != nil {
					t.Fatal(err)
				}
			}
		}
		s := c.Stats()
		if s.Needed != 3*4*E || s.Reads != s.Needed-s.Hits || s.Guessed != 0 || s.Late != 0 {
			t.Errorf("counts are %+v", s)
		}
		// Of a text that needs every expert, what is kept of the half is half of the experts.
		want := uint64(2 * 4 * E / part)
		if s.Hits > want || s.Hits < want*3/4 {
			t.Errorf("with 1/%d of the memory %d experts were found, want about %d", part, s.Hits, want)
		}
		if all, untaken := c.Memory(); all > w.all()/part || untaken != 0 {
			t.Errorf("%d bytes of slots, %d of them untaken; want at most %d, all taken", all, untaken, w.all()/part)
		}
	}
}

// TestHot: experts that are needed often stay, whatever else comes by.
func TestHot(t *testing.T) {
	w := newWorld(2, 16)
	c := w.cache(t, w.all()/4, 2)
	rng := rand.New(rand.NewPCG(3, 3))
	var hot, missed int
	for round := range 200 {
		for l := range w.layers {
			before := c.Stats().Hits
			if _, err := w.visit(c, l, 5); err != nil {
				t.Fatal(err)
			}
			if round > 20 {
				hot++
				missed += int(1 - (c.Stats().Hits - before))
			}
			if _, err := w.visit(c, l, int32(rng.IntN(16))); err != nil {
				t.Fatal(err)
			}
		}
	}
	if missed > 0 {
		t.Errorf("of %d visits to the expert that every second one needs %d had to read it", hot, missed)
	}
}

// TestGuess: what is guessed is on its way when it is needed, what is guessed wrongly is
// given up as long as nothing of it is read, and what is needed comes first.
func TestGuess(t *testing.T) {
	w := newWorld(2, 8)
	c := w.cache(t, w.all(), 2)
	if _, err := w.visit(c, 0, 1); err != nil {
		t.Fatal(err)
	}
	c.Guess(0, 1, []int32{2, 3}, false)
	c.idle()
	if _, err := w.visit(c, 1, 2, 4); err != nil {
		t.Fatal(err)
	}
	s := c.Stats()
	if s.Guessed != 2 || s.Confirmed != 1 || s.Hits != 1 || s.Reads != 4 || s.Needed != 3 {
		t.Errorf("counts are %+v, want 2 guesses, 1 of them right and in memory", s)
	}
	if _, err := w.visit(c, 1, 3); err != nil { // it was read, if too early
		t.Fatal(err)
	}
	if s := c.Stats(); s.Hits != 2 || s.Reads != 4 {
		t.Errorf("counts are %+v, want what was guessed wrongly to be there", s)
	}
}

// TestGuessGivenUp holds the disk: guesses that wait behind others are given up by the
// visit that tells what is needed.
func TestGuessGivenUp(t *testing.T) {
	w := newWorld(2, 8)
	w.disk.gate = make(chan struct{}, 1000)
	c := w.cache(t, w.all(), 2)
	c.Guess(0, 1, []int32{0, 1, 2, 3, 4, 5}, false) // three of them reach the readers
	ended := make(chan error, 1)
	go func() {
		_, err := w.visit(c, 1, 5, 6)
		ended <- err
	}()
	for c.Stats().Needed == 0 { // it has begun
		w.disk.gate <- struct{}{}
	}
	close(w.disk.gate)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	c.idle()
	s := c.Stats()
	if s.Guessed != 6 || s.Confirmed != 1 || s.Needed != 2 {
		t.Errorf("counts are %+v", s)
	}
	for _, id := range []int32{0, 1, 2, 3, 4, 5, 6, 7} {
		if _, err := w.visit(c, 1, id); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTrust: guesses that are wrong are made more and more seldom, and again once they are
// right.
func TestTrust(t *testing.T) {
	w := newWorld(2, 8)
	c := w.cache(t, Least(w.layers, piece, 2), 2)
	guesses := func(rounds int, right bool) uint64 {
		before := c.Stats().Guessed
		for i := range rounds {
			id := int32(i % 3)
			if c.Trusts() {
				c.Guess(0, 1, []int32{id}, false)
			}
			if !right {
				id += 3
			}
			for _, used := range [][]int32{{id}, {6, 7}} { // which leave no room for others
				if _, err := w.visit(c, 1, used...); err != nil {
					t.Fatal(err)
				}
			}
		}
		return c.Stats().Guessed - before
	}
	const rounds = 400
	first := guesses(rounds, false)
	if later := guesses(rounds, false); later == 0 || later*2 > first {
		t.Errorf("of wrong guesses %d were made at first and %d later, want far fewer and some", first, later)
	}
	guesses(4*rounds, true)
	if again := guesses(rounds, true); again != rounds {
		t.Errorf("of right guesses %d were made, want %d", again, rounds)
	}
}

// TestLeast: a bound that does not do is refused with what would, and the least one does.
func TestLeast(t *testing.T) {
	w := newWorld(4, 8)
	least := Least(w.layers, piece, 3)
	if least < 3*(200+500) {
		t.Fatalf("the least bound is %d bytes, which has no room for three experts of both sizes", least)
	}
	_, err := New(w.options(least-1, 3))
	if !errors.Is(err, ErrMemory) || !strings.Contains(err.Error(), fmt.Sprint(least)) || !strings.Contains(err.Error(), fmt.Sprint(least-1)) {
		t.Errorf("got %v, want ErrMemory with %d and %d", err, least-1, least)
	}
	c := w.cache(t, least, 3)
	for l := range w.layers {
		runs, err := w.visit(c, l, 0, 1, 2, 3, 4, 5, 6, 7)
		if err != nil {
			t.Fatal(err)
		}
		if runs < 3 {
			t.Errorf("eight experts came in %d runs, where three have room", runs)
		}
	}
}

// TestFailure: what cannot be read ends the visit that needs it, by its layer, its number
// and the cause; others go on, and so does the next try.
func TestFailure(t *testing.T) {
	w := newWorld(2, 8)
	c := w.cache(t, w.all(), 4)
	broken := errors.New("broken")
	bad, _ := w.layers[1][3].span(piece)
	w.disk.fail = func(from int64) error {
		if from == bad {
			return broken
		}
		return nil
	}
	for range 2 {
		_, err := w.visit(c, 1, 1, 3, 5)
		if !errors.Is(err, broken) || !strings.Contains(err.Error(), "layer 11, expert 3") {
			t.Fatalf("got %v, want that expert 3 of layer 11 is broken", err)
		}
		if _, err := w.visit(c, 1, 1, 5, 6); err != nil {
			t.Errorf("others: %v", err)
		}
	}
	c.Guess(0, 1, []int32{3}, false)
	c.idle()
	w.disk.mu.Lock()
	w.disk.fail = nil
	w.disk.mu.Unlock()
	if _, err := w.visit(c, 1, 3); err != nil {
		t.Errorf("mended: %v", err)
	}
	for i := range c.classes {
		for k := range c.classes[i].slots {
			if s := &c.classes[i].slots[k]; s.pins != 0 {
				t.Errorf("expert %d of layer %d is pinned %d times", s.expert, s.layer, s.pins)
			}
		}
	}
}

// TestMany: several goroutines visit the layers of one cache at once, with guesses right and
// wrong, failures now and then, in the least memory and in more: each gets the right bytes
// or the failure, and none waits for ever.
func TestMany(t *testing.T) {
	broken := errors.New("broken")
	for _, memory := range []int64{0, 1, 2} { // beyond the least
		w := newWorld(5, 12)
		least := Least(w.layers, piece, 2)
		c := w.cache(t, least+memory*(w.all()-least)/3, 2)
		rng := rand.New(rand.NewPCG(9, 9))
		w.disk.fail = func(int64) error {
			if rng.IntN(50) == 0 {
				return broken
			}
			return nil
		}
		var group sync.WaitGroup
		var failed, right [4]int
		for g := range 4 {
			group.Go(func() {
				rng := rand.New(rand.NewPCG(uint64(g), 5))
				for range 100 {
					for l := range w.layers {
						var used []int32
						for id := range int32(12) {
							if rng.IntN(4) == 0 {
								used = append(used, id)
							}
						}
						if l+1 < len(w.layers) {
							c.Guess(l, l+1, []int32{int32(rng.IntN(12)), int32(rng.IntN(12))}, false)
						}
						switch _, err := w.visit(c, l, used...); {
						case errors.Is(err, broken):
							failed[g]++
						case err != nil:
							t.Error(err)
							return
						default:
							right[g]++
						}
					}
				}
			})
		}
		group.Wait()
		for g := range 4 {
			if failed[g] == 0 || right[g] == 0 {
				t.Errorf("goroutine %d had %d failures and %d visits, want some of both", g, failed[g], right[g])
			}
		}
		c.idle()
		for i := range c.classes {
			for k := range c.classes[i].slots {
				s := &c.classes[i].slots[k]
				if s.pins != 0 || s.expert >= 0 && c.layers[s.layer][s.expert].slot != s {
					t.Fatalf("slot %d of class %d is left with %d pins", k, i, s.pins)
				}
			}
		}
	}
}

// TestEnd: a visit that is given up lets everything go, and a cache is closed with reads
// under way.
func TestEnd(t *testing.T) {
	w := newWorld(2, 8)
	c, err := New(w.options(w.all()/2, 2))
	if err != nil {
		t.Fatal(err)
	}
	var v Visit
	v.Begin(c, 0, []int32{1, 2, 3})
	if _, _, err := v.Next(); err != nil {
		t.Fatal(err)
	}
	v.End()
	for i := range c.classes {
		for k := range c.classes[i].slots {
			if c.classes[i].slots[k].pins != 0 {
				t.Errorf("slot %d is pinned", k)
			}
		}
	}
	c.Guess(0, 1, []int32{1, 2, 3}, false)
	c.Close()
}

// TestNoMemory: memory that no machine has is an error.
func TestNoMemory(t *testing.T) {
	huge := [][]Region{{{0, 1 << 60}, {1 << 60, 1 << 60}}}
	_, err := New(Options{Layers: huge, Numbers: []int{0}, Piece: piece, Memory: 1 << 62, AtOnce: 1})
	if !errors.Is(err, tensor.ErrNoMemory) {
		t.Errorf("got %v, want ErrNoMemory", err)
	}
}
