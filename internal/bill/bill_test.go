package bill

import (
	"encoding/json"
	"runtime/debug"
	"strings"
	"testing"
)

// TestBill names every module that a program was made of, with what it can be checked by.
func TestBill(t *testing.T) {
	info := &debug.BuildInfo{
		GoVersion: "go1.26.8",
		Main:      debug.Module{Path: "github.com/blitz-r1/blitz", Version: "(devel)"},
		Deps: []*debug.Module{
			{Path: "example.com/a", Version: "v1.2.3", Sum: "h1:aaa="},
			{Path: "example.com/b", Version: "v0.1.0", Replace: &debug.Module{Path: "example.com/c", Version: "v2.0.0+incompatible", Sum: "h1:ccc="}},
		},
		Settings: []debug.BuildSetting{{Key: "-trimpath", Value: "true"}, {Key: "vcs.time", Value: "2026"}, {Key: "CGO_CFLAGS", Value: "-O2"}, {Key: "CGO_ENABLED", Value: "0"}},
	}
	text, err := json.Marshal(Of(info))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"bomFormat":"CycloneDX"`, `"specVersion":"1.6"`, `"purl":"pkg:golang/std@1.26.8"`, `"purl":"pkg:golang/example.com/a@v1.2.3"`, `"value":"h1:aaa="`,
		`"purl":"pkg:golang/example.com/c@v2.0.0%2Bincompatible"`, `"name":"go:build:-trimpath"`, `"name":"go:build:CGO_ENABLED"`,
		`"ref":"pkg:golang/github.com/blitz-r1/blitz@devel"`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	for _, not := range []string{"example.com/b", "vcs.time", "CGO_CFLAGS"} {
		if strings.Contains(string(text), not) {
			t.Errorf("%s in %s", not, text)
		}
	}
	again, err := json.Marshal(Of(info))
	if err != nil || string(again) != string(text) {
		t.Errorf("another bill of the same program: %s, %v", again, err)
	}
}
