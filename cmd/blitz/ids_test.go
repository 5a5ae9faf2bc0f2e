package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

func TestParseIDs(t *testing.T) {
	for text, want := range map[string][]int32{
		"[]":                                  {},
		" [ ] ":                               {},
		"[5]":                                 {5},
		"[0,1, 2\t,\r\n3 ]":                   {0, 1, 2, 3},
		"[-1]":                                {-1},
		"[2147483647, -2147483648]":           {2147483647, -2147483648},
		"[-0]":                                {0},
		"[1" + strings.Repeat(",1", 99) + "]": slices.Repeat([]int32{1}, 100),
	} {
		if got, err := parseIDs(nil, []byte(text)); !slices.Equal(got, want) || err != nil {
			t.Errorf("%q: got %v, %v; want %v", text, got, err, want)
		}
	}
	if got, err := parseIDs([]int32{7}, []byte("[8]")); !slices.Equal(got, []int32{7, 8}) || err != nil {
		t.Errorf("behind 7: got %v, %v; want [7 8]", got, err)
	}
	for text, want := range map[string]string{
		"":                                    "the list breaks off, want a list of token ids",
		"5":                                   `byte 0 is '5', want a list of token ids`,
		`"a"`:                                 `byte 0 is '"', want a list of token ids`,
		"[":                                   "the list breaks off, want a token id",
		"[1":                                  "the list breaks off, want a comma or the end of the list",
		"[1, 2\n":                             "the list breaks off, want a comma or the end of the list",
		"[1 2]":                               "byte 3 is '2', want a comma or the end of the list",
		"[1,]":                                "byte 3 is ']', want a token id",
		"[1.5]":                               "byte 2 is '.', want a token id, a whole number",
		"[1e3]":                               "byte 2 is 'e', want a token id, a whole number",
		"[01]":                                `byte 1: "01" is no JSON number`,
		"[- 1]":                               "byte 2 is ' ', want a token id",
		"[null]":                              "byte 1 is 'n', want a token id",
		"[é]":                                 "byte 1 is 'é', want a token id",
		"[[1]]":                               "byte 1 is '[', want a token id",
		"[1] 2":                               "byte 4 is '2', want nothing behind the list",
		"[1]\x00":                             `byte 3 is '\x00', want nothing behind the list`,
		"[2147483648]":                        "2147483648 is no token id",
		"[-2147483649]":                       "-2147483649 is no token id",
		"[" + strings.Repeat("9", 1000) + "]": strings.Repeat("9", 60) + "… is no token id",
	} {
		if got, err := parseIDs(nil, []byte(text)); err == nil || err.Error() != want {
			t.Errorf("%q: got %v, %v; want %s", text, got, err, want)
		}
	}
}

func TestParseIDText(t *testing.T) {
	for text, want := range map[string][]int32{
		"": {}, " 1 2\n3": {1, 2, 3}, "[1, 2]\n[3]": {1, 2, 3}, "-1": {-1},
	} {
		if got, err := parseIDText(text); !slices.Equal(got, want) || err != nil {
			t.Errorf("%q: got %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"a", "1.5", "1 2 x", "2147483648", strings.Repeat("é", 100)} {
		if got, err := parseIDText(text); exitCode(err) != exitUsage || !strings.Contains(err.Error(), "is no token id") {
			t.Errorf("%q: got %v, %v; want a usage error", text, got, err)
		}
	}
}

// FuzzParseIDs accepts what encoding/json reads as a list of int32, nulls aside, and
// nothing else.
func FuzzParseIDs(f *testing.F) {
	for _, s := range []string{"[]", "[1, -2]", "[1.0]", "[null]", "[01]", "[2147483648]", "[1]]", " [ 0\n]\t", "[-]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseIDs(nil, []byte(text))
		var want []int32
		var each []json.RawMessage
		wantErr := json.Unmarshal([]byte(text), &want)
		_ = json.Unmarshal([]byte(text), &each)
		list := strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "[")
		null := slices.ContainsFunc(each, func(m json.RawMessage) bool { return string(m) == "null" })
		if ok := wantErr == nil && list && !null; ok != (err == nil) {
			t.Fatalf("%q: got %v, %v; encoding/json gives %v, %v", text, got, err, want, wantErr)
		}
		if err == nil && !slices.Equal(got, want) {
			t.Fatalf("%q: got %v, want %v", text, got, want)
		}
	})
}
