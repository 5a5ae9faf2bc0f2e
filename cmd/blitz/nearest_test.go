package main

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
		if got := nearest(asked, names); !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", asked, got, want)
		}
	}
	if got := nearestText("token_emb.weight", names); got != "; nearest: token_embd.weight" {
		t.Errorf("got %q", got)
	}
}
