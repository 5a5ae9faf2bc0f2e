package terminal

import (
	"strings"
	"testing"
)

// type_ feeds what a terminal sends to an editor and returns the last action.
func press(e *editor, in string) action {
	var d decoder
	last := none
	d.feed([]byte(in), func(k Key) { last = e.key(k) })
	return last
}

// withCursor shows the text with a bar where the cursor is.
func withCursor(e *editor) string { return e.text[:e.at] + "|" + e.text[e.at:] }

const (
	up, down, right, left = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
	ctrlA, ctrlB, ctrlE   = "\x01", "\x02", "\x05"
)

func TestEditor(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"typing", "héllo 日本", "héllo 日本|"},
		{"insert in the middle", "ac" + left + "b", "ab|c"},
		{"backspace takes a whole character", "e\u0301x" + left + "\x7f", "|x"},
		{"an emoji of several code points is one", "a👩‍👩‍👧b" + left + left + "c", "ac|👩‍👩‍👧b"},
		{"home, end", "abc" + ctrlA + "x" + ctrlE + "y", "xabcy|"},
		{"ends of the line stop", "a" + left + left + left + "b" + right + right + right, "ba|"},
		{"delete", "abc" + ctrlA + "\x1b[3~" + "\x04", "|c"},
		{"words", "one two, three\x1bb\x1bb", "one |two, three"},
		{"words forward", "one two\x01\x1bf", "one| two"},
		{"kill a word and yank it", "one two\x17\x01\x19", "two|one "},
		{"kill a word ahead", "one two\x01\x1bd", "| two"},
		{"kill to the ends", "one two\x1bb\x0b", "one |"},
		{"kill to the beginning", "one two\x1bb\x15", "|two"},
		{"killing nothing keeps what was killed", "ab\x15\x15\x19", "ab|"},
		{"swap", "ab\x14", "ba|"},
		{"swap in the middle", "abc" + left + "\x14", "acb|"},
		{"swap needs two", "a\x14" + ctrlA + "\x14", "|a"},
		{"line break", "a\x1b\rb", "a\nb|"},
		{"line break with Ctrl-J", "a\nb", "a\nb|"},
		{"home and end of a row", "ab\ncd\x01x", "ab\nx|cd"},
		{"up keeps the column", "abcd\nefgh" + left + up + "x", "abcx|d\nefgh"},
		{"up by cells, not bytes", "日本語\nabcdef" + left + left + up + "x", "日本x|語\nabcdef"},
		{"up to a shorter row", "a\nbcd" + up + "x", "ax|\nbcd"},
		{"down", "abc\nd" + up + ctrlA + right + right + down + "x", "abc\ndx|"},
		{"left over a line break", "a\nb" + left + left + "x", "ax|\nb"},
		{"right over a line break", "a\nb" + up + right + "x", "a\nx|b"},
		{"backspace joins rows", "a\nb" + left + "\x7f", "a|b"},
		{"paste", "a\x1b[200~1\r\n2\x1b[201~b", "a1\n2b|"},
		{"previous entry", up, "second\nrow|"},
		{"the first entry stays", strings.Repeat("\x10", 9), "first|"},
		{"back to the line itself", "new\x10\x10\x0e\x0e\x0e", "new|"},
		{"up within an entry before further back", up + up + up, "first|"},
		{"search", "\x12fir", "|first"},
		{"search goes on back", "\x12s\x12", "fir|st"},
		{"search ends with a move", "\x12fir" + ctrlE + "!", "first!|"},
		{"search is left", "draft\x12fir\x07", "draft|"},
		{"search finds nothing", "draft\x12xyz" + right, "draft|"},
		{"search shortened", "\x12firx\x7f", "|first"},
		{"search emptied", "a\x12f\x7f", "a|"},
		{"back in history from what was found", "\x12row\x10", "first|"},
		{"complete", "/he\t", "/help|"},
		{"complete what is common", "/s\t", "/s|"},
		{"complete before the cursor", "/he x" + left + left + "\t", "/help| x"},
		{"nothing to complete", "x\t", "x|"},
	} {
		e := newEditor(Prompt{
			History: &History{entries: []string{"first", "second\nrow"}},
			Complete: func(text string) []string {
				var all []string
				for _, s := range []string{"/help", "/save", "/set"} {
					if strings.HasPrefix(s, text) {
						all = append(all, s)
					}
				}
				return all
			},
		})
		if a := press(e, c.in); a != none {
			t.Errorf("%s: action %d", c.name, a)
		}
		if got := withCursor(e); got != c.want {
			t.Errorf("%s: %q gives %q, want %q", c.name, c.in, got, c.want)
		}
	}
}

func TestEditorActions(t *testing.T) {
	unfinished := func(text string) bool { return strings.Count(text, `"""`)%2 == 1 }
	for _, c := range []struct {
		in   string
		want action
		text string
	}{
		{"abc\r", submit, "abc"},
		{"abc" + left + "\r", submit, "abc"},
		{"\r", submit, ""},
		{"abc\x03", interrupt, "abc"},
		{"\x04", endOfFile, ""},
		{"a\x04", none, "a"},
		{"a\x0c", clearScreen, "a"},
		{"a\x1a", suspend, "a"},
		{"\"\"\"a\r", none, "\"\"\"a\n"},
		{"\"\"\"a\rb\"\"\"\r", submit, "\"\"\"a\nb\"\"\""},
		{"\x12\x03", none, ""}, // leaves the search only
		{"\x12fir\r", submit, "first"},
	} {
		e := newEditor(Prompt{Unfinished: unfinished, History: &History{entries: []string{"first"}}})
		if got := press(e, c.in); got != c.want || e.text != c.text {
			t.Errorf("%q gives action %d and %q, want %d and %q", c.in, got, e.text, c.want, c.text)
		}
	}
}

func TestEditorWithoutHistory(t *testing.T) {
	e := newEditor(Prompt{})
	press(e, up+down+"\x10\x0e\x12a\x12\r")
	if e.text != "" {
		t.Fatalf("text is %q, want none", e.text)
	}
}

// FuzzEditor holds that no keys break the line: its cursor stays between
// characters of valid text.
func FuzzEditor(f *testing.F) {
	f.Add("ab\x1b[D\x7f\x14\x12x\x10\x1b[200~\xff\x1b[201~")
	f.Fuzz(func(t *testing.T, in string) {
		e := newEditor(Prompt{First: "> ", More: ". ", History: &History{entries: []string{"first", "日本\ne\u0301"}}})
		press(e, in)
		if e.at < 0 || e.at > len(e.text) {
			t.Fatalf("%q: cursor at %d of %d", in, e.at, len(e.text))
		}
		if s := e.text; strings.ToValidUTF8(s, "") != s || strings.ToValidUTF8(s[:e.at], "") != s[:e.at] {
			t.Fatalf("%q: broken text %q", in, withCursor(e))
		}
		checkDrawn(t, e, 7, 4)
	})
}
