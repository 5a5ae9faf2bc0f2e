package tokenizer

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// naiveMerge merges by looking at every pair before each step.
func naiveMerge(t *mergeTable, symbols []int32) []int32 {
	symbols = slices.Clone(symbols)
	for {
		best, at := noRank, -1
		for i := 0; i+1 < len(symbols); i++ {
			if m := t.find(symbols[i], symbols[i+1]); m != nil && m.rank < best {
				best, at = m.rank, i
			}
		}
		if at < 0 {
			return symbols
		}
		symbols[at] = t.find(symbols[at], symbols[at+1]).merged
		symbols = slices.Delete(symbols, at+1, at+2)
	}
}

// randomBPE returns a byte-level model of the letters a to d and some merges.
func randomBPE(t testing.TB, r *rand.Rand) *bpe {
	t.Helper()
	v := newVocab(100)
	list := []string{"a", "b", "c", "d"}
	id := int32(0)
	for _, s := range list {
		mustAdd(t, v, s, id)
		id++
	}
	b := &bpe{vocab: v, merges: newMergeTable(60), byteLevel: true, unknown: -1}
	for rank := uint32(0); rank < 50; rank++ {
		l, rt := list[r.IntN(len(list))], list[r.IntN(len(list))]
		if len(l+rt) > 12 {
			continue
		}
		e := v.find(l + rt)
		if e < 0 {
			e = mustAdd(t, v, l+rt, id)
			list = append(list, l+rt)
			id++
		}
		if err := b.merges.add(v.find(l), v.find(rt), rank, e, false); err != nil {
			t.Fatal(err)
		}
	}
	b.findStarts(false)
	return b
}

func mustAdd(t testing.TB, v *vocab, piece string, id int32) int32 {
	t.Helper()
	e, err := v.add([]byte(piece), id, true)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestMergesEqualTheNaiveWay(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		b := randomBPE(t, r)
		for _, n := range []int{0, 1, 2, 3, shortPiece - 1, shortPiece, shortPiece + 1, 200} {
			piece := make([]byte, n)
			for i := range piece {
				piece[i] = "abcd"[r.IntN(1+r.IntN(4))]
			}
			var e encoder
			b.bytes(&e, string(piece))
			want := naiveMerge(b.merges, e.symbols)
			e.merge(b)
			if !slices.Equal(e.symbols, want) {
				t.Fatalf("merge %s: got %v, want %v", piece, e.symbols, want)
			}
		}
	}
}

func TestRankedMergesEqualTheNaiveWay(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		v := newVocab(40)
		m := newRanked(v, false)
		for id, s := 0, ""; id < 40; id++ {
			s = ""
			for range 1 + r.IntN(4) {
				s += string("abé"[[]int{0, 1, 2}[r.IntN(2)]])
			}
			if r.IntN(4) == 0 {
				s += "é"
			}
			if v.find(s) < 0 {
				mustAdd(t, v, s, int32(v.entries()))
				m.addScore(kindNormal, float32(-r.IntN(6)))
			}
		}
		m.findBytes()
		piece := ""
		for range r.IntN(60) {
			piece += []string{"a", "b", "é"}[r.IntN(3)]
		}
		if piece == "" {
			continue
		}
		if got, want := m.encode(&encoder{}, nil, piece), naiveRanked(m, piece); !slices.Equal(got, want) {
			t.Fatalf("encode %s: got %v, want %v", piece, got, want)
		}
	}
}

func naiveRanked(m *ranked, piece string) []int32 {
	parts := strings.Split(piece, "")
	for {
		best, at := noRank, -1
		for i := 0; i+1 < len(parts); i++ {
			if e := m.vocab.find(parts[i] + parts[i+1]); e >= 0 && m.order[e] < best {
				best, at = m.order[e], i
			}
		}
		if at < 0 {
			break
		}
		parts[at] += parts[at+1]
		parts = slices.Delete(parts, at+1, at+2)
	}
	var ids []int32
	for _, p := range parts {
		if e := m.vocab.find(p); e >= 0 {
			ids = append(ids, m.vocab.ids[e])
		}
	}
	return ids
}

