package tokenizer

import "unicode/utf8"

// A pieceCut cuts pieces between two characters that stand side by side in no
// entry of the vocabulary: no merge can reach across, so the cut changes no
// token. It makes short pieces, which the cache knows, of models that would
// otherwise get a text as one piece.
type pieceCut struct {
	ascii  [128 * 128]bool // pairs that stand in an entry
	others []uint64        // the same for pairs beyond ASCII, by a hash: a hit may be false
	blanks bool            // cut in front of ▁ only
}

const cutBits = 21 // of the hash

// newPieceCut returns the cut for a vocabulary.
func newPieceCut(v *vocab) *pieceCut {
	c := &pieceCut{others: make([]uint64, 1<<cutBits/64)}
	for e := range int32(v.entries()) {
		last := rune(-1)
		for piece := v.piece(e); len(piece) > 0; {
			r, n := rune(piece[0]), 1
			if r >= utf8.RuneSelf {
				r, n = utf8.DecodeRune(piece)
			}
			if last >= 0 {
				c.add(last, r)
			}
			last, piece = r, piece[n:]
		}
	}
	return c
}

func pairHash(l, r rune) uint32 {
	return (uint32(l)*0x9E3779B1 ^ uint32(r)*0x85EBCA77) * 0xC2B2AE3D >> (32 - cutBits)
}

func (c *pieceCut) add(l, r rune) {
	if l|r < 128 {
		c.ascii[l<<7|r] = true
		return
	}
	h := pairHash(l, r)
	c.others[h>>6] |= 1 << (h & 63)
}

func (c *pieceCut) has(l, r rune) bool {
	if l|r < 128 {
		return c.ascii[l<<7|r]
	}
	h := pairHash(l, r)
	return c.others[h>>6]>>(h&63)&1 != 0
}

func (c *pieceCut) apply(e *encoder) error {
	p := &e.pieces
	out := e.spare[:0]
	for _, s := range p.spans {
		piece, from, last := s.of(p.text), s.start, rune(-1)
		for i := 0; i < len(piece); {
			r, n := rune(piece[i]), 1
			if r >= utf8.RuneSelf {
				r, n = utf8.DecodeRuneInString(piece[i:])
			}
			if last >= 0 && (!c.blanks || r == blankRune) && !c.has(last, r) {
				at := s.start + int32(i)
				out = append(out, span{from, at})
				from = at
			}
			last = r
			i += n
		}
		out = append(out, span{from, s.end})
	}
	p.spans, e.spare = out, p.spans
	return nil
}

// addCut adds the cut between characters to the stages of a model that would
// otherwise get long texts as one piece.
func (t *Tokenizer) addCut(b *bpe) {
	if t.raw || b.wordEnd != "" || b.merges.uses(append(b.fallback[:], b.unknown)) {
		return
	}
	if b.whole == wholeAlways {
		return // a part might be a token that the whole does not lead to
	}
	c := newPieceCut(t.vocab)
	if !b.complete() {
		// What is dropped brings its neighbours together, and neighbouring
		// unknown characters may be one token: no cut between them.
		if b.unknown < 0 && !b.keepGaps || t.vocab.find(blank) < 0 {
			return
		}
		c.blanks = true
	}
	t.stages = append(t.stages, c)
}
