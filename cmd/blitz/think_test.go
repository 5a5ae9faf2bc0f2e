package main

import (
	"testing"

	"github.com/blitz-r1/blitz"
)

func TestThinkFlag(t *testing.T) {
	for text, want := range map[string]blitz.Think{
		"on": {Mode: blitz.ThinkOn}, "TRUE": {Mode: blitz.ThinkOn},
		"off": {Mode: blitz.ThinkOff}, "false": {Mode: blitz.ThinkOff}, "0": {Mode: blitz.ThinkOff},
		"1": {Mode: blitz.ThinkOn, Budget: 1}, "16777216": {Mode: blitz.ThinkOn, Budget: maxThinkBudget},
	} {
		var f think
		if err := f.Set(text); err != nil || f.v != want {
			t.Errorf("%s: got %+v, %v, want %+v", text, f.v, err, want)
		}
	}
	for _, text := range []string{"", "-1", "16777217", "1.5", "much", "99999999999999999999"} {
		var f think
		if err := f.Set(text); err == nil {
			t.Errorf("%q: got %+v, want an error", text, f.v)
		}
	}
}
