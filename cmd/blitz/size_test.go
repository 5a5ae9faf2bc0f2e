package main

import "testing"

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "500": 500, "1k": 1024, "2 KiB": 2048, "3MB": 3e6, "1.5GiB": 3 << 29, "8g": 8 << 30, "7b": 7,
	} {
		var s size
		if err := s.Set(text); err != nil || s.v != want {
			t.Errorf("%q: %d, %v; want %d", text, s.v, err, want)
		}
	}
	for _, text := range []string{"", "x", "-1", "1e30", "NaN", "Inf", "8 apples", "KB"} {
		var s size
		if err := s.Set(text); err == nil {
			t.Errorf("%q: %d, want an error", text, s.v)
		}
	}
}
