package spelling

import (
	"slices"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{
		"token_embd.weight", "output_norm.weight", "blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.1.attn_q.weight", "blk.10.attn_q.weight",
		strings.Repeat("x", 500), "",
	}
	for asked, want := range map[string][]string{
		"blk.0.attn_q.weigth":    {"blk.0.attn_q.weight", "blk.0.attn_k.weight", "blk.1.attn_q.weight"},
		"token_embd":             {"token_embd.weight"},
		"Output_Norm.Weight":     {"output_norm.weight"},
		"lm_head.weight.scale":   nil,
		"blk.10.attn_q.weight":   {"blk.10.attn_q.weight", "blk.0.attn_q.weight", "blk.1.attn_q.weight"},
		strings.Repeat("y", 600): nil,
		strings.Repeat("x", 400): {strings.Repeat("x", 500)},
	} {
		if got := Nearest(asked, names); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", asked, got, want)
		}
	}
	if got := Text("token_emb.weight", names); got != "; nearest: token_embd.weight" {
		t.Errorf("got %q", got)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"", "abc", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"kitten", "sitting", 3}, {"tiny-god", "tiny-good", 1}, {"ab", "ba", 1}, {"hlep", "help", 1}, {"abc", "xabc", 1}, {"ca", "abc", 3}} {
		if got := Distance(c.a, c.b); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.a, c.b, got, c.want)
		}
		if got := Distance(c.b, c.a); got != c.want {
			t.Errorf("Distance(%q, %q) = %d, want %d", c.b, c.a, got, c.want)
		}
	}
	if got := Distance(strings.Repeat("x", 1<<20), "y"); got != 1<<20 {
		t.Errorf("a long text is %d away", got)
	}
}
