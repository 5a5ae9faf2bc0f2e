package grammar

import (
	"slices"
	"testing"
)

// TestClass: ranges are put in order and joined, and what is no character is left out.
func TestClass(t *testing.T) {
	for _, c := range []struct {
		expr Expr
		want []Range
	}{
		{Class(Range{'c', 'e'}, Range{'a', 'b'}, Range{'x', 'w'}), []Range{{'a', 'e'}}},
		{Class(Range{-5, 'a'}, Range{0x10FFFE, 0x7FFFFFFF}), []Range{{0, 'a'}, {0x10FFFE, 0x10FFFF}}},
		{Class(Range{0xD000, 0xE001}), []Range{{0xD000, 0xD7FF}, {0xE000, 0xE001}}},
		{NotClass(Range{1, 0x10FFFF}), []Range{{0, 0}}},
		{Any(), []Range{{0, 0xD7FF}, {0xE000, 0x10FFFF}}},
	} {
		if got := c.expr.n.ranges; !slices.Equal(got, c.want) {
			t.Errorf("got %x, want %x", got, c.want)
		}
	}
}

// TestSimple: what needs no expression of its own has none.
func TestSimple(t *testing.T) {
	a := Literal("a")
	for name, same := range map[string]bool{
		"nothing": Seq().n == nil, "an empty literal": Literal("").n == nil, "one of one": Or(a) == a, "one in a row": Seq(Expr{}, a) == a,
		"once": Repeat(a, 1, 1) == a, "never": Repeat(a, 0, 0).n == nil, "literals in a row": Seq(Seq(a, a), a).n.text == "aaa", "flat": len(Seq(Seq(a, Any()), a).n.subs) == 3 && len(Or(Or(a, a), a).n.subs) == 3,
		"less than the least": len(Repeat(a, 2, 1).n.subs) == 0,
	} {
		if !same {
			t.Errorf("%s is not as simple as it may be", name)
		}
	}
}
