package terminal

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func decode(chunks ...[]byte) []Key {
	var d decoder
	var keys []Key
	for _, c := range chunks {
		d.feed(c, func(k Key) {
			// Runs of characters are cut where the input is.
			if n := len(keys); n > 0 && k.Code == Text && keys[n-1].Code == Text {
				keys[n-1].Text += k.Text
				return
			}
			keys = append(keys, k)
		})
	}
	return keys
}

func TestDecode(t *testing.T) {
	for _, c := range []struct {
		in   string
		want []Key
	}{
		{"hé日", []Key{{Text, "hé日"}}},
		{"a\x01b\x7f", []Key{{Text, "a"}, {Code: Home}, {Text, "b"}, {Code: Backspace}}},
		{"\x03\x04\x1a\x12\t\r\n", []Key{{Code: Interrupt}, {Code: DeleteOrEnd}, {Code: Suspend}, {Code: Search}, {Code: Complete}, {Code: Enter}, {Code: Newline}}},
		{"\x1b[A\x1b[B\x1b[C\x1b[D\x1b[H\x1b[F", []Key{{Code: Up}, {Code: Down}, {Code: Right}, {Code: Left}, {Code: Home}, {Code: End}}},
		{"\x1bOA\x1bOF", []Key{{Code: Up}, {Code: End}}},
		{"\x1b[1~\x1b[3~\x1b[4~\x1b[7~\x1b[8~", []Key{{Code: Home}, {Code: Delete}, {Code: End}, {Code: Home}, {Code: End}}},
		{"\x1b[1;5C\x1b[1;3D\x1b[1;2C\x1b[3;5~", []Key{{Code: WordRight}, {Code: WordLeft}, {Code: Right}, {Code: KillWordRight}}},
		{"\x1bb\x1bf\x1bd\x1b\x7f\x1b\r", []Key{{Code: WordLeft}, {Code: WordRight}, {Code: KillWordRight}, {Code: KillWordLeft}, {Code: Newline}}},
		{"\x1b[13;2u\x1b[27;2;13~", []Key{{Code: Newline}, {Code: Newline}}},
		{"\x1b[200~two\r\nlines\x1b[31m\x07\x1b[201~x", []Key{{Paste, "two\nlines[31m"}, {Text, "x"}}},
		{"\x1b[200~\x03\r\x1b[201~", []Key{{Paste, "\n"}}},
		{"\x1b[[Ax", []Key{{Text, "x"}}},                  // a function key of the console
		{"\x1b[15~\x1b[99;5uz", []Key{{Text, "z"}}},       // keys without a meaning
		{"\x1b[1;\x03", []Key{{Code: Interrupt}}},         // a sequence broken off
		{"\x1b\x1b[A", []Key{{Code: Escape}, {Code: Up}}}, //
		{"\x1b\x03", []Key{{Code: Escape}, {Code: Interrupt}}},
		{"\xff\xfea", []Key{{Text, "a"}}},
		{"\u0085a\u009b", []Key{{Text, "a"}}}, // controls beyond ASCII
		{"\x1b[" + strings.Repeat("1", 200) + "A", []Key{{Text, strings.Repeat("1", 200-maxSequence+1) + "A"}}},
	} {
		if got := decode([]byte(c.in)); !slices.Equal(got, c.want) {
			t.Errorf("decode(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func TestDecodeWaits(t *testing.T) {
	for _, in := range []string{"\x1b", "\x1b[", "\x1b[1;", "\x1bO", "\xe6\x97", "\x1b[200~abc\x1b[20"} {
		if got := decode([]byte(in)); len(got) > 0 {
			t.Errorf("decode(%q) gives %q before the input is whole", in, got)
		}
	}
}

func TestDecodePasteLimit(t *testing.T) {
	long := bytes.Repeat([]byte("x"), maxPaste+1000)
	got := decode([]byte("\x1b[200~"), long, []byte("\x1b[201~"))
	if len(got) != 1 || got[0].Code != Paste || len(got[0].Text) != maxPaste {
		t.Fatalf("a paste of %d bytes gave %d keys, want one of %d bytes", len(long), len(got), maxPaste)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"a\x1b[A", "\x1b[200~x\x1b[201~\r", "\x1b\x1b[1;5D日本", "\x1b[[A\xff"} {
		f.Add([]byte(s), uint64(1))
	}
	f.Fuzz(func(t *testing.T, in []byte, seed uint64) {
		want := decode(in)
		rng := rand.New(rand.NewPCG(seed, 0))
		var chunks [][]byte
		for rest := in; len(rest) > 0; {
			n := 1 + rng.IntN(len(rest))
			chunks, rest = append(chunks, rest[:n]), rest[n:]
		}
		if got := decode(chunks...); !slices.Equal(got, want) {
			t.Fatalf("%q in %d pieces\n got %q\nwant %q", in, len(chunks), got, want)
		}
	})
}
