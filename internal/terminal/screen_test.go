package terminal

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestPlace(t *testing.T) {
	for _, c := range []struct {
		text   string
		at     int
		width  int
		rows   []string
		row    int
		column int
	}{
		{"", 0, 10, []string{"> "}, 0, 2},
		{"abc", 1, 10, []string{"> abc"}, 0, 3},
		{"abcdefgh", 8, 10, []string{"> abcdefgh", ""}, 1, 0},
		{"abcdefgh", 7, 10, []string{"> abcdefgh"}, 0, 9},
		{"abcdefghij", 9, 10, []string{"> abcdefgh", "ij"}, 1, 1},
		{"abc日本語", 12, 9, []string{"> abc日本", "語"}, 1, 2},
		{"abc日本語", 9, 9, []string{"> abc日本", "語"}, 1, 0},
		{"abcd日本語", 4, 7, []string{"> abcd", "日本語"}, 1, 0},
		{"a\nb", 2, 10, []string{"> a", ". b"}, 1, 2},
		{"a\nb", 1, 10, []string{"> a", ". b"}, 0, 3},
		{"a\n", 2, 10, []string{"> a", ". "}, 1, 2},
		{"a\tb", 1, 10, []string{"> a    b"}, 0, 3},
		{"a\tb", 2, 10, []string{"> a    b"}, 0, 7},
		{"日", 0, 2, []string{"> ", "日"}, 1, 0},
		{"ab\ncd", 2, 4, []string{"> ab", "", ". cd"}, 1, 0},
	} {
		l := place("> ", ". ", c.text, c.at, c.width)
		var rows []string
		for _, r := range l.rows {
			rows = append(rows, r.text)
		}
		if !slices.Equal(rows, c.rows) || l.row != c.row || l.column != c.column {
			t.Errorf("%q at %d, width %d: rows %q, cursor %d,%d; want %q, %d,%d", c.text, c.at, c.width, rows, l.row, l.column, c.rows, c.row, c.column)
		}
	}
}

// checkDrawn draws the editor's line on a fresh screen and compares.
func checkDrawn(t *testing.T, e *editor, w, h int) {
	t.Helper()
	emu := newEmulator(t, w, h)
	var s screen
	fmt.Fprint(emu, s.draw(e.show(w), w, h))
	checkScreen(t, emu, e.show(w), &s, 0)
}

// checkScreen compares the emulator's screen with a layout drawn from a row on.
func checkScreen(t *testing.T, emu *emulator, l layout, s *screen, from int) {
	t.Helper()
	var want []string
	for _, r := range l.rows[s.top:min(len(l.rows), s.top+emu.h)] {
		want = append(want, strings.TrimRight(r.text, " "))
	}
	for len(want) > 0 && want[len(want)-1] == "" {
		want = want[:len(want)-1]
	}
	got := emu.screen()
	got = got[min(from, len(got)):]
	if !slices.Equal(got, want) {
		t.Fatalf("screen %d×%d shows\n%q, want\n%q", emu.w, emu.h, got, want)
	}
	if emu.row != from+l.row-s.top || emu.column != l.column {
		t.Fatalf("cursor at %d,%d, want %d,%d in %q", emu.row, emu.column, from+l.row-s.top, l.column, got)
	}
}

// TestDraw types random keys on screens of random sizes, and after each the screen
// shows exactly the line, with the cursor in its place.
func TestDraw(t *testing.T) {
	keys := []string{
		"a", "b ", "日", "本語", "e\u0301", "👩‍👩‍👧", "\t", left, left, right, up, down, ctrlA, ctrlE, "\x7f", "\x7f", "\x04", "\x17", "\x15", "\x0b",
		"\x19", "\n", "\x1b[200~one\rtwo three\x1b[201~", "\x12", "x", "\x10", "\x0e", strings.Repeat("w", 9),
	}
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w, h := 2+rng.IntN(20), 1+rng.IntN(8)
		emu := newEmulator(t, w, h)
		e := newEditor(Prompt{First: ">> ", More: ". ", History: &History{entries: []string{"old one", "x y\nz"}}})
		if w < 4 {
			e.First, e.More = "", ""
		}
		from := rng.IntN(h)
		fmt.Fprint(emu, strings.Repeat("\r\n", from))
		var s screen
		for range 60 {
			k := keys[rng.IntN(len(keys))]
			press(e, k)
			before := emu.scrolls
			fmt.Fprint(emu, s.draw(e.show(w), w, h))
			from = max(0, from-(emu.scrolls-before))
			checkScreen(t, emu, e.show(w), &s, from)
		}
	}
}

func TestDrawAfterResize(t *testing.T) {
	text := strings.Repeat("abcdefghi ", 7)
	l := place("> ", ". ", text, len(text), 40)
	var s screen
	s.draw(l, 40, 24)
	if got := s.above(40); got != 1 {
		t.Errorf("72 cells on 40 columns: %d rows above the cursor, want 1", got)
	}
	if got := s.above(20); got != 3 {
		t.Errorf("72 cells on 20 columns: %d rows above the cursor, want 3", got)
	}
	if got := s.above(100); got != 0 {
		t.Errorf("72 cells on 100 columns: %d rows above the cursor, want 0", got)
	}
}
