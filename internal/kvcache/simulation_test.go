package kvcache

import (
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// A world is a cache under simulation: random operations on several sequences, beside
// a plain model of each. The bytes of a position are a mark of the layer, the salt and
// all tokens up to it, so that a page shared, copied or reused wrongly shows.
type world struct {
	t         failer
	pick      func(label string, lo, hi int) int // a random number lo … hi
	layers    []Layer
	cache     *Cache
	texts     [][]int32
	sequences []*twin
	shelf     map[Sum][][]byte // what was kept
	tails     []tail
	spares    bool // what no sequence holds is bounded, so it may be gone at once
}

// tail is tokens whose last page was kept, though it is not whole.
type tail struct {
	salt   string
	tokens []int32
	sum    Sum
}

type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

// twin is a sequence and its model.
type twin struct {
	*Sequence
	tokens []int32
	text   []int32 // what it mostly continues
	salt   string
	stale  bool // private, or from before a Drop
}

const (
	maxSequences = 5
	maxLength    = 1500
	markBytes    = 8
)

// A window of -1 is a state.
var simulatedWindows = [][]int{{0}, {0, 300}, {0, 1, 700}, {100}, {256, 257, 0}, {2, 513}, {0, 255, 256}, {1000}, {0, -1}, {-1}, {0, 300, -1}}

// newWorld makes a cache of two layers a window, with a random limit.
func newWorld(t failer, pick func(string, int, int) int) *world {
	w := &world{t: t, pick: pick}
	windows := simulatedWindows[pick("windows", 0, len(simulatedWindows)-1)]
	page := 0
	for i := range 2 * len(windows) {
		l := Layer{Bytes: markBytes*PagePositions + 64*(i%3), Window: windows[i%len(windows)]}
		if l.Window < 0 {
			l.Window, l.State = 0, true
		}
		w.layers = append(w.layers, l)
		page += l.Bytes
	}
	var err error
	if w.cache, err = New(w.layers, page*pick("pages", 1, 24)+pick("more", 0, page)); err != nil {
		t.Fatalf("new: %v", err)
	}
	if pick("spares", 0, 2) == 0 {
		w.spares = true
		w.cache.Spare(pick("spare", 0, w.cache.limit))
	}
	w.spares = w.spares || w.cache.KeepsStates() // which have a bound, too
	w.shelf = map[Sum][][]byte{}
	w.cache.Keep()
	// Texts begin as an earlier one does, and go on their own way from some point.
	for i := range 4 {
		text := w.noise(maxLength)
		if i > 0 {
			copy(text, w.texts[pick("like", 0, i-1)][:pick("up to", 0, maxLength)])
		}
		w.texts = append(w.texts, text)
	}
	return w
}

func (w *world) noise(n int) []int32 {
	// From a seed, so that rapid has few numbers to draw.
	r := rand.New(rand.NewPCG(uint64(w.pick("noise", 0, 1000)), 0))
	tokens := make([]int32, n)
	for i := range tokens {
		tokens[i] = r.Int32N(2)
	}
	return tokens
}

// step does one random operation.
func (w *world) step() {
	type operation struct {
		weight int
		run    func()
	}
	operations := []operation{
		{3, w.match},
		{1, w.empty},
		{12, w.grow},
		{3, w.truncate},
		{2, w.fork},
		{2, w.free},
		{1, w.reserve},
		{2, w.keep},
		{2, w.adopt},
		{2, w.restore},
		{1, w.keepTail},
		{1, w.restoreTail},
		{1, w.trim},
	}
	if w.pick("drop", 0, 99) == 0 {
		w.drop()
		return
	}
	sum := 0
	for _, o := range operations {
		sum += o.weight
	}
	at := w.pick("operation", 0, sum-1)
	for _, o := range operations {
		if at < o.weight {
			o.run()
			return
		}
		at -= o.weight
	}
}

// any returns one of the sequences, or nil.
func (w *world) any() *twin {
	if len(w.sequences) == 0 {
		return nil
	}
	return w.sequences[w.pick("sequence", 0, len(w.sequences)-1)]
}

// salt returns one of a few; most have the first.
func (w *world) salt() string { return []string{"", "", "", "a", "b"}[w.pick("salt", 0, 4)] }

func (w *world) text() []int32 { return w.texts[w.pick("text", 0, len(w.texts)-1)] }

func (w *world) add(x *twin) {
	if len(w.sequences) == maxSequences {
		w.free()
	}
	w.sequences = append(w.sequences, x)
}

func (w *world) empty() {
	if w.pick("private", 0, 2) == 0 {
		w.add(&twin{Sequence: w.cache.Private(), text: w.text(), stale: true})
		return
	}
	salt := w.salt()
	w.add(&twin{Sequence: w.cache.Match(salt, nil), text: w.text(), salt: salt})
}

func (w *world) match() {
	text := w.text()
	tokens := slices.Clone(text[:w.pick("length", 0, len(text))])
	if w.pick("noisy", 0, 3) == 0 {
		tokens = append(tokens, w.noise(300)...)
	}
	salt := w.salt()
	want := w.longestMatch(salt, tokens)
	s := w.cache.Match(salt, tokens)
	if s.Len() != want {
		w.t.Fatalf("match of %d tokens: got %d positions, want %d", len(tokens), s.Len(), want)
	}
	w.add(&twin{Sequence: s, tokens: tokens[:want], text: text, salt: salt})
}

// grow reserves, writes and appends. Sometimes it writes more than it appends, as
// speculation does.
func (w *world) grow() {
	x := w.any()
	if x == nil {
		return
	}
	n := 0
	switch w.pick("stride", 0, 3) {
	case 0:
		n = w.pick("n", 1, 4)
	case 1:
		n = PagePositions - len(x.tokens)%PagePositions
	default:
		n = w.pick("n", 1, 600)
	}
	n = min(n, maxLength-len(x.tokens))
	next := slices.Clone(x.text[len(x.tokens) : len(x.tokens)+n])
	if w.pick("noisy", 0, 4) == 0 {
		next = w.noise(n)
	}
	if !w.tryReserve(x, n) {
		if w.pick("give up", 0, 1) == 0 {
			w.free()
		}
		return
	}
	w.write(x, next)
	kept := n
	if w.pick("reject", 0, 3) == 0 {
		kept = w.pick("kept", 0, n)
	}
	x.Append(next[:kept])
	x.tokens = append(slices.Clone(x.tokens), next[:kept]...)
}

// keep takes some of the listed pages.
func (w *world) keep() {
	for range w.pick("kept", 1, 6) {
		there := w.cache.Unkept()
		page, ok := w.cache.TakeUnkept()
		if !ok {
			return
		}
		begins := page.Parent == Origin("") || page.Parent == Origin("a") || page.Parent == Origin("b")
		if !there || begins != (page.Split == 0) {
			w.t.Fatalf("page %d is taken: listed: %v, behind nothing: %v", page.Split, there, begins)
		}
		w.keepAs(page)
	}
}

// adopt begins a sequence with what the cache has, and goes on with what was kept.
func (w *world) adopt() {
	salt, text := w.salt(), w.text()
	tokens := text[:w.pick("length", 0, len(text))]
	s := w.cache.Match(salt, tokens)
	x := &twin{Sequence: s, tokens: slices.Clone(tokens[:s.Len()]), text: text, salt: salt}
	w.add(x)
	n := x.Truncate(x.Len() / PagePositions * PagePositions)
	x.tokens = x.tokens[:n]
	sums := Sums(salt, text)
	if sum, pages := x.Tip(); pages != n/PagePositions || pages > 0 && sum != sums[pages-1] || pages == 0 && sum != Origin(salt) {
		w.t.Fatalf("the tip of %d pages is another one, or says %d", n/PagePositions, pages)
	}
	for n+PagePositions <= len(tokens) {
		groups, ok := w.shelf[sums[n/PagePositions]]
		if !ok {
			return
		}
		fits := w.fits(x, PagePositions)
		next := tokens[n : n+PagePositions]
		if err := x.Adopt(next, groups); (err == nil) != fits {
			w.t.Fatalf("adopt behind %d: got error %v, want room: %v", n, err, fits)
		} else if err != nil {
			return
		}
		x.tokens = append(slices.Clone(x.tokens), next...)
		n += PagePositions
		w.check()
	}
}

// restore puts what was kept behind what the cache has of a text.
func (w *world) restore() {
	salt, text := w.salt(), w.text()
	sums := Sums(salt, text)
	for range w.pick("turns", 1, 3) {
		at := w.cache.WholePages(salt, text)
		if want := w.longestWhole(salt, text); at != want {
			w.t.Fatalf("%d whole pages of a text are there, want %d", at, want)
		}
		var pages [][][]byte
		for i := at; i < len(sums) && len(pages) < w.pick("pages", 1, 4); i++ {
			groups, ok := w.shelf[sums[i]]
			if !ok {
				break
			}
			pages = append(pages, groups)
		}
		tokens := text[:(at+len(pages))*PagePositions]
		n, err := w.cache.Restore(salt, tokens, pages...)
		if err == nil && n != len(pages) || err != nil && (n >= len(pages) || !errors.Is(err, ErrNoRoom)) {
			w.t.Fatalf("restore %d pages behind %d: %d, %v", len(pages), at, n, err)
		}
		if got := w.cache.WholePages(salt, text); got < at+n && !w.spares {
			w.t.Fatalf("restored %d pages behind %d: there are %d", n, at, got)
		}
		w.check()
	}
}

// keepTail keeps the page that some position is on.
func (w *world) keepTail() {
	x := w.any()
	if x == nil {
		return
	}
	n := w.pick("tail", 0, len(x.tokens))
	page, ok := x.Tail(n)
	if n > 0 && n == len(x.tokens) && ok == x.stale {
		w.t.Fatalf("the tail of %d positions of %d: there: %v", n, len(x.tokens), ok)
	}
	if !ok {
		return
	}
	sum, whole := Origin(x.salt), (n-1)/PagePositions
	if whole > 0 {
		sum = Sums(x.salt, x.tokens)[whole-1]
	}
	if page.Parent != sum || page.Sum != sum.Next(x.tokens[whole*PagePositions:n]) || page.Split != whole {
		w.t.Fatalf("the tail of %d positions has other sums, or says page %d", n, page.Split)
	}
	w.keepAs(page)
	w.tails = append(w.tails, tail{x.salt, slices.Clone(x.tokens[:n]), page.Sum})
}

func (w *world) keepAs(page Page) {
	var groups [][]byte
	for _, b := range page.Groups {
		groups = append(groups, slices.Clone(b))
	}
	w.shelf[page.Sum] = groups
}

// restoreTail puts a tail back, where the pages before it are there.
func (w *world) restoreTail() {
	if len(w.tails) == 0 {
		return
	}
	x := w.tails[w.pick("which", 0, len(w.tails)-1)]
	there := w.cache.Positions(x.salt, x.tokens)
	if want := w.longestMatch(x.salt, append(slices.Clone(x.tokens), -1)); there != want {
		w.t.Fatalf("%d positions of a tail are there, want %d", there, want)
	}
	if page, ok := w.cache.Tail(x.salt, x.tokens); ok != (there == len(x.tokens) && there%PagePositions != 0) || ok && page.Sum != x.sum {
		w.t.Fatalf("the tail of %d positions, %d of them there: found: %v", len(x.tokens), there, ok)
	}
	whole := (len(x.tokens) - 1) / PagePositions
	fits := w.cache.WholePages(x.salt, x.tokens[:whole*PagePositions]) == whole
	n, err := w.cache.Restore(x.salt, x.tokens, w.shelf[x.sum])
	switch {
	case err == nil && w.spares:
	case err == nil && (!fits || n != 1 || w.cache.Positions(x.salt, x.tokens) != len(x.tokens)):
		w.t.Fatalf("a tail of %d positions was restored: %d, and %d are there", len(x.tokens), n, w.cache.Positions(x.salt, x.tokens))
	case err != nil && (n != 0 || errors.Is(err, ErrGone) == fits):
		w.t.Fatalf("a tail was not restored: %d, %v, the pages before it are there: %v", n, err, fits)
	}
}

func (w *world) reserve() {
	if x := w.any(); x != nil {
		w.tryReserve(x, w.pick("n", 0, maxLength))
	}
}

// tryReserve reserves and checks that this fails exactly where there is no room, and
// then changes nothing.
func (w *world) tryReserve(x *twin, n int) bool {
	fits := w.fits(x, n)
	before := w.snapshot()
	idle, nodes := w.idle()
	err := x.Reserve(n)
	if (err == nil) != fits {
		w.t.Fatalf("reserve %d behind %d: got error %v, want room: %v", n, len(x.tokens), err, fits)
	}
	if err != nil {
		if !errors.Is(err, ErrNoRoom) {
			w.t.Fatalf("reserve %d behind %d: %v does not wrap ErrNoRoom", n, len(x.tokens), err)
		}
		if after := w.snapshot(); !slices.Equal(before, after) {
			w.t.Fatalf("reserve %d behind %d: failed and changed the cache", n, len(x.tokens))
		}
		return false
	}
	w.checkEvicted(idle, nodes)
	return true
}

// write marks the positions behind x as those of next. What a page of states said of
// positions before the last one is gone then.
func (w *world) write(x *twin, next []int32) {
	if len(next) == 0 {
		return
	}
	for l := range w.layers {
		if w.layers[l].State && len(x.tokens)%PagePositions != 0 {
			clear(x.Page(l, len(x.tokens)/PagePositions)[:(len(x.tokens)%PagePositions-1)*markBytes])
		}
	}
	mark := prefixMark(x.salt, x.tokens)
	for i, token := range next {
		mark = nextMark(mark, token)
		pos := len(x.tokens) + i
		for l := range w.layers {
			page := x.Page(l, pos/PagePositions)
			binary.LittleEndian.PutUint64(page[pos%PagePositions*markBytes:], layerMark(mark, l))
		}
	}
}

func (w *world) truncate() {
	x := w.any()
	if x == nil {
		return
	}
	n := w.pick("to", 0, len(x.tokens))
	if w.pick("near", 0, 1) == 0 {
		n = len(x.tokens) - w.pick("back", 0, min(5, len(x.tokens)))
	}
	want := w.longestKept(x, n)
	if got := x.Truncate(n); got != want || x.Len() != want {
		w.t.Fatalf("truncate %d positions to %d: got %d, length %d, want %d", len(x.tokens), n, got, x.Len(), want)
	}
	x.tokens = x.tokens[:want]
}

func (w *world) fork() {
	if x := w.any(); x != nil && len(w.sequences) < maxSequences {
		w.add(&twin{Sequence: x.Fork(), tokens: slices.Clone(x.tokens), text: w.text(), salt: x.salt, stale: x.stale})
	}
}

func (w *world) free() {
	if len(w.sequences) == 0 {
		return
	}
	i := w.pick("sequence", 0, len(w.sequences)-1)
	x := w.sequences[i]
	w.sequences = slices.Delete(w.sequences, i, i+1)
	x.Free()
	if x.stale || len(x.tokens) == 0 || w.spares {
		return
	}
	// What was computed is found again.
	s := w.cache.Match(x.salt, append(slices.Clone(x.tokens), -1))
	if s.Len() != len(x.tokens) {
		w.t.Fatalf("match of a sequence just freed: got %d positions, want %d", s.Len(), len(x.tokens))
	}
	s.Free()
}

// trim has pages given back: of those that nobody holds the oldest go, and no more of them
// than it takes.
func (w *world) trim() {
	idle, nodes := w.idle()
	before := w.cache.Stats()
	unheld := before.CachedBytes + before.FreeBytes
	most := w.pick("most", 0, w.cache.limit)
	w.cache.Trim(most)
	w.checkEvicted(idle, nodes)
	after := w.cache.Stats()
	left := after.CachedBytes + after.FreeBytes
	if left > most || after.HeldBytes != before.HeldBytes || unheld <= most && left != unheld || before.CachedBytes <= most && after.EvictedPages != before.EvictedPages {
		w.t.Fatalf("trimmed to %d bytes: from %+v to %+v", most, before, after)
	}
}

func (w *world) drop() {
	w.cache.Drop()
	for _, x := range w.sequences {
		x.stale = true
	}
}

// prefixMark returns a number that says which tokens a position comes after, of which
// salt.
func prefixMark(salt string, tokens []int32) uint64 {
	mark := uint64(14695981039346656037)
	for _, b := range []byte(salt) {
		mark = nextMark(mark, int32(b))
	}
	for _, token := range tokens {
		mark = nextMark(mark, token)
	}
	return mark
}

func nextMark(mark uint64, token int32) uint64 {
	mark = (mark ^ uint64(uint32(token)+1)) * 1099511628211
	return mark ^ mark>>29
}

func layerMark(mark uint64, layer int) uint64 { return mark + uint64(layer+1)*0x9e3779b97f4a7c15 }

func TestSimulation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, func(label string, lo, hi int) int { return rapid.IntRange(lo, hi).Draw(t, label) })
		t.Repeat(map[string]func(*rapid.T){
			"step": func(*rapid.T) { w.step() },
			"":     func(*rapid.T) { w.check() },
		})
		w.end()
	})
}

// TestLongSimulation goes deeper than rapid's short runs, from fixed seeds.
func TestLongSimulation(t *testing.T) {
	steps := 800
	if testing.Short() {
		steps = 100
	}
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t, func(_ string, lo, hi int) int { return lo + r.IntN(hi-lo+1) })
		for range steps {
			w.step()
			w.check()
		}
		w.end()
	}
}

// end frees everything and checks that nothing is left.
func (w *world) end() {
	for len(w.sequences) > 0 {
		w.free()
		w.check()
	}
	w.cache.Drop()
	w.check()
	if got := w.cache.Stats(); got.HeldBytes+got.CachedBytes+got.FreeBytes+got.Sequences+len(w.cache.roots) != 0 {
		w.t.Fatalf("left at the end: %+v", got)
	}
}
