package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/blitz-r1/blitz/internal/kvcache"
	"github.com/blitz-r1/blitz/internal/machine"
)

// unheld returns the bytes of pages that nobody holds, of a cache whose pages take 4 KiB.
func (v *virtual) unheld() (pages int) {
	s := v.cache.Stats()
	return (s.CachedBytes + s.FreeBytes) / toyPage
}

const toyPage = 2 * 8 * 256 // of two layers

// TestUnheldPages: of what was computed and nobody holds any more, a quarter of the limit
// stays, however many prompts come, and a prompt of the whole context stays in any case.
func TestUnheldPages(t *testing.T) {
	for _, x := range []struct{ limit, most int }{{200, 50}, {40, 10}, {24, 10}} {
		v := newVirtual(t, small, Options{Context: 10*256 - 100, Chunk: 64, Sequences: 20, MemoryLimit: int64(x.limit) * toyPage})
		for i := range 30 {
			v.ask(t.Context(), toyTokens(2000, 3+4*i), 20, Owner{})
			for range i % 3 {
				v.stepOnce()
			}
		}
		most := 0
		v.until("all", func() bool { most = max(most, v.unheld()); return v.idle() })
		if n := v.unheld(); most > x.most || n != x.most {
			t.Errorf("limit of %d pages: %d stay that nobody holds, at most %d before, want %d", x.limit, n, most, x.most)
		}
		if l := v.Load(); l.CachedBytes > x.most*toyPage || l.HeldBytes != 0 {
			t.Errorf("limit of %d pages: the load is %+v", x.limit, l)
		}
		before := v.counts.PromptTokens
		v.ask(t.Context(), toyTokens(2000, 3+4*29), 1, Owner{})
		v.until("the last prompt, again", v.idle)
		if n := v.counts.PromptTokens - before; n != 1 {
			t.Errorf("limit of %d pages: %d tokens of the last prompt were computed again", x.limit, n)
		}
	}
}

// TestMemoryIsShort: what the system lacks is given back, of pages that nobody holds, those
// that were used last at last; and looked for now and then only.
func TestMemoryIsShort(t *testing.T) {
	v := newVirtual(t, small, Options{Context: 3000, Sequences: 20, MemoryLimit: 200 * toyPage})
	looks, short, known := 0, 0, true
	v.headroom.available = func() (int64, bool) {
		looks++
		return v.headroom.reserve - int64(short)*toyPage, known
	}
	later := func() {
		v.net.clock = v.net.clock.Add(lookEvery)
		v.stepOnce()
	}
	for i := range 4 { // which begin with the same two pages
		v.ask(t.Context(), toyTokens(8*256, 3+4*i), 1, Owner{})
		v.until("a prompt", v.idle)
	}
	held, stream := v.ask(t.Context(), toyTokens(3*256, 21), 2000, Owner{})
	v.until("a stream", func() bool { return stream.Progress().Tokens > 0 })
	pages := held.cache.Len()/256 + 1
	for _, x := range []struct {
		short int
		known bool
		want  int
	}{{0, true, 26}, {5, false, 26}, {-5, true, 26}, {5, true, 21}, {3, true, 18}, {100, true, 0}} {
		short, known = x.short, x.known
		later()
		if n := v.unheld(); n != x.want || v.cache.Stats().HeldPages < pages {
			t.Errorf("short of %d pages, known: %v: %d stay that nobody holds, want %d; %d are held, want %d", x.short, x.known, n, x.want, v.cache.Stats().HeldPages, pages)
		}
		if x.want == 18 {
			short = 0
			before := v.counts.PromptTokens
			v.ask(t.Context(), toyTokens(8*256, 3+4*3), 1, Owner{})
			v.until("the prompt that was used last", func() bool { return len(v.running)+len(v.waiting) == 1 })
			if n := v.counts.PromptTokens - before; n != 1 {
				t.Errorf("%d tokens of the prompt that was used last were computed again", n)
			}
		}
	}
	v.ask(t.Context(), toyTokens(8*256, 3), 1, Owner{})
	v.until("a prompt beside the stream", func() bool { return len(v.running)+len(v.waiting) == 1 })
	before, from := looks, v.net.clock
	v.until("the stream", v.idle)
	if n, most := looks-before, 1+int(v.net.clock.Sub(from)/lookEvery); n > most || n == 0 {
		t.Errorf("the memory was looked at %d times in %v", n, v.net.clock.Sub(from))
	}
}

// TestPagesGoBack: pages that are given back are no memory of the process any more.
func TestPagesGoBack(t *testing.T) {
	const pages, size = 64, 1 << 20
	c, err := kvcache.New([]kvcache.Layer{{Bytes: size}}, pages*size)
	if err != nil {
		t.Fatal(err)
	}
	s := c.Sequence()
	if err := s.Reserve(pages * kvcache.PagePositions); err != nil {
		t.Fatal(err)
	}
	for split := range pages {
		page := s.Page(0, split)
		for i := range page {
			page[i] = 1
		}
	}
	s.Append(make([]int32, pages*kvcache.PagePositions))
	s.Free()
	before, ok := machine.ResidentMemory()
	if !ok {
		t.Skip("the system does not say how much memory a process holds; Linux does")
	}
	c.Trim(4 * size)
	after, _ := machine.ResidentMemory()
	if freed := before - after; freed < 48*size {
		t.Errorf("%d of %d MiB went back", freed>>20, (pages-4)*size>>20)
	}
}

// TestMemoryIsShortAtRest: an engine that has nothing to do gives back, too.
func TestMemoryIsShortAtRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVirtual(t, small, Options{Context: 3000, Sequences: 20, MemoryLimit: 200 * toyPage})
		v.now = time.Now
		v.threads.join() // the engine leaves them, and so does the test
		short := false
		v.headroom.available = func() (int64, bool) {
			if short {
				return 0, true
			}
			return v.headroom.reserve, true
		}
		go v.run()
		ask := func() {
			s, err := v.Submit(t.Context(), Request{Tokens: toyTokens(8*256, 3), MaxTokens: 2, Sampling: off, Logprobs: -1})
			if err != nil {
				t.Fatal(err)
			}
			collect(s)
		}
		ask()
		time.Sleep(10 * lookEvery)
		if n := v.Load().CachedBytes; n < 8*toyPage {
			t.Errorf("%d bytes are left of a prompt of 8 pages, and there is memory", n)
		}
		if err := v.do(context.Background(), func() { short = true }); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * lookEvery)
		if n := v.Load().CachedBytes; n != 0 {
			t.Errorf("%d bytes are left though memory is short", n)
		}
		v.Close()
	})
}
