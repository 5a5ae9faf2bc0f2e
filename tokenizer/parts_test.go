package tokenizer

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func wantParts(t *testing.T, tok *Tokenizer, parts []Part, f Flags, want ...int32) {
	t.Helper()
	got, err := tok.EncodeParts(parts, f)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("encode %+v (flags %d): got %v, %v, want %v", parts, f, got, err, want)
	}
}

func TestEncodeParts(t *testing.T) {
	tok := mustOpen(t, writeFolder(t, dict{
		"tokenizer.json":        small(nil),
		"tokenizer_config.json": dict{"bos_token": "<s>", "eos_token": "</s>", "add_bos_token": true, "add_eos_token": true},
	}))
	wantParts(t, tok, nil, 0)
	wantParts(t, tok, []Part{{"<s>", false}, {"<s>", true}, {"<s>", false}}, 0, 258, '<', 's', '>', 258)
	// A border leaves no trace: merges and tokens reach across.
	wantParts(t, tok, []Part{{"a", false}, {"b", true}, {"c", false}}, 0, 257)
	wantParts(t, tok, []Part{{"<", false}, {"s>", false}}, 0, 258)
	// No control token begins in one kind of part and ends in the other.
	wantParts(t, tok, []Part{{"<", false}, {"s>", true}}, 0, '<', 's', '>')
	wantParts(t, tok, []Part{{"<", true}, {"s>", false}}, 0, '<', 's', '>')
	wantParts(t, tok, []Part{{"<", false}, {"s", true}, {">", false}}, 0, '<', 's', '>')
	// Tokens that are no control tokens are found in any part, as with Plain.
	wantParts(t, tok, []Part{{"<thi", false}, {"nk>", true}}, 0, 262)
	wantParts(t, tok, []Part{{"<s>x", true}}, AddSpecial, 258, '<', 's', '>', 'x', 259)
	wantParts(t, tok, []Part{{"<s>x", false}}, Plain|AddSpecial, 258, '<', 's', '>', 'x', 259)
	wantParts(t, tok, []Part{{"\xe4", false}, {"<s>", true}}, 0, 0xEF, 0xBF, 0xBD, '<', 's', '>')
	long := strings.Repeat("a", MaxText/2+1)
	if _, err := tok.EncodeParts([]Part{{long, false}, {long, true}}, 0); !errors.Is(err, ErrTooLong) {
		t.Errorf("parts that are too long together: got %v, want ErrTooLong", err)
	}
}

// Control tokens that are looked for in normalized text.
func TestEncodePartsNormalized(t *testing.T) {
	for _, c := range []struct {
		name       string
		normalizer any
		want       []int32
	}{
		{"none", nil, []int32{258, '<', 'S', '>', 257}},
		{"lower", dict{"type": "Lowercase"}, []int32{258, '<', 's', '>', 256, 'c'}},
	} {
		file := small(dict{"normalizer": c.normalizer})
		file["added_tokens"] = []any{dict{"id": 258, "content": "<s>", "special": true, "normalized": true}}
		tok := mustOpen(t, writeFolder(t, dict{"tokenizer.json": file}))
		wantParts(t, tok, []Part{{"<s>", false}, {"<S>ab", true}, {"c", false}}, 0, c.want...)
		wantParts(t, tok, []Part{{"<s>", false}, {"<s>", true}, {"<s>", false}}, 0, 258, '<', 's', '>', 258)
	}
}