func TestScoreRank(t *testing.T) {
	scores := []float32{float32(math.Inf(1)), 3, 1e-30, 0, -1e-30, -1, -1e9, float32(math.Inf(-1)), float32(math.NaN())}
	for i := range scores {
		if scoreRank(scores[i]) == noRank {
			t.Errorf("score %v: got the rank of what does not merge", scores[i])
		}
		if i > 0 && scoreRank(scores[i-1]) >= scoreRank(scores[i]) {
			t.Errorf("scores %v and %v: got ranks %#x and %#x, want them to rise", scores[i-1], scores[i], scoreRank(scores[i-1]), scoreRank(scores[i]))
		}
	}
	if a, b := scoreRank(0), scoreRank(float32(math.Copysign(0, -1))); a != b {
		t.Errorf("scores 0 and -0: got ranks %#x and %#x, want the same", a, b)
	}
}

func TestUnigramFindsTheBestCut(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 300 {
		var keys []trieKey
		scores := []float64{0} // id 0 is the unknown token
		seen := map[string]bool{}
		for range 12 {
			s := ""
			for range 1 + r.IntN(4) {
				s += []string{"a", "b", "é"}[r.IntN(3)]
			}
			if !seen[s] {
				seen[s] = true
				keys = append(keys, trieKey{s, int32(len(scores))})
				scores = append(scores, -float64(1+r.IntN(1000))/64) // sums are exact
			}
		}
		u, err := newUnigram(slices.Clone(keys), scores, lowest(scores[1:]))
		if err != nil {
			t.Fatal(err)
		}
		u.unknown = 0
		piece := ""
		for range 1 + r.IntN(9) {
			piece += []string{"a", "b", "é", "z"}[r.IntN(4)]
		}
		got := u.encode(&encoder{}, nil, piece)
		if g, w := cutScore(u, got, piece), bestScore(u, keys, piece); g != w {
			t.Fatalf("encode %s: got %v with score %v, want %v", piece, got, g, w)
		}
	}
}

// bestScore tries every cut.
func bestScore(u *unigram, keys []trieKey, piece string) float64 {
	best := make([]float64, len(piece)+1)
	for i := len(piece) - 1; i >= 0; i-- {
		best[i] = math.Inf(-1)
		if !utf8.RuneStart(piece[i]) {
			continue
		}
		n := charLen(piece, i)
		single := false
		for _, k := range keys {
			if strings.HasPrefix(piece[i:], k.text) {
				best[i] = max(best[i], u.scores[k.value]+best[i+len(k.text)])
				single = single || len(k.text) == n
			}
		}
		if !single {
			best[i] = max(best[i], u.unkScore+best[i+n])
		}
	}
	return best[0]
}

// cutScore is the score of a cut given by its ids; an unknown token stands for
// as many characters as the pieces around it leave.
func cutScore(u *unigram, ids []int32, piece string) float64 {
	texts := map[int32]string{}
	var walk func(node int32, path string)
	walk = func(node int32, path string) {
		n := u.trie.nodes[node]
		if n.value >= 0 {
			texts[n.value] = path
		}
		if n.inner {
			for c := n.first; c <= n.first+int32(n.count); c++ {
				walk(c, path+string([]byte{u.trie.nodes[c].label}))
			}
		}
	}
	walk(0, "")
	var try func(i int, rest string) float64
	try = func(i int, rest string) float64 {
		if i == len(ids) {
			if rest == "" {
				return 0
			}
			return math.Inf(-1)
		}
		if id := ids[i]; id != u.unknown {
			if !strings.HasPrefix(rest, texts[id]) {
				return math.Inf(-1)
			}
			return u.scores[id] + try(i+1, rest[len(texts[id]):])
		}
		best, sum := math.Inf(-1), 0.0
		for rest != "" {
			rest = rest[charLen(rest, 0):]
			sum += u.unkScore
			best = max(best, sum+try(i+1, rest))
		}
		return best
	}
	return try(0, piece)
}

func TestTrie(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 100 {
		var keys []trieKey
		want := map[string]int32{}
		for i := range int32(60) {
			k := make([]byte, r.IntN(5))
			for j := range k {
				k[j] = byte(r.IntN(1 + r.IntN(256)))
			}
			keys = append(keys, trieKey{string(k), i})
			if len(k) > 0 {
				want[string(k)] = i
			}
		}
		tr, err := newTrie(keys)
		if err != nil {
			t.Fatal(err)
		}
		for range 200 {
			text := make([]byte, r.IntN(8))
			for j := range text {
				text[j] = byte(r.IntN(1 + r.IntN(256)))
			}
			if r.IntN(2) == 0 {
				text = append([]byte(keys[r.IntN(len(keys))].text), text...)
			}
			v, n := tr.longest(string(text))
			wn := len(text)
			for ; wn > 0; wn-- {
				if _, ok := want[string(text[:wn])]; ok {
					break
				}
			}
			if n != wn || n > 0 && v != want[string(text[:n])] {
				t.Fatalf("longest key of %q: got %d bytes, value %d, want %d bytes, value %d", text, n, v, wn, want[string(text[:wn])])
			}
		}
	}
}

