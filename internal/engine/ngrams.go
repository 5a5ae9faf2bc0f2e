package engine

// ngrams finds where the end of a text stood in it before: what came behind it there may
// come again (prompt lookup, Saxena 2023; LLMA, Yang et al. 2023).
type ngrams struct {
	tokens []int32          // of the text so far
	last   map[uint64]int32 // the position behind the latest occurrence of a run of gramLength tokens
	before []int32          // [position] the one behind the occurrence of its run before; 0: none
	latest map[int32]int32  // the position behind the latest occurrence of a token
	at     int              // the position behind what find found; 0: nothing
}

const (
	gramLength = 3  // tokens of the runs that are filed
	mostGrams  = 12 // earlier occurrences that are looked at
	longGram   = 32 // tokens; a longer one is no better
)

// gram returns the key of the run of tokens that ends before a position.
func (g *ngrams) gram(end int) uint64 {
	const prime = 0x100000001b3
	h := uint64(0xcbf29ce484222325)
	for _, id := range g.tokens[end-gramLength : end] {
		h = (h ^ uint64(uint32(id))) * prime
	}
	return h
}

// read is told what comes behind the text so far.
func (g *ngrams) read(more []int32) {
	if g.last == nil {
		g.last, g.latest = map[uint64]int32{}, map[int32]int32{}
		g.before = append(g.before, 0)
	}
	for _, id := range more {
		// Runs are filed once a token stands behind them.
		end := len(g.tokens)
		if end >= gramLength {
			key := g.gram(end)
			g.before[end] = g.last[key]
			g.last[key] = int32(end)
		}
		if end > 0 {
			g.latest[g.tokens[end-1]] = int32(end)
		}
		g.tokens, g.before = append(g.tokens, id), append(g.before, 0)
	}
}

// find finds the occurrence of the end of the text that has most tokens in common with it,
// the latest of equal ones, and returns how many that are; 0: its last token stood nowhere
// before.
func (g *ngrams) find() int {
	end := len(g.tokens)
	g.at = 0
	if end == 0 {
		return 0
	}
	most := 0
	if end >= gramLength {
		at := int(g.last[g.gram(end)])
		for n := 0; at > 0 && n < mostGrams && most < longGram; n++ {
			if common := g.common(at, end); common > most {
				g.at, most = at, common
			}
			at = int(g.before[at])
		}
	}
	if most == 0 {
		if g.at = int(g.latest[g.tokens[end-1]]); g.at > 0 {
			most = g.common(g.at, end)
		}
	}
	return most
}

// guess appends to dst n tokens: those that came behind what find found. A text that repeats
// itself is gone on with by what is guessed.
func (g *ngrams) guess(dst []int32, n int) []int32 {
	end := len(g.tokens)
	if g.at == 0 {
		return dst
	}
	first := len(dst)
	for k := range n {
		if at := g.at + k; at < end {
			dst = append(dst, g.tokens[at])
		} else {
			dst = append(dst, dst[first+at-end])
		}
	}
	return dst
}

// common returns how many tokens before two positions are the same, at most longGram.
func (g *ngrams) common(a, b int) int {
	n := 0
	for n < min(a, longGram) && g.tokens[a-1-n] == g.tokens[b-1-n] {
		n++
	}
	return n
}
