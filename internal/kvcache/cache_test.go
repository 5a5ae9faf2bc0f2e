package kvcache

import (
	"errors"
	"math"
	"strings"
	"testing"
)

func TestNewRefuses(t *testing.T) {
	for _, c := range []struct {
		name   string
		layers []Layer
		limit  int
		want   string
		room   bool // the error wraps ErrNoRoom
	}{
		{"no layers", nil, 1 << 20, "no layers", false},
		{"no bytes", []Layer{{Bytes: 64}, {Bytes: 0}}, 1 << 20, "layer 1: page of 0 bytes", false},
		{"odd bytes", []Layer{{Bytes: 65}}, 1 << 20, "layer 0: page of 65 bytes, want a positive multiple of 64", false},
		{"negative bytes", []Layer{{Bytes: -64}}, 1 << 20, "layer 0: page of -64 bytes", false},
		{"negative window", []Layer{{Bytes: 64, Window: -1}}, 1 << 20, "layer 0: window -1", false},
		{"limit", []Layer{{Bytes: 128}, {Bytes: 64, Window: 5}}, 191, "limit 191 bytes, want at least 192", true},
		{"no limit", []Layer{{Bytes: 64}}, -1, "limit -1 bytes, want at least 64", true},
		{"overflow", []Layer{{Bytes: math.MaxInt &^ 63}, {Bytes: 64}}, math.MaxInt, "more than there can be", true},
	} {
		_, err := New(c.layers, c.limit)
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, ErrNoRoom) != c.room {
			t.Errorf("%s: got error %v, want %q, no room: %v", c.name, err, c.want, c.room)
		}
	}
	if _, err := New([]Layer{{Bytes: 128}, {Bytes: 64, Window: 5}}, 192); err != nil {
		t.Errorf("a limit of one page of each group: %v", err)
	}
}
