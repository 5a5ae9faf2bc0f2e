package message

import (
	"strings"
	"testing"
)

func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "",
		"blk.0.attn_q.weight":            "blk.0.attn_q.weight",
		"a\nb":                           `"a\nb"`,
		"\x1b[31m":                       `"\x1b[31m"`,
		"\xff":                           `"\xff"`,
		strings.Repeat("é", Shown):       strings.Repeat("é", Shown/2) + "…",
		strings.Repeat("x", Shown):       strings.Repeat("x", Shown),
		"x" + strings.Repeat("é", Shown): "x" + strings.Repeat("é", Shown/2-1) + "…",
	} {
		if got := Clean(text); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
	if got := Quote(strings.Repeat("x", Shown+1)); got != `"`+strings.Repeat("x", Shown)+`"…` {
		t.Errorf("a long text: %s", got)
	}
}