func TestVocab(t *testing.T) {
	v := newVocab(0)
	for i := range int32(5000) {
		mustAdd(t, v, fmt.Sprint("piece", i), i*2)
	}
	again := mustAdd(t, v, "piece7", 99999)
	if got := v.find("piece7"); got != again {
		t.Errorf("find piece7: got entry %d, want the later %d", got, again)
	}
	for i := range int32(5000) {
		if i == 7 {
			continue
		}
		e := v.find(fmt.Sprint("piece", i))
		if e != v.findBytes(fmt.Append(nil, "piece", i)) || e < 0 || v.ids[e] != i*2 || v.byID[i*2] != e || v.byID[i*2+1] != -1 {
			t.Fatalf("find piece%d: got entry %d", i, e)
		}
	}
	if e := v.find("nothing"); e != -1 {
		t.Errorf("find nothing: got entry %d, want -1", e)
	}
	if _, err := v.add([]byte("x"), maxVocab, true); err == nil {
		t.Errorf("add id %d: got no error", maxVocab)
	}
}

func TestByteLevelSpelling(t *testing.T) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	spelled := appendSpelled(nil, all)
	if got, ok := appendUnspelled(nil, spelled); !ok || string(got) != string(all) {
		t.Errorf("spell and back: got %q, %v", got, ok)
	}
	if n := utf8.RuneCount(spelled); n != 256 {
		t.Errorf("got %d characters for 256 bytes", n)
	}
	for piece, want := range map[string]string{"Ġthe": " the", "Ċ": "\n", "Ã©": "é", "ö": "\xf6", "Ń": "\xad"} {
		if got, ok := appendUnspelled(nil, piece); !ok || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", piece, got, ok, want)
		}
	}
	for _, piece := range []string{" ", "a b", "中", "\xc4", "\xff", "ń\u0144", "\n"} {
		if got, ok := appendUnspelled([]byte("x"), piece); ok || string(got) != "x" {
			t.Errorf("%q: got %q, %v, want a refusal", piece, got, ok)
		}
	}
}

// A cut must not change what a text becomes.
func TestPieceCutChangesNothing(t *testing.T) {
	tok := mustGGUF(t, sampleGGUF(t, "llama_spm"))
	whole := mustGGUF(t, sampleGGUF(t, "llama_spm"))
	whole.stages = nil
	r := rand.New(rand.NewPCG(13, 14))
	for range 500 {
		text := randomText(r)
		got, err := tok.Encode(text, 0)
		if err != nil {
			t.Fatal(err)
		}
		want, err := whole.Encode(text, 0)
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("encode %+q: got %v, want %v (%v)", text, got, want, err)
		}
	}
}

// The cache and what is remembered of pieces must not change a result.
func TestCacheChangesNothing(t *testing.T) {
	tok := mustGGUF(t, sampleGGUF(t, "deepseek_coder"))
	r := rand.New(rand.NewPCG(15, 16))
	for range 300 {
		text := strings.Repeat(randomText(r), 3)
		got, err := tok.Encode(text, 0)
		if err != nil {
			t.Fatal(err)
		}
		var e encoder
		e.pieces = pieces{text: text, spans: []span{{0, int32(len(text))}}}
		for _, s := range tok.stages {
			if err := s.apply(&e); err != nil {
				t.Fatal(err)
			}
		}
		var want []int32
		for _, s := range slices.Clone(e.pieces.spans) {
			want = tok.model.encode(&e, want, s.of(text))
		}
		if !strings.Contains(text, "<") && !slices.Equal(got, want) {
			t.Fatalf("encode %+q: got %v, want %v", text, got, want)
		}
	}
	var c pieceCache
	ids := []int32{1, 2, 3}
	for i := range 300_000 {
		c.add(uint64(i), fmt.Sprint("piece", i), ids)
	}
	if len(c.text) > cacheText || len(c.ids) > cacheIDs {
		t.Errorf("cache holds %d bytes, %d ids, want at most %d, %d", len(c.text), len(c.ids), cacheText, cacheIDs)
	}
	if got, ok := c.find(299_999, "piece299999"); !ok || !slices.Equal(got, ids) {
		t.Errorf("find the last piece: got %v, %v", got, ok)
	}
	if _, ok := c.find(299_999, "piece29999x"); ok {
		t.Error("found a piece that was not added")
	}
}
