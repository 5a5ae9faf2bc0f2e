package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/clipperhouse/displaywidth"
)

// rows draws what a wrapper wrote as a terminal does, and returns its rows, without the
// blanks at their ends.
func rows(t *testing.T, written string) []string {
	t.Helper()
	all, row := []string{}, []string{}
	for written != "" {
		if rest, ok := strings.CutPrefix(written, "\x1b["); ok {
			var n int
			if rest, ok = strings.CutPrefix(rest, "K"); ok {
				written = rest
				continue
			}
			if _, err := fmt.Sscanf(rest, "%dD", &n); err != nil {
				t.Fatalf("unknown sequence at %q", written)
			}
			for ; n > 0; n-- {
				row = row[:len(row)-1]
			}
			written = rest[strings.IndexByte(rest, 'D')+1:]
			continue
		}
		g := displaywidth.StringGraphemes(written)
		g.Next()
		c := g.Value()
		if written = written[len(c):]; c == "\n" {
			all, row = append(all, strings.TrimRight(strings.Join(row, ""), " ")), nil
			continue
		}
		row = append(row, c)
		for range g.Width() - 1 {
			row = append(row, "")
		}
	}
	return append(all, strings.TrimRight(strings.Join(row, ""), " "))
}

func TestWrap(t *testing.T) {
	for text, want := range map[string][]string{
		"":                              {""},
		"short":                         {"short"},
		"exactly it":                    {"exactly it"},
		"one two three four":            {"one two", "three four"},
		"one two three":                 {"one two", "three"},
		"a\nb c\n":                      {"a", "b c", ""},
		"unbreakable-word":              {"unbreakabl", "e-word"},
		"so unbreakable-word":           {"so", "unbreakabl", "e-word"},
		"ten cells, and a blank":        {"ten cells,", "and a", "blank"},
		"中文没有空格也换行":                     {"中文没有空", "格也换行"},
		"ab 中文没有空":                      {"ab 中文没", "有空"},
		"  indented words":              {"  indented", "words"},
		"e\u0301e\u0301e\u0301 abcdefg": {"e\u0301e\u0301e\u0301", "abcdefg"},
		"a\tb c":                        {"a\tb", "c"},
	} {
		for cut := range 40 {
			var out strings.Builder
			w := wrapper{w: bufio.NewWriter(&out), width: func() int { return 11 }}
			rng := rand.New(rand.NewPCG(uint64(cut), 1))
			runes := []rune(text)
			for len(runes) > 0 {
				n := 1 + rng.IntN(len(runes))
				for n < len(runes) && runes[n] == '\u0301' {
					n++ // a token that ends inside a character is not shown before the next
				}
				w.write(string(runes[:n]))
				runes = runes[n:]
			}
			w.w.Flush()
			got := rows(t, out.String())
			if !slices.Equal(got, want) {
				t.Fatalf("%q: %q, want %q", text, got, want)
			}
		}
	}
}

// Where there is no terminal nothing is changed.
func TestNoWrap(t *testing.T) {
	var out strings.Builder
	w := wrapper{w: bufio.NewWriter(&out)}
	text := strings.Repeat("a long line without an end ", 20)
	w.write(text)
	w.w.Flush()
	if out.String() != text {
		t.Errorf("got %q", out.String())
	}
}
