package tokenizer

import (
	"math/bits"
	"testing"
	"unicode/utf8"
)

func TestClassesAreThoseOfUnicode16(t *testing.T) {
	var file struct {
		Classes map[string][][2]rune `json:"classes"`
	}
	unzipJSON(t, "testdata/unicode16.json.gz", &file)
	named := map[string]class{
		"L": classL, "Lu": classLu, "Ll": classLl, "Lt": classLt, "Lm": classLm, "Lo": classLo, "M": classM, "Mn": classMn, "N": classN,
		"Nd": classNd, "P": classP, "S": classS, "White_Space": classSpace, "Han": classHan, "Word": classWord, "C": classC,
	}
	for name, c := range named {
		in := map[rune]bool{}
		for _, r := range file.Classes[name] {
			for x := r[0]; x <= r[1]; x++ {
				in[x] = true
			}
		}
		if len(in) == 0 {
			t.Fatalf("class %s: no data", name)
		}
		for r := range rune(utf8.MaxRune + 1) {
			if got := classOf(r)&c != 0; got != in[r] {
				t.Errorf("class %s: U+%04X: got %v, want %v", name, r, got, in[r])
			}
		}
	}
	for r := range rune(utf8.MaxRune + 1) {
		if n := bits.OnesCount16(uint16(classOf(r) & (classL | classM | classN | classP | classS | classC))); n > 1 {
			t.Errorf("U+%04X is in %d general classes", r, n)
		}
		if got, want := classOf(r)&classCRLF != 0, r == '\r' || r == '\n'; got != want {
			t.Errorf("U+%04X: line end: got %v, want %v", r, got, want)
		}
	}
	for _, r := range []rune{-1, utf8.MaxRune + 1} {
		if c := classOf(r); c != 0 {
			t.Errorf("classOf(%d): got %#x, want 0", r, c)
		}
	}
}

func TestPropertiesOfTheTablesAreInStep(t *testing.T) {
	for name, c := range properties {
		s := new(codeSet)
		if !s.addProperty(name) {
			t.Fatalf("property %s is not known", name)
		}
		for r := range rune(utf8.MaxRune + 1) {
			if s.has(r) != (classOf(r)&c != 0) {
				t.Fatalf("property %s: U+%04X: got %v", name, r, s.has(r))
			}
		}
	}
}