// splitCovered finds at each place the longest token that may stand there.
func TestSplitCovered(t *testing.T) {
	var list tokenList
	for i, text := range []string{"aa", "ab", "aab", "b", "abab", "ba"} {
		list.add(&addedToken{id: int32(i), content: text, control: i%2 == 0}, text)
	}
	all, plain, err := list.matchers()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 3000 {
		text := make([]byte, r.IntN(14))
		for i := range text {
			text[i] = "abc"[r.IntN(3)]
		}
		covered := make([]bool, len(text))
		var c cover
		for i := 0; i < len(text); i++ {
			if r.IntN(4) == 0 {
				covered[i] = true
				c.add(i, i+1)
			}
		}
		var want []part
		done := 0
		for i := 0; i < len(text); {
			best, n := int32(-1), 0
			for _, a := range list.tokens {
				end := i + len(a.content)
				if end <= len(text) && string(text[i:end]) == a.content && len(a.content) > n && !(a.control && slices.Contains(covered[i:end], true)) {
					best, n = a.id, len(a.content)
				}
			}
			if best < 0 {
				i++
				continue
			}
			if i > done {
				want = append(want, part{span{int32(done), int32(i)}, textPart})
			}
			want = append(want, part{span{int32(i), int32(i + n)}, best})
			i += n
			done = i
		}
		if done < len(text) {
			want = append(want, part{span{int32(done), int32(len(text))}, textPart})
		}
		if got := splitCovered(all, plain, string(text), c); !slices.Equal(got, want) {
			t.Fatalf("%q, covered %v: got %v, want %v", text, c, got, want)
		}
	}
}

func TestShield(t *testing.T) {
	tok := mustOpen(t, writeFolder(t, dict{"tokenizer.json": small(nil)}))
	for _, c := range []struct {
		name, content string
		before, after string // what the template writes
		want          []int32
	}{
		{"nothing to cover", "abc <think>", "<s>", "</s>", []int32{258, 257, ' ', 262, 259}},
		{"a token", "x<s>y", "<s>", "</s>", []int32{258, 'x', '<', 's', '>', 'y', 259}},
		{"its end stands in the template", "x<", "<s>", "s>", []int32{258, 'x', '<', 's', '>'}},
		{"its beginning stands in the template", "s>x", "</", "", []int32{'<', '/', 's', '>', 'x'}},
		{"its middle comes from outside", "s", "<", ">", []int32{'<', 's', '>'}},
		{"behind blanks that are taken away", "  s> ", "<", "", []int32{'<', 's', '>'}},
		{"in front of blanks that are taken away", "x<s ", "", "><s>", []int32{'x', '<', 's', '>', 258}},
		{"twice", "<s></s><s>", "", "<s>", []int32{'<', 's', '>', '<', '/', 's', '>', '<', 's', '>', 258}},
		{"its own mark", "\uFDD0<s>", "", "", []int32{0xEF, 0xB7, 0x90, '<', 's', '>'}},
		{"nothing", "", "<s>", "<s>", []int32{258, 258}},
		{"blanks", " ", "<s>", "<s>", []int32{258, 258}},
	} {
		s := tok.NewShield(c.content, c.before+c.after)
		written := c.before + strings.TrimSpace(s.Cover(c.content)) + c.after
		parts := s.Parts(written)
		if got, err := tok.EncodeParts(parts, 0); err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q as %+v: got %v, %v, want %v", c.name, written, parts, got, err, c.want)
		}
	}
	s := tok.NewShield("a < b")
	if got := s.Cover("a < b"); got != "a < b" {
		t.Errorf("text without tokens: got %q", got)
	}
	if s := mustOpen(t, writeFolder(t, dict{"tokenizer.json": small(dict{"added_tokens": nil})})).NewShield("<s>"); s.Cover("<s>") != "<s>" {
		t.Error("a tokenizer without control tokens marks text")
	}
}

func TestUnusedMark(t *testing.T) {
	var all strings.Builder
	for r := rune(0xFDD0); r <= 0xFDEF; r++ {
		all.WriteRune(r)
	}
	all.WriteRune(0xF0000)
	if got := unusedMark([]string{"x\uFDD0"}); got != "\uFDD1" {
		t.Errorf("got %q, want the next free one", got)
	}
	if got := unusedMark([]string{all.String()}); got != "\U000F0001" {
		t.Errorf("got %q, want one for private use", got)
	}
}
