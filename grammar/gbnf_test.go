package grammar

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// listGrammar has most of the language in it.
const listGrammar = `# a list of things
root ::= "- " item ("\n- " item){0,3} # more
  | ( "none"
    | [^-\]\x41-\x5A] )
item ::= [a-z]+ ( " " [0-9]{2} )? | "\u00e9\"\\" .?
`

func TestGBNF(t *testing.T) {
	g, err := GBNF(listGrammar, nil)
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{
		"- abc": true, "- abc 12\n- b": true, "- a\n- a\n- a\n- a": true, "- a\n- a\n- a\n- a\n- a": false, "none": true, "é": true, "x": true, "-": false, "]": false,
		"B": false, "- é\"\\": true, "- é\"\\😀": true, "- abc 1": false, "": false, "- ": false,
	} {
		if got := takes(t, g, text); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
}

// TestGBNFRecursion has rules that refer to themselves, at their ends and within.
func TestGBNFRecursion(t *testing.T) {
	g, err := GBNF("root ::= expr\r\nexpr ::= term (\"+\" expr)?\r\nterm ::= \"x\" | \"(\" expr \")\"\r\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	deep := strings.Repeat("(", 1500) + "x" + strings.Repeat(")", 1500)
	for text, want := range map[string]bool{"x": true, "x+x": true, "((x)+x)+(x)": true, "((x)": false, "x+": false, "+x": false, deep: true, deep + ")": false} {
		if got := takes(t, g, text); got != want {
			t.Errorf("%.20q: got %v, want %v", text, got, want)
		}
	}
	if takes(t, g, strings.Repeat("(", 5000)+"x"+strings.Repeat(")", 5000)) {
		t.Error("more rules are open than the limits have it")
	}
}

func TestGBNFErrors(t *testing.T) {
	for text, want := range map[string]error{
		"": ErrSyntax, "a ::= \"x\"": ErrSyntax, "root ::= b": ErrSyntax, "root ::= \"x": ErrSyntax, "root ::= [a": ErrSyntax, "root ::= (\"a\"": ErrSyntax, "root = \"a\"": ErrSyntax,
		"root ::= \"a\" )": ErrSyntax, "root ::= \"\\q\"": ErrSyntax, "root ::= \"\\x1\"": ErrSyntax, "root ::= \"\\uD800\"": ErrSyntax, "root ::= \"a\"{x}": ErrSyntax,
		"root ::= \"a\"{3,1}": ErrSyntax, "root ::= \"a\"\nroot ::= \"b\"": ErrSyntax, "root ::= [b-a]": ErrSyntax, "root ::= \"\xff\"": ErrSyntax, "root ::= <x": ErrSyntax, "root ::= \"\\": ErrSyntax,
		"root ::= <[12]>": ErrUnsupported, "root ::= !<a>": ErrUnsupported, "root ::= root \"a\" | \"b\"": ErrUnsupported,
		"root ::= a\na ::= b \"x\"\nb ::= \"\" a | \"y\"": ErrUnsupported, "root ::= (\" \"? root)? \"a\"": ErrUnsupported, "root ::= \"a\" root": ErrEmpty,
		"root ::= (root \"a\"){100} | \"a\"":    ErrUnsupported,
		"root ::= " + strings.Repeat("(", 2000): ErrTooLarge, "root ::= \"a\"" + strings.Repeat("*", 20000): ErrTooLarge,
	} {
		if _, err := GBNF(text, nil); !errors.Is(err, want) {
			t.Errorf("%.40q: got %v, want %v", text, err, want)
		}
	}
	_, err := GBNF("root ::= a\na ::= b \"x\"\nb ::= a | \"y\"", nil)
	if err == nil || !strings.Contains(err.Error(), `"a b"`) && !strings.Contains(err.Error(), `"b a"`) {
		t.Errorf("left recursion does not name the rules: %v", err)
	}
	if _, err := GBNF("root ::= \"a\"\n\nb ::= c", nil); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("an error does not name the line: %v", err)
	}
}

// TestSpecial: special tokens stand for their text where a grammar names them, and
// nowhere else.
func TestSpecial(t *testing.T) {
	tokens := [][]byte{[]byte("<call>"), []byte("<"), []byte("c"), []byte("all>"), []byte("x"), []byte("<other>"), []byte("<end>"), nil}
	v, err := NewVocabulary(tokens, []bool{0: true, 5: true}, []int32{6})
	if err != nil {
		t.Fatal(err)
	}
	r := &Rules{}
	r.Set("free", Seq(Free("<call>", "stop"), Optional(Seq(Special("<call>"), Literal("x")))))
	r.Set("named", Seq(Special("<call>"), Literal("x")))
	r.Set("text", Seq(Literal("<call>"), Repeat(Any(), 0, Unbounded)))
	for _, c := range []struct {
		rule string
		ids  []int32
		want []bool
	}{
		{"named", nil, []bool{true, true, false, false, false, false, false, false}},
		{"named", []int32{0}, []bool{false, false, false, false, true, false, false, false}},
		{"named", []int32{1, 2}, []bool{false, false, false, true, false, false, false, false}},
		{"named", []int32{0, 4}, []bool{false, false, false, false, false, false, true, false}},
		{"text", nil, []bool{false, true, false, false, false, false, false, false}},
		{"text", []int32{1, 2, 3}, []bool{false, true, true, true, true, false, true, false}},
		{"free", nil, []bool{true, true, true, true, true, true, true, false}},
		{"free", []int32{5, 4}, []bool{true, true, true, true, true, true, true, false}},
		{"free", []int32{5, 0}, []bool{false, false, false, false, true, false, false, false}},
		{"free", []int32{4, 1, 2}, []bool{true, true, true, true, true, true, true, false}},
		{"free", []int32{4, 1, 2, 3}, []bool{false, false, false, false, true, false, false, false}},
	} {
		g, err := Compile(r, c.rule, nil)
		if err != nil {
			t.Fatal(err)
		}
		u := begin(t, g, v)
		for _, id := range c.ids {
			if err := u.Accept(id); err != nil {
				t.Fatal(err)
			}
		}
		if got := maskOf(t, u); fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s behind %v: got %v, want %v", c.rule, c.ids, got, c.want)
		}
	}
}

// FuzzGBNF: a grammar compiles or is refused, and what it lets through ends somewhere.
func FuzzGBNF(f *testing.F) {
	f.Add(listGrammar)
	f.Add("root ::= a | b\na ::= \"x\" a?\nb ::= [^a-c]{2,400} <tok> .")
	f.Add("root ::= (a b){3,}\na ::= \"x\"?\nb ::= a a \"y\"*")
	v, tokens := tinyVocabulary()
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1000 {
			return
		}
		g, err := GBNF(text, &Limits{Work: 1 << 18, Step: 1 << 14, States: 1 << 14, Memory: 4 << 20})
		if err != nil {
			return
		}
		u := g.Guide(v)
		if u.Begin(nil) != nil {
			return
		}
		for range 8 {
			mask := []uint64{^uint64(0)}
			u.Mask(mask)
			if u.err != nil || mask[0] == 0 { // a character that the vocabulary cannot write
				return
			}
			for id := range tokens {
				probe := *u
				if err := probe.Accept(int32(id)); (err == nil) != (mask[0]>>id&1 == 1) && !errors.Is(err, ErrTooLarge) {
					t.Fatalf("token %q: mask %x, %v", tokens[id], mask[0], err)
				}
			}
			id := int32(0)
			for mask[0]>>id&1 == 0 {
				id++
			}
			if u.Accept(id) != nil || u.ended {
				return
			}
		}
	})
}
